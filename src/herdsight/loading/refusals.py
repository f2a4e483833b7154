"""Lines that the engine's reader refused, each with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import EngineError
from herdsight.loading.records import LogFile, copies_of
from herdsight.logs.formats import Layout, Shape
from herdsight.logs.repair import Copy, record_numbers
from herdsight.logs.values import BAD_QUOTES, BAD_TEXT, BAD_TIMESTAMP, REPEATED_HEADER, TOO_FEW, TOO_LONG, TOO_MANY
from herdsight.tables import FILE_COLUMN, REJECT_COLUMN, ColumnType
from herdsight.trees import call, column, named, relation, sql_type, text


@dataclass(frozen=True, slots=True)
class _Refused:
    """One line that has no row: its file's place in the read; its number, from 1; why; and its text if a # line."""

    file: int
    line: int
    reason: str
    comment: str | None


# The order decides where one line has several faults.
_REASONS = {
    "INVALID ENCODING": BAD_TEXT,
    "LINE SIZE OVER MAXIMUM": TOO_LONG,
    "TOO MANY COLUMNS": TOO_MANY,
    "MISSING COLUMNS": TOO_FEW,
    "UNQUOTED VALUE": BAD_QUOTES,
    "CAST": BAD_TIMESTAMP,  # the one column that is read as something else than text
}
_ERRORS, _SCANS = "reject_errors", "reject_scans"  # temporary tables of DuckDB's CSV reader


def refusals(engine: DuckDbEngine) -> list[_Refused]:
    """The lines that the last read refused; they are forgotten by it."""
    line = exp.Trim(this=column("csv_line"), expression=text("\r\n"))
    is_comment = call("starts_with", line, text("#"))
    comment = exp.Case(ifs=[exp.If(this=is_comment, true=line.copy())])
    kind = exp.Cast(this=column("error_type"), to=sql_type(ColumnType.STRING))
    query = exp.select(column("file_id"), column("line"), named(kind, "kind"), named(comment, "comment")).from_(
        relation(_ERRORS)
    )
    try:
        rows = engine.run(query).to_pylist()
    except EngineError:  # nothing was read as CSV so far
        return []
    for name in (_ERRORS, _SCANS):
        engine.execute(exp.Delete(this=relation(name)))
    order = list(_REASONS)
    rows.sort(key=lambda row: (row["line"], order.index(row["kind"]) if row["kind"] in order else len(order)))
    refused: dict[tuple[int, int], _Refused] = {}
    for row in rows:
        why = _REASONS.get(row["kind"], str(row["kind"]).lower())
        found = _Refused(row["file_id"], row["line"], why, row["comment"])
        refused.setdefault((found.file, found.line), found)
    return list(refused.values())


def is_simple(refused: Iterable[_Refused], layout: Layout) -> bool:
    """Whether the refused lines say nothing about the lines around them."""
    return not any(each.reason == BAD_QUOTES or _is_other_header(each, layout) for each in refused)


def _is_other_header(refused: _Refused, layout: Layout) -> bool:
    """Whether the line is a second header that names other columns than the first."""
    if layout.shape is not Shape.DELIMITED or not refused.comment:
        return False
    name, *fields = refused.comment.split(layout.delimiter)
    return name == REPEATED_HEADER and tuple(fields) != layout.fields


def with_header_rows(engine: DuckDbEngine, file: LogFile) -> set[int]:
    """The files with a second header that has one name fewer: it is as long as a record, and read as one."""
    if file.known_layout.shape is not Shape.DELIMITED:
        return set()
    is_header = exp.EQ(this=column(REJECT_COLUMN), expression=text(REPEATED_HEADER))
    query = exp.select(column(FILE_COLUMN)).from_(copies_of(file)).where(is_header).distinct()
    return {row[FILE_COLUMN] for row in engine.run(query).to_pylist()}


def note_losses(file: LogFile, copy: Copy, refused: Iterable[_Refused], kept: int) -> None:
    """Count the records of a copy that have no row, and where they stood; `kept` rows came before the copy."""
    delimited = copy.layout.shape is Shape.DELIMITED
    records = [each for each in refused if not (delimited and each.comment)]
    file.lost.update(copy.lost)
    file.lost.update(each.reason for each in records)
    numbers = sorted(
        (*copy.lost_at, *record_numbers(copy, (each.line for each in records))) if records else copy.lost_at
    )
    file.gaps.extend(kept + record - 1 - before for before, record in enumerate(numbers))
