"""Regular expressions as constants: which are refused and why, what groups they have, how they are spelt."""

import pytest

from herdsight.kql.functions import re2


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?=x)", "invalid perl operator"),
        ("(?<!x)y", "invalid perl operator"),
        (r"(a)\1", "invalid escape sequence"),
        ("(a", "missing )"),
        ("[a", "missing ]"),
        ("*a", "no argument for repetition operator"),
        ("a{2000}", "invalid repetition size"),
    ],
)
def test_a_pattern_that_re2_has_not_is_refused_with_its_reason(pattern: str, why: str) -> None:
    assert why in (re2.fault(pattern) or "")


@pytest.mark.parametrize("pattern", ["", r"\bKQL\b", "(?i)a|b", "(?<name>a)", r"\p{Greek}", "[[:alpha:]-]", r"\Q(\E"])
def test_a_pattern_that_re2_has_is_taken(pattern: str) -> None:
    assert re2.fault(pattern) is None


def test_a_rewrite_may_refer_to_the_groups_there_are() -> None:
    assert re2.fault("(a)(b)", r"\2\1 \0 \\") is None
    assert re2.fault("(a)", r"\2") is not None
    assert re2.fault("(a)", "\\") is not None


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("abc", ()),
        ("(a)(?:b)((c))", ("", "", "")),
        (r"(?P<first>a)\((?<second>b)", ("first", "second")),
        (r"[(](a)[^)(]", ("",)),
        (r"[](](a)[[:alpha:](]", ("",)),
        (r"\Q(a)\E(b)(?i:c)", ("",)),
    ],
)
def test_groups_are_counted_as_re2_counts_them(pattern: str, names: tuple[str, ...]) -> None:
    assert re2.groups(pattern) == names
    assert re2.fault(pattern, f"\\{len(names)}") is None
    assert re2.fault(pattern, f"\\{len(names) + 1}") is not None


def test_a_named_group_is_spelt_as_older_engines_know_it() -> None:
    assert re2.spelt(r"(?<a>x)\(?<b>[(?<c>]") == r"(?P<a>x)\(?<b>[(?<c>]"
