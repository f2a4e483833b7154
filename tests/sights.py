"""What an analytic sees, made of rows in memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from herdsight import tables
from herdsight.analytics import Analytic, Sight
from herdsight.analytics.pairs import PAIRS_READ, made
from herdsight.querying import ARROW_TYPES
from herdsight.tables import NETWORK_SESSION

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def arrow(table: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """The rows as a table of those columns; what a row does not say is as empty as a log has it."""
    declared = tables.table(table)
    named = dict.fromkeys((declared.time, *columns))
    types = {name: column.type for name in named if (column := declared.column(name))}
    empty = {name: "" if kind is tables.ColumnType.STRING else None for name, kind in types.items()}
    return pa.table(
        {
            name: pa.array([row.get(name, empty[name]) for row in rows], ARROW_TYPES[kind])
            for name, kind in types.items()
        }
    )


@contextmanager
def sight(
    analytic: Analytic,
    rows: Rows,
    names: Mapping[str, tuple[str, ...]] | None = None,
    asks: Mapping[str, tuple[datetime, datetime]] | None = None,
) -> Iterator[Sight]:
    """The sight of an analytic over rows by table."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA kept; SET TimeZone = 'UTC'")
        for table, columns in analytic.reads.items():
            connection.register("rows", arrow(table, columns, rows.get(table, ())))
            connection.execute(f"CREATE TABLE kept.{table} AS SELECT * FROM rows")
        if rows.get(NETWORK_SESSION) and set(PAIRS_READ) <= set(analytic.reads[NETWORK_SESSION]):
            connection.execute(made("kept").sql(dialect="duckdb"))

        def run(tree: exp.Expr) -> pa.Table:
            answer: pa.Table = connection.sql(tree.sql(dialect="duckdb")).to_arrow_table()
            return answer

        yield Sight(
            run=run,
            schema="kept",
            tables=frozenset(table for table, own in rows.items() if own),
            names=lambda addresses: {each: (names or {})[each] for each in addresses if each in (names or {})},
            asks=asks or {},
        )
