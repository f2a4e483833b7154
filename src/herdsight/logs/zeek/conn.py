"""Zeek's conn.log as it is written by default: values between separators, under a header of # lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import file_number, lines, position
from herdsight.logs.values import REPEATED_HEADER, cast, reason
from herdsight.logs.zeek.fields import REQUIRED, Connections, columns_of, derived_from, sessions, spelled
from herdsight.logs.zeek.kinds import log_of
from herdsight.logs.zeek.writing import WrittenField, write_log
from herdsight.tables import NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, text

_FIELDS = "#fields"
_SEPARATOR = "#separator"
_HEX = 16


@dataclass(frozen=True, slots=True)
class Header:
    """What the # lines at the top of a Zeek log say."""

    separator: str
    fields: tuple[str, ...]
    path: str
    set_separator: str
    missing: tuple[str, ...]  # the texts for an unset and for an empty value
    lines: int


def header_of(lines: Iterable[str]) -> Header | None:
    """The header, or None where the text is no Zeek log. Other # lines before and between are passed over."""
    said: dict[str, str] = {}
    separator, count = "\t", 0
    for line in lines:
        if not line.startswith("#"):
            break
        count += 1
        if line.startswith(_SEPARATOR):
            separator = _separator(line[len(_SEPARATOR) :].strip())
            continue
        name, _, value = line.partition(separator)
        said.setdefault(name, value)
    if _FIELDS not in said:
        return None
    missing = (said.get("#unset_field", "-"), said.get("#empty_field", "(empty)"))
    return Header(
        separator,
        tuple(said[_FIELDS].split(separator)),
        said.get("#path", "").strip(),
        said.get("#set_separator", ",") or ",",
        tuple(dict.fromkeys(missing)),
        count,
    )


def _separator(said: str) -> str:
    r"""The separator itself, which Zeek writes as \x09, or plainly."""
    parts = said.split("\\x")
    try:
        return parts[0] + "".join(chr(int(each[:2], _HEX)) + each[2:] for each in parts[1:]) or "\t"
    except ValueError:
        return "\t"


def recognise(head: Head) -> Layout | None:
    """A Zeek header of the log of connections."""
    header = header_of(head.lines())
    if header is None or log_of(header.path, header.fields) != "conn":
        return None
    found = spelled(header.fields)
    lacking = [name for name in REQUIRED if name not in found]
    return Layout(
        Shape.DELIMITED,
        certain=bool(header.path),
        fields=header.fields,
        columns=columns_of(found),
        derived=derived_from(columns_of(found)),
        delimiter=header.separator,
        set_separator=header.set_separator,
        missing=header.missing,
        skip=header.lines,
        refused=f"a Zeek conn log without {', '.join(lacking)}" if lacking else None,
    )


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Connections as sessions; one line, one row."""
    places = {name: column(position(layout.fields.index(own))) for name, own in spelled(layout.fields).items()}
    first = column(position(0))

    def early(begin: exp.Expr) -> list[exp.If]:
        # A header in the middle is looked for only where there is no time, so good rows pay nothing for it.
        no_time = exp.Is(this=begin, expression=exp.Null())
        again = exp.Case(ifs=[reason(call("starts_with", first, text("#")), REPEATED_HEADER)])
        return [exp.If(this=no_time, true=again)]

    trees: dict[str, exp.Expr] = dict(places)
    for name in ("ts", "duration"):
        if name in trees:
            trees[name] = cast(places[name], ColumnType.REAL)
    if "service" in trees and layout.set_separator != ",":
        trees["service"] = call("replace", trees["service"], text(layout.set_separator), text(","))
    return sessions(Connections(lines(source, layout), trees, file_number(source), early), layout.columns, scope)


# What `write` writes.
WRITTEN: tuple[WrittenField, ...] = tuple(
    WrittenField(*each)
    for each in (
        ("ts", "time", "TimeGenerated"),
        ("uid", "string", "NetworkSessionId"),
        ("id.orig_h", "addr", "SrcIpAddr"),
        ("id.orig_p", "port", "SrcPortNumber"),
        ("id.resp_h", "addr", "DstIpAddr"),
        ("id.resp_p", "port", "DstPortNumber"),
        ("proto", "enum", "NetworkProtocol"),
        ("service", "string", "NetworkApplicationProtocol"),
        ("duration", "interval", "EventEndTime"),
        ("orig_bytes", "count", "SrcBytes"),
        ("resp_bytes", "count", "DstBytes"),
        ("conn_state", "string", "EventOriginalResultDetails"),
        ("local_orig", "bool", None),
        ("local_resp", "bool", None),
        ("missed_bytes", "count", None),
        ("history", "string", "NetworkConnectionHistory"),
        ("orig_pkts", "count", "SrcPackets"),
        ("resp_pkts", "count", "DstPackets"),
    )
)


def write(table: pa.Table, path: Path) -> None:
    r"""Write sessions, in ASimNetworkSessionLogs' columns, as a conn.log; packed where the name ends in .gz.

    Columns that the table lacks are unset. A tab or a line end in a value is written as Zeek does, as \x09 or \x0a.
    """
    write_log(table, path, "conn", WRITTEN)


FORMATS = (Format("zeek-conn", NETWORK_SESSION, recognise, read, write),)
