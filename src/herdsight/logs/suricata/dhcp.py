"""Suricata's events of DHCP: each message is one, or, as it is set up by default, each that grants a lease."""

from sqlglot import exp

from herdsight.logs.bags import bag, said
from herdsight.logs.dhcp import NO_ADDRESS, kind, result, some
from herdsight.logs.suricata.events import ENDS, INT, TIMESTAMP, Kind, always, number_of, own, words
from herdsight.logs.values import address, string
from herdsight.trees import column, text

_MESSAGE = string(own("dhcp", "dhcp_type"))
_CLIENT = string(own("dhcp", "client_ip"))


def _is_renewal() -> exp.Expr:
    """Who has an address says so."""
    none = exp.In(this=_CLIENT.copy(), expressions=[text(""), text(NO_ADDRESS)])
    return exp.Not(this=exp.paren(none))


def _server() -> exp.Expr:
    """Who sent a reply."""
    is_reply = exp.EQ(this=own("dhcp", "type"), expression=text("reply"))
    return exp.Case(ifs=[exp.If(this=is_reply, true=said(column("src_ip")))])


DHCP = Kind(
    name="dhcp",
    fields={
        "dhcp": (
            *("type", "id", "client_mac", "assigned_ip", "client_ip", "dhcp_type", "hostname", "requested_ip"),
            *("lease_time", "client_id", "vendor_class_identifier", "relay_ip"),
        )
    },
    time=TIMESTAMP,
    values={
        "DvcHostname": ENDS["DvcHostname"],
        "SrcIpAddr": always(address(some(own("dhcp", "assigned_ip"), _CLIENT))),
        "SrcMacAddr": words(own("dhcp", "client_mac")),
        "SrcHostname": words(own("dhcp", "hostname")),
        "RequestedIpAddr": always(address(some(own("dhcp", "requested_ip")))),
        "DhcpLeaseDuration": number_of(own("dhcp", "lease_time"), INT),
        "DhcpSessionId": words(own("dhcp", "id")),
        "DhcpVendorClass": words(own("dhcp", "vendor_class_identifier")),
        "EventType": always(kind(_MESSAGE, _is_renewal())),
        "EventResult": always(result(_MESSAGE)),
        "EventOriginalType": always(_MESSAGE),
        "AdditionalFields": always(
            bag(
                {
                    "server_addr": _server(),
                    "client_addr": exp.Nullif(this=some(_CLIENT), expression=text("")),
                    "client_id": said(own("dhcp", "client_id")),
                    "relay_addr": exp.Nullif(this=some(own("dhcp", "relay_ip")), expression=text("")),
                }
            )
        ),
    },
)
