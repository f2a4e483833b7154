"""Records of a store: what was imported, and the Parquet files that hold it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from herdsight.findings.model import Input


class State(StrEnum):
    """Where a Parquet file is in its life: what is being exchanged ends all in one way, whatever comes between."""

    PENDING = "pending"  # promised: it lies in the temporary folder, or already in its place
    LIVE = "live"
    RETIRED = "retired"  # replaced; it is read until nobody looks at it
    GONE = "gone"  # replaced, read by nobody, and to be deleted


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file: rows of one table, one day and one format, sorted by time.

    `path` is relative to the store, `digest` the SHA-256 of its bytes.
    """

    id: int
    path: str
    table: str
    format: str
    columns: tuple[str, ...]
    day: date
    rows: int
    first: datetime
    last: datetime
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Slice:
    """What one import took of one source: its plain bytes from `begin` to `end`.

    `digest` is the SHA-256 of all plain bytes up to `end`, `head` that of the first 1,024, `before` the records of
    earlier slices.
    """

    id: int
    source: int
    path: str
    begin: int
    end: int
    digest: bytes
    head: bytes
    before: int
    account: Input


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a slice that are of one table, as `_file` names them; see `herdsight.loading.records.Origin`."""

    id: int
    slice: int
    table: str | None
    base: int
    gaps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """A file as the file system showed it when everything in it was in the store: unchanged, it need not be read."""

    path: str
    size: int
    modified: int  # nanoseconds
    slice: int
