"""Specification of the flow formats: what Argus' and nfdump's lines become, and what becomes of broken ones."""

import gzip
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_logs import rows_of, schema_of, utc

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.findings.model import Input
from herdsight.loading import ReadOptions, load
from herdsight.logs.flows import argus
from herdsight.logs.formats import all_formats
from herdsight.logs.head import read_head
from herdsight.tables import NETWORK_SESSION

Row = dict[str, Any]

FLOW = {
    "StartTime": "2024/05/01 12:00:00.250001",
    "Dur": "1.500002",
    "Proto": "tcp",
    "SrcAddr": "10.0.0.5",
    "Sport": "50000",
    "Dir": "   ->",
    "DstAddr": "192.0.2.1",
    "Dport": "443",
    "State": "FSPA_FSPA",
    "sTos": "0",
    "dTos": "0",
    "TotPkts": "9",
    "TotBytes": "300",
    "SrcBytes": "100",
    "SrcPkts": "4",
    "Label": "flow=Normal",
}
BEGIN = utc(2024, 5, 1, 12, 0, 0, 250_001)
CTU = tuple(FLOW)[:13]
RA = ("StartTime", "Flgs", "Proto", "SrcAddr", "Sport", "Dir", "DstAddr", "Dport", "TotPkts", "TotBytes", "State")
LOCAL = "times are in the local time of whoever wrote the file, and read as UTC"

NFDUMP = {
    "ts": "2024-05-01 12:00:00",
    "te": "2024-05-01 12:00:02",
    "td": "1.500",
    "sa": "10.0.0.5",
    "da": "192.0.2.1",
    "sp": "50000",
    "dp": "443",
    "pr": "TCP",
    "flg": "...AP.SF",
    "fwd": "0",
    "stos": "0",
    "ipkt": "4",
    "ibyt": "100",
    "opkt": "0",
    "obyt": "0",
    "in": "1",
}
NOON = utc(2024, 5, 1, 12)
ONE_WAY = "each flow goes one way: an answer is a flow of its own, whose source is who answered"
SUMMARY = "Summary\nflows,bytes,packets,avg_bps,avg_pps,avg_bpp\n1,100,4,3457,3,140\n"


def printed(
    *records: Row, titles: Sequence[str] = tuple(FLOW), header: bool = True, base: Row = FLOW, sep: str = ","
) -> str:
    """Flows as ra prints them: each a change of FLOW, of which `titles` are asked for."""
    lines = [sep.join(titles)] if header else []
    lines += [sep.join((base | each).get(name, "") for name in titles) for each in records]
    return "".join(f"{line}\n" for line in lines)


def dumped(*records: Row, titles: Sequence[str] = tuple(NFDUMP), base: Row = NFDUMP) -> str:
    """Flows as nfdump prints them, without the summary."""
    return printed(*records, titles=titles, base=base)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def sessions(folder: Path, content: str | bytes, options: ReadOptions | None = None) -> list[Row]:
    path = folder / "flows"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return rows_of(path, NETWORK_SESSION, options)


def account(folder: Path, content: str | bytes) -> Input:
    path = folder / "flows"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return account_of(path)


def account_of(path: Path) -> Input:
    with DuckDbEngine() as engine:
        (only,) = load(engine, [path]).inputs
    return only


def known_as(folder: Path, content: str) -> list[str]:
    """All the formats that know a text."""
    path = folder / "flows"
    path.write_text(content, encoding="utf-8")
    head = read_head(path)
    return [each.name for each in all_formats() if each.recognise(head)]


# --- Argus: a flow ----------------------------------------------------------------------------------------------------


def test_a_flow_becomes_a_session(folder: Path) -> None:
    (row,) = sessions(folder, printed({}))
    assert row == {
        "TimeGenerated": BEGIN,
        "EventStartTime": BEGIN,
        "EventEndTime": BEGIN + timedelta(seconds=1, microseconds=500_002),
        "EventCount": 1,
        "EventResult": "Success",
        "EventOriginalResultDetails": "FSPA_FSPA",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50000,
        "DstIpAddr": "192.0.2.1",
        "DstPortNumber": 443,
        "NetworkProtocol": "TCP",
        "NetworkApplicationProtocol": "",
        "NetworkDirection": "Outbound",
        "NetworkDuration": 1500,
        "SrcBytes": 100,
        "DstBytes": 200,
        "NetworkBytes": 300,
        "SrcPackets": 4,
        "DstPackets": 5,
        "NetworkPackets": 9,
        "EventVendor": "Argus",
        "EventProduct": "Argus",
        "EventType": "NetworkSession",
        "_file": 0,
        "_reject": None,
        "_row": 0,
    }


