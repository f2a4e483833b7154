"""The parsers of the tabular operators, one function each, in a table by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import expression, listed, named_expression
from herdsight.kql.lexer import Kind
from herdsight.tables import ColumnType

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

# What the language has beside these, so that a reader is told "not supported" and not "unknown".
UNSUPPORTED = frozenset(
    (
        *("assert-schema", "consume", "evaluate", "externaldata", "facet", "find", "fork", "getschema", "graph-match"),
        *(
            "invoke",
            "lookup",
            "macro-expand",
            "make-graph",
            "make-series",
            "mv-apply",
            "mv-expand",
            "parse",
            "parse-kv",
        ),
        *("parse-where", "partition", "reduce", "render", "sample", "sample-distinct", "scan", "search"),
        *("top-hitters", "top-nested", "union", "as"),
    )
)


def operator_name(cursor: Cursor) -> str:
    """The operator's name, hyphens included (project-away), stepped over."""
    first = cursor.name("an operator after '|'")
    name, end = first.value, first.end
    while cursor.at("-") and cursor.next.start == end and cursor.ahead(1).kind is Kind.NAME:
        cursor.take()
        part = cursor.take()
        name, end = f"{name}-{part.value}", part.end
    return name


def _where(cursor: Cursor, start: int) -> syntax.Where:
    return syntax.Where(start, expression(cursor))


def _extend(cursor: Cursor, start: int) -> syntax.Extend:
    return syntax.Extend(start, listed(cursor, named_expression))


def _serialize(cursor: Cursor, start: int) -> syntax.Serialize:
    ends = cursor.at("|", ";", ")") or cursor.next.kind is Kind.END
    return syntax.Serialize(start, () if ends else listed(cursor, named_expression))


def _project(cursor: Cursor, start: int) -> syntax.Project:
    return syntax.Project(start, listed(cursor, named_expression))


def _project_away(cursor: Cursor, start: int) -> syntax.ProjectAway:
    return syntax.ProjectAway(start, _patterns(cursor))


def _project_keep(cursor: Cursor, start: int) -> syntax.ProjectKeep:
    return syntax.ProjectKeep(start, _patterns(cursor))


def _project_reorder(cursor: Cursor, start: int) -> syntax.ProjectReorder:
    return syntax.ProjectReorder(start, _patterns(cursor))


def _project_rename(cursor: Cursor, start: int) -> syntax.ProjectRename:
    items = []
    for item in listed(cursor, named_expression):
        if not isinstance(item, syntax.Assignment) or not isinstance(item.value, syntax.Name):
            raise cursor.wrong("project-rename takes new = old", at=item.start)
        items.append(item)
    return syntax.ProjectRename(start, tuple(items))


def _patterns(cursor: Cursor) -> tuple[str, ...]:
    patterns = [_pattern(cursor)]
    while cursor.accept(","):
        patterns.append(_pattern(cursor))
    return tuple(patterns)


def _pattern(cursor: Cursor) -> str:
    pattern = ""
    while cursor.next.kind is Kind.NAME or cursor.at("*"):
        glued = not pattern or cursor.next.start == cursor.tokens[cursor.position - 1].end
        if not glued:
            break
        pattern += cursor.take().value
    return pattern or cursor.name("a column").value


def _summarize(cursor: Cursor, start: int) -> syntax.Summarize:
    parameters(cursor)
    aggregates = listed(cursor, named_expression, ("by",))
    keys = listed(cursor, named_expression) if cursor.accept("by") else ()
    return syntax.Summarize(start, aggregates, keys)


def _sort(cursor: Cursor, start: int) -> syntax.Sort:
    parameters(cursor)
    cursor.expect("by", "after 'sort'")
    return syntax.Sort(start, _orderings(cursor))


def _orderings(cursor: Cursor) -> tuple[syntax.Ordering, ...]:
    keys = [_ordering(cursor)]
    while cursor.accept(","):
        keys.append(_ordering(cursor))
    return tuple(keys)


def _ordering(cursor: Cursor) -> syntax.Ordering:
    value = expression(cursor)
    descending = not cursor.accept("asc")
    if descending:
        cursor.accept("desc")
    nulls_first = not descending
    if cursor.accept("nulls"):
        nulls_first = cursor.at("first")
        if not cursor.accept("first"):
            cursor.expect("last", "after 'nulls'")
    return syntax.Ordering(value.start, value, descending, nulls_first)


def _top(cursor: Cursor, start: int) -> syntax.Top:
    count = expression(cursor)
    cursor.expect("by", "after the number of rows")
    return syntax.Top(start, count, _orderings(cursor))


def _take(cursor: Cursor, start: int) -> syntax.Take:
    return syntax.Take(start, expression(cursor))


def _distinct(cursor: Cursor, start: int) -> syntax.Distinct:
    return syntax.Distinct(start, listed(cursor, expression))


