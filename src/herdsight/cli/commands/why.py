"""`herdsight why`: why a rule or a query gave nothing."""

from typing import TYPE_CHECKING

import click

from herdsight.cli.options import existing, parameters, reading, writing

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer
    from herdsight.telemetry import Options

_EPILOG = """\b
Examples:
  herdsight why beacon-fixed-endpoint ./logs --host desk-1
  herdsight why relay-in-then-out --store ./store --host 192.0.2.10 --since 2026-11-30
  herdsight why ./rules/irc.yaml ./logs
  herdsight why hunt.kql ./logs --host desk-1 --host desk-2
  herdsight why -e 'DeviceNetworkEvents | summarize n = count() by DeviceName | where n > 9' ./logs
"""


@click.command(epilog=_EPILOG)
@click.argument("arguments", metavar="[RULE] PATH...", nargs=-1)
@click.option("-e", "kql", metavar="KQL", help="A query itself, in place of RULE.")
@click.option(
    "--host",
    "hosts",
    metavar="HOST",
    multiple=True,
    help="Ask about this host: a name or an address; may be given several times.  [default: all rows]",
)
@click.option(
    "--groups",
    type=click.IntRange(1, 300),
    default=5,
    show_default=True,
    help="Candidate groups that are shown with each of their conditions.",
)
@parameters
@reading
@writing
def why(  # noqa: PLR0913, PLR0917 click gives options as arguments
    arguments: tuple[str, ...],
    kql: str | None,
    hosts: tuple[str, ...],
    groups: int,
    options: "Options",
    printer: "Printer",
) -> None:
    """Say why a rule or a query gave nothing: stage by stage, condition by condition.

    RULE is the short name or id of a shipped rule, a rule's YAML file, or a .kql file (- for stdin). Shown are all
    stages of its pipeline with the rows that are left; where the rows of the host vanish, the conditions that they
    miss; and for the groups that came nearest each condition with its value, its threshold and the distance. A rule is
    replayed on its schedule, and the run that came nearest is shown. What conditions on rows stopped is followed
    further as if these had not been asked, and marked so.

    A host is known by the column that the rule says, followed through its query; for a query without a rule, and
    where that column has it nowhere, by all columns that name a device or an end of a connection.
    """
    from herdsight import explaining
    from herdsight.ruling import subject_of

    if kql is None and not arguments:
        raise click.UsageError("give a RULE, a file, or -e KQL.", click.get_current_context())
    subject = explaining.of_query(kql) if kql is not None else subject_of(arguments[0])
    paths = existing(arguments if kql is not None else arguments[1:])
    with subject.sourced(), printer.bar:
        found = explaining.why(subject, paths, options, hosts=hosts, groups=groups, progress=printer.bar)
    printer.why(found)
