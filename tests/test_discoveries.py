"""False discovery rates: against the definition, and against what chance and real things give."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import zeek_conn
from hypothesis import given
from hypothesis import strategies as st

import herdsight
from herdsight.analytics.discoveries import q_values
from herdsight.findings.model import Finding
from herdsight.hunting.analysing import BUDGET, CHANCE
from herdsight.telemetry import Level

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC


def test_the_rates_of_a_worked_example() -> None:
    # By hand, of 10 tested: 0.001 x 10 / 1; 0.03 x 10 / 2 = 0.15 and 0.04 x 10 / 3 = 0.133, the smaller for both.
    assert q_values([0.04, 0.001, 0.03], 10) == pytest.approx([0.4 / 3, 0.01, 0.4 / 3])


def test_nothing_has_no_rates_and_no_rate_is_above_one() -> None:
    assert q_values([], 10) == []
    assert q_values([0.5], 10) == [1.0]


def test_no_fewer_are_taken_for_tested_than_there_are() -> None:
    assert q_values([0.01, 0.02], 0) == q_values([0.01, 0.02], 2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 50))
def test_the_rates_are_those_of_the_definition(p_values: list[float], more: int) -> None:
    tested = len(p_values) + more

    def rate(p_value: float) -> float:
        reached = (each for each in p_values if each >= p_value)
        return min(1.0, *(each * tested / sum(other <= each for other in p_values) for each in reached), 1.0)

    assert q_values(p_values, tested) == pytest.approx([rate(each) for each in p_values])


def test_the_share_of_chance_among_what_is_told_is_no_greater_than_asked() -> None:
    # 60 real things among 1,000: 200 times what has a rate up to 0.1, of which the share that is chance is at most
    # 0.1 x 940 / 1,000 in the mean (Benjamini and Hochberg's theorem); its error at 200 times is about 0.003.
    rng = np.random.default_rng(7)
    shares = []
    for _ in range(200):
        p_values = np.concatenate([rng.uniform(size=940), rng.beta(0.05, 30, size=60)])
        told = np.asarray(q_values(p_values.tolist(), 1_000)) <= 0.1
        shares.append(told[:940].sum() / max(told.sum(), 1))
    assert np.mean(shares) == pytest.approx(0.094, abs=0.012)


def refused(number: int, times: Sequence[float]) -> list[dict[str, Any]]:
    """Refused calls of a host to a place of its own outside, at these seconds."""
    host = f"10.0.0.{number}"
    own = {
        "id.orig_h": host,
        "id.orig_p": 50_000,
        "id.resp_h": f"203.0.113.{number}",
        "id.resp_p": 1177,
        "proto": "tcp",
    }
    return [
        {"ts": NOON + timedelta(seconds=each), "uid": f"C{host}{call}", "conn_state": "S0", **own}
        for call, each in enumerate(times)
    ]


def test_a_finding_tells_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    random = np.random.default_rng(1).uniform(0, 18_000, size=(9, 40))
    rows = [each for host in range(9) for each in refused(host, sorted(random[host].tolist()))]
    path.write_text(zeek_conn([*rows, *refused(20, [60.0 * each for each in range(300)])]))
    (told,) = [each for each in herdsight.hunt(path).findings if each.detection == "beacon"]
    assert told.host == "10.0.0.20"
    assert told.numbers["tested"] == 10
    # The only one that is no chance: its rate is what chance makes of ten.
    assert told.numbers["q_value"] == told.numbers["expected_by_chance"] == pytest.approx(_ten_times(told))


def _ten_times(told: Finding) -> float:
    return 10 * float(told.numbers["p_value"] or 0)


@pytest.mark.parametrize(("level", "hosts"), [(Level.LOW, 10), (Level.MEDIUM, 10)])
def test_in_fewer_than_ten_host_days_the_budget_is_the_stricter(level: Level, hosts: int) -> None:
    # A p-value just within the budget, alone of all that were tested: its rate is p x tested = budget x host-days.
    assert BUDGET[level] * hosts <= CHANCE[level] * (1 + 1e-12)
