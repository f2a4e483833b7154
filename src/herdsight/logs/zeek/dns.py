"""Zeek's dns.log: one line, one query with its answer."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from herdsight.logs.values import cast, constants
from herdsight.logs.zeek.records import ENDS, PROTOCOL, Protocol, computed, copied, elements, flag, number_of
from herdsight.logs.zeek.writing import WrittenField, write_log
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

# What `write` writes; unset is what ASIM has no column for.
_WRITTEN = tuple(
    WrittenField(*each)
    for each in (
        ("ts", "time", "TimeGenerated"),
        ("uid", "string", "DnsSessionId"),
        ("id.orig_h", "addr", "SrcIpAddr"),
        ("id.orig_p", "port", "SrcPortNumber"),
        ("id.resp_h", "addr", "DstIpAddr"),
        ("id.resp_p", "port", "DstPortNumber"),
        ("proto", "enum", "NetworkProtocol"),
        ("trans_id", "hex", "TransactionIdHex"),
        ("rtt", "interval", "DnsNetworkDuration"),
        ("query", "string", "DnsQuery"),
        ("qclass", "count", "DnsQueryClass"),
        ("qclass_name", "string", "DnsQueryClassName"),
        ("qtype", "count", "DnsQueryType"),
        ("qtype_name", "string", "DnsQueryTypeName"),
        ("rcode", "count", "DnsResponseCode"),
        ("rcode_name", "string", "EventResultDetails"),
        ("AA", "bool", "DnsFlagsAuthoritative"),
        ("TC", "bool", "DnsFlagsTruncated"),
        ("RD", "bool", "DnsFlagsRecursionDesired"),
        ("RA", "bool", "DnsFlagsRecursionAvailable"),
        ("answers", "vector[string]", "DnsResponseName"),
    )
)


def write(table: pa.Table, path: Path) -> None:
    r"""Write queries, in ASimDnsActivityLogs' columns, as a dns.log; packed where the name ends in .gz.

    Columns that the table lacks are unset. A tab or a line end in a value is written as Zeek does, as \x09 or \x0a.
    """
    write_log(table, path, "dns", _WRITTEN)


_TABBED, *_OTHERS = DNS.formats()
FORMATS = (replace(_TABBED, write=write), *_OTHERS)
