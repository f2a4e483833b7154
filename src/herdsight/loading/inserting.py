"""Rows copied into the engine, rotated logs together; a broken file is salvaged or repaired."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import EngineError
from herdsight.loading.records import (
    BATCH,
    COPIES,
    SCHEMA,
    LogFile,
    Progress,
    copies_of,
    first_line,
    is_text,
    of_file,
    raise_if_full,
)
from herdsight.loading.refusals import is_simple, note_losses, refusals, with_header_rows
from herdsight.logs.formats import Layout, Scope, Source
from herdsight.logs.packed.packing import is_sound
from herdsight.logs.repair import Copy, repaired, salvaged, unpacked
from herdsight.logs.segments import segments
from herdsight.logs.values import BAD_QUOTES
from herdsight.tables import FILE_COLUMN, NAMES, REJECT_COLUMN, ColumnType, table
from herdsight.trees import named, null, sql_type


def make_tables(engine: DuckDbEngine, files: Sequence[LogFile]) -> None:
    """A table for each format that rows are copied of, with the columns of all its files."""
    for schema in (COPIES, SCHEMA):
        engine.execute(
            exp.Create(this=exp.Table(db=exp.to_identifier(schema, quoted=True)), kind="SCHEMA", exists=True)
        )
    for group in copied_groups(files):
        engine.execute(_create_table(group, union_of(each.layout for each in group)))


def copied_groups(files: Iterable[LogFile]) -> list[list[LogFile]]:
    """The files whose rows are copied, by format: each has a table of its own, in the order of the declared tables."""
    groups: dict[str, list[LogFile]] = {}
    for each in files:
        if each.is_copied and each.known_format.read:
            groups.setdefault(each.known_format.name, []).append(each)
    return sorted(groups.values(), key=lambda group: NAMES.index(group[0].known_table))


def union_of(layouts: Iterable[Layout | None]) -> tuple[str, ...]:
    """The columns of all of the layouts, each once."""
    return tuple(dict.fromkeys(name for layout in layouts if layout for name in layout.columns))


def _create_table(group: Sequence[LogFile], columns: Sequence[str]) -> exp.Create:
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
    return exp.Create(this=exp.Schema(this=copies_of(group[0]), expressions=definitions), kind="TABLE")


def in_batches(files: Sequence[LogFile], progress: Progress | None) -> Iterator[list[LogFile]]:
    """The files to copy, those of one layout together: a folder of rotated logs is read as one, on all cores."""
    waiting: dict[object, list[LogFile]] = {}
    plain: dict[int, bool] = {}  # by the number of the file: all its readings are of the same text
    for each in files:
        if progress:
            progress(each.shown, each.number, len(files))
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
        if each.input not in plain:
            plain[each.input] = _is_plain(each)
        each.is_plain = plain[each.input]
        batch = waiting.setdefault(key if each.is_plain else each.number, [])
        batch.append(each)
        if len(batch) == BATCH:
            yield waiting.pop(key)
    yield from waiting.values()


def _is_plain(file: LogFile) -> bool:
    """Whether the engine can read the file as it is."""
    compression = file.known_head.compression
    is_openable = compression.is_read_by_engine and not _is_misnamed(file.path)
    return _is_clean(file) and is_openable and is_sound(file.path, compression)


def _is_clean(file: LogFile) -> bool:
    """Whether the engine can read the text of the file: of lines that end in two ways it would skip all."""
    head = file.known_head
    return head.encoding is None and not head.has_mixed_line_ends and not file.cut


def _is_misnamed(path: Path) -> bool:
    """Whether the engine cannot open the path: it would take it for a pattern of paths, or it is no UTF-8."""
    return any(each in str(path) for each in "*?[") or not is_text(str(path))


def insert_batch(engine: DuckDbEngine, batch: Sequence[LogFile], scope: Scope) -> None:
    """Load files of one layout together; those that need more care, and all where one of them stops the read, alone."""
    if len(batch) == 1:
        _insert(engine, batch[0], scope)
        return
    head, layout = batch[0].known_head, batch[0].known_layout
    paths, numbers = tuple(each.path for each in batch), tuple(each.number for each in batch)
    try:
        _insert_rows(engine, batch[0], layout, Source(paths, numbers, head.compression), scope)
    except EngineError as error:
        raise_if_full(error)
        refused, odd = refusals(engine), set(numbers)
    else:
        refused, odd = refusals(engine), with_header_rows(engine, batch[0])
    for place, file in enumerate(batch):
        copy, own = Copy(file.path, layout, head.compression), [each for each in refused if each.file == place]
        if file.number in odd or not is_simple(own, layout):
            _delete(engine, file)
            _insert(engine, file, scope)
        else:
            note_losses(file, copy, own, kept=0)


def _insert(engine: DuckDbEngine, file: LogFile, scope: Scope) -> None:
    """Load one file: as it is; else what can be saved of it; else what is left when every line was looked at."""
    with TemporaryDirectory(dir=engine.folder) as folder:
        _insert_copies(engine, file, _ways(file, Path(folder)), scope)


def _insert_copies(engine: DuckDbEngine, file: LogFile, ways: Sequence[Callable[[], Copy]], scope: Scope) -> None:
    """Load the first of the copies that can be loaded."""
    trouble: Exception | None = None
    for way in ways:
        try:
            copy = way()
            _insert_copy(engine, file, copy, scope)
        except (OSError, ValueError) as error:
            trouble = error
            break
        except (EngineError, EOFError) as error:
            raise_if_full(error)
            refusals(engine)  # those of the attempt that failed
            _delete(engine, file)
            trouble = error
        else:
            file.notes.extend(copy.notes)
            return
    file.notes.append(f"cannot be read: {first_line(trouble)}")
    file.failed = True


def _ways(file: LogFile, folder: Path) -> list[Callable[[], Copy]]:
    path, head, layout = file.path, file.known_head, file.known_layout
    ways: list[Callable[[], Copy]] = [
        lambda: salvaged(path, head, layout, folder, file.cut),
        lambda: repaired(path, head, layout, folder, file.cut),
    ]
    if file.is_plain:
        ways.insert(0, lambda: Copy(path, layout, head.compression))
    elif _is_clean(file) and not head.compression.is_read_by_engine:
        ways.insert(0, lambda: unpacked(path, head, layout, folder))
    return ways


def _insert_copy(engine: DuckDbEngine, file: LogFile, copy: Copy, scope: Scope) -> None:
    """Load a copy, its refused lines counted; one that turns out to hold several logs is loaded piece by piece."""
    _insert_one(engine, file, copy, scope)
    refused = refusals(engine)
    if any(each.reason == BAD_QUOTES for each in refused):
        # It took the records behind it along.
        raise EngineError("a quote that never closes")
    if is_simple(refused, copy.layout) and file.number not in with_header_rows(engine, file):
        note_losses(file, copy, refused, kept=0)
        return
    _delete(engine, file)
    for piece in segments(copy, file.known_format, engine.folder):
        kept = _count(engine, file)
        _insert_one(engine, file, piece, scope)
        note_losses(file, piece, refusals(engine), kept)


def _insert_one(engine: DuckDbEngine, file: LogFile, copy: Copy, scope: Scope) -> None:
    _insert_rows(engine, file, copy.layout, Source((copy.path,), (file.number,), copy.compression), scope)


def _insert_rows(engine: DuckDbEngine, file: LogFile, layout: Layout, source: Source, scope: Scope) -> None:
    """Insert what a source holds into the table of that file's format."""
    read = file.known_format.read
    assert read is not None  # noqa: S101 - a file that is readable has a reader
    names = [exp.to_identifier(each, quoted=True) for each in (*layout.columns, FILE_COLUMN, REJECT_COLUMN)]
    into = exp.Schema(this=copies_of(file), expressions=names)
    engine.execute(exp.Insert(this=into, expression=read(source, layout, scope)))


def _delete(engine: DuckDbEngine, file: LogFile) -> None:
    engine.execute(exp.Delete(this=copies_of(file), where=exp.Where(this=of_file(file))))


def _count(engine: DuckDbEngine, file: LogFile) -> int:
    counted = exp.select(named(exp.Count(this=exp.Star()), "n")).from_(copies_of(file)).where(of_file(file))
    return int(engine.run(counted).column("n")[0].as_py())
