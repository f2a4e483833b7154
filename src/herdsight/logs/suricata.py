"""Suricata's EVE: JSON lines of many kinds of events in one file, of which flows, DNS and HTTP are read.

Each kind is a reading of its own over the whole file. Suricata's documentation, "EVE JSON Format", says what the fields
mean; DNS is written in three ways (version 1: a record for each answer; 2: one with all; 3: queries as a list, too).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import VARCHAR, file_number, objects, struct_type
from herdsight.logs.values import (
    BAD_JSON,
    OTHER_EVENT,
    address,
    all_null,
    cast,
    constants,
    moment,
    reason,
    rejection,
    string,
)
from herdsight.logs.web import url, web_result
from herdsight.responses import response_result
from herdsight.tables import DNS_ACTIVITY, FILE_COLUMN, NETWORK_SESSION, WEB_SESSION, ColumnType
from herdsight.trees import call, column, named, number, text

_LOOKED_AT = 50  # objects of the head
_TELLING = ("flow_id", "src_ip", "dest_ip", "in_iface", "pcap_cnt", "community_id", "stats")
_INT, _LONG = ColumnType.INT, ColumnType.LONG
_COMMON = dict.fromkeys(
    ("timestamp", "event_type", "flow_id", "src_ip", "src_port", "dest_ip", "dest_port", "proto", "app_proto", "host"),
    VARCHAR,
)

_Values = Mapping[str, Callable[[Scope], exp.Expr]]


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of event: its name, which is also the key of its own fields, these, and what they become."""

    name: str
    table: str
    fields: Mapping[str, str]  # by name, the type that it is read as
    time: exp.Expr
    values: _Values
    constants: Mapping[str, exp.Expr]

    def recognise(self, head: Head) -> Layout | None:
        """An EVE file: which kinds of events are in it shows only when all of it is read."""
        found = list(islice(head.objects(), _LOOKED_AT))
        if not any(_is_event(each) for each in found):
            return None
        columns = ("TimeGenerated", *self.values)
        return Layout(Shape.JSON_LINES, columns=columns, derived=self.constants)

    def read(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        """The events of this kind; all others are passed on to the other readings."""
        keys = {**_COMMON, self.name: struct_type(self.fields), "tcp": struct_type(_TCP)}
        records = objects(source, layout.shape, keys)
        no_json = reason(all_null([column(key) for key in keys]), BAD_JSON)
        fields = [named(_common(key), key) for key in _COMMON if key not in ("timestamp", "event_type")]
        own = [named(_member(self.name, each), f"own {each}") for each in self.fields]
        typed = exp.select(
            *fields,
            *own,
            named(_member("tcp", "tcp_flags_tc"), "answered"),
            named(moment(self.time.copy()), "TimeGenerated"),
            named(exp.Case(ifs=[no_json, self._other()]), "early"),
            named(file_number(source), FILE_COLUMN),
        ).from_(records)
        filled = (named(build(scope), name) for name, build in self.values.items())
        why = rejection(column("TimeGenerated"), scope.latest, (column("src_ip"), column("dest_ip")))
        kept = (column("TimeGenerated"), *filled, column(FILE_COLUMN), why)
        return exp.select(*kept).from_(typed.subquery("typed"))

    def _other(self) -> exp.If:
        """A kind's name is only repeated where it is a plain word: it is the sender's."""
        kind = string(column("event_type"))
        plain = call("regexp_full_match", kind.copy(), text("[a-z0-9_]{1,30}"))
        what = exp.Case(
            ifs=[exp.If(this=plain, true=call("concat", text(f"{OTHER_EVENT}: "), kind.copy()))],
            default=text(OTHER_EVENT),
        )
        return exp.If(this=exp.NEQ(this=kind, expression=text(self.name)), true=what)


def _is_event(record: Mapping[str, object]) -> bool:
    return "event_type" in record and "timestamp" in record and any(name in record for name in _TELLING)


def _member(key: str, name: str) -> exp.Expr:
    return exp.Dot(this=column(key), expression=exp.to_identifier(name, quoted=True))


def _common(key: str) -> exp.Expr:
    return address(string(column(key))) if key in ("src_ip", "dest_ip") else string(column(key))


def _own(name: str) -> exp.Expr:
    """A field of the kind's own, as text."""
    return column(f"own {name}")


# --- values ----------------------------------------------------------------------------------------------------------


def _always(tree: exp.Expr) -> Callable[[Scope], exp.Expr]:
    return lambda _scope: tree.copy()


def _text(name: str) -> Callable[[Scope], exp.Expr]:
    return _always(string(_own(name)))


def _number(name: str, kind: ColumnType = _LONG) -> Callable[[Scope], exp.Expr]:
    return _always(cast(_own(name), kind))


def _direction(scope: Scope) -> exp.Expr:
    return heading(column("src_ip"), column("dest_ip"), scope.local)


_ENDS: _Values = {
    "SrcIpAddr": _always(column("src_ip")),
    "SrcPortNumber": _always(cast(column("src_port"), _INT)),
    "DstIpAddr": _always(column("dest_ip")),
    "DstPortNumber": _always(cast(column("dest_port"), _INT)),
    "NetworkProtocol": _always(call("upper", column("proto"))),
    "DvcHostname": _always(column("host")),
}
_TCP = {"tcp_flags_tc": VARCHAR}
_SYN = 2  # the bit of TCP's flags


# --- flows -----------------------------------------------------------------------------------------------------------


def _answer() -> exp.Expr:
    """TCP was established where the server's flags have a SYN; of the rest, where anything came back."""
    silent = exp.EQ(this=cast(_own("pkts_toclient"), _LONG), expression=number(0))
    flags = cast(call("concat", text("0x"), column("answered")), _LONG)
    has_syn = exp.GT(this=exp.BitwiseAnd(this=flags, expression=number(_SYN)), expression=number(0))
    is_tcp = exp.EQ(this=call("upper", column("proto")), expression=text("TCP"))
    refused = exp.and_(is_tcp, exp.Not(this=exp.paren(has_syn)))
    return (
        exp.case()
        .when(silent, text("Failure"))
        .when(refused, text("Failure"))
        .when(exp.Is(this=_own("pkts_toclient"), expression=exp.null()), text("NA"))
        .else_(text("Success"))
    )


def _milliseconds() -> exp.Expr:
    length = exp.Sub(this=call("epoch_us", moment(_own("end"))), expression=call("epoch_us", moment(_own("start"))))
    return cast(exp.IntDiv(this=exp.paren(length), expression=number(1_000)), _INT)


FLOW = _Kind(
    name="flow",
    table=NETWORK_SESSION,
    fields=dict.fromkeys(
        (
            *("start", "end", "state", "reason", "pkts_toserver", "pkts_toclient"),
            *("bytes_toserver", "bytes_toclient"),
        ),
        VARCHAR,
    ),
    time=exp.Coalesce(this=_member("flow", "start"), expressions=[column("timestamp")]),
    values={
        **_ENDS,
        "EventEndTime": _always(moment(_own("end"))),
        "NetworkDuration": _always(_milliseconds()),
        "NetworkDirection": _direction,
        "NetworkApplicationProtocol": _always(call("replace", column("app_proto"), text("failed"), text(""))),
        "NetworkSessionId": _always(column("flow_id")),
        "SrcBytes": _number("bytes_toserver"),
        "DstBytes": _number("bytes_toclient"),
        "SrcPackets": _number("pkts_toserver"),
        "DstPackets": _number("pkts_toclient"),
        "EventOriginalResultDetails": _text("state"),
        "EventResult": _always(_answer()),
    },
    constants=constants("Suricata", "Suricata", "NetworkSession"),
)


# --- DNS -------------------------------------------------------------------------------------------------------------


def _answers() -> exp.Expr:
    """What was answered, between commas: the one answer of version 1, or all."""
    several = call("array_to_string", _members("answers", "rdata"), text(","))
    return exp.Coalesce(this=_own("rdata"), expressions=[several, text("")])


def _asked(name: str) -> Callable[[Scope], exp.Expr]:
    """What was asked: a field of its own, or of the first of the queries, as version 3 has it."""
    first = call("list_extract", _members("queries", name), number(1))
    return _always(exp.Coalesce(this=_own(name), expressions=[first, text("")]))


def _members(field: str, name: str) -> exp.Expr:
    """A member of each object in an array, as a list; null where there is no array."""
    found = call("json_extract_string", _own(field), text(f"$[*].{name}"))
    return exp.Case(ifs=[exp.If(this=call("json_valid", _own(field)), true=found)])


def _is_reply() -> exp.Expr:
    return exp.In(this=_own("type"), expressions=[text("answer"), text("response")])


def _asker(there: str, here: str) -> Callable[[Scope], exp.Expr]:
    """The end that asked: a reply may be told from the server's end, which has DNS's port."""
    is_servers = exp.and_(
        exp.EQ(this=column("src_port"), expression=text("53")), exp.NEQ(this=column("dest_port"), expression=text("53"))
    )
    return _always(exp.case().when(is_servers, column(there)).else_(column(here)))


def _port(there: str, here: str) -> Callable[[Scope], exp.Expr]:
    return lambda scope: cast(_asker(there, here)(scope), _INT)


DNS = _Kind(
    name="dns",
    table=DNS_ACTIVITY,
    fields=dict.fromkeys(("type", "id", "rrname", "rrtype", "rcode", "rdata", "answers", "queries"), VARCHAR),
    time=column("timestamp"),
    values={
        "SrcIpAddr": _asker("dest_ip", "src_ip"),
        "SrcPortNumber": _port("dest_port", "src_port"),
        "DstIpAddr": _asker("src_ip", "dest_ip"),
        "DstPortNumber": _port("src_port", "dest_port"),
        "NetworkProtocol": _ENDS["NetworkProtocol"],
        "DvcHostname": _ENDS["DvcHostname"],
        "DnsSessionId": _always(column("flow_id")),
        "TransactionIdHex": _always(call("printf", text("0x%04x"), cast(_own("id"), _LONG))),
        "DnsQuery": _asked("rrname"),
        "DnsQueryTypeName": _asked("rrtype"),
        "EventResultDetails": _text("rcode"),
        "DnsResponseName": _always(_answers()),
        "EventSubType": _always(exp.case().when(_is_reply(), text("response")).else_(text("request"))),
    },
    constants={
        **constants("Suricata", "Suricata", "Query"),
        "EventResult": response_result(column("EventResultDetails")),
    },
)


# --- HTTP ------------------------------------------------------------------------------------------------------------

HTTP = _Kind(
    name="http",
    table=WEB_SESSION,
    fields=dict.fromkeys(
        (
            *("hostname", "url", "http_user_agent", "http_content_type", "http_method", "protocol", "status"),
            *("length", "http_refer"),
        ),
        VARCHAR,
    ),
    time=column("timestamp"),
    values={
        **_ENDS,
        "NetworkDirection": _direction,
        "NetworkSessionId": _always(column("flow_id")),
        "Url": _always(url(string(_own("hostname")), string(_own("url")))),
        "HttpRequestMethod": _text("http_method"),
        "HttpHost": _text("hostname"),
        "HttpReferrer": _text("http_refer"),
        "HttpVersion": _always(call("replace", string(_own("protocol")), text("HTTP/"), text(""))),
        "HttpUserAgent": _text("http_user_agent"),
        "HttpContentType": _text("http_content_type"),
        "DstBytes": _number("length"),
        "EventResultDetails": _text("status"),
        "EventResult": _always(web_result(_own("status"))),
    },
    constants={
        **constants("Suricata", "Suricata", "HTTPsession"),
        "NetworkApplicationProtocol": text("HTTP"),
    },
)

FORMATS = tuple(Format(f"suricata-{kind.name}", kind.table, kind.recognise, kind.read) for kind in (FLOW, DNS, HTTP))
