"""Binding of summarize: aggregates collected out of expressions, and those that make several columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from herdsight.errors import QueryError
from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import converted, fits, unboxing_hint
from herdsight.kql.binding.dispatch import bind_operator
from herdsight.kql.binding.items import SEVERAL, bare, constant, group_keys, named
from herdsight.kql.binding.names import Names, default_name
from herdsight.kql.binding.scalars import scalar
from herdsight.kql.binding.scope import Bound, Context, Scope, kept
from herdsight.kql.functions import AGGREGATES
from herdsight.kql.functions.internal import ROW_ORDER
from herdsight.kql.functions.model import Aggregate, result_type
from herdsight.tables import ColumnType


@bind_operator.register
def _(operator: syntax.Summarize, context: Context, bound: Bound) -> Bound:
    names, scope = Names(), bound.scope()
    keys = group_keys(context, operator.keys, scope, names)
    measures = Measures(context, scope)
    key_names = frozenset(key.name for key in keys)
    results = [
        result
        for item in operator.aggregates
        for result in measures.several(item, names)
        or [
            plan.Item(part.name, measures.over(part.value, part.name))
            for part in _parts(context, item, scope, names, key_names)
        ]
    ]
    summarized = bound.aggregated(keys, tuple(measures.found))
    if all(isinstance(result.value, plan.Ref) and result.value.name == result.name for result in results):
        return summarized
    return summarized.projected((*(kept(key.field) for key in keys), *results))


@dataclass(frozen=True, slots=True)
class _Asked:
    """An aggregate that makes several columns: its call, the names given, and what names are there already."""

    context: Context
    call: syntax.Call
    given: tuple[str, ...]
    scope: Scope
    names: Names
    keys: frozenset[str]

    def name(self, position: int, derived: str) -> str:
        """The name given for the column at that position, else the derived one."""
        if position < len(self.given):
            return self.names.given(self.context, self.given[position], self.call.start)
        return self.names.free(derived)

    def column(self, position: int, derived: str, aggregate: str, *arguments: syntax.Expression) -> syntax.Assignment:
        """One of the columns, as an aggregate that makes one."""
        call = syntax.Call(self.call.start, aggregate, arguments)
        return syntax.Assignment(self.call.start, self.name(position, derived), call)

    def wrong(self, takes: str) -> QueryError:
        """The error for missing arguments."""
        return self.context.wrong(f"{self.call.name}() takes {takes}", self.call.start, code="KS106")


def _parts(
    context: Context, item: syntax.Expression, scope: Scope, names: Names, keys: frozenset[str]
) -> Iterator[syntax.Assignment]:
    """The columns that an item makes, each with its aggregate: most make one."""
    given, call = _named(item)
    if isinstance(call, syntax.Call) and call.name in _SEVERAL:
        yield from _SEVERAL[call.name](_Asked(context, call, given, scope, names, keys))
    elif isinstance(item, syntax.Unpacking):
        raise context.wrong("the expression gives one value, and several are named", item.start, code="KS149")
    else:
        yield syntax.Assignment(item.start, names.of(context, item), call)


def _named(item: syntax.Expression) -> tuple[tuple[str, ...], syntax.Expression]:
    match item:
        case syntax.Assignment(name=name, value=value):
            return (name,), value
        case syntax.Unpacking(names=names, value=value):
            return names, value
        case _:
            return (), item


def _extreme(asked: _Asked) -> Iterator[syntax.Assignment]:
    """arg_max(by, value, ...): the greatest, and the values of its row."""
    function = _OLDER.get(asked.call.name, asked.call.name)
    greatest = "max" if function == "arg_max" else "min"
    if not asked.call.arguments:
        raise asked.wrong("what is greatest, and values")
    first, *further = asked.call.arguments
    by, inner = bare(first), default_name(first) or ""
    whole, older = f"{greatest}_{inner}", asked.call.name in _OLDER
    yield asked.column(0, whole if older or not inner else inner, greatest, by)
    without = asked.keys | ({by.name} if isinstance(by, syntax.Name) else set())
    returned = [value for each in further for value in _starred(each, asked.scope, without)]
    ties = _ties(asked, [bare(value) for value in returned])
    for position, value in enumerate(returned, start=1):
        own = default_name(value)
        name = own if own and not older else f"{whole}_{own or f'arg{position}'}"
        yield asked.column(position, name, function, by, bare(value), ties)


_OLDER = {"argmax": "arg_max", "argmin": "arg_min"}  # which name every column by what is greatest


def _ties(asked: _Asked, values: Sequence[syntax.Expression]) -> syntax.Call:
    """What decides between rows that an aggregate has the choice of: the values, so that all come from one row."""
    return syntax.Call(asked.call.start, ROW_ORDER.name, tuple(values))


def _starred(value: syntax.Expression, scope: Scope, without: frozenset[str]) -> Iterator[syntax.Expression]:
    """The value, or every column for `*`, less those that are there already."""
    if not isinstance(value, syntax.Star):
        yield value
        return
    for column in scope.fields:
        if column.name not in without and not column.name.startswith("#"):
            yield syntax.Name(value.start, column.name)


def _taken(asked: _Asked) -> Iterator[syntax.Assignment]:
    """take_any(value, ...)."""
    values = [value for each in asked.call.arguments for value in _starred(each, asked.scope, asked.keys)]
    prefix = AGGREGATES[asked.call.name].prefix
    ties = [_ties(asked, values)] if values[1:] else []
    for position, value in enumerate(values):
        inner = default_name(value) or (f"arg{position}" if values[1:] else "")
        derived = f"{prefix}_{inner}" if prefix else default_name(value) or f"any_arg{position}"
        yield asked.column(position, derived, asked.call.name, value, *ties)


def _percentiles(asked: _Asked) -> Iterator[syntax.Assignment]:
    """percentiles(value, p, ...), and with weights percentilesw(value, weight, p, ...)."""
    weighted = asked.call.name in ("percentilew", "percentilesw")
    fixed = 2 if weighted else 1
    values, wanted = asked.call.arguments[:fixed], asked.call.arguments[fixed:]
    if not wanted:
        raise asked.wrong("a value and percentiles")
    inner = default_name(values[0]) or ""
    for position, percentile in enumerate(wanted):
        shown = str(constant(asked.context, percentile, "a percentile").value).replace(".", "_")
        name = f"percentile_{inner}_{shown}"
        yield asked.column(position, name, "percentilew" if weighted else "percentile", *values, percentile)


_SEVERAL = {
    **dict.fromkeys(("arg_max", "arg_min", "argmax", "argmin"), _extreme),
    **dict.fromkeys(("take_any", "any"), _taken),
    **dict.fromkeys(("percentile", "percentiles", "percentilew", "percentilesw"), _percentiles),
}


class Measures:
    """Collects the aggregates out of expressions, so that what is left is scalar over their results."""

    def __init__(self, context: Context, scope: Scope) -> None:
        self._context = context
        self._scope = scope
        self.found: list[plan.Measure] = []

    def over(self, expression: syntax.Expression, name: str) -> plan.Scalar:
        """The expression with its aggregates replaced by references to measures; a lone aggregate gets `name`."""
        if isinstance(expression, syntax.Call) and expression.name in AGGREGATES:
            return self._measure(expression, name)
        replaced = self._replaced(expression)
        results = Scope(tuple(measure.field for measure in self.found))
        return scalar(self._context, replaced, results)

    def several(self, item: syntax.Expression, names: Names) -> list[plan.Item]:
        """The columns of an item that is a function of aggregates and gives several; none where it is no such."""
        given = item.value if isinstance(item, syntax.Assignment | syntax.Unpacking) else item
        if not isinstance(given, syntax.Call) or given.name not in SEVERAL:
            return []
        call = replace(
            given,
            arguments=tuple(
                syntax.Assignment(each.start, default_name(each) or "", self._replaced(each))
                for each in given.arguments
            ),
        )
        whole = replace(item, value=call) if isinstance(item, syntax.Assignment | syntax.Unpacking) else call
        return list(named(self._context, whole, Scope(tuple(measure.field for measure in self.found)), names))

    def _replaced(self, expression: syntax.Expression) -> syntax.Expression:
        match expression:
            case syntax.Call(name=name) if name in AGGREGATES:
                return syntax.Name(expression.start, self._measure(expression, f"aggregate {len(self.found)}").name)
            case syntax.Call(start=start, name=name, arguments=arguments):
                return syntax.Call(start, name, tuple(self._replaced(argument) for argument in arguments))
            case syntax.Unary(start=start, operator=operator, operand=operand):
                return syntax.Unary(start, operator, self._replaced(operand))
            case syntax.Binary(start=start, operator=operator, left=left, right=right):
                return syntax.Binary(start, operator, self._replaced(left), self._replaced(right))
            case syntax.Between(start=start, value=value, low=low, high=high, negated=negated):
                return syntax.Between(start, self._replaced(value), self._replaced(low), self._replaced(high), negated)
            case syntax.Membership(start=start, operator=operator, value=value, items=items):
                return syntax.Membership(start, operator, self._replaced(value), items)
            case syntax.Member(start=start, value=value, name=name):
                return syntax.Member(start, self._replaced(value), name)
            case syntax.Index(start=start, value=value, key=key):
                return syntax.Index(start, self._replaced(value), self._replaced(key))
            case syntax.Assignment(start=start, name=name, value=value):
                return syntax.Assignment(start, name, self._replaced(value))
            case _:
                return expression

    def _measure(self, call: syntax.Call, name: str) -> plan.Ref:
        function = AGGREGATES[call.name]
        given = [argument for argument in call.arguments if not _is_ties(argument)]
        ties = [scalar(self._context, argument, self._scope) for argument in call.arguments if _is_ties(argument)]
        arguments = [scalar(self._context, argument, self._scope) for argument in given]
        if not fits(function.parameters, function.optional, [argument.type for argument in arguments]):
            arguments = _unboxed(function, arguments, opened=self._context.opened)
        kinds = [argument.type for argument in arguments]
        if not fits(function.parameters, function.optional, kinds):
            what = f"{call.name} cannot take {', '.join(kinds) or 'nothing'}"
            raise self._context.wrong(what, call.start, code="KS106", hint=unboxing_hint(kinds))
        measure = plan.Measure(name, function, (*arguments, *ties), result_type(function.result, kinds))
        same = next((each for each in self.found if _same(each, measure)), None)
        if same is not None and name.startswith("aggregate "):
            return plan.Ref(same.name, same.type)
        self.found.append(measure)
        return plan.Ref(name, measure.type)


def _is_ties(argument: syntax.Expression) -> bool:
    return isinstance(argument, syntax.Call) and argument.name == ROW_ORDER.name


def _same(one: plan.Measure, other: plan.Measure) -> bool:
    return one.function is other.function and one.arguments == other.arguments


def _unboxed(function: Aggregate, arguments: list[plan.Scalar], *, opened: bool) -> list[plan.Scalar]:
    """A dynamic as what it may hold, where that is not known yet or the aggregate is one of percentiles."""
    if len(arguments) > len(function.parameters) or not (opened or function.name.startswith("percentile")):
        return arguments
    return [
        converted(argument, next(kind for kind in _HELD if kind in allowed))
        if argument.type is ColumnType.DYNAMIC and argument.type not in allowed
        else argument
        for argument, allowed in zip(arguments, function.parameters, strict=False)
    ]


_HELD = (ColumnType.REAL, ColumnType.BOOL, ColumnType.LONG, ColumnType.STRING)
