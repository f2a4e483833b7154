"""A whole plan as one tree: what it shares before it, each part once."""

from collections.abc import Iterator

from sqlglot import exp

from herdsight.kql import plan
from herdsight.kql.lowering import networks, relations, rows, series, sessions, steps  # noqa: F401 each registers its nodes
from herdsight.kql.lowering.dispatch import select
from herdsight.kql.rewrites.walk import relations as all_relations


def lower(relation: plan.Relation) -> exp.Select:
    """The SQL tree of a plan in which now() is pinned or given; its columns are the plan's fields, under `sql_names`.

    What the plan shares stands before it, each part once.
    """
    tree = select(relation)
    shared = {part.name: part for part in _inner_first(relation)}
    for name, part in shared.items():
        tree = tree.with_(
            exp.to_identifier(name, quoted=True),
            as_=select(part.input),
            materialized=part.materialized or None,
            copy=False,
        )
    return tree


def _inner_first(relation: plan.Relation) -> Iterator[plan.Shared]:
    """Shared parts, those that others are made of before them."""
    found = [part for part in all_relations(relation) if isinstance(part, plan.Shared)]
    yield from reversed(found)
