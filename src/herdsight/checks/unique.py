"""No two rules have the same id or name."""

from collections.abc import Iterator

from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError


def _faults(rule: Checked) -> Iterator[HerdsightError]:
    for other in rule.beside:
        if other.source == rule.file.source:
            continue
        for part in ("id", "name"):
            if getattr(other.rule, part) == getattr(rule.file.rule, part):
                yield rule.wrong(f"{other.source} has the same {part}", part, hint=f"give each rule {part}s of its own")


CHECKS = (Check("unique", "ids and names are each rule's own", _faults),)
