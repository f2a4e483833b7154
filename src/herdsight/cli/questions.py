"""The query that a call asks: from -e, a file or stdin, and the logs that it is about; or that it asks for a prompt."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdsight.cli.options import existing
from herdsight.errors import QueryError
from herdsight.texts import read_text

if TYPE_CHECKING:
    from herdsight.telemetry import Options


@dataclass(frozen=True, slots=True)
class Question:
    """A KQL text, what to call it in messages, and the paths of the logs."""

    text: str
    source: str
    paths: tuple[Path, ...]

    @contextmanager
    def sourced(self) -> Iterator[None]:
        """Give an error in the query the text that it is about, so that its message can show the line."""
        try:
            yield
        except QueryError as error:
            error.source_text = error.source_text or self.text
            raise


def asks_for_prompt(arguments: tuple[str, ...], options: "Options") -> bool:
    """Whether a call without -e opens a prompt: on a terminal, where it begins with logs and not with a query's file.

    A folder is logs, and so is a file that is recognised as a log and is not named *.kql.
    """
    if not _on_terminal():
        return False
    if not arguments:
        return True  # over a store, or over nothing
    first = Path(arguments[0])
    return first.is_dir() or (first.is_file() and first.suffix.lower() != ".kql" and _is_log(first, options))


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _is_log(path: Path, options: "Options") -> bool:
    from herdsight.loading import ReadOptions, is_log
    from herdsight.mapping.reading import read_mappings

    mappings = read_mappings(map(Path, options.mappings))
    return is_log(path, ReadOptions((), options.tables, options.format_in, mappings=mappings))


def asked(arguments: tuple[str, ...], kql: str | None) -> Question:
    """The query that these arguments of the command line ask."""
    if kql is not None:
        return Question(kql, "query", existing(arguments))
    if not arguments:
        hint = "give a query: FILE.kql, - for stdin, or -e KQL; on a terminal, logs alone open a prompt."
        raise click.UsageError(hint, click.get_current_context())
    name, *paths = arguments
    if Path(name).is_dir():
        raise click.UsageError(f"{name!r} is a folder, and no query: name a FILE.kql before it, or give -e KQL.")
    return Question(
        read_text(name, holds="a query", missing="a query itself is given with -e"),
        "stdin" if name == "-" else name,
        existing(paths),
    )
