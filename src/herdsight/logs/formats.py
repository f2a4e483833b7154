"""What a log format is, and the formats there are: every module of this package that declares some."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import import_module
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

import herdsight.logs
from herdsight.addresses import Network
from herdsight.logs.head import Head, StoredColumn
from herdsight.logs.packed.packing import Compression

LATE_COLUMN = "_late"


class Shape(StrEnum):
    """How records stand in a file."""

    DELIMITED = "delimited"  # one record a line, values between delimiters, nothing quoted
    CSV = "csv"  # quoted values, which may hold line ends
    JSON_LINES = "json lines"  # one object a line
    JSON_ARRAY = "json array"  # one array of objects
    JSON_RECORDS = "json records"  # objects whose `records` is an array of objects, as Event Hubs writes them
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Layout:
    """What the head of one file told: all that is needed to read the rest of it.

    `fields` are the file's own names in order (for JSON: those seen in the head), `stored` the same with their types
    for Parquet, `columns` the declared columns that the file can fill, `derived` further ones as trees over those:
    they are computed where they are asked for. `late` are declared columns that the head does not show and later
    records may: with them, `read` also gives `_late`, whether a record has one, and then all is read again. `refused`
    says why a file of this format cannot be read all the same.
    """

    shape: Shape
    fields: tuple[str, ...] = ()
    stored: Mapping[str, StoredColumn] = field(default_factory=dict)
    derived: Mapping[str, exp.Expr] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    delimiter: str = "\t"
    set_separator: str = ","
    missing: tuple[str, ...] = ()
    skip: int = 0
    envelope: bool = False  # each record is wrapped: {"time", "category", "properties": {the record}}
    day_first: bool = False
    name: str | None = None
    keys: tuple[str, ...] = ()  # where records are pairs of key and value: the keys that the head shows
    notes: tuple[str, ...] = ()
    zoneless: bool = False  # times do not tell their zone: they are of Scope.zone
    refused: str | None = None
    certain: bool = False  # the file itself says what it is; else its columns, or the form of its records, do


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or several of one layout, to read.

    `files` are the numbers of the files in the order of reading. `staged` are their records, where these were parsed
    already: `record`, whole, `place`, that of the file among them, from 0, and `_row`.
    """

    paths: tuple[Path, ...]
    files: tuple[int, ...]
    compression: Compression = Compression.NONE
    staged: exp.Select | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a reader must know of the world.

    `local` are the networks that are inside (none given: the private ones), `latest` the newest instant that is
    believed, in UTC, `zone` the time zone of times that do not tell theirs (None: UTC).
    """

    latest: datetime
    local: tuple[Network, ...] = ()
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """How JSON lines are told apart of which formats with the same `paths` have their share each.

    `paths` lead to what tells of a record, `kind` makes one text of the list of that, and `own` are a format's kinds.
    """

    paths: tuple[str, ...]
    kind: Callable[[exp.Expr], exp.Expr]
    own: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Format:
    """One log format. `table` is where its rows go; None: it is recognised and not read yet.

    `read` returns a SELECT of `layout.columns` and `_file` and `_reject`, one row a record; `write`, where we can
    simulate the format, is its inverse for the columns that it carries. `split` is for formats that share their files:
    where records were staged, `read` is only given its own, and returns `_row`, too.
    """

    name: str
    table: str | None
    recognise: Callable[[Head], Layout | None]
    read: Callable[[Source, Layout, Scope], exp.Select] | None = None
    write: Callable[[pa.Table, Path], None] | None = None
    split: Split | None = None


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format, in the order of its name. A module declares its own as `FORMATS`."""
    found: list[Format] = []
    for module in pkgutil.walk_packages(herdsight.logs.__path__, "herdsight.logs."):
        found.extend(getattr(import_module(module.name), "FORMATS", ()))
    return tuple(sorted(found, key=lambda each: each.name))


def recognise(head: Head) -> tuple[Format, Layout] | None:
    """The first format that knows the head, or None. They exclude each other, but for the readings of one file."""
    for each in all_formats():
        layout = each.recognise(head)
        if layout is not None:
            return each, layout
    return None
