"""Mappings: a log of any product, read as its user says; what is wrong with a mapping is said at its place."""

import csv
import io
import json
import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from conftest import Row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import herdsight
from herdsight import tables
from herdsight.cli import main
from herdsight.cli.options import as_words
from herdsight.errors import InputError, MappingError
from herdsight.findings.model import Inspected
from herdsight.logs.mapped.mapping import Field, LogMapping, Unit
from herdsight.mapping import names, reading
from herdsight.mapping.proposal import proposed
from herdsight.mapping.reading import read_mapping
from herdsight.tables import ColumnType, table
from herdsight.telemetry import Options

NOON = datetime(2026, 5, 31, 12, 0)  # noqa: DTZ001 in UTC, as what a query gives
NOON_S = 1_780_228_800  # the same in seconds since 1970
SESSIONS = "ASimNetworkSessionLogs"

HEAD = f"name: my-proxy\ntable: {SESSIONS}\n"
ENDS = "  SrcIpAddr: src\n  DstIpAddr: dst\n"
PLAIN = f"{HEAD}columns:\n  TimeGenerated: t\n{ENDS}"
LINE = {"t": "2026-05-31T12:00:00Z", "src": "10.0.0.5", "dst": "203.0.113.9"}


@pytest.fixture
def desk(tmp_path: Path) -> "Desk":
    return Desk(tmp_path)


class Desk:
    """A folder of logs, and mappings beside it."""

    def __init__(self, folder: Path) -> None:
        self.logs = folder / "logs"
        self.logs.mkdir()
        self._folder = folder

    def mapping(self, text: str, name: str = "m.yaml") -> Path:
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def csv(self, rows: Sequence[Row], name: str = "log.csv", delimiter: str = ",") -> Path:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return self.text(out.getvalue(), name)

    def json(self, rows: Iterable[object], name: str = "log.json") -> Path:
        return self.text("".join(f"{json.dumps(row)}\n" for row in rows), name)

    def text(self, words: str, name: str) -> Path:
        path = self.logs / name
        path.write_text(words, encoding="utf-8")
        return path

    def rows(self, table: str = SESSIONS, mapping: str = "m.yaml") -> list[Row]:
        found = herdsight.query(table, self.logs, mappings=[self._folder / mapping])
        return found.to_pylist()

    def one(self, mapping: str, **record: Any) -> Row:
        """The only row of a log with one JSON record beside the time and the ends."""
        self.mapping(mapping)
        self.json([LINE | record])
        (row,) = self.rows()
        return row

    def files(self, *mappings: str) -> tuple[Inspected, ...]:
        return herdsight.inspect(self.logs, mappings=[self._folder / each for each in mappings or ("m.yaml",)]).files


def with_column(line: str) -> str:
    return f"{PLAIN}  {line}\n"


def timed(line: str) -> str:
    return f"{HEAD}columns:\n  TimeGenerated: {line}\n{ENDS}"


# --- a file is read ---------------------------------------------------------------------------------------------------

FULL = f"""{HEAD}missing: ["-"]
columns:
  TimeGenerated: {{from: epoch, unit: seconds}}
  SrcIpAddr: client
  SrcPortNumber: c.port
  DstIpAddr: "server ip"
  DstPortNumber: {{from: port}}
  NetworkProtocol: proto
  SrcBytes: up
  NetworkDuration: {{from: dur, unit: seconds}}
  EventResult: {{from: act, values: {{ALLOW: Success}}, otherwise: Failure}}
  DvcHostname: {{const: gw}}
"""
RECORDS: list[Row] = [
    {"client": "10.0.0.5", "epoch": f"{NOON_S}.25", "c.port": 5000, "server ip": "203.0.113.9", "port": 443}
    | {"proto": 6, "up": 10, "dur": "1.5", "act": "ALLOW"},
    {"client": "10.0.0.5", "epoch": "soon", "c.port": 1, "server ip": "203.0.113.9", "port": 443}
    | {"proto": 6, "up": 10, "dur": "1.5", "act": "ALLOW"},
    {"client": "10.0.0.6", "epoch": f"{NOON_S + 1}", "c.port": 70000, "server ip": "2001:DB8::0001", "port": 443}
    | {"proto": "udp", "up": "-", "dur": "-", "act": "DENY"},
    {"client": "gw", "epoch": f"{NOON_S + 2}", "c.port": 1, "server ip": "203.0.113.9", "port": 443}
    | {"proto": "udp", "up": -5, "dur": "-", "act": "DENY"},
]


def assert_read(desk: Desk) -> None:
    first, second = desk.rows()
    assert first["TimeGenerated"] == NOON + timedelta(milliseconds=250)
    expected = {"SrcIpAddr": "10.0.0.5", "SrcPortNumber": 5000, "DstIpAddr": "203.0.113.9", "DstPortNumber": 443}
    expected |= {"NetworkProtocol": "TCP", "SrcBytes": 10, "NetworkDuration": 1500, "EventResult": "Success"}
    expected |= {"DvcHostname": "gw", "NetworkDirection": "Outbound", "EventProduct": "my-proxy", "EventCount": 1}
    assert {name: first[name] for name in expected} == expected
    expected = {"SrcPortNumber": None, "DstIpAddr": "2001:db8::1", "NetworkProtocol": "UDP", "SrcBytes": None}
    expected |= {"NetworkDuration": None, "EventResult": "Failure"}
    assert {name: second[name] for name in expected} == expected
    (file,) = desk.files()
    assert (file.format, file.table, file.rows) == ("my-proxy", SESSIONS, 2)
    assert [(each.reason, each.records) for each in file.samples] == [("bad address", (4,)), ("bad timestamp", (2,))]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimited_text_is_read(desk: Desk, delimiter: str) -> None:
    desk.mapping(FULL)
    desk.csv(RECORDS, delimiter=delimiter)
    assert_read(desk)


def test_json_lines_are_read(desk: Desk) -> None:
    desk.mapping(FULL)
    desk.json(RECORDS)
    assert_read(desk)


def test_a_json_array_is_read(desk: Desk) -> None:
    desk.mapping(FULL)
    desk.text(json.dumps(RECORDS, indent=1), "log.json")
    assert_read(desk)


def test_parquet_is_read(desk: Desk) -> None:
    desk.mapping(FULL)
    texts = [{name: str(value) for name, value in row.items()} for row in RECORDS]
    pq.write_table(pa.Table.from_pylist(texts), desk.logs / "log.parquet")
    assert_read(desk)


def test_parquet_types_are_taken_as_they_are(desk: Desk) -> None:
    desk.mapping(with_column("DstPortNumber: port\n  SrcBytes: n\n  DstHostname: host.name"))
    columns: dict[str, Any] = {
        "t": pa.array([NOON.replace(tzinfo=UTC)], pa.timestamp("ns", "UTC")),
        "src": ["10.0.0.5"],
    }
    columns |= {"dst": ["203.0.113.9"], "port": pa.array([443], pa.uint16()), "n": pa.array([7], pa.int64())}
    pq.write_table(pa.table(columns | {"host": [{"name": "web"}]}), desk.logs / "log.parquet")
    (row,) = desk.rows()
    assert row["TimeGenerated"] == NOON
    assert (row["DstPortNumber"], row["SrcBytes"], row["DstHostname"]) == (443, 7, "web")


