"""Where the cursor is in a query that is still being written: in which brackets, in which operator, behind what."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from herdsight.kql import catalogue
from herdsight.kql.lexer import Kind, Text, Token, lenient
from herdsight.kql.statements import blocks

_HERE = "x"  # stands for the word at the cursor while the text before it is read
_COMBINING = ("union", "join", "lookup")  # operators that take tables
_EXPECTING = frozenset(  # words behind which a value stands
    (
        *("and", "or", "by", "on", "of", "with", "not", "from", "to", "step", "default", "regex"),
        *(f"{word}{case}" for word in ("has", "contains", "startswith", "endswith") for case in ("", "_cs")),
        *(f"{word}{case}" for word in ("hasprefix", "hassuffix") for case in ("", "_cs")),
    )
)


@dataclass(slots=True)
class Frame:
    """What an open bracket holds: the word before it, the operator at hand, and the tokens behind that operator."""

    opener: str = ""
    operator: str = ""
    tokens: list[Token] = field(default_factory=list)

    def has(self, word: str) -> bool:
        """Whether the operator has that word of its own."""
        return any(token.value == word for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Place:
    """The tokens of the query before the cursor, the word at it, which is none of them, and the open brackets."""

    tokens: Sequence[Token]
    typed: str
    frames: Sequence[Frame]

    @property
    def last(self) -> str:
        """The token before the word; "" where the query begins."""
        return self.tokens[-1].value if self.tokens else ""

    @property
    def operator(self) -> Frame:
        """The innermost bracket that is in an operator: the arguments of a function are in that of the function."""
        return next((frame for frame in reversed(self.frames) if frame.operator), self.frames[-1])

    @property
    def begins_statement(self) -> bool:
        """Whether a statement begins here."""
        return self.last in ("", ";", "{")

    @property
    def is_table(self) -> bool:
        """Whether a table, or a query, stands here."""
        frame = self.frames[-1]
        if frame.operator in _COMBINING and not frame.has("on"):
            return not frame.tokens or self.last == "," or [each.value for each in frame.tokens[-2:-1]] == ["="]
        if frame.operator or frame.tokens:
            return self.last == "=" and self.tokens[0].value == "let" and len(frame.tokens) == len(self.tokens)
        parent = self.frames[-2] if len(self.frames) > 1 else frame
        takes = parent.operator in _COMBINING and not parent.has("on")
        return takes or frame.opener in ("toscalar", "materialize", "in", "in~", "!in", "!in~", "=")

    @property
    def ends_value(self) -> bool:
        """Whether a value has just ended, so that an operator may follow."""
        if not self.frames[-1].tokens:
            return False
        token = self.tokens[-1]
        if token.kind is Kind.NAME:
            return token.value not in _EXPECTING
        return token.kind is not Kind.MARK or token.value in (")", "]")


def place(before: str) -> Place | None:
    """The place behind a text; None where no name can stand: in a string, a comment, a number, behind a dot."""
    typed = _typed(before)
    if typed is None:
        return None
    text = Text(before[: len(before) - len(typed)] + _HERE)
    *_, part = [Text(""), *blocks(text)]
    *tokens, end = _joined(lenient(part))
    if not tokens or tokens[-1].kind is not Kind.NAME or tokens[-1].end != end.start:
        return None
    return Place(tokens[:-1], typed, _frames(tokens[:-1]))


def _typed(before: str) -> str | None:
    """The word that the text ends with; None where that is no name, and "" where there is none yet."""
    if found := re.search(r"\|\s*([A-Za-z][\w-]*)?$", before):  # an operator, which may have hyphens
        return found[1] or ""
    if found := re.search(r"(?<![\w.])[A-Za-z_$!]\w*$", before):
        return found[0]
    return None if re.search(r"[\w.]$", before) else ""


def _joined(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens, those of an operator's name (project-away) as one."""
    position = 0
    while position < len(tokens):
        end = position + 1
        if position and tokens[position - 1].value == "|":
            while tokens[end : end + 1] and tokens[end].value == "-" and tokens[end].start == tokens[end - 1].end:
                end += 2
        name = "".join(token.value for token in tokens[position:end])
        yield tokens[position] if end == position + 1 else Token(Kind.NAME, name, name, tokens[position].start)
        position = end


def _frames(tokens: Sequence[Token]) -> list[Frame]:
    """The brackets that are open behind the tokens, the outermost first."""
    frames = [Frame()]
    before = ""
    for token in tokens:
        mark = token.value if token.kind is Kind.MARK else ""
        frame = frames[-1]
        if before == "|":
            frames[-1] = Frame(frame.opener, token.value)
        elif mark and mark in "([{":
            frame.tokens.append(token)
            frames.append(Frame(before))
        elif mark and mark in ")]}":
            del frames[max(1, len(frames) - 1) :]
            frames[-1].tokens.append(token)
        elif mark == ";":
            frames[-1] = Frame(frame.opener)
        elif not (frame.operator or frame.tokens) and token.value in catalogue.SOURCES:
            frame.operator = token.value
        else:
            frame.tokens.append(token)
        before = token.value
    return frames


def let_bound(tokens: Sequence[Token]) -> Iterator[tuple[Token, Sequence[Token]]]:
    """What let binds: each name whose statement has ended, and the tokens from its value on."""
    for position, (first, second) in enumerate(pairwise(tokens)):
        sign, value = tokens[position + 2 : position + 3], tokens[position + 3 :]
        is_let = first.value == "let" and second.kind is Kind.NAME and bool(sign) and sign[0].value == "="
        if is_let and any(token.kind is Kind.MARK and token.value == ";" for token in value):
            yield second, value