@pytest.mark.parametrize(
    ("told", "sent", "came", "both"),
    [
        ({"TotBytes": "300", "SrcBytes": "100", "DstBytes": "200"}, 100, 200, 300),
        ({"SrcBytes": "100", "DstBytes": "200"}, 100, 200, 300),
        ({"TotBytes": "300", "DstBytes": "200"}, 100, 200, 300),
        ({"TotBytes": "300"}, None, None, 300),
        ({"SrcBytes": "100"}, 100, None, 100),
        ({"TotBytes": "99", "SrcBytes": "100"}, 100, None, 99),
        ({"TotBytes": "-1", "SrcBytes": "100"}, 100, None, 100),
        ({"TotBytes": "9223372036854775808", "SrcBytes": "x"}, None, None, None),
        ({"SrcBytes": "9223372036854775807", "DstBytes": "1"}, 9223372036854775807, 1, 9223372036854775807),
    ],
)
def test_counts_are_told_or_what_is_left(
    folder: Path, told: Row, sent: int | None, came: int | None, both: int | None
) -> None:
    (row,) = sessions(folder, printed(told, titles=(*CTU[:9], *told)))
    assert (row.get("SrcBytes"), row.get("DstBytes"), row["NetworkBytes"]) == (sent, came, both)


def test_packets_are_told_apart_where_the_file_does(folder: Path) -> None:
    told = {"SrcPkts": "1", "DstPkts": "2"}
    (row,) = sessions(folder, printed(told, titles=(*CTU[:9], *told)))
    assert (row["SrcPackets"], row["DstPackets"], row["NetworkPackets"]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2015/03/24 16:04:40.131222", utc(2015, 3, 24, 16, 4, 40, 131_222)),
        ("2015/03/24 16:04:40", utc(2015, 3, 24, 16, 4, 40)),
        ("2015-03-24T16:04:40.5Z", utc(2015, 3, 24, 16, 4, 40, 500_000)),
        ("2015-03-24 16:04:40+02:00", utc(2015, 3, 24, 14, 4, 40)),
        ("2015/03/24 16:04:40-02", utc(2015, 3, 24, 18, 4, 40)),
        ("1427213080.131222", utc(2015, 3, 24, 16, 4, 40, 131_222)),
        ("1427213080", utc(2015, 3, 24, 16, 4, 40)),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_each_way_to_write_a_time(folder: Path, written: str, moment: datetime, header: bool) -> None:
    (row,) = sessions(folder, printed({"StartTime": written}, header=header))
    assert row["TimeGenerated"] == moment


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2015/03/24 16:04:40.131222", True),
        ("1427213080.131222", False),
        ("2015-03-24T16:04:40Z", False),
        ("2015-03-24 16:04:40+02:00", False),
    ],
)
def test_a_time_without_a_zone_is_said_to_be_read_as_utc(folder: Path, written: str, said: bool) -> None:
    assert (LOCAL in account(folder, printed({"StartTime": written})).notes) is said


def test_a_zone_may_be_named(folder: Path) -> None:
    (row,) = sessions(folder, printed({"StartTime": "2015/07/24 16:04:40.5 Europe/Prague"}))
    assert row["TimeGenerated"] == utc(2015, 7, 24, 14, 4, 40, 500_000)
    assert LOCAL not in account(folder, printed({"StartTime": "2015/07/24 16:04:40.5 CEST"})).notes


def test_the_end_is_told_or_follows_from_the_duration(folder: Path) -> None:
    last = {"LastTime": "2024/05/01 12:00:03.250001"}
    (row,) = sessions(folder, printed(last, titles=("LastTime", *(each for each in CTU if each != "Dur"))))
    assert (row["EventEndTime"], row["NetworkDuration"]) == (BEGIN + timedelta(seconds=3), 3000)
    (row,) = sessions(folder, printed({"Dur": ""}))
    assert (row["EventEndTime"], row["NetworkDuration"]) == (BEGIN, None)
    (row,) = sessions(folder, printed({"Dur": "1e300"}))
    assert row["NetworkDuration"] is None


@pytest.mark.parametrize(
    ("proto", "sport", "dport", "ports"),
    [
        ("tcp", "", "80", (None, 80)),
        ("arp", "", "", (None, None)),
        ("tcp", "0x0050", "0x01bb", (80, 443)),
        ("udp", "http", "domain", (None, None)),
        ("tcp", "5000*", "99999999999", (None, None)),
        ("icmp", "0x0008", "0x7c35", (8, 0)),  # an echo, and its identifier
        ("icmp", "0x0103", "0xc1da", (3, 1)),  # host unreachable
        ("icmp", "0x000b", "0x0000", (11, 0)),  # time exceeded
        ("ipv6-icmp", "135", "0", (135, 0)),
    ],
)
def test_ports(folder: Path, proto: str, sport: str, dport: str, ports: tuple[int | None, int | None]) -> None:
    (row,) = sessions(folder, printed({"Proto": proto, "Sport": sport, "Dport": dport}))
    assert (row["SrcPortNumber"], row["DstPortNumber"]) == ports


def test_ports_that_are_names_are_told_of(folder: Path) -> None:
    assert any("ra -n" in note for note in account(folder, printed({"Dport": "https"})).notes)
    assert not any("ra -n" in note for note in account(folder, printed({"Dport": "0x0008"}, {"Dport": ""})).notes)


@pytest.mark.parametrize(
    ("written", "protocol", "application"),
    [
        ("tcp", "TCP", ""),
        ("6", "TCP", ""),
        ("17", "UDP", ""),
        ("rtp", "UDP", "rtp"),
        ("rtcp", "UDP", "rtcp"),
        ("ipv6-icmp", "ICMP", ""),
        ("icmp", "ICMP", ""),
        ("igmp", "IGMP", ""),
        (" arp ", "ARP", ""),
    ],
)
def test_protocols_have_the_names_of_their_transport(
    folder: Path, written: str, protocol: str, application: str
) -> None:
    (row,) = sessions(folder, printed({"Proto": written}))
    assert (row["NetworkProtocol"], row["NetworkApplicationProtocol"]) == (protocol, application)


