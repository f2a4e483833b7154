"""Names that DNS and DHCP give to the addresses of a finding."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Row, zeek_conn
from reference import NOON, spread
from zeeks import in_lines

from herdsight.findings.model import Hunt
from herdsight.hunting import hunt as hunting
from herdsight.rules.reading import shipped_rules

BEACONS = next(each for each in shipped_rules() if each.slug == "beacon-fixed-endpoint")
DESK, OTHER, C2 = "10.0.0.5", "10.0.0.6", "5.6.7.8"
BEFORE, AFTER = NOON - timedelta(hours=2), NOON + timedelta(hours=1)


def ts(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


def answer(name: str, *answers: str, client: str = DESK, at: datetime = BEFORE, **changes: Any) -> Row:
    """What a client was answered when it asked for a name."""
    row: Row = {"ts": ts(at), "uid": "D1", "id.orig_h": client, "id.orig_p": 50001, "id.resp_h": "10.0.0.53"}
    row |= {"id.resp_p": 53, "proto": "udp", "trans_id": 1, "query": name, "qtype": 1, "qtype_name": "A"}
    return (
        row | {"rcode": 0, "rcode_name": "NOERROR", "answers": list(answers), "TTLs": ["60"] * len(answers)} | changes
    )


def lease(name: str, address: str = DESK) -> Row:
    """An address that was given to a machine of that name."""
    row: Row = {"ts": ts(BEFORE), "uids": ["L1"], "client_addr": address, "server_addr": "10.0.0.1"}
    row |= {"mac": "02:00:00:00:00:05", "host_name": name, "assigned_addr": address, "lease_time": 3600.0}
    return row | {"msg_types": ["DISCOVER", "OFFER", "REQUEST", "ACK"], "duration": 0.1}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A beacon from one desk to the C2, on the wire."""
    beats = (
        {"ts": at, "uid": f"C{n}", "id.orig_h": DESK, "id.orig_p": 50000 + n, "id.resp_h": C2, "id.resp_p": 4444}
        | {"proto": "tcp", "conn_state": "SF", "orig_bytes": 90, "resp_bytes": 60}
        for n, at in enumerate(spread(NOON - timedelta(hours=1), timedelta(hours=1), 13))
    )
    (tmp_path / "conn.log").write_text(zeek_conn(beats))
    return tmp_path


def hunted(logs: Path, *, dns: list[Row] | None = None, leases: list[Row] | None = None) -> Hunt:
    for name, rows in (("dns", dns), ("dhcp", leases)):
        if rows:
            (logs / f"{name}.log").write_text(in_lines(rows, name))
    return hunting.hunt([logs], rules=[BEACONS])


def domains(logs: Path, *dns: Row) -> tuple[str, ...]:
    (finding,) = hunted(logs, dns=[*dns]).findings
    return finding.domains


def test_a_finding_has_the_names_that_its_host_was_given_its_remote_for(logs: Path) -> None:
    found = domains(
        logs,
        answer("C2.Example.", "alias.example", C2),
        answer("other.example", "5.6.7.80"),
        answer("text.example", f"is {C2} here"),
    )
    assert found == ("c2.example",)


def test_names_come_in_the_order_in_which_they_were_first_given(logs: Path) -> None:
    early, late = BEFORE - timedelta(hours=1), BEFORE + timedelta(minutes=1)
    found = domains(logs, answer("b.example", C2), answer("a.example", C2, at=late), answer("c.example", C2, at=early))
    assert found == ("c.example", "b.example", "a.example")


def test_what_others_had_asked_for_counts_only_where_the_host_had_asked_for_nothing(logs: Path) -> None:
    others = answer("shared.example", C2, client=OTHER)
    assert domains(logs, others) == ("shared.example",)
    assert domains(logs, others, answer("own.example", C2)) == ("own.example",)


def test_what_was_asked_after_the_end_does_not_count(logs: Path) -> None:
    assert domains(logs, answer("late.example", C2, at=AFTER)) == ()


def test_without_dns_there_are_no_names(logs: Path) -> None:
    (finding,) = hunted(logs).findings
    assert finding.domains == ()


def test_a_lease_names_the_machine_of_a_verdict(logs: Path) -> None:
    hunt = hunted(logs, leases=[lease("desk-1"), lease("desk-2", OTHER)])
    assert [each.host for each in hunt.verdicts] == ["desk-1"]
    assert [each.host for each in hunt.findings] == [DESK]


def test_an_address_that_was_leased_to_two_machines_keeps_its_name(logs: Path) -> None:
    hunt = hunted(logs, leases=[lease("desk-1"), lease("desk-2")])
    assert [each.host for each in hunt.verdicts] == [DESK]
