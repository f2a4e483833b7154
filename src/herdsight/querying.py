"""Questions in KQL over logs: text in, Arrow out."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from herdsight import tables
from herdsight.errors import EngineError, InputError, Place, QueryError
from herdsight.guesses import did_you_mean
from herdsight.kql import plan
from herdsight.kql.binding import Query, Surroundings, bind
from herdsight.kql.binding.library import WATCHLIST
from herdsight.kql.binding.scope import Probe
from herdsight.kql.lexer import Text
from herdsight.kql.literals import micros
from herdsight.kql.lowering import lower
from herdsight.kql.rewrites import optimised
from herdsight.kql.rewrites.share import share
from herdsight.kql.rewrites.walk import scans
from herdsight.kql.show import shown
from herdsight.kql.statements import Script, blocks, parse
from herdsight.reference import watchlists
from herdsight.tables import ColumnType
from herdsight.telemetry import DEFAULTS, Options, Progress, Telemetry, sources

_DEEPEST = 10_000  # calls
KQL_TYPE = b"kql:type"  # the key in a field's metadata under which its KQL type stands


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of one query, the line it begins at, and warnings: what was read otherwise than it was written.

    The first answer's warnings also say which records and files the logs have that could not be read. `rows`: how many
    there are, where `table` has the first of them alone. `chart`: how `render` would draw them.
    """

    first_line: int
    table: pa.Table
    warnings: tuple[str, ...]
    rows: int
    chart: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """How one query is computed: its plan as written, the plan after rewrites, and the engine's SQL."""

    first_line: int
    plan: str
    rewritten: str
    sql: str
    warnings: tuple[str, ...]
    chart: str | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """One query, typed, the line its block begins at, and the names of the parameters that the block declares."""

    first_line: int
    query: Query
    parameters: tuple[str, ...] = ()


DECLARED = Surroundings(tables.DECLARED)


def compiled(text: str, source: str = "query", known: Surroundings = DECLARED) -> tuple[Compiled, ...]:
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
                parameters = script.parameters
                done += [Compiled(block.first_line, query, parameters) for query in bind(script, known)]
        except QueryError as error:
            error.place = error.place or block.place(0)
            problems.append(error)
    if problems:
        raise _collected(problems)
    if not done:
        place = Place(source, 1, 1)
        raise QueryError(
            "the text holds no query", code="HS040", place=place, hint="a query begins with a table's name"
        )
    return tuple(done)


def _collected(problems: Sequence[QueryError]) -> QueryError:
    """One error for them all; where one is plainly wrong, that what others use is not supported counts for less."""
    worst = min(problems, key=lambda problem: problem.exit_status)
    worst.problems = tuple(problems)
    return worst


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
    with Session(paths, options, progress) as session:
        yield from session.answers(text, source)