@pytest.mark.parametrize("arrow", ["   ->", "  <->", "  <-", "   ?>", "  <?>", "  <?", " o>", "  <|", "  who", ""])
@pytest.mark.parametrize("header", [True, False])
def test_the_ends_are_those_that_argus_names(folder: Path, arrow: str, header: bool) -> None:
    flows = printed({}, {"Dir": arrow}, header=header)
    assert [row["SrcIpAddr"] for row in sessions(folder, flows)] == ["10.0.0.5", "10.0.0.5"]


@pytest.mark.parametrize(
    ("source", "destination", "direction"),
    [
        ("10.0.0.5", "192.0.2.1", "Outbound"),
        ("192.0.2.1", "10.0.0.5", "Inbound"),
        ("2001:718:2:1634:96de:80ff:fe7a:bdf0", "2a00:1450:400c:c00::bd", "External"),
        ("fe80::d2:4591:568e:c3d1", "ff02::16", "Local"),
        ("::", "ff02::1:ff8e:c3d1", "External"),
    ],
)
def test_where_the_ends_are_tells_the_direction(folder: Path, source: str, destination: str, direction: str) -> None:
    (row,) = sessions(folder, printed({"SrcAddr": source, "DstAddr": destination}))
    assert (row["SrcIpAddr"], row["DstIpAddr"], row["NetworkDirection"]) == (source, destination, direction)


def test_addresses_are_written_in_one_way(folder: Path) -> None:
    ways = {"SrcAddr": "2001:DB8:0:0:0:0:0:1", "DstAddr": "::ffff:192.0.2.1"}
    (row,) = sessions(folder, printed(ways))
    assert (row["SrcIpAddr"], row["DstIpAddr"]) == ("2001:db8::1", "192.0.2.1")


def test_given_networks_decide_what_is_inside(folder: Path) -> None:
    options = ReadOptions(local=(IPv4Network("192.0.2.0/24"),))
    assert [row["NetworkDirection"] for row in sessions(folder, printed({}), options)] == ["Inbound"]
    assert [row["NetworkDirection"] for row in sessions(folder, dumped({}), options)] == ["Inbound"]


# --- Argus: states ----------------------------------------------------------------------------------------------------

SUCCESS = [
    *("ACC", "EST", "CON", "CLO", "FIN", "ECR"),
    *("S_SA", "SPA_SPA", "SRPA_SPA", "FSPA_FSRPA", "SR_SA", "SA_SRA", "PA_PA", "FA_FA", "FPA_FA", "SEC_SAE", "_FSPA"),
    *("sS", "sSE", "sSEfFC", "E", "sSER"),
]
FAILURE = ["REQ", "INT", "S_", "SR_", "S_R", "S_RA", "SEC_RA", "FSPA_R", "SPA_RA", "s", "sR"]
UNKNOWN = ["TIM", "S0", "", "SA_", "SRPA_", "FSA_", "RA_", "F_", "A_A", "PA_A", "PA_RA", "_", "_RA", "S", "RED", "TXD"]


@pytest.mark.parametrize(
    ("state", "result"),
    [(each, "Success") for each in SUCCESS]
    + [(each, "Failure") for each in FAILURE]
    + [(each, "NA") for each in UNKNOWN],
)
def test_the_state_tells_the_result(folder: Path, state: str, result: str) -> None:
    (row,) = sessions(folder, printed({"State": state}))
    assert (row["EventOriginalResultDetails"], row["EventResult"]) == (state, result)


@pytest.mark.parametrize(("packets", "result"), [("2", "Failure"), ("3", "NA"), ("", "NA")])
def test_a_reset_refused_what_was_too_short_to_be_open(folder: Path, packets: str, result: str) -> None:
    (row,) = sessions(folder, printed({"State": "RST", "TotPkts": packets}))
    assert row["EventResult"] == result


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"Dir": "   ->", "TotBytes": "200", "SrcBytes": "100"}, "Success"),
        ({"Dir": "  <->", "TotBytes": "100", "SrcBytes": "100"}, "Failure"),
        ({"Dir": "  <->", "SrcBytes": ""}, "NA"),
    ],
)
def test_an_echo_succeeds_when_it_is_answered(folder: Path, changes: Row, result: str) -> None:
    (row,) = sessions(folder, printed({"Proto": "icmp", "State": "ECO"} | changes))
    assert row["EventResult"] == result


@pytest.mark.parametrize(("proto", "result"), [("udp", "Failure"), ("tcp", "Failure"), ("icmp", "NA")])
def test_unreachable_is_the_fate_of_a_flow_but_a_message_of_icmp(folder: Path, proto: str, result: str) -> None:
    (row,) = sessions(folder, printed({"Proto": proto, "State": "URP"}))
    assert row["EventResult"] == result


