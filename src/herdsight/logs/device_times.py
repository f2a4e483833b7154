"""Times as devices write them in CEF, LEEF and the header of syslog, as SQL trees."""

from calendar import isleap
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from sqlglot import exp

from herdsight.logs.values import FURTHEST, cast, in_utc, moment, moment_of
from herdsight.tables import ColumnType
from herdsight.trees import call, number, text, timestamp

_SECONDS_BELOW = 100_000_000_000  # as milliseconds this would be early 1973, so it is seconds
_MILLION = 1_000_000
_THOUSAND = 1_000
_FRACTION = 6  # digits of a second that are kept
_NEXT_LEAP = 9  # years in which one is a leap year, whatever the century

# `Oct 18 2023 14:37:28.201 UTC`, every part of it optional that the CEF standard or a sender leaves out. A zone is an
# offset, or one of the names that RFC 5322 (4.3) gives an offset; any other name means different things to different
# people, and the time is none.
_WORDED = (
    r"^([A-Za-z]{3}) +([0-9]{1,2}),?(?: +([0-9]{4}),?)? ([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.,]([0-9]{1,9}))?"
    r"(?: *(?:GMT|UTC)?([+-][0-9]{2}):?([0-9]{2})| +([A-Z]{1,4}))?$"
)
_PLAIN = r"[A-Za-z]{3} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"  # how syslog of old has it: `Oct  8 14:37:28`
_BARE = r"[0-9-]+[T ][0-9:.,]+"  # ISO 8601 without an offset
_PARTS = ("month", "day", "year", "clock", "fraction", "hours", "minutes", "zone")
_ZONES = {
    **dict.fromkeys(("", "Z", "UT", "UTC", "GMT"), "+00"),
    "EDT": "-04",
    "EST": "-05",
    "CDT": "-05",
    "CST": "-06",
    "MDT": "-06",
    "MST": "-07",
    "PDT": "-07",
    "PST": "-08",
}


def instant(words: exp.Expr, latest: datetime, zone: str | None) -> exp.Expr:
    """A written time in UTC, NULL where it is none: milliseconds since 1970 (or seconds), ISO 8601, or in words.

    A time in words without a year is of the last year in which it is not after `latest`; one that tells no zone is of
    `zone` (None: UTC).
    """
    count = cast(words, ColumnType.LONG)
    is_count = exp.Not(this=exp.Is(this=count, expression=exp.Null()))
    in_words = call("regexp_matches", words.copy(), text("^[A-Za-z]"))
    return exp.Case(
        ifs=[
            exp.If(this=is_count, true=moment_of(_micros(count.copy()))),
            exp.If(this=in_words, true=_worded(words.copy(), latest, zone)),
        ],
        default=_iso(words.copy(), zone),
    )


def _iso(words: exp.Expr, zone: str | None) -> exp.Expr:
    if zone is None:
        return moment(words)
    bare = call("regexp_full_match", words.copy(), text(_BARE))
    local = in_utc(cast(words.copy(), ColumnType.DATETIME), zone)
    return exp.Case(ifs=[exp.If(this=bare, true=local)], default=moment(words))


def _micros(count: exp.Expr) -> exp.Expr:
    """Whole microseconds of a count; what lies past all bounds stays at a bound, and nothing overflows."""
    bound = FURTHEST // _THOUSAND
    cases = (
        (exp.GT(this=count.copy(), expression=number(bound)), number(FURTHEST)),
        (exp.LT(this=count.copy(), expression=number(-bound)), number(-FURTHEST)),
        (exp.LT(this=count.copy(), expression=number(_SECONDS_BELOW)), _times(count, _MILLION)),
    )
    return exp.Case(ifs=[exp.If(this=each, true=then) for each, then in cases], default=_times(count, _THOUSAND))


def _times(count: exp.Expr, factor: int) -> exp.Expr:
    # Small negative counts are before 1970 whatever they count; the bound keeps their product in range.
    bounded = call("greatest", count.copy(), number(-_SECONDS_BELOW))
    return exp.Mul(this=bounded, expression=number(factor))


