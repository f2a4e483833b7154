"""Lowering of the nodes that SQL has words for: projections, filters, aggregations, joins, rows."""

from collections.abc import Mapping

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.lowering.dispatch import from_open, nested, opened, outputs, select
from herdsight.kql.lowering.interval_join import lower_interval_join
from herdsight.kql.lowering.order import in_order
from herdsight.kql.lowering.scalars import grouped, lower_measure, operand_of, same_key, sql_names
from herdsight.tables import ColumnType


@select.register
def _(relation: plan.Projection) -> exp.Select:
    below = opened(relation.input)
    return below.tree.select(*outputs(below, relation.items, sql_names(relation.fields)), copy=False)


@select.register
def _(relation: plan.Aggregation) -> exp.Select:
    ordered = gathers_in_order(relation)
    below = opened(plan.Numbered(relation.input, _NUMBER) if ordered else relation.input)
    names = sql_names(relation.fields)
    keys = outputs(below, relation.keys, names)
    lowered = [lower_measure(measure, below) for measure in relation.measures]
    if ordered:
        lowered = [_ordered_lists(tree, below.columns[_NUMBER]) for tree in lowered]
    measures = [trees.named(tree, names[each.name]) for tree, each in zip(lowered, relation.measures, strict=True)]
    tree = below.tree.select(*keys, *measures, copy=False)
    return grouped(tree, len(keys))


def gathers_in_order(relation: plan.Aggregation) -> bool:
    """Whether an aggregation makes lists whose order is that of its input's rows."""
    return _in_order(relation.input) and any(_gathers(measure) for measure in relation.measures)


def _in_order(relation: plan.Relation) -> bool:
    """Whether the rows come in an order that the query has asked for."""
    while isinstance(relation, plan.Projection | plan.Filter | plan.Windows | plan.Parsed | plan.Unnest):
        relation = relation.input
    return isinstance(relation, plan.Sorted | plan.Limit | plan.Series | plan.Sessions)


def _gathers(measure: plan.Measure) -> bool:
    return measure.function.name.startswith(("make_list", "makelist"))


def _ordered_lists(tree: exp.Expr, order: exp.Expr) -> exp.Expr:
    """The aggregate with its list in the order of rows, which several threads would lose."""
    for gathered in tree.find_all(exp.ArrayAgg):
        if not isinstance(gathered.this, exp.Distinct | exp.Order):
            in_order = exp.Order(this=gathered.this, expressions=[exp.Ordered(this=order.copy())])
            gathered.set("this", in_order)
    return tree


@select.register
def _(relation: plan.Sorted) -> exp.Select:
    below = opened(relation.input)
    names = sql_names(relation.fields)
    tree = below.tree.select(*(trees.named(below.columns[name].copy(), sql) for name, sql in names.items()), copy=False)
    tree.set("order", in_order(relation.keys, below))
    return tree


@select.register
def _(relation: plan.Limit) -> exp.Select:
    if relation.per:
        return _first_of_each(relation)
    tree = select(relation.input)
    if tree.args.get("limit") is not None:
        below = opened(relation.input)
        tree = below.tree.select(*from_open(below, relation.input), copy=False)
    return tree.limit(relation.count, copy=False)


def _first_of_each(relation: plan.Limit) -> exp.Select:
    """The first rows of each group, in the input's order."""
    sorted_ = relation.input if isinstance(relation.input, plan.Sorted) else None
    below = opened(sorted_.input if sorted_ else relation.input)
    names = sql_names(relation.fields)
    order = in_order(sorted_.keys, below) if sorted_ else None
    partition = [below.columns[name].copy() for name in relation.per]
    numbered = trees.named(exp.Window(this=exp.RowNumber(), partition_by=partition, order=order), _NUMBER)
    inner = below.tree.select(*from_open(below, relation), numbered, copy=False)
    outer = exp.select(*(trees.column(name) for name in names.values())).from_(nested(inner, "n"))
    return outer.where(exp.LTE(this=trees.column(_NUMBER), expression=trees.number(relation.count)))


_NUMBER = "#"


