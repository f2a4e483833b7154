"""Binding of statements and tabular operators: a syntax tree and declared tables to typed plans."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import singledispatch
from itertools import count as counter

from herdsight.errors import QueryError
from herdsight.kql import plan, syntax
from herdsight.kql.bind_scalars import (
    DUPLICATE_NAME,
    UNKNOWN_TABLE,
    apply,
    condition,
    default_name,
    fits,
    scalar,
    unknown_column,
)
from herdsight.kql.functions import AGGREGATES
from herdsight.kql.functions.model import NUMBER, result_type
from herdsight.kql.guesses import did_you_mean
from herdsight.kql.rewrites.fold import fold
from herdsight.kql.scope import Bound, Context, Scope
from herdsight.kql.statements import Script
from herdsight.tables import ColumnType, Table

_ONE_SIDED = {
    "leftsemi": "leftsemi",
    "rightsemi": "rightsemi",
    "leftanti": "leftanti",
    "anti": "leftanti",
    "leftantisemi": "leftanti",
    "rightanti": "rightanti",
    "rightantisemi": "rightanti",
}


@dataclass(frozen=True, slots=True)
class Query:
    """One tabular statement, typed, with the warnings that its reader should see."""

    relation: plan.Relation
    warnings: tuple[str, ...]


def bind(script: Script, tables: Mapping[str, Table]) -> tuple[Query, ...]:
    """The queries of a block, each typed against the declared tables.

    Raises:
        QueryError: an unknown name, a type that does not fit; with its place and a hint.
        UnsupportedError: something that Herdsight does not do.
    """
    context = Context(script.text, tables)
    queries = []
    for statement in script.statements:
        match statement:
            case syntax.Let():
                _let(context, statement)
            case syntax.Setting(name=name, start=start):
                context.warn(f"the option '{name}' is ignored", start)
            case syntax.Pipeline():
                relation = _pipeline(context, statement).relation
                queries.append(Query(relation, tuple(context.warnings)))
                context.warnings.clear()
    if not queries:
        last = script.statements[-1]
        raise context.wrong(
            "the text binds names and queries nothing", last.start, code="HS033", hint="add a query behind the last ';'"
        )
    return tuple(queries)


def _let(context: Context, let: syntax.Let) -> None:
    if let.name in context.scalars or let.name in context.relations:
        raise context.wrong(f"`{let.name}` is bound already", let.start, code="KS201")
    value = let.value
    if isinstance(value, syntax.Name) and (value.name in context.relations or value.name in context.tables):
        value = syntax.Pipeline(value.start, value, ())
    if isinstance(value, syntax.Pipeline):
        context.relations[let.name] = _pipeline(context, value)
    else:
        context.scalars[let.name] = fold(scalar(context, value, Scope(())))


def _pipeline(context: Context, pipeline: syntax.Pipeline) -> Bound:
    bound = _source(pipeline.source, context)
    for operator in pipeline.operators:
        bound = _operator(operator, context, bound)
    return bound


# --- sources --------------------------------------------------------------------------------------------------------


@singledispatch
def _source(source: syntax.Source, context: Context) -> Bound:
    raise context.wrong("a query begins with a table", source.start, code="HS034")


@_source.register
def _(source: syntax.Name, context: Context) -> Bound:
    if source.name in context.relations:
        return context.relations[source.name]
    if source.name not in context.tables:
        known = [*context.relations, *context.tables]
        hint = did_you_mean(source.name, known) or f"there are {', '.join(known)}"
        raise context.wrong(f"there is no table `{source.name}`", source.start, code=UNKNOWN_TABLE, hint=hint)
    table = context.tables[source.name]
    fields = tuple(plan.Field(column.name, column.type) for column in table.columns)
    return Bound(plan.Scan(table.name, table.time, fields), table.mistaken)


@_source.register
def _(source: syntax.Call, context: Context) -> Bound:
    raise context.unsupported(f"the tabular function `{source.name}`", source.start)


@_source.register
def _(source: syntax.Pipeline, context: Context) -> Bound:
    return _pipeline(context, source)


@_source.register
def _(source: syntax.Print, context: Context) -> Bound:
    items = [
        plan.Item(
            item.name if isinstance(item, syntax.Assignment) else f"print_{position}", _value(context, item, Scope(()))
        )
        for position, item in enumerate(source.items)
    ]
    row = plan.Rows(tuple(item.field for item in items), (tuple(item.value for item in items),))
    return Bound(row)


@_source.register
def _(source: syntax.DataTable, context: Context) -> Bound:
    width = len(source.columns)
    if len(source.values) % width:
        raise context.wrong(
            f"{len(source.values)} values do not fill rows of {width} columns", source.start, code="HS035"
        )
    fields = tuple(plan.Field(column.name, column.type) for column in source.columns)
    cells = [_cell(context, value, fields[position % width].type) for position, value in enumerate(source.values)]
    rows = tuple(tuple(cells[start : start + width]) for start in range(0, len(cells), width))
    return Bound(plan.Rows(fields, rows))


def _cell(context: Context, value: syntax.Expression, kind: ColumnType) -> plan.Const:
    bound = fold(scalar(context, value, Scope(())))
    if not isinstance(bound, plan.Const):
        raise context.wrong("a datatable holds constants", value.start, code="KS131")
    same = bound.type is kind or bound.value is None or kind is ColumnType.DYNAMIC
    if not same and not NUMBER.issuperset((bound.type, kind)):
        raise context.wrong(f"a {bound.type} stands in a column of {kind}", value.start, code="HS036")
    empty = "" if kind is ColumnType.STRING and bound.value is None else bound.value
    return plan.Const(empty, kind)


@_source.register
def _(source: syntax.Range, context: Context) -> Bound:
    low, high, step = (fold(scalar(context, part, Scope(()))) for part in (source.low, source.high, source.step))
    apply(context, "+", [low, step], source.start)  # the step must fit what it counts
    if isinstance(step, plan.Const) and step.value == 0:
        raise context.wrong("the step of a range must not be 0", source.step.start, code="HS038")
    return Bound(plan.Series(source.name, low.type, low, high, step))


# --- operators ------------------------------------------------------------------------------------------------------


@singledispatch
def _operator(operator: syntax.Operator, context: Context, bound: Bound) -> Bound:
    del bound
    raise context.unsupported("this operator", operator.start)


@_operator.register
def _(operator: syntax.Where, context: Context, bound: Bound) -> Bound:
    return Bound(plan.Filter(bound.relation, condition(context, operator.condition, bound.scope)), bound.mistaken)


@_operator.register
def _(operator: syntax.Extend, context: Context, bound: Bound) -> Bound:
    return _extended(context, bound, operator.items)


@_operator.register
def _(operator: syntax.Serialize, context: Context, bound: Bound) -> Bound:
    return _extended(context, bound, operator.items) if operator.items else bound


def _extended(context: Context, bound: Bound, items: Sequence[syntax.Expression]) -> Bound:
    added = {item.name: item for item in _items(context, items, bound.scope, taken=_names(bound.relation.fields))}
    replaced = [added.pop(field.name) if field.name in added else _kept(field) for field in bound.relation.fields]
    return Bound(plan.Projection(bound.relation, (*replaced, *added.values())), bound.mistaken)


@_operator.register
def _(operator: syntax.Project, context: Context, bound: Bound) -> Bound:
    return Bound(plan.Projection(bound.relation, _items(context, operator.items, bound.scope)), bound.mistaken)


@_operator.register
def _(operator: syntax.ProjectAway, context: Context, bound: Bound) -> Bound:
    gone = _matching(context, operator.patterns, bound, operator.start)
    if len(gone) == len(bound.relation.fields):
        raise context.wrong("no column is left", operator.start, code="HS039")
    return _narrowed(bound, [field for field in bound.relation.fields if field not in gone])


@_operator.register
def _(operator: syntax.ProjectKeep, context: Context, bound: Bound) -> Bound:
    kept = _matching(context, operator.patterns, bound, operator.start)
    return _narrowed(bound, [field for field in bound.relation.fields if field in kept])


@_operator.register
def _(operator: syntax.ProjectReorder, context: Context, bound: Bound) -> Bound:
    first = _matching(context, operator.patterns, bound, operator.start)
    return _narrowed(bound, [*first, *(field for field in bound.relation.fields if field not in first)])


@_operator.register
def _(operator: syntax.ProjectRename, context: Context, bound: Bound) -> Bound:
    renamed: dict[str, str] = {}
    for item in operator.items:
        assert isinstance(item.value, syntax.Name)  # noqa: S101 the parser takes no other
        if bound.scope.find(item.value.name) is None:
            raise unknown_column(context, item.value, bound.scope)
        renamed[item.value.name] = item.name
    items = tuple(plan.Item(renamed.get(field.name, field.name), _ref(field)) for field in bound.relation.fields)
    _check_distinct(context, [item.name for item in items], operator.start)
    return Bound(plan.Projection(bound.relation, items), bound.mistaken)


@_operator.register
def _(operator: syntax.Distinct, context: Context, bound: Bound) -> Bound:
    if any(isinstance(item, syntax.Star) for item in operator.items):
        keys = tuple(_kept(field) for field in bound.relation.fields)
    else:
        keys = _items(context, operator.items, bound.scope)
    return Bound(plan.Aggregation(bound.relation, keys, ()))


@_operator.register
def _(operator: syntax.Count, context: Context, bound: Bound) -> Bound:
    del operator, context
    measure = plan.Measure("Count", AGGREGATES["count"], (), ColumnType.LONG)
    return Bound(plan.Aggregation(bound.relation, (), (measure,)))


@_operator.register
def _(operator: syntax.Sort, context: Context, bound: Bound) -> Bound:
    return Bound(plan.Sorted(bound.relation, _sort_keys(context, operator.keys, bound.scope)), bound.mistaken)


@_operator.register
def _(operator: syntax.Take, context: Context, bound: Bound) -> Bound:
    return Bound(plan.Limit(bound.relation, _row_count(context, operator.count)), bound.mistaken)


@_operator.register
def _(operator: syntax.Top, context: Context, bound: Bound) -> Bound:
    ordered = plan.Sorted(bound.relation, _sort_keys(context, operator.keys, bound.scope))
    return Bound(plan.Limit(ordered, _row_count(context, operator.count)), bound.mistaken)


def _sort_keys(context: Context, keys: Iterable[syntax.Ordering], scope: Scope) -> tuple[plan.SortKey, ...]:
    return tuple(plan.SortKey(scalar(context, key.value, scope), key.descending, key.nulls_first) for key in keys)


def _row_count(context: Context, expression: syntax.Expression) -> int:
    bound = fold(scalar(context, expression, Scope(())))
    if (
        not isinstance(bound, plan.Const)
        or not isinstance(bound.value, int)
        or isinstance(bound.value, bool)
        or bound.value < 0
    ):
        raise context.wrong("the number of rows must be a whole number", expression.start, code="KS131")
    return bound.value


# --- summarize ------------------------------------------------------------------------------------------------------


@_operator.register
def _(operator: syntax.Summarize, context: Context, bound: Bound) -> Bound:
    scope = bound.scope
    names = _Names()
    keys = tuple(_named_item(context, item, scope, names) for item in operator.keys)
    collected = _Measures(context, scope)
    results = []
    for item in operator.aggregates:
        name, expression = names.of(context, item), item.value if isinstance(item, syntax.Assignment) else item
        results.append(plan.Item(name, collected.over(expression, name)))
    aggregation = plan.Aggregation(bound.relation, keys, tuple(collected.measures))
    if all(isinstance(result.value, plan.Ref) and result.value.name == result.name for result in results):
        return Bound(aggregation)
    return Bound(plan.Projection(aggregation, (*(_kept(key.field) for key in keys), *results)))


class _Measures:
    """Collects the aggregates out of summarize's expressions, so that what is left is scalar over their results."""

    def __init__(self, context: Context, scope: Scope) -> None:
        self._context = context
        self._scope = scope
        self.measures: list[plan.Measure] = []

    def over(self, expression: syntax.Expression, name: str) -> plan.Scalar:
        """The expression with its aggregates replaced by references to measures; a lone aggregate gets `name`."""
        if isinstance(expression, syntax.Call) and expression.name in AGGREGATES:
            return self._measure(expression, name)
        replaced = self._replaced(expression)
        results = Scope(tuple(measure.field for measure in self.measures))
        return scalar(self._context, replaced, results)

    def _replaced(self, expression: syntax.Expression) -> syntax.Expression:
        match expression:
            case syntax.Call(name=name) if name in AGGREGATES:
                hidden = f"aggregate {len(self.measures)}"
                self._measure(expression, hidden)
                return syntax.Name(expression.start, hidden)
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
            case _:
                return expression

    def _measure(self, call: syntax.Call, name: str) -> plan.Ref:
        function = AGGREGATES[call.name]
        arguments = tuple(scalar(self._context, argument, self._scope) for argument in call.arguments)
        kinds = [argument.type for argument in arguments]
        if not fits(function.parameters, function.optional, kinds):
            given = ", ".join(kinds) or "nothing"
            raise self._context.wrong(f"{call.name} cannot take {given}", call.start, code="KS106")
        kind = result_type(function.result, kinds)
        self.measures.append(plan.Measure(name, function, arguments, kind))
        return plan.Ref(name, kind)


