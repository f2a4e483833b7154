"""Logs into a store, each record once: what is new is found, loaded, written as Parquet, and committed."""

import errno
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from herdsight.engines.duckdb import DEFAULT_MEMORY, DuckDbEngine
from herdsight.errors import EngineError, InputError
from herdsight.findings.model import Imported, ImportedFile, Input, Status
from herdsight.loading.load import load_files
from herdsight.loading.recognition import check_options, need_one
from herdsight.loading.records import Loaded, LogFile, Progress, ReadOptions
from herdsight.logs.files import found, real, shown_path
from herdsight.logs.packed.archives import Member, opened
from herdsight.store.folder import Change, Store
from herdsight.store.records import DataFile, Reading, Sight, Slice
from herdsight.store.sources import ChangedError, Known, New, Sources, Stamp, Unread, to_load
from herdsight.store.writing import Target, write_days
from herdsight.version import VERSION

COMMITTED = 1 << 30  # plain bytes after which what was read is committed: a crash loses no more work than that
_MOST_FILES = 2_000  # and that many files


@dataclass(frozen=True, slots=True)
class Engine:
    """What each engine of an import gets; see `herdsight.engines.duckdb.DuckDbEngine`."""

    memory: str = DEFAULT_MEMORY
    threads: int | None = None


