"""Floods: what presses on a service above its usual and the Internet's noise, and what kind it is."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sights import sight

from herdsight.analytics import Candidate, Found
from herdsight.analytics.flood import FLOOD, LENGTHS, features, log10_p_values, sources
from herdsight.api import hunt

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS = "ASimNetworkSessionLogs"
DAY = 86_400.0


def session(seconds: float, source: str, **values: Any) -> dict[str, Any]:
    """A session from outside with a web server."""
    return {
        "TimeGenerated": NOON + timedelta(seconds=seconds),
        "EventType": "NetworkSession",
        "NetworkDirection": "Inbound",
        "NetworkProtocol": "TCP",
        "EventResult": "Success",
        "SrcIpAddr": source,
        "SrcPortNumber": 50_000,
        "DstIpAddr": "10.0.9.10",
        "DstPortNumber": 443,
        **values,
    }


def address(number: int) -> str:
    return f"198.{number // 62_500 % 250}.{number // 250 % 250}.{number % 250}"


def sessions(times: Iterable[float], sources: Sequence[int], **values: Any) -> list[dict[str, Any]]:
    """Sessions at those times, whose sources take turns."""
    return [session(float(time), address(sources[each % len(sources)]), **values) for each, time in enumerate(times)]


def visitors(count: int, days: int = 1, seed: int = 1, **values: Any) -> list[dict[str, Any]]:
    """Ordinary visitors of a service: three sessions each, more by day than by night."""
    random = np.random.default_rng(seed)
    begins = (random.beta(3, 3, count) + random.integers(0, days, count)) * DAY
    times = (begins[:, None] + random.uniform(0, 300, (count, 3))).ravel()
    return [session(float(time), address(900_000 + each // 3), **values) for each, time in enumerate(times)]


def attack(
    count: int, sources: int, length: float = 600, begins: float = DAY / 2, **values: Any
) -> list[dict[str, Any]]:
    times = begins + np.random.default_rng(count).uniform(0, length, count)
    return sessions(times, range(sources), **values)


def found(rows: Sequence[dict[str, Any]]) -> Found:
    with sight(FLOOD, {SESSIONS: rows}) as seen:
        return FLOOD.find(seen)


def told(rows: Sequence[dict[str, Any]]) -> list[Candidate]:
    """What the default level tells of one host and a day."""
    answer = found(rows)
    return [
        each for each in answer.candidates if each.p_value <= 0.01 / max(answer.tested, 1) and each.probability >= 0.2
    ]


# --- attacks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (attack(20_000, 240), "an HTTP flood or credential stuffing"),
        (attack(9_000, 240, 900, EventResult="Failure", DstPortNumber=22), "brute force"),
        (attack(9_000, 240, 3_600, DstPortNumber=25), "spam"),
        (attack(30_000, 20_000, 60, EventResult="Failure"), "a SYN flood"),
        (attack(9_000, 600, 600, NetworkProtocol="UDP", SrcPortNumber=389, DstPortNumber=4_444), "amplification"),
        (attack(30_000, 3_000, 600, NetworkProtocol="UDP", DstPortNumber=25_565, EventResult="Failure"), "a flood"),
    ],
)
@pytest.mark.parametrize("usual", [0, 2_000])
def test_an_attack_in_a_day_is_found_at_high_severity(rows: list[dict[str, Any]], kind: str, usual: int) -> None:
    day = [session(0, address(1_000_000)), session(DAY, address(1_000_001)), *visitors(usual)]
    (candidate,) = told([*day, *rows])
    assert candidate.numbers["kind"] == kind
    assert candidate.probability >= 0.8
    assert candidate.host == "10.0.9.10"


def test_answers_to_many_ports_are_one_flood() -> None:
    rows = attack(8_000, 500, 60, NetworkProtocol="UDP", SrcPortNumber=123, EventResult="Failure")
    (candidate,) = told([row | {"DstPortNumber": 1_024 + each} for each, row in enumerate(rows)])
    assert candidate.numbers["kind"] == "amplification"
    assert candidate.numbers["sessions"] == 8_000
    assert candidate.evidence.where["SrcPortNumber"] == "$Port"


def test_a_flood_is_found_in_logs_that_have_nothing_else() -> None:
    (candidate,) = told(attack(30_000, 25_000, 20, EventResult="Failure"))
    assert candidate.probability >= 0.8
    assert any("too short" in each.says for each in candidate.clues)


# --- what is usual --------------------------------------------------------------------------------------------------


def noise(an_hour: int, port: int, seed: int) -> list[dict[str, Any]]:
    """Scanners of the Internet for a day: so many sources an hour, which make one to five sessions each."""
    random = np.random.default_rng(seed)
    return [
        session(
            float(begin) + 2 * each, address(int(seed * 20_000 + number)), DstPortNumber=port, EventResult="Failure"
        )
        for number, begin in enumerate(random.uniform(0, DAY, 24 * an_hour))
        for each in range(int(random.integers(1, 6)))
    ]


@pytest.mark.parametrize(("an_hour", "port"), [(98, 80), (21, 22), (300, 23)])
def test_the_noise_of_the_internet_is_no_flood(an_hour: int, port: int) -> None:
    assert told(noise(an_hour, port, port)) == []


def test_the_busiest_hour_of_noise_is_no_flood() -> None:
    # 627 sources in one hour, the most that a server saw in days of 98.
    hour = [
        row | {"TimeGenerated": NOON + timedelta(hours=7, seconds=5.7 * each)}
        for each, row in enumerate(attack(627, 627))
    ]
    assert told([*noise(98, 80, 5), *[row | {"DstPortNumber": 80, "EventResult": "Failure"} for row in hour]]) == []


@pytest.mark.parametrize("count", [100, 2_000, 20_000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_of_visitors_is_no_flood(count: int, seed: int) -> None:
    assert told(visitors(count, seed=seed)) == []


def test_a_busy_server_in_an_hour_of_logs_is_no_flood() -> None:
    assert told(sessions(np.random.default_rng(1).uniform(0, 3_600, 20_000), range(4_000))) == []
    assert told(sessions(np.random.default_rng(1).uniform(0, 500, 20_000), range(4_000))) == []


@pytest.mark.parametrize(
    "values",
    [
        {"NetworkDirection": "Outbound"},
        {"NetworkDirection": "Local"},
        {"EventType": "IDS"},
        {"NetworkProtocol": "ICMP"},
    ],
)
def test_what_is_no_session_from_outside_is_not_tested(values: dict[str, Any]) -> None:
    assert found(attack(9_000, 9_000, 60, EventResult="Failure", **values)) == Found(0, 0, ())


def test_p_values_of_noise_are_not_too_small() -> None:
    # Geometric counts about the rate of noise, in each length: the null hypothesis itself.
    random = np.random.default_rng(11)
    for length in LENGTHS:
        mean = 98 * max(length, 600) / 3600
        count, fresh = (random.geometric(1 / (1 + each), 20_000).astype(np.float64) - 1 for each in (3 * mean, mean))
        whole = np.ones(20_000, np.float64)
        rows = {"length": whole * length, "times": whole, "sessions": count, "fresh": fresh}
        rows |= {"all_failed": whole, "all_sessions": whole}
        rows |= dict.fromkeys(("sessions_middle", "sessions_upper", "fresh_middle", "fresh_upper"), whole)
        tails = log10_p_values(rows)
        for p in (0.1, 0.01, 0.001):
            assert (tails <= np.log10(p)).mean() <= p


def test_features_are_what_their_definition_says() -> None:
    rows = [
        *sessions([0, 10, 20, *range(61, 121)], [1, 2], EventResult="Failure"),
        *sessions(range(3_700, 3_760), [2, 3]),
    ]
    with sight(FLOOD, {SESSIONS: rows}) as seen:
        got = seen.run(features(seen.schema)).to_pylist()
        told = seen.run(sources(seen.schema, got)).to_pylist()
    came = {(row["length"], row["time"]): row["sources"] for row in told}
    by_time = {(row["length"], row["first"].minute + 60 * (row["first"].hour - 12)): row for row in got}
    (hour, later) = (by_time[3_600, 0], by_time[3_600, 61])
    assert (hour["sessions"], hour["failed"], came[3_600, hour["time"]], hour["fresh"]) == (63, 63, 2, 2)
    assert (later["sessions"], later["failed"], came[3_600, later["time"]], later["fresh"]) == (60, 0, 2, 1)
    assert later["all_sessions"] == 123


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [session(0, address(1))],
        [session(0, address(1))] * 5_000,
        [row | {"TimeGenerated": NOON} for row in attack(5_000, 5_000)],
        attack(500, 100, EventCount=2**31 - 1),
        attack(500, 100, EventCount=-1, SrcPortNumber=None, EventResult=""),
        attack(500, 100, DstPortNumber=None),
        attack(500, 100, begins=-2e9),  # before 1970
        [
            row | {"SrcIpAddr": f"2001:db8::{each:x}", "DstIpAddr": "2001:db8:1::9"}
            for each, row in enumerate(attack(900, 9))
        ],
    ],
)
def test_odd_logs_give_a_sensible_answer(rows: list[dict[str, Any]]) -> None:
    for each in found(rows).candidates:
        assert 0 < each.p_value <= 1
        assert 0 <= each.probability <= 1
        assert all(value == value for value in each.numbers.values())  # noqa: PLR0124 NaN


# --- real captures --------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ddos.amp.UDP.bacnet.IOT.37810", "amplification"),
        ("ddos.amp.UDP.snmp.src161", "amplification"),
        ("ddos.pkt.TCP.synflood.spoofed", "a SYN flood"),
    ],
)
def test_real_floods_are_found_at_high_severity(shared_data: Path, name: str, kind: str) -> None:
    report = hunt([shared_data / "data" / "labelled" / "ddos" / f"{name}.binetflow"])
    (finding,) = [each for each in report.findings if each.detection == "flood"]
    assert (finding.severity, finding.numbers["kind"]) == ("high", kind)


@pytest.mark.shared_data
def test_scans_of_a_real_desktop_are_no_flood(shared_data: Path) -> None:
    report = hunt([shared_data / "data" / "labelled" / "stratosphere-008-zeek-mixed"], local=["147.32.0.0/16"])
    assert not [each for each in report.findings if each.detection == "flood"]