def test_parquet_files_of_one_schema_and_two_mappings_are_kept_apart(desk: Desk) -> None:
    desk.mapping(PLAIN.replace("my-proxy", "a") + "match: {files: a.parquet}\n", "a.yaml")
    turned = PLAIN.replace("my-proxy", "b").replace("SrcIpAddr", "X").replace("DstIpAddr", "SrcIpAddr")
    desk.mapping(turned.replace("X", "DstIpAddr") + "match: {files: b.parquet}\n", "b.yaml")
    for name in ("a", "b"):
        pq.write_table(pa.table({name: [value] for name, value in LINE.items()}), desk.logs / f"{name}.parquet")
    found = herdsight.query(
        f"{SESSIONS} | project SrcIpAddr",
        desk.logs,
        mappings=[desk.logs.parent / "a.yaml", desk.logs.parent / "b.yaml"],
    )
    assert sorted(row["SrcIpAddr"] for row in found.to_pylist()) == ["10.0.0.5", "203.0.113.9"]


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"a": {"b": "here"}}, "a.b"),
        ({"a.b": "here"}, "a.b"),
        ({"a.b": "here", "a": {"b": "there"}}, "a.b"),
        ({"a": {"b": {"c": "here"}}}, "a.b.c"),
        ({"a": [{"b": "there"}, {"b": "here"}]}, "a.1.b"),
        ({"a/b~c": "here"}, "a/b~c"),
        ({"A": "there", "a": "here"}, "a"),
        ({"x": "here"}, "x"),
    ],
)
def test_a_key_of_json_is_itself_or_a_path(desk: Desk, record: Row, name: str) -> None:
    assert desk.one(with_column(f"SrcHostname: {name}"), **record)["SrcHostname"] == "here"


@pytest.mark.parametrize("value", ["text", 5, None, [], [1], {}, {"c": 1}, True])
def test_what_a_path_does_not_lead_through_is_no_value(desk: Desk, value: object) -> None:
    desk.mapping(with_column("SrcHostname: a.b"))
    desk.json([LINE | {"a": {"b": "here"}}, LINE | {"a": value}, LINE])
    assert [row["SrcHostname"] for row in desk.rows()] == ["here", "", ""]


def test_nested_values_become_json(desk: Desk) -> None:
    row = desk.one(with_column("AdditionalFields: a\n  SrcHostname: a"), a={"b": [1, "x"]})
    assert json.loads(row["AdditionalFields"]) == {"b": [1, "x"]}
    assert json.loads(row["SrcHostname"]) == {"b": [1, "x"]}


@pytest.mark.parametrize(
    "broken", ["broken", "[1]", "7", '"text"', "null", '{"t": ', "{}", '{"t": {"t": 1}}', '{"a": "\\ud800"}']
)
def test_lines_that_are_no_record_are_counted(desk: Desk, broken: str) -> None:
    desk.mapping(PLAIN)
    desk.text(f"{json.dumps(LINE)}\n{broken}\n{json.dumps(LINE)}\n", "log.json")
    (file,) = desk.files()
    assert (file.rows, file.rejected) == (2, 1)


def test_a_long_file_is_read_in_its_order(desk: Desk) -> None:
    desk.mapping(with_column("SrcBytes: n"))
    count = 20_000
    desk.json(LINE | {"n": number, **({"t": "never"} if number % 100 == 0 else {})} for number in range(count))
    found = herdsight.query(f"{SESSIONS} | project SrcBytes", desk.logs, mappings=desk.logs.parent / "m.yaml")
    assert found.column("SrcBytes").to_pylist() == [number for number in range(count) if number % 100]
    (file,) = desk.files()
    assert (file.rows, file.rejected) == (count - count // 100, count // 100)
    assert file.samples[0].records == (1, 101, 201)


# --- what a column is filled with -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("t", "2026-05-31T12:00:00Z"),
        ("t", "2026-05-31 14:00:00+02:00"),
        ("t", "2026-05-31 12:00:00"),
        ("{from: t, unit: seconds}", NOON_S),
        ("{from: t, unit: milliseconds}", NOON_S * 10**3),
        ("{from: t, unit: microseconds}", NOON_S * 10**6),
        ("{from: t, unit: nanoseconds}", NOON_S * 10**9),
        ("{from: t, unit: nanoseconds}", f"{NOON_S * 10**9}"),
        ("{from: t, zone: Europe/Prague}", "2026-05-31 14:00:00"),
        ("{from: t, zone: Europe/Prague}", "2026-05-31T12:00:00Z"),
        ("{from: t, zone: Europe/Prague}", "2026-05-31T07:00:00.000-0500"),
        ('{from: t, zone: "+05:30"}', "2026-05-31 17:30:00"),
        ('{from: t, zone: "-0500"}', "2026-05-31 07:00:00"),
        ("{from: t, pattern: '%d/%b/%Y:%H:%M:%S %z'}", "31/May/2026:14:00:00 +0200"),
        ("{from: t, pattern: '%d.%m.%Y %H:%M'}", "31.05.2026 12:00"),
        ("{from: t, pattern: '%d.%m.%Y %H:%M', zone: Asia/Tokyo}", "31.05.2026 21:00"),
        ("{from: t, pattern: '%Y-%m-%d %H:%M:%S,%f'}", "2026-05-31 12:00:00,000"),
        ("{first_of: [no, t]}", "2026-05-31T12:00:00Z"),
    ],
)
def test_a_time_is_read_as_it_is_written(desk: Desk, how: str, value: object) -> None:
    assert desk.one(timed(how), t=value)["TimeGenerated"] == NOON


def test_a_fraction_is_kept_to_the_microsecond(desk: Desk) -> None:
    row = desk.one(timed("{from: t, unit: nanoseconds}"), t=NOON_S * 10**9 + 123_456_789)
    assert row["TimeGenerated"] == NOON + timedelta(microseconds=123_456)
    row = desk.one(timed("{from: t, unit: seconds}"), t=NOON_S + 0.654321)
    assert row["TimeGenerated"] == NOON + timedelta(microseconds=654_321)


def test_a_date_and_a_time_of_day_are_joined(desk: Desk) -> None:
    desk.mapping(timed("{join: [date, time]}"))
    desk.json([LINE | {"date": "2026-05-31", "time": "12:00:00"}, LINE | {"date": "2026-05-31"}])
    (row,) = desk.rows()
    assert row["TimeGenerated"] == NOON


@pytest.mark.parametrize(
    "how",
    [
        "t",
        "{from: t, unit: seconds}",
        "{from: t, unit: nanoseconds}",
        "{from: t, zone: Asia/Tokyo}",
        "{from: t, pattern: '%Y-%m-%d'}",
    ],
)
def test_a_time_beyond_all_bounds_rejects_its_record_alone(desk: Desk, how: str) -> None:
    desk.mapping(timed(how))
    bad: list[Any] = ["infinity", "294247-01-10 01:00:00", "1e999", "nan", "9" * 30, "-5e9", "", "x' OR 1=1"]
    bad += [None, [], True]
    good = NOON_S * (10**9 if "nano" in how else 1) if "unit" in how else "2026-05-31"
    desk.json({**LINE, "t": value} for value in [good, *bad])
    (file,) = desk.files()
    assert (file.rows, file.rejected) == (1, len(bad))
    assert set(file.reasons) <= {"bad timestamp", "timestamp out of range"}


