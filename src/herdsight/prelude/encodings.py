"""Encodings and hashes: bytes and texts in other forms. What cannot be decoded is null, or "" for a text."""

import base64
import re
import struct
import zlib
from collections.abc import Callable
from urllib.parse import quote, unquote_plus
from uuid import UUID

from herdsight.prelude.registry import Dynamic, function

_LARGEST = 1 << 26  # bytes that a compressed text may unfold to
_STORED = 51  # bytes up to which a text is not worth the compression
_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # deflate, no flags, no time, no system (RFC 1952)
_ZLIB, _GZIP = zlib.MAX_WBITS, zlib.MAX_WBITS | 16
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what separates the labels of a domain (RFC 3490, 3.1)
_ESCAPE = re.compile("%[0-9A-F]{2}")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@function
def kql_base64_array(text: str) -> Dynamic:
    """The bytes that base64 text stands for, as numbers."""
    data = _decoded(text)
    return None if data is None else list(data)


@function
def kql_array_base64(numbers: Dynamic) -> str:
    """An array of bytes as base64 text."""
    try:
        return _encoded(bytes(numbers)) if isinstance(numbers, list) else ""
    except (TypeError, ValueError):
        return ""


@function
def kql_base64_guid(text: str) -> str | None:
    """The GUID whose 16 bytes, in Microsoft's order, base64 text stands for."""
    data = _decoded(text)
    return str(UUID(bytes_le=data)) if data is not None and len(data) == 16 else None  # noqa: PLR2004 bytes of a GUID


@function
def kql_guid_base64(guid: str) -> str:
    """A GUID's bytes in Microsoft's order, as base64 text."""
    return _encoded(UUID(guid).bytes_le)


@function
def kql_url_encode(text: str) -> str:
    """Percent-encoded for a component of a URL (RFC 3986, 2), in lower case as Kusto writes it."""
    return _ESCAPE.sub(lambda escape: escape[0].lower(), quote(text, safe=""))


@function
def kql_url_decode_lossy(text: str) -> str:
    """Percent-decoded; bytes that are no UTF-8 become the replacement character."""
    return unquote_plus(text)


def _deflated(data: bytes, window: int) -> bytes:
    packer = zlib.compressobj(0 if len(data) <= _STORED else 1, wbits=window)
    return packer.compress(data) + packer.flush()


@function
def kql_gzip(text: str) -> str:
    """Compressed by gzip, in base64."""
    data = text.encode()
    return _encoded(_GZIP_HEAD + _deflated(data, -zlib.MAX_WBITS) + struct.pack("<II", zlib.crc32(data), len(data)))


@function
def kql_zlib(text: str) -> str:
    """Compressed by zlib, in base64."""
    return _encoded(_deflated(text.encode(), _ZLIB))


def _inflated(text: str, window: int) -> str:
    data = _decoded(text)
    if data is None:
        return ""
    unpacker = zlib.decompressobj(wbits=window)
    try:
        plain = unpacker.decompress(data, _LARGEST).decode()
    except (zlib.error, UnicodeDecodeError):
        return ""
    return plain if unpacker.eof else ""


@function
def kql_gunzip(text: str) -> str:
    """What was compressed by gzip and is in base64."""
    return _inflated(text, _GZIP)


@function
def kql_unzlib(text: str) -> str:
    """What was compressed by zlib and is in base64."""
    return _inflated(text, _ZLIB)


_LONGEST_LABEL = 2_000  # characters: the time that a label takes grows with its square; one of a domain has 63


def _punycode(label: str) -> str:
    _check_length(label)
    return label.encode("punycode").decode("ascii")


def _check_length(label: str) -> None:
    if len(label) > _LONGEST_LABEL:
        raise UnicodeError("too long a label")


def _unpunycode(label: str) -> str:
    _check_length(label)
    text = label.encode("ascii").decode("punycode")
    text.encode()  # a surrogate is no character
    return text


def _or_empty(convert: Callable[[str], str], text: str) -> str:
    try:
        return convert(text)
    except UnicodeError:
        return ""


@function
def kql_punycode(text: str) -> str:
    """In punycode (RFC 3492)."""
    return _or_empty(_punycode, text)


