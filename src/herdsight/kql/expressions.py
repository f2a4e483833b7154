"""The expression parser (Pratt): one loop, with each operator's binding power in a table."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from math import inf, nan

from herdsight.errors import QueryError
from herdsight.kql import syntax
from herdsight.kql.cursor import Cursor
from herdsight.kql.lexer import LEAST, Kind, Token, too_large
from herdsight.kql.literals import datetime_micros, datetime_text, timespan_micros, timespan_text
from herdsight.kql.reserved import VALUES
from herdsight.tables import ColumnType

_OR, _AND, EQUALITY, ORDER, _SUM, _PRODUCT, SIGN = range(1, 8)

_LISTS = ("in", "!in", "in~", "!in~", "has_any", "has_all")
_BETWEEN = ("between", "!between")
_WORDS = (
    "has",
    "contains",
    "startswith",
    "endswith",
    "hasprefix",
    "hassuffix",
)
POWERS = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(("==", "!=", "<>", "=~", "!~", ":", *_LISTS, *_BETWEEN), EQUALITY),
    **{f"{sign}{word}{case}": EQUALITY for word in _WORDS for sign in ("", "!") for case in ("", "_cs")},
    "matches": EQUALITY,
    **dict.fromkeys(("<", ">", "<=", ">="), ORDER),
    **dict.fromkeys(("+", "-"), _SUM),
    **dict.fromkeys(("*", "/", "%"), _PRODUCT),
}


def expression(cursor: Cursor, power: int = 0) -> syntax.Expression:
    """Parse an expression whose operators bind tighter than `power`.

    Raises:
        QueryError: the tokens do not make one.
    """
    cursor.deeper()
    left = _prefix(cursor)
    while (binding := _power(cursor.next)) > power:
        left = _infix(cursor, left, binding)
    cursor.depth -= 1
    return left


def named_expression(cursor: Cursor) -> syntax.Expression:
    """`name = expression`, or an expression alone: a column's definition, or an argument."""
    start = cursor.next.start
    if cursor.at("(") and _unpacks(cursor):
        return _unpacking(cursor)
    if names_something(cursor):
        name = cursor.new_name("a name")
        cursor.take()
        return syntax.Assignment(start, name.value, expression(cursor))
    return expression(cursor)


def listed(
    cursor: Cursor, item: Callable[[Cursor], syntax.Expression], closing: tuple[str, ...] = ()
) -> tuple[syntax.Expression, ...]:
    """Items separated by commas; none where one of `closing` comes at once."""
    if cursor.at(*closing):
        return ()
    items = [item(cursor)]
    while cursor.accept(","):
        items.append(item(cursor))
    return tuple(items)


def _unpacks(cursor: Cursor) -> bool:
    """Whether `(a, b) =` comes next."""
    distance = 1
    while width := _width_of_name(cursor, distance):
        distance += width + 1
        if not cursor.sees(distance - 1, ","):
            return cursor.sees(distance - 1, ")") and cursor.sees(distance, "=")
    return False


def _unpacking(cursor: Cursor) -> syntax.Unpacking:
    start = cursor.take().start
    names = [cursor.new_name("a name").value]
    while cursor.accept(","):
        names.append(cursor.new_name("a name").value)
    cursor.expect(")", "behind the names")
    cursor.expect("=", "behind the names")
    return syntax.Unpacking(start, tuple(names), expression(cursor))


def names_something(cursor: Cursor) -> bool:
    """Whether `name =` comes next, the name bare or in brackets."""
    width = _width_of_name(cursor, 0)
    return width > 0 and cursor.sees(width, "=")


def _width_of_name(cursor: Cursor, distance: int) -> int:
    """How many tokens a name takes that stands there: one bare, three in brackets; 0 where there is none."""
    if cursor.ahead(distance).kind is Kind.NAME:
        return 1
    opens = cursor.sees(distance, "[") and cursor.ahead(distance + 1).kind is Kind.STRING
    return 3 if opens and cursor.sees(distance + 2, "]") else 0


def _power(token: Token) -> int:
    return POWERS.get(token.value, 0) if token.kind in (Kind.MARK, Kind.NAME) else 0


def _infix(cursor: Cursor, left: syntax.Expression, binding: int) -> syntax.Expression:
    token = cursor.take()
    cursor.larger()
    operator = token.value
    if operator in _BETWEEN:
        return _between(cursor, left, token)
    if operator in _LISTS:
        return syntax.Membership(token.start, operator, left, _list(cursor, operator))
    if operator == "matches":
        cursor.expect("regex", "after 'matches'")
        operator = "matches regex"
    return syntax.Binary(token.start, "!=" if operator == "<>" else operator, left, expression(cursor, binding))


