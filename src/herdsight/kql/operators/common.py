"""What the operators' parsers share: parameters, declared columns, names with wildcards, sub-queries."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import expression, names_something, type_name
from herdsight.kql.lexer import Kind


@dataclass(frozen=True, slots=True)
class OperatorParser:
    """An operator's name in KQL and what parses the rest of it."""

    name: str
    parse: Callable[[Cursor, int], syntax.Operator]


def parameters(cursor: Cursor, *names: str) -> Mapping[str, str]:
    """The `name=value` parameters of an operator (kind=inner, hint.strategy=shuffle), stepped over.

    Hints may always be given; the values are texts.
    """
    found: dict[str, str] = {}
    while distance := _sign_of(cursor, names):
        name = "".join(cursor.take().value for _ in range(distance))
        cursor.take()
        found[name] = _parameter(cursor, name)
    return found


def _parameter(cursor: Cursor, name: str) -> str:
    if cursor.at("["):
        return cursor.name(f"a value of {name}").value
    if cursor.next.kind not in (Kind.NAME, Kind.STRING, Kind.LONG, Kind.REAL, Kind.TIMESPAN):
        raise cursor.wrong(f"expected a value of {name}")
    return cursor.take().value


def _sign_of(cursor: Cursor, names: Collection[str]) -> int:
    """How many tokens before the `=` of a parameter: 1 for kind=, 3 for hint.strategy=; 0 where there is none."""
    first = cursor.next
    if first.kind is not Kind.NAME or first.value not in (*names, "hint"):
        return 0
    distance = 3 if first.value == "hint" and cursor.sees(1, ".") else 1
    return distance if cursor.sees(distance, "=") and (distance > 1 or first.value in names) else 0


def column(cursor: Cursor) -> syntax.ColumnDeclaration:
    """`name: type`."""
    name = cursor.new_name("a column's name")
    cursor.expect(":", "between a column and its type")
    return syntax.ColumnDeclaration(name.start, name.value, type_name(cursor))


def columns(cursor: Cursor, after: str) -> tuple[syntax.ColumnDeclaration, ...]:
    """`(name: type, ...)`."""
    cursor.expect("(", after)
    declared: list[syntax.ColumnDeclaration] = []
    while not cursor.accept(")"):
        declared.append(column(cursor))
        if not cursor.at(")"):
            cursor.expect(",", "between the columns")
    return tuple(declared)


def options(cursor: Cursor) -> tuple[syntax.Assignment, ...]:
    """`with (name=value, ...)`, where it stands."""
    if not (cursor.at("with") and cursor.sees(1, "(")):
        return ()
    cursor.take()
    cursor.take()
    given: list[syntax.Assignment] = []
    while not cursor.accept(")"):
        if not names_something(cursor):
            raise cursor.wrong("expected name=value")
        name = cursor.name("an option")
        cursor.take()
        given.append(syntax.Assignment(name.start, name.value, expression(cursor)))
        if not cursor.at(")"):
            cursor.expect(",", "between the options")
    return tuple(given)


def pattern(cursor: Cursor) -> str:
    """A name in which `*` may stand, glued together from its tokens."""
    found = ""
    while cursor.next.kind in (Kind.NAME, Kind.LONG) or cursor.at("*"):
        if found and not cursor.glued():
            break
        found += cursor.take().text
    return found or cursor.name("a column").value  # a name in brackets has no wildcards


def sub_query(cursor: Cursor, what: str) -> tuple[syntax.Operator, ...]:
    """`(operator | operator ...)`: operators over what stands before."""
    cursor.expect("(", what)
    operators = cursor.operators(cursor)
    cursor.expect(")", "behind the sub-query")
    return operators


def rest_of_query(cursor: Cursor, start: int) -> syntax.Pipeline:
    """A query behind an opening bracket."""
    inner = cursor.source(cursor) or expression(cursor)
    if not isinstance(inner, syntax.Source):
        raise cursor.wrong("a query begins with a table", at=start)
    return cursor.pipeline(cursor, inner)


def source(cursor: Cursor, what: str) -> syntax.Pipeline:
    """A table, a call, or a query in parentheses, as the right side of a join is."""
    if cursor.at("("):
        pipeline = rest_of_query(cursor, cursor.take().start)
        cursor.expect(")", "behind the query")
        return pipeline
    start = cursor.next.start
    inner = cursor.source(cursor) or expression(cursor)
    if not isinstance(inner, syntax.Source):
        raise cursor.wrong(f"expected {what}", at=start)
    return inner if isinstance(inner, syntax.Pipeline) else syntax.Pipeline(start, inner, ())
