"""Logic, choice, and what to do with what is missing."""

from collections.abc import Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arithmetic import cast, wider
from herdsight.kql.functions.conversions import converted
from herdsight.kql.functions.model import ANY, BOOL, NUMBER, Operand, Scalar
from herdsight.tables import ColumnType

_REAL = NUMBER - {ColumnType.DECIMAL}


def common(types: Sequence[ColumnType]) -> ColumnType:
    """The one type that all of these can be taken as: a dynamic where they are of several kinds."""
    distinct = [kind for kind in dict.fromkeys(types) if kind is not ColumnType.DYNAMIC]
    if len(distinct) == 1:
        return distinct[0]
    return wider(distinct) if distinct and NUMBER.issuperset(distinct) else ColumnType.DYNAMIC


def _branch_types(types: Sequence[ColumnType]) -> Sequence[ColumnType]:
    """Of case(condition, value, condition, value, ..., otherwise): the values' types."""
    return [*types[1:-1:2], types[-1]]


def case_result(types: Sequence[ColumnType]) -> ColumnType:
    """The type of case(); its conditions must be bool, and an otherwise must end it.

    Raises:
        ValueError: they are not, or it is missing.
    """
    if len(types) % 2 == 0:
        raise ValueError("case takes pairs of condition and value, and one value for all others at its end")
    if any(kind is not ColumnType.BOOL for kind in types[:-1:2]):
        raise ValueError("the conditions of case must be bool")
    return common(_branch_types(types))


def _case(*operands: Operand) -> exp.Expr:
    kind = common(_branch_types([operand.type for operand in operands]))
    tree = exp.Case()
    for condition, value in zip(operands[:-1:2], operands[1:-1:2], strict=True):
        tree = tree.when(condition.sql, converted(value, kind), copy=False)
    return tree.else_(converted(operands[-1], kind), copy=False)


def _iff_result(types: Sequence[ColumnType]) -> ColumnType:
    return common(types[1:])


def _coalesce_result(types: Sequence[ColumnType]) -> ColumnType:
    known = set(types) - {ColumnType.DYNAMIC}
    if len(known) > 1 and not NUMBER.issuperset(known):
        raise ValueError("the arguments of coalesce must be of one type")
    return common(types)


def _coalesce(*operands: Operand) -> exp.Expr:
    kind = common([operand.type for operand in operands])
    if kind is ColumnType.STRING:  # the first that is not empty
        given: list[exp.Expr] = [exp.Nullif(this=operand.sql, expression=trees.text("")) for operand in operands]
        given.append(trees.text(""))
    else:
        given = [converted(operand, kind) for operand in operands]
    return exp.Coalesce(this=given[0], expressions=given[1:])


def _is_null(operand: Operand) -> exp.Expr:
    if operand.type is ColumnType.STRING:
        return exp.false()
    return exp.Is(this=operand.sql, expression=exp.null())


def _is_empty(operand: Operand) -> exp.Expr:
    if operand.type is ColumnType.STRING:
        return exp.EQ(this=operand.sql, expression=trees.text(""))
    if operand.type is ColumnType.DYNAMIC:  # an empty string may be in it
        empty = trees.text(trees.json_text(""))
        return exp.EQ(this=exp.Coalesce(this=operand.sql, expressions=[empty]), expression=empty.copy())
    return exp.Is(this=operand.sql, expression=exp.null())


def _not(operand: Operand) -> exp.Expr:
    return exp.Not(this=operand.sql)


ROWS = (
    Scalar("and", (BOOL, BOOL), ColumnType.BOOL, lambda a, b: exp.and_(a.sql, b.sql, copy=False), "logical-operators"),
    Scalar("or", (BOOL, BOOL), ColumnType.BOOL, lambda a, b: exp.or_(a.sql, b.sql, copy=False), "logical-operators"),
    Scalar("not", (BOOL,), ColumnType.BOOL, _not, "not-function"),
    Scalar("case", (ANY, ANY, ANY), case_result, _case, "case-function", variadic=True),
    Scalar("iff", (BOOL, ANY, ANY), _iff_result, _case, "iff-function"),
    Scalar("iif", (BOOL, ANY, ANY), _iff_result, _case, "iff-function"),
    Scalar("coalesce", (ANY, ANY), _coalesce_result, _coalesce, "coalesce-function", variadic=True),
    Scalar("isnull", (ANY,), ColumnType.BOOL, _is_null, "isnull-function"),
    Scalar("isnotnull", (ANY,), ColumnType.BOOL, lambda x: exp.Not(this=_is_null(x)), "isnotnull-function"),
    Scalar("notnull", (ANY,), ColumnType.BOOL, lambda x: exp.Not(this=_is_null(x)), "isnotnull-function"),
    Scalar("isempty", (ANY,), ColumnType.BOOL, _is_empty, "isempty-function"),
    Scalar("isnotempty", (ANY,), ColumnType.BOOL, lambda x: exp.Not(this=_is_empty(x)), "isnotempty-function"),
    Scalar("notempty", (ANY,), ColumnType.BOOL, lambda x: exp.Not(this=_is_empty(x)), "isnotempty-function"),
    Scalar("isnan", (_REAL,), ColumnType.BOOL, lambda x: exp.IsNan(this=cast(x, ColumnType.REAL)), "isnan-function"),
)