def _between(cursor: Cursor, value: syntax.Expression, token: Token) -> syntax.Between:
    cursor.expect("(", f"after '{token.value}'")
    low = expression(cursor)
    cursor.expect("..", "between the two ends")
    high = expression(cursor)
    cursor.expect(")", "behind the upper end")
    return syntax.Between(token.start, value, low, high, negated=token.value.startswith("!"))


def _list(cursor: Cursor, operator: str) -> tuple[syntax.Expression, ...]:
    cursor.expect("(", f"after '{operator}'")
    items = listed(cursor, _inside, (")",))
    cursor.expect(")", "behind the list")
    return items


def argument(cursor: Cursor) -> syntax.Expression:
    """An argument: a value, a named value, or a query."""
    return _inside(cursor, named_expression)


def _inside(cursor: Cursor, value_of: Callable[[Cursor], syntax.Expression] = expression) -> syntax.Expression:
    """What stands in parentheses: a value, or a query."""
    if (source := cursor.source(cursor)) is not None:
        return cursor.pipeline(cursor, source)
    value = value_of(cursor)
    if cursor.at("|"):
        if not isinstance(value, syntax.Source):
            raise cursor.wrong("a query begins with a table")
        return cursor.pipeline(cursor, value)
    return value


def _prefix(cursor: Cursor) -> syntax.Expression:
    if cursor.at("-", "+"):
        sign = cursor.take()
        if cursor.next.value == str(-LEAST) and cursor.next.kind is Kind.LONG and sign.value == "-":
            cursor.take()
            return syntax.Literal(sign.start, LEAST, ColumnType.LONG)
        return _signed(sign, expression(cursor, SIGN))
    if cursor.at("*"):
        return syntax.Star(cursor.take().start)
    return _postfix(cursor, _atom(cursor))


def _signed(sign: Token, operand: syntax.Expression) -> syntax.Expression:
    if sign.value == "+":
        return operand
    if (
        isinstance(operand, syntax.Literal)
        and operand.type in _SIGNED
        and isinstance(operand.value, int | float)
        and operand.value not in (LEAST, -_INT_REACH)  # whose negatives may not be of the type
    ):
        return replace(operand, start=sign.start, value=-operand.value)
    return syntax.Unary(sign.start, "-", operand)


_SIGNED = (ColumnType.INT, ColumnType.LONG, ColumnType.REAL, ColumnType.DECIMAL, ColumnType.TIMESPAN)


def _postfix(cursor: Cursor, value: syntax.Expression) -> syntax.Expression:
    while cursor.at(".", "["):
        mark = cursor.take()
        if mark.value == "." and cursor.at("[") and cursor.ahead(1).kind is not Kind.STRING:
            mark = cursor.take()  # d.[key] is d[key]
        if mark.value == ".":
            value = syntax.Member(mark.start, value, cursor.new_name("a property's name after '.'", VALUES).value)
        else:
            value = syntax.Index(mark.start, value, expression(cursor))
            cursor.expect("]", "behind the index")
    return value


def _atom(cursor: Cursor) -> syntax.Expression:
    token = cursor.next
    match token.kind:
        case Kind.STRING:
            return string(cursor)
        case Kind.LONG:
            if int(token.value) == -LEAST:
                raise too_large(cursor.text.place(token.start))
            return syntax.Literal(cursor.take().start, int(token.value), ColumnType.LONG)
        case Kind.REAL:
            return syntax.Literal(cursor.take().start, float(token.value), ColumnType.REAL)
        case Kind.TIMESPAN:
            return _from_text(cursor, cursor.take().value, ColumnType.TIMESPAN, token.start)
        case Kind.RAW:
            return _raw(cursor)
        case Kind.NAME:
            return _named(cursor)
    if cursor.at("("):
        return _parenthesised(cursor)
    if cursor.at("["):
        name = cursor.name("an expression")
        return syntax.Name(name.start, name.value)
    raise cursor.wrong("expected an expression")


def string(cursor: Cursor) -> syntax.Literal:
    """A string, of one token or several beside each other."""
    first = cursor.take()
    value = first.value
    while cursor.next.kind is Kind.STRING:  # strings beside each other are one
        value += cursor.take().value
    return syntax.Literal(first.start, value, ColumnType.STRING)


