"""Small builders of SQL trees that several rooms share, so that no room writes SQL as text."""

import json
from collections.abc import Iterable
from datetime import datetime

from sqlglot import exp

from herdsight.tables import ColumnType

# A timespan is a count of microseconds in every engine: exact, ordered, and the same arithmetic everywhere, which
# SQL intervals are not. A dynamic is JSON text.
_SQL_TYPES = {
    ColumnType.BOOL: exp.DataType.Type.BOOLEAN,
    ColumnType.INT: exp.DataType.Type.INT,
    ColumnType.LONG: exp.DataType.Type.BIGINT,
    ColumnType.REAL: exp.DataType.Type.DOUBLE,
    ColumnType.DECIMAL: exp.DataType.Type.DECIMAL,
    ColumnType.STRING: exp.DataType.Type.VARCHAR,
    ColumnType.DATETIME: exp.DataType.Type.TIMESTAMP,
    ColumnType.TIMESPAN: exp.DataType.Type.BIGINT,
    ColumnType.DYNAMIC: exp.DataType.Type.VARCHAR,
    ColumnType.GUID: exp.DataType.Type.VARCHAR,
}


def sql_type(kind: ColumnType) -> exp.DataType:
    """The SQL type that carries a KQL type."""
    if kind is ColumnType.DECIMAL:
        return exp.DataType.build("DECIMAL(38, 10)")
    return exp.DataType(this=_SQL_TYPES[kind])


def column(name: str, table: str | None = None) -> exp.Column:
    """A quoted column reference."""
    return exp.column(
        exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True) if table else None
    )


def named(tree: exp.Expr, name: str) -> exp.Alias:
    """`tree AS "name"`."""
    return exp.Alias(this=tree, alias=exp.to_identifier(name, quoted=True))


def relation(name: str, schema: str | None = None, alias: str | None = None) -> exp.Table:
    """A quoted table reference."""
    return exp.Table(
        this=exp.to_identifier(name, quoted=True),
        db=exp.to_identifier(schema, quoted=True) if schema else None,
        alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)) if alias else None,
    )


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of an engine's own function by its own name, left as it is by every dialect."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def text(value: str) -> exp.Literal:
    """A string literal."""
    return exp.Literal.string(value)


def number(value: float) -> exp.Expr:
    """A number literal."""
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def null(kind: ColumnType) -> exp.Expr:
    """What stands for a missing value of that type: "" for a string, which KQL never holds null, else a typed NULL."""
    return text("") if kind is ColumnType.STRING else exp.Cast(this=exp.Null(), to=sql_type(kind))


def timestamp(moment: datetime) -> exp.Expr:
    """A timestamp literal; `moment` is in UTC, with or without its zone, to the microsecond."""
    naive = moment.replace(tzinfo=None)
    return exp.Cast(this=text(naive.isoformat(sep=" ", timespec="microseconds")), to=sql_type(ColumnType.DATETIME))


def literal(value: object) -> exp.Expr:
    """A Python value as a literal; a datetime is in UTC.

    Raises:
        TypeError: no literal stands for a value of that type.
    """
    match value:
        case None:
            return exp.null()
        case bool():
            return exp.Boolean(this=value)
        case int() | float():
            return number(value)
        case str():
            return text(value)
        case datetime():
            return timestamp(value)
    raise TypeError(f"no literal stands for a {type(value).__name__}")


def conjunction(conditions: Iterable[exp.Expr]) -> exp.Expr:
    """All of them; TRUE where there are none."""
    terms = list(conditions)
    return exp.and_(*terms) if terms else exp.true()


def json_text(value: object) -> str:
    """JSON text in one canonical form, for a dynamic constant."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
