"""A rule's schedule replayed over the data: every run that Sentinel would have made, and what each put out."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Self

import pyarrow as pa

from herdsight.errors import EngineError
from herdsight.kql.literals import micros
from herdsight.kql.lowering import SINCE, UNTIL, Bounds, lower, lower_runs, works_on_sets
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


def runs_over(now: datetime, spans: Iterable[Span], rule: Rule) -> list[Run]:
    """The runs of a rule that see events of the spans, oldest first; none is made of the time between far ones."""
    return [
        each
        for stretch in stretches(spans, rule.queryPeriod)
        for each in runs(now, stretch, rule.queryFrequency, rule.queryPeriod)
    ]


def replayed(telemetry: Telemetry, rule: Rule, relation: Relation) -> Iterator[Alert]:
    """The alerts of all runs of a rule over the tables that it reads, in order of time."""
    active = list(_active(telemetry, relation, rule.queryFrequency))
    every = runs_over(telemetry.now, (part.span for part in active), rule)
    plan = _Plan.of(relation)
    for together in _batches(every, active):
        for each, rows in zip(together, plan.rows(telemetry, together), strict=True):
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


@dataclass(frozen=True, slots=True)
class _Active:
    """A step of time in which a table has events: from its first to its last, and how many."""

    span: Span
    rows: int


def _active(telemetry: Telemetry, relation: Relation, step: timedelta) -> Iterator[_Active]:
    """The steps of time in which a table that the plan reads has events, table by table."""
    for scan in {scan.table: scan for scan in scans(relation) if scan.time}.values():  # a watchlist has no time
        kql = (
            f"{scan.table} | summarize First = min({scan.time}), Last = max({scan.time}), Rows = count()"
            f" by bin({scan.time}, {step // timedelta(minutes=1)}m)"
        )
        counted = compiled(kql, "schedule")[0].query.relation
        for row in run(telemetry, from_schema(counted, scan.schema)).to_pylist():
            if row["First"] is not None:
                yield _Active(Span(row["First"], row["Last"]), row["Rows"])


# What one query reads for all its runs. A query costs some 10 ms before it reads a row, and runs that overlap read a
# row several times: below this the rows are the lesser cost, above it they would only need more memory at a time.
_MOST_ROWS = 1_000_000
_MOST_RUNS = 200


def _batches(every: Sequence[Run], active: Sequence[_Active]) -> Iterator[tuple[Run, ...]]:
    """The runs in order, cut where what they read together gets large."""
    begun = _Counts.of((part.span.first, part.rows) for part in active)
    ended = _Counts.of((part.span.last, part.rows) for part in active)
    batch: list[Run] = []
    rows = 0
    for each in every:
        more = begun.until(each.until) - ended.until(each.since)
        if batch and (rows + more > _MOST_ROWS or len(batch) == _MOST_RUNS):
            yield tuple(batch)
            batch, rows = [], 0
        batch.append(each)
        rows += more
    if batch:
        yield tuple(batch)


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many rows there are up to each of some times."""

    times: tuple[datetime, ...]
    sums: tuple[int, ...]

    @classmethod
    def of(cls, counted: Iterable[tuple[datetime, int]]) -> Self:
        ordered = sorted(counted)
        return cls(tuple(time for time, _ in ordered), tuple(accumulate((rows for _, rows in ordered), initial=0)))

    def until(self, time: datetime) -> int:
        return self.sums[bisect_right(self.times, time)]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A rule's plan, to be run once a run or for many runs at once."""

    relation: Relation
    together: Relation | None  # the same for many runs; None where it goes by the order in which rows come

    @classmethod
    def of(cls, relation: Relation) -> Self:
        given = within(optimised(relation, UNTIL), SINCE, UNTIL)
        return cls(relation, given if works_on_sets(given) else None)

    def rows(self, telemetry: Telemetry, runs: Sequence[Run]) -> Iterable[list[Row]]:
        """The rows of each run."""
        if self.together is not None and len(runs) > 1:
            try:
                return self._of_many(telemetry, self.together, runs)
            except EngineError:
                pass  # what is too much for an engine at once, or in that form, it may do one by one
        return (self._of_one(telemetry, each) for each in runs)

    def _of_one(self, telemetry: Telemetry, each: Run) -> list[Row]:
        now = micros(each.until)
        windowed = within(optimised(self.relation, now), micros(each.since), now)
        return _as_rows(typed(telemetry.run(lower(windowed)), self.relation.fields))

    def _of_many(self, telemetry: Telemetry, plan: Relation, runs: Sequence[Run]) -> list[list[Row]]:
        bounds = [Bounds(micros(each.since), micros(each.until)) for each in runs]
        numbered = telemetry.run(lower_runs(plan, bounds))
        numbers = [number.as_py() for number in numbered.column(0)]
        found: list[list[Row]] = [[] for _ in runs]
        rows = _as_rows(typed(numbered.remove_column(0), plan.fields))
        for number, row in zip(numbers, rows, strict=True):
            found[number].append(row)
        return found


def _as_rows(table: pa.Table) -> list[Row]:
    sets = [field.name for field in table.schema if (field.metadata or {}).get(KQL_TYPE) == b"dynamic"]
    return [_with_values(row, sets) for row in table.to_pylist()]


def _with_values(row: dict[str, object], dynamic: list[str]) -> Row:
    return {**row, **{name: json.loads(str(row[name])) for name in dynamic if row[name]}}


def _ceiling_division(length: timedelta, step: timedelta) -> int:
    return -(-length // step)
