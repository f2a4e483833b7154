"""Writing rows as JSON lines and as CSV, times in UTC with microseconds."""

import csv
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import pyarrow as pa
import pyarrow.compute as pc

_BATCH = 65_536  # rows held as Python objects at a time


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """The file to write UTF-8 text to; packed where its name ends in .gz."""
    if path.suffix == ".gz":
        with gzip.open(path, "wt", encoding="utf-8", newline="\n") as file:
            yield file
    else:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file


@contextmanager
def opened_bytes(path: Path) -> Iterator[BinaryIO]:
    """The file to write bytes to; packed where its name ends in .gz, always to the same bytes."""
    with path.open("wb") as file:
        if path.suffix == ".gz":
            # Without a name and a time inside, the same content gives the same file.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                yield packed  # type: ignore[misc] # it is written to as any file
        else:
            yield file


def write_json_lines(table: pa.Table, path: Path) -> None:
    """One object a row; NULL is left out."""
    with opened(path) as file:
        for batch in written_times(table).to_batches(max_chunksize=_BATCH):
            for row in batch.to_pylist():
                kept = {name: value for name, value in row.items() if value is not None}
                file.write(json.dumps(kept, ensure_ascii=False, separators=(",", ":")) + "\n")


def write_csv(table: pa.Table, path: Path) -> None:
    """A header of names, then one record a row; NULL is written as nothing."""
    with opened(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.column_names)
        for batch in written_times(table).to_batches(max_chunksize=_BATCH):
            writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))


def written_times(table: pa.Table) -> pa.Table:
    """Time columns as ISO 8601 text."""
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            micros = table.column(place).cast(pa.timestamp("us"))
            words = pc.strftime(micros, format="%Y-%m-%dT%H:%M:%SZ")  # type: ignore[arg-type] # a time is one
            table = table.set_column(place, field.name, words)
    return table
