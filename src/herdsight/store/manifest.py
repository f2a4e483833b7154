"""The manifest: a SQLite database of what was imported from where and which Parquet files hold it.

A change is promised in one transaction (which files will be, which they replace), then carried out, then closed in a
second one; whoever opens the store to write carries out what a process that died had promised. So each row is in the
store once, or not at all.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, Self, TypeVar

from herdsight.errors import InputError
from herdsight.findings.model import Input
from herdsight.logs.files import STORE_MARK
from herdsight.store.records import DataFile, Reading, Sight, Slice, State

VERSION = 1
NAME = STORE_MARK

_TABLES = """
CREATE TABLE slices(
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, path TEXT NOT NULL, "begin" INTEGER NOT NULL,
    "end" INTEGER NOT NULL, digest BLOB NOT NULL, head BLOB NOT NULL, before INTEGER NOT NULL, account TEXT NOT NULL);
CREATE INDEX slices_path ON slices(path);
CREATE INDEX slices_digest ON slices(digest);
CREATE INDEX slices_head ON slices(head);
CREATE INDEX slices_source ON slices(source);
CREATE INDEX slices_end ON slices("end");
CREATE TABLE sights(
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, slice INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE readings(
    id INTEGER PRIMARY KEY, slice INTEGER NOT NULL, "table" TEXT, base INTEGER NOT NULL, gaps TEXT NOT NULL);
CREATE INDEX sights_slice ON sights(slice);
CREATE INDEX readings_slice ON readings(slice);
CREATE TABLE files(
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, "table" TEXT NOT NULL, format TEXT NOT NULL,
    columns TEXT NOT NULL, day TEXT NOT NULL, rows INTEGER NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL,
    size INTEGER NOT NULL, digest BLOB NOT NULL, state TEXT NOT NULL);
CREATE INDEX files_state ON files(state);
"""
_SLICE = 'id, source, path, "begin", "end", digest, head, before, account'
_FILE = 'id, path, "table", format, columns, day, rows, first, last, size, digest'
_BUSY = 60.0  # seconds that one transaction waits for another


class Manifest:
    """An open manifest. Writing is for who holds the store's lock."""

    def __init__(self, folder: Path, *, write: bool) -> None:
        path = folder / NAME
        mode = "rwc" if write else "ro"
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_BUSY, isolation_level=None
            )
            if write:
                self._connection.execute("PRAGMA synchronous = FULL")
                self._create()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error as error:
            raise InputError(f"{path}: not the manifest of a store: {error}", hint="name a store's folder") from error
        if version != VERSION:
            raise InputError(
                f"{folder} is a store of version {version}, and this Herdsight knows version {VERSION}",
                hint="use the Herdsight that made it, or import the logs into a new store",
            )

    def _create(self) -> None:
        if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            with self.change():
                for statement in _TABLES.split(";"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def change(self) -> Iterator[None]:
        """All of what is written within, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def next_ids(self) -> tuple[int, int, int, int]:
        """The next free number of a source, a slice, a reading and a file."""
        query = "SELECT (SELECT max(source) FROM slices), (SELECT max(id) FROM slices), (SELECT max(id) FROM readings),"
        row = self._connection.execute(f"{query} (SELECT max(id) FROM files)").fetchone()
        source, part, reading, file = ((each if each is not None else -1) + 1 for each in row)
        return source, part, reading, file

    # --- slices and readings

    def add(self, slices: Iterable[Slice], readings: Iterable[Reading]) -> None:
        """Note what was imported."""
        self._connection.executemany(
            f"INSERT INTO slices({_SLICE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_slice_row, slices)
        )
        self._connection.executemany(
            "INSERT INTO readings VALUES (?, ?, ?, ?, ?)",
            ((each.id, each.slice, each.table, each.base, json.dumps(each.gaps)) for each in readings),
        )

    def slices(self, where: str = "TRUE", values: Sequence[object] = ()) -> list[Slice]:
        """The slices that meet a condition, in the order in which they were imported."""
        found = self._connection.execute(f"SELECT {_SLICE} FROM slices WHERE {where} ORDER BY id", values)
        return [_noted(_slice, row) for row in found]

    def ends_before(self, bound: int) -> set[int]:
        """All ends of slices that lie before a byte."""
        return {
            end for (end,) in self._connection.execute('SELECT DISTINCT "end" FROM slices WHERE "end" < ?', [bound])
        }

    def see(self, sights: Iterable[Sight]) -> None:
        """Note files of which everything is in the store."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO sights VALUES (?, ?, ?, ?)",
            ((each.path, each.size, each.modified, each.slice) for each in sights),
        )

    def seen(self, path: str, size: int, modified: int) -> Slice | None:
        """The last slice of a file, if the file was seen as it is now and everything in it is in the store."""
        where = "id = (SELECT slice FROM sights WHERE path = ? AND size = ? AND modified = ?)"
        return next(iter(self.slices(where, (path, size, modified))), None)

    def readings(self) -> Iterator[Reading]:
        """Every reading."""
        for row in self._connection.execute('SELECT id, slice, "table", base, gaps FROM readings ORDER BY id'):
            number, part, name, base, gaps = row
            yield Reading(number, part, name, base, tuple(json.loads(gaps)))

    def readings_of(self, slices: Iterable[Slice]) -> list[int]:
        """The numbers of the readings of those slices."""
        query = "SELECT id FROM readings WHERE slice = ?"
        return [number for each in slices for (number,) in self._connection.execute(query, [each.id])]

    def forget(self, slices: Iterable[Slice]) -> None:
        """Let those slices be as if they had never been imported."""
        numbers = [(each.id,) for each in slices]
        self._connection.executemany("DELETE FROM readings WHERE slice = ?", numbers)
        self._connection.executemany("DELETE FROM slices WHERE id = ?", numbers)
        self._connection.executemany("DELETE FROM sights WHERE slice = ?", numbers)

    # --- files

    def promise(self, files: Iterable[DataFile], retired: Iterable[DataFile] = ()) -> None:
        """Note the files that will be, and those which they replace."""
        self._connection.executemany(
            f"INSERT INTO files({_FILE}, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{State.PENDING}')",
            map(_file_row, files),
        )
        self._connection.executemany(
            f"UPDATE files SET state = '{State.RETIRED}' WHERE id = ?", [(each.id,) for each in retired]
        )

    def files(self, *states: State) -> list[DataFile]:
        """The files in those states, by table and day."""
        marks = ", ".join("?" * len(states))
        query = f'SELECT {_FILE} FROM files WHERE state IN ({marks}) ORDER BY "table", day, id'
        return [_noted(_file, row) for row in self._connection.execute(query, states)]

    def move(self, before: State, after: State) -> None:
        """Let all files of one state be in another."""
        self._connection.execute("UPDATE files SET state = ? WHERE state = ?", [after, before])

    def remove_gone(self) -> None:
        """Forget the files that were deleted."""
        self._connection.execute("DELETE FROM files WHERE state = ?", [State.GONE])

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_Noted = TypeVar("_Noted")


