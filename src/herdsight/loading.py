"""Loading logs into an engine: every file looked at, every record either loaded or counted with the reason why not."""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import TypeVar

import duckdb
from sqlglot import exp

from herdsight.addresses import Network
from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import EngineError, InputError
from herdsight.findings.model import Input
from herdsight.logs.files import found
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source, all_formats
from herdsight.logs.head import Head, is_whole, read_head
from herdsight.logs.repair import Copy, record_numbers, repaired, salvaged
from herdsight.logs.segments import segments
from herdsight.logs.values import BAD_QUOTES, BAD_TEXT, BAD_TIMESTAMP, REPEATED_HEADER, TOO_FEW, TOO_LONG, TOO_MANY
from herdsight.tables import FILE_COLUMN, NAMES, REJECT_COLUMN, ROW_COLUMN, ColumnType, table
from herdsight.trees import call, column, named, null, number, relation, sql_type, text

SCHEMA = "raw"  # the relations
_STORE = "store"  # the tables behind them
_ADVANCE = timedelta(days=1)  # how far a clock may be ahead of ours before its rows are not believed
_UNKNOWN = "not a log that Herdsight knows"
_SHOWN = 5  # files named in a message
_LONGEST_NOTE = 200  # characters
_BATCH = 64  # files read together: enough to keep all cores busy, few enough to see progress

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read.

    `local` are the networks that are inside (none: the private ones); `tables`, as `(TABLE, GLOB)` pairs, and
    `format_in`, a format's name, override recognition.
    """

    local: tuple[Network, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()
    format_in: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """Something in the engine that holds rows of one table: its declared columns, and _file, _reject and _row."""

    table: str
    schema: str
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A record: its file as the user named it, and its number in that file, from 1."""

    path: str
    row: int


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a file's rows begin in its relation, and how many of them come before each record that has no row."""

    base: int
    gaps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load ended in. `readable` are the files that relations still read in place."""

    inputs: tuple[Input, ...]
    relations: tuple[Relation, ...]
    readable: tuple[Path, ...]
    origins: tuple[_Origin, ...] = ()

    def locate(self, file: int, row: int) -> FileRow:
        """The record behind a row, from its _file and _row."""
        origin = self.origins[file]
        kept = row - origin.base
        return FileRow(self.inputs[file].path, kept + 1 + bisect_right(origin.gaps, kept))


@dataclass(slots=True)
class _File:
    """One file on its way: what it was recognised as, and what became of it."""

    path: Path
    number: int
    format: Format | None = None
    layout: Layout | None = None
    head: Head | None = None
    notes: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)  # records that are in no relation, by reason
    gaps: list[int] = field(default_factory=list)  # see _Origin
    failed: bool = False

    @property
    def table(self) -> str | None:
        return self.format.table if self.format else None

    @property
    def is_readable(self) -> bool:
        return bool(self.format and self.format.read and self.layout and not self.layout.refused and not self.failed)

    @property
    def is_parquet(self) -> bool:
        return self.layout is not None and self.layout.shape is Shape.PARQUET

    @property
    def is_copied(self) -> bool:
        """Whether its rows go, or went, into a table: also those of a file that failed in the end."""
        return bool(self.layout and not self.layout.refused) and not self.is_parquet

    @property
    def known_format(self) -> Format:
        return _known(self.format)

    @property
    def known_layout(self) -> Layout:
        return _known(self.layout)

    @property
    def known_head(self) -> Head:
        return _known(self.head)

    @property
    def known_table(self) -> str:
        return _known(self.table)


_T = TypeVar("_T")


def _known(value: _T | None) -> _T:
    """What a file has once it was recognised."""
    if value is None:
        raise ValueError("the file was not recognised")
    return value


@dataclass(slots=True)
class _Tally:
    """The account of one file's rows in its relation."""

    base: int = 0
    rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None


