"""Rows that no query names: what operators are made of."""

from sqlglot import exp

from herdsight.kql.functions.model import ANY, DYNAMIC, STRING, Aggregate, Scalar, calls, first
from herdsight.tables import ColumnType

# The value of a column that is the same throughout its group.
ANY_VALUE = Aggregate(
    "any value", (ANY,), first, lambda value: exp.AnyValue(this=value.sql), "take-any-aggregation-function", ""
)

# An order of rows that depends on what they hold and on nothing else.
ROW_ORDER = Scalar(
    "row order",
    (ANY,),
    ColumnType.LONG,
    lambda *values: exp.Anonymous(this="hash", expressions=[v.sql for v in values]),
    "sample-operator",
    variadic=True,
)

# The bag of the keys and values that a text holds.
PARSE_KV = Scalar("parse-kv", (STRING, DYNAMIC), ColumnType.DYNAMIC, calls("kql_parse_kv"), "parse-kv-operator")

# What kind of value a dynamic holds, as bag_unpack tells columns apart: long, real, bool, string, dynamic, or "".
VALUE_KIND = Scalar("value kind", (DYNAMIC,), ColumnType.STRING, calls("kql_value_kind"), "bag-unpack-plugin")

# A bag without what is null or empty in it.
FILLED = Scalar("filled", (DYNAMIC,), ColumnType.DYNAMIC, calls("kql_filled"), "pack-all-function")

ROWS = (ROW_ORDER,)
