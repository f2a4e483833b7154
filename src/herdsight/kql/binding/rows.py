"""Binding of operators that choose, order, count or drop rows."""

from collections.abc import Iterable

from herdsight.kql import plan, syntax
from herdsight.kql.binding.dispatch import alone, bind_operator
from herdsight.kql.binding.items import check_key, extended, group_keys, named_items, row_count
from herdsight.kql.binding.names import Names
from herdsight.kql.binding.scalars import condition, scalar
from herdsight.kql.binding.scope import Bound, Context, Scope, kept, ref
from herdsight.kql.functions import AGGREGATES
from herdsight.kql.functions.internal import ROW_ORDER
from herdsight.tables import ColumnType


@bind_operator.register
def _(operator: syntax.Where, context: Context, bound: Bound) -> Bound:
    windows: list[plan.WindowCall] = []
    wanted = condition(context, operator.condition, bound.scope(windows))
    filtered = plan.Filter(bound.windowed(windows).relation, wanted)
    return bound.over(filtered).narrowed(bound.fields) if windows else bound.over(filtered)


@bind_operator.register
def _(operator: syntax.Serialize, context: Context, bound: Bound) -> Bound:
    return extended(context, bound, operator.items) if operator.items else bound


@bind_operator.register
def _(operator: syntax.Distinct, context: Context, bound: Bound) -> Bound:
    if any(isinstance(item, syntax.Star) for item in operator.items):
        keys = tuple(kept(column) for column in bound.fields)
        for key in keys:
            check_key(context, key.value, operator.start)
    else:
        keys = group_keys(context, operator.items, bound.scope(), Names())
    return bound.aggregated(keys, ())


@bind_operator.register
def _(operator: syntax.Count, context: Context, bound: Bound) -> Bound:
    counted = bound.aggregated((), (plan.Measure(operator.name or "Count", AGGREGATES["count"], (), ColumnType.LONG),))
    if operator.name is not None:
        context.names[operator.name] = counted
    return counted


@bind_operator.register
def _(operator: syntax.Sort, context: Context, bound: Bound) -> Bound:
    keys = sort_keys(context, operator.keys, bound.scope())
    for key, written in zip(keys, operator.keys, strict=True):
        check_key(context, key.value, written.value.start)
    return bound.over(plan.Sorted(bound.relation, keys))


@bind_operator.register
def _(operator: syntax.Take, context: Context, bound: Bound) -> Bound:
    return bound.limited(row_count(context, operator.count))


@bind_operator.register
def _(operator: syntax.Top, context: Context, bound: Bound) -> Bound:
    ordered = bound.over(plan.Sorted(bound.relation, sort_keys(context, operator.keys, bound.scope())))
    return ordered.limited(row_count(context, operator.count))


def sort_keys(context: Context, keys: Iterable[syntax.Ordering], scope: Scope) -> tuple[plan.SortKey, ...]:
    """Sort keys over the columns in scope."""
    return tuple(plan.SortKey(scalar(context, key.value, scope), key.descending, key.nulls_first) for key in keys)


@bind_operator.register
def _(operator: syntax.Sample, context: Context, bound: Bound) -> Bound:
    return _sampled(bound, row_count(context, operator.count))


@bind_operator.register
def _(operator: syntax.SampleDistinct, context: Context, bound: Bound) -> Bound:
    distinct = bound.aggregated(group_keys(context, [operator.value], bound.scope(), Names()), ())
    return _sampled(distinct, row_count(context, operator.count))


def _sampled(bound: Bound, count: int) -> Bound:
    """Rows that are chosen by their content alone, so that the same data gives the same sample."""
    mixed = plan.Apply(ROW_ORDER, tuple(ref(column) for column in bound.relation.fields), ColumnType.LONG)
    return bound.over(plan.Sorted(bound.relation, (plan.SortKey(mixed, False, True),))).limited(count)


@bind_operator.register
def _(operator: syntax.TopHitters, context: Context, bound: Bound) -> Bound:
    (key,) = named_items(context, [operator.value], bound.scope())
    if operator.weight is None:
        measure = plan.Measure(f"approximate_count_{key.name}", AGGREGATES["count"], (), ColumnType.LONG)
    else:
        weight = scalar(context, operator.weight, bound.scope())
        name = operator.weight.name if isinstance(operator.weight, syntax.Name) else ""
        measure = plan.Measure(f"approximate_sum_{name}", AGGREGATES["sum"], (weight,), weight.type)
    counted = bound.aggregated([key], [measure])
    heaviest = plan.SortKey(plan.Ref(measure.name, measure.type), True, False)
    return counted.over(plan.Sorted(counted.relation, (heaviest,))).limited(row_count(context, operator.count))


@bind_operator.register
def _(operator: syntax.Consume, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "consume", operator.start)
    return bound.limited(0)