class Session:
    """Logs that are read once, when a query first needs them, and kept open for many texts.

    Close it, or use it as a context manager. `lasting`: the parameters given are for many texts, and not each of them
    must declare them all.
    """

    def __init__(
        self,
        paths: Sequence[Path | str] = (),
        options: Options = DEFAULTS,
        progress: Progress | None = None,
        *,
        lasting: bool = False,
    ) -> None:
        self._paths = sources(paths, options)
        self._options = options
        self._progress = progress
        self._known = surroundings(options)
        self._lasting = lasting
        self._told = False
        self._opened: Telemetry | None = None

    @property
    def telemetry(self) -> Telemetry:
        """The logs, read when they are first asked for."""
        if self._opened is None:
            self._opened = Telemetry(self._paths, self._options, self._progress)
        return self._opened

    def answers(self, text: str, source: str = "query", most: int | None = None) -> Iterator[Answer]:
        """Answer the queries of a text in turn, with `most` rows of each at most; raises what `answers()` does."""
        ready = self._compiled(text, source)
        if not self._paths and (read := _read_by(ready)):
            names = ", ".join(read)
            raise InputError(f"the query reads {names}, and no logs were given", hint="name files or folders behind it")
        ready = self._with_data(ready, text, source)
        first = self._first_warnings(ready)
        for each in ready:
            with _placed(source, each.first_line):
                table, rows = _rows(self.telemetry, each.query.relation, most)
            yield Answer(each.first_line, table, (*first, *each.query.warnings), rows, each.query.chart)
            first = ()

    def explanations(self, text: str, source: str = "query") -> Iterator[Explanation]:
        """Explain the queries of a text; without paths against the declared tables alone."""
        ready = self._compiled(text, source)
        first: tuple[str, ...] = ()
        if self._paths:
            ready = self._with_data(ready, text, source)
            first = self._first_warnings(ready)
        for each in ready:
            with _placed(source, each.first_line):
                explanation = _explanation(each, self.telemetry, first)
            yield explanation
            first = ()

    def _compiled(self, text: str, source: str) -> tuple[Compiled, ...]:
        ready = compiled(text, source, self._known)
        if not self._lasting:
            _check_parameters(ready, self._known.parameters)
        return ready

    def _with_data(self, ready: tuple[Compiled, ...], text: str, source: str) -> tuple[Compiled, ...]:
        """The queries anew, where some of their columns show only in the data."""
        if not any(each.query.open for each in ready):
            return ready
        return compiled(text, source, replace(self._known, probe=_probe(self.telemetry)))

    def unread(self) -> tuple[str, ...]:
        """What could not be read: said once, here or with the first answer."""
        unread = () if self._told else self.telemetry.unread
        self._told = True
        return unread

    def _first_warnings(self, ready: Sequence[Compiled]) -> tuple[str, ...]:
        """What could not be read, and which tables of these queries no log fills."""
        read = _read_by(ready)
        given = [name for name in read if name in tables.NAMES and self._paths and not self.telemetry.carries(name)]
        lacking = (f"none of the logs fills {', '.join(given)}: taken as empty",) if given else ()
        return (*self.unread(), *_unfilled(read), *lacking)

    def close(self) -> None:
        """Remove what the engine holds on disk."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read_by(ready: Iterable[Compiled]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in ready for name in scanned_tables(each.query.relation)))


def _check_parameters(ready: Sequence[Compiled], given: Iterable[str]) -> None:
    declared = {name for each in ready for name in each.parameters}
    for name in given:
        if name not in declared:
            hint = did_you_mean(name, declared) or f"it is declared with: declare query_parameters({name}: string);"
            raise InputError(f"no query here declares the parameter `{name}`", hint=hint)


def surroundings(options: Options) -> Surroundings:
    """What a query may name, as the options say it."""
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
def _placed(source: str, line: int) -> Iterator[None]:
    """Errors of a query that has been compiled, which is no longer in one text: they are about all of it."""
    try:
        yield
    except QueryError as error:
        error.place = error.place or Place(source, line)
        raise


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
    return _rows(telemetry, relation, None)[0]


def _rows(telemetry: Telemetry, relation: plan.Relation, most: int | None) -> tuple[pa.Table, int]:
    """The rows of a plan, `most` at most, and how many there are."""
    with _depth():
        telemetry.provide(relation)
        tree = lower(optimised(relation, micros(telemetry.now)))
        if most is not None:
            table, rows = telemetry.first(tree, most)
            return typed(table, relation.fields), rows
        table = typed(telemetry.run(tree), relation.fields)
        return table, table.num_rows


def explanations(
    text: str, paths: Sequence[Path | str] = (), options: Options = DEFAULTS, *, source: str = "query"
) -> Iterator[Explanation]:
    """Explain the queries of a text; without paths against the declared tables alone."""
    with Session(paths, options) as session:
        yield from session.explanations(text, source)


def _explanation(ready: Compiled, telemetry: Telemetry, first: Sequence[str]) -> Explanation:
    query = ready.query
    warnings = (*first, *query.warnings)
    with _depth():
        rewritten = optimised(query.relation, micros(telemetry.now))
        sql = telemetry.engine.sql(lower(rewritten))
        written = shown(share(query.relation))
        return Explanation(ready.first_line, written, shown(rewritten), sql, warnings, query.chart)


# How a value of a KQL type is held in Arrow.
ARROW_TYPES: Mapping[ColumnType, pa.DataType] = {
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
    wanted = ARROW_TYPES.get(kind)
    if wanted is None or column.type == wanted:
        return column
    if kind is ColumnType.TIMESPAN:
        column = column.cast(pa.int64())
    try:
        return column.cast(wanted)
    except pa.ArrowInvalid as error:
        raise EngineError(f"a value does not fit {kind}: {error}") from error


def scanned_tables(relation: plan.Relation) -> tuple[str, ...]:
    """The tables of logs that a plan reads, each once."""
    with _depth():
        names = dict.fromkeys(scan.table for scan in scans(relation))
    return tuple(name for name in names if not name.startswith(WATCHLIST))
