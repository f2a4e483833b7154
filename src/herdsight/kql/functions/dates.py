"""What functions of time make of constants, ahead of time, on microseconds since 1970.

The bounds of a range or of a series must be constants, and people write them as `startofday(ago(7d))`.
"""

import math
from calendar import monthrange
from collections.abc import Callable
from datetime import datetime, time
from functools import wraps
from typing import ParamSpec

from herdsight.kql.literals import datetime_micros, micros, moment
from herdsight.prelude.times import DAY, SECOND

FIRST = datetime(1, 1, 1)  # noqa: DTZ001 a naive datetime is UTC throughout the language, as in KQL
MONTHS = {"year": 12, "quarter": 3, "month": 1}
UNITS = {
    "week": 7 * DAY,
    "day": DAY,
    "hour": 3600 * SECOND,
    "minute": 60 * SECOND,
    "second": SECOND,
    "millisecond": 1000,
    "microsecond": 1,
}

_Parameters = ParamSpec("_Parameters")


def _or_null(compute: Callable[_Parameters, int]) -> Callable[_Parameters, int | None]:
    """The function with null for what does not exist: a 13th month, a year behind 9999, a text that is no time."""

    @wraps(compute)
    def computed(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> int | None:
        try:
            return compute(*args, **kwargs)
        except (ValueError, ArithmeticError):
            return None

    return computed


@_or_null
def whole(number: float) -> int:
    """The number as a count of microseconds."""
    return round(number)


def quotient(whole: int, part: int) -> int:
    """A whole division, without what is behind the point.

    Raises:
        ZeroDivisionError: by zero.
    """
    result = abs(whole) // abs(part)
    return result if (whole < 0) == (part < 0) else -result


divided = _or_null(quotient)


def ratio(whole: float, part: float) -> float:
    """A division of reals: by zero it is infinite, and of zero by zero no number."""
    if part:
        return whole / part
    return math.copysign(math.inf, whole) if whole else math.nan


def bin_of(value: int, size: int) -> int | None:
    """The bin of that size which the value lies in."""
    return value - value % size if size > 0 else None


def bin_of_time(value: int, size: int) -> int | None:
    """The bin of that size, counted from 0001-01-01."""
    origin = micros(FIRST)
    return origin + (value - origin) // size * size if size > 0 else None


@_or_null
def added(part: str, count: int, value: int) -> int:
    """The time so many parts later."""
    part = part.lower()
    if part in MONTHS:
        return micros(_months_on(moment(value), count * MONTHS[part]))
    return value + (quotient(count, 1000) if part == "nanosecond" else count * UNITS[part])


def start_of(part: str) -> Callable[..., int | None]:
    """Where the day, week, month or year of a time begins, or of the one so many on."""

    @_or_null
    def computed(value: int, offset: int = 0) -> int:
        return micros(_start(part, moment(value), offset))

    return computed


def end_of(part: str) -> Callable[..., int | None]:
    """The last microsecond of the day, week, month or year of a time, or of the one so many on."""

    @_or_null
    def computed(value: int, offset: int = 0) -> int:
        start = _start(part, moment(value), offset)
        if part in UNITS:
            return micros(start) + UNITS[part] - 1
        month = start.month + MONTHS[part] - 1
        last = start.replace(month=month, day=monthrange(start.year, month)[1])
        return micros(datetime.combine(last, time.max))

    return computed


def _start(part: str, value: datetime, offset: int) -> datetime:
    day = datetime.combine(value, time.min)
    match part:
        case "week":  # begins on Sunday
            return moment(micros(day) - day.isoweekday() % 7 * DAY + offset * UNITS["week"])
        case "month" | "year":
            first = day.replace(day=1, month=day.month if part == "month" else 1)
            return _months_on(first, offset * MONTHS[part])
        case _:
            return moment(micros(day) + offset * DAY)


def _months_on(value: datetime, count: int) -> datetime:
    """The same day so many months on; of a day that the month lacks, its last day."""
    year, month = divmod(value.year * 12 + value.month - 1 + count, 12)
    first = value.replace(year=year, month=month + 1, day=1)
    return first.replace(day=min(value.day, monthrange(year, month + 1)[1]))


@_or_null
def made(  # noqa: PLR0913,PLR0917 a datetime has as many parts
    year: float, month: float, day: float, hour: float = 0, minute: float = 0, second: float = 0
) -> int:
    """The time of these parts."""
    start = datetime(int(year), int(month), int(day), int(hour), int(minute))  # noqa: DTZ001 UTC, see above
    return micros(start) + _seconds(second)


@_or_null
def made_span(*parts: float) -> int:
    """The timespan of (hours, minutes), (hours, minutes, seconds) or (days, hours, minutes, seconds)."""
    with_day = parts if len(parts) == 4 else (0, *parts)  # noqa: PLR2004 days, hours, minutes, seconds
    day, hour, minute, second = (*with_day, 0)[:4]
    if not 0 <= hour <= 23 or not 0 <= minute <= 59:  # noqa: PLR2004 as many as a clock has
        raise ValueError(parts)
    return ((int(day) * 24 + int(hour)) * 60 + int(minute)) * 60 * SECOND + _seconds(second)


def _seconds(second: float) -> int:
    if not 0 <= second < 60:  # noqa: PLR2004 as many as a minute has
        raise ValueError(second)
    return round(second * 10 * SECOND) // 10  # to a tick of 100 ns first, as no real is exactly 55.123


@_or_null
def read_time(text: str) -> int:
    """The time that a text names."""
    return datetime_micros(text)


def since_1970(unit: float) -> Callable[[float], int | None]:
    """The time that a number counts in units of that many microseconds."""

    @_or_null
    def computed(count: int | float) -> int:  # noqa: PYI041 they are computed differently
        return quotient(count, 1000) if isinstance(count, int) and unit < 1 else round(count * unit)

    return computed
