"""What rules use most, over random rows with nulls: Herdsight gives what `semantics.py`, which knows no SQL, gives."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
import semantics
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import NOW, Ours, Rows, Types, plain
from reference import SetOf, grouped
from semantics import Row, between, both, either, equal, less, less_or_equal, negated, unequal

from herdsight.tables import ColumnType

BOOL, LONG, REAL, STRING = ColumnType.BOOL, ColumnType.LONG, ColumnType.REAL, ColumnType.STRING
DATETIME, TIMESPAN, DYNAMIC = ColumnType.DATETIME, ColumnType.TIMESPAN, ColumnType.DYNAMIC

Meanings = Mapping[str, Callable[[Row], Any]]  # KQL, and what it means

thorough = settings(max_examples=20, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def ours() -> Iterator[Ours]:
    engine = Ours()
    yield engine
    engine.close()


# --- Rows ------------------------------------------------------------------------------------------------------------

MICROSECOND, SECOND = timedelta(microseconds=1), timedelta(seconds=1)

few = st.none() | st.integers(-2, 2)
truths = st.none() | st.booleans()
letters = st.sampled_from(("", "a", "A", "b"))
_edges = st.builds(lambda seconds, play: NOW + seconds * SECOND + play * MICROSECOND, *[st.integers(-2, 2)] * 2)
moments = st.none() | _edges | st.datetimes(NOW.replace(year=1890), NOW.replace(year=2110))


def rows_of(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of these columns, numbered in `Id`."""
    found = st.lists(st.fixed_dictionaries(columns), max_size=9)
    return found.map(lambda rows: [{"Id": number, **row} for number, row in enumerate(rows)])


def asked(ours: Ours, query: str) -> list[dict[str, Any]]:
    """The rows of an answer by name."""
    answer = ours.answer(query)
    return [dict(zip(answer.names, row, strict=True)) for row in answer.rows]


def check(ours: Ours, types: Types, rows: Rows, meanings: Meanings) -> None:
    """Ask for the value of each expression in each row."""
    ours.put("T", types, rows)
    named = {f"X{number}": kql for number, kql in enumerate(meanings)}
    given_rows = asked(ours, f"T | project Id, {', '.join(f'{name} = {kql}' for name, kql in named.items())}")
    values = {row["Id"]: row for row in given_rows}
    assert len(values) == len(rows)
    for row in rows:
        for name, kql in named.items():
            assert plain(values[row["Id"]][name]) == plain(meanings[kql](row)), (kql, row)


def check_filters(ours: Ours, rows: Rows, meanings: Meanings) -> None:
    """Ask which rows each condition keeps: those where it is true, and not those where it is null."""
    for kql, holds in meanings.items():
        kept = [row["Id"] for row in asked(ours, f"T | where {kql} | project Id | sort by Id asc")]
        assert kept == [row["Id"] for row in rows if holds(row) is True], (kql, rows)


# --- Nulls in conditions ---------------------------------------------------------------------------------------------

MANY = ", ".join(str(number) for number in range(1_500))  # more than are compared one by one

