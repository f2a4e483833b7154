"""What the Zeek formats share: the fields of a connection and what each becomes in the session hub."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from herdsight.addresses import direction, inside, to_many
from herdsight.logs.formats import Scope
from herdsight.logs.values import (
    address,
    cast,
    constants,
    count,
    microseconds,
    moment_of,
    port,
    rejection,
    string,
)
from herdsight.tables import FILE_COLUMN, ColumnType
from herdsight.trees import call, column, named, number, text

# Names under which a field is found: Zeek's own, with another scope separator, and the common renamings.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "ts": ("ts",),
    "orig_h": ("id.orig_h", "id_orig_h", "src", "src_ip", "source_ip"),
    "orig_p": ("id.orig_p", "id_orig_p", "src_port", "source_port"),
    "resp_h": ("id.resp_h", "id_resp_h", "dst", "dst_ip", "dest_ip", "destination_ip"),
    "resp_p": ("id.resp_p", "id_resp_p", "dst_port", "dest_port", "destination_port"),
    "proto": ("proto",),
    "uid": ("uid",),
    "service": ("service",),
    "duration": ("duration",),
    "orig_bytes": ("orig_bytes",),
    "resp_bytes": ("resp_bytes",),
    "conn_state": ("conn_state",),
    "local_orig": ("local_orig",),
    "local_resp": ("local_resp",),
    "history": ("history",),
    "orig_pkts": ("orig_pkts",),
    "resp_pkts": ("resp_pkts",),
}
REQUIRED = ("ts", "orig_h", "orig_p", "resp_h", "resp_p", "proto")

# Declared columns that are read, and the fields that each needs to be worth having.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "TimeGenerated": ("ts",),
    "EventEndTime": ("ts", "duration"),
    "NetworkDuration": ("duration",),
    "SrcIpAddr": ("orig_h",),
    "SrcPortNumber": ("orig_p",),
    "DstIpAddr": ("resp_h",),
    "DstPortNumber": ("resp_p",),
    "NetworkProtocol": ("proto",),
    "NetworkDirection": ("orig_h", "resp_h"),
    "NetworkApplicationProtocol": ("service",),
    "SrcBytes": ("orig_bytes",),
    "DstBytes": ("resp_bytes",),
    "SrcPackets": ("orig_pkts",),
    "DstPackets": ("resp_pkts",),
    "NetworkSessionId": ("uid",),
    "NetworkConnectionHistory": ("history",),
    "EventOriginalResultDetails": ("conn_state",),
}

# Zeek's conn_state (its base/protocols/conn documentation): was the connection established?
_ESTABLISHED = ("S1", "S2", "S3", "SF", "RSTO", "RSTR")
_REFUSED = ("S0", "REJ", "RSTOS0", "SH", "RSTRH")

_Fields = Mapping[str, exp.Expr]

ENDS = (column("orig_h"), column("resp_h"))
MILLISECOND = 1_000  # microseconds


@dataclass(frozen=True, slots=True)
class Connections:
    """Where a file keeps its connections.

    `fields` are trees over `lines` for the fields that the file has, texts all but `ts` and `duration`, which are
    seconds as DOUBLE; `file` is its number; `early` are the format's own cases of rejection, which come first.
    """

    lines: exp.Expr
    fields: Mapping[str, exp.Expr]
    file: exp.Expr
    early: Callable[[exp.Expr], list[exp.If]]


def spelled(names: tuple[str, ...]) -> dict[str, str]:
    """Of a file's own names, which one stands for each field that it has."""
    present = set(names)
    found = {
        field: next((each for each in spellings if each in present), None) for field, spellings in SPELLINGS.items()
    }
    return {field: name for field, name in found.items() if name is not None}


def columns_of(fields: Mapping[str, object]) -> tuple[str, ...]:
    """The declared columns that a file with those fields can fill."""
    return tuple(name for name, needs in _NEEDS.items() if all(each in fields for each in needs))


def derived_from(columns: tuple[str, ...]) -> dict[str, exp.Expr]:
    """Further columns, as trees over those: what needs no place in a table, since it follows from what is there."""
    found = constants("Zeek", "Zeek", "NetworkSession")
    for name, left, right in (("NetworkBytes", "SrcBytes", "DstBytes"), ("NetworkPackets", "SrcPackets", "DstPackets")):
        if left in columns and right in columns:
            found[name] = _sum(column(left), column(right))
    if "EventOriginalResultDetails" in columns:
        found["EventResult"] = _result(column("EventOriginalResultDetails"))
    return found


