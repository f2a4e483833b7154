"""Fuzzing of readers: whatever bytes a log has, each record is a row or is counted, and reading it comes to an end.

`make test` tries the same bytes each time. A sample of each format is what the changes are made to.
"""

import re
from pathlib import Path
from random import Random

import pytest
from conftest import zeek_conn
from loaded import account, loaded
from reference import NOON
from test_fuzz import limited
from test_zeek_records import ANSWERED
from zeeks import in_lines

from herdsight.errors import InputError
from herdsight.logs.formats import all_formats

_ENDS = '"src_ip":"10.0.0.5","src_port":50000,"dest_ip":"192.0.2.1","dest_port":443'
_EVE = '"timestamp":"2024-05-01T12:00:00.250000+0000","flow_id":1,"proto":"TCP",' + _ENDS
_ZEEK = (
    '"ts":1714564800.25,"uid":"C1","id.orig_h":"10.0.0.5","id.orig_p":50000,"id.resp_h":"192.0.2.1","id.resp_p":443,'
)
_NETFLOW = '"type":"IPFIX","sampler_address":"10.0.0.254","src_addr":"10.0.0.5","dst_addr":"192.0.2.1",'
_HIVE = '"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"pc","UtcTime":"2024-05-01 12:00:00.250",'
_TUPLE = "1697639848250,10.0.0.5,192.0.2.1,50000,443,6,O,E,NX,4,400,3,300"

