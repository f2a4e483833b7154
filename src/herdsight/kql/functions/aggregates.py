"""Aggregates that give a value: counts, sums, means, spreads, extremes, bits, and the value of some row.

All but count pass over nulls. What Kusto leaves open (which value take_any takes) is decided here by order of value, so
that the same data gives the same answer.
"""

from collections.abc import Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arithmetic import cast, wider
from herdsight.kql.functions.conditional import Lower, with_condition
from herdsight.kql.functions.model import (
    ANY,
    BOOL,
    DATETIME,
    LONG,
    NUMBER,
    SCALAR,
    STRING,
    TIMESPAN,
    Aggregate,
    Operand,
    Result,
    TypeSet,
    first,
)
from herdsight.tables import ColumnType

_TICKS_A_MICROSECOND = 10


def _total(types: Sequence[ColumnType]) -> ColumnType:
    return types[0] if types[0] is ColumnType.TIMESPAN else wider(types[:1])


def _mean(types: Sequence[ColumnType]) -> ColumnType:
    kept = (ColumnType.TIMESPAN, ColumnType.DATETIME, ColumnType.DECIMAL)
    return types[0] if types[0] in kept else ColumnType.REAL


# --- counts ---------------------------------------------------------------------------------------------------------


def _count(condition: Operand | None = None) -> exp.Expr:
    """The rows; those where a condition is true. Another argument says nothing: null is counted like any value."""
    rows = exp.Count(this=exp.Star())
    if condition is None or condition.type is not ColumnType.BOOL:
        return rows
    return exp.Filter(this=rows, expression=exp.Where(this=condition.sql))


def _distinct_count(value: Operand, accuracy: Operand | None = None) -> exp.Expr:
    del accuracy
    # Kusto estimates (HyperLogLog), exactly for small sets; an exact count is faithful at every threshold.
    return exp.Count(this=exp.Distinct(expressions=[value.sql]))


# --- sums and means -------------------------------------------------------------------------------------------------


def _or_else(value: exp.Expr, otherwise: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=value, expressions=[otherwise])


def _sum(value: Operand) -> exp.Expr:
    """The sum of nothing is 0; what 64 bits do not hold is null."""
    total = _or_else(exp.Sum(this=value.sql), trees.number(0))
    return exp.TryCast(this=total, to=trees.sql_type(_total([value.type])))


def _avg(value: Operand) -> exp.Expr:
    match value.type:
        case ColumnType.DATETIME:
            return trees.call("kql_moment", exp.Avg(this=trees.call("kql_micros", value.sql)))
        case ColumnType.TIMESPAN:
            return exp.Cast(this=exp.Round(this=exp.Avg(this=value.sql)), to=trees.sql_type(value.type))
        case ColumnType.DECIMAL:
            return trees.call("kql_decimal_mean", value.sql)
        case _:  # of nothing it is no number, as 0 / 0
            not_a_number = exp.Cast(this=trees.text("NaN"), to=trees.sql_type(ColumnType.REAL))
            return _or_else(exp.Avg(this=value.sql), not_a_number)


# --- spreads --------------------------------------------------------------------------------------------------------


def _as_real(value: Operand) -> exp.Expr:
    """A number to measure; a time is one in ticks of 100 ns."""
    match value.type:
        case ColumnType.TIMESPAN:
            micros = value.sql
        case ColumnType.DATETIME:
            micros = trees.call("kql_micros", value.sql)
        case _:
            return cast(value, ColumnType.REAL)
    ticks = exp.Mul(this=micros, expression=trees.number(_TICKS_A_MICROSECOND))
    return exp.Cast(this=exp.Paren(this=ticks), to=trees.sql_type(ColumnType.REAL))


def _spread(node: type[exp.AggFunc]) -> Lower:
    return lambda value: _or_else(node(this=_as_real(value)), trees.number(0))


def _covariance(node: type[exp.CovarSamp | exp.CovarPop]) -> Lower:
    return lambda x, y: _or_else(node(this=_as_real(x), expression=_as_real(y)), trees.number(0))


# --- one of the values ----------------------------------------------------------------------------------------------


def _never_null(value: exp.Expr, kind: ColumnType) -> exp.Expr:
    return _or_else(value, trees.text("")) if kind is ColumnType.STRING else value


def _plain(node: type[exp.AggFunc]) -> Lower:
    return lambda value: _never_null(node(this=value.sql), value.type)


