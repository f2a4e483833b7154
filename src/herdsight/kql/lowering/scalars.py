"""Lowering of what stands in a SELECT: scalars, conditions, aggregates, and what columns are called."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.functions.model import Operand
from herdsight.kql.literals import moment
from herdsight.tables import ColumnType

RUN = "run"  # the table beside which a plan is lowered that is given its times


def sql_names(fields: Sequence[plan.Field]) -> dict[str, str]:
    """What each column is called in SQL: its own name, or with a number where another differs from it in case alone."""
    taken: set[str] = set()
    names = {}
    for field in fields:
        candidates = (field.name if number == 0 else f"{field.name} {number}" for number in count())
        name = next(candidate for candidate in candidates if candidate.lower() not in taken)
        taken.add(name.lower())
        names[field.name] = name
    return names


@dataclass(slots=True)
class Open:
    """A SELECT that still takes conditions and has no columns yet; `columns` reads the fields from it."""

    tree: exp.Select
    columns: Mapping[str, exp.Expr]

    def operand(self, value: plan.Scalar) -> Operand:
        """A scalar over its columns."""
        return operand_of(value, self.columns)

    def sql(self, value: plan.Scalar) -> exp.Expr:
        """A scalar over its columns, as a tree."""
        return self.operand(value).sql


def same_key(kind: ColumnType, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """Whether two keys of a join match: null matches null, as Microsoft's engine has it; a string is never null."""
    node = exp.EQ if kind is ColumnType.STRING else exp.NullSafeEQ
    return node(this=left, expression=right)


def grouped(tree: exp.Select, keys: int) -> exp.Select:
    """The tree grouped by its first `keys` columns."""
    return tree.group_by(*(exp.Literal.number(position + 1) for position in range(keys)), copy=False) if keys else tree


def lower_measure(measure: plan.Measure, below: Open) -> exp.Expr:
    """An aggregate over an open select's columns."""
    return measure.function.lower(*(below.operand(argument) for argument in measure.arguments))


def _first_value(query: plan.ScalarQuery) -> exp.Expr:
    first = exp.Subquery(this=queries[0](plan.Limit(query.relation, 1)))
    return exp.Coalesce(this=first, expressions=[trees.text("")]) if query.type is ColumnType.STRING else first


def operand_of(value: plan.Scalar, columns: Mapping[str, exp.Expr]) -> Operand:
    """A scalar over those columns: its tree, its type and, of a constant, its value."""
    match value:
        case plan.Ref(name=name, type=kind):
            return Operand(columns[name].copy(), kind)
        case plan.Const(value=constant, type=kind):
            return Operand(_constant(value), kind, constant, is_constant=True)
        case plan.Apply(function=function, arguments=arguments, type=kind):
            operands = (operand_of(part, columns) for part in arguments)
            return Operand(closed(function.lower(*operands)), kind)
        case plan.ScalarQuery(type=kind):
            return Operand(_first_value(value), kind)
        case plan.InQuery(value=inner, relation=relation, any_case=any_case):
            sought = operand_of(inner, columns)
            return Operand(_among(sought, relation, any_case=any_case), ColumnType.BOOL)
        case plan.Given(name=name, type=kind):
            return Operand(trees.column(name, RUN), kind)
        case plan.Now():
            raise AssertionError("now() is pinned before a plan is lowered")


# How a relation in a scalar is lowered, which the module above sets: scalars are lowered below it.
queries: list[Callable[[plan.Relation], exp.Select]] = []


def _among(value: Operand, relation: plan.Relation, *, any_case: bool) -> exp.Expr:
    tree = queries[0](relation)
    sought = value.sql
    if any_case:
        sought = exp.Lower(this=sought)
        (column,) = sql_names(relation.fields).values()
        lowered = trees.named(exp.Lower(this=trees.column(column)), column)
        tree = exp.select(lowered).from_(tree.subquery(exp.to_identifier("t", quoted=True), copy=False))
    found = exp.In(this=sought, query=exp.Subquery(this=tree))
    return exp.Coalesce(this=found, expressions=[exp.false()])


def closed(tree: exp.Expr) -> exp.Expr:
    """The tree in parentheses where it would otherwise mix with what it is put into; the dialects add none."""
    is_call = isinstance(tree, exp.Func) and not isinstance(tree, exp.Connector)
    loose = isinstance(tree, exp.Binary | exp.Predicate | exp.Not | exp.Neg) and not is_call
    return exp.Paren(this=tree) if loose else tree


def _constant(constant: plan.Const) -> exp.Expr:
    value, kind = constant.value, constant.type
    if value is None:
        return trees.null(kind)
    if kind is ColumnType.DYNAMIC:
        return trees.text(trees.json_text(value))
    match value:
        case bool():
            return exp.Boolean(this=value)
        case str():
            return trees.text(value)
        case int() if kind is ColumnType.DATETIME:
            return trees.timestamp(moment(value))
        case int() if kind is ColumnType.TIMESPAN:
            return trees.number(value)
        case int() | float():
            if isinstance(value, int) and kind in (ColumnType.INT, ColumnType.LONG):
                return trees.number(value)
            return exp.Cast(this=trees.text(str(value)), to=trees.sql_type(kind))
        case _:
            return trees.text(trees.json_text(value))


def as_condition(tree: exp.Expr) -> exp.Expr:
    """The tree where only true counts: false for null need not be spelt out, so that the engine can push it down."""
    match tree:
        case exp.Coalesce(this=inner, expressions=[exp.Boolean(this=False)]):
            return _as_tree(inner)
        case exp.Paren(this=exp.Expr() as inner):
            return as_condition(inner)
        case exp.And() | exp.Or():
            for name in ("this", "expression"):
                if tree.args.get(name) is not None:
                    tree.set(name, closed(as_condition(tree.args[name])))
            return tree
        case _:
            return tree


def _as_tree(tree: object) -> exp.Expr:
    assert isinstance(tree, exp.Expr)  # noqa: S101 what a pattern binds is untyped
    return tree
