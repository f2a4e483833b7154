"""When what was typed is a whole query: behind an empty line, or a `;`."""

from collections.abc import Sequence

from herdsight.kql.lexer import Kind, Text, Token, lenient
from herdsight.kql.statements import is_open

_BINDING = ("let", "set", "declare", "alias", "restrict")  # statements that a query must follow


def is_ended(typed: str) -> bool:
    """Whether Enter behind the text ends it, and does not begin a new line.

    A command ends with its line. A query ends with an empty line, unless it is still open (a trailing `|`, a bracket,
    a let): then a second one ends it all the same. A `;` ends it at once.
    """
    if not typed.strip() or typed.lstrip().startswith("."):
        return True
    *before, last = typed.split("\n")
    if before and not last.strip():
        return not before[-1].strip() or not is_open(Text(typed))
    return _is_closed(lenient(Text(typed)))


def _is_closed(found: Sequence[Token]) -> bool:
    """Whether a `;` outside of all brackets is last, and what it ends is a query."""
    depth, first, ends = 0, found[0], False
    for position, token in enumerate(found[:-1]):
        ends = token.kind is Kind.MARK and token.value == ";" and depth == 0
        if token.kind is Kind.MARK:
            depth += (token.value in "([{") - (token.value in ")]}")
        if ends and found[position + 1].kind is not Kind.END:
            first = found[position + 1]
    return ends and first.value not in _BINDING