# --- join -----------------------------------------------------------------------------------------------------------


@_operator.register
def _(operator: syntax.Join, context: Context, bound: Bound) -> Bound:
    left, right = bound.relation, _pipeline(context, operator.right).relation
    keys = tuple(_key(context, part, left, right) for whole in operator.conditions for part in _conjuncts(whole))
    left_fields = tuple(_kept(field) for field in left.fields)
    right_fields = tuple(_kept(field) for field in right.fields)
    kind = _ONE_SIDED.get(operator.kind, operator.kind)
    if kind.startswith("left") and kind in _ONE_SIDED:
        right_fields = ()
    elif kind in _ONE_SIDED:
        left_fields = ()
    else:
        right_fields = _renamed(left.fields, right_fields)
    return Bound(plan.Join(kind, left, right, keys, left_fields, right_fields), bound.mistaken)


def _renamed(left: Sequence[plan.Field], right: Sequence[plan.Item]) -> tuple[plan.Item, ...]:
    """The right side's columns; one whose name the left has gets a number that makes a name neither side has."""
    before = set(_names(left))
    names = _Names({*before, *(item.name for item in right)})
    return tuple(plan.Item(names.free(item.name) if item.name in before else item.name, item.value) for item in right)


def _conjuncts(expression: syntax.Expression) -> list[syntax.Expression]:
    if isinstance(expression, syntax.Binary) and expression.operator == "and":
        return [*_conjuncts(expression.left), *_conjuncts(expression.right)]
    return [expression]


