"""All checks over all rules, every fault told at once."""

import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import herdsight.checks
from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError, QueryError, RuleError
from herdsight.kql.plan import Relation
from herdsight.querying import compiled
from herdsight.rules.reading import RuleFile, read_rule


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and which check says so."""

    check: str
    error: HerdsightError


@cache
def checks() -> tuple[Check, ...]:
    """Every check, by the name of its file: a module declares its own as `CHECKS`."""
    found: list[Check] = []
    for module in pkgutil.iter_modules(herdsight.checks.__path__):
        found.extend(getattr(import_module(f"herdsight.checks.{module.name}"), "CHECKS", ()))
    return tuple(found)


def read_all(folder: Path) -> tuple[tuple[RuleFile, ...], tuple[Fault, ...]]:
    """The rules of a folder, or of one file, and what is wrong with those that are none.

    Raises:
        RuleError: there is no rule file.
    """
    paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else [folder]
    if not paths or not folder.exists():
        raise RuleError(f"there is no rule in {folder}", hint="rules are files named *.yaml")
    rules: list[RuleFile] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            rules.append(read_rule(str(path), path.read_text(encoding="utf-8")))
        except RuleError as error:
            faults += [Fault("shape", each) for each in error.problems]
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault("shape", RuleError(f"{path} cannot be read: {error}")))
    return tuple(rules), tuple(faults)


def check(rules: Sequence[RuleFile], folder: Path | None = None) -> Iterator[Fault]:
    """What every check finds in every rule."""
    for file in rules:
        rule = Checked(file, _relation(file), rules, folder)
        for each in checks():
            yield from (Fault(each.name, error) for error in each.faults(rule))


def _relation(file: RuleFile) -> Relation | None:
    try:
        return compiled(file.rule.query)[0].query.relation
    except QueryError:
        return None
