"""Text to tokens, each with its place."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from herdsight.errors import Place, QueryError


class Kind(StrEnum):
    """What a token is."""

    NAME = "name"
    STRING = "string"
    LONG = "whole number"
    REAL = "number"
    TIMESPAN = "timespan"
    RAW = "literal"  # datetime(...), guid(...) and the like, with the text between the parentheses still raw
    MARK = "mark"
    FAULT = "no KQL"  # the rest of a line that is none; only `lenient` gives it
    END = "end of the query"


class Token(NamedTuple):
    """One token: `text` as it stands, `value` what it says (the name, the string's characters, the mark)."""

    kind: Kind
    text: str
    value: str
    start: int

    @property
    def end(self) -> int:
        """The offset just behind the token."""
        return self.start + len(self.text)


# Literals whose inside is not KQL, so that it must be taken as it stands.
_RAW = r"(?:datetime|date|timespan|time|guid)[ \t\r\n]*\([^()\"']*\)"
_TIMESPAN_UNIT = (
    r"(?:microseconds?|milliseconds?|seconds?|minutes?|hours?|days?|ticks?|millis?|micros?|secs?|mins?|hrs?|ms|d|h|m|s)"
)
_PATTERN = re.compile(
    rf"""
    (?P<blank>[ \t\r\n\f\v\u00a0\ufeff]+)
  | (?P<comment>//[^\n]*)
  | (?P<verbatim>[hH]?@"(?:[^"]|"")*"|[hH]?@'(?:[^']|'')*')
  | (?P<multiline>[hH]?```.*?```|[hH]?~~~.*?~~~)
  | (?P<string>[hH]?"(?:[^"\\\n]|\\.)*"|[hH]?'(?:[^'\\\n]|\\.)*')
  | (?P<raw>\b{_RAW})
  | (?P<timespan>\d+(?:\.\d+)?{_TIMESPAN_UNIT}\b)
  | (?P<hex>0[xX][0-9a-fA-F]+\b)
  | (?P<real>\d+\.\d+(?:[eE][+-]?\d+)?|\d+\.?[eE][+-]?\d+|\d+\.(?![.A-Za-z_]))
  | (?P<long>\d+)(?![A-Za-z_0-9])
  | (?P<operator>!in~|in~|!between\b|!(?:in|has|contains|startswith|endswith|hasprefix|hassuffix)(?:_cs)?\b)
  | (?P<name>\$?[A-Za-z_][A-Za-z_\d]*)
  | (?P<mark>\.\.|==|=~|!~|!=|<>|<=|>=|=>|[|,;:()\[\]{{}}=<>+\-*/%.!?$@])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|x[0-9a-fA-F]{2}|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    """A KQL text with its name, so that an offset can be told as a place."""

    content: str
    source: str = "query"
    first_line: int = 1  # the line of the whole text at which `content` begins
    scanned: tuple[Token, ...] = field(default=(), compare=False, repr=False)  # its tokens, where they are known

    def place(self, offset: int) -> Place:
        """The place of an offset: line and column from 1."""
        before = self.content[:offset]
        line = before.count("\n")
        return Place(self.source, self.first_line + line, offset - (before.rfind("\n") + 1) + 1)


def tokens(text: Text) -> list[Token]:
    """All tokens of the text, comments and blanks left out, with an END token last.

    Raises:
        QueryError: a character that begins no token, or a string that is not closed.
    """
    found = []
    for token in text.scanned or _scan(text):
        if token.kind is Kind.FAULT:
            raise _stray(text, token.start)
        _check(text, token)
        found.append(token)
    return [*found, Token(Kind.END, "", "", len(text.content))]


def lenient(text: Text) -> list[Token]:
    """All tokens of a text that may be wrong or not yet whole; what is no KQL is a FAULT up to the end of its line.

    Raises:
        QueryError: there is more of it than can be read.
    """
    found = [] if len(text.content) > _MOST_CHARACTERS else list(islice(_scan(text), _MOST_TOKENS + 1))
    if len(text.content) > _MOST_CHARACTERS or len(found) > _MOST_TOKENS:
        what = f"the text is longer than {_MOST_CHARACTERS:,} characters or {_MOST_TOKENS:,} words, numbers and marks"
        hint = "put long lists into a watchlist, or into a file that externaldata names"
        raise QueryError(what, code="HS051", place=text.place(0), hint=hint)
    return [*found, Token(Kind.END, "", "", len(text.content))]


# As much as is read within a second or two; Kusto reads no longer text either.
_MOST_CHARACTERS, _MOST_TOKENS = 2_000_000, 400_000


def _scan(text: Text) -> Iterator[Token]:
    position = 0
    while position < len(text.content):
        match = _PATTERN.match(text.content, position)
        if match is None or match.lastgroup is None:
            line_end = text.content.find("\n", position)
            end = len(text.content) if line_end < 0 else line_end
            yield Token(Kind.FAULT, text.content[position:end], "", position)
        else:
            end = match.end()
            if match.lastgroup not in ("blank", "comment"):
                yield _token(match.lastgroup, match.group(), position)
        position = end


def _token(group: str, found: str, start: int) -> Token:
    match group:
        case "verbatim" | "multiline" | "string":
            return Token(Kind.STRING, found, _string_value(group, found), start)
        case "raw":
            return Token(Kind.RAW, found, found, start)
        case "timespan":
            return Token(Kind.TIMESPAN, found, found, start)
        case "hex" | "long":
            return Token(Kind.LONG, found, _whole(group, found), start)
        case "real":
            return Token(Kind.REAL, found, found, start)
        case "name":
            return Token(Kind.NAME, found, found, start)
        case _:
            return Token(Kind.MARK, found, found, start)


def _check(text: Text, token: Token) -> None:
    """Raise what the pattern could not see: a number that 64 bits do not hold, a string that is no text."""
    if token.kind is Kind.LONG and (not token.value or int(token.value) > -LEAST):
        raise too_large(text.place(token.start))
    if token.kind is Kind.STRING and _HALF.search(token.value):
        what = "the string holds half a character, or one that there is not"
        raise QueryError(what, code="HS004", place=text.place(token.start))


LEAST = -(2**63)  # of a long
_MOST_DIGITS = 20  # that a long can have, whichever way it is written
_HALF = re.compile("[\ud800-\udfff]")
_NO_CHARACTER = "\udfff"  # what an escape beyond the last character stands for: a half, which no text has


def too_large(place: Place) -> QueryError:
    """The error for a whole number that is no long."""
    return QueryError("the number does not fit in 64 bits", code="HS003", place=place)


def _whole(group: str, found: str) -> str:
    """A whole number in decimal digits; none where there are more than a long can have."""
    digits = (found[2:] if group == "hex" else found).lstrip("0") or "0"
    return str(int(digits, 16 if group == "hex" else 10)) if len(digits) <= _MOST_DIGITS else ""


def _string_value(group: str, found: str) -> str:
    body = found.lstrip("hH")
    if group == "multiline":
        return body[3:-3]
    if group == "verbatim":
        quote = body[1]
        return body[2:-1].replace(quote * 2, quote)
    return _ESCAPE.sub(_unescape, body[1:-1])


def _unescape(match: re.Match[str]) -> str:
    code = match.group(1)
    if len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number <= sys.maxunicode else _NO_CHARACTER
    return _ESCAPES.get(code, code)


def _stray(text: Text, position: int) -> QueryError:
    character = text.content[position]
    if character in "\"'":
        return QueryError(
            "the string is not closed", code="HS001", place=text.place(position), hint="strings end on their line"
        )
    hint = "both conditions: 'and'" if character == "&" else None
    return QueryError(f"{character!r} begins nothing in KQL", code="HS002", place=text.place(position), hint=hint)
