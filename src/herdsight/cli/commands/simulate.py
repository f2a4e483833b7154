"""`herdsight simulate`: telemetry of a behaviour, with what is true of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdsight.cli.options import parameter_pairs, writing

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer

_EPILOG = """\b
Examples:
  herdsight simulate --list
  herdsight simulate beacon --out ./beacon --set period_s=60 --set jitter=0.5
  herdsight simulate relay --out ./relay --background 50 --days 3 --as zeek,suricata --seed 7
  herdsight simulate page-test-1 --live --set attempts=5 --set gap_s=1
"""


@click.command(epilog=_EPILOG)
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="List the behaviours, what they mean, and their parameters.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where to write: an empty or a new folder.")
@click.option(
    "--as",
    "forms",
    metavar="FORMS",
    default="zeek,defender",
    show_default=True,
    help="Forms of logs, between commas: zeek, defender, cef, sysmon, suricata, argus.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed, the same bytes.")
@click.option(
    "--background",
    metavar="HOSTS",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Put it into the traffic of an ordinary office with so many hosts.",
)
@click.option("--days", type=float, metavar="N", help="How long it goes on.  [default: the behaviour's own]")
@parameter_pairs
@click.option("--live", is_flag=True, help="Run a test of the page for real, on loopback alone; it writes no logs.")
@writing
def simulate(  # noqa: PLR0913, PLR0917 - its options
    name: str | None,
    listed: bool,
    out: Path | None,
    forms: str,
    seed: int,
    background: int,
    days: float | None,
    pairs: tuple[tuple[str, str], ...],
    live: bool,
    printer: "Printer",
) -> None:
    """Write telemetry of a behaviour as logs, and a truth file that says who is what.

    A behaviour is made from its parameters and a seed, and written by the same code that the formats are tested with:
    logs/FORM/DAY/... and truth.yaml. What a form cannot carry is left out, and said.
    """
    from herdsight.simulation.simulate import behaviours
    from herdsight.simulation.simulate import simulate as simulated

    if listed:
        printer.behaviours(behaviours())
        return
    if name is None:
        raise click.UsageError("name a behaviour; `herdsight simulate --list` has them all.")
    if live:
        _run_live(name, dict(pairs), printer)
        return
    if out is None:
        raise click.UsageError("say where to write: --out DIR.")
    some = [each.strip() for each in forms.split(",") if each.strip()]
    found = simulated(name, out, forms=some, seed=seed, background=background, number_of_days=days, values=dict(pairs))
    printer.simulation(found)


def _run_live(name: str, values: dict[str, str], printer: "Printer") -> None:
    from herdsight.findings.simulated import Live
    from herdsight.simulation.live import run_live

    opened = run_live(name, values, lambda one: printer.say(f"{one.address} port {one.port}: {one.outcome}"))
    printer.live(Live(name=name, opened=opened))
