"""Generated domains: hosts whose truth is known, and what an ordinary host asks for in vain."""

from datetime import datetime, timedelta
from math import comb, log10
from typing import Any

import numpy as np
import pytest
from sights import sight

from herdsight.analytics import Candidate, Found
from herdsight.analytics.dga import DGA, LEAST
from herdsight.analytics.tails import log10_binomial_tail

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
DNS = "ASimDnsActivityLogs"
WORDS = ["paper", "river", "stone", "music", "garden", "window", "silver", "market", "bridge", "forest", "winter"]


def asked(name: str, *, there: bool, host: str = "10.0.0.5", **values: Any) -> dict[str, Any]:
    return {
        "TimeGenerated": NOON + timedelta(seconds=len(name)),
        "SrcIpAddr": host,
        "DnsQuery": name,
        "DnsQueryTypeName": "A",
        "EventResultDetails": "NOERROR" if there else "NXDOMAIN",
        **values,
    }


def letters(count: int, seed: int = 1) -> list[str]:
    random = np.random.default_rng(seed)
    return ["".join(random.choice(list("abcdefghijklmnopqrstuvwxyz"), size=14)) + ".com" for _ in range(count)]


def pairs(count: int) -> list[str]:
    """Domains of two words, as word-list families and honest shops have them."""
    return [f"{one}{other}.com" for one in WORDS for other in WORDS if one != other][:count]


def found(rows: list[dict[str, Any]]) -> Found:
    with sight(DGA, {DNS: rows}) as seen:
        return DGA.find(seen)


def only(rows: list[dict[str, Any]]) -> Candidate:
    (candidate,) = found(rows).candidates
    return candidate


ORDINARY = [asked(name, there=True) for name in pairs(100)]


def test_a_bot_that_looks_for_its_server_is_found() -> None:
    candidate = only([*ORDINARY, *(asked(name, there=False) for name in letters(60))])
    assert candidate.host == "10.0.0.5"
    assert candidate.p_value < 1e-20
    assert candidate.probability > 0.9
    assert set(candidate.domains) <= set(letters(60))


def test_a_few_strange_names_among_many_are_typing_errors() -> None:
    missing = [asked(name, there=False) for name in letters(3)]
    assert not found([*ORDINARY, *missing]).candidates


def test_words_put_together_are_found_by_their_number_alone_and_less_surely() -> None:
    candidate = only([asked(name, there=False) for name in pairs(120)])
    assert candidate.p_value < 1e-20
    assert 0.2 < candidate.probability < 0.75


def test_what_many_hosts_ask_for_in_vain_is_an_outage() -> None:
    rows = [asked(name, there=False, host=f"10.0.0.{host}") for name in letters(60) for host in range(5)]
    assert found(rows) == Found(0, 0, ())


@pytest.mark.parametrize(
    "names",
    [
        [f"{number:08x}deadbeef.hashes.vendor.com" for number in range(80)],  # one registered domain
        [f"{name.removesuffix('.com')}.corp" for name in letters(80)],  # a suffix of the inside
        [f"{number}.2.0.192.in-addr.arpa" for number in range(80)],
        ["wpad", "printer", *(f"host{number}" for number in range(80))],  # no domain
    ],
)
def test_what_is_no_domain_outside_does_not_count(names: list[str]) -> None:
    assert found([asked(name, there=False) for name in names]) == Found(0, 0, ())


def test_a_domain_that_existed_once_is_not_missing() -> None:
    rows = [asked(name, there=there) for name in letters(40) for there in (True, False)]
    assert found(rows) == Found(0, 0, ())


def test_the_second_level_of_a_country_is_no_domain() -> None:
    names = [name.replace(".com", ".co.uk") for name in letters(30)]
    assert only([asked(name, there=False) for name in names]).numbers["missing"] == 30


@pytest.mark.parametrize("rows", [[], [asked("", there=False)], [asked("." * 50, there=False)] * 30])
def test_odd_logs_have_nobody_to_judge(rows: list[dict[str, Any]]) -> None:
    assert found(rows) == Found(0, 0, ())


@pytest.mark.parametrize(
    ("met", "of", "share"), [(5, 10, 0.05), (3, 50, 0.01), (40, 40, 0.5), (1, 10, 0.2), (0, 10, 0.1)]
)
def test_the_bound_is_one_and_not_far_from_the_tail(met: int, of: int, share: float) -> None:
    tail = sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(met, of + 1))
    bound = float(log10_binomial_tail(np.array([met]), np.array([of]), share)[0])
    assert log10(tail) - 1e-9 <= bound
    assert bound <= 0
    assert bound - log10(tail) < 1.5


def test_few_are_not_judged() -> None:
    assert found([asked(name, there=False) for name in letters(LEAST - 1)]).tested == 0
    assert found([asked(name, there=False) for name in letters(LEAST)]).tested == 1
