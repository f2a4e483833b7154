"""`herdsight evaluate`: how right hunts are, on logs whose truth is known."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdsight.cli.options import evaluating, writing

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer
    from herdsight.telemetry import Options

_EPILOG = """\b
Examples:
  herdsight simulate beacon --out ./beacon && herdsight evaluate ./beacon/truth.yaml
  herdsight evaluate evaluation/*.yaml --data ./captures --level high --format json
  herdsight evaluate ./beacon/truth.yaml --timed
"""


@click.command(epilog=_EPILOG)
@click.argument("truths", metavar="TRUTH.yaml...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="HERDSIGHT_DATA",
    show_envvar=True,
    help="The folder that the logs of truth files are relative to.  [default: each file's own]",
)
@click.option(
    "--level",
    type=click.Choice(["low", "medium", "high"]),
    default="medium",
    show_default=True,
    help="How much the hunts tell; see `herdsight hunt`.",
)
@click.option(
    "--timed",
    is_flag=True,
    help="Also say how long it takes to find what was found, by hunting through ever more of the logs.",
)
@evaluating
@writing
def evaluate(  # noqa: PLR0913 - its options
    *, truths: tuple[Path, ...], data: Path | None, level: str, timed: bool, options: "Options", printer: "Printer"
) -> None:
    """Hunt through logs whose truth is known, and say what was found of it, and what was told without cause.

    A truth file names logs, who in them is malicious and how, and whose findings are false alerts. `herdsight simulate`
    writes one beside what it makes.
    """
    from dataclasses import replace

    from herdsight.evaluating import evaluate as evaluated

    with printer.bar:
        found = evaluated(truths, replace(options, level=level), data=data, timed=timed, progress=printer.bar)
    printer.evaluation(found)
