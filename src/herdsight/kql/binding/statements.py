"""Binding of a block: its statements in order, functions that let binds, and the queries that are left."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from herdsight.errors import QueryError
from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import converted
from herdsight.kql.binding.dispatch import bind_operator, bind_operators, bind_source, distinct
from herdsight.kql.binding.items import constant
from herdsight.kql.binding.library import library
from herdsight.kql.binding.parameters import query_parameter
from herdsight.kql.binding.scalars import SPECIAL, queried, scalar, unknown_function
from herdsight.kql.binding.scope import NOTHING, Binding, Bound, Context, Function, Made, Scope, Surroundings, hidden
from herdsight.kql.binding.special import BIN_OPTIONS
from herdsight.kql.functions import SCALARS, WINDOWS
from herdsight.kql.rewrites.fold import fold
from herdsight.kql.rewrites.walk import queries_in, references, relations, scalars
from herdsight.kql.statements import Script
from herdsight.tables import ColumnType

_DEEPEST = 40  # calls of functions within functions


@dataclass(frozen=True, slots=True)
class Query:
    """One tabular statement, typed, with the warnings that its reader should see.

    `open`: some of its columns show only when the data is there, so that it must be bound anew with a probe. `chart`:
    how `render` would draw it. `made`: what each operator of its block made, with those of functions and of lets.
    """

    relation: plan.Relation
    warnings: tuple[str, ...]
    open: bool = False
    chart: str | None = None
    made: tuple[Made, ...] = ()


def bind(script: Script, surroundings: Surroundings) -> tuple[Query, ...]:
    """The queries of a block, each typed against the declared tables.

    Raises:
        QueryError: an unknown name, a type that does not fit; with its place and a hint.
        UnsupportedError: something that Herdsight does not do.
    """
    context = Context(script.text, surroundings, _pipeline, _call)
    queries = []
    for statement in script.statements:
        if isinstance(statement, syntax.Let | syntax.Setting | syntax.Declaration):
            _declare(context, statement)
            continue
        bound = _as_query(context, statement)
        context.weigh(bound.relation, statement.start)
        chart = context.charts[-1] if context.charts else None
        relation = bound.relation if bound.bag is None else bound.narrowed(bound.fields).relation
        warnings, made = tuple(context.warnings), tuple(context.work.made)
        queries.append(Query(_visible(bound, relation), warnings, context.opened, chart, made))
        context.warnings.clear()
        context.charts.clear()
    if not queries:
        last = script.statements[-1]
        raise context.wrong(
            "the text binds names and queries nothing", last.start, code="HS033", hint="add a query behind the last ';'"
        )
    return tuple(queries)


def _visible(bound: Bound, relation: plan.Relation) -> plan.Relation:
    if len(bound.fields) == len(relation.fields):
        return relation
    return plan.Projection(bound.relation, tuple(plan.Item(c.name, plan.Ref(c.name, c.type)) for c in bound.fields))


def _as_query(context: Context, statement: syntax.Expression) -> Bound:
    """A statement as a query; a value alone is a query of one cell, as editors show it."""
    bound = queried(context, statement, NOTHING) if _may_be_query(statement) else None
    if bound is not None:
        return bound
    if isinstance(statement, syntax.Source) and not _is_value(context, statement):
        return context.pipeline(context, syntax.Pipeline(statement.start, statement, ()))
    value = scalar(context, statement, NOTHING)
    return Bound(plan.Rows((plan.Field("print_0", value.type),), ((value,),)))


def _is_value(context: Context, statement: syntax.Source) -> bool:
    match statement:
        case syntax.Name(name=name):
            return isinstance(context.names.get(name), plan.Scalar)
        case syntax.Call(name=name):
            known = name in SCALARS or name in SPECIAL or name in WINDOWS
            return known or isinstance(context.names.get(name), Function)
        case _:
            return False


def _may_be_query(statement: syntax.Expression) -> bool:
    return isinstance(statement, syntax.Pipeline | syntax.Call)


def _declare(context: Context, statement: syntax.Let | syntax.Setting | syntax.Declaration) -> None:
    match statement:
        case syntax.Let():
            _let(context, statement)
        case syntax.Setting(name=name, value=value, start=start):
            if name not in BIN_OPTIONS or value is None:
                context.warn(f"the option '{name}' is ignored", start)
            else:
                context.names[hidden(name)] = constant(context, value, f"the option '{name}'")
        case syntax.Declaration(parameters=parameters):
            for parameter in parameters:
                context.names[parameter.name] = query_parameter(context, parameter)


def _let(context: Context, let: syntax.Let) -> None:
    if let.name in context.names and context.depth == 0:
        raise context.wrong(f"`{let.name}` is bound already", let.start, code="KS201")
    if isinstance(let.value, syntax.Function):
        context.names[let.name] = Function(let.value, dict(context.names))
        return
    context.names[let.name] = _bound_value(context, let.value, NOTHING)


def _bound_value(context: Context, value: syntax.Expression, scope: Scope) -> plan.Scalar | Bound:
    """What an expression is: a relation or a value."""
    relation = queried(context, value, scope)
    if relation is None and isinstance(value, syntax.Member | syntax.Call) and _is_place(value):
        relation = bind_source(value, context)
    if relation is not None:
        context.weigh(relation.relation, value.start)
        return relation
    found = scalar(context, value, scope)
    context.weigh(found, value.start)
    return fold(found)


def _is_place(value: syntax.Expression) -> bool:
    while isinstance(value, syntax.Member):
        value = value.value
    return isinstance(value, syntax.Call) and value.name in ("workspace", "database", "cluster", "app", "resource")


def _pipeline(context: Context, pipeline: syntax.Pipeline) -> Bound:
    source = distinct(context, bind_source(pipeline.source, context), pipeline.start)
    bound = bind_operators(context, pipeline.operators, source)
    context.opened = context.opened or bound.bag is not None
    return bound


# --- functions ------------------------------------------------------------------------------------------------------

_TABLE_CALLS = ("materialize", "table")


def _call(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar | Bound | None:
    """What a call of a function gives: one that let bound, or one of the library; None where there is none."""
    function = context.names.get(call.name)
    if isinstance(function, Function):
        return _applied(context, function, call, scope)
    if call.name in _TABLE_CALLS:
        return bind_source(call, context)
    of_library = library(context, call)
    if isinstance(of_library, Function):
        return _applied(context, of_library, call, scope)
    return of_library


def _applied(context: Context, function: Function, call: syntax.Call, scope: Scope) -> plan.Scalar | Bound:
    """The function's body, with its parameters bound to the arguments."""
    if context.depth > _DEEPEST:
        raise context.wrong(f"functions call each other deeper than {_DEEPEST} levels", call.start, code="HS046")
    definition = function.definition
    given = _given(context, definition, call)
    names: dict[str, Binding] = dict(function.names)
    of_row: dict[str, plan.Scalar] = {}
    for parameter in definition.parameters:
        argument = _argument(context, parameter, given.get(parameter.name), call, scope)
        if isinstance(argument, plan.Scalar) and any(True for _ in references(argument)):
            place = plan.Ref(hidden(f"argument {context.depth} {len(of_row)}"), argument.type)
            of_row[place.name], argument = argument, place
        names[parameter.name] = argument
    inside = context.inside(names, function.source)
    *before, last = definition.body
    for statement in before:
        if isinstance(statement, syntax.Let | syntax.Setting | syntax.Declaration):
            _declare(inside, statement)
    if isinstance(last, syntax.Let | syntax.Setting | syntax.Declaration):
        raise context.wrong(f"the body of {call.name}() gives nothing", call.start, code="HS033")
    try:
        result = _bound_value(inside, last, NOTHING)
        context.opened = context.opened or inside.opened
    except QueryError as error:
        if function.source is not None:  # the place is in our own text, which the user cannot see
            error.place = context.text.place(call.start)
        raise
    return _for_row(context, result, of_row, call) if of_row else result


