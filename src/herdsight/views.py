"""The public tables as views over what was loaded, each source seen through every table that it can carry.

A session of a network sensor is also what Defender would have told of it (a row for each inside end) and, when it comes
in, what a firewall would have; and the other way round. What a source does not know stays empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from herdsight import trees
from herdsight.addresses import Network, address_type, direction, inside, to_many
from herdsight.tables import (
    COMMON_SECURITY_LOG,
    DEVICE_NETWORK_EVENTS,
    FILE_COLUMN,
    NAMES,
    NETWORK_SESSION,
    REJECT_COLUMN,
    ROW_COLUMN,
    ColumnType,
    table,
)
from herdsight.trees import column, text

Values = Mapping[str, exp.Expr]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table as they were loaded: where they are and which of the table's columns they have."""

    table: str
    source: exp.Table
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A public table and the query that it stands for."""

    name: str
    tree: exp.Query


def public_views(parts: Sequence[Part], local: Sequence[Network] = ()) -> tuple[View, ...]:
    """A view for every table there is, over all parts; without a part that can carry it, a view is empty.

    `local` are the networks that are inside, by default the private ones; it matters where a log says no direction.
    """
    return tuple(View(name, _view(name, parts, local)) for name in NAMES)


def carried(parts: Sequence[Part], name: str) -> frozenset[str]:
    """The columns of that table that some part can fill."""
    found: set[str] = set()
    for part in parts:
        if part.table == name:
            found.update(part.columns)
        else:
            found.update(*(values for _, values in _derived(name, part, ())))
    return frozenset(found)


def _view(name: str, parts: Sequence[Part], local: Sequence[Network]) -> exp.Query:
    branches = [branch for part in parts for branch in _branches(name, part, local)]
    if not branches:
        return _projected(name, {}).where(exp.false())
    tree: exp.Query = branches[0]
    for branch in branches[1:]:
        tree = exp.Union(this=tree, expression=branch, distinct=False)
    return tree


def _branches(name: str, part: Part, local: Sequence[Network]) -> Iterable[exp.Select]:
    accepted = exp.Is(this=column(REJECT_COLUMN), expression=exp.null())
    if part.table == name:
        yield _projected(name, _own(part)).from_(part.source.copy()).where(accepted)
        return
    for condition, values in _derived(name, part, local):
        yield _projected(name, values).from_(part.source.copy()).where(accepted.copy(), condition)


def _projected(name: str, values: Values) -> exp.Select:
    """A select of all columns of the table: those given, and what stands for a missing value for the rest."""
    declared = table(name).columns
    if values:  # Log Analytics tells in each row which table it is of
        values = {"Type": text(name), **values}
    columns = [trees.named(values.get(each.name, trees.null(each.type)).copy(), each.name) for each in declared]
    provenance = [column(FILE_COLUMN), column(ROW_COLUMN)] if values else []
    return exp.select(*columns, *provenance)


def _own(part: Part) -> Values:
    values: dict[str, exp.Expr] = {name: column(name) for name in part.columns}
    if part.table == DEVICE_NETWORK_EVENTS:
        for kind, address in (("RemoteIPType", "RemoteIP"), ("LocalIPType", "LocalIP")):
            if address in values:  # some events, and some exports, leave it blank
                given = _part_column(part, kind)
                values[kind] = _first(given, address_type(column(address)))
    return values


_Derived = tuple[exp.Expr, Values]


def _derived(name: str, part: Part, local: Sequence[Network]) -> tuple[_Derived, ...]:
    """What rows of another table are in this one: pairs of which rows, and the values of the columns."""
    session = _SESSIONS[part.table](part, local)
    known, values = session
    if name == NETWORK_SESSION:
        return ((known, {"Type": text(part.table), **values}),)
    made = _TO[name](_Session(values, known))
    return tuple((exp.and_(known.copy(), condition), columns) for condition, columns in made)


class _Session:
    """The columns of a session as expressions, by name; what it has not is a missing value of its type."""

    def __init__(self, values: Values, known: exp.Expr) -> None:
        self.values = values
        self.known = known

    def __getitem__(self, name: str) -> exp.Expr:
        declared = table(NETWORK_SESSION).column(name)
        assert declared is not None, name  # noqa: S101 a misspelt name here is a fault of this file
        return self.values.get(name, trees.null(declared.type)).copy()

    def some(self, pairs: Mapping[str, str]) -> dict[str, exp.Expr]:
        """The columns of another table that a session's columns fill, where it has them."""
        return {name: self[source] for name, source in pairs.items() if source in self.values}


# --- sessions as other tables ---------------------------------------------------------------------------------------


def _as_device_events(session: _Session) -> tuple[_Derived, ...]:
    direction = session["NetworkDirection"]
    outgoing = _one_of(direction, "Outbound", "Local")
    # A group address is no host, and has no device of its own.
    incoming = exp.and_(_one_of(direction.copy(), "Inbound", "Local"), exp.Not(this=to_many(session["DstIpAddr"])))
    return (
        (outgoing, _device_event(session, near="Src", far="Dst", actions=_OUTGOING)),
        (incoming, _device_event(session, near="Dst", far="Src", actions=_INCOMING)),
    )


# What Defender calls a connection, by how it ended and from which end it is told. A refused or unanswered inbound one
# is an attempt; one of which only the middle was seen was found.
_OUTGOING = {"Success": "ConnectionSuccess", "Failure": "ConnectionFailed"}
_INCOMING = {"Success": "InboundConnectionAccepted", "Failure": "ConnectionAttempt"}


