"""Questions in KQL over logs: text in, Arrow out."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from herdsight import tables
from herdsight.errors import EngineError, InputError, QueryError
from herdsight.kql import plan
from herdsight.kql.binding import Query, Surroundings, bind
from herdsight.kql.binding.library import WATCHLIST
from herdsight.kql.binding.scope import Probe
from herdsight.kql.lexer import Text
from herdsight.kql.literals import micros
from herdsight.kql.lowering import lower
from herdsight.kql.rewrites import optimised
from herdsight.kql.rewrites.walk import scans
from herdsight.kql.show import shown
from herdsight.kql.statements import Script, blocks, parse
from herdsight.reference import watchlists
from herdsight.tables import ColumnType
from herdsight.telemetry import DEFAULTS, Options, Progress, Telemetry

_DEEPEST = 10_000  # calls
KQL_TYPE = b"kql:type"  # the key in a field's metadata under which its KQL type stands


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of one query, the line it begins at, and warnings: what was read otherwise than it was written.

    The first answer's warnings also say which records and files the logs have that could not be read.
    """

    first_line: int
    table: pa.Table
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one query is computed: its plan as written, the plan after rewrites, and the engine's SQL."""

    first_line: int
    plan: str
    rewritten: str
    sql: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """One query, typed, and the line its block begins at."""

    first_line: int
    query: Query


DECLARED = Surroundings(tables.DECLARED)


def compiled(text: str, source: str = "query", surroundings: Surroundings = DECLARED) -> tuple[Compiled, ...]:
    """Every query of a text, typed against the declared tables and what else it may name.

    Raises:
        QueryError: it is wrong; `problems` has the errors of all blocks.
    """
    done: list[Compiled] = []
    problems: list[QueryError] = []
    for block in blocks(Text(text, source)):
        try:
            with _depth():
                script: Script = parse(block)
                done += [Compiled(block.first_line, query) for query in bind(script, surroundings)]
        except QueryError as error:
            problems.append(error)
    if problems:
        raise _collected(problems)
    if not done:
        raise QueryError("the text holds no query", code="HS040", hint="a query begins with a table's name")
    return tuple(done)


def _collected(problems: Sequence[QueryError]) -> QueryError:
    first = problems[0]
    first.problems = tuple(problems)
    return first


def answers(
    text: str,
    paths: Sequence[Path | str] = (),
    options: Options = DEFAULTS,
    *,
    source: str = "query",
    progress: Progress | None = None,
) -> Iterator[Answer]:
    """Answer the queries of a text in turn; nothing is read before all of them compile.

    Raises:
        QueryError, UnsupportedError: a query is wrong, or uses what Herdsight has not.
        InputError: a query names a table and there are no logs, or they cannot be read.
        EngineError: memory, disk or a value stood in the way.
    """
    surroundings = _surroundings(options)
    ready = compiled(text, source, surroundings)
    read = dict.fromkeys(
        name for each in ready for name in scanned_tables(each.query.relation) if not name.startswith(WATCHLIST)
    )
    if not paths and read:
        names = ", ".join(read)
        raise InputError(f"the query reads {names}, and no logs were given", hint="name files or folders behind it")
    with Telemetry([Path(path) for path in paths], options, progress) as telemetry:
        if any(each.query.open for each in ready):  # some columns show only in the data
            ready = compiled(text, source, replace(surroundings, probe=_probe(telemetry)))
        unread = (*telemetry.unread, *_unfilled(read))
        for each in ready:
            yield Answer(each.first_line, run(telemetry, each.query.relation), (*unread, *each.query.warnings))
            unread = ()


def _surroundings(options: Options) -> Surroundings:
    columns = {each.name: each.columns for each in watchlists(options.watchlists)}
    return Surroundings(tables.DECLARED, columns, dict(options.parameters))


def _probe(telemetry: Telemetry) -> Probe:
    def probe(relation: plan.Relation) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = run(telemetry, relation).to_pylist()
        return rows

    return probe


def _unfilled(read: Iterable[str]) -> tuple[str, ...]:
    """A sentence that says of which tables there can be no rows."""
    names = [name for name in read if name not in tables.NAMES]
    return (f"no log fills {', '.join(names)} yet: taken as empty",) if names else ()


@contextmanager
def _depth() -> Iterator[None]:
    """Room for the recursion over a long query, whose every step nests in the next; beyond it, an error says so."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEPEST))
    try:
        yield
    except RecursionError as error:
        raise _too_deep() from error
    finally:
        sys.setrecursionlimit(before)


def _too_deep() -> QueryError:
    hint = "split it with let, or give a long list to in (...)"
    return QueryError("the query is longer in one piece than can be read", code="HS050", hint=hint)


def run(telemetry: Telemetry, relation: plan.Relation) -> pa.Table:
    """The rows of a plan over opened logs, in KQL's own column names and types."""
    with _depth():
        telemetry.provide(relation)
        tree = lower(optimised(relation, micros(telemetry.now)))
        return typed(telemetry.run(tree), relation.fields)


def explanations(
    text: str, paths: Sequence[Path | str] = (), options: Options = DEFAULTS, *, source: str = "query"
) -> Iterator[Explanation]:
    """Explain the queries of a text; without paths against the declared tables alone."""
    surroundings = _surroundings(options)
    ready = compiled(text, source, surroundings)
    with Telemetry([Path(path) for path in paths], options) as telemetry:
        if paths and any(each.query.open for each in ready):
            ready = compiled(text, source, replace(surroundings, probe=_probe(telemetry)))
        now = micros(telemetry.now)
        for each in ready:
            yield _explanation(each, telemetry, now)


def _explanation(ready: Compiled, telemetry: Telemetry, now: int) -> Explanation:
    with _depth():
        rewritten = optimised(ready.query.relation, now)
        sql = telemetry.engine.sql(lower(rewritten))
        return Explanation(ready.first_line, shown(ready.query.relation), shown(rewritten), sql, ready.query.warnings)


_ARROW = {
    ColumnType.BOOL: pa.bool_(),
    ColumnType.INT: pa.int32(),
    ColumnType.LONG: pa.int64(),
    ColumnType.REAL: pa.float64(),
    ColumnType.STRING: pa.string(),
    ColumnType.DATETIME: pa.timestamp("us"),
    ColumnType.TIMESPAN: pa.duration("us"),
    ColumnType.DYNAMIC: pa.string(),
    ColumnType.GUID: pa.string(),
}


def typed(rows: pa.Table, fields: Sequence[plan.Field]) -> pa.Table:
    """An engine's rows under KQL's names and types; each field's metadata says its KQL type."""
    columns = [_cast(column, field.type) for column, field in zip(rows.columns, fields, strict=True)]
    schema = pa.schema(
        [
            pa.field(field.name, column.type, metadata={KQL_TYPE: field.type.value.encode()})
            for field, column in zip(fields, columns, strict=True)
        ]
    )
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: "pa.ChunkedArray[Any]", kind: ColumnType) -> "pa.ChunkedArray[Any]":
    wanted = _ARROW.get(kind)
    if wanted is None or column.type == wanted:
        return column
    if kind is ColumnType.TIMESPAN:
        column = column.cast(pa.int64())
    try:
        return column.cast(wanted)
    except pa.ArrowInvalid as error:
        raise EngineError(f"a value does not fit {kind}: {error}") from error


def scanned_tables(relation: plan.Relation) -> tuple[str, ...]:
    """The tables that a plan reads, each once."""
    with _depth():
        return tuple(dict.fromkeys(scan.table for scan in scans(relation)))
