"""Zip archives, read in bounded memory, and member by member where the list of members at their end is missing.

The layout is PKWARE's (APPNOTE.TXT): before each member stands a header of its own.
"""

import bz2
import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from herdsight.logs.packed.packing import DENSE_BLOCK, LARGEST_DICTIONARY, Entry, unpacked_dense

MOST_MEMBERS = 10_000  # files in all that one archive may hold
_LARGEST_DIRECTORY = 8 << 20  # bytes of a zip's list of members: 800 for each
_BEGINNINGS = (b"PK\x03\x04", b"PK\x05\x06")  # a first member; the end of an archive that has none
_STEP = 1 << 16  # bytes
_ENCRYPTED = 0x41  # flags of a member: encrypted, strongly encrypted
_UTF8 = 0x800  # the flag that its name is UTF-8
_SIZED_LATER = 0x8  # the flag that its sizes stand behind it
_MEMBER = struct.Struct("<6xHH4xLLLHH")  # behind the sign: what _Header names
_LZMA = struct.Struct("<2xHBL")  # length of what follows; the coder's properties; the size of its dictionary
_LZMA_PROPERTIES = 5  # bytes
_ENDLESS = "in an archive that ends early, and only that end says how long it is"
_LONGEST_TRAILER = 24  # bytes that may stand between a member and the next: sign, checksum, two sizes of 8 bytes
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, ArithmeticError, OSError, RuntimeError)


class _Header(NamedTuple):
    """What stands before a member: the sizes in bytes, of its content packed and plain, its name and what follows."""

    flags: int
    method: int
    checksum: int
    packed: int
    plain: int
    name_length: int
    extra_length: int


def is_zip(first: bytes) -> bool:
    """Whether a file that begins like that is a zip archive."""
    return first.startswith(_BEGINNINGS)


def zip_members(path: Path) -> Iterator[Entry]:
    """The members of an archive in order, without its folders.

    Raises:
        EOFError: the archive has too many members, or its end is missing; what members there are were given.
        BROKEN_ZIP, ValueError: it is broken in another way.
    """
    with _Careful(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except zipfile.BadZipFile:
            yield from _found_members(file)
            return
        with archive:
            for each in archive.infolist():
                if not each.is_dir():
                    yield Entry(each.filename, _refusal(each), _blocks(file, archive, each))


def _refusal(member: zipfile.ZipInfo) -> str | None:
    if member.flag_bits & _ENCRYPTED:
        return "encrypted"
    kind = stat.S_IFMT(member.external_attr >> 16)  # where Unix wrote it
    if kind in (0, stat.S_IFREG):
        return None
    return "a link" if kind == stat.S_IFLNK else "no ordinary file"


def _blocks(file: io.FileIO, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """What a member holds; zipfile would unpack bzip2 and LZMA without a bound to what one step may yield."""
    if member.compress_type not in _DENSE:
        with archive.open(member) as content:
            yield from iter(lambda: content.read(_STEP), b"")
        return
    file.seek(member.header_offset)
    header = _Header(*_MEMBER.unpack(file.read(_MEMBER.size)))
    file.seek(header.name_length + header.extra_length, io.SEEK_CUR)
    yield from _dense(
        file,
        header._replace(
            method=member.compress_type,
            checksum=member.CRC,
            packed=member.compress_size,
            plain=member.file_size,
        ),
    )


class _Careful(io.FileIO):
    """A file of which nothing large is read at once: a zip's list of members is read as a whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        bounded = _LARGEST_DIRECTORY + 1 if size is None or size < 0 else min(size, _LARGEST_DIRECTORY + 1)
        data = super().read(bounded) or b""
        if len(data) > _LARGEST_DIRECTORY:
            raise EOFError(f"more than {MOST_MEMBERS:,} files in an archive")
        return data


def _found_members(file: io.FileIO) -> Iterator[Entry]:
    """The members of an archive that ends early, by the headers before them, as far as one leads to the next."""
    file.seek(0)
    while entry := _found_member(file):
        if not entry.name.endswith("/"):
            yield entry
        if entry.refused == _ENDLESS:
            break
        for _ in entry.blocks:
            pass
        _skip_trailer(file)
    raise EOFError("the archive ends early or is damaged")


def _found_member(file: io.FileIO) -> Entry | None:
    """The member whose header stands at that place of the file, if one does."""
    header = file.read(_MEMBER.size)
    if len(header) < _MEMBER.size or not header.startswith(_BEGINNINGS[0]):
        return None
    each = _Header(*_MEMBER.unpack(header))
    raw_name = file.read(each.name_length)
    if len(raw_name) < each.name_length:
        return None
    file.seek(each.extra_length, io.SEEK_CUR)
    name = raw_name.decode("utf-8" if each.flags & _UTF8 else "cp437", "backslashreplace")
    if each.flags & _ENCRYPTED and not each.flags & _SIZED_LATER:
        return Entry(name, "encrypted", _stored(file, each.packed))
    if each.method == zipfile.ZIP_DEFLATED and not each.flags & _ENCRYPTED:
        return Entry(name, None, _inflated(file))
    if each.flags & _SIZED_LATER and not (name.endswith("/") and each.method == zipfile.ZIP_STORED):
        return Entry(name, _ENDLESS, ())
    return Entry(name, None, _dense(file, each) if each.method in _DENSE else _stored(file, each.packed))


def _stored(file: io.FileIO, size: int, step: int = _STEP) -> Iterator[bytes]:
    while size > 0:
        block = file.read(min(size, step))
        if not block:
            raise EOFError("the archive ends early")
        size -= len(block)
        yield block


def _inflated(file: io.FileIO) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.read(_STEP)
        if not packed:
            raise EOFError("the archive ends early")
        yield unpacker.decompress(packed, _STEP)
    file.seek(-len(unpacker.unused_data), io.SEEK_CUR)


def _dense(file: io.FileIO, header: _Header) -> Iterator[bytes]:
    """What a member in bzip2 or LZMA holds, up to its size: LZMA need not say where it ends."""
    end = file.tell() + header.packed
    left, checksum = header.plain, 0
    for block in _DENSE[header.method](file, header.packed) if left else ():
        checksum = zlib.crc32(block[:left], checksum)
        yield block[:left]
        left -= len(block)
        if left <= 0:
            break
    if checksum != header.checksum:
        raise EOFError("compressed data is damaged")
    file.seek(end)


def _bunzip2(file: io.FileIO, size: int) -> Iterator[bytes]:
    return unpacked_dense(_stored(file, size, DENSE_BLOCK), bz2.BZ2Decompressor)


def _unlzma(file: io.FileIO, size: int) -> Iterator[bytes]:
    length, properties, dictionary = _LZMA.unpack(file.read(_LZMA.size))
    if length != _LZMA_PROPERTIES or dictionary > LARGEST_DICTIONARY:
        raise NotImplementedError
    of_lzma = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": dictionary,
        "lc": properties % 9,
        "lp": properties // 9 % 5,
        "pb": properties // 45,
    }
    return unpacked_dense(
        _stored(file, size - _LZMA.size, DENSE_BLOCK),
        lambda: lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[of_lzma]),
    )


_DENSE: dict[int, Callable[[io.FileIO, int], Iterator[bytes]]] = {
    zipfile.ZIP_BZIP2: _bunzip2,
    zipfile.ZIP_LZMA: _unlzma,
}


def _skip_trailer(file: io.FileIO) -> None:
    ahead = file.read(_LONGEST_TRAILER + len(_BEGINNINGS[0]))
    file.seek(max(ahead.find(_BEGINNINGS[0]), 0) - len(ahead), io.SEEK_CUR)
