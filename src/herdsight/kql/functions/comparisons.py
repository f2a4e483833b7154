"""Comparisons, memberships and ranges, with KQL's nulls.

Equality with one null is false and inequality true; with two nulls both are null (page "null-values"). Strings are
never null. An order with a null is null.
"""

import json
from collections.abc import Callable, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.model import BOOL, DATETIME, NUMBER, STRING, TIMESPAN, Operand, Scalar, TypeSet
from herdsight.tables import ColumnType

_GUID = frozenset({ColumnType.GUID})
_KINDS: tuple[TypeSet, ...] = (STRING, NUMBER, DATETIME, TIMESPAN, BOOL, _GUID)
_IN_ORDER: tuple[TypeSet, ...] = (NUMBER, DATETIME, TIMESPAN, BOOL)  # strcmp() has an order of strings
_PAGE = "null-values"


def nullable(operand: Operand) -> bool:
    """Whether the operand may be null."""
    if operand.is_constant:
        return operand.value is None
    return operand.type is not ColumnType.STRING


def never_null(condition: exp.Expr) -> exp.Expr:
    """The condition with false for null."""
    return exp.Coalesce(this=condition, expressions=[exp.false()])


def _equal(left: Operand, right: Operand) -> exp.Expr:
    equal = exp.EQ(this=left.sql, expression=right.sql)
    if nullable(left) and nullable(right):
        return exp.case().when(_both_null(left, right), exp.null()).else_(never_null(equal))
    return never_null(equal) if nullable(left) or nullable(right) else equal


def _unequal(left: Operand, right: Operand) -> exp.Expr:
    if nullable(left) and nullable(right):
        distinct = exp.NullSafeNEQ(this=left.sql, expression=right.sql)
        return exp.case().when(_both_null(left, right), exp.null()).else_(distinct)
    if nullable(left) or nullable(right):
        return exp.NullSafeNEQ(this=left.sql, expression=right.sql)
    return exp.NEQ(this=left.sql, expression=right.sql)


def _both_null(left: Operand, right: Operand) -> exp.Expr:
    nulls = (exp.Is(this=side.sql.copy(), expression=exp.null()) for side in (left, right))
    return trees.conjunction(nulls)


def _ordered(node: type[exp.Binary]) -> Callable[[Operand, Operand], exp.Expr]:
    """An order in which NaN is neither greater nor less than anything; engines hold it the greatest of all."""

    def lower(left: Operand, right: Operand) -> exp.Expr:
        ordered = node(this=left.sql, expression=right.sql)
        greater = left if node in (exp.GT, exp.GTE) else right
        if greater.type is not ColumnType.REAL or greater.is_constant:
            return ordered
        return exp.and_(ordered, exp.Not(this=exp.IsNan(this=greater.sql.copy())), copy=False)

    return lower


def _between(value: Operand, low: Operand, high: Operand) -> exp.Expr:
    return exp.Between(this=value.sql, low=low.sql, high=high.sql)


def _not_between(value: Operand, low: Operand, high: Operand) -> exp.Expr:
    return exp.Not(this=_between(value, low, high))


def _in(value: Operand, *items: Operand) -> exp.Expr:
    if not items:
        return exp.false()
    listed = _table_of(value.type, items) if len(items) > _MANY else None
    member = exp.In(this=value.sql, **({"query": listed} if listed else {"expressions": [item.sql for item in items]}))
    return never_null(member) if nullable(value) or any(nullable(item) for item in items) else member


_MANY = 1_000  # constants beyond which each as a node of its own costs more than a table of them all
_ELEMENTS = {ColumnType.STRING: "VARCHAR", ColumnType.INT: "BIGINT", ColumnType.LONG: "BIGINT"}


def _table_of(kind: ColumnType, items: Sequence[Operand]) -> exp.Expr | None:
    """Constants as a table made of one text; None where there are others, or their type has no exact JSON."""
    if kind not in _ELEMENTS or not all(item.is_constant and item.type in _ELEMENTS for item in items):
        return None
    listed = trees.text(json.dumps([item.value for item in items]))
    elements = trees.call("from_json", listed, trees.text(json.dumps([_ELEMENTS[kind]])))
    return exp.Subquery(this=exp.select(trees.call("unnest", elements)))


def _folded(operand: Operand) -> Operand:
    if operand.is_constant:
        folded = str(operand.value).lower()
        return Operand(trees.text(folded), operand.type, folded, is_constant=True)
    return Operand(exp.Lower(this=operand.sql), operand.type)


def _any_case(lower: Callable[..., exp.Expr]) -> Callable[..., exp.Expr]:
    return lambda *operands: lower(*(_folded(operand) for operand in operands))


def _negated(lower: Callable[..., exp.Expr]) -> Callable[..., exp.Expr]:
    return lambda *operands: exp.Not(this=lower(*operands))


_COMPARISONS = (
    *(
        Scalar(name, (kind, kind), ColumnType.BOOL, lower, _PAGE)
        for kind in _KINDS
        for name, lower in (("==", _equal), ("!=", _unequal))
    ),
    *(
        Scalar(name, (kind, kind), ColumnType.BOOL, _ordered(node), "numerical-operators")
        for kind in _IN_ORDER
        for name, node in (("<", exp.LT), ("<=", exp.LTE), (">", exp.GT), (">=", exp.GTE))
    ),
)
_MEMBERSHIPS = tuple(
    Scalar(name, (kind, kind), ColumnType.BOOL, lower, "in-cs-operator", optional=1, variadic=True)
    for kind in _KINDS
    for name, lower in (("in", _in), ("!in", _negated(_in)))
)
_RANGES = tuple(
    Scalar(name, (kind, kind, kind), ColumnType.BOOL, lower, "between-operator")
    for kind in (NUMBER, DATETIME, TIMESPAN)
    for name, lower in (("between", _between), ("!between", _not_between))
)

ROWS = (
    *_COMPARISONS,
    *_MEMBERSHIPS,
    *_RANGES,
    Scalar("=~", (STRING, STRING), ColumnType.BOOL, _any_case(_equal), "equals-operator"),
    Scalar("!~", (STRING, STRING), ColumnType.BOOL, _any_case(_unequal), "not-equals-operator"),
    Scalar("in~", (STRING, STRING), ColumnType.BOOL, _any_case(_in), "in-operator", optional=1, variadic=True),
    Scalar(
        "!in~",
        (STRING, STRING),
        ColumnType.BOOL,
        _any_case(_negated(_in)),
        "not-in-operator",
        optional=1,
        variadic=True,
    ),
)
