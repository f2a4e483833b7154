"""Writing Sysmon's events: what is written is read again."""

import json
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from conftest import Row
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded import loaded

from herdsight.logs.formats import all_formats
from herdsight.logs.windows.sysmon_json import write_connections, write_queries
from herdsight.tables import table

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2025, 12, 31)).map(  # noqa: DTZ001 times are UTC without saying so
    lambda when: when.replace(microsecond=when.microsecond // 1000 * 1000)
)
ADDRESSES = st.ip_addresses().filter(lambda each: getattr(each, "ipv4_mapped", None) is None).map(str)
PORTS = st.integers(0, 65_535)
# No text is a dash, and characters that stand for nothing do not round anything.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).filter(lambda text: text != "-")
NAMES = TEXTS.filter(lambda text: not {"\\", "/"} & set(text))
FOLDERS = st.sampled_from(["", "C:\\Windows\\", "/usr/bin/", "\\\\server\\share\\"])
HOSTS = st.from_regex(r"[a-z][a-z0-9.-]{0,20}[a-z0-9]", fullmatch=True)


@st.composite
def connections(draw: st.DrawFn) -> Row:
    is_out, name, domain = draw(st.booleans()), draw(NAMES), draw(NAMES)
    when = draw(TIMES)
    return {
        "TimeGenerated": when,
        "Timestamp": when,
        "DeviceName": draw(TEXTS),
        "ActionType": "ConnectionSuccess" if is_out else "InboundConnectionAccepted",
        "LocalIP": draw(ADDRESSES),
        "LocalPort": draw(PORTS),
        "RemoteIP": draw(ADDRESSES),
        "RemotePort": draw(PORTS),
        "RemoteUrl": draw(TEXTS) if is_out else "",
        "Protocol": draw(st.sampled_from(["Tcp", "Udp"])),
        "InitiatingProcessFileName": name,
        "InitiatingProcessFolderPath": draw(FOLDERS) + name,
        "InitiatingProcessId": draw(st.none() | st.integers(0, 2**40)),
        "InitiatingProcessAccountName": draw(NAMES),
        "InitiatingProcessAccountDomain": domain,
    }


@st.composite
def queries(draw: st.DrawFn) -> Row:
    device = draw(TEXTS)
    return {
        "TimeGenerated": draw(TIMES),
        "DvcHostname": device,
        "SrcHostname": device,
        "SrcProcessName": draw(TEXTS),
        "SrcProcessId": draw(st.integers(0, 2**32).map(str)),
        "SrcUsername": draw(TEXTS),
        "DnsQuery": draw(HOSTS),
        "DnsResponseName": ",".join(draw(st.lists(ADDRESSES | HOSTS, max_size=4))),
        "EventResultDetails": draw(st.sampled_from(["", "NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR"])),
    }


def test_how_it_is_written(tmp_path: Path) -> None:
    when = datetime(2024, 5, 1, 12, 0, 0, 1_500)  # noqa: DTZ001
    row = {"TimeGenerated": when, "DvcHostname": "pc-1", "DnsQuery": "a.test", "DnsResponseName": "b.test,5.6.7.8,::1"}
    write_queries(pa.Table.from_pylist([row | {"EventResultDetails": "NXDOMAIN"}]), tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {
        "EventID": 22,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "pc-1",
        "UtcTime": "2024-05-01 12:00:00.001",
        "ProcessId": "",
        "Image": "",
        "User": "",
        "QueryName": "a.test",
        "QueryStatus": "9003",
        "QueryResults": "type:  5 b.test;::ffff:5.6.7.8;::1;",
    }


def test_connections_that_sysmon_does_not_tell_are_left_out(tmp_path: Path) -> None:
    rows = [{"ActionType": each} for each in ("ConnectionFailed", "ConnectionSuccess", "ListeningConnectionCreated")]
    write_connections(pa.Table.from_pylist(rows), tmp_path / "a.json")
    (line,) = (tmp_path / "a.json").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["Initiated"] == "true"


def again(name: str, rows: list[Row], file: str) -> list[Row]:
    """The rows, written and read."""
    (log,) = (each for each in all_formats() if each.name == name)
    assert log.table
    assert log.write
    kinds = {"datetime": pa.timestamp("us"), "int": pa.int32(), "long": pa.int64()}
    declared = {each.name: kinds.get(each.type.value, pa.string()) for each in table(log.table).columns}
    schema = pa.schema([(column, declared[column]) for column in rows[0]])
    with TemporaryDirectory() as folder:
        path = Path(folder, file)
        log.write(pa.Table.from_pylist(rows, schema=schema), path)
        return [{column: row[column] for column in rows[0]} for row in loaded(path)[1]]


@settings(max_examples=15, deadline=None)
@given(st.lists(connections(), min_size=1, max_size=20))
def test_connections_are_read_as_they_were_written(rows: list[Row]) -> None:
    assert again("sysmon-network", rows, "events.json") == rows


@settings(max_examples=15, deadline=None)
@given(st.lists(queries(), min_size=1, max_size=20))
def test_queries_are_read_as_they_were_written(rows: list[Row]) -> None:
    assert again("sysmon-dns", rows, "events.json.gz") == rows
