"""Windows events as JSON lines: Sysmon's network connections and DNS queries, and what the filtering platform let by.

Shippers lay events out in three ways: flat (NXLog), under `winlog` (Winlogbeat), or as the event's own XML has it. A
record is read as one JSON value, and a field is what the first of these ways has. Sources: Microsoft's "Sysmon" (events
3 and 22), "5156(S)" and "5157(F)" of the Windows security log, and its list of Windows' DNS errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from sqlglot import exp

from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import file_number, whole_objects
from herdsight.logs.values import (
    BAD_JSON,
    OTHER_EVENT,
    address,
    cast,
    constants,
    moment,
    reason,
    rejection,
    string,
)
from herdsight.responses import response_result
from herdsight.tables import DEVICE_NETWORK_EVENTS, DNS_ACTIVITY, FILE_COLUMN, ColumnType
from herdsight.trees import call, column, named, number, text

_LOOKED_AT = 50  # objects of the head
_SYSMON = "Microsoft-Windows-Sysmon/Operational"
_SECURITY = "Security"

# What is not data of the event itself, in each of the ways; the first that is there counts.
_HEADER: Mapping[str, tuple[str, ...]] = {
    "id": ("$.EventID", "$.winlog.event_id", '$.Event.System.EventID."#text"', "$.Event.System.EventID"),
    "channel": ("$.Channel", "$.winlog.channel", "$.Event.System.Channel"),
    "computer": (
        *("$.Hostname", "$.Computer", "$.winlog.computer_name", "$.Event.System.Computer"),
        *("$.host.name", "$.host"),
    ),
    "time": (
        *('$."@timestamp"', '$.Event.System.TimeCreated."#attributes".SystemTime', "$.TimeCreated", "$.EventTime"),
    ),
}
_DATA = ("$.", "$.winlog.event_data.", "$.Event.EventData.")


@dataclass(frozen=True, slots=True)
class _Kind:
    """Events of one channel that become rows of one table."""

    name: str
    table: str
    channel: str
    ids: tuple[str, ...]
    data: tuple[str, ...]  # the events' own fields
    time: exp.Expr
    values: Mapping[str, exp.Expr]  # over the fields as texts, by the declared column
    addresses: tuple[str, ...]  # fields that must be addresses
    constants: Mapping[str, exp.Expr]

    def recognise(self, head: Head) -> Layout | None:
        """A file of Windows events: which are in it shows only when all of it is read."""
        if not any(_is_event(each) for each in islice(head.objects(), _LOOKED_AT)):
            return None
        return Layout(Shape.JSON_LINES, columns=tuple(self.values), derived=self.constants)

    def read(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        """The events of this kind; all others are passed on to the other readings."""
        paths = {**_HEADER, **{name: _paths(name) for name in self.data}}
        every = [path for each in paths.values() for path in each]
        found = call("json_extract_string", column("record"), exp.array(*map(text, every)))
        parts = exp.select(
            named(found, "found"),
            named(exp.Is(this=column("record"), expression=exp.null()), "broken"),
            named(file_number(source), FILE_COLUMN),
        ).from_(whole_objects(source, layout.shape, "record"))
        fields = exp.select(
            *(named(_first(every, each), name) for name, each in paths.items()), column("broken"), column(FILE_COLUMN)
        ).from_(parts.subquery("parts"))
        when = named(moment(self.time.copy()), "when")
        timed = exp.select(exp.Star(), when, self._early()).from_(fields.subquery("fields"))
        filled = (named(tree.copy(), name) for name, tree in self.values.items())
        why = rejection(column("when"), scope.latest, map(column, self.addresses))
        return exp.select(*filled, column(FILE_COLUMN), why).from_(timed.subquery("timed"))

    def _early(self) -> exp.Expr:
        of_kind = exp.and_(
            exp.In(this=column("id"), expressions=[text(each) for each in self.ids]),
            exp.EQ(this=column("channel"), expression=text(self.channel)),
        )
        early = exp.Case(
            ifs=[reason(column("broken"), BAD_JSON), reason(exp.Not(this=exp.paren(of_kind)), OTHER_EVENT)]
        )
        return named(early, "early")


def _is_event(record: Mapping[str, object]) -> bool:
    """Flat with the id and the channel, or under one of the two keys that hold them."""
    winlog, event = record.get("winlog"), record.get("Event")
    flat = "EventID" in record and "Channel" in record
    return (
        flat or (isinstance(winlog, dict) and "event_id" in winlog) or (isinstance(event, dict) and "System" in event)
    )


# The event's own XML, and so two of the ways, spell some fields otherwise than the flat one.
_SPELT = {"ProcessId": ("ProcessId", "ProcessID")}


def _paths(name: str) -> tuple[str, ...]:
    return tuple(f"{before}{spelt}" for before in _DATA for spelt in _SPELT.get(name, (name,)))


def _first(every: list[str], paths: tuple[str, ...]) -> exp.Expr:
    """The first of some paths that has a value, as text; a dash stands for none."""
    ways = [call("list_extract", column("found"), number(every.index(path) + 1)) for path in paths]
    given = exp.Coalesce(this=ways[0], expressions=ways[1:]) if ways[1:] else ways[0]
    return string(exp.Nullif(this=given, expression=text("-")))


# --- values ----------------------------------------------------------------------------------------------------------


def _is(name: str, *words: str) -> exp.Expr:
    return exp.In(this=exp.Lower(this=column(name)), expressions=[text(each) for each in words])


def _either(condition: exp.Expr, yes: exp.Expr, no: exp.Expr) -> exp.Expr:
    return exp.case().when(condition.copy(), yes).else_(no)


def _file_name(path: exp.Expr) -> exp.Expr:
    return call("regexp_extract", path, text(r"[^\\/]*$"))


def _after(name: str, mark: str) -> exp.Expr:
    return call("regexp_replace", column(name), text(f"^.*{mark}"), text(""))


def _before(name: str, mark: str) -> exp.Expr:
    return call("regexp_extract", column(name), text(f"^(.*){mark}"), number(1))


def _process(path: str, own_number: exp.Expr) -> dict[str, exp.Expr]:
    return {
        "InitiatingProcessFileName": _file_name(column(path)),
        "InitiatingProcessFolderPath": column(path),
        "InitiatingProcessId": cast(own_number, ColumnType.LONG),
    }


_WHEN = {"TimeGenerated": column("when"), "Timestamp": column("when"), "DeviceName": column("computer")}
_INT = ColumnType.INT

# Of a UDP answer Sysmon has the sender as the source, though the other end began; else the source began.
_SOURCE_IS_NEAR = exp.or_(_is("Initiated", "true"), exp.paren(_is("Protocol", "udp")))


def _ends(near_is_source: exp.Expr, source: tuple[str, str], destination: tuple[str, str]) -> dict[str, exp.Expr]:
    """The device's end and the other one, of the names of a connection's addresses and ports."""
    (source_address, source_port), (far_address, far_port) = source, destination
    return {
        "LocalIP": address(_either(near_is_source, column(source_address), column(far_address))),
        "LocalPort": cast(_either(near_is_source, column(source_port), column(far_port)), _INT),
        "RemoteIP": address(_either(near_is_source, column(far_address), column(source_address))),
        "RemotePort": cast(_either(near_is_source, column(far_port), column(source_port)), _INT),
    }


CONNECTIONS = _Kind(
    name="sysmon-network",
    table=DEVICE_NETWORK_EVENTS,
    channel=_SYSMON,
    ids=("3",),
    data=(
        *("UtcTime", "Image", "ProcessId", "User", "Protocol", "Initiated", "SourceIp", "SourcePort"),
        *("DestinationIp", "DestinationPort", "DestinationHostname"),
    ),
    time=exp.Coalesce(this=exp.Nullif(this=column("UtcTime"), expression=text("")), expressions=[column("time")]),
    values={
        **_WHEN,
        "ActionType": _either(_is("Initiated", "true"), text("ConnectionSuccess"), text("InboundConnectionAccepted")),
        **_ends(_SOURCE_IS_NEAR, ("SourceIp", "SourcePort"), ("DestinationIp", "DestinationPort")),
        "RemoteUrl": _either(_is("Initiated", "true"), column("DestinationHostname"), text("")),
        "Protocol": call(
            "concat",
            call("upper", call("left", column("Protocol"), number(1))),
            call("lower", call("substr", column("Protocol"), number(2))),
        ),
        **_process("Image", column("ProcessId")),
        "InitiatingProcessAccountName": _after("User", r"\\"),
        "InitiatingProcessAccountDomain": _before("User", r"\\"),
    },
    addresses=("SourceIp", "DestinationIp"),
    constants={},
)

_OUTBOUND = _is("Direction", "%%14593", "outbound")
_PROTOCOLS = {"1": "Icmp", "6": "Tcp", "17": "Udp", "58": "Icmp"}  # IANA's numbers


def _action() -> exp.Expr:
    blocked = exp.EQ(this=column("id"), expression=text("5157"))
    out = _either(blocked, text("ConnectionFailed"), text("ConnectionSuccess"))
    return _either(_OUTBOUND, out, _either(blocked, text("ConnectionAttempt"), text("InboundConnectionAccepted")))


PLATFORM = _Kind(
    name="windows-filtering-platform",
    table=DEVICE_NETWORK_EVENTS,
    channel=_SECURITY,
    ids=("5156", "5157"),
    data=(
        *("Application", "ProcessId", "Direction", "SourceAddress", "SourcePort", "DestAddress"),
        *("DestPort", "Protocol"),
    ),
    time=column("time"),
    values={
        **_WHEN,
        "ActionType": _action(),
        **_ends(_OUTBOUND, ("SourceAddress", "SourcePort"), ("DestAddress", "DestPort")),
        "Protocol": exp.Case(
            this=column("Protocol"),
            ifs=[exp.If(this=text(each), true=text(name)) for each, name in _PROTOCOLS.items()],
            default=column("Protocol"),
        ),
        **_process("Application", column("ProcessId")),
    },
    addresses=("SourceAddress", "DestAddress"),
    constants={},
)

# Windows' own numbers for the response codes; 9501 is an answer without records.
_STATUSES = {
    "0": "NOERROR",
    "9001": "FORMERR",
    "9002": "SERVFAIL",
    "9003": "NXDOMAIN",
    "9004": "NOTIMP",
    "9005": "REFUSED",
    "9501": "NOERROR",
}


def _answers() -> exp.Expr:
    """Sysmon's list of answers, `type:  5 name;::ffff:1.2.3.4;`, as values between commas."""
    plain = call("regexp_replace", column("QueryResults"), text(r"type:\s*\d+\s+;?|::ffff:"), text(""), text("g"))
    return call("replace", call("trim", plain, text(";")), text(";"), text(","))


