"""Conversions between types; what does not convert is null, and "" for a string."""

from collections.abc import Callable

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions import dates
from herdsight.kql.functions.model import ANY, NUMBER, STRING, TEXT, Naming, Operand, Scalar, TypeSet
from herdsight.kql.syntax import Value
from herdsight.prelude.times import kql_read_timespan
from herdsight.tables import ColumnType


def as_text(operand: Operand) -> exp.Expr:
    """The operand as KQL prints it; null is ""."""
    match operand.type:
        case ColumnType.STRING:
            return operand.sql
        case ColumnType.DATETIME:
            written = trees.call("kql_datetime_text", operand.sql)
        case ColumnType.DYNAMIC:
            written = trees.call("kql_dynamic_text", operand.sql)
        case ColumnType.TIMESPAN:
            written = trees.call("kql_timespan_text", operand.sql)
        case ColumnType.REAL:
            written = trees.call("kql_real_text", operand.sql)
        case ColumnType.DECIMAL:
            written = trees.call("kql_decimal_text", operand.sql)
        case ColumnType.BOOL:
            written = trees.call("kql_bool_name", operand.sql)
        case _:
            written = exp.Cast(this=operand.sql, to=trees.sql_type(ColumnType.STRING))
    return exp.Coalesce(this=written, expressions=[trees.text("")])


def boxed(operand: Operand) -> exp.Expr:
    """The operand as a dynamic: what it holds, as JSON."""
    match operand.type:
        case ColumnType.DYNAMIC:
            return operand.sql
        case ColumnType.DATETIME | ColumnType.TIMESPAN | ColumnType.GUID:
            # Null stays null, which as_text would make an empty string.
            text = as_text(operand)
            return trees.call("kql_boxed", exp.Nullif(this=text, expression=trees.text("")))
        case ColumnType.REAL:
            return trees.call("kql_boxed_real", operand.sql)
        case ColumnType.DECIMAL:
            return trees.call("kql_decimal_text", operand.sql)
        case _:
            return trees.call("kql_boxed", operand.sql)


def _try(sql: exp.Expr, kind: ColumnType) -> exp.Expr:
    return exp.TryCast(this=sql, to=trees.sql_type(kind))


def _ticks(operand: Operand) -> exp.Expr:
    """The number that an operand is taken as: of a time or a timespan its ticks of 100 ns."""
    match operand.type:
        case ColumnType.TIMESPAN:
            return trees.call("kql_multiply", operand.sql, trees.number(10))
        case ColumnType.DATETIME:
            return trees.call("kql_ticks", operand.sql)
        case _:
            return operand.sql


def _to_real(operand: Operand) -> exp.Expr:
    match operand.type:
        case ColumnType.REAL:
            return operand.sql
        case ColumnType.DYNAMIC:
            return trees.call("kql_dynamic_real", operand.sql)
        case ColumnType.STRING:
            return trees.call("kql_text_real", operand.sql)
        case _:
            return _try(_ticks(operand), ColumnType.REAL)


def _to_decimal(operand: Operand) -> exp.Expr:
    if operand.type in (ColumnType.DYNAMIC, ColumnType.STRING):
        return _try(trees.call("kql_number_text", as_text(operand)), ColumnType.DECIMAL)
    return operand.sql if operand.type is ColumnType.DECIMAL else _try(_ticks(operand), ColumnType.DECIMAL)


def _to_whole(kind: ColumnType) -> Callable[[Operand], exp.Expr]:
    def lower(operand: Operand) -> exp.Expr:
        match operand.type:
            case ColumnType.STRING:
                return _try(trees.call("kql_whole_text", operand.sql), kind)
            case ColumnType.REAL | ColumnType.DECIMAL:
                return _try(exp.Trunc(this=operand.sql), kind)
            case ColumnType.DYNAMIC:
                return _try(trees.call("kql_dynamic_long", operand.sql), kind)
            case _:
                return operand.sql if operand.type is kind else _try(_ticks(operand), kind)

    return lower


def _to_bool(operand: Operand) -> exp.Expr:
    match operand.type:
        case ColumnType.STRING:
            return trees.call("kql_bool_text", operand.sql)
        case ColumnType.DYNAMIC:
            return trees.call("kql_dynamic_bool", operand.sql)
        case ColumnType.BOOL:
            return operand.sql
        case _ if operand.type in NUMBER:
            return exp.NEQ(this=operand.sql, expression=trees.number(0))
        case _:
            return trees.null(ColumnType.BOOL)