@function
def kql_unpunycode(text: str) -> str:
    """What stands in punycode (RFC 3492)."""
    return _or_empty(_unpunycode, text)


def _to_ascii(domain: str) -> str:
    labels = _DOTS.split(domain)
    return ".".join(label if label.isascii() else f"xn--{_punycode(label)}" for label in labels)


def _to_unicode(domain: str) -> str:
    labels = _DOTS.split(domain)
    return ".".join(_unpunycode(label[4:]) if label.lower().startswith("xn--") else label for label in labels)


@function
def kql_punycode_domain(domain: str) -> str:
    """A domain whose labels beyond ASCII are in punycode, each behind xn--."""
    return _or_empty(_to_ascii, domain)


@function
def kql_unpunycode_domain(domain: str) -> str:
    """A domain whose labels behind xn-- are decoded."""
    return _or_empty(_to_unicode, domain)


@function
def kql_codepoints_text(points: Dynamic) -> str:
    """The characters with these code points; an array among them is its own. Not all valid: ""."""
    flat = [each for point in points for each in (point if isinstance(point, list) else [point])]
    try:
        text = "".join(map(chr, flat))
        text.encode()  # a surrogate is no character
    except (TypeError, ValueError, OverflowError):
        return ""
    return text


_WORD = (1 << 64) - 1
_PRIMES = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> 64 - bits) & _WORD


def _round(word: int, lane: int) -> int:
    return _rotated(word + lane * _PRIMES[1] & _WORD, 31) * _PRIMES[0] & _WORD


def _stripes(data: bytes) -> tuple[int, int]:
    """What the whole stripes of 32 bytes give, and how many bytes that are."""
    lanes = [_PRIMES[0] + _PRIMES[1] & _WORD, _PRIMES[1], 0, -_PRIMES[0] & _WORD]
    whole = len(data) // 32 * 32
    for stripe in struct.iter_unpack("<4Q", data[:whole]):
        lanes = [_round(lane, word) for lane, word in zip(lanes, stripe, strict=True)]
    if not whole:
        return _PRIMES[4], 0
    word = sum(_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & _WORD
    for lane in lanes:
        word = (word ^ _round(0, lane)) * _PRIMES[0] + _PRIMES[3] & _WORD
    return word, whole


def _rest(word: int, rest: bytes) -> int:
    """The up to 31 bytes behind the stripes mixed in: eight at a time, then four, then one."""
    eights = len(rest) // 8 * 8
    for (lane,) in struct.iter_unpack("<Q", rest[:eights]):
        word = _rotated(word ^ _round(0, lane), 27) * _PRIMES[0] + _PRIMES[3] & _WORD
    rest = rest[eights:]
    if len(rest) >= 4:  # noqa: PLR2004 half a word
        word ^= int.from_bytes(rest[:4], "little") * _PRIMES[0] & _WORD
        word, rest = _rotated(word, 23) * _PRIMES[1] + _PRIMES[2] & _WORD, rest[4:]
    for byte in rest:
        word = _rotated(word ^ byte * _PRIMES[4] & _WORD, 11) * _PRIMES[0] & _WORD
    return word


def _xxhash64(data: bytes) -> int:
    """XXH64 with the seed 0, as a signed number (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md)."""
    word, whole = _stripes(data)
    word = _rest(word + len(data) & _WORD, data[whole:])
    word = (word ^ word >> 33) * _PRIMES[1] & _WORD
    word = (word ^ word >> 29) * _PRIMES[2] & _WORD
    word ^= word >> 32
    return word - (1 << 64) if word >> 63 else word


@function
def kql_hash_text(text: str) -> int:
    """The hash of a text's UTF-8."""
    return _xxhash64(text.encode())


@function
def kql_hash_long(number: int) -> int:
    """The hash of a number of 64 bits."""
    return _xxhash64(struct.pack("<q", number))


@function
def kql_hash_real(number: float) -> int:
    """The hash of a floating-point number."""
    return _xxhash64(struct.pack("<d", number))


@function
def kql_hash_guid(guid: str) -> int:
    """The hash of a GUID's bytes in Microsoft's order."""
    return _xxhash64(UUID(guid).bytes_le)
