"""Suricata's events of flows: both ways in one (flow), or each way in an event of its own (netflow)."""

from sqlglot import exp

from herdsight.logs.suricata.events import (
    DIRECTION,
    ENDS,
    INT,
    LONG,
    TIMESTAMP,
    Kind,
    Value,
    always,
    number_of,
    own,
    words,
)
from herdsight.logs.values import cast, moment
from herdsight.trees import call, column, number, text

_FIN, _SYN, _RST, _PSH, _ACK = 1, 2, 4, 8, 16  # bits of TCP's flags
_PART = _FIN | _SYN | _PSH
_ONE_WAY = "netflow events go one way: an answer is an event of its own, whose source is who answered"


def _milliseconds(key: str) -> Value:
    begin, end = (call("epoch_us", moment(own(key, each))) for each in ("start", "end"))
    return number_of(exp.IntDiv(this=exp.paren(exp.Sub(this=end, expression=begin)), expression=number(1_000)), INT)


def _has(flags: exp.Expr, bits: int) -> exp.Expr:
    """Whether one of the bits is set, of flags that are written as hexadecimal digits."""
    value = cast(call("concat", text("0x"), flags), LONG)
    return exp.GT(this=exp.paren(exp.BitwiseAnd(this=value, expression=number(bits))), expression=number(0))


def _has_none(flags: exp.Expr, bits: int) -> exp.Expr:
    return exp.Not(this=exp.paren(_has(flags, bits)))


def _is_tcp() -> exp.Expr:
    return exp.EQ(this=call("upper", column("proto")), expression=text("TCP"))


def _answer() -> exp.Expr:
    """TCP was established where the server's flags have a SYN; of the rest, where anything came back."""
    back = own("flow", "pkts_toclient")
    silent = exp.EQ(this=cast(back.copy(), LONG), expression=number(0))
    refused = exp.and_(_is_tcp(), _has_none(own("tcp", "tcp_flags_tc"), _SYN))
    return (
        exp.case()
        .when(silent, text("Failure"))
        .when(refused, text("Failure"))
        .when(exp.Is(this=back, expression=exp.null()), text("NA"))
        .else_(text("Success"))
    )


def _answer_of_one_way() -> exp.Expr:
    """Of TCP by the flags of this way: who acknowledges and takes part was answered; who only asked or reset, not."""
    flags = own("tcp", "tcp_flags")
    took_part = exp.and_(_has(flags.copy(), _ACK), _has(flags.copy(), _PART))
    only_asked = exp.and_(
        _has(flags.copy(), _SYN), exp.Not(this=exp.paren(_has(flags.copy(), _ACK | _FIN | _PSH | _RST)))
    )
    only_reset = exp.and_(_has(flags.copy(), _RST), exp.Not(this=exp.paren(_has(flags.copy(), _PART))))
    by_flags = (
        exp.case()
        .when(took_part, text("Success"))
        .when(only_asked, text("Failure"))
        .when(only_reset, text("Failure"))
        .else_(text("NA"))
    )
    return exp.Case(ifs=[exp.If(this=_is_tcp(), true=by_flags)], default=text("NA"))


def _begin(key: str) -> exp.Expr:
    start = exp.Dot(this=column(key), expression=exp.to_identifier("start", quoted=True))
    return exp.Coalesce(this=start, expressions=[TIMESTAMP.copy()])


_APPLICATION = words(exp.Nullif(this=column("app_proto"), expression=text("failed")))
_SESSION_ID = always(column("flow_id"))

FLOW = Kind(
    name="flow",
    fields={
        "flow": (*("start", "end", "state", "pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient"),),
        "tcp": ("tcp_flags_tc",),
    },
    time=_begin("flow"),
    values={
        **ENDS,
        "EventType": always(text("NetworkSession")),
        "EventEndTime": always(moment(own("flow", "end"))),
        "NetworkDuration": _milliseconds("flow"),
        "NetworkDirection": DIRECTION,
        "NetworkApplicationProtocol": _APPLICATION,
        "NetworkSessionId": _SESSION_ID,
        "SrcBytes": number_of(own("flow", "bytes_toserver")),
        "DstBytes": number_of(own("flow", "bytes_toclient")),
        "SrcPackets": number_of(own("flow", "pkts_toserver")),
        "DstPackets": number_of(own("flow", "pkts_toclient")),
        "EventOriginalResultDetails": words(own("flow", "state")),
        "EventResult": always(_answer()),
    },
)
NETFLOW = Kind(
    name="netflow",
    fields={"netflow": ("start", "end", "pkts", "bytes"), "tcp": ("tcp_flags",)},
    time=_begin("netflow"),
    values={
        **ENDS,
        "EventType": FLOW.values["EventType"],
        "EventOriginalType": always(text("netflow")),
        "EventEndTime": always(moment(own("netflow", "end"))),
        "NetworkDuration": _milliseconds("netflow"),
        "NetworkDirection": DIRECTION,
        "NetworkApplicationProtocol": _APPLICATION,
        "NetworkSessionId": _SESSION_ID,
        "SrcBytes": number_of(own("netflow", "bytes")),
        "SrcPackets": number_of(own("netflow", "pkts")),
        "EventResult": always(_answer_of_one_way()),
    },
    note=_ONE_WAY,
)