def load(
    engine: DuckDbEngine,
    paths: Sequence[Path],
    options: ReadOptions | None = None,
    progress: Progress | None = None,
) -> Loaded:
    """Load every log under the paths into the engine.

    `progress` is told the file, its number from 0 and how many there are. The engine is not locked.

    Raises:
        InputError: a path that is not there, an option that names nothing, or no file that can be read.
        EngineError: memory or disk ran out.
    """
    options = options or ReadOptions()
    _check(options)
    scope = Scope(_latest(), options.local)
    files = [_recognised(_File(path, place), options) for place, path in enumerate(found(paths))]
    _need_one(files, paths)
    _make_tables(engine, files)
    for batch in _batches(files, progress):
        _insert_batch(engine, batch, scope)
    relations = [*_views(engine, files)]
    tallies = {number: tally for each in relations for number, tally in _tallies(engine, each).items()}
    in_place = [*_in_place(engine, files, scope, tallies)]
    _need_one(files, paths)
    return Loaded(
        inputs=tuple(_input(each, tallies.get(each.number, _Tally())) for each in files),
        relations=(*relations, *in_place),
        readable=tuple(each.path for each in files if each.is_readable and each.is_parquet),
        origins=tuple(_Origin(tallies.get(each.number, _Tally()).base, tuple(each.gaps)) for each in files),
    )


def _latest() -> datetime:
    return (datetime.now(UTC) + _ADVANCE).replace(tzinfo=None)


# --- which files, and what they are ---------------------------------------------------------------------------------


def _check(options: ReadOptions) -> None:
    names = [each.name for each in all_formats()]
    if options.format_in and options.format_in not in names:
        raise InputError(f"there is no format {options.format_in!r}", hint=f"formats: {', '.join(names)}")
    for name, _ in options.tables:
        if name not in NAMES:
            raise InputError(f"there is no table {name!r}", hint=f"tables: {', '.join(NAMES)}")


def _recognised(file: _File, options: ReadOptions) -> _File:
    """Look at the head of the file; what stands in the way becomes a note."""
    try:
        trouble = _trouble(file.path)
        if not trouble:
            file.head = read_head(file.path)
            trouble = "empty file" if not file.head.data and file.head.parquet is None else None
            if file.head.parquet is not None and not _is_text(str(file.path)):
                trouble = "a Parquet file whose name is no UTF-8, which the engine cannot open: rename it"
    except OSError as error:
        trouble = f"cannot be read: {error.strerror or type(error).__name__}"
    except ValueError as error:
        trouble = str(error)
    if trouble or file.head is None:
        file.notes.append(trouble or _UNKNOWN)
        return file
    return _match(file, file.head, options)


def _trouble(path: Path) -> str | None:
    if path.is_dir():
        next(path.iterdir(), None)  # raises what stands in the way
    if not path.exists():
        return "cannot be read: a link to nothing"
    return None if path.is_file() else "cannot be read: not a regular file"


def _match(file: _File, head: Head, options: ReadOptions) -> _File:
    wanted = next((name for name, glob in options.tables if _matches(file.path, glob)), None)
    for each in all_formats():
        if (options.format_in and each.name != options.format_in) or (wanted and each.table != wanted):
            continue
        layout = each.recognise(head)
        if layout is not None:
            file.format, file.layout = each, layout
            file.notes.extend([f"not read: {layout.refused}"] if layout.refused else layout.notes)
            return file
    asked = options.format_in or wanted
    file.notes.append(f"does not look like {asked}" if asked else _UNKNOWN)
    return file


def _matches(path: Path, glob: str) -> bool:
    return fnmatch(path.name, glob) or fnmatch(str(path), glob)


def _need_one(files: Sequence[_File], paths: Sequence[Path]) -> None:
    if any(each.is_readable for each in files):
        return
    looked = ", ".join(str(path) for path in paths[:_SHOWN])
    said = "; ".join(f"{each.path}: {each.notes[-1] if each.notes else _UNKNOWN}" for each in files[:_SHOWN])
    more = f"; and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    raise InputError(
        f"nothing to read in {looked}: {said + more or 'no files'}",
        hint="Herdsight reads Zeek conn logs, and DeviceNetworkEvents and CommonSecurityLog exports",
    )


# --- copied rows ----------------------------------------------------------------------------------------------------


def _make_tables(engine: DuckDbEngine, files: Sequence[_File]) -> None:
    for schema in (_STORE, SCHEMA):
        engine.execute(
            exp.Create(this=exp.Table(db=exp.to_identifier(schema, quoted=True)), kind="SCHEMA", exists=True)
        )
    for group in _copied(files):
        engine.execute(_create_table(group, _union(each.layout for each in group)))


