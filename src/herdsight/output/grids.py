"""The answer of a query as a page for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from herdsight.output.parts import heading, indented, safe_text, side_by_side, value_words
from herdsight.output.values import each_row
from herdsight.output.words import count_words

_MOST_ROWS = 1000  # what a person may still scroll through; the other formats have every row


@dataclass(frozen=True, slots=True)
class Rest:
    """What is said below the rows: how many there are in all, how to see the others, and how to draw them."""

    rows: int
    advice: str = "--format json, ndjson or csv has them all"
    chart: str | None = None


def render_table(table: pa.Table, console: Console, rest: Rest | None = None) -> None:
    """Print the rows of a query: as a grid where it fits the width, else each row as a list of its columns."""
    shown = table.slice(0, _MOST_ROWS)
    rows = [[safe_text(str(cell)) for cell in row] for row in each_row(shown, lambda _: value_words)]
    render_cells([safe_text(name) for name in table.column_names], rows, list(map(_is_number, table.schema)), console)
    _print_rest(shown.num_rows, rest or Rest(table.num_rows), console)


def render_cells(
    names: Sequence[Text], rows: Sequence[Sequence[Text]], numbers: Sequence[bool], console: Console
) -> None:
    """Print safe cells below the names of their columns; `numbers` says which columns stand to the right."""
    widths = [max(part.cell_len for part in column) for column in zip(names, *rows, strict=True)]
    if _fits(widths, [name.cell_len for name in names], console.width):
        _print_grid(names, rows, numbers, console)
    elif rows:
        _print_records(names, rows, console)
    else:
        console.print(safe_text(f"columns: {', '.join(name.plain for name in names)}"))


def _is_number(field: "pa.Field[Any]") -> bool:
    return pa.types.is_integer(field.type) or pa.types.is_floating(field.type) or pa.types.is_decimal(field.type)


_READABLE = 24  # columns below which a long cell folded into many lines is no longer read


def _fits(widths: Sequence[int], names: Sequence[int], room: int) -> bool:
    least = [min(width, max(name, _READABLE)) for width, name in zip(widths, names, strict=True)]
    return sum(least) + 2 * len(least) <= room


def _print_grid(
    names: Sequence[Text], rows: Sequence[Sequence[Text]], numbers: Sequence[bool], console: Console
) -> None:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name, number in zip(names, numbers, strict=True):
        grid.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    console.print(grid)


def _print_records(names: Sequence[Text], rows: Sequence[Sequence[Text]], console: Console) -> None:
    """Each row on its own; a column that is empty in every row is counted and left out."""
    used = [index for index in range(len(names)) if any(row[index] for row in rows)]
    for number, row in enumerate(rows, 1):
        console.print(safe_text(f"row {number:,}", "bold"))
        grid = side_by_side("dim", "")
        for index in used:
            grid.add_row(names[index], row[index])
        console.print(indented(grid))
    if len(used) < len(names):
        console.print(safe_text(f"{count_words(len(names) - len(used), 'column')} without a value not shown", "dim"))


def render_explanation(line: int, stages: Mapping[str, str], console: Console) -> None:
    """Print the stages that a block of KQL goes through, each a text of several lines."""
    for name, stage in stages.items():
        heading(f"line {line}: {name}", console)
        for part in stage.splitlines():
            console.print(safe_text(part), soft_wrap=True)


def _print_rest(shown: int, rest: Rest, console: Console) -> None:
    words = count_words(rest.rows, "row")
    if rest.rows > shown:
        words = f"{shown:,} of {words} shown; {rest.advice}"
    if rest.chart:
        words += f"; to be drawn as {rest.chart}"
    console.print(safe_text(words, "dim"))
