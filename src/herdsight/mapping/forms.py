"""What the values of a column look like: times and how they are written, addresses, ports, counts."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from herdsight.logs.mapped.mapping import Unit, tells_zone
from herdsight.mapping.names import Kind

_MOST_OTHER = 0.1  # of the values may be something else, or one of a few: logs have bad rows
_FEW = 4
_HIGHEST_PORT = 65_535
_PROTOCOLS = frozenset("tcp udp icmp icmp6 icmpv6 ipv6-icmp igmp gre esp ah sctp ospf".split())  # noqa: SIM905 a list of words
_HIGHEST_PROTOCOL = 255
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_COUNT = re.compile(r"[0-9]+(\.0*)?")

# Seconds from 1970 for the years 1980 to 2100: what is counted in smaller units lies far outside.
_FIRST, _LAST = 315_532_800, 4_102_444_800
_UNITS = {Unit.SECONDS: 1, Unit.MILLISECONDS: 10**3, Unit.MICROSECONDS: 10**6, Unit.NANOSECONDS: 10**9}

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?| UTC)?)?"
)
_ISO_ZONED = re.compile(r".*:.*(Z|[+-][0-9]{2}(:?[0-9]{2})?| UTC)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?")
# Other ways to write a time, the likelier first: what fits both month/day and day/month is taken as the first.
_PATTERNS = (
    "%Y-%m-%d %H:%M:%S,%f",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M:%S.%f %z",
    "%Y-%m-%dT%H:%M:%S,%f",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M:%S.%f",
    "%d/%b/%Y:%H:%M:%S %z",
    "%d/%b/%Y:%H:%M:%S",
    "%d/%b/%Y %H:%M:%S",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%Y %H:%M:%S.%f",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S.%f",
    "%d/%m/%Y %H:%M:%S.%f",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S.%f",
    "%d.%m.%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%b %d %Y %H:%M:%S",
    "%b %d, %Y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S %z",
    "%Y%m%d%H%M%S",
    "%Y%m%dT%H%M%S",
    "%Y%m%dT%H%M%SZ",
    "%Y%m%d %H:%M:%S",
)


@dataclass(frozen=True, slots=True)
class TimeForm:
    """How a column writes its times, and what there is to say of it."""

    said: str
    unit: Unit | None = None
    pattern: str | None = None
    zoned: bool = True


def most(values: Sequence[str], test: Callable[[str], bool]) -> bool:
    """Whether nearly all values pass; false where there are none."""
    failed = sum(not test(value) for value in values)
    return bool(values) and failed <= _bearable(values)


def _bearable(values: Sequence[str]) -> float:
    return max(len(values) * _MOST_OTHER, len(values) >= _FEW)


def time_form(values: Sequence[str]) -> TimeForm | None:
    """How those times are written; None where they are none."""
    return _counted(values) or _iso(values) or _written(values)


def _counted(values: Sequence[str]) -> TimeForm | None:
    if not most(values, is_number):
        return None
    numbers = [float(value) for value in values if is_number(value)]
    for unit, per_second in _UNITS.items():
        if sum(_FIRST <= each / per_second <= _LAST for each in numbers) >= len(values) - _bearable(values):
            first = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=min(_instants(numbers, per_second)))
            return TimeForm(f"counts {unit} from 1970, the first is {first:%Y-%m-%d %H:%M:%S} UTC", unit=unit)
    return None


def _instants(numbers: Iterable[float], per_second: int) -> list[float]:
    return [each / per_second for each in numbers if _FIRST <= each / per_second <= _LAST]


def _iso(values: Sequence[str]) -> TimeForm | None:
    if not most(values, lambda value: bool(_ISO.fullmatch(value))):
        return None
    zoned = most(values, lambda value: bool(_ISO_ZONED.fullmatch(value)))
    return TimeForm("ISO 8601" + ("" if zoned else _NO_ZONE), zoned=zoned)


_NO_ZONE = " without a zone: add `zone` if it is not UTC"


def _written(values: Sequence[str]) -> TimeForm | None:
    fitting = [each for each in _PATTERNS if most(values, lambda value, each=each: _is_written(value, each))]  # type: ignore[misc] # bound at once
    if not fitting:
        return None
    pattern = fitting[0]
    zoned = tells_zone(pattern) or pattern.endswith("Z")
    other = pattern.replace("%m/%d", "%d/%m")
    doubt = "; day/month fits as well, check it" if other != pattern and other in fitting else ""
    return TimeForm(f"written in that way{doubt}{'' if zoned else _NO_ZONE}", pattern=pattern, zoned=zoned)


def _is_written(value: str, pattern: str) -> bool:
    try:
        datetime.strptime(value, pattern)  # noqa: DTZ007 only whether it fits is asked
    except (ValueError, OverflowError):
        return False
    return True


def is_date(values: Sequence[str]) -> bool:
    """Whether they are dates without a time of day."""
    return most(values, lambda value: bool(_DATE.fullmatch(value)))


def is_clock(values: Sequence[str]) -> bool:
    """Whether they are times of day without a date."""
    return most(values, lambda value: bool(_CLOCK.fullmatch(value)))


def is_address(value: str) -> bool:
    """Whether it is an IPv4 or IPv6 address."""
    try:
        ip_address(value)
    except ValueError:
        return False
    return not value.isdecimal()


def is_number(value: str) -> bool:
    """Whether it is a number."""
    return bool(_NUMBER.fullmatch(value))


def _is_count(value: str) -> bool:
    return bool(_COUNT.fullmatch(value))


def _is_port(value: str) -> bool:
    return _is_count(value) and float(value) <= _HIGHEST_PORT


def _is_protocol(value: str) -> bool:
    return value.lower() in _PROTOCOLS or (value.isdecimal() and int(value[:10]) <= _HIGHEST_PROTOCOL)


def is_protocol_name(value: str) -> bool:
    """Whether it is the name of a transport, which a column without a telling name can be known by."""
    return value.lower() in _PROTOCOLS


TESTS: Mapping[Kind, Callable[[str], bool]] = {
    Kind.ADDRESS: is_address,
    Kind.PORT: _is_port,
    Kind.PROTOCOL: _is_protocol,
    Kind.COUNT: _is_count,
    Kind.LENGTH: is_number,
    Kind.NUMBER: is_number,
    Kind.TEXT: bool,
}


def looks_like(values: Sequence[str], kind: Kind) -> bool:
    """Whether the values of a column can be of that kind; a column without any can be of every kind."""
    if not values:
        return True
    return time_form(values) is not None if kind is Kind.TIME else most(values, TESTS[kind])
