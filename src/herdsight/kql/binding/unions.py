"""Binding of union, and of search over several tables."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from herdsight.errors import QueryError
from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import all_of, any_of, apply, converted
from herdsight.kql.binding.dispatch import alone, bind_operator, bind_source
from herdsight.kql.binding.names import Names, matches
from herdsight.kql.binding.scalars import UNKNOWN_NAME, scalar
from herdsight.kql.binding.scope import Bound, Context, Function, Scope, ref
from herdsight.kql.rewrites.fold import fold
from herdsight.tables import NAMES, ColumnType


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a union: its name, which withsource tells, and its rows."""

    name: str
    bound: Bound


@bind_source.register
def _(source: syntax.Union, context: Context) -> Bound:
    return _united(context, source, [])


@bind_operator.register
def _(operator: syntax.Union, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "union", operator.start)
    return _united(context, operator, [Part(_name_of(context, bound) or "union_arg0", bound)])


def _name_of(context: Context, bound: Bound) -> str | None:
    """The name that `as` has given to these rows."""
    return next((name for name, value in context.names.items() if value is bound), None)


def _united(context: Context, union: syntax.Union, first: list[Part]) -> Bound:
    parts = list(first)
    for source in union.sources:
        parts += table_parts(context, source, len(parts), fuzzy=union.fuzzy)
    if not parts:
        raise context.wrong("the union has no table", union.start, code="KS204")
    return united(parts, union.with_source, inner=union.kind == "inner")


def table_parts(context: Context, source: syntax.Expression, position: int, *, fuzzy: bool) -> Iterator[Part]:
    """What a table's name, a name with wildcards or a query stands for, at that position of a list of tables."""
    if isinstance(source, syntax.Pattern):
        for name in matching_tables(context, source.pattern):
            table = syntax.Pipeline(source.start, syntax.Name(source.start, name), ())
            yield Part(name, context.pipeline(context, table))
        return
    assert isinstance(source, syntax.Pipeline)  # noqa: S101 the parser makes pipelines of all else
    try:
        yield Part(_part_name(source, position), context.pipeline(context, source))
    except QueryError as error:
        if not fuzzy or error.code not in _MISSING:
            raise
        context.warn(f"left out of the fuzzy union: {error.what}", source.start)


_MISSING = ("KS204", "KS211", "KS208")  # no such table, no such function


def _part_name(source: syntax.Pipeline, position: int) -> str:
    """The name that `as` gives at the source's end, or its table's."""
    if source.operators and isinstance(source.operators[-1], syntax.As):
        return source.operators[-1].name
    return source.source.name if isinstance(source.source, syntax.Name | syntax.Member) else f"union_arg{position}"


def matching_tables(context: Context, pattern: str) -> list[str]:
    """The tables and views whose names match a name with wildcards; those that the logs can fill, of the declared."""
    bound = [
        name
        for name, value in context.names.items()
        if isinstance(value, Bound) or (isinstance(value, Function) and value.definition.view)
    ]
    declared = NAMES if pattern == "*" else context.surroundings.tables  # all there is: what logs can fill
    return [name for name in (*bound, *declared) if matches(name, pattern)]


def united(parts: Sequence[Part], with_source: str | None, *, inner: bool = False) -> Bound:
    """The rows of all parts under the union of their columns, or the columns that all have.

    Columns of one name and several types are told apart by a suffix, as Kusto does (x_long, x_string).
    """
    columns = _aligned([part.bound.fields for part in parts], inner=inner)
    relations = []
    bag = next((part.bound.bag for part in parts if part.bound.bag), None)
    for part in parts:
        own = {(column.name, column.type) for column in part.bound.fields}
        items = [
            plan.Item(
                name,
                plan.Ref(column.name, column.type) if (column.name, column.type) in own else missing(column.type),
            )
            for name, column in columns
        ]
        if bag:
            items.append(plan.Item(bag, plan.Ref(bag, _BAG) if part.bound.bag == bag else plan.Const(None, _BAG)))
        if with_source:
            items.insert(0, plan.Item(with_source, plan.Const(part.name, ColumnType.STRING)))
        relations.append(plan.Projection(part.bound.relation, tuple(items)))
    mistaken = dict(entry for part in parts for entry in part.bound.mistaken.items())
    whole = relations[0] if len(relations) == 1 else plan.Union(tuple(relations), relations[0].fields)
    return Bound(whole, mistaken, bag=bag)


_BAG = ColumnType.DYNAMIC


def missing(kind: ColumnType) -> plan.Const:
    """What a column holds of whose table it is none."""
    return plan.Const("" if kind is ColumnType.STRING else None, kind)


def _aligned(tables: Sequence[Sequence[plan.Field]], *, inner: bool) -> list[tuple[str, plan.Field]]:
    """The columns of a union: the name of each, and the name and type that its parts know it by."""
    distinct = list(dict.fromkeys(column for table in tables for column in table))
    if inner:
        distinct = [column for column in distinct if all(column in table for table in tables)]
    places: dict[str, list[int]] = {}
    for place, column in enumerate(distinct):
        places.setdefault(column.name, []).append(place)
    several = {name for name, found in places.items() if len(found) > 1}
    distinct.sort(key=lambda column: places[column.name][0])  # those of one name stand together
    names = Names(column.name for column in distinct if column.name not in several)
    return [
        (names.free(f"{column.name}_{column.type}") if column.name in several else column.name, column)
        for column in distinct
    ]


# --- search ---------------------------------------------------------------------------------------------------------


