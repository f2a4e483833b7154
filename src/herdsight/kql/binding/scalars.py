"""Binding of scalar expressions: names to columns and let bindings, calls to rows of the function table."""

from collections.abc import Callable, Iterator

from herdsight.errors import QueryError
from herdsight.guesses import did_you_mean
from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import (
    WRONG_TYPES,
    all_of,
    any_of,
    apply,
    converted,
    fits,
    member,
    misfit,
    tree_of,
)
from herdsight.kql.binding.scope import NOTHING, Bound, Context, Function, Scope, hidden, ref
from herdsight.kql.functions import AGGREGATES, SCALARS, WINDOWS
from herdsight.kql.functions.model import NUMBER, result_type
from herdsight.kql.functions.unsupported import UNSUPPORTED
from herdsight.tables import ColumnType

UNKNOWN_NAME = "KS142"  # Microsoft's codes, so that a reader can look them up
UNKNOWN_FUNCTION = "KS211"
UNKNOWN_TABLE = "KS204"

Special = Callable[[Context, syntax.Call, Scope], plan.Scalar]
SPECIAL: dict[str, Special] = {}  # functions that are no row of the table; the module above fills it


def scalar(  # noqa: C901, PLR0912 a case a kind
    context: Context, expression: syntax.Expression, scope: Scope
) -> plan.Scalar:
    """The typed form of an expression over the columns in `scope`.

    Raises:
        QueryError: an unknown name, a wrong number or type of arguments.
        UnsupportedError: something that Herdsight does not do.
    """
    if isinstance(expression, syntax.Literal):
        return plan.Const(expression.value, expression.type)
    context.step(expression.start)
    match expression:
        case syntax.Name():
            return _name(context, expression, scope)
        case syntax.TypeOf(type=kind):
            return plan.Const(kind.value, ColumnType.STRING)
        case syntax.Unary(operand=operand, start=start):
            return apply(context, "negate", [scalar(context, operand, scope)], start)
        case syntax.Binary(operator="and" | "or"):
            return _connected(context, expression, scope)
        case syntax.Binary(left=syntax.Star()):
            return _of_any_column(context, expression, scope)
        case syntax.Binary(operator=operator, left=left, right=right, start=start):
            return apply(context, _word(operator), [scalar(context, left, scope), scalar(context, right, scope)], start)
        case syntax.Between():
            return _between(context, expression, scope)
        case syntax.Membership():
            return _membership(context, expression, scope)
        case syntax.Call():
            return _call(context, expression, scope)
        case syntax.Member(value=syntax.Name(name=step), name=name) if scope.find(f"{step}.{name}"):
            return ref(required(scope.find(f"{step}.{name}")))  # a step of scan, and its column
        case syntax.Member(value=value, name=name, start=start):
            return _member(context, scalar(context, value, scope), plan.Const(name, ColumnType.STRING), start)
        case syntax.Index(value=value, key=key, start=start):
            return _member(context, scalar(context, value, scope), scalar(context, key, scope), start)
        case syntax.Pipeline(start=start):
            hint = "toscalar(...) takes a query's first value"
            raise context.wrong("a value is needed here, and this is a query", start, code="KS105", hint=hint)
        case syntax.Star(start=start) | syntax.Pattern(start=start):
            raise context.wrong("'*' stands for no value here", start, code="KS105")
        case syntax.Assignment(start=start) | syntax.Unpacking(start=start):
            raise context.wrong("a name cannot be given here", start, code="KS105")


def _connected(context: Context, expression: syntax.Binary, scope: Scope) -> plan.Scalar:
    operands: list[syntax.Expression] = []
    left: syntax.Expression = expression
    while isinstance(left, syntax.Binary) and left.operator == expression.operator:
        operands.append(left.right)
        left = left.left
    bound = [
        _operand(context, expression.operator, scalar(context, operand, scope), operand.start)
        for operand in (left, *reversed(operands))
    ]
    return tree_of(expression.operator, bound)


