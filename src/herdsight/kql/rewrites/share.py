"""What a plan has in several places, as let makes it, computed once."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import inputs, queries_in, scalars, with_parts

# What is cheaper to compute again than to keep: an engine pushes filters and columns into it.
_LIGHT = (plan.Scan, plan.Rows, plan.Series, plan.External, plan.Filter, plan.Projection, plan.Shared)


def share(relation: plan.Relation) -> plan.Relation:
    """The plan with each heavy part that is there more than once, as one object, under a name.

    It runs first: the passes that follow make new objects of all parts.
    """
    uses = Counter(id(part) for whole in _distinct(relation) for part in _parts(whole))
    done: dict[int, plan.Relation] = {}
    names = (f"shared {number}" for number in range(1, len(uses) + 2))

    def shared(part: plan.Relation) -> plan.Relation:
        if id(part) not in done:
            made = with_parts(part, shared)
            if isinstance(made, plan.Shared):
                made = replace(made, name=next(names))
            elif uses[id(part)] > 1 and _heavy(part):
                made = plan.Shared(next(names), made)
            done[id(part)] = made
        return done[id(part)]

    return shared(relation)


def _distinct(relation: plan.Relation) -> Iterator[plan.Relation]:
    """Every relation of a plan once, though several may use it."""
    seen: set[int] = set()
    waiting = [relation]
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += _parts(part)


def _parts(relation: plan.Relation) -> tuple[plan.Relation, ...]:
    return (*inputs(relation), *(query for value in scalars(relation) for query in queries_in(value)))


def _heavy(relation: plan.Relation) -> bool:
    return any(not isinstance(part, _LIGHT) for part in _distinct(relation))
