"""A rule's schedule replayed: which runs there were, what each saw, and what the last one alone would have missed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import Writer, utc
from hypothesis import given
from hypothesis import strategies as st
from reference import NOON, accepted, connection, spread

import herdsight
from herdsight.findings.model import Finding
from herdsight.hunting import hunt as hunting
from herdsight.hunting.schedule import Alert, Run, replayed, runs
from herdsight.querying import compiled
from herdsight.rules.reading import read_rule, shipped_rules
from herdsight.telemetry import DEFAULTS, Options, Span, Telemetry

MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# --- which runs there were ------------------------------------------------------------------------------------------


def sees(run: Run, event: datetime) -> bool:
    return run.since < event <= run.until


def test_each_hour_of_the_data_has_the_run_at_its_end() -> None:
    span = Span(NOON - 3 * HOUR, NOON)
    assert list(runs(NOON, span, HOUR, HOUR)) == [
        Run(NOON - 4 * HOUR, NOON - 3 * HOUR),  # of the first event alone, which is at its very end
        Run(NOON - 3 * HOUR, NOON - 2 * HOUR),
        Run(NOON - 2 * HOUR, NOON - HOUR),
        Run(NOON - HOUR, NOON),
    ]


def test_runs_overlap_where_the_period_is_longer_than_the_frequency() -> None:
    span = Span(NOON - HOUR, NOON)
    assert [run.until for run in runs(NOON, span, 30 * MINUTE, 2 * HOUR)] == [NOON - HOUR, NOON - HOUR / 2, NOON]
    assert {run.until - run.since for run in runs(NOON, span, 30 * MINUTE, 2 * HOUR)} == {2 * HOUR}


def test_one_event_has_the_runs_from_the_first_to_the_last_that_sees_it() -> None:
    event = NOON - 30 * MINUTE
    found = [run.until for run in runs(NOON + DAY, Span(event, event), HOUR, 3 * HOUR)]
    assert found == [NOON, NOON + HOUR, NOON + 2 * HOUR]


def test_an_event_at_the_begin_of_a_period_is_not_in_it() -> None:
    assert list(runs(NOON, Span(NOON - HOUR, NOON - HOUR), HOUR, HOUR)) == [Run(NOON - 2 * HOUR, NOON - HOUR)]
    just_inside = NOON - HOUR + MICROSECOND
    assert list(runs(NOON, Span(just_inside, just_inside), HOUR, HOUR)) == [Run(NOON - HOUR, NOON)]


def test_long_after_the_data_there_are_only_the_runs_of_its_time() -> None:
    found = list(runs(NOON + 3650 * DAY, Span(NOON - HOUR, NOON), HOUR, 2 * HOUR))
    assert [run.until for run in found] == [NOON - HOUR, NOON, NOON + HOUR]


def test_before_the_data_there_is_no_run() -> None:
    assert list(runs(NOON - MICROSECOND, Span(NOON, NOON + DAY), HOUR, DAY)) == []


lengths = st.integers(min_value=0, max_value=3 * 24 * 60 * 60 * 10**6).map(lambda each: each * MICROSECOND)
minutes = st.integers(min_value=5, max_value=2 * 24 * 60).map(lambda each: each * MINUTE)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[datetime, Span, timedelta, timedelta]:
    """Now, a span of data that ends before or at it, a frequency and a period no shorter."""
    last = NOON - draw(st.just(timedelta(0)) | lengths)
    frequency, more = draw(minutes), draw(st.just(timedelta(0)) | lengths)
    return NOON, Span(last - draw(lengths), last), frequency, frequency + more


@given(schedules(), st.floats(min_value=0, max_value=1))
def test_every_event_is_in_some_run(schedule: tuple[datetime, Span, timedelta, timedelta], where: float) -> None:
    now, span, frequency, period = schedule
    found = list(runs(now, span, frequency, period))
    for event in (span.first, span.last, span.first + (span.last - span.first) * where):
        assert any(sees(run, event) for run in found)


@given(schedules())
def test_runs_are_at_now_less_whole_frequencies_oldest_first(
    schedule: tuple[datetime, Span, timedelta, timedelta],
) -> None:
    now, span, frequency, period = schedule
    found = list(runs(now, span, frequency, period))
    assert all((now - run.until) % frequency == timedelta(0) and run.until <= now for run in found)
    assert all(run.until - run.since == period for run in found)
    assert all(later.until - earlier.until == frequency for earlier, later in pairwise(found))


@given(schedules())
def test_runs_are_those_whose_period_meets_the_data_and_no_others(
    schedule: tuple[datetime, Span, timedelta, timedelta],
) -> None:
    now, span, frequency, period = schedule
    back = range((now - span.first + period) // frequency + 2)
    every = (Run(now - step * frequency - period, now - step * frequency) for step in back)
    meeting = [run for run in every if run.until >= span.first and run.since < span.last]
    assert list(runs(now, span, frequency, period)) == meeting[::-1]


# --- what each saw --------------------------------------------------------------------------------------------------

RULE = """\
id: 00000000-0000-4000-8000-000000000002
name: Each device
description: A result for each device that has an event.
severity: Low
requiredDataConnectors: []
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
tactics: []
relevantTechniques: []
query: |
  DeviceNetworkEvents
  | summarize Events = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by DeviceName
