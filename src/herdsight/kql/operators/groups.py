"""Operators over groups of rows: summarize, make-series, partition, top-nested, scan."""

from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.expressions import EQUALITY, expression, listed, named_expression, names_something, type_name
from herdsight.kql.operators.common import OperatorParser, parameters, rest_of_query, sub_query
from herdsight.kql.reserved import VALUES


def _summarize(cursor: Cursor, start: int) -> syntax.Summarize:
    parameters(cursor)
    aggregates = listed(cursor, named_expression, ("by",))
    keys = listed(cursor, named_expression) if cursor.accept("by") else ()
    return syntax.Summarize(start, aggregates, keys)


def _make_series(cursor: Cursor, start: int) -> syntax.MakeSeries:
    kind = parameters(cursor, "kind").get("kind")
    items = [_series(cursor)]
    while cursor.accept(","):
        items.append(_series(cursor))
    cursor.expect("on", "behind the series")
    axis = _axis(cursor)
    low, high, inclusive = None, None, cursor.accept("in")
    if inclusive:
        low, high, step = _range(cursor)
    else:
        low = expression(cursor) if cursor.accept("from") else None
        high = expression(cursor) if cursor.accept("to") else None
        cursor.expect("step", "behind the axis")
        step = expression(cursor)
    keys = listed(cursor, named_expression) if cursor.accept("by") else ()
    return syntax.MakeSeries(start, tuple(items), axis, low, high, step, inclusive, kind == "nonempty", keys)


def _axis(cursor: Cursor) -> syntax.Expression:
    """What stands before `in range(...)`, which is no test of membership here."""
    start = cursor.next.start
    if names_something(cursor):
        name = cursor.new_name("a name").value
        cursor.take()
        return syntax.Assignment(start, name, expression(cursor, EQUALITY))
    return expression(cursor, EQUALITY)


def _series(cursor: Cursor) -> syntax.SeriesItem:
    value = named_expression(cursor)
    default = None
    if cursor.accept("default"):
        cursor.expect("=", "after 'default'")
        default = expression(cursor)
    return syntax.SeriesItem(value.start, value, default)


def _range(cursor: Cursor) -> tuple[syntax.Expression, syntax.Expression, syntax.Expression]:
    cursor.expect("range", "after 'in'")
    cursor.expect("(", "after 'range'")
    low = expression(cursor)
    cursor.expect(",", "behind the first value")
    high = expression(cursor)
    cursor.expect(",", "behind the last value")
    step = expression(cursor)
    cursor.expect(")", "behind the step")
    return low, high, step


def _partition(cursor: Cursor, start: int) -> syntax.Partition:
    parameters(cursor)
    cursor.expect("by", "after 'partition'")
    key = cursor.new_name("a column", VALUES)
    name = syntax.Name(key.start, key.value)
    if not cursor.accept("{"):
        return syntax.Partition(start, name, sub_query(cursor, "behind the column"))
    query = rest_of_query(cursor, cursor.next.start)
    cursor.expect("}", "behind the sub-query")
    return syntax.Partition(start, name, query.operators, query.source)


def _top_nested(cursor: Cursor, start: int) -> syntax.TopNested:
    levels = [_level(cursor)]
    while cursor.accept(","):
        for word in ("top", "-", "nested"):
            cursor.expect(word, "at the next level")
        levels.append(_level(cursor))
    return syntax.TopNested(start, tuple(levels))


def _level(cursor: Cursor) -> syntax.Level:
    start = cursor.next.start
    count = None if cursor.at("of") else expression(cursor)
    cursor.expect("of", "at a level of top-nested")
    value, others = named_expression(cursor), None
    if cursor.accept("with"):
        cursor.expect("others", "after 'with'")
        cursor.expect("=", "after 'others'")
        others = expression(cursor)
    cursor.expect("by", "behind the level's value")
    by = named_expression(cursor)
    descending = not cursor.accept("asc")
    if descending:
        cursor.accept("desc")
    return syntax.Level(start, count, value, others, by, descending)


def _scan(cursor: Cursor, start: int) -> syntax.Scan:
    match_id = parameters(cursor, "with_match_id").get("with_match_id")
    declared: tuple[syntax.Parameter, ...] = ()
    if cursor.accept("declare"):
        declared = scalar_parameters(cursor)
    cursor.expect("with", "before the steps of scan")
    cursor.expect("(", "before the steps of scan")
    steps = []
    while not cursor.accept(")"):
        steps.append(_step(cursor))
        if not cursor.at(")"):
            cursor.expect(";", "behind a step")
    if not steps:
        raise cursor.wrong("scan has no step", at=start)
    return syntax.Scan(start, match_id, declared, tuple(steps))


def _step(cursor: Cursor) -> syntax.Step:
    start = cursor.expect("step", "at the beginning of a step").start
    name = cursor.name("a step's name").value
    optional = cursor.accept("optional")
    output = parameters(cursor, "output").get("output", "all")
    if output not in ("all", "last", "none"):
        raise cursor.wrong(f"there is no output '{output}'", at=start, hint="one of all, last, none")
    cursor.expect(":", "before the step's condition")
    condition = expression(cursor)
    assignments: list[syntax.Assignment] = []
    if cursor.accept("=>"):
        for item in listed(cursor, named_expression):
            if not isinstance(item, syntax.Assignment):
                raise cursor.wrong("a step assigns name = value", at=item.start)
            assignments.append(item)
    return syntax.Step(start, name, output, optional, condition, tuple(assignments))


def scalar_parameters(cursor: Cursor) -> tuple[syntax.Parameter, ...]:
    """`(name: type = default, ...)`, of columns that scan declares or a query's parameters."""
    cursor.expect("(", "before the declared names")
    found = []
    while not cursor.accept(")"):
        name = cursor.new_name("a name")
        cursor.expect(":", "between a name and its type")
        kind = type_name(cursor)
        default = expression(cursor) if cursor.accept("=") else None
        found.append(syntax.Parameter(name.start, name.value, kind, (), default))
        if not cursor.at(")"):
            cursor.expect(",", "between the declared names")
    return tuple(found)


PARSERS = (
    OperatorParser("summarize", _summarize),
    OperatorParser("make-series", _make_series),
    OperatorParser("partition", _partition),
    OperatorParser("top-nested", _top_nested),
    OperatorParser("scan", _scan),
)