# --- Argus: layouts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sep", [",", "\t"])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize(
    ("titles", "filled"),
    [
        (CTU, (None, None, 300, 9)),
        ((*CTU, "Label"), (None, None, 300, 9)),
        ((*CTU, "SrcBytes"), (100, None, 300, 9)),
        ((*CTU, "SrcBytes", "Label"), (100, None, 300, 9)),
        ((*CTU, "SrcBytes", "SrcPkts"), (100, 4, 300, 9)),
        ((*CTU, "SrcBytes", "SrcPkts", "Label"), (100, 4, 300, 9)),
        ((*CTU, "SrcBytes", "srcUdata", "dstUdata", "Label"), (100, None, 300, 9)),
        (RA, (None, None, 300, 9)),
        ((*RA, "SrcBytes"), None),
    ],
)
def test_with_and_without_titles(
    folder: Path, sep: str, header: bool, titles: tuple[str, ...], filled: tuple[int | None, ...] | None
) -> None:
    flow = {"Flgs": " e        ", "srcUdata": "s[4]=AAAA", "dstUdata": ""}
    content = printed(flow, flow, titles=titles, header=header, sep=sep)
    assert known_as(folder, content) == ["argus"]
    rows = sessions(folder, content)
    assert len(rows) == 2
    for row in rows:
        assert (row["SrcIpAddr"], row["SrcPortNumber"], row["DstPortNumber"]) == ("10.0.0.5", 50000, 443)
        assert row["EventOriginalResultDetails"] == "FSPA_FSPA"
        found = tuple(row.get(name) for name in ("SrcBytes", "SrcPackets", "NetworkBytes", "NetworkPackets"))
        assert filled is None or found == filled


def test_titles_in_any_order_and_only_some(folder: Path) -> None:
    titles = ("Label", "DstAddr", "SrcAddr", "Proto", "sHops", "State", "StartTime")
    (row,) = sessions(folder, printed({}, titles=titles, sep="\t"))
    assert (row["SrcIpAddr"], row["DstIpAddr"], row["TimeGenerated"]) == ("10.0.0.5", "192.0.2.1", BEGIN)
    assert not {"SrcBytes", "NetworkBytes", "EventEndTime", "SrcPortNumber"} & row.keys()
    assert row["EventResult"] == "Success"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: b"\xef\xbb\xbf" + data])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_packed_or_from_windows(folder: Path, pack: Any, line_end: str) -> None:
    content = printed({}, {"Label": ""}).replace("\n", line_end).encode()
    assert len(sessions(folder, pack(content))) == 2


def test_files_with_other_columns_have_results_of_their_own(folder: Path) -> None:
    for name, titles in (
        ("a", CTU),
        ("b", tuple(FLOW)),
        ("c", ("StartTime", "Proto", "SrcAddr", "DstAddr", "TotPkts")),
    ):
        echo = printed({"Proto": "icmp", "State": "ECO"}, {"State": "RST", "TotPkts": "2"}, titles=titles)
        (folder / name).write_text(echo, encoding="utf-8")
    assert [row["EventResult"] for row in rows_of(folder, NETWORK_SESSION)] == [
        "NA",
        "Failure",
        "Success",
        "Failure",
        "NA",
        "NA",
    ]


def test_titles_come_again_where_files_were_joined(folder: Path) -> None:
    found = account(folder, printed({}) + printed({}, {}))
    assert (found.rows, found.reasons) == (3, {"header repeated": 1})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (printed({}, titles=CTU[1:]), "an Argus log without StartTime"),
        (printed({}, titles=("SrcAddr", "DstAddr", "TotBytes")), "an Argus log without StartTime, Proto"),
        (printed({"StartTime": "12:00:00.5"}), "an Argus log whose times have no date"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(folder: Path, content: str, why: str) -> None:
    path = folder / "flows"
    path.write_text(content, encoding="utf-8")
    layout = argus.recognise(read_head(path))
    assert layout is not None
    assert layout.refused == why


@pytest.mark.parametrize(
    "content",
    [
        "SrcAddr,DstAddr\n10.0.0.1,10.0.0.2\n",
        "a,b,c\n1,2,3\n",
        "2024/05/01 12:00:00,1,tcp,10.0.0.5,1,x,10.0.0.6,2,S_,0,0,1,60\n",
        "2024/05/01 12:00:00,1,tcp,10.0.0.5,1,->,10.0.0.6,2,S_,0,0,one,60\n",
        "ts,te,td,pr,val,fl\n",
        "1714564800.5\t0.5\ttcp\t10\t1\t-\t12\t2\t-\t0\t0\t1\t60\n",
        '"',
        "\n\n",
    ],
)
def test_what_is_something_else(folder: Path, content: str) -> None:
    assert known_as(folder, content) == []


# --- Argus: broken lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (printed({"StartTime": ""}, header=False), "bad timestamp"),
        (printed({"StartTime": "yesterday"}, header=False), "bad timestamp"),
        (printed({"StartTime": "2024/13/01 12:00:00"}, header=False), "bad timestamp"),
        (printed({"StartTime": "infinity"}, header=False), "timestamp out of range"),
        (printed({"StartTime": "nan"}, header=False), "timestamp out of range"),
        (printed({"StartTime": "1e300"}, header=False), "timestamp out of range"),
        (printed({"StartTime": "290000/01/01 00:00:00", "Dur": "1e18"}, header=False), "timestamp out of range"),
        (printed({"StartTime": "294247/01/10 04:00:54.775806"}, header=False), "timestamp out of range"),
        (printed({"StartTime": "290309/12/22 (BC) 00:00:00", "Dur": "-1"}, header=False), "timestamp out of range"),
        (printed({"StartTime": "1960/01/01 00:00:00"}, header=False), "timestamp out of range"),
        (printed({"SrcAddr": "00:16:3e:5e:6c:00"}, header=False), "bad address"),
        (printed({"DstAddr": "www.example.org"}, header=False), "bad address"),
        (printed({"DstAddr": ""}, header=False), "bad address"),
        ("2024/05/01 12:00:00\n", "columns missing"),
        ("# a comment\n", "columns missing"),
        (printed({"Label": "a,b"}, header=False), "too many columns"),
    ],
)
def test_a_broken_line_is_counted_with_its_reason(folder: Path, line: str, why: str) -> None:
    found = account(folder, printed({}) + line + printed({}, header=False))
    assert (found.rows, found.reasons) == (2, {why: 1})


