"""Times as text: what KQL writes for a datetime and a timespan, to and from microseconds."""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 a naive datetime is UTC throughout the language, as in KQL
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000

_SECOND = 1_000_000
# KQL knows several spellings of each unit; the value is in microseconds.
_UNITS = {
    **dict.fromkeys(("d", "day", "days"), float(DAY)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0 * _SECOND),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0 * _SECOND),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0 * _SECOND),
    **dict.fromkeys(("ms", "milli", "millis", "millisecond", "milliseconds"), 1000.0),
    **dict.fromkeys(("micro", "micros", "microsecond", "microseconds"), 1.0),
    **dict.fromkeys(("tick", "ticks"), 0.1),
}
_AMOUNT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([a-z]*)\s*")
_CLOCK = re.compile(r"\s*(-)?(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?\s*")
_DATE = re.compile(
    r"\s*(\d{4})-(\d{1,2})(?:-(\d{1,2}))?"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}:?\d{2})?\s*"
)


def timespan_micros(text: str) -> int:
    """`1d`, `1.5h`, `1.02:03:04.5`, or a bare number of days, in microseconds.

    Raises:
        ValueError: the text is none of these.
        ArithmeticError: it is finer than a microsecond, which is as fine as times are here (Kusto's tick is 100 ns).
    """
    if match := _AMOUNT.fullmatch(text):
        unit = match.group(2) or "d"
        if unit in _UNITS:
            return _whole(float(match.group(1)) * _UNITS[unit])
    if match := _CLOCK.fullmatch(text):
        sign, days, hours, minutes, seconds, fraction = match.groups()
        whole = timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
        micros = whole // MICROSECOND + round(float(f"0.{fraction or 0}") * 1e6)
        return -micros if sign else micros
    raise ValueError(text)


def _whole(amount: float) -> int:
    if abs(amount) < 1e12 and abs(amount - round(amount)) > 1e-6:  # noqa: PLR2004 beyond it a float has no such parts
        raise ArithmeticError(amount)
    return round(amount)


def datetime_micros(text: str) -> int:
    """ISO 8601 in KQL's leniency (date alone, a space for the T, 7 digits, a zone), as microseconds since 1970 UTC.

    Raises:
        ValueError: the text is no such time, or names a day or hour that does not exist.
    """
    match = _DATE.fullmatch(text)
    if not match:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001 the zone is applied below
    micros = int((fraction or "").ljust(6, "0")[:6])
    return (moment - EPOCH) // MICROSECOND + micros - _offset(zone)


def _offset(zone: str | None) -> int:
    if zone in (None, "Z"):
        return 0
    sign = -1 if zone.startswith("-") else 1
    digits = zone[1:].replace(":", "")
    return sign * (int(digits[:2]) * 60 + int(digits[2:])) * 60_000_000


def moment(micros: int) -> datetime:
    """Microseconds since 1970 as a naive datetime in UTC.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return EPOCH + timedelta(microseconds=micros)


def micros(moment_: datetime) -> int:
    """A datetime as microseconds since 1970; a naive one is taken as UTC."""
    naive = moment_.astimezone(UTC).replace(tzinfo=None) if moment_.tzinfo else moment_
    return (naive - EPOCH) // MICROSECOND
