"""Columns of Parquet files as SQL trees of the declared types."""

from sqlglot import exp

from herdsight.logs.head import StoredColumn
from herdsight.logs.values import cast, moment, string
from herdsight.tables import Column, ColumnType
from herdsight.trees import call, text

_TEXT_TYPES = ("string", "large_string", "string_view")
_SAME_TYPES = {
    ColumnType.INT: ("int32",),
    ColumnType.LONG: ("int64",),
    ColumnType.REAL: ("double",),
    ColumnType.BOOL: ("bool",),
}


def as_declared(tree: exp.Expr, stored: StoredColumn, declared: Column) -> exp.Expr:
    """A stored column as declared; as it is where its type is right, so that a scan costs little."""
    kind = stored.type
    if declared.type is ColumnType.DATETIME:
        return as_moment(tree, kind)
    if declared.type is ColumnType.STRING:
        words = tree if is_text(kind) else cast(tree, ColumnType.STRING)
        return string(words) if stored.nullable or not is_text(kind) else words
    if declared.type is ColumnType.DYNAMIC:
        return call("kql_dynamic", tree) if is_text(kind) else cast(call("to_json", tree), ColumnType.STRING)
    return tree if kind in _SAME_TYPES.get(declared.type, ()) else cast(tree, declared.type)


def is_text(kind: str) -> bool:
    """Whether the Arrow type is one of texts."""
    return kind in _TEXT_TYPES or kind.startswith("dictionary<values=string")


def as_moment(tree: exp.Expr, kind: str) -> exp.Expr:
    """A stored column of that Arrow type as a time in UTC."""
    if kind == "timestamp[us]":
        return tree
    if kind.startswith("timestamp") and "tz=" in kind:
        return call("timezone", text("UTC"), tree)
    return moment(tree) if is_text(kind) else cast(tree, ColumnType.DATETIME)
