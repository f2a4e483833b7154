"""Zeek's irc.log: one line, one command of a client on IRC, which bots of old are led by.

It is a report on a session, which conn.log has: ASIM knows no table of chats.
"""

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.formats import Scope
from herdsight.logs.values import cast
from herdsight.logs.zeek.records import ENDS, Filled, Protocol, additional, computed, copied
from herdsight.logs.zeek.reports import of_reports
from herdsight.tables import NETWORK_SESSION, ColumnType
from herdsight.trees import column, text


def _direction(scope: Scope) -> exp.Expr:
    return heading(column("orig_h"), column("resp_h"), scope.local)


def _who() -> exp.Expr:
    return exp.Case(
        ifs=[exp.If(this=exp.NEQ(this=column("nick"), expression=text("")), true=column("nick"))],
        default=column("user"),
    )


IRC = Protocol(
    path="irc",
    table=NETWORK_SESSION,
    fields=("nick", "user", "command", "value", "addl", "dcc_file_name", "dcc_file_size", "dcc_mime_type", "fuid"),
    columns={
        **ENDS,
        "NetworkSessionId": copied("uid"),
        "NetworkDirection": Filled((), _direction),
        "SrcUsername": computed(_who()),
        "EventOriginalSubType": copied("command"),
        "AdditionalFields": additional(
            *("nick", "user", "command", "value", "addl", "dcc_file_name", "dcc_mime_type", "fuid"),
            dcc_file_size=cast(column("dcc_file_size"), ColumnType.LONG),
        ),
    },
    derived={
        **of_reports("irc"),
        "NetworkProtocol": text("TCP"),
        "NetworkApplicationProtocol": text("IRC"),
    },
)

FORMATS = IRC.formats()
