"""Dates and times of day. A datetime has microseconds here; Kusto's ticks of 100 ns are rounded on the way in."""

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.model import DATETIME, STRING, Operand, Scalar
from herdsight.tables import ColumnType

PARTS = (
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "nanosecond",
)


def _difference(part: Operand, later: Operand, earlier: Operand) -> exp.Expr:
    """The boundaries of that part crossed from `earlier` to `later`, not the time that passed."""
    return trees.call("kql_datetime_diff", trees.text(str(part.value).lower()), later.sql, earlier.sql)


def _start_of(part: str) -> Scalar:
    name = f"startof{part}"
    return Scalar(
        name, (DATETIME,), ColumnType.DATETIME, lambda t: trees.call(f"kql_{name}", t.sql), f"{name}-function"
    )


ROWS = (
    Scalar(
        "datetime_diff",
        (STRING, DATETIME, DATETIME),
        ColumnType.LONG,
        _difference,
        "datetime-diff-function",
        choices=PARTS,
    ),
    *(_start_of(part) for part in ("day", "week", "month", "year")),
    Scalar(
        "hourofday",
        (DATETIME,),
        ColumnType.INT,
        lambda t: exp.Extract(this=exp.var("HOUR"), expression=t.sql),
        "hourofday-function",
    ),
)
