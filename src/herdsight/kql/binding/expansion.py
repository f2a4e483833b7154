"""Binding of mv-expand and mv-apply."""

from collections.abc import Sequence
from dataclasses import replace

from herdsight.kql import plan, syntax
from herdsight.kql.binding.dispatch import bind_operator, bind_operators
from herdsight.kql.binding.items import check_distinct, row_count
from herdsight.kql.binding.names import Names, default_name
from herdsight.kql.binding.scalars import scalar
from herdsight.kql.binding.scope import Bound, Context, hidden, kept, ref
from herdsight.tables import ColumnType


@bind_operator.register
def _(operator: syntax.MvExpand, context: Context, bound: Bound) -> Bound:
    return _expanded(context, operator, bound)


def _expanded(context: Context, operator: syntax.MvExpand, bound: Bound) -> Bound:
    names = Names(column.name for column in bound.fields)
    expansions = tuple(_expansion(context, item, bound, names) for item in operator.items)
    check_distinct(context, [each.name for each in expansions], operator.start)
    limit = row_count(context, operator.limit) if operator.limit else None
    index = names.free(operator.index) if operator.index else None
    return bound.over(plan.Unnest(bound.relation, expansions, index, operator.kind == "array", limit))


def _expansion(context: Context, item: syntax.Expansion, bound: Bound, names: Names) -> plan.Expansion:
    value = scalar(context, item.value, bound.scope())
    if value.type is not ColumnType.DYNAMIC:
        raise context.wrong(
            f"only a dynamic can be expanded, this is a {value.type}", item.start, code="KS116", hint="parse_json(...)"
        )
    derived = default_name(item.value)
    own = bound.scope().find(derived or "")
    name = item.name or (derived if derived and own else names.free(derived or "Column1"))
    return plan.Expansion(name, value, item.type or ColumnType.DYNAMIC)


@bind_operator.register
def _(operator: syntax.MvApply, context: Context, bound: Bound) -> Bound:
    """The rows that a row's arrays make, through the sub-query, beside the row's other columns."""
    items = operator.expand.items
    in_place = {item.value.name for item in items if item.name is None and isinstance(item.value, syntax.Name)}
    outer = [column for column in bound.fields if column.name not in in_place]
    expanded = _expanded(context, operator.expand, _carrying(bound, outer))
    assert isinstance(expanded.relation, plan.Unnest)  # noqa: S101 mv-expand makes no other
    made = {*(each.name for each in expanded.relation.expansions), expanded.relation.index}
    applied = bind_operators(
        context, operator.operators, expanded.narrowed(c for c in expanded.fields if c.name in made)
    )
    return _beside(bound, applied, outer)


def _carrying(bound: Bound, outer: Sequence[plan.Field]) -> Bound:
    """The rows with a number, and with copies of these columns that no operator of a sub-query changes.

    What an outer mv-apply or partition has hidden stays hidden beside them.
    """
    depth = len(bound.group)
    row = hidden(f"row {depth}")
    own = {column.name: hidden(f"outer {depth} {column.name}") for column in outer}
    items = (
        kept(plan.Field(row, ColumnType.LONG)),
        *(plan.Item(own[column.name], ref(column)) for column in outer),
        *(kept(column) for column in bound.relation.fields),
    )
    relation = plan.Projection(plan.Numbered(bound.relation, row), items)
    carried = {name: name for name in bound.carried.values()} | dict(bound.carried) | own
    return replace(bound, relation=relation, group=(*bound.group, row), carried=carried)


def _beside(bound: Bound, applied: Bound, outer: Sequence[plan.Field]) -> Bound:
    """The outer row's columns, then the sub-query's; one that is called as an outer one stands in its place."""
    inner = {column.name: kept(column) for column in applied.fields}
    first = [
        inner.pop(column.name, plan.Item(column.name, plan.Ref(applied.carried[column.name], column.type)))
        for column in outer
    ]
    hidden_before = {*bound.group, *bound.carried.values(), applied.bag}
    behind = [kept(column) for column in applied.relation.fields if column.name in hidden_before]
    relation = plan.Projection(applied.relation, (*first, *inner.values(), *behind))
    return replace(bound, relation=relation, mistaken=applied.mistaken, bag=applied.bag)
