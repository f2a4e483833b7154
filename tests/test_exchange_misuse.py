"""Bad input to what is exchanged with others: hunts read back, folders of exports, indicators, places of addresses."""

import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from herdsight.cli import main
from herdsight.errors import InputError
from herdsight.exporting.exporting import target_of
from herdsight.exporting.folder import write_files
from herdsight.exporting.model import File, FindingTarget
from herdsight.exporting.texts import yaml_text
from herdsight.findings.reading import read_hunt
from herdsight.geo import Geo
from herdsight.indicators.kinds import confidence_of, moment_of
from herdsight.indicators.reading import read_indicators
from herdsight.indicators.table import as_table
from herdsight.texts import replace_text, write_new

FINDING: dict[str, Any] = {
    "id": "F1",
    "detection": "irc-c2",
    "kind": "rule",
    "title": "IRC",
    "severity": "high",
    "confidence": "high",
    "probability": 0.9,
    "role": "bot",
    "host": "10.0.0.5",
    "first_seen": "2026-03-10T12:00:00Z",
    "last_seen": "2026-03-10T13:00:00Z",
    "count": 3,
    "reasons": ["one"],
    "numbers": {},
    "techniques": ["T1071"],
    "evidence": {"table": "DeviceNetworkEvents", "filter": 'RemoteIP == "203.0.113.9"', "rows": []},
}
HUNT: dict[str, Any] = {
    "schema": 1,
    "herdsight": "0.1.0",
    "now": "2026-03-11T12:00:00Z",
    "span": ["2026-03-10T12:00:00Z", "2026-03-11T12:00:00Z"],
    "inputs": [],
    "verdicts": [],
    "skipped": [],
}
LOGS = (
    "TimeGenerated,DeviceName,RemoteIP,RemotePort,ActionType\n"
    "2026-03-10T12:00:00Z,h1,203.0.113.9,80,ConnectionSuccess\n"
)


def saved(folder: Path, changes: dict[str, Any] | None = None, **finding: Any) -> Path:
    """A hunt's JSON with one finding, changed as somebody might have edited it."""
    path = folder / "hunt.json"
    path.write_text(json.dumps(HUNT | {"findings": [FINDING | finding]} | (changes or {})))
    return path


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in words], prog_name="herdsight")