def _device_event(session: _Session, near: str, far: str, actions: Mapping[str, str]) -> Values:
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
        "DeviceName": _first(session[f"{near}Hostname"], session[f"{near}IpAddr"]),
        "ActionType": _action(session, actions),
        "Protocol": _chosen(session["NetworkProtocol"], {"TCP": "Tcp", "UDP": "Udp", "ICMP": "Icmp"}),
        "LocalIPType": _inside_type(session[f"{near}IpAddr"], exp.true()),
        "RemoteIPType": _inside_type(session[f"{far}IpAddr"], is_local),
        "AdditionalFields": _additional_fields(session),
    }


def _inside_type(address: exp.Expr, is_inside: exp.Expr) -> exp.Expr:
    """The type of an address; one that the user or the log has inside is private, whatever the registries say."""
    kind = address_type(address)
    return exp.case().when(exp.and_(is_inside, kind.eq("Public")), text("Private")).else_(kind.copy())


def _action(session: _Session, actions: Mapping[str, str]) -> exp.Expr:
    is_icmp = exp.EQ(this=session["NetworkProtocol"], expression=text("ICMP"))
    by_result = _chosen(session["EventResult"], actions, otherwise=text("ConnectionFound"))
    return exp.case().when(is_icmp, text("IcmpConnectionInspected")).else_(by_result)


def _additional_fields(session: _Session) -> exp.Expr:
    """The bag in which Defender's inspected connections carry what a sensor measured."""
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
    return (
        exp.Cast(this=trees.call("json_object", *pairs), to=trees.sql_type(ColumnType.DYNAMIC))
        if pairs
        else trees.null(ColumnType.DYNAMIC)
    )


def _as_security_log(session: _Session) -> tuple[_Derived, ...]:
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
    return ((inbound, {**values, "Activity": text("Network session"), "CommunicationDirection": text("Inbound")}),)


# --- other tables as sessions ---------------------------------------------------------------------------------------


def _sessions(part: Part, local: Sequence[Network]) -> _Derived:
    del local  # a session says its direction itself
    return exp.true(), {name: column(name) for name in part.columns}


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


def _device_events_as_sessions(part: Part, local: Sequence[Network]) -> _Derived:
    def value(name: str) -> exp.Expr:
        return _part_column(part, name)

    opened_here = _one_of(value("ActionType"), *_BY_DEVICE)
    far_is_inside = _near(value("RemoteIP"), local)

    def ends(near: exp.Expr, far: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
        """Source and destination, of the values at the device's and at the other end."""
        return _either(opened_here, near, far), _either(opened_here, far, near)

    source, destination = ends(value("LocalIP"), value("RemoteIP"))
    source_port, destination_port = ends(value("LocalPort"), value("RemotePort"))
    source_name, destination_name = ends(value("DeviceName"), text(""))
    one_way = _either(opened_here, text("Outbound"), text("Inbound"))
    values = {
        "TimeGenerated": value("TimeGenerated"),
        "EventStartTime": value("TimeGenerated"),
        "EventCount": trees.number(1),
        "EventResult": _chosen(value("ActionType"), _RESULTS, otherwise=text("NA")),
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
        "NetworkDirection": _either(far_is_inside, text("Local"), one_way),
    }
    return _one_of(value("ActionType"), *_BY_DEVICE, *_BY_REMOTE), values


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


def _security_log_as_sessions(part: Part, local: Sequence[Network]) -> _Derived:
    def value(name: str) -> exp.Expr:
        return _part_column(part, name)

    action = exp.Lower(this=value("DeviceAction"))
    known_action = _chosen(action, {**dict.fromkeys(_ALLOWED, "Allow"), **_DENIED})
    result = _chosen(
        action, {**dict.fromkeys(_ALLOWED, "Success"), **dict.fromkeys(_DENIED, "Failure")}, otherwise=text("NA")
    )
    source, destination = value("SourceIP"), value("DestinationIP")
    computed = direction(inside(source, local), inside(destination, local), to_many(destination))
    # CEF counts deviceDirection: 0 inbound, 1 outbound.
    said = _chosen(
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
        "NetworkDirection": _first(said, computed),
    }
    return exp.true(), values


_SESSIONS = {
    NETWORK_SESSION: _sessions,
    DEVICE_NETWORK_EVENTS: _device_events_as_sessions,
    COMMON_SECURITY_LOG: _security_log_as_sessions,
}
_TO = {DEVICE_NETWORK_EVENTS: _as_device_events, COMMON_SECURITY_LOG: _as_security_log}


# --- small expressions ----------------------------------------------------------------------------------------------


def _part_column(part: Part, name: str) -> exp.Expr:
    declared = table(part.table).column(name)
    assert declared is not None, name  # noqa: S101 a misspelt name here is a fault of this file
    return column(name) if name in part.columns else trees.null(declared.type)


def _near(address: exp.Expr, local: Sequence[Network]) -> exp.Expr:
    """Whether an address is inside, or a group that the inside is part of."""
    return exp.or_(inside(address, local), to_many(address.copy()))


def _one_of(value: exp.Expr, *choices: str) -> exp.Expr:
    return exp.In(this=value, expressions=[text(choice) for choice in choices])


def _either(condition: exp.Expr, yes: exp.Expr, no: exp.Expr) -> exp.Expr:
    return exp.case().when(condition.copy(), yes).else_(no)


def _chosen(value: exp.Expr, choices: Mapping[str, str], otherwise: exp.Expr | None = None) -> exp.Expr:
    tree = exp.Case(this=value)
    for given, meant in choices.items():
        tree = tree.when(text(given), text(meant))
    return tree.else_(otherwise or text(""))


def _first(value: exp.Expr, otherwise: exp.Expr) -> exp.Expr:
    """The first that is not empty."""
    return exp.Coalesce(this=exp.Nullif(this=value, expression=text("")), expressions=[otherwise])
