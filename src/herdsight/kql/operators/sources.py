"""Sources that begin with a word of their own."""

from collections.abc import Callable, Mapping

from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import expression, listed, named_expression, type_name
from herdsight.kql.operators.common import columns, options, parameters
from herdsight.kql.operators.rows import search, table_expression
from herdsight.kql.operators.tables import union
from herdsight.kql.reserved import BOUND


def _print(cursor: Cursor, start: int) -> syntax.Print:
    return syntax.Print(start, listed(cursor, named_expression))


def _range(cursor: Cursor, start: int) -> syntax.Range:
    name = cursor.new_name("a column's name", BOUND).value
    cursor.expect("from", "after the column's name")
    low = expression(cursor)
    cursor.expect("to", "after the first value")
    high = expression(cursor)
    cursor.expect("step", "after the last value")
    return syntax.Range(start, name, low, high, expression(cursor))


def _datatable(cursor: Cursor, start: int) -> syntax.DataTable:
    declared = columns(cursor, "after 'datatable'")
    return syntax.DataTable(start, declared, _bracketed(cursor))


def _bracketed(cursor: Cursor) -> tuple[syntax.Expression, ...]:
    cursor.expect("[", "before the values")
    values: list[syntax.Expression] = []
    while not cursor.accept("]"):
        values.append(expression(cursor))
        if not cursor.at("]"):
            cursor.expect(",", "between the values")
    return tuple(values)


def _externaldata(cursor: Cursor, start: int) -> syntax.ExternalData:
    declared = columns(cursor, "after 'externaldata'")
    return syntax.ExternalData(start, declared, _bracketed(cursor), options(cursor))


def _find(cursor: Cursor, start: int) -> syntax.Find:
    given = parameters(cursor, "withsource", "with_source", "datascope")
    tables: tuple[syntax.Expression, ...] = ()
    if cursor.accept("in"):
        cursor.expect("(", "after 'in'")
        tables = listed(cursor, table_expression)
        cursor.expect(")", "behind the tables")
    if tables or given:
        cursor.expect("where", "before the condition")
    else:
        cursor.accept("where")
    condition = expression(cursor)
    found, packed = _found_columns(cursor)
    return syntax.Find(
        start, given.get("withsource") or given.get("with_source"), tables, condition, found, packed=packed
    )


def _found_columns(cursor: Cursor) -> tuple[tuple[syntax.FoundColumn, ...] | None, bool]:
    """`project name: type, ..., pack_all()`: the columns, None for project-smart, and whether the others are packed."""
    if not cursor.accept("project"):
        return None, True
    if cursor.accept("-"):
        cursor.expect("smart", "after 'project-'")
        return None, True
    found: list[syntax.FoundColumn] = []
    packed = False
    while not packed:
        packed = cursor.at("pack_all", "pack") and cursor.sees(1, "(")
        if packed:
            _pack_all(cursor)
        else:
            name = cursor.name("a column")
            found.append(syntax.FoundColumn(name.start, name.value, type_name(cursor) if cursor.accept(":") else None))
        if not cursor.accept(","):
            break
    return tuple(found), packed


def _pack_all(cursor: Cursor) -> None:
    """`pack_all()`, or `pack(*)` as it was once called."""
    is_older = cursor.take().value == "pack"
    for mark in "(*)" if is_older else "()":
        cursor.expect(mark, "in the call that packs the other columns")


SOURCES: Mapping[str, Callable[[Cursor, int], syntax.Source]] = {
    "print": _print,
    "range": _range,
    "datatable": _datatable,
    "externaldata": _externaldata,
    "union": union,
    "search": search,
    "find": _find,
}
