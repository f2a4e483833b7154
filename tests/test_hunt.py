"""The hunt, end to end on small logs: what becomes a finding, the rows that prove it, and one verdict per machine."""

import csv
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import Row, Writer, json_lines, utc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import NOON, accepted, boundaries_crossed, connection, dice, request, spread

import herdsight
from herdsight.analytics import ANALYTICS
from herdsight.errors import InputError, QueryError, RuleError
from herdsight.findings.model import Finding, Hunt, Role, Severity
from herdsight.hunting import hunt as hunting
from herdsight.rules.reading import read_rule, shipped_rules
from herdsight.telemetry import DEFAULTS, Options, Telemetry

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

RULES = {each.slug: each for each in shipped_rules()}
BEACONS, FLOODS, RELAYS = (RULES[name] for name in ("beacon-fixed-endpoint", "inbound-flood", "relay-in-then-out"))

C2, DESK = "5.6.7.8", "10.0.0.5"


def find(*paths: Path, rules: Sequence[Any] = (BEACONS,), options: Options = DEFAULTS) -> tuple[Finding, ...]:
    """The findings of one rule: replaying all of them costs the others' time, too."""
    return hunting.hunt(paths, options, rules=rules).findings


def rows_behind(findings: Iterable[Finding], *paths: Path) -> list[int]:
    """How many rows the condition of each finding's evidence has, asked as anybody would ask."""
    kql = "\n\n".join(f"{each.evidence.table} | where {each.evidence.filter} | count" for each in findings)
    return [answer.table.to_pylist()[0]["Count"] for answer in herdsight.query_all(kql, paths)]


def calls(times: Iterable[datetime], **columns: Any) -> list[Row]:
    """Connections to the C2 at those times."""
    return [connection(at, **{"RemoteIP": C2, **columns}) for at in times]


# --- repeats are one finding ------------------------------------------------------------------------------------------


def beacons_at(times: Sequence[datetime], now: datetime) -> list[tuple[datetime, datetime, int]]:
    """The first, the last and the number of connections of every hourly run in which the beacon rule fires."""
    fired = []
    run = now
    while run >= min(times):
        seen = [at for at in times if run - DAY < at <= run]
        minutes = boundaries_crossed(max(seen), min(seen), MINUTE) if seen else 0
        if len(seen) >= 12 and minutes >= 30 and 4 <= len(seen) * 60 / minutes <= 120:
            fired.append((min(seen), max(seen), len(seen)))
        run -= HOUR
    return fired