@pytest.mark.parametrize(
    ("how", "record", "value"),
    [
        ("{first_of: [a, b]}", {"a": "", "b": "x"}, "x"),
        ("{first_of: [a, b]}", {"a": "y", "b": "x"}, "y"),
        ("{join: [a, b]}", {"a": "y", "b": "x"}, "y x"),
        ("{const: 'a''b'}", {}, "a'b"),
        ("{from: a, values: {1: one}}", {"a": 1}, "one"),
        ("{from: a, values: {1: one}}", {"a": 2}, "2"),
        ("{from: a, values: {1: one}, otherwise: none}", {"a": 2}, "none"),
        ("{from: a, values: {1: one}, otherwise: none}", {}, "none"),
        ("{from: a, values: {007: bond}}", {"a": "007"}, "bond"),
        ("{from: a, values: {007: bond}}", {"a": "7"}, "7"),
        ("{from: a, values: {true: yes}}", {"a": True}, "yes"),
        ("{from: a, values: {~: nothing}}", {"a": "~"}, "nothing"),
        ("a", {"a": "-"}, "-"),
        ("a", {"a": "N/A"}, ""),
    ],
)
def test_a_text_is_what_the_mapping_says(desk: Desk, how: str, record: Row, value: str) -> None:
    mapping = with_column(f"SrcHostname: {how}") + "missing: N/A\nmatch: {columns: [t]}\n"
    assert desk.one(mapping, **record)["SrcHostname"] == value


@pytest.mark.parametrize(
    ("column", "given", "value"),
    [
        ("DstPortNumber", "443", 443),
        ("DstPortNumber", "443.0", 443),
        ("DstPortNumber", 65_536, None),
        ("DstPortNumber", -1, None),
        ("DstPortNumber", "http", None),
        ("SrcBytes", 2**62, 2**62),
        ("SrcBytes", -1, None),
        ("SrcBytes", "9" * 30, None),
        ("NetworkProtocol", 17, "UDP"),
        ("NetworkProtocol", "tcp", "TCP"),
        ("NetworkProtocol", "icmpv6", "ICMP"),
        ("NetworkProtocol", "254", "254"),
        ("SrcNatIpAddr", "2001:DB8:0::1", "2001:db8::1"),
        ("TcpFlagsSyn", True, True),
        ("TcpFlagsSyn", "maybe", None),
        ("SrcGeoLatitude", "50.1", 50.1),
        ("NetworkDirection", "Listen", "Listen"),
    ],
)
def test_a_value_has_the_form_that_all_logs_have_it_in(desk: Desk, column: str, given: object, value: object) -> None:
    assert desk.one(with_column(f"{column}: x"), x=given)[column] == value


@pytest.mark.parametrize(
    ("unit", "given", "value"), [("seconds", "1.5", 1500), ("milliseconds", 7, 7), ("nanoseconds", 5_000_000, 5)]
)
def test_a_duration_is_milliseconds(desk: Desk, unit: str, given: object, value: int) -> None:
    row = desk.one(with_column(f"NetworkDuration: {{from: d, unit: {unit}}}"), d=given)
    assert row["NetworkDuration"] == value


@pytest.mark.parametrize(
    ("src", "dst", "direction"),
    [
        ("10.0.0.5", "203.0.113.9", "Outbound"),
        ("203.0.113.9", "10.0.0.5", "Inbound"),
        ("10.0.0.5", "10.0.0.6", "Local"),
        ("203.0.113.9", "198.51.100.1", "External"),
    ],
)
def test_the_direction_follows_from_the_addresses(desk: Desk, src: str, dst: str, direction: str) -> None:
    assert desk.one(PLAIN, src=src, dst=dst)["NetworkDirection"] == direction


def test_the_direction_follows_local(desk: Desk) -> None:
    desk.mapping(PLAIN)
    desk.json([LINE])
    found = herdsight.query(SESSIONS, desk.logs, mappings=desk.logs.parent / "m.yaml", local="203.0.113.0/24")
    assert found.column("NetworkDirection").to_pylist() == ["Inbound"]


def test_times_without_a_zone_follow_the_option(desk: Desk) -> None:
    desk.mapping(timed("t"))
    desk.json([LINE | {"t": "2026-05-31 14:00:00"}, LINE])
    found = herdsight.query(SESSIONS, desk.logs, mappings=desk.logs.parent / "m.yaml", zone="Europe/Prague")
    assert set(found.column("TimeGenerated").to_pylist()) == {NOON}


# By table: what is mapped, and what the row of a record then has.
OTHER_TABLES: dict[str, tuple[dict[str, str], Row]] = {
    "ASimDnsActivityLogs": (
        {"DnsQuery": "q", "SrcIpAddr": "src", "DnsResponseCode": "code"},
        {"EventResult": "Failure", "EventResultDetails": "NXDOMAIN", "DnsQuery": "a.example"},
    ),
    "ASimWebSessionLogs": (
        {"Url": "q", "EventResultDetails": "status"},
        {"EventResult": "Failure", "Url": "a.example"},
    ),
    "CommonSecurityLog": (
        {"SourceIP": "src", "DestinationIP": "dst"},
        {"CommunicationDirection": "Outbound", "DeviceProduct": "my-proxy"},
    ),
    "DeviceNetworkEvents": (
        {"DeviceName": "q", "ActionType": "act", "RemoteIP": "dst", "Protocol": "proto"},
        {"RemoteIPType": "Reserved", "Protocol": "Tcp", "Timestamp": NOON},
    ),
    "DnsEvents": ({"ClientIP": "src", "Name": "q"}, {"Name": "a.example", "ClientIP": "10.0.0.5"}),
    "ASimAuthenticationEventLogs": ({"TargetUsername": "q"}, {"TargetUsername": "a.example"}),
    "ASimDhcpEventLogs": ({"SrcIpAddr": "src"}, {"SrcIpAddr": "10.0.0.5"}),
}


@pytest.mark.parametrize("table", OTHER_TABLES)
def test_every_table_can_be_filled(desk: Desk, table: str) -> None:
    columns, expected = OTHER_TABLES[table]
    lines = "".join(f"  {ours}: {theirs}\n" for ours, theirs in columns.items())
    desk.mapping(f"name: my-proxy\ntable: {table}\ncolumns:\n  TimeGenerated: t\n{lines}")
    record = LINE | {"q": "a.example", "code": 3, "status": 404, "act": "ConnectionSuccess", "proto": "tcp"}
    desk.json([record, record | {"t": "x"}])
    (row,) = desk.rows(table)
    assert row["TimeGenerated"] == NOON
    assert {name: row[name] for name in expected} == expected


def test_a_session_is_seen_through_the_other_tables(desk: Desk) -> None:
    desk.mapping(PLAIN)
    desk.json([LINE])
    (row,) = desk.rows("DeviceNetworkEvents")
    assert (row["LocalIP"], row["RemoteIP"]) == ("10.0.0.5", "203.0.113.9")


# --- which files a mapping is for -------------------------------------------------------------------------------------

