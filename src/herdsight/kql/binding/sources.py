"""Binding of what a query begins with: tables, tables written in the query, calls that give a table."""

import re

from herdsight.errors import QueryError
from herdsight.guesses import did_you_mean
from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import apply, converted
from herdsight.kql.binding.dispatch import bind_source
from herdsight.kql.binding.items import check_distinct, constant, makes_several, named, text_option
from herdsight.kql.binding.library import is_library
from herdsight.kql.binding.names import Names
from herdsight.kql.binding.scalars import CUSTOM, UNKNOWN_TABLE, queried, scalar, unknown_function
from herdsight.kql.binding.scope import NOTHING, Bound, Context
from herdsight.kql.functions.arithmetic import wider
from herdsight.kql.functions.model import NUMBER
from herdsight.kql.rewrites.fold import fold
from herdsight.tables import ColumnType


@bind_source.register
def _(source: syntax.Name, context: Context) -> Bound:
    return table(context, source.name, source.start)


def table(context: Context, name: str, at: int) -> Bound:
    """What a table's name stands for: what let bound, or a declared table.

    Raises:
        QueryError: there is none.
    """
    bound = context.names.get(name)
    if isinstance(bound, Bound):
        return bound
    if bound is not None:
        called = context.call(context, syntax.Call(at, name, ()), NOTHING) if context.is_relation(name) else None
        if isinstance(called, Bound):
            return called
        raise context.wrong(f"`{name}` is no table", at, code=UNKNOWN_TABLE)
    if name in context.surroundings.tables:
        declared = context.surroundings.tables[name]
        fields = tuple(plan.Field(column.name, column.type) for column in declared.columns)
        return Bound(plan.Scan(declared.name, declared.time, fields), declared.mistaken)
    if is_library(name):
        called = context.call(context, syntax.Call(at, name, ()), NOTHING)
        if isinstance(called, Bound):
            return called
    if name.endswith("_CL"):
        return _custom_log(context, name, at)
    raise _unknown_table(context, name, at)


def _unknown_table(context: Context, name: str, at: int) -> QueryError:
    known = [*context.names, *context.surroundings.tables]
    return context.wrong(
        f"there is no table `{name}`",
        at,
        code=UNKNOWN_TABLE,
        hint=did_you_mean(name, known),
    )


def _custom_log(context: Context, name: str, at: int) -> Bound:
    """A custom log, which every workspace has its own of: no rows, and whatever columns are asked for."""
    context.warn(f"`{name}` is a custom log, which is not among the logs: it is taken as empty", at)
    bag = plan.Field(CUSTOM, ColumnType.DYNAMIC)
    time = plan.Field("TimeGenerated", ColumnType.DATETIME)
    return Bound(plan.Rows((time, bag), ()), bag=bag.name)


@bind_source.register
def _(source: syntax.Call, context: Context) -> Bound:
    if source.name in _CALLS:
        return _CALLS[source.name](context, source)
    called = context.call(context, source, NOTHING)
    if isinstance(called, Bound):
        return called
    if called is not None:
        raise context.wrong(f"{source.name}() gives a value, and a table is needed here", source.start, code="HS034")
    raise unknown_function(context, source)


def _materialize(context: Context, call: syntax.Call) -> Bound:
    """The query, computed once however often it is read."""
    if len(call.arguments) != 1 or (query := queried(context, call.arguments[0], NOTHING)) is None:
        raise context.wrong("materialize() takes one query", call.start, code="KS106")
    return query.over(plan.Shared("", query.relation, materialized=True))


def _table_by_name(context: Context, call: syntax.Call) -> Bound:
    if not call.arguments:
        raise context.wrong("table() takes a table's name", call.start, code="KS106")
    return table(context, text_option(context, call.arguments[0], "the table's name"), call.start)


_CALLS = {"materialize": _materialize, "table": _table_by_name}
_PLACES = ("workspace", "database", "cluster", "app", "resource", "adx", "arg")


@bind_source.register
def _(source: syntax.Member, context: Context) -> Bound:
    """workspace("x").Table: the logs here are all there are."""
    place: syntax.Expression = source.value
    while isinstance(place, syntax.Member):
        place = place.value
    if not isinstance(place, syntax.Call) or place.name not in _PLACES:
        raise context.wrong("a query begins with a table", source.start, code="HS034")
    context.warn(f"`{place.name}(...)` is passed over: {source.name} is read from the logs given", source.start)
    return table(context, source.name, source.start)