def _to_datetime(operand: Operand) -> exp.Expr:
    match operand.type:
        case ColumnType.DATETIME:
            return operand.sql
        case ColumnType.DYNAMIC:
            return trees.call("kql_text_datetime", as_text(operand))
        case ColumnType.STRING:
            return trees.call("kql_text_datetime", operand.sql)
        case _ if operand.type in NUMBER:  # ticks of 100 ns since 0001-01-01
            return trees.call("kql_ticks_datetime", _to_whole(ColumnType.LONG)(operand))
        case _:
            return trees.null(ColumnType.DATETIME)


def _to_timespan(operand: Operand) -> exp.Expr:
    match operand.type:
        case ColumnType.TIMESPAN:
            return operand.sql
        case ColumnType.DYNAMIC:
            return trees.call("kql_text_timespan", as_text(operand))
        case ColumnType.STRING:
            return trees.call("kql_text_timespan", operand.sql)
        case _ if operand.type in NUMBER:  # ticks of 100 ns
            return trees.call("kql_divide", _to_whole(ColumnType.LONG)(operand), trees.number(10))
        case _:
            return trees.null(ColumnType.TIMESPAN)


def _to_guid(operand: Operand) -> exp.Expr:
    return operand.sql if operand.type is ColumnType.GUID else trees.call("kql_text_guid", as_text(operand))


_CONVERSIONS: dict[ColumnType, Callable[[Operand], exp.Expr]] = {
    ColumnType.STRING: as_text,
    ColumnType.DYNAMIC: boxed,
    ColumnType.REAL: _to_real,
    ColumnType.DECIMAL: _to_decimal,
    ColumnType.LONG: _to_whole(ColumnType.LONG),
    ColumnType.INT: _to_whole(ColumnType.INT),
    ColumnType.BOOL: _to_bool,
    ColumnType.DATETIME: _to_datetime,
    ColumnType.TIMESPAN: _to_timespan,
    ColumnType.GUID: _to_guid,
}


def converted(operand: Operand, kind: ColumnType) -> exp.Expr:
    """The operand as a value of that type; null, or "", where it is none. In a dynamic it is boxed, not parsed."""
    return operand.sql if operand.type is kind else _CONVERSIONS[kind](operand)


def _type_name(operand: Operand) -> exp.Expr:
    """The name of a value's type; of a dynamic, that of what it holds."""
    if operand.type is ColumnType.DYNAMIC:
        return trees.call("kql_type_name", operand.sql)
    return trees.text(operand.type.value)


_GUID = frozenset({ColumnType.GUID})


def _row(
    name: str,
    result: ColumnType,
    page: str | None = None,
    types: TypeSet = ANY,
    evaluate: Callable[..., Value] | None = None,
) -> Scalar:
    lower = _CONVERSIONS[result]
    return Scalar(name, (types,), result, lower, page or f"{name}-function", Naming.ARGUMENT, evaluate=evaluate)


# The name has a space so that no query can name it: it is what an assignment of any value to a dynamic means.
BOX = Scalar("to dynamic", (ANY,), ColumnType.DYNAMIC, boxed, "scalar-data-types/dynamic")

# A text is a row of its own where a constant is read ahead of time: the bounds of a range must be constants.
ROWS = (
    BOX,
    _row("tostring", ColumnType.STRING),
    _row("toreal", ColumnType.REAL, "todouble-function"),
    _row("todouble", ColumnType.REAL),
    _row("todecimal", ColumnType.DECIMAL),
    _row("tolong", ColumnType.LONG),
    _row("toint", ColumnType.INT),
    _row("tobool", ColumnType.BOOL),
    _row("toboolean", ColumnType.BOOL, "tobool-function"),
    *(
        _row(name, kind, page, types, evaluate)
        for name, kind, page, read in (
            ("todatetime", ColumnType.DATETIME, "todatetime-function", dates.read_time),
            ("totimespan", ColumnType.TIMESPAN, "totimespan-function", kql_read_timespan),
            ("totime", ColumnType.TIMESPAN, "totimespan-function", kql_read_timespan),
        )
        for types, evaluate in ((STRING, read), (ANY, None))
    ),
    _row("toguid", ColumnType.GUID, types=TEXT),
    Scalar("gettype", (ANY,), ColumnType.STRING, _type_name, "gettype-function", Naming.PREFIXED, prefix="type"),
)
_OF_ANY = {row.result: row for row in reversed(ROWS) if row.name != "gettype" and row.evaluate is None}
CONVERTING = {kind: _OF_ANY[kind] for kind in ColumnType}
