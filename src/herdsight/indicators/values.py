"""What the text of an indicator names: an address, a network, a domain or the host of a URL; defanged or not."""

import re
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_network

from herdsight.addresses import MANY, PRIVATE
from herdsight.analytics.known import is_public_suffix
from herdsight.findings.entities import Network, address_of
from herdsight.indicators.model import Kind, Place, RefusalError

# Why an entry is not used.
NO_INDICATOR = "no address, network, domain or URL"
TOO_WIDE = "too wide: it would name a good part of the Internet"
INSIDE = "a private, local or reserved range"
SUFFIX = "a suffix under which anyone can have a name"
LOCAL = "a name of local use"
NO_DOT = "a name without a dot"

_LONGEST = 2_000  # characters of a URL; a name has 253 at most
_WIDEST = {4: 8, 6: 19}  # prefixes: the largest block that a registry gives to one owner is no wider
_RESERVED = tuple(map(ip_network, ("0.0.0.0/8", "240.0.0.0/4", "::/128")))  # RFC 1122, RFC 4291
_SPECIAL: tuple[Network, ...] = (*PRIVATE, *MANY, *_RESERVED)
_LOCAL_NAMES = frozenset(
    ("localhost", "local", "localdomain", "lan", "home", "internal", "intranet", "corp", "arpa", "invalid")
)

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(r"\.".join([_OCTET] * 4))
_IPV4_PORT = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})")
_IPV6_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?")
_NAME_PORT = re.compile(r"([^:/\[\]]+):(\d{1,5})")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PLAIN_NAME = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_DOT = re.compile(r"[\[({]\s*(?:\.|dot)\s*[\])}]|\\\.", re.IGNORECASE)
_COLON = re.compile(r"[\[({]\s*(:(?://)?)\s*[\])}]")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?://|\\\\)", re.IGNORECASE)


def place_of(text: str, *, exact: bool = False) -> Place:
    """What a text names; `exact`: a name that stands for no names under it.

    >>> place_of("hxxps://evil[.]example[.]net:8443/a.php").value
    'evil.example.net'
    >>> place_of("198.51.100.0/22").keys
    ('4c63364', '4c63365', '4c63366', '4c63367')

    Raises:
        RefusalError: it names nothing, or what is too dangerous to look for; with the reason.
    """
    if octets := _IPV4.fullmatch(text):  # nine in ten are plain
        return _octets(text, octets)
    if _PLAIN_NAME.fullmatch(text):
        return _checked(text, exact=exact, port=0)
    text = refanged(text.strip())
    if len(text) > _LONGEST:
        raise RefusalError(NO_INDICATOR)
    if scheme := _SCHEME.match(text):
        return _url(text[scheme.end() :])
    if address := address_of(text):
        return _address(address)
    if "/" in text:
        return _network(text)
    return _with_port(text, exact=exact)


def refanged(text: str) -> str:
    """A text without what keeps people from clicking on it: hxxp, [.], (dot), [:]."""
    if "[" in text or "(" in text or "{" in text or "\\" in text:
        text = _COLON.sub(r"\1", _DOT.sub(".", text))
    return text


def _octets(text: str, octets: re.Match[str]) -> Place:
    first, second, third, fourth = octets.groups()
    if first in _special_octets() and _is_special(IPv4Network(text)):
        raise RefusalError(INSIDE)
    return Place(Kind.ADDRESS, text, (f"4{int(first):02x}{int(second):02x}{int(third):02x}{int(fourth):02x}",), 0, 1)


@cache
def _special_octets() -> frozenset[str]:
    """The first octets of addresses that may be special."""
    return frozenset(str(each) for each in range(256) if _is_special(IPv4Network((each << 24, 8))))


def _is_special(network: Network) -> bool:
    return any(each.version == network.version and each.overlaps(network) for each in _SPECIAL)


def _address(address: IPv4Address | IPv6Address, port: int = 0) -> Place:
    mapped = getattr(address, "ipv4_mapped", None)
    return _of_network(ip_network(mapped or address), port)


def _network(text: str) -> Place:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        host, _, path = text.partition("/")
        if path.isdigit() and address_of(host):
            raise RefusalError(NO_INDICATOR) from None  # a prefix that no address has
        return _url(text)  # without its scheme
    return _of_network(network)


def _of_network(network: Network, port: int = 0) -> Place:
    if network.prefixlen < _WIDEST[network.version]:
        raise RefusalError(TOO_WIDE)
    if _is_special(network):
        raise RefusalError(INSIDE)
    single = network.prefixlen == network.max_prefixlen
    value = str(network.network_address) if single else str(network)
    return Place(Kind.ADDRESS if single else Kind.NETWORK, value, _keys(network), port, network.num_addresses)


def _keys(network: Network) -> tuple[str, ...]:
    """The digits that its addresses begin with: of a prefix that ends inside a digit, one beginning for each choice."""
    whole = -(-network.prefixlen // 4)
    digits = network.network_address.packed.hex()[:whole]
    choices = 1 << (4 * whole - network.prefixlen)
    first = int(digits, 16)
    return tuple(f"{network.version}{first + choice:0{whole}x}" for choice in range(choices))


def _url(text: str) -> Place:
    """The host of a URL whose scheme is gone: that very name, or an address."""
    host = re.split(r"[/?#\\]", text, maxsplit=1)[0].rpartition("@")[2]
    return _with_port(host, exact=True)


def _with_port(text: str, *, exact: bool) -> Place:
    if found := _IPV4_PORT.fullmatch(text) or _IPV6_PORT.fullmatch(text):
        address = address_of(found[1])
        if address is None:
            raise RefusalError(NO_INDICATOR)
        return _address(address, _port(found[2]))
    if found := _NAME_PORT.fullmatch(text):
        return _name(found[1], exact=exact, port=_port(found[2]))
    address = address_of(text)
    return _address(address) if address else _name(text, exact=exact)


def _port(text: str | None) -> int:
    port = int(text or 0)
    if port > 65_535:  # noqa: PLR2004
        raise RefusalError(NO_INDICATOR)
    return port


def _name(text: str, *, exact: bool, port: int = 0) -> Place:
    name = _ascii(text.lower()).removeprefix("||").removesuffix("^").removeprefix("*").strip(".")
    if not name or len(name) > 253:  # noqa: PLR2004 RFC 1035
        raise RefusalError(NO_INDICATOR)
    if not all(_LABEL.fullmatch(each) for each in name.split(".")):
        raise RefusalError(NO_INDICATOR)
    return _checked(name, exact=exact, port=port)


def _checked(name: str, *, exact: bool, port: int) -> Place:
    """A name that is spelt right, unless it is no place of anybody's."""
    _, dot, last = name.rpartition(".")
    if last in _LOCAL_NAMES:
        raise RefusalError(LOCAL)
    if not exact and is_public_suffix(name):
        raise RefusalError(SUFFIX)
    if not dot:
        raise RefusalError(NO_DOT)
    if last.isdigit():  # no top-level domain has a name of digits
        raise RefusalError(NO_INDICATOR)
    return Place(Kind.HOST if exact else Kind.DOMAIN, name, (name,), port)


def _ascii(name: str) -> str:
    """A name as DNS has it: other letters in their spelling by ASCII."""
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        raise RefusalError(NO_INDICATOR) from None