def _for_row(
    context: Context, result: plan.Scalar | Bound, of_row: Mapping[str, plan.Scalar], call: syntax.Call
) -> plan.Scalar | Bound:
    """What a function gives for a row: its result with the row's values in place of the parameters."""
    queries = [result.relation] if isinstance(result, Bound) else list(queries_in(result))
    parts = (part for query in queries for part in relations(query))
    if any(read.name in of_row for part in parts for value in scalars(part) for read in references(value)):
        what = f"{call.name}() queries a table by a value that differs from row to row"
        hint = "join the table, or give a value that is the same for all rows"
        raise context.wrong(what, call.start, code="HS048", hint=hint)
    return result if isinstance(result, Bound) else _filled(result, of_row)


def _filled(value: plan.Scalar, of_row: Mapping[str, plan.Scalar]) -> plan.Scalar:
    match value:
        case plan.Ref(name=name):
            return of_row.get(name, value)
        case plan.Apply(arguments=arguments):
            return replace(value, arguments=tuple(_filled(each, of_row) for each in arguments))
        case plan.InQuery(value=inner):
            return replace(value, value=_filled(inner, of_row))
        case _:
            return value


def _given(context: Context, definition: syntax.Function, call: syntax.Call) -> Mapping[str, syntax.Expression]:
    """The arguments by parameter."""
    known = [parameter.name for parameter in definition.parameters]
    given: dict[str, syntax.Expression] = {}
    for position, argument in enumerate(call.arguments):
        if isinstance(argument, syntax.Assignment) and argument.name in known:
            given[argument.name] = argument.value
        elif isinstance(argument, syntax.Assignment):
            raise context.wrong(f"{call.name}() has no parameter `{argument.name}`", argument.start, code="KS109")
        elif position >= len(known):
            raise context.wrong(f"{call.name}() takes {len(known)} arguments", call.start, code="KS119")
        else:
            given[known[position]] = argument
    return given