@bind_source.register
def _(source: syntax.Pipeline, context: Context) -> Bound:
    return context.pipeline(context, source)


@bind_source.register
def _(source: syntax.Print, context: Context) -> Bound:
    items: list[plan.Item] = []
    names = Names()
    for position, item in enumerate(source.items):
        if isinstance(item, syntax.Assignment | syntax.Unpacking) or makes_several(context, item):
            items += named(context, item, NOTHING, names)
        else:
            items.append(plan.Item(names.free(f"print_{position}"), scalar(context, item, NOTHING)))
    check_distinct(context, [item.name for item in items], source.start)
    row = plan.Rows(tuple(item.field for item in items), (tuple(item.value for item in items),))
    return Bound(row)


@bind_source.register
def _(source: syntax.DataTable, context: Context) -> Bound:
    width = len(source.columns)
    if not width:
        raise context.wrong("a datatable has columns", source.start, code="HS035")
    if len(source.values) % width:
        raise context.wrong(
            f"{len(source.values)} values do not fill rows of {width} columns", source.start, code="HS035"
        )
    fields = tuple(plan.Field(column.name, column.type) for column in source.columns)
    cells = [_cell(context, value, fields[position % width].type) for position, value in enumerate(source.values)]
    rows = tuple(tuple(cells[start : start + width]) for start in range(0, len(cells), width))
    return Bound(plan.Rows(fields, rows))


def _cell(context: Context, value: syntax.Expression, kind: ColumnType) -> plan.Scalar:
    """A cell's value: converted, as Kusto does, where it is of another type."""
    bound = fold(scalar(context, value, NOTHING))
    if isinstance(bound, plan.Const) and bound.value is None:
        return plan.Const("" if kind is ColumnType.STRING else None, kind)
    return fold(converted(bound, kind))


@bind_source.register
def _(source: syntax.Range, context: Context) -> Bound:
    low, high, step = (fold(scalar(context, part, NOTHING)) for part in (source.low, source.high, source.step))
    apply(context, "+", [low, step], source.start)  # the step must fit what it counts
    if isinstance(step, plan.Const) and step.value == 0:
        raise context.wrong("the step of a range must not be 0", source.step.start, code="HS038")
    if NUMBER.issuperset((low.type, high.type, step.type)):  # a fraction in one of them is in all
        kind = low.type if low.type is high.type is step.type else wider((low.type, high.type, step.type))
        low, high, step = (converted(part, kind) for part in (low, high, step))
    return Bound(plan.Series(source.name, low.type, low, high, step))


@bind_source.register
def _(source: syntax.ExternalData, context: Context) -> Bound:
    options = {option.name.lower(): constant(context, option.value, option.name).value for option in source.options}
    fields = tuple(plan.Field(column.name, column.type) for column in source.columns)
    skip = options.get("ignorefirstrecord", options.get("ignore_first_record", False))
    parts = []
    for expression in source.uris:
        uri = text_option(context, expression, "the address")
        kind = str(options.get("format") or _format_of(uri)).lower()
        if kind not in _FORMATS:
            raise context.unsupported(f"external data in the format '{kind}'", source.start)
        parts.append(plan.External(uri, _FORMATS[kind], bool(skip), fields))
    if not parts:
        raise context.wrong("externaldata names no file", source.start, code="KS106")
    return Bound(parts[0] if len(parts) == 1 else plan.Union(tuple(parts), fields))


_FORMATS = {
    "csv": "csv",
    "tsv": "tsv",
    "psv": "psv",
    "scsv": "scsv",
    "sohsv": "sohsv",
    "txt": "txt",
    "raw": "raw",
    "json": "json",
    "multijson": "json",
    "parquet": "parquet",
}


def _format_of(uri: str) -> str:
    ending = re.search(r"\.(csv|tsv|psv|json|parquet|txt)(?:\.gz|\.zip)?(?:[?;].*)?$", uri, re.IGNORECASE)
    return ending[1] if ending else "csv"
