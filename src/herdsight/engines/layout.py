"""SQL laid out to be read: no column is named twice, and columns that are only passed on, or empty, share lines."""

import re
from collections.abc import Iterator
from itertools import groupby

from sqlglot import exp

_WIDEST = 120  # characters of a line of columns
_NAME = r"\"[^\"]*\""
_PLAIN = re.compile(rf"(?P<indent> *)(?:{_NAME}(?:\.{_NAME})?|(?:''|CAST\(NULL AS \w+\)) AS {_NAME}),?")


def laid_out(tree: exp.Expr, dialect: str) -> str:
    """The tree as SQL of that dialect, which means the same as what is run."""
    sql: str = tree.transform(_named_once).sql(dialect=dialect, pretty=True, normalize_functions=False)
    if any("\n" in text.name for text in tree.find_all(exp.Literal, exp.Identifier)):
        return sql  # a line may be part of a text
    return "\n".join(_packed(sql.split("\n")))


def _named_once(node: exp.Expr) -> exp.Expr:
    """A column in place of the same column under its own name."""
    if isinstance(node, exp.Alias) and isinstance(node.this, exp.Column) and node.this.name == node.alias:
        return node.this
    return node


def _packed(lines: list[str]) -> Iterator[str]:
    """The lines, those that hold a plain column alone put together."""
    for indent, group in groupby(lines, _indent_of_plain):
        some = list(group)
        yield from some if indent is None else _wrapped(indent, [line.strip() for line in some])


def _wrapped(indent: str, columns: list[str]) -> Iterator[str]:
    line = indent + columns[0]
    for column in columns[1:]:
        if len(line) + len(column) + 1 > _WIDEST:
            yield line
            line = indent + column
        else:
            line += f" {column}"
    yield line


def _indent_of_plain(line: str) -> str | None:
    found = _PLAIN.fullmatch(line)
    return found["indent"] if found else None