STEADY = spread(NOON - 30 * HOUR, 30 * HOUR, 181)  # every ten minutes
PAUSED = [*spread(NOON - 29 * HOUR, 2 * HOUR, 25), *spread(NOON - 3 * HOUR, 2 * HOUR, 13)]
STRAGGLER = [*spread(NOON - 29 * HOUR, HOUR, 13), NOON - 2 * HOUR]  # the last is in no run that fires


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        *calls(STEADY, DeviceName="steady"),
        *calls(PAUSED, DeviceName="paused"),
        *calls(STRAGGLER, DeviceName="straggler"),
        *calls(STEADY, DeviceName="steady", ActionType="ConnectionFailed"),  # the same ends, and no evidence
        *calls(STEADY[:20], DeviceName="steady", RemotePort=5555),  # another port, another finding
        *calls(STEADY[:20], DeviceName="steady", InitiatingProcessFileName="other.exe"),
        *calls(STEADY, DeviceName="listed", InitiatingProcessFileName="Chrome.exe"),
        *calls(STEADY, DeviceName="inside", RemoteIP="10.1.1.1", RemoteIPType="Private"),
    ]
    dice(7).shuffle(rows)
    path = tmp_path_factory.mktemp("office") / "events.json"
    path.write_text(json_lines(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def found(office: Path) -> tuple[Finding, ...]:
    return find(office)


def of(found: Iterable[Finding], host: str, port: int = 4444, process: str = "agent.exe") -> Finding:
    (one,) = (each for each in found if (each.host, each.ports, each.process) == (host, (port,), process))
    return one


def test_each_set_of_entities_is_one_finding(found: Sequence[Finding]) -> None:
    assert sorted((each.host, each.ports, each.process) for each in found) == [
        ("paused", (4444,), "agent.exe"),
        ("steady", (4444,), "agent.exe"),
        ("steady", (4444,), "other.exe"),
        ("steady", (5555,), "agent.exe"),
        ("straggler", (4444,), "agent.exe"),
    ]
    assert len({each.id for each in found}) == 5


@pytest.mark.parametrize(("host", "times"), [("steady", STEADY), ("paused", PAUSED), ("straggler", STRAGGLER)])
def test_a_finding_has_the_times_of_all_runs_that_fired_and_how_many(
    found: Sequence[Finding], host: str, times: list[datetime]
) -> None:
    finding, fired = of(found, host), beacons_at(times, NOON)
    assert utc(finding.first_seen) == min(first for first, _, _ in fired)
    assert utc(finding.last_seen) == max(last for _, last, _ in fired)
    assert finding.numbers["alerts"] == len(fired)
    assert finding.numbers["Connections"] == max(count for _, _, count in fired)


@pytest.mark.parametrize(("host", "count"), [("steady", 181), ("paused", 38), ("straggler", 13)])
def test_count_is_the_rows_between_first_and_last(found: Sequence[Finding], host: str, count: int) -> None:
    assert of(found, host).count == count


def test_the_evidence_filter_finds_exactly_the_rows_counted(office: Path, found: Sequence[Finding]) -> None:
    assert rows_behind(found, office) == [each.count for each in found]


def test_a_finding_says_what_its_rule_says(found: Sequence[Finding]) -> None:
    finding = of(found, "straggler")
    assert (finding.detection, finding.kind, finding.title) == ("beacon-fixed-endpoint", "rule", BEACONS.rule.name)
    assert (finding.severity, finding.confidence, finding.role) == (Severity.HIGH, "medium", Role.BOT)
    assert (finding.account, finding.remotes, finding.probability) == ("alice", (C2,), None)
    assert finding.techniques == ("T1071", "T1571", "T1095", "T1583.005")
    assert finding.numbers == {
        "Connections": 13,
        "Minutes": 60,
        "PerHour": 13.0,
        "BeaconScore": "Low",
        "alerts": len(beacons_at(STRAGGLER, NOON)),
    }
    assert finding.reasons[0] == f"13 connections to {C2}:4444 in 60 minutes, 13 an hour"
    assert finding.reasons[1:] == BEACONS.rule.herdsight.reasons[1:]


def test_the_first_rows_are_shown_in_time_order(found: Sequence[Finding]) -> None:
    shown = of(found, "straggler").evidence.rows
    assert [row["TimeGenerated"] for row in shown] == [
        f"{at.isoformat(timespec='microseconds')}Z" for at in sorted(STRAGGLER)[:5]
    ]
    assert all("" not in row.values() and None not in row.values() for row in shown)


# --- evidence leads back to file and record ---------------------------------------------------------------------------


def test_rows_of_json_lines_are_found_again(office: Path, found: Sequence[Finding]) -> None:
    lines = office.read_text(encoding="utf-8").splitlines()
    for finding in found:
        for row in finding.evidence.rows:
            assert row["file"] == str(office)
            record = json.loads(lines[int(str(row["row"])) - 1])
            told = {name: row[name] for name in ("DeviceName", "RemoteIP", "RemotePort", "ActionType")}
            assert told == {name: record[name] for name in told}
            assert row["TimeGenerated"] == record["Timestamp"]


def test_rows_behind_a_broken_line_are_found_again(tmp_path: Path) -> None:
    lines = json_lines(calls(spread(NOON - HOUR, HOUR, 13))).splitlines()
    lines.insert(2, lines[2][:40])
    path = tmp_path / "broken.json"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (finding,) = find(path)
    assert [row["row"] for row in finding.evidence.rows] == [1, 2, 4, 5, 6]


def flood(start: datetime = NOON, **columns: Any) -> list[Row]:
    """601 requests from 60 sources in the five minutes that begin then."""
    ports = (40000 + number for number in range(601))
    return [
        request(
            start + number * timedelta(seconds=0.4), SourceIP=f"5.6.7.{number % 60}", SourcePort=port,
            **{"DestinationIP": DESK, **columns},
        )
        for number, port in enumerate(ports)
    ]  # fmt: skip


def test_rows_of_a_table_with_a_header_are_found_again(csv_log: Writer) -> None:
    path = csv_log(flood())
    (finding,) = find(path, rules=[FLOODS])
    with path.open(newline="") as file:
        records = list(csv.DictReader(file))
    assert finding.evidence.table == "CommonSecurityLog"
    for row in finding.evidence.rows:
        record = records[int(str(row["row"])) - 1]
        assert (str(row["SourcePort"]), row["SourceIP"]) == (record["SourcePort"], record["SourceIP"])


def conn(at: datetime, number: int, **changes: Any) -> Row:
    """An outbound connection as Zeek logs it."""
    row: Row = {"ts": at, "uid": f"C{number}", "id.orig_h": DESK, "id.orig_p": 50000 + number, "id.resp_h": C2}
    return row | {"id.resp_p": 4444, "proto": "tcp", "duration": "1.0", "conn_state": "SF"} | changes


def beacon_on_the_wire(**changes: Any) -> list[Row]:
    return [conn(at, number, **changes) for number, at in enumerate(spread(NOON - HOUR, HOUR, 13))]


def test_rows_of_a_zeek_log_are_found_again(zeek_log: Writer) -> None:
    rows = beacon_on_the_wire()
    rows.reverse()
    path = zeek_log(rows)
    (finding,) = find(path)
    records = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
    for row in finding.evidence.rows:
        bag = json.loads(str(row["AdditionalFields"]))
        assert records[int(str(row["row"])) - 1][1] == bag["uid"]
    assert [row["row"] for row in finding.evidence.rows] == [13, 12, 11, 10, 9]


# --- log values are hostile -------------------------------------------------------------------------------------------

HOSTILE = (
    *('a"b', "it's", "back\\slash", "\\", "new\nline", "\r\n", "tab\t", '") or true //', "' OR 1=1 --", '" | take 0'),
    *("\u202eexe.cod", "\u2066x\u2069", "\u200b", "\ufeffmark", "\u2028", "\x1b[31mred", "\x7f", "nul\x00byte"),
    *("{RemoteIP}", "{", "%s", "%_", "$DeviceName", "e\u0301", "\u00e9", "\U0001f600", "\U000e0041", "\ue000"),
    *("", " ", "None", "null", "*", "CON", "=1+1", "/* c */", "x" * 5_000),
)


def beacons_of(names: Iterable[str]) -> list[Row]:
    """A beacon of each device to an address of its own, whose program and account have the device's name, too."""
    times = spread(NOON - HOUR, HOUR, 13)
    return [
        row
        for number, name in enumerate(names)
        for row in calls(
            times,
            DeviceName=name,
            RemoteIP=f"203.0.113.{number}",
            InitiatingProcessFileName=name,
            InitiatingProcessAccountName=name,
        )
    ]


def assert_each_is_found(log: Path, names: Iterable[str]) -> None:
    found = find(log)
    assert sorted(each.host for each in found) == sorted(names)
    assert {each.count for each in found} == {13}
    assert rows_behind(found, log) == [13] * len(found)
    for finding in found:
        assert finding.process == (finding.host or None) == finding.account
        shown = {row.get("DeviceName", "") for row in finding.evidence.rows}
        assert shown == {finding.host}


def test_a_hostile_name_finds_its_own_rows_and_no_others(json_log: Writer) -> None:
    assert_each_is_found(json_log(beacons_of(HOSTILE)), HOSTILE)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=5, max_size=25, unique=True)
)
def test_any_name_finds_its_own_rows_and_no_others(json_log: Writer, names: list[str]) -> None:
    assert_each_is_found(json_log(beacons_of(names)), names)


