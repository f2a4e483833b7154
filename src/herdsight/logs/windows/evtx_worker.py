"""The records of Windows' binary event logs, chunk by chunk, in a process of its own.

The parser is made for logs, not for attackers: binary XML that holds itself again and again unpacks to more than any
memory, and what cannot be had ends the process. So this module is what a second process runs, which may die. It
imports nothing of ours, so that it starts in little more than the time that Python takes.

A log is a header and chunks of 64 KiB; a chunk is a header of 512 bytes and records; a record begins with a signature,
its size and its number, and ends with its size again. Source: libyal's "Windows XML Event Log (EVTX) format".
"""

import io
import json
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import repeat
from typing import Any

HEADER = 4096  # bytes of a log before its first chunk
CHUNK = 1 << 16  # bytes
_FIRST = 512  # bytes of a chunk before its first record
_SMALLEST = 28  # bytes of a record: header of 24, size again
_SIGNATURE = b"\x2a\x2a\0\0"
_CHUNK_SIGNATURE = b"ElfChnk\0"
_RECORD = struct.Struct("<4sIQ")  # signature, size, number
_SIZE = struct.Struct("<I")
_LAST_NUMBER, _FREE, _TABLES = slice(32, 40), slice(48, 52), slice(128, 512)  # places in a chunk's header
_NUMBERS = struct.Struct("<QQ8xI")  # from 24: the first and the last record's number; where free space begins
_MEMORY = 1 << 29  # bytes; a chunk needs a few MB
_CUT = ""  # stands for the event that a log ends in
_LONGEST = 2_000_000  # characters of one event, which has at most 64 KiB as binary XML


@dataclass(frozen=True, slots=True)
class Orders:
    """What a process is to do, as it is told in JSON.

    The chunks from `first` to before `last` of the log at `path` are read. An event that has none of the `marks` in
    it is written as `other`, one that cannot be read as `damaged`, and one that the file ends in as `cut`.
    """

    path: str
    first: int
    last: int
    marks: Sequence[str]
    other: str
    damaged: str
    cut: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a chunk: a record, or, where `lost` is not 0, bytes in which so many records stood."""

    place: int
    size: int
    lost: int = 0


def main(told: str) -> None:
    """Read chunks, and write of each how many bytes its lines have, and the lines."""
    _bound()
    orders = Orders(**json.loads(told))
    out = sys.stdout.buffer
    with open(orders.path, "rb") as file:  # noqa: PTH123 pathlib would double the time that it takes to start
        for index in range(orders.first, orders.last):
            written = "".join(f"{line}\n" for line in lines(chunk_at(file, index), orders)).encode()
            out.write(_SIZE.pack(len(written)) + written)
            out.flush()


def chunk_at(file: io.BufferedReader, index: int) -> bytes:
    """One chunk of a log; a log may end within it."""
    file.seek(HEADER + index * CHUNK)
    return file.read(CHUNK)


def _bound() -> None:
    """Less memory for this process than the machine has, where the system can bound it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def lines(chunk: bytes, orders: Orders) -> Iterator[str]:
    """One line a record of a chunk."""
    if not any(chunk):
        return
    events = _plain(chunk) if len(chunk) == CHUNK else None
    for event in _careful(chunk) if events is None else events:
        yield _line(event, orders)


def _line(event: str | None, orders: Orders) -> str:
    if event is None or len(event) > _LONGEST or "\n" in event or "\r" in event:
        return orders.damaged
    if event == _CUT:
        return orders.cut
    for mark in orders.marks:  # any() would take several times as long
        if mark in event:
            return event
    return orders.other


def _plain(chunk: bytes) -> list[str | None] | None:
    """The events of a chunk in which all is well; None of any other."""
    first, last, free = _NUMBERS.unpack_from(chunk, 24)
    count = last - first + 1
    if not 0 < count < CHUNK or _number(chunk, free) == last + 1:  # one that was written after the header was
        return None
    events = _parsed(chunk, count)
    return events if len(events) == count and None not in events else None


def _careful(chunk: bytes) -> Iterator[str | None]:
    """The events of a chunk in which not all is well: record by record, None for one that cannot be read."""
    found = frames(chunk)
    events = _parsed(_mended(chunk, found), len(found)) if found else []
    if len(events) != len(found):
        # What is only there for speed may be what is damaged: the places of names and templates.
        events = _parsed(_mended(chunk, found, tables=False), len(found))
    events += [None] * (len(found) - len(events))
    for each, event in zip(found, events[: len(found)], strict=True):
        is_cut = each.lost and each.place + each.size == len(chunk) < CHUNK
        if is_cut:
            yield _CUT
        elif each.lost:
            yield from repeat(None, each.lost)
        else:
            yield event