def _count(cursor: Cursor, start: int) -> syntax.Count:
    del cursor
    return syntax.Count(start)


def _join(cursor: Cursor, start: int) -> syntax.Join:
    kind = parameters(cursor).get("kind", "innerunique")
    if kind not in _JOIN_KINDS:
        raise cursor.wrong(f"there is no join of kind '{kind}'", at=start, hint=f"one of {', '.join(_JOIN_KINDS)}")
    right = _right_side(cursor)
    cursor.expect("on", "behind the right side of the join")
    return syntax.Join(start, kind, right, listed(cursor, expression))


def _right_side(cursor: Cursor) -> syntax.Pipeline:
    if not cursor.at("("):
        name = cursor.name("a table or a query in parentheses")
        return syntax.Pipeline(name.start, syntax.Name(name.start, name.value), ())
    opening = cursor.take()
    source = cursor.source(cursor) or expression(cursor)
    if not isinstance(source, syntax.Source):
        raise cursor.wrong("a query begins with a table", at=opening.start)
    pipeline = cursor.pipeline(cursor, source)
    cursor.expect(")", "behind the query")
    return pipeline


def parameters(cursor: Cursor) -> Mapping[str, str]:
    """The `name=value` parameters of an operator (kind=inner, hint.strategy=shuffle), stepped over."""
    found: dict[str, str] = {}
    while cursor.next.kind is Kind.NAME and (distance := _sign_of(cursor)):
        name = "".join(cursor.take().value for _ in range(distance))
        cursor.take()
        found[name] = cursor.take().value
    return found


def _sign_of(cursor: Cursor) -> int:
    """How many tokens before the `=` of a parameter: 1 for kind=, 3 for hint.strategy=; 0 where there is none."""
    if cursor.next.value not in ("kind", "hint"):
        return 0
    distance = 3 if cursor.ahead(1).value == "." else 1
    return distance if cursor.ahead(distance).value == "=" else 0


@dataclass(frozen=True, slots=True)
class OperatorParser:
    """An operator's name in KQL and what parses the rest of it."""

    name: str
    parse: Callable[[Cursor, int], syntax.Operator]


OPERATORS: Mapping[str, OperatorParser] = {
    parser.name: parser
    for parser in (
        OperatorParser("where", _where),
        OperatorParser("filter", _where),
        OperatorParser("extend", _extend),
        OperatorParser("project", _project),
        OperatorParser("project-away", _project_away),
        OperatorParser("project-keep", _project_keep),
        OperatorParser("project-rename", _project_rename),
        OperatorParser("project-reorder", _project_reorder),
        OperatorParser("summarize", _summarize),
        OperatorParser("sort", _sort),
        OperatorParser("order", _sort),
        OperatorParser("top", _top),
        OperatorParser("take", _take),
        OperatorParser("limit", _take),
        OperatorParser("distinct", _distinct),
        OperatorParser("count", _count),
        OperatorParser("join", _join),
        OperatorParser("serialize", _serialize),
    )
}


def print_source(cursor: Cursor, start: int) -> syntax.Print:
    """`print name = value, ...`."""
    return syntax.Print(start, listed(cursor, named_expression))


def range_source(cursor: Cursor, start: int) -> syntax.Range:
    """`range name from low to high step step`."""
    name = cursor.name("a column's name").value
    cursor.expect("from", "after the column's name")
    low = expression(cursor)
    cursor.expect("to", "after the first value")
    high = expression(cursor)
    cursor.expect("step", "after the last value")
    return syntax.Range(start, name, low, high, expression(cursor))


def datatable_source(cursor: Cursor, start: int) -> syntax.DataTable:
    """`datatable(name: type, ...)[value, ...]`."""
    cursor.expect("(", "after 'datatable'")
    columns = [_column(cursor)]
    while cursor.accept(","):
        columns.append(_column(cursor))
    cursor.expect(")", "behind the columns")
    cursor.expect("[", "before the values")
    values: list[syntax.Expression] = []
    while not cursor.accept("]"):
        values.append(expression(cursor))
        if not cursor.at("]"):
            cursor.expect(",", "between the values")
    return syntax.DataTable(start, tuple(columns), tuple(values))


_TYPE_NAMES = {
    **{kind.value: kind for kind in ColumnType},
    "boolean": ColumnType.BOOL,
    "double": ColumnType.REAL,
    "date": ColumnType.DATETIME,
    "time": ColumnType.TIMESPAN,
    "uuid": ColumnType.GUID,
}


def _column(cursor: Cursor) -> syntax.ColumnDeclaration:
    name = cursor.name("a column's name")
    cursor.expect(":", "between a column and its type")
    kind = cursor.name("a type")
    if kind.value not in _TYPE_NAMES:
        raise cursor.wrong(f"there is no type '{kind.value}'", at=kind.start, hint=f"one of {', '.join(ColumnType)}")
    return syntax.ColumnDeclaration(name.start, name.value, _TYPE_NAMES[kind.value])
