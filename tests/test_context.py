"""What is known of hosts and places beside what they do: what a host is there for, and since when a place is called."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import log10
from typing import Any

import pytest
from sights import sight

from herdsight.analytics.beacon import BEACON
from herdsight.analytics.novelty import Memory, memory, newness
from herdsight.analytics.roles import Task, tasks

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS = "ASimNetworkSessionLogs"
HOST, OUTSIDE = "10.0.0.9", "203.0.113.9"


def session(source: str, remote: str, port: int, **values: Any) -> dict[str, Any]:
    return {
        "TimeGenerated": NOON,
        "EventType": "NetworkSession",
        "NetworkDirection": "Local",
        "NetworkProtocol": "TCP",
        "EventResult": "Success",
        "SrcIpAddr": source,
        "SrcPortNumber": 50_000,
        "DstIpAddr": remote,
        "DstPortNumber": port,
        **values,
    }


def called(port: int, callers: int, **values: Any) -> list[dict[str, Any]]:
    """One host, called by so many on a port."""
    return [session(f"10.0.1.{each}", HOST, port, **values) for each in range(callers)]


def goes_out(places: int) -> list[dict[str, Any]]:
    return [session(HOST, f"198.51.100.{each}", 443, NetworkDirection="Outbound") for each in range(places)]


def found(rows: Sequence[dict[str, Any]], addresses: Sequence[str] = (HOST,)) -> Mapping[str, frozenset[Task]]:
    with sight(BEACON, {SESSIONS: rows}) as seen:
        return tasks(seen, addresses)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (called(8443, 10), {Task.SERVER}),
        (called(8443, 9), set()),
        (called(8443, 10, NetworkDirection="Inbound"), {Task.SERVER}),
        (called(8443, 10, EventResult="Failure"), set()),
        (called(53, 3, NetworkProtocol="UDP"), {Task.RESOLVER, Task.SERVER}),
        (called(53, 2, NetworkProtocol="UDP"), set()),
        (called(25, 3), {Task.MAIL, Task.SERVER}),
        ([*called(3128, 3), *goes_out(10)], {Task.PROXY, Task.SERVER}),
        ([*called(3128, 3), *goes_out(9)], set()),
        ([*called(3128, 10), *goes_out(9)], {Task.SERVER}),
        (goes_out(30), set()),
    ],
)
def test_a_host_is_what_others_call_it_for(rows: Sequence[dict[str, Any]], expected: set[Task]) -> None:
    assert found(rows).get(HOST, frozenset()) == expected


def test_only_those_that_are_asked_for_are_told() -> None:
    assert found(called(53, 3), ["10.0.1.1", "o'clock"]) == {}
    assert found(called(53, 3), []) == {}
    assert found([]) == {}


DAYS = [session("10.0.0.5", f"203.0.113.{day}", 443, TimeGenerated=NOON + timedelta(days=day)) for day in range(31)]


def test_places_are_remembered_from_their_first_call_by_any_host() -> None:
    again = session("10.0.0.6", "203.0.113.7", 80, TimeGenerated=NOON + timedelta(days=2))
    with sight(BEACON, {SESSIONS: [*DAYS, again]}) as seen:
        remembered = memory(seen, ["203.0.113.7", "192.0.2.1"])
        assert memory(seen, ["192.0.2.1"]) is None
        assert memory(seen, []) is None
    assert remembered == Memory(NOON, NOON + timedelta(days=30), {"203.0.113.7": NOON + timedelta(days=2)})


@pytest.mark.parametrize(
    ("days", "after", "weight"),
    [
        # An intruder of ten days is there at the start of thirty with 1 in 4, an honest program with 9 in 10.
        (30, 0, log10(0.25 / 0.9)),
        (30, 3, log10(0.25 / 0.9)),
        (30, 29, log10(0.75 / 0.1)),
        (10, 5, log10(0.5 / 0.1)),
        (3.9, 3.5, None),
    ],
)
def test_a_new_place_is_likelier_and_an_old_one_less(days: float, after: float, weight: float | None) -> None:
    place = {OUTSIDE: NOON + timedelta(days=after)}
    clue = newness(Memory(NOON, NOON + timedelta(days=days), place), OUTSIDE)
    assert (clue.weight if clue else None) == (weight if weight is None else pytest.approx(weight))


def test_of_what_is_not_remembered_nothing_is_said() -> None:
    assert newness(None, OUTSIDE) is None
    assert newness(Memory(NOON, NOON + timedelta(days=30), {}), OUTSIDE) is None


# --- what beacons make of it ----------------------------------------------------------------------------------------


def beacon(values: Mapping[str, Any], beside: Sequence[dict[str, Any]], days: int = 1) -> list[str]:
    """What clues say of calls every ten minutes from the host that others call."""
    calls = [
        session(HOST, OUTSIDE, 25, NetworkDirection="Outbound", TimeGenerated=NOON + timedelta(minutes=10 * each))
        for each in range(144 * days)
    ]
    with sight(BEACON, {SESSIONS: [*({**call, **values} for call in calls), *beside]}) as seen:
        (candidate,) = BEACON.find(seen).candidates
    return [clue.says for clue in candidate.clues]


def test_a_queue_of_a_mail_server_and_a_server_that_never_sleeps_are_no_bots() -> None:
    assert "it calls day and night" in beacon({}, [])
    told = beacon({}, called(25, 3))
    assert "its host is a mail server, whose queue tries again by a timer" in told
    assert "it calls day and night" not in told


def test_what_a_proxy_calls_its_clients_ask_for() -> None:
    told = beacon({"DstPortNumber": 443}, [*called(3128, 3), *goes_out(12)])
    assert "its host is a proxy, which calls what its clients ask for" in told


def test_a_beacon_to_a_new_place_is_said_to_be_new() -> None:
    old = [session("10.0.0.5", "198.51.100.1", 443, TimeGenerated=NOON - timedelta(days=20))]
    assert "nobody called it in the first 20 of 21 days" in beacon({}, old)
    assert "it has been called since the logs begin, 30 days" in beacon({}, [], days=30)
