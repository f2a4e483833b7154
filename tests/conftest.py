"""What several test modules share: writing logs to disk, and finding material that is not part of the repository."""

import csv
import json
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

Row = dict[str, Any]
Writer = Callable[[Iterable[Row]], Path]

SHARED_DATA_VARIABLE = "HERDSIGHT_SHARED_DATA"


def log_value(value: Any) -> Any:
    """A value as logs write it: instants as ISO text in UTC."""
    return value.isoformat(timespec="microseconds") + "Z" if isinstance(value, datetime) else value


def json_lines(rows: Iterable[Row]) -> str:
    """The rows as JSON lines."""
    written = (json.dumps({name: log_value(value) for name, value in row.items()}) for row in rows)
    return "".join(f"{line}\n" for line in written)


@pytest.fixture
def json_log(tmp_path: Path) -> Writer:
    """Writes rows as JSON lines, each call into a new file."""
    numbers = count(1)

    def write(rows: Iterable[Row]) -> Path:
        path = tmp_path / f"log{next(numbers)}.json"
        path.write_text(json_lines(rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def csv_log(tmp_path: Path) -> Writer:
    """Writes rows as CSV with a header, nulls as empty cells, each call into a new file."""
    numbers = count(1)

    def write(rows: Iterable[Row]) -> Path:
        path = tmp_path / f"log{next(numbers)}.csv"
        rows = list(rows)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows({name: log_value(value) for name, value in row.items()} for row in rows)
        return path

    return write


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of material that is not part of the repository; the test is skipped where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get(SHARED_DATA_VARIABLE, beside))
    if not folder.is_dir():
        pytest.skip(f"the shared data is not here: set {SHARED_DATA_VARIABLE} to its folder")
    return folder
