"""The tables that rows are copied to: one for each format, in memory or on disk."""

from collections.abc import Iterable, Sequence

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.loading.records import COPIES, SCHEMA, LogFile, copies_of
from herdsight.logs.formats import LATE_COLUMN, Layout
from herdsight.logs.packed.packing import Compression
from herdsight.tables import FILE_COLUMN, NAMES, REJECT_COLUMN, ROW_COLUMN, ColumnType, table
from herdsight.trees import call, named, null, sql_type, text

_MEMORY = ":memory:"
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SHARE = 0.5  # of the engine's memory, that the plain bytes of logs may be to be copied into it
_PACKED = 12  # plain bytes that a byte of a packed log stands for, or more than most


def make_tables(engine: DuckDbEngine, files: Sequence[LogFile]) -> None:
    """A table for each format that rows are copied of, with the columns of all its files."""
    if _fit_into_memory(engine, files):
        engine.execute(exp.Attach(this=exp.alias_(text(_MEMORY), COPIES, quoted=True)))
    else:
        engine.execute(_create_schema(COPIES))
    engine.execute(_create_schema(SCHEMA))
    for group in copied_groups(files):
        engine.execute(_create_table(group, union_of(each.layout for each in group)))


def _create_schema(name: str) -> exp.Create:
    return exp.Create(this=exp.Table(db=exp.to_identifier(name, quoted=True)), kind="SCHEMA", exists=True)


def _fit_into_memory(engine: DuckDbEngine, files: Iterable[LogFile]) -> bool:
    """Whether the rows are so few that they need no disk, which would double the time that it takes to write them.

    Should they be more than they look like, the engine spills them.
    """
    sizes = {each.path: _plain_size(each) for each in files if each.is_readable and not each.is_parquet}
    told = exp.select(named(call("current_setting", text("memory_limit")), "bytes"))
    limit, unit = str(engine.run(told).column("bytes")[0].as_py()).split()
    return sum(sizes.values()) < float(limit) * _UNITS[unit] * _SHARE


def _plain_size(file: LogFile) -> int:
    """About how many bytes a file unpacks to; one that is gone meanwhile has none."""
    try:
        size = file.path.stat().st_size
    except OSError:
        return 0
    return size if file.known_head.compression is Compression.NONE else size * _PACKED


def copied_groups(files: Iterable[LogFile]) -> list[list[LogFile]]:
    """The files whose rows are copied, by format: each has a table of its own, in the order of the declared tables."""
    groups: dict[str, list[LogFile]] = {}
    for each in files:
        if each.is_copied and each.known_format.read:
            groups.setdefault(each.known_format.name, []).append(each)
    return sorted(groups.values(), key=lambda group: NAMES.index(group[0].known_table))


def union_of(layouts: Iterable[Layout | None]) -> tuple[str, ...]:
    """The columns of all of the layouts, each once."""
    return tuple(dict.fromkeys(name for layout in layouts if layout for name in layout.columns))


def _create_table(group: Sequence[LogFile], columns: Sequence[str]) -> exp.Create:
    """The table with the columns that its files can fill; what one file lacks and another has is "" or NULL."""
    definitions = [definition(group[0], each) for each in columns]
    own = [(FILE_COLUMN, ColumnType.INT), (REJECT_COLUMN, ColumnType.STRING)]
    if any(each.known_layout.late for each in group):
        own.append((LATE_COLUMN, ColumnType.BOOL))
    if group[0].known_format.split:
        own.append((ROW_COLUMN, ColumnType.LONG))
    definitions.extend(
        exp.ColumnDef(this=exp.to_identifier(each, quoted=True), kind=sql_type(kind)) for each, kind in own
    )
    return exp.Create(this=exp.Schema(this=copies_of(group[0]), expressions=definitions), kind="TABLE")


def definition(file: LogFile, name: str) -> exp.ColumnDef:
    """A declared column; where nothing is inserted, it is "" or NULL."""
    kind = next(each.type for each in table(file.known_table).columns if each.name == name)
    default = exp.ColumnConstraint(kind=exp.DefaultColumnConstraint(this=null(kind)))
    return exp.ColumnDef(this=exp.to_identifier(name, quoted=True), kind=sql_type(kind), constraints=[default])