def sessions(found: Connections, columns: tuple[str, ...], scope: Scope) -> exp.Select:
    """Connections as sessions, in those of ASimNetworkSessionLogs' columns."""
    filled = (named(_COLUMNS[name](found.fields, scope), name) for name in columns)
    return exp.select(*filled, column(FILE_COLUMN), rejection(moment_of(column("begin")), scope.latest, ENDS)).from_(
        _typed(found).subquery("typed")
    )


def _typed(found: Connections) -> exp.Select:
    """Each field once, typed, under its Zeek name, and the instants in microseconds since 1970."""
    fields = found.fields
    kept = [named(_field(name, tree.copy()), name) for name, tree in fields.items()]
    begin = microseconds(fields["ts"].copy())
    if "duration" in fields:
        kept.append(named(microseconds(exp.Add(this=fields["ts"].copy(), expression=fields["duration"].copy())), "end"))
    early = named(exp.Case(ifs=found.early(begin.copy())), "early")
    return exp.select(*kept, named(begin, "begin"), early, named(found.file, FILE_COLUMN)).from_(found.lines)


def _field(name: str, tree: exp.Expr) -> exp.Expr:
    if name in ("orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts"):
        return count(tree)
    if name in ("orig_p", "resp_p"):
        return port(tree)
    if name in ("orig_h", "resp_h"):
        return address(string(tree))
    return tree if name in ("ts", "duration") else string(tree)


def _copy(field: str) -> Callable[[_Fields, Scope], exp.Expr]:
    return lambda _fields, _scope: column(field)


def _constant(tree: exp.Expr) -> Callable[[_Fields, Scope], exp.Expr]:
    return lambda _fields, _scope: tree.copy()


def _sum(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Both, or the one that is there; NULL where it overflows, which only a made-up log can reach."""
    both = exp.Add(this=left, expression=right)
    return call("TRY", exp.Coalesce(this=both, expressions=[left.copy(), right.copy()]))


def _result(state: exp.Expr) -> exp.Expr:
    # A CASE, not lists: the engine joins with a longer list, and a join loses the order of the rows.
    cases = [exp.If(this=text(each), true=text("Success")) for each in _ESTABLISHED]
    cases += [exp.If(this=text(each), true=text("Failure")) for each in _REFUSED]
    return exp.Case(this=state, ifs=cases, default=text("NA"))


def _direction(fields: _Fields, scope: Scope) -> exp.Expr:
    return direction(
        _inside("orig_h", "local_orig", fields, scope),
        _inside("resp_h", "local_resp", fields, scope),
        to_many(column("resp_h")),
    )


def _inside(end: str, said: str, fields: _Fields, scope: Scope) -> exp.Expr:
    """What the user said decides; else an address is inside when it is private, or when Zeek was told that it is."""
    computed = inside(column(end), scope.local)
    if scope.local or said not in fields:
        return computed
    yes = [exp.If(this=text(each), true=exp.true()) for each in ("T", "true")]
    return exp.Case(this=column(said), ifs=yes, default=computed)


def _milliseconds(_fields: _Fields, _scope: Scope) -> exp.Expr:
    return cast(exp.IntDiv(this=microseconds(column("duration")), expression=number(MILLISECOND)), ColumnType.INT)


def _end(_fields: _Fields, _scope: Scope) -> exp.Expr:
    """A connection without a duration ended when it began, for all that the log says."""
    return moment_of(exp.Coalesce(this=column("end"), expressions=[column("begin")]))


_COLUMNS: Mapping[str, Callable[[_Fields, Scope], exp.Expr]] = {
    "TimeGenerated": _constant(moment_of(column("begin"))),
    "EventEndTime": _end,
    "NetworkDuration": _milliseconds,
    "SrcIpAddr": _copy("orig_h"),
    "SrcPortNumber": _copy("orig_p"),
    "DstIpAddr": _copy("resp_h"),
    "DstPortNumber": _copy("resp_p"),
    "NetworkProtocol": _constant(call("upper", column("proto"))),
    "NetworkDirection": _direction,
    "NetworkApplicationProtocol": _copy("service"),
    "SrcBytes": _copy("orig_bytes"),
    "DstBytes": _copy("resp_bytes"),
    "SrcPackets": _copy("orig_pkts"),
    "DstPackets": _copy("resp_pkts"),
    "NetworkSessionId": _copy("uid"),
    "NetworkConnectionHistory": _copy("history"),
    "EventOriginalResultDetails": _copy("conn_state"),
}