def _operand(context: Context, operator: str, operand: plan.Scalar, at: int) -> plan.Scalar:
    """An operand of `and` or `or`: a bool, or a dynamic that holds one."""
    if operand.type is ColumnType.DYNAMIC:
        return converted(operand, ColumnType.BOOL)
    if operand.type is not ColumnType.BOOL:
        raise context.wrong(f"the operator '{operator}' is not defined for {operand.type}", at, code=WRONG_TYPES)
    return operand


def _of_any_column(context: Context, expression: syntax.Binary, scope: Scope) -> plan.Scalar:
    """`* has "text"`: some column does; a column that is no string counts as its text."""
    right = scalar(context, expression.right, scope)
    columns = [converted(ref(column), ColumnType.STRING) for column in scope.fields]
    tests = [apply(context, _word(expression.operator), [column, right], expression.start) for column in columns]
    return any_of(tests)


def _word(operator: str) -> str:
    return "has" if operator == ":" else operator


def required(column: plan.Field | None) -> plan.Field:
    """A column that has been found."""
    assert column is not None  # noqa: S101
    return column


def _member(context: Context, value: plan.Scalar, key: plan.Scalar, at: int) -> plan.Scalar:
    if value.type is not ColumnType.DYNAMIC:
        raise context.wrong(f"only a dynamic has members, this is a {value.type}", at, code="KS147")
    return apply(context, "[]", [value, key], at)


def condition(context: Context, expression: syntax.Expression, scope: Scope) -> plan.Scalar:
    """An expression that must be a bool.

    Raises:
        QueryError: it is something else, or wrong in itself.
    """
    bound = scalar(context, expression, scope)
    if bound.type is not ColumnType.BOOL:
        raise context.wrong(f"a condition must be a bool, this is a {bound.type}", expression.start, code="KS141")
    return bound


def _name(context: Context, name: syntax.Name, scope: Scope) -> plan.Scalar:
    if column := scope.find(name.name):
        return ref(column)
    bound = context.names.get(name.name)
    if bound is not None and not context.is_relation(name.name):
        if isinstance(bound, plan.Scalar):
            return bound
        raise context.wrong(f"`{name.name}` is a function; call it", name.start, code="KS208")
    if isinstance(bound, Function) and isinstance(called := _without_arguments(context, name), plan.Scalar):
        return called
    meant = scope.find(scope.mistaken.get(name.name, ""))
    if meant:
        context.warn(
            f"there is no column `{name.name}`; `{meant.name}` was read, which holds what it means", name.start
        )
        return ref(meant)
    if scope.bag is not None:
        return _of_bag(context, scope.bag, name)
    raise unknown_column(context, name, scope)


def _without_arguments(context: Context, name: syntax.Name) -> plan.Scalar | Bound | None:
    """What a function without parameters gives, which may be named without parentheses."""
    return context.call(context, syntax.Call(name.start, name.name, ()), NOTHING)


def _of_bag(context: Context, bag: plan.Ref, name: syntax.Name) -> plan.Scalar:
    """A column that is not known yet; a custom log's name says its type."""
    value = member(context, bag, name.name, name.start)
    if bag.name == CUSTOM:
        return converted(value, _CUSTOM_TYPES.get(name.name[-2:], ColumnType.STRING))
    context.opened = True
    return value


CUSTOM = hidden("custom columns")
_CUSTOM_TYPES = {
    "_s": ColumnType.STRING,
    "_d": ColumnType.REAL,
    "_b": ColumnType.BOOL,
    "_t": ColumnType.DATETIME,
    "_g": ColumnType.GUID,
}


