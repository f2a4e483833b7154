"""Which columns of which tables a plan reads, so that no more is read or kept than that."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import rebuild, references


def columns_read(relation: plan.Relation) -> Mapping[str, frozenset[str]]:
    """By table, the columns that the plan's result depends on; the time column is always among them."""
    found: dict[str, set[str]] = defaultdict(set)
    _collect(relation, {field.name for field in relation.fields}, found)
    return {table: frozenset(columns) for table, columns in found.items()}


def from_schema(relation: plan.Relation, schema: str | None) -> plan.Relation:
    """The plan over tables of the same names in another schema; None is the public one."""
    return rebuild(relation, lambda part: replace(part, schema=schema) if isinstance(part, plan.Scan) else part)


def _collect(relation: plan.Relation, wanted: set[str], found: dict[str, set[str]]) -> None:
    match relation:
        case plan.Scan(table=table, time=time):
            found[table] |= {*wanted, time}
        case plan.Filter(input=below, condition=condition):
            _collect(below, wanted | _names([condition]), found)
        case plan.Projection(input=below, items=items):
            _collect(below, _names(item.value for item in items if item.name in wanted), found)
        case plan.Aggregation(input=below, keys=keys, measures=measures):
            arguments = [argument for measure in measures for argument in measure.arguments]
            _collect(below, _names([*(key.value for key in keys), *arguments]), found)
        case plan.Sorted(input=below, keys=sort_keys):
            _collect(below, wanted | _names(key.value for key in sort_keys), found)
        case plan.Limit(input=below):
            _collect(below, wanted, found)
        case plan.Join(left=left, right=right, keys=pairs):
            of_left = _names(item.value for item in relation.left_fields if item.name in wanted)
            of_right = _names(item.value for item in relation.right_fields if item.name in wanted)
            _collect(left, of_left | {pair.left for pair in pairs}, found)
            _collect(right, of_right | {pair.right for pair in pairs}, found)
        case plan.IntervalJoin(probe=probe, build=build):
            for side in (probe, build):
                _collect(side, {field.name for field in side.fields}, found)


def _names(values: Iterable[plan.Scalar]) -> set[str]:
    return {ref.name for value in values for ref in references(value)}
