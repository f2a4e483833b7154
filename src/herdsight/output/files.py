"""Results as files that programs read: JSON, NDJSON and CSV."""

import csv
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TextIO

import pyarrow as pa
from pydantic import BaseModel

from herdsight.findings.model import Finding, Hunt
from herdsight.output.safe import printable
from herdsight.output.values import (
    dynamic,
    each_json_row,
    each_row,
    is_dynamic,
    json_text,
    plain,
    record,
)

Form = Literal["json", "ndjson", "csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """A cell of log text that no spreadsheet takes for a formula and no terminal for an order."""
    return ("'" if text.startswith(_FORMULA) else "") + printable(text)


def cell(value: object) -> str:
    """A value of JSON's types as the text of a cell; nothing for null."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() | list() | dict():
            return json_text(value)
        case _:
            return str(value)


def _csv_converter(field: "pa.Field[Any]") -> Callable[[object], object]:
    if pa.types.is_duration(field.type):  # our own text, whose minus is no formula
        return lambda value: cell(plain(value))
    if is_dynamic(field):
        return lambda value: guarded(cell(dynamic(value)))
    return lambda value: guarded(cell(value)) if isinstance(value, str) else cell(plain(value))


def write_table(table: pa.Table, form: Form, file: TextIO) -> None:
    """Write the rows of a query as a JSON array (a row a line), as NDJSON, or as CSV with a header."""
    match form:
        case "json":
            _write_array(map(json_text, each_json_row(table)), file)
        case "ndjson":
            file.writelines(f"{json_text(row)}\n" for row in each_json_row(table))
        case "csv":
            _write_csv(map(guarded, table.column_names), each_row(table, _csv_converter), file)


def write_hunt(hunt: Hunt, form: Form, file: TextIO) -> None:
    """Write a hunt: JSON is the whole of it, NDJSON and CSV have one finding a line."""
    match form:
        case "json":
            file.write(json_text(record(hunt), indent=2) + "\n")
        case "ndjson":
            file.writelines(f"{json_text(record(finding))}\n" for finding in hunt.findings)
        case "csv":
            rows = (_finding_cells(finding) for finding in hunt.findings)
            _write_csv([*_FINDING_COLUMNS, "evidence_table", "evidence_filter"], rows, file)


def write_records(whole: BaseModel, lines: Sequence[BaseModel], form: Form, file: TextIO) -> None:
    """Write one of our records: JSON is the whole of it, NDJSON and CSV have one of `lines` a line."""
    match form:
        case "json":
            file.write(json_text(record(whole), indent=2) + "\n")
        case "ndjson":
            file.writelines(f"{json_text(record(each))}\n" for each in lines)
        case "csv":
            names = list(record(lines[0])) if lines else []
            _write_csv(names, ([guarded(cell(value)) for value in record(each).values()] for each in lines), file)


_FINDING_COLUMNS = tuple(name for name in Finding.model_fields if name not in {"silence", "evidence"})


def _finding_cells(finding: Finding) -> list[object]:
    values = record(finding)
    cells = [*(values[name] for name in _FINDING_COLUMNS), finding.evidence.table, finding.evidence.filter]
    return [guarded(" ".join(map(str, part)) if isinstance(part, list) else cell(part)) for part in cells]


def _write_array(parts: Iterable[str], file: TextIO) -> None:
    before = "[\n"
    for part in parts:
        file.write(before + part)
        before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")


def _write_csv(header: Iterable[str], rows: Iterable[list[object]], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