def test_no_value_is_read_as_part_of_a_reason(json_log: Writer) -> None:
    (finding,) = find(
        json_log(calls(spread(NOON - HOUR, HOUR, 13), RemoteIP="{DeviceName}", DeviceName="{RemotePort}"))
    )
    assert finding.reasons[0] == "13 connections to {DeviceName}:4444 in 60 minutes, 13 an hour"


def test_an_event_without_a_port_is_found_and_told_without_one(json_log: Writer) -> None:
    rows = calls(spread(NOON - HOUR, HOUR, 13), RemotePort=None)
    rows += calls(spread(NOON - HOUR, HOUR, 13), RemotePort=0)  # no port is another one than port 0
    log = json_log(rows)
    found = {each.ports: each for each in find(log)}
    assert found.keys() == {(), (0,)}
    assert rows_behind(found.values(), log) == [13, 13]
    assert "isnull(RemotePort)" in found[()].evidence.filter
    assert not any("None" in reason for reason in found[()].reasons)


# --- the same finding has the same id ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def few() -> list[Row]:
    times = spread(NOON - 2 * HOUR, 2 * HOUR, 25)
    return [*calls(times), *calls(times, RemotePort=None), *calls(times, DeviceName="desk-2", RemotePort=None)]


def ids(found: Iterable[Finding]) -> list[str]:
    return sorted(each.id for each in found)


def test_ids_do_not_depend_on_order_files_or_format(few: list[Row], json_log: Writer, csv_log: Writer) -> None:
    shuffled = list(few)
    dice(3).shuffle(shuffled)
    once = find(json_log(few))
    assert len(set(ids(once))) == 3
    assert all(re.fullmatch(r"F[0-9a-f]{10}", each.id) for each in once)
    for again in (
        find(json_log(shuffled)),
        find(json_log(shuffled[:20]), json_log(shuffled[20:])),
        find(json_log(few[:30]), csv_log(few[30:])),
    ):
        fields = {"id", "host", "first_seen", "last_seen", "count", "numbers", "reasons", "ports"}
        assert [each.model_dump(include=fields) for each in again] == [each.model_dump(include=fields) for each in once]


def test_ids_stay_when_more_data_arrive(few: list[Row], json_log: Writer) -> None:
    before = find(json_log(few))
    later = calls(spread(NOON + HOUR, HOUR, 13))
    after = find(json_log(few), json_log([*later, *calls(spread(NOON, HOUR, 13), DeviceName="desk-3")]))
    assert set(ids(before)) < set(ids(after))
    grown = next(each for each in after if each.host == "desk-1" and each.ports)
    assert (utc(grown.first_seen), utc(grown.last_seen), grown.count) == (NOON - 2 * HOUR, NOON + 2 * HOUR, 25 + 13)


