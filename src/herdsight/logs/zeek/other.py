"""Zeek's other logs (files, x509, tunnel and so on): recognised by what they say of themselves, and not read yet."""

import re

from herdsight.logs.formats import Format, Layout, Shape
from herdsight.logs.head import Head
from herdsight.logs.zeek import conn, conn_json, dhcp, dns, http, irc, notice, ssh, ssl, weird
from herdsight.logs.zeek.kinds import log_of, names_in, path_in

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")  # a log's name reaches the output, so it is held to what Zeek's names are
_NOTE = "recognised, not read yet"

_READERS = (conn, conn_json, dhcp, dns, http, irc, notice, ssh, ssl, weird)
_READ = tuple(each for reader in _READERS for each in reader.FORMATS)


def recognise(head: Head) -> Layout | None:
    """A Zeek header, or JSON objects with a time and a Zeek id or path, that are not those of a log that is read."""
    if any(each.recognise(head) for each in _READ):
        return None
    header = conn.header_of(head.lines())
    return _json(head) if header is None else _layout(Shape.DELIMITED, header.path or log_of("", header.fields))


def _json(head: Head) -> Layout | None:
    first = next(head.objects(), {})
    path = path_in(head)
    if "ts" not in first:
        return None
    if path:
        return _layout(Shape.JSON_LINES, path)
    if "uid" in first and ("id.orig_h" in first or "id_orig_h" in first):
        return _layout(Shape.JSON_LINES, log_of("", names_in(head)))
    return None


def _layout(shape: Shape, path: str) -> Layout:
    name = f"zeek-{path}" if _NAME.fullmatch(path) else "zeek"
    return Layout(shape, name=name, notes=(_NOTE,))


FORMATS = (Format("zeek-other", None, recognise),)
