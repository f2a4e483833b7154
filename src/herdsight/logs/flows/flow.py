"""What the flow formats share: the fields of a flow, and what each becomes in the session hub.

Some formats tell both ways of a flow in one record, others, as those of clouds, have a record for each.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.flows.protocols import ICMP, transport
from herdsight.logs.formats import Scope
from herdsight.logs.values import (
    BAD_ADDRESS,
    FURTHEST,
    address,
    cast,
    constants,
    in_utc,
    microseconds,
    moment_of,
    numbered,
    port,
    reason,
    rejection,
    string,
)
from herdsight.tables import FILE_COLUMN, ColumnType
from herdsight.trees import call, column, named, number, text

MILLISECOND = 1_000  # microseconds
ONE_WAY = "each flow goes one way: an answer is a flow of its own, whose source is who answered"
_BARE_TIME = r"[0-9/-]+[ T][0-9]+:[0-9:.]+"
# Counts since 1970 that are larger are of a smaller unit: as seconds, 100 thousand million would be the year 5138.
_UNITS = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))  # how many of a unit are a second

# The fields of a flow, and the types that they have in `Flows`: instants and lengths are microseconds, `all_*` counts
# both ways together; `action` is what the device did, `count` how many sessions a record stands for.
_FIELDS: Mapping[str, ColumnType] = {
    "begin": ColumnType.LONG,
    "end": ColumnType.LONG,
    "duration": ColumnType.LONG,
    "src": ColumnType.STRING,
    "src_port": ColumnType.INT,
    "dst": ColumnType.STRING,
    "dst_port": ColumnType.INT,
    "protocol": ColumnType.STRING,
    "application": ColumnType.STRING,
    "state": ColumnType.STRING,
    "action": ColumnType.STRING,
    "rule": ColumnType.STRING,
    "count": ColumnType.LONG,
    "id": ColumnType.STRING,
    "device": ColumnType.STRING,
    "device_ip": ColumnType.STRING,
    "src_host": ColumnType.STRING,
    "dst_host": ColumnType.STRING,
    "src_bytes": ColumnType.LONG,
    "dst_bytes": ColumnType.LONG,
    "all_bytes": ColumnType.LONG,
    "src_packets": ColumnType.LONG,
    "dst_packets": ColumnType.LONG,
    "all_packets": ColumnType.LONG,
}

# Declared columns that are read, and the sets of fields of which each needs one to be there. What EventResult follows
# from is always there beside a state, since files of one format, but other columns, share their derived ones.
_NEEDS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "TimeGenerated": (("begin",),),
    "EventEndTime": (("end",), ("duration",)),
    "NetworkDuration": (("duration",), ("end",)),
    "SrcIpAddr": (("src",),),
    "SrcPortNumber": (("src_port",),),
    "DstIpAddr": (("dst",),),
    "DstPortNumber": (("dst_port",),),
    "NetworkProtocol": (("protocol",),),
    "NetworkApplicationProtocol": (("application",),),
    "NetworkDirection": (("src", "dst"),),
    "SrcBytes": (("src_bytes",), ("all_bytes", "dst_bytes")),
    "DstBytes": (("dst_bytes",), ("all_bytes", "src_bytes"), ("state",)),
    "NetworkBytes": (("all_bytes",), ("src_bytes",)),
    "SrcPackets": (("src_packets",), ("all_packets", "dst_packets")),
    "DstPackets": (("dst_packets",), ("all_packets", "src_packets"), ("state",)),
    "NetworkPackets": (("all_packets",), ("src_packets",), ("state",)),
    "EventOriginalResultDetails": (("state",),),
    "DvcOriginalAction": (("action",),),
    "DvcAction": (("action",),),
    "NetworkRuleName": (("rule",),),
    "EventCount": (("count",),),
    "NetworkSessionId": (("id",),),
    "DvcHostname": (("device",),),
    "DvcIpAddr": (("device_ip",),),
    "SrcHostname": (("src_host",),),
    "DstHostname": (("dst_host",),),
}

# What devices say that they did, in lower case: DvcAction and EventResult.
_ALLOWED, _DENIED = ("Allow", "Success"), ("Deny", "Failure")
_ACTIONS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("accept", "a", "allow", "allowed"), _ALLOWED),
    **dict.fromkeys(("reject", "d", "deny", "denied"), _DENIED),
}

_MAC = r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}"  # has colons as an IPv6 address, but too few groups
_LIKE_MAC = "__:__:__:__:__:__"


@dataclass(frozen=True, slots=True)
class Flows:
    """Where a file keeps its flows.

    `fields` are trees over `lines` for the fields that the file has, of the types of `_FIELDS`, `protocol` as it is
    written; `file` is the file's number; `early` are the format's own cases of rejection, which come first.
    """

    lines: exp.Expr
    fields: Mapping[str, exp.Expr]
    file: exp.Expr
    early: Sequence[exp.If] = ()


def spelled(names: Iterable[str], spellings: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The place of each field that a file has, by the first of its spellings that is among the file's own names."""
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        places.setdefault(name, place)
    found = {field: next((each for each in known if each in places), None) for field, known in spellings.items()}
    return {field: places[name] for field, name in found.items() if name is not None}


