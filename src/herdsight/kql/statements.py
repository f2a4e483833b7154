"""The parser's top: blocks of a text, statements of a block, pipelines of a statement."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from herdsight.errors import QueryError
from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import expression
from herdsight.kql.guesses import did_you_mean
from herdsight.kql.lexer import Kind, Text, Token, tokens
from herdsight.kql.operators import (
    OPERATORS,
    UNSUPPORTED,
    datatable_source,
    operator_name,
    print_source,
    range_source,
)

_SOURCES: Mapping[str, Callable[[Cursor, int], syntax.Source]] = {
    "print": print_source,
    "range": range_source,
    "datatable": datatable_source,
}
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Script:
    """The statements of one block of text, in order."""

    text: Text
    statements: tuple[syntax.Statement, ...]


def blocks(text: Text) -> Iterator[Text]:
    """The queries of a text, which editors run one by one: parts separated by blank lines.

    A blank line inside a query is no end of it: where a statement is still open (a bracket, a trailing `;` of a let,
    a line that begins with `|`), the parts belong together. A part of comments alone is no query.

    Raises:
        QueryError: a character or string that is no KQL.
    """
    found = tokens(text)
    if found[0].kind is Kind.END:
        return
    first, depth = found[0].start, 0
    for token, following in pairwise(found):
        depth += (token.value in _OPENING) - (token.value in _CLOSING) if token.kind is Kind.MARK else 0
        gap = text.content[token.end : following.start]
        if following.kind is Kind.END or (depth <= 0 and _blank_line(gap) and not _goes_on(token, following)):
            yield _part(text, first, token.end)
            first, depth = following.start, 0


def parse(text: Text) -> Script:
    """Parse one block.

    Raises:
        QueryError: it is not KQL, with the place where it stops being KQL.
        UnsupportedError: it is KQL that Herdsight does not do.
    """
    cursor = Cursor(text, _pipeline, _source)
    statements = [_statement(cursor)]
    while cursor.accept(";"):
        if cursor.next.kind is not Kind.END:
            statements.append(_statement(cursor))
    if cursor.next.kind is not Kind.END:
        raise _after_statement(cursor)
    return Script(text, tuple(statements))


def _part(text: Text, first: int, last: int) -> Text:
    # Blank what stands before, so that columns stay true when a block begins in mid-line.
    line_start = text.content.rfind("\n", 0, first) + 1
    content = " " * (first - line_start) + text.content[first:last]
    return Text(content, text.source, text.first_line + text.content.count("\n", 0, first))


def _blank_line(gap: str) -> bool:
    # A comment line between two lines is no blank line.
    return any(not line.strip() for line in gap.split("\n")[1:-1])


def _goes_on(token: Token, following: Token) -> bool:
    is_mark = token.kind is Kind.MARK
    return (is_mark and token.value not in (*_CLOSING, "*")) or following.value in ("|", ";", *_CLOSING)


def _statement(cursor: Cursor) -> syntax.Statement:
    start = cursor.next.start
    if cursor.at("let") and cursor.ahead(1).kind in (Kind.NAME, Kind.MARK):
        cursor.take()
        return _let(cursor, start)
    if cursor.at("set") and cursor.ahead(1).kind is Kind.NAME:
        cursor.take()
        return _setting(cursor, start)
    for word in ("declare", "alias", "restrict"):
        if cursor.at(word) and cursor.ahead(1).kind is Kind.NAME:
            raise cursor.unsupported(f"the statement '{word}'", start)
    return _whole_pipeline(cursor)


def _let(cursor: Cursor, start: int) -> syntax.Let:
    name = cursor.name("a name after 'let'")
    cursor.expect("=", "after the name")
    if cursor.at("(") and _declares_function(cursor):
        raise cursor.unsupported("a function bound by let", start)
    source = _source(cursor)
    value: syntax.Expression = _pipeline(cursor, source) if source else expression(cursor)
    if cursor.at("|") and isinstance(value, syntax.Source):
        value = _pipeline(cursor, value)
    return syntax.Let(start, name.value, value)


def _declares_function(cursor: Cursor) -> bool:
    distance, depth = 1, 1
    while depth and cursor.ahead(distance).kind is not Kind.END:
        depth += (cursor.ahead(distance).value == "(") - (cursor.ahead(distance).value == ")")
        distance += 1
    return cursor.ahead(distance).value == "{"


def _setting(cursor: Cursor, start: int) -> syntax.Setting:
    name = cursor.name("an option after 'set'")
    if cursor.accept("="):
        cursor.take()
    return syntax.Setting(start, name.value)


def _whole_pipeline(cursor: Cursor) -> syntax.Pipeline:
    start = cursor.next.start
    source = _source(cursor)
    if source is None:
        value = expression(cursor)
        if not isinstance(value, syntax.Source):
            raise cursor.wrong("a query begins with a table", at=start)
        source = value
    return _pipeline(cursor, source)


def _source(cursor: Cursor) -> syntax.Source | None:
    """A source that begins with a word of its own (print, range, datatable); None where there is none."""
    token, following = cursor.next, cursor.ahead(1)
    if token.kind is not Kind.NAME:
        return None
    if token.value in _SOURCES and _begins_source(token, following):
        cursor.take()
        return _SOURCES[token.value](cursor, token.start)
    begins = following.kind in (Kind.NAME, Kind.STRING, Kind.LONG) or following.value == "("
    if token.value in UNSUPPORTED and begins:
        raise cursor.unsupported(f"the operator '{token.value}'", token.start)
    return None


def _begins_source(token: Token, following: Token) -> bool:
    if token.value == "range":  # also a name that people give to columns
        return following.kind is Kind.NAME
    return following.kind not in (Kind.MARK, Kind.END) or following.value in ("(", "[", "-", "+")


def _pipeline(cursor: Cursor, source: syntax.Source) -> syntax.Pipeline:
    operators = []
    while cursor.accept("|"):
        operators.append(_operator(cursor))
    return syntax.Pipeline(source.start, source, tuple(operators))


def _operator(cursor: Cursor) -> syntax.Operator:
    start = cursor.next.start
    name = operator_name(cursor)
    if name in OPERATORS:
        return OPERATORS[name].parse(cursor, start)
    if name in UNSUPPORTED:
        raise cursor.unsupported(f"the operator '{name}'", start)
    hint = did_you_mean(name, [*OPERATORS, *UNSUPPORTED])
    raise cursor.wrong(f"there is no operator '{name}'", at=start, code="KS176", hint=hint)


def _after_statement(cursor: Cursor) -> QueryError:
    starts_line = "\n" in cursor.text.content[cursor.tokens[cursor.position - 1].end : cursor.next.start]
    hint = (
        "end a statement with ';' before the next, or leave a blank line between two queries" if starts_line else None
    )
    return cursor.wrong("expected '|', ';' or the end of the query", hint=hint)
