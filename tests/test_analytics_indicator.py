"""Hosts that meet what lists of indicators name: found by hunts through logs that are made for it."""

import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import duckdb
import pytest
from conftest import Row, zeek_conn
from sqlglot import exp

import herdsight
from herdsight.addresses import digits
from herdsight.analytics.tails import log10_poisson_tail
from herdsight.cli import main
from herdsight.findings.model import Finding, Hunt

START = datetime(2026, 11, 1)  # noqa: DTZ001 the logs are in UTC
_DNS = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tqtype_name\trcode_name\tanswers\n"
)


def session(source: str, remote: str, port: int = 443, at: float = 0, **more: object) -> Row:
    """One that is answered and carries bytes, unless told otherwise."""
    return {
        "ts": START + timedelta(seconds=at),
        "uid": f"C{source}{remote}{at}",
        "id.orig_h": source,
        "id.orig_p": 50_000,
        "id.resp_h": remote,
        "id.resp_p": port,
        "proto": "tcp",
        "orig_bytes": 500,
        "resp_bytes": 3_000,
        "conn_state": "SF",
        **more,
    }


UNANSWERED: Row = {"conn_state": "S0", "orig_bytes": 0, "resp_bytes": 0}


def lookup(source: str, name: str, answers: str = "-", rcode: str = "NOERROR", at: float = 0) -> str:
    time = f"{(START + timedelta(seconds=at) - datetime(1970, 1, 1)).total_seconds():.6f}"  # noqa: DTZ001
    fields = (time, f"D{name}{at}", source, "5353", "10.0.0.1", "53", "udp", name, "A", rcode, answers)
    return "\t".join(fields) + "\n"


class Hunter(Protocol):
    """Hunts through sessions and lookups with a list."""

    def __call__(
        self, sessions: Sequence[Row], listed: str, lookups: Sequence[str] = (), level: str = "medium"
    ) -> Hunt: ...


@pytest.fixture
def hunted(tmp_path: Path) -> Hunter:
    """Hunts through sessions and lookups with a list."""

    def hunt(sessions: Sequence[Row], listed: str, lookups: Sequence[str] = (), level: str = "medium") -> Hunt:
        logs = tmp_path / "logs"
        logs.mkdir(exist_ok=True)
        (logs / "conn.log").write_text(zeek_conn(sessions), encoding="utf-8")
        if lookups:
            (logs / "dns.log").write_text(_DNS + "".join(lookups), encoding="utf-8")
        (tmp_path / "bad.csv").write_text(listed, encoding="utf-8")
        return herdsight.hunt(logs, indicators=tmp_path / "bad.csv", level=level)

    return hunt


def told(hunt: Hunt, host: str, detection: str = "indicator") -> Finding:
    (found,) = [each for each in hunt.findings if each.detection == detection and each.host == host]
    return found


HEAD = "indicator,malware,confidence,valid_from,valid_until,port\n"


def test_a_call_to_a_listed_address(hunted: Hunter) -> None:
    hunt = hunted([session("10.0.0.5", "198.51.100.7", 4444)], f"{HEAD}198.51.100.7,Remcos,90,,,4444\n10.1.1.1,x,,,,\n")
    found = told(hunt, "10.0.0.5")
    assert found.severity == "high"
    assert found.reasons[0].startswith("calls 198.51.100.7, which ")
    assert found.reasons[0].endswith("bad.csv lists as Remcos (line 2)")
    assert (found.numbers["sent"], found.numbers["received"], found.numbers["label"]) == (500, 3_000, "Remcos")
    # Prior 0; a list sure to 90 of 100 (log10 of 90/10), its port (0.5), answered with bytes (0.5).
    assert found.probability == pytest.approx(1 / (1 + 10 ** -(round(math.log10(9), 2) + 1.0)), abs=1e-4)
    assert found.count == 1
    (account,) = hunt.indicators
    assert (account.read, account.used, account.matched, account.told) == (2, 1, 1, 1)
    assert account.refused == {"a private, local or reserved range": 1}
    assert account.samples == ("3: 10.1.1.1: a private, local or reserved range",)