def add(
    store: Store,
    paths: Sequence[Path],
    options: ReadOptions,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Import all that is new under the paths into a store.

    What was committed before an error stays: the next import goes on from there.

    Raises:
        InputError: a path that is not there or is the store itself, no file that can be read, or a disk that is full.
        EngineError: memory ran out.
    """
    check_options(options)
    places = _outside(store.folder, paths)
    with TemporaryDirectory(prefix="herdsight-import-") as folder:
        work = _Import(store, Path(folder), options, engine or Engine(), progress)
        files = tuple(work.run(places))
    _need_log(files, paths)
    return Imported(herdsight=VERSION, store=str(store.folder), rows=sum(each.rows for each in files), files=files)


def _outside(folder: Path, paths: Sequence[Path]) -> list[Path]:
    """The files under the paths; of a folder that the store lies in, the others."""
    own = real(folder)
    inside = next((each for each in paths if real(each).is_relative_to(own)), None)
    if inside is not None:
        raise InputError(f"{inside} is part of the store", hint="name logs that are outside of it")
    return [each for each in found(paths) if not real(each).is_relative_to(own)]


def _need_log(files: Sequence[ImportedFile], paths: Sequence[Path]) -> None:
    if all(each.status == "unread" for each in files):
        need_one([LogFile(Path(each.path), 0, 0, each.path, notes=list(each.notes)) for each in files], paths)


@dataclass(slots=True)
class _Numbers:
    """The next free number of each kind."""

    source: int
    slice: int
    reading: int
    file: int


@dataclass(slots=True)
class _Group:
    """Files that are committed together, and how many plain bytes they bring."""

    tasks: list["_Task"] = field(default_factory=list)
    seen: list[Known] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        return self.size >= COMMITTED or len(self.tasks) + len(self.seen) >= _MOST_FILES


class _Import:
    def __init__(
        self, store: Store, folder: Path, options: ReadOptions, engine: Engine, progress: Progress | None
    ) -> None:
        self._store, self._folder, self._options, self._engine = store, folder, options, engine
        self._progress = progress
        self._sources = Sources(store.manifest, options, folder)
        self._numbers = _Numbers(*store.manifest.next_ids())

    def run(self, places: Sequence[Path]) -> Iterator[ImportedFile]:
        """What became of each file."""
        group = _Group()
        for number, place in enumerate(places):
            absolute = place.absolute()
            if self._progress:
                self._progress(shown_path(place), number, len(places))
            for member in opened(place, shown_path(absolute), self._folder):
                yield from self._look(member, group)
                if group.is_full:
                    yield from self._commit(group)
                    group = _Group()
        yield from self._commit(group)

    def _look(self, member: Member, group: _Group) -> Iterator[ImportedFile]:
        looked = self._sources.look(member)
        if isinstance(looked, New):
            task = _Task(looked, self._slice(looked, len(self._sources.waiting)))
            group.tasks.append(task)
            group.size += looked.content.end - looked.begin
            self._sources.waiting.append(task.slice)
            return
        self._forget_member(member)
        if isinstance(looked, Known):
            group.seen.append(looked)
        yield _told(looked)

    def _forget_member(self, member: Member) -> None:
        if member.path and member.path.parent == self._folder:
            member.path.unlink(missing_ok=True)

    def _slice(self, new: New, place: int) -> Slice:
        """The slice that a file will be, without its account."""
        is_next = new.follows and not self._sources.is_continued(new.follows)
        source = new.follows.source if new.follows and is_next else self._numbers.source + place
        inside, shown = new.content, new.member.shown
        unknown = Input(path=shown, format=None, table=None)
        number = self._numbers.slice + place
        return Slice(number, source, shown, new.begin, inside.end, inside.digest, inside.head, 0, unknown)

    def _commit(self, group: _Group) -> Iterator[ImportedFile]:
        """Load and write what a group of files brings; then it is in the store, or, after an error, none of it is."""
        done: tuple[ImportedFile, ...] | None = None
        try:
            while done is None:
                with DuckDbEngine(self._engine.memory, self._engine.threads) as engine:
                    done = self._tried(group, engine)
        except (EngineError, OSError) as error:
            if not _is_full(error):
                raise
            raise _full(self._store.folder, group.size) from error
        yield from done
        for each in group.tasks:
            self._forget_member(each.new.member)
        self._sources.waiting.clear()
        self._numbers = _Numbers(*self._store.manifest.next_ids())

    def _tried(self, group: _Group, engine: DuckDbEngine) -> tuple[ImportedFile, ...] | None:
        """The files of a group that were committed; None where one changed under way, which is marked to be copied."""
        loading = self._to_load(group, engine.folder)
        loaded = load_files(engine, loading.files, self._options)
        if any(each.has_changed() for each in loading.tasks):
            group.tasks = [each.copied() if each.has_changed() else each for each in loading.tasks]
            return None
        accounts = _accounts(zip(loading.tasks, loaded.inputs, strict=True))
        change = self._change(loading, loaded, accounts, engine)
        sights = [*_sights(each for each in loading.tasks if each.slice.id in accounts), *_seen(group.seen)]
        if accounts or sights:
            self._store.commit(replace(change, sights=sights))
        told = zip(loading.tasks, loaded.inputs, strict=True)
        return (*(_added(task, account) for task, account in told), *loading.unread)

    def _to_load(self, group: _Group, folder: Path) -> "_Loading":
        loading = _Loading()
        for task in group.tasks:
            try:
                readings = to_load(task.new, folder, len(loading.files), len(loading.tasks))
            except (ChangedError, OSError) as error:
                if isinstance(error, OSError) and _is_full(error):
                    raise
                file = replace(task.new.readings[0], notes=["changes while it is read: import it again"])
                loading.unread.append(_told(Unread(file)))
                continue
            loading.slices.update({each.number: task.slice.id for each in readings})
            loading.tasks.append(task)
            loading.files += readings
        return loading

    def _change(
        self, loading: "_Loading", loaded: Loaded, accounts: Mapping[int, Slice], engine: DuckDbEngine
    ) -> Change:
        """What is to be committed; the rows are written."""
        readings = [
            Reading(self._numbers.reading + number, part, origin.table, origin.base, origin.gaps)
            for number, origin in loaded.origins.items()
            if (part := loading.slices[number]) in accounts
        ]
        files = self._write(engine, loaded)
        if sum(each.rows for each in files) != sum(each.account.rows for each in accounts.values()):
            raise EngineError("the rows that were written are not those that were read", hint="please report this")
        return Change(files, slices=tuple(accounts.values()), readings=readings)

    def _write(self, engine: DuckDbEngine, loaded: Loaded) -> list[DataFile]:
        files: list[DataFile] = []
        for each in loaded.relations:
            target = Target(self._store.folder, self._numbers.file + len(files), self._numbers.reading)
            files += write_days(engine, each, target)
        return files


@dataclass(frozen=True, slots=True)
class _Task:
    """A file to load, and the slice that it will be."""

    new: New
    slice: Slice

    def has_changed(self) -> bool:
        """Whether what was read where it lies is no longer what was looked at."""
        path = self.new.member.path
        try:
            return not self.new.is_part and path is not None and Stamp.of(path) != self.new.stamp
        except OSError:  # it is gone
            return True

    def copied(self) -> "_Task":
        """The same, of which a copy is to be loaded."""
        return replace(self, new=replace(self.new, is_part=True))


@dataclass(slots=True)
class _Loading:
    """What is loaded at once: the files, the slice that each reading is of, and the files that cannot be had."""

    tasks: list[_Task] = field(default_factory=list)
    files: list[LogFile] = field(default_factory=list)
    slices: dict[int, int] = field(default_factory=dict)
    unread: list[ImportedFile] = field(default_factory=list)


def _accounts(told: Iterable[tuple[_Task, Input]]) -> dict[int, Slice]:
    """The slices of the files that could be read, by number, with their accounts."""
    accounts: dict[int, Slice] = {}
    for task, account in told:
        if account.table:
            own = account.model_copy(update={"path": task.slice.path})
            accounts[task.slice.id] = replace(task.slice, account=own, before=_records(task.new.follows, accounts))
    return accounts


def _records(follows: Slice | None, accounts: Mapping[int, Slice]) -> int:
    """How many records of a source there are up to the end of a slice."""
    if follows is None:
        return 0
    last = accounts.get(follows.id, follows)
    return last.before + last.account.rows + last.account.rejected


def _added(task: _Task, account: Input) -> ImportedFile:
    status: Status = "unread" if not account.table else "grown" if task.new.follows else "new"
    return ImportedFile(**{**account.model_dump(), "path": task.slice.path}, status=status)


def _sights(tasks: Iterable[_Task]) -> Iterator[Sight]:
    """Those of files that were taken whole, and lie where the user has them."""
    for each in tasks:
        inside = each.new.content
        if not each.new.is_member and inside.end == inside.size and not inside.trouble:
            yield Sight(each.slice.path, each.new.stamp.size, each.new.stamp.modified, each.slice.id)


def _seen(known: Iterable[Known]) -> Iterator[Sight]:
    for each in known:
        if each.stamp:
            yield Sight(each.shown, each.stamp.size, each.stamp.modified, each.slice.id)


def _told(looked: Known | Unread) -> ImportedFile:
    """What is said of a file that brings nothing."""
    if isinstance(looked, Unread):
        file = looked.file
        return ImportedFile(path=file.shown, format=None, table=None, notes=tuple(file.notes), status="unread")
    known = looked.slice
    notes = (looked.note,) if looked.note else ()
    account = known.account
    return ImportedFile(path=looked.shown, format=account.format, table=account.table, notes=notes, status="known")


def _is_full(error: Exception) -> bool:
    """Whether a disk ran out of room."""
    return (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "No space left" in str(error)


def _full(folder: Path, size: int) -> InputError:
    """`size`: the plain bytes that were to be committed, which a table of theirs takes about as many of."""
    free = {str(each): shutil.disk_usage(each).free for each in (folder, Path(gettempdir()))}
    told = ", ".join(f"{amount:,} bytes are free for {place}" for place, amount in free.items())
    return InputError(
        f"the disk is full: up to {size:,} bytes are needed for each, and {told}",
        hint="make room and import again: what was committed stays, and is not imported twice",
    )
