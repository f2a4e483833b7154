"""`herdsight store`: what a store holds, and how to look after it."""

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from herdsight.cli.options import wait, writing
from herdsight.errors import InputError

if TYPE_CHECKING:
    from herdsight.cli.printing import Printer

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class _Age(click.ParamType[timedelta]):
    """A number of days or weeks."""

    name = "AGE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = re.fullmatch(r"(\d{1,5})([dw])", str(value))
        if not found:
            self.fail(f"{value!r} is no age; write it like 90d or 12w.", param, ctx)
        return timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))


class _Size(click.ParamType[int]):
    """A number of bytes with its unit."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([KMGT]B)", str(value), re.IGNORECASE)
        if not found:
            self.fail(f"{value!r} is no size; write it like 500MB or 50GB.", param, ctx)
        return int(float(found[1]) * _UNITS[found[2].upper()])


_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))

_EPILOG = """\b
Examples:
  herdsight store info ./store
  herdsight store verify ./store
  herdsight store compact ./store
  herdsight store drop ./store --older-than 90d --over 50GB --dry-run
"""


@click.group(epilog=_EPILOG)
def store() -> None:
    """Look after a store that `herdsight import` made."""


@store.command()
@_folder
@click.option("--sources", is_flag=True, help="List where the rows came from in place of the tables.")
@writing
def info(folder: Path, sources: bool, printer: "Printer") -> None:
    """Say what a store holds: tables, rows, days, size; or its sources."""
    from herdsight.storing import store_info

    printer.store(store_info(folder), sources=sources)


@store.command()
@_folder
@writing
def verify(folder: Path, printer: "Printer") -> None:
    """Check that every Parquet file is there, as it was written. Ends with status 2 where one is not."""
    from herdsight.storing import verify_store

    with printer.bar:
        found = verify_store(folder, progress=printer.bar)
    printer.verified(found)
    if found.troubles:
        hint = "drop what came from the sources of those days, and import these again"
        raise InputError(f"{folder}: the store is not whole", hint=hint)


@store.command()
@_folder
@wait
@writing
def compact(folder: Path, wait: float, printer: "Printer") -> None:
    """Put small Parquet files of one day together: many imports leave many, and fewer are read faster."""
    from herdsight.storing import compact_store

    with printer.bar:
        found = compact_store(folder, wait=wait, say=printer.say, progress=printer.bar)
    printer.store_change(found, "were")


@store.command()
@_folder
@click.option("--older-than", "age", type=_Age(), help="Days of events that lie further back, such as 90d.")
@click.option(
    "--over", "size", type=_Size(), help="The oldest days, until the rest has no more than this, such as 50GB."
)
@click.option("--table", metavar="NAME", help="All rows of one table.")
@click.option(
    "--source",
    metavar="GLOB",
    help="All that came from these files, by their whole path (as info --sources lists it) or their name; they may be"
    " imported again then.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and drop nothing.")
@wait
@writing
def drop(  # noqa: PLR0913, PLR0917 - an option each
    folder: Path,
    age: timedelta | None,
    size: int | None,
    table: str | None,
    source: str | None,
    dry_run: bool,
    wait: float,
    printer: "Printer",
) -> None:
    """Let go of what is old, too much, or a mistake.

    Where several are named, each goes. What is dropped by age, size or table is not imported again from the same files.
    """
    from herdsight.storing import Dropping, drop_from_store

    dropping = Dropping(age, size, table, source)
    if dropping == Dropping():
        raise click.UsageError("say what to drop: --older-than, --over, --table or --source.")
    found = drop_from_store(folder, dropping, dry_run=dry_run, wait=wait, say=printer.say)
    printer.store_change(found, "would be" if dry_run else "were")
