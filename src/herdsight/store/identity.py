"""What a file's content is, so that no record is imported twice: under another name, packed since, or grown.

A content is known by the SHA-256 of its plain bytes. A log that grew still begins with what was imported of it, so the
hash of its beginning, taken at the place where the import ended, is the one that was noted then.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from herdsight.logs.packed.packing import Compression, plain_blocks

_LONGEST_LINE = 4 << 20  # bytes; what is longer without a line end is no text
_LONGEST_RECORD = 1 << 20  # bytes; a quote that is open for longer is a fault and no value of several lines
HEAD = 1024  # bytes by which the sources are found that a file may be the continuation of


@dataclass(frozen=True, slots=True)
class Content:
    """The plain bytes of a file: `end` of them count, whose SHA-256 is `digest`; `size` there are in all.

    `beginnings` are the hashes of its first bytes, by their number, as far as they were asked for. `trouble` says why
    the packed data could not be read to its end.
    """

    size: int
    end: int
    digest: bytes
    head: bytes
    beginnings: dict[int, bytes] = field(default_factory=dict)
    trouble: str | None = None


def head_digest(blocks: Iterable[bytes]) -> bytes:
    """The hash of the first bytes."""
    data = b""
    try:
        for block in blocks:
            data += block[:HEAD]
            if len(data) >= HEAD:
                break
    except EOFError:
        pass
    return _digest(new_hash(), data[:HEAD])


def blocks_of(path: Path, compression: Compression) -> Iterator[bytes]:
    """The plain bytes of a file, block by block; see `herdsight.logs.packed.packing.plain_blocks`."""
    return plain_blocks(path, compression)


def content(
    path: Path, compression: Compression, ends: Collection[int], *, whole_lines: bool, quoted: bool = False
) -> Content:
    """Read a file once; `ends` are the numbers of bytes after which to look at the hash on the way.

    With `whole_lines`, and wherever packed data breaks off, what comes after the last line end does not count: the line
    is still being written. Where values are `quoted`, a line end within one is none.

    Raises:
        OSError: the file cannot be read.
    """
    digest, open_line = new_hash(), b""  # of what ends in whole lines, and what comes after these
    size, in_quotes = 0, False
    beginnings: dict[int, bytes] = {}
    waiting = sorted({each for each in ends if each > 0}, reverse=True)
    trouble = None
    try:
        for block in blocks_of(path, compression):
            done = size - len(open_line)
            data = open_line + block
            while waiting and waiting[-1] <= size + len(block):
                beginnings[waiting[-1]] = _digest(digest, data[: waiting[-1] - done])
                waiting.pop()
            whole = max(_lines_end(data, in_quotes=in_quotes, quoted=quoted), len(data) - _LONGEST_LINE)
            in_quotes ^= _is_odd(data[:whole])
            digest.update(data[:whole])
            open_line = data[whole:]
            size += len(block)
    except EOFError as error:
        trouble = str(error)
    counted = b"" if whole_lines or trouble else open_line
    end = size - len(open_line) + len(counted)
    head = head_digest(blocks_of(path, compression))
    return Content(size, end, _digest(digest, counted), head, beginnings, trouble)


def _lines_end(data: bytes, *, in_quotes: bool, quoted: bool) -> int:
    """Where the last whole line of the data ends, 0 where none does; `in_quotes`: it begins within a quoted value."""
    end = data.rfind(b"\n") + 1
    if not quoted:
        return end
    is_open, last = in_quotes ^ _is_odd(data), len(data)
    while (place := data.rfind(b"\n", 0, last)) >= 0:
        is_open ^= _is_odd(data[place:last])
        if not is_open or len(data) - place > _LONGEST_RECORD:
            return place + 1 if not is_open else end
        last = place
    return 0 if len(data) <= _LONGEST_RECORD else end


def _is_odd(data: bytes) -> bool:
    """Whether the data has an odd number of quotes, so that one is open in what comes after it, or none any more."""
    return data.count(b'"') % 2 == 1


def new_hash() -> "hashlib._Hash":
    """The hash of no bytes, to be fed with a content's."""
    return hashlib.sha256()


def _digest(before: "hashlib._Hash", more: bytes) -> bytes:
    """The hash of what was hashed before, and of what follows."""
    digest = before.copy()
    digest.update(more)
    return digest.digest()