def _key(context: Context, part: syntax.Expression, left: plan.Relation, right: plan.Relation) -> plan.KeyPair:
    match part:
        case syntax.Name():
            pair = (part, part)
        case syntax.Binary(operator="==", left=first, right=second):
            sides = {}
            for side in (first, second):
                if isinstance(side, syntax.Member) and isinstance(side.value, syntax.Name):
                    sides[side.value.name] = syntax.Name(side.start, side.name)
            if set(sides) != {"$left", "$right"}:
                raise _bad_key(context, part.start)
            pair = (sides["$left"], sides["$right"])
        case _:
            raise _bad_key(context, part.start)
    found = []
    for name, relation in zip(pair, (left, right), strict=True):
        scope = Scope(relation.fields)
        field = scope.find(name.name)
        if field is None:
            raise unknown_column(context, name, scope)
        found.append(field)
    if found[0].type is not found[1].type and not NUMBER.issuperset((found[0].type, found[1].type)):
        raise context.wrong(f"a {found[0].type} and a {found[1].type} cannot be joined", part.start, code="KS106")
    return plan.KeyPair(found[0].name, found[1].name)


def _bad_key(context: Context, at: int) -> QueryError:
    return context.wrong("a join is on a column that both sides have, or on $left.a == $right.b", at, code="HS037")


