"""Windows events in the three ways that shippers lay them out: what they say of connections and of DNS."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Row, json_lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loaded import account
from windows_logs import ASKED, AT, CONNECTED, NOON, OUTBOUND, PERMITTED, SECURITY, SYSMON, told

import herdsight

Way = Callable[[int, str, Row], Row]


def flat(number: int, channel: str, data: Row) -> Row:
    return {"EventID": number, "Channel": channel, "Hostname": "pc-1", "@timestamp": AT, **data}


def winlogbeat(number: int, channel: str, data: Row) -> Row:
    inner = {"event_id": str(number), "channel": channel, "computer_name": "pc-1", "event_data": data}
    return {"@timestamp": AT, "event": {"code": str(number)}, "winlog": inner}


def as_xml_has_it(number: int, channel: str, data: Row) -> Row:
    time = {"#attributes": {"SystemTime": AT}}
    system = {"EventID": {"#text": number}, "Channel": channel, "Computer": "pc-1", "TimeCreated": time}
    spelt = {"ProcessID" if channel == SECURITY and name == "ProcessId" else name: data[name] for name in data}
    return {"Event": {"System": system, "EventData": spelt}}


WAYS = pytest.mark.parametrize("way", [flat, winlogbeat, as_xml_has_it])


def written(path: Path, *rows: Row) -> Path:
    path.write_text(json_lines(rows), encoding="utf-8")
    return path


def asked(tmp_path: Path, kql: str, *rows: Row) -> list[Row]:
    return herdsight.query(kql, written(tmp_path / "events.json", *rows)).to_pylist()


@WAYS
def test_a_connection_that_sysmon_saw(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, "DeviceNetworkEvents", way(3, SYSMON, CONNECTED), way(1, SYSMON, {}))
    assert told(row) == OUTBOUND | {
        "RemoteUrl": "evil.test",
        "InitiatingProcessFolderPath": "C:\\Users\\ann\\evil.exe",
        "InitiatingProcessAccountName": "ann",
        "InitiatingProcessAccountDomain": "CORP",
    }


@WAYS
def test_a_connection_that_the_platform_permitted(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, "DeviceNetworkEvents", way(5156, SECURITY, PERMITTED), way(4624, SECURITY, {}))
    at = NOON.replace(second=9)
    path = "\\device\\harddiskvolume2\\users\\ann\\evil.exe"
    assert told(row) == OUTBOUND | {"TimeGenerated": at, "Timestamp": at, "InitiatingProcessFolderPath": path}


@pytest.mark.parametrize(
    ("number", "direction", "action"),
    [
        (5156, "%%14593", "ConnectionSuccess"),
        (5156, "%%14592", "InboundConnectionAccepted"),
        (5157, "%%14593", "ConnectionFailed"),
        (5157, "%%14592", "ConnectionAttempt"),
    ],
)
def test_what_the_platform_did(tmp_path: Path, number: int, direction: str, action: str) -> None:
    event = flat(number, SECURITY, PERMITTED | {"Direction": direction})
    (row,) = asked(tmp_path, "DeviceNetworkEvents | project ActionType, LocalIP, RemoteIP", event)
    ends = ("10.0.0.5", "5.6.7.8") if direction == "%%14593" else ("5.6.7.8", "10.0.0.5")
    assert (row["ActionType"], row["LocalIP"], row["RemoteIP"]) == (action, *ends)


@pytest.mark.parametrize(("protocol", "local"), [("tcp", "5.6.7.8"), ("udp", "10.0.0.5")])
def test_whose_end_is_whose_of_what_came_in(tmp_path: Path, protocol: str, local: str) -> None:
    """Of TCP the source began, so that it is the other end; of UDP the source sent, which is the device that tells."""
    event = flat(3, SYSMON, CONNECTED | {"Initiated": "false", "Protocol": protocol})
    (row,) = asked(tmp_path, "DeviceNetworkEvents | project ActionType, LocalIP, RemoteUrl", event)
    assert row == {"ActionType": "InboundConnectionAccepted", "LocalIP": local, "RemoteUrl": ""}


@WAYS
def test_a_query_that_sysmon_saw(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, "ASimDnsActivityLogs", way(22, SYSMON, ASKED), way(3, SYSMON, CONNECTED))
    assert told(row) == {
        "TimeGenerated": NOON,
        "EventStartTime": NOON,
        "EventCount": 1,
        "EventVendor": "Microsoft",
        "EventProduct": "Sysmon",
        "EventType": "Query",
        "EventSubType": "response",
        "EventResult": "Success",
        "EventResultDetails": "NOERROR",
        "DvcHostname": "pc-1",
        "SrcHostname": "pc-1",
        "SrcProcessName": "C:\\Users\\ann\\evil.exe",
        "SrcProcessId": "4711",
        "SrcUsername": "CORP\\ann",
        "DnsQuery": "evil.test",
        "DnsResponseName": "cdn.evil.test,5.6.7.8",
        "Type": "ASimDnsActivityLogs",
    }


@pytest.mark.parametrize(("status", "result"), [("9003", ("Failure", "NXDOMAIN")), ("1460", ("NA", ""))])
def test_how_a_query_ended(tmp_path: Path, status: str, result: tuple[str, str]) -> None:
    event = flat(22, SYSMON, ASKED | {"QueryStatus": status, "QueryResults": "-"})
    (row,) = asked(tmp_path, "ASimDnsActivityLogs | project EventResult, EventResultDetails, DnsResponseName", event)
    assert tuple(row.values()) == (*result, "")


@pytest.mark.parametrize(
    ("results", "answers"),
    [
        ("::ffff:5.6.7.8;::ffff:5.6.7.9;", "5.6.7.8,5.6.7.9"),
        ("100::ffff:1:2:3;::1;", "100::ffff:1:2:3,::1"),  # the same letters within an address of IPv6
        ("type:  28 2001:db8::1;type:  5 a.test;", "2001:db8::1,a.test"),
    ],
)
def test_what_a_query_was_answered(tmp_path: Path, results: str, answers: str) -> None:
    event = flat(22, SYSMON, ASKED | {"QueryResults": results})
    (row,) = asked(tmp_path, "ASimDnsActivityLogs | project DnsResponseName", event)
    assert row == {"DnsResponseName": answers}


def test_each_event_is_counted_once(tmp_path: Path) -> None:
    path = written(
        tmp_path / "events.json",
        flat(3, SYSMON, CONNECTED),
        flat(22, SYSMON, ASKED),
        flat(5156, SECURITY, PERMITTED),
        flat(3, SECURITY, CONNECTED),  # another channel's number 3
        flat(10, SYSMON, {}),
        flat(3, SYSMON, CONNECTED | {"SourceIp": "nowhere"}),
    )
    found = account(path)
    assert (found.rows, found.reasons) == (3, {"bad address": 1, "other event": 2})
    assert found.table == "DeviceNetworkEvents"


def test_what_another_reading_takes_is_not_told_as_rejected(tmp_path: Path) -> None:
    """Of the first two records, each is no event to two of the three readings, and the third to all of them."""
    kinds: tuple[tuple[int, str, Row], ...] = (
        (3, SYSMON, CONNECTED),
        (22, SYSMON, ASKED),
        (10, SYSMON, {}),
        (5156, SECURITY, PERMITTED),
    )
    path = written(tmp_path / "events.json", *(flat(*kind) for kind in kinds), flat(3, SECURITY, {}))
    second = written(tmp_path / "more.json", flat(1, SYSMON, {}), flat(3, SYSMON, CONNECTED))
    samples = [[each.model_dump() for each in file.samples] for file in herdsight.inspect([path, second]).files]
    assert samples == [
        [{"reason": "other event", "count": 2, "records": (3, 5)}],
        [{"reason": "other event", "count": 1, "records": (1,)}],
    ]


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@WAYS
def test_whatever_happens_to_its_bytes_no_record_is_lost(tmp_path: Path, way: Way, data: st.DataObject) -> None:
    rows = [way(3, SYSMON, CONNECTED), way(22, SYSMON, ASKED), way(5156, SECURITY, PERMITTED), way(1, SYSMON, {})] * 2
    first, *rest = (json.dumps(row) for row in rows)
    raw = bytearray("\n".join(rest).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(b'\x00\xff\t"{}[]\\,#x0'))
    path = tmp_path / "events.json"
    path.write_bytes(first.encode() + b"\n" + bytes(raw))
    found = account(path)
    assert found.rows + found.rejected == 1 + len([line for line in bytes(raw).split(b"\n") if line.strip(b" \r\t")])
