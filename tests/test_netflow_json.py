"""Specification of NetFlow and IPFIX as JSON: each collector's names, and what is the same whoever collected."""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from conftest import Row
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded import account, loaded

from herdsight.logs.formats import all_formats
from herdsight.logs.head import read_head

Write = Callable[[str], Path]

BEGIN = datetime(2023, 10, 18, 14, 37, 28, 250_000)  # noqa: DTZ001 - UTC without saying so, as the engine has it
START, END = "2023-10-18T14:37:28.250Z", "2023-10-18T14:37:30.250Z"
NANOS = 1697639848250000000
LOCAL = "times are in the local time of whoever wrote the file, and read as UTC"
ONE_WAY = "each flow goes one way: an answer is a flow of its own, whose source is who answered"

IPFIX: Row = {
    "sourceIPv4Address": "10.0.0.5",
    "destinationIPv4Address": "192.0.2.1",
    "sourceTransportPort": 50000,
    "destinationTransportPort": 443,
    "protocolIdentifier": 6,
    "flowStartMilliseconds": START,
    "flowEndMilliseconds": END,
}
# One flow of TCP, flags ACK PSH SYN FIN, 4 packets of 400 bytes, as each collector has it.
FLOWS: dict[str, Row] = {
    "netflow-logstash": {
        "@timestamp": START,
        "netflow": {
            "version": 9,
            "ipv4_src_addr": "10.0.0.5",
            "ipv4_dst_addr": "192.0.2.1",
            "l4_src_port": 50000,
            "l4_dst_port": 443,
            "protocol": 6,
            "tcp_flags": 27,
            "in_bytes": 400,
            "in_pkts": 4,
            "first_switched": START,
            "last_switched": END,
        },
    },
    "netflow-filebeat": {
        "@timestamp": "2023-10-18T14:38:00Z",
        "event": {"start": START, "end": END, "duration": 2_000_000_000},
        "netflow": {"type": "netflow_flow", "tcp_control_bits": 27},
        "source": {"ip": "10.0.0.5", "port": 50000, "bytes": 400, "packets": 4},
        "destination": {"ip": "192.0.2.1", "port": 443},
        "network": {"iana_number": "6", "transport": "tcp", "bytes": 400, "packets": 4},
    },
    "netflow-goflow2": {
        "type": "IPFIX",
        "sampler_address": "10.0.0.254",
        "time_flow_start_ns": NANOS,
        "time_flow_end_ns": NANOS + 2_000_000_000,
        "src_addr": "10.0.0.5",
        "dst_addr": "192.0.2.1",
        "src_port": 50000,
        "dst_port": 443,
        "proto": "TCP",
        "tcp_flags": 27,
        "bytes": 400,
        "packets": 4,
    },
    "netflow-pmacct": {
        "event_type": "purge",
        "ip_src": "10.0.0.5",
        "ip_dst": "192.0.2.1",
        "port_src": 50000,
        "port_dst": 443,
        "ip_proto": "tcp",
        "tcp_flags": "27",
        "timestamp_start": "2023-10-18 14:37:28.250000",
        "timestamp_end": "2023-10-18 14:37:30.250000",
        "bytes": 400,
        "packets": 4,
    },
    "nfdump-json": {
        "type": "FLOW",
        "t_first": "2023-10-18T14:37:28.250",
        "t_last": "2023-10-18T14:37:30.250",
        "proto": 6,
        "src4_addr": "10.0.0.5",
        "dst4_addr": "192.0.2.1",
        "src_port": 50000,
        "dst_port": 443,
        "tcp_flags": "...AP.SF",
        "in_bytes": 400,
        "in_packets": 4,
    },
    "netflow-yaf": {"flows": {**IPFIX, "octetTotalCount": 400, "packetTotalCount": 4}},
    "netflow-nprobe": {
        "IPV4_SRC_ADDR": "10.0.0.5",
        "IPV4_DST_ADDR": "192.0.2.1",
        "L4_SRC_PORT": 50000,
        "L4_DST_PORT": 443,
        "PROTOCOL": 6,
        "TCP_FLAGS": 27,
        "IN_BYTES": 400,
        "IN_PKTS": 4,
        "FLOW_START_MILLISECONDS": NANOS // 1_000_000,
        "FLOW_END_MILLISECONDS": NANOS // 1_000_000 + 2_000,
    },
}
NAMES = sorted(FLOWS)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str) -> Path:
        path = tmp_path / "flows.json"
        path.write_text(content, encoding="utf-8")
        return path

    return _write


