"""IP addresses of either version, and lists of IPv4 networks that are not known before the rows are.

IPv6 and IPv4 are compared as numbers of 128 bits, in which an IPv4 address stands behind ::ffff:0:0/96 (RFC 4291,
2.5.5.2). What is no address is null, or "" for a text.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    collapse_addresses,
    summarize_address_range,
)
from typing import NamedTuple

from herdsight.prelude.registry import Dynamic, function

_WIDTH, _NARROW = 128, 32
_BEFORE = _WIDTH - _NARROW
_MAPPED = 0xFFFF << _NARROW
_PREFIX = re.compile("0|[1-9][0-9]{0,2}")
_NETWORK = re.compile("[0-9.]+(?:/(?:3[0-2]|[12]?[0-9]))?")
_KEPT = 4096  # networks, and lists of them, that are held parsed


def network(text: object) -> IPv4Network | None:
    """The IPv4 network of an address with a prefix, or of one address; None of what is neither."""
    if not isinstance(text, str) or not _NETWORK.fullmatch(text):
        return None
    try:
        return IPv4Network(text, strict=False)
    except AddressValueError:
        return None


def disjoint(texts: Iterable[object]) -> list[IPv4Network]:
    """The IPv4 networks among the texts, as few as cover the same addresses, in ascending order."""
    return list(collapse_addresses(found for text in texts if (found := network(text))))


class _Networks(NamedTuple):
    """IPv4 networks apart from each other, as the first and last addresses of each."""

    first: Sequence[int]
    last: Sequence[int]


@lru_cache(_KEPT)
def _networks(array: str) -> _Networks | None:
    """The networks in a JSON array; None where it has elements and none is a network."""
    texts = _elements(array)
    found = disjoint(texts)
    if texts and not found:
        return None
    return _Networks([int(each.network_address) for each in found], [int(each.broadcast_address) for each in found])


def _elements(array: str) -> list[object]:
    value = json.loads(array)
    return value if isinstance(value, list) else [value]


# A list of networks comes as its JSON text, which is the same in all rows as a rule, so that it is parsed once.
@function
def kql_is_in_networks(number: int, array: str) -> bool | None:
    """Whether an IPv4 address, as a number, lies in one of the networks."""
    networks = _networks(array)
    if networks is None:
        return None
    before = bisect_right(networks.first, number) - 1
    return before >= 0 and number <= networks.last[before]


@function
def kql_cidr_list(first: int, last: int) -> Dynamic:
    """The networks that make up a range of IPv4 addresses; null where it ends before it begins."""
    if first > last:
        return None
    return [str(each) for each in summarize_address_range(IPv4Address(first), IPv4Address(last))]


class _Address(NamedTuple):
    number: int
    bits: int  # how many count
    narrow: bool  # written as IPv4

    def kept(self, bits: int = _WIDTH) -> int:
        """The number with the bits that count, in itself and in a comparison; all others are 0."""
        spare = _WIDTH - min(bits, self.bits)
        return self.number >> spare << spare


def _address(text: str) -> _Address | None:
    """An address of either version, with a prefix or without."""
    written, slash, prefix = text.partition("/")
    number = _number(written)
    bits = _bits(written, prefix) if slash else _WIDTH
    return None if number is None or bits is None else _Address(number, bits, ":" not in written)


def _number(written: str) -> int | None:
    try:
        if ":" not in written:
            return _MAPPED | int(IPv4Address(written))
        number = int(IPv6Address(written.partition("%")[0]))  # behind it stands the interface (RFC 4007)
    except AddressValueError:
        return None
    # Kusto takes ::192.0.2.1, which RFC 4291 deprecates, for the IPv4 address.
    return _MAPPED | number if "." in written and number >> _NARROW == 0 else number


def _bits(written: str, prefix: str) -> int | None:
    """How many of the 128 bits a prefix counts; behind an address with dots it counts those of IPv4."""
    bits = int(prefix) if _PREFIX.fullmatch(prefix) else _WIDTH + 1
    if bits <= _NARROW and "." in written:
        return bits + _BEFORE
    return bits if bits <= _WIDTH and ":" in written else None


@lru_cache(_KEPT)
def _wide_network(text: str) -> _Address | None:
    return _address(text)


@lru_cache(_KEPT)
def _wide_networks(array: str) -> list[_Address]:
    texts = (each for each in _elements(array) if isinstance(each, str))
    return [found for text in texts if (found := _wide_network(text))]


def _holds(network: _Address, address: _Address) -> bool:
    spare = _WIDTH - network.bits
    return address.kept() >> spare == network.number >> spare


@function
def kql_ipv6_compare(one: str, other: str, prefix: int | None) -> int | None:
    """-1, 0 or 1, by the bits that count in both addresses; a prefix counts those of IPv4 where both are."""
    first, second = _address(one), _wide_network(other)
    if first is None or second is None or prefix is None or not 0 <= prefix <= _WIDTH:
        return None
    if prefix <= _NARROW and first.narrow and second.narrow:
        prefix += _BEFORE
    bits = min(prefix, first.bits, second.bits)
    left, right = first.kept(bits), second.kept(bits)
    return (left > right) - (left < right)


@function
def kql_ipv6_is_in_any(text: str, array: str) -> bool | None:
    """Whether an address lies in one of the networks of a JSON array; null where none of them is a network."""
    address = _address(text)
    networks = _wide_networks(array)
    if address is None or (not networks and _elements(array)):
        return None
    return any(_holds(each, address) for each in networks)


@function
def kql_ipv6_is_in_range(text: str, range_: str) -> bool | None:
    """Whether an address lies in the network."""
    address, network = _address(text), _wide_network(range_)
    return _holds(network, address) if address and network else None


@function
def kql_parse_ipv6(text: str, prefix: int | None) -> str:
    """An address spelled out, with only so many of its 128 bits left."""
    address = _address(text)
    if address is None or prefix is None or not 0 <= prefix <= _WIDTH:
        return ""
    return IPv6Address(address.kept(prefix)).exploded


@function
def kql_ipv6(text: str) -> str | None:
    """An address, or the first of a network, as 32 digits that sort as addresses do."""
    network = _wide_network(text)
    return f"{network.kept(network.bits):032x}" if network else None


@function
def kql_ipv6_last(text: str) -> str | None:
    """The last address of a network, as 32 digits that sort as addresses do."""
    network = _wide_network(text)
    return f"{network.kept(network.bits) | ((1 << (_WIDTH - network.bits)) - 1):032x}" if network else None


@function
def kql_plain_address(text: str) -> str:
    """An IPv6 address in the one text that RFC 5952 has for it, an IPv4 one in it as IPv4; without its zone.

    What is no address stays as it is.
    """
    try:
        address = IPv6Address(text.partition("%")[0])
    except AddressValueError:
        return text
    return str(address.ipv4_mapped or address)
