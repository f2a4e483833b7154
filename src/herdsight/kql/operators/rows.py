"""Operators that choose, order or count rows."""

from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import expression, listed, named_expression
from herdsight.kql.lexer import Kind
from herdsight.kql.operators.common import OperatorParser, parameters


def _where(cursor: Cursor, start: int) -> syntax.Where:
    parameters(cursor)
    return syntax.Where(start, expression(cursor))


def _sort(cursor: Cursor, start: int) -> syntax.Sort:
    parameters(cursor)
    cursor.expect("by", "after 'sort'")
    return syntax.Sort(start, orderings(cursor))


def orderings(cursor: Cursor) -> tuple[syntax.Ordering, ...]:
    """`key asc nulls first, ...`."""
    keys = [_ordering(cursor)]
    while cursor.accept(","):
        keys.append(_ordering(cursor))
    return tuple(keys)


def _ordering(cursor: Cursor) -> syntax.Ordering:
    value = named_expression(cursor)
    descending = not cursor.accept("asc")
    if descending:
        cursor.accept("desc")
    nulls_first = not descending
    if cursor.accept("nulls"):
        nulls_first = cursor.at("first")
        if not cursor.accept("first"):
            cursor.expect("last", "after 'nulls'")
    plain = value.value if isinstance(value, syntax.Assignment) else value
    return syntax.Ordering(value.start, plain, descending, nulls_first)


def _top(cursor: Cursor, start: int) -> syntax.Top:
    parameters(cursor)
    count = expression(cursor)
    cursor.expect("by", "after the number of rows")
    return syntax.Top(start, count, orderings(cursor))


def _take(cursor: Cursor, start: int) -> syntax.Take:
    parameters(cursor)
    return syntax.Take(start, expression(cursor))


def _distinct(cursor: Cursor, start: int) -> syntax.Distinct:
    parameters(cursor)
    return syntax.Distinct(start, listed(cursor, named_expression))


def _count(cursor: Cursor, start: int) -> syntax.Count:
    parameters(cursor)
    return syntax.Count(start, cursor.new_name("a name after 'as'").value if cursor.accept("as") else None)


def _sample(cursor: Cursor, start: int) -> syntax.Sample:
    return syntax.Sample(start, expression(cursor))


def _sample_distinct(cursor: Cursor, start: int) -> syntax.SampleDistinct:
    parameters(cursor)
    count = expression(cursor)
    cursor.expect("of", "after the number of values")
    return syntax.SampleDistinct(start, count, expression(cursor))


def _top_hitters(cursor: Cursor, start: int) -> syntax.TopHitters:
    count = expression(cursor)
    cursor.expect("of", "after the number of values")
    value = named_expression(cursor)
    return syntax.TopHitters(start, count, value, expression(cursor) if cursor.accept("by") else None)


def _serialize(cursor: Cursor, start: int) -> syntax.Serialize:
    parameters(cursor)
    ends = cursor.at("|", ";", ")") or cursor.next.kind is Kind.END
    return syntax.Serialize(start, () if ends else listed(cursor, named_expression))


def _consume(cursor: Cursor, start: int) -> syntax.Consume:
    parameters(cursor, "decodeblocks")
    return syntax.Consume(start)


def _search(cursor: Cursor, start: int) -> syntax.Search:
    return search(cursor, start)


def search(cursor: Cursor, start: int) -> syntax.Search:
    """`kind=... in (table, ...) condition`, behind the word search."""
    kind = parameters(cursor, "kind").get("kind", "case_insensitive")
    if kind not in ("case_insensitive", "case_sensitive", "default"):
        raise cursor.wrong(f"there is no search of kind '{kind}'", at=start)
    tables: tuple[syntax.Expression, ...] = ()
    if cursor.accept("in"):
        cursor.expect("(", "after 'in'")
        tables = listed(cursor, table_expression)
        cursor.expect(")", "behind the tables")
    return syntax.Search(start, kind == "case_sensitive", tables, expression(cursor))


def table_expression(cursor: Cursor) -> syntax.Expression:
    """A table, a name with wildcards for several, a call, or a query in parentheses."""
    if wildcard := _wildcard(cursor):
        return wildcard
    start = cursor.next.start
    value = cursor.source(cursor) or expression(cursor)
    if not isinstance(value, syntax.Source):
        raise cursor.wrong("expected a table", at=start)
    return value if isinstance(value, syntax.Pipeline) else syntax.Pipeline(start, value, ())


def _wildcard(cursor: Cursor) -> syntax.Pattern | None:
    """A name with wildcards, where one stands; nothing is stepped over elsewhere."""
    before, start, found = cursor.position, cursor.next.start, ""
    while (cursor.next.kind is Kind.NAME or cursor.at("*")) and (not found or cursor.glued()):
        found += cursor.take().value
    if "*" in found:
        return syntax.Pattern(start, found)
    cursor.position = before
    return None


PARSERS = (
    OperatorParser("where", _where),
    OperatorParser("filter", _where),
    OperatorParser("sort", _sort),
    OperatorParser("order", _sort),
    OperatorParser("top", _top),
    OperatorParser("take", _take),
    OperatorParser("limit", _take),
    OperatorParser("distinct", _distinct),
    OperatorParser("count", _count),
    OperatorParser("sample", _sample),
    OperatorParser("sample-distinct", _sample_distinct),
    OperatorParser("top-hitters", _top_hitters),
    OperatorParser("serialize", _serialize),
    OperatorParser("consume", _consume),
    OperatorParser("search", _search),
)
