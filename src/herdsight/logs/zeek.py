"""What the Zeek formats share: the fields of a connection and what each becomes in the session hub."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from herdsight.logs.formats import Scope
from herdsight.logs.inside import MANY, PRIVATE, direction, within
from herdsight.logs.values import BAD_ADDRESS, bad_time, cast, has_address_shape, microseconds, moment_of, reason, reject, string
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
# What tells a connection log from the other logs, which have those fields, too.
TELLING = ("conn_state", "orig_bytes", "orig_pkts", "history")

# Declared columns, and the fields that each needs to be worth having.
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "TimeGenerated": ("ts",),
    "EventStartTime": ("ts",),
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
    "NetworkBytes": ("orig_bytes", "resp_bytes"),
    "SrcPackets": ("orig_pkts",),
    "DstPackets": ("resp_pkts",),
    "NetworkPackets": ("orig_pkts", "resp_pkts"),
    "NetworkSessionId": ("uid",),
    "NetworkConnectionHistory": ("history",),
    "EventOriginalResultDetails": ("conn_state",),
    "EventResult": ("conn_state",),
    "EventCount": (),
    "EventVendor": (),
    "EventProduct": (),
    "EventType": (),
}

# Zeek's conn_state (its base/protocols/conn documentation): was the connection established?
_ESTABLISHED = ("S1", "S2", "S3", "SF", "RSTO", "RSTR")
_REFUSED = ("S0", "REJ", "RSTOS0", "SH", "RSTRH")

MILLISECOND = 1_000  # microseconds


@dataclass(frozen=True, slots=True)
class Fields:
    """Where a file keeps the fields of a connection: a tree for each field that it has."""

    trees: Mapping[str, exp.Expression]

    def __contains__(self, name: object) -> bool:
        return name in self.trees

    def __getitem__(self, name: str) -> exp.Expression:
        return self.trees[name].copy()


def spelled(names: tuple[str, ...]) -> dict[str, str]:
    """Of a file's own names, which one stands for each field that it has."""
    present = set(names)
    found = {field: next((each for each in spellings if each in present), None)
             for field, spellings in SPELLINGS.items()}
    return {field: name for field, name in found.items() if name is not None}


def columns_of(fields: Mapping[str, object]) -> tuple[str, ...]:
    """The declared columns that a file with those fields can fill."""
    return tuple(name for name, needs in _NEEDS.items() if all(each in fields for each in needs))


def sessions(
    lines: exp.Table, fields: Fields, columns: tuple[str, ...], file: exp.Expression, scope: Scope,
    reasons: Callable[[exp.Expression], list[exp.If]],
) -> exp.Select:
    """Connections as sessions.

    `fields` are trees over `lines`, texts all but `ts` and `duration`, which are seconds as DOUBLE; `reasons` gives
    the format's own cases of rejection, which come first.
    """
    inner = _typed(lines, fields, file, reasons)
    return exp.select(*(named(_COLUMNS[name](fields, scope), name) for name in columns), column(FILE_COLUMN),
                      _rejection(scope)).from_(inner.subquery("typed"))


def _typed(lines: exp.Table, fields: Fields, file: exp.Expression,
           reasons: Callable[[exp.Expression], list[exp.If]]) -> exp.Select:
    """Each field once, typed, under its Zeek name."""
    kept = [named(_field(name, fields[name]), name) for name in fields.trees]
    begin = named(microseconds(fields["ts"]), "begin")
    early = named(exp.Case(ifs=reasons(microseconds(fields["ts"]))), "early")
    end = [named(microseconds(exp.Add(this=fields["ts"], expression=fields["duration"])), "end")] if "duration" in fields else []
    return exp.select(*kept, begin, *end, early, named(file, FILE_COLUMN)).from_(lines)


def _field(name: str, tree: exp.Expression) -> exp.Expression:
    if name in ("orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts"):
        return cast(tree, ColumnType.LONG)
    if name in ("orig_p", "resp_p"):
        return cast(tree, ColumnType.INT)
    return tree if name in ("ts", "duration") else string(tree)


def _rejection(scope: Scope) -> exp.Expression:
    early = exp.If(this=exp.Not(this=exp.Is(this=column("early"), expression=exp.Null())), true=column("early"))
    shaped = exp.and_(has_address_shape(column("orig_h")), has_address_shape(column("resp_h")))
    return reject([early, *bad_time(moment_of(column("begin")), scope.latest),
                   reason(exp.Not(this=exp.paren(shaped)), BAD_ADDRESS)])


def _copy(field: str) -> Callable[[Fields, Scope], exp.Expression]:
    return lambda _fields, _scope: column(field)


def _constant(tree: exp.Expression) -> Callable[[Fields, Scope], exp.Expression]:
    return lambda _fields, _scope: tree.copy()


def _sum(left: str, right: str) -> Callable[[Fields, Scope], exp.Expression]:
    """Both, or the one that is there; NULL where it overflows, which only a made-up log can reach."""
    both = exp.Add(this=column(left), expression=column(right))
    either = exp.Coalesce(this=both, expressions=[column(left), column(right)])
    return _constant(call("TRY", either))


def _result(_fields: Fields, _scope: Scope) -> exp.Expression:
    def among(states: tuple[str, ...]) -> exp.Expression:
        return exp.In(this=column("conn_state"), expressions=[text(each) for each in states])

    return exp.Case(ifs=[exp.If(this=among(_ESTABLISHED), true=text("Success")),
                         exp.If(this=among(_REFUSED), true=text("Failure"))], default=text("NA"))


def _direction(fields: Fields, scope: Scope) -> exp.Expression:
    return direction(_inside("orig_h", "local_orig", fields, scope), _inside("resp_h", "local_resp", fields, scope),
                     within(column("resp_h"), MANY))


def _inside(address: str, said: str, fields: Fields, scope: Scope) -> exp.Expression:
    """What the user said decides; else an address is inside when it is private, or when Zeek was told that it is."""
    if scope.local:
        return within(column(address), scope.local)
    private = within(column(address), PRIVATE)
    if said not in fields:
        return private
    told = exp.In(this=column(said), expressions=[text("T"), text("true")])
    return exp.or_(told, private)


def _milliseconds(_fields: Fields, _scope: Scope) -> exp.Expression:
    return cast(exp.IntDiv(this=microseconds(column("duration")), expression=number(MILLISECOND)), ColumnType.INT)


def _end(_fields: Fields, _scope: Scope) -> exp.Expression:
    """A connection without a duration ended when it began, for all that the log says."""
    return moment_of(exp.Coalesce(this=column("end"), expressions=[column("begin")]))


_COLUMNS: Mapping[str, Callable[[Fields, Scope], exp.Expression]] = {
    "TimeGenerated": _constant(moment_of(column("begin"))),
    "EventStartTime": _constant(moment_of(column("begin"))),
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
    "NetworkBytes": _sum("orig_bytes", "resp_bytes"),
    "SrcPackets": _copy("orig_pkts"),
    "DstPackets": _copy("resp_pkts"),
    "NetworkPackets": _sum("orig_pkts", "resp_pkts"),
    "NetworkSessionId": _copy("uid"),
    "NetworkConnectionHistory": _copy("history"),
    "EventOriginalResultDetails": _copy("conn_state"),
    "EventResult": _result,
    "EventCount": _constant(exp.Cast(this=number(1), to=exp.DataType.build("INT"))),
    "EventVendor": _constant(text("Zeek")),
    "EventProduct": _constant(text("Zeek")),
    "EventType": _constant(text("NetworkSession")),
}