ZEEK: Row = {"ts": NOON_S, "uid": "C1", "id.orig_h": "10.0.0.5", "id.orig_p": 1, "id.resp_h": "5.6.7.8"}
ZEEK |= {"id.resp_p": 2, "proto": "tcp", "conn_state": "SF", "duration": 1.0}
OF_ZEEK = (
    f"{HEAD}columns:\n  TimeGenerated: {{from: ts, unit: seconds}}\n  SrcIpAddr: id.resp_h\n  DstIpAddr: id.orig_h\n"
)


def test_a_known_format_is_read_as_such(desk: Desk) -> None:
    desk.mapping(OF_ZEEK)
    desk.json([ZEEK])
    (file,) = desk.files()
    assert file.format == "zeek-conn-json"


@pytest.mark.parametrize("glob", ["log.json", "'*.json'", '["x.csv", "l*"]', '"*/logs/*"'])
def test_a_mapping_that_names_the_file_wins(desk: Desk, glob: str) -> None:
    desk.mapping(f"{OF_ZEEK}match: {{files: {glob}}}\n")
    desk.json([ZEEK])
    (file,) = desk.files()
    assert file.format == "my-proxy"
    assert desk.rows()[0]["SrcIpAddr"] == "5.6.7.8"


def test_a_mapping_for_other_files_takes_none(desk: Desk) -> None:
    desk.mapping(f"{PLAIN}match: {{files: '*.csv'}}\n")
    desk.json([LINE])
    with pytest.raises(InputError, match="not a log that Herdsight knows"):
        desk.files()


def test_a_mapping_can_be_asked_for_by_its_name(desk: Desk) -> None:
    path = desk.mapping(OF_ZEEK)
    desk.json([ZEEK])
    found = herdsight.query(SESSIONS, desk.logs, mappings=[path], format_in="my-proxy")
    assert found.column("SrcIpAddr").to_pylist() == ["5.6.7.8"]


def test_a_file_that_lacks_a_column_is_told(desk: Desk) -> None:
    desk.mapping(with_column("DstPortNumber: dport"))
    desk.csv([LINE])
    desk.json([ZEEK])
    file, _ = desk.files()
    assert file.format is None
    assert "the mapping my-proxy does not fit: there is no column dport" in file.notes


def test_a_file_that_is_named_and_lacks_a_column_is_refused(desk: Desk) -> None:
    desk.mapping(with_column("DstPortNumber: dport") + "match: {files: log.csv}\n")
    desk.csv([LINE])
    desk.json([ZEEK])
    file, _ = desk.files()
    assert file.notes == ("not read: the mapping my-proxy names columns that it lacks: dport",)


def test_columns_that_may_be_absent_are_told_and_empty(desk: Desk) -> None:
    desk.mapping(with_column("DstPortNumber: dport") + "match: {columns: [t, src]}\n")
    desk.csv([LINE])
    (file,) = desk.files()
    assert (file.rows, file.notes) == (1, ("columns absent: dport",))
    assert desk.rows()[0]["DstPortNumber"] is None


def test_a_mapping_that_fits_no_file_is_told(desk: Desk) -> None:
    path = desk.mapping(PLAIN)
    desk.json([ZEEK])
    (answer,) = herdsight.query_all(f"{SESSIONS} | count", desk.logs, mappings=[path])
    told = "reads none of the files: it is for those that no format knows, with the columns t, src, dst"
    assert f"the mapping my-proxy {told}" in answer.warnings


def test_a_mapping_that_fits_no_file_is_noted_at_the_first(desk: Desk) -> None:
    desk.mapping(PLAIN)
    desk.json([ZEEK], "a.json")
    desk.json([ZEEK], "b.json")
    assert [file.notes for file in desk.files()] == [("the mapping my-proxy reads none of the files",), ()]


def test_of_two_that_fit_the_first_is_taken(desk: Desk) -> None:
    desk.mapping(PLAIN.replace("my-proxy", "second"), "b.yaml")
    desk.mapping(PLAIN.replace("my-proxy", "first"), "a.yaml")
    desk.json([LINE])
    (file,) = desk.files("a.yaml", "b.yaml")
    assert (file.format, file.rows) == ("first", 1)
    assert file.notes[0] == "the mapping second fits, too, and was named later"


def test_records_of_several_kinds_are_read_by_several_mappings(desk: Desk) -> None:
    desk.mapping(f"{PLAIN}where: {{kind: [flow, session]}}\n", "a.yaml")
    names = "name: names\ntable: ASimDnsActivityLogs\ncolumns:\n  TimeGenerated: t\n  DnsQuery: q\nwhere: {kind: dns}\n"
    desk.mapping(names, "b.yaml")
    kinds: list[Row] = [{"kind": "flow"}, {"kind": "dns", "q": "a.example"}, {"kind": "session"}, {"kind": "other"}, {}]
    desk.json(LINE | each for each in kinds)
    (file,) = desk.files("a.yaml", "b.yaml")
    assert (file.rows, file.rejected, dict(file.reasons)) == (3, 2, {"other event": 2})
    mappings = [desk.logs.parent / "a.yaml", desk.logs.parent / "b.yaml"]
    assert herdsight.query("ASimDnsActivityLogs", desk.logs, mappings=mappings).column("DnsQuery").to_pylist() == [
        "a.example"
    ]


def test_rotated_files_are_read_together(desk: Desk) -> None:
    desk.mapping(PLAIN)
    for number in range(5):
        desk.csv([LINE], f"log.{number}.csv")
    assert len(desk.rows()) == 5
    assert [file.rows for file in desk.files()] == [1] * 5


@pytest.mark.parametrize("words", ["", "\n", "t,src,dst", "t,src,dst\n", "[]", "{}", "[{}]", "\x00\x00"])
def test_a_file_without_records_harms_nothing(desk: Desk, words: str) -> None:
    desk.mapping(PLAIN)
    desk.text(words, "empty.log")
    desk.csv([LINE])
    empty, log = desk.files()
    assert (empty.rows, log.rows) == (0, 1)


# --- names that are odd -----------------------------------------------------------------------------------------------

ODD = [
    'say "hi"',
    "it's",
    "a b",
    "a.b.c",
    ".",
    "..",
    "a.",
    "",
    "ключ",
    "日本",
    "🦆",
    "x'); DROP TABLE store.logs; --",
    '"; SELECT 1',
    "$.a[*]",
    "/a/b",
    "~1",
    "a,b",
    "a;b",
    "a\tb",
    "#fields",
    "NULL",
    "TimeGenerated",
    "early",
    "record",
    "texts",
    "_file",
    "_row",
    "_reject",
    "file_index",
    "c0",
    "\\",
    "%s",
    "{x}",
    "\u202eevil",
]


