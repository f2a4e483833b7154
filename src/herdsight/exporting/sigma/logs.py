"""Tables as Sigma knows their logs: the log source, the field of each column, and what values stand for.

Names are those of Sigma's taxonomy (sigma-specification, appendix taxonomy 2.0.1) and, where it has none, those that
the rules of SigmaHQ use: `query`, `record_type` and `answer` of DNS, `action` of firewalls. `protocol` of firewalls is
nobody's; a form that needs one of the last two says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from herdsight.addresses import MANY, PRIVATE
from herdsight.exporting.sigma.asked import All, Match, Not, Test

_INSIDE = tuple(map(str, PRIVATE))
_NO_ONE = tuple(map(str, (*PRIVATE, *MANY)))  # what is no single host outside


@dataclass(frozen=True, slots=True)
class Log:
    """A log of Sigma's, and how rows of a table are its events.

    `own`: the values that columns must have for a row to be an event of it; `fixed`: the fields that say so. `fields`:
    the field of a column. `values`: what a value of a column says of the fields. `roughly`: values whose meaning is not
    told quite, and how. `only`: what of the table it does not have.
    """

    table: str
    source: Mapping[str, str]
    prefix: str  # of file names, by SigmaHQ's conventions
    fields: Mapping[str, str]
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: Mapping[str, str | int] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, Test]] = field(default_factory=dict)
    roughly: Mapping[str, str] = field(default_factory=dict)
    unnamed: frozenset[str] = frozenset()  # fields that the taxonomy has no name for
    only: str = ""


def logs_of(table: str) -> tuple[Log, ...]:
    """The logs whose events are rows of a table; none where Sigma has no such log."""
    return tuple(each for each in _LOGS if each.table == table)


def event(table: str, row: Mapping[str, object]) -> dict[str, object] | None:
    """A row as an event of Sigma's log; None where the log has no such event."""
    for log in logs_of(table):
        if all(row.get(column) in values for column, values in log.own.items()):
            return {**log.fixed, **dict(_fields(log, row))}
    return None


def _fields(log: Log, row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for column, name in log.fields.items():
        value = row.get(column)
        if value not in (None, ""):
            yield name, FOLDER + str(value) if name in PATHS else value


PATHS = frozenset({"Image"})  # the log has the whole path where the column has the name of the file
FOLDER = "C:\\Program Files\\"  # of the programs of events made from rows


def _outside(name: str) -> Test:
    return Not(Match(name, ("cidr",), _NO_ONE))


def _windows(far: str, near: str, initiated: str, action: str) -> Log:
    """Windows' network connections, as Sysmon logs them (event 3)."""
    return Log(
        table="DeviceNetworkEvents",
        source={"category": "network_connection", "product": "windows"},
        prefix="net_connection_win_",
        fields={
            "DeviceName": "Computer",
            "InitiatingProcessFileName": "Image",
            "InitiatingProcessAccountName": "User",
            "Protocol": "Protocol",
            "RemoteIP": f"{far}Ip",
            "RemotePort": f"{far}Port",
            "RemoteUrl": f"{far}Hostname",
            "LocalIP": f"{near}Ip",
            "LocalPort": f"{near}Port",
        },
        own={"ActionType": (action,)},
        fixed={"Initiated": initiated},
        values={"RemoteIPType": {"Public": _outside(f"{far}Ip"), "Reserved": _outside(f"{far}Ip")}},
        roughly={"Public": "told by the address: those reserved for documentation and tests are public, too"},
    )


def _sign_ins(result: str, number: int) -> Log:
    """Windows' log of sign-ins."""
    return Log(
        table="ASimAuthenticationEventLogs",
        source={"product": "windows", "service": "security"},
        prefix="win_security_",
        fields={
            "SrcIpAddr": "IpAddress",
            "TargetUsername": "TargetUserName",
            "TargetHostname": "Computer",
            "DvcHostname": "Computer",
        },
        own={"EventType": ("Logon",), "EventResult": (result,)},
        fixed={"EventID": number},
        only="the sign-ins of Windows alone; those of other systems and of services are other logs in Sigma",
    )


_LOGS = (
    _windows("Destination", "Source", "true", "ConnectionSuccess"),
    _windows("Source", "Destination", "false", "InboundConnectionAccepted"),
    Log(
        table="ASimNetworkSessionLogs",
        source={"category": "firewall"},
        prefix="net_firewall_",
        fields={
            "SrcIpAddr": "src_ip",
            "DstIpAddr": "dst_ip",
            "SrcPortNumber": "src_port",
            "DstPortNumber": "dst_port",
            "SrcUsername": "username",
            "NetworkProtocol": "protocol",
        },
        unnamed=frozenset({"protocol"}),
        values={
            "NetworkDirection": {  # as addresses.direction() tells it where no networks are given
                "Inbound": All((Match("dst_ip", ("cidr",), _INSIDE), Not(Match("src_ip", ("cidr",), _INSIDE)))),
                "Outbound": All((Match("src_ip", ("cidr",), _INSIDE), _outside("dst_ip"))),
            }
        },
    ),
    Log(
        table="CommonSecurityLog",
        source={"category": "firewall"},
        prefix="net_firewall_",
        fields={
            "SourceIP": "src_ip",
            "DestinationIP": "dst_ip",
            "SourcePort": "src_port",
            "DestinationPort": "dst_port",
            "SourceUserName": "username",
            "DeviceAction": "action",
            "Protocol": "protocol",
        },
        unnamed=frozenset({"action", "protocol"}),
    ),
    Log(
        table="ASimDnsActivityLogs",
        source={"category": "dns"},
        prefix="net_dns_",
        fields={
            "SrcIpAddr": "src_ip",
            "DstIpAddr": "dst_ip",
            "DnsQuery": "query",
            "DnsQueryTypeName": "record_type",
            "DnsResponseName": "answer",
        },
    ),
    _sign_ins("Failure", 4625),
    _sign_ins("Success", 4624),
)
