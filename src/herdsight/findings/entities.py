"""Whether what a finding names is what somebody meant: addresses in networks, names under domains."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text spells; None where it spells none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def lies_in(text: str, networks: Sequence[Network]) -> bool:
    """Whether a text spells an address in one of the networks."""
    address = address_of(text)
    return address is not None and any(address in network for network in networks)


def is_under(name: str, domain: str) -> bool:
    """Whether a name is a domain's or under it, in any case, with or without dots at its ends."""
    name, domain = name.lower().rstrip("."), domain.lower().strip(".")
    return name == domain or name.endswith(f".{domain}")
