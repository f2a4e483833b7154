"""Queries in scalars, as columns beside the rows.

Where they stand an engine may allow none (in a function over elements, in TRY), and would compute one for each time
that it is named.
"""

from collections.abc import Iterator
from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import rebuild, scalars, with_fields, with_scalars
from herdsight.tables import ColumnType

_Over = (
    plan.Filter
    | plan.Projection
    | plan.Aggregation
    | plan.Sorted
    | plan.Unnest
    | plan.Windows
    | plan.Parsed
    | plan.Sessions
    | plan.Steps
)


def hoist_queries(relation: plan.Relation) -> plan.Relation:
    """The plan with each query that a row's scalar reads joined to the input, its value beside every row."""
    return rebuild(relation, _hoisted)


def _hoisted(relation: plan.Relation) -> plan.Relation:
    if isinstance(relation, plan.Rows):
        return _computed(relation) if any(_found_in(relation)) else relation
    queries = {id(query): query for query in _found_in(relation)}
    if not queries or not isinstance(relation, _Over):
        return relation
    names = {key: f"#query {number}" for number, key in enumerate(queries)}
    beside = relation.input
    for key, query in queries.items():
        beside = _beside(beside, query, names[key])
    over = with_scalars(replace(relation, input=beside), lambda value: _replaced(value, names))
    return with_fields(over, relation.fields)


def _found_in(relation: plan.Relation) -> Iterator[plan.ScalarQuery]:
    return (query for value in scalars(relation) for query in _found(value))


def _computed(rows: plan.Rows) -> plan.Relation:
    """Rows with queries in their cells: each a projection of one row, beside which the queries stand."""
    one = plan.Rows((plan.Field("#one", ColumnType.LONG),), ((plan.Const(1, ColumnType.LONG),),))
    parts = [
        _hoisted(
            plan.Projection(
                one,
                tuple(plan.Item(field.name, cell) for field, cell in zip(rows.fields, row, strict=True)),
            )
        )
        for row in rows.rows
    ]
    return plan.Union(tuple(parts), rows.fields) if parts[1:] else parts[0]


def _beside(left: plan.Relation, query: plan.ScalarQuery, name: str) -> plan.Join:
    (field,) = query.relation.fields
    first = plan.Projection(plan.Limit(query.relation, 1), (plan.Item(name, plan.Ref(field.name, field.type)),))
    own = tuple(plan.Item(each.name, plan.Ref(each.name, each.type)) for each in left.fields)
    return plan.Join("leftouter", left, first, (), own, (plan.Item(name, plan.Ref(name, field.type)),))


def _found(value: plan.Scalar) -> Iterator[plan.ScalarQuery]:
    match value:
        case plan.ScalarQuery():
            yield value
        case plan.Apply(arguments=arguments):
            for argument in arguments:
                yield from _found(argument)
        case plan.InQuery(value=inner):
            yield from _found(inner)


def _replaced(value: plan.Scalar, names: dict[int, str]) -> plan.Scalar:
    match value:
        case plan.ScalarQuery(type=kind) if id(value) in names:
            return plan.Ref(names[id(value)], kind)
        case plan.Apply(arguments=arguments):
            return replace(value, arguments=tuple(_replaced(argument, names) for argument in arguments))
        case plan.InQuery(value=inner):
            return replace(value, value=_replaced(inner, names))
        case _:
            return value
