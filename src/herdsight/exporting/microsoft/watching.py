"""Tuning entries as a watchlist of Microsoft Sentinel: an item each, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from herdsight.output import json_text
from herdsight.output.files import guarded
from herdsight.tuning.model import Entry

ALIAS = "HerdsightTuning"
KEY = "Name"
_LISTS = ("Host", "Remote", "Domain", "Port", "Process", "Detection")
_COLUMNS = (KEY, "Why", *_LISTS, "Until")

# A watchlist holds an item until somebody takes it out: whether an entry still holds is asked with each run.
_READ = ",\n".join(f"    {each} = todynamic({each})" for each in _LISTS)
IN_FORCE = f"""\
// The tuning entries that hold today. A list that is empty asks for nothing; of the others, one value each must fit.
_GetWatchlist("{ALIAS}")
| project {KEY} = tostring({KEY}), Why = tostring(Why), Until = todatetime(Until),
{_READ}
| where isnull(Until) or now() < Until + 1d
"""


def items(entries: Iterable[Entry]) -> str:
    """The items as CSV with a header; a condition's values are a JSON list, which is empty where there is none."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    writer.writerows(map(_item, entries))
    return file.getvalue()


def _item(entry: Entry) -> Sequence[str]:
    lists = [json_text([*map(_plain, getattr(entry, each.lower()) or ())]) for each in _LISTS]
    until = entry.until.isoformat() if entry.until else ""
    return [guarded(entry.name), guarded(entry.why), *lists, until]


def _plain(value: object) -> object:
    return value if isinstance(value, int) else str(value)


def watchlist(entries: Iterable[Entry]) -> dict[str, object]:
    """The watchlist's properties, as the API has them."""
    return {
        "displayName": "Herdsight tuning",
        "description": "What Herdsight leaves out, and why: an item each of its tuning entries.",
        "provider": "Herdsight",
        "source": f"{ALIAS}.csv",
        "sourceType": "Local file",
        "watchlistAlias": ALIAS,
        "itemsSearchKey": KEY,
        "numberOfLinesToSkip": 0,
        "contentType": "text/csv",
        "rawContent": items(entries),
    }
