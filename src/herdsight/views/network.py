"""Network sessions: what Defender tells of them, what a firewall does, and the hub between these.

Some events of the hub are reports on sessions (ASIM's type IDS: alerts, notices) and no sessions: Defender tells of
them as of a signature that it inspected, and they are not in a firewall's log, whose rows queries count as requests.
"""

from collections.abc import Mapping, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.addresses import Network, address_type, direction, inside, to_many
from herdsight.tables import COMMON_SECURITY_LOG, DEVICE_NETWORK_EVENTS, NETWORK_SESSION, ColumnType
from herdsight.trees import text
from herdsight.views.parts import (
    Event,
    Family,
    Part,
    Rows,
    Values,
    as_they_are,
    chosen,
    either,
    first,
    near,
    one_of,
    part_column,
)

# --- sessions as other tables ---------------------------------------------------------------------------------------


def _is_report(session: Event) -> exp.Expr:
    return exp.EQ(this=session["EventType"], expression=text("IDS"))


def _as_device_events(session: Event) -> tuple[Rows, ...]:
    direction = session["NetworkDirection"]
    outgoing = one_of(direction, "Outbound", "Local")
    # A group address is no host, and has no device of its own.
    incoming = exp.and_(one_of(direction.copy(), "Inbound", "Local"), exp.Not(this=to_many(session["DstIpAddr"])))
    return (
        Rows(outgoing, _device_event(session, near="Src", far="Dst", actions=_OUTGOING)),
        Rows(incoming, _device_event(session, near="Dst", far="Src", actions=_INCOMING)),
    )


# What Defender calls a connection, by how it ended and from which end it is told. A refused or unanswered inbound one
# is an attempt; one of which only the middle was seen was found.
_OUTGOING = {"Success": "ConnectionSuccess", "Failure": "ConnectionFailed"}
_INCOMING = {"Success": "InboundConnectionAccepted", "Failure": "ConnectionAttempt"}


def _device_event(session: Event, near: str, far: str, actions: Mapping[str, str]) -> Values:
    ends = {
        "LocalIP": f"{near}IpAddr",
        "LocalPort": f"{near}PortNumber",
        "RemoteIP": f"{far}IpAddr",
        "RemotePort": f"{far}PortNumber",
    }
    is_local = exp.EQ(this=session["NetworkDirection"], expression=text("Local"))
    return {
        "TimeGenerated": session["TimeGenerated"],
        "Timestamp": session["TimeGenerated"],
        **{name: session[source] for name, source in ends.items()},
        "DeviceName": first(session[f"{near}Hostname"], session[f"{near}IpAddr"]),
        "ActionType": _action(session, actions),
        "Protocol": chosen(session["NetworkProtocol"], {"TCP": "Tcp", "UDP": "Udp", "ICMP": "Icmp"}),
        "LocalIPType": _inside_type(session[f"{near}IpAddr"], exp.true()),
        "RemoteIPType": _inside_type(session[f"{far}IpAddr"], is_local),
        "AdditionalFields": _additional_fields(session),
    }


def _inside_type(address: exp.Expr, is_inside: exp.Expr) -> exp.Expr:
    """The type of an address; one that the user or the log has inside is private, whatever the registries say."""
    kind = address_type(address)
    return exp.case().when(exp.and_(is_inside, kind.eq("Public")), text("Private")).else_(kind.copy())


def _action(session: Event, actions: Mapping[str, str]) -> exp.Expr:
    is_icmp = exp.EQ(this=session["NetworkProtocol"], expression=text("ICMP"))
    by_result = chosen(session["EventResult"], actions, otherwise=text("ConnectionFound"))
    return (
        exp.case()
        .when(_is_report(session), text("NetworkSignatureInspected"))
        .when(is_icmp, text("IcmpConnectionInspected"))
        .else_(by_result)
    )


