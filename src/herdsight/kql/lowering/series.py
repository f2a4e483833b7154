"""Lowering of make-series: bins counted from the first, then a list of them all for each key."""

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.functions.conversions import boxed
from herdsight.kql.functions.model import Operand
from herdsight.kql.lowering.dispatch import nested, opened, outputs, select
from herdsight.kql.lowering.scalars import Open, grouped, lower_measure, operand_of, sql_names
from herdsight.tables import ColumnType

_BIN, _LOW, _STEP, _COUNT = "#bin", "#low", "#step", "#count"


@select.register
def _(relation: plan.SeriesTable) -> exp.Select:
    """Each key's bins, counted from where its series begins; how many a series has; the lists."""
    names = sql_names(relation.fields)
    keys = [names[key.name] for key in relation.keys]
    gathered = _gathered(relation, _binned(relation, keys, names), keys, names)
    tree = exp.select(
        *(trees.column(name) for name in keys),
        *(_series(each, names) for each in relation.measures),
        trees.named(_axis(relation), names[relation.axis.name]),
    )
    return tree.from_(nested(gathered, "g"))


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
    if relation.axis.value.type is ColumnType.REAL:
        conditions.append(trees.call("isfinite", place.copy()))
    if not isinstance(relation.step, plan.Const):  # a query's: one that leads nowhere makes no series
        conditions.append(exp.GT(this=_number(relation.step), expression=trees.number(0)))
    if relation.low is not None:
        conditions.append(exp.GTE(this=place.copy(), expression=_number(relation.low)))
    if relation.high is not None:
        conditions.append(exp.LT(this=place.copy(), expression=_number(relation.high)))
    below.tree = below.tree.where(*conditions, copy=False)
    return below, place


def _begin(place: exp.Expr, step: exp.Expr, kind: ColumnType) -> exp.Expr:
    """Where a place's bin begins, as bin() aligns bins."""
    name = {ColumnType.DATETIME: "kql_bin_micros", ColumnType.REAL: "kql_bin_real"}.get(kind, "kql_bin_long")
    return trees.call(name, place, step)


def _steps(low: exp.Expr, high: exp.Expr, step: exp.Expr) -> exp.Expr:
    """How many steps there are between two places, with a fraction."""
    return trees.call("kql_steps", low, high, step.copy())


def _whole(steps: exp.Expr) -> exp.Expr:
    return trees.call("kql_whole_steps", steps)


def _binned(relation: plan.SeriesTable, keys: list[str], names: dict[str, str]) -> exp.Select:
    """The measures by key and bin; a bin is counted from the axis' low end, or from the first that its key has."""
    below, place = _on_axis(relation)
    step = _number(relation.step)
    if relation.low is not None:
        bin_ = _whole(exp.Floor(this=_steps(_number(relation.low), place, step)))
    else:
        bin_ = _begin(place, step, relation.axis.value.type)
    measured = {
        (place, measure.name): lower_measure(measure, below)
        for place, each in enumerate(relation.measures)
        for measure in each.measures
    }
    measures = [trees.named(tree, _measure_name(*key)) for key, tree in measured.items()]
    tree = below.tree.select(trees.named(bin_, _BIN), *outputs(below, relation.keys, names), *measures, copy=False)
    binned = _valued(relation, grouped(tree, len(keys) + 1), keys, names)
    return binned if relation.low is not None else _from_the_first(binned, step, keys)


def _measure_name(place: int, name: str) -> str:
    return f"#measure {place} {name}"


def _valued(relation: plan.SeriesTable, measured: exp.Select, keys: list[str], names: dict[str, str]) -> exp.Select:
    """The value of each series, of what has been measured."""
    values = []
    for place, each in enumerate(relation.measures):
        columns = {made.name: trees.column(_measure_name(place, made.name)) for made in each.measures}
        values.append(trees.named(operand_of(each.value, columns).sql, names[each.name]))
    return exp.select(*(trees.column(name) for name in (_BIN, *keys)), *values).from_(nested(measured, "v"))


def _from_the_first(binned: exp.Select, step: exp.Expr, keys: list[str]) -> exp.Select:
    """The bins by number in place of where they begin, and where the first of their key begins."""
    first = exp.Window(this=exp.Min(this=trees.column(_BIN)), partition_by=[trees.column(name) for name in keys])
    begun = exp.select(exp.Star(), trees.named(first, _LOW)).from_(nested(binned, "f"))
    number = _whole(exp.Round(this=_steps(trees.column(_LOW), trees.column(_BIN), step)))
    others = exp.Star(except_=[exp.to_identifier(_BIN, quoted=True)])
    return exp.select(others, trees.named(number, _BIN)).from_(nested(begun, "n"))


def _gathered(relation: plan.SeriesTable, binned: exp.Select, keys: list[str], names: dict[str, str]) -> exp.Select:
    """By key, a map from bin to measure for each measure, where the series begins, its step and number of bins.

    None where there are no rows, unless asked for.
    """
    maps = [_map(names[each.name], each.value.type) for each in relation.measures]
    low = _number(relation.low) if relation.low is not None else exp.Min(this=trees.column(_LOW))
    count = (
        _whole(exp.Ceil(this=_steps(low.copy(), _number(relation.high), _number(relation.step))))
        if relation.high is not None
        else exp.Add(this=exp.Max(this=trees.column(_BIN)), expression=trees.number(1))
    )
    counted = exp.Coalesce(this=count, expressions=[trees.number(0)])
    ends = {_LOW: low, _STEP: _number(relation.step), _COUNT: counted}
    columns = [*(trees.column(name) for name in keys), *maps, *(trees.named(tree, name) for name, tree in ends.items())]
    tree = grouped(exp.select(*columns).from_(nested(binned, "r")), len(keys))
    if keys or relation.nonempty:
        return tree
    return tree.having(exp.GT(this=exp.Count(this=exp.Star()), expression=trees.number(0)))


def _map(name: str, kind: ColumnType) -> exp.Alias:
    """A value that is null is there, unlike one of a bin without rows."""
    value = exp.Coalesce(this=boxed(Operand(trees.column(name), kind)), expressions=[trees.text("null")])
    pairs = exp.ArrayAgg(this=trees.call("row", trees.column(_BIN), value))
    is_near = exp.Not(this=exp.Is(this=trees.column(_BIN), expression=exp.null()))
    entries = exp.Coalesce(
        this=exp.Filter(this=pairs, expression=exp.Where(this=is_near)), expressions=[exp.Array(expressions=[])]
    )
    return trees.named(trees.call("map_from_entries", entries), _map_name(name))


def _map_name(name: str) -> str:
    return f"#map {name}"


def _series(each: plan.SeriesMeasure, names: dict[str, str]) -> exp.Alias:
    name = names[each.name]
    default = boxed(operand_of(each.default, {}))
    values = trees.call("kql_series", trees.column(_map_name(name)), trees.column(_COUNT), default)
    return trees.named(values, name)


def _axis(relation: plan.SeriesTable) -> exp.Expr:
    name = {ColumnType.DATETIME: "kql_axis_datetime", ColumnType.TIMESPAN: "kql_axis_timespan"}.get(
        relation.axis.value.type, "kql_axis_number"
    )
    return trees.call(name, trees.column(_LOW), trees.column(_COUNT), trees.column(_STEP))
