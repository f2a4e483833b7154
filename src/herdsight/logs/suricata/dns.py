"""Suricata's events of DNS.

They are written in three ways: a record for each answer (version 1), one with all answers (2), and one whose queries
are a list, too (3).
"""

from sqlglot import exp

from herdsight.logs.suricata.events import ENDS, LONG, TIMESTAMP, Kind, Value, always, own, words
from herdsight.logs.values import cast, port
from herdsight.trees import call, column, number, text

_SERVER = "53"  # DNS's port


def _answers() -> exp.Expr:
    """What was answered, between commas: the one answer of version 1, or all."""
    several = call("array_to_string", _members("answers", "rdata"), text(","))
    return exp.Coalesce(this=own("dns", "rdata"), expressions=[several, text("")])


def _asked(name: str) -> Value:
    """What was asked: a field of its own, or of the first of the queries, as version 3 has it."""
    first = call("list_extract", _members("queries", name), number(1))
    return always(exp.Coalesce(this=own("dns", name), expressions=[first, text("")]))


def _members(field: str, name: str) -> exp.Expr:
    """A member of each object in an array, as a list; null where there is no array."""
    found = call("json_extract_string", own("dns", field), text(f"$[*].{name}"))
    return exp.Case(ifs=[exp.If(this=call("json_valid", own("dns", field)), true=found)])


def _is_reply() -> exp.Expr:
    return exp.In(this=own("dns", "type"), expressions=[text("answer"), text("response")])


def _asker(there: str, here: str) -> exp.Expr:
    """The end that asked: a reply may be told from the server's end, which has DNS's port."""
    is_servers = exp.and_(
        exp.EQ(this=column("src_port"), expression=text(_SERVER)),
        exp.NEQ(this=column("dest_port"), expression=text(_SERVER)),
    )
    return exp.case().when(is_servers, column(there)).else_(column(here))


DNS = Kind(
    name="dns",
    fields={"dns": ("type", "id", "rrname", "rrtype", "rcode", "rdata", "answers", "queries")},
    time=TIMESTAMP,
    values={
        "SrcIpAddr": always(_asker("dest_ip", "src_ip")),
        "SrcPortNumber": always(port(_asker("dest_port", "src_port"))),
        "DstIpAddr": always(_asker("src_ip", "dest_ip")),
        "DstPortNumber": always(port(_asker("src_port", "dest_port"))),
        "NetworkProtocol": ENDS["NetworkProtocol"],
        "DvcHostname": ENDS["DvcHostname"],
        "DnsSessionId": always(column("flow_id")),
        "TransactionIdHex": always(call("printf", text("0x%04x"), cast(own("dns", "id"), LONG))),
        "DnsQuery": _asked("rrname"),
        "DnsQueryTypeName": _asked("rrtype"),
        "EventResultDetails": words(own("dns", "rcode")),
        "DnsResponseName": always(_answers()),
        "EventSubType": always(exp.case().when(_is_reply(), text("response")).else_(text("request"))),
    },
)
