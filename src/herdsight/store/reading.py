"""A store as relations of an engine, read where it lies."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import InputError
from herdsight.findings.model import Input
from herdsight.loading.records import SCHEMA, Loaded, Origin, Relation
from herdsight.output.words import count_words
from herdsight.store.folder import current, opened_to_read
from herdsight.store.manifest import Manifest
from herdsight.store.records import DataFile, Slice
from herdsight.tables import FILE_COLUMN, REJECT_COLUMN, ROW_COLUMN, ColumnType, table
from herdsight.trees import call, column, named, null, relation, sql_type, text


@contextmanager
def loaded(
    engine: DuckDbEngine, folder: Path, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Loaded]:
    """The rows of a store, readable in the engine; files without events of that time are left out.

    As long as it is open, what it reads stays, whatever others do to the store.

    Raises:
        InputError: the folder is no store, or an empty one, or one of its files is missing.
    """
    with opened_to_read(folder) as manifest:
        files = [each for each in current(manifest) if _is_within(each, since, until)]
        slices = manifest.slices()
        if not slices:
            raise InputError(f"the store {folder} is empty", hint="import logs into it with: herdsight import")
        _need_files(folder, files)
        yield Loaded(
            inputs=inputs_of(slices),
            relations=tuple(_relations(engine, folder, files)),
            readable=tuple(folder / each.path for each in files),
            origins=_origins(manifest, slices),
        )


def _need_files(folder: Path, files: Iterable[DataFile]) -> None:
    gone = next((each for each in files if not (folder / each.path).exists()), None)
    if gone is not None:
        raise InputError(
            f"{folder / gone.path} is missing, with {count_words(gone.rows, 'row')} of {gone.day}",
            hint="put it back from a copy; else `herdsight store verify` tells all that is missing, and importing "
            "the logs into a new store brings it back",
        )


def _is_within(file: DataFile, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or file.last >= since) and (until is None or file.first <= until)


def _relations(engine: DuckDbEngine, folder: Path, files: Iterable[DataFile]) -> Iterator[Relation]:
    """A view over the files that have the same columns."""
    engine.execute(exp.Create(this=exp.Table(db=exp.to_identifier(SCHEMA, quoted=True)), kind="SCHEMA", exists=True))
    groups: dict[tuple[str, str, tuple[str, ...]], list[Path]] = defaultdict(list)
    for each in files:
        groups[each.table, each.format, each.columns].append(folder / each.path)
    for place, ((name, log_format, columns), paths) in enumerate(groups.items()):
        rows = Relation(name, SCHEMA, f"{log_format}_{place}", columns, log_format)
        view = exp.Create(this=relation(rows.name, rows.schema), kind="VIEW", expression=_rows(rows, paths))
        engine.execute(view)
        yield rows


def _rows(rows: Relation, paths: Sequence[Path]) -> exp.Select:
    kinds = {each.name: each.type for each in table(rows.table).columns}
    values = [named(exp.Cast(this=column(each), to=sql_type(kinds[each])), each) for each in rows.columns]
    none = named(null(ColumnType.GUID), REJECT_COLUMN)
    return exp.select(*values, column(FILE_COLUMN), column(ROW_COLUMN), none).from_(parquet(paths))


def parquet(paths: Sequence[Path]) -> exp.Table:
    """The rows of Parquet files; the folder's name adds no column."""
    files = exp.Array(expressions=[text(str(each)) for each in paths])
    plain = exp.EQ(this=exp.column("hive_partitioning"), expression=exp.false())
    return exp.Table(this=call("read_parquet", files, plain))


def inputs_of(slices: Iterable[Slice]) -> tuple[Input, ...]:
    """The line of each source, all that was imported of it together, in the order of the first import."""
    sources: dict[int, list[Slice]] = defaultdict(list)
    for each in slices:
        sources[each.source].append(each)
    return tuple(_together(each) for each in sources.values())


def _together(slices: Sequence[Slice]) -> Input:
    accounts = [each.account for each in slices]
    if len(accounts) == 1:
        return accounts[0]
    reasons: dict[str, int] = defaultdict(int)
    for account in accounts:
        for reason, count in account.reasons.items():
            reasons[reason] += count
    main = max(accounts, key=lambda each: each.rows)
    return main.model_copy(
        update={
            "path": slices[-1].path,
            "rows": sum(each.rows for each in accounts),
            "rejected": sum(each.rejected for each in accounts),
            "reasons": dict(sorted(reasons.items())),
            "first": min((each.first for each in accounts if each.first), default=None),
            "last": max((each.last for each in accounts if each.last), default=None),
            "notes": tuple(dict.fromkeys(note for each in accounts for note in each.notes)),
        }
    )


def _origins(manifest: Manifest, slices: Sequence[Slice]) -> dict[int, Origin]:
    """By `_file`, where its rows came from; an input is a source, in the order of `inputs_of`."""
    places = {source: place for place, source in enumerate(dict.fromkeys(each.source for each in slices))}
    parts = {each.id: each for each in slices}
    return {
        each.id: Origin(places[parts[each.slice].source], each.table, each.base, each.gaps, parts[each.slice].before)
        for each in manifest.readings()
        if each.slice in parts
    }