def _parenthesised(cursor: Cursor) -> syntax.Expression:
    cursor.take()
    value = _inside(cursor)
    cursor.expect(")", "to close the parenthesis")
    return value


def _named(cursor: Cursor) -> syntax.Expression:
    token = cursor.take()
    if token.value in _BOOLS:
        return syntax.Literal(token.start, _BOOLS[token.value], ColumnType.BOOL)
    cursor.larger()
    if not cursor.at("("):
        return syntax.Name(token.start, cursor.free(token).value)
    if token.value == "typeof":
        return syntax.TypeOf(token.start, type_of(cursor))
    cursor.take()
    if token.value == "dynamic":
        value: syntax.Literal | syntax.Call = _dynamic(cursor)
    elif token.value in _TYPED:
        value = _typed(cursor, _TYPED[token.value])
    else:
        return call(cursor, token)
    cursor.expect(")", f"to close {token.value}(")
    return replace(value, start=token.start)


_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def call(cursor: Cursor, name: Token) -> syntax.Call:
    """The arguments of a call whose name and opening parenthesis are read, and the closing one."""
    arguments = listed(cursor, argument, (")",))
    cursor.larger(len(arguments))
    cursor.expect(")", f"behind the arguments of {name.value}")
    return syntax.Call(name.start, name.value, arguments)


_TYPED = {
    "bool": ColumnType.BOOL,
    "boolean": ColumnType.BOOL,
    "int": ColumnType.INT,
    "long": ColumnType.LONG,
    "real": ColumnType.REAL,
    "double": ColumnType.REAL,
    "decimal": ColumnType.DECIMAL,
    "datetime": ColumnType.DATETIME,
    "date": ColumnType.DATETIME,
    "timespan": ColumnType.TIMESPAN,
    "time": ColumnType.TIMESPAN,
    "guid": ColumnType.GUID,
}
TYPE_NAMES = {
    **{kind.value: kind for kind in ColumnType},
    "boolean": ColumnType.BOOL,
    "double": ColumnType.REAL,
    "date": ColumnType.DATETIME,
    "time": ColumnType.TIMESPAN,
    "uuid": ColumnType.GUID,
    "uniqueid": ColumnType.GUID,
    "object": ColumnType.DYNAMIC,
}


def type_name(cursor: Cursor) -> ColumnType:
    """A type by its name.

    Raises:
        QueryError: there is no such type.
    """
    kind = cursor.name("a type")
    if kind.value not in TYPE_NAMES:
        raise cursor.wrong(f"there is no type '{kind.value}'", at=kind.start, hint=f"one of {', '.join(ColumnType)}")
    return TYPE_NAMES[kind.value]


def type_of(cursor: Cursor) -> ColumnType:
    """`(long)`, behind typeof."""
    cursor.expect("(", "after 'typeof'")
    kind = type_name(cursor)
    cursor.expect(")", "behind the type")
    return kind


_REALS = {"nan": nan, "inf": inf}
_INT_REACH = 2**31


def _typed(cursor: Cursor, kind: ColumnType) -> syntax.Literal | syntax.Call:
    """What stands between the parentheses of long(...), real(...), bool(...) and the like."""
    start = cursor.next.start
    sign = -1 if cursor.accept("-") else 1
    cursor.accept("+")
    token = cursor.take()
    if token.value == "null":
        return syntax.Literal(start, None, kind)
    if token.kind is Kind.STRING:
        return _from_text(cursor, token.value, kind, start)
    if kind is ColumnType.BOOL and token.value in (*_BOOLS, "0", "1"):
        return syntax.Literal(start, token.value.lower() in ("true", "1"), kind)
    if kind is ColumnType.REAL and token.value in _REALS:
        return syntax.Literal(start, sign * _REALS[token.value], kind)
    if kind in (ColumnType.INT, ColumnType.LONG) and token.kind is Kind.LONG:
        number = sign * int(token.value)
        if number == -LEAST:
            raise too_large(cursor.text.place(token.start))
        if kind is ColumnType.INT and not -_INT_REACH <= number < _INT_REACH:
            what = "the number does not fit in 32 bits"
            raise cursor.wrong(what, at=token.start, code="HS003", hint="write long(...)")
        return syntax.Literal(start, number, kind)
    if kind in (ColumnType.REAL, ColumnType.DECIMAL) and token.kind in (Kind.LONG, Kind.REAL):
        return _real(start, sign * float(token.value), f"{'-' if sign < 0 else ''}{token.value}", kind)
    raise cursor.wrong(f"'{token.text}' is no {kind} literal", at=token.start)


