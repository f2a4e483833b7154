"""The parts that pages are made of; every text goes through `safe_text`, which makes it safe."""

from datetime import datetime

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from herdsight.output.files import cell
from herdsight.output.safe import printable
from herdsight.output.values import plain
from herdsight.output.words import clock


def safe_text(words: str, style: str = "") -> Text:
    """Words, safe and never taken for markup."""
    return Text(printable(words), style=style)


def side_by_side(*styles: str) -> Table:
    """Cells side by side without lines; what does not fit goes on below, so that no end of a name is lost."""
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for style in styles:
        grid.add_column(style=style, overflow="fold")
    return grid


def indented(content: RenderableType, by: int = 2) -> RenderableType:
    """The content, moved to the right."""
    return Padding(content, (0, 0, 0, by), expand=False)


def heading(words: str, console: Console) -> None:
    """Print the heading of a part of a page."""
    console.print()
    console.print(safe_text(words, "bold underline"))


def value_words(value: object) -> str:
    """A value as a person reads it; nothing for null."""
    match value:
        case datetime():
            return clock(value)
        case int() | float() if not isinstance(value, bool):
            return str(plain(value))
        case _:
            return cell(plain(value))
