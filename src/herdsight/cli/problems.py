"""What went wrong, as a person reads it on stderr."""

from collections.abc import Iterator

import click
from rich.cells import cell_len

from herdsight.errors import HerdsightError, MappingError, QueryError, RuleError
from herdsight.output import printable


def report(error: HerdsightError) -> None:
    """Write an error, or each of the problems that it collects, to stderr; a fault in a text with its line."""
    whole = error if isinstance(error, QueryError | MappingError | RuleError) else None
    for problem in whole.problems if whole else (error,):
        click.echo(f"herdsight: error: {printable(str(problem))}", err=True)
        for line in excerpt(problem, whole.source_text if whole else None):
            click.echo(line, err=True)


_WIDEST = 100  # characters of a source line that an excerpt shows


def excerpt(error: HerdsightError, text: str | None) -> Iterator[str]:
    """The line of the text that an error is about, and a caret under the place."""
    place = error.place
    if not text or not place or place.line is None or place.column is None:
        return
    lines = text.split("\n")
    if not 1 <= place.line <= len(lines):
        return
    line, column = lines[place.line - 1].rstrip("\r"), place.column - 1
    start = max(column - _WIDEST // 2, 0) if len(line) > _WIDEST else 0
    margin = f"{place.line:>5} | "
    yield margin + printable(line[start : start + _WIDEST])
    yield " " * (len(margin) + cell_len(printable(line[start:column]))) + "^"


def report_usage(error: click.UsageError) -> None:
    """Write what is wrong with the call to stderr, and where to read on."""
    command = error.ctx.command_path if error.ctx else "herdsight"
    click.echo(f"herdsight: error: {printable(error.format_message())}", err=True)
    click.echo(f"Try '{command} --help'.", err=True)
