"""IP addresses, which KQL holds as text."""

from herdsight import trees
from herdsight.kql.functions.model import STRING, Scalar
from herdsight.tables import ColumnType

ROWS = (
    Scalar(
        "ipv4_is_private",
        (STRING,),
        ColumnType.BOOL,
        lambda ip: trees.call("kql_ipv4_is_private", ip.sql),
        "ipv4-is-private-function",
    ),
)