COMPARISONS: Meanings = {
    "A == B": lambda row: equal(row["A"], row["B"]),
    "A != B": lambda row: unequal(row["A"], row["B"]),
    "A < B": lambda row: less(row["A"], row["B"]),
    "A <= B": lambda row: less_or_equal(row["A"], row["B"]),
    "A > B": lambda row: less(row["B"], row["A"]),
    "A >= B": lambda row: less_or_equal(row["B"], row["A"]),
    "A == 1": lambda row: row["A"] == 1,
    "A != 1": lambda row: row["A"] != 1,
    "not(A == B)": lambda row: negated(equal(row["A"], row["B"])),
    "not(A == 1)": lambda row: row["A"] != 1,
    "not(A < B)": lambda row: negated(less(row["A"], row["B"])),
    "A == B or A < B": lambda row: either(equal(row["A"], row["B"]), less(row["A"], row["B"])),
    "A != B and not(B == C)": lambda row: both(unequal(row["A"], row["B"]), negated(equal(row["B"], row["C"]))),
    "A between (B .. C)": lambda row: between(row["A"], row["B"], row["C"]),
    "A !between (B .. C)": lambda row: negated(between(row["A"], row["B"], row["C"])),
    "not(A between (B .. C))": lambda row: negated(between(row["A"], row["B"], row["C"])),
    "A between (0 .. 1)": lambda row: between(row["A"], 0, 1),
    "A !between (0 .. 1)": lambda row: negated(between(row["A"], 0, 1)),
    "A in (0, 1)": lambda row: row["A"] in (0, 1),
    "A !in (0, 1)": lambda row: row["A"] not in (0, 1),
    "not(A in (0, 1))": lambda row: row["A"] not in (0, 1),
    "not(A !in (0, 1))": lambda row: row["A"] in (0, 1),
    f"A in ({MANY})": lambda row: row["A"] in range(1_500),
    f"A !in ({MANY})": lambda row: row["A"] not in range(1_500),
    f"iff(A in ({MANY}), A == C, B != C)": lambda row: (
        equal(row["A"], row["C"]) if row["A"] in range(1_500) else unequal(row["B"], row["C"])
    ),
    "A in (0, B)": lambda row: semantics.among(row["A"], (0, row["B"])),
    "A !in (0, B)": lambda row: not semantics.among(row["A"], (0, row["B"])),
    "A in (dynamic([0, 1]))": lambda row: row["A"] in (0, 1),
    "A !in (dynamic([0, 1]))": lambda row: row["A"] not in (0, 1),
    "isnull(A) or A > B": lambda row: either(row["A"] is None, less(row["B"], row["A"])),
    "iff(A > B, A == C, B != C)": lambda row: (
        equal(row["A"], row["C"]) if less(row["B"], row["A"]) else unequal(row["B"], row["C"])
    ),
}
LOGIC: Meanings = {
    "A and B": lambda row: both(row["A"], row["B"]),
    "A or B": lambda row: either(row["A"], row["B"]),
    "not(A)": lambda row: negated(row["A"]),
    "not(A and B)": lambda row: negated(both(row["A"], row["B"])),
    "not(A) or (B and C)": lambda row: either(negated(row["A"]), both(row["B"], row["C"])),
    "A == B": lambda row: equal(row["A"], row["B"]),
    "A != B": lambda row: unequal(row["A"], row["B"]),
    "A == true": lambda row: row["A"] is True,
    "A != true": lambda row: row["A"] is not True,
    "not(A == true)": lambda row: row["A"] is not True,
}
_short = st.integers(-2, 2).map(lambda minutes: NOW + timedelta(minutes=minutes))
OPERANDS = {LONG: few, REAL: few.map(lambda n: None if n is None else n / 2), DATETIME: st.none() | _short}


@pytest.mark.parametrize("kind", OPERANDS)
@thorough
@given(data=st.data())
def test_nulls_in_comparisons(ours: Ours, kind: ColumnType, data: st.DataObject) -> None:
    rows = data.draw(rows_of(**dict.fromkeys("ABC", OPERANDS[kind])))
    of_columns = {kql: holds for kql, holds in COMPARISONS.items() if kind is not DATETIME or not set(kql) & set("01")}
    check(ours, {"Id": LONG, **dict.fromkeys("ABC", kind)}, rows, of_columns)
    some = data.draw(st.lists(st.sampled_from(list(of_columns)), min_size=3, max_size=3))
    check_filters(ours, rows, {kql: of_columns[kql] for kql in some})


@thorough
@given(rows=rows_of(**dict.fromkeys("ABC", truths)))
def test_nulls_in_logic(ours: Ours, rows: Rows) -> None:
    check(ours, {"Id": LONG, **dict.fromkeys("ABC", BOOL)}, rows, LOGIC)
    check_filters(ours, rows, LOGIC)


# --- Terms -----------------------------------------------------------------------------------------------------------

_CASED = (semantics.has_cs, semantics.hasprefix_cs, semantics.hassuffix_cs)
_OPERATORS = {
    **{of.__name__: of for of in _CASED},
    **{of.__name__.removesuffix("_cs"): semantics.any_case(of) for of in _CASED},
}


def _holds(of: Callable[[str, str], bool], expected: bool) -> Callable[[Row], bool]:
    return lambda row: of(row["A"], row["B"]) is expected


def _has(row: Row, term: str) -> bool:
    return _OPERATORS["has"](row["A"], term)


