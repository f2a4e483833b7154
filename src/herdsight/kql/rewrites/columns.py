"""Which columns of which tables a plan reads, so that no more is read or kept than that."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import inputs, own_names, queries_in, rebuild, references, scalars


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


def _collect(relation: plan.Relation, wanted: set[str], found: dict[str, set[str]]) -> None:
    for value in scalars(relation):
        for query in queries_in(value):
            _collect(query, own_names(query), found)
    if isinstance(relation, plan.Scan):
        if relation.time:  # a watchlist has none
            found[relation.table] |= {*wanted, relation.time}
        return
    for part, needed in demands(relation, wanted):
        _collect(part, needed, found)


def demands(relation: plan.Relation, wanted: set[str]) -> Iterator[tuple[plan.Relation, set[str]]]:
    """The relation's inputs, in order, and which of their columns the wanted ones of its own depend on."""
    return ((part, needed & own_names(part)) for part, needed in _demands(relation, wanted))


def _demands(relation: plan.Relation, wanted: set[str]) -> Iterator[tuple[plan.Relation, set[str]]]:  # noqa: C901 a case a node
    read = _names(scalars(relation))
    match relation:
        case plan.Projection(input=below, items=items):
            yield below, _names(item.value for item in items if item.name in wanted)
        case plan.Aggregation(input=below) | plan.SeriesTable(input=below):
            yield below, read
        case (
            plan.Limit(input=below, per=per) | plan.Windows(input=below, per=per) | plan.Sessions(input=below, per=per)
        ):
            yield below, wanted | read | {*per}
        case plan.Filter(input=below) | plan.Sorted(input=below) | plan.Numbered(input=below):
            yield below, wanted | read
        case plan.Shared(input=below):
            yield below, wanted
        case plan.Unnest(input=below, expansions=expansions):
            yield below, (wanted - {each.name for each in expansions}) | read
        case plan.Parsed(input=below, captures=captures):
            yield below, (wanted - {each.name for each in captures}) | read
        case plan.Join(left=left, right=right, keys=pairs):
            # Which of the rows of a key `innerunique` takes depends on all that they hold.
            of_left = own_names(left) if relation.kind == "innerunique" else _taken(relation.left_fields, wanted)
            yield left, of_left | {pair.left for pair in pairs}
            yield right, _taken(relation.right_fields, wanted) | {pair.right for pair in pairs}
        case plan.NetworkJoin(left=left, right=right, keys=pairs):
            yield left, _taken(relation.left_fields, wanted) | read | {pair.left for pair in pairs}
            yield right, _taken(relation.right_fields, wanted) | read | {pair.right for pair in pairs}
        case plan.Union(parts=parts):
            yield from ((part, wanted) for part in parts)
        case _:
            yield from ((part, own_names(part)) for part in inputs(relation))


def _taken(items: Iterable[plan.Item], wanted: set[str]) -> set[str]:
    return _names(item.value for item in items if item.name in wanted)


def _names(values: Iterable[plan.Scalar]) -> set[str]:
    return {ref.name for value in values for ref in references(value)}