def test_nothing_listed_is_met(hunted: Hunter) -> None:
    hunt = hunted([session("10.0.0.5", "198.51.100.8")], "198.51.100.7\n")
    assert not hunt.findings
    assert (hunt.indicators[0].matched, hunt.indicators[0].told) == (0, 0)


def test_without_a_list_the_analytic_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_text(zeek_conn([session("10.0.0.5", "198.51.100.8")]), encoding="utf-8")
    hunt = herdsight.hunt(tmp_path)
    assert "--indicators FILE" in next(each.why for each in hunt.skipped if each.detection == "indicator")
    assert hunt.indicators == ()


@pytest.mark.parametrize(
    ("listed", "remote"),
    [
        ("198.51.100.0/22", "198.51.103.255"),
        ("198.51.100.0/25", "198.51.100.127"),
        ("2001:db8::/47", "2001:db8:1:ffff::9"),
        ("2001:DB8:0:0::9", "2001:db8::9"),
    ],
)
def test_networks_and_addresses_of_both_versions(hunted: Hunter, listed: str, remote: str) -> None:
    hunt = hunted([session("10.0.0.5", remote)], f"{listed}\n", level="high")
    assert told(hunt, "10.0.0.5").remotes == (remote,)


@pytest.mark.parametrize(
    ("listed", "remote"), [("198.51.100.0/25", "198.51.100.128"), ("2001:db8::/47", "2001:db8:2::1")]
)
def test_the_address_behind_a_network(hunted: Hunter, listed: str, remote: str) -> None:
    assert not hunted([session("10.0.0.5", remote)], f"{listed}\n", level="high").indicators[0].matched


def test_a_name_and_where_it_led(hunted: Hunter) -> None:
    lookups = [
        lookup("10.0.0.5", "A.b.Evil-name.net", "203.0.113.9", at=10),
        lookup("10.0.0.6", "notevil-name.net"),
        lookup("10.0.0.7", "www.page-host.net"),
    ]
    hunt = hunted([session("10.0.0.5", "203.0.113.9", at=20)], "evil-name.net\nhttp://page-host.net/x\n", lookups)
    found = told(hunt, "10.0.0.5")
    assert found.domains[:2] == ("evil-name.net", "a.b.evil-name.net")
    assert (found.remotes, found.ports, found.numbers["received"]) == (("203.0.113.9",), (443,), 3_000)
    assert found.evidence.table == "ASimDnsActivityLogs"
    assert found.count == 1
    assert hunt.indicators[0].matched == 1  # a name that ends alike is another, and a page's host is no other host's


def test_a_name_that_only_is_asked_for_is_less_likely(hunted: Hunter) -> None:
    lookups = [lookup("10.0.0.5", "evil-name.net", "203.0.113.9"), lookup("10.0.0.6", "evil-name.net", "203.0.113.9")]
    hunt = hunted([session("10.0.0.5", "203.0.113.9", at=20)], "evil-name.net\n", lookups)
    called, asked = told(hunt, "10.0.0.5").probability, told(hunt, "10.0.0.6").probability
    assert called is not None
    assert asked is not None
    assert asked < called


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (",,,,2026-10-20,", "seen 12 days after the indicator's end"),
        (",,,2026-11-05,,", "last seen 4 days before the indicator begins"),
        (",,,,,8080", "not by the port that is listed, 8080"),
        (",,5,,,", "the list is sure of it to 5 of 100"),
    ],
)
def test_what_speaks_against_it(hunted: Hunter, more: str, said: str) -> None:
    plain = told(hunted([session("10.0.0.5", "198.51.100.7")], f"{HEAD}198.51.100.7,,,,,\n"), "10.0.0.5")
    found = told(hunted([session("10.0.0.5", "198.51.100.7")], f"{HEAD}198.51.100.7{more}\n", level="high"), "10.0.0.5")
    assert any(said in each for each in found.reasons)
    assert found.probability is not None
    assert plain.probability is not None
    assert found.probability < plain.probability


