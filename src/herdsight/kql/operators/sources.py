"""Sources that begin with a word of their own."""

from collections.abc import Callable, Mapping

from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import expression, listed, named_expression
from herdsight.kql.operators.common import columns, options
from herdsight.kql.operators.rows import search
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


SOURCES: Mapping[str, Callable[[Cursor, int], syntax.Source]] = {
    "print": _print,
    "range": _range,
    "datatable": _datatable,
    "externaldata": _externaldata,
    "union": union,
    "search": search,
}
