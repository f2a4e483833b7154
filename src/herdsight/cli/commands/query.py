"""`herdsight query`: any KQL over logs."""

from typing import TYPE_CHECKING

import click

from herdsight.cli.options import existing, parameters, reading, writing
from herdsight.cli.questions import asked, asks_for_prompt

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer
    from herdsight.telemetry import Options

_EPILOG = """\b
Examples:
  herdsight query rule.kql ./logs
  herdsight query -e 'DeviceNetworkEvents | summarize count() by RemoteIP | top 10 by count_' ./logs
  herdsight query -e 'print 2h + 30m'
  herdsight query --explain rule.kql
  herdsight query rule.kql ./logs --watchlist VIPs=vips.csv --parameter threshold=25
  herdsight query ./logs
  herdsight query rule.kql --store ./store
"""


@click.command(epilog=_EPILOG)
@click.argument("arguments", metavar="[FILE.kql] PATH...", nargs=-1)
@click.option("-e", "kql", metavar="KQL", help="The query itself, in place of FILE.kql.")
@click.option("--explain", is_flag=True, help="Show the plan and the SQL, and run nothing; needs no PATH.")
@parameters
@reading
@writing
def query(arguments: tuple[str, ...], kql: str | None, explain: bool, options: "Options", printer: "Printer") -> None:
    """Run KQL over log files and folders.

    The query stands in FILE.kql (- for stdin) or after -e. Blocks that are separated by blank lines run in turn. A
    query that names no log table (print, datatable, range) needs no PATH. Times are in UTC.

    On a terminal a call without a query opens a prompt: it reads the logs once and answers what is typed. Without -e
    the first argument is the query's file, unless it is a folder, or a log that is not named *.kql.
    """
    if kql is None and not explain and printer.for_people and asks_for_prompt(arguments, options):
        from herdsight.cli.prompt.loop import run

        run(existing(arguments), options, printer)
        return
    from herdsight import querying

    question = asked(arguments, kql)
    with question.sourced():
        if explain:
            parts = querying.explanations(question.text, question.paths, options, source=question.source)
            printer.explanations(parts)
        else:
            found = querying.answers(
                question.text, question.paths, options, source=question.source, progress=printer.bar
            )
            printer.answers(found)
