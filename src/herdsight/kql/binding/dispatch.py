"""The doors that binders of sources and operators are registered at, each in its own file."""

from functools import singledispatch

from herdsight.kql import syntax
from herdsight.kql.binding.names import DUPLICATE_NAME
from herdsight.kql.binding.scope import Bound, Context, Made


@singledispatch
def bind_source(source: syntax.Source, context: Context) -> Bound:
    """The relation that a query begins with."""
    raise context.wrong("a query begins with a table", source.start, code="HS034")


@singledispatch
def bind_operator(operator: syntax.Operator, context: Context, bound: Bound) -> Bound:
    """What an operator makes of the relation before it."""
    del bound
    raise context.unsupported("this operator", operator.start)


def bind_operators(context: Context, operators: tuple[syntax.Operator, ...], bound: Bound) -> Bound:
    """What operators make of a relation, one after the other."""
    for operator in operators:
        context.step(operator.start, 1 + len(bound.relation.fields) // _COLUMNS_A_STEP)
        bound = distinct(context, bind_operator(operator, context, bound), operator.start)
        context.work.made.append(Made(operator, context.text, bound.relation))
    return bound


_COLUMNS_A_STEP = 4
_MOST_COLUMNS = 2_000


def distinct(context: Context, bound: Bound, at: int) -> Bound:
    """The relation, of whose columns no two have one name.

    Raises:
        QueryError: two have, or there are too many for an engine, or none.
    """
    if not bound.fields and bound.bag is None:
        raise context.unsupported("a table without columns", at)
    names = [column.name for column in bound.relation.fields]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise context.wrong(f"the column `{twice}` is there already", at, code=DUPLICATE_NAME)
    if len(names) > _MOST_COLUMNS:
        raise context.wrong(f"there are more than {_MOST_COLUMNS:,} columns", at, code="HS050")
    return bound


def alone(context: Context, bound: Bound, what: str, at: int) -> None:
    """Raise where an operator that works on whole tables stands inside a group."""
    if bound.group:
        raise context.unsupported(f"{what} inside partition or mv-apply", at)
