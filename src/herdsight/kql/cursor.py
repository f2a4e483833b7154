"""A reader over tokens: look, take, expect, and say what was wrong where."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from herdsight.errors import QueryError, UnsupportedError
from herdsight.kql import syntax
from herdsight.kql.lexer import Kind, Text, Token, tokens
from herdsight.kql.reserved import NEW, VALUES

_DEEPEST = 200  # nesting beyond this is no query that a person wrote, and would exhaust Python's stack
_LARGEST = 30_000  # nor is one with more to compute


@dataclass(slots=True)
class Cursor:
    """Where the parser stands in a text.

    `pipeline` parses the rest of a pipeline whose source has been read, `source` a source that begins with a word of
    its own, `operators` the operators of a sub-query: the parsers of expressions and operators need them, and live
    below the module that has them.
    """

    text: Text
    pipeline: Callable[["Cursor", syntax.Source], syntax.Pipeline]
    source: Callable[["Cursor"], syntax.Source | None]
    operators: Callable[["Cursor"], tuple[syntax.Operator, ...]]
    tokens: list[Token] = field(default_factory=list)
    position: int = 0
    depth: int = 0
    size: int = 0

    def __post_init__(self) -> None:
        self.tokens = tokens(self.text)

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.position]

    def ahead(self, distance: int) -> Token:
        """The token `distance` behind the next one; END past the end."""
        return self.tokens[min(self.position + distance, len(self.tokens) - 1)]

    def sees(self, distance: int, *marks: str) -> bool:
        """Whether the token `distance` behind the next one is one of these marks."""
        token = self.ahead(distance)
        return token.kind is Kind.MARK and token.value in marks

    def take(self) -> Token:
        """The next token, stepped over."""
        token = self.next
        if token.kind is not Kind.END:
            self.position += 1
        return token

    def at(self, *values: str) -> bool:
        """Whether the next token is one of these marks or words."""
        return self.next.kind in (Kind.MARK, Kind.NAME) and self.next.value in values

    def accept(self, value: str) -> bool:
        """Step over the next token if it is this mark or word."""
        if self.at(value):
            self.position += 1
            return True
        return False

    def expect(self, value: str, after: str) -> Token:
        """The next token, which must be this mark or word.

        Raises:
            QueryError: it is another one.
        """
        if not self.at(value):
            raise self.wrong(f"expected '{value}' {after}")
        return self.take()

    def glued(self) -> bool:
        """Whether the next token stands right behind the one before it."""
        return self.position > 0 and self.next.start == self.tokens[self.position - 1].end

    def name(self, what: str) -> Token:
        """The next token, which must be a name, bare or as ['a name'].

        Raises:
            QueryError: it is something else.
        """
        if self.next.kind is Kind.NAME:
            return self.take()
        if self.at("[") and self.ahead(1).kind is Kind.STRING and self.sees(2, "]"):
            opening, quoted, closing = self.take(), self.take(), self.take()
            whole = self.text.content[opening.start : closing.end]
            return Token(Kind.NAME, whole, quoted.value, opening.start)
        raise self.wrong(f"expected {what}")

    def new_name(self, what: str, reserved: Collection[str] = NEW) -> Token:
        """The next token, which must be a name that something new can be given.

        Raises:
            QueryError: it is a word of the language, or no name.
        """
        return self.free(self.name(what), reserved)

    def free(self, name: Token, reserved: Collection[str] = VALUES) -> Token:
        """A name that stands in brackets or is none of these words.

        Raises:
            QueryError: it is one, or empty.
        """
        if not name.value:
            raise self.wrong("a name has one character at least", at=name.start, code="KS006")
        if name.text not in reserved:
            return name
        what = f"`{name.text}` is a word of the language and no name here"
        raise self.wrong(what, at=name.start, code="KS228", hint=f"write ['{name.text}']")

    def wrong(self, what: str, *, at: int | None = None, hint: str | None = None, code: str = "KS005") -> QueryError:
        """A syntax error at the next token, or at an offset."""
        found = "" if at is not None else f", found {self._shown()}"
        place = self.text.place(self.next.start if at is None else at)
        return QueryError(f"{what}{found}", code=code, place=place, hint=hint)

    def unsupported(self, what: str, at: int, hint: str | None = None) -> UnsupportedError:
        """An error for what KQL has and Herdsight has not."""
        return UnsupportedError(f"{what} is not supported", code="HS020", place=self.text.place(at), hint=hint)

    def deeper(self) -> None:
        """Count one level of nesting.

        Raises:
            QueryError: there are too many.
        """
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.wrong(f"the query nests deeper than {_DEEPEST} levels")

    def larger(self, count: int = 1) -> None:
        """Count names, operators, or arguments of a call.

        Raises:
            QueryError: there are too many; what stands in lists and tables is not counted, for these may be long.
        """
        self.size += count
        if self.size > _LARGEST:
            what = f"the query has more than {_LARGEST:,} names, operators and arguments"
            raise self.wrong(what, at=self.next.start, code="HS050", hint="give a long list to in (...)")

    def _shown(self) -> str:
        return "the end of the query" if self.next.kind is Kind.END else f"'{self.next.text}'"
