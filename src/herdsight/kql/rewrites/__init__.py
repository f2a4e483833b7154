"""Passes over the plan, each `plan -> plan` in a file of its own; PASSES is the order they run in."""

from collections.abc import Callable

from herdsight.kql import plan
from herdsight.kql.rewrites.first_row import taking_first_rows
from herdsight.kql.rewrites.fold import fold
from herdsight.kql.rewrites.hoist import hoist_queries
from herdsight.kql.rewrites.interval_join import rewrite_interval_joins
from herdsight.kql.rewrites.prune import prune
from herdsight.kql.rewrites.share import share
from herdsight.kql.rewrites.unique_join import asked_before_unique
from herdsight.kql.rewrites.walk import rebuild, with_scalars


def fold_constants(relation: plan.Relation, now: int | plan.Given) -> plan.Relation:
    """Constants computed, now() pinned."""
    return rebuild(relation, lambda part: with_scalars(part, lambda value: fold(value, now)))


def choose_rows(relation: plan.Relation) -> plan.Relation:
    """The rows that Kusto keeps where KQL leaves open which: those of innerunique joins, of arg_max and arg_min."""
    return rebuild(relation, lambda part: taking_first_rows(asked_before_unique(part)))


PASSES: tuple[Callable[[plan.Relation], plan.Relation], ...] = (
    rewrite_interval_joins,
    choose_rows,
    hoist_queries,
    prune,
)


def optimised(relation: plan.Relation, now: int | plan.Given) -> plan.Relation:
    """The plan as it will be lowered: now() pinned, constants folded, then all passes.

    `now` is in microseconds since 1970, or what each run is given for it.
    """
    relation = fold_constants(share(relation), now)
    for rewrite in PASSES:
        relation = rewrite(relation)
    return relation