entityMappings:
  - entityType: Host
    fieldMappings:
      - {identifier: FullName, columnName: DeviceName}
version: 1.0.0
kind: Scheduled
herdsight:
  role: bot
  confidence: low
  finding: {entities: [DeviceName], host: DeviceName, first: First, last: Last, strength: Events}
  evidence: {table: DeviceNetworkEvents, where: {DeviceName: $DeviceName}}
  reasons: ["{Events} events"]
  falsePositives: []
  knownGaps: []
"""


def alerts(log: Path, text: str, options: Options = DEFAULTS) -> list[Alert]:
    """All alerts of a rule over a log."""
    rule = read_rule("rule.yaml", text).rule
    (query,) = compiled(rule.query)
    with Telemetry([log], options) as telemetry:
        assert telemetry.span is not None
        return list(replayed(telemetry, rule, query.query.relation))


def told(found: Sequence[Alert], column: str = "Events") -> list[tuple[timedelta, object]]:
    """Of each alert, how long before noon its run was, and a value of its result."""
    return [(NOON - alert.run.until, alert.row[column]) for alert in found]


def test_an_event_at_the_end_of_a_period_is_in_it_and_one_at_its_begin_is_not(json_log: Writer) -> None:
    times = [NOON, NOON - HOUR + MICROSECOND, NOON - HOUR, NOON - 2 * HOUR + MICROSECOND, NOON - 2 * HOUR]
    found = alerts(json_log(connection(at) for at in times), RULE)
    assert told(found) == [(2 * HOUR, 1), (HOUR, 2), (timedelta(0), 2)]
    assert [alert.row["Last"] for alert in found] == [NOON - 2 * HOUR, NOON - HOUR, NOON]


def test_ago_counts_from_the_time_of_the_run(json_log: Writer) -> None:
    times = [NOON - minutes * MINUTE for minutes in (0, 5, 15, 61, 62, 63, 75)]
    text = RULE.replace("DeviceNetworkEvents\n  |", "DeviceNetworkEvents | where TimeGenerated > ago(10m)\n  |")
    assert told(alerts(json_log(connection(at) for at in times), text)) == [(HOUR, 3), (timedelta(0), 2)]


def test_now_is_the_time_of_the_run(json_log: Writer) -> None:
    log = json_log(connection(NOON - hours * HOUR) for hours in range(3))
    found = alerts(log, RULE.replace("| summarize", "| extend Now = now()\n  | summarize Now = max(Now),"))
    assert [alert.row["Now"] for alert in found] == [NOON - 2 * HOUR, NOON - HOUR, NOON]


def test_a_query_that_reaches_further_back_sees_no_more_than_the_period(json_log: Writer) -> None:
    log = json_log(connection(NOON - minutes * MINUTE) for minutes in (0, 30, 90))
    text = RULE.replace("DeviceNetworkEvents\n  |", "DeviceNetworkEvents | where TimeGenerated > ago(30d)\n  |")
    assert told(alerts(log, text)) == [(HOUR, 1), (timedelta(0), 2)]


def test_every_table_of_a_join_is_bounded(json_log: Writer) -> None:
    query = """DeviceNetworkEvents | where ActionType == "ConnectionSuccess"
  | join kind=inner (DeviceNetworkEvents | where ActionType startswith "Inbound" | project DeviceName) on DeviceName
  | summarize"""
    rows = [
        connection(NOON - 90 * MINUTE),
        accepted(NOON - 80 * MINUTE),
        connection(NOON),
        accepted(NOON - 30 * MINUTE),
    ]
    found = alerts(json_log(rows), RULE.replace("DeviceNetworkEvents\n  | summarize", query))
    assert told(found) == [(HOUR, 1), (timedelta(0), 1)]


@pytest.mark.parametrize(
    ("operator", "threshold", "fires"),
    [("gt", 1, [2, 3]), ("gt", 3, []), ("lt", 3, [1, 2]), ("eq", 2, [2]), ("ne", 2, [1, 3])],
)
def test_only_a_run_with_the_right_number_of_results_alerts(
    json_log: Writer, operator: str, threshold: int, fires: list[int]
) -> None:
    seen = {3: ["a"], 2: ["a", "b"], 1: ["a", "b", "c"]}  # hours ago, and which devices have an event then
    rows = [connection(NOON - hours * HOUR, DeviceName=name) for hours, names in seen.items() for name in names]
    text = RULE.replace("Operator: gt", f"Operator: {operator}").replace("hold: 0", f"hold: {threshold}")
    found = alerts(json_log(rows), text, Options(now=f"{(NOON - HOUR).isoformat()}Z"))
    by_run: dict[datetime, int] = {}
    for alert in found:
        by_run[alert.run.until] = by_run.get(alert.run.until, 0) + 1
    assert list(by_run.values()) == fires


def test_sets_in_results_are_lists(json_log: Writer) -> None:
    log = json_log([connection(NOON, RemotePort=5), connection(NOON, RemotePort=4)])
    (alert,) = alerts(log, RULE.replace("Events = count()", "Events = count(), Ports = make_set(RemotePort)"))
    assert alert.row["Ports"] == [4, 5]


# --- what the last run alone would have missed ------------------------------------------------------------------------

BEACONS = next(each for each in shipped_rules() if each.slug == "beacon-fixed-endpoint")


def hunt(log: Path, now: datetime = NOON) -> Sequence[Finding]:
    return hunting.hunt([log], Options(now=f"{now.isoformat()}Z"), rules=[BEACONS]).findings


@pytest.fixture
def stopped(json_log: Writer) -> Path:
    """A beacon that stopped two days before the newest event, which is another host's."""
    beacon = [connection(at) for at in spread(NOON - 55 * HOUR, 6 * HOUR, 73)]
    return json_log([*beacon, connection(NOON, DeviceName="desk-2", RemotePort=443)])


def test_a_beacon_that_stopped_two_days_ago_is_found(stopped: Path) -> None:
    (finding,) = hunt(stopped)
    assert (finding.host, finding.count) == ("desk-1", 73)
    assert (utc(finding.first_seen), utc(finding.last_seen)) == (NOON - 55 * HOUR, NOON - 49 * HOUR)
    assert herdsight.query(BEACONS.rule.query, stopped).num_rows == 0  # by itself it looks at the last day alone


def test_a_beacon_in_the_future_of_now_is_not_seen(stopped: Path) -> None:
    assert hunt(stopped, now=NOON - 56 * HOUR) == ()


def test_now_a_year_after_the_data_changes_no_finding(stopped: Path) -> None:
    assert hunt(stopped, now=NOON + 365 * DAY) == hunt(stopped)  # the runs are at the same times of day
