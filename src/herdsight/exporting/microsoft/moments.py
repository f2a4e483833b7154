"""What of a query needs more than the events of a minute, which are all that a near-real-time rule sees."""

from collections.abc import Iterator

from herdsight.exporting.microsoft.alerting import threshold_of
from herdsight.exporting.model import LEFT_OUT, Loss
from herdsight.kql import plan
from herdsight.kql.rewrites.walk import inputs, queries_in, relations, scalars, scans
from herdsight.kql.show import value_text
from herdsight.rules.reading import RuleFile

_TOGETHER = {
    plan.Join: "join",
    plan.NetworkJoin: "ipv4_lookup",
    plan.IntervalJoin: "join",
    plan.Union: "union",
    plan.Windows: "prev(), next() or a running number",
    plan.Sessions: "row_window_session()",
    plan.SeriesTable: "make-series",
    plan.Steps: "scan",
    plan.Limit: "take or top",
}
_ALONE = f"it needs events that are not of one minute; {LEFT_OUT}"


def beyond_a_minute(file: RuleFile) -> tuple[Loss, ...]:
    """The clauses of a rule that a near-real-time rule cannot say, each once."""
    from herdsight.querying import compiled

    relation = compiled(file.rule.query, f"{file.source} (query)")[0].query.relation
    threshold = threshold_of(file.rule)
    found = dict.fromkeys((*([threshold] if threshold else ()), *_clauses(relation)))
    return tuple(Loss(file.slug, clause, _ALONE) for clause in found)


def _clauses(relation: plan.Relation) -> Iterator[str]:
    if len({each.table for each in scans(relation)}) > 1:
        yield "several tables"
    for part in relations(relation):
        if type(part) in _TOGETHER:
            yield _TOGETHER[type(part)]
        if any(True for value in scalars(part) for _ in queries_in(value)):
            yield "a query in a value"
        if isinstance(part, plan.Filter) and _is_of_groups(part):
            yield f"where {value_text(part.condition)}"


def _is_of_groups(part: plan.Filter) -> bool:
    """Whether what is filtered has been counted before."""
    return any(isinstance(each, plan.Aggregation) for below in inputs(part) for each in relations(below))
