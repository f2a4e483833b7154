"""Binding of scalar expressions: names to columns and let bindings, calls to rows of the function table."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from herdsight.errors import QueryError
from herdsight.kql import plan, syntax
from herdsight.kql.functions import AGGREGATES, SCALARS
from herdsight.kql.functions.model import Aggregate, Naming, Scalar, TypeSet, result_type
from herdsight.kql.functions.unsupported import UNSUPPORTED
from herdsight.kql.guesses import did_you_mean
from herdsight.kql.scope import Context, Scope
from herdsight.tables import ColumnType

UNKNOWN_NAME = "KS142"  # Microsoft's codes, so that a reader can look them up
UNKNOWN_FUNCTION = "KS211"
UNKNOWN_TABLE = "KS204"
WRONG_TYPES = "KS106"
DUPLICATE_NAME = "KS171"


def scalar(context: Context, expression: syntax.Expression, scope: Scope) -> plan.Scalar:  # noqa: C901 a case a kind
    """The typed form of an expression over the columns in `scope`.

    Raises:
        QueryError: an unknown name, a wrong number or type of arguments.
        UnsupportedError: something that Herdsight does not do.
    """
    match expression:
        case syntax.Literal(value=value, type=kind):
            return plan.Const(value, kind)
        case syntax.Name():
            return _name(context, expression, scope)
        case syntax.Unary(operand=operand, start=start):
            return apply(context, "negate", [scalar(context, operand, scope)], start)
        case syntax.Binary(operator="and" | "or"):
            return _connected(context, expression, scope)
        case syntax.Binary(operator=operator, left=left, right=right, start=start):
            return apply(context, operator, [scalar(context, left, scope), scalar(context, right, scope)], start)
        case syntax.Between():
            return _between(context, expression, scope)
        case syntax.Membership():
            return _membership(context, expression, scope)
        case syntax.Call():
            return _call(context, expression, scope)
        case syntax.Member(start=start) | syntax.Index(start=start):
            raise context.unsupported("a path into a dynamic value", start)
        case syntax.Pipeline(start=start):
            raise context.unsupported("a query in place of a value", start)
        case syntax.Star(start=start):
            raise context.unsupported("'*' in place of a value", start)
        case syntax.Assignment(start=start):
            raise context.unsupported("a named argument", start)


def _connected(context: Context, expression: syntax.Binary, scope: Scope) -> plan.Scalar:
    """A chain of `and` or of `or`, as a tree that is as flat as it can be: people write hundreds of them."""
    operands: list[syntax.Expression] = []
    left: syntax.Expression = expression
    while isinstance(left, syntax.Binary) and left.operator == expression.operator:
        operands.append(left.right)
        left = left.left
    bound = [scalar(context, operand, scope) for operand in (left, *reversed(operands))]
    while len(bound) > 1:
        pairs = [bound[start : start + 2] for start in range(0, len(bound), 2)]
        bound = [apply(context, expression.operator, pair, expression.start) if pair[1:] else pair[0] for pair in pairs]
    return bound[0]


def condition(context: Context, expression: syntax.Expression, scope: Scope) -> plan.Scalar:
    """An expression that must be a bool.

    Raises:
        QueryError: it is something else, or wrong in itself.
    """
    bound = scalar(context, expression, scope)
    if bound.type is not ColumnType.BOOL:
        raise context.wrong(f"a condition must be a bool, this is a {bound.type}", expression.start, code="KS141")
    return bound


def apply(context: Context, name: str, arguments: Sequence[plan.Scalar], at: int) -> plan.Scalar:
    """A call of the row of that name which fits the arguments' types.

    Raises:
        QueryError: none fits.
    """
    row = _row(name, arguments)
    if row is None and any(argument.type is ColumnType.DYNAMIC for argument in arguments):
        # What takes a string takes a dynamic as its text.
        arguments = [_as_string(argument) for argument in arguments]
        row = _row(name, arguments)
    kinds = [argument.type for argument in arguments]
    if row is None:
        raise _misfit(context, name, kinds, at)
    if row.choices:
        _check_choice(context, row, arguments[0], at)
    try:
        kind = result_type(row.result, kinds)
    except TypeError as error:
        raise context.unsupported(str(error), at) from error
    except ValueError as error:
        raise context.wrong(str(error), at, code=WRONG_TYPES) from error
    return plan.Apply(row, tuple(arguments), kind)


def _row(name: str, arguments: Sequence[plan.Scalar]) -> Scalar | None:
    kinds = [argument.type for argument in arguments]
    return next(
        (row for row in SCALARS[name] if fits(row.parameters, row.optional, kinds, variadic=row.variadic)), None
    )


def _as_string(argument: plan.Scalar) -> plan.Scalar:
    if argument.type is not ColumnType.DYNAMIC:
        return argument
    return plan.Apply(SCALARS["tostring"][0], (argument,), ColumnType.STRING)


def fits(parameters: Sequence[TypeSet], optional: int, kinds: Sequence[ColumnType], *, variadic: bool = False) -> bool:
    """Whether arguments of these types can be given for these parameters."""
    least, most = len(parameters) - optional, len(parameters)
    if len(kinds) < least or (len(kinds) > most and not variadic):
        return False
    padded = [*parameters, *([parameters[-1]] * max(0, len(kinds) - most) if parameters else [])]
    return all(kind in allowed for kind, allowed in zip(kinds, padded, strict=False))


def default_name(expression: syntax.Expression) -> str | None:
    """The name that Kusto gives the column of an expression that has none; None where it counts (Column1)."""
    match expression:
        case syntax.Name(name=name):
            return name
        case syntax.Call(name=function, arguments=arguments):
            inner = default_name(arguments[0]) if arguments else None
            if function in AGGREGATES:
                return _aggregate_name(AGGREGATES[function], inner)
            return _scalar_name(SCALARS.get(function, ()), function, inner, arguments)
        case _:
            return None


def _scalar_name(
    rows: Sequence[Scalar], function: str, inner: str | None, arguments: Sequence[syntax.Expression]
) -> str | None:
    naming = rows[0].naming if rows else Naming.NUMBERED
    if naming is Naming.ARGUMENT and arguments:
        return default_name(arguments[0])
    return f"{function}_{inner or ''}" if naming is Naming.PREFIXED else None


def _aggregate_name(aggregate: Aggregate, inner: str | None) -> str:
    return f"{aggregate.prefix}_{inner or ''}" if aggregate.prefix else (inner or aggregate.name)


def _name(context: Context, name: syntax.Name, scope: Scope) -> plan.Scalar:
    if column := scope.find(name.name):
        return plan.Ref(column.name, column.type)
    if name.name in context.scalars:
        return context.scalars[name.name]
    meant = scope.find(scope.mistaken.get(name.name, ""))
    if meant:
        context.warn(
            f"there is no column `{name.name}`; `{meant.name}` was read, which holds what it means", name.start
        )
        return plan.Ref(meant.name, meant.type)
    raise unknown_column(context, name, scope)


def unknown_column(context: Context, name: syntax.Name, scope: Scope) -> QueryError:
    """The error for a name that is neither a column in reach nor bound by let."""
    if name.name in context.relations or name.name in context.tables:
        return context.wrong(f"`{name.name}` is a table, and a value is needed here", name.start, code="HS031")
    known = [column.name for column in scope.fields]
    hint = did_you_mean(name.name, [*known, *context.scalars])
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
    value = scalar(context, membership.value, scope)
    items = [item for listed in membership.items for item in _items(scalar(context, listed, scope))]
    return apply(context, membership.operator, [value, *items], membership.start)


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
    if call.name in AGGREGATES:
        raise context.wrong(f"{call.name}() is an aggregate; it stands in summarize", call.start, code="HS032")
    if call.name not in SCALARS and call.name not in _TIMES:
        if call.name in UNSUPPORTED:
            raise context.unsupported(f"the function {call.name}()", call.start)
        hint = did_you_mean(call.name, [*SCALARS, *_TIMES, *AGGREGATES])
        raise context.wrong(f"there is no function `{call.name}`", call.start, code=UNKNOWN_FUNCTION, hint=hint)
    arguments = [scalar(context, argument, scope) for argument in call.arguments]
    if call.name in _TIMES:
        return _TIMES[call.name](context, arguments, call.start)
    return apply(context, call.name, arguments, call.start)


def _now(context: Context, arguments: Sequence[plan.Scalar], at: int) -> plan.Scalar:
    if len(arguments) > 1:
        raise context.wrong("now() takes an offset at most", at, code=WRONG_TYPES)
    return apply(context, "+", [plan.Now(), *arguments], at) if arguments else plan.Now()


def _ago(context: Context, arguments: Sequence[plan.Scalar], at: int) -> plan.Scalar:
    if [argument.type for argument in arguments] != [ColumnType.TIMESPAN]:
        raise context.wrong("ago() takes one timespan", at, code=WRONG_TYPES, hint="for example ago(24h)")
    return apply(context, "-", [plan.Now(), *arguments], at)


# What counts from the query's own time is no row of the table: it has no value until the plan is lowered.
_TIMES: Mapping[str, Callable[[Context, Sequence[plan.Scalar], int], plan.Scalar]] = {"now": _now, "ago": _ago}


def _check_choice(context: Context, row: Scalar, argument: plan.Scalar, at: int) -> None:
    value = argument.value if isinstance(argument, plan.Const) else None
    if not isinstance(value, str) or value.lower() not in row.choices:
        choices = ", ".join(f"'{choice}'" for choice in row.choices)
        raise context.wrong(f"the first argument of {row.name} must be a constant, one of {choices}", at, code="KS131")


def _misfit(context: Context, name: str, kinds: Sequence[ColumnType], at: int) -> QueryError:
    rows = SCALARS[name]
    given = " and ".join(dict.fromkeys(kinds)) or "nothing"
    if name in _COMPARING and len(kinds) > 1:  # Kusto converts; which way, its reference does not say
        mixed = context.unsupported(f"comparing {given}", at)
        mixed.hint = "convert one side, for example with tostring() or tolong()"
        return mixed
    if ColumnType.DYNAMIC in kinds:
        return context.unsupported(f"a dynamic value in {name}", at)
    if not name[0].isalpha() or name in ("and", "or"):
        what = f"the operator '{name}' is not defined for {given}"
    elif all(len(kinds) < len(row.parameters) - row.optional for row in rows):
        what = f"{name} needs more arguments than the {len(kinds)} given"
    elif all(len(kinds) > len(row.parameters) and not row.variadic for row in rows):
        what = f"{name} takes fewer arguments than the {len(kinds)} given"
    else:
        what = f"{name} cannot take {given}"
    return context.wrong(what, at, code=WRONG_TYPES)


_COMPARING = ("==", "!=", "<", "<=", ">", ">=", "in", "!in", "between", "!between")
