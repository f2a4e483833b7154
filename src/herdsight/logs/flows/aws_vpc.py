"""VPC flow logs of AWS: values between blanks, in the default order of version 2, or under a line of field names.

The fields, `-` for what is missing, and the records without a flow (NODATA, SKIPDATA) are told by AWS' "Flow log
records". A record is one direction of the traffic at one interface.
"""

import re
from collections.abc import Mapping
from itertools import islice

from sqlglot import exp

from herdsight.logs.flows.flow import Flows, columns_of, derived_from, sessions
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import file_number, lines, position
from herdsight.logs.values import cast, count, microseconds, reason
from herdsight.tables import NETWORK_SESSION, ColumnType
from herdsight.trees import column, text

HEADER_AGAIN = "header repeated"
NO_DATA = "no data in the interval"
SKIPPED_DATA = "data skipped by AWS"

_DEFAULT = (
    *("version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol"),
    *("packets", "bytes", "start", "end", "action", "log-status"),
)
_NAMES: Mapping[str, str] = {
    "begin": "start",
    "end": "end",
    "src": "srcaddr",
    "src_port": "srcport",
    "dst": "dstaddr",
    "dst_port": "dstport",
    "protocol": "protocol",
    "action": "action",
    "src_bytes": "bytes",
    "src_packets": "packets",
}
# The ends of the traffic where the interface belongs to something between them, as a NAT gateway.
_REQUIRED = ("begin", "src", "dst")
_PACKET_ENDS: Mapping[str, tuple[str, ...]] = {"src": ("pkt-srcaddr",), "dst": ("pkt-dstaddr",)}
_STATUS = {"NODATA": NO_DATA, "SKIPDATA": SKIPPED_DATA}
_LOOKED_AT = 50  # lines of the head
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_RECORD = re.compile(
    r"\d+ (\d{12}|unknown|-) \S+ [0-9a-fA-F.:-]+ [0-9a-fA-F.:-]+( (\d+|-)){5} \d{9,11} \d{9,11} "
    r"(ACCEPT|REJECT|-) (OK|NODATA|SKIPDATA)"
)


def recognise(head: Head) -> Layout | None:
    """A line of field names, or records in the default order."""
    looked_at = [line for line in islice(head.lines(), _LOOKED_AT) if line.strip()]
    if not looked_at:
        return None
    names = tuple(looked_at[0].strip().split(" "))
    if _is_header(names):
        return _layout(names, skip=1)
    return _layout(_DEFAULT) if any(map(_RECORD.fullmatch, looked_at)) else None


def _is_header(names: tuple[str, ...]) -> bool:
    return all(map(_NAME.fullmatch, names)) and {"src", "dst"} <= set(_places(names))


def _places(names: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Where each field that a file has stands: at the first of those places that has a value."""
    spellings = {field: (*_PACKET_ENDS.get(field, ()), name) for field, name in _NAMES.items()}
    places = {field: tuple(names.index(each) for each in known if each in names) for field, known in spellings.items()}
    return {field: found for field, found in places.items() if found}


def _layout(names: tuple[str, ...], skip: int = 0) -> Layout:
    found = _places(names)
    columns = columns_of(found, "EventResult")
    lacking = [_NAMES[field] for field in _REQUIRED if field not in found]
    return Layout(
        Shape.DELIMITED,
        fields=names,
        columns=columns,
        derived=derived_from("AWS", "VPC", columns),
        delimiter=" ",
        missing=("-",),
        skip=skip,
        refused=f"an AWS VPC flow log without {', '.join(lacking)}" if lacking else None,
    )


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Flows as sessions; one line, one row."""
    fields = {field: _typed(field, _first(places)) for field, places in _places(layout.fields).items()}
    found = Flows(lines(source, layout), fields, file_number(source), _early(layout))
    return sessions(found, layout.columns, scope)


def _first(places: tuple[int, ...]) -> exp.Expr:
    first, *others = (column(position(each)) for each in places)
    return exp.Coalesce(this=first, expressions=others) if others else first


def _typed(field: str, words: exp.Expr) -> exp.Expr:
    match field:
        case "begin" | "end":
            return microseconds(cast(words, ColumnType.REAL))
        case "src_port" | "dst_port":
            return cast(words, ColumnType.INT)
        case "src_bytes" | "src_packets":
            return count(words)
        case _:
            return words


def _early(layout: Layout) -> list[exp.If]:
    """What is no flow, by its status, and a line of field names further down."""
    place = next(index for index, name in enumerate(layout.fields) if name in {"srcaddr", "pkt-srcaddr"})
    again = exp.EQ(this=column(position(place)), expression=text(layout.fields[place]))
    cases = [reason(again, HEADER_AGAIN)]
    if "log-status" in layout.fields:
        status = column(position(layout.fields.index("log-status")))
        cases += [reason(exp.EQ(this=status.copy(), expression=text(said)), why) for said, why in _STATUS.items()]
    return cases


FORMATS = (Format("aws-vpc-flow", NETWORK_SESSION, recognise, read),)
