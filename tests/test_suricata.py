"""Suricata's EVE: one file of many kinds of events, each in the table that it is of."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from conftest import Row, json_lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loaded import account

import herdsight

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
ALERT: Row = {"timestamp": "2024-05-01T12:00:00.000000+0000", "flow_id": 4, "event_type": "alert", **ENDS, "alert": {}}


def written(path: Path, *rows: Row) -> Path:
    path.write_text(json_lines(rows), encoding="utf-8")
    return path


def asked(tmp_path: Path, kql: str, *rows: Row) -> list[Row]:
    return herdsight.query(kql, written(tmp_path / "eve.json", *rows)).to_pylist()


def test_a_flow_is_a_session(tmp_path: Path) -> None:
    (row,) = asked(tmp_path, "ASimNetworkSessionLogs", FLOW, ALERT, ASKED)
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


def test_each_event_is_counted_once(tmp_path: Path) -> None:
    path = written(tmp_path / "eve.json", ALERT, FLOW, ASKED, REQUEST, FLOW | {"src_ip": "nobody"}, ALERT)
    found = account(path)
    assert (found.rows, found.rejected, found.table) == (3, 3, "ASimNetworkSessionLogs")
    assert found.reasons == {"bad address": 1, "other event: alert": 2}
    assert {"1 of its rows are of ASimDnsActivityLogs", "1 of its rows are of ASimWebSessionLogs"} <= set(found.notes)


def test_a_row_leads_back_to_its_record(tmp_path: Path) -> None:
    path = written(tmp_path / "eve.json", ALERT, ASKED, FLOW | {"dest_ip": "nowhere"}, REQUEST)
    (file,) = herdsight.inspect(path).files
    assert {each.reason: each.records for each in file.samples} == {"bad address": (3,), "other event: alert": (1,)}


def test_an_event_that_names_itself_strangely_is_not_repeated(tmp_path: Path) -> None:
    found = account(written(tmp_path / "eve.json", FLOW, ALERT | {"event_type": "\x1b[31m" * 20}))
    assert found.reasons == {"other event": 1}


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_happens_to_its_bytes_no_record_is_lost(tmp_path: Path, data: st.DataObject) -> None:
    first, *rest = (json.dumps(row) for row in [FLOW, ASKED, REQUEST, ALERT, *ANSWERS.values()] * 2)
    raw = bytearray("\n".join(rest).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(b'\x00\xff\t"{}[]\\,#x0'))
    path = tmp_path / "eve.json"
    path.write_bytes(first.encode() + b"\n" + bytes(raw))
    found = account(path)
    assert found.rows + found.rejected == 1 + len([line for line in bytes(raw).split(b"\n") if line.strip(b" \r\t")])


@pytest.mark.shared_data
def test_a_real_file_is_accounted_for(shared_data: Path) -> None:
    found = account(shared_data / "data" / "labelled" / "suricata-test6.eve.json")
    assert (found.rows, found.rejected) == (3_512 + 680 + 56, 745 + 3 + 3 + 1)


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
