"""Zeek's dhcp.log: one line, the messages by which a host was given an address.

Logs before Zeek 2.6 have a line for each lease that a server granted, with other names for its fields.
"""

from sqlglot import exp

from herdsight.logs.dhcp import kind, result, some
from herdsight.logs.values import BAD_ADDRESS, cast, constants, has_address_shape, reason
from herdsight.logs.zeek.records import BEGIN, Protocol, additional, computed, copied, elements
from herdsight.tables import DHCP as DHCP_EVENT
from herdsight.tables import ColumnType
from herdsight.trees import call, column, number, text

_INT = ColumnType.INT
_MILLISECONDS = 1000  # of a second
_GRANTED = "ACK"  # what the old logs' lines stand for


def _messages() -> exp.Expr:
    said = exp.Nullif(this=elements("msg_types"), expression=text(""))
    granted = exp.Case(
        ifs=[exp.If(this=exp.NEQ(this=column("trans_id"), expression=text("")), true=text(_GRANTED))], default=text("")
    )
    return exp.Coalesce(this=said, expressions=[granted])


def _is_renewal() -> exp.Expr:
    """Who has an address asks for it again, without looking for servers."""
    messages = call("upper", elements("msg_types"))
    return exp.and_(
        call("contains", messages, text("REQUEST")), exp.Not(this=call("contains", messages.copy(), text("DISCOVER")))
    )


def _domain_type() -> exp.Expr:
    there = exp.NEQ(this=column("domain"), expression=text(""))
    return exp.Case(ifs=[exp.If(this=there, true=text("FQDN"))], default=text(""))


def _seconds(field: str, each: int) -> exp.Expr:
    """An interval as a whole number of its parts."""
    return cast(exp.Mul(this=cast(column(field), ColumnType.REAL), expression=number(each)), _INT)


def _is_bad(name: str) -> exp.Expr:
    there = exp.NEQ(this=column(name), expression=text(""))
    return exp.and_(there, exp.Not(this=exp.paren(has_address_shape(column(name)))))


_ADDRESSES = ("orig_h", "client_addr", "assigned_addr", "requested_addr", "server_addr")
_LEASED = some(column("assigned_addr"), column("client_addr"), column("orig_h"))

DHCP = Protocol(
    path="dhcp",
    table=DHCP_EVENT,
    fields=(
        *("uids", "client_addr", "server_addr", "mac", "host_name", "client_fqdn", "domain", "requested_addr"),
        *("assigned_addr", "lease_time", "client_message", "server_message", "msg_types", "duration", "trans_id"),
    ),
    spellings={
        "orig_h": ("id.orig_h", "id_orig_h"),
        "resp_h": ("id.resp_h", "id_resp_h"),
        "assigned_addr": ("assigned_addr", "assigned_ip"),
        "server_addr": ("server_addr", "id.resp_h", "id_resp_h"),
        "uids": ("uids", "uid"),
    },
    vectors=("uids", "msg_types"),
    required=("ts", "mac"),
    ends=(),
    addresses=_ADDRESSES,
    further=(reason(exp.or_(*map(_is_bad, _ADDRESSES)), BAD_ADDRESS),),
    columns={
        "TimeGenerated": BEGIN,
        "SrcIpAddr": computed(_LEASED),
        "SrcMacAddr": copied("mac"),
        "SrcHostname": copied("host_name"),
        "SrcFQDN": copied("client_fqdn"),
        "SrcDomain": copied("domain"),
        "SrcDomainType": computed(_domain_type(), "domain"),
        "RequestedIpAddr": copied("requested_addr"),
        "DhcpLeaseDuration": computed(_seconds("lease_time", 1), "lease_time"),
        "DhcpSessionDuration": computed(_seconds("duration", _MILLISECONDS), "duration"),
        "DhcpSessionId": computed(
            exp.Coalesce(this=exp.Nullif(this=elements("uids"), expression=text("")), expressions=[column("trans_id")])
        ),
        "EventType": computed(kind(_messages(), _is_renewal())),
        "EventResult": computed(result(_messages())),
        "EventOriginalType": computed(elements("msg_types"), "msg_types"),
        "EventMessage": copied("server_message"),
        "AdditionalFields": additional("server_addr", "client_addr", "client_message", "trans_id"),
    },
    derived={
        **{name: tree for name, tree in constants("Zeek", "Zeek", "").items() if name != "EventType"},
        "EventSchema": text("DhcpEvent"),
    },
)

FORMATS = DHCP.formats()
