"""Exports of ASIM's normalised tables, of DnsEvents, and of Sentinel's indicators."""

from collections.abc import Callable

from sqlglot import exp

from herdsight.logs.formats import Format
from herdsight.logs.microsoft.exports import Export
from herdsight.logs.values import BAD_ADDRESS, has_address_shape, reason
from herdsight.tables import (
    AUTHENTICATION,
    DHCP,
    DNS_ACTIVITY,
    DNS_EVENTS,
    INDICATORS,
    NETWORK_SESSION,
    WEB_SESSION,
)
from herdsight.trees import column, text

_TIME = ("TimeGenerated",)
_EVENT = ("EventVendor", "EventProduct", "EventSchema", "EventSchemaVersion", "EventResult", "EventType", "EventCount")
_ENDS = ("SrcIpAddr", "DstIpAddr", "SrcPortNumber", "DstPortNumber", "NetworkProtocol", "NetworkDirection")
_WEB = frozenset({"Url", "UrlOriginal", "HttpUserAgent", "HttpRequestMethod", "HttpHost"})
_SIGNED_IN = frozenset({"LogonMethod", "LogonProtocol", "TargetUsername", "TargetUserId"})
_LEASE = frozenset({"DhcpLeaseDuration", "DhcpSessionId", "DhcpCircuitId", "DhcpVendorClass", "RequestedIpAddr"})
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
    foreign=_WEB | _DNS | _SIGNED_IN | _LEASE,
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
    foreign=_DNS | _SIGNED_IN,
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
SIGN_IN = Export(
    table=AUTHENTICATION,
    times=_TIME,
    telling=frozenset((*_EVENT, "SrcIpAddr", "TargetHostname", "TargetIpAddr", *_SIGNED_IN)),
    decisive=_SIGNED_IN,
    required=(_TIME, ("TargetUsername", "TargetUserId", "SrcIpAddr")),
    wanted=("SrcIpAddr", "TargetUsername", "EventResult"),
    reasons=_addressed("SrcIpAddr"),
    foreign=_DNS | _LEASE,
)
LEASE = Export(
    table=DHCP,
    times=_TIME,
    telling=frozenset((*_EVENT, "SrcIpAddr", "SrcHostname", *_LEASE)),
    decisive=_LEASE,
    required=(_TIME, ("SrcIpAddr",)),
    wanted=("SrcHostname", "SrcMacAddr", "DhcpLeaseDuration"),
    reasons=_addressed("SrcIpAddr"),
)
INDICATOR = Export(
    table=INDICATORS,
    times=_TIME,
    telling=frozenset({"ObservableKey", "ObservableValue", "Pattern", "ValidFrom", "ValidUntil", "IsActive"}),
    decisive=frozenset({"ObservableValue"}),
    required=(_TIME, ("ObservableKey",), ("ObservableValue",)),
    wanted=("IsActive", "ValidUntil", "Confidence"),
    reasons=lambda _: [],
)

FORMATS = tuple(
    Format(name, export.table, export.recognise, export.read)
    for name, export in (
        ("asim-network-session", NETWORK),
        ("asim-dns", DNS),
        ("asim-web-session", WEB),
        ("dns-events", WINDOWS_DNS),
        ("asim-authentication", SIGN_IN),
        ("asim-dhcp", LEASE),
        ("threat-intel-indicators", INDICATOR),
    )
)
