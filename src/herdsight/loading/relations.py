"""Relations over what was loaded: tables that were copied, and Parquet where it is."""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import EngineError
from herdsight.loading.account import tallied
from herdsight.loading.copies import copied_groups, union_of
from herdsight.loading.records import SCHEMA, LogFile, Relation, Tally, copies_of, first_line, raise_if_full
from herdsight.logs.formats import Scope, Source
from herdsight.tables import FILE_COLUMN, REJECT_COLUMN, ROW_COLUMN, ColumnType
from herdsight.trees import column, named, null, relation, sql_type


def copied_relations(engine: DuckDbEngine, files: Sequence[LogFile]) -> Iterator[Relation]:
    """A view over each table of copied rows, which adds the number of the row and what follows from other columns."""
    for group in copied_groups(files):
        if not any(each.is_readable for each in group):
            continue
        columns = union_of(each.layout for each in group)
        derived = {name: tree for each in group for name, tree in each.known_layout.derived.items()}
        added = [named(tree.copy(), name) for name, tree in derived.items()]
        row: exp.Expr = exp.Cast(this=exp.column("rowid"), to=sql_type(ColumnType.LONG))
        if group[0].known_format.split:
            row = exp.Coalesce(this=column(ROW_COLUMN), expressions=[row])
        every = [column(each) for each in (*columns, FILE_COLUMN, REJECT_COLUMN)]
        numbered = named(row, ROW_COLUMN)
        name = group[0].known_format.name
        query = exp.select(*every, *added, numbered).from_(copies_of(group[0]))
        _create_view(engine, name, query)
        yield Relation(group[0].known_table, SCHEMA, name, (*columns, *derived), name, query)


def _create_view(engine: DuckDbEngine, name: str, query: exp.Select) -> None:
    engine.execute(exp.Create(this=relation(name, SCHEMA), kind="VIEW", replace=True, expression=query))


def parquet_relations(
    engine: DuckDbEngine, files: Sequence[LogFile], scope: Scope, tallies: dict[int, Tally]
) -> Iterator[Relation]:
    """A view over the Parquet files of each schema, which are scanned where they are."""
    groups: dict[object, list[LogFile]] = {}
    for each in files:
        if each.is_readable and each.is_parquet:
            groups.setdefault((each.known_format.name, tuple(each.known_layout.stored.items())), []).append(each)
    for place, group in enumerate(groups.values(), start=1):
        name = f"{group[0].known_table}_{place}"
        good = _readable_parquet(engine, name, group, scope, tallies)
        if good:
            clean = not any(tallies[each.number].reasons for each in good)
            _create_view(engine, name, _without_rejects(_scan(good, scope)) if clean else _scan(good, scope))
            layout, log_format = good[0].known_layout, good[0].known_format.name
            yield Relation(good[0].known_table, SCHEMA, name, layout.columns, log_format)


def _readable_parquet(
    engine: DuckDbEngine, name: str, group: list[LogFile], scope: Scope, tallies: dict[int, Tally]
) -> list[LogFile]:
    """Those files of a group that can be read to their end, accounted for: together, or else one by one."""
    try:
        _create_view(engine, name, _scan(group, scope))
        tallies.update(tallied(engine, Relation(group[0].known_table, SCHEMA, name, ())))
    except EngineError as error:
        raise_if_full(error)
        if len(group) == 1:
            group[0].notes.append(f"cannot be read: {first_line(error)}")
            group[0].failed = True
            return []
        return [good for each in group for good in _readable_parquet(engine, name, [each], scope, tallies)]
    for each in group:
        tallies.setdefault(each.number, Tally())
    return group


def _scan(group: Sequence[LogFile], scope: Scope) -> exp.Select:
    read = group[0].known_format.read
    assert read is not None  # noqa: S101 - a file that is readable has a reader
    source = Source(tuple(each.path for each in group), tuple(each.number for each in group))
    return read(source, group[0].known_layout, scope)


def _without_rejects(query: exp.Select) -> exp.Select:
    """Where every row is good, nothing is asked of a row again."""
    none = named(null(ColumnType.GUID), REJECT_COLUMN)
    kept = [none if each.alias == REJECT_COLUMN else each for each in query.selects]
    return query.select(*kept, append=False)


def in_order(rows: Relation, condition: exp.Expr, order: Sequence[str]) -> exp.Select:
    """The good rows of a relation that meet a condition on its copied columns, in the order of such columns.

    What follows from other columns is computed of rows in order, so that it need not be sorted along.
    """
    where = exp.and_(exp.Is(this=column(REJECT_COLUMN), expression=exp.null()), condition)
    keys = [exp.Ordered(this=column(each), nulls_first=False) for each in order]
    if rows.query is None:
        return exp.select("*").from_(relation(rows.name, rows.schema)).where(where).order_by(*keys)
    query = rows.query.copy()
    behind = query.args["from_"].this
    copied = exp.select("*", exp.column("rowid")).from_(behind).where(where)
    return query.from_(copied.order_by(*keys, exp.column("rowid")).subquery("copied"))