def _any(value: Operand, *record: Operand) -> exp.Expr:
    """The least value that is not empty. Given a record, the value of the least record, whatever it is."""
    if record:
        least = trees.call("arg_min_null", value.sql, _row(record))
    elif value.type is ColumnType.STRING:
        least = exp.Min(this=exp.Nullif(this=value.sql, expression=trees.text("")))
    else:
        least = exp.Min(this=value.sql)
    return _never_null(least, value.type)


def _of_extreme(function: str, *, nulls_last: bool) -> Lower:
    """The value, which may be null, in the row where `by` is extreme; where that is null only if it always is.

    `ties` decide between several such rows. All values that are to come from one row must be given the same, or none:
    then the rows' order decides, which is the engine's.
    """

    def lower(by: Operand, value: Operand, *ties: Operand) -> exp.Expr:
        is_null = exp.Is(this=by.sql.copy(), expression=exp.null())
        order = is_null if nulls_last else exp.Not(this=is_null)
        key = trees.call("row", order, by.sql, *(tie.sql for tie in ties))
        return _never_null(trees.call(function, value.sql, key), value.type)

    return lower


def _row(operands: Sequence[Operand]) -> exp.Expr:
    return trees.call("row", *(operand.sql for operand in operands))


# --- the table ------------------------------------------------------------------------------------------------------

_SUMMABLE = NUMBER | TIMESPAN
_MEASURABLE = NUMBER | TIMESPAN | DATETIME
_ORDERED = _MEASURABLE | STRING | BOOL


def _made(  # noqa: PLR0913 a row has as many cells as the table has columns
    name: str,
    parameters: tuple[TypeSet, ...],
    result: Result,
    lower: Lower,
    prefix: str | None = None,
    *,
    page: str | None = None,
    optional: int = 0,
) -> Aggregate:
    reference = f"{(page or name).replace('_', '-')}-aggregation-function"
    return Aggregate(name, parameters, result, lower, reference, name if prefix is None else prefix, optional)


def _each(names: dict[str, Lower], parameters: tuple[TypeSet, ...], result: Result) -> tuple[Aggregate, ...]:
    """Aggregates of the same types, and their -if forms."""
    return tuple(row for name, lower in names.items() for row in with_condition(_made(name, parameters, result, lower)))


ROWS: tuple[Aggregate, ...] = (
    _made("count", (ANY,), ColumnType.LONG, _count, optional=1),
    _made("countif", (BOOL,), ColumnType.LONG, _count),
    *with_condition(_made("dcount", (ANY, LONG), ColumnType.LONG, _distinct_count, optional=1)),
    *with_condition(_made("count_distinct", (SCALAR,), ColumnType.LONG, _distinct_count)),
    *with_condition(_made("sum", (_SUMMABLE,), _total, _sum)),
    *with_condition(_made("avg", (_MEASURABLE,), _mean, _avg)),
    *_each({"min": _plain(exp.Min), "max": _plain(exp.Max)}, (_ORDERED,), first),
    *_each(
        {
            "stdev": _spread(exp.StddevSamp),
            "variance": _spread(exp.Variance),
            "variancep": _spread(exp.VariancePop),
        },
        (_MEASURABLE,),
        ColumnType.REAL,
    ),
    _made("stdevp", (_MEASURABLE,), ColumnType.REAL, _spread(exp.StddevPop)),
    *_each(
        {"covariance": _covariance(exp.CovarSamp), "covariancep": _covariance(exp.CovarPop)},
        (_MEASURABLE, _MEASURABLE),
        ColumnType.REAL,
    ),
    _made("binary_all_and", (LONG,), first, _plain(exp.BitwiseAndAgg), ""),
    _made("binary_all_or", (LONG,), first, _plain(exp.BitwiseOrAgg), ""),
    _made("binary_all_xor", (LONG,), first, _plain(exp.BitwiseXorAgg), ""),
    *with_condition(_made("any", (ANY,), first, _any, page="take_any")),
    *with_condition(_made("take_any", (ANY,), first, _any, ""), prefix=""),
    _made("arg_max", (_ORDERED, ANY), lambda types: types[1], _of_extreme("arg_max_null", nulls_last=False)),
    _made("arg_min", (_ORDERED, ANY), lambda types: types[1], _of_extreme("arg_min_null", nulls_last=True)),
)