def _copied(files: Iterable[_File]) -> list[list[_File]]:
    """The files whose rows are copied, by format: each has a table of its own, in the order of the declared tables."""
    groups: dict[str, list[_File]] = {}
    for each in files:
        if each.is_copied and each.known_format.read:
            groups.setdefault(each.known_format.name, []).append(each)
    return sorted(groups.values(), key=lambda group: NAMES.index(group[0].known_table))


def _union(layouts: Iterable[Layout | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for layout in layouts if layout for name in layout.columns))


def _create_table(group: Sequence[_File], columns: Sequence[str]) -> exp.Create:
    """The table with the columns that its files can fill; what one file lacks and another has is "" or NULL."""
    kinds = {each.name: each.type for each in table(group[0].known_table).columns}
    definitions = [
        exp.ColumnDef(
            this=exp.to_identifier(each, quoted=True),
            kind=sql_type(kinds[each]),
            constraints=[exp.ColumnConstraint(kind=exp.DefaultColumnConstraint(this=null(kinds[each])))],
        )
        for each in columns
    ]
    own = ((FILE_COLUMN, ColumnType.INT), (REJECT_COLUMN, ColumnType.STRING))
    definitions.extend(
        exp.ColumnDef(this=exp.to_identifier(each, quoted=True), kind=sql_type(kind)) for each, kind in own
    )
    return exp.Create(this=exp.Schema(this=_store(group[0]), expressions=definitions), kind="TABLE")


def _batches(files: Sequence[_File], progress: Progress | None) -> Iterator[list[_File]]:
    """The files to copy, those of one layout together: a folder of rotated logs is read as one, on all cores."""
    waiting: dict[object, list[_File]] = {}
    for each in files:
        if progress:
            progress(str(each.path), each.number, len(files))
        if not each.is_readable or each.is_parquet:
            continue
        layout = each.known_layout
        key = (
            each.known_format.name,
            layout.shape,
            layout.fields,
            layout.delimiter,
            layout.skip,
            layout.missing,
            layout.set_separator,
            layout.envelope,
            layout.day_first,
            each.known_head.compression,
        )
        batch = waiting.setdefault(key if _is_plain(each) else each.number, [])
        batch.append(each)
        if len(batch) == _BATCH:
            yield waiting.pop(key)
    yield from waiting.values()


def _is_plain(file: _File) -> bool:
    """Whether the engine can read the file as it is."""
    head = file.known_head
    # Of lines that end in two ways it would skip all.
    is_misread = _is_misnamed(file.path) or head.has_mixed_line_ends
    return head.encoding is None and not is_misread and is_whole(file.path, head.compression)


def _is_misnamed(path: Path) -> bool:
    """Whether the engine cannot open the path: it would take it for a pattern of paths, or it is no UTF-8."""
    return any(each in str(path) for each in "*?[") or not _is_text(str(path))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _insert_batch(engine: DuckDbEngine, batch: Sequence[_File], scope: Scope) -> None:
    """Load files of one layout together; those that need more care, and all where one of them stops the read, alone."""
    if len(batch) == 1:
        _insert(engine, batch[0], scope)
        return
    head, layout = batch[0].known_head, batch[0].known_layout
    paths, numbers = tuple(each.path for each in batch), tuple(each.number for each in batch)
    try:
        _insert_rows(engine, batch[0], layout, Source(paths, numbers, head.compression), scope)
    except EngineError as error:
        _raise_if_full(error)
        refused, odd = _refusals(engine), set(numbers)
    else:
        refused, odd = _refusals(engine), _with_header_rows(engine, batch[0])
    for place, file in enumerate(batch):
        copy, own = Copy(file.path, layout, head.compression), [each for each in refused if each.file == place]
        if file.number in odd or not _is_simple(own, layout):
            _delete(engine, file)
            _insert(engine, file, scope)
        else:
            _note_losses(file, copy, own, kept=0)


def _raise_if_full(error: Exception) -> None:
    """Memory that ran out is no fault of the file."""
    if isinstance(error.__cause__, duckdb.OutOfMemoryException):
        raise error


