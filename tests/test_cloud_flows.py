"""Specification of the flow logs of AWS and Google Cloud: what a flow becomes, and that every record is counted."""

import json
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded import loaded

from herdsight.logs.formats import recognise
from herdsight.logs.head import read_head

Row = dict[str, object]
Write = Callable[..., Path]

BEGIN = datetime(2023, 10, 18, 14, 37, 28)  # noqa: DTZ001 - UTC without saying so, as the engine has it
END = datetime(2023, 10, 18, 14, 38, 28)  # noqa: DTZ001
START, STOP = 1697639848, 1697639908
FLOW = f"2 123456789010 eni-1 10.0.0.5 192.0.2.1 50000 443 6 20 4249 {START} {STOP} ACCEPT OK"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str | bytes, name: str = "a.log") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def flow(path: Path) -> Row:
    """The only record, which is good."""
    account, (row,) = loaded(path)
    assert account.rejected == 0
    return {name: value for name, value in row.items() if not name.startswith("_")}


def format_of(content: str, write: Write) -> str | None:
    found = recognise(read_head(write(content)))
    return found[0].name if found else None


# --- AWS --------------------------------------------------------------------------------------------------------------


def test_a_record_of_the_default_format(write: Write) -> None:
    assert flow(write(f"{FLOW}\n")) == {
        "TimeGenerated": BEGIN,
        "EventStartTime": BEGIN,
        "EventEndTime": END,
        "NetworkDuration": 60_000,
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50000,
        "DstIpAddr": "192.0.2.1",
        "DstPortNumber": 443,
        "NetworkProtocol": "TCP",
        "NetworkDirection": "Outbound",
        "SrcBytes": 4249,
        "NetworkBytes": 4249,
        "SrcPackets": 20,
        "NetworkPackets": 20,
        "DvcOriginalAction": "ACCEPT",
        "EventResult": "Success",
        "DvcAction": "Allow",
        "EventCount": 1,
        "EventVendor": "AWS",
        "EventProduct": "VPC",
        "EventType": "NetworkSession",
    }


def test_a_refused_flow(write: Write) -> None:
    row = flow(write(FLOW.replace("ACCEPT", "REJECT")))
    assert (row["EventResult"], row["DvcAction"], row["DvcOriginalAction"]) == ("Failure", "Deny", "REJECT")


@pytest.mark.parametrize(
    ("digits", "name"), [("6", "TCP"), ("17", "UDP"), ("1", "ICMP"), ("58", "ICMP"), ("47", "GRE"), ("250", "250")]
)
def test_protocols_have_names(write: Write, digits: str, name: str) -> None:
    assert flow(write(FLOW.replace(" 6 ", f" {digits} ")))["NetworkProtocol"] == name


def test_any_order_under_a_line_of_names(write: Write) -> None:
    path = write(
        "action dstaddr srcaddr start end flow-direction pkt-srcaddr pkt-dstaddr tcp-flags bytes dstport vpc-id\n"
        f"ACCEPT 10.0.0.220 10.0.1.5 {START} {STOP} ingress 10.0.1.5 203.0.113.5 19 300 443 vpc-1\n"
        f"REJECT 10.0.1.5 2001:db8::1 {START} {STOP} egress - - - - - -\n"
    )
    account, (first, second) = loaded(path)
    assert (account.format, account.rows, account.rejected) == ("aws-vpc-flow", 2, 0)
    assert (first["SrcIpAddr"], first["DstIpAddr"], first["DstPortNumber"]) == ("10.0.1.5", "203.0.113.5", 443)
    assert (first["SrcBytes"], first["DvcAction"], first["NetworkDirection"]) == (300, "Allow", "Outbound")
    assert (second["SrcIpAddr"], second["DstIpAddr"], second["DstPortNumber"]) == ("2001:db8::1", "10.0.1.5", None)
    assert (second["SrcBytes"], second["DvcAction"], second["NetworkDirection"]) == (None, "Deny", "Inbound")


def test_a_line_of_names_without_what_is_needed_is_refused_by_name(write: Write) -> None:
    found = recognise(read_head(write("version srcaddr dstaddr\n2 10.0.0.5 192.0.2.1\n")))
    assert found is not None
    assert found[1].refused == "an AWS VPC flow log without start"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"2 123456789010 eni-1 - - - - - - - {START} {STOP} - NODATA", "no data in the interval"),
        (f"2 123456789010 eni-1 - - - - - - - {START} {STOP} - SKIPDATA", "data skipped by AWS"),
        (FLOW.replace(str(START), "-"), "bad timestamp"),
        (FLOW.replace(str(START), "soon"), "bad timestamp"),
        (FLOW.replace(str(START), "99999999999"), "timestamp out of range"),
        (FLOW.replace("10.0.0.5", "nowhere"), "bad address"),
        (FLOW.replace("10.0.0.5", "-"), "bad address"),
        (f"{FLOW} more", "too many columns"),
        ("words", "columns missing"),
    ],
)
def test_what_is_no_flow_of_aws_is_counted(write: Write, line: str, reason: str) -> None:
    account, rows = loaded(write(f"{FLOW}\n{line}\n{FLOW}\n"))
    assert (account.format, len(rows), account.rejected, account.reasons) == ("aws-vpc-flow", 2, 1, {reason: 1})


