"""Small EVTX files, made byte by byte: a header, chunks of 64 KiB, and records whose events are binary XML.

The layout is that of Microsoft's MS-EVEN6 for binary XML, and for files and chunks what libevtx documents.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

CHUNK = 65536
FIRST = 512  # bytes of a chunk before its first record
FILE_HEADER = 4096
_STREAM = b"\x0f\x01\x01\x00"  # before a fragment of binary XML
_END = b"\x00"
_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"


@dataclass(frozen=True)
class Element:
    """An element of the XML, with text or with elements in it."""

    name: str
    content: "str | Sequence[Element]" = ""
    attributes: Mapping[str, str] | None = None


def event(number: int, channel: str, data: Mapping[str, str], at: str = "2024-05-01T12:00:09.000000Z") -> Element:
    """An event as Windows lays it out, of the computer pc-1."""
    system = [
        Element("Provider", attributes={"Name": channel.removesuffix("/Operational")}),
        Element("EventID", str(number)),
        Element("TimeCreated", attributes={"SystemTime": at}),
        Element("Channel", channel),
        Element("Computer", "pc-1"),
    ]
    named = [Element("Data", value, {"Name": name}) for name, value in data.items()]
    return Element("Event", [Element("System", system), Element("EventData", named)], {"xmlns": _NAMESPACE})


def file_of(chunks: Sequence[bytes], *, flags: int = 0) -> bytes:
    """A file with those chunks; of the flags, 1 says that it was not closed."""
    header = struct.pack(
        "<8sQQQIHHHH76xI", b"ElfFile\0", 0, max(len(chunks) - 1, 0), 1, 128, 1, 3, FILE_HEADER, len(chunks), flags
    )
    return (header + struct.pack("<I", zlib.crc32(header[:120]))).ljust(FILE_HEADER, b"\0") + b"".join(chunks)


def chunk_of(events: Iterable[Element], first: int = 1) -> bytes:
    """A chunk with a record for each event, numbered from there."""
    records, place, number = [], FIRST, first
    for number, each in enumerate(events, start=first):
        records.append(record_of(_STREAM + _element(each, place + 24 + len(_STREAM)) + _END, number))
        place += len(records[-1])
    return chunk_around(records, first, number)


def record_of(body: bytes, number: int) -> bytes:
    """A record with that binary XML, written on the 1st of May 2024."""
    size = 24 + len(body) + 4
    return struct.pack("<IIQQ", 0x2A2A, size, number, 133_590_384_000_000_000) + body + struct.pack("<I", size)


def chunk_around(records: Sequence[bytes], first: int, last: int) -> bytes:
    """A chunk with those records."""
    data = b"".join(records)
    place = FIRST + len(data)
    start = struct.pack("<8sQQQQIIII", b"ElfChnk\0", first, last, first, last, 128, 0, place, zlib.crc32(data))
    offsets = bytes(FIRST - 128)
    header = start.ljust(120, b"\0")
    return (header + struct.pack("<II", 0, zlib.crc32(header + offsets)) + offsets + data).ljust(CHUNK, b"\0")


def _element(element: Element, place: int) -> bytes:
    """Its binary XML, which begins at that place of the chunk: a name says where it stands itself."""
    rest = _name(element.name, place + 5)
    if element.attributes:
        listed = _attributes(element.attributes, place + 5 + len(rest) + 4)
        rest += struct.pack("<I", len(listed)) + listed
    rest += b"\x02"
    if isinstance(element.content, str):
        rest += _text(element.content) if element.content else b""
    else:
        for child in element.content:
            rest += _element(child, place + 5 + len(rest))
    rest += b"\x04"
    return (b"\x41" if element.attributes else b"\x01") + struct.pack("<I", len(rest)) + rest


def _attributes(attributes: Mapping[str, str], place: int) -> bytes:
    listed = b""
    for left, (key, value) in zip(range(len(attributes) - 1, -1, -1), attributes.items(), strict=True):
        listed += (b"\x46" if left else b"\x06") + _name(key, place + len(listed) + 1) + _text(value)
    return listed


def _name(name: str, place: int) -> bytes:
    """A name that stands right behind the place that it is said to stand at."""
    raw = name.encode("utf-16-le")
    return struct.pack("<IIHH", place + 4, 0, _hash(name), len(name)) + raw + b"\0\0"


def _hash(name: str) -> int:
    value = 0
    for unit in name.encode("utf-16-le")[::2]:
        value = (value * 65599 + unit) & 0xFFFFFFFF
    return value & 0xFFFF


def _text(value: str) -> bytes:
    return b"\x05\x01" + struct.pack("<H", len(value.encode("utf-16-le")) // 2) + value.encode("utf-16-le")


def bomb(width: int, depth: int) -> bytes:
    """A record whose template holds its only value `width` times, and the value is such a thing again, `depth` deep.

    What it unpacks to has `width` to the power of `depth` elements.
    """
    place = FIRST + 24 + len(_STREAM) + 10  # of the template, behind the token that names it
    held = b"\x0e\x00\x00\x21" * width  # a value that may be missing, number 0, which is binary XML
    inner = _name("E", place + 24 + len(_STREAM) + 7) + b"\x02" + held + b"\x04"
    fragment = _STREAM + b"\x01" + struct.pack("<HI", 0xFFFF, len(inner)) + inner + _END
    template = struct.pack("<I16sI", 0, bytes(range(16)), len(fragment)) + fragment
    value = b""
    for level in range(depth + 1):
        kind = 0x21 if value else 0
        defined = template if level == depth else b""
        named = b"\x0c\x01" + struct.pack("<II", 0x03020100, place)
        value = _STREAM + named + defined + struct.pack("<IHBB", 1, len(value), kind, 0) + value + _END
    return record_of(value, 1)
