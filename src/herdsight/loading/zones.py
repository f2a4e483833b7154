"""Time zones, for logs whose times do not tell theirs."""

from collections.abc import Iterator
from difflib import get_close_matches

from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import InputError
from herdsight.logs.formats import Layout
from herdsight.trees import call, column

LOCAL_TIMES = "times are in the local time of whoever wrote the file, and read as UTC"


def check_zone(engine: DuckDbEngine, zone: str | None) -> None:
    """Raise where the engine knows no time zone of that name."""
    if zone is None:
        return
    query = exp.select(column("name")).from_(exp.Table(this=call("pg_timezone_names")))
    known: list[str] = [row["name"] for row in engine.run(query).to_pylist()]
    if zone not in known:
        near = get_close_matches(zone, known, n=1) or ["Europe/Prague"]
        raise InputError(f"there is no time zone {zone!r}", hint=f"zones have names like {near[0]}")


def zone_notes(layout: Layout, zone: str | None) -> Iterator[str]:
    """What is said of a file whose times do not tell their zone."""
    if layout.zoneless:
        yield f"times are read as the local time of {zone}" if zone else LOCAL_TIMES
