"""Times as people write them: the forms of a datetime and of a timespan that KQL reads, in literals and in text."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from herdsight.prelude.registry import function

MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND

# KQL knows several spellings of each unit; the value is in microseconds.
_UNITS = {
    **dict.fromkeys(("d", "day", "days"), Decimal(DAY)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), Decimal(3600 * SECOND)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), Decimal(60 * SECOND)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Decimal(SECOND)),
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "milliseconds"), Decimal(1000)),
    **dict.fromkeys(("micro", "micros", "microsecond", "microseconds"), Decimal(1)),
    **dict.fromkeys(("tick", "ticks"), Decimal("0.1")),
}
_AMOUNT = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*([a-z]*)")
_CLOCK = re.compile(r"(-)?(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?")

# The forms of a datetime: ISO 8601, the American order, and RFC 822 and RFC 850 with or without the weekday.
_DATES = (
    r"(?P<year>\d{4})(?:[-/.]|, ?)(?P<month>\d{1,2})(?:(?:[-/.]|, ?)(?P<day>\d{1,2}))?",
    r"(?P<month>\d{1,2})[-/](?P<day>\d{1,2})[-/](?P<year>\d{4})",
    r"(?:[A-Za-z]{3,9},\s*)?(?P<day>\d{1,2})[ -](?P<month>[A-Za-z]{3})[ -](?P<year>\d{4}|\d{2})",
)
_TIME = (
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d+))?)?"
    r"(?:\s?(?P<half>[AP]M))?)?"
)
_ZONE = r"\s*(?:Z|GMT|UTC|(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2}))?"
_INSTANTS = tuple(re.compile(date + _TIME + _ZONE) for date in _DATES)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CENTURY = 50  # a year of two digits is the one between 1950 and 2049, as in .NET


def instant(text: str) -> datetime:
    """The time that a text names, in UTC and without a zone; what is finer than a microsecond is cut off.

    Raises:
        ValueError: the text is no time, or names a day or an hour that does not exist.
        OverflowError: the time lies outside the years 1 to 9999.
    """
    matches = (form.fullmatch(text.strip()) for form in _INSTANTS)
    match = next(filter(None, matches), None)
    if match is None:
        raise ValueError(text)
    part = {name: value for name, value in match.groupdict().items() if value is not None}
    local = datetime(  # noqa: DTZ001 the offset is applied below
        _year(part["year"]),
        _month(part["month"]),
        int(part.get("day", 1)),
        _hour(int(part.get("hour", 0)), part.get("half")),
        int(part.get("minute", 0)),
        int(part.get("second", 0)),
        int(part.get("fraction", "").ljust(6, "0")[:6]),
    )
    offset = timedelta(hours=int(part.get("hours", 0)), minutes=int(part.get("minutes", 0)))
    return local + offset if part.get("sign") == "-" else local - offset


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) > 2 else year + (2000 if year < _CENTURY else 1900)  # noqa: PLR2004 two digits


def _month(text: str) -> int:
    return int(text) if text.isdecimal() else _MONTHS.index(text.lower()) + 1


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:  # noqa: PLR2004 of a clock of twelve hours
        raise ValueError(hour)
    return hour % 12 + (12 if half == "PM" else 0)


def span(text: str) -> Decimal:
    """The microseconds of `1d`, `1.5h`, `1.02:03:04.5`, or a bare number of days.

    Raises:
        ValueError: the text is none of these.
    """
    text = text.strip()
    if match := _AMOUNT.fullmatch(text):
        unit = match.group(2) or "d"
        if unit in _UNITS:
            return Decimal(match.group(1)) * _UNITS[unit]
    match = _CLOCK.fullmatch(text)
    if not match:
        raise ValueError(text)
    sign, days, hours, minutes, seconds, fraction = match.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:  # noqa: PLR2004 as many as a clock has
        raise ValueError(text)
    whole = (int(days or 0) * 24 + int(hours)) * 3600 + int(minutes) * 60 + int(seconds or 0)
    micros = whole * SECOND + Decimal(f"0.{fraction or 0}") * SECOND
    return -micros if sign else micros


@function
def kql_read_datetime(text: str) -> datetime | None:
    """The time that a text names; None where it names none."""
    try:
        return instant(text)
    except (ValueError, OverflowError):
        return None


@function
def kql_read_timespan(text: str) -> int | None:
    """The microseconds that a text names; None where it names none."""
    try:
        micros = round(span(text))
    except ValueError:
        return None
    return micros if abs(micros) < 2**63 else None
