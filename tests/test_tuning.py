"""Tuning: which findings an entry silences, what is said of it, and what is wrong with a file."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer
from reference import NOON, connection, spread

import herdsight
from herdsight.errors import InputError
from herdsight.findings.model import Evidence, Finding, Role, Severity
from herdsight.tuning import Entry, read_tuning, ready_made, silence_for, silenced

Write = Callable[[str], Path]


def finding(**values: Any) -> Finding:
    """A finding on a bot, with other values where they matter."""
    whole: dict[str, Any] = {
        "id": "F1",
        "detection": "beacon",
        "kind": "analytic",
        "title": "A timer",
        "severity": Severity.HIGH,
        "confidence": "high",
        "probability": 0.9,
        "role": Role.BOT,
        "host": "desk-1",
        "process": "payroll.exe",
        "remotes": ("203.0.113.9",),
        "ports": (8443,),
        "domains": ("api.payroll.example",),
        "first_seen": NOON,
        "last_seen": NOON,
        "count": 9,
        "reasons": ("it calls",),
        "numbers": {},
        "techniques": (),
        "evidence": Evidence(table="ASimNetworkSessionLogs", filter="", rows=()),
    }
    return Finding(**(whole | values))


def is_silenced(values: dict[str, Any], conditions: dict[str, Any]) -> bool:
    entry = Entry.model_validate({"name": "one", "why": "known", **conditions})
    return not silenced([finding(**values)], [entry], NOON).findings


@pytest.mark.parametrize(
    ("values", "conditions", "expected"),
    [
        ({}, {"host": "desk-1"}, True),
        ({}, {"host": ["DESK-*"]}, True),
        ({}, {"host": "desk"}, False),
        ({"host": "10.7.3.4"}, {"host": "10.7.0.0/16"}, True),
        ({"host": "10.8.3.4"}, {"host": "10.7.0.0/16"}, False),
        ({}, {"remote": "203.0.113.0/24"}, True),
        ({"remotes": ("203.0.113.9", "198.51.100.1")}, {"remote": "203.0.113.0/24"}, False),  # all of them
        ({"remotes": ()}, {"remote": "203.0.113.0/24"}, False),
        ({"remotes": ("2001:db8::1",)}, {"remote": "2001:db8::/32"}, True),
        ({"remotes": ("not an address",)}, {"remote": "203.0.113.0/24"}, False),
        ({}, {"domain": "payroll.example"}, True),
        ({"domains": ("API.Payroll.Example.",)}, {"domain": "payroll.example"}, True),
        ({"domains": ("evilpayroll.example",)}, {"domain": "payroll.example"}, False),
        ({"domains": ("payroll.example.evil.example",)}, {"domain": "payroll.example"}, False),
        ({}, {"port": 8443}, True),
        ({"ports": (8443, 25)}, {"port": [8443]}, False),
        ({}, {"process": "pay*.exe"}, True),
        ({"process": None}, {"process": "pay*.exe"}, False),
        ({}, {"detection": ["relay*", "beacon*"]}, True),
        ({}, {"detection": "relay*"}, False),
        ({}, {"host": "desk-1", "port": 25}, False),  # every condition
    ],
)
def test_an_entry_silences_what_meets_all_its_conditions(
    values: dict[str, Any], conditions: dict[str, Any], *, expected: bool
) -> None:
    assert is_silenced(values, conditions) is expected


def test_the_entry_that_a_finding_carries_silences_it_and_no_other() -> None:
    one, other = finding(), finding(id="F2", remotes=("203.0.113.10",))
    entry = Entry.model_validate(silence_for(one))
    assert silenced([one, other], [entry], NOON).findings == (other,)


def test_what_is_silenced_is_counted_and_can_be_shown() -> None:
    entry = Entry(name="payroll", why="known", process=("payroll.exe",))
    found = silenced([finding(), finding(id="F2"), finding(id="F3", process="x")], [entry], NOON)
    assert [each.id for each in found.findings] == ["F3"]
    assert [(each.detection, each.count) for each in found.withheld] == [("beacon", 2)]
    assert "payroll" in found.withheld[0].why
    shown = silenced([finding()], [entry], NOON, show=True)
    assert "payroll" in str(shown.findings[0].explained_by)
    assert shown.withheld == ()


def test_an_entry_holds_until_the_end_of_its_last_day_and_idle_ones_are_named() -> None:
    entry = Entry(name="old", why="known", host=("desk-1",), until=NOON.date())
    assert silenced([finding()], [entry], NOON).findings == ()
    late = silenced([finding()], [entry], NOON + timedelta(days=1))
    assert len(late.findings) == 1
    assert "expired" in late.unused[0]
    idle = Entry(name="idle", why="known", host=("desk-9",))
    assert silenced([finding()], [idle], NOON).unused == ("idle silenced nothing",)


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / f"tuning-{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("silence:\n  - name: a\n    why: b\n", 2, "would silence everything"),
        ("silence:\n  - name: a\n    why: b\n    remote: nowhere\n", 4, "no address and no network"),
        ("silence:\n  - name: a\n    why: b\n    port: 70000\n", 4, "65535"),
        ("silence:\n  - name: a\n    why: b\n    hosts: x\n", 4, "hosts"),
        ("silence:\n  - name: a\n    host: x\n", 2, "why"),
        ("silence:\n  - name: a\n    why: b\n    host: []\n", 4, "empty list"),
        ("silence:\n  - name: a\n    why: b\n    host: x\n    until: soon\n", 5, "until"),
        ("use: [backup-and-vpm]\n", 1, "no ready-made class"),
        ("- a\n", 1, "mapping"),
        ("a: &a [*a]\n", 1, "YAML"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(write: Write, text: str, line: int, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        read_tuning([write(text)])
    assert raised.value.place is not None
    assert raised.value.place.line == line


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_tuning([tmp_path / "none.yaml"])


def test_two_entries_of_one_name_are_refused(write: Write) -> None:
    text = "silence:\n  - {name: a, why: b, host: c}\n"
    with pytest.raises(InputError, match="two entries"):
        read_tuning([write(text), write(text.replace("host: c", "host: d"))])


def test_ready_made_classes_are_switched_on_by_name(write: Write) -> None:
    assert set(ready_made()) == {
        "backup-and-vpn",
        "cdn-and-telemetry",
        "load-balancers-and-proxies",
        "monitoring-agents",
        "peer-to-peer",
        "polling-applications",
    }
    entries = read_tuning([write("use: [peer-to-peer]\n")])
    assert entries == ready_made()["peer-to-peer"]
    names = [entry.name for own in ready_made().values() for entry in own]
    assert len(names) == len(set(names))


def test_a_hunt_does_not_tell_what_is_silenced(json_log: Writer, write: Write) -> None:
    log = json_log(
        [connection(each, RemotePort=1177) for each in spread(NOON - timedelta(hours=4), timedelta(hours=4), 61)]
    )
    tuning = write("silence:\n  - {name: ours, why: known, port: 1177}\n  - {name: idle, why: known, port: 1}\n")
    hunt = herdsight.hunt(log, tuning=[tuning])
    assert (hunt.findings, hunt.verdicts) == ((), ())
    assert {each.detection for each in hunt.withheld} >= {"beacon", "beacon-fixed-endpoint"}
    assert hunt.unused == ("idle silenced nothing",)
    shown = herdsight.hunt(log, tuning=[tuning], show_silenced=True)
    assert shown.findings
    assert all("ours" in str(each.explained_by) for each in shown.findings)
    assert isinstance(shown.findings[0].first_seen, datetime)
