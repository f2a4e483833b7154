"""Printing a syntax tree and parsing it again gives the same tree, and the printed text is its own printing."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from herdsight.errors import QueryError
from herdsight.kql.lexer import Text
from herdsight.kql.printing import printed
from herdsight.kql.statements import blocks, parse

FOLDER = Path(__file__).parent / "kql"
PAIRS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.kql"))}


def plain(node: Any) -> Any:
    """A tree as nested tuples without places, in which 1, 1.0 and true differ and NaN equals itself."""
    if is_dataclass(node):
        parts = [(field.name, plain(getattr(node, field.name))) for field in fields(node) if field.name != "start"]
        return type(node).__name__, *parts
    if isinstance(node, tuple | list):
        return tuple(map(plain, node))
    if isinstance(node, dict):
        return tuple((name, plain(value)) for name, value in node.items())
    return type(node).__name__, repr(node)


def check_printing(block: Text) -> None:
    tree = parse(block).statements
    text = printed(tree)
    (again,) = blocks(Text(text))
    assert plain(parse(again).statements) == plain(tree), text
    assert printed(parse(again).statements) == text


@pytest.mark.parametrize("name", PAIRS)
def test_a_printed_query_is_the_query(name: str) -> None:
    for part in parsable(PAIRS[name]):
        check_printing(part)


def parsable(text: str) -> list[Text]:
    """The blocks of a text; none where one is no query, which is what some pairs are about."""
    try:
        parts = list(blocks(Text(text)))
        for part in parts:
            parse(part)
    except QueryError:
        return []
    return parts
