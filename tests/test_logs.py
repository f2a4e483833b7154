"""Specification of the log formats: what each file becomes, and what it is not taken for."""

import gzip
import json
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

import herdsight
from herdsight.addresses import within
from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading import ReadOptions, load
from herdsight.logs.formats import Scope, Source, all_formats, recognise
from herdsight.logs.head import read_head
from herdsight.logs.microsoft import common_security_log, device_network_events
from herdsight.logs.zeek import conn as zeek_conn
from herdsight.tables import COMMON_SECURITY_LOG, DEVICE_NETWORK_EVENTS, NETWORK_SESSION, ColumnType
from herdsight.tables import table as declared
from herdsight.trees import column, relation

Row = dict[str, object]

VALUES = {
    "ts": "1700000000.000001",
    "uid": "C1",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": "50000",
    "id.resp_h": "192.0.2.1",
    "id.resp_p": "443",
    "proto": "tcp",
    "service": "ssl",
    "duration": "1.500002",
    "orig_bytes": "100",
    "resp_bytes": "200",
    "conn_state": "SF",
    "local_orig": "-",
    "local_resp": "-",
    "missed_bytes": "0",
    "history": "ShADadFf",
    "orig_pkts": "4",
    "orig_ip_bytes": "264",
    "resp_pkts": "5",
    "resp_ip_bytes": "460",
    "tunnel_parents": "-",
}
FIELDS = list(VALUES)


def zeek(
    *records: dict[str, str] | str, fields: Sequence[str] = tuple(FIELDS), sep: str = "\t", unset: str = "-"
) -> str:
    """A conn.log: each record a change of VALUES, or a line as it is."""
    said = "".join(f"\\x{ord(each):02x}" for each in sep)
    head = [
        f"#separator {said}",
        f"#set_separator{sep};" if sep == "," else f"#set_separator{sep},",
        f"#empty_field{sep}(empty)",
        f"#unset_field{sep}{unset}",
        f"#path{sep}conn",
        sep.join(("#fields", *fields)),
        sep.join(("#types", *("string" for _ in fields))),
    ]
    lines = [
        each if isinstance(each, str) else sep.join((VALUES | each).get(name, unset) for name in fields)
        for each in records
    ]
    return "\n".join([*head, *lines, ""])


def utc(*parts: int) -> datetime:
    """A time as the engine gives it: in UTC, without saying so."""
    year, month, day, hour, minute, second, micro = (*parts, *[0] * (7 - len(parts)))
    return datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC).replace(tzinfo=None)


