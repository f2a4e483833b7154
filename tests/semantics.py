"""KQL's values in plain Python: nulls in conditions, terms, boundaries of time, bins, joins, and aggregates with gaps.

Nothing here knows SQL or any part of Herdsight; each function is written from the page that its comment names. None is
null. A condition is true, false or None.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import floor
from typing import Any

Row = Mapping[str, Any]
Truth = bool | None

# --- Conditions ("null values", "logical operators", "in operator", "between operator") ------------------------------


def equal(left: Any, right: Any) -> Truth:
    """`==`: two nulls give null; null is equal to no value."""
    if left is None and right is None:
        return None
    return left is not None and right is not None and bool(left == right)


def negated(truth: Truth) -> Truth:
    """`not()`: null of null."""
    return None if truth is None else not truth


def unequal(left: Any, right: Any) -> Truth:
    """`!=`: the opposite of `==`, so that null differs from every value."""
    return negated(equal(left, right))


def both(left: Truth, right: Truth) -> Truth:
    """`and`: false if a side is, whatever the other one is; else null if a side is."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def either(left: Truth, right: Truth) -> Truth:
    """`or`: true if a side is, whatever the other one is; else null if a side is."""
    return negated(both(negated(left), negated(right)))


def less(left: Any, right: Any) -> Truth:
    """`<`: null beside null."""
    return None if left is None or right is None else bool(left < right)


def less_or_equal(left: Any, right: Any) -> Truth:
    """`<=`: null beside null."""
    return None if left is None or right is None else bool(left <= right)


def among(value: Any, members: Iterable[Any]) -> bool:
    """`in`: equal to one of them; a null in the list stands for nothing."""
    return any(equal(value, member) is True for member in members)


def between(value: Any, low: Any, high: Any) -> Truth:
    """`between`: at least the one and at most the other."""
    return both(less_or_equal(low, value), less_or_equal(value, high))


# --- Terms ("string operators") --------------------------------------------------------------------------------------


def _ends_a_term(text: str, at: int) -> bool:
    return not 0 <= at < len(text) or not text[at].isalnum()


def _stands(text: str, term: str, *, starts: bool, ends: bool) -> bool:
    """Whether the term stands in the text where a term starts, or ends, as far as it has a letter or digit there."""
    starts, ends = starts and term[:1].isalnum(), ends and term[-1:].isalnum()
    return any(
        text.startswith(term, at)
        and (not starts or _ends_a_term(text, at - 1))
        and (not ends or _ends_a_term(text, at + len(term)))
        for at in range(len(text) - len(term) + 1)
    )


def has_cs(text: str, term: str) -> bool:
    """`has_cs`: as a whole term; a term is a run of letters and digits."""
    return _stands(text, term, starts=True, ends=True)


def hasprefix_cs(text: str, term: str) -> bool:
    """`hasprefix_cs`: where a term begins."""
    return _stands(text, term, starts=True, ends=False)


def hassuffix_cs(text: str, term: str) -> bool:
    """`hassuffix_cs`: where a term ends."""
    return _stands(text, term, starts=False, ends=True)


def any_case(operator: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    """The operator of that name without `_cs`."""
    return lambda text, term: operator(text.lower(), term.lower())


# --- Time ("datetime_diff()", "bin()", "startofweek()") --------------------------------------------------------------

_YEAR_ONE = datetime(1, 1, 1)  # noqa: DTZ001  # a Monday; times are in UTC and carry no zone
_SUNDAY = timedelta(days=6)  # the first one, seen from there
_MICROSECOND = timedelta(microseconds=1)
_STEADY = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "millisecond": timedelta(milliseconds=1),
    "microsecond": _MICROSECOND,
}
UNITS = ("year", "quarter", "month", "week", *_STEADY, "nanosecond")


def _number(unit: str, at: datetime) -> int:
    """Which unit, counted from the year 1, the instant is in; a week begins on Sunday."""
    match unit:
        case "year":
            return at.year
        case "quarter":
            return at.year * 4 + (at.month - 1) // 3
        case "month":
            return at.year * 12 + at.month
        case "week":
            return (at - _YEAR_ONE - _SUNDAY) // timedelta(weeks=1)
        case "nanosecond":
            return (at - _YEAR_ONE) // _MICROSECOND * 1000
    return (at - _YEAR_ONE) // _STEADY[unit]


def datetime_diff(unit: str, later: datetime | None, earlier: datetime | None) -> int | None:
    """How many boundaries between units lie between the instants; null of null."""
    return None if later is None or earlier is None else _number(unit, later) - _number(unit, earlier)


def bin_number(value: float | None, size: float) -> float | None:
    """The largest multiple of the size that is not above the value."""
    return None if value is None else floor(value / size) * size


def bin_time(at: datetime | None, size: timedelta) -> datetime | None:
    """The start of the bin, the bins being counted from the year 1."""
    return None if at is None else at - (at - _YEAR_ONE) % size


def bin_span(span: timedelta | None, size: timedelta) -> timedelta | None:
    """The largest multiple of the size that is not above the span."""
    return None if span is None else span // size * size


# --- Joins ("join operator", "lookup operator") ----------------------------------------------------------------------


def meets(left: Row, right: Row, keys: Sequence[str]) -> bool:
    """Whether the rows are joined: each key of the one is that of the other, null, too."""
    return all(left[key] == right[key] for key in keys)


def _outer(rows: Iterable[Row], others: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    return [row for row in rows if not any(meets(row, other, keys) for other in others)]


def joined(kind: str, lefts: Sequence[Row], rights: Sequence[Row], keys: Sequence[str]) -> list[tuple[Any, ...]]:
    """The pairs, as pairs of rows of which None stands for one that is missing; semi and anti joins give one side."""
    inner = [(left, right) for left in lefts for right in rights if meets(left, right, keys)]
    alone = [(left, None) for left in _outer(lefts, rights, keys)]
    others = [(None, right) for right in _outer(rights, lefts, keys)]
    match kind:
        case "inner":
            return list(inner)
        case "leftouter":
            return [*inner, *alone]
        case "rightouter":
            return [*inner, *others]
        case "fullouter":
            return [*inner, *alone, *others]
        case "leftanti":
            return alone
        case "rightanti":
            return others
        case "leftsemi":
            return [(left, None) for left in lefts if left not in [row for row, _ in alone]]
        case "rightsemi":
            return [(None, right) for right in rights if right not in [row for _, row in others]]
    raise ValueError(kind)


# --- Aggregates ("aggregation functions", "arg_max()", "make_set()") -------------------------------------------------


def present(values: Iterable[Any]) -> list[Any]:
    """Those that are not null, which is what aggregates see."""
    return [value for value in values if value is not None]


def candidates(rows: Sequence[Row], by: str, choose: Callable[[Iterable[Any]], Any]) -> list[Row]:
    """`arg_max` and `arg_min`: the rows with the extreme value, nulls aside; any row where all are null."""
    values = present(row[by] for row in rows)
    if not values:
        return list(rows)
    extreme = choose(values)
    return [row for row in rows if row[by] == extreme]
