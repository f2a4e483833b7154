"""Paths into a dynamic: a bag's property by name, an array's element by position."""

from herdsight.kql.functions.model import DYNAMIC, LONG, STRING, Scalar, calls
from herdsight.tables import ColumnType

_PAGE = "scalar-data-types/dynamic"

ROWS = (
    Scalar("[]", (DYNAMIC, STRING), ColumnType.DYNAMIC, calls("kql_member"), _PAGE),
    Scalar("[]", (DYNAMIC, LONG), ColumnType.DYNAMIC, calls("kql_item"), _PAGE),
)