@select.register
def _(relation: plan.Rows) -> exp.Select:
    names = list(sql_names(relation.fields).values())
    if not relation.rows:
        empty = exp.select(
            *(trees.named(trees.null(field.type), name) for field, name in zip(relation.fields, names, strict=True))
        )
        return empty.where(exp.false())
    rows = [exp.Tuple(expressions=[operand_of(cell, {}).sql for cell in row]) for row in relation.rows]
    alias = exp.TableAlias(
        this=exp.to_identifier("t", quoted=True), columns=[exp.to_identifier(name, quoted=True) for name in names]
    )
    typed = (
        trees.named(exp.Cast(this=trees.column(name), to=trees.sql_type(field.type)), name)
        for name, field in zip(names, relation.fields, strict=True)
    )
    return exp.select(*typed).from_(exp.Values(expressions=rows, alias=alias))


@select.register
def _(relation: plan.Series) -> exp.Select:
    """The values counted from the first."""
    low, step = operand_of(relation.low, {}), operand_of(relation.step, {})
    is_time = relation.type is ColumnType.DATETIME
    position = exp.Cast(this=trees.column("range"), to=_position_type(relation))
    walked = exp.Paren(this=exp.Mul(this=position, expression=step.sql))
    value = trees.call("kql_later", low.sql, walked) if is_time else exp.Add(this=low.sql, expression=walked)
    typed = exp.Cast(this=value, to=trees.sql_type(relation.type))
    return exp.select(trees.named(typed, relation.name)).from_(_positions(relation))