def columns_of(fields: Iterable[str], *more: str) -> tuple[str, ...]:
    """The declared columns that a file with those fields of a flow can fill, and `more`.

    EventResult is to be among `more` where it follows from the action, or is not known.
    """
    present = set(fields)
    return (*(name for name, needs in _NEEDS.items() if any(present.issuperset(each) for each in needs)), *more)


def derived_from(
    vendor: str, product: str, columns: Sequence[str], result: exp.Expr | None = None, kind: str = "NetworkSession"
) -> dict[str, exp.Expr]:
    """Further columns, as trees over those.

    `result` is EventResult where that follows from the states of a file, `kind` the EventType.
    """
    told = {"EventResult": result} if result is not None and "EventOriginalResultDetails" in columns else {}
    return {name: tree for name, tree in (told | constants(vendor, product, kind)).items() if name not in columns}


def instant(words: exp.Expr, zone: str | None) -> exp.Expr:
    """A written time in microseconds since 1970: a date and time (without an offset, of `zone`), or a count.

    The count is of seconds, with decimals or without, or of a thousandth or less. NULL for what is no time.
    """
    # A time that may have an offset or a zone's name takes the engine five times as long; nearly none of these has.
    plain = exp.TryCast(this=words.copy(), to=exp.DataType.build("TIMESTAMP"))
    zoned = call("timezone", text("UTC"), exp.TryCast(this=words.copy(), to=exp.DataType.build("TIMESTAMPTZ")))
    ifs = [
        exp.If(this=matches(words.copy(), _BARE_TIME), true=call("epoch_us", in_utc(plain, zone))),
        exp.If(this=call("contains", words.copy(), text(":")), true=call("epoch_us", zoned)),
    ]
    return exp.Case(ifs=ifs, default=_counted(words))


def _counted(words: exp.Expr) -> exp.Expr:
    plain = cast(words, ColumnType.REAL)
    ifs = [
        exp.If(
            this=exp.GT(this=plain.copy(), expression=number(least)),
            true=exp.Div(this=plain.copy(), expression=number(in_second)),
        )
        for least, in_second in _UNITS
    ]
    return microseconds(exp.Case(ifs=ifs, default=plain))


def length(words: exp.Expr) -> exp.Expr:
    """A text of seconds as microseconds, NULL for what is none."""
    return microseconds(cast(words, ColumnType.REAL))


def matches(tree: exp.Expr, pattern: str) -> exp.Expr:
    """Whether all of a text matches."""
    return call("regexp_full_match", tree, text(pattern))


def sessions(
    found: Flows, columns: tuple[str, ...], scope: Scope, more: Mapping[str, exp.Expr] | None = None
) -> exp.Select:
    """Flows as sessions, in those of ASimNetworkSessionLogs' columns; one line, one row.

    `more` are a format's own columns, as trees over the fields.
    """
    trees = _columns(scope) | dict(more or {})
    filled = (named(trees[name], name) for name in columns)
    ends = (column("src"), column("dst"))
    why = rejection(moment_of(column("begin")), scope.latest, ends, [_is_mac(each.copy()) for each in ends])
    return exp.select(*filled, column(FILE_COLUMN), why).from_(_typed(found).subquery("typed"))


def _typed(found: Flows) -> exp.Select:
    """Each field once, under its own name; those that the file lacks are NULL."""
    kept = [named(_field(name, kind, found.fields.get(name)), name) for name, kind in _FIELDS.items()]
    early = named(cast(exp.Case(ifs=[*found.early]) if found.early else exp.null(), ColumnType.STRING), "early")
    return exp.select(*kept, early, numbered(found.file)).from_(found.lines)


def _field(name: str, kind: ColumnType, tree: exp.Expr | None) -> exp.Expr:
    if tree is None:
        return cast(exp.null(), kind)
    if name == "protocol":
        return call("lower", string(tree.copy()))
    if name in ("src", "dst"):
        return address(string(tree.copy()))
    if name in ("src_port", "dst_port"):
        return port(tree.copy())
    return string(tree.copy()) if kind is ColumnType.STRING else tree.copy()


def _is_mac(end: exp.Expr) -> exp.If:
    """The case of an address of Ethernet; the slow pattern is only asked about what might be one."""
    maybe = exp.Like(this=end, expression=text(_LIKE_MAC))
    told = exp.Case(ifs=[exp.If(this=maybe, true=matches(end.copy(), _MAC))], default=exp.false())
    return reason(told, BAD_ADDRESS)


