"""Binding of operators that make, choose, name or describe columns."""

import re
from collections.abc import Iterable

from herdsight.kql import plan, syntax
from herdsight.kql.binding.dispatch import alone, bind_operator
from herdsight.kql.binding.items import check_distinct, constant, extended, matching, named_items
from herdsight.kql.binding.names import DUPLICATE_NAME, matches
from herdsight.kql.binding.scalars import queried, scalar
from herdsight.kql.binding.scope import NOTHING, Bound, Context, ref
from herdsight.tables import ColumnType


@bind_operator.register
def _(operator: syntax.Extend, context: Context, bound: Bound) -> Bound:
    return extended(context, bound, operator.items)


@bind_operator.register
def _(operator: syntax.Project, context: Context, bound: Bound) -> Bound:
    if not operator.items:
        raise context.unsupported("a table without columns", operator.start)
    windows: list[plan.WindowCall] = []
    items = named_items(context, operator.items, bound.scope(windows))
    return bound.windowed(windows).projected(items)


@bind_operator.register
def _(operator: syntax.ProjectAway, context: Context, bound: Bound) -> Bound:
    gone = matching(context, operator.patterns, bound, operator.start)
    if len(gone) == len(bound.fields):
        raise context.unsupported("a table without columns", operator.start)
    return bound.narrowed(column for column in bound.fields if column not in gone)


@bind_operator.register
def _(operator: syntax.ProjectKeep, context: Context, bound: Bound) -> Bound:
    chosen = matching(context, operator.patterns, bound, operator.start)
    return bound.narrowed(column for column in bound.fields if column in chosen)


@bind_operator.register
def _(operator: syntax.ProjectByNames, context: Context, bound: Bound) -> Bound:
    """The columns whose names are given as constants, with wildcards; names of no column are passed over."""
    wanted = [name for item in operator.items for name in _given_names(context, item)]
    chosen = dict.fromkeys(column for name in wanted for column in bound.fields if matches(column.name, name))
    if not chosen:
        raise context.unsupported("a table without columns", operator.start)
    return bound.narrowed(chosen)


def _given_names(context: Context, item: syntax.Expression) -> list[str]:
    if isinstance(item, syntax.Call) and item.name == "column_names_of" and len(item.arguments) == 1:
        table = queried(context, item.arguments[0], NOTHING)
        if table is not None:
            return [column.name for column in table.fields]
    value = constant(context, item, "a column's name").value
    return [str(name) for name in value] if isinstance(value, list) else [str(value)]


@bind_operator.register
def _(operator: syntax.ProjectReorder, context: Context, bound: Bound) -> Bound:
    first: list[plan.Field] = []
    for each in operator.patterns:
        found = [column for column in matching(context, [each.pattern], bound, each.start) if column not in first]
        first += _in_order(found, each.order) if each.order else found
    return bound.narrowed([*first, *(column for column in bound.fields if column not in first)])


def _in_order(columns: Iterable[plan.Field], order: str) -> list[plan.Field]:
    """The columns by name; where the order is "granny-", its digits count as the numbers that they are."""
    split = _DIGITS.split if order.startswith("granny-") else _whole
    return sorted(columns, key=lambda column: [_place(part) for part in split(column.name)], reverse="desc" in order)


_DIGITS = re.compile(r"(\d+)")


def _whole(name: str) -> list[str]:
    return [name]


def _place(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdecimal() else (-1, part)


@bind_operator.register
def _(operator: syntax.ProjectRename, context: Context, bound: Bound) -> Bound:
    renamed: dict[str, str] = {}
    added: list[plan.Item] = []  # columns that are not known yet
    for item in operator.items:
        assert isinstance(item.value, syntax.Name)  # noqa: S101 the parser takes no other
        if item.value.name in renamed:
            raise context.wrong(f"`{item.value.name}` is renamed already", item.start, code=DUPLICATE_NAME)
        if bound.scope().find(item.value.name) is not None:
            renamed[item.value.name] = item.name
        else:
            added.append(plan.Item(item.name, scalar(context, item.value, bound.scope())))
    kept = (plan.Item(renamed.get(column.name, column.name), ref(column)) for column in bound.fields)
    items = (*kept, *added)
    check_distinct(context, [item.name for item in items], operator.start)
    return bound.projected(items)


# As the .NET types are called, which getschema tells.
_SYSTEM_TYPES = {
    ColumnType.BOOL: "System.SByte",
    ColumnType.INT: "System.Int32",
    ColumnType.LONG: "System.Int64",
    ColumnType.REAL: "System.Double",
    ColumnType.DECIMAL: "System.Data.SqlTypes.SqlDecimal",
    ColumnType.STRING: "System.String",
    ColumnType.DATETIME: "System.DateTime",
    ColumnType.TIMESPAN: "System.TimeSpan",
    ColumnType.DYNAMIC: "System.Object",
    ColumnType.GUID: "System.Guid",
}


@bind_operator.register
def _(operator: syntax.GetSchema, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "getschema", operator.start)
    fields = (
        plan.Field("ColumnName", ColumnType.STRING),
        plan.Field("ColumnOrdinal", ColumnType.LONG),
        plan.Field("DataType", ColumnType.STRING),
        plan.Field("ColumnType", ColumnType.STRING),
    )
    rows = tuple(
        (
            plan.Const(column.name, ColumnType.STRING),
            plan.Const(position, ColumnType.LONG),
            plan.Const(_SYSTEM_TYPES[column.type], ColumnType.STRING),
            plan.Const(column.type.value, ColumnType.STRING),
        )
        for position, column in enumerate(bound.fields)
    )
    return Bound(plan.Rows(fields, rows))


@bind_operator.register
def _(operator: syntax.AssertSchema, context: Context, bound: Bound) -> Bound:
    found = [(column.name, column.type) for column in bound.fields]
    wanted = [(column.name, column.type) for column in operator.columns]
    if found != wanted:
        given = ", ".join(f"{name}: {kind}" for name, kind in found)
        raise context.wrong(
            "the columns are not those asserted", operator.start, code="HS043", hint=f"they are {given}"
        )
    return bound


@bind_operator.register
def _(operator: syntax.Render, context: Context, bound: Bound) -> Bound:
    context.charts.append(operator.chart)
    return bound


@bind_operator.register
def _(operator: syntax.As, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "as", operator.start)
    context.names[operator.name] = bound
    return bound
