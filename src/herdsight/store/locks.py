"""Locks between processes: one writes, many read, and a process that dies lets go.

They are locks of SQLite on databases that stay empty: every system has them, over the network too where the file
system keeps its word, and the kernel ends them with their process.
"""

import json
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from herdsight.errors import InputError

Say = Callable[[str], None]

_PAUSE = 0.05  # seconds between two tries
_PATIENCE = 1.0  # seconds: who waits for longer is told


@contextmanager
def writing(path: Path, wait: float, say: Say) -> Iterator[None]:
    """Be the only one who writes.

    `wait` is how many seconds to wait for another process that does; `say` is told when that takes a while.

    Raises:
        InputError: it goes on for longer.
    """
    holder = path.with_suffix(".holder")
    with _locked(path, "EXCLUSIVE", wait, lambda: say(f"waiting: {_held_by(holder)}"), lambda: _held_by(holder)):
        _write_holder(holder)
        try:
            yield
        finally:
            holder.unlink(missing_ok=True)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read: nothing that is there now goes away meanwhile. Without the right to write, it is done without a lock."""
    if not path.exists() and not os.access(path.parent, os.W_OK):
        yield
        return
    with _locked(path, "DEFERRED", 60, lambda: None, lambda: "another process deletes what it replaced"):
        yield


@contextmanager
def deleting(path: Path, wait: float, say: Say) -> Iterator[None]:
    """Be sure that nobody reads.

    Raises:
        InputError: someone still does after `wait` seconds.
    """
    why = "other processes read the store, and what was replaced is deleted when they end"
    with _locked(path, "EXCLUSIVE", wait, lambda: say(f"waiting: {why}"), lambda: why):
        yield


@contextmanager
def _locked(path: Path, kind: str, wait: float, warn: Callable[[], None], why: Callable[[], str]) -> Iterator[None]:
    connection = _connection(path, read_only=kind == "DEFERRED" and not os.access(path, os.W_OK) and path.exists())
    try:
        _acquire(connection, kind, wait, warn, why)
        yield
    finally:
        connection.close()  # which lets go


def _connection(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "ro" if read_only else "rwc"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=0, isolation_level=None)


def _acquire(
    connection: sqlite3.Connection, kind: str, wait: float, warn: Callable[[], None], why: Callable[[], str]
) -> None:
    started = time.monotonic()
    warned = False
    while not _tried(connection, kind):
        waited = time.monotonic() - started
        if waited >= wait:
            hint = "try again later, or wait longer with --wait SECONDS"
            raise InputError(f"the store is in use: {why()}", hint=hint)
        if waited >= _PATIENCE and not warned:
            warned = True
            warn()
        time.sleep(_PAUSE)


def _tried(connection: sqlite3.Connection, kind: str) -> bool:
    try:
        connection.execute(f"BEGIN {kind}")
        connection.execute("SELECT count(*) FROM sqlite_master")  # a deferred lock is taken with the first read
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise InputError(f"the store cannot be locked: {error}", hint="check that you may write to it") from error
        if connection.in_transaction:
            connection.rollback()
        return False
    return True


def _write_holder(path: Path) -> None:
    said = {"process": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"}
    try:
        path.write_text(json.dumps(said), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be written to: {error.strerror}") from error


def _held_by(path: Path) -> str:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return f"process {said['process']} on {said['host']} writes to it since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process writes to it"
