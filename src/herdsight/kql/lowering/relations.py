"""Lowering: a plan to one SQL tree that every engine renders in its own dialect.

Nodes that SQL can say in one SELECT are merged into one. A column keeps its KQL name where SQL can tell it from the
others (KQL has case-sensitive names, SQL engines do not); `sql_names` says what each is called.
"""

from collections.abc import Mapping, Sequence
from functools import singledispatch

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.literals import moment
from herdsight.kql.lowering.interval_join import lower_interval_join
from herdsight.kql.lowering.scalars import Open, as_condition, grouped, lower_measure, operand_of, sql_names
from herdsight.tables import ColumnType


def lower(relation: plan.Relation) -> exp.Select:
    """The SQL tree of a plan in which now() is pinned; its columns are the plan's fields, under `sql_names`."""
    return _select(relation)


def opened(relation: plan.Relation) -> Open:
    """The relation as something to select from."""
    match relation:
        case plan.Scan():
            return _scan(relation)
        case plan.Filter(input=inner, condition=condition):
            below = opened(inner)
            below.tree = below.tree.where(as_condition(below.sql(condition)), copy=False)
            return below
        case _:
            names = sql_names(relation.fields)
            source = _select(relation).subquery(exp.to_identifier("t", quoted=True), copy=False)
            return Open(
                exp.Select().from_(source, copy=False), {name: trees.column(sql) for name, sql in names.items()}
            )


def _scan(scan: plan.Scan) -> Open:
    tree = exp.Select().from_(trees.relation(scan.table, scan.schema), copy=False)
    time = trees.column(scan.time)
    if scan.since is not None:
        tree = tree.where(exp.GT(this=time.copy(), expression=trees.timestamp(moment(scan.since))), copy=False)
    if scan.until is not None:
        tree = tree.where(exp.LTE(this=time.copy(), expression=trees.timestamp(moment(scan.until))), copy=False)
    return Open(tree, {field.name: trees.column(field.name) for field in scan.fields})


# --- relations ------------------------------------------------------------------------------------------------------


@singledispatch
def _select(relation: plan.Relation) -> exp.Select:
    below = opened(relation)
    names = sql_names(relation.fields)
    columns = (trees.named(below.columns[field.name].copy(), names[field.name]) for field in relation.fields)
    return below.tree.select(*columns, copy=False)


@_select.register
def _(relation: plan.Projection) -> exp.Select:
    below = opened(relation.input)
    return below.tree.select(*_outputs(below, relation.items, sql_names(relation.fields)), copy=False)


@_select.register
def _(relation: plan.Aggregation) -> exp.Select:
    below = opened(relation.input)
    names = sql_names(relation.fields)
    keys = _outputs(below, relation.keys, names)
    measures = [trees.named(lower_measure(measure, below), names[measure.name]) for measure in relation.measures]
    tree = below.tree.select(*keys, *measures, copy=False)
    return grouped(tree, len(keys))


@_select.register
def _(relation: plan.Sorted) -> exp.Select:
    below = opened(relation.input)
    names = sql_names(relation.fields)
    tree = below.tree.select(*(trees.named(below.columns[name].copy(), sql) for name, sql in names.items()), copy=False)
    return tree.order_by(*(_ordered(below, key) for key in relation.keys), copy=False)


@_select.register
def _(relation: plan.Limit) -> exp.Select:
    tree = _select(relation.input)
    if tree.args.get("limit") is not None:
        below = opened(relation.input)
        tree = below.tree.select(*(column.copy() for column in below.columns.values()), copy=False)
    return tree.limit(relation.count, copy=False)


@_select.register
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


@_select.register
def _(relation: plan.Series) -> exp.Select:
    low, step = operand_of(relation.low, {}), operand_of(relation.step, {})
    position = exp.Cast(this=trees.column("range"), to=trees.sql_type(ColumnType.LONG))
    walked = exp.Paren(this=exp.Mul(this=position, expression=step.sql))
    if relation.type is ColumnType.DATETIME:
        value: exp.Expr = trees.call("kql_later", low.sql, walked)
    else:
        value = exp.Add(this=low.sql, expression=walked)
    typed = exp.Cast(this=value, to=trees.sql_type(relation.type))
    counted = trees.call("range", trees.number(_steps(relation)))
    return exp.select(trees.named(typed, relation.name)).from_(exp.Table(this=counted))


def _steps(series: plan.Series) -> int:
    values = [part.value for part in (series.low, series.high, series.step) if isinstance(part, plan.Const)]
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < 3 or not numbers[2]:  # noqa: PLR2004 low, high, step
        return 0
    return max(0, int((numbers[1] - numbers[0]) / numbers[2]) + 1) if (numbers[1] - numbers[0]) / numbers[2] >= 0 else 0


@_select.register
def _(relation: plan.Join) -> exp.Select:
    left, right = _joined(relation.left, "l"), _joined(relation.right, "r")
    equal = trees.conjunction(
        exp.EQ(this=left[1][key.left].copy(), expression=right[1][key.right].copy()) for key in relation.keys
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
    tree = exp.select(*columns).from_(left[0])
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
    return _select(relation).subquery(exp.to_identifier(alias, quoted=True), copy=False), columns


def _unique(join: plan.Join, left: _Side) -> _Side:
    """The left side with one row per key, as `innerunique` takes it; which row is open in KQL, the least here."""
    names = sql_names(join.left.fields)
    keys = [trees.column(names[key.left]) for key in join.keys]
    order = exp.Order(expressions=[exp.Ordered(this=trees.column(name)) for name in names.values()])
    numbered = exp.Window(this=exp.RowNumber(), partition_by=keys, order=order)
    inner = exp.select(exp.Star(), trees.named(numbered, "#")).from_(
        _select(join.left).subquery(exp.to_identifier("t", quoted=True))
    )
    first = exp.select(*(trees.column(name) for name in names.values())).from_(
        inner.subquery(exp.to_identifier("u", quoted=True))
    )
    first = first.where(exp.EQ(this=trees.column("#"), expression=trees.number(1)))
    return first.subquery(exp.to_identifier("l", quoted=True)), left[1]


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


@_select.register
def _(relation: plan.IntervalJoin) -> exp.Select:
    return lower_interval_join(relation, _select(relation.probe), _select(relation.build))


# --- parts of a select ----------------------------------------------------------------------------------------------


def _outputs(below: Open, items: Sequence[plan.Item], names: Mapping[str, str]) -> list[exp.Alias]:
    return [trees.named(below.sql(item.value), names[item.name]) for item in items]


def _ordered(below: Open, key: plan.SortKey) -> exp.Ordered:
    return exp.Ordered(this=below.sql(key.value), desc=key.descending, nulls_first=key.nulls_first)
