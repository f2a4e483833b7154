"""What several test modules share: writing logs to disk, and finding material that is not part of the repository."""

import csv
import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
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


ZEEK_FIELDS = (
    *("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration"),
    *("orig_bytes", "resp_bytes", "conn_state", "local_orig", "local_resp", "history", "orig_pkts", "resp_pkts"),
)


def zeek_conn(rows: Iterable[Row]) -> str:
    """The rows as a conn.log, under Zeek's names of the fields; what a row lacks is unset."""

    def written(value: Any) -> str:
        return f"{value.replace(tzinfo=UTC).timestamp():.6f}" if isinstance(value, datetime) else str(value)

    head = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    lines = ("\t".join(written(row.get(name, "-")) for name in ZEEK_FIELDS) for row in rows)
    return head + "\t".join(("#fields", *ZEEK_FIELDS)) + "\n" + "".join(f"{line}\n" for line in lines)


@pytest.fixture
def zeek_log(tmp_path: Path) -> Writer:
    """Writes rows as Zeek's conn.log, each call into a new file."""
    numbers = count(1)

    def write(rows: Iterable[Row]) -> Path:
        path = tmp_path / f"conn{next(numbers)}.log"
        path.write_text(zeek_conn(rows), encoding="utf-8")
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


def utc(moment: datetime) -> datetime:
    """A time that carries its zone as the naive one in UTC, which the fixtures are written in."""
    return moment.astimezone(UTC).replace(tzinfo=None)