def _argument(
    context: Context, parameter: syntax.Parameter, given: syntax.Expression | None, call: syntax.Call, scope: Scope
) -> Binding:
    if given is None:
        if parameter.default is None:
            raise context.wrong(f"{call.name}() needs `{parameter.name}`", call.start, code="KS119")
        return converted(scalar(context, parameter.default, NOTHING), parameter.type or ColumnType.DYNAMIC)
    if parameter.type is None:
        return _table_argument(context, parameter, given, call)
    if isinstance(given, syntax.Star):
        value: plan.Scalar = plan.Const("*", ColumnType.STRING)
    else:
        value = fold(scalar(context, given, scope))
    if parameter.type is ColumnType.DYNAMIC and value.type is ColumnType.STRING:
        return converted(value, ColumnType.DYNAMIC)
    return fold(converted(value, parameter.type))


def _table_argument(
    context: Context, parameter: syntax.Parameter, given: syntax.Expression, call: syntax.Call
) -> Bound:
    bound = queried(context, given, NOTHING)
    if bound is None:
        raise context.wrong(f"`{parameter.name}` of {call.name}() is a table", given.start, code="KS116")
    return _checked(context, parameter, bound, call)


def _checked(context: Context, parameter: syntax.Parameter, bound: Bound, call: syntax.Call) -> Bound:
    scope = bound.scope()
    for column in parameter.columns:
        found = scope.find(column.name)
        if found is None and scope.bag is None:
            raise context.wrong(
                f"the table given to {call.name}() has no column `{column.name}`", call.start, code="KS142"
            )
    return bound


@bind_operator.register
def _(operator: syntax.Invoke, context: Context, bound: Bound) -> Bound:
    """The function with the rows before it as its first argument."""
    call = operator.call
    function = context.names.get(call.name) or library(context, call)
    if not isinstance(function, Function):
        raise unknown_function(context, call)
    if call.name == "FileProfile":
        context.warn("Defender's cloud is not asked about files: FileProfile() finds no profile", operator.start)
        call = replace(call, arguments=())  # which column, and how many rows at most, makes no difference
    name = hidden("invoked")
    context.names[name] = bound
    first = syntax.Name(call.start, name)
    called = _applied(context, function, replace(call, arguments=(first, *call.arguments)), NOTHING)
    del context.names[name]
    if not isinstance(called, Bound):
        raise context.wrong(f"{call.name}() gives a value, and a table is needed here", call.start, code="HS034")
    return called