# By format: the header, and a record of one line; a header makes a table of it, in which a quote may span lines.
_TABLES = {
    "argus": (
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotBytes,DstBytes",
        "2024/05/01 12:00:00.250001,1.5,tcp,10.0.0.5,50000,   ->,192.0.2.1,443,FSPA_FSPA,300,200",
    ),
    "asim-network-session": (
        "TimeGenerated,SrcIpAddr,SrcPortNumber,DstIpAddr,DstPortNumber,SrcBytes,NetworkDuration,EventResult,EventSchema",
        "2024-05-01T12:00:00.25Z,10.0.0.5,50000,192.0.2.1,443,300,1500,Success,NetworkSession",
    ),
    "azure-traffic-analytics": (
        "TimeGenerated,FlowStartTime,FlowEndTime,SubType,FlowType,SrcIp,SrcPort,DestIp,DestPort,FlowStatus,BytesSrcToDest",
        "2023-10-18T15:10:00Z,2023-10-18T14:37:28Z,,FlowLog,IntraVNet,10.0.0.5,50000,10.0.0.6,443,Allowed,70",
    ),
    "dns-events": (
        "TimeGenerated,Computer,ClientIP,Name,QueryType,ResultCode,IPAddresses,SubType",
        "2024-05-01T12:00:00Z,dc01,10.0.0.5,x1.evil.test,A,3,,LookupQuery",
    ),
}
_LINES = {
    "aws-vpc-flow": "2 123456789010 eni-1 10.0.0.5 192.0.2.1 50000 443 6 20 4249 1697639848 1697639908 ACCEPT OK",
    "bind-query": "18-Oct-2023 14:37:28.201 queries: info: client @0x7f01 10.0.0.5#50000 (a.test): query: a.test IN A +"
    "E(0)K (10.0.0.1)",
    "cef": "CEF:0|Vendor|Product|1.0|100|Blocked|5|rt=1697639848201 src=10.0.0.5 spt=50000 dst=192.0.2.1 dpt=443 in=5",
    "dnsmasq-query": "2023-10-18T14:37:28Z gate dnsmasq[7]: query[A] a.test from 10.0.0.5",
    "gcp-vpc-flow": f'{{"jsonPayload":{{"connection":{{{_ENDS},"protocol":6}},"bytes_sent":"5","packets_sent":"20",'
    '"start_time":"2023-10-18T14:37:28Z","end_time":"2023-10-18T14:37:30Z","reporter":"SRC"},'
    '"logName":"projects/p/logs/compute.googleapis.com%2Fvpc_flows","timestamp":"2023-10-18T14:38:40Z"}',
    "leef": "LEEF:2.0|Vendor|Product|1.0|block|^|devTime=1697639848201^src=10.0.0.5^srcPort=50000^dst=192.0.2.1",
    "netflow-goflow2": f'{{{_NETFLOW}"time_flow_start_ns":1697639848250000000,"time_flow_end_ns":1697639850250000000,'
    '"src_port":50000,"dst_port":443,"proto":"TCP","tcp_flags":27,"bytes":400,"packets":4}',
    "netflow-nprobe": '{"IPV4_SRC_ADDR":"10.0.0.5","IPV4_DST_ADDR":"192.0.2.1","L4_SRC_PORT":50000,"L4_DST_PORT":443,'
    '"PROTOCOL":6,"IN_BYTES":400,"IN_PKTS":4,"FLOW_START_MILLISECONDS":1697639848250,'
    '"FLOW_END_MILLISECONDS":1697639850250}',
    "netflow-pmacct": '{"event_type":"purge","ip_src":"10.0.0.5","ip_dst":"192.0.2.1","port_src":50000,"port_dst":443,'
    '"ip_proto":"tcp","timestamp_start":"2023-10-18 14:37:28.25","timestamp_end":1697639850,"bytes":400,"packets":4}',
    "nfdump-json": '{"type":"FLOW","t_first":"2023-10-18T14:37:28.250","t_last":"2023-10-18T14:37:30.250","proto":6,'
    '"src4_addr":"10.0.0.5","dst4_addr":"192.0.2.1","src_port":50000,"dst_port":443,"in_bytes":400,"in_packets":4}',
    "suricata-flow": f'{{{_EVE},"event_type":"flow","flow":{{"pkts_toserver":5,"pkts_toclient":1,"bytes_toserver":500,'
    '"bytes_toclient":600,"start":"2024-05-01T12:00:00.25+0000","end":"2024-05-01T12:00:01.5+0000","state":"closed"}}',
    "suricata-dns": f'{{{_EVE},"event_type":"dns","dns":{{"type":"query","id":1,"rrname":"a.test","rrtype":"A"}}}}',
    "suricata-http": f'{{{_EVE},"event_type":"http","http":{{"hostname":"a.test","url":"/","status":200,"length":9}}}}',
    "suricata-dhcp": f'{{{_EVE},"event_type":"dhcp","dhcp":{{"type":"reply","id":1,"client_mac":"02:00:00:00:00:01",'
    '"assigned_ip":"10.0.0.5","dhcp_type":"ack","lease_time":60}}',
    "sysmon-network": f'{{"EventID":3,{_HIVE}"Protocol":"tcp","Initiated":"true","SourceIp":"10.0.0.5",'
    '"SourcePort":"50000","DestinationIp":"192.0.2.1","DestinationPort":"443","Image":"C:\\\\a.exe","ProcessId":"7"}',
    "sysmon-dns": f'{{"EventID":22,{_HIVE}"QueryName":"a.test","QueryStatus":"0","QueryResults":"::ffff:192.0.2.1;",'
    '"Image":"C:\\\\a.exe","ProcessId":"7"}',
    "unbound-query": "[1697639848] unbound[7:0] info: 10.0.0.5 a.test. A IN",
    "zeek-conn-json": f'{{{_ZEEK}"proto":"tcp","duration":1.5,"orig_bytes":1,"resp_bytes":2,"conn_state":"SF"}}',
    "zeek-dns-json": f'{{"_path":"dns",{_ZEEK}"proto":"udp","rtt":0.01,"query":"a.test","qtype":1,"answers":["1.2.3"],'
    '"TTLs":[60.0],"rcode":0}',
    "zeek-http-json": f'{{"_path":"http",{_ZEEK}"method":"GET","host":"a.test","uri":"/","status_code":200,'
    '"request_body_len":0,"response_body_len":9,"trans_depth":1}',
    "zeek-dhcp-json": '{"_path":"dhcp","ts":1714564800.25,"uids":["C1"],"client_addr":"10.0.0.5","lease_time":60.0,'
    '"mac":"02:00:00:00:00:01","assigned_addr":"10.0.0.5","msg_types":["ACK"],"duration":0.01}',
    "zeek-ssl-json": f'{{"_path":"ssl",{_ZEEK}"version":"TLSv12","server_name":"a.test","established":true}}',
    "zeek-ssh-json": f'{{"_path":"ssh",{_ZEEK}"version":2,"auth_success":true,"auth_attempts":3,"client":"x"}}',
    "zeek-notice-json": f'{{"_path":"notice",{_ZEEK}"note":"N","msg":"m","src":"10.0.0.5","suppress_for":60.0}}',
    "zeek-weird-json": f'{{"_path":"weird",{_ZEEK}"name":"w","notice":false,"peer":"zeek"}}',
    "zeek-irc-json": f'{{"_path":"irc",{_ZEEK}"nick":"n","user":"u","command":"JOIN","value":"v","addl":"a"}}',
}
_DOCUMENT = (
    '{"records":[{"time":"2023-10-18T14:38:00Z","flowLogVersion":4,"category":"FlowLogFlowEvent",'
    f'"flowRecords":{{"flows":[{{"aclID":"a","flowGroups":[{{"rule":"R","flowTuples":["{_TUPLE}"]}}]}}]}}}}]}}\n'
)
_TABBED = {
    "zeek-conn": zeek_conn(
        [{"ts": NOON, "uid": "C1", "id.orig_h": "10.0.0.5", "id.resp_h": "192.0.2.1", "proto": "tcp"}]
    ),
    "zeek-dns": in_lines([ANSWERED], "dns"),
}
_NUMBERS = (
    *("-1", "1.5", "65536", "99999999999999999999", "9223372036854775808", "-9223372036854775808", "253402300800"),
    *("1e400", "NaN", "-Infinity", "0x10", "null", "[]", "{}", "true", "[" * 50 + "]" * 50, '"\\ud800"', '"\\u0000"'),
)
_KEPT = b"\r\n#"  # bytes that make other lines of a log's lines