def _columns(scope: Scope) -> dict[str, exp.Expr]:
    """The declared columns over the fields."""
    return {
        "TimeGenerated": moment_of(column("begin")),
        "EventEndTime": moment_of(_first(column("end"), _later(column("duration")), column("begin"))),
        "NetworkDuration": _milliseconds(
            _first(column("duration"), exp.Sub(this=_bounded("end"), expression=_bounded("begin")))
        ),
        "SrcIpAddr": column("src"),
        "SrcPortNumber": column("src_port"),
        "DstIpAddr": column("dst"),
        "DstPortNumber": column("dst_port"),
        "NetworkProtocol": transport(column("protocol")),
        "NetworkApplicationProtocol": column("application"),
        "NetworkDirection": heading(column("src"), column("dst"), scope.local),
        "SrcBytes": _one_way("src", "bytes"),
        "DstBytes": _one_way("dst", "bytes"),
        "NetworkBytes": _both_ways("bytes"),
        "SrcPackets": _one_way("src", "packets"),
        "DstPackets": _one_way("dst", "packets"),
        "NetworkPackets": _both_ways("packets"),
        "EventOriginalResultDetails": column("state"),
        "DvcOriginalAction": column("action"),
        "DvcAction": _by_action(0, ""),
        "EventResult": _by_action(1, "NA"),
        "NetworkRuleName": column("rule"),
        "EventCount": cast(_first(column("count"), number(1)), ColumnType.INT),
        "NetworkSessionId": column("id"),
        "DvcHostname": column("device"),
        "DvcIpAddr": column("device_ip"),
        "SrcHostname": column("src_host"),
        "DstHostname": column("dst_host"),
    }


def _by_action(place: int, otherwise: str) -> exp.Expr:
    cases = [exp.If(this=text(said), true=text(meant[place])) for said, meant in _ACTIONS.items()]
    return exp.Case(this=call("lower", column("action")), ifs=cases, default=text(otherwise))


def _one_way(end: str, unit: str) -> exp.Expr:
    """What one end sent, over the fields: as it is told, or what is left of all."""
    other = f"{'dst' if end == 'src' else 'src'}_{unit}"
    told = exp.GTE(this=column(f"all_{unit}"), expression=column(other))
    rest = exp.Case(ifs=[exp.If(this=told, true=_less(f"all_{unit}", other))])
    return _first(column(f"{end}_{unit}"), rest)


def _both_ways(unit: str) -> exp.Expr:
    """What both ends sent, over the fields: as it is told, or the sum, or what is known of one."""
    ends = (column(f"src_{unit}"), column(f"dst_{unit}"))
    total = call("TRY", exp.Add(this=ends[0], expression=ends[1]))  # only a made-up log can make it overflow
    return _first(column(f"all_{unit}"), total, ends[0].copy(), ends[1].copy())


def _first(*trees: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=trees[0], expressions=list(trees[1:]))


def _later(micros: exp.Expr) -> exp.Expr:
    return exp.Add(this=_bounded("begin"), expression=micros)


def _bounded(instant: str) -> exp.Expr:
    """An instant, at a bound where it lies past it: only a made-up one does, and a sum with it would overflow."""
    late = exp.If(this=exp.GT(this=column(instant), expression=number(FURTHEST)), true=number(FURTHEST))
    early = exp.If(this=exp.LT(this=column(instant), expression=number(-FURTHEST)), true=number(-FURTHEST))
    return exp.Case(ifs=[late, early], default=column(instant))


def _less(left: str, right: str) -> exp.Expr:
    return exp.Sub(this=column(left), expression=column(right))


def _milliseconds(micros: exp.Expr) -> exp.Expr:
    return cast(exp.IntDiv(this=exp.paren(micros), expression=number(MILLISECOND)), ColumnType.INT)


def is_icmp(protocol: exp.Expr) -> exp.Expr:
    """Whether a protocol, as it is written, is ICMP or ICMPv6."""
    return matches(call("lower", protocol), "|".join(map(re.escape, ICMP)))


# The TCP flags of all packets one way, as nfdump has them: a dot for each that is not set of CEUAPRSF.
FLAGS = "CEUAPRSF"
_TOOK_PART = r".*A.*[PSF].*"
_ONLY_ASKED = r"[CE.]*S[.]*"
_ONLY_RESET = r"[CE.]*A?[.]*R[.]*"


def flags_result() -> exp.Expr:
    """EventResult, over the declared columns: of TCP by its flags, else by whether anything came back in the flow."""
    flags = column("EventOriginalResultDetails")
    by_flags = exp.Case(
        ifs=[
            exp.If(this=matches(flags, _TOOK_PART), true=text("Success")),
            *(exp.If(this=matches(flags.copy(), each), true=text("Failure")) for each in (_ONLY_ASKED, _ONLY_RESET)),
        ],
        default=text("NA"),
    )
    is_tcp = exp.EQ(this=column("NetworkProtocol"), expression=text("TCP"))
    back = exp.Coalesce(this=column("DstPackets"), expressions=[column("DstBytes")])
    answered = exp.GT(this=back, expression=number(0))
    ifs = [exp.If(this=is_tcp, true=by_flags), exp.If(this=answered, true=text("Success"))]
    return exp.Case(ifs=ifs, default=text("NA"))
