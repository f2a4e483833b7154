"""Which networks an address lies in, as trees that compare text: no engine needs a type for addresses."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from sqlglot import exp

from herdsight.trees import call, number, text

Network: TypeAlias = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(each) for each in texts)


# RFC 1918, RFC 3927 link-local, RFC 1122 loopback, RFC 6598 carrier-grade NAT; RFC 4193, RFC 4291.
PRIVATE = _networks(
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "100.64.0.0/10"),
    *("fc00::/7", "fe80::/10", "::1/128"),
)
# Sent to many: the receivers are on the sender's own network, or were asked by it.
MANY = _networks("224.0.0.0/4", "255.255.255.255/32", "ff00::/8")


def address_type(address: exp.Expr) -> exp.Expr:
    """The RemoteIPType of an address's text: Public, Private, Reserved and so on; "" of no address."""
    return call("kql_address_type", address)


def inside(address: exp.Expr, local: Sequence[Network]) -> exp.Expr:
    """Whether an address is inside: in one of the networks, or private where none is given."""
    return within(address, local or PRIVATE)


def to_many(address: exp.Expr) -> exp.Expr:
    """Whether an address is no host's own, but a group's or a broadcast."""
    return within(address, MANY)


def direction(from_inside: exp.Expr, to_inside: exp.Expr, to_group: exp.Expr) -> exp.Expr:
    """ASIM's NetworkDirection, from where the source and the destination are.

    What the inside sends to a group stays there; what comes from outside to a group is for no host of ours.
    """
    outgoing = exp.case().when(exp.or_(to_inside.copy(), to_group), text("Local")).else_(text("Outbound"))
    incoming = exp.case().when(to_inside, text("Inbound")).else_(text("External"))
    return exp.case().when(from_inside, outgoing).else_(incoming)


def heading(source: exp.Expr, destination: exp.Expr, local: Sequence[Network]) -> exp.Expr:
    """ASIM's NetworkDirection between two addresses."""
    return direction(inside(source, local), inside(destination, local), to_many(destination.copy()))


def within(address: exp.Expr, networks: Sequence[Network]) -> exp.Expr:
    """Whether the text of an address lies in one of the networks; false for what is no address.

    IPv4 networks become one anchored pattern, which costs half of comparing prefixes one by one. IPv6 text is spelled
    out first, which costs only the rows that hold a colon.
    """
    patterns = [_pattern(each) for each in networks if isinstance(each, IPv4Network)]
    narrow = call("regexp_matches", address.copy(), text(f"^(?:{'|'.join(patterns)})")) if patterns else exp.false()
    wide = exp.or_(*(_within_v6(address, each) for each in networks if isinstance(each, IPv6Network)), exp.false())
    has_colon = call("contains", address.copy(), text(":"))
    return exp.Case(ifs=[exp.If(this=has_colon, true=wide)], default=narrow)


_OCTET = 8
_NIBBLE = 4
_HEXTET = 4
_HEXTETS = 8


def _pattern(network: IPv4Network) -> str:
    """What the text of an address in the network begins with: whole octets, and a choice of the next one."""
    whole, rest = divmod(network.prefixlen, _OCTET)
    octets = network.network_address.packed
    begin = r"\.".join(str(octet) for octet in octets[:whole])
    if whole == len(octets):
        return f"{begin}$"
    choice = "|".join(map(str, range(octets[whole], octets[whole] + 2 ** (_OCTET - rest)))) if rest else r"\d+"
    dot = r"\." if begin else ""
    end = "$" if whole == len(octets) - 1 else r"\."
    return f"{begin}{dot}(?:{choice}){end}"


def _within_v6(address: exp.Expr, network: IPv6Network) -> exp.Expr:
    """The first digits of the address, as a pattern: of its text, or of its text spelled out."""
    digits = network.network_address.exploded.replace(":", "")
    whole, rest = divmod(network.prefixlen, _NIBBLE)
    low = int(digits[whole], 16) if rest else 0
    choice = "".join(f"{digit:x}" for digit in range(low, low + 2 ** (_NIBBLE - rest)))
    pattern = f"(?i)^{digits[:whole]}[{choice}]" if rest else f"(?i)^{digits[:whole]}"
    first = digits[0] if whole else choice
    # A first group that begins with no zero has all its four digits in any way to write it.
    as_written = network.prefixlen and whole + bool(rest) <= _HEXTET and "0" not in first
    return call("regexp_matches", address.copy() if as_written else _spelled_out(address), text(pattern))


def digits(address: exp.Expr) -> exp.Expr:
    """The version and the hexadecimal digits of an address's text, 9 or 33 of them; null of no address."""
    octets = (call("split_part", address.copy(), text("."), number(place)) for place in range(1, 5))
    numbers = (exp.TryCast(this=octet, to=exp.DataType.build("INT")) for octet in octets)
    narrow = call("printf", text("4%02x%02x%02x%02x"), *numbers)
    wide = call("concat", text("6"), _spelled_out(address))
    has_colon = call("contains", address.copy(), text(":"))
    return exp.Case(ifs=[exp.If(this=has_colon, true=wide)], default=narrow)


def _spelled_out(address: exp.Expr) -> exp.Expr:
    """The 32 hexadecimal digits of an IPv6 text: `::` filled up, each group with its leading zeros."""
    bare = call("lower", call("split_part", address.copy(), text("%"), number(1)))
    left = _groups(call("split_part", bare, text("::"), number(1)))
    right = _groups(call("split_part", bare.copy(), text("::"), number(2)))
    given = exp.Add(this=call("len", left), expression=call("len", right))
    gap = call("greatest", exp.Sub(this=number(_HEXTETS), expression=exp.paren(given)), number(0))
    return call(
        "concat",
        call("array_to_string", left.copy(), text("")),
        call("repeat", text("0000"), exp.Cast(this=gap, to=exp.DataType.build("BIGINT"))),
        call("array_to_string", right.copy(), text("")),
    )


def _groups(part: exp.Expr) -> exp.Expr:
    """The groups of one side, four digits each; none for an empty side."""
    group = exp.to_identifier("g")
    padded = exp.Lambda(this=call("lpad", exp.column("g"), number(4), text("0")), expressions=[group])
    split = call(
        "list_filter",
        call("string_split", part, text(":")),
        exp.Lambda(this=exp.NEQ(this=exp.column("g"), expression=text("")), expressions=[group.copy()]),
    )
    return call("list_transform", split, padded)