# --- floods and relays ------------------------------------------------------------------------------------------------


def test_a_flood_is_one_finding_whatever_bins_and_runs_it_is_in(csv_log: Writer) -> None:
    log = csv_log([*flood(NOON), *flood(NOON + 5 * MINUTE), *flood(NOON, DestinationPort=25)])
    web, mail = sorted(find(log, rules=[FLOODS]), key=lambda each: -each.count)
    assert (web.host, web.ports, web.role, web.count) == (DESK, (443,), Role.TARGET, 1202)
    assert (utc(web.first_seen), utc(web.last_seen)) == (NOON, NOON + 9 * MINUTE)
    assert web.remotes == tuple(sorted(f"5.6.7.{number}" for number in range(60)))
    assert web.numbers["Category"] == "HTTP flood or web attack"
    assert web.numbers["alerts"] == 2  # AlertPerResult: one run sees the two bins, each a result of its own
    assert (mail.ports, mail.count, mail.numbers["alerts"]) == ((25,), 601, 1)
    assert mail.reasons[0] == "Spam campaign: 601 requests from 60 sources within five minutes on port 25"
    assert rows_behind([web, mail], log) == [1202, 601]


def test_requests_that_the_rule_left_out_are_no_evidence(csv_log: Writer) -> None:
    blocked = [request(NOON + MINUTE, SourceIP=C2, DestinationIP=DESK, DeviceAction="deny")] * 40
    neighbours = [request(NOON + MINUTE, SourceIP="10.0.0.9", DestinationIP=DESK)] * 2
    (finding,) = find(csv_log([*blocked, *flood(), *neighbours]), rules=[FLOODS])
    assert finding.numbers["Requests"] == 601
    assert finding.count == 601


def relay() -> list[Row]:
    """Three times a connection in and, a minute later, one out to somewhere else; and an ordinary one out."""
    pairs = [
        row
        for number in range(3)
        for row in (
            accepted(NOON + number * HOUR, RemoteIP=f"5.5.5.{number}"),
            connection(NOON + number * HOUR + MINUTE, RemoteIP=f"9.9.9.{number}"),
        )
    ]
    return [*pairs, connection(NOON + 90 * MINUTE, RemoteIP="9.9.9.77")]


def test_a_relays_rows_are_what_came_in_and_what_went_out(json_log: Writer) -> None:
    log = json_log(relay())
    (finding,) = find(log, rules=[RELAYS])
    assert (finding.host, finding.role, finding.severity) == ("desk-1", Role.RELAY, Severity.MEDIUM)
    assert finding.remotes == ("5.5.5.0", "5.5.5.1", "5.5.5.2", "9.9.9.0", "9.9.9.1", "9.9.9.2")
    assert (utc(finding.first_seen), utc(finding.last_seen)) == (NOON, NOON + 2 * HOUR + MINUTE)
    assert finding.count == 6  # without the ordinary one
    assert rows_behind([finding], log) == [6]
    assert finding.numbers == {"Relayed": 3, "Sources": 3, "Targets": 3, "alerts": 1}


# --- what the logs cannot carry ---------------------------------------------------------------------------------------


def test_a_rule_without_its_table_is_skipped_and_says_why(json_log: Writer) -> None:
    log = json_log(calls(spread(NOON - HOUR, HOUR, 13)))
    hunt = hunting.hunt([log], rules=[BEACONS, FLOODS, RELAYS])
    assert [(each.detection, each.why) for each in hunt.skipped] == [
        ("inbound-flood", "it reads CommonSecurityLog, and nothing in these logs can be seen as that")
    ]
    assert [each.detection for each in hunt.findings] == ["beacon-fixed-endpoint"]


def test_with_every_table_no_rule_is_skipped(json_log: Writer) -> None:
    assert hunting.hunt([json_log([accepted(NOON, RemoteIP=C2)])], rules=[BEACONS, RELAYS]).skipped == ()


NO_PROCESS = "its rows have no InitiatingProcessFileName, so what the rule leaves out by it was not left out"


def test_a_finding_of_a_sensor_that_knows_no_process_says_so(zeek_log: Writer) -> None:
    (finding,) = find(zeek_log(beacon_on_the_wire()))
    assert (finding.host, finding.process, finding.account) == (DESK, None, None)
    assert finding.reasons[-1] == NO_PROCESS


def test_a_finding_of_an_agent_that_knows_the_process_does_not(json_log: Writer) -> None:
    (finding,) = find(json_log(calls(spread(NOON - HOUR, HOUR, 13))))
    assert NO_PROCESS not in finding.reasons


