"""Texts with quotes and escapes: comma-separated values and command lines. Every text has some reading."""

import re
from collections.abc import Iterator

from herdsight.prelude.registry import Dynamic, function

# A field of RFC 4180: in quotes, which double to stand in it, or up to the next comma or end of line. What follows a
# closing quote belongs to the field; a quote that nothing closes ends with the text.
_FIELD = re.compile(r'(?:"((?:[^"]|"")*+)(?:"|\Z))?([^,\r\n]*)(,?)')


@function
def kql_csv_fields(text: str) -> Dynamic:
    """The fields of the first record of comma-separated values."""
    return list(_fields(text))


def _fields(text: str) -> Iterator[str]:
    at, more = 0, ","
    while more and (found := _FIELD.match(text, at)):
        quoted, rest, more = found.groups()
        yield (quoted or "").replace('""', '"') + rest
        at = found.end()


@function
def kql_bag_of_last(entries: Dynamic) -> Dynamic:
    """A bag of pairs of name and value; of those with one name the last counts."""
    return dict(entries)


@function
def kql_command_line(text: str, parser: str) -> Dynamic:
    """The arguments of a command line by the rules of Windows, the only ones that there are; null for others."""
    return list(_arguments(text)) if parser.lower() == "windows" else None


# The rules of CommandLineToArgvW: the program's name has no escapes; then a quote behind 2n backslashes counts and
# leaves n of them, one behind 2n+1 is a character; three quotes in a row are one that is in the argument.
_PROGRAM = re.compile(r'"([^"]*)"?|([^ \t]*)')
_PIECE = re.compile(r'(?P<blank>[ \t]+)|(?P<slashes>\\*)(?P<quotes>"+)|(?P<plain>[^ \t\\"]+|\\+)')


def _arguments(text: str) -> Iterator[str]:
    program = _PROGRAM.match(text)
    if not text or program is None:
        return
    yield program[1] if program[1] is not None else program[2]
    yield from _after_program(text, program.end())


def _after_program(text: str, at: int) -> Iterator[str]:
    argument: list[str] | None = None  # none has begun
    quotes = 0  # that count in the argument, up to the two that close
    for piece in _PIECE.finditer(text, at):
        if piece["blank"] and not quotes:
            if argument is not None:
                yield "".join(argument)
            argument = None
            continue
        added, quotes = _read(piece, quotes)
        argument = [*(argument or ()), added]
    if argument is not None:
        yield "".join(argument)
