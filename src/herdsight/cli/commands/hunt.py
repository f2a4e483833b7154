"""`herdsight hunt`: the main job."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdsight.cli.options import as_words, hunting, log_paths, writing

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer
    from herdsight.telemetry import Options

_REACHED = 1  # exit status: a finding is as bad as the user said

_EPILOG = """\b
Examples:
  herdsight hunt ./logs
  herdsight hunt conn.log.gz --local 10.20.0.0/16 --since 2026-11-30
  herdsight hunt ./logs --format json --fail-on high > hunt.json
  herdsight hunt --store ./store --since 2026-11-30
  herdsight hunt ./logs --tuning ours.yaml --level low
  herdsight hunt ./logs --indicators threatfox.csv --indicators c2.txt
"""


@click.command(epilog=_EPILOG)
@click.argument("paths", metavar="PATH...", nargs=-1, callback=log_paths)
@click.option(
    "--fail-on",
    type=click.Choice(["low", "medium", "high"]),
    help="End with status 1 when a finding is at least as severe.  [default: never]",
)
@hunting
@writing
def hunt(paths: tuple[Path, ...], fail_on: str | None, options: "Options", printer: "Printer") -> None:
    """Find the bots, relays and floods in log files and folders.

    Recognises each file by its content, runs every detection that the data can carry, and prints the hosts that
    need attention, ranked, with the reasons and the rows that prove them. Times are in UTC.
    """
    from herdsight.findings.model import Severity
    from herdsight.hunting.hunt import hunt as found_in

    with printer.bar:
        found = found_in(paths, options, progress=printer.bar)
    printer.hunt(found, (*map(_word, paths), *as_words(options)))
    if fail_on and any(finding.severity.rank >= Severity(fail_on).rank for finding in found.findings):
        raise click.exceptions.Exit(_REACHED)


def _word(path: Path) -> str:
    """A path as a word of a command line that is no option."""
    return f"./{path}" if str(path).startswith("-") else str(path)