def _worded(words: exp.Expr, latest: datetime, zone: str | None) -> exp.Expr:
    # Nearly all are plain, and a pattern that takes the parts of the others takes the engine fifty times as long.
    is_plain = call("regexp_full_match", words.copy(), text(_PLAIN))
    plain = _in_last_year(lambda year: _parsed(_joined(text(f"{year} "), words)), latest)
    found = call("regexp_extract", words.copy(), text(_WORDED), exp.array(*map(text, _PARTS)))
    taken = exp.Lambda(this=_of_parts(latest, zone), expressions=[exp.to_identifier("parts")])
    parted = call("list_extract", call("list_transform", exp.array(found), taken), number(1))
    return exp.Case(ifs=[exp.If(this=is_plain, true=in_utc(plain, zone))], default=parted)


def _of_parts(latest: datetime, zone: str | None) -> exp.Expr:
    """The time whose parts stand in the column `parts`."""
    part = {name: call("struct_extract", exp.column("parts"), text(name)) for name in _PARTS}
    no_year = exp.EQ(this=part["year"].copy(), expression=text(""))
    unsaid = _in_last_year(lambda year: _on(part, text(str(year))), latest)
    day = exp.Case(ifs=[exp.If(this=no_year, true=unsaid)], default=_on(part, part["year"]))
    fraction = call("rpad", part["fraction"].copy(), number(_FRACTION), text("0"))
    when = _joined(cast(day, ColumnType.STRING), text("."), fraction)
    told = moment(_joined(when, _offset(part)))
    if zone is None:
        return told
    untold = exp.and_(*(exp.EQ(this=part[name].copy(), expression=text("")) for name in ("hours", "zone")))
    local = in_utc(cast(when, ColumnType.DATETIME), zone)
    return exp.Case(ifs=[exp.If(this=untold, true=local)], default=told)


def _on(part: Mapping[str, exp.Expr], year: exp.Expr) -> exp.Expr:
    return _parsed(_joined(year, *(each for name in ("month", "day", "clock") for each in (text(" "), part[name]))))


def _parsed(words: exp.Expr) -> exp.Expr:
    return call("try_strptime", words, text("%Y %b %d %H:%M:%S"))


def _in_last_year(on: Callable[[int], exp.Expr], latest: datetime) -> exp.Expr:
    """The time in the last year in which it is not after the latest."""
    told = [_not_after(on(year), latest) for year in _years(latest)]
    return exp.Coalesce(this=told[0], expressions=told[1:])


def _not_after(when: exp.Expr, latest: datetime) -> exp.Expr:
    believed = exp.LTE(this=when, expression=timestamp(latest))
    return exp.Case(ifs=[exp.If(this=believed, true=when.copy())])


def _years(latest: datetime) -> Iterator[int]:
    """The years to try, from the last: two, and for the 29th of February the leap years before."""
    yield from (latest.year, latest.year - 1)
    yield from (year for year in range(latest.year - 2, latest.year - _NEXT_LEAP, -1) if isleap(year))


def _offset(part: Mapping[str, exp.Expr]) -> exp.Expr:
    """`+05:30`; NULL for a zone whose name says nothing."""
    named_zones = [exp.If(this=text(name), true=text(offset)) for name, offset in _ZONES.items()]
    said = exp.NEQ(this=part["hours"].copy(), expression=text(""))
    offset = _joined(part["hours"], text(":"), part["minutes"])
    return exp.Case(ifs=[exp.If(this=said, true=offset)], default=exp.Case(this=part["zone"].copy(), ifs=named_zones))


def _joined(*parts: exp.Expr) -> exp.Expr:
    """The texts after one another; NULL where one is."""
    joined = parts[0].copy()
    for each in parts[1:]:
        joined = exp.DPipe(this=joined, expression=each.copy(), safe=True)
    return joined