def test_a_finding_of_the_sensor_says_so_beside_an_agents_logs_too(json_log: Writer, zeek_log: Writer) -> None:
    agent = json_log(calls(spread(NOON - HOUR, HOUR, 13), RemoteIP="9.9.9.9"))
    by_host = {each.host: each for each in find(agent, zeek_log(beacon_on_the_wire()))}
    assert by_host.keys() == {"desk-1", DESK}
    assert NO_PROCESS in by_host[DESK].reasons
    assert NO_PROCESS not in by_host["desk-1"].reasons


def test_a_finding_of_json_that_names_no_process_says_so(json_log: Writer) -> None:
    rows = calls(spread(NOON - HOUR, HOUR, 13))
    for row in rows:
        for name in [name for name in row if name.startswith("InitiatingProcess")]:
            del row[name]
    (finding,) = find(json_log(rows))
    assert finding.reasons[-1] == NO_PROCESS


# --- one verdict per machine ------------------------------------------------------------------------------------------


def both_ends_of_it(json_log: Writer, zeek_log: Writer, port: int = 50000) -> list[Path]:
    """A beacon as the agent on the machine tells it, and as the sensor on the wire does; `port` is its first."""
    on_the_wire = beacon_on_the_wire()
    told = [
        connection(row["ts"], DeviceName="desk-1", LocalIP=DESK, LocalPort=port + number, RemoteIP=C2)
        for number, row in enumerate(on_the_wire)
    ]
    return [json_log(told), zeek_log(on_the_wire)]


def test_an_address_and_a_name_that_saw_the_same_connections_are_one_host(json_log: Writer, zeek_log: Writer) -> None:
    hunt = hunting.hunt(both_ends_of_it(json_log, zeek_log), rules=[BEACONS])
    assert sorted(each.host for each in hunt.findings) == [DESK, "desk-1"]
    (verdict,) = hunt.verdicts
    assert verdict.host == "desk-1"
    assert sorted(verdict.findings) == ids(hunt.findings)
    assert len(verdict.story) == 1  # both tell the same


def test_an_address_alone_is_no_proof(json_log: Writer, zeek_log: Writer) -> None:
    hunt = hunting.hunt(both_ends_of_it(json_log, zeek_log, port=20000), rules=[BEACONS])
    assert sorted(each.host for each in hunt.verdicts) == [DESK, "desk-1"]


def test_the_same_ends_on_another_day_are_another_connection(json_log: Writer, zeek_log: Writer) -> None:
    # Two sites have a host of that address, and over time each takes every port to a server that both know.
    agent = json_log(
        connection(at - DAY, DeviceName="desk-1", LocalIP=DESK, LocalPort=50000 + number, RemoteIP=C2)
        for number, at in enumerate(spread(NOON - HOUR, HOUR, 13))
    )
    hunt = hunting.hunt([agent, zeek_log(beacon_on_the_wire())], rules=[BEACONS])
    assert sorted(each.host for each in hunt.verdicts) == [DESK, "desk-1"]


def test_ends_of_which_nobody_knows_the_port_prove_nothing(json_log: Writer, csv_log: Writer) -> None:
    times = spread(NOON - HOUR, HOUR, 13)
    agent = json_log(calls(times, LocalPort=None))
    wall = csv_log(request(at, SourceIP=DESK, SourcePort=None, DestinationIP=C2, DestinationPort=4444) for at in times)
    hunt = hunting.hunt([agent, wall], rules=[BEACONS])
    assert sorted(each.host for each in hunt.verdicts) == [DESK, "desk-1"]


def test_an_address_that_two_machines_had_keeps_its_name(json_log: Writer, zeek_log: Writer) -> None:
    agent, wire = both_ends_of_it(json_log, zeek_log)
    other = json_log([connection(NOON, DeviceName="desk-2", LocalIP=DESK, LocalPort=50012, RemoteIP=C2)])
    hunt = hunting.hunt([agent, wire, other], rules=[BEACONS])
    assert sorted(each.host for each in hunt.verdicts) == [DESK, "desk-1"]


def test_a_flooded_bot_is_one_host_as_bad_as_its_worst_finding(csv_log: Writer, json_log: Writer) -> None:
    agent = json_log(
        [*calls(spread(NOON - HOUR, HOUR, 13)), accepted(NOON, RemoteIP="5.6.7.0", RemotePort=40000, LocalPort=443)]
    )
    relaying = json_log(relay())
    logs = [agent, relaying, csv_log(flood(NOON - 10 * MINUTE))]
    hunt = hunting.hunt(logs, rules=[BEACONS, FLOODS, RELAYS])
    worst, *others = hunt.verdicts
    assert worst.host == "desk-1"
    assert (worst.roles, worst.severity) == ((Role.BOT, Role.RELAY, Role.TARGET), Severity.HIGH)
    assert [sentence.split(": ")[1] for sentence in worst.story] == [
        "behaves like a bot",
        "is under attack",
        "behaves like a relay",
    ]
    assert others == []


