"""The table of pairs: a row for each way in which sessions of a host and a place differ, counted by hand."""

from datetime import datetime, timedelta
from typing import Any

import sqlglot
from sights import sight

from herdsight.analytics.pairs import PAIRS
from herdsight.analytics.spread import SPREAD

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS = "ASimNetworkSessionLogs"


def session(minute: int, **values: Any) -> dict[str, Any]:
    return {
        "TimeGenerated": NOON + timedelta(minutes=minute),
        "EventType": "NetworkSession",
        "NetworkDirection": "Outbound",
        "NetworkProtocol": "TCP",
        "EventResult": "Success",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50_000,
        "DstIpAddr": "203.0.113.9",
        "DstPortNumber": 443,
        **values,
    }


def pairs(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    with sight(SPREAD, {SESSIONS: rows}) as seen:
        tree = sqlglot.parse_one(f"SELECT * FROM {seen.schema}.{PAIRS} ORDER BY first, port")
        found: list[dict[str, Any]] = seen.run(tree).to_pylist()
    return found


def test_a_pair_counts_what_its_sessions_tell_of() -> None:
    (pair,) = pairs(session(3), session(1, EventResult="Failure"), session(2, EventCount=5), session(0, EventCount=0))
    assert (pair["host"], pair["source"], pair["remote"], pair["port"]) == ("10.0.0.5", "10.0.0.5", "203.0.113.9", 443)
    assert (pair["calls"], pair["single"], pair["failed"], pair["sessions"]) == (4, 3, 1, 8)
    assert (pair["first"], pair["last"]) == (NOON, NOON + timedelta(minutes=3))


def test_a_host_has_its_name_where_the_logs_tell_it() -> None:
    named, unnamed = pairs(session(0, SrcHostname="desk"), session(1))
    assert (named["host"], unnamed["host"]) == ("desk", "10.0.0.5")


def test_answers_are_told_apart_from_what_asks() -> None:
    asked, reply, amplified, tcp = pairs(
        session(0),
        session(1, SrcPortNumber=80, DstPortNumber=50_001),
        session(2, NetworkProtocol="UDP", SrcPortNumber=11_211, DstPortNumber=50_001),
        session(3, SrcPortNumber=11_211, DstPortNumber=50_001),
    )
    assert [each["reply"] for each in (asked, reply, amplified, tcp)] == [False, True, False, False]
    assert [each["amplifier"] for each in (asked, reply, amplified, tcp)] == [0, 0, 11_211, 0]


def test_what_is_no_session_of_a_pair_is_left_out() -> None:
    assert not pairs(
        session(0, EventType="IDS"),
        session(1, NetworkProtocol="ICMP"),
        session(2, DstPortNumber=None),
        session(3, NetworkDirection=""),
    )
