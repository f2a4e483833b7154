"""Evaluations: truth files with their faults, which finding is about which entry, and the sums."""

import csv
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import zeek_conn

import herdsight
from herdsight.cli import main
from herdsight.errors import InputError
from herdsight.evaluating.matching import behaviour_of, fits
from herdsight.evaluating.truths import Entry, read_truth
from herdsight.findings.model import Evidence, Finding, Role, Severity
from herdsight.simulation.truth import DEEDS, Malicious, Truth

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
BOT, OTHER, QUIET, C2 = "10.0.0.5", "10.0.0.6", "10.0.0.7", "203.0.113.9"

TRUTHS = sorted((Path(__file__).parent.parent / "evaluation").glob("*.yaml"))

Given = Callable[..., Path]


def calls(host: str, count: int = 300, **values: Any) -> list[dict[str, Any]]:
    """Refused calls of a host to an address outside, every 60 s."""
    own = {"id.orig_h": host, "id.orig_p": 50_000, "id.resp_h": C2, "id.resp_p": 1177, "proto": "tcp"}
    own |= {"conn_state": "S0", **values}
    return [{"ts": NOON + timedelta(minutes=number), "uid": f"C{host}{number}", **own} for number in range(count)]


def chance(host: str) -> list[dict[str, Any]]:
    """Calls of a host at random times over the same hours."""
    times = np.random.default_rng(1).uniform(0, 18_000, size=40)
    return [
        dict(call, ts=NOON + timedelta(seconds=float(time))) for call, time in zip(calls(host), times, strict=False)
    ]


@pytest.fixture
def given(tmp_path: Path) -> Given:
    """Writes a log and a truth file of it; the path of the truth file."""

    def write(text: str = "", rows: list[dict[str, Any]] | None = None) -> Path:
        (tmp_path / "conn.log").write_text(zeek_conn(rows or [*calls(BOT), *chance(QUIET)]))
        path = tmp_path / "truth.yaml"
        path.write_text(
            text
            or "name: made up\nlogs: [conn.log]\nlocal: [10.0.0.0/8]\nmalicious:\n"
            f"  - {{behaviour: beacon, host: {BOT}, remote: {C2}, port: 1177}}\nbenign_hosts: ['*']\n"
        )
        return path

    return write


def finding(**values: Any) -> Finding:
    own: dict[str, Any] = {
        "id": "F1",
        "detection": "beacon",
        "kind": "analytic",
        "title": "t",
        "severity": Severity.HIGH,
        "confidence": "high",
        "probability": 0.9,
        "role": Role.BOT,
        "host": BOT,
        "first_seen": NOON,
        "last_seen": NOON,
        "count": 1,
        "reasons": (),
        "numbers": {},
        "techniques": (),
        "evidence": Evidence(table="T", filter="", rows=()),
    }
    return Finding(**own | values)


# --- truth files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: a\nlogs: [x.log]\nbehaviour: beacon\n", 3, "behaviour: Extra inputs are not permitted"),
        ("name: a\nlogs: [x.log]\nmalicious:\n  - {behaviour: bot, host: h}\n", 4, "malicious.0.behaviour"),
        ("name: a\nlogs: []\n", 2, "logs"),
        ("name: a\nlogs: [x.log]\nlocal: [10.0.0.300]\n", 3, "local"),
        (
            "name: a\nlogs: [x.log]\nmalicious:\n  - {behaviour: irc, host: h,\n     port: 70000}\n",
            5,
            "malicious.0.port",
        ),
        ("name: a\nlogs: [x.log", 2, "not YAML"),
        ("- a\n", 1, "a truth file is a mapping"),
    ],
)
def test_a_fault_of_a_truth_file_is_told_with_its_line(given: Given, text: str, line: int, said: str) -> None:
    path = given(text)
    with pytest.raises(InputError) as raised:
        read_truth(path)
    assert raised.value.place
    assert (raised.value.place.source, raised.value.place.line) == (str(path), line)
    assert said in raised.value.what


def test_every_fault_of_a_truth_file_is_told(given: Given) -> None:
    with pytest.raises(InputError, match=r"logs: Field required; more: Extra inputs"):
        read_truth(given("name: a\nmore: b\n"))


def test_logs_that_are_not_there_are_told_with_their_line(given: Given) -> None:
    path = given("name: a\nlogs:\n  - conn.log\n  - gone.log\n")
    with pytest.raises(InputError, match=r"truth\.yaml:4.*gone\.log.*--data"):
        herdsight.evaluate(path)