QUERIES = _Kind(
    name="sysmon-dns",
    table=DNS_ACTIVITY,
    channel=_SYSMON,
    ids=("22",),
    data=("UtcTime", "Image", "ProcessId", "User", "QueryName", "QueryStatus", "QueryResults"),
    time=exp.Coalesce(this=exp.Nullif(this=column("UtcTime"), expression=text("")), expressions=[column("time")]),
    values={
        "TimeGenerated": column("when"),
        "DvcHostname": column("computer"),
        "SrcHostname": column("computer"),
        "SrcProcessName": column("Image"),
        "SrcProcessId": column("ProcessId"),
        "SrcUsername": column("User"),
        "DnsQuery": call("rtrim", column("QueryName"), text(".")),
        "DnsResponseName": _answers(),
        "EventResultDetails": exp.Case(
            this=column("QueryStatus"),
            ifs=[exp.If(this=text(each), true=text(name)) for each, name in _STATUSES.items()],
            default=text(""),
        ),
    },
    addresses=(),
    constants={
        **constants("Microsoft", "Sysmon", "Query"),
        "EventSubType": text("response"),
        "EventResult": response_result(column("EventResultDetails")),
    },
)

FORMATS = tuple(Format(kind.name, kind.table, kind.recognise, kind.read) for kind in (CONNECTIONS, PLATFORM, QUERIES))