def _insert(engine: DuckDbEngine, file: _File, scope: Scope) -> None:
    """Load one file: as it is; else what can be saved of it; else what is left when every line was looked at."""
    trouble: Exception | None = None
    for way in _ways(file, engine.folder):
        try:
            copy = way()
            _insert_copy(engine, file, copy, scope)
        except (OSError, ValueError) as error:
            trouble = error
            break
        except (EngineError, EOFError) as error:
            _raise_if_full(error)
            _refusals(engine)  # those of the attempt that failed
            _delete(engine, file)
            trouble = error
        else:
            file.notes.extend(copy.notes)
            return
    file.notes.append(f"cannot be read: {_first_line(trouble)}")
    file.failed = True


def _ways(file: _File, folder: Path) -> list[Callable[[], Copy]]:
    path, head, layout = file.path, file.known_head, file.known_layout
    ways: list[Callable[[], Copy]] = [
        lambda: salvaged(path, head, layout, folder),
        lambda: repaired(path, head, layout, folder),
    ]
    if _is_plain(file):
        ways.insert(0, lambda: Copy(path, layout, head.compression))
    return ways


def _first_line(error: BaseException | None) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:_LONGEST_NOTE]


def _insert_copy(engine: DuckDbEngine, file: _File, copy: Copy, scope: Scope) -> None:
    """Load a copy, its refused lines counted; one that turns out to hold several logs is loaded piece by piece."""
    _insert_one(engine, file, copy, scope)
    refused = _refusals(engine)
    if any(each.reason == BAD_QUOTES for each in refused):
        # It took the records behind it along.
        raise EngineError("a quote that never closes")
    if _is_simple(refused, copy.layout) and file.number not in _with_header_rows(engine, file):
        _note_losses(file, copy, refused, kept=0)
        return
    _delete(engine, file)
    for piece in segments(copy, file.known_format, engine.folder):
        kept = _count(engine, file)
        _insert_one(engine, file, piece, scope)
        _note_losses(file, piece, _refusals(engine), kept)


def _insert_one(engine: DuckDbEngine, file: _File, copy: Copy, scope: Scope) -> None:
    _insert_rows(engine, file, copy.layout, Source((copy.path,), (file.number,), copy.compression), scope)


def _insert_rows(engine: DuckDbEngine, file: _File, layout: Layout, source: Source, scope: Scope) -> None:
    """Insert what a source holds into the table of that file's format."""
    read = file.known_format.read
    assert read is not None  # noqa: S101 - a file that is readable has a reader
    names = [exp.to_identifier(each, quoted=True) for each in (*layout.columns, FILE_COLUMN, REJECT_COLUMN)]
    into = exp.Schema(this=_store(file), expressions=names)
    engine.execute(exp.Insert(this=into, expression=read(source, layout, scope)))


def _store(file: _File) -> exp.Table:
    """The table that a file's rows are copied to."""
    return relation(file.known_format.name, _STORE)


def _of_file(file: _File) -> exp.Expr:
    return exp.EQ(this=column(FILE_COLUMN), expression=number(file.number))


def _delete(engine: DuckDbEngine, file: _File) -> None:
    engine.execute(exp.Delete(this=_store(file), where=exp.Where(this=_of_file(file))))


def _count(engine: DuckDbEngine, file: _File) -> int:
    counted = exp.select(named(exp.Count(this=exp.Star()), "n")).from_(_store(file)).where(_of_file(file))
    return int(engine.run(counted).column("n")[0].as_py())


# --- lines that the engine's reader refused -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Refused:
    """One line that has no row: its file's place in the read; its number, from 1; why; and its text if a # line."""

    file: int
    line: int
    reason: str
    comment: str | None


# The order decides where one line has several faults.
_REASONS = {
    "INVALID ENCODING": BAD_TEXT,
    "LINE SIZE OVER MAXIMUM": TOO_LONG,
    "TOO MANY COLUMNS": TOO_MANY,
    "MISSING COLUMNS": TOO_FEW,
    "UNQUOTED VALUE": BAD_QUOTES,
    "CAST": BAD_TIMESTAMP,  # the one column that is read as something else than text
}
_ERRORS, _SCANS = "reject_errors", "reject_scans"  # temporary tables of DuckDB's CSV reader