def test_findings_and_verdicts_are_ranked_the_worst_first(json_log: Writer) -> None:
    quiet = [{**row, "DeviceName": "desk-9"} for row in relay()]
    twice = [
        *calls(spread(NOON - HOUR, HOUR, 20), DeviceName="b"),
        *calls(spread(NOON - HOUR, HOUR, 20), DeviceName="b", RemotePort=5555),
    ]
    log = json_log([*quiet, *calls(spread(NOON - HOUR, HOUR, 13), DeviceName="a"), *twice])
    hunt = hunting.hunt([log], rules=[BEACONS, FLOODS, RELAYS])
    assert [each.host for each in hunt.verdicts] == ["b", "a", "desk-9"]
    assert [(each.severity, each.count) for each in hunt.findings] == [
        (Severity.HIGH, 20),
        (Severity.HIGH, 20),
        (Severity.HIGH, 13),
        (Severity.MEDIUM, 6),
    ]


# --- rules and analytics ----------------------------------------------------------------------------------------------


def test_a_rule_finding_is_as_likely_as_the_analytic_says_that_measures_the_same(json_log: Writer) -> None:
    hunt = herdsight.hunt(json_log(calls(spread(NOON - 4 * HOUR, 4 * HOUR, 61), RemotePort=1177)))
    by_detection = {each.detection: each for each in hunt.findings}
    assert {"beacon", "beacon-fixed-endpoint"} <= by_detection.keys()
    probability = by_detection["beacon"].probability
    assert probability is not None
    assert by_detection["beacon-fixed-endpoint"].probability == probability
    assert hunt.verdicts[0].probability == probability  # the same behaviour, told twice


def test_a_timer_that_has_an_honest_explanation_is_told_at_the_level_high_alone(json_log: Writer) -> None:
    log = json_log(calls(spread(NOON - 4 * HOUR, 4 * HOUR, 61), RemotePort=8883))
    hunt = herdsight.hunt(log)
    assert not {"beacon", "beacon-fixed-endpoint"} & {each.detection for each in hunt.findings}
    assert {"beacon", "beacon-fixed-endpoint"} <= {each.detection for each in hunt.withheld}
    told = {each.detection: each for each in herdsight.hunt(log, level="high").findings}
    for name in ("beacon", "beacon-fixed-endpoint"):
        assert "MQTT" in str(told[name].explained_by)
        assert told[name].severity is Severity.INFORMATIONAL


def test_a_level_that_there_is_not_is_said(json_log: Writer) -> None:
    with pytest.raises(InputError, match="there is no level 'loud'"):
        herdsight.hunt(json_log(calls([NOON])), level="loud")


def test_the_shipped_rules_that_analytics_judge_are_there() -> None:
    assert {name for each in ANALYTICS for name in each.judges} <= set(RULES)


# --- a hunt costs what the data cost ----------------------------------------------------------------------------------