TERMS: Meanings = {
    **{f"A {name} B": _holds(of, expected=True) for name, of in _OPERATORS.items()},
    **{f"A !{name} B": _holds(of, expected=False) for name, of in _OPERATORS.items()},
    "A has_any (B, 'ab')": lambda row: _has(row, row["B"]) or _has(row, "ab"),
    "A has_all (B, 'ab')": lambda row: _has(row, row["B"]) and _has(row, "ab"),
    "A has 'svc.exe'": lambda row: _has(row, "svc.exe"),
    "A has_any ('svc.exe', 'ab-')": lambda row: _has(row, "svc.exe") or _has(row, "ab-"),
}
_pieces = st.lists(st.sampled_from(("a", "b", "ab", "B", "7", "svc.exe", "é", "日", *"_-. \\")), max_size=6).map(
    "".join
)


_parts = st.builds(lambda text, start, length: (text, text[start : start + length]), _pieces, *[st.integers(0, 7)] * 2)
_pairs = st.lists(_parts | st.tuples(_pieces, _pieces), max_size=12)


@thorough
@given(rows=_pairs.map(lambda pairs: [{"Id": n, "A": text, "B": term} for n, (text, term) in enumerate(pairs)]))
def test_terms(ours: Ours, rows: Rows) -> None:
    check(ours, {"Id": LONG, "A": STRING, "B": STRING}, rows, TERMS)


# --- Time and bins ---------------------------------------------------------------------------------------------------

SIZES = {
    "100ms": timedelta(milliseconds=100),
    "1s": SECOND,
    "5m": timedelta(minutes=5),
    "7h": timedelta(hours=7),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
}


def _difference(unit: str) -> Callable[[Row], int | None]:
    return lambda row: semantics.datetime_diff(unit, row["A"], row["B"])


def _bin_of_time(size: timedelta) -> Callable[[Row], datetime | None]:
    return lambda row: semantics.bin_time(row["A"], size)


OF_TIME: Meanings = {
    **{f"datetime_diff('{unit}', A, B)": _difference(unit) for unit in semantics.UNITS},
    **{f"bin(A, {kql})": _bin_of_time(size) for kql, size in SIZES.items()},
}


@thorough
@given(rows=rows_of(A=moments, B=moments))
def test_boundaries_of_time_and_bins_of_it(ours: Ours, rows: Rows) -> None:
    check(ours, {"Id": LONG, "A": DATETIME, "B": DATETIME}, rows, OF_TIME)


BINS_OF_NUMBERS: Meanings = {
    "bin(A, 3)": lambda row: semantics.bin_number(row["A"], 3),
    "bin(A, 10)": lambda row: semantics.bin_number(row["A"], 10),
    "floor(A, 7)": lambda row: semantics.bin_number(row["A"], 7),
    "bin(A, 0.5)": lambda row: semantics.bin_number(row["A"], 0.5),
    "bin(B, 0.5)": lambda row: semantics.bin_number(row["B"], 0.5),
    "bin(B, 1)": lambda row: semantics.bin_number(row["B"], 1),
    "bin(B, 2.5)": lambda row: semantics.bin_number(row["B"], 2.5),
}
_quarters = st.integers(-400, 400).map(lambda quarters: quarters / 4)


@thorough
@given(rows=rows_of(A=st.none() | st.integers(-100, 100), B=st.none() | _quarters))
def test_bins_of_numbers(ours: Ours, rows: Rows) -> None:
    check(ours, {"Id": LONG, "A": LONG, "B": REAL}, rows, BINS_OF_NUMBERS)


def _span(row: Row) -> timedelta | None:
    return None if row["A"] is None else timedelta(microseconds=row["A"])


BINS_OF_SPANS: Meanings = {
    "bin(A, 1h)": lambda row: semantics.bin_span(_span(row), timedelta(hours=1)),
    "bin(A, 1d)": lambda row: semantics.bin_span(_span(row), timedelta(days=1)),
    "bin(A, 90s)": lambda row: semantics.bin_span(_span(row), timedelta(seconds=90)),
}


@thorough
@given(rows=rows_of(A=st.none() | st.integers(-(10**12), 10**12)))
def test_bins_of_spans(ours: Ours, rows: Rows) -> None:
    check(ours, {"Id": LONG, "A": TIMESPAN}, rows, BINS_OF_SPANS)


