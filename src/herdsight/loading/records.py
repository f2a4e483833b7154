"""Records of a load: what to read, the file on its way, and what came of it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import duckdb
from sqlglot import exp

from herdsight.addresses import Network
from herdsight.findings.model import Input
from herdsight.logs.formats import Format, Layout, Shape
from herdsight.logs.head import Head
from herdsight.logs.mapped.mapping import LogMapping
from herdsight.tables import FILE_COLUMN
from herdsight.trees import column, number, relation

SCHEMA = "raw"  # the relations
COPIES = "copies"  # the tables behind them
ADVANCE = timedelta(days=1)  # how far a clock may be ahead of ours before its rows are not believed
UNKNOWN = "not a log that Herdsight knows"
SHOWN = 5  # files named in a message
_LONGEST_NOTE = 200  # characters
BATCH = 64  # files read together: enough to keep all cores busy, few enough to see progress

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read.

    `local` are the networks that are inside (none: the private ones); `tables`, as `(TABLE, GLOB)` pairs, and
    `format_in`, a format's name, override recognition; `zone` is the time zone of times that do not tell theirs;
    `mappings` are what the user says of files that no format knows.
    """

    local: tuple[Network, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()
    format_in: str | None = None
    zone: str | None = None
    mappings: tuple[LogMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """Something in the engine that holds rows of one table: its declared columns, and _file, _reject and _row.

    `format` names what its rows were read as; `query` is what it adds to a table of copied rows.
    """

    table: str
    schema: str
    name: str
    columns: tuple[str, ...]
    format: str = ""
    query: exp.Select | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class FileRow:
    """A record: its file as the user named it, and its number in that file, from 1."""

    path: str
    row: int


@dataclass(frozen=True, slots=True)
class Origin:
    """A reading of a file: which of the inputs that is, and the table that the rows are of.

    `base` is where they begin in their relation, `gaps` how many of them come before each record that has no row,
    `before` how many records of the file come before what was read of it.
    """

    input: int
    table: str | None
    base: int
    gaps: tuple[int, ...] = ()
    before: int = 0

    def record(self, row: int) -> int:
        """The number in the file, from 1, of the record that has that row."""
        kept = row - self.base
        return self.before + kept + 1 + bisect_right(self.gaps, kept)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load ended in. `readable` are the files that relations still read in place, `origins` stand by _file."""

    inputs: tuple[Input, ...] = ()
    relations: tuple[Relation, ...] = ()
    readable: tuple[Path, ...] = ()
    origins: Mapping[int, Origin] = field(default_factory=dict)
    recognised: Mapping[int, str] = field(default_factory=dict)  # by the number of an input: by what it was, in words

    def locate(self, reading: int, row: int) -> FileRow:
        """The record behind a row, from its _file and _row."""
        origin = self.origins[reading]
        return FileRow(self.inputs[origin.input].path, origin.record(row))


@dataclass(slots=True)
class LogFile:
    """One reading of a file on its way: what it was recognised as, and what became of it.

    A file whose records are of several tables has a reading for each. `number` is the reading's, `input` the file's;
    `shown` is the name that the user knows it by, which tells a member of an archive from where it was unpacked; `cut`
    says why only its beginning was.
    """

    path: Path
    number: int
    input: int
    shown: str
    cut: str | None = None
    format: Format | None = None
    layout: Layout | None = None
    head: Head | None = None
    recognised: str = ""  # by what, in words
    notes: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)  # records that are in no relation, by reason
    gaps: list[int] = field(default_factory=list)  # see Origin
    failed: bool = False
    is_plain: bool = False  # whether the engine can read it as it is
    base: int | None = None  # the number of its first row, where a stage gave the rows their numbers

    @property
    def table(self) -> str | None:
        """The table that the file's rows are of."""
        return self.format.table if self.format else None

    @property
    def is_readable(self) -> bool:
        """Whether its rows can be had."""
        return bool(self.format and self.format.read and self.layout and not self.layout.refused and not self.failed)

    @property
    def is_parquet(self) -> bool:
        """Whether it is read where it is."""
        return self.layout is not None and self.layout.shape is Shape.PARQUET

    @property
    def is_copied(self) -> bool:
        """Whether its rows go, or went, into a table: also those of a file that failed in the end."""
        return bool(self.layout and not self.layout.refused) and not self.is_parquet

    @property
    def known_format(self) -> Format:
        """The format of a recognised file."""
        return _known(self.format)

    @property
    def known_layout(self) -> Layout:
        """The layout of a recognised file."""
        return _known(self.layout)

    @property
    def known_head(self) -> Head:
        """The head of a file that was looked at."""
        return _known(self.head)

    @property
    def known_table(self) -> str:
        """The table of a recognised file."""
        return _known(self.table)


_T = TypeVar("_T")


def _known(value: _T | None) -> _T:
    """What a file has once it was recognised."""
    if value is None:
        raise ValueError("the file was not recognised")
    return value


@dataclass(slots=True)
class Tally:
    """The account of one file's rows in its relation."""

    base: int = 0
    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None


def is_text(name: str) -> bool:
    """Whether a name can be written in UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def first_line(error: BaseException | None) -> str:
    """What an error says, as a note."""
    return (str(error) or type(error).__name__).splitlines()[0][:_LONGEST_NOTE]


def raise_if_full(error: Exception) -> None:
    """Memory that ran out is no fault of the file."""
    if isinstance(error.__cause__, duckdb.OutOfMemoryException):
        raise error


def copies_of(file: LogFile) -> exp.Table:
    """The table that a file's rows are copied to."""
    return relation(file.known_format.name, COPIES)


def of_file(file: LogFile) -> exp.Expr:
    """That a row is of that file."""
    return exp.EQ(this=column(FILE_COLUMN), expression=number(file.number))