def _real(start: int, value: float, text: str, kind: ColumnType) -> syntax.Literal | syntax.Call:
    """A number with a fraction; a decimal that no real is equal to is read from its text, so that no digit is lost."""
    if kind is ColumnType.DECIMAL and Decimal(text) != Decimal(str(value)):
        return syntax.Call(start, "todecimal", (syntax.Literal(start, text, ColumnType.STRING),))
    return syntax.Literal(start, value, kind)


def _raw(cursor: Cursor) -> syntax.Literal:
    token = cursor.take()
    name, _, inside = token.value.partition("(")
    return _from_text(cursor, inside.rstrip()[:-1].strip(), _TYPED[name.strip()], token.start)


_LONGEST = 100  # characters of a literal that has a form
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def _from_text(cursor: Cursor, text: str, kind: ColumnType, start: int) -> syntax.Literal:
    if text == "null":
        return syntax.Literal(start, None, kind)
    if len(text) > _LONGEST:
        raise _no_literal(cursor, text, kind, start)
    try:
        match kind:
            case ColumnType.DATETIME:
                return syntax.Literal(start, datetime_micros(text), kind)
            case ColumnType.TIMESPAN:
                return syntax.Literal(start, timespan_micros(text), kind)
            case ColumnType.GUID if _GUID.fullmatch(text):
                return syntax.Literal(start, text.lower(), kind)
    except ArithmeticError:
        raise cursor.unsupported("a time finer than a microsecond", start) from None
    except ValueError:
        raise _no_literal(cursor, text, kind, start) from None
    raise _no_literal(cursor, text, kind, start)


def _no_literal(cursor: Cursor, text: str, kind: ColumnType, start: int) -> QueryError:
    text = text[:_LONGEST]
    if kind is ColumnType.DATETIME and re.search(r"\d.*[/A-Za-z]", text.upper().replace("T", "").removesuffix("Z")):
        return cursor.unsupported(f"the form of datetime({text})", start)
    return cursor.wrong(f"'{text}' is no {kind} literal", at=start, hint=_FORM_HINTS.get(kind))


_FORM_HINTS = {
    ColumnType.DATETIME: "write 2024-05-31 or 2024-05-31T10:00:00Z",
    ColumnType.TIMESPAN: "write 5m or 1.02:03:04",
    ColumnType.GUID: "write 74be27de-1e4e-49d9-b579-fe0b331d3642",
}


def _dynamic(cursor: Cursor) -> syntax.Literal:
    start = cursor.next.start
    return syntax.Literal(start, _json(cursor), ColumnType.DYNAMIC)


def _json(cursor: Cursor) -> syntax.Value:
    """A JSON value as dynamic(...) holds it: KQL's own literals may stand inside."""
    cursor.deeper()
    if cursor.accept("["):
        value: syntax.Value = _json_array(cursor)
    elif cursor.accept("{"):
        value = _json_bag(cursor)
    elif cursor.accept("null"):
        value = None
    else:
        literal = _prefix(cursor)
        if not isinstance(literal, syntax.Literal):
            raise _not_json(cursor, literal)
        value = _json_value(literal)
    cursor.depth -= 1
    return value


def _json_value(literal: syntax.Literal) -> syntax.Value:
    """A literal as JSON holds it: times as their texts."""
    if isinstance(literal.value, int) and literal.type is ColumnType.DATETIME:
        return datetime_text(literal.value)
    if isinstance(literal.value, int) and literal.type is ColumnType.TIMESPAN:
        return timespan_text(literal.value)
    return literal.value


def _json_array(cursor: Cursor) -> list[syntax.Value]:
    items: list[syntax.Value] = []
    while not cursor.accept("]"):
        items.append(_json(cursor))
        if not cursor.at("]"):
            cursor.expect(",", "between the items of an array")
    return items


def _json_bag(cursor: Cursor) -> dict[str, syntax.Value]:
    bag: dict[str, syntax.Value] = {}
    while not cursor.accept("}"):
        if cursor.next.kind is not Kind.STRING:
            raise cursor.wrong("expected a property's name in quotes")
        key = cursor.take().value
        cursor.expect(":", "behind a property's name")
        bag[key] = _json(cursor)
        if not cursor.at("}"):
            cursor.expect(",", "between the properties of a bag")
    return bag


def _not_json(cursor: Cursor, found: syntax.Expression) -> QueryError:
    return cursor.wrong("dynamic(...) holds a constant", at=found.start)
