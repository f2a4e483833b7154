"""What leaves the program as text: safe on a terminal, exact as JSON, plain as CSV, pleasant as a page."""

from herdsight.output.files import Form, write_hunt, write_records, write_table
from herdsight.output.safe import printable
from herdsight.output.values import json_rows, json_text, timespan

__all__ = [
    "Form",
    "json_rows",
    "json_text",
    "printable",
    "timespan",
    "write_hunt",
    "write_records",
    "write_table",
]