def _bent(random: Random, record: bytes, kept: bytes) -> bytes:
    """The record with a few bytes or numbers changed; none of `kept` comes or goes."""
    data = bytearray(record)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(data))
        match random.choice(("bit", "number", "out", "in")):
            case "number":
                found = random.choice([*re.finditer(rb"-?[0-9]+(\.[0-9]+)?", data)] or [re.match(b"", data)])
                value = random.choice(_NUMBERS).encode()
                if found and not any(byte in kept for byte in value):
                    data[found.start() : found.end()] = value
            case "in":
                data.insert(place, random.choice(b"\x00\t ,|\xff\xc3\\{[]}=:"))
            case "out" if data[place] not in kept and len(data) > 9:
                del data[place]
            case "bit" if data[place] not in kept and (bent := data[place] ^ 1 << random.randrange(8)) not in kept:
                data[place] = bent
            case _:
                pass
    return bytes(data)


def _broken(random: Random, log: bytes) -> bytes:
    """The log with a part cut off, taken out, doubled or exchanged, or with something endless in it."""
    start, end = sorted(random.randrange(len(log) + 1) for _ in range(2))
    part = log[start:end]
    return random.choice(
        (
            log[:end],
            log[:start] + log[end:],
            log[:end] + part + log[end:],
            log[end:] + part + log[:start],
            log[:end] + random.choice((b"[", b'{"a":', b'"', b"<a>", b"\\", b"\0")) * 20_000 + log[end:],
            log[:end] + b"A" * 3_000_000 + log[end:],
            log[:end] + random.choice((b"\r", b"\r\n", b"\n\n", b"\xe2\x80\xa8", b"\xff\xfe")) + log[end:],
        )
    )


def _samples() -> dict[str, tuple[str, str, bytes]]:
    """By format: its header, a record, and the bytes that are to stay where they are."""
    tables = {name: (f"{head}\n", record, b'"' + _KEPT) for name, (head, record) in _TABLES.items()}
    plain = {name: ("", record, _KEPT) for name, record in _LINES.items()}
    tabbed = {}
    for name, log in _TABBED.items():
        head, _, record = log.rstrip("\n").rpartition("\n")
        tabbed[name] = (f"{head}\n", record, _KEPT)
    return tables | plain | tabbed


_SAMPLES = _samples()


