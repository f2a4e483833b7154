"""The behaviours that can be simulated: every module of this package that declares one."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from herdsight.simulation.parameters import Setting
from herdsight.simulation.simulated import Simulated


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour: its name, a line of meaning, its parameters with their defaults, and what makes it.

    `make` takes a record of the type of `setting` and a generator, and draws from nothing else, so that the same
    generator makes the same rows.
    """

    name: str
    meaning: str
    setting: Setting
    make: Callable[[Any, np.random.Generator], Simulated]


@cache
def all_behaviours() -> Mapping[str, Behaviour]:
    """Every behaviour by its name, in the order of names. A module declares its own as `BEHAVIOURS`."""
    found: list[Behaviour] = []
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        found.extend(getattr(import_module(module.name), "BEHAVIOURS", ()))
    return {each.name: each for each in sorted(found, key=lambda one: one.name)}
