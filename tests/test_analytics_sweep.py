"""Sweeps by ICMP: who asks many addresses that never answer, and who only watches those that are his."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sights import sight

from herdsight.analytics import Candidate, Found
from herdsight.analytics.sweep import SWEEP
from herdsight.api import hunt

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS = "ASimNetworkSessionLogs"


def asked(seconds: float, remote: str, *, silent: bool = True, **values: Any) -> dict[str, Any]:
    """An echo request of an inside host."""
    return {
        "TimeGenerated": NOON + timedelta(seconds=seconds),
        "EventType": "NetworkSession",
        "NetworkDirection": "Local",
        "NetworkProtocol": "ICMP",
        "EventResult": "NA",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 8,
        "DstIpAddr": remote,
        "DstPackets": 0 if silent else 1,
        **values,
    }


def sweep(count: int, silent: int, **values: Any) -> list[dict[str, Any]]:
    """One address after the other, one each second."""
    return [asked(each, f"10.0.1.{each + 1}", silent=each < silent, **values) for each in range(count)]


def found(rows: Sequence[dict[str, Any]]) -> Found:
    with sight(SWEEP, {SESSIONS: rows}) as seen:
        return SWEEP.find(seen)


def only(rows: Sequence[dict[str, Any]]) -> Candidate:
    (candidate,) = found(rows).candidates
    return candidate


def test_a_sweep_is_found() -> None:
    candidate = only(sweep(200, 180))
    assert candidate.host == "10.0.0.5"
    assert candidate.p_value < 1e-5
    assert candidate.probability > 0.9
    assert (candidate.numbers["tried"], candidate.numbers["failed"], candidate.numbers["networks"]) == (200, 180, 1)


def test_its_p_value_is_that_of_places_that_fail() -> None:
    # All of 21 silent: 8! 14! ... in closed form 72 / 30 x 22 / 8 x 8! / (22 x 23 x ... x 29), over one hour and all.
    below = 22 * 23 * 24 * 25 * 26 * 27 * 28 * 29
    expected = 2 * 72 / 30 * 22 / 8 * 40_320 / below
    assert only(sweep(21, 21)).p_value == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        {"EventResult": "Failure", "DstPackets": None},
        {"DstPackets": None, "DstBytes": 0},
        {"SrcPortNumber": 13},
        {"SrcPortNumber": 128},
        {"NetworkDirection": "Outbound"},
    ],
)
def test_silence_is_known_by_what_the_sensor_tells(values: dict[str, Any]) -> None:
    assert only(sweep(60, 60, **values)).p_value < 1e-5


@pytest.mark.parametrize(
    "rows",
    [
        [],
        sweep(5, 5),
        sweep(100, 20),  # no more than is usual
        sweep(100, 100, DstPackets=None),  # nothing is known
        sweep(100, 100, EventResult="Success"),
        sweep(100, 100, SrcPortNumber=0),  # answers
        sweep(100, 100, SrcPortNumber=None),
        sweep(100, 100, NetworkProtocol="TCP"),
        sweep(100, 100, NetworkDirection="Inbound"),
        sweep(100, 100, EventType="IDS"),
        sweep(100, 100, SrcIpAddr=""),
    ],
)
def test_what_is_no_sweep_is_not_told(rows: Sequence[dict[str, Any]]) -> None:
    assert not found(rows).candidates


def test_who_asks_the_same_addresses_on_and_on_is_likelier_a_monitor() -> None:
    rows = [row for turn in range(12) for row in sweep(20, 20, TimeGenerated=NOON + timedelta(minutes=turn))]
    watching = only(rows)
    assert any("as a monitor does" in clue.says for clue in watching.clues)
    # -0.5 before clues, 0.5 for silence, pace and neighbourhood each, and -1 for what a monitor does: even odds.
    assert watching.probability == pytest.approx(0.5)
    assert only(sweep(20, 20)).probability == pytest.approx(10 / 11)


@pytest.mark.shared_data
def test_the_sweep_of_a_published_capture_is_found(shared_data: Path) -> None:
    told = hunt(shared_data / "data" / "formats" / "test11-portscan.binetflow")
    (one,) = [each for each in told.findings if each.detection == "sweep"]
    assert (one.host, one.numbers["tried"], one.numbers["failed"]) == ("10.8.0.69", 21, 21)
    assert one.count == 42  # of 46 requests, four come after the last new address