@pytest.fixture
def few_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hunt that asks its engine more than 20 times for a rule fails, so that one without end ends."""
    asked, most = count(1), 20 * len(RULES)
    run = Telemetry.run

    def counted(telemetry: Telemetry, tree: Any) -> Any:
        assert next(asked) <= most, "the hunt goes on and on"
        return run(telemetry, tree)

    monkeypatch.setattr(Telemetry, "run", counted)


@pytest.mark.usefixtures("few_queries")
def test_one_event_of_long_ago_does_not_make_the_hunt_long(json_log: Writer) -> None:
    # Clocks that were never set, and whoever wants to stop the hunt, write one line of 1970.
    log = json_log([*calls(spread(NOON - HOUR, HOUR, 13)), connection(datetime(1970, 1, 2))])  # noqa: DTZ001 UTC
    (finding,) = find(log)
    assert (finding.count, utc(finding.last_seen)) == (13, NOON)


# --- options ----------------------------------------------------------------------------------------------------------


def test_since_and_until_bound_what_is_hunted(json_log: Writer) -> None:
    log = json_log(calls(spread(NOON - 4 * HOUR, 4 * HOUR, 241)))  # one a minute
    since, until = (NOON - 2 * HOUR).isoformat(), f"{(NOON - HOUR).isoformat()}Z"
    hunt = hunting.hunt([log], Options(since=since, until=until), rules=[BEACONS])
    (finding,) = hunt.findings
    assert tuple(map(utc, hunt.span)) == (NOON - 2 * HOUR, NOON - HOUR)
    assert utc(hunt.now) == NOON - HOUR
    assert (utc(finding.first_seen), utc(finding.last_seen), finding.count) == (NOON - 2 * HOUR, NOON - HOUR, 61)
    assert hunt.inputs[0].rows == 241  # the file is read and accounted for as a whole


def test_now_cuts_off_what_comes_after_it(json_log: Writer) -> None:
    log = json_log(calls(spread(NOON - 4 * HOUR, 4 * HOUR, 241)))
    (finding,) = find(log, options=Options(now=(NOON - 2 * HOUR).isoformat()))
    assert (utc(finding.last_seen), finding.count) == (NOON - 2 * HOUR, 121)


def test_local_networks_make_outside_hosts_inside(zeek_log: Writer) -> None:
    log = zeek_log(beacon_on_the_wire(**{"id.orig_h": "147.32.81.167"}))
    assert find(log) == ()
    (finding,) = find(log, options=Options(local=("147.32.0.0/16",)))
    assert finding.host == "147.32.81.167"


def test_what_stays_inside_given_networks_does_not_leave_them(zeek_log: Writer) -> None:
    log = zeek_log(beacon_on_the_wire(**{"id.orig_h": "147.32.81.167", "id.resp_h": "147.32.1.1"}))
    assert find(log, options=Options(local=("147.32.0.0/16",))) == ()


# --- from Python ------------------------------------------------------------------------------------------------------


def test_paths_may_be_text_a_path_or_several_and_a_folder(json_log: Writer) -> None:
    path = json_log(calls(spread(NOON - HOUR, HOUR, 13)))
    hunts = [herdsight.hunt(given) for given in (path, str(path), (str(path), path), path.parent)]
    assert hunts[0].findings
    assert all(each == hunts[0] for each in hunts)


def test_a_hunt_is_a_record_that_becomes_json(office: Path, json_log: Writer) -> None:
    hunt = hunting.hunt([office, json_log(beacons_of(["a\u202eb"]))], rules=[BEACONS])
    tree = json.loads(hunt.model_dump_json())
    assert tree["now"] == "2026-03-10T12:00:00.000000Z"
    assert tree["span"] == ["2026-03-09T06:00:00.000000Z", "2026-03-10T12:00:00.000000Z"]
    assert [each["id"] for each in tree["findings"]] == [each.id for each in hunt.findings]
    assert sum(each["rows"] for each in tree["inputs"]) == sum(each.rows for each in hunt.inputs)
    assert Hunt.model_validate_json(hunt.model_dump_json()).model_dump_json() == hunt.model_dump_json()


def test_nothing_found_is_an_ordinary_result(json_log: Writer) -> None:
    hunt = herdsight.hunt(json_log([connection(NOON)]))
    assert (hunt.findings, hunt.verdicts) == ((), ())
    assert (hunt.inputs[0].rows, (utc(hunt.span[0]), utc(hunt.span[1]))) == (1, (NOON, NOON))


# --- what cannot be hunted --------------------------------------------------------------------------------------------


def test_nothing_readable_is_an_error_that_says_what_was_looked_at(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing of interest\n")
    for path in (tmp_path / "notes.txt", tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match=re.escape(str(path))):
            herdsight.hunt(path)
    with pytest.raises(InputError):
        herdsight.hunt([])


def test_bounds_that_leave_no_event_are_an_error_that_names_them(json_log: Writer) -> None:
    log = json_log([connection(NOON)])
    with pytest.raises(InputError, match=r"no event.*--since"):
        herdsight.hunt(log, since=NOON + DAY)


@pytest.mark.parametrize(
    "wrong", [{"local": "10.0.0"}, {"since": "yesterday"}, {"until": "2026-13-01"}, {"now": "later"}]
)
def test_a_wrong_option_is_an_error_that_names_it(json_log: Writer, wrong: Any) -> None:
    (name, value) = next(iter(wrong.items()))
    with pytest.raises(InputError, match=f"--{name} takes .*{value}"):
        herdsight.hunt(json_log([connection(NOON)]), **wrong)


TEXT = (Path(__file__).resolve().parents[1] / "content" / "rules" / BEACONS.source).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("    host: DeviceName", "    host: Device"),
        ("    first: FirstSeen", "    first: DeviceName"),
        ("  Minutes: DurationMinutes", "  Minutes: Duration"),
        ("    table: DeviceNetworkEvents", "    table: DeviceFileEvents"),
        ("      RemotePort: $RemotePort", "      RemotePort: $Port"),
        ("      RemotePort: $RemotePort", "      RemotePrt: $RemotePort"),
        ("{ConnectionCount} connections to", "{Connections} connections to"),
    ],
)
def test_a_rule_that_names_no_such_column_is_an_error_of_the_rule(json_log: Writer, right: str, wrong: str) -> None:
    assert right in TEXT
    rule = read_rule("mine.yaml", TEXT.replace(right, wrong))
    with pytest.raises(RuleError, match=r"mine\.yaml"):
        find(json_log(calls(spread(NOON - HOUR, HOUR, 13))), rules=[rule])


def test_a_rule_whose_query_is_wrong_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    rule = read_rule("mine.yaml", TEXT.replace("= count()", "= coun()"))
    with pytest.raises(QueryError, match=r"mine\.yaml \(query\):20:31: .*coun"):
        find(tmp_path / "absent", rules=[rule])


def test_a_rule_may_pass_on_columns_that_nothing_depends_on(json_log: Writer) -> None:
    kql = '| where ActionType == "ConnectionSuccess" and RemoteIPType == "Public"\n'
    assert kql in TEXT
    rule = read_rule("mine.yaml", TEXT.replace(kql, f"{kql}  | extend Spare = LocalPort\n"))
    log = json_log(calls(spread(NOON - HOUR, HOUR, 13)))
    assert [(each.host, each.count) for each in find(log, rules=[rule])] == [("desk-1", 13)]


# --- real captures ----------------------------------------------------------------------------------------------------

CAPTURES = (
    "stratosphere-001-zeek-scenario-malicious",
    "stratosphere-002-zeek-scenario-port-scanning",
    "stratosphere-003-zeek-scenario-malicious",
    "remcos-test18",
    "rita-proxy",
    "dns-c2-txt",  # logs of 2009, 2018 and 2020 in one folder
    "test7-three-formats",
)


def hunted(path: Path, **options: Any) -> Hunt:
    """A hunt whose inputs are all accounted for and whose findings are all proved."""
    hunt = herdsight.hunt(path, **options)
    assert any(each.rows for each in hunt.inputs)
    for each in hunt.inputs:
        assert each.rejected == sum(each.reasons.values())
        if each.format == "zeek-conn" and each.table:
            lines = Path(each.path).read_text(encoding="utf-8", errors="replace").splitlines()
            assert each.rows + each.rejected == sum(1 for line in lines if line and not line.startswith("#"))
    assert all(each.count >= len(each.evidence.rows) > 0 for each in hunt.findings)
    return hunt


@pytest.mark.shared_data
@pytest.mark.usefixtures("few_queries")
@pytest.mark.parametrize("name", CAPTURES)
def test_a_real_capture_is_hunted_and_accounted_for(shared_data: Path, name: str) -> None:
    hunt = hunted(shared_data / "data" / "labelled" / name)
    assert len(hunt.verdicts) <= 3, [(each.host, each.story) for each in hunt.verdicts]


@pytest.mark.shared_data
@pytest.mark.usefixtures("few_queries")
def test_an_ordinary_desktop_has_few_findings(shared_data: Path) -> None:
    hunt = hunted(shared_data / "data" / "labelled" / "stratosphere-008-zeek-mixed", local="147.32.0.0/16")
    assert {each.host for each in hunt.verdicts} <= {"147.32.81.167"}
    assert len(hunt.findings) <= 5, [each.reasons[0] for each in hunt.findings]


@pytest.mark.shared_data
def test_ordinary_traffic_accuses_nobody_much(shared_data: Path) -> None:
    hunt = hunted(shared_data / "data" / "labelled" / "dns-c2-txt" / "conn_2018.log")
    assert len(hunt.findings) <= 2, [each.reasons[0] for each in hunt.findings]


@pytest.mark.shared_data
def test_a_real_remote_access_tool_is_found(shared_data: Path) -> None:
    hunt = hunted(shared_data / "data" / "labelled" / "stratosphere-003-zeek-scenario-malicious")
    (finding,) = (each for each in hunt.findings if each.remotes == ("147.32.83.234",))
    assert (finding.host, finding.ports, finding.role) == ("10.8.0.61", (1337,), Role.BOT)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "server"),
    [("stratosphere-001-zeek-scenario-malicious", "41.108.179.197"), ("remcos-test18", "66.63.168.35")],
)
def test_a_real_bot_whose_server_does_not_answer_is_a_known_gap(shared_data: Path, name: str, server: str) -> None:
    folder = shared_data / "data" / "labelled" / name
    (answer,) = herdsight.query_all(f'DeviceNetworkEvents | where RemoteIP == "{server}" | distinct ActionType', folder)
    assert answer.table.to_pylist() == [{"ActionType": "ConnectionFailed"}]
    assert not any(server in each.remotes for each in find(folder))
    assert "Connections that fail (a C2 that is down) are not counted" in BEACONS.rule.herdsight.knownGaps


def test_what_lies_between_two_alerts_is_no_evidence(csv_log: Writer) -> None:
    """Two floods ten hours apart, and ordinary requests all the time between: only the floods' rows are counted."""
    first, second = flood(NOON - 10 * HOUR), flood(NOON)
    between = [
        {**row, "TimeGenerated": (NOON - 9 * HOUR + step * MINUTE).isoformat()}
        for step, row in enumerate(flood(NOON)[:300])
    ]
    log = csv_log([*first, *between, *second])
    (finding,) = [each for each in herdsight.hunt(log).findings if each.detection == "inbound-flood"]
    assert finding.count == len(first) + len(second)
    found = herdsight.query(f"CommonSecurityLog | where {finding.evidence.filter} | count", log)
    assert found.to_pylist() == [{"Count": finding.count}]