def as_yaml(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


FREE = [
    each.name
    for each in table(SESSIONS).columns
    if each.type is ColumnType.STRING
    and not each.name.endswith(("IpAddr", "Protocol", "Direction"))
    and "_" not in each.name
]


@pytest.mark.parametrize("first", [*ODD[:6], "{x}", "[1]", "#fields", "sep"])
def test_odd_names_are_names(desk: Desk, first: str) -> None:
    names = list(dict.fromkeys(name for name in (first, *ODD) if name))
    ours = dict(zip(FREE, names, strict=False))
    assert len(ours) == len(names)
    desk.mapping(PLAIN + "".join(f"  {column}: {{from: {as_yaml(name)}}}\n" for column, name in ours.items()))
    record = {name: f"of {name}" for name in names} | LINE
    desk.csv([record], "log.csv")
    desk.json([record], "log.json")
    pq.write_table(pa.table({name: [value] for name, value in record.items()}), desk.logs / "log.parquet")
    expected = {column: f"of {name}" for column, name in ours.items()}
    assert [{column: row[column] for column in ours} for row in desk.rows()] == [expected] * 3


def test_odd_values_are_values(desk: Desk) -> None:
    desk.mapping(
        f"{PLAIN}  SrcHostname: x\n  DstHostname: {{const: {as_yaml(ODD[11])}}}\n"
        f"  DvcHostname: {{from: x, values: {{{', '.join(f'{as_yaml(each)}: hit' for each in ODD if each)}}}}}\n"
    )
    desk.csv([LINE | {"x": each} for each in ODD], "a.csv")
    desk.json([LINE | {"x": each} for each in ODD], "b.json")
    rows = desk.rows()
    assert [row["SrcHostname"] for row in rows] == [*ODD, *ODD]
    assert {row["DstHostname"] for row in rows} == {ODD[11]}
    assert [row["DvcHostname"] for row in rows] == ["hit" if each else "" for each in (*ODD, *ODD)]


# --- what is wrong with a mapping -------------------------------------------------------------------------------------


def refusals(text: str) -> list[tuple[int | None, str]]:
    """The line and the message of each fault."""
    with pytest.raises(MappingError) as caught:
        read_mapping("m.yaml", text)
    return [(each.place.line if each.place else None, f"{each.what}; {each.hint}") for each in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "a mapping file is a mapping of its fields"),
        ("- a", 1, "a mapping file is a mapping of its fields"),
        ("name: [", 1, "not YAML"),
        (f"{PLAIN}match: {{files: *.csv}}", 7, "a text that begins with * must stand in quotes"),
        ("name: \x07", 1, "not YAML"),
        (PLAIN.replace("my-proxy", "My Proxy"), 1, "a name has small letters"),
        (PLAIN.replace("my-proxy", "zeek-conn"), 1, "is the name of a format"),
        (PLAIN.replace("my-proxy", "[a]"), 1, "`name` takes a text"),
        (PLAIN.replace(SESSIONS, "ASimNetworkSession"), 2, f"did you mean `{SESSIONS}`?"),
        (PLAIN.replace(SESSIONS, "SecurityEvent"), 2, "there is no table `SecurityEvent` that logs fill"),
        (PLAIN.replace("SrcIpAddr: src", "SrcIpAdr: src"), 5, "did you mean `SrcIpAddr`?"),
        (PLAIN.replace("  SrcIpAddr: src\n", ""), 3, "needs SrcIpAddr, and nothing is mapped to it"),
        (PLAIN.replace("  TimeGenerated: t\n", ""), 3, "needs TimeGenerated, and nothing is mapped to it"),
        (f"{PLAIN}  SrcIpAddr: x\n", 7, 'found duplicate key "SrcIpAddr"'),
        (f"{PLAIN}macth: {{}}\n", 7, "did you mean `match`?"),
        (f"{PLAIN}match: x\n", 7, "`match` takes"),
        (f"{PLAIN}match: {{file: x}}\n", 7, "did you mean `files`?"),
        (f"{PLAIN}missing: []\n", 7, "`missing` takes a text or a list of texts"),
        (f"{PLAIN}missing: [[a]]\n", 7, "`missing` takes a text or a list of texts"),
        (f"{PLAIN}where: {{a: {{b: c}}}}\n", 7, "`a` takes a text or a list of texts"),
        (with_column("SrcHostname:"), 7, "`SrcHostname` is filled with nothing"),
        (with_column("SrcHostname: [a]"), 7, "`SrcHostname` takes the name of a column"),
        (with_column("SrcHostname: {}"), 7, "`SrcHostname` has no source"),
        (with_column("SrcHostname: {from: a, const: b}"), 7, "has both `from` and `const`"),
        (with_column("SrcHostname: {from: [a, b]}"), 7, "`from` is one column"),
        (with_column("SrcHostname: {form: a}"), 7, "did you mean `from`?"),
        (with_column("SrcHostname: {from: a, unit: seconds}"), 7, "`SrcHostname` has no unit"),
        (with_column("SrcHostname: {from: a, pattern: '%Y'}"), 7, "only a time has a `pattern`"),
        (with_column("SrcHostname: {from: a, zone: UTC}"), 7, "only a time has a `zone`"),
        (with_column("SrcHostname: !!python/object:os.system x"), 7, "`SrcHostname` takes the name of a column"),
        (with_column("SrcHostname: {const: !foo bar}"), 7, "`const` takes a text"),
        (with_column("EventCount: {const: many}"), 7, "`many` is no int"),
        (with_column("EventCount: {from: a, values: {a: b}}"), 7, "`b` is no int"),
        (with_column("SrcHostname: {const: a, otherwise: b}"), 7, "a `const` is taken as it is"),
        (timed("{from: t, unit: fortnights}"), 4, "there is no unit `fortnights`"),
        (timed("{from: t, pattern: '%Y-%Q'}"), 4, "there is no `%Q` in a pattern"),
        (timed("{from: t, pattern: '%Y-%'}"), 4, "there is no `%` in a pattern"),
        (timed("{from: t, pattern: '%H:%M'}"), 4, "the pattern has no year"),
        (timed("{from: t, zone: Europe/Prag}"), 4, "did you mean `Europe/Prague`?"),
        (timed('{from: t, zone: "\'; DROP TABLE x"}'), 4, "there is no time zone"),
        (timed("{from: t, unit: seconds, zone: UTC}"), 4, "a count from 1970 has no pattern and no zone"),
        (timed("{from: t, pattern: '%Y %z', zone: UTC}"), 4, "the pattern has the zone in it"),
        (timed("{const: '2026-05-31'}"), 4, "a time is read, and not chosen"),
        (f"{PLAIN}x: &a [1]\ny: *a\n", 8, "references to other parts are not allowed"),
        (f"{PLAIN}? [a, b]\n: c\n", 1, "a key must be text"),
    ],
)
def test_a_fault_is_told_at_its_place(text: str, line: int, says: str) -> None:
    found = refusals(text)
    assert any(each == line and says in told for each, told in found), found


def test_all_faults_are_told_at_once() -> None:
    text = (
        f"nam: a\ntable: {SESSIONS}\ncolumns:\n  TimeGenerated: {{from: t, unit: x}}\n  SrcIpAdr: a\n  DstIpAddr: b\n"
    )
    assert [line for line, _ in refusals(text)] == [1, 1, 3, 4, 5]


def test_yaml_that_blows_up_is_refused_at_once() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    assert refusals(bomb + "a29: 1\n")[0][0] == 2


def test_yaml_that_nests_too_deep_is_refused() -> None:
    assert "nests too deep" in refusals("a: " + "[" * 20_000)[0][1]