def test_a_truth_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        herdsight.evaluate(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="no truth file"):
        herdsight.evaluate([])


def test_logs_may_lie_in_another_folder(given: Given, tmp_path: Path) -> None:
    path = given()
    (tmp_path / "data").mkdir()
    (tmp_path / "conn.log").rename(tmp_path / "data" / "conn.log")
    with pytest.raises(InputError, match="no file or folder"):
        herdsight.evaluate(path)
    assert herdsight.evaluate(path, data=tmp_path / "data").recall == 1


def test_what_a_simulation_writes_is_read(tmp_path: Path) -> None:
    entries = tuple(Malicious(behaviour=deed, host="h", port=1) for deed in DEEDS)  # type: ignore[arg-type]
    truth = Truth(name="all", logs=("logs",), local=("10.0.0.0/8", "fd00::/8"), malicious=entries)
    truth.write(tmp_path / "truth.yaml")
    read = read_truth(tmp_path / "truth.yaml").truth
    assert [entry.behaviour for entry in read.malicious] == list(DEEDS)
    assert read.local == truth.local
    assert read.benign_hosts == ("*",)


@pytest.mark.parametrize("benign", [["*"], ["10.0.0.7"], [], ["*", "10.0.0.5"]])
def test_whose_findings_are_false_is_said_by_the_truth(given: Given, benign: list[str]) -> None:
    truth = read_truth(given()).truth.model_copy(update={"benign_hosts": tuple(benign)})
    assert truth.is_benign(QUIET) is bool(benign)
    assert truth.is_benign(OTHER) is ("*" in benign)
    assert truth.is_benign(BOT) is (BOT in benign)


# --- which finding is about which entry -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "entry", "expected"),
    [
        ({"remotes": (C2,), "ports": (1177,)}, {"remote": C2, "port": 1177}, True),
        ({"remotes": (C2,), "ports": (1177,)}, {"remote": "203.0.113.0/24"}, True),
        ({"remotes": ("2001:db8::1",)}, {"remote": "2001:0db8:0::1"}, True),
        ({"remotes": ("2001:db8::1",)}, {"remote": "0.0.0.0/0"}, False),
        ({"remotes": (C2,), "ports": (1177,)}, {"remote": C2, "port": 443}, False),
        ({"remotes": ("198.51.100.1",)}, {"remote": C2}, False),
        ({"host": OTHER, "remotes": (C2,)}, {"remote": C2}, False),
        ({"domains": ("a.C2.example.",)}, {"remote": "c2.example"}, True),
        ({"domains": ("notc2.example",)}, {"remote": "c2.example"}, False),
        ({"domains": ("c2.example",)}, {"remote": "ns.c2.example"}, True),
        ({"domains": ("example",)}, {"remote": "c2.example"}, False),
        ({"domains": (), "remotes": ("10.0.0.1",)}, {"remote": "c2.example"}, True),
        # Found by its protocol: the same role, and the very remote.
        ({"detection": "irc-c2", "remotes": (C2,)}, {"remote": C2}, True),
        ({"detection": "irc-c2", "remotes": (C2,)}, {}, False),
        ({"detection": "spreader", "role": Role.ATTACKER, "remotes": (C2,)}, {"remote": C2}, False),
        ({"detection": "own", "role": Role.BOT}, {}, True),
    ],
)
def test_a_finding_is_about_an_entry(values: dict[str, Any], entry: dict[str, Any], *, expected: bool) -> None:
    assert fits(finding(**values), Entry(behaviour="beacon", host=BOT, **entry)) is expected


@pytest.mark.parametrize(
    ("detection", "role", "expected"),
    [
        ("outbound-flood", Role.ATTACKER, "ddos"),
        ("syn-flood", Role.TARGET, "flood"),
        ("dns-txt-c2", Role.BOT, "tunnel"),
        ("dga-names", Role.BOT, "dga"),
        ("irc-c2", Role.BOT, "irc"),
        ("spreader", Role.ATTACKER, "spread"),
        ("orb-inbound", Role.RELAY, "relay"),
        ("my-rule", Role.TARGET, "flood"),
        ("indicator-domain", Role.BOT, "beacon"),
    ],
)
def test_the_behaviour_of_a_finding_stands_in_its_name_or_role(detection: str, role: Role, expected: str) -> None:
    assert behaviour_of(finding(detection=detection, role=role)) == expected


# --- sums -----------------------------------------------------------------------------------------------------------