@contextmanager
def no_room(size: int) -> Iterator[None]:
    """A disk on which no file may have more bytes; the limit holds for what this process writes meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestHunt:
    @pytest.mark.parametrize(
        "moment", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"], ids=["after 9999", "before 1"]
    )
    def test_a_time_that_is_none_in_utc_is_told(self, tmp_path: Path, moment: str) -> None:
        with pytest.raises(InputError, match=r"findings\.0\.last_seen: .*is none in UTC"):
            read_hunt(saved(tmp_path, last_seen=moment))

    @pytest.mark.parametrize("probability", [float("nan"), float("inf"), -0.1, 1.5])
    def test_a_probability_that_is_none_is_told(self, tmp_path: Path, probability: float) -> None:
        with pytest.raises(InputError, match=r"hunt\.json: .*findings\.0\.probability: .*from 0 to 1"):
            read_hunt(saved(tmp_path, probability=probability))

    @pytest.mark.parametrize("changes", [{"ports": [65_536]}, {"ports": [80, -1]}, {"count": -1}, {"count": 10**30}])
    def test_a_number_that_no_hunt_has_is_told(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        with pytest.raises(InputError, match=rf"findings\.0\.{next(iter(changes))}: .*is not from 0 to"):
            read_hunt(saved(tmp_path, **changes))

    def test_another_schema_is_not_taken_for_this_one(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"hunt\.json: .*of schema 2, and this version reads 1"):
            read_hunt(saved(tmp_path, {"schema": 2}))

    def test_a_line_of_cef_has_no_character_that_acts_on_a_terminal(self, tmp_path: Path) -> None:
        hunt = read_hunt(
            saved(tmp_path, host="a\x1b[31m\x00b", account="c\u2028d\u202e", title="e\x07", reasons=["\x9b"])
        )
        target = target_of("cef")
        assert isinstance(target, FindingTarget)
        line = target.write(hunt)
        assert line[:-1].isprintable()
        assert r"shost=a\\x1b[31m\\x00b" in line


class TestExplained:
    @pytest.mark.parametrize(
        "evidence",
        [{"table": "NoSuchTable", "filter": "true"}, {"filter": "RemoteIP =="}, {"filter": "NoSuchColumn == 1"}],
        ids=["table", "syntax", "column"],
    )
    def test_evidence_that_cannot_be_asked_is_told_as_the_hunts(self, tmp_path: Path, evidence: dict[str, str]) -> None:
        hunt = saved(tmp_path, evidence=FINDING["evidence"] | evidence)
        (tmp_path / "logs.csv").write_text(LOGS)
        said = call("explain", "F1", hunt, tmp_path / "logs.csv")
        assert said.exit_code == 2
        assert "the evidence of F1 cannot be asked" in said.stderr
        assert "write the hunt anew" in said.stderr


class TestFolder:
    @pytest.mark.parametrize("path", ["a\0b", "\ud800", "", "."])
    def test_a_record_with_a_name_that_no_file_has_is_not_believed(self, tmp_path: Path, path: str) -> None:
        (tmp_path / ".herdsight-export.json").write_text(json.dumps({"one": {path: "0"}}))
        (done,) = write_files([File("a", "a")], tmp_path, "one")
        assert done.done == "written"

    @pytest.mark.parametrize("name", ["a", ".herdsight-export.json"])
    @pytest.mark.parametrize("kind", ["pipe", "folder"])
    def test_what_is_no_file_is_refused_before_anything_is_written(self, tmp_path: Path, name: str, kind: str) -> None:
        (os.mkfifo if kind == "pipe" else os.mkdir)(tmp_path / name)
        with pytest.raises(InputError, match="is no file"):
            write_files([File("0", "0"), File("a", "a")], tmp_path, "one")
        assert [each.name for each in tmp_path.iterdir()] == [name]

    def test_an_export_that_broke_off_is_continued(self, tmp_path: Path) -> None:
        """What was written before the disk was full is known as ours, and may be changed."""
        with no_room(1000), pytest.raises(InputError, match="cannot write"):
            write_files([File("a", "a"), File("b", "b" * 5000)], tmp_path, "one")
        assert sorted(each.name for each in tmp_path.iterdir()) == [".herdsight-export.json", "a"]
        done = write_files([File("a", "A"), File("b", "B")], tmp_path, "one")
        assert [each.done for each in done] == ["changed", "written"]

    def test_the_record_keeps_what_another_export_wrote_meanwhile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slow(path: Path, text: str) -> None:
            replace_text(path, text)
            if path.name == "a":
                monkeypatch.undo()
                write_files([File("b", "b")], tmp_path, "two")

        monkeypatch.setattr("herdsight.exporting.folder.replace_text", slow)
        write_files([File("a", "a")], tmp_path, "one")
        assert {*json.loads((tmp_path / ".herdsight-export.json").read_text())} == {"one", "two"}

    def test_a_name_as_long_as_a_name_may_be_is_written(self, tmp_path: Path) -> None:
        write_files([File("x" * 250, "a")], tmp_path, "one")
        assert (tmp_path / ("x" * 250)).read_text() == "a"


class TestTexts:
    def test_a_text_for_which_there_is_no_room_leaves_nothing(self, tmp_path: Path) -> None:
        with no_room(1000), pytest.raises(InputError, match="cannot write"):
            write_new(tmp_path / "new", "x" * 5000)
        with no_room(1000), pytest.raises(InputError, match="cannot write"):
            replace_text(tmp_path / "old", "x" * 5000)
        assert not [*tmp_path.iterdir()]

    def test_what_is_interrupted_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            replace_text(tmp_path / "old", "x")
        assert not [*tmp_path.iterdir()]

    def test_a_pipe_is_not_replaced_by_a_file(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="is no file"):
            replace_text(tmp_path / "pipe", "x")
        assert (tmp_path / "pipe").is_fifo()

    def test_a_folder_is_no_file_to_write_over(self, tmp_path: Path) -> None:
        said = call("export", "csv", saved(tmp_path), "-o", ".", "--force")
        assert said.exit_code == 2
        assert "'.' is no file" in said.stderr


class TestRuleText:
    @pytest.mark.parametrize(
        "text",
        ["a\x00b\nc", "a\x00", "a\x1b[31m\nb", "\u2028\nb", "a\x85b\nc", " lead\nb", "\n\nb", "a\r\nb\n", "a \n\tb"],
    )
    def test_reads_back_as_it_was(self, text: str) -> None:
        assert YAML(typ="safe").load(yaml_text({"name": text})) == {"name": text}


class TestIndicators:
    @pytest.mark.parametrize("text", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"])
    def test_a_time_that_is_none_in_utc_is_no_time(self, text: str) -> None:
        assert moment_of(text) is None

    @pytest.mark.parametrize("port", ["\u00b2", "\u2460", "-1", "1e9"])
    def test_a_port_that_is_none_is_no_port(self, tmp_path: Path, port: str) -> None:
        """A superscript is a digit to Python, and no number."""
        (tmp_path / "list.csv").write_text(f"ioc,port\n203.0.114.9,{port}\n", encoding="utf-8")
        assert read_indicators([tmp_path / "list.csv"]).columns.port == [0]

    def test_a_confidence_beyond_all_reals_is_none(self) -> None:
        assert confidence_of(10**400) is None

    def test_what_no_event_of_misp_has_is_read(self, tmp_path: Path) -> None:
        """A mark that is a list, a port of a superscript, and a name with half a character."""
        found = [
            {"type": "ip-dst", "value": "203.0.114.9", "to_ids": [1]},
            {"type": "ip-dst|port", "value": "203.0.114.8|\u00b2"},
        ]
        path = tmp_path / "list.json"
        path.write_text(json.dumps({"Event": {"info": "a\ud800", "Attribute": found}}))
        columns = read_indicators([path]).columns
        assert columns.port == [0, 0]
        assert as_table(columns, ["list"])["label"].to_pylist() == ["a?", "a?"]

    def test_a_port_of_stix_that_is_none_is_told(self, tmp_path: Path) -> None:
        pattern = "[network-traffic:dst_port = '\u00b2' AND network-traffic:dst_ref.value = '203.0.114.9']"
        objects = [{"type": "indicator", "pattern": pattern, "name": "\ud800"}]
        path = tmp_path / "list.json"
        path.write_text(json.dumps({"type": "bundle", "objects": objects}))
        (account,) = read_indicators([path]).accounts
        assert (account.read, account.used, sum(account.refused.values())) == (1, 0, 1)

    def test_a_list_with_such_a_time_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "list.csv"
        path.write_text("ioc,valid_until\n203.0.114.9,9999-12-31T23:59:59-23:59\n203.0.114.8,2026-03-11T00:00:00Z\n")
        found = read_indicators([path])
        assert [each.used for each in found.accounts] == [2]
        assert found.columns.until == [None, datetime(2026, 3, 11)]  # noqa: DTZ001 kept without its zone

    def test_a_pipe_is_refused_and_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match=r"is no file \(save the list to a file, and name that\)"):
            read_indicators([tmp_path / "pipe"])


class TestGeo:
    def test_a_pipe_is_refused_and_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="no database in MaxMind's format"):
            Geo([tmp_path / "pipe"])
