"""Zeek's logs of DNS and of web requests, and what other tables tell of them."""

from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Row
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zeeks import NOON, TS, WAYS, Way, asked, in_json, in_lines

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading import load

ANSWERED: Row = {
    "ts": TS,
    "uid": "D1",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": 50001,
    "id.resp_h": "10.0.0.53",
    "id.resp_p": 53,
    "proto": "udp",
    "trans_id": 171,
    "rtt": 0.0125,
    "query": "www.example.org",
    "qclass": 1,
    "qclass_name": "C_INTERNET",
    "qtype": 1,
    "qtype_name": "A",
    "rcode": 0,
    "rcode_name": "NOERROR",
    "AA": False,
    "TC": False,
    "RD": True,
    "RA": True,
    "answers": ["cdn.example.org", "5.6.7.8"],
}
UNANSWERED: Row = {name: ANSWERED[name] for name in ANSWERED if name not in ("rtt", "rcode", "rcode_name", "answers")}
DENIED: Row = ANSWERED | {"query": "x1.evil.test", "rcode": 3, "rcode_name": "NXDOMAIN", "answers": []}

REQUEST: Row = {
    "ts": TS,
    "uid": "H1",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": 50002,
    "id.resp_h": "5.6.7.8",
    "id.resp_p": 8080,
    "trans_depth": 1,
    "method": "GET",
    "host": "evil.test",
    "uri": "/gate.php?id=7",
    "referrer": "",
    "version": "1.1",
    "user_agent": "curl/8",
    "request_body_len": 0,
    "response_body_len": 512,
    "status_code": 404,
    "resp_mime_types": ["text/html"],
}


@WAYS
def test_a_query_with_its_answer(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([ANSWERED], "dns"), "ASimDnsActivityLogs")
    assert {name: value for name, value in row.items() if value not in (None, "")} == {
        "TimeGenerated": NOON + timedelta(milliseconds=250),
        "EventStartTime": NOON + timedelta(milliseconds=250),
        "EventCount": 1,
        "EventVendor": "Zeek",
        "EventProduct": "Zeek",
        "EventType": "Query",
        "EventSubType": "response",
        "EventResult": "Success",
        "EventResultDetails": "NOERROR",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50001,
        "DstIpAddr": "10.0.0.53",
        "DstPortNumber": 53,
        "NetworkProtocol": "UDP",
        "DnsSessionId": "D1",
        "TransactionIdHex": "0x00ab",
        "DnsNetworkDuration": 12,
        "DnsQuery": "www.example.org",
        "DnsQueryClass": 1,
        "DnsQueryClassName": "C_INTERNET",
        "DnsQueryType": 1,
        "DnsQueryTypeName": "A",
        "DnsResponseCode": 0,
        "DnsFlagsAuthoritative": False,
        "DnsFlagsTruncated": False,
        "DnsFlagsRecursionDesired": True,
        "DnsFlagsRecursionAvailable": True,
        "DnsResponseName": "cdn.example.org,5.6.7.8",
        "Type": "ASimDnsActivityLogs",
    }


@WAYS
def test_how_a_query_ended(tmp_path: Path, way: Way) -> None:
    kql = "ASimDnsActivityLogs | project EventResult, EventResultDetails, DnsResponseCode, DnsResponseName"
    assert asked(tmp_path, way([ANSWERED, UNANSWERED, DENIED], "dns"), kql)[1:] == [
        {"EventResult": "NA", "EventResultDetails": "", "DnsResponseCode": None, "DnsResponseName": ""},
        {"EventResult": "Failure", "EventResultDetails": "NXDOMAIN", "DnsResponseCode": 3, "DnsResponseName": ""},
    ]


@WAYS
def test_a_windows_server_would_have_told_of_it(tmp_path: Path, way: Way) -> None:
    kql = "DnsEvents | project Computer, ClientIP, Name, QueryType, ResultCode, IPAddresses, SubType, Type"
    assert asked(tmp_path, way([ANSWERED], "dns"), kql) == [
        {
            "Computer": "10.0.0.53",
            "ClientIP": "10.0.0.5",
            "Name": "www.example.org",
            "QueryType": "A",
            "ResultCode": 0,
            "IPAddresses": "cdn.example.org,5.6.7.8",
            "SubType": "LookupQuery",
            "Type": "DnsEvents",
        }
    ]


