"""`herdsight inspect`: what logs are, before anything is looked for in them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdsight.cli.options import inspecting, log_paths, writing

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer
    from herdsight.telemetry import Options

_EPILOG = """\b
Examples:
  herdsight inspect ./logs
  herdsight inspect conn.log.gz --format json
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", metavar="PATH...", nargs=-1, callback=log_paths)
@inspecting
@writing
def inspect(paths: tuple[Path, ...], options: "Options", printer: "Printer") -> None:
    """Say of every file what it is and what of it can be read.

    The format, recognised by content, and the table that its rows are of; how many rows, how many records were rejected
    and why, with the first of them; the time that it covers; the columns that it fills; and the detections that it can
    carry alone.
    """
    from herdsight.hunting.inspection import inspect as inspected

    with printer.bar:
        found = inspected(paths, options, progress=printer.bar)
    printer.inspection(found)
