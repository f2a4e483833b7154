"""Texts with quotes and escapes: comma-separated values and command lines. Every text has some reading."""

import re
from collections.abc import Iterator

from herdsight.prelude.registry import Dynamic, function

# A field of RFC 4180: in quotes, which double to stand in it, or up to the next comma or end of line. What follows a
# closing quote belongs to the field; a quote that nothing closes ends with the text.
_FIELD = re.compile(r'(?:"([^"]*+(?:""[^"]*+)*+)(?:"|\Z))?([^,\r\n]*)(,?)')


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
    """The arguments of a command line by the rules of Windows; null by any other."""
    return list(_arguments(text)) if parser.lower() == "windows" else None


# The rules of CommandLineToArgvW: the program's name has no escapes. Behind it, backslashes before quotes are halved,
# and an odd one makes the first quote a character; of quotes in a row every third is one.
_PROGRAM = re.compile(r'"([^"]*)"?|([^ \t]*)')
_PIECE = re.compile(r'(?P<blank>[ \t]+)|(?P<slashes>\\*+)(?P<quotes>"+)|[^ \t\\"]+|\\+')


def _arguments(text: str) -> Iterator[str]:
    program = _PROGRAM.match(text) if text else None
    if program:
        yield program[1] or program[2] or ""
        yield from _after_program(text, program.end())


def _after_program(text: str, start: int) -> Iterator[str]:
    pieces: list[str] = []
    quotes = 0  # 1 within quotes
    for found in _PIECE.finditer(text, start):
        if found["blank"] and not quotes:
            if pieces:
                yield "".join(pieces)
            pieces = []
        elif found["quotes"]:
            literal, quotes = _quoted(found["slashes"], found["quotes"], quotes)
            pieces.append(literal)
        else:
            pieces.append(found[0])
    if pieces:
        yield "".join(pieces)


def _quoted(slashes: str, quotes: str, before: int) -> tuple[str, int]:
    """What backslashes and quotes stand for, and whether they leave the text within quotes."""
    half, escaped = divmod(len(slashes), 2)
    literal, after = divmod(before + len(quotes) - escaped, 3)
    return "\\" * half + '"' * (escaped + literal), after % 2