def test_a_value_may_hold_quotes_or_be_quoted(folder: Path) -> None:
    assert len(sessions(folder, printed({"Label": 's[3]=a"b'}, {"Label": '"a,b"'}, {}))) == 3


def test_a_quote_that_never_closes_takes_no_other_line_along(folder: Path) -> None:
    found = account(folder, printed({}, {"Label": '"open'}, *({} for _ in range(300))))
    assert (found.rows, found.rejected) == (301, 1)


_BYTES = st.integers(0, 255).filter(lambda byte: byte not in b'"\r')
_NO_FLOW = re.compile(rb"#|Summary$|flows(,|$)|[0-9]+(,[^,]*){5}$")  # a comment of nfdump's, or a line of its summary
_CHANGES = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["put", "add", "cut"]), _BYTES), min_size=1, max_size=12)


def mutated(sample: bytes, changes: Iterable[tuple[float, str, int]]) -> bytes:
    """The sample with single bytes replaced, added or left out behind its first line."""
    head, _, rest = sample.partition(b"\n")
    body = bytearray(rest)
    for where, how, byte in changes:
        place = int(where * (len(body) - 1))
        body[place : place + (how != "add")] = b"" if how == "cut" else bytes([byte])
    return head + b"\n" + bytes(body)


ARGUS_SAMPLE = printed({}, {"SrcAddr": "fe80::1"}, {"Proto": "icmp", "Sport": "0x0008"}, {"State": "S_"}, {}).encode()
NFDUMP_SAMPLE = (dumped({}, {"pr": "ICMP", "sp": "0", "dp": "2048"}, {"sa": "fe80::1"}, {}) + SUMMARY).encode()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([ARGUS_SAMPLE, NFDUMP_SAMPLE]), _CHANGES)
@example(ARGUS_SAMPLE, [(0.5, "add", 0x0A), (0.5, "put", 0xFF)])
@example(NFDUMP_SAMPLE, [(0.0, "put", 0x23)])
def test_every_record_is_loaded_or_counted_whatever_bytes_it_has(
    sample: bytes, changes: list[tuple[float, str, int]]
) -> None:
    content = mutated(sample, changes)
    with tempfile.TemporaryDirectory() as name:
        found = account(Path(name), content)
    lines = [line for line in content.split(b"\n")[1:] if line.strip()]
    passed = [line for line in lines if sample is NFDUMP_SAMPLE and _NO_FLOW.match(line)]
    assert len(lines) - len(passed) <= found.rows + found.rejected <= len(lines)


# --- Argus: writing ---------------------------------------------------------------------------------------------------

_SESSION = schema_of(
    TimeGenerated=pa.timestamp("us"),
    EventEndTime=pa.timestamp("us"),
    SrcIpAddr=pa.string(),
    SrcPortNumber=pa.int32(),
    DstIpAddr=pa.string(),
    DstPortNumber=pa.int32(),
    NetworkProtocol=pa.string(),
    SrcBytes=pa.int64(),
    DstBytes=pa.int64(),
    SrcPackets=pa.int64(),
    DstPackets=pa.int64(),
    EventOriginalResultDetails=pa.string(),
)
# An IPv4 address in one of IPv6 is read as IPv4.
_ADDRESSES = st.ip_addresses().filter(lambda each: not getattr(each, "ipv4_mapped", None)).map(str)
_COUNTS = st.integers(0, 2**61)
_PAIRS = st.one_of(st.tuples(_COUNTS, _COUNTS), st.tuples(_COUNTS, st.none()), st.just((None, None)))
_STATES = st.sampled_from(["S_RA", "FSPA_FSPA", "CON", "", 'a,"b']) | st.text("FSRPA_", max_size=8)


@st.composite
def _sessions(draw: st.DrawFn) -> Row:
    begin = draw(st.datetimes(utc(1970, 1, 1), utc(2025, 1, 1)))
    end = begin + draw(st.timedeltas(timedelta(0), timedelta(days=2)))
    protocol = draw(st.sampled_from(["TCP", "UDP", "ICMP", "IGMP"]))
    ports = st.none() | st.integers(0, 65535)
    ends = (draw(_ADDRESSES), draw(ports), draw(_ADDRESSES), draw(ports))
    counts = (*draw(_PAIRS), *draw(_PAIRS))
    return dict(zip(_SESSION.names, (begin, end, *ends, protocol, *counts, draw(_STATES)), strict=True))


