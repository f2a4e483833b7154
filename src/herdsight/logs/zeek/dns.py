"""Zeek's dns.log: one line, one query with its answer."""

from sqlglot import exp

from herdsight.logs.values import cast, constants
from herdsight.logs.zeek.records import ENDS, PROTOCOL, Protocol, computed, copied, elements, flag, number_of
from herdsight.responses import response_result
from herdsight.tables import DNS_ACTIVITY, ColumnType
from herdsight.trees import call, column, number, text

_INT = ColumnType.INT
_MILLISECONDS = 1000  # of a second

DNS = Protocol(
    path="dns",
    table=DNS_ACTIVITY,
    fields=(
        *("trans_id", "rtt", "query", "qclass", "qclass_name", "qtype", "qtype_name", "rcode", "rcode_name"),
        *("AA", "TC", "RD", "RA", "answers"),
    ),
    vectors=("answers",),
    columns={
        **ENDS,
        "NetworkProtocol": PROTOCOL,
        "DnsSessionId": copied("uid"),
        "TransactionIdHex": computed(
            call("printf", text("0x%04x"), cast(column("trans_id"), ColumnType.LONG)), "trans_id"
        ),
        "DnsNetworkDuration": computed(
            cast(exp.Mul(this=cast(column("rtt"), ColumnType.REAL), expression=number(_MILLISECONDS)), _INT), "rtt"
        ),
        "DnsQuery": copied("query"),
        "DnsQueryClass": number_of("qclass", _INT),
        "DnsQueryClassName": copied("qclass_name"),
        "DnsQueryType": number_of("qtype", _INT),
        "DnsQueryTypeName": copied("qtype_name"),
        "DnsResponseCode": number_of("rcode", _INT),
        "EventResultDetails": copied("rcode_name"),
        "DnsFlagsAuthoritative": flag("AA"),
        "DnsFlagsTruncated": flag("TC"),
        "DnsFlagsRecursionDesired": flag("RD"),
        "DnsFlagsRecursionAvailable": flag("RA"),
        "DnsResponseName": computed(elements("answers"), "answers"),
    },
    derived={
        **constants("Zeek", "Zeek", "Query"),
        "EventSubType": exp.case()
        .when(column("EventResultDetails").neq(text("")), text("response"))
        .else_(text("request")),
        "EventResult": response_result(column("EventResultDetails")),
    },
)

FORMATS = DNS.formats()
