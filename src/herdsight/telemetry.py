"""Logs opened for questions: read into a private engine, seen through the public tables, and locked."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
from sqlglot import exp

from herdsight import tables, trees
from herdsight.addresses import Network
from herdsight.engines.duckdb import DEFAULT_MEMORY, DuckDbEngine
from herdsight.errors import InputError
from herdsight.findings.model import Input
from herdsight.kql import plan
from herdsight.kql.binding.library import WATCHLIST
from herdsight.kql.functions.conversions import converted
from herdsight.kql.functions.model import Operand
from herdsight.kql.literals import datetime_micros, moment
from herdsight.kql.lowering.relations import EXTERNAL
from herdsight.kql.rewrites.walk import relations
from herdsight.loading import FileRow, Loaded, ReadOptions, filled, first_rejected, load
from herdsight.logs.mapped.mapping import LogMapping
from herdsight.reference import external, watchlists
from herdsight.store.folder import is_store, need_store
from herdsight.store.reading import loaded
from herdsight.tables import ColumnType
from herdsight.views import Part, carried, public_views

Progress = Callable[[str, int, int], None]

_NEWEST, _CLOCK = "data", "wall"
KEPT = "kept"
_KEPT_ROWS = "kept_rows"  # the tables behind it
_TOLD = 3  # files named in one sentence
_MOST_THREADS = 256  # beyond it, a slip of the finger


class Level(StrEnum):
    """How much a hunt tells: a budget of false alerts, which `hunting` states in alerts per day of a host."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Options:
    """What every reading of logs takes.

    `local`: networks (CIDR) that are inside; none means the private ones and what the logs say. `now`: "data" (the
    newest event), "wall" (the clock) or a time. `since` and `until`: times that bound the events. `tables`: (TABLE,
    GLOB) pairs and `format_in`: a format's name, which override recognition. `zone`: the time zone of logs whose times
    do not tell theirs, None for UTC. `memory`: DuckDB's limit. `threads`: how many, None for all. `watchlists`: (name,
    CSV file) pairs for _GetWatchlist(). `parameters`: (name, text) pairs for the parameters that a query declares.
    `store`: the folder of a store, to read in place of logs. `external`: the files that a query may read, as PATH or
    ADDRESS=PATH. `mappings`: mapping files, which say how logs that no format knows are read. `level`: how much a
    hunt tells. `tuning`: tuning files, whose entries silence findings; `show_silenced`: tell these as well.
    `indicators`: files of addresses and names that a hunt looks for. `geo`: databases of where addresses are.
    """

    local: tuple[str, ...] = ()
    now: str = _NEWEST
    since: str | None = None
    until: str | None = None
    tables: tuple[tuple[str, str], ...] = ()
    format_in: str | None = None
    zone: str | None = None
    memory: str = DEFAULT_MEMORY
    threads: int | None = None
    watchlists: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    store: str | None = None
    external: tuple[str, ...] = ()
    mappings: tuple[str, ...] = ()
    level: str = Level.MEDIUM
    tuning: tuple[str, ...] = ()
    show_silenced: bool = False
    indicators: tuple[str, ...] = ()
    geo: tuple[str, ...] = ()


DEFAULTS = Options()


def read_options(options: Options) -> ReadOptions:
    """How to read logs, as the options say it.

    Raises:
        InputError: a network is none, or a mapping cannot be read.
    """
    local = tuple(_network(text) for text in options.local)
    return ReadOptions(local, options.tables, options.format_in, options.zone, _mappings(options))


