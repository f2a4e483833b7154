"""The order of rows: what a query has asked for, and the numbers of rows in it."""

from collections.abc import Sequence

from sqlglot import exp

from herdsight.kql import plan
from herdsight.kql.lowering.scalars import Open


def sort_keys(relation: plan.Relation) -> tuple[plan.SortKey, ...] | None:
    """The keys that a relation's rows were sorted by just before, over its fields; None where they were not."""
    while isinstance(relation, plan.Filter):
        relation = relation.input
    return relation.keys if isinstance(relation, plan.Sorted) else None


def in_order(keys: Sequence[plan.SortKey], below: Open) -> exp.Order | None:
    """The order by these keys, of rows that are selected from `below`; None where no key varies."""
    ordered = [
        exp.Ordered(this=below.sql(key.value), desc=key.descending, nulls_first=key.nulls_first)
        for key in keys
        if not isinstance(key.value, plan.Const)  # an engine takes some constants for a column's number
    ]
    return exp.Order(expressions=ordered) if ordered else None


def row_number(relation: plan.Relation, below: Open) -> exp.Window:
    """Each row's number, from 1: by the keys that the rows were sorted by, else in the order in which they come.

    An engine that works on many rows at once keeps the order of a sorted subquery only where it happens to; what it is
    told it keeps.
    """
    return exp.Window(this=exp.RowNumber(), order=in_order(sort_keys(relation) or (), below))
