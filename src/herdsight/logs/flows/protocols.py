"""IANA's protocol numbers: the names that sessions have for what IP carries."""

from collections.abc import Mapping

from sqlglot import exp

from herdsight.trees import call, text

# Numbers as they are written, and names; any other number stays one. ICMPv6 is ICMP, as in Zeek's sessions. What most
# flows are comes first, since an engine asks in this order.
NAMES: Mapping[str, str] = {
    "6": "TCP",
    "17": "UDP",
    "1": "ICMP",
    "58": "ICMP",
    "0": "HOPOPT",
    "2": "IGMP",
    "4": "IPV4",
    "33": "DCCP",
    "41": "IPV6",
    "46": "RSVP",
    "47": "GRE",
    "50": "ESP",
    "51": "AH",
    "88": "EIGRP",
    "89": "OSPF",
    "94": "IPIP",
    "103": "PIM",
    "112": "VRRP",
    "115": "L2TP",
    "132": "SCTP",
    "136": "UDPLITE",
}
_SAME: Mapping[str, str] = {"ipv6-icmp": "ICMP", "icmp6": "ICMP", "icmpv6": "ICMP", "rtp": "UDP", "rtcp": "UDP"}
ICMP = ("icmp", *(name for name, meant in (*NAMES.items(), *_SAME.items()) if meant == "ICMP"))


def transport(protocol: exp.Expr) -> exp.Expr:
    """NetworkProtocol, of a protocol in lower case: IANA's number, or a name."""
    known = {"tcp": "TCP", "udp": "UDP", **NAMES, **_SAME}
    cases = [exp.If(this=text(written), true=text(name)) for written, name in known.items()]
    return exp.Case(this=protocol, ifs=cases, default=call("upper", protocol.copy()))


def protocol_name(words: exp.Expr) -> exp.Expr:
    """NetworkProtocol, of a protocol as it is written, in any case."""
    return transport(call("lower", exp.Trim(this=words)))
