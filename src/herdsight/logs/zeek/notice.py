"""Zeek's notice.log: one line, one thing that a script of Zeek's found worth telling."""

from sqlglot import exp

from herdsight.logs.values import cast, port
from herdsight.logs.zeek.records import BEGIN, PROTOCOL, Protocol, additional, computed, copied, elements
from herdsight.logs.zeek.reports import DIRECTION, REJECTIONS, of_reports
from herdsight.tables import NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, text

_DROPPED = "ACTION_DROP"


def _where_dropped(yes: str, no: str) -> exp.Expr:
    was = call("contains", column("actions"), text(_DROPPED))
    return exp.Case(ifs=[exp.If(this=was, true=text(yes))], default=text(no))


def _port(name: str) -> exp.Expr:
    return port(column(name))


# A notice on a host and not on a connection has its ends in fields of their own, so one field of each pair is set.
NOTICE = Protocol(
    path="notice",
    table=NETWORK_SESSION,
    fields=(
        "src",
        "dst",
        "note",
        "msg",
        "sub",
        "p",
        "n",
        "peer_descr",
        "actions",
        "fuid",
        "file_mime_type",
        "file_desc",
    ),
    spellings={
        "orig_h": ("id.orig_h", "id_orig_h"),
        "resp_h": ("id.resp_h", "id_resp_h"),
    },
    instead={"orig_h": "src", "resp_h": "dst"},
    vectors=("actions",),
    required=("ts", "note"),
    ends=(),
    further=REJECTIONS,
    columns={
        "TimeGenerated": BEGIN,
        "SrcIpAddr": computed(column("orig_h")),
        "SrcPortNumber": computed(_port("orig_p")),
        "DstIpAddr": computed(column("resp_h")),
        "DstPortNumber": computed(exp.Coalesce(this=_port("resp_p"), expressions=[_port("p")])),
        "NetworkProtocol": PROTOCOL,
        "NetworkSessionId": copied("uid"),
        "NetworkDirection": DIRECTION,
        "NetworkRuleName": copied("note"),
        "EventOriginalSubType": copied("note"),
        "EventMessage": copied("msg"),
        "DvcAction": computed(_where_dropped("Drop", ""), "actions"),
        "EventResult": computed(_where_dropped("Failure", "Success")),
        "AdditionalFields": additional(
            *("sub", "peer_descr", "fuid", "file_mime_type", "file_desc"),
            actions=exp.Nullif(this=elements("actions"), expression=text("")),
            n=cast(column("n"), ColumnType.LONG),
        ),
    },
    derived={name: tree for name, tree in of_reports("notice").items() if name != "EventResult"},
)

FORMATS = NOTICE.formats()
