"""Findings fused: one verdict per host with all its roles, the worst first, and the story in time order."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from reference import NOON

from herdsight.findings.model import Evidence, Finding, Role, Severity, iso
from herdsight.findings.verdicts import ranked, verdicts

HOUR = timedelta(hours=1)


def finding(name: str = "F1", **changes: Any) -> Finding:
    """A finding of little consequence, changed by the fields given."""
    fields: dict[str, Any] = {
        "id": name,
        "detection": "any",
        "kind": "rule",
        "title": "Anything",
        "severity": Severity.LOW,
        "confidence": "medium",
        "probability": None,
        "role": Role.BOT,
        "host": "desk-1",
        "first_seen": NOON,
        "last_seen": NOON + HOUR,
        "count": 10,
        "reasons": ("it called home", "and again"),
        "numbers": {},
        "techniques": (),
        "evidence": Evidence(table="DeviceNetworkEvents", filter="true", rows=()),
    }
    return Finding.model_validate(fields | changes)


# --- one verdict per host -------------------------------------------------------------------------------------------


def test_no_finding_no_verdict() -> None:
    assert verdicts([]) == ()


def test_a_finding_becomes_the_verdict_of_its_host() -> None:
    (verdict,) = verdicts([finding()])
    assert (verdict.host, verdict.roles, verdict.severity) == ("desk-1", (Role.BOT,), Severity.LOW)
    assert verdict.findings == ("F1",)
    assert verdict.probability is None
    assert verdict.story == (
        "2026-03-10T12:00:00.000000Z to 2026-03-10T13:00:00.000000Z: behaves like a bot: it called home",
    )


def test_a_host_is_as_likely_bad_as_its_roles_are_together() -> None:
    found = [
        finding("F1", probability=0.5),
        finding("F2", probability=0.4, detection="another"),  # the same role tells of the same behaviour
        finding("F3", probability=0.2, role=Role.RELAY),
        finding("F4", role=Role.TARGET),  # a threshold states none
    ]
    for order in permutations(found):
        (verdict,) = verdicts(order)
        assert verdict.probability == pytest.approx(1 - 0.5 * 0.8)


def test_hosts_that_call_one_place_are_one_botnet() -> None:
    found = [
        finding("F1", host="a", remotes=("203.0.113.9",), severity=Severity.HIGH),
        finding("F2", host="b", remotes=("203.0.113.9", "203.0.113.10"), severity=Severity.MEDIUM),
        finding("F3", host="c", remotes=("203.0.113.10",), severity=Severity.LOW),  # perhaps an honest timer
        finding("F4", host="d", remotes=("203.0.113.9",), severity=Severity.HIGH, role=Role.TARGET),
    ]
    stories = {each.host: each.story for each in verdicts(found)}
    assert stories["a"][-1] == "203.0.113.9 is called from b, too: one botnet"
    assert stories["b"][-1] == "203.0.113.9 is called from a, too: one botnet"
    assert not [line for host in "cd" for line in stories[host] if "botnet" in line]


def test_a_place_is_known_by_its_name_where_it_has_one() -> None:
    moved = [
        finding(
            f"F{number}", host=host, remotes=(f"203.0.113.{number}",), domains=("c2.example",), severity=Severity.HIGH
        )
        for number, host in enumerate("ab")
    ]
    assert all("c2.example" in each.story[-1] for each in verdicts(moved))
    proxied = [
        finding(f"F{number}", host=host, remotes=("10.0.0.2",), domains=(f"{host}.example",), severity=Severity.HIGH)
        for number, host in enumerate("ab")
    ]
    assert not [line for each in verdicts(proxied) for line in each.story if "botnet" in line]


@pytest.mark.parametrize(
    ("role", "told"),
    [
        (Role.BOT, "behaves like a bot"),
        (Role.RELAY, "behaves like a relay"),
        (Role.ATTACKER, "attacks others"),
        (Role.TARGET, "is under attack"),
    ],
)
def test_the_story_says_what_the_host_does(role: Role, told: str) -> None:
    (verdict,) = verdicts([finding(role=role)])
    assert verdict.story[0].endswith(f"Z: {told}: it called home")


def test_roles_are_fused_each_once_in_one_order() -> None:
    found = [
        finding(f"F{place}", role=role) for place, role in enumerate([Role.TARGET, Role.BOT, Role.RELAY, Role.BOT])
    ]
    for order in permutations(found):
        assert [each.roles for each in verdicts(order)] == [(Role.BOT, Role.RELAY, Role.TARGET)]


def test_the_severity_is_the_highest() -> None:
    found = [finding(f"F{each.rank}", severity=each) for each in Severity]
    for order in permutations(found):
        assert [each.severity for each in verdicts(order)] == [Severity.HIGH]


def test_the_story_is_in_time_order_and_tells_nothing_twice() -> None:
    found = [
        finding("F1", first_seen=NOON + HOUR, last_seen=NOON + 2 * HOUR, reasons=("second",)),
        finding("F2", first_seen=NOON, last_seen=NOON + 3 * HOUR, reasons=("first",)),
        finding("F3", first_seen=NOON + HOUR, last_seen=NOON + 2 * HOUR, reasons=("second",)),  # of another sensor
        finding("F4", first_seen=NOON + HOUR, last_seen=NOON + 2 * HOUR, reasons=("third",)),
    ]
    for order in permutations(found):
        (verdict,) = verdicts(order)
        assert [sentence.rsplit(": ", 1)[1] for sentence in verdict.story] == ["first", "second", "third"]


def test_findings_are_named_the_worst_first() -> None:
    (verdict,) = verdicts([finding("F1"), finding("F2", severity=Severity.HIGH)])
    assert verdict.findings == ("F2", "F1")


def test_an_address_and_a_name_of_one_machine_are_one_host() -> None:
    found = [finding("F1", host="10.0.0.5", role=Role.TARGET), finding("F2"), finding("F3", host="10.0.0.6")]
    named = {each.host: each for each in verdicts(found, {"10.0.0.5": "desk-1", "10.9.9.9": "nobody"})}
    assert named.keys() == {"desk-1", "10.0.0.6"}
    assert named["desk-1"].roles == (Role.BOT, Role.TARGET)
    assert named["desk-1"].findings == ("F1", "F2")


def test_two_addresses_of_one_machine_are_one_host() -> None:
    found = [finding("F1", host="10.0.0.5"), finding("F2", host="10.0.0.6")]
    (verdict,) = verdicts(found, {"10.0.0.5": "desk-1", "10.0.0.6": "desk-1"})
    assert (verdict.host, verdict.findings) == ("desk-1", ("F1", "F2"))


# --- what comes first -----------------------------------------------------------------------------------------------


def test_hosts_are_ranked_by_severity_then_by_number_of_findings_then_by_name() -> None:
    found = [
        finding("F1", host="one-high", severity=Severity.HIGH),
        finding("F2", host="two-low"),
        finding("F3", host="two-low"),
        finding("F4", host="b-low"),
        finding("F5", host="a-low"),
        finding("F6", host="informed", severity=Severity.INFORMATIONAL),
        finding("F7", host="medium", severity=Severity.MEDIUM),
    ]
    assert [each.host for each in verdicts(found)] == ["one-high", "medium", "two-low", "a-low", "b-low", "informed"]
    assert verdicts(found) == verdicts(reversed(found))


def test_findings_are_ranked_by_severity_then_confidence_then_rows_then_id() -> None:
    in_order = [
        finding("F9", severity=Severity.HIGH, confidence="low", count=1),
        finding("F8", severity=Severity.MEDIUM, confidence="high", count=1),
        finding("F7", severity=Severity.MEDIUM, confidence="medium", count=11),
        finding("F5", severity=Severity.MEDIUM, confidence="medium", count=10),
        finding("F6", severity=Severity.MEDIUM, confidence="medium", count=10),
        finding("F4", severity=Severity.MEDIUM, confidence="low", count=1_000),
        finding("F3", severity=Severity.LOW, confidence="high", count=1_000),
        finding("F2", severity=Severity.INFORMATIONAL, confidence="high", count=1_000),
    ]
    assert ranked(reversed(in_order)) == tuple(in_order)


@given(
    st.lists(
        st.builds(
            finding,
            st.integers(0, 10**6).map(lambda each: f"F{each}"),
            severity=st.sampled_from(list(Severity)),
            confidence=st.sampled_from(["low", "medium", "high"]),
            role=st.sampled_from(list(Role)),
            host=st.sampled_from(["a", "b", "c"]),
            count=st.integers(1, 3),
            first_seen=st.integers(0, 3).map(lambda each: NOON + each * HOUR),
        ),
        max_size=8,
        unique_by=lambda each: each.id,
    ).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found)))
)
def test_no_order_of_findings_changes_the_outcome(orders: tuple[list[Finding], list[Finding]]) -> None:
    found, shuffled = orders
    assert ranked(found) == ranked(shuffled)
    assert verdicts(found) == verdicts(shuffled)
    assert sorted(name for each in verdicts(found) for name in each.findings) == sorted(each.id for each in found)


# --- the records ----------------------------------------------------------------------------------------------------


def test_times_are_written_in_utc_with_microseconds() -> None:
    east = timezone(timedelta(hours=2))
    assert iso(datetime(2026, 3, 10, 12, 0, 0, 5)) == "2026-03-10T12:00:00.000005Z"  # noqa: DTZ001 naive is UTC here
    assert iso(datetime(2026, 3, 10, 12, tzinfo=UTC)) == "2026-03-10T12:00:00.000000Z"
    assert iso(datetime(2026, 3, 10, 14, tzinfo=east)) == "2026-03-10T12:00:00.000000Z"
    assert '"first_seen":"2026-03-10T12:00:00.000000Z"' in finding().model_dump_json()


def test_severities_are_ranked() -> None:
    assert [each.rank for each in (Severity.INFORMATIONAL, Severity.LOW, Severity.MEDIUM, Severity.HIGH)] == [
        0,
        1,
        2,
        3,
    ]


def test_records_have_no_other_fields_and_do_not_change() -> None:
    with pytest.raises(ValidationError):
        finding(sevrity="high")
    with pytest.raises(ValidationError):
        finding().count = 5
