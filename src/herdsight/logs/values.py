"""From a log's text to typed values, as SQL trees: times, numbers, texts, and the reasons to reject a row."""

import re
from collections.abc import Iterable
from datetime import datetime

from sqlglot import exp

from herdsight.tables import FILE_COLUMN, REJECT_COLUMN, Column, ColumnType
from herdsight.trees import call, column, named, number, sql_type, text, timestamp

BAD_TIMESTAMP = "bad timestamp"
OUT_OF_RANGE = "timestamp out of range"
BAD_ADDRESS = "bad address"
BAD_JSON = "bad JSON"
NOT_NETWORK = "not a network event"
TOO_FEW = "columns missing"
TOO_MANY = "too many columns"
BAD_TEXT = "invalid UTF-8"
TOO_LONG = "line too long"
BAD_QUOTES = "bad quotes"
CUT_SHORT = "cut short"
DAMAGED = "damaged record"
OTHER_LOG = "columns of another log"
OTHER_CATEGORY = "other category"  # begins what is said of a record of a stream's that is another table's
OTHER_EVENT = "other event"  # begins what is said of a record that another reading of the file may take
REPEATED_HEADER = "#fields"  # never reaches a user: the loader splits such a file

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - every time here is UTC without saying so, as the engine's TIMESTAMP

FURTHEST = 10**16  # microseconds from 1970, the year 2286: out of range for any log, in range for the engine

# An address is not parsed here, only its shape is looked at: four numbers, or hexadecimal with colons (and a zone).
_ADDRESS = r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%.+)?"

_IS_PORT = re.compile(r"Port(Number)?$")
_IS_COUNT = re.compile(r"(Bytes|Packets|Duration|Count|Size)$")
_HIGHEST_PORT = 65_535

# How portals and spreadsheets write a time where it is not ISO 8601; %f takes up to 6 fractional digits, %n up to 9.
_MONTH_FIRST = (
    "%m/%d/%Y, %I:%M:%S.%f %p",
    "%m/%d/%Y, %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y, %H:%M:%S.%f",
    "%m/%d/%Y, %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y, %I:%M:%S.%n %p",
    "%m/%d/%Y %I:%M:%S.%n %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y, %I:%M %p",
)


def cast(tree: exp.Expr, kind: ColumnType) -> exp.Expr:
    """The value as that type, or NULL where it is not one."""
    return exp.TryCast(this=tree, to=sql_type(kind))


def string(tree: exp.Expr) -> exp.Expr:
    """The text, "" where it is missing."""
    return exp.Coalesce(this=tree, expressions=[text("")])


def typed(tree: exp.Expr, declared: Column, *, day_first: bool = False) -> exp.Expr:
    """A text as the value of a declared column."""
    match declared.type:
        case ColumnType.STRING:
            return string(tree)
        case ColumnType.DYNAMIC:
            return call("kql_dynamic", tree)
        case ColumnType.GUID:
            return tree
        case ColumnType.DATETIME:
            return moment(tree, day_first=day_first)
        case _:
            return bounded(cast(tree, declared.type), declared)


def moment(tree: exp.Expr, *, day_first: bool = False) -> exp.Expr:
    """A written time in UTC: ISO 8601 with or without an offset, or the way that portals write it."""
    # A cast to TIMESTAMP drops the offset without a word; a cast to TIMESTAMPTZ applies it, and takes none as UTC.
    iso = call("timezone", text("UTC"), exp.TryCast(this=tree, to=exp.DataType.build("TIMESTAMPTZ")))
    patterns = [each.replace("%m/%d", "%d/%m") if day_first else each for each in _MONTH_FIRST]
    portal = call("try_strptime", tree.copy(), exp.array(*map(text, patterns)))
    slashed = call("contains", tree.copy(), text("/"))
    return exp.Case(ifs=[exp.If(this=slashed, true=cast(portal, ColumnType.DATETIME))], default=iso)


def in_utc(local: exp.Expr, zone: str | None) -> exp.Expr:
    """A TIMESTAMP in the local time of a zone (None: of UTC), in UTC.

    A time that the clocks skipped is as far behind the skip as it says; of one that they showed twice it is the second.
    """
    return local if zone is None else call("timezone", text("UTC"), call("timezone", text(zone), local))


