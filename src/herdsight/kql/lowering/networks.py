"""Lowering of the join of addresses with the networks that they lie in."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.lowering.dispatch import from_open, nested, opened, select
from herdsight.kql.lowering.scalars import Open, sql_names
from herdsight.tables import ColumnType

Added: TypeAlias = Callable[[Open], Mapping[str, exp.Expr]]
_ADDRESS, _FIRST, _LAST = "#address", "#first", "#last"


@select.register
def _(relation: plan.NetworkJoin) -> exp.Select:
    """Both sides with their addresses as numbers (or, of IPv6, as texts that sort alike), joined on a range."""
    name = "kql_ipv6" if relation.wide else "kql_ipv4"
    left = _side(relation.left, lambda below: {_ADDRESS: trees.call(name, below.sql(relation.address))})
    right = _side(
        relation.right,
        lambda below: {
            _FIRST: trees.call(name, below.sql(relation.network)),
            _LAST: trees.call(f"{name}_last", below.sql(relation.network)),
        },
    )
    left_names, right_names = sql_names(relation.left.fields), sql_names(relation.right.fields)
    names = sql_names(relation.fields)
    inside = [
        exp.GTE(this=trees.column(_ADDRESS, "l"), expression=trees.column(_FIRST, "r")),
        exp.LTE(this=trees.column(_ADDRESS, "l"), expression=trees.column(_LAST, "r")),
        *(
            exp.EQ(this=trees.column(left_names[key.left], "l"), expression=trees.column(right_names[key.right], "r"))
            for key in relation.keys
        ),
    ]
    columns = [
        *(trees.named(trees.column(left_names[_name(item)], "l"), names[item.name]) for item in relation.left_fields),
        *(
            trees.named(_filled(trees.column(right_names[_name(item)], "r"), item.value.type), names[item.name])
            for item in relation.right_fields
        ),
    ]
    tree = exp.select(*columns).from_(nested(left, "l"))
    join_type = "LEFT" if relation.unmatched else "INNER"
    return tree.join(nested(right, "r"), on=trees.conjunction(inside), join_type=join_type, copy=False)


def _side(relation: plan.Relation, added: Added) -> exp.Select:
    below = opened(relation)
    more = [trees.named(tree, name) for name, tree in added(below).items()]
    return below.tree.select(*from_open(below, relation), *more, copy=False)


def _name(item: plan.Item) -> str:
    assert isinstance(item.value, plan.Ref)  # noqa: S101 a join's fields are references
    return item.value.name


def _filled(column: exp.Expr, kind: ColumnType) -> exp.Expr:
    """A column of a side that may be missing: a missing string is ""."""
    return exp.Coalesce(this=column, expressions=[trees.text("")]) if kind is ColumnType.STRING else column
