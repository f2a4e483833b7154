"""KQL written by us: literals and conditions as text that the parser reads back."""

from collections.abc import Iterable
from datetime import datetime

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def literal_text(value: object) -> str:
    """A value as a KQL literal.

    Raises:
        TypeError: no literal stands for a value of that type.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return '"' + "".join(_character(each) for each in value) + '"'
        case datetime():
            return f"datetime({value.isoformat(timespec='microseconds')}Z)"
    raise TypeError(f"no KQL literal stands for a {type(value).__name__}")


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


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
