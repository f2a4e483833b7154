"""Which files are logs, and of what format: by their content, unless the user says."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from herdsight.errors import InputError
from herdsight.loading.records import SHOWN, UNKNOWN, LogFile, ReadOptions, is_text
from herdsight.loading.zones import zone_notes
from herdsight.logs.files import shown_path
from herdsight.logs.formats import Format, Layout, all_formats
from herdsight.logs.head import Head, read_head
from herdsight.logs.mapped.mapping import LogMapping
from herdsight.logs.packed.archives import Member, is_archive
from herdsight.tables import NAMES


def check_options(options: ReadOptions) -> None:
    """Raise where an option names what is not there."""
    names = [*(each.name for each in all_formats()), *(each.name for each in options.mappings)]
    if options.format_in and options.format_in not in names:
        raise InputError(f"there is no format {options.format_in!r}", hint=f"formats: {', '.join(names)}")
    for name, _ in options.tables:
        if name not in NAMES:
            raise InputError(f"there is no table {name!r}", hint=f"tables: {', '.join(NAMES)}")


def is_log(path: Path, options: ReadOptions) -> bool:
    """Whether the file would be read as a log."""
    return is_archive(path) or any(each.is_readable for each in readings(Member(shown_path(path), path), 0, 0, options))


def readings(member: Member, place: int, number: int, options: ReadOptions) -> list[LogFile]:
    """What the head of the file says that it is: one reading, or one for each table that its records are of.

    `place` is the file's among the inputs, `number` the first reading's. What stands in the way becomes a note.
    """
    path = member.path
    if path is None:
        return [LogFile(Path(member.shown), number, place, member.shown, notes=[member.trouble or UNKNOWN])]
    file = LogFile(path, number, place, member.shown, member.trouble)
    try:
        trouble = _trouble(path)
        if not trouble:
            file.head = read_head(path)
            trouble = "empty file" if not file.head.data and file.head.parquet is None else None
            if file.head.parquet is not None and not is_text(str(path)):
                trouble = "a Parquet file whose name is no UTF-8, which the engine cannot open: rename it"
    except OSError as error:
        trouble = f"cannot be read: {error.strerror or type(error).__name__}"
    except ValueError as error:
        trouble = str(error)
    if trouble or file.head is None:
        file.notes.append(trouble or UNKNOWN)
        return [file]
    return _matches(file, file.head, options)


def _trouble(path: Path) -> str | None:
    if path.is_dir():
        next(path.iterdir(), None)  # raises what stands in the way
    if not path.exists():
        return "cannot be read: a link to nothing"
    return None if path.is_file() else "cannot be read: not a regular file"


def _matches(file: LogFile, head: Head, options: ReadOptions) -> list[LogFile]:
    """A reading for each format that knows the head."""
    wanted = next((name for name, glob in options.tables if _is_under(file.shown, glob)), None)
    file.head = replace(head)  # without what recognition works out of it: a file waits with its head until it is read
    named = [each for each in options.mappings if any(_is_under(file.shown, glob) for glob in each.files)]
    found: list[LogFile] = []
    for group in (_formats_of(named), all_formats(), _formats_of(each for each in options.mappings if not each.files)):
        found = found or _recognised(file, head, group, options, wanted)
    found = _each_once(found, options)
    if not found:
        asked = options.format_in or wanted
        file.notes.append(f"does not look like {asked}" if asked else UNKNOWN)
        file.notes.extend(note for each in options.mappings if not each.files and (note := each.misfit(head)))
        file.notes.extend([file.cut] if file.cut else [])
    return found or [file]


def _formats_of(mappings: Iterable[LogMapping]) -> list[Format]:
    return [each.format() for each in mappings]


def _each_once(found: list[LogFile], options: ReadOptions) -> list[LogFile]:
    """Of mappings to one table that take all records of a file, the first: rows are not to be there twice."""
    whole = {each.name for each in options.mappings if not each.where}
    kept: dict[object, LogFile] = {}
    for each in found:
        is_whole = each.known_format.name in whole
        first = kept.setdefault((each.table, "") if is_whole else each.number, each)
        if first is not each:
            first.notes.append(f"the mapping {each.known_format.name} fits, too, and was named later")
    return [replace(each, number=found[0].number + place) for place, each in enumerate(kept.values())]


def _recognised(
    file: LogFile, head: Head, formats: Iterable[Format], options: ReadOptions, wanted: str | None
) -> list[LogFile]:
    """A reading for each of the formats that knows the head; `wanted` is the table that it must be of."""
    found: list[LogFile] = []
    is_asked = bool(options.format_in or wanted)
    for each in formats:
        if (options.format_in and each.name != options.format_in) or (wanted and each.table != wanted):
            continue
        layout = each.recognise(head)
        if layout is not None:
            told = [*zone_notes(layout, options.zone), *layout.notes]
            notes = [f"not read: {layout.refused}"] if layout.refused else told
            number = file.number + len(found)
            found.append(
                replace(
                    file,
                    number=number,
                    format=each,
                    layout=layout,
                    recognised=_why(layout, asked=is_asked),
                    notes=notes,
                    lost=Counter(),
                    gaps=[],
                )
            )
    return found


_TELLING = 3  # columns that are named


def _why(layout: Layout, *, asked: bool) -> str:
    """By what a file was recognised, and so how sure that is."""
    if asked:
        return "you said so"
    if layout.certain:
        return "it says so itself"
    names = [each for each in layout.fields if each in layout.columns] or [*layout.fields]
    if len(names) > 1:
        more = ", ..." if len(names) > _TELLING else ""
        return f"by its columns {', '.join(names[:_TELLING])}{more}"
    return "by the form of its records"


def _is_under(shown: str, glob: str) -> bool:
    return fnmatch(Path(shown).name, glob) or fnmatch(shown, glob)


def tell_idle(files: Sequence[LogFile], options: ReadOptions) -> None:
    """Note, at the first file, each mapping that is for none of them."""
    used = {each.known_format.name for each in files if each.format}
    idle = (each.name for each in options.mappings if each.name not in used)
    files[0].notes.extend(f"the mapping {name} reads none of the files" for name in idle)


def need_one(files: Sequence[LogFile], paths: Sequence[Path]) -> None:
    """Raise where no file could be recognised, with what was looked at."""
    if any(each.is_readable for each in files):
        return
    looked = ", ".join(str(path) for path in paths[:SHOWN])
    said = "; ".join(f"{each.shown}: {each.notes[-1] if each.notes else UNKNOWN}" for each in files[:SHOWN])
    more = f"; and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    raise InputError(
        f"nothing to read in {looked}: {said + more or 'no files'}",
        hint="what is CSV, JSON or Parquet is read by a mapping, which `herdsight map LOG` proposes; "
        f"without one Herdsight reads {', '.join(each.name for each in all_formats() if each.read)}",
    )
