"""Exports of Azure's traffic analytics, AzureNetworkAnalytics_CL and NTANetAnalytics: flows, added up over a while.

The columns are told by Microsoft's "Traffic analytics schema": those of the older table end in a letter for their type
(`FlowStartTime_t`), and tools that export it often leave that out. A row counts the flows that it stands for.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from sqlglot import exp

from herdsight.logs.flows.flow import Flows, columns_of, derived_from, sessions
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.microsoft.exports import json_objects
from herdsight.logs.scan import VARCHAR, file_number, lines, objects, position
from herdsight.logs.values import BAD_JSON, OTHER_EVENT, all_null, cast, moment, reason, string
from herdsight.tables import NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, number, text

_LOOKED_AT = 50  # objects of the head
_TOLD = 4  # telling names: fewer could be any log
_SEVERAL = "a row that stands for several public addresses is a session with the first"
_ZONE = re.compile(r" \[[^\]]{1,40}\]$")  # the portal's CSV says it in each time column's name
_TYPE = re.compile(r"_[sdtgb]$")
_ADDRESS = r"[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+"
_PROTOCOLS = {"T": "tcp", "U": "udp"}
_FLOW_LOG = "FlowLog"  # the other rows tell of topology

# The names of what is read, in lower case and without the letter for the type, by what they are here.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "begin": ("FlowStartTime", "TimeGenerated"),
    "end": ("FlowEndTime",),
    "src": ("SrcIP",),
    "src_public": ("SrcPublicIPs",),
    "dst": ("DestIP",),
    "dst_public": ("DestPublicIPs",),
    "machine": ("VMIP", "VMIPAddress"),
    "public": ("AllExtIPs", "PublicIPs"),
    "direction": ("FlowDirection",),
    "src_port": ("SrcPort",),
    "dst_port": ("DestPort",),
    "protocol": ("L4Protocol",),
    "application": ("L7Protocol",),
    "status": ("FlowStatus",),
    "rule": ("NSGRule", "AclRule"),
    "id": ("ConnectionName",),
    "src_vm": ("VM1", "SrcVm"),
    "dst_vm": ("VM2", "DestVm"),
    "device": ("NSGList",),
    "allowed_in": ("AllowedInFlows",),
    "allowed_out": ("AllowedOutFlows",),
    "denied_in": ("DeniedInFlows",),
    "denied_out": ("DeniedOutFlows",),
    "src_bytes": ("BytesSrcToDest",),
    "dst_bytes": ("BytesDestToSrc",),
    "src_packets": ("PacketsSrcToDest",),
    "dst_packets": ("PacketsDestToSrc",),
    "bytes_in": ("InboundBytes",),
    "bytes_out": ("OutboundBytes",),
    "packets_in": ("InboundPackets",),
    "packets_out": ("OutboundPackets",),
    "kind": ("SubType",),
}
_TELLING = frozenset(
    (
        *("flowstarttime", "flowendtime", "flowtype", "flowdirection", "l4protocol", "l7protocol", "flowstatus"),
        *("allowedinflows", "allowedoutflows", "deniedinflows", "deniedoutflows"),
    )
)
_FIELDS = (
    *("begin", "end", "src", "src_port", "dst", "dst_port", "protocol", "application", "action", "rule", "count", "id"),
    *("device", "src_host", "dst_host", "src_bytes", "dst_bytes", "src_packets", "dst_packets"),
)

_Texts = Mapping[str, exp.Expr]  # by what it is here, a text of the record; "" or NULL where there is none


def _bare(name: str) -> str:
    return _TYPE.sub("", _ZONE.sub("", name.strip().lstrip("\ufeff"))).lower()


def recognise(head: Head) -> Layout | None:
    """CSV under such names, or JSON objects that have them."""
    if head.parquet is not None:
        return None
    if head.text.lstrip("\ufeff \r\n\t")[:1] in {"{", "["}:
        shape, found = json_objects(head)
        names = tuple(dict.fromkeys(name for each in islice(found, _LOOKED_AT) for name in each))
        return _layout(shape, names) if shape is not Shape.JSON_RECORDS else None
    return _layout(Shape.CSV, _titles(head))


def _titles(head: Head) -> tuple[str, ...]:
    try:
        return tuple(next(csv.reader(head.lines()[:1]), ()))
    except csv.Error:
        return ()


def _layout(shape: Shape, names: tuple[str, ...]) -> Layout | None:
    bare = {_bare(name) for name in names}
    if len(_TELLING & bare) < _TOLD:
        return None
    columns = columns_of(_FIELDS, "EventResult")
    return Layout(
        shape,
        fields=names,
        columns=columns,
        derived=derived_from("Microsoft", "NSGFlow", columns, kind="Flow"),
        delimiter=",",
        skip=1 if shape is Shape.CSV else 0,
        notes=(_SEVERAL,),
    )


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Flows as sessions; one row, one row."""
    texts = _Record(dict(_known(layout)))
    records: exp.Expr
    if layout.shape is Shape.CSV:
        records, early = lines(source, layout), []
    else:
        keys = [name for name in layout.fields if _bare(name) in _EVERY]
        records = objects(source, layout.shape, dict.fromkeys(keys, VARCHAR))
        early = [reason(all_null(map(column, keys)), BAD_JSON)]
    other = exp.and_(*(exp.NEQ(this=texts["kind"], expression=text(each)) for each in ("", _FLOW_LOG)))
    early.append(reason(other, f"{OTHER_EVENT}: topology"))
    found = Flows(records, texts.fields(), file_number(source), early)
    return sessions(found, layout.columns, scope)