def _parsed(chunk: bytes, most: int) -> list[str | None]:
    """What the parser makes of a chunk: events as JSON, None where it finds an error."""
    from evtx import PyEvtxParser

    events: list[str | None] = []
    records: Iterator[Any] = iter(PyEvtxParser(io.BytesIO(_LOG_HEADER + chunk), 1, indent=False).records_json())
    while len(events) <= most:
        try:
            events.extend(record["data"] for record in records)  # keeps what came before an error
        except RuntimeError:
            events.append(None)
        else:
            break
    return events


def _log_header() -> bytes:
    """The header of a log that has one chunk: the real one may be damaged, and nothing of it is needed."""
    start = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, 1, 128, 1, 3, HEADER, 1).ljust(120, b"\0")
    return (start + struct.pack("<II", 0, zlib.crc32(start))).ljust(HEADER, b"\0")


_LOG_HEADER = _log_header()


# --- where records stand ---------------------------------------------------------------------------------------------


def frames(chunk: bytes) -> list[Frame]:
    """Where records stand in a chunk, whatever its header says, and where some are lost; a log may end within it."""
    whole = chunk.ljust(CHUNK, b"\0")
    free = _SIZE.unpack_from(whole, _FREE.start)[0]
    is_told = _FIRST <= free <= CHUNK and chunk.startswith(_CHUNK_SIGNATURE)
    end = min(free if is_told else len(chunk.rstrip(b"\0")), len(chunk))
    found: list[Frame] = []
    place, number = _FIRST, None
    while place < end or (number is not None and _number(whole, place) == number + 1):
        size = _size(whole, place)
        if size:
            found.append(Frame(place, size))
            number = _number(whole, place)
            place += size
            continue
        after = _next(whole, place, end)
        if any(whole[place:after]):
            found.append(Frame(place, after - place, _lost(number, _number(whole, after), after - place)))
        place = after
    return found


def _size(chunk: bytes, place: int) -> int:
    """The size of the record at a place, 0 if none stands there."""
    if place + _SMALLEST > CHUNK:
        return 0
    signature, size, _ = _RECORD.unpack_from(chunk, place)
    after = place + size
    if signature != _SIGNATURE or size < _SMALLEST or after > CHUNK:
        return 0
    is_closed = _SIZE.unpack_from(chunk, after - 4)[0] == size
    return size if is_closed or chunk.startswith(_SIGNATURE, after) else 0


def _number(chunk: bytes, place: int) -> int | None:
    """The number of the record at a place, if one stands there."""
    return int(_RECORD.unpack_from(chunk, place)[2]) if _size(chunk, place) else None


def _next(chunk: bytes, place: int, end: int) -> int:
    """Where the next record stands, so far behind that what is between can be made to look like one."""
    after = chunk.find(_SIGNATURE, place + _SMALLEST, end)
    while after >= 0 and not _size(chunk, after):
        after = chunk.find(_SIGNATURE, after + 1, end)
    return after if after >= 0 else max(end, place + 1)


def _lost(before: int | None, after: int | None, size: int) -> int:
    """How many records stood in bytes without any, by the numbers around; as many as could stand there at most."""
    known = after - before - 1 if before is not None and after is not None else 1
    return known if 1 <= known <= max(size // _SMALLEST, 1) else 1


def _mended(chunk: bytes, found: Sequence[Frame], *, tables: bool = True) -> bytes:
    """The chunk as the parser goes from record to record: each lost part is an empty one, and the last is no end."""
    mended = bytearray(chunk.ljust(CHUNK, b"\0"))
    mended[: len(_CHUNK_SIGNATURE)] = _CHUNK_SIGNATURE
    mended[_LAST_NUMBER] = b"\xff" * 8
    mended[_FREE] = _SIZE.pack(found[-1].place + found[-1].size if found else _FIRST)
    if not tables:
        mended[_TABLES] = bytes(_TABLES.stop - _TABLES.start)
    for each in found:
        if each.lost and each.size >= _SMALLEST:
            empty = _RECORD.pack(_SIGNATURE, each.size, 0).ljust(_SMALLEST - 4, b"\0")
            mended[each.place : each.place + len(empty)] = empty
    return bytes(mended)
