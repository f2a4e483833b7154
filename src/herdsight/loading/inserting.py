"""Rows copied into the engine, rotated logs together; a broken file is salvaged or repaired."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import EngineError
from herdsight.loading.copies import definition
from herdsight.loading.records import (
    BATCH,
    LogFile,
    Progress,
    copies_of,
    first_line,
    is_text,
    of_file,
    raise_if_full,
)
from herdsight.loading.refusals import is_simple, note_losses, refusals, with_header_rows
from herdsight.loading.staging import clear_stage, first_rows, is_shared, stage
from herdsight.logs.formats import LATE_COLUMN, Layout, Scope, Source
from herdsight.logs.packed.packing import is_sound
from herdsight.logs.repair import Copy, repaired, salvaged, unpacked
from herdsight.logs.segments import segments
from herdsight.logs.values import BAD_QUOTES
from herdsight.tables import FILE_COLUMN, REJECT_COLUMN, ROW_COLUMN
from herdsight.trees import column, named, number

Readings = Sequence[LogFile]  # of one file


def in_batches(files: Sequence[LogFile], progress: Progress | None) -> Iterator[list[Readings]]:
    """The files to copy, those of one layout together: a folder of rotated logs is read as one, on all cores.

    A file stands with its readings where these have its records from a stage; else each of them for itself.
    """
    waiting: dict[object, list[Readings]] = {}
    for _, group in groupby(files, key=lambda each: each.input):
        readings = list(_told(group, progress, len(files)))
        if not readings:
            continue
        is_plain = _is_plain(readings[0])
        for each in [readings] if is_shared(readings) else [[each] for each in readings]:
            each[0].is_plain = is_plain
            key = _key(each) if is_plain else each[0].number
            batch = waiting.setdefault(key, [])
            batch.append(each)
            if len(batch) == BATCH:
                yield waiting.pop(key)
    yield from waiting.values()


def _told(readings: Iterable[LogFile], progress: Progress | None, count: int) -> Iterator[LogFile]:
    """Those readings of a file that are to be copied."""
    for each in readings:
        if progress:
            progress(each.shown, each.number, count)
        if each.is_readable and not each.is_parquet:
            yield each


def _key(readings: Readings) -> object:
    """What files must have alike to be read together."""
    layout = readings[0].known_layout
    return (
        tuple(each.known_format.name for each in readings),
        layout.shape,
        layout.fields,
        layout.delimiter,
        layout.skip,
        layout.missing,
        layout.set_separator,
        layout.envelope,
        layout.day_first,
        readings[0].known_head.compression,
    )


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


def insert_batch(engine: DuckDbEngine, batch: Sequence[Readings], scope: Scope) -> None:
    """Load files of one layout together; those that need more care, and all where one of them stops the read, alone."""
    if len(batch) == 1:
        _insert(engine, batch[0], scope)
        return
    first = batch[0][0]
    head, layout = first.known_head, first.known_layout
    paths, numbers = tuple(each[0].path for each in batch), tuple(each[0].number for each in batch)
    try:
        _insert_source(engine, batch, layout, Source(paths, numbers, head.compression), scope)
    except EngineError as error:
        raise_if_full(error)
        refused, odd = refusals(engine), set(numbers)
    else:
        refused, odd = refusals(engine), with_header_rows(engine, first)
    for place, readings in enumerate(batch):
        file = readings[0]
        copy, own = Copy(file.path, layout, head.compression), [each for each in refused if each.file == place]
        if file.number in odd or not is_simple(own, layout):
            _delete(engine, readings)
            _insert(engine, readings, scope)
        else:
            note_losses(file, copy, own, kept=0)


def _insert(engine: DuckDbEngine, readings: Readings, scope: Scope) -> None:
    """Load one file: as it is; else what can be saved of it; else what is left when every line was looked at."""
    with TemporaryDirectory(dir=engine.folder) as folder:
        _insert_copies(engine, readings, _ways(readings[0], Path(folder)), scope)


def _insert_copies(engine: DuckDbEngine, readings: Readings, ways: Sequence[Callable[[], Copy]], scope: Scope) -> None:
    """Load the first of the copies that can be loaded."""
    trouble: Exception | None = None
    for way in ways:
        try:
            copy = way()
            _insert_copy(engine, readings, copy, scope)
        except (OSError, ValueError) as error:
            trouble = error
            break
        except (EngineError, EOFError) as error:
            raise_if_full(error)
            refusals(engine)  # those of the attempt that failed
            _delete(engine, readings)
            trouble = error
        else:
            readings[0].notes.extend(copy.notes)
            return
    for each in readings:
        each.notes.append(f"cannot be read: {first_line(trouble)}")
        each.failed = True


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


def _insert_copy(engine: DuckDbEngine, readings: Readings, copy: Copy, scope: Scope) -> None:
    """Load a copy, its refused lines counted; one that turns out to hold several logs is loaded piece by piece."""
    file = readings[0]
    _insert_one(engine, readings, copy, scope)
    refused = refusals(engine)
    if any(each.reason == BAD_QUOTES for each in refused):
        # It took the records behind it along.
        raise EngineError("a quote that never closes")
    if is_simple(refused, copy.layout) and file.number not in with_header_rows(engine, file):
        note_losses(file, copy, refused, kept=0)
        for each in readings[1:]:
            each.gaps.extend(file.gaps)
        return
    _delete(engine, readings)
    for piece in segments(copy, file.known_format, engine.folder):
        kept = _count(engine, file)
        _insert_one(engine, readings, piece, scope)
        note_losses(file, piece, refusals(engine), kept)


def _insert_one(engine: DuckDbEngine, readings: Readings, copy: Copy, scope: Scope) -> None:
    source = Source((copy.path,), (readings[0].number,), copy.compression)
    _insert_source(engine, [readings], copy.layout, source, scope)


def _insert_source(
    engine: DuckDbEngine, files: Sequence[Readings], layout: Layout, source: Source, scope: Scope
) -> None:
    """Insert what a source holds into the tables of its formats; `layout` is how it is to be read."""
    first = files[0]
    if len(first) == 1:
        _insert_rows(engine, first[0], layout, source, scope)
        if layout.late and _has_late(engine, first[0], source):
            _insert_wide(engine, files, layout, source, scope)
        return
    staged = stage(engine, first, source)
    for place, row in first_rows(engine).items():
        for each in files[place]:
            each.base = row
    for place, (each, part) in enumerate(zip(first, staged, strict=True)):
        numbers = tuple(readings[place].number for readings in files)
        _insert_rows(engine, each, each.known_layout, replace(part, files=numbers), scope)
    clear_stage(engine)


def _has_late(engine: DuckDbEngine, file: LogFile, source: Source) -> bool:
    """Whether a record of the source has a column that the head did not show."""
    is_of_source = exp.In(this=column(FILE_COLUMN), expressions=[number(each) for each in source.files])
    query = exp.select(column(FILE_COLUMN)).from_(copies_of(file)).where(column(LATE_COLUMN), is_of_source).limit(1)
    return engine.run(query).num_rows > 0


def _insert_wide(engine: DuckDbEngine, files: Sequence[Readings], layout: Layout, source: Source, scope: Scope) -> None:
    """Insert the source again, with every column that there can be."""
    columns = (*layout.columns, *layout.late)
    for (file,) in files:
        _delete(engine, [file])
        file.layout = replace(file.known_layout, columns=columns, late=())
    file = files[0][0]
    for name in layout.late:
        added = definition(file, name)
        added.set("exists", True)  # another file may have had it
        engine.execute(exp.Alter(this=copies_of(file), kind="TABLE", actions=[added]))
    _insert_rows(engine, file, replace(layout, columns=columns, late=()), source, scope)


def _insert_rows(engine: DuckDbEngine, file: LogFile, layout: Layout, source: Source, scope: Scope) -> None:
    """Insert what a source holds into the table of that file's format."""
    read = file.known_format.read
    assert read is not None  # noqa: S101 - a file that is readable has a reader
    late = (LATE_COLUMN,) if layout.late else ()
    own = (*late, FILE_COLUMN, *(() if source.staged is None else (ROW_COLUMN,)), REJECT_COLUMN)
    names = [exp.to_identifier(each, quoted=True) for each in (*layout.columns, *own)]
    into = exp.Schema(this=copies_of(file), expressions=names)
    engine.execute(exp.Insert(this=into, expression=read(source, layout, scope)))


def _delete(engine: DuckDbEngine, readings: Readings) -> None:
    for each in readings:
        engine.execute(exp.Delete(this=copies_of(each), where=exp.Where(this=of_file(each))))


def _count(engine: DuckDbEngine, file: LogFile) -> int:
    counted = exp.select(named(exp.Count(this=exp.Star()), "n")).from_(copies_of(file)).where(of_file(file))
    return int(engine.run(counted).column("n")[0].as_py())