def _additional_fields(session: Event) -> exp.Expr:
    """The bag in which Defender's inspected connections carry what a sensor measured, or the signature."""
    named = {
        "direction": "NetworkDirection",
        "conn_state": "EventOriginalResultDetails",
        "duration_ms": "NetworkDuration",
        "orig_bytes": "SrcBytes",
        "resp_bytes": "DstBytes",
        "orig_pkts": "SrcPackets",
        "resp_pkts": "DstPackets",
        "uid": "NetworkSessionId",
    }
    pairs = [part for key, source in named.items() if source in session.values for part in (text(key), session[source])]
    if not pairs:
        return trees.null(ColumnType.DYNAMIC)
    return exp.case().when(_is_report(session), _signature(session)).else_(_object(*pairs))


def _signature(session: Event) -> exp.Expr:
    """The bag of an inspected signature: its name, under Defender's key, and what the report says of the session."""
    name = first(session["ThreatName"], first(session["NetworkRuleName"], session["EventOriginalSubType"]))
    more = {"message": "EventMessage", "direction": "NetworkDirection", "uid": "NetworkSessionId"}
    pairs = {"SignatureName": name, **{key: session[source] for key, source in more.items()}}
    return _object(*(part for key, tree in pairs.items() for part in (text(key), tree)))


def _object(*pairs: exp.Expr) -> exp.Expr:
    return exp.Cast(this=trees.call("json_object", *pairs), to=trees.sql_type(ColumnType.DYNAMIC))


def _as_security_log(session: Event) -> tuple[Rows, ...]:
    inbound = exp.EQ(this=session["NetworkDirection"], expression=text("Inbound"))
    values = session.some(
        {
            "TimeGenerated": "TimeGenerated",
            "StartTime": "EventStartTime",
            "EndTime": "EventEndTime",
            "DeviceVendor": "EventVendor",
            "DeviceProduct": "EventProduct",
            "DeviceAction": "DvcAction",
            "SimplifiedDeviceAction": "DvcAction",
            "SourceIP": "SrcIpAddr",
            "SourcePort": "SrcPortNumber",
            "SourceHostName": "SrcHostname",
            "DestinationIP": "DstIpAddr",
            "DestinationPort": "DstPortNumber",
            "DestinationHostName": "DstHostname",
            "Protocol": "NetworkProtocol",
            "ApplicationProtocol": "NetworkApplicationProtocol",
            "SentBytes": "SrcBytes",
            "ReceivedBytes": "DstBytes",
            "EventOutcome": "EventResult",
            "EventCount": "EventCount",
            "ExtID": "NetworkSessionId",
        }
    )
    said = {"Activity": text("Network session"), "CommunicationDirection": text("Inbound")}
    return (Rows(exp.and_(inbound, exp.Not(this=exp.paren(_is_report(session)))), {**values, **said}),)


# --- other tables as sessions ---------------------------------------------------------------------------------------


# Which end opened the connection, by ActionType. The hourly aggregated reports are left out: whether they repeat the
# single events is not documented.
_BY_DEVICE = ("ConnectionSuccess", "ConnectionFailed", "ConnectionRequest", "ConnectionFound")
_BY_REMOTE = ("InboundConnectionAccepted", "ConnectionAttempt")
_RESULTS = {
    "ConnectionSuccess": "Success",
    "InboundConnectionAccepted": "Success",
    "ConnectionFailed": "Failure",
    "ConnectionAttempt": "Failure",
}