def test_an_end_before_the_logs_is_counted(hunted: Hunter) -> None:
    hunt = hunted([session("10.0.0.5", "198.51.100.7")], f"{HEAD}198.51.100.7,,,,2026-10-20,\n")
    assert hunt.indicators[0].expired == 1


def test_what_half_of_the_hosts_call_is_doubted(hunted: Hunter) -> None:
    sessions = [session(f"10.0.0.{host}", "198.51.100.7", at=host) for host in range(5, 15)]
    hunt = hunted(sessions, "198.51.100.7\n")
    assert any("10 of 10 hosts call it" in each for each in told(hunt, "10.0.0.5").reasons)
    assert {each.severity for each in hunt.findings if each.detection == "indicator"} == {"low"}


def test_what_is_refused_from_outside_is_no_infection(hunted: Hunter) -> None:
    sessions = [session(f"198.51.100.{each}", "10.0.0.80", 22, each, **UNANSWERED) for each in range(1, 30)]
    hunt = hunted(sessions, "198.51.100.0/24\n")
    assert not [each for each in hunt.findings if each.detection.startswith("indicator")]
    found = told(hunted(sessions, "198.51.100.0/24\n", level="high"), "10.0.0.80", "indicator-source")
    assert (found.role, found.severity) == ("target", "informational")
    assert found.explained_by is not None
    assert (found.numbers["sources"], found.numbers["let_in"]) == (29, 0)


def test_a_source_that_is_let_in_is_a_low_finding_of_a_target(hunted: Hunter) -> None:
    sessions = [session("198.51.100.7", "10.0.0.80", 22, orig_bytes=9_000, resp_bytes=9_000)]
    found = told(hunted(sessions, f"{HEAD}198.51.100.7,,90,,,\n"), "10.0.0.80", "indicator-source")
    assert (found.role, found.severity, found.count) == ("target", "low", 1)


def test_chance_is_counted_and_told_at_level_high(hunted: Hunter) -> None:
    """Of 300 places that are called, lists of a 500th of all addresses meet some by chance."""
    sessions = [session("10.0.0.5", f"{20 + each % 40}.{each % 250}.7.9", at=each) for each in range(300)]
    listed = "20.0.0.0/9\n24.128.0.0/9\n"
    hunt = hunted(sessions, listed)
    assert not [each for each in hunt.findings if each.detection == "indicator"]
    assert (hunt.indicators[0].matched, hunt.indicators[0].told) == (2, 0)
    assert hunted(sessions, listed, level="high").indicators[0].told == 2


def test_a_wide_network_makes_a_single_address_no_likelier_by_chance(hunted: Hunter) -> None:
    sessions = [session("10.0.0.5", f"{100 + each % 40}.{each % 250}.7.9", at=each) for each in range(300)]
    hunt = hunted([*sessions, session("10.0.0.5", "198.51.100.7")], "198.51.100.7\n20.0.0.0/9\n24.0.0.0/9\n")
    assert told(hunt, "10.0.0.5").severity == "high"


def test_a_host_that_asks_for_many_listed_names_and_calls_none_is_a_filter(hunted: Hunter) -> None:
    names = [f"bad-name-{each}.net" for each in range(25)]
    lookups = [lookup("10.0.0.5", name, at=each) for each, name in enumerate(names)]
    hunt = hunted([session("10.0.0.6", "203.0.113.9")], "\n".join(names), lookups)
    assert not hunt.findings
    (why,) = [each for each in hunt.withheld if each.detection == "indicator"]
    assert (why.count, "honest" in why.why) == (25, True)


