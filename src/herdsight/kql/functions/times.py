"""Dates and times of day. A datetime has microseconds here; of Kusto's ticks of 100 ns the seventh digit is cut off."""

from collections.abc import Callable

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions import dates
from herdsight.kql.functions.arithmetic import cast
from herdsight.kql.functions.conversions import converted
from herdsight.kql.functions.model import (
    ANY,
    DATETIME,
    LONG,
    NUMBER,
    STRING,
    TIMESPAN,
    Naming,
    Operand,
    Scalar,
    calls,
)
from herdsight.kql.functions.time_formats import formatted_datetime, formatted_timespan
from herdsight.tables import ColumnType

_MIDDLE = ("day", "hour", "minute", "second", "millisecond", "microsecond", "nanosecond")
PERIODS = ("year", "quarter", "month", "week", *_MIDDLE)
_PARTS = ("year", "quarter", "month", "week_of_year", "dayofyear", *_MIDDLE)
# What the engine calls a part otherwise; those finer than a second are macros of their own.
_ENGINE_PARTS = {"week_of_year": "week", "dayofyear": "doy"}
_FINE_PARTS = ("millisecond", "microsecond", "nanosecond")


def _choice(operand: Operand) -> str:
    return str(operand.value).lower()


def _difference(part: Operand, later: Operand, earlier: Operand) -> exp.Expr:
    """The boundaries of that part crossed from `earlier` to `later`, not the time that passed."""
    return trees.call("kql_datetime_diff", trees.text(_choice(part)), later.sql, earlier.sql)


def _part(name: str, time: Operand) -> exp.Expr:
    if name in _FINE_PARTS:
        return trees.call(f"kql_{name}", time.sql)
    return trees.call("kql_part", trees.text(_ENGINE_PARTS.get(name, name)), time.sql)


def _added(part: Operand, count: Operand, time: Operand) -> exp.Expr:
    name = _choice(part)
    if name in dates.MONTHS:
        return _months_on(time.sql, _times(count.sql, dates.MONTHS[name]))
    if name == "nanosecond":
        return trees.call("kql_later", time.sql, trees.call("kql_divide", count.sql, trees.number(1000)))
    return trees.call("kql_later", time.sql, _times(count.sql, dates.UNITS[name]))


def _times(count: exp.Expr, factor: int) -> exp.Expr:
    return trees.call("kql_multiply", count, trees.number(factor))


def _months_on(time: exp.Expr, months: exp.Expr, less: int = 0) -> exp.Expr:
    return trees.call("kql_months_on", time, months, trees.number(less))


def _start(part: str) -> Callable[..., exp.Expr]:
    """Where the part of a time begins, or of the one `offset` parts on."""

    def lower(time: Operand, offset: Operand | None = None) -> exp.Expr:
        start = trees.call(f"kql_startof{part}", time.sql)
        if offset is None:
            return start
        if part in dates.MONTHS:
            return _months_on(start, _times(offset.sql, dates.MONTHS[part]))
        return trees.call("kql_later", start, _times(offset.sql, dates.UNITS[part]))

    return lower


def _end(part: str) -> Callable[..., exp.Expr]:
    """The last microsecond of the part: that before the next one begins."""

    def lower(time: Operand, offset: Operand | None = None) -> exp.Expr:
        if part in dates.UNITS:
            return trees.call("kql_later", _start(part)(time, offset), trees.number(dates.UNITS[part] - 1))
        start = trees.call(f"kql_startof{part}", time.sql)
        following = trees.call("kql_add", offset.sql, trees.number(1)) if offset else trees.number(1)
        return _months_on(start, _times(following, dates.MONTHS[part]), less=1)

    return lower


def _bounds(part: str) -> tuple[Scalar, Scalar]:
    starts, ends = f"startof{part}", f"endof{part}"
    naming = Naming.ARGUMENT if part == "day" else Naming.NUMBERED
    kinds, kind = (DATETIME, LONG), ColumnType.DATETIME
    return (
        Scalar(starts, kinds, kind, _start(part), f"{starts}-function", naming, 1, evaluate=dates.start_of(part)),
        Scalar(ends, kinds, kind, _end(part), f"{ends}-function", optional=1, evaluate=dates.end_of(part)),
    )


def _made(*parts: Operand) -> exp.Expr:
    """make_datetime(year, month, day, hour, minute, second); what is left out is 0."""
    return trees.call("kql_make_datetime", *_clock(parts, 6))


def _made_span(*parts: Operand) -> exp.Expr:
    days = () if len(parts) == 4 else (trees.number(0),)  # noqa: PLR2004 with days
    return trees.call("kql_make_timespan", *(*days, *_clock(parts, 4 - len(days))))


def _clock(parts: tuple[Operand, ...], length: int) -> list[exp.Expr]:
    """So many parts: whole numbers, and of a second its fraction too."""
    kinds = [*[ColumnType.LONG] * (length - 1), ColumnType.REAL]
    given = [converted(part, kind) for part, kind in zip(parts, kinds, strict=False)]
    return [*given, *(trees.number(0) for _ in kinds[len(given) :])]


