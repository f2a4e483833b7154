"""Of equally extreme rows of a table that the query itself writes, arg_max and arg_min take the first.

Over a table of logs no row is the first, so there their choice goes by what the rows hold.
"""

from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.functions import SCALARS
from herdsight.kql.functions.internal import ROW_ORDER
from herdsight.tables import ColumnType

_NUMBER = plan.Ref("#row", ColumnType.LONG)
# What is least, or greatest, for the first row.
_FIRST: dict[str, plan.Scalar] = {
    "arg_min": _NUMBER,
    "arg_max": plan.Apply(SCALARS["negate"][0], (_NUMBER,), ColumnType.LONG),
}


def taking_first_rows(relation: plan.Relation) -> plan.Relation:
    """The relation; an aggregation of a written table has its rows numbered where arg_max or arg_min has to choose."""
    if not isinstance(relation, plan.Aggregation) or not _written(relation.input):
        return relation
    measures = tuple(map(_of_first, relation.measures))
    if measures == relation.measures:
        return relation
    return replace(relation, input=plan.Numbered(relation.input, _NUMBER.name), measures=measures)


def _written(relation: plan.Relation) -> bool:
    while isinstance(relation, plan.Projection | plan.Filter | plan.Parsed):
        relation = relation.input
    return isinstance(relation, plan.Rows | plan.Series)


def _of_first(measure: plan.Measure) -> plan.Measure:
    first = _FIRST.get(measure.function.name)
    if first is None:
        return measure
    return replace(measure, arguments=tuple(first if _is_choice(each) else each for each in measure.arguments))


def _is_choice(argument: plan.Scalar) -> bool:
    return isinstance(argument, plan.Apply) and argument.function is ROW_ORDER
