"""Peers and rotating servers: sets of places that are called by one timer, and which of them are honest."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sights import sight

from herdsight.analytics import Candidate, Found
from herdsight.analytics.p2p import P2P
from herdsight.api import hunt

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS = "ASimNetworkSessionLogs"
DAY = 86_400.0


def session(seconds: float, remote: int, **values: Any) -> dict[str, Any]:
    """A session of an inside host with one of its peers, by number."""
    return {
        "TimeGenerated": NOON + timedelta(seconds=seconds),
        "EventType": "NetworkSession",
        "NetworkDirection": "Outbound",
        "NetworkProtocol": "TCP",
        "EventResult": "Success",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50_000,
        "DstIpAddr": f"198.{remote // 250}.{remote % 250}.9",
        "DstPortNumber": 4782,
        **values,
    }


def rotating(period: float = 300, servers: int = 40, jitter: float = 0.2, **values: Any) -> list[dict[str, Any]]:
    """A day of calls by a timer, each to the next server."""
    random = np.random.default_rng(servers)
    times = np.cumsum(period * (1 + random.uniform(-jitter, jitter, int(DAY / period))))
    return [session(each, number % servers, **values) for number, each in enumerate(times.tolist())]


def swarm(**values: Any) -> list[dict[str, Any]]:
    """A day of a bot that asks twelve of its peers each half hour, from one port to ports all over; half are gone."""
    random = np.random.default_rng(2)
    return [
        session(
            1_800 * turn + float(random.uniform(0, 20)),
            peer,
            NetworkProtocol="UDP",
            SrcPortNumber=11_694,
            DstPortNumber=20_000 + 37 * peer,
            EventResult="Failure" if peer % 2 else "Success",
            SrcBytes=88,
            DstBytes=0 if peer % 2 else 300,
            **values,
        )
        for turn in range(48)
        for peer in random.integers(0, 120, 12).tolist()
    ]


def found(rows: Sequence[dict[str, Any]], names: Mapping[str, tuple[str, ...]] | None = None, **asks: Any) -> Found:
    with sight(P2P, {SESSIONS: rows}, names, asks.get("asks")) as seen:
        return P2P.find(seen)


def only(rows: Sequence[dict[str, Any]], names: Mapping[str, tuple[str, ...]] | None = None, **asks: Any) -> Candidate:
    (candidate,) = found(rows, names, **asks).candidates
    return candidate


def says(candidate: Candidate, part: str) -> bool:
    return any(part in clue.says for clue in candidate.clues)


# --- rotating servers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jitter", [0.0, 0.3, 0.5])
def test_a_beacon_to_servers_in_rotation_is_found(jitter: float) -> None:
    candidate = only(rotating(jitter=jitter))
    assert candidate.p_value < 1e-10
    assert candidate.numbers["peers"] == 40
    assert candidate.numbers["calls"] == 288
    assert candidate.ports == (4782,)
    assert candidate.explained_by is None


def test_no_lookup_of_any_server_speaks_for_a_bot() -> None:
    asks = {"10.0.0.5": (NOON, NOON + timedelta(days=1))}
    candidate = only(rotating(), asks=asks)
    assert says(candidate, "no peer was looked up")
    # odds of -1 + 0.5 for the port + 0.5 for no lookup + 0.3 for day and night: 10^0.3 to 1
    assert candidate.probability == pytest.approx(10**0.3 / (1 + 10**0.3))


def test_popular_names_explain_it() -> None:
    names = {session(0, each)["DstIpAddr"]: ("www.google.com",) for each in range(40)}
    assert only(rotating(), names).explained_by == "40 of 40 places have popular names"


def test_the_web_is_looked_at_by_program_alone() -> None:
    assert found(rotating(DstPortNumber=443)).tested == 0
    candidate = only(rotating(DstPortNumber=443, SrcAppName="updater.exe"))
    assert candidate.process == "updater.exe"
    assert candidate.evidence.where["SrcAppName"] == "$Process"


def test_one_server_with_most_of_the_calls_is_a_beacon_and_no_set() -> None:
    rows = rotating()
    mostly = [{**row, "DstIpAddr": "198.51.100.7"} if number % 3 else row for number, row in enumerate(rows)]
    assert found(mostly).tested == 0


@pytest.mark.parametrize("seed", range(10))
def test_people_and_chance_are_not_called_a_timer(seed: int) -> None:
    random = np.random.default_rng(seed)
    chance = np.sort(random.uniform(0, DAY, 300))
    bursts = (chance[:60, None] + random.exponential(5, (60, 5))).ravel()
    for times in (chance, np.sort(bursts)):
        rows = [session(each, int(random.integers(0, 30))) for each in times.tolist()]
        assert all(each.p_value > 1e-5 for each in found(rows).candidates)


# --- peers ----------------------------------------------------------------------------------------------------------


def test_a_bot_of_a_swarm_is_found_by_its_own_port() -> None:
    candidate = only(swarm())
    assert candidate.probability > 0.75
    assert candidate.row["Port"] == 11_694
    assert says(candidate, "never answer")
    assert says(candidate, "one size")


def test_bittorrent_is_explained() -> None:
    rows = [{**row, "DstPortNumber": 6881} if number % 9 == 0 else row for number, row in enumerate(swarm())]
    assert "BitTorrent" in (only(rows).explained_by or "")


def test_who_moves_much_with_several_shares_files() -> None:
    rows = [*swarm(), *(session(60 * each, 200 + each, DstPortNumber=30_000, DstBytes=5_000_000) for each in range(3))]
    assert says(only(rows), "moves much with 3 places")


def test_a_sweep_of_one_port_is_no_set_of_peers() -> None:
    assert found(rotating(period=5, servers=900, EventResult="Failure", DstPortNumber=23)).tested == 0


def test_what_all_hosts_do_is_explained() -> None:
    rows = [row for host in range(12) for row in rotating(SrcIpAddr=f"10.0.0.{host + 1}", servers=10)]
    assert {each.explained_by for each in found(rows).candidates} == {"12 of 12 hosts do the same"}


# --- bad input ------------------------------------------------------------------------------------------------------

_ROUND = swarm()
BAD: Mapping[str, Sequence[dict[str, Any]]] = {
    "nothing": [],
    "one event": _ROUND[:1],
    "one instant": [{**row, "TimeGenerated": NOON} for row in _ROUND],
    "every event twice": [*_ROUND, *_ROUND],
    "no bytes": [{**row, "SrcBytes": None, "DstBytes": None} for row in _ROUND],
    "absurd bytes": [{**row, "SrcBytes": 2**63 - 1, "DstBytes": 2**63 - 1} for row in _ROUND],
    "negative bytes": [{**row, "SrcBytes": -(2**63), "DstBytes": -1} for row in _ROUND],
    "IPv6 alone": [
        {**row, "SrcIpAddr": "2001:db8::5", "DstIpAddr": f"2001:db8:1::{row['DstPortNumber']:x}"} for row in _ROUND
    ],
    "no own port": [{**row, "SrcPortNumber": None} for row in _ROUND],
    "aggregated": [{**row, "EventCount": 20} for row in _ROUND],
    "unnamed": [{**row, "SrcIpAddr": "", "DstIpAddr": ""} for row in _ROUND],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gives_a_sensible_result(name: str) -> None:
    for each in found(BAD[name]).candidates:
        assert 0 < each.p_value <= 1
        assert 0 <= each.probability <= 1
        assert all(isfinite(number) for number in each.numbers.values() if isinstance(number, int | float))


@pytest.mark.parametrize("name", ["every event twice", "no bytes", "IPv6 alone"])
def test_a_bot_is_found_all_the_same(name: str) -> None:
    assert only(BAD[name]).p_value < 1e-5


# --- real logs ------------------------------------------------------------------------------------------------------


def told(logs: Path) -> list[str]:
    return [each.host for each in hunt([logs]).findings if each.detection == "p2p"]


@pytest.mark.shared_data
def test_the_bot_of_test7_is_found_and_file_sharing_is_not(shared_data: Path) -> None:
    assert told(shared_data / "data/labelled/test7-three-formats/zeek_files/conn.log.labeled") == ["192.168.2.16"]
    assert told(shared_data / "data/benign/CTU-Normal-7-2013-13-07.binetflow") == []
