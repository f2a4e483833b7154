"""Operators that bring tables together, and those that take a row apart into several."""

from collections.abc import Mapping

from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import call, expression, listed, named_expression, type_of
from herdsight.kql.operators.common import OperatorParser, parameters, source, sub_query
from herdsight.kql.operators.rows import table_expression
from herdsight.kql.reserved import BOUND

_JOIN_KINDS = (
    "innerunique",
    "inner",
    "leftouter",
    "rightouter",
    "fullouter",
    "leftsemi",
    "rightsemi",
    "leftanti",
    "rightanti",
    "anti",
    "leftantisemi",
    "rightantisemi",
)


def _join(cursor: Cursor, start: int) -> syntax.Join:
    kind = parameters(cursor, "kind", "withsource").get("kind", "innerunique")
    if kind not in _JOIN_KINDS:
        raise cursor.wrong(f"there is no join of kind '{kind}'", at=start, hint=f"one of {', '.join(_JOIN_KINDS)}")
    right = source(cursor, "a table or a query in parentheses")
    if cursor.accept("where"):
        return syntax.Join(start, kind, right, (), expression(cursor))
    return syntax.Join(start, kind, right, _conditions(cursor))


def _lookup(cursor: Cursor, start: int) -> syntax.Lookup:
    kind = parameters(cursor, "kind").get("kind", "leftouter")
    if kind not in ("leftouter", "inner"):
        raise cursor.wrong(f"there is no lookup of kind '{kind}'", at=start, hint="leftouter or inner")
    right = source(cursor, "a table or a query in parentheses")
    return syntax.Lookup(start, kind, right, _conditions(cursor))


def _conditions(cursor: Cursor) -> tuple[syntax.Expression, ...]:
    cursor.expect("on", "behind the right side")
    return listed(cursor, expression)


def _union(cursor: Cursor, start: int) -> syntax.Union:
    return union(cursor, start)


def union(cursor: Cursor, start: int) -> syntax.Union:
    """`kind=... withsource=... isfuzzy=... source, ...`, behind the word union."""
    given = parameters(cursor, "kind", "withsource", "with_source", "isfuzzy")
    kind = given.get("kind", "outer")
    if kind not in ("outer", "inner"):
        raise cursor.wrong(f"there is no union of kind '{kind}'", at=start, hint="outer or inner")
    return syntax.Union(
        start,
        kind,
        given.get("withsource") or given.get("with_source"),
        given.get("isfuzzy", "false").lower() in ("true", "1"),
        listed(cursor, table_expression),
    )


def _as(cursor: Cursor, start: int) -> syntax.As:
    parameters(cursor)
    return syntax.As(start, cursor.new_name("a name after 'as'", BOUND).value)


def _invoke(cursor: Cursor, start: int) -> syntax.Invoke:
    name = cursor.name("a function's name")
    cursor.expect("(", f"after '{name.value}'")
    return syntax.Invoke(start, call(cursor, name))


def _mv_expand(cursor: Cursor, start: int) -> syntax.MvExpand:
    given = parameters(cursor, "kind", "bagexpansion", "with_itemindex")
    items = [_expansion(cursor)]
    while cursor.accept(","):
        items.append(_expansion(cursor))
    limit = expression(cursor) if cursor.accept("limit") else None
    return syntax.MvExpand(start, _bag_kind(cursor, given, start), given.get("with_itemindex"), tuple(items), limit)


def _bag_kind(cursor: Cursor, given: Mapping[str, str], start: int) -> str:
    kind = given.get("kind") or given.get("bagexpansion", "bag")
    if kind not in ("bag", "array"):
        raise cursor.wrong(f"bags cannot be expanded as '{kind}'", at=start, hint="bag or array")
    return kind


def _expansion(cursor: Cursor) -> syntax.Expansion:
    item = named_expression(cursor)
    kind = None
    if cursor.accept("to"):
        cursor.expect("typeof", "after 'to'")
        kind = type_of(cursor)
    if isinstance(item, syntax.Assignment):
        return syntax.Expansion(item.start, item.name, item.value, kind)
    return syntax.Expansion(item.start, None, item, kind)


def _mv_apply(cursor: Cursor, start: int) -> syntax.MvApply:
    expand = _mv_expand(cursor, start)
    cursor.expect("on", "before the sub-query")
    return syntax.MvApply(start, expand, sub_query(cursor, "after 'on'"))


PARSERS = (
    OperatorParser("join", _join),
    OperatorParser("lookup", _lookup),
    OperatorParser("union", _union),
    OperatorParser("as", _as),
    OperatorParser("invoke", _invoke),
    OperatorParser("mv-expand", _mv_expand),
    OperatorParser("mvexpand", _mv_expand),
    OperatorParser("mv-apply", _mv_apply),
)