def _refusals(engine: DuckDbEngine) -> list[_Refused]:
    """The lines that the last read refused; they are forgotten by it."""
    line = exp.Trim(this=column("csv_line"), expression=text("\r\n"))
    is_comment = call("starts_with", line, text("#"))
    comment = exp.Case(ifs=[exp.If(this=is_comment, true=line.copy())])
    kind = exp.Cast(this=column("error_type"), to=sql_type(ColumnType.STRING))
    query = exp.select(column("file_id"), column("line"), named(kind, "kind"), named(comment, "comment")).from_(
        relation(_ERRORS)
    )
    try:
        rows = engine.run(query).to_pylist()
    except EngineError:  # nothing was read as CSV so far
        return []
    for name in (_ERRORS, _SCANS):
        engine.execute(exp.Delete(this=relation(name)))
    order = list(_REASONS)
    rows.sort(key=lambda row: (row["line"], order.index(row["kind"]) if row["kind"] in order else len(order)))
    refused: dict[tuple[int, int], _Refused] = {}
    for row in rows:
        why = _REASONS.get(row["kind"], str(row["kind"]).lower())
        found = _Refused(row["file_id"], row["line"], why, row["comment"])
        refused.setdefault((found.file, found.line), found)
    return list(refused.values())


def _is_simple(refused: Iterable[_Refused], layout: Layout) -> bool:
    """Whether the refused lines say nothing about the lines around them."""
    return not any(each.reason == BAD_QUOTES or _is_other_header(each, layout) for each in refused)


def _is_other_header(refused: _Refused, layout: Layout) -> bool:
    """Whether the line is a second header that names other columns than the first."""
    if layout.shape is not Shape.DELIMITED or not refused.comment:
        return False
    name, *fields = refused.comment.split(layout.delimiter)
    return name == REPEATED_HEADER and tuple(fields) != layout.fields


def _with_header_rows(engine: DuckDbEngine, file: _File) -> set[int]:
    """The files with a second header that has one name fewer: it is as long as a record, and read as one."""
    if file.known_layout.shape is not Shape.DELIMITED:
        return set()
    is_header = exp.EQ(this=column(REJECT_COLUMN), expression=text(REPEATED_HEADER))
    query = exp.select(column(FILE_COLUMN)).from_(_store(file)).where(is_header).distinct()
    return {row[FILE_COLUMN] for row in engine.run(query).to_pylist()}


def _note_losses(file: _File, copy: Copy, refused: Iterable[_Refused], kept: int) -> None:
    """Count the records of a copy that have no row, and where they stood; `kept` rows came before the copy."""
    delimited = copy.layout.shape is Shape.DELIMITED
    records = [each for each in refused if not (delimited and each.comment)]
    file.lost.update(copy.lost)
    file.lost.update(each.reason for each in records)
    numbers = sorted(
        (*copy.lost_at, *record_numbers(copy, (each.line for each in records))) if records else copy.lost_at
    )
    file.gaps.extend(kept + record - 1 - before for before, record in enumerate(numbers))


# --- relations ------------------------------------------------------------------------------------------------------


def _views(engine: DuckDbEngine, files: Sequence[_File]) -> Iterator[Relation]:
    """A view over each table of copied rows, which adds the number of the row and what follows from other columns."""
    for group in _copied(files):
        if not any(each.is_readable for each in group):
            continue
        columns = _union(each.layout for each in group)
        derived = {name: tree for each in group for name, tree in each.known_layout.derived.items()}
        added = [named(tree.copy(), name) for name, tree in derived.items()]
        row = named(exp.Cast(this=exp.column("rowid"), to=sql_type(ColumnType.LONG)), ROW_COLUMN)
        every = [column(each) for each in (*columns, FILE_COLUMN, REJECT_COLUMN)]
        name = group[0].known_format.name
        _create_view(engine, name, exp.select(*every, *added, row).from_(_store(group[0])))
        yield Relation(group[0].known_table, SCHEMA, name, (*columns, *derived))


def _create_view(engine: DuckDbEngine, name: str, query: exp.Select) -> None:
    engine.execute(exp.Create(this=relation(name, SCHEMA), kind="VIEW", replace=True, expression=query))


