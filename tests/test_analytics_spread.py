"""Spread and outbound floods: what fails too often for chance, and which of it is a scan."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sights import sight

from herdsight.analytics import Candidate, Found
from herdsight.analytics.pressing import PRESSING
from herdsight.analytics.spread import SPREAD, log10_tail
from herdsight.analytics.tails import log10_normal_tail
from herdsight.api import hunt

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS = "ASimNetworkSessionLogs"


def session(seconds: float, remote: str, *, failed: bool = True, **values: Any) -> dict[str, Any]:
    """A session of an inside host."""
    return {
        "TimeGenerated": NOON + timedelta(seconds=seconds),
        "EventType": "NetworkSession",
        "NetworkDirection": "Outbound",
        "NetworkProtocol": "TCP",
        "EventResult": "Failure" if failed else "Success",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50_000,
        "DstIpAddr": remote,
        "DstPortNumber": 23,
        **values,
    }


def sweep(count: int, failing: int, **values: Any) -> list[dict[str, Any]]:
    """New addresses all over the Internet, one each second."""
    return [
        session(each, f"198.{each // 250}.{each % 250}.9", failed=each < failing, **values) for each in range(count)
    ]


def found(rows: Sequence[dict[str, Any]]) -> Found:
    with sight(SPREAD, {SESSIONS: rows}) as seen:
        return SPREAD.find(seen)


def pressing(rows: Sequence[dict[str, Any]]) -> Found:
    with sight(PRESSING, {SESSIONS: rows}) as seen:
        return PRESSING.find(seen)


def only(rows: Sequence[dict[str, Any]]) -> Candidate:
    (candidate,) = found(rows).candidates
    return candidate


def says(candidate: Candidate, part: str) -> bool:
    return any(part in clue.says for clue in candidate.clues)


# --- the null hypothesis --------------------------------------------------------------------------------------------


def exact(failed: int, tried: int) -> float:
    """The tail of the beta-binomial with Beta(2, 8), term by term: C(n, j) B(j + 2, n - j + 8) / B(2, 8)."""
    total = Fraction(0)
    for j in range(failed, tried + 1):
        # B(j + 2, n - j + 8) / B(2, 8) = (j + 1)! (n - j + 7)! 9! / ((n + 9)! 1! 7!), with factorials as binomials.
        total += Fraction(comb(tried, j) * 72, comb(tried + 8, j + 1) * (tried + 9))
    return float(total)


@given(st.integers(1, 120), st.data())
def test_the_closed_form_is_the_sum_of_its_terms(tried: int, data: st.DataObject) -> None:
    failed = data.draw(st.integers(0, tried))
    got = 10 ** log10_tail(np.array([float(failed)]), np.array([float(tried)]))[0]
    assert got == pytest.approx(exact(failed, tried), rel=1e-9)


@pytest.mark.parametrize("tried", [6, 40, 600])
@pytest.mark.parametrize("p", [0.1, 0.01, 0.001])
def test_chance_is_called_no_chance_at_most_as_often_as_its_p_value_says(tried: int, p: float) -> None:
    random = np.random.default_rng(tried)
    failed = random.binomial(tried, random.beta(2, 8, size=100_000)).astype(float)
    tails = log10_tail(failed, np.full(len(failed), float(tried)))
    assert (tails < np.log10(p)).mean() <= p * 1.1 + 2e-4  # what 100,000 hosts can show


def test_the_normal_tail_is_the_tables() -> None:
    # 0.15866, 0.022750, 1.3499e-3, 9.8659e-10 and 7.6199e-24 (Abramowitz and Stegun, table 26.2)
    got = log10_normal_tail(np.array([1.0, 2.0, 3.0, 6.0, 10.0]))
    assert got == pytest.approx([-0.79954, -1.64302, -2.86970, -9.00586, -23.11805], abs=0.01)
    assert log10_normal_tail(np.array([-3.0, 0.0])).tolist() == [0.0, 0.0]


# --- spread ---------------------------------------------------------------------------------------------------------


def test_a_worm_is_found() -> None:
    candidate = only(sweep(200, 180))
    assert candidate.p_value < 1e-5
    assert candidate.probability > 0.9
    assert candidate.ports == (23,)
    assert says(candidate, "Telnet")


@pytest.mark.parametrize("direction", ["Local", "External"])
def test_scans_inside_and_between_outsiders_count(direction: str) -> None:
    assert only(sweep(60, 55, NetworkDirection=direction)).p_value < 1e-5


def test_a_burst_is_found_in_a_day_of_success() -> None:
    day = [session(-9_000 + 20 * each, f"203.0.{each % 200}.{each // 200}", failed=False) for each in range(400)]
    assert only([*day, *sweep(120, 118)]).p_value < 1e-5


def test_ports_of_one_address_are_a_scan_as_well() -> None:
    candidate = only([session(each / 10, "10.0.0.9", DstPortNumber=each + 1, failed=each > 3) for each in range(200)])
    assert candidate.remotes == ("10.0.0.9",)
    assert candidate.probability > 0.8


def test_many_ports_across_many_addresses_are_told_once_each_way() -> None:
    rows = [
        session(address + port / 100, f"10.0.1.{address}", DstPortNumber=port + 1)
        for address in range(40)
        for port in range(60)
    ]
    across, along = found(rows).candidates
    assert (len(across.ports), across.remotes) == (16, ())
    assert (len(along.remotes), along.ports) == (16, ())
    assert across.numbers["sets"] == 60


@pytest.mark.parametrize(
    "rows",
    [
        sweep(200, 60),  # three in ten fail, which one ordinary host in five has
        sweep(5, 5),
        sweep(300, 300, NetworkDirection="Inbound"),
        sweep(300, 300, NetworkProtocol="UDP", DstPortNumber=123),
        sweep(300, 300, EventType="IDS"),
        sweep(300, 300, SrcPortNumber=443, DstPortNumber=51_000),  # answers
        [session(each, f"239.1.{each}.7") for each in range(100)],
        [session(each, "203.0.113.9") for each in range(500)],  # one place, many times
        [row | {"EventResult": "Success"} for row in sweep(500, 0)],
    ],
)
def test_what_is_no_spread_is_not_called_so(rows: list[dict[str, Any]]) -> None:
    assert not [each for each in found(rows).candidates if each.p_value < 1e-3 and each.probability >= 0.2]


def test_a_place_that_answers_once_has_not_failed() -> None:
    rows = [*sweep(100, 100), *[row | {"EventResult": "Success"} for row in sweep(100, 0)]]
    assert found(rows).candidates == ()


def test_peers_of_a_swarm_are_explained() -> None:
    rows = [session(each, f"198.51.{each}.7", DstPortNumber=20_000 + each, failed=each % 2 == 0) for each in range(80)]
    crowded = sweep(60, 45, DstPortNumber=6881)
    assert "peer-to-peer" in str(only([*rows, *crowded]).explained_by)
    assert only([*rows, *sweep(60, 50)]).explained_by is None  # Telnet is no swarm's


def test_clients_of_dead_web_servers_are_less_likely_a_scan() -> None:
    assert only(sweep(40, 30, DstPortNumber=443)).probability < 0.5


# --- one victim -----------------------------------------------------------------------------------------------------


def pressed(count: int, seconds: float, **values: Any) -> list[dict[str, Any]]:
    return [session(seconds * each / count, "203.0.113.80", **values) for each in range(count)]


def test_a_flood_of_one_victim_is_found() -> None:
    (candidate,) = pressing(pressed(15_000, 300, NetworkProtocol="UDP", DstPortNumber=80)).candidates
    assert candidate.p_value < 1e-6
    assert candidate.probability > 0.8
    assert candidate.remotes == ("203.0.113.80",)


def test_a_udp_flood_of_any_port_is_one_flood() -> None:
    rows = [row | {"DstPortNumber": 10_000 + each} for each, row in enumerate(pressed(9_000, 120))]
    (candidate,) = pressing([row | {"NetworkProtocol": "UDP"} for row in rows]).candidates
    assert candidate.numbers["sessions"] == 9_000


@pytest.mark.parametrize(
    "rows",
    [
        pressed(90, 30, failed=False),
        pressed(5_000, 300, NetworkDirection="Local"),
        pressed(5_000, 300, NetworkProtocol="UDP", DstPortNumber=53),
    ],
)
def test_what_is_no_flood_is_not_called_so(rows: list[dict[str, Any]]) -> None:
    assert pressing(rows).candidates == ()


def test_where_all_pairs_are_busy_one_more_is_not_strange() -> None:
    rows = [
        row | {"DstIpAddr": f"203.0.113.{number}"}
        for number in range(40)
        for row in pressed(int(200 * 1.1**number), 60, failed=False)
    ]
    assert not [each for each in pressing(rows).candidates if each.p_value < 1e-4]


# --- bad input ------------------------------------------------------------------------------------------------------


ODD = [
    [],
    [session(0, "203.0.113.9")],
    [session(0, "203.0.113.9")] * 300,
    [row | {"TimeGenerated": NOON} for row in sweep(60, 60)],
    sweep(60, 60, DstPortNumber=None, SrcPortNumber=None),
    sweep(60, 60, EventCount=2**31 - 1),
    sweep(60, 60, EventCount=-1, SrcPortNumber=None),
    [session(each, f"2001:db8::{each:x}", SrcIpAddr="2001:db8:1::5") for each in range(60)],
    sweep(60, 60, DstIpAddr="", EventResult=""),
]


@pytest.mark.parametrize("rows", ODD)
def test_odd_logs_give_a_sensible_answer(rows: list[dict[str, Any]]) -> None:
    for each in (*found(rows).candidates, *pressing(rows).candidates):
        assert 0 < each.p_value <= 1
        assert 0 <= each.probability <= 1
        assert all(value == value for value in each.numbers.values())  # noqa: PLR0124 NaN


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5), st.booleans()), max_size=60), st.randoms())
def test_the_order_and_the_repetition_of_rows_change_nothing(places: list[tuple[int, int, bool]], random: Any) -> None:
    rows = [
        session(position, f"198.51.100.{place}", DstPortNumber=port, failed=failed)
        for position, (place, port, failed) in enumerate(places)
    ]
    twice = [*rows, *rows]
    random.shuffle(twice)
    assert found(twice) == found(rows)


# --- real captures --------------------------------------------------------------------------------------------------

MINE = {"spread", "outbound-ddos"}


@pytest.mark.shared_data
def test_the_scanner_of_a_real_capture_is_found(shared_data: Path) -> None:
    report = hunt([shared_data / "data" / "labelled" / "stratosphere-002-zeek-scenario-port-scanning"])
    (host,) = {each.host for each in report.findings if each.detection == "spread" and each.severity == "high"}
    assert host == "172.16.1.11"


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["2013-10-21_capture-1", "2015-03-24_capture1-only-dns", "CTU-Normal-7-2013-13-07"])
def test_ordinary_desktops_spread_nothing(shared_data: Path, name: str) -> None:
    report = hunt([shared_data / "data" / "benign" / f"{name}.binetflow"])
    assert not [each for each in report.findings if each.detection in MINE]


@pytest.mark.shared_data
def test_a_desktop_that_is_scanned_spreads_nothing(shared_data: Path) -> None:
    report = hunt([shared_data / "data" / "labelled" / "stratosphere-008-zeek-mixed"], local=["147.32.0.0/16"])
    assert not [each for each in report.findings if each.detection in MINE]
