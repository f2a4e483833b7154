"""Aggregates. All but count ignore nulls.

What Kusto leaves open (which value of any, the order of a set) is decided here by order of value, so that the same data
gives the same answer.
"""

from collections.abc import Callable, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arithmetic import cast, wider
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
)
from herdsight.tables import ColumnType

Lower = Callable[..., exp.Expr]
_MOST = 1_048_576  # elements that a set or list has at most, as in Kusto


def same(types: Sequence[ColumnType]) -> ColumnType:
    """The type of the first argument."""
    return types[0]


def _total(types: Sequence[ColumnType]) -> ColumnType:
    return types[0] if types[0] is ColumnType.TIMESPAN else wider(types[:1])


def _mean(types: Sequence[ColumnType]) -> ColumnType:
    return types[0] if types[0] in (ColumnType.TIMESPAN, ColumnType.DATETIME) else ColumnType.REAL


def _where(aggregate: exp.Expr, condition: exp.Expr) -> exp.Expr:
    return exp.Filter(this=aggregate, expression=exp.Where(this=condition))


def _filtered(lower: Lower) -> Lower:
    """The aggregate's -if form: the condition is the last argument."""
    return lambda *operands: _where(lower(*operands[:-1]), operands[-1].sql)


def _count() -> exp.Expr:
    return exp.Count(this=exp.Star())


def _distinct_count(value: Operand, accuracy: Operand | None = None) -> exp.Expr:
    del accuracy
    # Kusto estimates (HyperLogLog), exactly for small sets; an exact count is faithful at every threshold.
    return exp.Count(this=exp.Distinct(expressions=[value.sql]))


def _sum(value: Operand) -> exp.Expr:
    kind = _total([value.type])
    total = exp.Cast(this=exp.Sum(this=value.sql), to=trees.sql_type(kind))
    return exp.Coalesce(this=total, expressions=[trees.number(0)])  # the sum of nothing is 0


def _avg(value: Operand) -> exp.Expr:
    if value.type is ColumnType.DATETIME:
        return trees.call("kql_moment", exp.Avg(this=trees.call("kql_micros", value.sql)))
    mean = exp.Avg(this=value.sql)
    return (
        exp.Cast(this=exp.Round(this=mean), to=trees.sql_type(value.type))
        if value.type is ColumnType.TIMESPAN
        else mean
    )


def _extreme(node: type[exp.AggFunc]) -> Lower:
    def lower(value: Operand) -> exp.Expr:
        extreme = node(this=value.sql)
        return exp.Coalesce(this=extreme, expressions=[trees.text("")]) if value.type is ColumnType.STRING else extreme

    return lower


def _any(value: Operand) -> exp.Expr:
    """A value that is not empty, if there is one: the least, so that it is always the same."""
    if value.type is not ColumnType.STRING:
        return exp.Min(this=value.sql)
    least = exp.Min(this=exp.Nullif(this=value.sql, expression=trees.text("")))
    return exp.Coalesce(this=least, expressions=[trees.text("")])


def _union(value: Operand, most: Operand | None = None) -> exp.Expr:
    """The distinct elements of arrays; a value that is no array counts as one element."""
    gathered = exp.ArrayAgg(this=trees.call("kql_elements", value.sql))
    kept = _where(gathered, exp.Not(this=exp.Is(this=value.sql.copy(), expression=exp.null())))
    return trees.call("kql_union", kept, most.sql if most else trees.number(_MOST))


def _set(value: Operand, most: Operand | None = None) -> exp.Expr:
    lower = _union if value.type is ColumnType.DYNAMIC else _gathered("kql_set", distinct=True)
    return lower(value, most)


def _gathered(function: str, *, distinct: bool) -> Lower:
    def lower(value: Operand, most: Operand | None = None) -> exp.Expr:
        element = _json_element(value)
        gathered = exp.ArrayAgg(this=exp.Distinct(expressions=[element]) if distinct else element)
        kept = _where(gathered, exp.Not(this=exp.Is(this=value.sql.copy(), expression=exp.null())))
        return trees.call(function, kept, most.sql if most else trees.number(_MOST))

    return lower


def _json_element(value: Operand) -> exp.Expr:
    """What stands in the dynamic array for a value: times as text, the rest as it is."""
    if value.type is ColumnType.DATETIME:
        return trees.call("kql_datetime_text", value.sql)
    return trees.call("kql_timespan_text", value.sql) if value.type is ColumnType.TIMESPAN else value.sql


def _spread(node: type[exp.AggFunc]) -> Lower:
    return lambda value: exp.Coalesce(this=node(this=cast(value, ColumnType.REAL)), expressions=[trees.number(0)])


def _conditional(name: str, types: tuple[TypeSet, ...], result: Result, lower: Lower) -> Aggregate:
    """An aggregate's -if form."""
    prefix = f"{name}if"
    return Aggregate(prefix, (*types, BOOL), result, _filtered(lower), f"{prefix}-aggregation-function", prefix)


def _rows(name: str, types: tuple[TypeSet, ...], result: Result, lower: Lower, prefix: str) -> tuple[Aggregate, ...]:
    """An aggregate and its -if form."""
    made = Aggregate(name, types, result, lower, f"{name}-aggregation-function", prefix)
    return made, _conditional(name, types, result, lower)


_SUMMABLE = NUMBER | TIMESPAN
_ORDERED = NUMBER | TIMESPAN | DATETIME | STRING

ROWS: tuple[Aggregate, ...] = (
    *_rows("count", (), ColumnType.LONG, _count, "count"),
    Aggregate("dcount", (SCALAR, LONG), ColumnType.LONG, _distinct_count, "dcount-aggregation-function", "dcount", 1),
    _conditional("dcount", (SCALAR,), ColumnType.LONG, _distinct_count),
    *_rows("sum", (_SUMMABLE,), _total, _sum, "sum"),
    *_rows("avg", (_SUMMABLE | DATETIME,), _mean, _avg, "avg"),
    *_rows("min", (_ORDERED,), same, _extreme(exp.Min), "min"),
    *_rows("max", (_ORDERED,), same, _extreme(exp.Max), "max"),
    *_rows("stdev", (NUMBER,), ColumnType.REAL, _spread(exp.StddevSamp), "stdev"),
    *_rows("variance", (NUMBER,), ColumnType.REAL, _spread(exp.Variance), "variance"),
    Aggregate(
        "make_set",
        (ANY, LONG),
        ColumnType.DYNAMIC,
        _set,
        "make-set-aggregation-function",
        "set",
        1,
    ),
    Aggregate(
        "make_list",
        (SCALAR, LONG),
        ColumnType.DYNAMIC,
        _gathered("kql_list", distinct=False),
        "make-list-aggregation-function",
        "list",
        1,
    ),
    Aggregate("any", (ANY,), same, _any, "any-aggregation-function", "any"),
    Aggregate("take_any", (ANY,), same, _any, "take-any-aggregation-function", ""),
)
