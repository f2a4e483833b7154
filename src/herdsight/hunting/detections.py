"""Rules with their queries compiled, and whether data can carry them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from herdsight.hunting.columns import check_columns
from herdsight.kql.binding import Surroundings
from herdsight.kql.plan import Relation
from herdsight.kql.rewrites.emptiness import can_have_rows
from herdsight.querying import compiled, scanned_tables, surroundings
from herdsight.rules.reading import RuleFile
from herdsight.telemetry import Options, Span


@dataclass(frozen=True, slots=True)
class Detection:
    """A rule with its query compiled."""

    file: RuleFile
    relation: Relation

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that it reads."""
        return scanned_tables(self.relation)


def detections_of(rules: Sequence[RuleFile], options: Options) -> list[Detection]:
    """The rules, compiled and checked.

    Raises:
        RuleError, QueryError: a rule is wrong.
    """
    known = surroundings(options)
    return [_detection(each, known) for each in rules]


def _detection(file: RuleFile, known: Surroundings) -> Detection:
    relation = compiled(file.rule.query, f"{file.source} (query)", known)[0].query.relation
    check_columns(file, relation)
    return Detection(file, relation)


def why_not(detection: Detection, spans: Mapping[str, Span]) -> str | None:
    """Why a detection cannot run on data where only these tables have rows; None where it can."""
    if can_have_rows(detection.relation, spans):
        return None
    empty = [name for name in detection.reads if name not in spans]
    return f"it reads {' and '.join(empty)}, and nothing in these logs can be seen as that"
