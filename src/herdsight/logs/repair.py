"""Files that the engine's readers refuse as they are: what can be saved of them is copied, line by line if need be.

This is the slow path, for the few broken files of a load: text in other encodings, mixed line ends, packed data that
ends early, JSON that breaks off, quotes that never close.
"""

import codecs
import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from herdsight.logs.formats import Layout, Shape
from herdsight.logs.head import Head
from herdsight.logs.packed.packing import Compression, fitting, plain_blocks
from herdsight.logs.values import BAD_QUOTES, BAD_TEXT, CUT_SHORT, TOO_FEW, TOO_LONG, TOO_MANY

LONGEST_LINE = 2_000_000  # bytes; the bound of the engine's own reader
LONGEST_OBJECT = 16 << 20  # bytes; the same of its reader of JSON
LONGEST_ARRAY = 512 << 20  # bytes of a broken JSON array that are held in memory to save its elements
_QUOTED_LINES = 100  # lines that one quoted record may span in a file whose quotes are broken
_BROKEN_OBJECT = b"{}\n"  # read as a record without any value, which is rejected


@dataclass(frozen=True, slots=True)
class Copy:
    """A file to read in place of the original, or the original itself.

    `lost` counts the records that did not make it into the copy, by reason; `lost_at` are their numbers among all
    records, from 1, as far as records follow them.
    """

    path: Path
    layout: Layout
    compression: Compression = Compression.NONE
    notes: tuple[str, ...] = ()
    lost: Counter[str] = field(default_factory=Counter)
    lost_at: tuple[int, ...] = ()


def unpacked(path: Path, head: Head, layout: Layout, folder: Path) -> Copy:
    """A copy of a packed file as it is, for the engine to read.

    Raises:
        OSError: the file cannot be read, or the copy not written.
        EOFError: it cannot be unpacked to its end.
    """
    copy = folder / f"copy-{abs(hash(path)):x}.plain"
    with copy.open("wb") as out:
        out.writelines(fitting(plain_blocks(path, head.compression), folder))
    return Copy(copy, layout)


def salvaged(path: Path, head: Head, layout: Layout, folder: Path, cut: str | None = None) -> Copy:
    """A copy in plain UTF-8 with plain line ends, of as much as can be unpacked; a JSON array becomes lines.

    `cut` says why the file itself is only the beginning of one.

    Raises:
        OSError: the file cannot be read, or the copy not written.
        ValueError: a broken JSON array that is too large to save.
    """
    copy = folder / f"copy-{abs(hash(path)):x}.txt"
    blocks = _Blocks(path, head.compression, folder, cut)
    with copy.open("wb") as out:
        if layout.shape in (Shape.JSON_ARRAY, Shape.JSON_RECORDS):
            documents = layout.shape is Shape.JSON_RECORDS
            _write_elements(b"".join(_bounded(_decoded(blocks, head.encoding))), out, documents=documents)
            layout = replace(layout, shape=Shape.JSON_LINES)
            rest = b""
        else:
            rest = _write_lines(_decoded(blocks, head.encoding), out, cut=lambda: bool(blocks.trouble))
    notes = (note_of_cut(blocks.trouble),) if blocks.trouble else ()
    lost = Counter({CUT_SHORT: 1} if rest.strip() else {})
    return Copy(copy, layout, notes=notes, lost=lost)


def note_of_cut(trouble: str) -> str:
    """What is said of a file that could be read up to some trouble."""
    return f"{trouble}: what came before is read"


class _Blocks:
    """Unpacked blocks up to where the packed data breaks; `trouble` says so afterwards, or what was known before."""

    def __init__(self, path: Path, compression: Compression, folder: Path, trouble: str | None) -> None:
        source = plain_blocks(path, compression)
        self._source = source if compression is Compression.NONE else fitting(source, folder)
        self.trouble = trouble

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._source
        except EOFError as error:
            self.trouble = str(error)