def test_a_bot_that_is_found_and_a_host_that_is_left_alone(given: Given) -> None:
    found = herdsight.evaluate(given())
    (beacon,) = found.behaviours
    assert (beacon.behaviour, beacon.expected, beacon.found, beacon.recall) == ("beacon", 1, 1, 1)
    assert (beacon.false_alerts, beacon.precision, found.precision) == (0, 1, 1)
    (entry,) = found.entries
    assert entry.found
    assert "beacon" in entry.detections
    assert entry.seconds_to_detection is None
    (one,) = found.sets
    assert one.hosts == 2
    assert 299 / 1440 < one.host_days < 600 / 1440  # of the bot, and at most as much of the other
    assert one.right + one.false_alerts + one.unjudged == beacon.right


def test_the_same_of_a_host_that_is_benign_is_false(given: Given) -> None:
    found = herdsight.evaluate(given(rows=[*calls(BOT), *calls(OTHER)]))
    (one,) = found.sets
    assert {each.host for each in found.false_alerts} == {OTHER}
    assert one.false_alerts == len(found.false_alerts) == one.right
    assert found.precision == 0.5
    assert found.alerts_per_host_day == one.false_alerts  # less than a day counts as one


def test_what_the_truth_says_nothing_of_is_neither(given: Given) -> None:
    found = herdsight.evaluate(given("name: a\nlogs: [conn.log]\n"))
    (one,) = found.sets
    assert (one.right, one.false_alerts, one.expected) == (0, 0, 0)
    assert one.unjudged
    assert (found.recall, found.precision, found.behaviours) == (None, None, ())


def test_what_was_not_found_is_told(given: Given) -> None:
    path = given(f"name: a\nlogs: [conn.log]\nmalicious:\n  - {{behaviour: dga, host: {BOT}}}\nbenign_hosts: ['*']\n")
    found = herdsight.evaluate(path)
    (entry,) = found.entries
    assert (entry.found, entry.severity, entry.detections, found.recall) == (False, None, (), 0)


def test_a_host_under_a_name_that_these_logs_do_not_know_is_one_entry(given: Given) -> None:
    same = f"remote: {C2}, port: 1177}}"
    path = given(
        f"name: a\nlogs: [conn.log]\nmalicious:\n  - {{behaviour: beacon, host: {BOT}, {same}\n"
        f"  - {{behaviour: beacon, host: ws1.example, {same}\n  - {{behaviour: relay, host: ws1.example}}\n"
    )
    found = herdsight.evaluate(path)
    assert [(each.behaviour, each.host) for each in found.entries] == [("beacon", BOT), ("relay", "ws1.example")]


def test_the_time_to_a_detection_is_that_of_the_first_hunt_that_finds_it(given: Given) -> None:
    (entry,) = herdsight.evaluate(given(), timed=True).entries
    delay = entry.seconds_to_detection
    # A beacon of one call a minute cannot be told by its timing before its sixth idle time.
    assert delay is not None
    assert 300 < delay < 300 * 60


# --- the command ----------------------------------------------------------------------------------------------------


def run(*words: str) -> str:
    result = CliRunner().invoke(main, ["evaluate", *words, "--quiet"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_prints_a_page_json_and_csv(given: Given) -> None:
    path = str(given(rows=[*calls(BOT), *calls(OTHER)]))
    page = run(path)
    assert "false alerts" in page
    assert "recall 100 %" in page
    whole = json.loads(run(path, "--format", "json"))
    assert whole["schema"] == 1
    assert [each["behaviour"] for each in whole["behaviours"]] == ["beacon"]
    (line,) = run(path, "--format", "ndjson").splitlines()
    assert json.loads(line) == whole["behaviours"][0]
    (row,) = csv.DictReader(StringIO(run(path, "--format", "csv")))
    assert row["recall"] == "1.0"


def test_a_wrong_truth_file_ends_with_two(given: Given) -> None:
    result = CliRunner().invoke(main, ["evaluate", str(given("name: 1\n"))])
    assert result.exit_code == 2
    assert "truth.yaml:1" in result.stderr


@pytest.mark.parametrize("path", TRUTHS, ids=lambda path: path.stem)
def test_the_truth_files_here_are_right(path: Path) -> None:
    read = read_truth(path)
    assert read.truth.name == path.stem
    assert read.mappings() is not None


@pytest.mark.shared_data
def test_the_logs_of_the_truth_files_here_are_in_the_shared_data(shared_data: Path) -> None:
    assert all(read_truth(path).logs(shared_data / "data") for path in TRUTHS)