def unknown_column(context: Context, name: syntax.Name, scope: Scope) -> QueryError:
    """The error for a name that is neither a column in reach nor bound by let."""
    if context.is_relation(name.name):
        return context.wrong(f"`{name.name}` is a table, and a value is needed here", name.start, code="HS031")
    known = [column.name for column in scope.fields if not column.name.startswith("#")]
    hint = did_you_mean(name.name, [*known, *context.names])
    if hint is None and known:
        hint = f"there are {', '.join(known[:8])}{' ...' if len(known) > 8 else ''}"  # noqa: PLR2004 as many as a line takes
    return context.wrong(f"there is no column `{name.name}`", name.start, code=UNKNOWN_NAME, hint=hint)


def _between(context: Context, between: syntax.Between, scope: Scope) -> plan.Scalar:
    value = scalar(context, between.value, scope)
    low = scalar(context, between.low, scope)
    high = scalar(context, between.high, scope)
    if value.type is ColumnType.DATETIME and high.type is ColumnType.TIMESPAN:
        high = apply(context, "+", [low, high], between.start)  # t between (start .. length)
    return apply(context, "!between" if between.negated else "between", [value, low, high], between.start)


def _membership(context: Context, membership: syntax.Membership, scope: Scope) -> plan.Scalar:
    operator, at = membership.operator, membership.start
    if isinstance(membership.value, syntax.Star):
        inside = [
            _among(context, membership, converted(ref(column), ColumnType.STRING), scope) for column in scope.fields
        ]
        return all_of(inside) if operator.startswith("!") else any_of(inside)
    value = scalar(context, membership.value, scope)
    if len(membership.items) == 1 and (query := queried(context, membership.items[0], scope)) is not None:
        return _among_rows(context, operator, value, query, at)
    return _among(context, membership, value, scope)


def _among(context: Context, membership: syntax.Membership, value: plan.Scalar, scope: Scope) -> plan.Scalar:
    """The value among values that the query lists; an array's elements count one by one."""
    items = [item for listed in membership.items for item in _items(scalar(context, listed, scope))]
    arrays = [item for item in items if item.type is ColumnType.DYNAMIC and not isinstance(item, plan.Const)]
    if not arrays:
        return apply(context, membership.operator, [value, *items], membership.start)
    negated = membership.operator.startswith("!")
    operator = membership.operator.removeprefix("!")
    others = [item for item in items if item not in arrays]
    tests = [apply(context, f"{operator} array", [value, array], membership.start) for array in arrays]
    if others:
        tests.append(apply(context, operator, [value, *others], membership.start))
    found = all_of(tests) if operator == "has_all" else any_of(tests)
    return apply(context, "not", [found], membership.start) if negated else found


def queried(context: Context, expression: syntax.Expression, scope: Scope) -> Bound | None:
    """The relation that an expression is: a query, a table's name, a call that gives one. None where it is a value."""
    match expression:
        case syntax.Pipeline():
            return context.pipeline(context, expression)
        case syntax.Name(name=name) if scope.find(name) is None and context.is_relation(name):
            return context.pipeline(context, syntax.Pipeline(expression.start, expression, ()))
        case syntax.Call():
            called = context.call(context, expression, scope)
            return called if isinstance(called, Bound) else None
        case _:
            return None


def _among_rows(context: Context, operator: str, value: plan.Scalar, query: Bound, at: int) -> plan.Scalar:
    """The value among those of a query's first column."""
    column = query.fields[0]
    relation = query.only(column)
    if operator.removeprefix("!") in ("has_any", "has_all"):
        elements = plan.ScalarQuery(_gathered(relation, column), ColumnType.DYNAMIC)
        return apply(context, f"{operator} array", [value, elements], at)
    if value.type is ColumnType.DYNAMIC:
        value = converted(value, column.type)
    if column.type is ColumnType.DYNAMIC:
        relation = plan.Projection(relation, (plan.Item(column.name, converted(ref(column), value.type)),))
    elif column.type is not value.type and not NUMBER.issuperset((column.type, value.type)):
        raise misfit(context, "in", [value.type, column.type], at)
    found = plan.InQuery(value, relation, any_case=operator.endswith("~"))
    return apply(context, "not", [found], at) if operator.startswith("!") else found


