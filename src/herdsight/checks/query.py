"""The query compiles, and the rule names columns that it puts out."""

from collections.abc import Iterator

from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError, QueryError
from herdsight.hunting.columns import column_faults
from herdsight.querying import compiled
from herdsight.tables import ColumnType


def _compiles(rule: Checked) -> Iterator[HerdsightError]:
    try:
        compiled(rule.file.rule.query)
    except QueryError as error:
        yield from map(rule.in_query, error.problems)


def _columns(rule: Checked) -> Iterator[HerdsightError]:
    if rule.relation is None:
        return
    yield from column_faults(rule.file, rule.relation)
    times = [field for field in rule.relation.fields if field.name == "TimeGenerated"]
    if not times or times[0].type is not ColumnType.DATETIME:
        what = "the query puts out no TimeGenerated, by which Sentinel shows an alert's events in time"
        yield rule.wrong(what, "query", hint="project TimeGenerated = the time of the last event")


CHECKS = (
    Check("compiles", "the query is KQL that runs here", _compiles),
    Check(
        "columns", "every column that the rule names is one of the result, or of the table of its evidence", _columns
    ),
)
