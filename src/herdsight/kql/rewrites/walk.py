"""How a pass reaches every part of a plan."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from herdsight.kql import plan

OnRelation = Callable[[plan.Relation], plan.Relation]
OnScalar = Callable[[plan.Scalar], plan.Scalar]


def inputs(relation: plan.Relation) -> tuple[plan.Relation, ...]:
    """The relations that one is computed from, those in its scalars (toscalar, in) left out."""
    match relation:
        case plan.Join(left=left, right=right) | plan.NetworkJoin(left=left, right=right):
            return left, right
        case plan.IntervalJoin(probe=probe, build=build):
            return probe, build
        case plan.Union(parts=parts):
            return parts
        case plan.Scan() | plan.Rows() | plan.Series() | plan.External():
            return ()
        case _:
            return (relation.input,)


def rebuild(relation: plan.Relation, on_relation: OnRelation) -> plan.Relation:
    """The plan with every relation replaced by what `on_relation` makes of it, inputs first, queries in scalars too."""
    return on_relation(with_parts(relation, lambda part: rebuild(part, on_relation)))


def with_parts(relation: plan.Relation, on_part: OnRelation) -> plan.Relation:
    """The relation with its inputs, and the queries in its scalars, replaced."""
    built = _with_inputs(relation, on_part)
    if any(True for _ in _queries(built)):
        return with_scalars(built, lambda value: _with_queries(value, on_part))
    return built


def _with_inputs(relation: plan.Relation, on_part: OnRelation) -> plan.Relation:
    match relation:
        case plan.Join(left=left, right=right):
            return replace(relation, left=on_part(left), right=on_part(right))
        case plan.NetworkJoin(left=left, right=right):
            return replace(relation, left=on_part(left), right=on_part(right))
        case plan.IntervalJoin(probe=probe, build=build):
            return replace(relation, probe=on_part(probe), build=on_part(build))
        case plan.Union(parts=parts):
            return replace(relation, parts=tuple(on_part(part) for part in parts))
        case plan.Scan() | plan.Rows() | plan.Series() | plan.External():
            return relation
        case _:
            return replace(relation, input=on_part(relation.input))


def _with_queries(value: plan.Scalar, on_part: OnRelation) -> plan.Scalar:
    match value:
        case plan.ScalarQuery(relation=relation):
            return replace(value, relation=on_part(relation))
        case plan.InQuery(value=inner, relation=relation):
            return replace(value, value=_with_queries(inner, on_part), relation=on_part(relation))
        case plan.Apply(arguments=arguments):
            return replace(value, arguments=tuple(_with_queries(argument, on_part) for argument in arguments))
        case _:
            return value


def relations(relation: plan.Relation) -> Iterator[plan.Relation]:
    """Every relation of a plan, each as often as it is there, queries in scalars too."""
    yield relation
    for part in (*inputs(relation), *_queries(relation)):
        yield from relations(part)


def scans(relation: plan.Relation) -> Iterator[plan.Scan]:
    """The tables that a plan reads, each as often as it does."""
    return (part for part in relations(relation) if isinstance(part, plan.Scan))


def _queries(relation: plan.Relation) -> Iterator[plan.Relation]:
    """The relations in a relation's own scalars."""
    for value in scalars(relation):
        yield from queries_in(value)


def queries_in(value: plan.Scalar) -> Iterator[plan.Relation]:
    """The relations in a scalar."""
    match value:
        case plan.ScalarQuery(relation=relation):
            yield relation
        case plan.InQuery(value=inner, relation=relation):
            yield relation
            yield from queries_in(inner)
        case plan.Apply(arguments=arguments):
            for argument in arguments:
                yield from queries_in(argument)


def scalars(relation: plan.Relation) -> tuple[plan.Scalar, ...]:
    """A relation's own scalars."""
    found: list[plan.Scalar] = []

    def collect(value: plan.Scalar) -> plan.Scalar:
        found.append(value)
        return value

    with_scalars(relation, collect)
    return tuple(found)


