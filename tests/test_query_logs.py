"""Specification of the query logs of DNS servers: BIND, dnsmasq with Pi-hole, and Unbound."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
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

WHEN = datetime(2023, 10, 18, 14, 37, 28)  # noqa: DTZ001 - UTC without saying so, as the engine has it
MILLIS = WHEN.replace(microsecond=201_000)
LOCAL = "times are in the local time of whoever wrote the file, and read as UTC"

BIND = (
    "18-Oct-2023 14:37:28.201 queries: info: client @0x7f01 10.0.0.5#50000 (Evil.Test): "
    "query: Evil.Test IN A +E(0)K (10.0.0.1)"
)
DNSMASQ = "2023-10-18T14:37:28Z gate dnsmasq[7]: query[A] Evil.Test from 10.0.0.5"
UNBOUND = "[1697639848] unbound[7:0] info: 10.0.0.5 Evil.Test. A IN"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str) -> Path:
        path = tmp_path / "query.log"
        path.write_text(content, encoding="utf-8")
        return path

    return _write


def row_of(path: Path) -> Row:
    """The only good row of a log."""
    (row,) = loaded(path)[1]
    return row


def this_year(month: int, day: int) -> datetime:
    """Noon of that day, in the last year in which it is not after today."""
    today = datetime.now(UTC).replace(tzinfo=None)
    found = datetime(today.year, month, day, 12)  # noqa: DTZ001
    return found if found <= today else found.replace(year=today.year - 1)


# --- BIND -------------------------------------------------------------------------------------------------------------


def test_a_query_to_bind(write: Write) -> None:
    path = write(f"{BIND}\n")
    assert [each.name for each in all_formats() if each.recognise(read_head(path))] == ["bind-query"]
    row = {name: value for name, value in row_of(path).items() if not name.startswith("_")}
    assert row == {
        "TimeGenerated": MILLIS,
        "EventStartTime": MILLIS,
        "EventSubType": "request",
        "EventResult": "NA",
        "EventCount": 1,
        "EventVendor": "ISC",
        "EventProduct": "BIND",
        "EventType": "Query",
        "SrcIpAddr": "10.0.0.5",
        "SrcPortNumber": 50000,
        "DstIpAddr": "10.0.0.1",
        "NetworkProtocol": "UDP",
        "DvcHostname": "",
        "DnsQuery": "evil.test",
        "DnsQueryTypeName": "A",
        "DnsQueryClassName": "IN",
        "DnsFlags": "+E(0)K",
    }


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (BIND.replace("18-Oct-2023 14:37:28.201", "2023-10-18T14:37:28.201Z"), {}),
        (BIND.replace("18-Oct-2023 14:37:28.201", "2023-10-18T14:37:28.201"), {}),
        (BIND.replace("queries: info: ", ""), {}),
        (BIND.replace(" (10.0.0.1)", ""), {"DstIpAddr": ""}),
        (BIND.replace(" (10.0.0.1)", " (2001:DB8::0001) [ECS 192.0.2.0/24/0]"), {"DstIpAddr": "2001:db8::1"}),
        (BIND.replace("+E(0)K", "-ETDC"), {"NetworkProtocol": "TCP", "DnsFlags": "-ETDC"}),
        (BIND.replace("10.0.0.5#", "2001:DB8:0::5#"), {"SrcIpAddr": "2001:db8::5"}),
        (BIND.replace("): query", "): view inside: query"), {}),
        (BIND.replace("#50000 ", "#50000/key transfer "), {}),
        (BIND.replace("@0x7f01 ", "").replace(" (Evil.Test)", ""), {}),
        (BIND.replace(" IN A ", " CH TXT "), {"DnsQueryTypeName": "TXT", "DnsQueryClassName": "CH"}),
        (BIND.replace(": query: Evil.Test", ": query: ."), {"DnsQuery": ""}),
        (
            "<30>" + BIND.replace("18-Oct-2023 14:37:28.201 queries: info:", "Oct 18 2023 14:37:28.201 ns named[7]:"),
            {"DvcHostname": "ns"},
        ),
    ],
)
def test_the_ways_in_which_bind_writes_a_query(write: Write, line: str, change: Row) -> None:
    expected = row_of(write(BIND)) | change
    assert row_of(write(line)) == expected


def test_the_oldest_bind_writes_neither_flags_nor_a_year(write: Write) -> None:
    row = row_of(write("Feb 25 12:00:00.000 queries: info: client 10.0.0.3#1035: query: a.test IN A\n"))
    assert (row["TimeGenerated"], row["DnsQuery"], row["NetworkProtocol"]) == (this_year(2, 25), "a.test", "")


def test_what_else_bind_says_is_counted_by_its_category(write: Write) -> None:
    more = [
        BIND.replace("queries: info", "security: error").replace(": query:", ": query (cache) denied:"),
        "18-Oct-2023 14:37:28.201 all zones loaded",
        BIND,
    ]
    found = account(write("\n".join([BIND, *more])))
    assert (found.rows, found.reasons) == (2, {"other event: security": 1, "other event": 1})


# --- dnsmasq ----------------------------------------------------------------------------------------------------------


def test_a_query_to_dnsmasq(write: Write) -> None:
    path = write(f"{DNSMASQ}\n")
    assert [each.name for each in all_formats() if each.recognise(read_head(path))] == ["dnsmasq-query"]
    row = row_of(path)
    assert (row["TimeGenerated"], row["EventSubType"], row["EventResult"]) == (WHEN, "request", "NA")
    assert (row["SrcIpAddr"], row["DvcHostname"]) == ("10.0.0.5", "gate")
    assert (row["DnsQuery"], row["DnsQueryTypeName"], row["EventResultDetails"]) == ("evil.test", "A", "")


@pytest.mark.parametrize(
    ("said", "answer", "code", "action"),
    [
        ("reply Evil.Test is 192.0.2.1", "192.0.2.1", "NOERROR", ""),
        ("reply evil.test is <CNAME>", "", "NOERROR", ""),
        ("reply evil.test is NXDOMAIN", "", "NXDOMAIN", ""),
        ("reply evil.test is NODATA-IPv6", "", "NOERROR", ""),
        ("cached evil.test is 2001:db8::1", "2001:db8::1", "NOERROR", ""),
        ("cached-stale evil.test is 192.0.2.1", "192.0.2.1", "NOERROR", ""),
        ("config evil.test is NXDOMAIN", "", "NXDOMAIN", ""),
        ("/etc/hosts evil.test is 10.0.0.9", "10.0.0.9", "NOERROR", ""),
        ("DHCP evil.test is 10.0.0.9", "10.0.0.9", "NOERROR", ""),
        ("gravity blocked evil.test is 0.0.0.0", "0.0.0.0", "NOERROR", "Blocked"),  # noqa: S104
        ("regex denied evil.test is NXDOMAIN", "", "NXDOMAIN", "Blocked"),
    ],
)
def test_the_answers_of_dnsmasq(write: Write, said: str, answer: str, code: str, action: str) -> None:
    _, (_, row) = loaded(write(f"{DNSMASQ}\n2023-10-18T14:37:28Z gate dnsmasq[7]: {said}\n"))
    assert (row["EventSubType"], row["DnsQuery"], row["SrcIpAddr"]) == ("response", "evil.test", "")
    assert (row["DnsResponseName"], row["EventResultDetails"], row["DvcAction"]) == (answer, code, action)
    assert row["EventResult"] == ("Success" if code == "NOERROR" else "Failure")


def test_with_extra_an_answer_has_its_client(write: Write) -> None:
    asks = DNSMASQ.replace("dnsmasq[7]:", "dnsmasq[7]: 45 10.0.0.5/50000")
    answers = asks.replace("query[A] Evil.Test from 10.0.0.5", "cached evil.test is 192.0.2.1")
    _, (asked, answered) = loaded(write(f"{asks}\n{answers}\n"))
    assert asked["SrcIpAddr"] == answered["SrcIpAddr"] == "10.0.0.5"
    assert asked["SrcPortNumber"] == answered["SrcPortNumber"] == 50000
    assert asked["DnsSessionId"] == answered["DnsSessionId"] == "45"


@pytest.mark.parametrize(("said", "name"), [("type=65", "HTTPS"), ("type=999", "TYPE999"), ("AAAA", "AAAA")])
def test_types_without_a_name_have_their_number(write: Write, said: str, name: str) -> None:
    assert row_of(write(DNSMASQ.replace("[A]", f"[{said}]")))["DnsQueryTypeName"] == name


def test_what_else_dnsmasq_says_is_counted_by_its_kind(write: Write) -> None:
    said = ["forwarded evil.test to 192.0.2.53", "reply error is REFUSED", "query[A] evil.test from nobody"]
    lines = [DNSMASQ, *(DNSMASQ.partition("query")[0] + each for each in said)]
    lines.append(DNSMASQ.replace("dnsmasq[7]: query[A] Evil.Test from", "dnsmasq-dhcp[7]: DHCPACK(eth0)"))
    found = account(write("\n".join(lines)))
    reasons = {"other event: forwarded": 1, "other event: reply": 1, "other event: dhcpack": 1, "bad address": 1}
    assert (found.rows, found.reasons) == (1, reasons)


def test_a_file_of_dnsmasqs_own_has_neither_year_nor_host(write: Write) -> None:
    path = write("Feb 25 12:00:00 dnsmasq[7]: query[A] evil.test from 10.0.0.5\n")
    assert account(path).notes == (LOCAL,)
    row = row_of(path)
    assert (row["TimeGenerated"], row["DvcHostname"]) == (this_year(2, 25), "")


# --- Unbound ----------------------------------------------------------------------------------------------------------


def test_a_query_to_unbound(write: Write) -> None:
    path = write(f"{UNBOUND}\n")
    assert [each.name for each in all_formats() if each.recognise(read_head(path))] == ["unbound-query"]
    assert account(path).notes == ()
    row = row_of(path)
    assert (row["TimeGenerated"], row["EventSubType"], row["EventResult"]) == (WHEN, "request", "NA")
    assert (row["SrcIpAddr"], row["DnsQuery"]) == ("10.0.0.5", "evil.test")
    assert (row["DnsQueryTypeName"], row["DnsQueryClassName"]) == ("A", "IN")


@pytest.mark.parametrize("more", ["", " on udp 10.0.0.1 53"])
def test_a_reply_of_unbound(write: Write, more: str) -> None:
    row = row_of(write(f"{UNBOUND} NXDOMAIN 0.012345 0 56{more}\n"))
    assert (row["EventSubType"], row["EventResultDetails"], row["EventResult"]) == ("response", "NXDOMAIN", "Failure")
    assert row["DnsNetworkDuration"] == 12


@pytest.mark.parametrize(
    "before",
    [
        "2023-10-18T14:37:28Z unbound[7:0] info:",
        "2023-10-18T16:37:28+02:00 fw unbound[7]: [7:0] query:",
        "<30>Oct 18 2023 14:37:28 fw unbound: [7:0] info:",
        '<30>1 2023-10-18T14:37:28Z fw unbound 7 - [meta sequenceId="1"] [7:0] info:',
    ],
)
def test_the_heads_of_unbounds_lines(write: Write, before: str) -> None:
    row = row_of(write(f"{before} 10.0.0.5 Evil.Test. A IN\n"))
    assert (row["TimeGenerated"], row["SrcIpAddr"], row["DnsQuery"]) == (WHEN, "10.0.0.5", "evil.test")


def test_what_else_unbound_says_is_counted(write: Write) -> None:
    said = ["notice: init module 0: validator", "info: resolving evil.test. A IN"]
    found = account(write("\n".join([UNBOUND, *(f"[1697639848] unbound[7:0] {each}" for each in said)])))
    assert (found.rows, found.reasons) == (1, {"other event: notice": 1, "other event: info": 1})


# --- All of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "Oct 18 14:37:28 host sshd[7]: Accepted password for x\n",
        "client: query: a IN A\n",
        "unbound info: x\n",
        "query[A]",
    ],
)
def test_what_is_no_query_log(write: Write, content: str) -> None:
    assert [each.name for each in all_formats() if each.recognise(read_head(write(content)))] == []


@pytest.mark.parametrize("line", [BIND, DNSMASQ, UNBOUND])
def test_a_log_of_other_things_that_quotes_a_query_is_none(write: Write, line: str) -> None:
    path = write("\n".join([line, *["Lorem ipsum dolor sit amet"] * 5]))
    assert [each.name for each in all_formats() if each.recognise(read_head(path))] == []


@pytest.mark.parametrize(
    ("name", "line"), [("bind-query", BIND), ("dnsmasq-query", DNSMASQ), ("unbound-query", UNBOUND)]
)
@given(seed=st.integers(0, 2**32), changes=st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_every_line_is_counted(name: str, line: str, seed: int, changes: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    lines = [bytearray(line.encode()) for _ in range(20)]
    for _ in range(changes):
        changed = dice.choice(lines[3:])
        changed[dice.randrange(len(changed))] = dice.choice([each for each in range(256) if each not in (10, 13)])
    with TemporaryDirectory() as folder:
        path = Path(folder, "query.log")
        path.write_bytes(b"\n".join(lines) + b"\n")
        found, rows = loaded(path)
    comments = sum(each.startswith(b"#") for each in lines)
    assert (found.format, len(rows)) == (name, found.rows)
    assert found.rows + found.rejected == len(lines) - comments