def test_a_file_that_is_no_mapping_is_refused(desk: Desk) -> None:
    desk.json([LINE])
    for content in (b"\xff\xfe\x00", b"a: " + b"x" * 300_000):
        (desk.logs.parent / "m.yaml").write_bytes(content)
        with pytest.raises(MappingError):
            desk.files()
    with pytest.raises(MappingError, match=r"there is no file .*none\.yaml"):
        desk.files("none.yaml")
    with pytest.raises(MappingError, match="cannot read"):
        desk.files("logs")


def test_two_mappings_of_one_name_are_refused(desk: Desk) -> None:
    desk.mapping(PLAIN, "a.yaml")
    desk.mapping(PLAIN, "b.yaml")
    desk.json([LINE])
    with pytest.raises(MappingError, match="has the name my-proxy, too"):
        desk.files("a.yaml", "b.yaml")


def test_a_mapping_is_read_as_it_says() -> None:
    text = timed("{from: t, unit: seconds}") + "match: {files: a*, columns: [t]}\nwhere: {k: v}\nmissing: ['-', '']\n"
    fields = {
        "TimeGenerated": Field(("t",), unit=Unit.SECONDS),
        "SrcIpAddr": Field(("src",)),
        "DstIpAddr": Field(("dst",)),
    }
    assert read_mapping("m.yaml", text) == LogMapping(
        "my-proxy", SESSIONS, fields, files=("a*",), columns=("t",), where={"k": ("v",)}, missing=("-", "")
    )


# --- any table, under any names ---------------------------------------------------------------------------------------

_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
_NAMES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=10).filter(
        lambda name: "." not in name and name.strip() == name
    ),
    min_size=7,
    max_size=7,
    unique_by=lambda name: name.casefold(),
)
_ADDRESSES = st.ip_addresses(v=4).map(str)
_TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2026, 1, 1))  # noqa: DTZ001 in UTC, as the fixtures are
_ROWS = st.fixed_dictionaries(
    {
        "TimeGenerated": _TIMES,
        "SrcIpAddr": _ADDRESSES,
        "DstIpAddr": _ADDRESSES,
        "DstPortNumber": st.none() | st.integers(0, 65_535),
        "SrcBytes": st.none() | st.integers(0, 2**62),
        "SrcHostname": st.just("") | _WORDS,
        "NetworkProtocol": st.sampled_from(["TCP", "UDP", "ICMP", "GRE"]),
    }
)


