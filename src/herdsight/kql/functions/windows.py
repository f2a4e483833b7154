"""Window functions: what a row knows of the rows before and behind it."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.conversions import converted
from herdsight.kql.functions.model import ANY, BOOL, DATETIME, LONG, NUMBER, TIMESPAN, Operand, Window, first
from herdsight.tables import ColumnType


@dataclass(frozen=True, slots=True)
class Over:
    """The rows that a window function sees: those of its group and run, in order."""

    partition: tuple[str, ...]
    order: str

    def window(self, function: exp.Expr, *, until_here: bool = False) -> exp.Window:
        """The function over these rows; `until_here`: over those up to the row itself."""
        rows = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
        return exp.Window(
            this=function,
            partition_by=[trees.column(name) for name in self.partition],
            order=exp.Order(expressions=[exp.Ordered(this=trees.column(self.order))]),
            spec=rows if until_here else None,
        )


def _neighbour(node: type[exp.AggFunc]) -> Callable[..., exp.Expr]:
    def lower(over: Over, value: Operand, offset: Operand | None = None, default: Operand | None = None) -> exp.Expr:
        distance = offset.sql if offset else trees.number(1)
        otherwise = converted(default, value.type) if default else trees.null(value.type)
        return over.window(node(this=value.sql, offset=distance, default=otherwise))

    return lower


def _row_number(over: Over, start: Operand | None = None, restart: Operand | None = None) -> exp.Expr:
    del restart
    number = over.window(exp.RowNumber())
    first_number = start.sql if start else trees.number(1)
    return exp.Add(this=number, expression=exp.Paren(this=exp.Sub(this=first_number, expression=trees.number(1))))


def _row_cumsum(over: Over, value: Operand, restart: Operand | None = None) -> exp.Expr:
    del restart
    total = over.window(exp.Sum(this=value.sql), until_here=True)
    return exp.TryCast(this=total, to=trees.sql_type(value.type))


def _changes(over: Over, value: Operand, restart: Operand | None = None) -> exp.Expr:
    """1 where a value differs from the one before it, and at the first; else 0."""
    del restart
    before = over.window(exp.Lag(this=value.sql.copy(), offset=trees.number(1)))
    is_first = exp.EQ(this=over.window(exp.RowNumber()), expression=trees.number(1))
    changed = exp.NullSafeNEQ(this=value.sql, expression=before)
    return exp.case().when(exp.or_(is_first, changed), trees.number(1)).else_(trees.number(0))


def _rank_dense(over: Over, changes: Operand) -> exp.Expr:
    return exp.Cast(this=over.window(exp.Sum(this=changes.sql), until_here=True), to=trees.sql_type(ColumnType.LONG))


def _rank_min(over: Over, changes: Operand) -> exp.Expr:
    """The number of the row at which the value came last; that number was made with the change."""
    return over.window(exp.Max(this=exp.Nullif(this=changes.sql, expression=trees.number(0))), until_here=True)


def _change_rows(over: Over, value: Operand, restart: Operand | None = None) -> exp.Expr:
    """The row's number where a value differs from the one before it; else 0."""
    changed = exp.EQ(this=_changes(over, value, restart), expression=trees.number(1))
    return exp.case().when(changed, over.window(exp.RowNumber())).else_(trees.number(0))


def _near(over: Over, wanted: Operand, behind: Operand, ahead: Operand) -> exp.Expr:
    """Whether a wanted row is among so many rows behind and ahead, or is the row itself."""
    window = over.window(exp.LogicalOr(this=wanted.sql))
    sides = {"start_side": "PRECEDING", "end_side": "FOLLOWING"}
    window.set("spec", exp.WindowSpec(kind="ROWS", start=behind.sql, end=ahead.sql, **sides))
    return window


def _of_relation(*_: object) -> exp.Expr:
    raise AssertionError("sessions are a node of the plan, not an expression")


# Where a session ends depends on where it began, row by row: a node of its own finds them.
SESSION = Window(
    "row_window_session", (DATETIME, TIMESPAN, TIMESPAN, BOOL), first, _of_relation, "row-window-session-function", 1
)

# No query names it: the plugin rows_near() is made of it.
NEAR = Window("near", (BOOL, LONG, LONG), ColumnType.BOOL, _near, "rows-near-plugin")

ROWS: tuple[Window, ...] = (
    SESSION,
    Window("prev", (ANY, LONG, ANY), first, _neighbour(exp.Lag), "prev-function", 2),
    Window("next", (ANY, LONG, ANY), first, _neighbour(exp.Lead), "next-function", 2),
    Window("row_number", (LONG, BOOL), ColumnType.LONG, _row_number, "row-number-function", 2, restart=1),
    Window("row_cumsum", (NUMBER, BOOL), first, _row_cumsum, "row-cumsum-function", 1, restart=1),
    Window("row_rank", (ANY, BOOL), ColumnType.LONG, _rank_dense, "row-rank-dense-function", 1, 1, _changes),
    Window("row_rank_dense", (ANY, BOOL), ColumnType.LONG, _rank_dense, "row-rank-dense-function", 1, 1, _changes),
    Window("row_rank_min", (ANY, BOOL), ColumnType.LONG, _rank_min, "row-rank-min-function", 1, 1, _change_rows),
)