def _noted(of: Callable[[tuple[Any, ...]], _Noted], row: tuple[Any, ...]) -> _Noted:
    """What a row says; who writes a manifest by hand may have it say anything."""
    try:
        return of(row)
    except (ValueError, TypeError) as error:
        raise sqlite3.DatabaseError("it says what no Herdsight wrote") from error


def _slice_row(each: Slice) -> tuple[object, ...]:
    places = (each.begin, each.end, each.digest, each.head, each.before)
    return (each.id, each.source, each.path, *places, each.account.model_dump_json())


def _slice(row: tuple[Any, ...]) -> Slice:
    number, source, path, begin, end, digest, head, before, account = row
    return Slice(number, source, path, begin, end, digest, head, before, Input.model_validate_json(account))


def _file_row(each: DataFile) -> tuple[object, ...]:
    said = (json.dumps(each.columns), each.day.isoformat(), each.rows, each.first.isoformat(), each.last.isoformat())
    return (each.id, each.path, each.table, each.format, *said, each.size, each.digest)


def _file(row: tuple[Any, ...]) -> DataFile:
    number, path, name, log_format, columns, day, rows, first, last, size, digest = row
    times = datetime.fromisoformat(first), datetime.fromisoformat(last)
    names = tuple(json.loads(columns))
    if PurePath(path).is_absolute() or ".." in PurePath(path).parts:
        raise ValueError(path)
    return DataFile(number, path, name, log_format, names, date.fromisoformat(day), rows, *times, size, digest)
