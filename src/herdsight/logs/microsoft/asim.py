"""Exports of ASIM's normalised tables of network sessions, DNS and web sessions, and of DnsEvents."""

from collections.abc import Callable

from sqlglot import exp

from herdsight.logs.formats import Format
from herdsight.logs.microsoft.exports import Export
from herdsight.logs.values import BAD_ADDRESS, has_address_shape, reason
from herdsight.tables import DNS_ACTIVITY, DNS_EVENTS, NETWORK_SESSION, WEB_SESSION
from herdsight.trees import column, text

_TIME = ("TimeGenerated",)
_EVENT = ("EventVendor", "EventProduct", "EventSchema", "EventSchemaVersion", "EventResult", "EventType", "EventCount")
_ENDS = ("SrcIpAddr", "DstIpAddr", "SrcPortNumber", "DstPortNumber", "NetworkProtocol", "NetworkDirection")
_WEB = frozenset({"Url", "UrlOriginal", "HttpUserAgent", "HttpRequestMethod", "HttpHost"})
_DNS = frozenset({"DnsQuery", "DnsQueryType", "DnsQueryTypeName", "DnsResponseCode", "DnsResponseName"})


def _addressed(*names: str) -> Callable[[tuple[str, ...]], list[exp.If]]:
    """A row whose address is there and is none is rejected."""

    def reasons(columns: tuple[str, ...]) -> list[exp.If]:
        bad = [
            exp.and_(
                exp.NEQ(this=column(name), expression=text("")),
                exp.Not(this=exp.paren(has_address_shape(column(name)))),
            )
            for name in names
            if name in columns
        ]
        return [reason(exp.or_(*bad), BAD_ADDRESS)] if bad else []

    return reasons


NETWORK = Export(
    table=NETWORK_SESSION,
    times=_TIME,
    telling=frozenset((*_EVENT, *_ENDS)),
    decisive=frozenset({"SrcIpAddr", "DstIpAddr"}),
    required=(_TIME, ("SrcIpAddr",), ("DstIpAddr",)),
    wanted=("DstPortNumber", "NetworkProtocol", "NetworkDirection", "SrcBytes", "DstBytes", "EventResult"),
    reasons=_addressed("SrcIpAddr", "DstIpAddr"),
    foreign=_WEB | _DNS,
)
DNS = Export(
    table=DNS_ACTIVITY,
    times=_TIME,
    telling=frozenset((*_EVENT, *_ENDS, *_DNS)),
    decisive=frozenset({"DnsQuery"}),
    required=(_TIME, ("DnsQuery",)),
    wanted=("SrcIpAddr", "DnsQueryTypeName", "EventResultDetails", "DnsResponseName"),
    reasons=_addressed("SrcIpAddr"),
)
WEB = Export(
    table=WEB_SESSION,
    times=_TIME,
    telling=frozenset((*_EVENT, *_ENDS, *_WEB)),
    decisive=_WEB,
    required=(_TIME, ("Url", "HttpHost")),
    wanted=("SrcIpAddr", "DstIpAddr", "HttpUserAgent", "EventResultDetails"),
    reasons=_addressed("SrcIpAddr", "DstIpAddr"),
    foreign=_DNS,
)
WINDOWS_DNS = Export(
    table=DNS_EVENTS,
    times=_TIME,
    telling=frozenset({"Computer", "ClientIP", "Name", "QueryType", "ResultCode", "IPAddresses", "SubType", "EventId"}),
    decisive=frozenset({"ClientIP"}),
    required=(_TIME, ("ClientIP",), ("Name",)),
    wanted=("QueryType", "ResultCode", "IPAddresses"),
    reasons=_addressed("ClientIP"),
)

FORMATS = tuple(
    Format(name, export.table, export.recognise, export.read)
    for name, export in (
        ("asim-network-session", NETWORK),
        ("asim-dns", DNS),
        ("asim-web-session", WEB),
        ("dns-events", WINDOWS_DNS),
    )
)
