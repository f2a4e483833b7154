"""Tar archives, read from front to back in bounded memory, whatever their headers claim.

The layout is POSIX's (the pax and ustar interchange formats), with GNU tar's long names and large sizes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from herdsight.logs.packed.packing import Entry

_BLOCK = 512
_LONGEST_HEADER = 1 << 20  # bytes of a name, or of the records that stand before a member
_CHECKSUM = slice(148, 156)
_MAGIC = b"ustar\0"  # POSIX: the name has a prefix; GNU's own magic, which has blanks, has none
_FILES = (b"0", b"\0", b"7")
_FOLDER = b"5"
_LONG_NAME, _RECORDS = b"L", b"x"
# Their size field, if any, is of what they stand for: nothing of it follows.
_BODILESS = {b"1": "a link", b"2": "a link", b"3": "a device", b"4": "a device", b"6": "a named pipe", b"5": None}
_PASSED_OVER = b"KgXVDM"  # names of links, global records, labels, lists of folders: no member of their own
_SPARSE = b"S"


@dataclass(frozen=True, slots=True)
class _Header:
    name: bytes
    kind: bytes
    size: int
    is_sparse: bool = False


def is_tar(first: bytes) -> bool:
    """Whether a file that begins like that is a tar archive: its first header is one."""
    return len(first) >= _BLOCK and _has_checksum(first[:_BLOCK])


def tar_members(blocks: Iterable[bytes]) -> Iterator[Entry]:
    """The members of an archive in order, without its folders.

    Raises:
        EOFError: the archive ends early or is damaged; the members before were given.
    """
    reader = _Reader(blocks)
    name, records = None, dict[bytes, bytes]()
    while (block := reader.take(_BLOCK)).strip(b"\0"):
        header = _header(block)
        if header.kind in (_LONG_NAME, _RECORDS):
            body = reader.body(header.size)
            if header.kind == _LONG_NAME:
                name = body.rstrip(b"\0")
            else:
                records = _records(body)
            continue
        is_member = header.kind not in _PASSED_OVER
        if is_member:
            header = _named(header, name, records)
            name, records = None, {}
        content = iter(()) if header.kind in _BODILESS else reader.content(header.size)
        if is_member and not _is_folder(header):
            yield Entry(header.name.decode("utf-8", "backslashreplace"), _other(header), content)
        for _ in content:
            pass


def _is_folder(header: _Header) -> bool:
    """Whether it is a folder, which archives from before POSIX tell by its name alone."""
    return header.kind == _FOLDER or (header.kind == b"\0" and header.name.endswith(b"/"))


def _other(header: _Header) -> str | None:
    if header.is_sparse or header.kind == _SPARSE:
        return "a sparse file"
    return _BODILESS.get(header.kind) or (None if header.kind in _FILES else "no ordinary file")


class _Reader:
    """Bytes taken from blocks in portions of other sizes."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._held = memoryview(b"")

    def portions(self, size: int) -> Iterator[bytes]:
        while size:
            while not self._held:
                try:
                    self._held = memoryview(next(self._blocks))
                except StopIteration:
                    raise EOFError("the archive ends early") from None
            portion, self._held = self._held[:size], self._held[size:]
            size -= len(portion)
            yield bytes(portion)

    def take(self, size: int) -> bytes:
        return b"".join(self.portions(size))

    def body(self, size: int) -> bytes:
        """A short content as a whole."""
        if size > _LONGEST_HEADER:
            raise EOFError("the archive is damaged")
        return self.take(size + -size % _BLOCK)[:size]

    def content(self, size: int) -> Iterator[bytes]:
        yield from self.portions(size)
        self.take(-size % _BLOCK)


def _header(block: bytes) -> _Header:
    if not _has_checksum(block):
        raise EOFError("the archive is damaged")
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == _MAGIC else b""
    return _Header(prefix + b"/" + name if prefix else name, block[156:157], _number(block[124:136]))


def _has_checksum(block: bytes) -> bool:
    """Whether the header's checksum is right: the sum of its bytes, with blanks in its own place."""
    try:
        said = _number(block[_CHECKSUM])
    except EOFError:
        return False
    return said == sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")


def _number(field: bytes) -> int:
    """Octal digits; or, for what they cannot say, GNU's big-endian bytes behind a set first bit."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if digits.strip(b"01234567"):
        raise EOFError("the archive is damaged")
    return int(digits or b"0", 8)


def _named(header: _Header, name: bytes | None, records: dict[bytes, bytes]) -> _Header:
    """The header with what stood before it: a name of any length, a size of any length."""
    size = records.get(b"size", b"")
    return replace(
        header,
        name=records.get(b"path") or name or header.name,
        size=int(size) if size.isdigit() and len(size) <= len(str(1 << 64)) else header.size,
        is_sparse=any(key.startswith(b"GNU.sparse.") for key in records),
    )


def _records(body: bytes) -> dict[bytes, bytes]:
    """Pax records, `LENGTH KEY=VALUE` and a line end each, where LENGTH counts the whole record."""
    records: dict[bytes, bytes] = {}
    place = 0
    while place < len(body):
        length, _, _ = body[place : place + 20].partition(b" ")
        if not length.isdigit() or not len(length) < int(length) <= len(body) - place:
            raise EOFError("the archive is damaged")
        key, _, value = body[place + len(length) + 1 : place + int(length) - 1].partition(b"=")
        records[key] = value
        place += int(length)
    return records
