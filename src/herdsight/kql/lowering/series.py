"""Lowering of make-series: bins counted from the first, then a list of them all for each key."""

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.functions.conversions import boxed
from herdsight.kql.functions.model import Operand
from herdsight.kql.lowering.dispatch import nested, opened, outputs, select
from herdsight.kql.lowering.scalars import Open, grouped, lower_measure, operand_of, sql_names
from herdsight.tables import ColumnType

_BIN, _LOW, _COUNT = "#bin", "#low", "#count"


@select.register
def _(relation: plan.SeriesTable) -> exp.Select:
    """Rows on the axis; where it begins and how many bins it has; each key's bins; the lists."""
    names = sql_names(relation.fields)
    keys = [names[key.name] for key in relation.keys]
    binned = _binned(relation, names)
    gathered = _gathered(relation, binned, keys, names)
    bounds = _bounds(relation, names)
    tree = exp.select(
        *(trees.column(name, "g") for name in keys),
        *(_series(each, names) for each in relation.measures),
        trees.named(_axis(relation), names[relation.axis.name]),
    ).from_(nested(gathered, "g"))
    return tree.join(nested(bounds, "b"), join_type="CROSS", copy=False)


def _micros(value: exp.Expr, kind: ColumnType) -> exp.Expr:
    """A place on the axis as a number: microseconds of a time."""
    return trees.call("kql_micros", value) if kind is ColumnType.DATETIME else value


def _number(value: plan.Scalar) -> exp.Expr:
    return _micros(operand_of(value, {}).sql, value.type)


def _on_axis(relation: plan.SeriesTable) -> tuple[Open, exp.Expr]:
    """The input's rows within the axis' ends, and a row's place on it."""
    below = opened(relation.input)
    place = _micros(below.sql(relation.axis.value), relation.axis.value.type)
    conditions: list[exp.Expr] = [exp.Not(this=exp.Is(this=place.copy(), expression=exp.null()))]
    if relation.low is not None:
        conditions.append(exp.GTE(this=place.copy(), expression=_number(relation.low)))
    if relation.high is not None:
        conditions.append(exp.LT(this=place.copy(), expression=_number(relation.high)))
    below.tree = below.tree.where(*conditions, copy=False)
    return below, place


def _bounds(relation: plan.SeriesTable, names: dict[str, str]) -> exp.Select:
    """One row: where the axis begins and its number of bins."""
    del names
    step = _number(relation.step)
    if relation.low is not None and relation.high is not None:
        count = _bins(_number(relation.low), _number(relation.high), step)
        return exp.select(trees.named(_number(relation.low), _LOW), trees.named(count, _COUNT))
    below, place = _on_axis(relation)
    low = _number(relation.low) if relation.low is not None else _first(place, step, relation.axis.value.type)
    ends = below.tree.select(trees.named(low, _LOW), trees.named(exp.Max(this=place.copy()), "#last"), copy=False)
    if relation.high is not None:
        count = _bins(trees.column(_LOW), _number(relation.high), step)
    else:
        span = exp.Paren(this=exp.Sub(this=trees.column("#last"), expression=trees.column(_LOW)))
        count = exp.Add(this=_floor(span, step), expression=trees.number(1))
    return exp.select(trees.column(_LOW), trees.named(count, _COUNT)).from_(nested(ends, "e"))


def _first(place: exp.Expr, step: exp.Expr, kind: ColumnType) -> exp.Expr:
    """The begin of the first bin, where bins are aligned as bin() aligns them."""
    name = {ColumnType.DATETIME: "kql_bin_micros", ColumnType.REAL: "kql_bin_real"}.get(kind, "kql_bin_long")
    return trees.call(name, exp.Min(this=place.copy()), step.copy())


def _floor(span: exp.Expr, step: exp.Expr) -> exp.Expr:
    quotient = exp.Div(this=span, expression=exp.Paren(this=step.copy()), typed=False, safe=False)
    return exp.Cast(this=exp.Floor(this=quotient), to=trees.sql_type(ColumnType.LONG))


def _bins(low: exp.Expr, high: exp.Expr, step: exp.Expr) -> exp.Expr:
    span = exp.Paren(this=exp.Sub(this=high, expression=low))
    quotient = exp.Div(this=span, expression=exp.Paren(this=step.copy()), typed=False, safe=False)
    return exp.Cast(this=exp.Ceil(this=quotient), to=trees.sql_type(ColumnType.LONG))


def _binned(relation: plan.SeriesTable, names: dict[str, str]) -> exp.Select:
    """The measures by key and bin, which is counted from the axis' begin."""
    below, place = _on_axis(relation)
    low = (
        _number(relation.low)
        if relation.low is not None
        else exp.Subquery(this=exp.select(trees.column(_LOW)).from_(nested(_bounds(relation, names), "f")))
    )
    position = _floor(exp.Paren(this=exp.Sub(this=place, expression=low)), _number(relation.step))
    keys = outputs(below, relation.keys, names)
    measures = [trees.named(lower_measure(each.measure, below), names[each.measure.name]) for each in relation.measures]
    tree = below.tree.select(trees.named(position, _BIN), *keys, *measures, copy=False)
    return grouped(tree, len(keys) + 1)


def _gathered(relation: plan.SeriesTable, binned: exp.Select, keys: list[str], names: dict[str, str]) -> exp.Select:
    """By key, a map from bin to measure for each measure; none where there are no rows, unless asked for."""
    maps = [_map(names[each.measure.name], each.measure.type) for each in relation.measures]
    tree = grouped(exp.select(*(trees.column(name) for name in keys), *maps).from_(nested(binned, "r")), len(keys))
    if keys or relation.nonempty:
        return tree
    return tree.having(exp.GT(this=exp.Count(this=exp.Star()), expression=trees.number(0)))


def _map(name: str, kind: ColumnType) -> exp.Alias:
    pair = trees.call("row", trees.column(_BIN), boxed(Operand(trees.column(name), kind)))
    entries = exp.Coalesce(this=exp.ArrayAgg(this=pair), expressions=[exp.Array(expressions=[])])
    return trees.named(trees.call("map_from_entries", entries), _map_name(name))


def _map_name(name: str) -> str:
    return f"#map {name}"


def _series(each: plan.SeriesMeasure, names: dict[str, str]) -> exp.Alias:
    name = names[each.measure.name]
    default = boxed(operand_of(each.default, {}))
    values = trees.call("kql_series", trees.column(_map_name(name), "g"), trees.column(_COUNT, "b"), default)
    return trees.named(values, name)


def _axis(relation: plan.SeriesTable) -> exp.Expr:
    name = {ColumnType.DATETIME: "kql_axis_datetime", ColumnType.TIMESPAN: "kql_axis_timespan"}.get(
        relation.axis.value.type, "kql_axis_number"
    )
    return trees.call(name, trees.column(_LOW, "b"), trees.column(_COUNT, "b"), _number(relation.step))