# --- names of columns -----------------------------------------------------------------------------------------------


class _Names:
    """Names for the columns of one operator: those given, those that Kusto derives, and Column1, Column2 ...

    `avoided` are names that a derived name must not be; a given name may, and then takes that column's place.
    """

    def __init__(self, avoided: Iterable[str] = ()) -> None:
        self._given: set[str] = set()
        self._taken = set(avoided)

    def of(self, context: Context, item: syntax.Expression) -> str:
        """The name of an item's column.

        Raises:
            QueryError: the name is given, and taken.
        """
        if isinstance(item, syntax.Assignment | syntax.Name):
            if item.name in self._given:
                raise context.wrong(f"the column `{item.name}` is there already", item.start, code=DUPLICATE_NAME)
            self._given.add(item.name)
            self._taken.add(item.name)
            return item.name
        derived = default_name(item)
        name = self.free(derived) if derived else self._first(f"Column{number}" for number in counter(1))
        self._given.add(name)
        return name

    def free(self, name: str) -> str:
        """That name, with a number where it is taken; taken from now on."""
        return self._first(name if number == 0 else f"{name}{number}" for number in counter())

    def _first(self, candidates: Iterable[str]) -> str:
        chosen = next(candidate for candidate in candidates if candidate not in self._taken)
        self._taken.add(chosen)
        return chosen


