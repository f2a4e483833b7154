"""Operators that make, choose, name or describe columns."""

from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import call, expression, listed, named_expression, string, type_name
from herdsight.kql.lexer import Kind
from herdsight.kql.operators.common import OperatorParser, column, columns, options, parameters, pattern
from herdsight.tables import ColumnType

TEXT = ColumnType.STRING  # what a column of parse holds where its type is not said


def _extend(cursor: Cursor, start: int) -> syntax.Extend:
    parameters(cursor)
    return syntax.Extend(start, listed(cursor, named_expression))


def _project(cursor: Cursor, start: int) -> syntax.Project:
    ends = cursor.at("|", ";", ")") or cursor.next.kind is Kind.END
    return syntax.Project(start, () if ends else listed(cursor, named_expression))


def _project_away(cursor: Cursor, start: int) -> syntax.ProjectAway:
    return syntax.ProjectAway(start, _patterns(cursor))


def _project_keep(cursor: Cursor, start: int) -> syntax.ProjectKeep:
    return syntax.ProjectKeep(start, _patterns(cursor))


def _project_by_names(cursor: Cursor, start: int) -> syntax.ProjectByNames:
    return syntax.ProjectByNames(start, listed(cursor, expression))


def _project_reorder(cursor: Cursor, start: int) -> syntax.ProjectReorder:
    patterns: list[syntax.Reordered] = []
    while not patterns or cursor.accept(","):
        at, found = cursor.next.start, pattern(cursor)
        patterns.append(syntax.Reordered(at, found, _reordering(cursor)))
    return syntax.ProjectReorder(start, tuple(patterns))


def _reordering(cursor: Cursor) -> str | None:
    """`asc` or `desc`, and before it `granny-`, which takes the digits in names as numbers."""
    natural = cursor.at("granny") and cursor.ahead(1).value == "-" and cursor.ahead(2).value in ("asc", "desc")
    if natural:
        cursor.take()
        cursor.take()
    order = cursor.take().value if cursor.at("asc", "desc") else None
    return f"granny-{order}" if natural else order


def _project_rename(cursor: Cursor, start: int) -> syntax.ProjectRename:
    items = []
    for item in listed(cursor, named_expression):
        if not isinstance(item, syntax.Assignment) or not isinstance(item.value, syntax.Name):
            raise cursor.wrong("project-rename takes new = old", at=item.start)
        items.append(item)
    return syntax.ProjectRename(start, tuple(items))


def _patterns(cursor: Cursor) -> tuple[str, ...]:
    patterns = [pattern(cursor)]
    while cursor.accept(","):
        patterns.append(pattern(cursor))
    return tuple(patterns)


def _parse(cursor: Cursor, start: int) -> syntax.Parse:
    return _parsed(cursor, start, only=False)


def _parse_where(cursor: Cursor, start: int) -> syntax.Parse:
    return _parsed(cursor, start, only=True)


def _parsed(cursor: Cursor, start: int, *, only: bool) -> syntax.Parse:
    given = parameters(cursor, "kind", "flags")
    kind = given.get("kind", "simple")
    if kind not in ("simple", "regex", "relaxed"):
        raise cursor.wrong(f"there is no parse of kind '{kind}'", at=start, hint="one of simple, regex, relaxed")
    value = expression(cursor)
    cursor.expect("with", "behind what is parsed")
    parts: list[syntax.Literal | syntax.Capture | syntax.Star] = []
    while (part := _part(cursor)) is not None:
        parts.append(part)
    if not parts:
        raise cursor.wrong("expected a pattern after 'with'")
    return syntax.Parse(start, kind, given.get("flags", ""), value, tuple(parts), only)


def _part(cursor: Cursor) -> syntax.Literal | syntax.Capture | syntax.Star | None:
    """The next part of a pattern: `*`, a text, or a column; None behind the last."""
    if cursor.at("*"):
        return syntax.Star(cursor.take().start)
    if cursor.next.kind is Kind.STRING:
        return string(cursor)
    if cursor.next.kind is not Kind.NAME and not cursor.at("["):
        return None
    name = cursor.new_name("a column's name")
    kind = type_name(cursor) if cursor.accept(":") else TEXT
    return syntax.Capture(name.start, name.value, kind)


def _parse_kv(cursor: Cursor, start: int) -> syntax.ParseKv:
    value = expression(cursor)
    cursor.expect("as", "behind what is parsed")
    return syntax.ParseKv(start, value, columns(cursor, "after 'as'"), options(cursor))


def _evaluate(cursor: Cursor, start: int) -> syntax.Evaluate:
    parameters(cursor)
    name = cursor.name("a plugin's name")
    cursor.expect("(", f"after '{name.value}'")
    called = call(cursor, name)
    if not cursor.accept(":"):
        return syntax.Evaluate(start, called, None, keeps=False)
    cursor.expect("(", "after ':'")
    keeps, declared = cursor.accept("*"), []
    if keeps:
        cursor.accept(",")
    while not cursor.accept(")"):
        declared.append(column(cursor))
        if not cursor.at(")"):
            cursor.expect(",", "between the columns")
    return syntax.Evaluate(start, called, tuple(declared), keeps)


def _get_schema(cursor: Cursor, start: int) -> syntax.GetSchema:
    del cursor
    return syntax.GetSchema(start)


def _assert_schema(cursor: Cursor, start: int) -> syntax.AssertSchema:
    return syntax.AssertSchema(start, columns(cursor, "after 'assert-schema'"))


def _render(cursor: Cursor, start: int) -> syntax.Render:
    """The kind of chart; how it should look is stepped over."""
    chart = cursor.name("a kind of chart").value
    depth = 0
    while cursor.next.kind is not Kind.END and (depth or not cursor.at("|", ";", ")")):
        depth += {"(": 1, ")": -1}.get(cursor.take().value, 0)
    return syntax.Render(start, chart)


PARSERS = (
    OperatorParser("extend", _extend),
    OperatorParser("project", _project),
    OperatorParser("project-away", _project_away),
    OperatorParser("project-keep", _project_keep),
    OperatorParser("project-by-names", _project_by_names),
    OperatorParser("project-rename", _project_rename),
    OperatorParser("project-reorder", _project_reorder),
    OperatorParser("parse", _parse),
    OperatorParser("parse-where", _parse_where),
    OperatorParser("parse-kv", _parse_kv),
    OperatorParser("evaluate", _evaluate),
    OperatorParser("getschema", _get_schema),
    OperatorParser("assert-schema", _assert_schema),
    OperatorParser("render", _render),
)
