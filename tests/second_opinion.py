"""The package duckdb-kql: another translation of KQL to DuckDB, written by others. What imports this needs it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from questions import NOW, Answer, Rows, Types, arrow

from herdsight.tables import ColumnType

duckdb_kql = pytest.importorskip("duckdb_kql", reason="the second opinion, the package duckdb-kql, is not installed")

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
