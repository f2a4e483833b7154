"""The documentation cannot rot: its pages are made anew, and its commands and examples run."""

import re
import runpy
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import herdsight
from herdsight.cli import main
from herdsight.errors import UnsupportedError
from herdsight.findings.model import Evidence, Finding, Hunt, Role, Severity

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = runpy.run_path(str(ROOT / "docs" / "make_kql.py"))


def test_the_page_of_what_runs_is_up_to_date() -> None:
    written = (ROOT / "docs" / "kql.md").read_text(encoding="utf-8")
    assert written == PAGE["page"](), "run: make docs"


@pytest.mark.parametrize("decision", PAGE["DECISIONS"], ids=lambda decision: decision.said)
def test_what_was_decided_is_what_happens(decision: Any) -> None:
    if decision.refused:
        with pytest.raises(UnsupportedError):
            herdsight.query(decision.kql)
        return
    (row,) = herdsight.query(decision.kql).to_pylist()
    assert list(row.values()) == [decision.value]


@pytest.mark.parametrize("kql", PAGE["PARTS"].values(), ids=PAGE["PARTS"])
def test_a_part_that_is_said_to_be_refused_is(kql: str) -> None:
    with pytest.raises(UnsupportedError):
        herdsight.query(kql)


EVENTS = """\
Timestamp,DeviceName,ActionType,RemoteIP,RemotePort,Protocol,LocalIP,LocalPort,RemoteIPType
2026-05-31T10:00:00Z,web01,ConnectionSuccess,203.0.113.9,1177,Tcp,10.0.0.5,50001,Public
"""


NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
FLOOD = Finding(
    id="F1b4bc34b4e", detection="flood", kind="analytic", title="A flood", severity=Severity.HIGH, confidence="high",
    probability=0.99, role=Role.TARGET, host="web01", first_seen=NOON, last_seen=NOON, count=1, reasons=("many",),
    numbers={}, techniques=("T1498",), evidence=Evidence(table="DeviceNetworkEvents", filter="true", rows=()),
)  # fmt: skip


def hunt_with(finding: Finding) -> Hunt:
    return Hunt(herdsight="0.1.0", now=NOON, span=(NOON, NOON), inputs=(), verdicts=(), findings=(finding,), skipped=())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the README speaks of."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "events.csv").write_text(EVENTS)
    (tmp_path / "vips.csv").write_text("Host,Owner\nweb01,eve\n")
    (tmp_path / "bad.csv").write_text("203.0.113.9\n")
    (tmp_path / "rule.kql").write_text(
        "declare query_parameters(threshold: long = 10);\n"
        "DeviceNetworkEvents | where DeviceName in ((_GetWatchlist('VIPs') | project Host)) | where threshold > 1"
    )
    (tmp_path / "feed.kql").write_text(
        "let bad = externaldata(ip: string) ['https://feeds.example/bad.csv'];\n"
        "DeviceNetworkEvents | where RemoteIP in (bad)"
    )
    monkeypatch.chdir(tmp_path)
    herdsight.import_("logs", "store")
    (tmp_path / "hunt.json").write_text(hunt_with(FLOOD).model_dump_json())
    return tmp_path


STORE = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
COMMANDS = [line for line in README.splitlines() if line.startswith("herdsight ")]
UPKEEP = [
    found.replace("DIR", "store").replace("'conn-2026-11-*'", "events.csv")
    for found in re.findall(r"`(herdsight store [^`]+)`", STORE)
    if "NAME" not in found
]


@pytest.mark.parametrize(
    "line", [each for each in (*COMMANDS, *UPKEEP) if each != "herdsight query ./logs"]
)  # opens a prompt
@pytest.mark.usefixtures("desk")
def test_a_command_of_the_readme_runs(line: str) -> None:
    line, _, file = line.partition(" > ")  # as a shell does it
    result = CliRunner().invoke(main, shlex.split(line)[1:], prog_name="herdsight")
    assert result.exit_code == 0, result.output
    assert result.output
    if file:
        Path(file).write_text(result.stdout, encoding="utf-8")


@pytest.mark.usefixtures("desk")
def test_the_python_of_the_readme_runs() -> None:
    (code,) = re.findall(r"```python\n(.+?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 our own text
