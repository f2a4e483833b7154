"""Records of files that several formats share: parsed once, and told apart, before each format reads its own."""

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading.records import LogFile
from herdsight.logs.formats import Shape, Source, Split
from herdsight.logs.scan import place_of, whole_objects
from herdsight.tables import ROW_COLUMN, ColumnType
from herdsight.trees import call, column, named, number, relation, sql_type, text

_STAGED = "staged"
_LONG = sql_type(ColumnType.LONG)


def is_shared(readings: Sequence[LogFile]) -> bool:
    """Whether the readings of a file have its records from a stage."""
    return (
        len(readings) > 1
        and all(each.known_format.split is not None for each in readings)
        and readings[0].known_layout.shape is Shape.JSON_LINES
        and len({_split(each).paths for each in readings}) == 1
    )


def _split(reading: LogFile) -> Split:
    split = reading.known_format.split
    assert split is not None  # noqa: S101 - only formats that share their files are asked
    return split


def stage(engine: DuckDbEngine, readings: Sequence[LogFile], source: Source) -> list[Source]:
    """Parse the records of a source: what each of the readings has of it, in their order.

    The first also has the records that are none's, and those that are broken.
    """
    rows = exp.select(column("record"), column("place"), named(_part(readings), "part")).from_(_found(readings, source))
    temporary = exp.Properties(expressions=[exp.TemporaryProperty()])
    engine.execute(
        exp.Create(this=relation(_STAGED), kind="TABLE", replace=True, properties=temporary, expression=rows)
    )
    return [replace(source, staged=_of_part(part)) for part in range(len(readings))]


def _found(readings: Sequence[LogFile], source: Source) -> exp.Subquery:
    """The records with what tells their kind."""
    paths = exp.array(*map(text, _split(readings[0]).paths))
    found = named(call("json_extract_string", column("record"), paths), "found")
    records = whole_objects(source, Shape.JSON_LINES, "record")
    return exp.select(column("record"), named(place_of(source), "place"), found).from_(records).subquery("records")


def _part(readings: Sequence[LogFile]) -> exp.Expr:
    """The place of the reading that a record is for."""
    parts = {kind: place for place, each in enumerate(readings) for kind in _split(each).own}
    ifs = [exp.If(this=text(kind), true=number(place)) for kind, place in parts.items()]
    return exp.Case(this=_split(readings[0]).kind(column("found")), ifs=ifs, default=number(0))


def _of_part(part: int) -> exp.Select:
    row = named(exp.Cast(this=exp.column("rowid"), to=_LONG), ROW_COLUMN)
    of_part = exp.EQ(this=column("part"), expression=number(part))
    return exp.select(column("record"), column("place"), row).from_(relation(_STAGED)).where(of_part)


def first_rows(engine: DuckDbEngine) -> dict[int, int]:
    """By the place of a file, the number of its first row on the stage."""
    query = exp.select(column("place"), named(exp.Min(this=exp.column("rowid")), "first"))
    rows = engine.run(query.from_(relation(_STAGED)).group_by(column("place"))).to_pylist()
    return {row["place"]: row["first"] for row in rows}


def clear_stage(engine: DuckDbEngine) -> None:
    """Give back what the stage takes."""
    engine.execute(exp.Drop(tables=[relation(_STAGED)], kind="TABLE", exists=True))
