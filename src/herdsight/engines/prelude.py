"""The prelude of an engine: its kql_* functions, each declared when a statement first names it."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"\bkql_\w+", re.IGNORECASE)
_DECLARATION = re.compile(r"^CREATE MACRO (kql_\w+)", re.MULTILINE)


class Prelude:
    """Declares what statements need: SQL macros by `declare`, Python functions of the room `prelude` by `register`.

    There are hundreds of functions and a query names a few, so declaring all would be most of a short query's time.
    """

    def __init__(self, folder: str, declare: Callable[[str], object], register: Callable[[str], object]) -> None:
        self._macros = _macros(folder)
        self._declare = declare
        self._register = register
        self._done: set[str] = set()

    def provide(self, sql: str) -> None:
        """Declare all that the statement names and that is not declared yet."""
        for name in _NAME.findall(sql):
            self._provide_one(name.lower())

    def _provide_one(self, name: str) -> None:
        if name in self._done:
            return
        self._done.add(name)
        if name not in self._macros:
            self._register(name)
            return
        macro = self._macros[name]
        self.provide(macro)  # a macro's own parts first
        self._declare(macro)


@cache
def _macros(folder: str) -> Mapping[str, str]:
    """The CREATE MACRO statements of the engine's .sql files, by name."""
    found: dict[str, str] = {}
    for text in _texts(folder):
        for name, statement in _statements(text):
            assert name not in found, f"{name} is declared twice"  # noqa: S101 a fault of the files
            found[name] = statement
    return found


def _texts(folder: str) -> Iterator[str]:
    for file in files("herdsight.engines").joinpath(folder).iterdir():
        if file.name.endswith(".sql"):
            yield file.read_text(encoding="utf-8")


def _statements(text: str) -> Iterator[tuple[str, str]]:
    starts = list(_DECLARATION.finditer(text))
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        yield start[1], text[start.start() : following.start() if following else None]
