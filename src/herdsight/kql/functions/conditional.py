"""The -if forms of aggregates."""

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from herdsight.kql.functions.model import BOOL, Aggregate, Operand

Lower = Callable[..., exp.Expr]


def with_condition(row: Aggregate, suffix: str = "if", prefix: str | None = None) -> tuple[Aggregate, Aggregate]:
    """An aggregate and the form of it that takes a condition behind what must be given; `prefix` is that form's own."""
    place = len(row.parameters) - row.optional
    name = f"{row.name}{suffix}"
    form = replace(
        row,
        name=name,
        parameters=(*row.parameters[:place], BOOL, *row.parameters[place:]),
        lower=_where(row.lower, place),
        page=f"{name.replace('_', '-')}-aggregation-function",
        prefix=name if prefix is None else prefix,
    )
    return row, form


def _where(lower: Lower, place: int) -> Lower:
    """Aggregates pass over nulls, so a value whose condition is not true is made null: it works wherever they stand."""

    def lower_where(*operands: Operand) -> exp.Expr:
        value, condition = operands[0], operands[place]
        kept = Operand(exp.case().when(condition.sql, value.sql), value.type)
        return lower(kept, *operands[1:place], *operands[place + 1 :])

    return lower_where
