"""Techniques are ATT&CK's, and their tactics are listed."""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError
from herdsight.guesses import did_you_mean


@cache
def techniques() -> Mapping[str, tuple[str, ...]]:
    """By a technique's id, the tactics that it serves, as Sentinel writes them (ATT&CK v18.1)."""
    text = files("herdsight").joinpath("checks", "attack.csv").read_text(encoding="utf-8")
    return {row["id"]: tuple(row["tactics"].split(" ")) for row in csv.DictReader(text.splitlines())}


def _faults(rule: Checked) -> Iterator[HerdsightError]:
    known, tactics = techniques(), set(rule.file.rule.tactics)
    every = {tactic for found in known.values() for tactic in found}
    for place, tactic in enumerate(rule.file.rule.tactics):
        if tactic not in every:
            hint = did_you_mean(tactic, sorted(every))
            yield rule.wrong(f"there is no tactic {tactic!r} among those known here", "tactics", place, hint=hint)
    for place, technique in enumerate(rule.file.rule.relevantTechniques):
        path = ("relevantTechniques", place)
        if technique not in known:
            hint = did_you_mean(technique, known)
            yield rule.wrong(f"there is no technique {technique} among those known here", *path, hint=hint)
        elif not tactics & set(known[technique]):
            needed = " or ".join(known[technique])
            yield rule.wrong(f"{technique} needs its tactic, {needed}, among the tactics", *path)


CHECKS = (Check("attack", "techniques are ATT&CK's, and the tactics of each are listed", _faults),)