def _position_type(series: plan.Series) -> exp.DataType:
    """Of the count of steps: what the last value is from the first may be more than a long holds."""
    ends = [
        end.value for end in (series.low, series.high) if isinstance(end, plan.Const) and isinstance(end.value, int)
    ]
    is_near = all(abs(end) < _MOST_STEPS // 2 for end in ends)
    return trees.sql_type(ColumnType.LONG) if is_near else exp.DataType.build("INT128")


def _positions(series: plan.Series) -> exp.Expr:
    """0, 1, 2 ... as a column called range: as a stream, or in one list where only the engine knows how many."""
    ends = (series.low, series.high, series.step)
    if all(isinstance(end, plan.Const) for end in ends):
        return exp.Table(this=trees.call("range", trees.number(_steps(series))))
    low, high, step = (operand_of(end, {}).sql for end in ends)
    if series.type is ColumnType.DATETIME:
        low, high = trees.call("kql_micros", low), trees.call("kql_micros", high)
    count = trees.call("range", trees.call("kql_range_count", low, high, step))
    return nested(exp.select(trees.named(trees.call("unnest", count), "range")), "n")


def _steps(series: plan.Series) -> int:
    values = [part.value for part in (series.low, series.high, series.step) if isinstance(part, plan.Const)]
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < 3 or not numbers[2]:  # noqa: PLR2004 low, high, step
        return 0
    low, high, step = numbers
    if all(isinstance(number, int) for number in numbers):
        count = (high - low) // step if (high - low) * step >= 0 else -1
    else:
        count = (high - low) / step
    if not count >= 0:  # NaN, too
        return 0
    return int(min(count, _MOST_STEPS - 1)) + 1


_MOST_STEPS = 2**63 - 1  # as far as the engine counts


@select.register
def _(relation: plan.Join) -> exp.Select:
    left, right = _joined(relation.left, "l"), _joined(relation.right, "r")
    kinds = {field.name: field.type for field in relation.left.fields}
    equal = trees.conjunction(
        same_key(kinds[key.left], left[1][key.left].copy(), right[1][key.right].copy()) for key in relation.keys
    )
    if relation.kind in _ONE_SIDED:
        return _one_sided(relation, left, right, equal)
    if relation.kind == "innerunique":
        left = _unique(relation, left)
    names = sql_names(relation.fields)
    outer = _OUTER.get(relation.kind, frozenset[str]())
    columns = [
        trees.named(_filled(side[1][_ref_name(item)].copy(), item.value.type, fill=which in outer), names[item.name])
        for which, side, items in (("left", left, relation.left_fields), ("right", right, relation.right_fields))
        for item in items
    ]
    join = exp.Join(
        this=right[0], on=equal, side=_SIDES.get(relation.kind), kind=None if relation.kind in _SIDES else "INNER"
    )
    tree = exp.select(*columns).from_(left[0], copy=False)
    tree.append("joins", join)
    return tree


_SIDES = {"leftouter": "LEFT", "rightouter": "RIGHT", "fullouter": "FULL"}
# The sides whose rows may be missing.
_OUTER = {
    "leftouter": frozenset({"right"}),
    "rightouter": frozenset({"left"}),
    "fullouter": frozenset({"left", "right"}),
}
_ONE_SIDED = ("leftsemi", "rightsemi", "leftanti", "rightanti")

_Side = tuple[exp.Subquery, Mapping[str, exp.Column]]


def _joined(relation: plan.Relation, alias: str) -> _Side:
    columns = {name: trees.column(sql, alias) for name, sql in sql_names(relation.fields).items()}
    return select(relation).subquery(exp.to_identifier(alias, quoted=True), copy=False), columns


def _unique(join: plan.Join, left: _Side) -> _Side:
    """The left side with one row per key, as `innerunique` takes it; which row is open in KQL, the least here."""
    names = sql_names(join.left.fields)
    keys = [trees.column(names[key.left]) for key in join.keys]
    order = exp.Order(expressions=[exp.Ordered(this=trees.column(name)) for name in names.values()])
    numbered = exp.Window(this=exp.RowNumber(), partition_by=keys, order=order)
    tree = left[0].this
    assert isinstance(tree, exp.Query)  # noqa: S101 what sqlglot nests is untyped
    inner = exp.select(exp.Star(), trees.named(numbered, "#")).from_(nested(tree), copy=False)
    first = exp.select(*(trees.column(name) for name in names.values())).from_(nested(inner, "u"), copy=False)
    first = first.where(exp.EQ(this=trees.column("#"), expression=trees.number(1)), copy=False)
    return nested(first, "l"), left[1]


def _one_sided(join: plan.Join, left: _Side, right: _Side, equal: exp.Expr) -> exp.Select:
    (kept, other), items = (
        ((left, right), join.left_fields) if join.kind.startswith("left") else ((right, left), join.right_fields)
    )
    names = sql_names(join.fields)
    partner = exp.Exists(this=exp.select(trees.number(1)).from_(other[0]).where(equal))
    columns = (trees.named(kept[1][_ref_name(item)].copy(), names[item.name]) for item in items)
    condition: exp.Expr = exp.Not(this=partner) if join.kind.endswith("anti") else partner
    return exp.select(*columns).from_(kept[0]).where(condition)


def _filled(column: exp.Expr, kind: ColumnType, *, fill: bool) -> exp.Expr:
    """A column of a side that may be missing: a missing string is ""."""
    if fill and kind is ColumnType.STRING:
        return exp.Coalesce(this=column, expressions=[trees.text("")])
    return column


def _ref_name(item: plan.Item) -> str:
    assert isinstance(item.value, plan.Ref)  # noqa: S101 a join's fields are references
    return item.value.name


@select.register
def _(relation: plan.IntervalJoin) -> exp.Select:
    return lower_interval_join(relation, select(relation.probe), select(relation.build))


@select.register
def _(relation: plan.Union) -> exp.Select:
    """All parts, one after the other: as a tree of unions that is as flat as it can be."""
    parts: list[exp.Query] = [select(part) for part in relation.parts]
    while len(parts) > 1:
        pairs = [parts[start : start + 2] for start in range(0, len(parts), 2)]
        parts = [
            exp.Union(this=pair[0], expression=pair[1], distinct=False, by_name=False) if pair[1:] else pair[0]
            for pair in pairs
        ]
    names = sql_names(relation.fields)
    return exp.select(*(trees.column(name) for name in names.values())).from_(nested(parts[0], "u"), copy=False)


@select.register
def _(relation: plan.Shared) -> exp.Select:
    """What is shared, by its name: `lower` puts the part itself before the whole."""
    names = sql_names(relation.fields)
    return exp.select(*(trees.column(name) for name in names.values())).from_(trees.relation(relation.name))


@select.register
def _(relation: plan.External) -> exp.Select:
    names = sql_names(relation.fields)
    return exp.select(*(trees.column(name) for name in names.values())).from_(trees.relation(relation.name, EXTERNAL))


EXTERNAL = "external"  # the schema in which files that a query names stand, under their addresses
