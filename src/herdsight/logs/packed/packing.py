"""Compressed files, unpacked block by block and within bounds: a small file can hold terabytes of nothing."""

import bz2
import lzma
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

_BLOCK = 1 << 20
_PACKED_BLOCK = 1 << 16  # gzip unpacks at most 1032 times as much, 64 MiB
DENSE_BLOCK = 1 << 12  # of bzip2 and xz, whose output up to a fault is lost together with the block that has it
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_XZ = b"\xfd7zXZ\x00"
_BZIP2 = b"BZh"  # a digit follows, and then the sign of a block or of the end
_BZIP2_SIGNS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # zlib's way to ask for the gzip container
_GZIP_DENSEST = 1032  # what deflate packs a byte to at best
LARGEST_DICTIONARY = 256 << 20  # bytes; xz -9 needs 65 MiB, and a file may ask for gigabytes
_FREE = 100_000_000  # bytes that anything may unpack to
_DENSEST = 200  # times its own size that it may unpack to beyond that; logs pack 5 to 50 times
_RESERVE = 1_000_000_000  # bytes of the disk that are left alone,
_RESERVED_SHARE = 20  # or that part of a small one
ENDS_EARLY = "compressed data ends early"
_DAMAGED = "compressed data is damaged"


class Compression(StrEnum):
    """How a file is packed, by its first bytes; the values are DuckDB's names where it has one."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"

    @property
    def is_read_by_engine(self) -> bool:
        """Whether the engine unpacks it by itself."""
        return self in (Compression.NONE, Compression.GZIP, Compression.ZSTD)


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of an archive, whose content must be taken before the next: `refused` says why it is not taken."""

    name: str
    refused: str | None
    blocks: Iterable[bytes]


class OutOfBoundsError(EOFError):
    """What is unpacked is larger than anything honest, or than the disk."""


def compression_of(first: bytes) -> Compression:
    """How a file that begins like that is packed."""
    if first.startswith(_BZIP2) and first[4:10] in _BZIP2_SIGNS:
        return Compression.BZIP2
    signs = {_GZIP: Compression.GZIP, _ZSTD: Compression.ZSTD, _XZ: Compression.XZ}
    return next((each for sign, each in signs.items() if first.startswith(sign)), Compression.NONE)


class Allowance:
    """How much may be unpacked out of a file of that size: 100 MB and 200 times the size."""

    def __init__(self, packed: int) -> None:
        self._most = self._left = _FREE + _DENSEST * packed

    def over(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The blocks as far as they are allowed.

        Raises:
            OutOfBoundsError: more than is allowed; what is allowed was given.
        """
        for block in blocks:
            yield block[: self._left]
            self._left -= len(block)
            if self._left < 0:
                self._left = 0
                raise OutOfBoundsError(f"unpacks to more than {self._most // 1_000_000:,} MB")


def fitting(blocks: Iterable[bytes], folder: Path) -> Iterator[bytes]:
    """The blocks, which are written to a folder, as long as its disk has room.

    Raises:
        OutOfBoundsError: it has none.
    """
    for block in blocks:
        disk = shutil.disk_usage(folder)
        if disk.free < min(_RESERVE, disk.total // _RESERVED_SHARE):
            raise OutOfBoundsError("unpacks to more than the disk has room for")
        yield block


def plain_blocks(path: Path, compression: Compression) -> Iterator[bytes]:
    """What a file decompresses to, block by block.

    Raises:
        OSError: it cannot be read.
        EOFError: the packed data ends early or is damaged, or unpacks to too much; everything before that was given.
    """
    if compression is Compression.ZSTD:
        yield from Allowance(path.stat().st_size).over(_unzstd(path))
        return
    with path.open("rb") as file:
        if compression is Compression.NONE:
            yield from iter(lambda: file.read(_BLOCK), b"")
        else:
            yield from Allowance(path.stat().st_size).over(_UNPACKERS[compression](file))


def is_sound(path: Path, compression: Compression) -> bool:
    """Whether a packed file can be unpacked to its end and within bounds, which the engine does not notice by itself.

    Of gzip it notices an early end alone; of Zstandard, which unpacks faster than anything reads it, not even that.
    """
    if compression is Compression.NONE or (compression is Compression.GZIP and _is_small(path)):
        return True
    try:
        for _ in plain_blocks(path, compression):
            pass
    except EOFError:
        return False
    return True


def _is_small(path: Path) -> bool:
    """Whether a gzip file is within bounds whatever it holds."""
    size = path.stat().st_size
    return size * _GZIP_DENSEST <= _FREE + size * _DENSEST


def _gunzip(file: BinaryIO) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    for block in iter(lambda: file.read(_PACKED_BLOCK), b""):
        packed = block
        while packed:
            if unpacker.eof:
                # Another member may follow, and padding after the last.
                packed = packed.lstrip(b"\0")
                unpacker = zlib.decompressobj(_GZIP_WINDOW) if packed else unpacker
                continue
            before = unpacker.copy()
            try:
                yield unpacker.decompress(packed)
            except zlib.error as error:
                yield _until_damage(before, packed)
                raise EOFError(_DAMAGED) from error
            packed = unpacker.unused_data
    if not unpacker.eof:
        raise EOFError(ENDS_EARLY)


def _until_damage(unpacker: "zlib._Decompress", packed: bytes) -> bytes:
    plain = bytearray()
    try:
        for start in range(len(packed)):
            plain += unpacker.decompress(packed[start : start + 1])
    except zlib.error:
        pass
    return bytes(plain)


def _unzstd(path: Path) -> Iterator[bytes]:
    try:
        with pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd") as stream:
            yield from iter(lambda: stream.read(_PACKED_BLOCK), b"")
    except (OSError, pa.ArrowException) as error:
        raise EOFError(f"{ENDS_EARLY} or is damaged") from error


_Dense = bz2.BZ2Decompressor | lzma.LZMADecompressor


def unpacked_dense(blocks: Iterable[bytes], new: Callable[[], _Dense]) -> Iterator[bytes]:
    """What streams of bzip2 or xz hold, one after the other, with padding; however much it is, a block at a time.

    Raises:
        EOFError: the packed data ends early or is damaged; everything before that place was given, but for what the
            block with the fault holds.
    """
    unpacker = new()
    for block in blocks:
        packed = block
        while packed or not (unpacker.needs_input or unpacker.eof):
            if unpacker.eof:
                packed = packed.lstrip(b"\0")
                unpacker = new() if packed else unpacker
                continue
            try:
                yield unpacker.decompress(packed, _BLOCK)
            except (OSError, lzma.LZMAError) as error:
                raise EOFError(_DAMAGED) from error
            packed = unpacker.unused_data
    if not unpacker.eof:
        raise EOFError(ENDS_EARLY)


def _dense_blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(DENSE_BLOCK), b"")


def _bunzip2(file: BinaryIO) -> Iterator[bytes]:
    return unpacked_dense(_dense_blocks(file), bz2.BZ2Decompressor)


def _unxz(file: BinaryIO) -> Iterator[bytes]:
    return unpacked_dense(
        _dense_blocks(file), lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LARGEST_DICTIONARY)
    )


_UNPACKERS: dict[Compression, Callable[[BinaryIO], Iterator[bytes]]] = {
    Compression.GZIP: _gunzip,
    Compression.BZIP2: _bunzip2,
    Compression.XZ: _unxz,
}
