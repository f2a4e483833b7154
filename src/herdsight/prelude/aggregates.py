"""The schema of dynamic values."""

from itertools import chain
from typing import Any

from herdsight.prelude.registry import Dynamic, function

_NAMES: dict[type, str] = {bool: "bool", int: "long", float: "double", str: "string", type(None): "null"}
_ELEMENTS = "`indexer`"


@function
def kql_schema(values: Dynamic) -> Dynamic | None:
    """The schema that the values of an array share; null of none."""
    return _schema(values) if values else None


def _schema(values: list[Any]) -> Any:
    """A type's name, the schemas of members by name, or an array of these where there are several."""
    found: list[Any] = sorted({_NAMES[type(value)] for value in values if type(value) in _NAMES})
    members: dict[str, list[Any]] = {}
    for name, value in chain.from_iterable(map(_members, values)):
        members.setdefault(name, []).append(value)
    if members or not found:
        found.append({name: _schema(each) for name, each in members.items()})
    return found[0] if len(found) == 1 else found


def _members(value: Any) -> list[tuple[str, Any]]:
    """What a bag holds by name; the elements of an array are all called alike."""
    if isinstance(value, dict):
        return list(value.items())
    return [(_ELEMENTS, element) for element in value] if isinstance(value, list) else []
