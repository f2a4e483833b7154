"""VPC flow logs of Google Cloud: entries of Cloud Logging as JSON, one a line or in an array.

The fields of `jsonPayload` are told by Google's "About VPC Flow Logs records": bytes and packets are those that the
source sent, whichever end reports, and a flow between two reporting ends has an entry of each.
"""

from collections.abc import Mapping
from itertools import islice

from sqlglot import exp

from herdsight.logs.flows.flow import Flows, columns_of, derived_from, sessions
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.microsoft.exports import elements
from herdsight.logs.scan import VARCHAR, file_number, objects
from herdsight.logs.values import BAD_JSON, all_null, cast, count, moment, numbered, reason
from herdsight.tables import FILE_COLUMN, NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, named, number, text

NOT_FLOW = "not a flow"

_PAYLOAD, _TIME = "jsonPayload", "timestamp"
_PATHS: Mapping[str, str] = {
    "begin": "/start_time",
    "end": "/end_time",
    "src": "/connection/src_ip",
    "src_port": "/connection/src_port",
    "dst": "/connection/dest_ip",
    "dst_port": "/connection/dest_port",
    "protocol": "/connection/protocol",
    "src_bytes": "/bytes_sent",
    "src_packets": "/packets_sent",
}
_TELLING = ("reporter", "bytes_sent", "packets_sent", "start_time")
_LOOKED_AT = 50  # objects of the head


def recognise(head: Head) -> Layout | None:
    """Entries whose payload is a connection."""
    words = head.text.lstrip("\ufeff \t\r\n")
    is_array = words.startswith("[")
    found = elements(words, 1) if is_array else head.objects()
    if not any(map(_is_flow, islice(found, _LOOKED_AT))):
        return None
    columns = columns_of(_PATHS, "EventResult")
    shape = Shape.JSON_ARRAY if is_array else Shape.JSON_LINES
    return Layout(shape, fields=(_PAYLOAD, _TIME), columns=columns, derived=derived_from("GCP", "VPC", columns))


def _is_flow(entry: Mapping[str, object]) -> bool:
    payload = entry.get(_PAYLOAD)
    connection = payload.get("connection") if isinstance(payload, dict) else None
    is_connection = isinstance(connection, dict) and "src_ip" in connection and "dest_ip" in connection
    return is_connection and any(name in payload for name in _TELLING if isinstance(payload, dict))


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Flows as sessions; one entry, one row. An entry without a start is taken to begin when it was written."""
    keys = (_PAYLOAD, _TIME)
    entries = objects(source, layout.shape, dict.fromkeys(keys, VARCHAR))
    values = call("json_extract_string", column(_PAYLOAD), exp.array(*map(text, _PATHS.values())))
    payload = exp.Case(ifs=[exp.If(this=call("json_valid", column(_PAYLOAD)), true=values)])
    kept = (*map(column, keys), named(payload, "values"), numbered(file_number(source)))
    records = exp.select(*kept).from_(entries).subquery("records")
    fields = {field: _typed(field, _value(field)) for field in _PATHS}
    no_ends = all_null(_value(field) for field in ("src", "dst"))
    early = [reason(all_null(map(column, keys)), BAD_JSON), reason(no_ends, NOT_FLOW)]
    return sessions(Flows(records, fields, column(FILE_COLUMN), early), layout.columns, scope)


def _value(field: str) -> exp.Expr:
    return call("list_extract", column("values"), number(list(_PATHS).index(field) + 1))


def _typed(field: str, words: exp.Expr) -> exp.Expr:
    match field:
        case "begin":
            return call("epoch_us", moment(exp.Coalesce(this=words, expressions=[column(_TIME)])))
        case "end":
            return call("epoch_us", moment(words))
        case "src_port" | "dst_port":
            return cast(words, ColumnType.INT)
        case "src_bytes" | "src_packets":
            return count(words)
        case _:
            return words


FORMATS = (Format("gcp-vpc-flow", NETWORK_SESSION, recognise, read),)
