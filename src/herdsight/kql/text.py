"""KQL written by us: literals, names and conditions as text that the parser reads back."""

import math
import re
from collections.abc import Iterable
from datetime import datetime

from herdsight.kql.literals import DAY, micros, moment
from herdsight.kql.syntax import Value
from herdsight.tables import ColumnType

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BARE = re.compile(r"\$?[A-Za-z_][A-Za-z_\d]*")
_UNITS = {
    "d": DAY,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1000,
    "microseconds": 1,
}  # from the longest, in microseconds


def literal_text(value: object) -> str:
    """A value as a KQL literal.

    Raises:
        TypeError: no literal stands for a value of that type.
    """
    match value:
        case bool():
            return typed_text(value, ColumnType.BOOL)
        case int():
            return typed_text(value, ColumnType.LONG)
        case float():
            return typed_text(value, ColumnType.REAL)
        case str():
            return typed_text(value, ColumnType.STRING)
        case datetime():
            return typed_text(micros(value), ColumnType.DATETIME)
    raise TypeError(f"no KQL literal stands for a {type(value).__name__}")


def typed_text(value: Value, kind: ColumnType) -> str:
    """A value of a literal in the syntax tree as KQL, of the same value and the same type."""
    if kind is ColumnType.DYNAMIC:
        return f"dynamic({_json_text(value)})"
    match value:
        case None:
            return f"{kind}(null)"
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value) if kind is ColumnType.STRING else f"{kind}({_quoted(value)})"
        case int() if kind is ColumnType.DATETIME:
            return f"datetime({moment(value).isoformat(timespec='microseconds')}Z)"
        case int() if kind is ColumnType.TIMESPAN:
            return _span_text(value)
        case int() | float() if kind in (ColumnType.LONG, ColumnType.REAL):
            return _number_text(value)
        case _:
            return f"{kind}({value})"


def name_text(name: str, reserved: Iterable[str] = ()) -> str:
    """A name as KQL, in brackets where it would be read as something else: `reserved` are words that would."""
    return name if _BARE.fullmatch(name) and name not in reserved else f"[{_quoted(name)}]"


def condition_text(column: str, values: Iterable[object]) -> str:
    """The condition that a column has one of these values; None stands for null."""
    given = list(values)
    parts = [f"isnull({column})"] if None in given else []
    some = [literal_text(value) for value in given if value is not None]
    if len(some) == 1:
        parts.append(f"{column} == {some[0]}")
    elif some:
        parts.append(f"{column} in ({', '.join(some)})")
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def _json_text(value: Value) -> str:
    """A value as JSON, in which what is no number to JSON is one of KQL's literals."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number_text(value)
        case str():
            return _quoted(value)
        case list():
            return f"[{', '.join(_json_text(item) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{_quoted(name)}: {_json_text(item)}' for name, item in value.items())}}}"


def _number_text(value: float) -> str:
    return str(value) if math.isfinite(value) else f"real({value})"


def _span_text(length: int) -> str:
    """A timespan in the longest unit that it is a whole number of."""
    unit = next(unit for unit, size in _UNITS.items() if length % size == 0) if length else "s"
    return f"{length // _UNITS[unit]}{unit}"


def _quoted(text: str) -> str:
    return '"' + "".join(_character(each) for each in text) + '"'


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
