"""Looking after a store: what is in it, whether it is whole, fewer files, and what is old let go."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import InputError
from herdsight.findings.model import StoreChange, StoredTable, StoreInfo, Verified
from herdsight.loading.records import Progress, Relation
from herdsight.logs.files import shown_path
from herdsight.output.words import count_words
from herdsight.store.folder import Change, Store, current, opened_to_read, total
from herdsight.store.reading import inputs_of, parquet
from herdsight.store.records import DataFile, Slice, State
from herdsight.store.writing import Day, measured, named_file, write
from herdsight.tables import FILE_COLUMN, ROW_COLUMN, table
from herdsight.trees import column, named, number
from herdsight.version import VERSION

LARGE = 128 << 20  # bytes of a Parquet file from which on it is not put together with others


def info(folder: Path) -> StoreInfo:
    """What a store holds.

    Raises:
        InputError: the folder is no store.
    """
    with opened_to_read(folder) as manifest:
        files, slices = current(manifest), manifest.slices()
    tables = groupby(sorted(files, key=lambda each: each.table), key=lambda each: each.table)
    return StoreInfo(
        herdsight=VERSION,
        store=str(folder),
        tables=tuple(_stored(name, [*some]) for name, some in tables),
        inputs=inputs_of(slices),
    )


def _stored(name: str, files: Sequence[DataFile]) -> StoredTable:
    return StoredTable(
        table=name,
        rows=sum(each.rows for each in files),
        bytes=total(files),
        files=len(files),
        days=len({each.day for each in files}),
        first=min(each.first for each in files),
        last=max(each.last for each in files),
        formats=tuple(sorted({each.format for each in files})),
    )


def verify(folder: Path, progress: Progress | None = None) -> Verified:
    """Whether every Parquet file is there as it was written, and no other is.

    Raises:
        InputError: the folder is no store.
    """
    with opened_to_read(folder) as manifest:
        files, promised = current(manifest), manifest.files(State.PENDING, State.GONE)
        troubles: list[str] = []
        for place, each in enumerate(files):
            if progress:
                progress(each.path, place, len(files))
            troubles += _trouble(folder, each)
        known = {folder / each.path for each in (*files, *promised)}
        strange = sorted({*folder.glob("*/day=*/*.parquet")} - known)
        troubles += [
            f"{each.relative_to(folder)}: is not in the manifest: no command of Herdsight reads it" for each in strange
        ]
    return Verified(
        herdsight=VERSION,
        store=str(folder),
        files=len(files),
        rows=sum(each.rows for each in files),
        troubles=tuple(troubles),
    )


def _trouble(folder: Path, file: DataFile) -> list[str]:
    try:
        size, digest = measured(folder / file.path)
    except FileNotFoundError:
        return [f"{file.path}: is missing, with {count_words(file.rows, 'row')}"]
    except OSError as error:
        return [f"{file.path}: cannot be read: {error.strerror}"]
    if size != file.size:
        return [f"{file.path}: has {size:,} bytes in place of {file.size:,}"]
    return [] if digest == file.digest else [f"{file.path}: is not what was written: its hash differs"]


def compact(store: Store, engine: DuckDbEngine, progress: Progress | None = None) -> StoreChange:
    """Put the small files of each table, day and format together; what is read in one piece is read faster.

    Raises:
        InputError: others read the store for too long.
        EngineError: the disk is full, memory ran out, or a file is damaged.
    """
    files = current(store.manifest)
    groups = [each for each in _small(files) if len(each) > 1]
    for place, group in enumerate(groups):
        if progress:
            progress(group[0].path, place, len(groups))
        _, _, _, next_file = store.manifest.next_ids()
        together = _rewritten(store, engine, group, next_file, exp.true())
        store.commit(Change(files=together, retired=group))
    return _changed(store, files, current(store.manifest), 0)


def _small(files: Iterable[DataFile]) -> Iterator[list[DataFile]]:
    groups: dict[object, list[DataFile]] = defaultdict(list)
    for each in files:
        if each.size < LARGE:
            groups[each.table, each.day, each.format, each.columns].append(each)
    yield from groups.values()


def _rewritten(
    store: Store, engine: DuckDbEngine, files: Sequence[DataFile], file: int, kept: exp.Expr
) -> list[DataFile]:
    """One file, in the temporary folder, with the rows of several that are kept; none where no row is."""
    first = files[0]
    rows = Relation(first.table, "", "", first.columns, first.format)
    scan = parquet([store.folder / each.path for each in files])
    day = _day(engine, first, scan, kept)
    if day is None:
        return []
    time = table(first.table).time
    keys = [exp.Ordered(this=column(each), nulls_first=False) for each in (time, FILE_COLUMN, ROW_COLUMN)]
    every = [column(each) for each in (*first.columns, FILE_COLUMN, ROW_COLUMN)]
    query = exp.select(*every).from_(scan.copy()).where(kept.copy()).order_by(*keys)
    return [write(engine, query, named_file(file, rows, day), store.folder)]


def _day(engine: DuckDbEngine, file: DataFile, scan: exp.Table, kept: exp.Expr) -> Day | None:
    time = column(table(file.table).time)
    query = exp.select(
        named(exp.Count(this=exp.Star()), "rows"),
        named(exp.Min(this=time), "first"),
        named(exp.Max(this=time.copy()), "last"),
    )
    (found,) = engine.run(query.from_(scan.copy()).where(kept.copy())).to_pylist()
    return Day(file.day, **found) if found["rows"] else None


@dataclass(frozen=True, slots=True)
class Dropping:
    """What to let go: rows older than an age, the oldest days beyond a size, a table, or what came from a source.

    `age` counts back from the clock, in whole days; `size` are bytes of Parquet; `source` is a pattern of paths.
    Where more than one is given, each lets go of what it names.
    """

    age: timedelta | None = None
    size: int | None = None
    table: str | None = None
    source: str | None = None


def drop(store: Store, engine: DuckDbEngine, dropping: Dropping, *, dry_run: bool = False) -> StoreChange:
    """Let go of rows. What came from a source that is dropped by name may be imported again; what grew old is not.

    Raises:
        InputError: there is no such table or source, or others read the store for too long.
        EngineError: the disk is full, memory ran out, or a file is damaged.
    """
    files = current(store.manifest)
    whole = {each.id: each for each in _of_table(files, dropping.table)}
    whole |= {each.id: each for each in _old(files, dropping.age)}
    whole |= {each.id: each for each in _beyond([each for each in files if each.id not in whole], dropping.size)}
    slices = _of_source(store, dropping.source)
    left = [each for each in files if each.id not in whole]
    holding = _holding(store, engine, left, slices)
    rows = sum(each.rows for each in whole.values()) + sum(holding.values())
    if dry_run:
        return _changed(store, files, left, rows)
    if whole or slices:
        _rid(store, engine, [*whole.values()], [each for each in left if each.id in holding], slices)
    return _changed(store, files, current(store.manifest), rows)


def _of_table(files: Sequence[DataFile], name: str | None) -> list[DataFile]:
    found = [each for each in files if each.table == name]
    if name is not None and not found:
        there = ", ".join(sorted({each.table for each in files})) or "no table"
        raise InputError(f"the store has no table {name!r}", hint=f"it has {there}")
    return found


def _old(files: Sequence[DataFile], age: timedelta | None) -> list[DataFile]:
    if age is None:
        return []
    oldest: date = (datetime.now(UTC) - age).date()
    return [each for each in files if each.day < oldest]


def _beyond(files: Sequence[DataFile], size: int | None) -> list[DataFile]:
    """The files of the oldest days, as many days as it takes."""
    gone: list[DataFile] = []
    left = total(files)
    for _, day in groupby(sorted(files, key=lambda each: each.day), key=lambda each: each.day):
        if size is None or left <= size:
            break
        some = [*day]
        gone += some
        left -= total(some)
    return gone


def _of_source(store: Store, pattern: str | None) -> list[Slice]:
    """All slices of the sources that one name of matches."""
    if pattern is None:
        return []
    slices = store.manifest.slices()
    shown = shown_path(Path(pattern))
    sources = {each.source for each in slices if any(_fits(name, shown) for name in (each.path, Path(each.path).name))}
    if not sources:
        raise InputError(
            f"nothing in the store came from {pattern!r}", hint="herdsight store info --sources lists what did"
        )
    return [each for each in slices if each.source in sources]


def _fits(name: str, pattern: str) -> bool:
    """Whether a name is meant: what looks like a pattern may be a name, too."""
    return name == pattern or fnmatch(name, pattern)


def _holding(store: Store, engine: DuckDbEngine, files: Sequence[DataFile], slices: Sequence[Slice]) -> dict[int, int]:
    """How many rows of those slices each file holds, by the number of the file; those without any are left out."""
    is_of = _is_of(store.manifest.readings_of(slices))
    if is_of is None:
        return {}
    counted = {}
    for each in files:
        query = (
            exp.select(named(exp.Count(this=exp.Star()), "n")).from_(parquet([store.folder / each.path])).where(is_of)
        )
        counted[each.id] = int(engine.run(query).column("n")[0].as_py())
    return {file: count for file, count in counted.items() if count}


def _is_of(readings: Sequence[int]) -> exp.Expr | None:
    """That a row is of one of the readings, which have numbers in a row for the most part; None without a reading."""
    spans: list[exp.Expr] = []
    for _, run in groupby(enumerate(sorted(readings)), key=lambda each: each[1] - each[0]):
        numbers = [each for _, each in run]
        spans.append(exp.Between(this=column(FILE_COLUMN), low=number(numbers[0]), high=number(numbers[-1])))
    return exp.or_(*spans) if spans else None


def _rid(
    store: Store, engine: DuckDbEngine, whole: Sequence[DataFile], parts: Sequence[DataFile], slices: Sequence[Slice]
) -> None:
    """Let files go, and of others the rows of some slices."""
    is_of = _is_of(store.manifest.readings_of(slices))
    _, _, _, next_file = store.manifest.next_ids()
    kept: list[DataFile] = []
    for each in parts:
        assert is_of is not None  # noqa: S101 - a part is a file that holds rows of them
        kept += _rewritten(store, engine, [each], next_file + len(kept), exp.Not(this=exp.paren(is_of)))
    store.commit(Change(files=kept, retired=[*whole, *parts], forgotten=slices))


def _changed(store: Store, before: Sequence[DataFile], after: Sequence[DataFile], rows: int) -> StoreChange:
    return StoreChange(
        herdsight=VERSION,
        store=str(store.folder),
        dropped=rows,
        files=(len(before), len(after)),
        bytes=(total(before), total(after)),
    )
