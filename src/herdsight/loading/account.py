"""Each file's account: rows, rejections by reason, and span."""

import os
from datetime import UTC, datetime

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.findings.model import Input
from herdsight.loading.records import LogFile, Relation, Tally
from herdsight.tables import FILE_COLUMN, REJECT_COLUMN, ROW_COLUMN, ColumnType, table
from herdsight.trees import call, column, named, number, relation, text


def tallied(engine: DuckDbEngine, source: Relation) -> dict[int, Tally]:
    """Each file's rows in a relation: how many, which were rejected and why, and their span."""
    # Of good rows only: what a rejected one says of its time may be out of all range.
    good = exp.Is(this=column(REJECT_COLUMN), expression=exp.Null())
    time = exp.Case(ifs=[exp.If(this=good, true=column(table(source.table).time))])
    query = (
        exp.select(
            column(FILE_COLUMN),
            column(REJECT_COLUMN),
            named(exp.Count(this=exp.Star()), "n"),
            named(exp.Min(this=time), "first"),
            named(exp.Max(this=time.copy()), "last"),
            named(exp.Min(this=column(ROW_COLUMN)), "base"),
        )
        .from_(relation(source.name, source.schema))
        .group_by(column(FILE_COLUMN), column(REJECT_COLUMN))
    )
    tallies: dict[int, Tally] = {}
    for row in engine.run(query).to_pylist():
        tally = tallies.setdefault(row[FILE_COLUMN], Tally(base=row["base"]))
        tally.base = min(tally.base, row["base"])
        if row[REJECT_COLUMN] is None:
            tally.rows, tally.first, tally.last = row["n"], _utc(row["first"]), _utc(row["last"])
        else:
            tally.reasons[row[REJECT_COLUMN]] += row["n"]
    return tallies


_SAMPLES = 3  # rejected records that are told for a reason


def first_rejected(engine: DuckDbEngine, source: Relation) -> dict[tuple[int, str], tuple[int, ...]]:
    """By file and reason, the first rows of a relation that were rejected."""
    rows = named(call("min", column(ROW_COLUMN), number(_SAMPLES)), "rows")
    query = (
        exp.select(column(FILE_COLUMN), column(REJECT_COLUMN), rows)
        .from_(relation(source.name, source.schema))
        .where(exp.Not(this=exp.Is(this=column(REJECT_COLUMN), expression=exp.null())))
        .group_by(column(FILE_COLUMN), column(REJECT_COLUMN))
    )
    return {(row[FILE_COLUMN], row[REJECT_COLUMN]): tuple(sorted(row["rows"])) for row in engine.run(query).to_pylist()}


def filled(engine: DuckDbEngine, source: Relation) -> dict[int, tuple[str, ...]]:
    """By file, the columns of a relation that have a value, which an empty text is not, in some accepted row."""
    kinds = {each.name: each.type for each in table(source.table).columns}
    counted = (named(exp.Count(this=_value(column(name), kinds[name])), name) for name in source.columns)
    query = (
        exp.select(column(FILE_COLUMN), *counted)
        .from_(relation(source.name, source.schema))
        .where(exp.Is(this=column(REJECT_COLUMN), expression=exp.null()))
        .group_by(column(FILE_COLUMN))
    )
    return {
        row[FILE_COLUMN]: tuple(name for name in source.columns if row[name]) for row in engine.run(query).to_pylist()
    }


def _value(value: exp.Expr, kind: ColumnType) -> exp.Expr:
    return exp.Nullif(this=value, expression=text("")) if kind is ColumnType.STRING else value


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)


def as_input(file: LogFile, tally: Tally) -> Input:
    """The line that tells what became of a file."""
    reasons = tally.reasons + file.lost
    known = file.format is not None and not file.failed
    return Input(
        path=os.fsencode(file.path).decode("utf-8", "backslashreplace"),
        format=(file.layout.name if file.layout and file.layout.name else file.known_format.name) if known else None,
        table=file.table if known else None,
        rows=tally.rows,
        rejected=reasons.total(),
        reasons=dict(sorted(reasons.items())),
        first=tally.first,
        last=tally.last,
        notes=tuple(dict.fromkeys(file.notes)),
    )
