"""Tunnels and C2 in DNS: what carries data and what names hosts, on queries whose truth is known."""

from base64 import b32encode
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import log10
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sights import sight

import herdsight
from herdsight.analytics import Candidate, Found
from herdsight.analytics.tunnel import TUNNEL, features, log10_letters, log10_texts, pairs_of

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
TABLE = "ASimDnsActivityLogs"


def query(name: str, seconds: float = 0, **values: Any) -> dict[str, Any]:
    return {
        "TimeGenerated": NOON + timedelta(seconds=seconds),
        "EventSubType": "response",
        "SrcIpAddr": "10.0.0.5",
        "DnsQuery": name,
        "DnsQueryType": 1,
        "DnsQueryTypeName": "A",
        **values,
    }


def queries(names: Iterable[str], **values: Any) -> list[dict[str, Any]]:
    return [query(name, 10.0 * number, **values) for number, name in enumerate(names)]


TXT: dict[str, Any] = {"DnsQueryType": 16, "DnsQueryTypeName": "TXT"}


def found(rows: Sequence[dict[str, Any]]) -> Found:
    with sight(TUNNEL, {TABLE: rows}) as seen:
        return TUNNEL.find(seen)


def only(rows: Sequence[dict[str, Any]]) -> Candidate:
    (candidate,) = found(rows).candidates
    return candidate


def codes(count: int, size: int = 20) -> list[str]:
    """Names that carry random bytes, as base32."""
    random = np.random.default_rng(1)
    return [b32encode(random.bytes(size)).decode().rstrip("=").lower() + ".t.qzxv.example" for _ in range(count)]


ORDINARY = [  # ten hosts' names under each of thirty domains, of five to fourteen letters
    query(f"{'abcdefghijklmn'[: 5 + number]}{number}.site{site}.example", SrcIpAddr=f"10.0.1.{site % 3}")
    for site in range(30)
    for number in range(10)
]


# --- features and the null hypotheses -------------------------------------------------------------------------------


def test_features_are_counted_by_hand() -> None:
    rows = [
        *queries(
            ["a.b.qzxv.co.uk", "A.b.qzxv.co.uk.", "cc.qzxv.co.uk", "d.qzxv.co.uk", "e.qzxv.co.uk", "f.qzxv.co.uk"]
        ),
        query("d.qzxv.co.uk", EventSubType="request"),  # the same event, logged twice
        query("g.qzxv.co.uk", **TXT),
        query("qzxv.co.uk"),
        query("h.qzxv.co.uk", SrcIpAddr="10.0.0.6"),
    ]
    with sight(TUNNEL, {TABLE: rows}) as seen:
        (row,) = seen.run(features(seen.schema)).to_pylist()
    assert (row["host"], row["domain"], row["names"], row["hosts"]) == ("10.0.0.5", "qzxv.co.uk", 6, 2)
    assert (row["asked"], row["texts"], row["letters"]) == (7, 1, 3 + 2 + 1 + 1 + 1 + 1)


def test_the_tail_of_texts_is_geometric() -> None:
    # A mean of 3 a day: three queries in four times out of four, then three of four ...
    tails = log10_texts(np.array([1.0, 10.0, 10.0]), np.array([1.0, 1.0, 2.0]))
    assert tails == pytest.approx([log10(3 / 4), 10 * log10(3 / 4), 10 * log10(6 / 7)])


def test_chance_is_called_no_chance_at_most_as_often_as_its_p_value_says() -> None:
    random = np.random.default_rng(2)
    letters = 10 ** random.normal(1.9, 0.45, size=20_000)
    tails = log10_letters(letters, np.full(20_000, 8.0))
    for p in (0.01, 0.001):
        assert (tails < log10(p)).mean() <= 1.3 * p


def test_what_is_usual_here_counts_more_the_more_there_is() -> None:
    # 30,000 letters are many among pairs with 80, and fewer where all have a thousand.
    among_few = log10_letters(np.array([30_000.0, *[80.0] * 200]), np.full(201, 10.0))[0]
    among_many = log10_letters(np.array([30_000.0, *[1_000.0] * 200]), np.full(201, 10.0))[0]
    assert among_few < -6
    assert among_many > -4


