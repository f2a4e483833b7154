"""Conversions between types; what does not convert is null, and "" for a string."""

from collections.abc import Callable

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.model import ANY, Naming, Operand, Scalar, TypeSet
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
        case _:
            written = exp.Cast(this=operand.sql, to=trees.sql_type(ColumnType.STRING))
    return exp.Coalesce(this=written, expressions=[trees.text("")])


def _try(sql: exp.Expr, kind: ColumnType) -> exp.Expr:
    return exp.TryCast(this=sql, to=trees.sql_type(kind))


def _to_real(operand: Operand) -> exp.Expr:
    return operand.sql if operand.type is ColumnType.REAL else _try(operand.sql, ColumnType.REAL)


def _to_whole(kind: ColumnType) -> Callable[[Operand], exp.Expr]:
    def lower(operand: Operand) -> exp.Expr:
        match operand.type:
            case ColumnType.STRING:
                return _try(trees.call("kql_whole_text", operand.sql), kind)
            case ColumnType.REAL | ColumnType.DECIMAL:
                return _try(exp.Trunc(this=operand.sql), kind)
            case ColumnType.TIMESPAN:  # in ticks of 100 ns
                return _try(exp.Paren(this=exp.Mul(this=operand.sql, expression=trees.number(10))), kind)
            case _:
                return operand.sql if operand.type is kind else _try(operand.sql, kind)

    return lower


def _to_bool(operand: Operand) -> exp.Expr:
    if operand.type is ColumnType.STRING:
        return trees.call("kql_bool_text", operand.sql)
    return operand.sql if operand.type is ColumnType.BOOL else _try(operand.sql, ColumnType.BOOL)


def _to_datetime(operand: Operand) -> exp.Expr:
    return operand.sql if operand.type is ColumnType.DATETIME else _try(operand.sql, ColumnType.DATETIME)


_NUMERIC = frozenset(
    {ColumnType.BOOL, ColumnType.INT, ColumnType.LONG, ColumnType.REAL, ColumnType.DECIMAL, ColumnType.STRING}
)
_WHOLE = _NUMERIC | {ColumnType.TIMESPAN}
_MOMENT = frozenset({ColumnType.DATETIME, ColumnType.STRING})


def _row(
    name: str, types: TypeSet, result: ColumnType, lower: Callable[[Operand], exp.Expr], page: str | None = None
) -> Scalar:
    return Scalar(name, (types,), result, lower, page or f"{name}-function", Naming.ARGUMENT)


ROWS = (
    _row("tostring", ANY, ColumnType.STRING, as_text),
    _row("toreal", _NUMERIC, ColumnType.REAL, _to_real, "todouble-function"),
    _row("todouble", _NUMERIC, ColumnType.REAL, _to_real),
    _row("tolong", _WHOLE, ColumnType.LONG, _to_whole(ColumnType.LONG)),
    _row("toint", _WHOLE, ColumnType.INT, _to_whole(ColumnType.INT)),
    _row("tobool", _NUMERIC, ColumnType.BOOL, _to_bool),
    _row("todatetime", _MOMENT, ColumnType.DATETIME, _to_datetime),
)
