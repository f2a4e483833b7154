r"""ArcSight's Common Event Format, one event a line, alone or behind a header of syslog.

`CEF:0|Vendor|Product|Version|EventClassID|Name|Severity|key=value key=value`. In the header `\|` and `\\` are escapes;
in a value `\=`, `\\`, `\n` and `\r`. A value may hold blanks and ends before the blank of the next ` key=`; of several
blanks there, all but the last are its own.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from herdsight.logs.devices.cef_keys import ALIASES, COLUMNS
from herdsight.logs.devices.events import DIRECTIONS, HEADER_COLUMNS, Dialect, added, events, pairs, recognised, records
from herdsight.logs.formats import Format, Layout, Scope, Source
from herdsight.logs.head import Head
from herdsight.logs.values import EPOCH, reason
from herdsight.logs.writing import opened
from herdsight.tables import COMMON_SECURITY_LOG
from herdsight.trees import call, column, number, text

NOT_CEF = "not a CEF event"

_MARK = "CEF:"
_KEY = r"[A-Za-z0-9_.\[\]-]+"
_FIELD = r"(?:[^|\\]|\\.)*"
_HEADER = rf"(?:{_FIELD}\|){{6}}{_FIELD}"  # after the mark: the version and six fields
# What may stand before the event is nothing, or a header of syslog, which has none of these.
_EVENT = re.compile(rf'^[^{{"|]{{0,400}}?CEF: ?[0-9]+\|(?:{_FIELD}\|){{5}}{_FIELD}(?:\||$)(?P<extension>.*)$')
_IN_EXTENSION = re.compile(rf"(?:^|(?<= ))({_KEY})=")


def _unescaped(value: exp.Expr) -> exp.Expr:
    r"""The value behind its escapes. Cut at `\\` from the left, no piece has a backslash that is itself escaped."""
    piece: exp.Expr = exp.column("piece")
    for escape, meant in ((r"\=", "="), (r"\n", "\n"), (r"\r", "\r")):
        piece = call("replace", piece, text(escape), text(meant))
    each = exp.Lambda(this=piece, expressions=[exp.to_identifier("piece")])
    pieces = call("list_transform", call("string_split", value.copy(), text(r"\\")), each)
    return call("array_to_string", pieces, text("\\"))


DIALECT = Dialect(keys=COLUMNS, aliases=ALIASES, lead=" ", escape="\\", unescaped=_unescaped)


def recognise(head: Head) -> Layout | None:
    """Lines of which at least half are events."""
    return recognised(head, _EVENT, _IN_EXTENSION, DIALECT)


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Events; one line, one row."""
    query = added(records(source, layout), at=call("strpos", column("line"), text(_MARK)))
    before = exp.Sub(this=column("at"), expression=number(1))
    after = exp.Add(this=column("at"), expression=number(len(_MARK)))
    query = added(
        query,
        prefix=call("substr", column("line"), number(1), before),
        body=call("substr", column("line"), after),
    )
    query = added(query, header=_header())
    query = added(query, fields=_fields())
    named_fields = {name: _field(place) for place, name in enumerate(HEADER_COLUMNS, start=2)}
    query = added(query, **named_fields, early=exp.Case(ifs=[reason(exp.Not(this=_is_event()), NOT_CEF)]))
    extension = exp.DPipe(this=text(DIALECT.lead), expression=_extension(), safe=True)
    return events(pairs(query, extension, f"{DIALECT.lead}{_KEY}="), DIALECT, layout, scope)


def _escaped() -> exp.Expr:
    """Whether a bar may not be what ends a field; such lines take the slower way."""
    return call("contains", column("body"), text(r"\|"))


def _header() -> exp.Expr:
    matched = call("regexp_extract", column("body"), text(f"^{_HEADER}"))
    return exp.Case(ifs=[exp.If(this=_escaped(), true=matched)])


def _fields() -> exp.Expr:
    """The version, the six fields of the header, and, of lines without escaped bars, what follows."""
    ended = exp.DPipe(this=column("header"), expression=text("|"), safe=True)
    matched = call("regexp_extract_all", ended, text(rf"({_FIELD})\|"), number(1))
    return exp.Case(
        ifs=[exp.If(this=_escaped(), true=matched)], default=call("string_split", column("body"), text("|"))
    )


def _field(place: int) -> exp.Expr:
    value = call("list_extract", column("fields"), number(place))
    plain = call("regexp_replace", value.copy(), text(r"\\([|\\])"), text(r"\1"), text("g"))
    escaped = call("contains", value.copy(), text("\\"))
    return exp.Case(ifs=[exp.If(this=escaped, true=plain)], default=value)


def _extension() -> exp.Expr:
    after = exp.Add(this=call("length", column("header")), expression=number(2))
    parts = call("list_slice", column("fields"), number(len(HEADER_COLUMNS) + 2), number(-1))
    return exp.Case(
        ifs=[exp.If(this=_escaped(), true=call("substr", column("body"), after))],
        default=call("array_to_string", parts, text("|")),
    )


def _is_event() -> exp.Expr:
    version = call("regexp_full_match", call("list_extract", column("fields"), number(1)), text(" ?[0-9]+"))
    long_enough = exp.GT(this=call("len", column("fields")), expression=number(len(HEADER_COLUMNS)))
    marked = exp.GT(this=column("at"), expression=number(0))
    return exp.Coalesce(this=exp.paren(exp.and_(marked, version, long_enough)), expressions=[exp.false()])


_BATCH = 65_536
_IN_HEADER = str.maketrans({"\\": r"\\", "|": r"\|", "\n": " ", "\r": " "})
_IN_VALUE = str.maketrans({"\\": r"\\", "=": r"\=", "\n": r"\n", "\r": r"\r"})
_HOST = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9]")


def write(table: pa.Table, path: Path) -> None:
    """Write events, in CommonSecurityLog's columns, behind a header of RFC 5424; packed where the name ends in .gz.

    Times are written to the millisecond, which is all that CEF has; TimeGenerated is the receipt time, and `Computer`
    the host of the header where it is a host's name. A line end in a field of the header becomes a blank. Columns
    that no key stands for are left out.
    """
    with opened(path) as file:
        for batch in table.to_batches(max_chunksize=_BATCH):
            file.writelines(f"{line(row)}\n" for row in batch.to_pylist())


def line(row: Mapping[str, object]) -> str:
    """One event as `write` writes it, without a line end."""
    when = row.get("TimeGenerated")
    stamp = when.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z" if isinstance(when, datetime) else "-"
    host = str(row.get("Computer") or "")
    header = (str(row.get(name) or "").translate(_IN_HEADER) for name in HEADER_COLUMNS)
    said = " ".join(f"{key}={value}" for key, value in _said(row))
    return f"<134>1 {stamp} {host if _HOST.fullmatch(host) else '-'} - - - - CEF:0|{'|'.join(header)}|{said}"


def _said(row: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The pairs of a row, in the order of the keys; what is missing is left out."""
    when = row.get("TimeGenerated")
    if isinstance(when, datetime):
        yield "rt", _milliseconds(when)
    for key, names in COLUMNS.items():
        value = next((row[name] for name in names if row.get(name) not in (None, "")), None)
        if value is not None and key != "rt":
            yield key, _written(value)


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return _milliseconds(value)
    return DIRECTIONS.get(str(value), str(value)).translate(_IN_VALUE)


def _milliseconds(when: datetime) -> str:
    return str((when.replace(tzinfo=None) - EPOCH) // timedelta(milliseconds=1))


FORMATS = (Format("cef", COMMON_SECURITY_LOG, recognise, read, write),)
