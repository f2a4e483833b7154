"""Simulated behaviours: each has what its parameters promise, and a day holds what its truth file says."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

import herdsight
from herdsight import tables
from herdsight.findings.model import Role
from herdsight.simulation.addresses import public
from herdsight.simulation.background import Background, background
from herdsight.simulation.behaviours.beacon import Beacon, beacon
from herdsight.simulation.behaviours.inbound import Flood, flood
from herdsight.simulation.behaviours.relay import Relay, relay
from herdsight.simulation.day import Day, Telemetry, day, write
from herdsight.simulation.defender import events
from herdsight.simulation.office import office
from herdsight.simulation.sessions import ended

START = datetime(2026, 3, 12, tzinfo=UTC)
BOT = Beacon(start=START, source="10.0.0.7", remote="5.6.7.8", port=4782)
NODE = Relay(start=START, host="10.0.0.2", listens_on=8443)
ATTACK = Flood(start=START, target="10.0.0.3")
WEB_AND_NAMES = (80, 443, 53)

# KQL's types as a session table carries them.
ARROW = {
    "datetime": pa.timestamp("us"),
    "int": pa.int32(),
    "long": pa.int64(),
    "string": pa.string(),
    "dynamic": pa.string(),
}


@pytest.fixture(scope="module")
def telemetry() -> Telemetry:
    return day(Day())


def _rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def _moments(sessions: pa.Table) -> list[datetime]:
    return sorted(row["EventStartTime"] for row in sessions.to_pylist())


def _declared(table: pa.Table, name: str) -> bool:
    columns = [tables.table(name).column(field.name) for field in table.schema]
    return all(
        column is not None and field.type == ARROW[column.type]
        for column, field in zip(columns, table.schema, strict=True)
    )


@given(
    period_s=st.floats(5, 7_200),
    jitter=st.floats(0, 0.9),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=50, deadline=None)
def test_the_gaps_of_a_beacon_stay_within_its_jitter(period_s: float, jitter: float, seed: int) -> None:
    moments = _moments(beacon(replace(BOT, period_s=period_s, jitter=jitter, days=0.35), _rng(seed)).sessions)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    assert all(period_s * (1 - jitter) - 2e-6 <= gap <= period_s * (1 + jitter) + 2e-6 for gap in gaps)
    assert all(START.replace(tzinfo=None) <= moment for moment in moments)


def test_a_beacon_fills_its_span() -> None:
    moments = _moments(beacon(BOT, _rng()).sessions)
    assert len(moments) == pytest.approx(288, abs=15)
    assert moments[-1] - moments[0] > timedelta(hours=23, minutes=45)


def test_without_jitter_a_beacon_is_a_clock() -> None:
    moments = np.array(_moments(beacon(replace(BOT, jitter=0), _rng()).sessions), "datetime64[us]")
    assert np.ptp(np.diff(moments).astype(int)) <= 1


def test_a_beacon_that_nobody_answers_is_only_attempts() -> None:
    rows = beacon(replace(BOT, failing=1), _rng()).sessions.to_pylist()
    assert {row["EventOriginalResultDetails"] for row in rows} == {"S0"}
    assert {(row["EventEndTime"], row["NetworkDuration"], row["DstBytes"], row["DstPackets"]) for row in rows} == {
        (None, None, None, 0),
    }


def test_a_relay_opens_one_outbound_session_within_each_inbound_one() -> None:
    rows = relay(NODE, _rng()).sessions.to_pylist()
    inbound = [row for row in rows if row["DstIpAddr"] == NODE.host]
    outbound = [row for row in rows if row["SrcIpAddr"] == NODE.host]
    assert len(inbound) == len(outbound) == NODE.sessions
    inbound.sort(key=lambda row: row["EventStartTime"])
    outbound.sort(key=lambda row: row["EventStartTime"])
    assert {row["DstPortNumber"] for row in outbound} <= set(NODE.target_ports)
    assert not {row["SrcIpAddr"] for row in inbound} & {row["DstIpAddr"] for row in outbound}


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_what_comes_into_a_relay_goes_out_of_it(seed: int) -> None:
    rows = relay(NODE, _rng(seed)).sessions.to_pylist()
    inbound = [row for row in rows if row["DstIpAddr"] == NODE.host]
    for row in (row for row in rows if row["SrcIpAddr"] == NODE.host):
        assert any(_carries(outer, row) for outer in inbound)


def _carries(outer: dict[str, Any], inner: dict[str, Any]) -> bool:
    lives = outer["EventStartTime"] < inner["EventStartTime"] and outer["EventEndTime"] >= inner["EventEndTime"]
    grows = (outer[side] / max(inner[side], 1) for side in ("SrcBytes", "DstBytes"))
    return lives and all(0.99 <= growth <= 1.03 for growth in grows)


def test_a_flood_comes_from_many_sources_at_once() -> None:
    sessions = flood(ATTACK, _rng()).sessions
    assert sessions.num_rows == ATTACK.requests
    assert set(sessions["DstIpAddr"].to_pylist()) == {ATTACK.target}
    assert len(set(sessions["SrcIpAddr"].to_pylist())) > 0.95 * ATTACK.sources
    moments = _moments(sessions)
    assert moments[-1] < START.replace(tzinfo=None) + timedelta(seconds=ATTACK.length_s)


@given(count=st.integers(0, 3_000), seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_outside_addresses_are_public_and_differ(count: int, seed: int) -> None:
    drawn = [str(address) for address in public(count, _rng(seed))]
    assert len(set(drawn)) == count
    assert all(ip_address(address).is_global for address in drawn)


def test_ordinary_life_follows_the_hours_and_has_a_long_tail() -> None:
    sessions = background(Background(start=START, hosts=office()), _rng())
    assert 50_000 < sessions.num_rows < 150_000
    web = [row for row in sessions.to_pylist() if row["SrcAppName"] == "chrome.exe"]
    hours = np.bincount([row["EventStartTime"].hour for row in web], minlength=24)
    assert hours[:6].sum() == 0
    assert hours[9:12].sum() > 10 * hours[18:21].sum()
    received = np.array([row["DstBytes"] or 0 for row in web])
    assert received.mean() > 2 * np.median(received)


def test_the_noise_of_the_internet_has_its_usual_strength() -> None:
    sources: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for row in background(Background(start=START, hosts=office()), _rng()).to_pylist():
        if row["NetworkDirection"] == "Inbound":
            sources[row["DstPortNumber"], row["EventStartTime"].hour].add(row["SrcIpAddr"])
    assert 70 < np.mean([len(sources[80, hour]) for hour in range(24)]) < 160
    assert 12 < np.mean([len(sources[22, hour]) for hour in range(24)]) < 32


@pytest.mark.parametrize(
    "made",
    [beacon(BOT, _rng()).sessions, relay(NODE, _rng()).sessions, flood(ATTACK, _rng()).sessions],
    ids=["beacon", "relay", "flood"],
)
def test_a_behaviour_speaks_in_declared_columns(made: pa.Table) -> None:
    assert _declared(made, tables.NETWORK_SESSION)
    assert len(set(made["NetworkSessionId"].to_pylist())) == made.num_rows


def test_a_day_speaks_in_declared_columns(telemetry: Telemetry) -> None:
    assert _declared(telemetry.sessions, tables.NETWORK_SESSION)
    assert _declared(events(telemetry.sessions), tables.DEVICE_NETWORK_EVENTS)


def test_the_same_seed_makes_the_same_day(telemetry: Telemetry) -> None:
    assert day(Day()).sessions.equals(telemetry.sessions)
    assert not day(Day(seed=2)).sessions.equals(telemetry.sessions)


def test_a_day_is_in_the_order_of_a_sensor(telemetry: Telemetry) -> None:
    assert (np.diff(ended(telemetry.sessions)).astype(int) >= 0).all()


def test_of_all_pairs_only_the_bot_keeps_calling_on_an_odd_port(telemetry: Telemetry) -> None:
    calls: defaultdict[tuple[str, str, int], list[datetime]] = defaultdict(list)
    for row in telemetry.sessions.to_pylist():
        if row["NetworkDirection"] == "Outbound" and row["DstPortNumber"] not in WEB_AND_NAMES:
            calls[row["SrcIpAddr"], row["DstIpAddr"], row["DstPortNumber"]].append(row["EventStartTime"])
    bot = next(entry for entry in telemetry.truth.malicious if entry.behaviour == "beacon")
    assert [pair for pair, moments in calls.items() if _keeps_calling(moments)] == [(bot.host, bot.remote, bot.port)]


def _keeps_calling(moments: list[datetime]) -> bool:
    minutes = (max(moments) - min(moments)).total_seconds() / 60
    return len(moments) >= 12 and minutes >= 30 and 4 <= len(moments) / (minutes / 60) <= 120


def test_only_the_flooded_service_has_a_crowd_within_five_minutes(telemetry: Telemetry) -> None:
    crowds: defaultdict[tuple[str, int, int], list[str]] = defaultdict(list)
    for row in telemetry.sessions.to_pylist():
        if row["NetworkDirection"] == "Inbound":
            window = int((row["EventStartTime"] - START.replace(tzinfo=None)).total_seconds() // 300)
            crowds[row["DstIpAddr"], row["DstPortNumber"], window].append(row["SrcIpAddr"])
    flooded = {key[:2] for key, sources in crowds.items() if len(set(sources)) > 50 and len(sources) > 500}
    attack = next(entry for entry in telemetry.truth.malicious if entry.behaviour == "flood")
    assert flooded == {(attack.host, attack.port)}


def test_only_the_relay_goes_out_after_the_public_came_in(telemetry: Telemetry) -> None:
    rows = telemetry.sessions.to_pylist()
    inbound: defaultdict[str, list[datetime]] = defaultdict(list)
    for row in rows:
        if row["NetworkDirection"] == "Inbound":
            inbound[row["DstIpAddr"]].append(row["EventStartTime"])
    relayed: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        if row["NetworkDirection"] == "Outbound" and row["DstPortNumber"] not in WEB_AND_NAMES:
            earliest = row["EventStartTime"] - timedelta(minutes=5)
            relayed[row["SrcIpAddr"]] += any(
                earliest <= came <= row["EventStartTime"] for came in inbound[row["SrcIpAddr"]]
            )
    node = next(entry for entry in telemetry.truth.malicious if entry.behaviour == "relay")
    assert [host for host, count in relayed.items() if count >= 3] == [node.host]
    assert relayed[node.host] >= 20


def test_defender_knows_the_process_of_the_bot(telemetry: Telemetry) -> None:
    bot = next(entry for entry in telemetry.truth.malicious if entry.behaviour == "beacon")
    told = [row for row in events(telemetry.sessions).to_pylist() if row["RemoteIP"] == bot.remote]
    assert {row["InitiatingProcessFileName"] for row in told} == {"updater.exe"}
    assert len({(row["InitiatingProcessId"], row["DeviceId"], row["RemotePort"]) for row in told}) == 1
    assert {row["RemoteIPType"] for row in told} == {"Public"}
    assert {row["DeviceName"] for row in told} <= {entry.host for entry in telemetry.truth.malicious}


def test_defender_reports_only_the_workstations_that_run_it(telemetry: Telemetry) -> None:
    assert set(events(telemetry.sessions)["DeviceName"].to_pylist()) == {
        f"ws{n:02d}.corp.example" for n in range(1, 17)
    }


def test_a_day_is_written_as_its_sensors_write_and_always_the_same(telemetry: Telemetry, tmp_path: Path) -> None:
    once, again = tmp_path / "once", tmp_path / "again"
    write(telemetry, once)
    write(telemetry, again)
    files = {path.relative_to(once): path.read_bytes() for path in once.rglob("*") if path.is_file()}
    assert files == {path.relative_to(again): path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert len(list((once / "logs" / "zeek" / "2026-03-12").glob("conn.*.log.gz"))) == 24
    assert (once / "logs" / "defender" / "DeviceNetworkEvents.json").stat().st_size > 1_000_000


def test_a_hunt_finds_all_that_is_hidden_and_accuses_nobody_else(telemetry: Telemetry, tmp_path: Path) -> None:
    write(telemetry, tmp_path)
    hunt = herdsight.hunt(tmp_path / "logs")
    roles = {"beacon": Role.BOT, "relay": Role.RELAY, "flood": Role.TARGET}
    hidden = {(entry.host, roles[entry.behaviour]) for entry in telemetry.truth.malicious}
    assert {(finding.host, finding.role) for finding in hunt.findings} == hidden
    # The bot has an address for the sensor and a name for the agent, and is one machine.
    assert sorted(verdict.roles for verdict in hunt.verdicts) == [(Role.BOT,), (Role.RELAY,), (Role.TARGET,)]
    assert not any(each.rejected for each in hunt.inputs)


def test_the_truth_file_says_who_is_what(telemetry: Telemetry, tmp_path: Path) -> None:
    path = tmp_path / "truth.yaml"
    telemetry.truth.write(path)
    said = YAML(typ="safe").load(path)
    assert set(said) == {"name", "logs", "local", "malicious", "benign_hosts"}
    assert [entry["behaviour"] for entry in said["malicious"]] == ["beacon", "beacon", "relay", "flood"]
    assert said["benign_hosts"] == ["*"]
    assert "remote" not in said["malicious"][-1]