def _since_1970(unit: float) -> Callable[[Operand], exp.Expr]:
    """A count of units since 1970 as a time; a unit is so many microseconds."""

    def lower(count: Operand) -> exp.Expr:
        if count.type in LONG:
            whole = (
                _times(count.sql, round(unit)) if unit >= 1 else trees.call("kql_divide", count.sql, trees.number(1000))
            )
            return trees.call("kql_moment", whole)
        return trees.call("kql_moment", exp.Mul(this=cast(count, ColumnType.REAL), expression=trees.number(unit)))

    return lower


def _zoned(name: str) -> Callable[[Operand, Operand], exp.Expr]:
    """A change of zone; null where there is no zone of that name."""
    return lambda time, zone: trees.call(name, time.sql, trees.call("kql_known_zone", zone.sql))


def _literal_format(_time: object, form: object) -> str | None:
    return None if isinstance(form, str) else "the format must be a literal string"


def _as(kind: ColumnType) -> Callable[[Operand], exp.Expr]:
    return lambda operand: converted(operand, kind)


# function -> the part that it gives, and its page
_PART_FUNCTIONS = {
    "getyear": ("year", "getyear-function"),
    "getmonth": ("month", "getmonth-function"),
    "monthofyear": ("month", "monthofyear-function"),
    "week_of_year": ("week_of_year", "week-of-year-function"),
    "dayofmonth": ("day", "day-of-month-function"),
    "dayofyear": ("dayofyear", "day-of-year-function"),
    "hourofday": ("hour", "hour-of-day-function"),
}
_UNIXTIMES = {"seconds": 1_000_000, "milliseconds": 1000, "microseconds": 1, "nanoseconds": 0.001}
_ZONED = {"datetime_utc_to_local": "kql_utc_to_local", "datetime_local_to_utc": "kql_local_to_utc"}
_MAKE_DATETIME, _MAKE_TIMESPAN = "make-datetime-function", "make-timespan-function"

ROWS = (
    Scalar(
        "datetime_diff",
        (STRING, DATETIME, DATETIME),
        ColumnType.LONG,
        _difference,
        "datetime-diff-function",
        choices=PERIODS,
    ),
    Scalar(
        "datetime_add",
        (STRING, LONG, DATETIME),
        ColumnType.DATETIME,
        _added,
        "datetime-add-function",
        choices=PERIODS,
        evaluate=dates.added,
    ),
    Scalar(
        "datetime_part",
        (STRING, DATETIME),
        ColumnType.INT,
        lambda part, time: _part(_choice(part), time),
        "datetime-part-function",
        choices=_PARTS,
    ),
    *(bound for part in ("day", "week", "month", "year") for bound in _bounds(part)),
    *(
        Scalar(name, (DATETIME,), ColumnType.INT, lambda time, part=part: _part(part, time), page)
        for name, (part, page) in _PART_FUNCTIONS.items()
    ),
    Scalar("weekofyear", (DATETIME,), ColumnType.INT, calls("kql_weekofyear"), "week-of-year-function"),
    Scalar("dayofweek", (DATETIME,), ColumnType.TIMESPAN, calls("kql_dayofweek"), "day-of-week-function"),
    Scalar(
        "make_datetime", (ANY,), ColumnType.DATETIME, _as(ColumnType.DATETIME), _MAKE_DATETIME, Naming.ONLY_ARGUMENT
    ),
    Scalar("make_datetime", (NUMBER,) * 6, ColumnType.DATETIME, _made, _MAKE_DATETIME, optional=3, evaluate=dates.made),
    Scalar(
        "make_timespan", (ANY,), ColumnType.TIMESPAN, _as(ColumnType.TIMESPAN), _MAKE_TIMESPAN, Naming.ONLY_ARGUMENT
    ),
    Scalar(
        "make_timespan",
        (NUMBER,) * 4,
        ColumnType.TIMESPAN,
        _made_span,
        _MAKE_TIMESPAN,
        optional=2,
        evaluate=dates.made_span,
    ),
    *(
        Scalar(
            name := f"unixtime_{unit}_todatetime",
            (NUMBER,),
            ColumnType.DATETIME,
            _since_1970(micros),
            f"{name.replace('_', '-')}-function",
            evaluate=dates.since_1970(micros),
        )
        for unit, micros in _UNIXTIMES.items()
    ),
    *(
        Scalar(name, (DATETIME, STRING), ColumnType.DATETIME, _zoned(macro), f"{name.replace('_', '-')}-function")
        for name, macro in _ZONED.items()
    ),
    Scalar("datetime_list_timezones", (), ColumnType.DYNAMIC, calls("kql_zones"), "datetime-list-timezones"),
    Scalar(
        "format_datetime",
        (DATETIME, STRING),
        ColumnType.STRING,
        formatted_datetime,
        "format-datetime-function",
        Naming.ARGUMENT,
        check=_literal_format,
    ),
    Scalar(
        "format_timespan",
        (TIMESPAN, STRING),
        ColumnType.STRING,
        formatted_timespan,
        "format-timespan-function",
        Naming.ARGUMENT,
        check=_literal_format,
    ),
)
