"""The parsers of the tabular operators and sources, one function each, in tables by name."""

from collections.abc import Mapping

from herdsight.kql.cursor import Cursor
from herdsight.kql.lexer import Kind
from herdsight.kql.operators import columns, groups, rows, tables
from herdsight.kql.operators.common import OperatorParser
from herdsight.kql.operators.groups import scalar_parameters
from herdsight.kql.operators.sources import SOURCES

__all__ = ["OPERATORS", "REASONS", "SOURCES", "UNSUPPORTED", "operator_name", "scalar_parameters"]

OPERATORS: Mapping[str, OperatorParser] = {
    parser.name: parser for parser in (*rows.PARSERS, *columns.PARSERS, *groups.PARSERS, *tables.PARSERS)
}

# What the language has beside these, by the reason why it is not here: a reader is told that, and not "unknown".
REASONS: Mapping[str, tuple[str, ...]] = {
    "a query gives one table: write a query for each": ("facet", "fork"),
    "graphs are not here": (
        *("graph-match", "graph-mark-components", "graph-shortest-paths", "graph-to-table", "graph-where-edges"),
        *("graph-where-nodes", "make-graph"),
    ),
    "only a cluster has it": ("execute-and-cache", "macro-expand", "partitionby"),
    "it is not done yet": ("reduce",),
}
UNSUPPORTED: Mapping[str, str] = {name: why for why, names in REASONS.items() for name in names}


def operator_name(cursor: Cursor) -> str:
    """The operator's name, hyphens included (project-away), stepped over."""
    first = cursor.name("an operator after '|'")
    name, end = first.value, first.end
    while cursor.at("-") and cursor.next.start == end and cursor.ahead(1).kind is Kind.NAME:
        cursor.take()
        part = cursor.take()
        name, end = f"{name}-{part.value}", part.end
    return name
