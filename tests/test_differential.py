"""A second opinion: the package duckdb-kql answers the same random queries over the same rows.

It is another translation of KQL to the same engine, written by others. Where the two disagree, Microsoft's
documentation decides. What that package gets wrong stands in `FAULTS`, each with the reason, and the random queries
leave out exactly that; `tests/kql/` holds what it has no word for.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import NOW, Answer, Answering, Ours, Rows, Types, arrow
from random_kql import COLUMNS, OTHER, STEPS, prepared, rows, typed_expressions

from herdsight.tables import ColumnType

duckdb_kql = pytest.importorskip("duckdb_kql", reason="the second opinion, duckdb-kql, is not installed")

Pair = tuple[Answering, Answering]

# --- The other engine ------------------------------------------------------------------------------------------------

_THEIR_COLUMN = {ColumnType.TIMESPAN: 'to_microseconds("{0}") AS "{0}"', ColumnType.DYNAMIC: '"{0}"::JSON AS "{0}"'}


class Theirs:
    """The package duckdb-kql over a database of its own."""

    def __init__(self) -> None:
        self._connection = duckdb_kql.connect(config={"threads": 1})

    def put(self, name: str, types: Types, rows: Rows) -> None:
        columns = ", ".join(_THEIR_COLUMN.get(kind, '"{0}"').format(column) for column, kind in types.items())
        self._connection.register("raw", arrow(types, rows))
        self._connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT {columns} FROM raw')

    def answer(self, query: str) -> Answer:
        relation = duckdb_kql.kql(self._connection, query, query_now=NOW)
        readers = [_READERS.get(str(kind), _as_it_is) for kind in relation.types]
        rows = ([read(value) for read, value in zip(readers, row, strict=True)] for row in relation.fetchall())
        return Answer(tuple(relation.columns), tuple(tuple(row) for row in rows))

    def close(self) -> None:
        self._connection.close()


def _as_it_is(value: Any) -> Any:
    return value


def _json(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def _jsons(values: list[str | None] | None) -> Any:
    return None if values is None else [_json(value) for value in values]


def _text(value: str | None) -> str:
    return value or ""  # a missing string is null there, which KQL's strings never are


_READERS: dict[str, Callable[[Any], Any]] = {"JSON": _json, "JSON[]": _jsons, "VARCHAR": _text}


@pytest.fixture(scope="module")
def engines() -> Iterator[Pair]:
    both = Ours(), Theirs()
    yield both
    for each in both:
        each.close()


# --- Comparing -------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value that equals another one's plain form where the two are the same to KQL, sortable among all others."""
    match value:
        case None | bool() | str() | datetime() | timedelta():
            return type(value).__name__, str(value)
        case int() | float():
            return "number", "nan" if math.isnan(value) else f"{value + 0.0:.9e}"  # -0.0 is 0.0
        case list():
            return "list", [plain(each) for each in value]
        case dict():
            return "bag", sorted((name, plain(each)) for name, each in value.items())
    raise TypeError(f"no column holds a {type(value).__name__}")


def unordered(value: Any) -> Any:
    """A plain array without its order."""
    kind, content = value
    return kind, sorted(content) if kind == "list" else content


def comparable(answer: Answer, *, ordered: bool = False, sets: Sequence[str] = ()) -> Any:
    """An answer in a form to compare: its columns, and its rows as a multiset; `sets` are columns of arrays."""
    rows = [
        [
            unordered(plain(value)) if name in sets else plain(value)
            for name, value in zip(answer.names, row, strict=True)
        ]
        for row in answer.rows
    ]
    return answer.names, rows if ordered else sorted(rows)


def agree(engines: Pair, query: str, *, ordered: bool = False, sets: Sequence[str] = ()) -> None:
    """Ask both the same."""
    ours, theirs = (comparable(engine.answer(query), ordered=ordered, sets=sets) for engine in engines)
    assert ours == theirs, query


# --- What both say ---------------------------------------------------------------------------------------------------


def put(engines: Pair, found: Rows, others: Rows = ()) -> None:
    for engine in engines:
        engine.put("T", COLUMNS, found)
        engine.put("Z", OTHER, others)


@settings(max_examples=60, deadline=None)
@given(rows(COLUMNS), st.lists(typed_expressions(), min_size=1, max_size=8))
def test_both_give_an_expression_the_same_value(
    engines: Pair, found: Rows, values: list[tuple[ColumnType, str]]
) -> None:
    put(engines, found)
    named = ", ".join(f"X{number} = {value}" for number, (_, value) in enumerate(values))
    agree(engines, f"T | project Id, {named}")


@pytest.mark.parametrize("name", STEPS)
@settings(max_examples=12, deadline=None)
@given(data=st.data(), found=rows(COLUMNS), others=rows(OTHER))
def test_both_give_a_query_the_same_rows(
    engines: Pair, name: str, data: st.DataObject, found: Rows, others: Rows
) -> None:
    put(engines, found, others)
    step = data.draw(STEPS[name])
    query = f"{data.draw(prepared())} | {step.kql}"
    agree(engines, query, ordered=step.ordered, sets=step.sets)
