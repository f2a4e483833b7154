"""Zeek's other logs (ssl, files, weird and so on): recognised by what they say of themselves, and not read yet."""

import re

from herdsight.logs import zeek_conn, zeek_conn_json, zeek_dns, zeek_http
from herdsight.logs.formats import Format, Layout, Shape
from herdsight.logs.head import Head

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")  # a log's name reaches the output, so it is held to what Zeek's names are
_NOTE = "recognised, not read yet"


_READ = (*zeek_conn.FORMATS, *zeek_conn_json.FORMATS, *zeek_dns.FORMATS, *zeek_http.FORMATS)


def recognise(head: Head) -> Layout | None:
    """A Zeek header, or JSON objects with a time and a Zeek id or path, that are not those of a log that is read."""
    if any(each.recognise(head) for each in _READ):
        return None
    header = zeek_conn.header_of(head.lines())
    return _json(head) if header is None else _layout(Shape.DELIMITED, header.path)


def _json(head: Head) -> Layout | None:
    first = next(head.objects(), {})
    path = first.get("_path", first.get("@path", first.get("@stream")))
    if isinstance(path, str) and "ts" in first:
        return _layout(Shape.JSON_LINES, path)
    if "ts" in first and "uid" in first and ("id.orig_h" in first or "id_orig_h" in first):
        return _layout(Shape.JSON_LINES, "")
    return None


def _layout(shape: Shape, path: str) -> Layout:
    name = f"zeek-{path}" if _NAME.fullmatch(path) else "zeek"
    return Layout(shape, name=name, notes=(_NOTE,))


FORMATS = (Format("zeek-other", None, recognise),)
