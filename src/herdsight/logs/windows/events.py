"""Windows events: Sysmon's network connections and DNS queries, and what the filtering platform let by.

Sources: Microsoft's "Sysmon" (events 3 and 22), "5156(S)" and "5157(F)" of the Windows security log, and its list of
Windows' DNS errors. Where the fields stand in a file is told in `windows_records`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from herdsight.logs.flows.protocols import NAMES
from herdsight.logs.formats import Format, Layout, Scope, Source, Split
from herdsight.logs.head import Head
from herdsight.logs.scan import row_numbers
from herdsight.logs.values import (
    OTHER_EVENT,
    address,
    cast,
    constants,
    moment,
    port,
    reason,
    rejection,
)
from herdsight.logs.windows.records import KIND_PATHS, fields, kind_name, kind_of, layout_of, shape_of
from herdsight.logs.windows.sysmon_json import STATUSES, SYSMON, write_connections, write_queries
from herdsight.responses import response_result
from herdsight.tables import DEVICE_NETWORK_EVENTS, DNS_ACTIVITY, FILE_COLUMN, ColumnType
from herdsight.trees import call, column, named, number, text

_SECURITY = "Security"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Events of one channel that become rows of one table."""

    name: str
    table: str
    channel: str
    ids: tuple[str, ...]
    mark: str  # which no event of the kind lacks
    data: tuple[str, ...]  # the events' own fields
    time: exp.Expr
    values: Mapping[str, exp.Expr]  # over the fields as texts, by the declared column
    addresses: tuple[str, ...]  # fields that must be addresses
    constants: Mapping[str, exp.Expr]

    def recognise(self, head: Head) -> Layout | None:
        """A file of Windows events."""
        shape = shape_of(head)
        return layout_of(shape, tuple(self.values), self.constants) if shape else None

    def read(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        """The events of this kind; all others are passed on to the other readings."""
        found = fields(source, layout, self.data, self.mark)
        when = named(moment(self.time.copy()), "when")
        timed = exp.select(exp.Star(), when, self._early()).from_(found.subquery("fields"))
        filled = (named(tree.copy(), name) for name, tree in self.values.items())
        why = rejection(column("when"), scope.latest, map(column, self.addresses))
        return exp.select(*filled, column(FILE_COLUMN), *row_numbers(source), why).from_(timed.subquery("timed"))

    @property
    def split(self) -> Split:
        """Which records of a file are of this kind."""
        return Split(KIND_PATHS, kind_of, tuple(kind_name(self.channel, each) for each in self.ids))

    def _early(self) -> exp.Expr:
        of_kind = exp.and_(
            exp.In(this=column("id"), expressions=[text(each) for each in self.ids]),
            exp.EQ(this=column("channel"), expression=text(self.channel)),
        )
        is_of_kind = exp.Coalesce(this=exp.paren(of_kind), expressions=[exp.false()])
        is_broken = exp.Not(this=exp.Is(this=column("broken"), expression=exp.null()))
        broken = exp.If(this=is_broken, true=column("broken"))
        return named(exp.Case(ifs=[broken, reason(exp.Not(this=is_of_kind), OTHER_EVENT)]), "early")


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
        "LocalPort": port(_either(near_is_source, column(source_port), column(far_port))),
        "RemoteIP": address(_either(near_is_source, column(far_address), column(source_address))),
        "RemotePort": port(_either(near_is_source, column(far_port), column(source_port))),
    }


CONNECTIONS = _Kind(
    name="sysmon-network",
    table=DEVICE_NETWORK_EVENTS,
    channel=SYSMON,
    ids=("3",),
    mark="DestinationIp",
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
_PROTOCOLS = {digits: NAMES[digits].capitalize() for digits in ("1", "6", "17", "58")}


def _action() -> exp.Expr:
    blocked = exp.EQ(this=column("id"), expression=text("5157"))
    out = _either(blocked, text("ConnectionFailed"), text("ConnectionSuccess"))
    return _either(_OUTBOUND, out, _either(blocked, text("ConnectionAttempt"), text("InboundConnectionAccepted")))


PLATFORM = _Kind(
    name="windows-filtering-platform",
    table=DEVICE_NETWORK_EVENTS,
    channel=_SECURITY,
    ids=("5156", "5157"),
    mark="DestAddress",
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


def _answers() -> exp.Expr:
    """Sysmon's list of answers, `type:  5 name;::ffff:1.2.3.4;`, as values between commas."""
    marks = r"type:\s*\d+\s+;?|(^|;)::ffff:([0-9]+\.)"
    plain = call("regexp_replace", column("QueryResults"), text(marks), text(r"\1\2"), text("g"))
    return call("replace", call("trim", plain, text(";")), text(";"), text(","))


QUERIES = _Kind(
    name="sysmon-dns",
    table=DNS_ACTIVITY,
    channel=SYSMON,
    ids=("22",),
    mark="QueryName",
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
            ifs=[exp.If(this=text(each), true=text(name)) for each, name in STATUSES.items()],
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

_KINDS = (CONNECTIONS, PLATFORM, QUERIES)
MARKS = tuple(kind.mark for kind in _KINDS)  # an event that has none of them in its text is of no kind
_WRITERS: Mapping[str, Callable[[pa.Table, Path], None]] = {
    CONNECTIONS.name: write_connections,
    QUERIES.name: write_queries,
}
FORMATS = tuple(
    Format(kind.name, kind.table, kind.recognise, kind.read, _WRITERS.get(kind.name), kind.split) for kind in _KINDS
)
