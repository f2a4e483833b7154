"""Flows as nfdump prints them with `-o csv`: the 48 columns of its versions up to 1.6, and the titles of 1.7.

A flow of NetFlow goes one way: an answer is a flow of its own, whose source is who answered. The summary behind the
flows has other columns than they, and is no record.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from sqlglot import exp

from herdsight.logs.flows.flow import ONE_WAY, Flows, flags_result, sessions, spelled
from herdsight.logs.flows.printed import FlowTable, Packed, Texts
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import file_number, lines, position
from herdsight.logs.values import TOO_FEW, cast, numbered, reason
from herdsight.tables import FILE_COLUMN, NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, number, text

_PRODUCT = "nfdump"
_LOOKED_AT = 50  # lines of the head

# The titles of 1.6, and those of 1.7, which prints the columns that it is asked for.
_TITLES = {
    "begin": ("ts", "firstSeen"),
    "end": ("te", "lastSeen"),
    "duration": ("td", "duration"),
    "src": ("sa", "srcAddr"),
    "src_port": ("sp", "srcPort"),
    "dst": ("da", "dstAddr"),
    "dst_port": ("dp", "dstPort"),
    "protocol": ("pr", "proto"),
    "state": ("flg", "flags"),
    "src_packets": ("ipkt", "inPackets", "packets"),
    "src_bytes": ("ibyt", "inBytes", "bytes"),
    "dst_packets": ("opkt", "outPackets"),
    "dst_bytes": ("obyt", "outBytes"),
}
_REQUIRED = ("begin", "src", "dst", "protocol")
_COUNTED = re.compile(r"\d+(\.\d+)?")

# No file holds it, so no text is read as NULL, and NULL is what a line is too short to have.
_NEVER = "\x1e\x1f\x1e"
_SUMMARY = ("Summary", "flows")  # how its first two lines begin; the third is six numbers
_SUMMED = 6


def recognise(head: Head) -> Layout | None:
    """The titles of nfdump's columns."""
    if head.parquet is not None:
        return None
    records = [line.lstrip("\ufeff").split(",") for line in islice(head.lines(), _LOOKED_AT)]
    titles = tuple(each.strip() for each in records[0]) if records else ()
    found = spelled(titles, _TITLES)
    if not all(each in found for each in _REQUIRED) or not {"src_packets", "src_bytes", "src_port"} & set(found):
        return None
    flows = [each for each in records[1:] if len(each) == len(titles)]
    return replace(
        _TABLE.layout(Shape.DELIMITED, titles, ",", skip=1, more=[]),
        missing=(_NEVER,),
        notes=tuple(_notes(titles, flows)),
        zoneless=not any(_COUNTED.fullmatch(each) for each in _TABLE.shown(titles, "begin", flows)),
    )


def _notes(titles: Sequence[str], records: Sequence[Sequence[str]]) -> Iterator[str]:
    back = (each for field in _UNSURE for each in _TABLE.shown(titles, field, records))
    if all(each in ("", "0") for each in back):
        yield ONE_WAY


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Flows as sessions; one record, one row."""
    texts = _TABLE.texts(layout)
    short = exp.Is(this=column(position(len(layout.fields) - 1)), expression=exp.null())
    records = exp.select("*", numbered(file_number(source))).from_(lines(source, layout, padded=True))
    flows = records.where(exp.Not(this=exp.paren(_no_record(short, len(layout.fields))))).subquery("records")
    fields = _TABLE.fields(texts, scope)
    return sessions(Flows(flows, fields, column(FILE_COLUMN), [reason(short, TOO_FEW)]), layout.columns, scope)


def _no_record(short: exp.Expr, width: int) -> exp.Expr:
    """A line of the summary, or a comment."""
    first = column(position(0))
    comment = call("starts_with", first, text("#"))
    begun = exp.In(this=first.copy(), expressions=[text(each) for each in _SUMMARY])
    of_summary = exp.or_(begun, _is_summed()) if width > _SUMMED else begun
    return exp.or_(comment, exp.paren(exp.and_(short.copy(), exp.paren(of_summary))))


def _is_summed() -> exp.Expr:
    """Six values, of which the first is a number."""
    last, beyond = (exp.Is(this=column(position(place)), expression=exp.null()) for place in (_SUMMED - 1, _SUMMED))
    counted = call("regexp_full_match", column(position(0)), text("[0-9]+"))
    return exp.paren(exp.and_(exp.Not(this=exp.paren(last)), beyond, counted))


def _is_packed(texts: Texts) -> exp.Expr:
    """Whether the ports are 0 and, as nfdump prints the two of ICMP, 256 times the type and the code."""
    return exp.EQ(this=cast(texts["src_port"].copy(), ColumnType.INT), expression=number(0))


# 0 stands where the exporter did not count the way back, which is nearly always.
_UNSURE = ("dst_packets", "dst_bytes")
_TABLE = FlowTable(_PRODUCT, _TITLES, Packed("dst_port", _is_packed, type_first=True), flags_result, frozenset(_UNSURE))

FORMATS = (Format("nfdump", NETWORK_SESSION, recognise, read),)
