"""Rows written as Parquet: a file for each day, sorted by time."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading.records import Relation
from herdsight.loading.relations import in_order
from herdsight.store.folder import waiting_place
from herdsight.store.records import DataFile
from herdsight.tables import FILE_COLUMN, REJECT_COLUMN, ROW_COLUMN, table
from herdsight.trees import column, named, number, relation, text, timestamp

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Day:
    """What a relation holds of one day."""

    day: date
    rows: int
    first: datetime
    last: datetime


def days_of(engine: DuckDbEngine, rows: Relation) -> list[Day]:
    """What the good rows of a relation are of each day, in order."""
    time = column(table(rows.table).time)
    query = (
        exp.select(
            named(exp.Cast(this=time, to=exp.DataType.build("DATE")), "day"),
            named(exp.Count(this=exp.Star()), "rows"),
            named(exp.Min(this=time.copy()), "first"),
            named(exp.Max(this=time.copy()), "last"),
        )
        .from_(relation(rows.name, rows.schema))
        .where(exp.Is(this=column(REJECT_COLUMN), expression=exp.null()))
        .group_by(exp.Literal.number(1))
        .order_by(exp.Literal.number(1))
    )
    return [Day(**row) for row in engine.run(query).to_pylist()]


@dataclass(frozen=True, slots=True)
class Target:
    """Where files are written: the store's folder, the number of the first file and what is added to each `_file`."""

    folder: Path
    file: int
    shift: int = 0


def write_days(engine: DuckDbEngine, rows: Relation, target: Target) -> Iterator[DataFile]:
    """Write the good rows of a relation into the temporary folder, a file for each day.

    Raises:
        EngineError: the disk is full, or memory ran out.
    """
    order = (table(rows.table).time, FILE_COLUMN)
    for place, day in enumerate(days_of(engine, rows)):
        kept = (column(name) for name in rows.columns)
        shifted = named(exp.Add(this=column(FILE_COLUMN), expression=number(target.shift)), FILE_COLUMN)
        query = exp.select(*kept, shifted, column(ROW_COLUMN)).from_(
            in_order(rows, _of_day(order[0], day), order).subquery("rows")
        )
        yield write(engine, query, named_file(target.file + place, rows, day), target.folder)


def _of_day(time: str, day: Day) -> exp.Expr:
    return exp.Between(this=column(time), low=timestamp(day.first), high=timestamp(day.last))


def write(engine: DuckDbEngine, query: exp.Select, promised: DataFile, folder: Path) -> DataFile:
    """Write what a query gives into the temporary folder of a store; the file with its size and hash.

    Raises:
        EngineError: the disk is full, or memory ran out.
    """
    path = waiting_place(folder, promised)
    engine.execute(_copy(query, path))
    size, digest = measured(path)
    return replace(promised, size=size, digest=digest)


def named_file(number: int, rows: Relation, day: Day) -> DataFile:
    """A file for a day's rows, not written yet."""
    path = f"{rows.table}/day={day.day.isoformat()}/{rows.format}-{number:08d}.parquet"
    return DataFile(number, path, rows.table, rows.format, rows.columns, day.day, day.rows, day.first, day.last, 0, b"")


def _copy(query: exp.Select, path: Path) -> exp.Copy:
    options = {"format": "parquet", "compression": "zstd"}
    return exp.Copy(
        this=query.subquery(),
        kind=False,
        files=[text(str(path))],
        params=[exp.CopyParameter(this=exp.var(name), expression=exp.var(value)) for name, value in options.items()],
    )


def measured(path: Path) -> tuple[int, bytes]:
    """The size and the SHA-256 of a file.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.digest()