@pytest.mark.parametrize("name", _SAMPLES)
def test_every_record_is_a_row_or_is_counted_whatever_bytes_it_has(tmp_path: Path, name: str) -> None:
    head, record, kept = _SAMPLES[name]
    random = Random(name)  # noqa: S311 - the same bytes each time
    bent = [_bent(random, record.encode(), kept) for _ in range(100)]
    path = tmp_path / "log"
    path.write_bytes(head.encode() + b"".join(b"%b\n%b\n" % (record.encode(), each) for each in bent))
    with limited(30):
        found = account(path)
    assert found.format in (name, name.removesuffix("-json") + "-mixed")
    assert found.rows + found.rejected == 200
    assert found.rows >= 100


@pytest.mark.parametrize("name", _SAMPLES)
def test_a_broken_log_is_read_or_refused(tmp_path: Path, name: str) -> None:
    head, record, _ = _SAMPLES[name]
    random = Random(name)  # noqa: S311 - the same bytes each time
    log = head.encode() + f"{record}\n".encode() * 3
    for attempt in range(4):
        path = tmp_path / f"log{attempt}"
        path.write_bytes(_broken(random, log))
        with limited(30):
            try:
                found = account(path)
            except InputError:
                continue
        assert not any("Error" in note for note in found.notes), found.notes


@pytest.mark.parametrize("broken", [_DOCUMENT[:100] + "\n", _DOCUMENT.replace('"time"', '"time')])
def test_a_broken_document_takes_no_other_along(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "log.json"
    path.write_text(_DOCUMENT * 4 + broken + _DOCUMENT * 3 + broken + _DOCUMENT * 2)
    found = account(path)
    assert (found.rows, found.reasons) == (9, {"bad JSON": 2})


def test_a_broken_element_of_an_array_takes_no_other_line_along(tmp_path: Path) -> None:
    path, element = tmp_path / "log.json", _LINES["nfdump-json"]
    path.write_text("[\n" + ",\n".join([element, element[:50], element, element]) + "\n]\n")
    found = account(path)
    assert (found.rows, found.rejected) == (3, 1)


# By format: a field with a port and the column that it fills, and the same of a count.
_BOUNDED = {
    "zeek-conn-json": ("id.orig_p", "SrcPortNumber", "orig_bytes", "SrcBytes"),
    "zeek-http-json": ("id.orig_p", "SrcPortNumber", "request_body_len", "SrcBytes"),
    "suricata-flow": ("src_port", "SrcPortNumber", "bytes_toserver", "SrcBytes"),
    "suricata-http": ("src_port", "SrcPortNumber", "length", "DstBytes"),
    "netflow-goflow2": ("src_port", "SrcPortNumber", "bytes", "SrcBytes"),
    "nfdump-json": ("src_port", "SrcPortNumber", "in_bytes", "SrcBytes"),
    "gcp-vpc-flow": ("src_port", "SrcPortNumber", "bytes_sent", "SrcBytes"),
    "sysmon-network": ("SourcePort", "LocalPort", None, None),
}


@pytest.mark.parametrize("name", _BOUNDED)
def test_a_port_or_a_count_out_of_range_is_null_and_its_row_is_kept(tmp_path: Path, name: str) -> None:
    port_field, port, count_field, count = _BOUNDED[name]
    for field, filled, values in (
        (port_field, port, {"-1": None, "65536": None, '"x"': None, "0": 0, "65535": 65_535}),
        (count_field, count, {"-5": None, "9223372036854775808": None, '"x"': None, "9223372036854775807": 2**63 - 1}),
    ):
        if field is None or filled is None:
            continue
        record = _SAMPLES[name][1]
        changed = [re.sub(rf'("{re.escape(field)}":)("[^"]*"|[0-9]+)', rf"\g<1>{value}", record) for value in values]
        path = tmp_path / f"{filled}.log"
        path.write_text("".join(f"{line}\n" for line in (record, *changed)), encoding="utf-8")
        told, rows = loaded(path)
        assert told.rejected == 0
        assert [row[filled] for row in rows[1:]] == list(values.values())


def test_the_samples_are_of_formats_that_there_are() -> None:
    assert _SAMPLES.keys() <= {each.name for each in all_formats() if each.read}
