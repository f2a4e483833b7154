"""Binding of make-series."""

from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import apply, converted
from herdsight.kql.binding.dispatch import alone, bind_operator
from herdsight.kql.binding.items import constant, named
from herdsight.kql.binding.names import Names, default_name
from herdsight.kql.binding.scalars import scalar
from herdsight.kql.binding.scope import NOTHING, Bound, Context
from herdsight.kql.binding.summarize import Measures
from herdsight.kql.rewrites.fold import fold
from herdsight.tables import ColumnType


@bind_operator.register
def _(operator: syntax.MakeSeries, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "make-series", operator.start)
    scope, names = bound.scope(), Names()
    keys = tuple(made for item in operator.keys for made in named(context, item, scope, names))
    measures = tuple(_series(context, item, bound, names) for item in operator.items)
    axis = _axis(context, operator.axis, bound)
    step = fold(scalar(context, operator.step, NOTHING))
    low, high = (fold(scalar(context, end, NOTHING)) if end else None for end in (operator.low, operator.high))
    apply(context, "bin", [axis.value, step], operator.start)  # the step must fit the axis
    if isinstance(step, plan.Const) and isinstance(step.value, int | float) and not step.value > 0:
        raise context.wrong("the step of a series must be more than 0", operator.step.start, code="HS038")
    if _count(low, high, step) > _MOST_BINS:
        what = f"the series would have more than {_MOST_BINS:,} values"
        raise context.wrong(what, operator.step.start, code="HS038", hint="take a longer step or a shorter range")
    if high is not None and operator.inclusive:
        high = apply(context, "+", [high, step], operator.start)
    table = plan.SeriesTable(bound.relation, keys, measures, axis, low, high, step, operator.nonempty)
    return Bound(table)


_MOST_BINS = 2**20  # as in Kusto


def _count(low: plan.Scalar | None, high: plan.Scalar | None, step: plan.Scalar) -> float:
    """How many bins there are between constant ends; 0 where only the data or the time of the query tell."""
    values = [end.value for end in (low, high, step) if isinstance(end, plan.Const)]
    numbers = [value for value in values if isinstance(value, int | float)]
    return (numbers[1] - numbers[0]) / numbers[2] if len(numbers) == 3 else 0  # noqa: PLR2004 all three


def _axis(context: Context, axis: syntax.Expression, bound: Bound) -> plan.Item:
    given = axis.value if isinstance(axis, syntax.Assignment) else axis
    name = axis.name if isinstance(axis, syntax.Assignment) else default_name(axis)
    value = scalar(context, given, bound.scope())
    if value.type is ColumnType.INT:
        value = converted(value, ColumnType.LONG)
    return plan.Item(name or "Column1", value)


def _series(context: Context, item: syntax.SeriesItem, bound: Bound, names: Names) -> plan.SeriesMeasure:
    given = item.value.value if isinstance(item.value, syntax.Assignment) else item.value
    name = names.of(context, item.value)
    measures = Measures(context, bound.scope())
    value = measures.over(given, name)
    default = constant(context, item.default, "the default") if item.default else plan.Const(0, ColumnType.LONG)
    fitting = default if default.type is value.type else _fitting(default, value.type)
    return plan.SeriesMeasure(name, value, tuple(measures.found), fitting)


def _fitting(default: plan.Const, kind: ColumnType) -> plan.Scalar:
    if default.value is None or kind in (ColumnType.STRING, ColumnType.DYNAMIC, ColumnType.DATETIME):
        return plan.Const(None, kind)
    return converted(default, kind)
