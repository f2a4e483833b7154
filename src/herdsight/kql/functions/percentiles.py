"""Percentiles: the least value that at least so many percent of the values do not exceed (nearest rank).

Kusto estimates them from a t-digest; here they are exact, and a digest is the values with their weights. The
percentages must be constant.
"""

from collections.abc import Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arithmetic import cast
from herdsight.kql.functions.conditional import Lower
from herdsight.kql.functions.conversions import converted
from herdsight.kql.functions.gathered import as_array
from herdsight.kql.functions.model import (
    DATETIME,
    DYNAMIC,
    LONG,
    NUMBER,
    TIMESPAN,
    Aggregate,
    Naming,
    Operand,
    Scalar,
    TypeSet,
    calls,
)
from herdsight.tables import ColumnType

_RESULTS = {ColumnType.INT: ColumnType.LONG, ColumnType.DECIMAL: ColumnType.REAL}


def _result(types: Sequence[ColumnType]) -> ColumnType:
    return _RESULTS.get(types[0], types[0])


def _value(value: Operand) -> exp.Expr:
    return cast(value, _result([value.type]))


def _percentile(value: Operand, percent: Operand) -> exp.Expr:
    return trees.call("quantile_disc", _value(value), trees.call("kql_share", percent.sql))


def _weighted(value: Operand, weight: Operand) -> exp.Expr:
    return trees.call("kql_weighted", _value(value), weight.sql)


def _weighted_percentile(value: Operand, weight: Operand, percent: Operand) -> exp.Expr:
    return trees.call("kql_weighted_percentile", _weighted(value, weight), percent.sql)


def _percents(percents: Sequence[Operand]) -> exp.Expr:
    """The percentages as a SQL list; they are one array or stand one by one."""
    if percents[0].type is ColumnType.DYNAMIC:
        return trees.call("kql_percents", percents[0].sql)
    return exp.Array(expressions=[cast(percent, ColumnType.REAL) for percent in percents])


def _percentiles(value: Operand, *percents: Operand) -> exp.Expr:
    found = trees.call("quantile_disc", _value(value), trees.call("kql_shares", _percents(percents)))
    return as_array(found, _result([value.type]))


def _weighted_percentiles(value: Operand, weight: Operand, *percents: Operand) -> exp.Expr:
    found = trees.call("kql_weighted_percentiles", _weighted(value, weight), _percents(percents))
    return as_array(found, _result([value.type]))


def _digest(value: Operand, weight: Operand | None = None) -> exp.Expr:
    """The values with their weights; a time counts as its ticks."""
    number = converted(value, ColumnType.LONG) if value.type in DATETIME | TIMESPAN else value.sql
    weights = weight.sql if weight else trees.number(1)
    return trees.call("kql_boxed", trees.call("kql_weighted", number, weights))


def _merged_digest(digest: Operand) -> exp.Expr:
    return trees.call("kql_merged_digest", exp.ArrayAgg(this=trees.call("kql_digest", digest.sql)))


_MEASURABLE = NUMBER | TIMESPAN | DATETIME
_PERCENTS: tuple[TypeSet, ...] = (NUMBER | DYNAMIC, *(NUMBER,) * 31)  # one by one or as one array
_MORE = len(_PERCENTS) - 1


def _array(name: str, values: tuple[TypeSet, ...], lower: Lower) -> Aggregate:
    page = "percentiles-aggregation-function"
    return Aggregate(name, (*values, *_PERCENTS), ColumnType.DYNAMIC, lower, page, "percentiles", _MORE)


def _merge(name: str) -> Aggregate:
    page = "tdigest-merge-aggregation-function"
    return Aggregate(name, (DYNAMIC,), ColumnType.DYNAMIC, _merged_digest, page, "merge_tdigests")


ROWS = (
    Aggregate(
        "percentile", (_MEASURABLE, NUMBER), _result, _percentile, "percentiles-aggregation-function", "percentile"
    ),
    Aggregate(
        "percentilew",
        (_MEASURABLE, LONG, NUMBER),
        _result,
        _weighted_percentile,
        "percentiles-aggregation-function",
        "percentile",
    ),
    _array("percentiles_array", (_MEASURABLE,), _percentiles),
    _array("percentilesw_array", (_MEASURABLE, LONG), _weighted_percentiles),
    Aggregate(
        "tdigest", (_MEASURABLE, LONG), ColumnType.DYNAMIC, _digest, "tdigest-aggregation-function", "tdigest", 1
    ),
    _merge("tdigest_merge"),
    _merge("merge_tdigest"),
)


def _merge_given(*digests: Operand) -> exp.Expr:
    gathered = exp.Array(expressions=[trees.call("kql_digest", digest.sql) for digest in digests])
    return trees.call("kql_merged_digest", gathered)


SCALAR_ROWS = (
    *(
        Scalar(name, (DYNAMIC, DYNAMIC), ColumnType.DYNAMIC, _merge_given, "merge-tdigest-function", variadic=True)
        for name in ("tdigest_merge", "merge_tdigest")
    ),
    Scalar(
        "percentile_tdigest",
        (DYNAMIC, NUMBER),
        ColumnType.DYNAMIC,
        calls("kql_percentile_tdigest"),
        "percentile-tdigest-function",
        Naming.PREFIXED,
    ),
    Scalar("rank_tdigest", (DYNAMIC, NUMBER), ColumnType.REAL, calls("kql_rank_tdigest"), "rank-tdigest-function"),
    Scalar(
        "percentrank_tdigest",
        (DYNAMIC, NUMBER),
        ColumnType.REAL,
        calls("kql_percentrank_tdigest"),
        "percentrank-tdigest-function",
    ),
)
