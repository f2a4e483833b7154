"""How a pass reaches every part of a plan."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from herdsight.kql import plan

OnRelation = Callable[[plan.Relation], plan.Relation]
OnScalar = Callable[[plan.Scalar], plan.Scalar]


def rebuild(relation: plan.Relation, on_relation: OnRelation) -> plan.Relation:
    """The plan with every relation replaced by what `on_relation` makes of it, inputs first."""
    match relation:
        case plan.Join(left=left, right=right):
            made = replace(relation, left=rebuild(left, on_relation), right=rebuild(right, on_relation))
            return on_relation(made)
        case plan.IntervalJoin(probe=probe, build=build):
            built = replace(relation, probe=rebuild(probe, on_relation), build=rebuild(build, on_relation))
            return on_relation(built)
        case plan.Scan() | plan.Rows() | plan.Series():
            return on_relation(relation)
        case _:
            return on_relation(replace(relation, input=rebuild(relation.input, on_relation)))


def inputs(relation: plan.Relation) -> tuple[plan.Relation, ...]:
    """The relations that one is computed from."""
    match relation:
        case plan.Join(left=left, right=right):
            return left, right
        case plan.IntervalJoin(probe=probe, build=build):
            return probe, build
        case plan.Scan() | plan.Rows() | plan.Series():
            return ()
        case _:
            return (relation.input,)


def scans(relation: plan.Relation) -> Iterator[plan.Scan]:
    """The tables that a plan reads, each as often as it does."""
    if isinstance(relation, plan.Scan):
        yield relation
    for part in inputs(relation):
        yield from scans(part)


def with_scalars(relation: plan.Relation, on_scalar: OnScalar) -> plan.Relation:
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
        case _:
            return relation


def substituted(value: plan.Scalar, values: dict[str, plan.Scalar]) -> plan.Scalar:
    """The scalar with each reference replaced by the scalar that makes that column."""
    match value:
        case plan.Ref(name=name):
            return values[name]
        case plan.Apply(arguments=arguments):
            return replace(value, arguments=tuple(substituted(argument, values) for argument in arguments))
        case _:
            return value


def references(value: plan.Scalar) -> Iterator[plan.Ref]:
    """The columns that a scalar reads, one by one."""
    match value:
        case plan.Ref():
            yield value
        case plan.Apply(arguments=arguments):
            for argument in arguments:
                yield from references(argument)


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