def schema_of(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


def rows_of(path: Path, table: str, options: ReadOptions | None = None) -> list[Row]:
    """The good rows of one file."""
    with DuckDbEngine() as engine:
        loaded = load(engine, [path], options)
        found: list[Row] = []
        for each in loaded.relations:
            if each.table == table:
                rows = engine.run(_everything(each.name, each.schema)).to_pylist()
                found.extend(row for row in rows if row["_reject"] is None)
        return found


def _absent(table: str) -> Row:
    """What a query has where a relation lacks a column."""
    return {each.name: "" if each.type is ColumnType.STRING else None for each in declared(table).columns}


def _everything(name: str, schema: str) -> exp.Select:
    return exp.select("*").from_(relation(name, schema)).order_by(column("_row"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file and give its path."""

    def _write(content: str | bytes, name: str = "some.log") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


# --- Zeek conn --------------------------------------------------------------------------------------------------------


def test_a_connection_becomes_a_session(write: Callable[..., Path]) -> None:
    (row,) = rows_of(write(zeek({})), NETWORK_SESSION)
    begin = utc(2023, 11, 14, 22, 13, 20, 1)
    assert row == {
        "TimeGenerated": begin,
        "EventStartTime": begin,
        "EventEndTime": begin + timedelta(seconds=1, microseconds=500_002),
        "EventCount": 1,
        "EventResult": "Success",
        "EventOriginalResultDetails": "SF",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50000,
        "DstIpAddr": "192.0.2.1",
        "DstPortNumber": 443,
        "NetworkProtocol": "TCP",
        "NetworkApplicationProtocol": "ssl",
        "NetworkDirection": "Outbound",
        "NetworkDuration": 1500,
        "SrcBytes": 100,
        "DstBytes": 200,
        "NetworkBytes": 300,
        "SrcPackets": 4,
        "DstPackets": 5,
        "NetworkPackets": 9,
        "NetworkSessionId": "C1",
        "NetworkConnectionHistory": "ShADadFf",
        "EventVendor": "Zeek",
        "EventProduct": "Zeek",
        "EventType": "NetworkSession",
        "_file": 0,
        "_reject": None,
        "_row": 0,
    }


def test_unset_and_empty_values_are_missing(write: Callable[..., Path]) -> None:
    unset = dict.fromkeys(
        ("service", "duration", "orig_bytes", "resp_bytes", "conn_state", "history", "id.orig_p"), "-"
    )
    (row,) = rows_of(write(zeek(unset | {"service": "(empty)"})), NETWORK_SESSION)
    assert row["NetworkApplicationProtocol"] == row["NetworkConnectionHistory"] == ""
    assert row["NetworkBytes"] is row["NetworkDuration"] is row["SrcPortNumber"] is None
    assert row["EventEndTime"] == row["TimeGenerated"]
    assert row["EventResult"] == "NA"


def test_one_known_side_is_the_sum(write: Callable[..., Path]) -> None:
    (row,) = rows_of(write(zeek({"orig_bytes": "-"})), NETWORK_SESSION)
    assert (row["SrcBytes"], row["DstBytes"], row["NetworkBytes"]) == (None, 200, 200)


@pytest.mark.parametrize(
    ("state", "result"),
    [(each, "Success") for each in ("S1", "S2", "S3", "SF", "RSTO", "RSTR")]
    + [(each, "Failure") for each in ("S0", "REJ", "RSTOS0", "SH", "RSTRH")]
    + [(each, "NA") for each in ("OTH", "SHR", "-")],
)
def test_the_state_tells_the_result(write: Callable[..., Path], state: str, result: str) -> None:
    (row,) = rows_of(write(zeek({"conn_state": state})), NETWORK_SESSION)
    assert row["EventResult"] == result


@pytest.mark.parametrize(
    ("source", "destination", "told", "direction"),
    [
        ("10.0.0.5", "192.0.2.1", "--", "Outbound"),
        ("192.0.2.1", "172.31.255.255", "--", "Inbound"),
        ("192.0.2.1", "172.32.0.0", "--", "External"),
        ("192.168.1.1", "100.64.0.1", "--", "Local"),
        ("192.168.1.1", "100.128.0.1", "--", "Outbound"),
        ("169.254.1.1", "127.0.0.1", "--", "Local"),
        ("fe80::1", "2001:db8::1", "--", "Outbound"),
        ("fd12::1", "fc00::", "--", "Local"),
        ("2001:db8::1", "::1", "--", "Inbound"),
        ("192.0.2.1", "198.51.100.1", "TF", "Outbound"),
        ("192.0.2.1", "198.51.100.1", "FT", "Inbound"),
        ("192.0.2.1", "198.51.100.1", "TT", "Local"),
        ("10.0.0.5", "192.0.2.1", "FF", "Outbound"),
        ("10.0.0.5", "224.0.0.251", "TF", "Local"),
        ("10.0.0.5", "255.255.255.255", "TF", "Local"),
        ("fe80::1", "ff02::fb", "TF", "Local"),
        ("1.10.0.5", "2.192.168.1", "--", "External"),
    ],
)
def test_where_the_ends_are_tells_the_direction(
    write: Callable[..., Path], source: str, destination: str, told: str, direction: str
) -> None:
    ends = {"id.orig_h": source, "id.resp_h": destination, "local_orig": told[0], "local_resp": told[1]}
    (row,) = rows_of(write(zeek(ends)), NETWORK_SESSION)
    assert row["NetworkDirection"] == direction


def test_given_networks_decide_alone_what_is_inside(write: Callable[..., Path]) -> None:
    records = [
        {"id.orig_h": "198.51.100.130", "id.resp_h": "10.0.0.5", "local_resp": "T"},
        {"id.orig_h": "198.51.100.127", "id.resp_h": "2001:db8:0:8000::1"},
    ]
    options = ReadOptions(local=(IPv4Network("198.51.100.128/25"), ip_network("2001:db8:0:8000::/49")))
    rows = rows_of(write(zeek(*records)), NETWORK_SESSION, options)
    assert [row["NetworkDirection"] for row in rows] == ["Outbound", "Inbound"]


@pytest.mark.parametrize("sep", ["\t", ",", "|", ";", " "])
def test_any_separator(write: Callable[..., Path], sep: str) -> None:
    (row,) = rows_of(write(zeek({}, sep=sep, unset="NIL")), NETWORK_SESSION)
    assert (row["SrcIpAddr"], row["DstBytes"]) == ("10.0.0.5", 200)


def test_a_set_separator_is_written_as_a_comma(write: Callable[..., Path]) -> None:
    (row,) = rows_of(write(zeek({"service": "ssl;http"}, sep=",")), NETWORK_SESSION)
    assert row["NetworkApplicationProtocol"] == "ssl,http"


def test_a_value_may_hold_a_hash_or_a_quote(write: Callable[..., Path]) -> None:
    rows = rows_of(write(zeek({"uid": "C#1"}, {"uid": '"C2'}, {"service": "a#b"})), NETWORK_SESSION)
    assert [row["NetworkSessionId"] for row in rows] == ["C#1", '"C2', "C1"]


def test_other_spellings_and_columns_in_any_order(write: Callable[..., Path]) -> None:
    fields = ["new", "proto", "id_resp_p", "id_resp_h", "id_orig_p", "id_orig_h", "orig_bytes", "ts"]
    record = {"new": "x", "id_resp_p": "1", "id_resp_h": "192.0.2.9", "id_orig_p": "2", "id_orig_h": "10.0.0.1"}
    (row,) = rows_of(write(zeek(record, fields=fields)), NETWORK_SESSION)
    assert (row["SrcIpAddr"], row["SrcPortNumber"], row["DstIpAddr"], row["DstPortNumber"]) == (
        "10.0.0.1",
        2,
        "192.0.2.9",
        1,
    )
    assert "DstBytes" not in row
    assert "NetworkBytes" not in row


def test_labels_joined_by_spaces_are_no_columns(write: Callable[..., Path]) -> None:
    fields = [*FIELDS[:-1], "tunnel_parents   label   detailed-label"]
    line = "\t".join([*list(VALUES.values())[:-1], "-   Malicious   C&C"])
    assert len(rows_of(write(zeek(line, fields=fields)), NETWORK_SESSION)) == 1


def test_comments_before_the_header_and_windows_line_ends(write: Callable[..., Path]) -> None:
    log = "### kept by us\n" + zeek({}, "#close\t2023-11-15-00-00-00")
    assert len(rows_of(write(log.replace("\n", "\r\n")), NETWORK_SESSION)) == 1


def test_json_lines_say_the_same_as_tabs(write: Callable[..., Path]) -> None:
    record = {
        "ts": 1700000000.000001, "uid": "C1", "id.orig_h": "10.0.0.5", "id.orig_p": 50000, "id.resp_h": "192.0.2.1",
        "id.resp_p": 443, "proto": "tcp", "service": "ssl", "duration": 1.500002, "orig_bytes": 100, "resp_bytes": 200,
        "conn_state": "SF", "history": "ShADadFf", "orig_pkts": 4, "resp_pkts": 5,
    }  # fmt: skip
    assert rows_of(write(json.dumps(record)), NETWORK_SESSION) == rows_of(write(zeek({})), NETWORK_SESSION)


@pytest.mark.parametrize(
    "ts", [1700000000.25, "2023-11-14T22:13:20.250000Z", "2023-11-15T00:13:20.25+02:00", 1700000000250]
)
def test_json_times_in_each_way_that_zeek_writes_them(write: Callable[..., Path], ts: object) -> None:
    record = {
        "ts": ts,
        "id_orig_h": "10.0.0.5",
        "id_orig_p": 1,
        "id_resp_h": "192.0.2.1",
        "id_resp_p": 2,
        "proto": "udp",
    }
    (row,) = rows_of(write(json.dumps(record | {"conn_state": "SF", "local_orig": True})), NETWORK_SESSION)
    assert row["TimeGenerated"] == utc(2023, 11, 14, 22, 13, 20, 250_000)


_NAMES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_characters="\\#"), min_size=1, max_size=12
).filter(lambda text: text not in ("-", "(empty)") and text.isprintable())
_MOMENTS = st.datetimes(utc(1970, 1, 1), utc(2025, 1, 1))
# An IPv4 address in one of IPv6 is read as IPv4.
_ADDRESSES = st.ip_addresses().filter(lambda each: not getattr(each, "ipv4_mapped", None)).map(str)
_COUNTS = st.none() | st.integers(0, 2**62)
_PORTS = st.none() | st.integers(0, 65535)


def _round_trip(
    rows: list[Row], schema: pa.Schema, table: str, write_to: Callable[[pa.Table, Path], None], name: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        write_to(pa.Table.from_pylist(rows, schema=schema), path)
        found = [_absent(table) | row for row in rows_of(path, table)]
    assert [{key: row[key] for key in schema.names} for row in found] == rows


_SESSION = schema_of(
    TimeGenerated=pa.timestamp("us"),
    EventEndTime=pa.timestamp("us"),
    SrcIpAddr=pa.string(),
    SrcPortNumber=pa.int32(),
    DstIpAddr=pa.string(),
    DstPortNumber=pa.int32(),
    NetworkProtocol=pa.string(),
    NetworkApplicationProtocol=pa.string(),
    SrcBytes=pa.int64(),
    DstBytes=pa.int64(),
    SrcPackets=pa.int64(),
    EventOriginalResultDetails=pa.string(),
    NetworkConnectionHistory=pa.string(),
    NetworkSessionId=pa.string(),
)


_WORDS = st.just("") | _NAMES
_SESSION_VALUES = (
    _ADDRESSES, _PORTS, _ADDRESSES, _PORTS, st.sampled_from(["TCP", "UDP", "ICMP"]), _WORDS, _COUNTS, _COUNTS, _COUNTS,
    st.sampled_from(["SF", "S0", ""]), _WORDS, _WORDS,
)  # fmt: skip


@st.composite
def _sessions(draw: st.DrawFn) -> Row:
    begin = draw(_MOMENTS)
    end = begin + draw(st.timedeltas(timedelta(0), timedelta(days=2)))
    return dict(zip(_SESSION.names, (begin, end, *map(draw, _SESSION_VALUES)), strict=True))


@settings(max_examples=15, deadline=None)
@given(st.lists(_sessions(), min_size=1, max_size=20), st.sampled_from(["conn.log", "conn.log.gz"]))
def test_what_is_written_as_zeek_is_read_back(rows: list[Row], name: str) -> None:
    _round_trip(rows, _SESSION, NETWORK_SESSION, zeek_conn.write, name)


# --- DeviceNetworkEvents ----------------------------------------------------------------------------------------------

EVENT = {
    "Timestamp": "2023-10-18T14:37:28.2012267Z",
    "DeviceName": "pc-1",
    "ActionType": "ConnectionSuccess",
    "RemoteIP": "192.0.2.1",
    "RemotePort": "443",
    "InitiatingProcessFileName": "a.exe",
    "AdditionalFields": '{"a":"b, \\"c\\""}',
}
MOMENT = utc(2023, 10, 18, 14, 37, 28, 201_226)


def csv_of(*rows: dict[str, str], line_end: str = "\n") -> str:
    """A CSV export of rows with the same keys."""

    def quoted(value: str) -> str:
        doubled = value.replace('"', '""')
        return f'"{doubled}"' if any(each in value for each in ',"\n') else value

    return line_end.join([",".join(map(quoted, each)) for each in (rows[0], *(row.values() for row in rows))] + [""])


def _assert_event(row: Row) -> None:
    assert (row["Timestamp"], row["TimeGenerated"]) == (MOMENT, MOMENT)
    assert (row["DeviceName"], row["RemoteIP"], row["RemotePort"]) == ("pc-1", "192.0.2.1", 443)
    assert json.loads(str(row["AdditionalFields"])) == {"a": 'b, "c"'}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff", "sep=,\n"])
def test_an_advanced_hunting_export(write: Callable[..., Path], start: str, line_end: str) -> None:
    (row,) = rows_of(write(start.replace("\n", line_end) + csv_of(EVENT, line_end=line_end)), DEVICE_NETWORK_EVENTS)
    _assert_event(row)


def test_a_utf16_export_with_semicolons(write: Callable[..., Path]) -> None:
    plain = {name: value for name, value in EVENT.items() if name != "AdditionalFields"}
    (row,) = rows_of(write(csv_of(plain).replace(",", ";").encode("utf-16")), DEVICE_NETWORK_EVENTS)
    assert (row["Timestamp"], row["DeviceName"]) == (MOMENT, "pc-1")


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        ("10/18/2023, 2:37:28.201 PM", 201_000),
        ("10/18/2023, 2:37:28 PM", 0),
        ("10/18/2023, 14:37:28.201", 201_000),
        ("2023-10-18T14:37:28.2012267Z", 201_226),
        ("2023-10-18 14:37:28.201", 201_000),
        ("2023-10-18T16:37:28.201+02:00", 201_000),
        ("18/10/2023, 2:37:28.201 PM", 201_000),
    ],
)
def test_a_portal_export_and_its_ways_to_write_a_time(write: Callable[..., Path], written: str, micros: int) -> None:
    row = {"TimeGenerated [UTC]" if name == "Timestamp" else name: value for name, value in EVENT.items()}
    (found,) = rows_of(write(csv_of(row | {"TimeGenerated [UTC]": written})), DEVICE_NETWORK_EVENTS)
    assert found["TimeGenerated"] == found["Timestamp"] == MOMENT.replace(microsecond=micros)


def test_a_quoted_line_end_is_part_of_its_value(write: Callable[..., Path]) -> None:
    rows = rows_of(write(csv_of(EVENT | {"AdditionalFields": "x\ny"}, EVENT)), DEVICE_NETWORK_EVENTS)
    assert rows[0]["AdditionalFields"] == json.dumps("x\ny")
    assert len(rows) == 2


JSON_SHAPES: dict[str, Callable[[Row], str]] = {
    "lines": lambda row: json.dumps(row) + "\n",
    "array": lambda row: json.dumps([row], indent=1),
    "stream": lambda row: json.dumps(
        {"time": MOMENT.isoformat() + "Z", "category": "AdvancedHunting-DeviceNetworkEvents", "properties": row}
    ),
    "hub": lambda row: json.dumps({"records": [json.loads(JSON_SHAPES["stream"](row))]}),
}


@pytest.mark.parametrize("shape", JSON_SHAPES)
@pytest.mark.parametrize("bag", [EVENT["AdditionalFields"], json.loads(EVENT["AdditionalFields"])])
def test_json_in_each_shape(write: Callable[..., Path], shape: str, bag: object) -> None:
    (row,) = rows_of(
        write(JSON_SHAPES[shape](EVENT | {"RemotePort": 443, "AdditionalFields": bag})), DEVICE_NETWORK_EVENTS
    )
    _assert_event(row)


# What an event's sender may write where a dynamic value is expected, and the value that it is.
NO_JSON: dict[str, object] = {
    '{"a":1': '{"a":1',
    "01": "01",
    "plain": "plain",
    '"\\ud800"': '"\\ud800"',
    "[1,2": "[1,2",
    " ": None,
    "1": 1,
    '"quoted"': "quoted",
}


@pytest.mark.parametrize("shape", [*JSON_SHAPES, "csv", "parquet"])
@pytest.mark.parametrize("said", NO_JSON)
def test_a_dynamic_that_is_no_json_is_a_string(tmp_path: Path, shape: str, said: str) -> None:
    event, path = EVENT | {"AdditionalFields": said}, tmp_path / f"x.{shape}"
    if shape == "parquet":
        pq.write_table(pa.table({name: [value] for name, value in event.items()}), path)
    else:
        quoted = event | {"AdditionalFields": '"' + said.replace('"', '""') + '"'}
        text = (
            JSON_SHAPES[shape](dict(event))
            if shape in JSON_SHAPES
            else ",".join(EVENT) + "\n" + ",".join(quoted.values())
        )
        path.write_text(text)
    (row,) = rows_of(path, DEVICE_NETWORK_EVENTS)
    assert row["AdditionalFields"] is None or json.loads(str(row["AdditionalFields"])) == NO_JSON[said]
    kql = "DeviceNetworkEvents | where tostring(AdditionalFields.a) == '' and isnull(AdditionalFields[0])"
    assert len(herdsight.query(kql, [path])) == 1


@pytest.mark.parametrize("shape", ["stream", "hub"])
def test_the_time_of_an_envelope_stands_in(write: Callable[..., Path], shape: str) -> None:
    record = {name: value for name, value in EVENT.items() if name != "Timestamp"}
    (row,) = rows_of(write(JSON_SHAPES[shape](dict(record))), DEVICE_NETWORK_EVENTS)
    assert row["Timestamp"] == MOMENT


@pytest.mark.parametrize(
    "stored",
    [
        pa.array([MOMENT], pa.timestamp("us")),
        pa.array([MOMENT], pa.timestamp("us", "UTC")),
        pa.array([MOMENT], pa.timestamp("ns")),
        pa.array([EVENT["Timestamp"]]),
    ],
)
def test_parquet_with_each_type_of_time(tmp_path: Path, stored: "pa.Array[Any]") -> None:
    values = {name: pa.array([value]) for name, value in EVENT.items()} | {"Timestamp": stored}
    pq.write_table(pa.table(values), tmp_path / "x.parquet")
    (row,) = rows_of(tmp_path / "x.parquet", DEVICE_NETWORK_EVENTS)
    _assert_event(row)


def test_a_missing_text_in_parquet_is_empty(tmp_path: Path) -> None:
    values: dict[str, pa.Array[Any]] = {name: pa.array([value, value]) for name, value in EVENT.items()}
    values["InitiatingProcessFileName"] = pa.array(["a.exe", None]).dictionary_encode()
    pq.write_table(pa.table(values), tmp_path / "x.parquet")
    rows = rows_of(tmp_path / "x.parquet", DEVICE_NETWORK_EVENTS)
    assert [row["InitiatingProcessFileName"] for row in rows] == ["a.exe", ""]


_EVENTS = schema_of(
    TimeGenerated=pa.timestamp("us"),
    DeviceName=pa.string(),
    ActionType=pa.string(),
    RemoteIP=pa.string(),
    RemotePort=pa.int32(),
    InitiatingProcessFileName=pa.string(),
    InitiatingProcessId=pa.int64(),
    IsInitiatingProcessRemoteSession=pa.bool_(),
)
_ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


_EVENT_VALUES = (
    _MOMENTS, _ANY_TEXT, st.just("ConnectionSuccess"), _ADDRESSES, _PORTS, _ANY_TEXT, _COUNTS,
    st.none() | st.booleans(),
)  # fmt: skip


@st.composite
def _events(draw: st.DrawFn) -> Row:
    return dict(zip(_EVENTS.names, map(draw, _EVENT_VALUES), strict=True))


@settings(max_examples=15, deadline=None)
@given(st.lists(_events(), min_size=1, max_size=20))
def test_what_is_written_as_defender_is_read_back(rows: list[Row]) -> None:
    _round_trip(rows, _EVENTS, DEVICE_NETWORK_EVENTS, device_network_events.write, "events.json")


# --- CommonSecurityLog ------------------------------------------------------------------------------------------------

FIREWALL = {
    "TimeGenerated": "2023-10-18T14:37:28.2012267Z",
    "DeviceVendor": "Acme",
    "SourceIP": "192.0.2.1",
    "SourcePort": "4000",
    "DestinationIP": "10.0.0.5",
    "DestinationPort": "443",
    "Message": 'said "no", twice',
}


@pytest.mark.parametrize("suffix", ["", " [UTC]"])
def test_a_firewall_export(write: Callable[..., Path], suffix: str) -> None:
    row = {name + (suffix if name == "TimeGenerated" else ""): value for name, value in FIREWALL.items()}
    (found,) = rows_of(write(csv_of(row)), COMMON_SECURITY_LOG)
    assert found["TimeGenerated"] == MOMENT
    assert (found["SourceIP"], found["DestinationPort"], found["Message"]) == ("192.0.2.1", 443, FIREWALL["Message"])


@pytest.mark.parametrize("shape", ["lines", "array"])
def test_a_firewall_export_in_json(write: Callable[..., Path], shape: str) -> None:
    (found,) = rows_of(write(JSON_SHAPES[shape](dict(FIREWALL))), COMMON_SECURITY_LOG)
    assert (found["TimeGenerated"], found["SourcePort"]) == (MOMENT, 4000)
    assert "DeviceAction" not in found  # which no record has


_FIREWALL = schema_of(
    TimeGenerated=pa.timestamp("us"),
    DeviceVendor=pa.string(),
    SourceIP=pa.string(),
    DestinationIP=pa.string(),
    DestinationPort=pa.int32(),
    SentBytes=pa.int64(),
    Message=pa.string(),
)


@st.composite
def _firewall_rows(draw: st.DrawFn) -> Row:
    text = _ANY_TEXT.filter(lambda each: "\r" not in each)
    values = (draw(_MOMENTS), draw(text), draw(_ADDRESSES), draw(_ADDRESSES), draw(_PORTS), draw(_COUNTS), draw(text))
    return dict(zip(_FIREWALL.names, values, strict=True))


@settings(max_examples=15, deadline=None)
@given(st.lists(_firewall_rows(), min_size=1, max_size=20))
def test_what_is_written_as_a_firewall_export_is_read_back(rows: list[Row]) -> None:
    _round_trip(rows, _FIREWALL, COMMON_SECURITY_LOG, common_security_log.write, "csl.csv")


@pytest.mark.parametrize(
    "content", [zeek({}), csv_of(EVENT), csv_of(FIREWALL), *(shape(dict(EVENT)) for shape in JSON_SHAPES.values())]
)
def test_no_reader_joins_since_a_join_loses_the_order_of_rows(write: Callable[..., Path], content: str) -> None:
    path = write(content)
    found = recognise(read_head(path))
    assert found
    log_format, layout = found
    assert log_format.read
    query = log_format.read(Source((path,), (0,)), layout, Scope(utc(2030, 1, 1)))
    with DuckDbEngine() as engine:
        plan = str(engine.run(exp.Command(this="EXPLAIN", expression=query.sql(dialect="duckdb"))).to_pylist())
    assert "Projection" in plan
    assert "Join" not in plan


# --- Recognition ------------------------------------------------------------------------------------------------------


def _name_of(path: Path) -> str | None:
    found = recognise(read_head(path))
    return (found[1].name or found[0].name) if found else None


def test_formats_are_found_by_themselves() -> None:
    names = [each.name for each in all_formats()]
    assert names == sorted(set(names))
    assert {"common-security-log", "device-network-events", "suricata-flow", "zeek-conn", "zeek-other"} <= set(names)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: pa.compress(data, "zstd", asbytes=True)])
def test_packed_or_not_the_content_decides(write: Callable[..., Path], pack: Callable[[bytes], bytes]) -> None:
    path = write(pack(zeek({}).encode()), "holiday.jpg")
    assert _name_of(path) == "zeek-conn"
    assert len(rows_of(path, NETWORK_SESSION)) == 1


def test_two_packed_members_are_one_file(write: Callable[..., Path]) -> None:
    path = write(gzip.compress(zeek({}).encode()) + gzip.compress(zeek({}, {}).encode()))
    assert len(rows_of(path, NETWORK_SESSION)) == 3


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (
            zeek(fields=[*FIELDS[:7], "query"]).replace("path\tconn", "path\tdns"),
            "zeek-dns",
        ),
        ('{"_path":"ssl","ts":1,"uid":"C","id.orig_h":"10.0.0.1"}', "zeek-ssl"),
        ('{"ts":1,"uid":"C","id.orig_h":"10.0.0.1","query":"x"}', "zeek"),
        ('{"_path":"\\u001b[2J","ts":1}', "zeek"),
        ("a,b,c\n1,2,3\n", None),
        ("just words\n", None),
        ('{"a": 1}\n', None),
        ("[1, 2]", None),
        ("{", None),
        ("\0\1\2", None),
    ],
)
def test_what_is_something_else(write: Callable[..., Path], content: str, name: str | None) -> None:
    assert _name_of(write(content)) == name


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_recognition(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(data)
        try:
            recognise(read_head(path))
        except ValueError as error:
            assert "damaged" in str(error) or "early" in str(error) or "broken" in str(error)  # noqa: PT017


@settings(max_examples=25, deadline=None)
@given(st.lists(st.ip_addresses(), min_size=1, max_size=50), st.data())
def test_networks_agree_with_arithmetic(addresses: list[object], data: st.DataObject) -> None:

    some = ip_address(str(data.draw(st.sampled_from(addresses))))
    network = ip_network((some, data.draw(st.integers(0, some.max_prefixlen))), strict=False)
    texts = [str(each) for each in addresses]
    listed = exp.select(exp.Explode(this=exp.array(*map(exp.Literal.string, texts))).as_("a")).subquery("t")
    with DuckDbEngine() as engine:
        found = (
            engine.run(exp.select(within(column("a"), [network]).as_("inside")).from_(listed))
            .column("inside")
            .to_pylist()
        )
    assert found == [ip_address(each) in network for each in texts]
