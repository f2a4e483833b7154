"""C2 by protocol: what few hosts speak, and what is spoken on a port of another protocol."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import pytest
from sights import sight

from herdsight.analytics import Candidate, Found
from herdsight.analytics.c2_protocol import C2_PROTOCOL, Combination

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS = "ASimNetworkSessionLogs"


def session(seconds: float, **values: Any) -> dict[str, Any]:
    """A session of an inside host with an IRC server."""
    return {
        "TimeGenerated": NOON + timedelta(seconds=seconds),
        "EventType": "NetworkSession",
        "NetworkDirection": "Outbound",
        "NetworkProtocol": "TCP",
        "NetworkApplicationProtocol": "irc",
        "NetworkDuration": 60_000,
        "EventResult": "Success",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50_000,
        "DstIpAddr": "198.51.100.7",
        "DstPortNumber": 6667,
        **values,
    }


def web(hosts: int, hours: int = 24) -> list[dict[str, Any]]:
    """What other hosts do all day."""
    return [
        session(
            3_600 * hour,
            SrcIpAddr=f"10.0.1.{host}",
            DstIpAddr="203.0.113.9",
            DstPortNumber=443,
            NetworkApplicationProtocol="ssl",
        )
        for host in range(hosts)
        for hour in range(hours + 1)
    ]


def found(rows: Sequence[dict[str, Any]], names: Mapping[str, tuple[str, ...]] | None = None, **asks: Any) -> Found:
    with sight(C2_PROTOCOL, {SESSIONS: rows}, names, asks.get("asks")) as seen:
        return C2_PROTOCOL.find(seen)


def only(rows: Sequence[dict[str, Any]], names: Mapping[str, tuple[str, ...]] | None = None, **asks: Any) -> Candidate:
    (candidate,) = found(rows, names, **asks).candidates
    return candidate


def says(candidate: Candidate, part: str) -> bool:
    return any(part in clue.says for clue in candidate.clues)


@pytest.mark.parametrize(
    ("spoken", "port", "odd"),
    [
        ("irc", 6667, True),
        ("irc", 443, True),
        ("socks", 1080, True),
        ("stratum", 3333, True),
        ("ssh", 443, True),
        ("ssh", 22, False),
        ("ssl", 443, False),
        ("ssl", 4782, True),
        ("ssl,http", 8443, False),
        ("ssl,quic", 4782, False),  # of QUIC no port is odd, so that of both none is
        ("dns", 8053, True),
        ("", 6667, True),
        ("", 4782, False),
        (",", 4782, False),
    ],
)
def test_what_is_odd(spoken: str, port: int, odd: bool) -> None:
    assert (Combination(spoken, port, 1, 1).oddity is not None) is odd


def test_irc_that_the_sensor_saw_is_found_at_high_severity() -> None:
    asks = {"10.0.0.5": (NOON, NOON + timedelta(days=1))}
    candidate = only([*web(20), *(session(5_000 * each, NetworkDuration=4_000_000) for each in range(4))], asks=asks)
    # a day, and no other of 21 hosts: 1 / (20 + 1000)
    assert candidate.p_value == pytest.approx(1 / 1_020)
    # odds of -0.5 + 0.5 for IRC + 0.5 for how long it stays + 0.5 for no lookup
    assert candidate.probability == pytest.approx(10 / 11)
    assert candidate.reasons[0].startswith("with 198.51.100.7 it speaks IRC")


@pytest.mark.parametrize("hours", [1, 24, 240])
def test_the_longer_the_logs_the_more_is_expected(hours: int) -> None:
    assert only([session(0), *web(20, hours=hours)]).p_value == pytest.approx(hours / 24 / 1_020)


def test_what_many_hosts_speak_is_chance() -> None:
    rows = [session(each, SrcIpAddr=f"10.0.0.{each}") for each in range(50)]
    assert all(each.p_value > 0.01 for each in found(rows).candidates)


def test_a_port_alone_is_less_than_a_protocol() -> None:
    candidate = only([session(0, NetworkApplicationProtocol="")])
    assert says(candidate, "the port alone")
    assert candidate.probability < 0.2
    assert found([session(0, NetworkApplicationProtocol="", EventResult="Failure")]).candidates == ()
    assert found([session(0, NetworkApplicationProtocol="", NetworkProtocol="UDP")]).candidates == ()


def test_the_port_of_irc_among_many_ports_is_explained() -> None:
    rows = [session(each, NetworkApplicationProtocol="", DstPortNumber=6_620 + each) for each in range(50)]
    assert all("different ports" in (each.explained_by or "") for each in found(rows).candidates)


def test_a_timer_and_a_borrowed_port_speak_for_it() -> None:
    candidate = only([session(300 * each, DstPortNumber=443, NetworkApplicationProtocol="ssh") for each in range(60)])
    assert says(candidate, "by a timer")
    assert says(candidate, "firewalls let out")


def test_a_page_on_an_odd_port_is_opened_once_and_c2_comes_back() -> None:
    rows = [session(700 * each, DstPortNumber=4782, NetworkApplicationProtocol="SSL") for each in range(12)]
    assert found(rows[:11]).candidates == ()
    assert only(rows).ports == (4782,)


def test_a_popular_name_explains_it() -> None:
    names = {"198.51.100.7": ("chat.google.com",)}
    assert only([session(0)], names).explained_by == "chat.google.com is Google's"


def test_hundreds_of_combinations_are_asked_for_at_once() -> None:
    rows = [session(each, DstPortNumber=10_000 + each, NetworkApplicationProtocol="irc") for each in range(700)]
    assert len(found(rows).candidates) == 500


BAD: Mapping[str, Sequence[dict[str, Any]]] = {
    "nothing": [],
    "one event": [session(0)],
    "one instant": [session(0)] * 40,
    "negative durations": [session(each, NetworkDuration=-1) for each in range(20)],
    "no durations": [session(each, NetworkDuration=None) for each in range(20)],
    "IPv6 alone": [session(each, SrcIpAddr="2001:db8::5", DstIpAddr="2001:db8:1::7") for each in range(20)],
    "no port": [session(each, DstPortNumber=None) for each in range(20)],
    "quotes and braces": [session(each, NetworkApplicationProtocol="irc,'{x}' OR 1=1") for each in range(20)],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gives_a_sensible_result(name: str) -> None:
    result = found(BAD[name])
    assert len(result.candidates) == (0 if name in {"nothing", "no port"} else 1)
    for each in result.candidates:
        assert 0 < each.p_value <= 1
        assert 0 <= each.probability <= 1
        assert all(isfinite(number) for number in each.numbers.values() if isinstance(number, int | float))