@settings(max_examples=25, deadline=None)
@given(st.lists(_sessions(), min_size=1, max_size=20), st.sampled_from(["a.binetflow", "a.binetflow.gz"]))
def test_what_is_written_as_binetflow_is_read_back(rows: list[Row], name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        argus.write(pa.Table.from_pylist(rows, schema=_SESSION), path)
        found = rows_of(path, NETWORK_SESSION)
    assert [{key: row[key] for key in _SESSION.names} for row in found] == rows


def test_a_written_flow_looks_as_ra_prints_it(folder: Path) -> None:
    session = dict.fromkeys(_SESSION.names) | {
        "TimeGenerated": BEGIN,
        "EventEndTime": BEGIN + timedelta(seconds=1),
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 3,
        "DstIpAddr": "192.0.2.1",
        "DstPortNumber": 1,
        "NetworkProtocol": "ICMP",
        "SrcBytes": 60,
        "DstBytes": 0,
        "EventOriginalResultDetails": "URH",
    }
    argus.write(pa.Table.from_pylist([session], schema=_SESSION), folder / "a")
    assert (folder / "a").read_text(encoding="utf-8").splitlines() == [
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,SrcPkts",
        "2024/05/01 12:00:00.250001,1.000000,icmp,10.0.0.5,0x0103,   ->,192.0.2.1,0x0000,URH,,,,60,60,",
    ]


def test_columns_that_are_not_there_are_written_empty(folder: Path) -> None:
    few = ("TimeGenerated", "SrcIpAddr", "DstIpAddr", "NetworkProtocol")
    session: Row = {"TimeGenerated": BEGIN, "SrcIpAddr": "::1", "DstIpAddr": "::2", "NetworkProtocol": "UDP"}
    argus.write(pa.Table.from_pylist([session], schema=pa.schema([_SESSION.field(each) for each in few])), folder / "a")
    (row,) = rows_of(folder / "a", NETWORK_SESSION)
    assert {key: row[key] for key in few} == session


# --- nfdump -----------------------------------------------------------------------------------------------------------


def test_a_netflow_becomes_a_session(folder: Path) -> None:
    (row,) = sessions(folder, dumped({}))
    assert row == {
        "TimeGenerated": NOON,
        "EventStartTime": NOON,
        "EventEndTime": NOON + timedelta(seconds=2),
        "EventCount": 1,
        "EventResult": "Success",
        "EventOriginalResultDetails": "...AP.SF",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50000,
        "DstIpAddr": "192.0.2.1",
        "DstPortNumber": 443,
        "NetworkProtocol": "TCP",
        "NetworkDirection": "Outbound",
        "NetworkDuration": 1500,
        "SrcBytes": 100,
        "DstBytes": None,
        "NetworkBytes": 100,
        "SrcPackets": 4,
        "DstPackets": None,
        "NetworkPackets": 4,
        "EventVendor": "nfdump",
        "EventProduct": "nfdump",
        "EventType": "NetworkSession",
        "_file": 0,
        "_reject": None,
        "_row": 0,
    }


def test_what_came_back_counts_where_the_exporter_counted_it(folder: Path) -> None:
    both = dumped({"opkt": "2", "obyt": "50"})
    (row,) = sessions(folder, both)
    assert (row["DstBytes"], row["DstPackets"], row["NetworkBytes"], row["NetworkPackets"]) == (50, 2, 150, 6)
    assert account(folder, both).notes == (LOCAL,)
    assert account(folder, dumped({})).notes == (LOCAL, ONE_WAY)


@pytest.mark.parametrize(
    ("protocol", "sp", "dp", "ports"),
    [
        ("TCP", "0", "443", (0, 443)),
        ("ICMP", "0", "2048", (8, 0)),
        ("ICMP", "0", "769", (3, 1)),
        ("ICMP6", "0", "34560", (135, 0)),
        ("58", "0", "34560", (135, 0)),
        ("ICMP", "8", "0", (8, 0)),
        ("UDP", "", "x", (None, None)),
    ],
)
def test_the_ports_of_icmp_are_type_and_code(
    folder: Path, protocol: str, sp: str, dp: str, ports: tuple[int | None, int | None]
) -> None:
    (row,) = sessions(folder, dumped({"pr": protocol, "sp": sp, "dp": dp}))
    assert (row["SrcPortNumber"], row["DstPortNumber"]) == ports


@pytest.mark.parametrize(
    ("protocol", "flags", "result"),
    [("TCP", each, "Success") for each in ("...AP.SF", "...AP...", "...A..S.", "CE.AP.SF", "...A...F", "...A.RS.")]
    + [("TCP", each, "Failure") for each in ("......S.", "CE....S.", "...A.R..", ".....R..")]
    + [("TCP", each, "NA") for each in ("...A....", "........", "..U.P..F", ".....RS.", "")]
    + [("6", "......S.", "Failure"), ("UDP", "........", "NA"), ("UDP", "......S.", "NA")],
)
def test_the_flags_tell_the_result(folder: Path, protocol: str, flags: str, result: str) -> None:
    (row,) = sessions(folder, dumped({"pr": protocol, "flg": flags}))
    assert row["EventResult"] == result


def test_other_protocols_succeed_when_something_came_back(folder: Path) -> None:
    (row,) = sessions(folder, dumped({"pr": "UDP", "opkt": "1", "flg": "........"}))
    assert row["EventResult"] == "Success"


def test_the_titles_of_version_1_7(folder: Path) -> None:
    titles = ("firstSeen", "duration", "proto", "srcAddr", "srcPort", "dstAddr", "dstPort", "packets", "bytes", "flows")
    values = ("2024-05-01 12:00:00.250", "1.500", "UDP", "10.0.0.5", "5353", "224.0.0.251", "5353", "3", "300", "1")
    (row,) = sessions(folder, dumped(dict(zip(titles, values, strict=True)), titles=titles, base={}))
    assert (row["TimeGenerated"], row["NetworkDuration"]) == (NOON + timedelta(milliseconds=250), 1500)
    assert (row["SrcPortNumber"], row["SrcBytes"], row["SrcPackets"]) == (5353, 300, 3)
    assert "EventResult" not in row


def test_milliseconds_since_1970_and_numbers_of_protocols(folder: Path) -> None:
    titles = (
        "cnt",
        "af",
        "firstSeen",
        "lastSeen",
        "proto",
        "srcAddr",
        "srcPort",
        "dstAddr",
        "dstPort",
        "flags",
        "bytes",
    )
    values = ("1", "2", "1714564800250", "1714564801750", "6", "10.0.0.5", "5", "10.0.0.6", "6", "......S.", "60")
    content = dumped(dict(zip(titles, values, strict=True)), titles=titles, base={})
    (row,) = sessions(folder, content)
    assert (row["TimeGenerated"], row["NetworkDuration"]) == (NOON + timedelta(milliseconds=250), 1500)
    assert (row["NetworkProtocol"], row["EventResult"]) == ("TCP", "Failure")
    assert LOCAL not in account(folder, content).notes


def test_the_summary_is_no_flow(folder: Path) -> None:
    content = dumped({}, {}) + SUMMARY
    assert known_as(folder, content) == ["nfdump"]
    found = account(folder, content)
    assert (found.rows, found.rejected) == (2, 0)


# --- Real captures ----------------------------------------------------------------------------------------------------


def real(shared_data: Path, ending: str) -> list[Path]:
    folders = (shared_data / "data" / each for each in ("benign", "labelled", "formats"))
    return sorted(path for folder in folders for path in folder.rglob(f"*{ending}"))


@pytest.mark.shared_data
def test_every_real_binetflow_is_read_to_its_last_record(shared_data: Path) -> None:
    paths = real(shared_data, ".binetflow")
    assert len(paths) == 12
    for path in paths:
        found = account_of(path)
        records = path.read_bytes().count(b"\n") - 1
        assert (found.format, found.rows, found.rejected) == ("argus", records, 0), path


@pytest.mark.shared_data
def test_every_real_nfdump_is_read_but_for_its_summary(shared_data: Path) -> None:
    paths = real(shared_data, ".nfdump.csv")
    assert len(paths) == 2
    for path in paths:
        lines = path.read_text(encoding="utf-8").splitlines()
        flows = int(lines[-1].split(",")[0])  # nfdump's own count
        found = account_of(path)
        assert (found.format, found.rows, found.reasons) == ("nfdump", flows, {}), path
        assert flows + 3 == len(lines) - 1


@pytest.mark.shared_data
def test_real_files_are_read_without_their_titles_too(shared_data: Path) -> None:
    for path in real(shared_data, ".binetflow"):
        with tempfile.TemporaryDirectory() as name:
            bare = Path(name, "flows")
            bare.write_bytes(path.read_bytes().partition(b"\n")[2])
            assert account_of(bare).rows == account_of(path).rows, path


# --- One capture in three formats -------------------------------------------------------------------------------------

End = tuple[str, int | None]


@pytest.fixture(scope="module")
def three(shared_data: Path) -> dict[str, list[Row]]:
    """The sessions of the one capture, by who wrote them down."""
    folder = shared_data / "data" / "labelled" / "test7-three-formats"
    names = {
        "Zeek": "zeek_files/conn.log.labeled",
        "Argus": "slips.test7-malicious.binetflow",
        "nfdump": "slips.test7-malicious.nfdump.csv",
    }
    return {product: rows_of(folder / name, NETWORK_SESSION) for product, name in names.items()}


def ends(row: Row) -> tuple[End, End]:
    return (row["SrcIpAddr"], row["SrcPortNumber"]), (row["DstIpAddr"], row["DstPortNumber"])


def talks(rows: Iterable[Row], protocol: str) -> set[frozenset[End]]:
    """Who talked to whom, whoever began."""
    return {frozenset(ends(row)) for row in rows if row["NetworkProtocol"] == protocol}


def sent(rows: Iterable[Row], unit: str, protocols: Sequence[str] = ("TCP", "UDP")) -> Counter[tuple[End, End]]:
    """How much each end sent to each other one in all."""
    total: Counter[tuple[End, End]] = Counter()
    for row in rows:
        if row["NetworkProtocol"] in protocols:
            source, destination = ends(row)
            total[source, destination] += row[f"Src{unit}"] or 0
            total[destination, source] += row[f"Dst{unit}"] or 0
    return +total


@pytest.mark.shared_data
@pytest.mark.parametrize(("protocol", "number"), [("TCP", 138), ("UDP", 167)])
def test_three_formats_name_the_same_talks(three: dict[str, list[Row]], protocol: str, number: int) -> None:
    # Flows are cut differently: nfdump writes one a direction, Argus another one after some seconds. So each says a
    # number of its own, of the same pairs of ends.
    assert {product: len(rows) for product, rows in three.items()} == {"Zeek": 610, "Argus": 755, "nfdump": 439}
    found = {product: talks(rows, protocol) for product, rows in three.items()}
    assert found["Zeek"] == found["Argus"] == found["nfdump"]
    assert len(found["Zeek"]) == number


@pytest.mark.shared_data
def test_zeek_and_argus_name_the_same_opener_of_tcp(three: dict[str, list[Row]]) -> None:
    # Of UDP they take another one where the first packet of a pair was a late answer.
    opened = {
        product: {ends(row) for row in three[product] if row["NetworkProtocol"] == "TCP"}
        for product in ("Zeek", "Argus")
    }
    assert opened["Zeek"] == opened["Argus"]


@pytest.mark.shared_data
def test_three_formats_count_the_same_packets(three: dict[str, list[Row]]) -> None:
    counted = {product: sent(rows, "Packets") for product, rows in three.items()}
    assert counted["Zeek"] == counted["Argus"] == counted["nfdump"]


@pytest.mark.shared_data
def test_what_three_formats_call_bytes(three: dict[str, list[Row]]) -> None:
    # Zeek counts what the transport carries, nfdump whole IP packets, Argus whole frames: 14 bytes more of Ethernet,
    # and what fills the shortest up to 60.
    packets, octets = sent(three["nfdump"], "Packets"), sent(three["nfdump"], "Bytes")
    frames, carried = sent(three["Argus"], "Bytes"), sent(three["Zeek"], "Bytes")
    assert all(frames[way] in (octets[way] + 14 * packets[way], 60 * packets[way]) for way in octets)
    assert all(carried[way] < octets[way] for way in octets)


@pytest.mark.shared_data
def test_three_formats_span_the_same_time(three: dict[str, list[Row]]) -> None:
    # The sensors' clocks were in UTC here; nfdump 1.6 leaves fractions of a second out.
    first = {product: min(row["TimeGenerated"] for row in rows) for product, rows in three.items()}
    last = {product: max(row["EventEndTime"] for row in rows) for product, rows in three.items()}
    assert first["Zeek"] == first["Argus"] == first["nfdump"] + timedelta(microseconds=520_001)
    assert last["Zeek"] == last["Argus"] == last["nfdump"] + timedelta(microseconds=703_667)


@pytest.mark.shared_data
def test_zeek_and_argus_agree_on_what_failed(three: dict[str, list[Row]]) -> None:
    results: dict[str, dict[frozenset[End], set[str]]] = {}
    for product in ("Zeek", "Argus"):
        for row in three[product]:
            if row["NetworkProtocol"] == "TCP":
                results.setdefault(product, {}).setdefault(frozenset(ends(row)), set()).add(row["EventResult"])
    differ = {talk for talk, said in results["Zeek"].items() if results["Argus"][talk] != said}
    # Argus writes RST for what was refused and for what was open and then reset: of three packets it tells neither.
    assert [sorted(results["Argus"][talk]) for talk in differ] == [["NA"]] * 4
    assert [sorted(results["Zeek"][talk]) for talk in differ] == [["Failure"]] * 4


@pytest.mark.shared_data
def test_what_the_formats_say_of_other_protocols(three: dict[str, list[Row]]) -> None:
    # IPv4's ICMP is the same, type and code. Of ICMPv6, Zeek gives the type of the answer (136, 134) as destination
    # port; and nfdump writes listener reports, which have a hop-by-hop header, as protocol 0.
    found = {
        product: {ends(row) for row in rows if row["NetworkProtocol"] == "ICMP" and ":" not in row["SrcIpAddr"]}
        for product, rows in three.items()
    }
    assert found["Zeek"] == found["Argus"] == found["nfdump"]
    assert len(found["Zeek"]) == 8
    others = {product: {row["NetworkProtocol"] for row in rows} for product, rows in three.items()}
    assert others == {
        "Zeek": {"TCP", "UDP", "ICMP"},
        "Argus": {"TCP", "UDP", "ICMP", "ARP", "IGMP"},
        "nfdump": {"TCP", "UDP", "ICMP", "IGMP", "HOPOPT"},
    }


@pytest.mark.shared_data
def test_suricata_counts_as_the_others_do(shared_data: Path, three: dict[str, list[Row]]) -> None:
    # Its bytes are those of whole frames, as Argus has them. It takes an ICMP error for an answer of the flow that it
    # is about, where the others have a flow of ICMP: six errors, on five flows that nothing else came back on.
    flows = shared_data / "data" / "labelled" / "test7-three-formats" / "suricata" / "eve.json"
    suricata = rows_of(flows, NETWORK_SESSION)
    packets, others = sent(suricata, "Packets"), sent(three["nfdump"], "Packets")
    errors = packets - others
    assert (len(errors), errors.total()) == (5, 6)
    assert packets - errors == others
    octets, frames = sent(suricata, "Bytes"), sent(three["Argus"], "Bytes")
    assert {way: octets[way] for way in others} == frames
    assert all((there, here) in others for here, there in errors)