def _decoded(blocks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """UTF-8 without a byte order mark; UTF-8 itself is passed on as it is, so that its faults are counted later."""
    if encoding == "utf-8-sig":
        first = True
        for block in blocks:
            yield block.removeprefix(codecs.BOM_UTF8) if first else block
            first = False
    elif encoding:
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        yield from (decoder.decode(block).encode() for block in blocks)
    else:
        yield from blocks


def _bounded(blocks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > LONGEST_ARRAY:
            raise ValueError("not read: a broken JSON array, too large to repair")
        yield block


def _write_lines(blocks: Iterable[bytes], out: BinaryIO, *, cut: Callable[[], bool]) -> bytes:
    """Copy with one kind of line end. Of data that was cut, the last line is not written but returned."""
    held = b""
    for block in blocks:
        whole, held = _whole_lines(held + block)
        out.write(whole)
    if cut():
        return held
    if held:
        out.write(held.rstrip(b"\r").replace(b"\r", b" ") + b"\n")
    return b""


def _whole_lines(data: bytes) -> tuple[bytes, bytes]:
    end = data.rfind(b"\n") + 1
    return data[:end].replace(b"\r\n", b"\n").replace(b"\r", b" "), data[end:]


def _write_elements(data: bytes, out: BinaryIO, *, documents: bool) -> None:
    """The elements of JSON arrays, one a line.

    Where the text breaks, one broken line stands for all up to the next line that begins with an object: an element of
    the array, or, of `documents`, one whose array goes on.
    """
    words, decoder = data.decode(errors="replace"), json.JSONDecoder()
    place = words.find("[") + 1
    while place := _skip(words, place, " \t\r\n,"):
        if place >= len(words):
            return
        if words[place] == "]":
            place = words.find("[", place) + 1
            continue
        try:
            value, place = decoder.raw_decode(words, place)
        except (ValueError, RecursionError):
            out.write(_BROKEN_OBJECT)
            place = words.find("\n{", place) + 1
            place = words.find("[", place) + 1 if place and documents else place
            continue
        out.write(json.dumps(value, ensure_ascii=False).encode(errors="replace") + b"\n")


def _skip(words: str, place: int, passed: str) -> int:
    while place and place < len(words) and words[place] in passed:
        place += 1
    return place


def repaired(path: Path, head: Head, layout: Layout, folder: Path, cut: str | None = None) -> Copy:
    """A salvaged copy whose every line was looked at: bad ones are left out and counted.

    Raises:
        OSError, ValueError: as `salvaged`.
    """
    copy = salvaged(path, head, layout, folder, cut)
    checked = copy.path.with_suffix(".checked")
    lost: Counter[str] = Counter(copy.lost)
    lost_at: list[int] = []
    with copy.path.open("rb") as lines, checked.open("wb") as out:
        for _ in range(copy.layout.skip):
            out.write(lines.readline())
        for place, (record, trouble) in enumerate(_CHECKS[copy.layout.shape](lines, copy.layout), start=1):
            out.write(record)
            if trouble:
                lost[trouble] += 1
                lost_at.append(place)
    return replace(copy, path=checked, lost=lost, lost_at=tuple(lost_at))


_Checked = Iterator[tuple[bytes, str | None]]  # what to write, and the reason where that is nothing


def _check_delimited(lines: BinaryIO, layout: Layout) -> _Checked:
    delimiters = len(layout.fields) - 1
    delimiter = layout.delimiter.encode()
    for line in lines:
        if line.startswith(b"#") or not line.strip():
            continue
        trouble = _trouble(line)
        if trouble is None and line.count(delimiter) != delimiters:
            trouble = TOO_FEW if line.count(delimiter) < delimiters else TOO_MANY
        yield (b"", trouble) if trouble else (line, None)


def _check_json(lines: BinaryIO, _layout: Layout) -> _Checked:
    for line in lines:
        if len(line) > LONGEST_OBJECT:
            yield b"", TOO_LONG
        elif line.strip():
            yield (line.strip() + b"\n" if _is_object(line) else _BROKEN_OBJECT), None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _check_csv(lines: BinaryIO, layout: Layout) -> _Checked:
    """Where a quote never closes, the line that opens it is the bad one, and reading goes on with the next line."""
    waiting: list[bytes] = []
    source = iter(lines)
    while True:
        line = waiting.pop(0) if waiting else next(source, None)
        if line is None:
            return
        if not line.strip():
            continue
        taken = [line]
        while _is_open(taken) and len(taken) < _QUOTED_LINES:
            following = waiting.pop(0) if waiting else next(source, None)
            if following is None:
                break
            taken.append(following)
        if _is_open(taken):
            yield b"", BAD_QUOTES
            waiting[:0] = taken[1:]
            continue
        yield _csv_record(b"".join(taken), layout)


def _is_open(taken: list[bytes]) -> bool:
    return sum(line.count(b'"') for line in taken) % 2 == 1


def _csv_record(record: bytes, layout: Layout) -> tuple[bytes, str | None]:
    trouble = _trouble(record)
    if trouble:
        return b"", trouble
    words = record.decode().rstrip("\n")
    try:
        values = next(csv.reader(words.splitlines(keepends=True), delimiter=layout.delimiter, strict=True))
    except csv.Error:
        return b"", BAD_QUOTES
    if len(values) != len(layout.fields):
        return b"", TOO_FEW if len(values) < len(layout.fields) else TOO_MANY
    return record if record.endswith(b"\n") else record + b"\n", None


def _trouble(line: bytes) -> str | None:
    if len(line) > LONGEST_LINE:
        return TOO_LONG
    try:
        line.decode()
    except UnicodeDecodeError:
        return BAD_TEXT
    return None


_CHECKS: dict[Shape, Callable[[BinaryIO, Layout], _Checked]] = {
    Shape.DELIMITED: _check_delimited,
    Shape.CSV: _check_csv,
    Shape.JSON_LINES: _check_json,
}


def record_numbers(copy: Copy, lines: Iterable[int]) -> tuple[int, ...]:
    """The numbers, from 1, of the records that stand in those lines (from 1, in order) of the copy.

    The engine counts a quoted record that spans lines as one line; in unquoted text, # lines and empty ones are none.
    """
    wanted = sorted(set(lines))
    if copy.layout.shape is not Shape.DELIMITED:
        return tuple(line - copy.layout.skip for line in wanted)
    numbers, records = [], 0
    rest = iter(wanted)
    sought = next(rest, None)
    for place, line in enumerate(_lines(copy), start=1):
        if sought is None:
            break
        records += not line.startswith(b"#") and bool(line.strip())
        if place == sought:
            numbers.append(records)
            sought = next(rest, None)
    return tuple(numbers)


def _lines(copy: Copy) -> Iterator[bytes]:
    held = b""
    for block in plain_blocks(copy.path, copy.compression):
        *whole, held = (held + block).split(b"\n")
        yield from whole
    yield held
