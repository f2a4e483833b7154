"""Binding of mv-expand and mv-apply."""

from dataclasses import replace

from herdsight.kql import plan, syntax
from herdsight.kql.binding.dispatch import alone, bind_operator, bind_operators
from herdsight.kql.binding.items import row_count
from herdsight.kql.binding.names import Names, default_name
from herdsight.kql.binding.scalars import scalar
from herdsight.kql.binding.scope import Bound, Context, hidden, kept, ref
from herdsight.tables import ColumnType

_ROW = hidden("row")


@bind_operator.register
def _(operator: syntax.MvExpand, context: Context, bound: Bound) -> Bound:
    return _expanded(context, operator, bound)


def _expanded(context: Context, operator: syntax.MvExpand, bound: Bound) -> Bound:
    names = Names(column.name for column in bound.fields)
    expansions = tuple(_expansion(context, item, bound, names) for item in operator.items)
    limit = row_count(context, operator.limit) if operator.limit else None
    return bound.over(plan.Unnest(bound.relation, expansions, operator.index, operator.kind == "array", limit))


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
    alone(context, bound, "mv-apply", operator.start)
    numbered = bound.over(plan.Numbered(bound.relation, _ROW))
    expanded = _expanded(context, operator.expand, numbered)
    made = {each.name for each in expanded.relation.expansions} if isinstance(expanded.relation, plan.Unnest) else set()
    made |= {operator.expand.index} if operator.expand.index else set()
    outer = [column for column in bound.fields if column.name not in made]
    inner = [column for column in expanded.fields if column.name in made]
    carried = {column.name: hidden(f"outer {column.name}") for column in outer}
    apart = plan.Projection(
        expanded.relation,
        (
            plan.Item(_ROW, plan.Ref(_ROW, ColumnType.LONG)),
            *(plan.Item(carried[column.name], ref(column)) for column in outer),
            *(kept(column) for column in inner),
        ),
    )
    applied = bind_operators(
        context, operator.operators, replace(bound, relation=apart, group=(_ROW,), carried=carried)
    )
    return _beside(applied, outer)


def _beside(applied: Bound, outer: list[plan.Field]) -> Bound:
    """The outer row's columns, then the sub-query's; one whose name is there gets a number."""
    names = Names(column.name for column in outer)
    first = [plan.Item(column.name, plan.Ref(applied.carried[column.name], column.type)) for column in outer]
    behind = [plan.Item(names.free(column.name), ref(column)) for column in applied.fields]
    return Bound(plan.Projection(applied.relation, (*first, *behind)), applied.mistaken)
