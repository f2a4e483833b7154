"""Suricata's EVE: one file of many kinds of events, each in the table that it is of."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from conftest import Row, json_lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loaded import account, loaded
from sqlglot import exp

import herdsight
from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading import load
from herdsight.logs.suricata.writing import write_dns, write_flows
from herdsight.tables import ColumnType, table
from herdsight.trees import relation

NOON = datetime(2024, 5, 1, 12)  # noqa: DTZ001 times are UTC without saying so
ENDS: Row = {"src_ip": "10.0.0.5", "src_port": 50000, "dest_ip": "5.6.7.8", "dest_port": 443, "proto": "TCP"}
FLOW: Row = {
    "timestamp": "2024-05-01T14:10:00.000000+0200",
    "flow_id": 1,
    "event_type": "flow",
    **ENDS,
    "app_proto": "tls",
    "host": "ids-1",
    "flow": {
        "pkts_toserver": 5,
        "pkts_toclient": 6,
        "bytes_toserver": 500,
        "bytes_toclient": 6000,
        "start": "2024-05-01T14:00:00.000000+0200",
        "end": "2024-05-01T14:00:01.500000+0200",
        "state": "closed",
        "reason": "timeout",
    },
    "tcp": {"tcp_flags": "1b", "tcp_flags_tc": "1b"},
}
LOOKUP: Row = {
    "timestamp": "2024-05-01T12:00:00.000000+0000",
    "flow_id": 2,
    "event_type": "dns",
    "src_ip": "10.0.0.5",
    "src_port": 50001,
    "dest_ip": "10.0.0.53",
    "dest_port": 53,
    "proto": "UDP",
}
ASKED: Row = LOOKUP | {"dns": {"type": "query", "id": 171, "rrname": "www.example.org", "rrtype": "A", "tx_id": 0}}
REQUEST: Row = {
    "timestamp": "2024-05-01T12:00:00.000000+0000",
    "flow_id": 3,
    "event_type": "http",
    **ENDS,
    "dest_port": 80,
    "http": {
        "hostname": "evil.test",
        "url": "/gate.php?id=7",
        "http_user_agent": "curl/8",
        "http_method": "POST",
        "protocol": "HTTP/1.1",
        "status": 200,
        "length": 512,
    },
}
COMMON: Row = {"timestamp": "2024-05-01T12:00:00.000000+0000", "flow_id": 4, **ENDS}
FILE: Row = COMMON | {"event_type": "fileinfo", "fileinfo": {}}
ALERT: Row = COMMON | {
    "event_type": "alert",
    "app_proto": "tls",
    "alert": {
        "action": "blocked",
        "gid": 1,
        "signature_id": 2403388,
        "rev": 3,
        "signature": "ET evil",
        "category": "Misc Attack",
        "severity": 2,
        "metadata": {"tag": ["CINS"]},
    },
}
ONE_WAY: Row = COMMON | {
    "event_type": "netflow",
    "timestamp": "2024-05-01T12:10:00.000000+0000",
    "app_proto": "failed",
    "netflow": {
        "pkts": 5,
        "bytes": 500,
        "start": "2024-05-01T12:00:00.000000+0000",
        "end": "2024-05-01T12:00:01.500000+0000",
        "age": 1,
        "min_ttl": 64,
        "max_ttl": 64,
    },
    "tcp": {"tcp_flags": "1b", "syn": True},
}
HANDSHAKE: Row = COMMON | {
    "event_type": "tls",
    "tls": {
        "subject": "CN=c2.evil.test",
        "issuerdn": "CN=root",
        "fingerprint": "aa:bb",
        "sni": "c2.evil.test",
        "version": "TLS 1.2",
        "ja3": {"hash": "0123", "string": "771,1,2"},
        "ja3s": {"hash": "4567", "string": "771,1"},
    },
}
NOWHERE = "0.0.0.0"  # noqa: S104 what DHCP says where there is no address
LEASE: Row = LOOKUP | {
    "event_type": "dhcp",
    "src_ip": "10.0.0.1",
    "src_port": 67,
    "dest_ip": "10.0.0.5",
    "dest_port": 68,
    "dhcp": {
        "type": "reply",
        "id": 99,
        "client_mac": "06:10:9f:eb:8f:14",
        "assigned_ip": "10.0.0.6",
        "client_ip": NOWHERE,
        "dhcp_type": "ack",
        "lease_time": 3600,
        "hostname": "desk-1",
    },
}
EVERY = (FLOW, ASKED, REQUEST, ALERT, ONE_WAY, HANDSHAKE, LEASE)


def written(path: Path, *rows: Row) -> Path:
    path.write_text(json_lines(rows), encoding="utf-8")
    return path


def asked(tmp_path: Path, kql: str, *rows: Row) -> list[Row]:
    return herdsight.query(kql, written(tmp_path / "eve.json", *rows)).to_pylist()


def test_a_flow_is_a_session(tmp_path: Path) -> None:
    (row,) = asked(tmp_path, "ASimNetworkSessionLogs", FLOW, FILE, ASKED)
    assert {name: value for name, value in row.items() if value not in (None, "")} == {
        "TimeGenerated": NOON,
        "EventStartTime": NOON,
        "EventEndTime": NOON + timedelta(seconds=1.5),
        "NetworkDuration": 1500,
        "EventCount": 1,
        "EventVendor": "Suricata",
        "EventProduct": "Suricata",
        "EventType": "NetworkSession",
        "EventResult": "Success",
        "EventOriginalResultDetails": "closed",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50000,
        "DstIpAddr": "5.6.7.8",
        "DstPortNumber": 443,
        "NetworkProtocol": "TCP",
        "NetworkDirection": "Outbound",
        "NetworkApplicationProtocol": "tls",
        "NetworkSessionId": "1",
        "SrcBytes": 500,
        "DstBytes": 6000,
        "SrcPackets": 5,
        "DstPackets": 6,
        "DvcHostname": "ids-1",
        "Type": "ASimNetworkSessionLogs",
    }


def test_an_address_is_written_in_one_way(tmp_path: Path) -> None:
    wide = FLOW | {"src_ip": "fe80:0000:0000:0000:0000:0000:0000:00aB%eth0", "dest_ip": "::ffff:5.6.7.8"}
    kql = "ASimNetworkSessionLogs | project SrcIpAddr, DstIpAddr"
    assert asked(tmp_path, kql, wide) == [{"SrcIpAddr": "fe80::ab", "DstIpAddr": "5.6.7.8"}]


@pytest.mark.parametrize(
    ("proto", "answered", "flags", "result"),
    [
        ("TCP", 6, "1b", "Success"),  # FIN, SYN, PSH, ACK came back
        ("TCP", 1, "14", "Failure"),  # RST, ACK alone
        ("TCP", 0, "00", "Failure"),
        ("UDP", 2, None, "Success"),
        ("UDP", 0, None, "Failure"),
        ("UDP", None, None, "NA"),
    ],
)
def test_what_came_back_tells_how_a_flow_ended(
    tmp_path: Path, proto: str, answered: int | None, flags: str | None, result: str
) -> None:
    flow = FLOW | {"proto": proto, "flow": FLOW["flow"] | {"pkts_toclient": answered}, "tcp": {"tcp_flags_tc": flags}}
    assert asked(tmp_path, "ASimNetworkSessionLogs | project EventResult", flow) == [{"EventResult": result}]


ANSWERS: dict[str, Row] = {
    "version 1": {
        **LOOKUP,
        "src_ip": "10.0.0.53",
        "src_port": 53,
        "dest_ip": "10.0.0.5",
        "dest_port": 50001,
        "dns": {"type": "answer", "id": 171, "rcode": "NOERROR", "rrname": "a.test", "rrtype": "A", "rdata": "5.6.7.8"},
    },
    "version 2": LOOKUP
    | {
        "dns": {
            "version": 2,
            "type": "answer",
            "id": 171,
            "rcode": "NOERROR",
            "rrname": "a.test",
            "rrtype": "A",
            "answers": [{"rrname": "a.test", "rrtype": "A", "ttl": 60, "rdata": "5.6.7.8"}],
        }
    },
    "version 3": LOOKUP
    | {
        "dns": {
            "version": 3,
            "type": "response",
            "id": 171,
            "rcode": "NOERROR",
            "queries": [{"rrname": "a.test", "rrtype": "A"}],
            "answers": [{"rrname": "a.test", "rrtype": "A", "ttl": 60, "rdata": "5.6.7.8"}],
        }
    },
}


@pytest.mark.parametrize("version", ANSWERS)
def test_an_answer_is_the_askers(tmp_path: Path, version: str) -> None:
    columns = "SrcIpAddr, SrcPortNumber, DstIpAddr, DstPortNumber, DnsQuery, DnsQueryTypeName, DnsResponseName"
    kql = f"ASimDnsActivityLogs | project {columns}, EventResult, EventSubType, TransactionIdHex"
    assert asked(tmp_path, kql, ANSWERS[version], FLOW) == [
        {
            "SrcIpAddr": "10.0.0.5",
            "SrcPortNumber": 50001,
            "DstIpAddr": "10.0.0.53",
            "DstPortNumber": 53,
            "DnsQuery": "a.test",
            "DnsQueryTypeName": "A",
            "DnsResponseName": "5.6.7.8",
            "EventResult": "Success",
            "EventSubType": "response",
            "TransactionIdHex": "0x00ab",
        }
    ]


def test_a_query_has_no_result_yet(tmp_path: Path) -> None:
    kql = "ASimDnsActivityLogs | project DnsQuery, EventResult, EventSubType, DnsResponseName"
    expected = {"DnsQuery": "www.example.org", "EventResult": "NA", "EventSubType": "request", "DnsResponseName": ""}
    assert asked(tmp_path, kql, ASKED) == [expected]


def test_a_web_request(tmp_path: Path) -> None:
    columns = "Url, HttpHost, HttpRequestMethod, HttpUserAgent, HttpVersion, DstBytes, EventResult, EventResultDetails"
    assert asked(tmp_path, f"ASimWebSessionLogs | project {columns}", REQUEST) == [
        {
            "Url": "http://evil.test/gate.php?id=7",
            "HttpHost": "evil.test",
            "HttpRequestMethod": "POST",
            "HttpUserAgent": "curl/8",
            "HttpVersion": "1.1",
            "DstBytes": 512,
            "EventResult": "Success",
            "EventResultDetails": "200",
        }
    ]


def told(row: Row) -> Row:
    """What a row says: no column that is missing or empty, nor those that every row has."""
    every = ("TimeGenerated", "EventStartTime", "EventCount", "EventVendor", "EventProduct", "Type")
    return {name: value for name, value in row.items() if value not in (None, "") and name not in every}


SAID: Row = {"SrcIpAddr": "10.0.0.5", "SrcPortNumber": 50000, "DstIpAddr": "5.6.7.8", "DstPortNumber": 443}
SESSION: Row = {**SAID, "NetworkProtocol": "TCP", "NetworkDirection": "Outbound", "NetworkSessionId": "4"}


def test_an_alert_is_a_report_on_a_session(tmp_path: Path) -> None:
    (row,) = asked(tmp_path, "ASimNetworkSessionLogs", ALERT, FILE)
    found = told(row)
    assert json.loads(found.pop("AdditionalFields")) == {"gid": 1, "rev": 3, "metadata": {"tag": ["CINS"]}}
    assert found == SESSION | {
        "EventType": "IDS",
        "EventOriginalType": "alert",
        "EventResult": "Failure",
        "EventSeverity": "Medium",
        "EventOriginalSeverity": "2",
        "NetworkApplicationProtocol": "tls",
        "NetworkRuleName": "ET evil",
        "NetworkRuleNumber": 2403388,
        "ThreatId": "2403388",
        "ThreatName": "ET evil",
        "ThreatCategory": "Misc Attack",
        "ThreatOriginalRiskLevel": "2",
        "DvcAction": "Deny",
        "DvcOriginalAction": "blocked",
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"severity": 1, "action": "allowed"}, ("High", "Allow", "Success")),
        ({"severity": 3, "action": None}, ("Low", "", "Success")),
        ({"severity": 4, "action": "blocked"}, ("Informational", "Deny", "Failure")),
    ],
)
def test_how_severe_an_alert_is_and_what_was_done(tmp_path: Path, change: Row, expected: tuple[str, ...]) -> None:
    kql = "ASimNetworkSessionLogs | project EventSeverity, DvcAction, EventResult"
    (row,) = asked(tmp_path, kql, ALERT | {"alert": ALERT["alert"] | change})
    assert tuple(row.values()) == expected


def test_an_alert_on_what_came_back_is_on_the_session(tmp_path: Path) -> None:
    ends = dict(ENDS, src_ip=ENDS["dest_ip"], src_port=443, dest_ip=ENDS["src_ip"], dest_port=50000)
    back = ALERT | ends | {"flow": {name: ENDS[name] for name in ENDS if name != "proto"}}
    (row,) = asked(tmp_path, "ASimNetworkSessionLogs", back)
    assert {name: row[name] for name in SAID} == SAID
    assert row["NetworkDirection"] == "Outbound"


def test_an_alert_is_a_signature_to_defender_and_no_firewalls_request(tmp_path: Path) -> None:
    inbound = {"src_ip": "5.6.7.8", "dest_ip": "10.0.0.5"}
    path = written(tmp_path / "eve.json", FLOW | inbound, ALERT | inbound, ALERT)
    kql = """
    DeviceNetworkEvents | project ActionType, LocalIP, Name = tostring(AdditionalFields.SignatureName)

    CommonSecurityLog | count
    """
    devices, firewall = (each.table.to_pylist() for each in herdsight.query_all(kql, path))
    assert [tuple(row.values()) for row in devices] == [
        ("NetworkSignatureInspected", "10.0.0.5", "ET evil"),
        ("InboundConnectionAccepted", "10.0.0.5", ""),
        ("NetworkSignatureInspected", "10.0.0.5", "ET evil"),
    ]
    assert firewall == [{"Count": 1}]


def test_a_flow_one_way_is_a_session(tmp_path: Path) -> None:
    path = written(tmp_path / "eve.json", ONE_WAY)
    (row,) = herdsight.query("ASimNetworkSessionLogs", path).to_pylist()
    assert row["TimeGenerated"] == NOON
    assert told(row) == SESSION | {
        "EventType": "NetworkSession",
        "EventOriginalType": "netflow",
        "EventEndTime": NOON + timedelta(seconds=1.5),
        "NetworkDuration": 1500,
        "EventResult": "Success",
        "SrcBytes": 500,
        "SrcPackets": 5,
    }
    assert any("one way" in note for note in account(path).notes)
    assert not any("one way" in note for note in account(written(path, FLOW)).notes)


@pytest.mark.parametrize(
    ("proto", "flags", "result"),
    [
        ("TCP", "1b", "Success"),
        ("TCP", "10", "NA"),  # ACK alone
        ("TCP", "02", "Failure"),  # SYN alone
        ("TCP", "c2", "Failure"),  # SYN, asking for ECN
        ("TCP", "14", "Failure"),  # RST, ACK alone
        ("TCP", "06", "NA"),  # SYN, RST
        ("TCP", None, "NA"),
        ("UDP", "1b", "NA"),
    ],
)
def test_the_flags_of_one_way_tell_how_it_ended(tmp_path: Path, proto: str, flags: str | None, result: str) -> None:
    event = ONE_WAY | {"proto": proto, "tcp": {"tcp_flags": flags}}
    assert asked(tmp_path, "ASimNetworkSessionLogs | project EventResult", event) == [{"EventResult": result}]


def test_a_handshake_is_a_web_session(tmp_path: Path) -> None:
    (row,) = asked(tmp_path, "_Im_WebSession(url_has_any=dynamic(['evil.test']))", HANDSHAKE, REQUEST | {"http": {}})
    assert json.loads(row["AdditionalFields"]) == {
        "version": "TLS 1.2",
        "subject": "CN=c2.evil.test",
        "issuer": "CN=root",
        "fingerprint": "aa:bb",
        "ja3": "0123",
        "ja3s": "4567",
    }
    names = ("Url", "HttpHost", "DstHostname", "DstDomain", "NetworkApplicationProtocol", "EventOriginalType")
    assert tuple(row[name] for name in names) == (
        *("https://c2.evil.test", "c2.evil.test", "c2", "evil.test", "TLS", "tls"),
    )
    assert (row["EventType"], row["EventResult"], row["Dst"]) == ("HTTPsession", "NA", "c2.evil.test")


def test_a_web_request_and_a_handshake_are_no_network_sessions(tmp_path: Path) -> None:
    assert asked(tmp_path, "union ASimNetworkSessionLogs, DeviceNetworkEvents", REQUEST, HANDSHAKE) == []


def test_a_lease(tmp_path: Path) -> None:
    (row,) = asked(tmp_path, "ASimDhcpEventLogs", LEASE)
    found = told(row)
    assert json.loads(found.pop("AdditionalFields")) == {"server_addr": "10.0.0.1"}
    assert found == {
        "EventSchema": "DhcpEvent",
        "EventType": "Assign",
        "EventOriginalType": "ack",
        "EventResult": "Success",
        "SrcIpAddr": "10.0.0.6",
        "SrcMacAddr": "06:10:9f:eb:8f:14",
        "SrcHostname": "desk-1",
        "DhcpLeaseDuration": 3600,
        "DhcpSessionId": "99",
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"dhcp_type": "request", "client_ip": "10.0.0.5", "assigned_ip": NOWHERE}, ("Renew", "NA", "10.0.0.5")),
        ({"dhcp_type": "discover", "assigned_ip": NOWHERE}, ("Assign", "NA", "")),
        ({"dhcp_type": "nak", "assigned_ip": NOWHERE}, ("Assign", "Failure", "")),
        ({"dhcp_type": "release", "client_ip": "10.0.0.5"}, ("Release", "Success", "10.0.0.6")),
    ],
)
def test_what_a_message_of_dhcp_is(tmp_path: Path, change: Row, expected: tuple[str, ...]) -> None:
    kql = "_Im_DhcpEvent | project EventType, EventResult, IpAddr"
    (row,) = asked(tmp_path, kql, LEASE | {"dhcp": LEASE["dhcp"] | change})
    assert tuple(row.values()) == expected


def test_every_kind_is_in_one_table(tmp_path: Path) -> None:
    found = account(written(tmp_path / "eve.json", *EVERY))
    assert (found.rows, found.rejected, found.table) == (7, 0, "ASimNetworkSessionLogs")


def test_each_event_is_counted_once(tmp_path: Path) -> None:
    path = written(tmp_path / "eve.json", FILE, FLOW, ASKED, REQUEST, FLOW | {"src_ip": "nobody"}, FILE)
    found = account(path)
    assert (found.rows, found.rejected, found.table) == (3, 3, "ASimNetworkSessionLogs")
    assert found.reasons == {"bad address": 1, "other event: fileinfo": 2}
    assert {"1 of its rows are of ASimDnsActivityLogs", "1 of its rows are of ASimWebSessionLogs"} <= set(found.notes)


def test_a_row_leads_back_to_its_record(tmp_path: Path) -> None:
    path = written(tmp_path / "eve.json", FILE, ASKED, FLOW | {"dest_ip": "nowhere"}, REQUEST)
    (file,) = herdsight.inspect(path).files
    assert {each.reason: each.records for each in file.samples} == {"bad address": (3,), "other event: fileinfo": (1,)}


def test_rows_of_files_that_are_read_together_lead_back_to_their_records(tmp_path: Path) -> None:
    written(tmp_path / "a.json", ASKED, FLOW, FILE, REQUEST)
    written(tmp_path / "b.json", REQUEST, FLOW | {"flow_id": 7}, FILE)
    with DuckDbEngine() as engine:
        found = load(engine, [tmp_path])
        places = {
            (each.table, row["_reject"], found.locate(row["_file"], row["_row"]))
            for each in found.relations
            for row in engine.run(exp.select("*").from_(relation(each.name, each.schema))).to_pylist()
        }
    assert {(kind, why, Path(place.path).name, place.row) for kind, why, place in places} == {
        ("ASimDnsActivityLogs", None, "a.json", 1),
        ("ASimNetworkSessionLogs", None, "a.json", 2),
        ("ASimDhcpEventLogs", "other event: fileinfo", "a.json", 3),
        ("ASimWebSessionLogs", None, "a.json", 4),
        ("ASimWebSessionLogs", None, "b.json", 1),
        ("ASimNetworkSessionLogs", None, "b.json", 2),
        ("ASimDhcpEventLogs", "other event: fileinfo", "b.json", 3),
    }


def test_a_protocol_is_named_as_in_other_logs(tmp_path: Path) -> None:
    rows = asked(tmp_path, "ASimNetworkSessionLogs", FLOW | {"proto": "IPv6-ICMP"})
    assert [row["NetworkProtocol"] for row in rows] == ["ICMP"]


def test_an_event_that_names_itself_strangely_is_not_repeated(tmp_path: Path) -> None:
    found = account(written(tmp_path / "eve.json", FLOW, FILE | {"event_type": "\x1b[31m" * 20}))
    assert found.reasons == {"other event": 1}


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_happens_to_its_bytes_no_record_is_lost(tmp_path: Path, data: st.DataObject) -> None:
    first, *rest = (json.dumps(row) for row in [*EVERY, FILE, *ANSWERS.values()] * 2)
    raw = bytearray("\n".join(rest).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(b'\x00\xff\t"{}[]\\,#x0'))
    path = tmp_path / "eve.json"
    path.write_bytes(first.encode() + b"\n" + bytes(raw))
    found = account(path)
    assert found.rows + found.rejected == 1 + len([line for line in bytes(raw).split(b"\n") if line.strip(b" \r\t")])


# --- writing ----------------------------------------------------------------------------------------------------------

_ADDRESSES = st.ip_addresses().filter(lambda each: not getattr(each, "ipv4_mapped", None)).map(str)
_PORTS = st.none() | st.integers(0, 65535)
_COUNTS = st.none() | st.integers(0, 2**62)
_WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), max_size=12).filter(str.isprintable)
_MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2025, 1, 1))  # noqa: DTZ001 as above


@st.composite
def _sessions(draw: st.DrawFn) -> Row:
    begin = draw(_MOMENTS)
    protocol, packets = draw(st.sampled_from(["TCP", "UDP", "ICMP"])), draw(_COUNTS)
    answered = "NA" if packets is None else "Success" if packets else "Failure"
    results = {"TCP": ["Failure"] if packets == 0 else [answered, "Failure"]}.get(protocol, [answered])
    return {
        "TimeGenerated": begin,
        "EventEndTime": draw(st.none() | st.just(begin + draw(st.timedeltas(timedelta(0), timedelta(days=2))))),
        "SrcIpAddr": draw(_ADDRESSES),
        "SrcPortNumber": draw(_PORTS),
        "DstIpAddr": draw(_ADDRESSES),
        "DstPortNumber": draw(_PORTS),
        "NetworkProtocol": protocol,
        "NetworkApplicationProtocol": draw(_WORDS.filter(lambda words: words != "failed")),
        "NetworkSessionId": draw(_WORDS | st.integers(0, 2**70).map(str)),
        "SrcBytes": draw(_COUNTS),
        "DstBytes": draw(_COUNTS),
        "SrcPackets": draw(_COUNTS),
        "DstPackets": packets,
        "EventOriginalResultDetails": draw(_WORDS),
        "EventResult": draw(st.sampled_from(results)),
        "DvcHostname": draw(_WORDS),
    }


@st.composite
def _queries(draw: st.DrawFn) -> Row:
    is_reply = draw(st.booleans())
    answers = st.lists(_WORDS.filter(lambda words: words and "," not in words), max_size=3)
    return {
        "TimeGenerated": draw(_MOMENTS),
        "SrcIpAddr": draw(_ADDRESSES),
        "SrcPortNumber": draw(st.integers(1024, 65535)),
        "DstIpAddr": draw(_ADDRESSES),
        "DstPortNumber": 53,
        "NetworkProtocol": draw(st.sampled_from(["TCP", "UDP"])),
        "DnsSessionId": draw(_WORDS),
        "TransactionIdHex": f"0x{draw(st.integers(0, 65535)):04x}",
        "DnsQuery": draw(_WORDS),
        "DnsQueryTypeName": draw(st.sampled_from(["A", "TXT", ""])),
        "EventResultDetails": draw(st.sampled_from(["NOERROR", "NXDOMAIN"])) if is_reply else "",
        "DnsResponseName": ",".join(draw(answers)) if is_reply else "",
        "EventSubType": "response" if is_reply else "request",
    }


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_sessions(), min_size=1, max_size=12), st.sampled_from(["eve.json", "eve.json.gz"]))
def test_what_is_written_as_flows_is_read_back(tmp_path: Path, rows: list[Row], name: str) -> None:
    _round_trip(tmp_path / name, rows, "ASimNetworkSessionLogs", write_flows)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_queries(), min_size=1, max_size=12))
def test_what_is_written_as_queries_is_read_back(tmp_path: Path, rows: list[Row]) -> None:
    _round_trip(tmp_path / "eve.json", rows, "ASimDnsActivityLogs", write_dns)


def _round_trip(path: Path, rows: list[Row], name: str, write: Callable[[pa.Table, Path], None]) -> None:
    kinds = {each.name: each.type for each in table(name).columns}
    schema = pa.schema([(each, _ARROW[kinds[each]]) for each in rows[0]])
    write(pa.Table.from_pylist(rows, schema=schema), path)
    found = [row for row in loaded(path)[1] if row["EventType"] in ("NetworkSession", "Query")]
    assert [{each: row[each] for each in rows[0]} for row in found] == rows


_ARROW: dict[ColumnType, pa.DataType] = {
    ColumnType.DATETIME: pa.timestamp("us"),
    ColumnType.STRING: pa.string(),
    ColumnType.INT: pa.int32(),
    ColumnType.LONG: pa.int64(),
}


# --- Real captures ----------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
def test_a_real_file_is_accounted_for(shared_data: Path) -> None:
    found = account(shared_data / "data" / "labelled" / "suricata-test6.eve.json")
    assert (found.rows, found.rejected) == (3_512 + 745 + 680 + 56 + 1, 3 + 3)
    assert found.reasons == {"other event: anomaly": 3, "other event: fileinfo": 3}


@pytest.mark.shared_data
@pytest.mark.parametrize(("protocol", "count"), [("TCP", 138), ("UDP", 167)])
def test_zeek_and_suricata_see_the_same_ends(shared_data: Path, protocol: str, count: int) -> None:
    folder = shared_data / "data" / "labelled" / "test7-three-formats"
    kql = f"""
    ASimNetworkSessionLogs
    | where NetworkProtocol == "{protocol}"
    | extend One = strcat(SrcIpAddr, " ", SrcPortNumber), Other = strcat(DstIpAddr, " ", DstPortNumber)
    | distinct Ends = tostring(array_sort_asc(pack_array(One, Other)))
    | sort by Ends asc
    """
    zeek, suricata = (herdsight.query(kql, folder / name).to_pylist() for name in ("zeek_files", "suricata"))
    assert zeek == suricata
    assert len(zeek) == count