def row_of(path: Path) -> Row:
    """The only good row of a log."""
    (row,) = loaded(path)[1]
    return row


def changed(name: str, change: Row, below: str | None = None) -> str:
    """The dialect's flow with a change, which may be below a key."""
    flow = FLOWS[name]
    return json.dumps(flow | ({below: {**flow[below], **change}} if below else change))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["lines", "array"])
def test_a_flow_is_the_same_whoever_collected_it(write: Write, name: str, form: str) -> None:
    path = write(json.dumps(FLOWS[name]) if form == "lines" else json.dumps([FLOWS[name]], indent=1))
    assert [each.name for each in all_formats() if each.recognise(read_head(path))] == [name]
    row = row_of(path)
    assert (row["TimeGenerated"], row["EventEndTime"]) == (BEGIN, BEGIN + timedelta(seconds=2))
    assert row["NetworkDuration"] == 2000
    assert (row["SrcIpAddr"], row["SrcPortNumber"]) == ("10.0.0.5", 50000)
    assert (row["DstIpAddr"], row["DstPortNumber"]) == ("192.0.2.1", 443)
    assert (row["NetworkProtocol"], row["NetworkDirection"]) == ("TCP", "Outbound")
    assert (row["SrcBytes"], row["NetworkBytes"], row["SrcPackets"]) == (400, 400, 4)
    assert row.get("DstBytes") is None
    if name != "netflow-yaf":  # has its flags in another way
        assert (row["EventOriginalResultDetails"], row["EventResult"]) == ("...AP.SF", "Success")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_the_file(write: Write, name: str) -> None:
    local = [LOCAL] if name in ("netflow-pmacct", "nfdump-json") else []
    assert account(write(json.dumps(FLOWS[name]))).notes == (*local, ONE_WAY)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "netflow-filebeat",
            changed("netflow-filebeat", {"destination": {"ip": "192.0.2.1", "bytes": 60, "packets": 1}}),
        ),
        ("nfdump-json", changed("nfdump-json", {"out_bytes": 60, "out_packets": 1})),
        ("netflow-yaf", changed("netflow-yaf", {"reverseOctetTotalCount": 60, "reversePacketTotalCount": 1}, "flows")),
        ("netflow-nprobe", changed("netflow-nprobe", {"OUT_BYTES": 60, "OUT_PKTS": 1})),
    ],
)
def test_what_came_back_counts_where_it_was_counted(write: Write, name: str, content: str) -> None:
    path = write(content)
    assert ONE_WAY not in account(path).notes
    row = row_of(path)
    assert (row["DstBytes"], row["DstPackets"], row["NetworkBytes"], row["NetworkPackets"]) == (60, 1, 460, 5), name