def _gathered(relation: plan.Relation, column: plan.Field) -> plan.Relation:
    measure = plan.Measure("values", AGGREGATES["make_set"], (ref(column),), ColumnType.DYNAMIC)
    return plan.Aggregation(relation, (), (measure,))


def _items(item: plan.Scalar) -> Iterator[plan.Scalar]:
    """What an item of a list stands for: a constant array is its elements."""
    if isinstance(item, plan.Const) and isinstance(item.value, list):
        for element in item.value:
            yield plan.Const(element, _json_type(element))
    else:
        yield item


def _json_type(value: syntax.Value) -> ColumnType:
    match value:
        case bool():
            return ColumnType.BOOL
        case int():
            return ColumnType.LONG
        case float():
            return ColumnType.REAL
        case str():
            return ColumnType.STRING
        case _:
            return ColumnType.DYNAMIC


def _call(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    special = SPECIAL.get(call.name)
    if special is not None:
        return special(context, call, scope)
    called = context.call(context, call, scope)
    if isinstance(called, Bound):
        hint = "toscalar(...) takes a query's first value"
        raise context.wrong(
            f"{call.name}() gives a table, and a value is needed here", call.start, code="KS105", hint=hint
        )
    if called is not None:
        return called
    if call.name in WINDOWS:
        return _window(context, call, scope)
    if call.name not in SCALARS:
        raise unknown_function(context, call)
    if call.name in _TYPED and call.arguments and isinstance(call.arguments[-1], syntax.TypeOf):
        name = _FOUND_IN_JSON if "json" in call.name else call.name
        arguments = [scalar(context, argument, scope) for argument in call.arguments[:-1]]
        return converted(apply(context, name, arguments, call.start), call.arguments[-1].type)
    arguments = [_argument(context, argument, scope) for argument in call.arguments]
    return apply(context, call.name, arguments, call.start)


_FOUND_IN_JSON = "extracted json"  # what extract_json() finds, before it is made a text


# Functions whose last argument may say the type of the result.
_TYPED = ("extract", "extract_json", "extractjson", "percentile_tdigest")


def _argument(context: Context, argument: syntax.Expression, scope: Scope) -> plan.Scalar:
    """An argument; a name before it (bin(Hour = t, 1h)) is that of the column, not of a parameter."""
    return scalar(context, argument.value if isinstance(argument, syntax.Assignment) else argument, scope)


def unknown_function(context: Context, call: syntax.Call) -> QueryError:
    """The error for a call of what is no function that may stand here."""
    if call.name in AGGREGATES:
        return context.wrong(f"{call.name}() is an aggregate; it stands in summarize", call.start, code="HS032")
    if call.name in UNSUPPORTED:
        return context.unsupported(f"the function {call.name}()", call.start, UNSUPPORTED[call.name])
    hint = did_you_mean(call.name, [*SCALARS, *WINDOWS, *SPECIAL, *AGGREGATES])
    return context.wrong(f"there is no function `{call.name}`", call.start, code=UNKNOWN_FUNCTION, hint=hint)


def _window(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    """A reference to the column that the window function will make."""
    if scope.windows is None:
        hint = "it stands in extend, project, where or serialize"
        raise context.wrong(f"{call.name}() needs rows in order", call.start, code="HS042", hint=hint)
    row = WINDOWS[call.name]
    arguments = [scalar(context, argument, scope) for argument in call.arguments]
    kinds = [argument.type for argument in arguments]
    if not fits(row.parameters, row.optional, kinds):
        given = ", ".join(kinds) or "nothing"
        raise context.wrong(f"{call.name} cannot take {given}", call.start, code=WRONG_TYPES)
    name = f"#window {len(scope.windows)}"
    made = plan.WindowCall(name, row, tuple(arguments), result_type(row.result, kinds))
    scope.windows.append(made)
    return plan.Ref(name, made.type)
