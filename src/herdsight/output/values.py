"""Values as JSON has them, and JSON that is safe on a terminal."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from herdsight.findings.model import iso
from herdsight.output.safe import harmless


def json_text(value: object, *, indent: int | None = None) -> str:
    """The value as JSON that is safe on a terminal and parses back to the same value.

    What JSON has no word for becomes text: times as ISO 8601, timespans as KQL writes them, NaN and the infinities.
    """
    separators = (", ", ": ") if indent is None else (",", ": ")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    except (TypeError, ValueError):
        text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    # Raw newlines are the encoder's own: inside a string it has written \n already.
    return "\n".join(map(_json_line, text.split("\n")))


def _json_line(text: str) -> str:
    if harmless(text):
        return text
    return "".join(char if harmless(char) else _json_escape(char) for char in text)


def _json_escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if char.isascii() else json.dumps(char)[1:-1]


def timespan(length: timedelta) -> str:
    """A timespan as Kusto prints it: `d.hh:mm:ss.fffffff`, days and fraction only where there are any.

    >>> timespan(timedelta(days=1, hours=2, minutes=3, seconds=4.5))
    '1.02:03:04.5000000'
    """
    rest = abs(length)
    hours, seconds = divmod(rest.seconds, 3600)
    sign = "-" if length < timedelta() else ""
    days = f"{rest.days}." if rest.days else ""
    fraction = f".{rest.microseconds:06d}0" if rest.microseconds else ""
    return f"{sign}{days}{hours:02d}:{seconds // 60:02d}:{seconds % 60:02d}{fraction}"


def plain(value: object) -> object:
    """The value in JSON's own types."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _real(value)
        case datetime():
            return iso(value)
        case timedelta():
            return timespan(value)
        case Decimal():
            return f"{value.normalize():f}"
        case Mapping():
            return {str(key): plain(part) for key, part in value.items()}
        case list() | tuple():
            return [plain(part) for part in value]
        case _:
            return str(value)


def _real(value: float) -> object:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_BRACKET = re.compile(r"[\[{\]}]")
_DEEPEST = 200  # levels of nesting that are read as JSON; a deeper value is hostile, and stays text


def dynamic(value: object) -> object:
    """The value of a dynamic, which travels as JSON text; text that is no JSON, or nested without end, stays text."""
    if not isinstance(value, str):
        return plain(value)
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(value))
    if max(accumulate(steps), default=0) > _DEEPEST:
        return value
    try:
        return json.loads(value, parse_float=lambda number: _real(float(number)), parse_constant=str)
    except ValueError:
        return value


def is_dynamic(field: "pa.Field[Any]") -> bool:
    """Whether the column holds dynamic values, which travel as JSON text."""
    return (field.metadata or {}).get(b"kql:type") == b"dynamic"


def _micros(column: "pa.Array[Any]") -> "pa.Array[Any]":
    """Python's times hold microseconds, and so do ours; what is finer is cut."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_duration(column.type) and column.type.unit == "ns":
        return column.cast(pa.duration("us"), safe=False)
    return column


_CHUNK = 8192  # rows turned into Python values at a time: enough to be fast, and a few megabytes at most


def each_row(
    table: pa.Table, convert: Callable[["pa.Field[Any]"], Callable[[object], object]]
) -> Iterator[list[object]]:
    """Each row as Python values, each passed through what `convert` says for its column."""
    converters = [convert(field) for field in table.schema]
    for batch in table.to_batches(max_chunksize=_CHUNK):
        columns = [map(how, _micros(column).to_pylist()) for how, column in zip(converters, batch.columns, strict=True)]
        yield from map(list, zip(*columns, strict=True))


def _json_converter(field: "pa.Field[Any]") -> Callable[[object], object]:
    return dynamic if is_dynamic(field) else plain


def each_json_row(table: pa.Table) -> Iterator[dict[str, object]]:
    """The rows of `json_rows`, without holding them all."""
    names = table.column_names
    return (dict(zip(names, row, strict=True)) for row in each_row(table, _json_converter))


def json_rows(table: pa.Table) -> list[dict[str, object]]:
    """The rows as JSON objects in column order.

    A datetime is ISO text with microseconds and Z, a timespan is KQL text, a dynamic (a string column whose field
    metadata has `kql:type` = `dynamic`) is JSON, a decimal is exact text, NaN and the infinities are text.
    """
    return list(each_json_row(table))


def record(whole: BaseModel) -> dict[str, object]:
    """One of our records in JSON's types, as the contract has it; `schema` is 1 and comes first where there is one."""
    return {name: plain(value) for name, value in whole.model_dump().items()}