def microseconds(seconds: exp.Expr) -> exp.Expr:
    """A DOUBLE of seconds as whole microseconds; what lies past all bounds stays at a bound, and nothing overflows."""
    scaled = call("round", exp.Mul(this=exp.paren(seconds), expression=number(1_000_000)))
    # Not least() and greatest(): they pass over NULL, and would make a time of what is none.
    late = exp.If(this=exp.GT(this=scaled.copy(), expression=number(FURTHEST)), true=number(FURTHEST))
    early = exp.If(this=exp.LT(this=scaled.copy(), expression=number(-FURTHEST)), true=number(-FURTHEST))
    return cast(exp.Case(ifs=[late, early], default=scaled), ColumnType.LONG)


def moment_of(micros: exp.Expr) -> exp.Expr:
    """Microseconds since 1970 as a TIMESTAMP."""
    return call("make_timestamp", micros)


def bad_time(when: exp.Expr, latest: datetime) -> list[exp.If]:
    """The cases of a time that is missing, or that no log of today can hold.

    A row from the far future would move `now`, which is the newest event, and with it every window.
    """
    early = exp.LT(this=when.copy(), expression=timestamp(EPOCH))
    late = exp.GT(this=when.copy(), expression=timestamp(latest))
    return [reason(exp.Is(this=when, expression=exp.Null()), BAD_TIMESTAMP), reason(exp.or_(early, late), OUT_OF_RANGE)]


def has_address_shape(tree: exp.Expr) -> exp.Expr:
    """Whether a text looks like an IPv4 or IPv6 address; false for NULL."""
    return exp.Coalesce(this=call("regexp_full_match", tree, text(_ADDRESS)), expressions=[exp.false()])


def address(tree: exp.Expr) -> exp.Expr:
    """An address as all logs are to have it: there are many ways to write one of IPv6, and one of IPv4."""
    is_wide = exp.If(this=call("contains", tree.copy(), text(":")), true=call("kql_plain_address", tree.copy()))
    return exp.Case(ifs=[is_wide], default=tree)


def reason(condition: exp.Expr, why: str) -> exp.If:
    """One case of a rejection."""
    return exp.If(this=condition, true=text(why))


def reject(cases: Iterable[exp.If]) -> exp.Expr:
    """The first reason that applies, NULL for a good row."""
    return named(exp.Case(ifs=list(cases)), REJECT_COLUMN)


def rejection(
    when: exp.Expr, latest: datetime, ends: Iterable[exp.Expr] = (), further: Iterable[exp.If] = ()
) -> exp.Expr:
    """The first reason that applies: what `early` says, the time, an end that is no address, `further` cases."""
    early = exp.If(this=exp.Not(this=exp.Is(this=column("early"), expression=exp.Null())), true=column("early"))
    shaped = [has_address_shape(each.copy()) for each in ends]
    bad = [reason(exp.Not(this=exp.paren(exp.and_(*shaped))), BAD_ADDRESS)] if shaped else []
    return reject([early, *bad_time(when, latest), *bad, *further])


def count(words: exp.Expr) -> exp.Expr:
    """A text as a count, NULL for what is none."""
    whole = cast(words, ColumnType.LONG)
    return exp.Case(ifs=[exp.If(this=exp.GTE(this=whole.copy(), expression=number(0)), true=whole)])


def port(words: exp.Expr) -> exp.Expr:
    """A text, or a number, as a port; NULL for what is none."""
    whole = cast(words, ColumnType.INT)
    is_port = exp.Between(this=whole.copy(), low=number(0), high=number(_HIGHEST_PORT))
    return exp.Case(ifs=[exp.If(this=is_port, true=whole)])


def bounded(value: exp.Expr, declared: Column) -> exp.Expr:
    """A number of a declared column within the bounds that all logs have it in; what lies outside is NULL."""
    if declared.type not in (ColumnType.INT, ColumnType.LONG):
        return value
    if _IS_PORT.search(declared.name):
        return cast(port(value), declared.type)
    return cast(count(value), declared.type) if _IS_COUNT.search(declared.name) else value


def constants(vendor: str, product: str, kind: str) -> dict[str, exp.Expr]:
    """ASIM's columns that are the same, or follow from the time alone, in each row of a log; `kind` is EventType."""
    return {
        "EventStartTime": column("TimeGenerated"),
        "EventCount": exp.Cast(this=number(1), to=exp.DataType.build("INT")),
        "EventVendor": text(vendor),
        "EventProduct": text(product),
        "EventType": text(kind),
    }


def numbered(file: exp.Expr) -> exp.Expr:
    """The column that tells a row's file."""
    return named(file, FILE_COLUMN)


def all_null(trees: Iterable[exp.Expr]) -> exp.Expr:
    """Whether none of the values is there."""
    return exp.and_(*(exp.Is(this=tree.copy(), expression=exp.Null()) for tree in trees))
