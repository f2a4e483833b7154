"""A rule's schedule replayed over the data: every run that Sentinel would have made, and what each put out."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from herdsight.kql.literals import micros
from herdsight.kql.lower import lower
from herdsight.kql.plan import Relation
from herdsight.kql.rewrites import optimised
from herdsight.kql.rewrites.time_window import within
from herdsight.querying import KQL_TYPE, typed
from herdsight.rules.model import Rule
from herdsight.telemetry import Span, Telemetry

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a rule: it sees the events after `since` up to and with `until`, which is its now."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """One result of one run."""

    run: Run
    row: Row


def runs(now: datetime, span: Span, frequency: timedelta, period: timedelta) -> Iterator[Run]:
    """The runs whose period holds any of the span, oldest first; the last is at `now`."""
    latest = max(0, _ceiling_division(now - (span.last + period), frequency))
    earliest = max(latest, (now - span.first) // frequency)
    for back in range(earliest, latest - 1, -1):
        until = now - back * frequency
        if until - period < span.last:
            yield Run(until - period, until)


def replayed(telemetry: Telemetry, rule: Rule, relation: Relation, span: Span) -> Iterator[Alert]:
    """The alerts of all runs of a rule over the data, in order of time."""
    for run in runs(telemetry.now, span, rule.queryFrequency, rule.queryPeriod):
        rows = _run(telemetry, relation, run)
        if rule.triggers(len(rows)):
            yield from (Alert(run, row) for row in rows)


def _run(telemetry: Telemetry, relation: Relation, run: Run) -> list[Row]:
    now = micros(run.until)
    windowed = within(optimised(relation, now), micros(run.since), now)
    table = typed(telemetry.run(lower(windowed)), relation.fields)
    sets = [field.name for field in table.schema if (field.metadata or {}).get(KQL_TYPE) == b"dynamic"]
    return [_with_values(row, sets) for row in table.to_pylist()]


def _with_values(row: dict[str, object], dynamic: list[str]) -> Row:
    return {**row, **{name: json.loads(str(row[name])) for name in dynamic if row[name]}}


def _ceiling_division(length: timedelta, step: timedelta) -> int:
    return -(-length // step)
