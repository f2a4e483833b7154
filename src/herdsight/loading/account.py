"""Each file's account: rows, rejections by reason, and span."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.findings.model import Input
from herdsight.loading.records import Loaded, LogFile, Relation, Tally
from herdsight.logs.values import (
    BAD_JSON,
    BAD_TEXT,
    CUT_SHORT,
    DAMAGED,
    NOT_NETWORK,
    OTHER_CATEGORY,
    OTHER_EVENT,
    TOO_LONG,
)
from herdsight.tables import FILE_COLUMN, NAMES, REJECT_COLUMN, ROW_COLUMN, ColumnType, table
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
_FIRST_LOOK, _FURTHER, _LAST_LOOK = 10_000, 100, 100_000_000  # records in which they are looked for, further each time


Rejected = dict[str, tuple[int, tuple[int, ...]]]  # by the reason: a reading, and rows of it


def first_rejected(engine: DuckDbEngine, loaded: Loaded) -> dict[int, Rejected]:
    """By an input's number and the reason, the first of its records that were rejected."""
    found: dict[int, Rejected] = {}
    passed_on: dict[int, list[tuple[Relation, int]]] = {}
    for each in loaded.relations:
        for (reading, reason), rows in _first_rejected(engine, each).items():
            number = loaded.origins[reading].input
            found.setdefault(number, {})[reason] = reading, rows
            if reason == OTHER_EVENT:
                passed_on.setdefault(number, []).append((each, reading))
    for number, readings in passed_on.items():
        if len(readings) > 1:
            found[number][OTHER_EVENT] = _rejected_by_all(engine, loaded, readings)
    return found


def _first_rejected(engine: DuckDbEngine, source: Relation) -> dict[tuple[int, str], tuple[int, ...]]:
    """By reading and reason, the first rows of a relation that were rejected."""
    rows = named(call("min", column(ROW_COLUMN), number(_SAMPLES)), "rows")
    query = (
        exp.select(column(FILE_COLUMN), column(REJECT_COLUMN), rows)
        .from_(relation(source.name, source.schema))
        .where(exp.Not(this=exp.Is(this=column(REJECT_COLUMN), expression=exp.null())))
        .group_by(column(FILE_COLUMN), column(REJECT_COLUMN))
    )
    return {(row[FILE_COLUMN], row[REJECT_COLUMN]): tuple(sorted(row["rows"])) for row in engine.run(query).to_pylist()}


def _rejected_by_all(
    engine: DuckDbEngine, loaded: Loaded, readings: Sequence[tuple[Relation, int]]
) -> tuple[int, tuple[int, ...]]:
    """The first records that no reading of a file takes: one that another reading takes is no loss."""
    first = readings[0][1]
    looked_at = _FIRST_LOOK
    while True:
        each = [_passed_on(source, reading, loaded.origins[reading].base, looked_at) for source, reading in readings]
        by_all = exp.EQ(this=exp.Count(this=exp.Star()), expression=number(len(each)))
        records = exp.select(column("record")).from_(exp.union(*each, distinct=False).subquery("each"))
        records = records.group_by(column("record")).having(by_all).order_by(column("record")).limit(_SAMPLES)
        found = [int(row["record"]) for row in engine.run(records).to_pylist()]
        if len(found) == _SAMPLES or looked_at > _LAST_LOOK:
            return first, tuple(loaded.origins[first].base + record for record in found)
        looked_at *= _FURTHER


def _passed_on(source: Relation, reading: int, base: int, most: int) -> exp.Select:
    """Which of the first `most` records a reading leaves to the others; `base` is where its rows begin."""
    record = exp.Sub(this=column(ROW_COLUMN), expression=number(base))
    return (
        exp.select(named(record, "record"))
        .from_(relation(source.name, source.schema))
        .where(
            exp.EQ(this=column(FILE_COLUMN), expression=number(reading)),
            exp.EQ(this=column(REJECT_COLUMN), expression=text(OTHER_EVENT)),
            exp.LT(this=record.copy(), expression=number(most)),
        )
    )


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


def inputs_of(files: Iterable[LogFile], tallies: Mapping[int, Tally]) -> tuple[Input, ...]:
    """The line of each file that tells what became of it, all its readings together."""
    together: dict[int, list[LogFile]] = {}
    for each in files:
        together.setdefault(each.input, []).append(each)
    return tuple(_input(group, [tallies.get(each.number, Tally()) for each in group]) for group in together.values())


def _input(group: Sequence[LogFile], tallies: Sequence[Tally]) -> Input:
    """The table is the one that most rows are of."""
    told = [tally.reasons + file.lost for file, tally in zip(group, tallies, strict=True)]
    is_split = any(each.base is not None for each in group)  # each record is one reading's
    reasons = sum(told, Counter[str]()) if is_split else _reasons(told, [tally.rows for tally in tallies])
    main = max(range(len(group)), key=lambda place: (tallies[place].rows, -_rank(group[place])))
    file = group[main]
    known = file.format is not None and not file.failed
    times = [(tally.first, tally.last) for tally in tallies if tally.first and tally.last]
    return Input(
        path=file.shown,
        format=(file.layout.name if file.layout and file.layout.name else file.known_format.name) if known else None,
        table=file.table if known else None,
        rows=sum(tally.rows for tally in tallies),
        rejected=reasons.total(),
        reasons=dict(sorted(reasons.items())),
        first=min((first for first, _ in times), default=None),
        last=max((last for _, last in times), default=None),
        notes=tuple(dict.fromkeys([*(note for each in group for note in each.notes), *_others(group, tallies, main)])),
    )


def _rank(file: LogFile) -> int:
    return NAMES.index(file.table) if file.table in NAMES else len(NAMES)


def _others(group: Sequence[LogFile], tallies: Sequence[Tally], main: int) -> list[str]:
    return [
        f"{tally.rows:,} of its rows are of {file.table}"
        for place, (file, tally) in enumerate(zip(group, tallies, strict=True))
        if place != main and tally.rows
    ]


def _reasons(readings: Sequence[Counter[str]], rows: Sequence[int]) -> Counter[str]:
    """Why records have no row in any table, of each reading's reasons and rows.

    A record that is another reading's is no loss, so what is said of kinds of records counts where all readings say so;
    as does what stops every reading alike. What no reading takes, and none names, is the rest of all records.
    """
    if len(readings) == 1:
        return readings[0]
    found = Counter[str]()
    for each in readings:
        found.update({reason: count for reason, count in each.items() if not _is_shared(reason)})
    rest = NOT_NETWORK if any(NOT_NETWORK in each for each in readings) else OTHER_EVENT
    for reason in filter(_is_shared, readings[0]):
        found[reason] = min(each[reason] for each in readings) if reason != rest else 0
    found[rest] = max(rows[0] + readings[0].total() - sum(rows) - found.total(), 0)
    return +found


def _is_shared(reason: str) -> bool:
    every = (BAD_JSON, BAD_TEXT, TOO_LONG, CUT_SHORT, DAMAGED, NOT_NETWORK)
    return reason in every or reason.startswith((OTHER_EVENT, OTHER_CATEGORY))
