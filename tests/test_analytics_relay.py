"""Relays: what goes in and out together, oftener than chance; and which servers do so honestly."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sights import sight

from herdsight.analytics import Candidate, Found
from herdsight.analytics.relay import RELAY, SHIFTS, shifts
from herdsight.analytics.tails import log10_binomial_tail
from herdsight.api import hunt

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS = "ASimNetworkSessionLogs"
DAY = 86_400.0
HOST = "10.0.9.10"


def session(seconds: float, source: str, remote: str, sizes: tuple[int, int] | None, **values: Any) -> dict[str, Any]:
    """A session of two minutes, from outside where the source is not the host."""
    return {
        "TimeGenerated": NOON + timedelta(seconds=seconds),
        "EventType": "NetworkSession",
        "NetworkDirection": "Outbound" if source == HOST else "Inbound",
        "NetworkProtocol": "TCP",
        "EventResult": "Success",
        "SrcIpAddr": source,
        "DstIpAddr": remote,
        "DstPortNumber": 443,
        "SrcBytes": sizes[0] if sizes else None,
        "DstBytes": sizes[1] if sizes else None,
        "NetworkDuration": 120_000,
        **values,
    }


def sizes(count: int, random: np.random.Generator) -> list[tuple[int, int]]:
    drawn = np.exp(random.normal([7.5, 9.5], [1.0, 1.5], (count, 2))).astype(int) + 1_000
    return [(int(sent), int(received)) for sent, received in drawn]


def server(inbound: int, outbound: int, days: int = 3, seed: int = 1, *, measured: bool = True) -> list[dict[str, Any]]:
    """What an ordinary server has: visitors, and calls of its own that have nothing to do with them."""
    random = np.random.default_rng(seed)
    both = []
    for count, inside in ((inbound, False), (outbound, True)):
        for number, (time, size) in enumerate(
            zip(random.uniform(0, days * DAY, count), sizes(count, random), strict=True)
        ):
            other = f"198.51.{number % 200}.{number % 97}"
            ends = (HOST, other) if inside else (other, HOST)
            both.append(session(float(time), *ends, size if measured else None))
    return both


def relayed(
    count: int, days: int = 3, seed: int = 2, *, measured: bool = True, targets: int = 12, **values: Any
) -> list[dict[str, Any]]:
    """Sessions that come in, and go out again a second later with up to 3% less."""
    random = np.random.default_rng(seed)
    rows = []
    times = random.uniform(0, days * DAY, count)
    for number, (time, (sent, received)) in enumerate(zip(times, sizes(count, random), strict=True)):
        less = random.uniform(0.97, 1.0)
        inner = (int(sent * less), int(received * less))
        lag = random.uniform(0.05, 3)
        out = {"DstPortNumber": 22, **values}
        rows += [
            session(
                float(time),
                f"203.0.113.{number % 5}",
                HOST,
                (sent, received) if measured else None,
                DstPortNumber=8_443,
            ),
            session(float(time + lag), HOST, f"192.0.2.{number % targets}", inner if measured else None, **out),
        ]
    return rows


def found(rows: Sequence[dict[str, Any]]) -> Found:
    with sight(RELAY, {SESSIONS: rows}) as seen:
        return RELAY.find(seen)


def told(rows: Sequence[dict[str, Any]]) -> list[Candidate]:
    """What the default level tells of one host and three days."""
    return [
        each
        for each in found(rows).candidates
        if each.p_value <= 0.03 and each.probability >= 0.2 and not each.explained_by
    ]


# --- the null hypothesis --------------------------------------------------------------------------------------------


@given(st.integers(0, 60), st.integers(0, 200))
def test_the_bound_is_never_below_the_binomial_tail(pairs: int, chance: int) -> None:
    n, share = pairs + chance, 1 / (SHIFTS + 1)
    tail = sum(comb(n, each) * share**each * (1 - share) ** (n - each) for each in range(pairs, n + 1))
    assert 10 ** log10_binomial_tail(pairs, n, share) >= tail * (1 - 1e-9)


def test_shifts_stay_within_short_logs() -> None:
    assert max(map(abs, shifts(600))) <= 300
    assert max(shifts(30 * DAY)) == 3 * 3_600
    assert 0.0 not in shifts(0)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("measured", [True, False])
def test_an_ordinary_server_is_no_relay(seed: int, measured: bool) -> None:
    assert told(server(6_000, 300, seed=seed, measured=measured)) == []


# --- relays ---------------------------------------------------------------------------------------------------------


def test_twenty_sessions_a_day_are_found_in_the_traffic_of_a_server() -> None:
    (candidate,) = told([*server(20_000, 280), *relayed(60)])
    assert float(str(candidate.numbers["pairs"])) >= 57
    assert candidate.p_value < 1e-8  # the level allows 0.03; some twenty pairs are the server's own, by chance
    assert candidate.probability >= 0.8
    assert candidate.host == HOST
    assert 8_443 in candidate.ports


def test_five_sessions_a_day_are_found() -> None:
    (candidate,) = told([*server(6_000, 280), *relayed(15)])
    assert candidate.p_value < 1e-4
    assert {f"192.0.2.{each}" for each in range(12)} <= set(candidate.remotes)


def test_without_bytes_it_is_found_by_time_and_is_less_likely() -> None:
    rows = [*server(300, 100, measured=False), *relayed(60, measured=False)]
    (candidate,) = told(rows)
    assert candidate.numbers["by_bytes"] is False
    (measured,) = told([*server(300, 100), *relayed(60)])
    assert candidate.probability < measured.probability


def test_each_session_is_used_once() -> None:
    one = session(0, "203.0.113.1", HOST, (5_000, 9_000))
    rows = [one, *[session(1 + each / 10, HOST, f"192.0.2.{each}", (5_000, 9_000)) for each in range(20)]]
    assert found(rows).candidates == ()


def test_a_session_that_has_ended_has_no_partner() -> None:
    rows = relayed(60)
    late = [
        row | {"TimeGenerated": row["TimeGenerated"] + timedelta(seconds=200)} if row["SrcIpAddr"] == HOST else row
        for row in rows
    ]
    assert told(late) == []
    assert told(rows)


def test_bytes_must_agree_in_both_directions() -> None:
    rows = [row | {"DstBytes": 3 * row["DstBytes"] + 5_000} if row["SrcIpAddr"] == HOST else row for row in relayed(60)]
    assert told(rows) == []


def test_what_goes_back_to_where_it_came_from_is_no_relay() -> None:
    rows = [row | {"DstIpAddr": "203.0.113.1"} if row["SrcIpAddr"] == HOST else row for row in relayed(60)]
    assert told([row | {"SrcIpAddr": "203.0.113.1"} if row["DstIpAddr"] == HOST else row for row in rows]) == []


@pytest.mark.parametrize(
    ("rows", "role"),
    [
        (relayed(200, targets=3, NetworkDirection="Local"), "load balancer"),
        (
            [
                row | {"DstPortNumber": 443, **({} if row["SrcIpAddr"] == HOST else {"SrcIpAddr": f"203.0.113.{each}"})}
                for each, row in enumerate(relayed(100, targets=1))
            ],
            "reverse proxy",
        ),
        ([row | {"DstPortNumber": 25} for row in relayed(60)], "mail"),
    ],
)
def test_servers_that_hand_on_are_explained(rows: list[dict[str, Any]], role: str) -> None:
    (candidate,) = found(rows).candidates
    assert role in str(candidate.explained_by)


@pytest.mark.parametrize(
    "values",
    [
        {"EventType": "IDS"},
        {"EventResult": "Failure"},
        {"NetworkProtocol": "ICMP"},
        {"DstPortNumber": 53},
        {"EventCount": 9},
    ],
)
def test_what_carries_nothing_is_not_paired(values: dict[str, Any]) -> None:
    assert found([row | values for row in relayed(60)]).candidates == ()


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [session(0, HOST, "192.0.2.1", (5_000, 5_000))],
        [row | {"TimeGenerated": NOON} for row in relayed(50)],
        [row | {"SrcBytes": 2**63 - 1, "DstBytes": 2**63 - 1} for row in relayed(50)],
        [row | {"SrcBytes": -5} for row in relayed(50)],
        [row | {"NetworkDuration": -1_000} for row in relayed(50)],
        [row | {"NetworkDuration": None, "DstPortNumber": None} for row in relayed(50)],
        [*relayed(50), *relayed(50)],
        [session(each, HOST, HOST, (5_000, 5_000), NetworkDirection="Local") for each in range(50)],
        [row | {"NetworkDirection": "External"} for row in relayed(50)],
    ],
)
def test_odd_logs_give_a_sensible_answer(rows: list[dict[str, Any]]) -> None:
    for each in found(rows).candidates:
        assert 0 < each.p_value <= 1
        assert 0 <= each.probability <= 1
        assert all(value == value for value in each.numbers.values())  # noqa: PLR0124 NaN


# --- real captures --------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["labelled/stratosphere-008-zeek-mixed", "benign/CTU-Normal-7-2013-13-07.binetflow"])
def test_real_desktops_are_no_relays(shared_data: Path, name: str) -> None:
    report = hunt([shared_data / "data" / name], local=["147.32.0.0/16", "10.0.0.0/8"])
    assert not [each for each in report.findings if each.detection == "relay"]
