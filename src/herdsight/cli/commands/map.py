"""`herdsight map`: a mapping proposed for a log of a product that is not known."""

from pathlib import Path

import click

from herdsight.cli.options import log_paths

_EPILOG = """\b
Examples:
  herdsight map proxy.csv
  herdsight map sensor.json -o sensor.yaml
  herdsight map sensor.json --table ASimDnsActivityLogs
"""


def _one_log(context: click.Context, parameter: click.Parameter, name: str) -> Path:
    return log_paths(context, parameter, (name,))[0]


@click.command(epilog=_EPILOG)
@click.argument("path", metavar="PATH", callback=_one_log)
@click.option(
    "-o", "output", metavar="FILE", help="Write it here; a file that is there is never touched.  [default: stdout]"
)
@click.option("--table", metavar="NAME", help="The table that its records become rows of.  [default: guessed]")
def map(path: Path, output: str | None, table: str | None) -> None:  # noqa: A001 - a command has the name of its function
    """Propose how to read a log of a product that is not known.

    Looks at the columns of a CSV, TSV, JSON or Parquet file and writes a mapping: which column is the time and in what
    unit, which are the addresses, ports and so on, each with the reason in a comment. What is missing stands there as
    TODO, what is not used as a list. It asks nothing and changes no log. Check what it says, then give it to any
    command with --mapping.
    """
    from herdsight.mapping.proposal import proposed
    from herdsight.texts import write_new

    text = proposed(path, table, Path(output) if output else None)
    if output is None:
        click.echo(text, nl=False)
        return
    write_new(Path(output), text)
    lines = text.splitlines()
    todo = sum(line.lstrip().startswith("# TODO") for line in lines)
    click.echo(f"{output} is written{f', with {todo} TODO' if todo else ''}. Check it, then run:", err=True)
    click.echo(lines[-2].removeprefix("#"), err=True)