@WAYS
def test_asims_parser_reads_it(tmp_path: Path, way: Way) -> None:
    kql = "_Im_Dns(responsecodename='NXDOMAIN', domain_has_any=dynamic(['evil.test'])) | project Src, Domain, Query"
    assert asked(tmp_path, way([ANSWERED, DENIED], "dns"), kql) == [
        {"Src": "10.0.0.5", "Domain": "x1.evil.test", "Query": "x1.evil.test"}
    ]


@WAYS
def test_a_web_request(tmp_path: Path, way: Way) -> None:
    (row,) = asked(tmp_path, way([REQUEST], "http"), "ASimWebSessionLogs")
    told = {name: value for name, value in row.items() if value not in (None, "") and not name.startswith("Event")}
    assert told == {
        "TimeGenerated": NOON + timedelta(milliseconds=250),
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50002,
        "DstIpAddr": "5.6.7.8",
        "DstPortNumber": 8080,
        "NetworkSessionId": "H1",
        "NetworkDirection": "Outbound",
        "NetworkProtocol": "TCP",
        "NetworkApplicationProtocol": "HTTP",
        "Url": "http://evil.test/gate.php?id=7",
        "HttpRequestMethod": "GET",
        "HttpHost": "evil.test",
        "HttpVersion": "1.1",
        "HttpUserAgent": "curl/8",
        "HttpContentType": "text/html",
        "SrcBytes": 0,
        "DstBytes": 512,
        "Type": "ASimWebSessionLogs",
    }
    assert (row["EventResult"], row["EventResultDetails"]) == ("Failure", "404")


@WAYS
def test_what_a_proxy_is_asked_for_is_the_address(tmp_path: Path, way: Way) -> None:
    through = REQUEST | {"method": "CONNECT", "uri": "evil.test:443", "status_code": 200}
    kql = "ASimWebSessionLogs | project Url, EventResult"
    assert asked(tmp_path, way([through], "http"), kql) == [{"Url": "evil.test:443", "EventResult": "Success"}]


def test_a_log_without_answers_has_no_columns_of_them(tmp_path: Path) -> None:
    few = {name: ANSWERED[name] for name in ("ts", "id.orig_h", "id.resp_h", "query", "qtype_name")}
    kql = "ASimDnsActivityLogs | project DnsQuery, DnsQueryTypeName, EventResult, DnsSessionId"
    expected = {"DnsQuery": "www.example.org", "DnsQueryTypeName": "A", "EventResult": "", "DnsSessionId": ""}
    assert asked(tmp_path, in_lines([few], "dns"), kql) == [expected]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ts": "soon"}, "bad timestamp"),
        ({"ts": 99999999999}, "timestamp out of range"),
        ({"id.orig_h": "nowhere"}, "bad address"),
    ],
)
@WAYS
def test_a_bad_record_is_counted(tmp_path: Path, way: Way, change: Row, why: str) -> None:
    (tmp_path / "x.log").write_text(way([ANSWERED, ANSWERED | change], "dns"), encoding="utf-8")
    with DuckDbEngine() as engine:
        (found,) = load(engine, [tmp_path / "x.log"]).inputs
    assert (found.rows, found.rejected, dict(found.reasons)) == (1, 1, {why: 1})


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
@WAYS
def test_whatever_happens_to_its_bytes_no_record_is_lost(tmp_path: Path, way: Way, data: st.DataObject) -> None:
    rows = [ANSWERED, DENIED, UNANSWERED] * 3
    head, _, body = way(rows, "dns").partition("\n" if way is in_json else "answers\n")
    raw = bytearray(body.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(b'\x00\xff\t"{}\\,#x'))
    path = tmp_path / "x.log"
    path.write_bytes(head.encode() + (b"\n" if way is in_json else b"answers\n") + bytes(raw))
    with DuckDbEngine() as engine:
        (found,) = load(engine, [path]).inputs
    lines = [line for line in bytes(raw).split(b"\n") if line.strip(b" \r\t")]
    told = len(lines) + (way is in_json)
    assert found.rows + found.rejected in range(told - sum(line.startswith(b"#") for line in lines), told + 1)
