"""Findings as CSV, safe to open in a spreadsheet."""

from io import StringIO

from herdsight.exporting.model import FindingTarget
from herdsight.findings.model import Hunt
from herdsight.output.files import write_hunt


def _write(hunt: Hunt) -> str:
    file = StringIO()
    write_hunt(hunt, "csv", file)
    return file.getvalue()


TARGET = FindingTarget("csv", "Findings as CSV, a line each; no cell is taken for a formula.", _write)
