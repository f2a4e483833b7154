"""Tuning entries as a watchlist of Microsoft Sentinel: its items, the template that makes it, a query that reads it."""

from herdsight.errors import InputError
from herdsight.exporting.microsoft.arm import resource, template
from herdsight.exporting.microsoft.watching import ALIAS, IN_FORCE, items, watchlist
from herdsight.exporting.model import Content, Export, File, RuleTarget

_MOST_BYTES = 3_800_000  # that a watchlist takes as a local file (learn.microsoft.com, sentinel/watchlists: limits)


def export_watchlists(content: Content) -> Export:
    """One watchlist of all entries.

    Raises:
        InputError: there is no entry, or there are more than a watchlist holds.
    """
    if not content.tuning:
        raise InputError("there are no tuning entries to export", hint="--tuning FILE has them")
    rows = items(content.tuning)
    if len(rows.encode()) > _MOST_BYTES:
        raise InputError(
            f"the tuning entries have more than {_MOST_BYTES / 10**6:g} MB, which a watchlist does not hold"
        )
    return Export(
        (
            File(f"{ALIAS}.csv", rows),
            File(f"{ALIAS}.json", template([resource("watchlists", ALIAS, watchlist(content.tuning))])),
            File(f"{ALIAS}.kql", IN_FORCE),
        )
    )


TARGET = RuleTarget(
    "sentinel-watchlists",
    "A watchlist of Microsoft Sentinel, of tuning entries.",
    export_watchlists,
    ("--tuning tuning.yaml",),
)
