"""How a text is read: literals at the edge of what they hold, names where words stand, strings where marks stand."""

import math
from typing import Any

import pytest

import herdsight
from herdsight.errors import QueryError
from herdsight.kql.lexer import Text
from herdsight.kql.statements import parse


def answer(kql: str) -> Any:
    """The one value that a query prints."""
    ((value,),) = (row.values() for row in herdsight.query(kql).to_pylist())
    return value


def failure(kql: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        herdsight.query(kql)
    return caught.value


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("-9223372036854775808", -(2**63)),
        ("long(-9223372036854775808)", -(2**63)),
        ("-(-9223372036854775807)", 2**63 - 1),
        ("-(-9223372036854775808)", None),  # does not fit
        ("5.", 5.0),
        ("1.e3", 1000.0),
        ("1e400", math.inf),
        ("3 between (1..5)", True),
    ],
)
def test_a_literal_at_the_edge_has_its_value(literal: str, value: Any) -> None:
    assert answer(f"print {literal}") == value


@pytest.mark.parametrize(
    ("kql", "says", "column"),
    [
        ("print 9223372036854775808", "64 bits", 7),
        ("print long(9223372036854775808)", "64 bits", 12),
        ("print " + "9" * 50, "64 bits", 7),
        ("print 0x" + "f" * 1000, "64 bits", 7),
        ('print "\\U00110000"', "half a character", 7),
        ("print guid(zzz)", "no guid literal", 7),
        ("print -true", "negate cannot take bool", 7),
        ("print -datetime(2024-01-01)", "", 7),
        ("print (x = 1)", "expected ')'", 10),
        ("print 1 in (x = 1)", "", 15),
        ("union kind=| (print 1)", "expected a value", 12),
        ("print timespan(" + "9" * 30 + "d)", "timespan", 7),
    ],
)
def test_what_no_literal_or_place_allows_is_told(kql: str, says: str, column: int) -> None:
    error = failure(kql)
    assert says in error.what
    assert error.place is not None
    assert error.place.column == column


@pytest.mark.parametrize(
    "kql",
    [
        'print s = "=" | search "="',
        'print s = "has" | union (search "contains")',
        'print hint = 1 | extend hint, x = "="',
        'print x = "a" | where x != "=" | take 1',
        "range ['a b'] from 1 to 1 step 1",
        "datatable(n: long)[1] | make-series ['c c'] = count() on ['a a'] = n step 1",
    ],
)
def test_a_string_is_no_mark_and_a_name_may_stand_in_brackets(kql: str) -> None:
    parse(Text(kql))


@pytest.mark.parametrize(
    ("pattern", "chosen"),
    [("*", ["a[b]", "ab", "a?"]), ("a*", ["a[b]", "ab", "a?"]), ("*b*", ["a[b]", "ab"]), ("a*b*", ["a[b]", "ab"])],
)
def test_a_star_is_the_only_wildcard(pattern: str, chosen: list[str]) -> None:
    table = herdsight.query(
        f'print ["a[b]"] = 1, ab = 2, ["a?"] = 3 | project-reorder {pattern}, * | project-keep {pattern}'
    )
    assert sorted(table.column_names) == sorted(chosen)


@pytest.mark.parametrize("name", ["a[b]", "a?"])
def test_a_name_in_brackets_is_itself(name: str) -> None:
    table = herdsight.query(f'print ["a[b]"] = 1, ab = 2, ["a?"] = 3 | project-away ["{name}"]')
    assert name not in table.column_names
    assert table.num_columns == 2
