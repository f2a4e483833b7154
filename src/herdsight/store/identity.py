"""What a file's content is, so that no record is imported twice: under another name, packed since, or grown.

A content is known by the SHA-256 of its plain bytes. A log that grew still begins with what was imported of it, so the
hash of its beginning, taken at the place where the import ended, is the one that was noted then.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from herdsight.logs.packed.packing import Compression, plain_blocks

HEAD = 1024  # bytes by which the sources are found that a file may be the continuation of


@dataclass(frozen=True, slots=True)
class Content:
    """The plain bytes of a file: `end` of them count, whose SHA-256 is `digest`; `size` there are in all.

    `beginnings` are the SHA-256 of its first bytes, by their number, as far as they were asked for. `trouble` says why
    the packed data could not be read to its end.
    """

    size: int
    end: int
    digest: bytes
    head: bytes
    beginnings: dict[int, bytes] = field(default_factory=dict)
    trouble: str | None = None


def head_digest(blocks: Iterable[bytes]) -> bytes:
    """The SHA-256 of the first bytes."""
    data = b""
    try:
        for block in blocks:
            data += block[:HEAD]
            if len(data) >= HEAD:
                break
    except EOFError:
        pass
    return hashlib.sha256(data[:HEAD]).digest()


def blocks_of(path: Path, compression: Compression) -> Iterator[bytes]:
    """The plain bytes of a file, block by block; see `herdsight.logs.packed.packing.plain_blocks`."""
    return plain_blocks(path, compression)


def content(path: Path, compression: Compression, ends: Collection[int], *, whole_lines: bool) -> Content:
    """Read a file once; `ends` are the numbers of bytes after which to look at the hash on the way.

    With `whole_lines`, and wherever packed data breaks off, what comes after the last line end does not count: the line
    is still being written.

    Raises:
        OSError: the file cannot be read.
    """
    digest, lines = hashlib.sha256(), hashlib.sha256()
    size = end = 0
    beginnings: dict[int, bytes] = {}
    waiting = sorted({each for each in ends if each > 0}, reverse=True)
    trouble = None
    try:
        for block in blocks_of(path, compression):
            while waiting and waiting[-1] <= size + len(block):
                part = digest.copy()
                part.update(block[: waiting[-1] - size])
                beginnings[waiting.pop()] = part.digest()
            if (last := block.rfind(b"\n") + 1) > 0:
                lines = digest.copy()
                lines.update(block[:last])
                end = size + last
            digest.update(block)
            size += len(block)
    except EOFError as error:
        trouble = str(error)
    counted = (end, lines.digest()) if whole_lines or trouble else (size, digest.digest())
    return Content(size, *counted, head_digest(blocks_of(path, compression)), beginnings, trouble)