def test_indicators_of_sentinel_are_judged_with_the_rules_findings(tmp_path: Path) -> None:
    times = [(START + timedelta(minutes=each)).isoformat() + "Z" for each in range(3)]
    connections = [
        {
            "TimeGenerated": time,
            "DeviceName": "desk-1",
            "ActionType": "ConnectionSuccess",
            "LocalIP": "10.0.0.5",
            "RemoteIP": "198.51.100.7",
            "RemotePort": 443,
            "RemoteIPType": "Public",
            "Protocol": "Tcp",
            "InitiatingProcessFileName": "agent.exe",
            "InitiatingProcessAccountName": "alice",
            "InitiatingProcessCommandLine": "agent.exe",
        }
        for time in times
    ]
    indicator = {
        "TimeGenerated": times[0],
        "Id": "one",
        "ObservableKey": "ipv4-addr:value",
        "ObservableValue": "198.51.100.7",
        "IsActive": True,
        "IsDeleted": False,
        "Revoked": False,
        "ValidUntil": "2027-01-01T00:00:00Z",
        "Confidence": 80,
        "Source": "feed",
    }
    for name, rows in (("connections", connections), ("indicators", [indicator])):
        (tmp_path / f"{name}.json").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tables = [("DeviceNetworkEvents", "*connections.json"), ("ThreatIntelIndicators", "*indicators.json")]
    hunt = herdsight.hunt(tmp_path, tables=tables)
    found = {each.detection: each for each in hunt.findings}
    assert found["indicator"].numbers["list_confidence"] == 80
    assert found["indicator-address"].probability == found["indicator"].probability
    assert [(each.source, each.used, each.told) for each in hunt.indicators] == [("ThreatIntelIndicators", 1, 1)]


def test_the_page_and_inspect_say_what_became_of_a_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # so that no sentence is folded, however long the path
    (tmp_path / "conn.log").write_text(zeek_conn([session("10.0.0.5", "198.51.100.7")]), encoding="utf-8")
    bad = tmp_path.parent / f"{tmp_path.name}.txt"
    bad.write_text("198.51.100.7\nco.uk\n", encoding="utf-8")
    for command in ("hunt", "inspect"):
        with pytest.raises(SystemExit) as end:
            main([command, str(tmp_path), "--indicators", str(bad)])
        assert end.value.code == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "1 of 2 entries used" in page
    assert "a suffix under which anyone can have a name (1)" in page
    assert "1 met by hosts, of which findings tell 1" in page


@pytest.mark.parametrize(
    ("address", "spelt"),
    [
        ("198.51.100.7", "4c6336407"),
        ("2001:db8::7", "620010db8000000000000000000000007"),
        ("::", "6" + "0" * 32),
        ("FE80::1%eth0", "6fe800000000000000000000000000001"),
        ("no address", None),
        ("198.51.100", None),
        ("", None),
    ],
)
def test_the_digits_of_an_address(address: str, spelt: str | None) -> None:
    tree = exp.select(digits(exp.Literal.string(address)))
    with duckdb.connect() as connection:
        assert connection.execute(tree.sql(dialect="duckdb")).fetchall() == [(spelt,)]


@pytest.mark.parametrize(("met", "expected"), [(1, 1e-6), (1, 0.05), (2, 0.1), (5, 1.0), (12, 3.0)])
def test_the_tail_of_a_poisson(met: int, expected: float) -> None:
    """Against the sum of what is below it."""
    below = sum(math.exp(-expected) * expected**each / math.factorial(each) for each in range(met))
    assert log10_poisson_tail(met, expected) == pytest.approx(math.log10(1 - below), abs=0.02)


def test_the_tail_of_no_more_than_expected() -> None:
    assert log10_poisson_tail(2, 3.0) == 0
    assert log10_poisson_tail(0, 0.0) == 0
    assert math.isfinite(log10_poisson_tail(1, 0.0))
