"""XML as dynamic values: elements by name, attributes behind an @, texts as #text."""

from typing import Any
from xml.parsers import expat

from herdsight.prelude.registry import Dynamic, function

_LONGEST = 1 << 20  # bytes; Kusto reads no longer ones either
_DEEPEST = 128  # elements in one another, so that what reads the JSON can follow
_TEXT = "#text"


class _RefusedError(Exception):
    """A document type, or elements too deep in one another: well-formed, and not read all the same."""


@function
def kql_parse_xml(text: str) -> Dynamic:
    """The document as a bag of its root; null where it is not well-formed, or declares a document type."""
    encoded = text.encode(errors="replace")
    if len(encoded) > _LONGEST:
        return None
    try:
        return _Document(encoded).root
    except (expat.ExpatError, _RefusedError):
        return None


class _Document:
    """A document that is read from start to end, and the elements that are open meanwhile."""

    def __init__(self, encoded: bytes) -> None:
        self.root: dict[str, Any] = {}
        self._open = [self.root]
        self._texts: list[str] = []  # since the last tag
        parser = expat.ParserCreate("utf-8")  # whatever the document says: it has been decoded before
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._texts.append
        # No document type, no entities: neither files that they name nor texts that they multiply.
        parser.StartDoctypeDeclHandler = self._refuse
        parser.Parse(encoded, True)

    def _refuse(self, *_: object) -> None:
        raise _RefusedError

    def _start(self, _name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > _DEEPEST:
            raise _RefusedError
        self._end_text()
        self._open.append({f"@{name}": value for name, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._end_text()
        element = self._open.pop()
        _add(self._open[-1], name, _value(element))

    def _end_text(self) -> None:
        if text := "".join(self._texts).strip():
            _add(self._open[-1], _TEXT, text)
        self._texts.clear()


def _add(element: dict[str, Any], name: str, value: Any) -> None:
    """Put a part into an element; parts of one name make an array."""
    if name not in element:
        element[name] = value
    elif isinstance(element[name], list):
        element[name].append(value)
    else:
        element[name] = [element[name], value]


def _value(element: dict[str, Any]) -> Any:
    """An element as a value: null where it is empty, its text where it has nothing else."""
    if not element:
        return None
    return element[_TEXT] if element.keys() == {_TEXT} else element
