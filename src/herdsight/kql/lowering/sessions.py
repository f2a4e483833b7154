"""Lowering of sessions: rows that can only be one session in a list each, walked through, and laid beside the rows."""

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.functions.windows import Over
from herdsight.kql.lowering.dispatch import from_open, nested, opened, select
from herdsight.kql.lowering.order import row_number
from herdsight.kql.lowering.scalars import sql_names
from herdsight.tables import ColumnType

_ORDER, _MICROS, _BREAK, _BLOCK, _START = "#order", "#micros", "#break", "#block", "#start"


@select.register
def _(relation: plan.Sessions) -> exp.Select:
    own = list(sql_names(relation.input.fields).values())
    blocks = _blocks(relation, own)
    begun = exp.select(
        trees.named(trees.call("unnest", _gathered(_ORDER)), _ORDER),
        trees.named(trees.call("unnest", _starts(relation)), _START),
    ).from_(nested(blocks.copy(), "g"))
    begun = begun.group_by(*(trees.column(name) for name in (*_per(relation), _BLOCK)), copy=False)
    names = sql_names(relation.fields)
    moment = trees.call("kql_moment", trees.column(_START, "s"))
    tree = exp.select(*(trees.column(name, "r") for name in own), trees.named(moment, names[relation.name])).from_(
        nested(blocks, "r")
    )
    same = exp.EQ(this=trees.column(_ORDER, "r"), expression=trees.column(_ORDER, "s"))
    tree = tree.join(nested(begun, "s"), on=same, join_type="INNER", copy=False)
    return tree.order_by(trees.column(_ORDER, "r"), copy=False)


def _per(relation: plan.Sessions) -> list[str]:
    own = sql_names(relation.input.fields)
    return [own[name] for name in relation.per]


def _blocks(relation: plan.Sessions, own: list[str]) -> exp.Select:
    """The rows in order, with the number of the block between two gaps or restarts that each lies in."""
    below = opened(relation.input)
    number = trees.named(row_number(relation.input, below), _ORDER)
    micros = trees.named(trees.call("kql_micros", below.sql(relation.value)), _MICROS)
    gap, restart = below.sql(relation.gap), below.sql(relation.restart)
    first = below.tree.select(
        *from_open(below, relation.input),
        number,
        micros,
        trees.named(gap, "#gap"),
        trees.named(restart, "#restart"),
        copy=False,
    )
    over = Over(tuple(_per(relation)), _ORDER)
    before = over.window(exp.Lag(this=trees.column(_MICROS), offset=trees.number(1)))
    passed = exp.Paren(this=exp.Sub(this=trees.column(_MICROS), expression=before))
    breaks = exp.or_(exp.GT(this=passed, expression=trees.column("#gap")), trees.column("#restart"))
    flag = exp.case().when(breaks, trees.number(1)).else_(trees.number(0))
    kept = [trees.column(name) for name in (*own, _ORDER, _MICROS)]
    second = exp.select(*kept, trees.named(flag, _BREAK)).from_(nested(first, "f"))
    block = over.window(exp.Sum(this=trees.column(_BREAK)), until_here=True)
    return exp.select(*(each.copy() for each in kept), trees.named(block, _BLOCK)).from_(nested(second, "b"))


def _gathered(name: str) -> exp.Expr:
    ordered = exp.Order(this=trees.column(name), expressions=[exp.Ordered(this=trees.column(_ORDER))])
    return exp.ArrayAgg(this=ordered)


def _starts(relation: plan.Sessions) -> exp.Expr:
    """When the session of each row of a block began, in microseconds."""
    longest = relation.longest
    assert isinstance(longest, plan.Const)  # noqa: S101 the binder takes no other
    walked = trees.call(
        "kql_session_starts", trees.call("kql_boxed", _gathered(_MICROS)), trees.number(int(str(longest.value)))
    )
    as_json = exp.Cast(this=walked, to=exp.DataType(this=exp.DataType.Type.JSON))
    numbers = exp.DataType(this=exp.DataType.Type.ARRAY, expressions=[trees.sql_type(ColumnType.LONG)], nested=True)
    return exp.Cast(this=as_json, to=numbers)