def _device_events_as_sessions(part: Part, local: Sequence[Network]) -> Rows:
    def value(name: str) -> exp.Expr:
        return part_column(part, name)

    opened_here = one_of(value("ActionType"), *_BY_DEVICE)
    far_is_inside = near(value("RemoteIP"), local)

    def ends(near: exp.Expr, far: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
        """Source and destination, of the values at the device's and at the other end."""
        return either(opened_here, near, far), either(opened_here, far, near)

    source, destination = ends(value("LocalIP"), value("RemoteIP"))
    source_port, destination_port = ends(value("LocalPort"), value("RemotePort"))
    source_name, destination_name = ends(value("DeviceName"), text(""))
    one_way = either(opened_here, text("Outbound"), text("Inbound"))
    values = {
        "TimeGenerated": value("TimeGenerated"),
        "EventStartTime": value("TimeGenerated"),
        "EventCount": trees.number(1),
        "EventResult": chosen(value("ActionType"), _RESULTS, otherwise=text("NA")),
        "EventType": text("EndpointNetworkSession"),
        "EventOriginalType": value("ActionType"),
        "EventVendor": text("Microsoft"),
        "EventProduct": text("M365 Defender for Endpoint"),
        "SrcIpAddr": source,
        "DstIpAddr": destination,
        "SrcPortNumber": source_port,
        "DstPortNumber": destination_port,
        "SrcHostname": source_name,
        "DstHostname": destination_name,
        "NetworkProtocol": exp.Upper(this=value("Protocol")),
        "NetworkDirection": either(far_is_inside, text("Local"), one_way),
    }
    return Rows(one_of(value("ActionType"), *_BY_DEVICE, *_BY_REMOTE), values)


_ALLOWED = ("allow", "allowed", "accept", "accepted", "permit", "permitted", "pass", "passed", "built")
_DENIED = {
    "deny": "Deny",
    "denied": "Deny",
    "block": "Deny",
    "blocked": "Deny",
    "reject": "Deny",
    "rejected": "Deny",
    "drop": "Drop",
    "dropped": "Drop",
    "reset": "Reset",
    "reset-both": "Reset",
    "reset-client": "Reset Source",
    "reset-server": "Reset Destination",
}


def _security_log_as_sessions(part: Part, local: Sequence[Network]) -> Rows:
    def value(name: str) -> exp.Expr:
        return part_column(part, name)

    action = exp.Lower(this=value("DeviceAction"))
    known_action = chosen(action, {**dict.fromkeys(_ALLOWED, "Allow"), **_DENIED})
    result = chosen(
        action, {**dict.fromkeys(_ALLOWED, "Success"), **dict.fromkeys(_DENIED, "Failure")}, otherwise=text("NA")
    )
    source, destination = value("SourceIP"), value("DestinationIP")
    computed = direction(inside(source, local), inside(destination, local), to_many(destination))
    # CEF counts deviceDirection: 0 inbound, 1 outbound.
    said = chosen(
        exp.Lower(this=value("CommunicationDirection")),
        {
            "inbound": "Inbound",
            "in": "Inbound",
            "0": "Inbound",
            "outbound": "Outbound",
            "out": "Outbound",
            "1": "Outbound",
        },
    )
    pairs = {
        "SrcPortNumber": "SourcePort",
        "DstPortNumber": "DestinationPort",
        "SrcHostname": "SourceHostName",
        "DstHostname": "DestinationHostName",
        "SrcBytes": "SentBytes",
        "DstBytes": "ReceivedBytes",
        "NetworkApplicationProtocol": "ApplicationProtocol",
        "EventVendor": "DeviceVendor",
        "EventProduct": "DeviceProduct",
        "EventEndTime": "EndTime",
    }
    values = {
        **{name: value(source) for name, source in pairs.items() if source in part.columns},
        "TimeGenerated": value("TimeGenerated"),
        "EventStartTime": exp.Coalesce(this=value("StartTime"), expressions=[value("TimeGenerated")]),
        "EventCount": exp.Coalesce(this=value("EventCount"), expressions=[trees.number(1)]),
        "EventType": text("NetworkSession"),
        "EventResult": result,
        "DvcAction": known_action,
        "DvcOriginalAction": value("DeviceAction"),
        "SrcIpAddr": value("SourceIP"),
        "DstIpAddr": value("DestinationIP"),
        "NetworkProtocol": exp.Upper(this=value("Protocol")),
        "NetworkDirection": first(said, computed),
    }
    return Rows(exp.true(), values)


FAMILY = Family(
    NETWORK_SESSION,
    {
        NETWORK_SESSION: as_they_are,
        DEVICE_NETWORK_EVENTS: _device_events_as_sessions,
        COMMON_SECURITY_LOG: _security_log_as_sessions,
    },
    {DEVICE_NETWORK_EVENTS: _as_device_events, COMMON_SECURITY_LOG: _as_security_log},
)