_EVERY = frozenset(name.lower() for names in _NAMES.values() for name in names)


def _known(layout: Layout) -> Iterator[tuple[str, exp.Expr]]:
    """By the bare name, the text of each column that is read."""
    for place, name in enumerate(layout.fields):
        if _bare(name) in _EVERY:
            yield _bare(name), column(position(place) if layout.shape is Shape.CSV else name)


class _Record:
    """The texts of a record, and the fields of a flow that follow from them."""

    def __init__(self, columns: Mapping[str, exp.Expr]) -> None:
        self._columns = columns

    def __getitem__(self, what: str) -> exp.Expr:
        """A text, "" where there is none; of several columns that may have it, the first that does."""
        found = [self._columns[name.lower()] for name in _NAMES[what] if name.lower() in self._columns]
        return _first(found)

    def fields(self) -> dict[str, exp.Expr]:
        """The fields of a flow, typed."""
        texts = {name: self[name] for name in ("rule", "id", "application")}
        ports = {name: cast(cast(self[name], ColumnType.REAL), ColumnType.INT) for name in ("src_port", "dst_port")}
        instants = {name: call("epoch_us", moment(self[name])) for name in ("begin", "end")}
        letters = [exp.If(this=text(letter), true=text(name)) for letter, name in _PROTOCOLS.items()]
        return {
            **texts,
            **ports,
            **instants,
            **self._counts(),
            "src": _first([self["src"], _address(self["src_public"]), self._by_direction("machine", "public")]),
            "dst": _first([self["dst"], _address(self["dst_public"]), self._by_direction("public", "machine")]),
            "protocol": exp.Case(this=self["protocol"], ifs=letters, default=self["protocol"]),
            "action": self._action(),
            "src_host": _last_part(self["src_vm"]),
            "dst_host": _last_part(self["dst_vm"]),
            "device": _last_part(self["device"]),
        }

    def _by_direction(self, outward: str, inward: str) -> exp.Expr:
        """Of a flow between a machine and public addresses: the one where it goes out, the other where it comes in."""
        return exp.Case(
            ifs=[exp.If(this=self._goes_out(), true=_address(self[outward]))], default=_address(self[inward])
        )

    def _goes_out(self) -> exp.Expr:
        return call("starts_with", self["direction"], text("O"))

    def _counts(self) -> dict[str, exp.Expr]:
        """Bytes and packets each way, and how many flows there were."""
        found = {}
        for unit in ("bytes", "packets"):
            into, out = _whole(self[f"{unit}_in"]), _whole(self[f"{unit}_out"])
            for end, (outward, inward) in {"src": (out, into), "dst": (into, out)}.items():
                told = exp.Case(
                    ifs=[exp.If(this=self._goes_out(), true=outward.copy())],
                    default=inward.copy(),
                )
                found[f"{end}_{unit}"] = exp.Coalesce(this=_whole(self[f"{end}_{unit}"]), expressions=[told])
        total = _sum([self._flows("allowed"), self._flows("denied")])
        return {**found, "count": exp.Nullif(this=total, expression=number(0))}

    def _flows(self, decided: str) -> exp.Expr:
        return _sum([exp.Coalesce(this=_whole(self[f"{decided}_{way}"]), expressions=[number(0)]) for way in _WAYS])

    def _action(self) -> exp.Expr:
        """What was decided, as the row says it; else that all its flows were denied, or that some were not."""
        denied, allowed = (exp.GT(this=self._flows(each), expression=number(0)) for each in ("denied", "allowed"))
        counted = exp.Case(ifs=[exp.If(this=allowed, true=text("A")), exp.If(this=denied, true=text("D"))])
        return _first([self["status"], counted])


_WAYS = ("in", "out")


def _first(texts: Sequence[exp.Expr]) -> exp.Expr:
    """The first text that is not empty."""
    given = [exp.Nullif(this=exp.Trim(this=each.copy()), expression=text("")) for each in texts]
    return string(exp.Coalesce(this=given[0], expressions=given[1:])) if given else text("")


def _sum(numbers: Sequence[exp.Expr]) -> exp.Expr:
    left, right = numbers
    return exp.paren(call("TRY", exp.Add(this=left, expression=right)))  # only a made-up log can make it overflow


def _address(words: exp.Expr) -> exp.Expr:
    """The first address of a text, which may be a list, or have counts behind each."""
    return call("regexp_extract", words, text(_ADDRESS))


def _last_part(words: exp.Expr) -> exp.Expr:
    """The name at the end of a path of Azure's."""
    return call("regexp_extract", words, text("[^/]*$"))


def _whole(words: exp.Expr) -> exp.Expr:
    """A count, which may be written with decimals; NULL for what is none."""
    plain = cast(cast(words, ColumnType.REAL), ColumnType.LONG)
    return exp.Case(ifs=[exp.If(this=exp.GTE(this=plain, expression=number(0)), true=plain.copy())])


FORMATS = (Format("azure-traffic-analytics", NETWORK_SESSION, recognise, read),)
