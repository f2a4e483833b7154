"""The parser's top: blocks of a text, statements of a block, pipelines of a statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf

from herdsight.errors import QueryError
from herdsight.guesses import did_you_mean
from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import expression, type_name
from herdsight.kql.lexer import Kind, Text, Token, lenient
from herdsight.kql.operators import OPERATORS, SOURCES, UNSUPPORTED, operator_name, scalar_parameters
from herdsight.kql.operators.common import columns
from herdsight.kql.reserved import BOUND
from herdsight.tables import ColumnType

_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Script:
    """The statements of one block of text, in order."""

    text: Text
    statements: tuple[syntax.Statement, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the query parameters that it declares."""
        declared = (each for each in self.statements if isinstance(each, syntax.Declaration))
        return tuple(parameter.name for each in declared for parameter in each.parameters)


def blocks(text: Text) -> Iterator[Text]:
    """The queries of a text, which editors run one by one: parts separated by blank lines.

    A blank line inside a query is no end of it: where a statement is still open (a bracket, a trailing `;` of a let,
    a line that begins with `|`), the parts belong together. A part of comments alone is no query. A bracket that is
    never closed holds no more than its own part, as far as one can tell, so that the faults of the others show too.

    Raises:
        QueryError: there is more of it than can be read.
    """
    found = lenient(text)
    line, before = text.first_line, 0
    for number, (first, last) in enumerate(_spans(text, found)):
        start = found[first].start
        line, before = line + text.content.count("\n", before, start), start
        part = _part(text, found[first : last + 1], line)
        if number == _MOST_QUERIES:
            raise QueryError(f"the text has more than {_MOST_QUERIES:,} queries", code="HS051", place=text.place(start))
        yield part


_MOST_QUERIES = 1000


