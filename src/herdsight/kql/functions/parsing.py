"""Texts with parts of their own: URLs, paths, comma-separated values, XML, command lines, versions."""

from herdsight.kql.functions.model import STRING, Naming, Scalar, calls
from herdsight.tables import ColumnType

_DYNAMIC = ColumnType.DYNAMIC
_ONE = (STRING,)

ROWS = (
    Scalar("parse_url", _ONE, _DYNAMIC, calls("kql_parse_url"), "parse-url-function"),
    Scalar("parseurl", _ONE, _DYNAMIC, calls("kql_parse_url"), "parse-url-function"),
    Scalar("parse_urlquery", _ONE, _DYNAMIC, calls("kql_parse_urlquery"), "parse-url-query-function"),
    Scalar("parse_path", _ONE, _DYNAMIC, calls("kql_parse_path"), "parse-path-function"),
    Scalar("parse_csv", _ONE, _DYNAMIC, calls("kql_parse_csv"), "parse-csv-function", Naming.ARGUMENT),
    Scalar("parse_xml", _ONE, _DYNAMIC, calls("kql_parse_xml"), "parse-xml-function", Naming.ARGUMENT),
    Scalar(
        "parse_command_line",
        (STRING, STRING),
        _DYNAMIC,
        calls("kql_command_line"),
        "parse-command-line-function",
    ),
    Scalar("parse_version", _ONE, ColumnType.DECIMAL, calls("kql_parse_version"), "parse-version-function"),
)
