"""Conditions with their sides: what a condition looks at, what it wants of it, and by how much it is missed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from herdsight.kql import plan
from herdsight.kql.rewrites.fold import fold
from herdsight.kql.rewrites.walk import conjuncts, references
from herdsight.kql.show import value_text
from herdsight.output import timespan
from herdsight.output.parts import value_words
from herdsight.output.words import length_words
from herdsight.tables import ColumnType

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_LONGEST = 200  # characters of a value
_ORDERED = (
    ColumnType.INT,
    ColumnType.LONG,
    ColumnType.REAL,
    ColumnType.DECIMAL,
    ColumnType.DATETIME,
    ColumnType.TIMESPAN,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: `value` is what it looks at, None where it looks at several things.

    `limits` are what the value is measured by: one of a comparison, two of a range, none of all else. `wanted` says in
    words what is asked for.
    """

    whole: plan.Scalar
    text: str
    value: plan.Scalar | None
    operator: str
    limits: tuple[plan.Scalar, ...]
    wanted: str

    @property
    def seen(self) -> tuple[plan.Scalar, ...]:
        """What is shown of a row: the value, or where there is none the columns that are read."""
        return (self.value,) if self.value is not None else tuple(dict.fromkeys(references(self.whole)))[:4]


def conditions_of(value: plan.Scalar, now: int) -> tuple[Condition, ...]:
    """The conditions that must all hold, with now() pinned."""
    return tuple(_condition(fold(part, now)) for part in conjuncts(value))


def _condition(whole: plan.Scalar) -> Condition:
    text = value_text(whole)
    match whole:
        case plan.Apply(function=function, arguments=(left, right)) if function.name in _FLIPPED:
            operator = function.name
            if _is_constant(left) and not _is_constant(right):
                left, right, operator = right, left, _FLIPPED[operator]
            return Condition(whole, text, left, operator, (right,), f"{operator} {value_text(right)}")
        case plan.Apply(function=function, arguments=(value, low, high)) if function.name == "between":
            wanted = f"{value_text(low)} .. {value_text(high)}"
            return Condition(whole, text, value, "between", (low, high), wanted)
        case plan.Apply(function=function, arguments=(inner,)) if function.name == "not":
            of_inner = _condition(inner)
            return Condition(whole, text, of_inner.value, "not", (), f"not {of_inner.wanted}")
        case plan.Apply(arguments=(value, *_)) if any(True for _ in references(value)):
            shown = value_text(value)
            wanted = text.removeprefix(shown).strip() if text.startswith(shown) else text
            return Condition(whole, text, value, "", (), wanted)
        case plan.InQuery(value=value):
            return Condition(whole, text, value, "", (), "one of a query's values")
        case _:
            return Condition(whole, text, None, "", (), text)


def _is_constant(value: plan.Scalar) -> bool:
    return not any(True for _ in references(value))


@dataclass(frozen=True, slots=True)
class Distance:
    """By how much a value misses: the difference in the value's unit (seconds for times), and the factor."""

    words: str
    difference: float | None = None
    factor: float | None = None

    @property
    def rank(self) -> float:
        """How far it is, to compare with others: the factor, or where there is none more than any common one."""
        return self.factor if self.factor is not None else _UNKNOWN


_UNKNOWN = 1e6


def distance(condition: Condition, value: object, limits: Sequence[object], *, whole_words: str) -> Distance:
    """How far a value that does not meet a condition is from meeting it."""
    limit = _nearest(value, limits)
    if limit is None or not _measured(condition):
        return Distance(f"is {whole_words}, wanted {condition.wanted}")
    away = _difference(limit, value)
    if away is None or not math.isfinite(_number(away)):
        return Distance(f"is {whole_words}, wanted {condition.wanted}")
    amount, number = _amount(away)
    factor = _factor(limit, value)
    times = f" (by a factor of {factor:.3g})" if factor is not None and factor > 1 else ""
    side = "short by" if number > 0 else "over by" if number < 0 else "on the limit"
    return Distance(f"{side} {amount}{times}".strip() if number else side, abs(number), factor)


def _measured(condition: Condition) -> bool:
    kinds = [each.type for each in (*condition.limits, condition.value) if each is not None]
    return condition.operator not in ("!=", "not") and all(kind in _ORDERED for kind in kinds)


def _nearest(value: object, limits: Sequence[object]) -> object:
    if not limits or value is None or any(each is None for each in limits):
        return None
    if len(limits) == 1:
        return limits[0]
    low, high = limits
    return low if _number(_difference(low, value)) > 0 else high


def _difference(limit: object, value: object) -> object:
    try:
        return limit - value  # type: ignore[operator]  # what KQL compares is of one kind
    except TypeError:
        try:
            return float(limit) - float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return None


def _number(away: object) -> float:
    if isinstance(away, timedelta):
        return away.total_seconds()
    return float(away) if isinstance(away, int | float | Decimal) else 0.0


def _amount(away: object) -> tuple[str, float]:
    number = _number(away)
    if isinstance(away, timedelta):
        return length_words(abs(away)), number
    return words(abs(away) if isinstance(away, int | float | Decimal) else away), number


def _factor(limit: object, value: object) -> float | None:
    """The greater by the lesser, of two positive amounts; times have none."""
    if isinstance(limit, datetime) or isinstance(value, datetime):
        return None
    one, other = _number(limit), _number(value)
    return max(one, other) / min(one, other) if one > 0 and other > 0 else None


def words(value: object) -> str:
    """A value as one reads it in a condition."""
    match value:
        case None:
            return "null"
        case str():
            text = f'"{value}"'
        case bool():
            text = str(value).lower()
        case float():
            text = f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"  # noqa: PLR2004 from there on no fraction is of interest
        case timedelta():
            text = length_words(value) if value >= timedelta(0) else timespan(value)
        case _:
            text = value_words(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