def sources(paths: Sequence[Path | str], options: Options) -> list[Path]:
    """What to read: the logs that are named, or the store.

    Raises:
        InputError: both are given; or there is no such store.
    """
    if options.store is None:
        return [Path(each) for each in paths]
    if paths:
        raise InputError("there are logs and a store to read", hint="name either, or import the logs into the store")
    need_store(Path(options.store))
    given = {"--table": options.tables, "--format-in": options.format_in, "--zone": options.zone}
    if idle := [name for name, value in (*given.items(), ("--mapping", options.mappings)) if value]:
        raise InputError(f"{', '.join(idle)}: the store was read already", hint="give it to herdsight import")
    return [Path(options.store)]


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last event, in UTC."""

    first: datetime
    last: datetime


class Telemetry:
    """Opened logs. Close it, or use it as a context manager: it holds a folder on disk."""

    def __init__(self, paths: Sequence[Path], options: Options, progress: Progress | None = None) -> None:
        if options.threads is not None and not 1 <= options.threads <= _MOST_THREADS:
            raise InputError(f"threads must be from 1 to {_MOST_THREADS}", hint="by default there are as many as cores")
        self._options = options
        self.beside: set[str] = set()  # the tables that were given beside the logs
        self._since, self._until = (
            _time(text, name) for text, name in ((options.since, "--since"), (options.until, "--until"))
        )
        self._now_option = None if options.now in (_NEWEST, _CLOCK) else _time(options.now, "--now")
        read = read_options(options)
        self._mappings = read.mappings
        self._open = ExitStack()
        # Tables that are written in the query are short: one thread groups them in the order in which they stand.
        self.engine = DuckDbEngine(options.memory, options.threads or (None if paths else 1))
        try:
            self._loaded = self._load(paths, read, progress)
            self._declare(read.local)
            self._declared = set(tables.NAMES)
            self.watchlists = watchlists(options.watchlists)
            self.engine.lock(self._loaded.readable)
        except BaseException:
            self.close()
            raise

    def _load(self, paths: Sequence[Path], read: ReadOptions, progress: Progress | None) -> Loaded:
        stores = [each for each in paths if is_store(each)]
        if not stores:
            return load(self.engine, paths, read, progress) if paths else Loaded()
        if len(paths) > 1:
            others = ", ".join(str(each) for each in paths if each != stores[0])
            raise InputError(
                f"{stores[0]} is a store, and a store is read by itself",
                hint=f"import the other logs into it: herdsight import {others} --store {stores[0]}",
            )
        stored = loaded(self.engine, stores[0], self._since, self._until)
        return self._open.enter_context(stored)

    def _declare(self, local: Sequence[Network]) -> None:
        for view in public_views(self.parts, local):
            tree = view.tree
            if self._since is not None or self._until is not None:
                tree = (
                    exp.select(exp.Star()).from_(tree.subquery("t")).where(self._within(tables.table(view.name).time))
                )
            self.engine.execute(exp.Create(this=trees.relation(view.name), kind="VIEW", expression=tree))

    def _within(self, time: str) -> exp.Expr:
        conditions: list[exp.Expr] = []
        if self._since is not None:
            conditions.append(exp.GTE(this=trees.column(time), expression=trees.timestamp(self._since)))
        if self._until is not None:
            conditions.append(exp.LTE(this=trees.column(time), expression=trees.timestamp(self._until)))
        return trees.conjunction(conditions)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What was loaded, table by table."""
        return tuple(
            Part(relation.table, trees.relation(relation.name, relation.schema), relation.columns)
            for relation in self._loaded.relations
        )

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Every file that was looked at, with its account."""
        return self._loaded.inputs

    @property
    def recognised(self) -> Mapping[int, str]:
        """By an input's number, what it was recognised by, in words; a store does not keep that."""
        return self._loaded.recognised

    @property
    def unread(self) -> tuple[str, ...]:
        """What no query sees: a sentence for each file with rejected records, and one for the files not read.

        And what sees no file: one for each mapping that fits none.
        """
        rejected = [_rejected(each) for each in self.inputs if each.rejected]
        rejected.extend(self._idle_mappings())
        whole = [each for each in self.inputs if not each.rejected and each.table is None]
        if not whole:
            return tuple(rejected)
        told = "; ".join(
            f"{each.path}: {', '.join(each.notes) or 'no format of it is known'}" for each in whole[:_TOLD]
        )
        more = f" and {len(whole) - _TOLD} more" if len(whole) > _TOLD else ""
        return (*rejected, f"{len(whole)} of {len(self.inputs)} files were not read: {told}{more}")

    def _idle_mappings(self) -> list[str]:
        used = {each.format for each in self._loaded.relations}
        idle = [each for each in self._mappings if self.inputs and each.name not in used]
        return [f"the mapping {each.name} reads none of the files: it is for those {_wants(each)}" for each in idle]

    @cached_property
    def spans(self) -> Mapping[str, Span]:
        """The span of each table that has rows."""
        return {name: span for name in tables.NAMES if (span := self._span(name))}

    def _span(self, name: str) -> Span | None:
        time = trees.column(tables.table(name).time)
        ends = exp.select(trees.named(exp.Min(this=time), "first"), trees.named(exp.Max(this=time.copy()), "last"))
        row = self.engine.run(ends.from_(trees.relation(name))).to_pylist()[0]
        return Span(row["first"], row["last"]) if row["first"] is not None else None

    @cached_property
    def span(self) -> Span | None:
        """From the first to the last event of all tables; None where there is none."""
        if not self.spans:
            return None
        return Span(min(span.first for span in self.spans.values()), max(span.last for span in self.spans.values()))

    @cached_property
    def now(self) -> datetime:
        """The time that queries take for now, in UTC: the newest event unless told otherwise."""
        if self._now_option is not None:
            return self._now_option
        newest = self._newest() if self._options.now == _NEWEST else None
        return newest or datetime.now(UTC).replace(tzinfo=None)

    def _newest(self) -> datetime | None:
        """The newest event; as the files' accounts say it where no option hides events, which spares a scan."""
        if self._since or self._until:
            return self.span.last if self.span else None
        lasts = [each.last for each in self.inputs if each.last is not None]
        return max(lasts).replace(tzinfo=None) if lasts else None

    def keep(self, columns: Mapping[str, Collection[str]]) -> None:
        """Compute these columns of these tables once and keep them under the schema KEPT, for many queries to read.

        The other columns are null there: a query may pass them on, as `extend` does, without depending on them.
        """
        for schema in (_KEPT_ROWS, KEPT):
            self.engine.execute(exp.Create(this=exp.Table(db=exp.to_identifier(schema)), kind="SCHEMA", exists=True))
        for name, wanted in columns.items():
            declared = tables.table(name).columns
            rows = exp.select(*(trees.column(each.name) for each in declared if each.name in wanted))
            self._create(trees.relation(name, _KEPT_ROWS), rows.from_(trees.relation(name)))
            values = (
                trees.column(each.name) if each.name in wanted else trees.named(trees.null(each.type), each.name)
                for each in declared
            )
            whole = exp.select(*values).from_(trees.relation(name, _KEPT_ROWS))
            self.engine.execute(exp.Create(this=trees.relation(name, KEPT), kind="VIEW", expression=whole))

    def provide(self, relation: plan.Relation) -> None:
        """Declare what a plan reads beside the tables that logs fill: other tables, watchlists, external data.

        Raises:
            InputError: the plan reads external data that is not allowed, or that cannot be read.
        """
        for part in relations(relation):
            if isinstance(part, plan.Scan) and part.table not in self._declared:
                self._provide_table(part)
                self._declared.add(part.table)
            if isinstance(part, plan.External) and part.name not in self._declared:
                self._provide_external(part)
                self._declared.add(part.name)

    def _provide_table(self, scan: plan.Scan) -> None:
        given = {f"{WATCHLIST}{each.name}": each.rows for each in self.watchlists}
        if scan.table not in given:  # a table that no log fills
            empty = exp.select(*(trees.named(trees.null(field.type), field.name) for field in scan.fields))
            view = exp.Create(this=trees.relation(scan.table), kind="VIEW", expression=empty.where(exp.false()))
            self.engine.execute(view)
            return
        self.engine.put(_RAW, given[scan.table])
        rows = exp.select(*(trees.named(_of_watchlist(field, given[scan.table]), field.name) for field in scan.fields))
        self._create(trees.relation(scan.table), rows.from_(trees.relation(_RAW)))

    def _provide_external(self, node: plan.External) -> None:
        self.engine.put(_RAW, external(node, self._options.external))
        self.engine.execute(exp.Create(this=exp.Table(db=exp.to_identifier(EXTERNAL)), kind="SCHEMA", exists=True))
        values = (trees.named(_as_typed(_as_text(field.name), field.type), field.name) for field in node.fields)
        self._create(trees.relation(node.name, EXTERNAL), exp.select(*values).from_(trees.relation(_RAW)))

    def _create(self, table: exp.Table, rows: exp.Select) -> None:
        self.engine.execute(exp.Create(this=table, kind="TABLE", expression=rows))

    def carries(self, table: str) -> frozenset[str]:
        """The columns of that table that the logs can fill."""
        return carried(self.parts, table)

    def carriers(self, table: str) -> frozenset[str]:
        """The tables whose loaded rows that table can show."""
        return frozenset(part.table for part in self.parts if carried((part,), table))

    def filled(self) -> Mapping[int, tuple[str, ...]]:
        """By an input's number, the columns that have a value in some row of it."""
        found: dict[int, tuple[str, ...]] = {}
        for each in self._loaded.relations:
            for reading, names in filled(self.engine, each).items():
                number = self._loaded.origins[reading].input
                found[number] = tuple(dict.fromkeys((*found.get(number, ()), *names)))
        return found

    @cached_property
    def tables_of(self) -> Mapping[int, frozenset[str]]:
        """By an input's number, the tables that its rows are of."""
        found: dict[int, set[str]] = {}
        for each in self._loaded.origins.values():
            found.setdefault(each.input, set()).update([each.table] if each.table else [])
        return {number: frozenset(names) for number, names in found.items()}

    def rejected(self) -> Mapping[int, dict[str, tuple[int, ...]]]:
        """By an input's number and the reason, the numbers of the first records that were rejected, from 1."""
        return {
            number: {
                reason: tuple(self.locate(reading, row).row for row in rows)
                for reason, (reading, rows) in found.items()
            }
            for number, found in first_rejected(self.engine, self._loaded).items()
        }

    def locate(self, reading: int, row: int) -> FileRow:
        """The file and the record behind a row, from its hidden columns."""
        return self._loaded.locate(reading, row)

    def put(self, name: str, rows: pa.Table) -> None:
        """Make rows in memory readable under a name, in place of what had it."""
        self.engine.put(name, rows)

    def give(self, name: str, rows: pa.Table) -> None:
        """Make rows readable that are no log's, and remember that they are there."""
        self.put(name, rows)
        self.beside.add(name)

    def run(self, tree: exp.Expr) -> pa.Table:
        """Run a tree over the public tables."""
        return self.engine.run(tree)

    def first(self, tree: exp.Expr, most: int) -> tuple[pa.Table, int]:
        """The first rows of a tree over the public tables, and how many there are."""
        return self.engine.first(tree, most)

    def close(self) -> None:
        """Remove what the engine holds on disk, and let go of the store."""
        self.engine.close()
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_RAW = "raw"


