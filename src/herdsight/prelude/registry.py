"""The functions of this room by name, with the types that their annotations say.

A function takes and gives `str`, `int`, `float`, `bool`, `datetime` or a `Dynamic` (a JSON value). It is not called
where an argument is null, and the result is null, unless that parameter's annotation allows None.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import herdsight.prelude as room
from herdsight.tables import ColumnType

Dynamic = Annotated[Any, ColumnType.DYNAMIC]

_TYPES: dict[Any, ColumnType] = {
    str: ColumnType.STRING,
    int: ColumnType.LONG,
    float: ColumnType.REAL,
    bool: ColumnType.BOOL,
    datetime: ColumnType.DATETIME,
    Dynamic: ColumnType.DYNAMIC,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its type, and whether the function wants to see nulls."""

    type: ColumnType
    takes_null: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A Python function, the name that SQL calls it by, and its types."""

    name: str
    call: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    result: ColumnType

    def column(self, arguments: Sequence[Sequence[Any]]) -> list[Any]:
        """The results for columns of arguments; equal rows are computed once.

        A dynamic is JSON text on the way in and out.
        """
        known: dict[tuple[Any, ...], Any] = {}
        results = []
        for row in zip(*arguments, strict=True):
            if row not in known:
                known[row] = self._value(row)
            results.append(known[row])
        return results

    def _value(self, row: tuple[Any, ...]) -> Any:
        values = [
            _read(value) if value is not None and parameter.type is ColumnType.DYNAMIC else value
            for value, parameter in zip(row, self.parameters, strict=True)
        ]
        given = zip(values, self.parameters, strict=True)
        if any(value is None and not parameter.takes_null for value, parameter in given):
            return None
        try:
            result = self.call(*values)
        except (ArithmeticError, ValueError, RecursionError):  # too large, too deep: one row must not end a query
            return None
        if result is not None and self.result is ColumnType.DYNAMIC:
            result = _json_text(result)
        return _whole_characters(result) if isinstance(result, str) else result


def _whole_characters(text: str) -> str:
    """The text with a replacement for each half of a character, which JSON can spell and no engine takes."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read(text: str) -> Any:
    """A JSON value; null where it nests deeper, or holds a longer number, than Python reads."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:  # JSON has no word for what is no number; Kusto writes it as text
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    match value:
        case float() if value != value:  # noqa: PLR0124 only NaN differs from itself
            return "NaN"
        case float() if value in (float("inf"), float("-inf")):
            return "Infinity" if value > 0 else "-Infinity"
        case list():
            return [_finite(each) for each in value]
        case dict():
            return {key: _finite(each) for key, each in value.items()}
        case _:
            return value


_found: dict[str, Function] = {}


def function(call: Callable[..., Any]) -> Callable[..., Any]:
    """Declare a function under its own name, `kql_...`, with the types of its annotations."""
    hints = get_type_hints(call, include_extras=True)
    result = _parameter(hints.pop("return"))
    parameters = tuple(_parameter(hint) for hint in hints.values())
    _found[call.__name__] = Function(call.__name__, call, parameters, result.type)
    return call


@cache
def _all() -> dict[str, Function]:
    for module in iter_modules(room.__path__):
        import_module(f"{room.__name__}.{module.name}")
    return _found


def find(name: str) -> Function | None:
    """The function of that name; None where there is none."""
    return _all().get(name)


def names() -> tuple[str, ...]:
    """The names of all functions, in order."""
    return tuple(sorted(_all()))


def _parameter(hint: Any) -> Parameter:
    if get_origin(hint) in (Union, UnionType):
        options = [option for option in get_args(hint) if option is not NoneType]
        return Parameter(_TYPES[options[0]], takes_null=True)
    return Parameter(_TYPES[hint], takes_null=False)