def _items(
    context: Context, items: Sequence[syntax.Expression], scope: Scope, taken: Iterable[str] = ()
) -> tuple[plan.Item, ...]:
    """Named scalars; derived names avoid those `taken`, given ones may replace them."""
    names = _Names(taken)
    return tuple(_named_item(context, item, scope, names) for item in items)


def _named_item(context: Context, item: syntax.Expression, scope: Scope, names: _Names) -> plan.Item:
    return plan.Item(names.of(context, item), _value(context, item, scope))


def _value(context: Context, item: syntax.Expression, scope: Scope) -> plan.Scalar:
    return scalar(context, item.value if isinstance(item, syntax.Assignment) else item, scope)


def _matching(context: Context, patterns: Sequence[str], bound: Bound, at: int) -> list[plan.Field]:
    matched: list[plan.Field] = []
    for pattern in patterns:
        found = [field for field in bound.relation.fields if fnmatchcase(field.name, pattern)]
        if not found and "*" not in pattern:
            raise unknown_column(context, syntax.Name(at, pattern), bound.scope)
        matched += [field for field in found if field not in matched]
    return matched


def _narrowed(bound: Bound, fields: Sequence[plan.Field]) -> Bound:
    return Bound(plan.Projection(bound.relation, tuple(_kept(field) for field in fields)), bound.mistaken)


def _kept(field: plan.Field) -> plan.Item:
    return plan.Item(field.name, _ref(field))


def _ref(field: plan.Field) -> plan.Ref:
    return plan.Ref(field.name, field.type)


def _names(fields: Iterable[plan.Field]) -> list[str]:
    return [field.name for field in fields]


def _check_distinct(context: Context, names: Sequence[str], at: int) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise context.wrong(f"the column `{twice}` is there already", at, code=DUPLICATE_NAME)
