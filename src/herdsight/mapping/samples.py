"""The columns of a file that may be of any product, with the first of their values."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from herdsight.errors import InputError
from herdsight.logs.formats import Shape, recognise
from herdsight.logs.head import Head, read_head
from herdsight.logs.mapped.mapping import layouts
from herdsight.logs.microsoft.exports import json_objects
from herdsight.trees import json_text

_RECORDS = 500  # that are looked at
_MOST_COLUMNS = 2_000
_DEEPEST = 5
_LONGEST = 1_000  # characters of a value that are looked at
# What logs write for a value that is not there.
MISSING = ("-", "--", "N/A", "n/a", "NA", "null", "NULL", "(null)", "None", "nil", "NaN", "nan", "(empty)", "?")


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records of a file: by column, the texts that are there.

    `missing` are the texts that stand for no value, `known` the format that Herdsight knows it as, `times` the columns
    that Parquet stores as times.
    """

    shape: Shape
    records: int
    columns: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...] = ()
    known: str | None = None
    times: frozenset[str] = frozenset()


def sampled(path: Path) -> Sample:
    """The sample of a file.

    Raises:
        InputError: it cannot be read, or is no table.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder", hint="name one of its files")
    try:
        head = read_head(path)
        found = _of_parquet(path) if head.parquet is not None else _of_text(head)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from error
    except (ValueError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
    if found is None or not found.columns:
        hint = "a mapping is for CSV with a header, JSON (objects one a line, or an array of them) and Parquet"
        raise InputError(f"{path} has no columns that can be seen", hint=hint)
    if len(found.columns) > _MOST_COLUMNS:
        raise InputError(f"{path} has more than {_MOST_COLUMNS:,} columns")
    known = recognise(head)
    return _without_missing(found, known[0].name if known else None)


def _of_text(head: Head) -> Sample | None:
    ways = list(layouts(head))
    if not ways:
        return None
    if ways[0].shape is not Shape.CSV:
        objects = list(islice(json_objects(head)[1], _RECORDS))
        return Sample(ways[0].shape, len(objects), _gathered(dict(_flat(each)) for each in objects))
    lines = list(islice(head.lines(), _RECORDS))
    tables = [(way.fields, list(_rows(lines[way.skip :], way.delimiter))) for way in ways if len(way.fields) > 1]
    if not tables:
        return None
    names, rows = max(tables, key=lambda each: (_fit(*each), len(each[0])))
    records = [dict(zip(names, row, strict=False)) for row in rows]
    columns = {name: () for name in names if name} | _gathered(records)
    return Sample(Shape.CSV, len(rows), {name: values for name, values in columns.items() if name})


def _fit(names: tuple[str, ...], rows: list[list[str]]) -> float:
    """How many of the rows have as many values as there are names, of all."""
    return sum(len(row) == len(names) for row in rows) / len(rows) if rows else 0.0


def _rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if row:
            yield row


def _of_parquet(path: Path) -> Sample:
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        batch = next(file.iter_batches(batch_size=_RECORDS), None)
    # As texts by Arrow: a time may have nanoseconds, or a zone that Python has not.
    times = frozenset(field.name for field in schema if pa.types.is_timestamp(field.type))
    rows = [] if batch is None else batch.drop_columns(list(times)).to_pylist()
    columns: dict[str, tuple[str, ...]] = dict.fromkeys(schema.names, ())
    flat = [dict(_flat(row)) for row in rows]
    nested = {field.name for field in schema if pa.types.is_struct(field.type)}
    columns = {name: values for name, values in columns.items() if name not in nested} | _gathered(flat)
    return Sample(Shape.PARQUET, batch.num_rows if batch is not None else 0, columns, times=times)


def _flat(record: Mapping[str, object], before: str = "", depth: int = 1) -> Iterator[tuple[str, object]]:
    """The values of nested objects by dotted names."""
    for key, value in record.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and value and depth < _DEEPEST:
            yield from _flat(value, f"{name}.", depth + 1)
        else:
            yield name, value


def _gathered(records: Iterable[Mapping[str, object]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for record in records:
        for name, value in record.items():
            texts = found.setdefault(name, [])
            if value is not None and value != "":
                texts.append(_text(value)[:_LONGEST])
    return {name: tuple(texts) for name, texts in found.items()}


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case list() | dict():
            return json_text(value) if _is_json(value) else str(value)
        case bytes():
            return value.hex()
    return str(value)


def _is_json(value: object) -> bool:
    try:
        json_text(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _without_missing(sample: Sample, known: str | None) -> Sample:
    """The sample without the texts that stand for no value, where they are seen."""
    counted = Counter(value for values in sample.columns.values() for value in set(values) if value in MISSING)
    missing = tuple(each for each in MISSING if counted[each])
    columns = {
        name: tuple(value for value in values if value not in missing) for name, values in sample.columns.items()
    }
    return Sample(sample.shape, sample.records, columns, missing, known, sample.times)
