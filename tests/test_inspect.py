"""`herdsight inspect`: what each file is, what of it was read, and what could be done with it."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import Row, Writer
from reference import NOON
from test_zeek_records import ANSWERED, DENIED
from zeeks import in_lines

import herdsight
from herdsight.cli import main
from herdsight.errors import InputError


def conn(**changes: object) -> Row:
    """A connection from inside to outside as Zeek logs it."""
    row: Row = {"ts": NOON, "uid": "C1", "id.orig_h": "10.0.0.5", "id.orig_p": 50000, "id.resp_h": "5.6.7.8"}
    return row | {"id.resp_p": 8443, "proto": "tcp", "conn_state": "SF", "orig_bytes": 7} | changes


@pytest.fixture
def logs(tmp_path: Path, zeek_log: Writer) -> Path:
    """Five connections of which the second, fourth and fifth are bad; DNS; and a file that is no log."""
    zeek_log([conn(), conn(ts="soon"), conn(), conn(ts="never"), conn(**{"id.resp_h": "nowhere"})])
    (tmp_path / "dns.log").write_text(in_lines([ANSWERED, DENIED], "dns"), encoding="utf-8")
    (tmp_path / "notes.txt").write_text("nothing but words\n", encoding="utf-8")
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["inspect", *words])


def test_each_file_has_its_account(logs: Path) -> None:
    conns, dns, notes = herdsight.inspect(logs).files
    assert (conns.format, conns.table, conns.rows, conns.rejected) == ("zeek-conn", "ASimNetworkSessionLogs", 2, 3)
    assert [each.model_dump() for each in conns.samples] == [
        {"reason": "bad address", "count": 1, "records": (5,)},
        {"reason": "bad timestamp", "count": 2, "records": (2, 4)},
    ]
    assert conns.first == conns.last
    assert conns.first is not None
    assert conns.first.replace(tzinfo=None) == NOON
    assert (dns.format, dns.table, dns.rows, dns.rejected) == ("zeek-dns", "ASimDnsActivityLogs", 2, 0)
    assert (notes.format, notes.table, notes.rows) == (None, None, 0)
    assert notes.notes == ("not a log that Herdsight knows",)


def test_columns_are_those_that_have_a_value(logs: Path) -> None:
    conns, dns, _ = herdsight.inspect(logs).files
    assert {"SrcIpAddr", "SrcBytes", "EventResult"} <= set(conns.columns)
    assert not {"DstBytes", "NetworkApplicationProtocol", "Type"} & set(conns.columns)
    assert "DnsResponseName" in dns.columns


def test_each_file_says_by_what_it_was_recognised(logs: Path, csv_log: Writer) -> None:
    flat = csv_log([{"Timestamp": NOON, "DeviceName": "a", "ActionType": "ConnectionSuccess", "RemoteIP": "5.6.7.8"}])
    conns, dns, table, notes = herdsight.inspect([logs / "conn1.log", logs / "dns.log", flat, logs / "notes.txt"]).files
    assert conns.recognised == dns.recognised == "it says so itself"
    assert table.recognised == "by its columns Timestamp, DeviceName, ActionType, ..."
    assert notes.recognised is None
    nameless = (logs / "conn1.log").read_text().replace("#path\tconn\n", "")
    (logs / "conn1.log").write_text(nameless)
    (found,) = herdsight.inspect(logs / "conn1.log").files
    assert found.recognised == "by its columns ts, uid, id.orig_h, ..."
    (found,) = herdsight.inspect(logs / "conn1.log", format_in="zeek-conn").files
    assert found.recognised == "you said so"


def test_detections_are_those_that_the_file_can_carry_alone(logs: Path) -> None:
    conns, dns, notes = herdsight.inspect(logs).files
    # Nothing came in: the firewall's table, which the flood is looked for in, is empty.
    assert {"beacon-fixed-endpoint", "relay-in-then-out"} <= set(conns.detections)
    assert "inbound-flood" not in conns.detections
    assert "beacon-fixed-endpoint" not in dns.detections
    assert notes.detections == ()


def test_files_are_a_table_too(logs: Path) -> None:
    assert herdsight.inspect(logs).files.to_arrow().column("rows").to_pylist() == [2, 2, 0]  # type: ignore[attr-defined]


def test_nothing_that_is_a_log_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing but words\n", encoding="utf-8")
    with pytest.raises(InputError, match="not a log that Herdsight knows"):
        herdsight.inspect(tmp_path)


def test_the_page_says_it_in_words(logs: Path) -> None:
    result = call(str(logs))
    assert result.exit_code == 0
    for words in (
        "zeek-conn, as ASimNetworkSessionLogs",
        "2: bad timestamp (records 2, 4)",
        "1: bad address (record 5)",
        "beacon-fixed-endpoint",
        "not read",
        "4 rows in 2 of 3 files",
    ):
        assert words in result.stdout


def test_programs_read_json_lines_and_csv(logs: Path) -> None:
    whole = json.loads(call(str(logs), "--format", "json").stdout)
    lines = [json.loads(line) for line in call(str(logs), "--format", "ndjson").stdout.splitlines()]
    rows = list(csv.DictReader(call(str(logs), "--format", "csv").stdout.splitlines()))
    assert (whole["schema"], whole["files"]) == (1, lines)
    assert [row["rows"] for row in rows] == [str(line["rows"]) for line in lines] == ["2", "2", "0"]
    assert json.loads(rows[0]["samples"]) == lines[0]["samples"]
