"""Rules with their queries compiled, and whether data can carry them."""

import re
from collections.abc import Iterator, Mapping, Sequence
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
    """A rule with its query compiled; `lacking` are the watchlists that it reads and that were not given."""

    file: RuleFile
    relation: Relation
    lacking: tuple[str, ...] = ()

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
    named = dict.fromkeys(_WATCHLIST.findall(file.rule.query))
    return Detection(file, relation, tuple(name for name in named if name not in known.watchlists))


_WATCHLIST = re.compile(r"""\b_?GetWatchlist\(\s*["']([^"'\n]+)["']""")


def why_not(detection: Detection, spans: Mapping[str, Span]) -> str | None:
    """Why a detection cannot run on data where only these tables have rows; None where it can."""
    if can_have_rows(detection.relation, spans):
        return None
    return "; ".join(_reasons(detection, spans))


def _reasons(detection: Detection, spans: Mapping[str, Span]) -> Iterator[str]:
    empty = [name for name in detection.reads if name not in spans]
    if empty:
        yield f"it reads {' and '.join(empty)}, and nothing in these logs can be seen as that"
    for name in detection.lacking:
        yield f"it reads the watchlist {name}, which was not given (--watchlist {name}=FILE.csv)"
