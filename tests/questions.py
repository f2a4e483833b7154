"""Questions over rows in memory: the answers that Herdsight gives about tables that a test makes up."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import pyarrow as pa

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.kql.binding import Surroundings
from herdsight.kql.literals import micros
from herdsight.kql.lowering import lower
from herdsight.kql.rewrites import optimised
from herdsight.querying import compiled, typed
from herdsight.tables import Column, ColumnType, Table

Types = Mapping[str, ColumnType]
Rows = Sequence[Mapping[str, Any]]

NOW = datetime(2026, 3, 10, 12, 0, 0)  # noqa: DTZ001  # UTC, written without a zone as answers are

_ARROW = {
    ColumnType.BOOL: pa.bool_(),
    ColumnType.INT: pa.int32(),
    ColumnType.LONG: pa.int64(),
    ColumnType.REAL: pa.float64(),
    ColumnType.STRING: pa.string(),
    ColumnType.DATETIME: pa.timestamp("us"),
    ColumnType.TIMESPAN: pa.int64(),
    ColumnType.DYNAMIC: pa.string(),
}


@dataclass(frozen=True)
class Answer:
    """What an engine says: the names of the columns, and the rows in their order."""

    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Answering(Protocol):
    """What answers questions over tables; now() is `NOW`."""

    def put(self, name: str, types: Types, rows: Rows) -> None:
        """Take the rows as a table of that name, in place of what had it."""

    def answer(self, query: str) -> Answer:
        """The answer, timespans as Python's and dynamics as the values that their JSON stands for."""

    def close(self) -> None:
        """Let go of what it holds."""


def arrow(types: Types, rows: Rows) -> pa.Table:
    """The rows as a table; timespans are given in microseconds, dynamics as JSON text."""
    return pa.table({name: pa.array([row[name] for row in rows], _ARROW[kind]) for name, kind in types.items()})


class Ours:
    """Herdsight: a query's whole way from text to rows, over an engine that keeps its tables in memory."""

    def __init__(self) -> None:
        self._engine = DuckDbEngine(threads=1)
        self._tables: dict[str, Table] = {}

    def put(self, name: str, types: Types, rows: Rows) -> None:
        self._engine.put(name, arrow(types, rows))
        self._tables[name] = Table(name, tuple(Column(*each) for each in types.items()), next(iter(types)))

    def answer(self, query: str) -> Answer:
        (only,) = compiled(query, "query", Surroundings(self._tables))
        relation = only.query.relation
        table = typed(self._engine.run(lower(optimised(relation, micros(NOW)))), relation.fields)
        columns = [
            [_read(value, field.type) for value in column.to_pylist()]
            for column, field in zip(table.columns, relation.fields, strict=True)
        ]
        return Answer(tuple(table.column_names), tuple(zip(*columns, strict=True)))

    def close(self) -> None:
        self._engine.close()


def _read(value: Any, kind: ColumnType) -> Any:
    return json.loads(value) if kind is ColumnType.DYNAMIC and value is not None else value


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
