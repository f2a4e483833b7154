"""A store's folder: opened to write or to read, and changed in steps that a crash cannot leave half done."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from errno import ENOSPC
from pathlib import Path

from herdsight.errors import InputError
from herdsight.loading.records import is_text
from herdsight.logs.files import shown_path
from herdsight.store.locks import Say, deleting, reading, writing
from herdsight.store.manifest import NAME, Manifest
from herdsight.store.records import DataFile, Reading, Sight, Slice, State

WAIT = 300.0  # seconds that a command waits for another process
TEMPORARY = ".tmp"
_WRITE_LOCK, _READ_LOCK = ".write.lock", ".read.lock"


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to a store at once: Parquet files that wait in its temporary folder under their names, and more."""

    files: Sequence[DataFile] = ()
    retired: Sequence[DataFile] = ()
    slices: Sequence[Slice] = ()
    readings: Sequence[Reading] = ()
    sights: Sequence[Sight] = ()
    forgotten: Sequence[Slice] = ()


@dataclass(frozen=True, slots=True)
class Store:
    """A store that this process alone may change."""

    folder: Path
    manifest: Manifest
    wait: float = WAIT
    say: Say = field(default=lambda _: None)

    def temporary(self, file: DataFile) -> Path:
        """Where a file waits until its change is promised."""
        return waiting_place(self.folder, file)

    def commit(self, change: Change) -> None:
        """Make a change: promised first, so that it is carried out even if this process ends now."""
        for each in change.files:
            _sync(self.temporary(each))
        _sync(self.folder / TEMPORARY)
        with self.manifest.change():
            self.manifest.promise(change.files, change.retired)
            self.manifest.add(change.slices, change.readings)
            self.manifest.see(change.sights)
            self.manifest.forget(change.forgotten)
        self.carry_out()

    def carry_out(self) -> None:
        """Do what was promised: files take their places, and those that they replace go once nobody reads them.

        Raises:
            InputError: files cannot be moved or deleted, or others read the store for too long.
        """
        try:
            self._carry_out()
        except OSError as error:
            if error.errno == ENOSPC:
                raise
            where = shown_path(Path(error.filename or self.folder))
            raise InputError(
                f"{where}: cannot be changed: {error.strerror}", hint="mend that: the next command goes on from there"
            ) from error

    def _carry_out(self) -> None:
        pending = self.manifest.files(State.PENDING)
        for each in pending:
            _put_in_place(self.temporary(each), self.folder / each.path)
        for folder in sorted({(self.folder / each.path).parent for each in pending}):
            _sync(folder)
        if self.manifest.files(State.RETIRED):
            with deleting(self.folder / _READ_LOCK, self.wait, self.say):
                self._close()
                self._delete_gone()
        else:
            self._close()
            self._delete_gone()

    def _close(self) -> None:
        with self.manifest.change():
            self.manifest.move(State.PENDING, State.LIVE)
            self.manifest.move(State.RETIRED, State.GONE)

    def _delete_gone(self) -> None:
        for each in self.manifest.files(State.GONE):
            place = self.folder / each.path
            place.unlink(missing_ok=True)
            with suppress(OSError):  # the folder of a day that has other files
                place.parent.rmdir()
        self.manifest.remove_gone()

    def clear(self) -> None:
        """Delete what a process left in the temporary folder."""
        for each in (self.folder / TEMPORARY).iterdir():
            with suppress(IsADirectoryError, PermissionError):  # none of ours
                each.unlink()


def waiting_place(folder: Path, file: DataFile) -> Path:
    """Where a file of the store in that folder waits until it is put in its place."""
    return folder / TEMPORARY / file.path.replace("/", "--")


def _put_in_place(waiting: Path, place: Path) -> None:
    if waiting.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        waiting.replace(place)


def _sync(path: Path) -> None:
    """Have the disk keep a file or a folder as it is now."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder, where the system has no handles on folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_store(folder: Path) -> bool:
    """Whether a folder is a store."""
    return (folder / NAME).is_file()


def need_store(folder: Path) -> None:
    """Raise where a folder is none."""
    _need_plain(folder)
    try:
        there, what = is_store(folder), "is not a store" if folder.exists() else "does not exist"
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror}") from error
    if not there:
        raise InputError(f"{folder} {what}", hint="make one with: herdsight import PATH... --store DIR")


def _need_plain(folder: Path) -> None:
    """Raise where the engine would take the path for a pattern of paths, or cannot take it."""
    if not is_text(str(folder)) or any(each in str(folder) for each in "*?["):
        shown = shown_path(folder)
        raise InputError(f"{shown}: the path of a store is UTF-8 without * ? [", hint="name another folder")


def make_store(folder: Path) -> None:
    """Make the folder, and see that it is new, empty or a store.

    Raises:
        InputError: it is something else, or cannot be made.
    """
    _need_plain(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        other = [each.name for each in folder.iterdir() if not each.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder} cannot be made a store: {error.strerror}") from error
    if other and not is_store(folder):
        raise InputError(f"{folder} holds other things than a store, such as {min(other)}", hint="name a new folder")


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Say in our own words what the manifest of a store cannot do."""
    try:
        yield
    except sqlite3.Error as error:
        raise InputError(f"{folder / NAME}: cannot be used: {error}", hint=_REMEDY) from error


_REMEDY = "see that it may be written to and that the disk has room; else restore it, or import into a new store"


@contextmanager
def opened_to_write(folder: Path, wait: float = WAIT, say: Say = lambda _: None) -> Iterator[Store]:
    """The store in a folder, for this process alone to change; what another one had promised is done first.

    Raises:
        InputError: another process writes to it for longer than `wait` seconds; or the manifest is broken.
    """
    try:
        (folder / TEMPORARY).mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to: {error.strerror}") from error
    with writing(folder / _WRITE_LOCK, wait, say), told(folder), Manifest(folder, write=True) as manifest:
        store = Store(folder, manifest, wait, say)
        store.carry_out()
        store.clear()
        yield store


@contextmanager
def opened_to_read(folder: Path) -> Iterator[Manifest]:
    """The manifest of the store in a folder; as long as it is open, no file that it names is deleted.

    Raises:
        InputError: it is no store, or its manifest is broken.
    """
    need_store(folder)
    with told(folder):
        _finish(folder)
        with reading(folder / _READ_LOCK), Manifest(folder, write=False) as manifest:
            yield manifest


def _finish(folder: Path) -> None:
    """Do what a process that died had promised. Where one is at work, or we may not write, it is left to others."""
    with Manifest(folder, write=False) as manifest:
        is_promised = bool(manifest.files(State.PENDING, State.RETIRED, State.GONE))
    if is_promised and os.access(folder, os.W_OK):
        with suppress(InputError), opened_to_write(folder, wait=0):
            pass


def current(manifest: Manifest) -> list[DataFile]:
    """The files that hold the store's rows now: what is being replaced counts until it is."""
    return manifest.files(State.LIVE, State.RETIRED)


def total(files: Iterable[DataFile]) -> int:
    """The bytes of files."""
    return sum(each.size for each in files)