# --- Joins -----------------------------------------------------------------------------------------------------------

SIDE: Types = {"Id": LONG, "N": LONG, "S": STRING, "B": BOOL}
side = rows_of(N=few, S=letters, B=truths)
KINDS = ("inner", "leftouter", "rightouter", "fullouter", "leftsemi", "rightsemi", "leftanti", "rightanti")
KEYS = (("N",), ("S",), ("B",), ("N", "S"), ("S", "B"))


def numbers(pairs: Sequence[tuple[Row | None, Row | None]]) -> list[tuple[int, int]]:
    """The numbers of the rows in pairs, -1 for one that is missing, in order."""
    return sorted((-1 if left is None else left["Id"], -1 if right is None else right["Id"]) for left, right in pairs)


@pytest.mark.parametrize("kind", KINDS)
@thorough
@given(lefts=side, rights=side, keys=st.sampled_from(KEYS))
def test_joins_on_keys_that_may_be_null(ours: Ours, kind: str, lefts: Rows, rights: Rows, keys: Sequence[str]) -> None:
    ours.put("L", SIDE, lefts)
    ours.put("R", SIDE, rights)
    query = f"L | join kind={kind} (R | project-rename Other = Id) on {', '.join(keys)}"
    found = [(row.get("Id"), row.get("Other")) for row in asked(ours, query)]
    told = sorted(tuple(-1 if number is None else number for number in pair) for pair in found)
    assert told == numbers(semantics.joined(kind, lefts, rights, keys)), (query, lefts, rights)


@thorough
@given(lefts=side, rights=side, keys=st.sampled_from(KEYS))
def test_a_join_takes_one_left_row_a_key_by_default(ours: Ours, lefts: Rows, rights: Rows, keys: Sequence[str]) -> None:
    ours.put("L", SIDE, lefts)
    ours.put("R", SIDE, rights)
    found = asked(ours, f"L | join (R | project-rename Other = Id) on {', '.join(keys)}")
    pairs = {(row["Id"], row["Other"]) for row in found}
    assert len(pairs) == len(found)
    assert pairs <= set(numbers(semantics.joined("inner", lefts, rights, keys)))
    joined_rights = [right["Id"] for right in rights if any(semantics.meets(left, right, keys) for left in lefts)]
    assert sorted(other for _, other in pairs) == joined_rights  # each of them with one left row, and with the same
    by_key = grouped(found, lambda row: tuple(row[key] for key in keys))
    assert all(len({row["Id"] for row in group}) == 1 for group in by_key.values())


@pytest.mark.parametrize("kind", ["inner", "leftouter"])
@thorough
@given(lefts=side, rights=side)
def test_lookups_of_keys_that_may_be_null(ours: Ours, kind: str, lefts: Rows, rights: Rows) -> None:
    ours.put("L", SIDE, lefts)
    ours.put("R", SIDE, rights)
    found = asked(ours, f"L | lookup kind={kind} (R | project Other = Id, N) on N")
    told = sorted((row["Id"], -1 if row["Other"] is None else row["Other"]) for row in found)
    assert told == numbers(semantics.joined(kind, lefts, rights, ["N"]))


# --- Aggregates ------------------------------------------------------------------------------------------------------

MEASURED: Types = {"Id": LONG, "N": LONG, "M": LONG, "S": STRING, "B": BOOL, "J": DYNAMIC}
_arrays = st.none() | st.lists(st.none() | st.integers(0, 4), max_size=4).map(json.dumps)
measured = rows_of(N=few, M=few, S=letters, B=truths, J=_arrays)
by_columns = st.sampled_from(((), ("N",), ("S",), ("B",), ("S", "B")))


def summarized(ours: Ours, rows: Rows, measures: str, by: Sequence[str]) -> Iterator[tuple[dict[str, Any], list[Row]]]:
    """Each group that a summarize gives, with the rows that belong to it; that there are no others is checked."""
    ours.put("T", MEASURED, rows)
    groups = grouped([dict(row) for row in rows], lambda row: tuple(row[key] for key in by))
    found = asked(ours, f"T | summarize {measures}{' by ' if by else ''}{', '.join(by)}")
    if not by and not rows:
        groups = {(): []}
    assert len(found) == len(groups)
    for row in found:
        yield row, list(groups[tuple(row[key] for key in by)])


