"""Whose network an address is in: clouds, content networks, sinkholes and scanners, by the ranges that they publish."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from ipaddress import ip_network

import numpy as np
import numpy.typing as npt

from herdsight.analytics.known import warning_list, warning_lists
from herdsight.findings.entities import Network, address_of


class Kind(StrEnum):
    """What the addresses of a network stand for."""

    CLOUD = "cloud"  # rented by the hour, by anyone
    CONTENT = "content network"  # one address for thousands of sites
    SERVICE = "service"  # of its owner alone
    SINKHOLE = "sinkhole"  # where defenders had the names of malware point
    SCANNER = "scanner"  # of research, which counts what the Internet has


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has a network, and what for."""

    name: str
    kind: Kind


# MISP's warning lists of ranges, as the package pymispwarninglists carries them, by its own names of them. Of two that
# have the same range the first counts.
_LISTS: Mapping[str, Owner] = {
    "sinkholes": Owner("a known sinkhole", Kind.SINKHOLE),
    "cloudflare": Owner("Cloudflare", Kind.CONTENT),
    "fastly": Owner("Fastly", Kind.CONTENT),
    "akamai": Owner("Akamai", Kind.CONTENT),
    "stackpath": Owner("StackPath", Kind.CONTENT),
    "apple": Owner("Apple", Kind.SERVICE),
    "microsoft-office365-ip": Owner("Microsoft's Office", Kind.SERVICE),
    "microsoft-office365-cn": Owner("Microsoft's Office", Kind.SERVICE),
    "google-gmail-sending-ips": Owner("Google's mail", Kind.SERVICE),
    "googlebot": Owner("Google's crawler", Kind.SERVICE),
    "zscaler": Owner("Zscaler", Kind.SERVICE),
    "google-gcp": Owner("Google's cloud", Kind.CLOUD),
    "amazon-aws": Owner("Amazon's cloud", Kind.CLOUD),
    "microsoft-azure": Owner("Microsoft's cloud", Kind.CLOUD),
    "microsoft-azure-china": Owner("Microsoft's cloud", Kind.CLOUD),
    "microsoft-azure-germany": Owner("Microsoft's cloud", Kind.CLOUD),
    "microsoft-azure-us-gov": Owner("Microsoft's cloud", Kind.CLOUD),
    "ovh-cluster": Owner("OVH's shared hosting", Kind.CONTENT),
}
_SCANNING = ("-scanning", "-scanner")  # what the names of lists of scanners end in


def network_of(addresses: Sequence[str]) -> list[Owner | None]:
    """The owner of the narrowest published range that each address lies in; None where there is none.

    Ranges are flattened once into segments that do not overlap, so that an address costs one search among them.

    >>> network_of(["104.16.0.1", "192.0.2.1", "no address"])
    [Owner(name='Cloudflare', kind=<Kind.CONTENT: 'content network'>), None, None]
    """
    segments = _segments()
    keys = np.array([_key(each) for each in addresses], dtype=_KEY)
    places = np.searchsorted(segments.begins, keys, side="right") - 1
    return [segments.owners[place] if place >= 0 else None for place in places.tolist()]


# An address as bytes whose order is that of addresses: its version, then its octets without the zeros at the end, which
# numpy leaves out as well.
_KEY = "S17"


def _key(text: str) -> bytes:
    address = address_of(text)
    return str(address.version).encode() + address.packed if address else b""


@dataclass(frozen=True, slots=True)
class _Segments:
    """Where segments of the addresses begin, in order, and the owner of each; None between the ranges."""

    begins: npt.NDArray[np.bytes_]
    owners: tuple[Owner | None, ...]


@dataclass(frozen=True, slots=True)
class _Range:
    begin: bytes
    end: bytes  # the first key behind it
    size: int
    owner: Owner


@cache
def _segments() -> _Segments:
    ranges = sorted(_ranges(), key=lambda each: -each.size)
    # The widest first; narrower ones, and of equals those of the list that counts, are painted over them.
    begins: list[bytes] = [b""]
    owners: list[Owner | None] = [None]
    for each in ranges:
        _paint(begins, owners, each)
    return _Segments(np.array(begins, dtype=_KEY), tuple(owners))


def _paint(begins: list[bytes], owners: list[Owner | None], new: _Range) -> None:
    """Give a range to its owner, whoever had it; what lies behind it stays as it was."""
    first = bisect_right(begins, new.begin) - 1
    last = bisect_right(begins, new.end) - 1
    behind = owners[last]
    keep = [] if begins[first] == new.begin else [first]
    after = [] if begins[last] == new.end else [(new.end, behind)]
    stop = last + 1 if after else last
    begin_at = first + len(keep)
    begins[begin_at:stop] = [new.begin, *(each for each, _ in after)]
    owners[begin_at:stop] = [new.owner, *(each for _, each in after)]


def _ranges() -> Iterator[_Range]:
    folders = sorted(each.name for each in warning_lists().iterdir())
    scanners = {name: Owner("a scanner of research", Kind.SCANNER) for name in folders if name.endswith(_SCANNING)}
    for name, owner in reversed({**_LISTS, **scanners}.items()):
        for network in _networks(warning_list(name)):
            low = str(network.version).encode() + network.network_address.packed
            behind = _behind(network.broadcast_address.packed, network.version)
            yield _Range(low.rstrip(b"\0"), behind, network.num_addresses, owner)


def _behind(last: bytes, version: int) -> bytes:
    """The key behind an address; behind a version's last one, that of no version that is."""
    number = int.from_bytes(last) + 1
    if number >> (8 * len(last)):
        return str(version + 1).encode()
    return (str(version).encode() + number.to_bytes(len(last))).rstrip(b"\0")


def _networks(texts: Iterable[str]) -> Iterator[Network]:
    for text in texts:
        try:
            yield ip_network(text, strict=False)
        except ValueError:
            continue  # a list of scanners may have a name among its addresses
