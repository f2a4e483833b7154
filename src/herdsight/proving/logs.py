"""A case's rows as log files, and watchlists as CSV files, written and read as any other export is."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from herdsight import tables
from herdsight.rules.cases import Case, Cases, Counting, Scalar, Series

Row = dict[str, Scalar]


def write_case(case: Case, base: Mapping[str, Mapping[str, Scalar]], folder: Path) -> list[Path]:
    """Write a file of JSON lines for each table that a case has rows of; the files."""
    found: dict[str, list[Row]] = defaultdict(list)
    for series in case.rows:
        found[series.table].extend(rows_of(series, base.get(series.table, {})))
    files = []
    for name, rows in found.items():
        path = folder / f"{name}.json"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        files.append(path)
    return files


def write_watchlists(cases: Cases, folder: Path) -> tuple[tuple[str, str], ...]:
    """Write a CSV file for each watchlist of the cases; its name and the file's path, as options have them."""
    found = []
    for number, (name, items) in enumerate(cases.watchlists.items()):
        path = folder / f"watchlist{number}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(column for item in items for column in item)))
            writer.writeheader()
            writer.writerows(items)
        found.append((name, str(path)))
    return tuple(found)


def rows_of(series: Series, base: Mapping[str, Scalar]) -> Iterator[Row]:
    """The rows of a series."""
    time = tables.table(series.table).time
    for number in range(series.count):
        at = _utc(series.start) + number * series.every
        values = {name: _value(value, number) for name, value in {**base, **series.values}.items()}
        yield {time: at.isoformat(timespec="microseconds").replace("+00:00", "Z"), **values}


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _value(value: Counting | Scalar, row: int) -> Scalar:
    return value.value(row) if isinstance(value, Counting) else value