# --- what is found --------------------------------------------------------------------------------------------------


def test_a_tunnel_among_ordinary_names_is_found_and_they_are_not() -> None:
    candidate = only([*ORDINARY, *queries(codes(2_000))])
    assert (candidate.host, candidate.domains) == ("10.0.0.5", ("qzxv.example",))
    assert candidate.p_value < 1e-9
    assert candidate.probability > 0.9
    assert candidate.numbers["names"] == 2_000


def test_texts_that_are_asked_for_again_and_again_are_found() -> None:
    candidate = only(queries([f"c.{number % 7}.ns.qzxv.example" for number in range(50)], **TXT))
    assert candidate.p_value < 1e-5
    assert candidate.probability > 0.8


@pytest.mark.parametrize(
    "rows",
    [
        queries(["www.qzxv.example"] * 5_000),
        queries([f"{number}.1.168.192.in-addr.arpa" for number in range(2_000)], **TXT),
        queries([f"{number}._tcp.qzxv.example" for number in range(100)], **TXT),
        queries([f"printer{number}.local" for number in range(2_000)]),
        queries([f"host{number}" for number in range(2_000)]),
    ],
)
def test_names_that_carry_nothing_are_no_tunnel(rows: list[dict[str, Any]]) -> None:
    assert found(rows).candidates == ()


def test_what_is_asked_of_a_popular_domain_is_less_likely_a_tunnel() -> None:
    own, popular = (
        only(queries([name.replace("qzxv.example", domain) for name in codes(500)]))
        for domain in ("qzxv.example", "amazonaws.com")
    )
    assert popular.probability < own.probability
    assert popular.probability < 0.7


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (queries([name.replace("qzxv.example", "sophosxl.net") for name in codes(500)], **TXT), "Sophos"),
        (
            [row | {"SrcIpAddr": f"10.0.2.{host}"} for host in range(6) for row in queries(codes(300))],
            "6 of 6 hosts",
        ),
    ],
)
def test_honest_data_in_names_is_explained(rows: list[dict[str, Any]], says: str) -> None:
    candidates = found(rows).candidates
    assert candidates
    assert all(says in str(each.explained_by) for each in candidates)


# --- odd logs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [query("a.qzxv.example")],
        [query("")] * 50,
        [query(".")] * 50,
        [query("...", **TXT)] * 50,
        [query(f"{number}\x00\n é.qzxv.example", **TXT) for number in range(50)],
        [query(f"{'a' * 63}.{number}.qzxv.example", SrcIpAddr="2001:db8::5") for number in range(50)],
        [query(name, DnsQueryType=None, DnsQueryTypeName="", EventSubType="") for name in codes(300)],
        queries(codes(300)) * 3,
        [query(name, seconds) for name, seconds in zip(codes(20), [-1e9, 1e9] * 10, strict=True)],
    ],
)
def test_odd_logs_give_numbers_and_no_exception(rows: list[dict[str, Any]]) -> None:
    with sight(TUNNEL, {TABLE: rows}) as seen:
        pairs = pairs_of(seen.run(features(seen.schema)))
    assert all(each.log10_p <= 0 and each.bits >= 0 for each in pairs)
    for each in found(rows).candidates:
        assert 0 <= each.p_value <= 1
        assert 0 <= each.probability <= 1
        assert all(value == value for value in each.numbers.values())  # noqa: PLR0124 no NaN


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("logs", "mappings", "host"),
    [
        ("dns-c2-txt/c2_dns_txt/tsv", [], "192.168.100.121"),
        ("dns-tunnel", ["dns2tcp.yaml"], "172.17.0.3"),
    ],
)
def test_captured_tunnels_are_found_at_high_severity(
    shared_data: Path, logs: str, mappings: list[str], host: str
) -> None:
    folder = Path(__file__).parent.parent / "evaluation" / "mappings"
    hunt = herdsight.hunt(shared_data / "data" / "labelled" / logs, mappings=[folder / each for each in mappings])
    (finding,) = [each for each in hunt.findings if each.detection == "tunnel"]
    assert (finding.host, finding.severity) == (host, "high")
