"""Queries on the surface of advanced hunting: its tables, their columns, and the name that it has for time.

Rules are written for Log Analytics. Both surfaces have the device tables and the others of Microsoft Defender; the
references of each say which columns they share.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any

from herdsight import tables
from herdsight.kql import plan, syntax
from herdsight.kql.lexer import Text, tokens
from herdsight.kql.rewrites.walk import scans
from herdsight.tables import ColumnType, Table

ANALYTICS_TIME, HUNTING_TIME = "TimeGenerated", "Timestamp"
_ANALYTICS_ONLY = frozenset(
    {ANALYTICS_TIME, "MachineGroup", "SourceSystem", "TenantId", "Type", "_BilledSize", "_IsBillable"}
)
_NOT_HUNTED = frozenset({"GCPAuditLogs"})  # a Timestamp of its own is all that it shares with those that are
_WATCHLIST = "_GetWatchlist"
_TEXT = frozenset({"AdditionalFields"})  # dynamic in Log Analytics, and JSON as text here


@cache
def hunting_tables() -> Mapping[str, Table]:
    """The tables of advanced hunting, as it has them."""
    known = (table for name, table in tables.DECLARED.items() if name not in _NOT_HUNTED)
    return {each.name: _hunted(each) for each in known if each.column(HUNTING_TIME)}


def _hunted(table: Table) -> Table:
    columns = (each for each in table.columns if each.name not in _ANALYTICS_ONLY)
    kept = tuple(replace(each, type=ColumnType.STRING) if each.name in _TEXT else each for each in columns)
    return replace(table, columns=kept, time=HUNTING_TIME)


def not_hunted(text: Text, relation: plan.Relation) -> Iterator[str]:
    """What a query reads that advanced hunting has not, in words; `relation` is its plan."""
    for name in dict.fromkeys(scan.table for scan in scans(relation)):
        if name not in hunting_tables():
            yield f"the table {name}"
    if any(each.value == _WATCHLIST for each in tokens(text)):
        yield f"{_WATCHLIST}()"


def hunted(statements: Sequence[syntax.Statement]) -> tuple[syntax.Statement, ...]:
    """The statements with the column of time under its other name, wherever they name it.

    Raises:
        RecursionError: they nest deeper than can be walked.
    """
    return tuple(_renamed(each) for each in statements)


def _renamed(node: Any) -> Any:
    """A node, a part of one, or several, with the name replaced; the values of literals are no names."""
    match node:
        case str() if node == ANALYTICS_TIME:
            return HUNTING_TIME
        case tuple():
            return tuple(map(_renamed, node))
        case syntax.Literal():
            return node
        case _ if is_dataclass(node) and not isinstance(node, type):
            return replace(node, **{each.name: _renamed(getattr(node, each.name)) for each in fields(node)})
        case _:
            return node
