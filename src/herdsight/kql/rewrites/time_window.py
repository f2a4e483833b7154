"""The time range that a scheduled rule sees: every table bounded by it, as Sentinel bounds a rule's query."""

from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import rebuild


def within(relation: plan.Relation, since: int | plan.Given, until: int | plan.Given) -> plan.Relation:
    """The plan over the rows with `since < time <= until` of every table: microseconds since 1970, or each run's."""

    def bounded(part: plan.Relation) -> plan.Relation:
        return replace(part, since=since, until=until) if isinstance(part, plan.Scan) and part.time else part

    return rebuild(relation, bounded)