def _in_place(
    engine: DuckDbEngine, files: Sequence[_File], scope: Scope, tallies: dict[int, _Tally]
) -> Iterator[Relation]:
    """A view over the Parquet files of each schema, which are scanned where they are."""
    groups: dict[object, list[_File]] = {}
    for each in files:
        if each.is_readable and each.is_parquet:
            groups.setdefault((each.table, tuple(each.known_layout.stored.items())), []).append(each)
    for place, group in enumerate(groups.values(), start=1):
        name = f"{group[0].known_table}_{place}"
        good = _readable_parquet(engine, name, group, scope, tallies)
        if good:
            clean = not any(tallies[each.number].reasons for each in good)
            _create_view(engine, name, _without_rejects(_scan(good, scope)) if clean else _scan(good, scope))
            yield Relation(good[0].known_table, SCHEMA, name, good[0].known_layout.columns)


def _readable_parquet(
    engine: DuckDbEngine, name: str, group: list[_File], scope: Scope, tallies: dict[int, _Tally]
) -> list[_File]:
    """Those files of a group that can be read to their end, accounted for: together, or else one by one."""
    try:
        _create_view(engine, name, _scan(group, scope))
        tallies.update(_tallies(engine, Relation(group[0].known_table, SCHEMA, name, ())))
    except EngineError as error:
        _raise_if_full(error)
        if len(group) == 1:
            group[0].notes.append(f"cannot be read: {_first_line(error)}")
            group[0].failed = True
            return []
        return [good for each in group for good in _readable_parquet(engine, name, [each], scope, tallies)]
    for each in group:
        tallies.setdefault(each.number, _Tally())
    return group


def _scan(group: Sequence[_File], scope: Scope) -> exp.Select:
    read = group[0].known_format.read
    assert read is not None  # noqa: S101 - a file that is readable has a reader
    source = Source(tuple(each.path for each in group), tuple(each.number for each in group))
    return read(source, group[0].known_layout, scope)


def _without_rejects(query: exp.Select) -> exp.Select:
    """Where every row is good, nothing is asked of a row again."""
    none = named(null(ColumnType.GUID), REJECT_COLUMN)
    kept = [none if each.alias == REJECT_COLUMN else each for each in query.selects]
    return query.select(*kept, append=False)


# --- the account ----------------------------------------------------------------------------------------------------


def _tallies(engine: DuckDbEngine, source: Relation) -> dict[int, _Tally]:
    """Each file's rows in a relation: how many, which were rejected and why, and their span."""
    # Of good rows only: what a rejected one says of its time may be out of all range.
    good = exp.Is(this=column(REJECT_COLUMN), expression=exp.Null())
    time = exp.Case(ifs=[exp.If(this=good, true=column(table(source.table).time))])
    query = (
        exp.select(
            column(FILE_COLUMN),
            column(REJECT_COLUMN),
            named(exp.Count(this=exp.Star()), "n"),
            named(exp.Min(this=time), "first"),
            named(exp.Max(this=time.copy()), "last"),
            named(exp.Min(this=column(ROW_COLUMN)), "base"),
        )
        .from_(relation(source.name, source.schema))
        .group_by(column(FILE_COLUMN), column(REJECT_COLUMN))
    )
    tallies: dict[int, _Tally] = {}
    for row in engine.run(query).to_pylist():
        tally = tallies.setdefault(row[FILE_COLUMN], _Tally(base=row["base"]))
        tally.base = min(tally.base, row["base"])
        if row[REJECT_COLUMN] is None:
            tally.rows, tally.first, tally.last = row["n"], _utc(row["first"]), _utc(row["last"])
        else:
            tally.reasons[row[REJECT_COLUMN]] += row["n"]
    return tallies


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def _input(file: _File, tally: _Tally) -> Input:
    """The line that tells what became of a file."""
    reasons = tally.reasons + file.lost
    known = file.format is not None and not file.failed
    return Input(
        path=os.fsencode(file.path).decode("utf-8", "backslashreplace"),
        format=(file.layout.name if file.layout and file.layout.name else file.known_format.name) if known else None,
        table=file.table if known else None,
        rows=tally.rows,
        rejected=reasons.total(),
        reasons=dict(sorted(reasons.items())),
        first=tally.first,
        last=tally.last,
        notes=tuple(dict.fromkeys(file.notes)),
    )