def _as_typed(text: exp.Expr, kind: ColumnType) -> exp.Expr:
    """A text as a value of that type; a dynamic is what the text spells."""
    if kind is ColumnType.DYNAMIC:
        return trees.call("kql_parse_json", text)
    return converted(Operand(text, ColumnType.STRING), kind)


def _as_text(name: str) -> exp.Expr:
    text = exp.Cast(this=trees.column(name), to=trees.sql_type(ColumnType.STRING))
    return exp.Coalesce(this=text, expressions=[trees.text("")])


def _of_watchlist(field: plan.Field, rows: pa.Table) -> exp.Expr:
    """A watchlist's own column, or one that every watchlist has; what it is searched by is its first column."""
    if field.name in rows.column_names:
        return _as_text(field.name)
    if field.name == "SearchKey" and rows.column_names:
        return _as_text(rows.column_names[0])
    if field.name == "WatchlistItem":
        pairs = [part for name in rows.column_names for part in (trees.text(name), trees.column(name))]
        return exp.Cast(this=trees.call("json_object", *pairs), to=trees.sql_type(field.type))
    return trees.null(field.type)


def _mappings(options: Options) -> tuple[LogMapping, ...]:
    if not options.mappings:
        return ()
    from herdsight.mapping.reading import read_mappings

    return read_mappings(map(Path, options.mappings))


def _wants(mapping: LogMapping) -> str:
    if mapping.files:
        return f"named like {', '.join(mapping.files[:_TOLD])}"
    wanted = mapping.names if mapping.columns is None else mapping.columns
    listed = ", ".join(wanted[:_TOLD]) + (", ..." if len(wanted) > _TOLD else "")
    return f"that no format knows, with the columns {listed}"


def _rejected(file: Input) -> str:
    reasons = ", ".join(f"{reason} ({count})" for reason, count in file.reasons.items())
    return f"{file.path}: {file.rejected} of {file.rows + file.rejected} records were rejected: {reasons}"


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        return moment(datetime_micros(text))
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"{option} takes a time, not {text!r}", hint="for example 2026-05-31 or 2026-05-31T10:00:00Z"
        ) from error


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise InputError(f"--local takes a network, not {text!r}", hint="for example 10.20.0.0/16") from error