@thorough
@given(rows=measured, by=by_columns)
def test_rows_of_extreme_values(ours: Ours, rows: Rows, by: Sequence[str]) -> None:
    measures = "(High, HighId, HighS) = arg_max(N, Id, S), (Low, LowId, LowM) = arg_min(N, Id, M)"
    for row, group in summarized(ours, rows, measures, by):
        if group:
            most, least = (semantics.candidates(group, "N", choose) for choose in (max, min))
            assert (row["High"], row["HighId"], row["HighS"]) in [(each["N"], each["Id"], each["S"]) for each in most]
            assert (row["Low"], row["LowId"], row["LowM"]) in [(each["N"], each["Id"], each["M"]) for each in least]


CAPS = (1, 2, 3, 1000)


@thorough
@given(rows=measured, by=by_columns, cap=st.sampled_from(CAPS))
def test_sets_and_lists_and_their_caps(ours: Ours, rows: Rows, by: Sequence[str], cap: int) -> None:
    measures = f"Ns = make_set(N, {cap}), Ss = make_set(S, {cap}), Js = make_set(J, {cap}), Is = make_list(N, {cap})"
    for row, group in summarized(ours, rows, measures, by):
        numbers_seen = semantics.present(each["N"] for each in group)
        elements = [item for each in semantics.present(each["J"] for each in group) for item in json.loads(each)]
        assert row["Ns"] == SetOf(frozenset(numbers_seen), cap)
        assert row["Ss"] == SetOf(frozenset(each["S"] for each in group), cap)
        assert row["Js"] == SetOf(frozenset(semantics.present(elements)), cap)
        assert len(row["Is"]) == min(cap, len(numbers_seen))
        left = list(numbers_seen)
        for number in row["Is"]:
            left.remove(number)  # each as often as it is there, at most


AGGREGATES: Mapping[str, Callable[[Sequence[Row]], Any]] = {
    "count()": len,
    "countif(N > M)": lambda rows: sum(less(row["M"], row["N"]) is True for row in rows),
    "countif(N != M)": lambda rows: sum(unequal(row["N"], row["M"]) is True for row in rows),
    "countif(not(B))": lambda rows: sum(row["B"] is False for row in rows),
    "dcount(N)": lambda rows: len(set(semantics.present(row["N"] for row in rows))),
    "dcount(S)": lambda rows: len({row["S"] for row in rows}),
    "min(N)": lambda rows: min(semantics.present(row["N"] for row in rows), default=None),
    "max(N)": lambda rows: max(semantics.present(row["N"] for row in rows), default=None),
    "sum(N)": lambda rows: sum(semantics.present(row["N"] for row in rows)),
    "sumif(N, M > 0)": lambda rows: sum(row["N"] or 0 for row in rows if less(0, row["M"])),
    "maxif(N, B)": lambda rows: max(semantics.present(row["N"] for row in rows if row["B"]), default=None),
}


@thorough
@given(rows=measured, by=by_columns)
def test_aggregates_pass_over_nulls(ours: Ours, rows: Rows, by: Sequence[str]) -> None:
    named = dict(zip((f"X{number}" for number in count()), AGGREGATES, strict=False))
    measures = ", ".join(f"{name} = {kql}" for name, kql in named.items())
    for row, group in summarized(ours, rows, measures, by):
        for name, kql in named.items():
            assert plain(row[name]) == plain(AGGREGATES[kql](group)), (kql, group)


# --- Order -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "descending", "nulls_first"),
    [
        ("N", True, False),
        ("N desc", True, False),
        ("N asc", False, True),
        ("N asc nulls last", False, False),
        ("N desc nulls first", True, True),
    ],
)
@thorough
@given(rows=measured)
def test_where_nulls_stand_in_an_order(ours: Ours, order: str, descending: bool, nulls_first: bool, rows: Rows) -> None:
    ours.put("T", MEASURED, rows)
    found = [row["N"] for row in asked(ours, f"T | sort by {order}")]
    values = sorted(semantics.present(row["N"] for row in rows), reverse=descending)
    nulls = [None] * (len(rows) - len(values))
    assert found == (nulls + values if nulls_first else values + nulls)
