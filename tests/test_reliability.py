"""Reliability tables: bins, Wilson's intervals and Brier's score against what is worked out by hand; times of steps."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdsight.evaluating.evaluate import _delay
from herdsight.evaluating.reliability import BOUNDS, Said, bins, brier, wilson

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC


@pytest.mark.parametrize(
    ("met", "of", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (8, 8, 8 / (8 + 1.959964**2), 1.0),
    ],
)
def test_a_share_lies_where_wilson_has_it(met: int, of: int, low: float, high: float) -> None:
    assert wilson(met, of) == pytest.approx((low, high), abs=5e-5)


def test_what_was_said_is_binned_by_how_likely() -> None:
    said = [Said(0.6, is_right=True), Said(0.5, is_right=False), Said(1.0, is_right=True), Said(0.0, is_right=False)]
    low, middle, high = bins(said)
    assert (low.at_least, low.findings, low.right) == (0.0, 1, 0)
    assert (middle.at_least, middle.below, middle.findings, middle.right) == (0.5, 0.75, 2, 1)
    assert (middle.stated, middle.observed) == (0.55, 0.5)
    assert (high.below, high.findings, high.observed) == (1.0, 1, 1.0)
    # The squares of 0.4, 0.5, 0 and 0, of which a quarter is taken.
    assert brier(said) == pytest.approx(0.1025)


def test_of_nothing_said_there_is_no_score() -> None:
    assert brier([]) is None
    assert not list(bins([]))


@given(st.lists(st.builds(Said, st.floats(0, 1), st.booleans()), max_size=40))
def test_everything_is_in_one_bin_and_observed_within_its_interval(said: list[Said]) -> None:
    found = list(bins(said))
    assert sum(each.findings for each in found) == len(said)
    assert sum(each.right for each in found) == sum(each.is_right for each in said)
    for each in found:
        assert each.low <= each.observed <= each.high
        assert each.at_least in BOUNDS


def test_the_intervals_hold_the_true_share_as_often_as_they_say() -> None:
    # Wilson's interval of 50 that are met with 0.3 covers it with 0.9570, summed over the binomial.
    met = np.random.default_rng(3).binomial(50, 0.3, size=4_000)
    covered = np.mean([low <= 0.3 <= high for low, high in (wilson(int(each), 50) for each in met)])
    assert covered == pytest.approx(0.957, abs=0.015)


@pytest.mark.parametrize(
    ("needed", "length", "expected"),
    [
        (0, 86_400, 60),
        (60, 86_400, 60),
        (61, 86_400, 300),
        (4_000, 86_400, 14_400),
        (50_000, 80_000, 80_000),
        (5, 9, 9),
    ],
)
def test_the_time_to_a_detection_is_that_of_the_first_step_that_tells_it(
    needed: float, length: float, expected: float
) -> None:
    tried: list[datetime] = []

    def tells(until: datetime) -> bool:
        tried.append(until)
        return until >= NOON + timedelta(seconds=needed)

    assert _delay(NOON, NOON + timedelta(seconds=length), tells) == expected
    assert len(tried) <= 4  # of nine steps at most
