"""Techniques are ATT&CK's, and their tactics are listed."""

from collections.abc import Iterator

from herdsight.attack import techniques
from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError
from herdsight.guesses import did_you_mean


def _faults(rule: Checked) -> Iterator[HerdsightError]:
    known, tactics = techniques(), set(rule.file.rule.tactics)
    every = {tactic for each in known.values() for tactic in each.tactics}
    for place, tactic in enumerate(rule.file.rule.tactics):
        if tactic not in every:
            hint = did_you_mean(tactic, sorted(every))
            yield rule.wrong(f"there is no tactic {tactic!r} among those known here", "tactics", place, hint=hint)
    for place, technique in enumerate(rule.file.rule.relevantTechniques):
        path = ("relevantTechniques", place)
        if technique not in known:
            hint = did_you_mean(technique, known)
            yield rule.wrong(f"there is no technique {technique} among those known here", *path, hint=hint)
        elif not tactics & set(known[technique].tactics):
            needed = " or ".join(known[technique].tactics)
            yield rule.wrong(f"{technique} needs its tactic, {needed}, among the tactics", *path)


CHECKS = (Check("attack", "techniques are ATT&CK's, and the tactics of each are listed", _faults),)
