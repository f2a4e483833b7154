"""Columns that nothing reads, left out of every part of a plan: an engine plans all that is written."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from herdsight.kql import plan
from herdsight.kql.rewrites.columns import demands
from herdsight.kql.rewrites.walk import own_names, queries_in, scalars, with_fields, with_parts

_Named = TypeVar("_Named", plan.Field, plan.Item, plan.Measure, plan.WindowCall)


def prune(relation: plan.Relation) -> plan.Relation:
    """The plan with the same fields, whose parts put out what something reads and no more."""
    of_shared: dict[str, set[str]] = defaultdict(set)
    _demand(relation, own_names(relation), of_shared)
    return with_fields(_pruned(relation, own_names(relation), of_shared), relation.fields)


def _demand(relation: plan.Relation, wanted: set[str], of_shared: dict[str, set[str]]) -> None:
    """Note what is read of each shared part, by all that read it."""
    if isinstance(relation, plan.Shared):
        known = of_shared.get(relation.name)
        if known is not None and wanted <= known:
            return
        of_shared[relation.name] |= wanted
        wanted = of_shared[relation.name]
    wanted = wanted or _one(relation)
    slim = _slim(relation, wanted)
    for value in scalars(slim):
        for query in queries_in(value):
            _demand(query, own_names(query), of_shared)
    for part, needed in demands(slim, wanted):
        _demand(part, needed, of_shared)


def _pruned(relation: plan.Relation, wanted: set[str], of_shared: Mapping[str, set[str]]) -> plan.Relation:
    if isinstance(relation, plan.Shared):
        wanted = of_shared[relation.name]
    wanted = wanted or _one(relation)
    slim = _slim(relation, wanted)
    needed = iter([names for _, names in demands(slim, wanted)])  # of the inputs, which come before queries in scalars
    built = with_parts(slim, lambda part: _pruned(part, next(needed, own_names(part)), of_shared))
    if isinstance(built, plan.Union):
        return replace(built, parts=tuple(with_fields(part, built.fields) for part in built.parts))
    return built


def _slim(relation: plan.Relation, wanted: set[str]) -> plan.Relation:
    """The relation itself without what it makes for nobody."""
    match relation:
        case plan.Scan(fields=fields) | plan.Union(fields=fields):
            return replace(relation, fields=_of(fields, wanted))
        case plan.Projection(items=items):
            return replace(relation, items=_of(items, wanted))
        case plan.Windows(calls=calls):
            return replace(relation, calls=_of(calls, wanted) or calls[:1])
        case plan.Aggregation(keys=keys, measures=measures):
            return replace(relation, measures=_of(measures, wanted) if keys else _of(measures, wanted) or measures[:1])
        case plan.Join(left_fields=left, right_fields=right) | plan.NetworkJoin(left_fields=left, right_fields=right):
            return replace(relation, left_fields=_of(left, wanted), right_fields=_of(right, wanted))
        case _:
            return relation


def _of(things: Sequence[_Named], wanted: set[str]) -> tuple[_Named, ...]:
    return tuple(each for each in things if each.name in wanted)


def _one(relation: plan.Relation) -> set[str]:
    """Where nothing but the number of rows is read, the first column: SQL wants one."""
    return {field.name for field in relation.fields[:1]}