@given(names=_NAMES, rows=st.lists(_ROWS, min_size=1, max_size=8), order=st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("shape", ["csv", "json", "parquet"])
def test_a_table_comes_back_from_under_foreign_names(
    tmp_path_factory: pytest.TempPathFactory, shape: str, names: list[str], rows: list[Row], order: Any
) -> None:
    desk = Desk(tmp_path_factory.mktemp("any"))
    foreign = dict(zip(rows[0], names, strict=True))
    shuffled = order.sample(list(foreign), len(foreign))
    written = [{foreign[name]: _written(row[name], shape) for name in shuffled} for row in rows]
    columns = "".join(
        f"  {ours}: {{from: {json.dumps(theirs, ensure_ascii=False)}}}\n" for ours, theirs in foreign.items()
    )
    desk.mapping(f"{HEAD}match: {{files: log.*}}\ncolumns:\n{columns}")
    match shape:
        case "csv":
            desk.csv(written)
        case "json":
            desk.json(written)
        case _:
            pq.write_table(pa.Table.from_pylist(written), desk.logs / "log.parquet")
    found = [{name: row[name] for name in foreign} for row in desk.rows()]
    assert found == rows


def _written(value: object, shape: str) -> object:
    if isinstance(value, datetime) and shape != "parquet":
        return value.isoformat() + "Z"
    return value


# --- the page of the documentation ------------------------------------------------------------------------------------

PAGE = (Path(__file__).parent.parent / "docs" / "mapping.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("csv", "yaml"):
        (block,) = re.findall(rf"```{kind}\n(.+?)```", PAGE, re.DOTALL)
        Path(f"proxy.{kind}").write_text(block, encoding="utf-8")
    lines = [line for line in PAGE.splitlines() if line.startswith("herdsight ")]
    assert len(lines) == 4
    for line in lines:
        result = CliRunner().invoke(main, shlex.split(line)[1:])
        assert result.exit_code == 0, result.output
    (file,) = herdsight.inspect("proxy.csv", mappings="proxy.yaml").files
    assert (file.rows, file.reasons) == (3, {"bad timestamp": 1})
    proposal = read_mapping("proposed", proposed(Path("proxy.csv")))
    written = read_mapping("written", Path("proxy.yaml").read_text(encoding="utf-8"))
    assert proposal.fields.items() >= written.fields.items()


def test_the_page_names_every_key() -> None:
    known = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert known == {*reading._KEYS, *reading._FIELD_KEYS}


# --- the command ------------------------------------------------------------------------------------------------------


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["map", *words])


def test_a_proposal_is_printed_or_written(desk: Desk) -> None:
    log, out = desk.csv([LINE]), desk.logs.parent / "new.yaml"
    printed, written = call(str(log)), call(str(log), "-o", str(out))
    assert (printed.exit_code, written.exit_code, written.stdout) == (0, 0, "")
    assert f"herdsight inspect {log} --mapping {out}" in written.stderr
    assert out.read_text(encoding="utf-8").replace(str(out), "FILE.yaml") == printed.stdout
    (file,) = desk.files("new.yaml")
    assert (file.rows, file.rejected) == (1, 0)


def test_nothing_is_overwritten(desk: Desk) -> None:
    log, out = desk.csv([LINE]), desk.mapping("mine")
    result = call(str(log), "-o", str(out))
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert out.read_text(encoding="utf-8") == "mine"


def test_what_was_not_found_is_to_do_and_refused(desk: Desk) -> None:
    log = desk.csv([{"t": "2026-05-31T12:00:00Z", "src": "web01", "x": "y"}])
    text = call(str(log)).stdout
    assert "# TODO SrcIpAddr: src is called like the source's address, but holds web01" in text
    assert "# TODO DstIpAddr: no column was found for it" in text
    assert "#   x: y" in text
    assert [told for _, told in refusals(text)] == [
        f"{SESSIONS} needs {name}, and nothing is mapped to it; None" for name in ("SrcIpAddr", "DstIpAddr")
    ]


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("a.csv", "", "has no columns that can be seen"),
        ("a.csv", "just words\n", "has no columns that can be seen"),
        ("a.json", '{"a"', "has no columns that can be seen"),
        ("a.parquet", "PAR1", "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused(desk: Desk, name: str, words: str, says: str) -> None:
    result = call(str(desk.text(words, name)))
    assert result.exit_code == 2
    assert says in result.stderr


def test_a_wrong_call_is_refused(desk: Desk) -> None:
    log = desk.csv([LINE])
    assert "did you mean `DnsEvents`?" in call(str(log), "--table", "DnsEvent").stderr
    assert "is a folder" in call(str(desk.logs)).stderr
    assert "there is no file" in call(str(desk.logs / "none")).stderr
    assert "cannot write" in call(str(log), "-o", str(desk.logs / "none" / "m.yaml")).stderr


def test_options_name_the_mapping_again() -> None:
    options = Options(mappings=("a b.yaml",))
    assert list(as_words(options)) == ["--mapping", "a b.yaml"]


def test_a_fault_is_shown_in_its_line(desk: Desk) -> None:
    path, log = desk.mapping(PLAIN.replace("SrcIpAddr", "SrcIpAdr")), desk.json([LINE])
    result = CliRunner().invoke(main, ["inspect", str(log), "--mapping", str(path)])
    assert result.exit_code == 2
    assert f"{path}:5:3: {SESSIONS} has no column `SrcIpAdr` (did you mean `SrcIpAddr`?)" in result.stderr
    assert "    5 |   SrcIpAdr: src\n" in result.stderr


# --- what is proposed -------------------------------------------------------------------------------------------------

TIME_FORMS: dict[str, dict[str, Any]] = {
    "2026-05-31T12:00:00Z": {},
    "2026-05-31 12:00:00": {},
    "2026-05-31 14:00:00.123+02:00": {},
    str(NOON_S): {"unit": Unit.SECONDS},
    f"{NOON_S}.5": {"unit": Unit.SECONDS},
    str(NOON_S * 10**3): {"unit": Unit.MILLISECONDS},
    str(NOON_S * 10**6): {"unit": Unit.MICROSECONDS},
    str(NOON_S * 10**9): {"unit": Unit.NANOSECONDS},
    "31/May/2026:12:00:00 +0000": {"pattern": "%d/%b/%Y:%H:%M:%S %z"},
    "31/05/2026 12:00:00": {"pattern": "%d/%m/%Y %H:%M:%S"},
    "05/31/2026 12:00:00": {"pattern": "%m/%d/%Y %H:%M:%S"},
    "31.05.2026 12:00": {"pattern": "%d.%m.%Y %H:%M"},
    "2026-05-31 12:00:00,123": {"pattern": "%Y-%m-%d %H:%M:%S,%f"},
    "2026-05-31 12:00:00 +0000": {"pattern": "%Y-%m-%d %H:%M:%S %z"},
    "Sun May 31 12:00:00 2026": {"pattern": "%a %b %d %H:%M:%S %Y"},
    "Sun, 31 May 2026 12:00:00 +0000": {"pattern": "%a, %d %b %Y %H:%M:%S %z"},
    "20260531T120000Z": {"pattern": "%Y%m%dT%H%M%SZ"},
    "20260531120000": {"pattern": "%Y%m%d%H%M%S"},
}


@pytest.mark.parametrize("written", TIME_FORMS)
def test_the_form_of_a_time_is_found_and_reads(desk: Desk, written: str) -> None:
    log = desk.csv([LINE | {"t": written}])
    text = proposed(log)
    assert read_mapping("m", text).fields["TimeGenerated"] == Field(("t",), **TIME_FORMS[written])
    desk.mapping(text)
    (row,) = desk.rows()
    assert row["TimeGenerated"].replace(microsecond=0) == NOON


# By product or schema: the table, and by our column the column of the file that is to be found, with its value.
FOUND: dict[str, tuple[str, dict[str, tuple[str, object]]]] = {
    "Elastic": (
        SESSIONS,
        {
            "TimeGenerated": ("@timestamp", "2026-05-31T12:00:00.000Z"),
            "SrcIpAddr": ("source.ip", "10.0.0.5"),
            "SrcPortNumber": ("source.port", 50001),
            "DstIpAddr": ("destination.ip", "203.0.113.9"),
            "DstPortNumber": ("destination.port", 443),
            "NetworkProtocol": ("network.transport", "tcp"),
            "NetworkApplicationProtocol": ("network.protocol", "tls"),
            "SrcBytes": ("source.bytes", 100),
            "DstBytes": ("destination.bytes", 200),
            "NetworkBytes": ("network.bytes", 300),
            "SrcPackets": ("source.packets", 1),
            "DvcHostname": ("observer.hostname", "fw1"),
            "DvcOriginalAction": ("event.action", "flow_started"),
            "NetworkRuleName": ("rule.name", "web"),
            "EventEndTime": ("event.end", "2026-05-31T12:00:01.000Z"),
        },
    ),
    "Splunk": (
        SESSIONS,
        {
            "TimeGenerated": ("_time", "2026-05-31T12:00:00.000+00:00"),
            "SrcIpAddr": ("src_ip", "10.0.0.5"),
            "SrcPortNumber": ("src_port", 50001),
            "DstIpAddr": ("dest_ip", "203.0.113.9"),
            "DstPortNumber": ("dest_port", 443),
            "NetworkProtocol": ("transport", "tcp"),
            "SrcBytes": ("bytes_out", 100),
            "DstBytes": ("bytes_in", 200),
            "NetworkBytes": ("bytes", 300),
            "DvcOriginalAction": ("action", "allowed"),
            "DvcHostname": ("dvc", "fw1"),
            "SrcUsername": ("user", "eve"),
        },
    ),
    "CEF": (
        SESSIONS,
        {
            "TimeGenerated": ("rt", NOON_S * 1000),
            "SrcIpAddr": ("src", "10.0.0.5"),
            "SrcPortNumber": ("spt", 50001),
            "DstIpAddr": ("dst", "203.0.113.9"),
            "DstPortNumber": ("dpt", 443),
            "NetworkProtocol": ("proto", "TCP"),
            "SrcBytes": ("out", 100),
            "DstBytes": ("in", 200),
            "DvcOriginalAction": ("act", "blocked"),
            "SrcHostname": ("shost", "web01"),
            "SrcUsername": ("suser", "eve"),
        },
    ),
    "NetFlow": (
        SESSIONS,
        {
            "TimeGenerated": ("FIRST_SWITCHED", NOON_S),
            "EventEndTime": ("LAST_SWITCHED", NOON_S + 5),
            "SrcIpAddr": ("IPV4_SRC_ADDR", "10.0.0.5"),
            "DstIpAddr": ("IPV4_DST_ADDR", "203.0.113.9"),
            "SrcPortNumber": ("L4_SRC_PORT", 50001),
            "DstPortNumber": ("L4_DST_PORT", 443),
            "NetworkProtocol": ("PROTOCOL", 6),
            "SrcBytes": ("OUT_BYTES", 100),
            "DstBytes": ("IN_BYTES", 200),
        },
    ),
    "camel case": (
        SESSIONS,
        {
            "TimeGenerated": ("startTime", NOON_S * 1000),
            "SrcIpAddr": ("sourceAddress", "10.0.0.5"),
            "DstIpAddr": ("destinationAddress", "203.0.113.9"),
            "SrcPortNumber": ("sourcePort", 50001),
            "DstPortNumber": ("destinationPort", 443),
            "NetworkSessionId": ("sessionId", "a1"),
        },
    ),
    "W3C": (
        "ASimWebSessionLogs",
        {
            "SrcIpAddr": ("c-ip", "10.0.0.5"),
            "DstIpAddr": ("s-ip", "203.0.113.9"),
            "DstPortNumber": ("s-port", 443),
            "SrcUsername": ("cs-username", "eve"),
            "HttpRequestMethod": ("cs-method", "GET"),
            "Url": ("cs-uri-stem", "/index.html"),
            "HttpHost": ("cs-host", "a.example"),
            "EventResultDetails": ("sc-status", 200),
            "HttpUserAgent": ("cs(User-Agent)", "Mozilla/5.0"),
            "HttpReferrer": ("cs(Referer)", "https://b.example/"),
            "SrcBytes": ("cs-bytes", 100),
            "DstBytes": ("sc-bytes", 200),
        },
    ),
    "web": (
        "ASimWebSessionLogs",
        {
            "TimeGenerated": ("ts", NOON_S),
            "Url": ("url", "https://a.example/x"),
            "SrcIpAddr": ("client_ip", "10.0.0.5"),
            "HttpRequestMethod": ("method", "GET"),
            "EventResultDetails": ("status", 404),
            "HttpUserAgent": ("user_agent", "curl"),
        },
    ),
    "DNS": (
        "ASimDnsActivityLogs",
        {
            "TimeGenerated": ("timestamp", "2026-05-31T12:00:00Z"),
            "DnsQuery": ("dns.question.name", "a.example"),
            "DnsQueryTypeName": ("dns.question.type", "A"),
            "EventResultDetails": ("dns.response_code", "NOERROR"),
            "SrcIpAddr": ("client.ip", "10.0.0.5"),
            "DstIpAddr": ("server.ip", "203.0.113.9"),
        },
    ),
    "DNS in numbers": (
        "ASimDnsActivityLogs",
        {
            "TimeGenerated": ("time", NOON_S),
            "DnsQuery": ("qname", "a.example"),
            "DnsQueryType": ("qtype", 1),
            "DnsResponseCode": ("rcode", 3),
            "SrcIpAddr": ("src", "10.0.0.5"),
        },
    ),
    "programs": (
        "DeviceNetworkEvents",
        {
            "TimeGenerated": ("time", NOON_S),
            "DeviceName": ("hostname", "web01"),
            "InitiatingProcessFileName": ("process_name", "a.exe"),
            "InitiatingProcessCommandLine": ("cmdline", "a.exe -x"),
            "InitiatingProcessId": ("pid", 77),
            "LocalIP": ("local_addr", "10.0.0.5"),
            "RemoteIP": ("remote_ip", "203.0.113.9"),
            "RemotePort": ("remote_port", 443),
            "Protocol": ("proto", "tcp"),
        },
    ),
    "names that tell nothing": (
        SESSIONS,
        {
            "TimeGenerated": ("k1", NOON_S * 1000),
            "SrcIpAddr": ("k2", "10.0.0.5"),
            "DstIpAddr": ("k3", "203.0.113.9"),
            "NetworkProtocol": ("k4", "udp"),
        },
    ),
}


@pytest.mark.parametrize("shape", ["csv", "json", "parquet"])
@pytest.mark.parametrize("product", FOUND)
def test_columns_of_products_are_found_and_read(desk: Desk, product: str, shape: str) -> None:
    chosen, columns = FOUND[product]
    record = dict(columns.values()) | {"else": "x"}
    if product == "W3C":
        record |= {"date": "2026-05-31", "time": "12:00:00"}
    if shape == "parquet":
        path = desk.logs / "log.parquet"
        pq.write_table(pa.Table.from_pylist([record]), path)
    else:
        path = desk.csv([record]) if shape == "csv" else desk.json([record])
    text = proposed(path)
    mapping = read_mapping("m", text)
    assert mapping.table == chosen
    assert {ours: field.names for ours, field in mapping.fields.items() if ours in columns} == {
        ours: (theirs,) for ours, (theirs, _) in columns.items()
    }
    assert "#   else: x" in text
    desk.mapping(text)
    (file,) = desk.files()
    assert (file.format, file.rows, file.rejected) == ("log" if mapping.name == "log" else mapping.name, 1, 0)
    (row,) = desk.rows(chosen)
    assert row["TimeGenerated"] == NOON


def test_nested_objects_are_proposed_as_paths(desk: Desk) -> None:
    log = desk.json([{"t": NOON_S, "source": {"ip": "10.0.0.5"}, "to": {"host": {"ip": "203.0.113.9"}}}])
    fields = read_mapping("m", proposed(log)).fields
    assert (fields["SrcIpAddr"].names, fields["DstIpAddr"].names) == (("source.ip",), ("to.host.ip",))


def test_a_known_format_is_said(desk: Desk) -> None:
    text = proposed(desk.json([ZEEK]))
    assert "# Herdsight knows this file as zeek-conn-json" in text
    assert read_mapping("m", text).files == ("log.json",)
    desk.mapping(text)
    (file,) = desk.files()
    assert (file.format, file.rows) == ("log", 1)


def test_missing_values_are_seen(desk: Desk) -> None:
    text = proposed(desk.csv([LINE | {"port": "443"}, LINE | {"port": "-"}, LINE | {"port": "N/A"}]))
    mapping = read_mapping("m", text)
    assert mapping.missing == ("-", "N/A")
    assert mapping.fields["DstPortNumber"] == Field(("port",))


def test_words_for_what_was_done_become_results(desk: Desk) -> None:
    text = proposed(desk.csv([LINE | {"action": each} for each in ("ALLOW", "deny", "odd")]))
    field = read_mapping("m", text).fields["EventResult"]
    assert field == Field(("action",), values={"ALLOW": "Success", "deny": "Failure"}, otherwise="NA")


@pytest.mark.parametrize("table_name", tables.NAMES)
def test_a_table_that_is_asked_for_is_taken(desk: Desk, table_name: str) -> None:
    text = proposed(desk.csv([LINE]), table_name)
    assert f"table: {table_name}  # as you said" in text


def test_every_column_that_can_be_proposed_is_declared() -> None:
    for name, columns in names.FILLED.items():
        assert set(columns) <= set(names.MEANINGS)
        assert set(columns.values()) <= {each.name for each in table(name).columns}, name
    assert set(names.FILLED) <= set(tables.NAMES)


@pytest.mark.parametrize("shape", ["csv", "json"])
def test_hostile_names_and_values_stay_text(desk: Desk, shape: str) -> None:
    odd = [
        *ODD,
        "a\nb: !!x" if shape == "json" else "a",
        "# c",
        "\x1b[31m",
        "\x85\u2028",
        "&a",
        "*a",
        "- x",
        "? ",
        "{",
        "yes",
        "0x1",
    ]
    record = LINE | {each: each for each in odd if each}
    path = desk.csv([record], "e'vil $(x).csv") if shape == "csv" else desk.json([record], "#.json")
    text = proposed(path)
    assert text.isprintable() is False  # its line ends
    assert all(line.isprintable() for line in text.split("\n"))
    mapping = read_mapping("m", text)
    assert mapping.fields["SrcIpAddr"] == Field(("src",))
    desk.mapping(text)
    (file,) = desk.files()
    assert file.rows == 1


_ANY = st.text(max_size=12)


@given(header=st.lists(_ANY, min_size=1, max_size=8), rows=st.lists(st.lists(_ANY, max_size=9), max_size=5))
@settings(max_examples=60, deadline=None)
def test_a_proposal_for_anything_is_a_mapping_or_says_what_it_lacks(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "log.csv"
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    try:
        text = proposed(path)
    except InputError:
        return
    assert all(line.isprintable() for line in text.split("\n"))
    if "  # TODO" in text:
        assert all("nothing is mapped to it" in told or "`columns` takes" in told for _, told in refusals(text))
    else:
        assert read_mapping("m", text).fields
