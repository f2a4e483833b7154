"""Which columns of which tables a plan reads, so that no more is read or kept than that."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import inputs, queries_in, rebuild, references, scalars


def columns_read(relation: plan.Relation) -> Mapping[str, frozenset[str]]:
    """By table of logs, the columns that the plan's result depends on; the time column is always among them."""
    found: dict[str, set[str]] = defaultdict(set)
    _collect(relation, {field.name for field in relation.fields}, found)
    return {table: frozenset(columns) for table, columns in found.items()}


def from_schema(relation: plan.Relation, schema: str | None) -> plan.Relation:
    """The plan over tables of the same names in another schema; None is the public one."""
    return rebuild(
        relation, lambda part: replace(part, schema=schema) if isinstance(part, plan.Scan) and part.time else part
    )


def _collect(  # noqa: C901, PLR0912 a case a node
    relation: plan.Relation, wanted: set[str], found: dict[str, set[str]]
) -> None:
    for value in scalars(relation):
        for query in queries_in(value):
            _collect(query, {field.name for field in query.fields}, found)
    match relation:
        case plan.Scan(table=table, time=time):
            if time:  # a watchlist has none
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
        case plan.Limit(input=below, per=per):
            _collect(below, wanted | {*per}, found)
        case plan.Join(left=left, right=right, keys=pairs):
            of_left = _names(item.value for item in relation.left_fields if item.name in wanted)
            of_right = _names(item.value for item in relation.right_fields if item.name in wanted)
            _collect(left, of_left | {pair.left for pair in pairs}, found)
            _collect(right, of_right | {pair.right for pair in pairs}, found)
        case plan.Unnest(input=below, expansions=expansions):
            made = {each.name for each in expansions}
            _collect(below, (wanted - made) & _own(below) | _names(each.value for each in expansions), found)
        case plan.Windows(input=below, calls=calls, per=per):
            arguments = [argument for call in calls for argument in call.arguments]
            _collect(below, wanted & _own(below) | _names(arguments) | {*per}, found)
        case plan.Numbered(input=below):
            _collect(below, wanted & _own(below), found)
        case _:
            for part in inputs(relation):
                _collect(part, _own(part), found)


def _own(relation: plan.Relation) -> set[str]:
    return {field.name for field in relation.fields}


def _names(values: Iterable[plan.Scalar]) -> set[str]:
    return {ref.name for value in values for ref in references(value)}
