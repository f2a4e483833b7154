"""The query that a call asks: from -e, a file or stdin, and the logs that it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from herdsight.cli.options import existing
from herdsight.errors import InputError, Place, QueryError


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


def asked(arguments: tuple[str, ...], kql: str | None) -> Question:
    """The query that these arguments of the command line ask."""
    if kql is not None:
        return Question(kql, "query", existing(arguments))
    if not arguments:
        raise click.UsageError("give a query: FILE.kql, - for stdin, or -e KQL.", click.get_current_context())
    name, *paths = arguments
    return Question(_read(name), "stdin" if name == "-" else name, existing(paths))


def _read(name: str) -> str:
    try:
        with click.open_file(name, "rb") as file:
            content: bytes = file.read()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError("the query is no UTF-8 text", place=Place(name, line)) from error
    except FileNotFoundError as error:
        raise InputError(f"there is no file {name!r}", hint="a query itself is given with -e") from error
    except OSError as error:
        raise InputError(f"cannot read {name!r}: {error.strerror}") from error
