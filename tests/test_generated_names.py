"""Generated names: what the shipped model says of names that no training has seen, and of odd ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdsight.analytics.generated import LONGEST, codes, log10_odds, trigrams

HONEST = [
    "mail.university.example",
    "weather-forecast.example",
    "thebakery.example",
    "cityhospital.example",
    "photography.example",
    "smallbusinessnews.example",
]


def made(seed: int, count: int = 200) -> list[str]:
    """Names as a generator of letters makes them."""
    random = np.random.default_rng(seed)
    return ["".join(random.choice(list("abcdefghijklmnopqrstuvwxyz"), size=14)) + ".example" for _ in range(count)]


def test_honest_names_are_told_from_generated_ones() -> None:
    threshold = 0.65  # that one in a hundred honest names passes, by docs/generated-names.md
    assert (log10_odds(HONEST) < threshold).all()
    assert (log10_odds(made(1)) > threshold).mean() > 0.9


def test_labels_are_read_as_they_are_spelt() -> None:
    rows = codes(["ab.example", "www.longest-one.co.uk", "only"])
    assert rows.shape == (3, LONGEST + 2)
    assert rows[0, :4].tolist() == [0, 1, 2, 0]
    assert (rows[1] != 0).sum() == len("longest-one")
    assert (trigrams(rows)[0] != 0).sum() == 2  # (end a b), (a b end)


def test_case_and_a_final_dot_change_nothing() -> None:
    names = [*HONEST, *made(2, 20)]
    plain = log10_odds(names)
    assert log10_odds([name.upper() for name in names]) == pytest.approx(plain)
    assert log10_odds([f"{name}." for name in names]) == pytest.approx(plain)


@given(st.lists(st.text(max_size=80), max_size=20))
def test_no_text_gives_anything_but_a_number_a_name(names: list[str]) -> None:
    found = log10_odds(names)
    assert found.shape == (len(names),)
    assert np.isfinite(found).all()


def test_pieces_are_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [*HONEST, *made(3, 20)]
    whole = log10_odds(names)
    monkeypatch.setattr("herdsight.analytics.generated._PIECE", 7)
    assert log10_odds(names) == pytest.approx(whole)
