"""`herdsight explain`: the rows behind a finding, and what to ask about it."""

from typing import TYPE_CHECKING

import click

from herdsight.cli.options import existing, reading, writing

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer
    from herdsight.telemetry import Options

_EPILOG = """\b
Examples:
  herdsight hunt ./logs --format json > hunt.json
  herdsight explain F1b4bc34b4e hunt.json
  herdsight explain F1b4bc34b4e hunt.json ./logs
  herdsight explain F1b4 hunt.json --store ./store --format json
"""


@click.command(epilog=_EPILOG)
@click.argument("finding", metavar="FINDING")
@click.argument("hunt", metavar="HUNT.json")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@reading
@writing
def explain(finding: str, hunt: str, paths: tuple[str, ...], options: "Options", printer: "Printer") -> None:
    """Explain a finding: its reasons, the rows behind it, and the questions that an analyst asks next.

    FINDING is the id of a finding, or the beginning of one; HUNT.json is what `herdsight hunt --format json` wrote (-
    for stdin). Each question comes with its query, in which the finding's host, places and times stand already. With
    the logs, each is answered as well.
    """
    from herdsight.findings.reading import read_hunt
    from herdsight.investigating import explain as explained

    logs = existing(paths)
    with printer.bar:
        found = explained(finding, read_hunt(hunt), logs, options, progress=printer.bar)
    printer.explained(found)
