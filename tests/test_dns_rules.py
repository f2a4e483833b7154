"""Rules over DNS and indicators on real captures, and what a hunt says where a watchlist lacks."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Writer

import herdsight
from herdsight.findings.model import Hunt
from herdsight.hunting import hunt as hunting
from herdsight.proving.running import run_cases
from herdsight.rules.reading import RuleFile, read_rule, shipped_rules
from herdsight.telemetry import Options

ALL = {each.slug: each for each in shipped_rules()}
DNS = [ALL[name] for name in ("nxdomain-burst", "dga-names", "dns-tunnel-subdomains", "dns-txt-c2", "rare-resolver")]
INDICATORS = [ALL["indicator-address"], ALL["indicator-domain"]]


def hunted(rules: Sequence[RuleFile], *paths: Path, **options: Any) -> Hunt:
    return hunting.hunt(paths, Options(**options), rules=rules)


def found(hunt: Hunt) -> set[tuple[str, str]]:
    return {(each.detection, each.host) for each in hunt.findings}


# --- real captures ----------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_program_fetched_in_texts_is_found(shared_data: Path, form: str) -> None:
    hunt = hunted(DNS, shared_data / "data" / "labelled" / "dns-c2-txt" / "c2_dns_txt" / form)
    assert found(hunt) == {("dns-txt-c2", "192.168.100.121")}
    assert hunt.findings[0].numbers.items() >= {"Domain": "ostrykebs.pl", "Queries": 49}.items()


@pytest.mark.shared_data
def test_a_tunnel_is_found(shared_data: Path, tmp_path: Path) -> None:
    log = tmp_path / "dns.log"
    log.write_text("".join(tunnel(shared_data / "data" / "labelled" / "dns-tunnel" / "dns2tcp.dnsq.tsv")))
    hunt = hunted(DNS, log)
    assert found(hunt) == {("dns-tunnel-subdomains", "172.17.0.3"), ("dns-txt-c2", "172.17.0.3")}
    assert {each.numbers["Domain"] for each in hunt.findings} == {"hidemyself.org"}


def tunnel(queries: Path) -> list[str]:
    """The capture's queries as Zeek logs them."""
    with queries.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        json.dumps(
            {
                "ts": float(row["frame.time_epoch"]),
                "uid": f"C{number}",
                "id.orig_h": row["ip.src"],
                "id.orig_p": 40000,
                "id.resp_h": row["ip.dst"],
                "id.resp_p": 53,
                "proto": "udp",
                "query": row["dns.qry.name"],
                "qtype": 16,
                "qtype_name": "TXT",
            }
        )
        + "\n"
        for number, row in enumerate(rows)
    ]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["suricata-test6.eve.json", "rita-proxy", "remcos-test18", "test7-three-formats"])
def test_dns_without_c2_in_it_is_silent(shared_data: Path, name: str) -> None:
    context = [ALL[each] for each in ("c2-without-dns", "c2-by-name", "new-domain-callback")]
    assert found(hunted([*DNS, *context], shared_data / "data" / "labelled" / name)) == set()


@pytest.mark.shared_data
@pytest.mark.parametrize("family", ["bazarbackdoor", "chinad", "fobber", "murofet", "necurs", "qakbot", "zloader"])
def test_a_host_that_asks_for_the_names_of_a_generator_is_found(
    shared_data: Path, json_log: Writer, family: str
) -> None:
    names = (shared_data / "data" / "dga" / f"{family}.txt").read_text(encoding="utf-8").split()
    assert ("dga-names", "10.0.0.5") in found(hunted(DNS, json_log(map(missing, range(40), names[1:]))))


@pytest.mark.shared_data
def test_names_of_words_are_a_known_gap_of_looking_at_names(shared_data: Path, json_log: Writer) -> None:
    names = (shared_data / "data" / "dga" / "pitou.txt").read_text(encoding="utf-8").split()
    assert found(hunted(DNS, json_log(map(missing, range(40), names)))) == {("nxdomain-burst", "10.0.0.5")}


def missing(number: int, name: str) -> dict[str, object]:
    """An answer that there is no such name, as ASIM's table has it; a minute has one."""
    return {
        "TimeGenerated": f"2026-05-31T00:{number:02}:00Z",
        "SrcIpAddr": "10.0.0.5",
        "DnsQuery": name,
        "DnsQueryTypeName": "A",
        "EventResultDetails": "NXDOMAIN",
        "EventType": "Query",
    }


# --- indicators -------------------------------------------------------------------------------------------------------


def test_without_indicators_a_hunt_says_how_to_give_some(json_log: Writer) -> None:
    hunt = hunted(INDICATORS, json_log([missing(0, "evil.example.com")]))
    why = {each.detection: each.why for each in hunt.skipped}
    assert why["indicator-domain"] == (
        "it reads ThreatIntelIndicators, and nothing in these logs can be seen as that;"
        " it reads the watchlist Indicators, which was not given (--watchlist Indicators=FILE.csv)"
    )


def test_a_watchlist_of_indicators_is_enough(json_log: Writer, tmp_path: Path) -> None:
    watchlist = tmp_path / "indicators.csv"
    watchlist.write_text("Indicator,Note\nexample.com,bad\n")
    log = json_log([missing(0, "evil.example.com"), missing(1, "example.org")])
    hunt = hunted(INDICATORS, log, watchlists=(("Indicators", str(watchlist)),))
    assert [each.detection for each in hunt.skipped] == ["indicator-address"]  # there are no connections
    (finding,) = hunt.findings
    assert (finding.host, finding.count, finding.numbers["Indicator"]) == ("10.0.0.5", 1, "example.com")


def test_the_watchlist_also_answers_queries(json_log: Writer, tmp_path: Path) -> None:
    watchlist = tmp_path / "indicators.csv"
    watchlist.write_text("Indicator,Note\nexample.com,bad\n")
    log = json_log([missing(0, "example.com")])
    listed = "_GetWatchlist('Indicators') on $left.DnsQuery == $right.Indicator"
    kql = f"ASimDnsActivityLogs | join kind=inner {listed} | count"
    assert herdsight.query(kql, log, watchlists={"Indicators": watchlist}).to_pylist() == [{"Count": 1}]


# --- cases with watchlists --------------------------------------------------------------------------------------------


def test_a_case_has_the_watchlists_that_its_rule_names() -> None:
    text = Path(__file__).resolve().parents[1].joinpath("content", "rules", "indicator-domain.yaml").read_text("utf-8")
    listed = "- {Indicator: c2.example.com, Note: a name}"
    assert listed in text
    tests = run_cases([read_rule("mine.yaml", text.replace(listed, "- {Indicator: c3.example.com, Note: a name}"))])
    failed = [each.case for each in tests.cases if not each.passed]
    assert failed == ["the name itself, in other letters and with a dot", "a name four labels below"]


# --- names that move --------------------------------------------------------------------------------------------------


def test_a_name_that_moves_is_found_as_it_is_simulated(tmp_path: Path) -> None:
    herdsight.simulate("fast-flux", tmp_path / "flux", forms="zeek")
    assert found(hunted([ALL["fast-flux"]], tmp_path / "flux" / "logs")) == {("fast-flux", "10.20.2.17")}