def with_scalars(relation: plan.Relation, on_scalar: OnScalar) -> plan.Relation:  # noqa: C901, PLR0912 a case a node
    """The relation with its own scalars (not its inputs') replaced."""
    match relation:
        case plan.Filter(condition=condition):
            return replace(relation, condition=on_scalar(condition))
        case plan.Projection(items=items):
            return replace(relation, items=_items(items, on_scalar))
        case plan.Aggregation(keys=keys, measures=measures):
            return replace(relation, keys=_items(keys, on_scalar), measures=_measures(measures, on_scalar))
        case plan.Sorted(keys=sort_keys):
            return replace(relation, keys=tuple(replace(key, value=on_scalar(key.value)) for key in sort_keys))
        case plan.Rows(rows=rows):
            return replace(relation, rows=tuple(tuple(on_scalar(cell) for cell in row) for row in rows))
        case plan.Series(low=low, high=high, step=step):
            return replace(relation, low=on_scalar(low), high=on_scalar(high), step=on_scalar(step))
        case plan.Unnest(expansions=expansions):
            return replace(
                relation, expansions=tuple(replace(each, value=on_scalar(each.value)) for each in expansions)
            )
        case plan.Windows(calls=calls):
            return replace(
                relation,
                calls=tuple(replace(call, arguments=tuple(map(on_scalar, call.arguments))) for call in calls),
            )
        case plan.Parsed(text=text):
            return replace(relation, text=on_scalar(text))
        case plan.Sessions(value=value, longest=longest, gap=gap, restart=restart):
            return replace(
                relation,
                value=on_scalar(value),
                longest=on_scalar(longest),
                gap=on_scalar(gap),
                restart=on_scalar(restart),
            )
        case plan.NetworkJoin(address=address, network=network):
            return replace(relation, address=on_scalar(address), network=on_scalar(network))
        case plan.SeriesTable():
            return _series_table(relation, on_scalar)
        case plan.Steps(declared=declared, steps=steps):
            changed = tuple(
                replace(step, condition=on_scalar(step.condition), assignments=_items(step.assignments, on_scalar))
                for step in steps
            )
            return replace(relation, declared=_items(declared, on_scalar), steps=changed)
        case _:
            return relation


def _series_table(table: plan.SeriesTable, on_scalar: OnScalar) -> plan.SeriesTable:
    measures = tuple(
        replace(
            each,
            value=on_scalar(each.value),
            measures=_measures(each.measures, on_scalar),
            default=on_scalar(each.default),
        )
        for each in table.measures
    )
    return replace(
        table,
        keys=_items(table.keys, on_scalar),
        measures=measures,
        axis=replace(table.axis, value=on_scalar(table.axis.value)),
        low=on_scalar(table.low) if table.low is not None else None,
        high=on_scalar(table.high) if table.high is not None else None,
        step=on_scalar(table.step),
    )


def own_names(relation: plan.Relation) -> set[str]:
    """The names of a relation's fields."""
    return {field.name for field in relation.fields}


def with_fields(relation: plan.Relation, fields: tuple[plan.Field, ...]) -> plan.Relation:
    """The relation with just these of its fields, in this order."""
    if relation.fields == fields:
        return relation
    return plan.Projection(relation, tuple(plan.Item(field.name, plan.Ref(field.name, field.type)) for field in fields))


def substituted(value: plan.Scalar, values: dict[str, plan.Scalar]) -> plan.Scalar:
    """The scalar with each reference replaced by the scalar that makes that column."""
    match value:
        case plan.Ref(name=name):
            return values[name]
        case plan.Apply(arguments=arguments):
            return replace(value, arguments=tuple(substituted(argument, values) for argument in arguments))
        case plan.InQuery(value=inner):
            return replace(value, value=substituted(inner, values))
        case _:
            return value


def references(value: plan.Scalar) -> Iterator[plan.Ref]:
    """The columns that a scalar reads, one by one; not those that a query in it reads of its own."""
    match value:
        case plan.Ref():
            yield value
        case plan.Apply(arguments=arguments):
            for argument in arguments:
                yield from references(argument)
        case plan.InQuery(value=inner):
            yield from references(inner)


def conjuncts(value: plan.Scalar) -> Iterator[plan.Scalar]:
    """The conditions that must all hold."""
    if isinstance(value, plan.Apply) and value.function.name == "and":
        for argument in value.arguments:
            yield from conjuncts(argument)
    else:
        yield value


def _items(items: tuple[plan.Item, ...], on_scalar: OnScalar) -> tuple[plan.Item, ...]:
    return tuple(replace(item, value=on_scalar(item.value)) for item in items)


def _measures(measures: tuple[plan.Measure, ...], on_scalar: OnScalar) -> tuple[plan.Measure, ...]:
    return tuple(
        replace(measure, arguments=tuple(on_scalar(argument) for argument in measure.arguments)) for measure in measures
    )