def test_ipfix_has_its_own_names_in_logstash(write: Write) -> None:
    flow = {"@timestamp": END, "netflow": {"version": 10, **IPFIX, "octetDeltaCount": 400, "packetDeltaCount": 4}}
    row = row_of(write(json.dumps(flow)))
    assert (row["TimeGenerated"], row["SrcIpAddr"], row["SrcBytes"]) == (BEGIN, "10.0.0.5", 400)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "netflow-logstash",
            changed("netflow-logstash", {"ipv4_src_addr": None, "ipv6_src_addr": "2001:DB8:0::5"}, "netflow"),
        ),
        ("nfdump-json", changed("nfdump-json", {"src4_addr": None, "src6_addr": "2001:DB8:0::5"})),
        ("netflow-goflow2", changed("netflow-goflow2", {"src_addr": "2001:DB8:0::5"})),
        ("netflow-nprobe", changed("netflow-nprobe", {"IPV4_SRC_ADDR": "0.0.0.0", "IPV6_SRC_ADDR": "2001:DB8:0::5"})),  # noqa: S104
    ],
)
def test_addresses_of_ipv6_are_spelled_in_one_way(write: Write, name: str, content: str) -> None:
    assert row_of(write(content))["SrcIpAddr"] == "2001:db8::5", name


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("nfdump-json", {"proto": 1, "src_port": 0, "dst_port": 769}),
        ("nfdump-json", {"proto": 1, "src_port": 0, "dst_port": 0, "icmp_type": 3, "icmp_code": 1}),
        ("netflow-goflow2", {"proto": "ICMP", "src_port": 0, "dst_port": 0, "icmp_type": 3, "icmp_code": 1}),
        ("netflow-nprobe", {"PROTOCOL": 58, "L4_SRC_PORT": 0, "L4_DST_PORT": 769}),
    ],
)
def test_the_ports_of_icmp_are_type_and_code(write: Write, name: str, change: Row) -> None:
    row = row_of(write(changed(name, change)))
    assert (row["NetworkProtocol"], row["SrcPortNumber"], row["DstPortNumber"]) == ("ICMP", 3, 1)


@pytest.mark.parametrize(
    ("flags", "letters", "result"),
    [
        (2, "......S.", "Failure"),
        (20, "...A.R..", "Failure"),
        (18, "...A..S.", "Success"),
        (255, "CEUAPRSF", "Success"),
    ],
)
def test_flags_are_letters(write: Write, flags: int, letters: str, result: str) -> None:
    row = row_of(write(changed("netflow-goflow2", {"tcp_flags": flags})))
    assert (row["EventOriginalResultDetails"], row["EventResult"]) == (letters, result)


@pytest.mark.parametrize(
    "when", [1697639848.25, 1697639848250, 1697639848250000, 1697639848250000000, "1697639848.250000"]
)
def test_times_are_counts_of_any_unit(write: Write, when: object) -> None:
    assert row_of(write(changed("netflow-pmacct", {"timestamp_start": when})))["TimeGenerated"] == BEGIN


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "bad JSON"),
        ("7", "not a flow"),
        (changed("netflow-nprobe", {"IPV4_SRC_ADDR": "", "IPV4_DST_ADDR": None}), "not a flow"),
        (changed("netflow-nprobe", {"IPV4_SRC_ADDR": "nowhere"}), "bad address"),
        (changed("netflow-nprobe", {"FLOW_START_MILLISECONDS": "soon"}), "bad timestamp"),
        # The time that the exporter has been up is no time of day.
        (changed("netflow-nprobe", {"FLOW_START_MILLISECONDS": None, "FIRST_SWITCHED": 5000}), "bad timestamp"),
        (changed("netflow-nprobe", {"FLOW_START_MILLISECONDS": "9" * 30}), "timestamp out of range"),
    ],
)
def test_what_is_no_flow_is_counted(write: Write, line: str, reason: str) -> None:
    good = json.dumps(FLOWS["netflow-nprobe"])
    found = account(write(f"{good}\n{line}\n{good}\n"))
    assert (found.rows, found.reasons) == (2, {reason: 1})


@pytest.mark.parametrize(
    "content", ['{"src_addr": "10.0.0.5"}', '{"netflow": {"version": 9}}', '{"flows": []}', "[]", "{"]
)
def test_what_is_something_else(write: Write, content: str) -> None:
    assert [each.name for each in all_formats() if each.recognise(read_head(write(content)))] == []


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 12))
@settings(max_examples=8, deadline=None)
def test_every_line_is_counted(name: str, seed: int, changes: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    lines = [bytearray(json.dumps(FLOWS[name]).encode()) for _ in range(10)]
    for _ in range(changes):
        line = dice.choice(lines[3:])
        line[dice.randrange(len(line))] = dice.choice([each for each in range(256) if each not in (10, 13)])
    with TemporaryDirectory() as folder:
        path = Path(folder, "flows.json")
        path.write_bytes(b"\n".join(lines) + b"\n")
        found, rows = loaded(path)
    assert (found.format, len(rows)) == (name, found.rows)
    assert found.rows + found.rejected == len(lines)
