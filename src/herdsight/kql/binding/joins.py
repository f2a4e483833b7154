"""Binding of join and lookup."""

from collections.abc import Sequence
from dataclasses import replace

from herdsight.errors import QueryError
from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import converted, member
from herdsight.kql.binding.dispatch import alone, bind_operator
from herdsight.kql.binding.names import Names
from herdsight.kql.binding.scalars import condition, unknown_column
from herdsight.kql.binding.scope import Bound, Context, Scope, kept, ref
from herdsight.kql.functions.model import NUMBER
from herdsight.tables import ColumnType

_ONE_SIDED = {
    "leftsemi": "leftsemi",
    "rightsemi": "rightsemi",
    "leftanti": "leftanti",
    "anti": "leftanti",
    "leftantisemi": "leftanti",
    "rightanti": "rightanti",
    "rightantisemi": "rightanti",
}


@bind_operator.register
def _(operator: syntax.Join, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "join", operator.start)
    if operator.where is not None:
        return _crossed(context, operator, bound, operator.where)
    left, right, keys = _sides(context, bound, operator)
    left_fields = tuple(kept(column) for column in bound.fields)
    right_fields = tuple(kept(column) for column in right.fields if not column.name.startswith("#"))
    kind = _ONE_SIDED.get(operator.kind, operator.kind)
    if kind.startswith("left") and kind in _ONE_SIDED:
        right_fields = ()
    elif kind in _ONE_SIDED:
        left_fields = ()
    else:
        right_fields = _renamed(bound.fields, right_fields)
    return Bound(plan.Join(kind, left, right.relation, keys, left_fields, right_fields), bound.mistaken)


def _crossed(context: Context, operator: syntax.Join, bound: Bound, where: syntax.Expression) -> Bound:
    """Every row beside every row, where a condition over both holds."""
    if operator.kind not in ("inner", "innerunique"):
        raise context.unsupported(f"a join of kind {operator.kind} with where", operator.start)
    right = context.pipeline(context, operator.right)
    left_fields = tuple(kept(column) for column in bound.fields)
    right_fields = _renamed(bound.fields, tuple(kept(column) for column in right.fields))
    crossed = Bound(plan.Join("inner", bound.relation, right.relation, (), left_fields, right_fields), bound.mistaken)
    sides = {f"$left.{_source(item)}": item.name for item in left_fields}
    sides |= {f"$right.{_source(item)}": item.name for item in right_fields}
    scope = replace(crossed.scope(), bag=right.scope().bag or bound.scope().bag, renamed=sides)
    return crossed.over(plan.Filter(crossed.relation, condition(context, where, scope)))


def _source(item: plan.Item) -> str:
    assert isinstance(item.value, plan.Ref)  # noqa: S101 a join puts out columns of its sides
    return item.value.name


@bind_operator.register
def _(operator: syntax.Lookup, context: Context, bound: Bound) -> Bound:
    """A join in which the right side's keys, which are the left side's, are left out."""
    alone(context, bound, "lookup", operator.start)
    left, right, keys = _sides(context, bound, operator)
    key_names = {key.right for key in keys}
    left_fields = tuple(kept(column) for column in bound.fields)
    added = tuple(
        kept(column) for column in right.fields if column.name not in key_names and not column.name.startswith("#")
    )
    right_fields = _renamed(bound.fields, added)
    return Bound(plan.Join(operator.kind, left, right.relation, keys, left_fields, right_fields), bound.mistaken)


def _sides(
    context: Context, bound: Bound, operator: syntax.Join | syntax.Lookup
) -> tuple[plan.Relation, Bound, tuple[plan.KeyPair, ...]]:
    """Both sides and the keys that they are joined on; a key that must be converted is a column of its own."""
    right = context.pipeline(context, operator.right)
    pairs = [_key(context, part, bound, right) for whole in operator.conditions for part in _conjuncts(whole)]
    if not pairs:
        raise _bad_key(context, operator.start)
    left_items: list[plan.Item] = []
    right_items: list[plan.Item] = []
    keys: list[plan.KeyPair] = []
    for position, (one, other) in enumerate(pairs):
        kind = _common(context, one, other, operator.start)
        keys.append(
            plan.KeyPair(
                _side(left_items, one, kind, f"#left {position}"), _side(right_items, other, kind, f"#right {position}")
            )
        )
    return _with(bound.relation, left_items), right.over(_with(right.relation, right_items)), tuple(keys)


def _side(items: list[plan.Item], key: plan.Scalar, kind: ColumnType, name: str) -> str:
    if isinstance(key, plan.Ref) and key.type is kind:
        return key.name
    items.append(plan.Item(name, converted(key, kind)))
    return name


def _with(relation: plan.Relation, items: Sequence[plan.Item]) -> plan.Relation:
    if not items:
        return relation
    return plan.Projection(relation, (*(kept(column) for column in relation.fields), *items))


def _common(context: Context, one: plan.Scalar, other: plan.Scalar, at: int) -> ColumnType:
    """The type that two keys are compared as: a dynamic is taken as what the other side is."""
    kinds = {one.type, other.type}
    if len(kinds) == 1:
        return one.type if one.type is not ColumnType.DYNAMIC else ColumnType.STRING
    if ColumnType.DYNAMIC in kinds:
        (kind,) = kinds - {ColumnType.DYNAMIC}
        return kind
    if NUMBER.issuperset(kinds):
        return ColumnType.REAL if ColumnType.REAL in kinds else ColumnType.LONG
    raise context.wrong(f"a {one.type} and a {other.type} cannot be joined", at, code="KS106")


def _renamed(left: Sequence[plan.Field], right: Sequence[plan.Item]) -> tuple[plan.Item, ...]:
    """The right side's columns; one whose name the left has gets a number that makes a name neither side has."""
    before = {column.name for column in left}
    names = Names({*before, *(item.name for item in right)})
    return tuple(plan.Item(names.free(item.name) if item.name in before else item.name, item.value) for item in right)


def _conjuncts(expression: syntax.Expression) -> list[syntax.Expression]:
    if isinstance(expression, syntax.Binary) and expression.operator == "and":
        return [*_conjuncts(expression.left), *_conjuncts(expression.right)]
    return [expression]


def _key(context: Context, part: syntax.Expression, left: Bound, right: Bound) -> tuple[plan.Scalar, plan.Scalar]:
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
    return _column(context, pair[0], left), _column(context, pair[1], right)


def _column(context: Context, name: syntax.Name, bound: Bound) -> plan.Scalar:
    scope = bound.scope()
    column = scope.find(name.name)
    if column is not None:
        return ref(column)
    if scope.bag is not None:
        return member(context, scope.bag, name.name, name.start)
    raise unknown_column(context, name, Scope(bound.fields))


def _bad_key(context: Context, at: int) -> QueryError:
    what = "a join is on a column that both sides have, or on $left.a == $right.b"
    return context.wrong(
        what, at, code="HS037", hint="of what is compared otherwise, extend a column of each side first"
    )