def test_addresses_are_spelled_in_one_way(write: Write) -> None:
    row = flow(write(FLOW.replace("10.0.0.5", "2001:DB8:0:0::0:1").replace("192.0.2.1", "::ffff:192.0.2.1")))
    assert (row["SrcIpAddr"], row["DstIpAddr"]) == ("2001:db8::1", "192.0.2.1")


def test_a_line_of_names_again_is_counted(write: Write) -> None:
    names = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end"
    names += " action log-status"
    account, rows = loaded(write(f"{names}\n{FLOW}\n{names}\n{FLOW}\n"))
    assert (len(rows), account.reasons) == (2, {"header repeated": 1})


@pytest.mark.parametrize("content", ["a b c\n", "2 x\n", "srcaddr dstaddr; start\n", "the srcaddr of it\n"])
def test_what_is_no_log_of_aws(write: Write, content: str) -> None:
    assert format_of(content, write) != "aws-vpc-flow"


# --- Google Cloud -----------------------------------------------------------------------------------------------------


def entry(payload: Mapping[str, object] = {}, **connection: object) -> dict[str, object]:
    ends = {"src_ip": "10.0.0.5", "src_port": 50000, "dest_ip": "192.0.2.1", "dest_port": 443, "protocol": 6}
    flow = {
        "connection": ends | connection,
        "bytes_sent": "4249",
        "packets_sent": "20",
        "start_time": "2023-10-18T14:37:28.000000001Z",
        "end_time": "2023-10-18T14:38:28Z",
        "reporter": "SRC",
        "src_vpc": {"vpc_name": "default", "project_id": "p"},
    }
    return {
        "insertId": "x",
        "jsonPayload": flow | dict(payload),
        "logName": "projects/p/logs/compute.googleapis.com%2Fvpc_flows",
        "timestamp": "2023-10-18T14:38:40Z",
    }


GOOD = json.dumps(entry())


def test_an_entry_becomes_a_session(write: Write) -> None:
    assert flow(write(f"{GOOD}\n")) == {
        "TimeGenerated": BEGIN,
        "EventStartTime": BEGIN,
        "EventEndTime": END,
        "NetworkDuration": 60_000,
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50000,
        "DstIpAddr": "192.0.2.1",
        "DstPortNumber": 443,
        "NetworkProtocol": "TCP",
        "NetworkDirection": "Outbound",
        "SrcBytes": 4249,
        "NetworkBytes": 4249,
        "SrcPackets": 20,
        "NetworkPackets": 20,
        "EventCount": 1,
        "EventResult": "NA",
        "EventVendor": "GCP",
        "EventProduct": "VPC",
        "EventType": "NetworkSession",
    }


def test_an_array_of_entries(write: Write) -> None:
    account, rows = loaded(write(json.dumps([entry(), entry(protocol=17, src_port=None)], indent=1)))
    assert (account.format, account.rows) == ("gcp-vpc-flow", 2)
    assert [(row["NetworkProtocol"], row["SrcPortNumber"]) for row in rows] == [("TCP", 50000), ("UDP", None)]


def test_an_entry_without_a_start_begins_when_it_was_written(write: Write) -> None:
    row = flow(write(json.dumps(entry({"start_time": None, "end_time": None, "bytes_sent": 5}))))
    assert row["TimeGenerated"] == row["EventEndTime"] == END.replace(second=40)
    assert row["SrcBytes"] == 5


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "bad JSON"),
        ("[]", "bad JSON"),
        ('{"jsonPayload": "text", "timestamp": "2023-10-18T14:38:40Z"}', "not a flow"),
        ('{"jsonPayload": {"connection": 1}, "timestamp": "2023-10-18T14:38:40Z"}', "not a flow"),
        ('{"textPayload": "x", "timestamp": "2023-10-18T14:38:40Z"}', "not a flow"),
        (json.dumps(entry(src_ip="nowhere")), "bad address"),
        (json.dumps(entry({"start_time": "soon"})), "bad timestamp"),
        (json.dumps(entry({"start_time": "2099-01-01T00:00:00Z"})), "timestamp out of range"),
    ],
)
def test_what_is_no_flow_of_google_is_counted(write: Write, line: str, reason: str) -> None:
    account, rows = loaded(write(f"{GOOD}\n{line}\n{GOOD}\n"))
    assert (account.format, len(rows), account.rejected, account.reasons) == ("gcp-vpc-flow", 2, 1, {reason: 1})


@pytest.mark.parametrize("content", ['{"jsonPayload": {"message": "x"}}\n', '{"connection": {"src_ip": "10.0.0.5"}}\n'])
def test_what_is_no_flow_log_of_google(write: Write, content: str) -> None:
    assert format_of(content, write) != "gcp-vpc-flow"


# --- Whatever bytes are changed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "record"), [("aws-vpc-flow", FLOW), ("gcp-vpc-flow", GOOD)])
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_every_line_is_counted(name: str, record: str, seed: int, changes: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    lines = [bytearray(record.encode()) for _ in range(20)]
    for _ in range(changes):
        line = dice.choice(lines[3:])
        line[dice.randrange(len(line))] = dice.choice([each for each in range(256) if each not in (10, 13)])
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.log")
        path.write_bytes(b"\n".join(lines) + b"\n")
        account, rows = loaded(path)
    comments = sum(line.startswith(b"#") for line in lines) if name == "aws-vpc-flow" else 0
    assert account.format == name
    assert len(rows) == account.rows
    assert len(lines) - comments <= account.rows + account.rejected <= len(lines)