def _spans(text: Text, found: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """The first and the last token of each query."""
    ends = list(_ends(text, found))
    # How far out of brackets a query may still come, seen from each end.
    least = [*accumulate((end.depth if end.closes else inf for end in reversed(ends)), min, initial=inf)][::-1]
    first, base, is_closed = 0, 0, least[0] <= 0
    for end, least_behind in zip(ends, least[1:], strict=True):
        if (end.closes and end.depth <= base) if is_closed else (end.cuts and end.depth > base):
            yield first, end.token
            first, base, is_closed = end.token + 1, end.depth, least_behind <= end.depth


def is_open(text: Text) -> bool:
    """Whether a query goes on behind the text, so that a blank line would not end it."""
    found = lenient(text)
    depth = sum(map(_nesting, found))
    return len(found) > 1 and (depth > 0 or _goes_on(found[-2], found[-1]))


def parse(text: Text) -> Script:
    """Parse one block.

    Raises:
        QueryError: it is not KQL, with the place where it stops being KQL.
        UnsupportedError: it is KQL that Herdsight does not do.
    """
    cursor = Cursor(text, _pipeline, _source, _operators)
    statements = [_statement(cursor)]
    while cursor.accept(";"):
        if cursor.next.kind is not Kind.END:
            statements.append(_statement(cursor))
    if cursor.next.kind is not Kind.END:
        raise _after_statement(cursor)
    return Script(text, tuple(statements))


def literal(text: str, kind: ColumnType) -> syntax.Literal:
    """A text that stands in no query, read as a literal of that type: `2024-05-31` is `datetime(2024-05-31)`, too.

    Raises:
        QueryError: it is none.
    """
    for written in (f"{kind}({text})", text):
        cursor = Cursor(Text(written, "text"), _pipeline, _source, _operators)
        try:
            found = expression(cursor)
        except QueryError:
            continue
        if isinstance(found, syntax.Literal) and found.type is kind and cursor.next.kind is Kind.END:
            return found
    raise QueryError(f"{text!r} is no {kind}", code="KS005")


def _part(text: Text, found: Sequence[Token], line: int) -> Text:
    """The part of the text that these tokens make, which begins on that line."""
    start = found[0].start
    # Blank what stands before, so that columns stay true when a block begins in mid-line.
    line_start = text.content.rfind("\n", 0, start) + 1
    content = " " * (start - line_start) + text.content[start : found[-1].end]
    moved = found if line_start == 0 else [token._replace(start=token.start - line_start) for token in found]
    return Text(content, text.source, line, tuple(moved))


@dataclass(frozen=True, slots=True)
class _End:
    """Where a query may end: its last token, how deep in brackets, and whether it can, or only if a bracket is open."""

    token: int
    depth: int
    closes: bool
    cuts: bool


def _ends(text: Text, found: Sequence[Token]) -> Iterator[_End]:
    depth = 0
    for position, (token, following) in enumerate(pairwise(found)):
        depth += _nesting(token)
        gap = text.content[token.end : following.start]
        if following.kind is Kind.END:
            yield _End(position, depth, closes=True, cuts=True)
        elif _blank_line(gap):
            yield _End(position, depth, not _goes_on(token, following), gap[-1] == "\n" and following.kind is Kind.NAME)


def _nesting(token: Token) -> int:
    return (token.value in _OPENING) - (token.value in _CLOSING) if token.kind is Kind.MARK else 0


def _blank_line(gap: str) -> bool:
    # A comment line between two lines is no blank line.
    return any(not line.strip() for line in gap.split("\n")[1:-1])


def _goes_on(token: Token, following: Token) -> bool:
    is_mark = token.kind is Kind.MARK
    ends_open = (is_mark and token.value not in (*_CLOSING, "*")) or _is_word(token, *_AWAITING)
    return ends_open or following.value in ("|", ";", *_CLOSING) or _is_word(following, *_CONTINUING)


def _is_word(token: Token, *words: str) -> bool:
    return token.kind is Kind.NAME and token.value in words


_AWAITING = ("and", "or", "by", "on", "with", "in", "has", "has_any", "contains")
_CONTINUING = ("and", "or", "by", "on", "asc", "desc")


def _statement(cursor: Cursor) -> syntax.Statement:
    start = cursor.next.start
    if cursor.at("let") and (cursor.ahead(1).kind is Kind.NAME or cursor.sees(1, "[")):
        cursor.take()
        return _let(cursor, start)
    if cursor.at("set") and cursor.ahead(1).kind is Kind.NAME:
        cursor.take()
        return _setting(cursor, start)
    if cursor.at("declare") and cursor.ahead(1).value == "query_parameters":
        cursor.take()
        cursor.take()
        return syntax.Declaration(start, scalar_parameters(cursor))
    if cursor.at(".") and cursor.ahead(1).kind is Kind.NAME:
        raise cursor.unsupported(f"the management command '.{cursor.ahead(1).value}'", start)
    for word in ("declare", "alias", "restrict"):
        if cursor.at(word) and cursor.ahead(1).kind is Kind.NAME:
            raise cursor.unsupported(f"the statement '{word}'", start)
    return _value(cursor)


def _let(cursor: Cursor, start: int) -> syntax.Let:
    name = cursor.new_name("a name after 'let'", BOUND)
    cursor.expect("=", "after the name")
    if cursor.at("view") and cursor.sees(1, "("):
        cursor.take()
        return syntax.Let(start, name.value, _function(cursor, view=True))
    if cursor.at("(") and _declares_function(cursor):
        return syntax.Let(start, name.value, _function(cursor, view=False))
    return syntax.Let(start, name.value, _value(cursor))


def _declares_function(cursor: Cursor) -> bool:
    distance, depth = 1, 1
    while depth and cursor.ahead(distance).kind is not Kind.END:
        mark = cursor.ahead(distance)
        depth += (mark.value == "(") - (mark.value == ")") if mark.kind is Kind.MARK else 0
        distance += 1
    return cursor.sees(distance, "{")


def _function(cursor: Cursor, *, view: bool) -> syntax.Function:
    start = cursor.expect("(", "before the parameters").start
    parameters: list[syntax.Parameter] = []
    while not cursor.accept(")"):
        parameters.append(_parameter(cursor))
        if not cursor.at(")"):
            cursor.expect(",", "between the parameters")
    cursor.expect("{", "before the function's body")
    return syntax.Function(start, tuple(parameters), _body(cursor), view)


def _parameter(cursor: Cursor) -> syntax.Parameter:
    name = cursor.new_name("a parameter's name")
    cursor.expect(":", "between a parameter and its type")
    if not cursor.at("("):
        kind = type_name(cursor)
        default = expression(cursor) if cursor.accept("=") else None
        return syntax.Parameter(name.start, name.value, kind, (), default)
    if cursor.sees(1, "*"):
        for mark in "(*)":
            cursor.expect(mark, "in a table's type")
        return syntax.Parameter(name.start, name.value, None)
    return syntax.Parameter(name.start, name.value, None, columns(cursor, "in a table's type"))


def _body(cursor: Cursor) -> tuple[syntax.Statement, ...]:
    cursor.deeper()
    statements: list[syntax.Statement] = []
    while not cursor.accept("}"):
        statements.append(_statement(cursor))
        if not cursor.accept(";") and not cursor.at("}"):
            raise cursor.wrong("expected ';' or '}' in a function's body")
    if not statements:
        raise cursor.wrong("the function's body is empty")
    cursor.depth -= 1
    return tuple(statements)


def _setting(cursor: Cursor, start: int) -> syntax.Setting:
    name = cursor.name("an option after 'set'")
    return syntax.Setting(start, name.value, expression(cursor) if cursor.accept("=") else None)


def _value(cursor: Cursor) -> syntax.Expression:
    """A query, or a value; a lone name or call may be either."""
    start = cursor.next.start
    source = _source(cursor)
    if source is not None:
        return _pipeline(cursor, source)
    value = expression(cursor)
    if not cursor.at("|"):
        return value
    if not isinstance(value, syntax.Source):
        raise cursor.wrong("a query begins with a table", at=start)
    return _pipeline(cursor, value)


def _source(cursor: Cursor) -> syntax.Source | None:
    """A source that begins with a word of its own (print, union, ...); None where there is none."""
    token, following = cursor.next, cursor.ahead(1)
    if token.kind is not Kind.NAME:
        return None
    if token.value in SOURCES and _begins_source(cursor, token, following):
        cursor.take()
        return SOURCES[token.value](cursor, token.start)
    begins = following.kind in (Kind.NAME, Kind.STRING, Kind.LONG) or cursor.sees(1, "(")
    if token.value in UNSUPPORTED and begins and following.value not in OPERATORS:
        raise cursor.unsupported(f"the operator '{token.value}'", token.start, UNSUPPORTED[token.value])
    return None


def _begins_source(cursor: Cursor, token: Token, following: Token) -> bool:
    """Whether the word is a source here: most are names that people give to columns, too."""
    if token.value == "range":  # and a function
        is_bracketed = cursor.sees(1, "[") and cursor.ahead(2).kind is Kind.STRING and cursor.sees(3, "]")
        named = 3 if is_bracketed else 1 if following.kind is Kind.NAME else 0
        return named > 0 and _is_word(cursor.ahead(named + 1), "from")
    if token.value in ("datatable", "externaldata"):
        return cursor.sees(1, "(")
    if token.value in ("union", "search", "find"):
        if following.kind is Kind.MARK:
            return not cursor.sees(1, "=", ")", ",", "|", ";", ".", "==", "!=", "[", "=~")
        return following.kind is Kind.STRING or (following.kind is Kind.NAME and following.value not in _TESTS)
    return following.kind not in (Kind.MARK, Kind.END) or cursor.sees(1, "(", "[", "-", "+")


_TESTS = ("has", "contains")  # what may follow a column that is called like a source


def _pipeline(cursor: Cursor, source: syntax.Source) -> syntax.Pipeline:
    operators = []
    while cursor.accept("|"):
        operators.append(_operator(cursor))
    return syntax.Pipeline(source.start, source, tuple(operators))


def _operators(cursor: Cursor) -> tuple[syntax.Operator, ...]:
    cursor.deeper()
    operators = [_operator(cursor)]
    while cursor.accept("|"):
        operators.append(_operator(cursor))
    cursor.depth -= 1
    return tuple(operators)


def _operator(cursor: Cursor) -> syntax.Operator:
    start = cursor.next.start
    name = operator_name(cursor)
    if name in OPERATORS:
        return OPERATORS[name].parse(cursor, start)
    if name in UNSUPPORTED:
        raise cursor.unsupported(f"the operator '{name}'", start, UNSUPPORTED[name])
    hint = did_you_mean(name, [*OPERATORS, *UNSUPPORTED])
    raise cursor.wrong(f"there is no operator '{name}'", at=start, code="KS176", hint=hint)


def _after_statement(cursor: Cursor) -> QueryError:
    starts_line = "\n" in cursor.text.content[cursor.tokens[cursor.position - 1].end : cursor.next.start]
    hint = (
        "end a statement with ';' before the next, or leave a blank line between two queries" if starts_line else None
    )
    if cursor.at("="):
        hint = "values are compared with '=='"
    return cursor.wrong("expected '|', ';' or the end of the query", hint=hint)
