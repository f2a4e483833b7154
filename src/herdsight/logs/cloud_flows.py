"""What the flow logs of clouds share: a record is one direction of the traffic at one interface."""

from collections.abc import Iterable, Mapping, Sequence

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.formats import Scope
from herdsight.logs.values import (
    cast,
    constants,
    numbered,
    rejection,
    string,
)
from herdsight.tables import FILE_COLUMN, ColumnType
from herdsight.trees import call, column, named, text

# The fields that a record can have, and the types of the trees that are given for them.
_FIELDS: Mapping[str, ColumnType] = {
    "begin": ColumnType.DATETIME,
    "end": ColumnType.DATETIME,
    "src": ColumnType.STRING,
    "src_port": ColumnType.INT,
    "dst": ColumnType.STRING,
    "dst_port": ColumnType.INT,
    "protocol": ColumnType.STRING,
    "action": ColumnType.STRING,
    "bytes": ColumnType.LONG,
    "packets": ColumnType.LONG,
}
# The declared columns that are read, and the fields that each needs.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "TimeGenerated": ("begin",),
    "EventEndTime": ("end",),
    "NetworkDuration": ("end",),
    "SrcIpAddr": ("src",),
    "SrcPortNumber": ("src_port",),
    "DstIpAddr": ("dst",),
    "DstPortNumber": ("dst_port",),
    "NetworkProtocol": ("protocol",),
    "NetworkDirection": ("src", "dst"),
    "SrcBytes": ("bytes",),
    "SrcPackets": ("packets",),
    "DvcOriginalAction": ("action",),
}
# IANA's numbers of the protocols that a cloud carries; any other stays a number.
_PROTOCOLS = {"0": "HOPOPT", "1": "ICMP", "2": "IGMP", "4": "IPV4", "6": "TCP", "17": "UDP", "41": "IPV6", "46": "RSVP"}
_PROTOCOLS |= {"47": "GRE", "50": "ESP", "51": "AH", "58": "ICMP", "88": "EIGRP", "89": "OSPF", "94": "IPIP"}
_PROTOCOLS |= {"103": "PIM", "112": "VRRP", "115": "L2TP", "132": "SCTP", "136": "UDPLITE"}
_ACTIONS = {"ACCEPT": ("Allow", "Success"), "REJECT": ("Deny", "Failure")}  # DvcAction and EventResult


def columns_of(fields: Iterable[str]) -> tuple[str, ...]:
    """The declared columns that a file with those fields can fill."""
    present = set(fields)
    return tuple(name for name, needs in _NEEDS.items() if present.issuperset(needs))


def derived_from(vendor: str, columns: Sequence[str]) -> dict[str, exp.Expr]:
    """Further columns, as trees over those."""
    found = {**constants(vendor, "VPC", "NetworkSession"), "EventResult": text("NA")}
    if "DvcOriginalAction" in columns:
        found["DvcAction"] = _by_action(0, "")
        found["EventResult"] = _by_action(1, "NA")
    return found


def _by_action(place: int, otherwise: str) -> exp.Expr:
    cases = [exp.If(this=text(said), true=text(meant[place])) for said, meant in _ACTIONS.items()]
    return exp.Case(this=column("DvcOriginalAction"), ifs=cases, default=text(otherwise))


def sessions(
    records: exp.Select, fields: Mapping[str, exp.Expr], early: Sequence[exp.If], columns: Sequence[str], scope: Scope
) -> exp.Select:
    """Records as sessions, in those of ASimNetworkSessionLogs' columns; one record, one row.

    `fields` are trees over `records`, which has the number of the file; `early` are the format's own cases of
    rejection. Bytes and packets are those of the source; what came back is another record.
    """
    kept = [named(_field(kind, fields.get(name)), name) for name, kind in _FIELDS.items()]
    own = named(cast(exp.Case(ifs=list(early)), ColumnType.STRING), "early")
    typed = exp.select(*kept, own, column(FILE_COLUMN)).from_(records.subquery("records"))
    trees = _columns(scope)
    filled = (named(trees[name], name) for name in columns)
    why = rejection(column("begin"), scope.latest, (column("src"), column("dst")))
    return exp.select(*filled, column(FILE_COLUMN), why).from_(typed.subquery("typed"))


def _field(kind: ColumnType, tree: exp.Expr | None) -> exp.Expr:
    known = exp.null() if tree is None else tree.copy()
    return string(cast(known, kind)) if kind is ColumnType.STRING else cast(known, kind)


def _columns(scope: Scope) -> dict[str, exp.Expr]:
    end = exp.Coalesce(this=column("end"), expressions=[column("begin")])
    length = exp.Sub(this=call("epoch_ms", column("end")), expression=call("epoch_ms", column("begin")))
    names = [exp.If(this=text(digits), true=text(name)) for digits, name in _PROTOCOLS.items()]
    return {
        "TimeGenerated": column("begin"),
        "EventEndTime": end,
        "NetworkDuration": cast(length, ColumnType.INT),
        "SrcIpAddr": column("src"),
        "SrcPortNumber": column("src_port"),
        "DstIpAddr": column("dst"),
        "DstPortNumber": column("dst_port"),
        "NetworkProtocol": exp.Case(this=column("protocol"), ifs=names, default=call("upper", column("protocol"))),
        "NetworkDirection": heading(column("src"), column("dst"), scope.local),
        "SrcBytes": column("bytes"),
        "SrcPackets": column("packets"),
        "DvcOriginalAction": column("action"),
    }


def with_file(query: exp.Select, file: exp.Expr) -> exp.Select:
    """The query with the number of the file."""
    return query.select(numbered(file))
