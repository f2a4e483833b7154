"""`herdsight import`: logs into a store, exactly once."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdsight.cli.options import loading, log_paths, wait, writing

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer
    from herdsight.telemetry import Options

_EPILOG = """\b
Examples:
  herdsight import ./logs --store ./store
  herdsight import /opt/zeek/logs --store /var/lib/herdsight --local 10.20.0.0/16
  herdsight hunt --store ./store --since 2026-11-30
"""


@click.command("import", epilog=_EPILOG)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, callback=log_paths)
@click.option("--store", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The store's folder.")
@wait
@loading
@writing
def import_(paths: tuple[Path, ...], store: Path, wait: float, options: "Options", printer: "Printer") -> None:
    """Take logs into a store: Parquet files by table and day, sorted by time, each record once.

    Import the same paths again and again, by hand or from a timer: what is in the store already is not added again,
    whether a file was renamed, packed or touched since; of a log that grew, the new records are added. An import that
    was killed is completed by the next. A last line that is still being written waits for the next import.
    """
    from herdsight.storing import import_logs

    with printer.bar:
        found = import_logs(paths, store, options, wait=wait, say=printer.say, progress=printer.bar)
    printer.imported(found)