@bind_source.register
def _(source: syntax.Search, context: Context) -> Bound:
    parts = [
        part for table in source.tables or (syntax.Pattern(source.start, "*"),) for part in _searched(context, table)
    ]
    if not parts:
        raise context.wrong("there is no table to search", source.start, code="KS204")
    return united(_all_found(context, source, parts), "$table")


def _all_found(context: Context, search: syntax.Search, parts: Sequence[Part]) -> list[Part]:
    """The rows of each table; one without a column that the condition names has none, unless no table has it."""
    names = frozenset(column.name for part in parts for column in part.bound.fields)
    found, missing = [], []
    for part in parts:
        try:
            found.append(Part(part.name, _found(context, _Searched(search, names), part.bound)))
        except QueryError as error:
            if error.code != UNKNOWN_NAME:
                raise
            missing.append(error)
            found.append(Part(part.name, _none_of(part.bound)))
    if len(missing) == len(parts):
        raise missing[0]
    if search.tables:
        return found
    # Of all tables there are, those that the query binds, and of the others those that can have such rows.
    some = [part for part in found if part.name in context.names or not isinstance(part.bound.relation, plan.Rows)]
    return some or found


_NEVER = plan.Const(False, ColumnType.BOOL)


def _none_of(bound: Bound) -> Bound:
    return bound.over(plan.Rows(bound.relation.fields, ()))


@dataclass(frozen=True, slots=True)
class _Searched:
    """A search, and the columns of all tables that it goes through."""

    search: syntax.Search
    names: frozenset[str]


def _searched(context: Context, table: syntax.Expression) -> list[Part]:
    return list(table_parts(context, table, 0, fuzzy=False))


@bind_operator.register
def _(operator: syntax.Search, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "search", operator.start)
    return united([Part("", _found(context, _Searched(operator, frozenset()), bound))], "$table")


def _found(context: Context, searched: _Searched, bound: Bound) -> Bound:
    test = fold(_test(context, searched.search.condition, bound.scope(), searched))
    return _none_of(bound) if test == _NEVER else bound.over(plan.Filter(bound.relation, test))


def term_test(context: Context, condition: syntax.Expression, scope: Scope) -> plan.Scalar:
    """A condition in which a text stands for: some column has it, in any case."""
    search = syntax.Search(condition.start, False, (), condition)
    return _test(context, condition, scope, _Searched(search, frozenset()))


def _test(context: Context, condition: syntax.Expression, scope: Scope, searched: _Searched) -> plan.Scalar:
    """A search's condition, in which a text stands for: some column has it."""
    match condition:
        case syntax.Star():
            return plan.Const(True, ColumnType.BOOL)
        case syntax.Literal(value=str() as text, start=start):
            return any_of([_has(context, ref(column), text, searched, start) for column in scope.fields])
        case syntax.Binary(operator="and" | "or" as operator):
            tests = [_test(context, each, scope, searched) for each in chained(condition)]
            some = [each for each in tests if each != _NEVER]
            if operator == "or":
                return any_of(some)
            return all_of(tests) if len(some) == len(tests) else _NEVER
        case syntax.Binary(left=syntax.Name(name=name)) if scope.find(name) is None and name in searched.names:
            return _NEVER  # a table that has no such column has no such row
        case syntax.Call(name="not", arguments=(inner,), start=start):
            return apply(context, "not", [_test(context, inner, scope, searched)], start)
        case syntax.Binary(operator=":", left=syntax.Name() as column, right=syntax.Literal(value=str() as text)):
            return _has(context, scalar(context, column, scope), text, searched, condition.start)
        case _:
            return _truth(context, scalar(context, condition, scope), condition.start)


def chained(condition: syntax.Binary) -> list[syntax.Expression]:
    """The operands of a chain of one operator, which people write hundreds of."""
    operands: list[syntax.Expression] = []
    left: syntax.Expression = condition
    while isinstance(left, syntax.Binary) and left.operator == condition.operator:
        operands.append(left.right)
        left = left.left
    return [left, *reversed(operands)]


def _truth(context: Context, value: plan.Scalar, at: int) -> plan.Scalar:
    if value.type in (ColumnType.BOOL, ColumnType.DYNAMIC):
        return converted(value, ColumnType.BOOL)
    raise context.wrong(f"a condition must be a bool, this is a {value.type}", at, code="KS141")


def _has(context: Context, value: plan.Scalar, text: str, searched: _Searched, at: int) -> plan.Scalar:
    """Whether a value has a term; a star in it stands for any characters."""
    case_sensitive = searched.search.case_sensitive
    operator = "has"
    if inner := text.strip("*"):
        stars = {(True, True): "contains", (False, True): "hasprefix", (True, False): "hassuffix"}
        operator = stars.get((text.startswith("*"), text.endswith("*")), operator)
    elif text:
        return plan.Const(True, ColumnType.BOOL)
    if "*" in inner:
        operator, inner = "matches regex", _pattern(text, case_sensitive=case_sensitive)
    elif case_sensitive:
        operator += "_cs"
    return apply(context, operator, [converted(value, ColumnType.STRING), plan.Const(inner, ColumnType.STRING)], at)


def _pattern(text: str, *, case_sensitive: bool) -> str:
    """A term with stars within as a regular expression; at an end without a star a word begins or ends."""
    words = [_MARK.sub(r"\\\g<0>", word) for word in text.strip("*").split("*")]
    before, after = ("" if text.startswith("*") else r"\b"), ("" if text.endswith("*") else r"\b")
    return f"{'' if case_sensitive else '(?i)'}{before}{'.*'.join(words)}{after}"


_MARK = re.compile(r"[!-/:-@\[-`{-~]")  # what a pattern must have escaped
