"""Flows as nfdump prints them with `-o csv`: the 48 columns of its versions up to 1.6, and the titles of 1.7.

A flow of NetFlow goes one way: an answer is a flow of its own, whose source is who answered. The summary behind the
flows has other columns than they, and is counted as rejected.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from sqlglot import exp

from herdsight.logs.flows import (
    LOCAL_TIMES,
    Flows,
    columns_of,
    derived_from,
    instant,
    is_icmp,
    length,
    matches,
    sessions,
    spelled,
)
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import file_number, lines, position
from herdsight.logs.values import cast, count
from herdsight.tables import NETWORK_SESSION, ColumnType
from herdsight.trees import column, number, text

_PRODUCT = "nfdump"
_LOOKED_AT = 50  # lines of the head
_ONE_WAY = "each flow goes one way: an answer is a flow of its own, whose source is who answered"

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

# The TCP flags of all packets one way, a dot for each that is not set: CEUAPRSF.
_TOOK_PART = r".*A.*[PSF].*"
_ONLY_ASKED = r"[CE.]*S[.]*"
_ONLY_RESET = r"[CE.]*A?[.]*R[.]*"


def recognise(head: Head) -> Layout | None:
    """The titles of nfdump's columns."""
    if head.parquet is not None:
        return None
    records = [line.lstrip("\ufeff").split(",") for line in islice(head.lines(), _LOOKED_AT)]
    titles = tuple(each.strip() for each in records[0]) if records else ()
    found = spelled(titles, _TITLES)
    if not all(each in found for each in _REQUIRED) or not {"src_packets", "src_bytes", "src_port"} & set(found):
        return None
    columns = columns_of(found)
    return Layout(
        Shape.CSV,
        fields=titles,
        columns=columns,
        derived=derived_from(_PRODUCT, columns, _result()),
        delimiter=",",
        skip=1,
        notes=tuple(_notes(found, [each for each in records[1:] if len(each) == len(titles)])),
    )


def _notes(found: dict[str, int], records: Sequence[Sequence[str]]) -> Iterator[str]:
    if not any(_COUNTED.fullmatch(each[found["begin"]].strip()) for each in records):
        yield LOCAL_TIMES
    back = [each[found[field]].strip() for field in ("dst_packets", "dst_bytes") if field in found for each in records]
    if all(each in ("", "0") for each in back):
        yield _ONE_WAY


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Flows as sessions; one record, one row."""
    texts = {field: column(position(place)) for field, place in spelled(layout.fields, _TITLES).items()}
    fields = {field: _typed(field, texts) for field in texts}
    return sessions(Flows(lines(source, layout), fields, file_number(source)), layout.columns, scope)


def _typed(field: str, texts: dict[str, exp.Column]) -> exp.Expr:
    """A field from its text."""
    tree = texts[field].copy()
    match field:
        case "begin" | "end":
            return instant(tree)
        case "duration":
            return length(tree)
        case "src_port" | "dst_port":
            return _port(field, texts)
        case "src" | "dst" | "protocol" | "state":
            return exp.Trim(this=tree)
        case "dst_packets" | "dst_bytes":
            # 0 stands where the exporter did not count the way back, which is nearly always.
            return exp.Nullif(this=count(tree), expression=number(0))
        case _:
            return count(tree)


def _port(field: str, texts: dict[str, exp.Column]) -> exp.Expr:
    """A port; of ICMP the type as the source's and the code as the destination's, as Zeek has them.

    nfdump prints 256 times the type and the code as destination port, and 0 as source port.
    """
    plain = cast(texts[field].copy(), ColumnType.INT)
    if not {"src_port", "dst_port"} <= set(texts):
        return plain
    none = exp.EQ(this=cast(texts["src_port"].copy(), ColumnType.INT), expression=number(0))
    both = exp.paren(cast(texts["dst_port"].copy(), ColumnType.INT))
    part = (exp.IntDiv if field == "src_port" else exp.Mod)(this=both, expression=number(256))
    packed = exp.and_(none, is_icmp(exp.Trim(this=texts["protocol"].copy())))
    return exp.Case(ifs=[exp.If(this=packed, true=cast(part, ColumnType.INT))], default=plain)


def _result() -> exp.Expr:
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


FORMATS = (Format("nfdump", NETWORK_SESSION, recognise, read),)
