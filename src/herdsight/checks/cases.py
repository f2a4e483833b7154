"""A rule is proved by cases: at least two that it must find, and two that it must not."""

from collections.abc import Iterator

from herdsight import tables
from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError
from herdsight.guesses import did_you_mean

_LEAST = 2


def _there(rule: Checked) -> Iterator[HerdsightError]:
    cases = rule.file.rule.herdsight.cases
    for kind, found in (("hits", cases.hits), ("misses", cases.misses)):
        if len(found) < _LEAST:
            what = f"the rule has {len(found)} {kind}, and needs {_LEAST} or more"
            yield rule.wrong(what, "herdsight", "cases", kind, hint="see CONTRIBUTING on cases")


def _sound(rule: Checked) -> Iterator[HerdsightError]:
    cases = rule.file.rule.herdsight.cases
    for kind, found in (("hits", cases.hits), ("misses", cases.misses)):
        for place, case in enumerate(found):
            path = ("herdsight", "cases", kind, place)
            if (kind == "hits") != bool(case.finds):
                wanted = (
                    "finds nothing: a hit says what is found" if kind == "hits" else "finds something: a miss does not"
                )
                yield rule.wrong(f"the case {case.name!r} {wanted}", *path)
            for number, series in enumerate(case.rows):
                yield from _of_table(rule, series.table, series.values, (*path, "rows", number))
    for name, values in cases.base.items():
        yield from _of_table(rule, name, values, ("herdsight", "cases", "base", name))


def _of_table(rule: Checked, name: str, values: object, path: tuple[str | int, ...]) -> Iterator[HerdsightError]:
    if name not in tables.NAMES:
        there = f"there are {', '.join(tables.NAMES)}"
        yield rule.wrong(f"there is no table {name!r} that logs fill", *path, hint=there)
        return
    known = [column.name for column in tables.table(name).columns]
    for column in values if isinstance(values, dict) else ():
        if column not in known:
            hint = did_you_mean(column, known)
            yield rule.wrong(f"{name} has no column {column!r}", *path, "values", column, hint=hint)


CHECKS = (
    Check("cases", "there are at least two hits and two near misses", _there),
    Check("case-rows", "cases say what they find, in rows of known tables and columns", _sound),
)
