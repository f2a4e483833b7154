"""A rule's schedule replayed over the data: every run that Sentinel would have made, and what each put out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from herdsight.kql.literals import micros
from herdsight.kql.lowering import lower
from herdsight.kql.plan import Relation
from herdsight.kql.rewrites import optimised
from herdsight.kql.rewrites.columns import from_schema
from herdsight.kql.rewrites.time_window import within
from herdsight.kql.rewrites.walk import scans
from herdsight.querying import KQL_TYPE, compiled, run, typed
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
    """The runs whose period meets the span, oldest first; all are whole frequencies before `now`."""
    latest = max(0, _ceiling_division(now - (span.last + period), frequency))
    earliest = max(latest, (now - span.first) // frequency)
    for back in range(earliest, latest - 1, -1):
        until = now - back * frequency
        if until - period < span.last and until >= span.first:
            yield Run(until - period, until)


def replayed(telemetry: Telemetry, rule: Rule, relation: Relation) -> Iterator[Alert]:
    """The alerts of all runs of a rule over the tables that it reads, in order of time."""
    for stretch in stretches(_active(telemetry, relation, rule.queryFrequency), rule.queryPeriod):
        for each in runs(telemetry.now, stretch, rule.queryFrequency, rule.queryPeriod):
            rows = _rows(telemetry, relation, each)
            if rule.triggers(len(rows)):
                yield from (Alert(each, row) for row in rows)


def stretches(spans: Iterable[Span], apart: timedelta) -> Iterator[Span]:
    """Spans joined where they are no further apart than that; in order. No run of that period sees two of them.

    Logs may be years apart, or hold one event of a wrong year: the runs between are not worth making.
    """
    current: Span | None = None
    for span in sorted(spans, key=lambda each: each.first):
        if current and span.first - current.last <= apart:
            current = Span(current.first, max(current.last, span.last))
        else:
            if current:
                yield current
            current = span
    if current:
        yield current


def _active(telemetry: Telemetry, relation: Relation, step: timedelta) -> Iterator[Span]:
    """For each step of time in which a table that the plan reads has events, from its first to its last."""
    for scan in {scan.table: scan for scan in scans(relation) if scan.time}.values():  # a watchlist has no time
        kql = (
            f"{scan.table} | summarize First = min({scan.time}), Last = max({scan.time})"
            f" by bin({scan.time}, {step // timedelta(minutes=1)}m)"
        )
        counted = compiled(kql, "schedule")[0].query.relation
        for row in run(telemetry, from_schema(counted, scan.schema)).to_pylist():
            if row["First"] is not None:
                yield Span(row["First"], row["Last"])


def _rows(telemetry: Telemetry, relation: Relation, each: Run) -> list[Row]:
    now = micros(each.until)
    windowed = within(optimised(relation, now), micros(each.since), now)
    table = typed(telemetry.run(lower(windowed)), relation.fields)
    sets = [field.name for field in table.schema if (field.metadata or {}).get(KQL_TYPE) == b"dynamic"]
    return [_with_values(row, sets) for row in table.to_pylist()]


def _with_values(row: dict[str, object], dynamic: list[str]) -> Row:
    return {**row, **{name: json.loads(str(row[name])) for name in dynamic if row[name]}}


def _ceiling_division(length: timedelta, step: timedelta) -> int:
    return -(-length // step)
