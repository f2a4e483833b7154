r"""Writing Zeek's logs as Zeek does by default: values between tabs under a header of # lines.

Whole columns become texts at once, so that millions of lines are a matter of seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from herdsight.logs.writing import opened_bytes

UNSET = "-"
_BATCH = 65_536
_SECOND = 1_000_000  # microseconds
_TIME = pa.timestamp("us")
_ESCAPED = (("\t", "\\x09"), ("\n", "\\x0a"))


@dataclass(frozen=True, slots=True)
class WrittenField:
    """A field of a log: its name and type in Zeek, and the declared column that it comes from (None: unset)."""

    name: str
    kind: str
    column: str | None


def write_log(table: pa.Table, path: Path, log: str, fields: Sequence[WrittenField]) -> None:
    """Write rows as the log of that name; packed where the path ends in .gz."""
    with opened_bytes(path) as file:
        file.write(_header(log, fields).encode())
        for batch in table.to_batches(max_chunksize=_BATCH):
            file.write(_lines(batch, fields))
        file.write(b"#close\t2000-01-01-00-00-00\n")


def _header(log: str, fields: Sequence[WrittenField]) -> str:
    said = ("#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", f"#unset_field\t{UNSET}", f"#path\t{log}")
    names = "\t".join(["#fields", *(each.name for each in fields)])
    kinds = "\t".join(["#types", *("count" if each.kind == "hex" else each.kind for each in fields)])
    return "\n".join([*said, "#open\t2000-01-01-00-00-00", names, kinds, ""])


def _lines(rows: pa.RecordBatch, fields: Sequence[WrittenField]) -> memoryview:
    """The lines of the rows, as one text."""
    columns = [_column(rows, each) for each in fields]
    lines = pc.binary_join_element_wise(*columns, "\t")
    ended = pc.binary_join_element_wise(lines, "", "\n")
    buffer = ended.buffers()[2]
    return memoryview(buffer)[: _end(ended)] if buffer is not None else memoryview(b"")


def _end(texts: Any) -> int:
    """Where the last of the texts ends in their buffer."""
    return int(pc.sum(pc.binary_length(texts)).as_py() or 0)


def _column(rows: pa.RecordBatch, field: WrittenField) -> Any:
    """One column as Zeek writes it."""
    if field.column is None or field.column not in rows.schema.names:
        return pa.repeat(UNSET, rows.num_rows)
    values = rows.column(field.column)
    if field.kind == "interval" and pa.types.is_timestamp(values.type):
        values = pc.subtract(_micros(values), _micros(rows.column("TimeGenerated")))
        return pc.fill_null(_seconds(values), UNSET)
    found = _WRITERS.get(field.kind, _text)(values)
    return pc.fill_null(found, UNSET)


def _micros(times: Any) -> Any:
    return times.cast(_TIME).cast(pa.int64())


def _seconds(micros: Any) -> Any:
    """Microseconds as seconds with six decimals, exactly."""
    size = pc.abs(micros)
    whole = pc.divide(size, _SECOND)
    rest = pc.subtract(size, pc.multiply(whole, _SECOND))
    sign = pc.if_else(pc.less(micros, pa.scalar(0)), "-", "")
    decimals = pc.utf8_lpad(rest.cast(pa.string()), 6, "0")
    return pc.binary_join_element_wise(sign, whole.cast(pa.string()), ".", decimals, "")


def _text(values: Any) -> Any:
    texts = values.cast(pa.string())
    for raw, escaped in _ESCAPED:
        if pc.any(pc.match_substring(texts, raw)).as_py():
            texts = pc.replace_substring(texts, raw, escaped)
    return pc.if_else(pc.equal(texts, pa.scalar("")), UNSET, texts)


def _flag(values: Any) -> Any:
    return pc.if_else(values, "T", "F")


def _milliseconds(values: Any) -> Any:
    return _seconds(pc.multiply(values.cast(pa.int64()), 1000))


def _from_hex(values: Any) -> Any:
    """Numbers that are written as 0x and hexadecimal digits, as Zeek has them."""
    digits = {text: str(int(text, 16)) if text else None for text in pc.unique(values).to_pylist() if text is not None}
    known = pa.array(list(digits), pa.string())
    return pa.array(list(digits.values()), pa.string()).take(pc.index_in(values, known))


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    "time": lambda values: _seconds(_micros(values)),
    "interval": _milliseconds,
    "enum": lambda values: pc.utf8_lower(_text(values)),
    "bool": _flag,
    "hex": _from_hex,
}
