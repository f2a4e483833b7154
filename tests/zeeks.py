"""Zeek's logs as Zeek and its shippers write them, and what is asked of one."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import Row

import herdsight

NOON = datetime(2024, 5, 1, 12)  # noqa: DTZ001 times are UTC without saying so
TS = 1714564800.25  # a quarter of a second later

Way = Callable[[list[Row], str], str]


def in_json(rows: list[Row], path: str) -> str:
    """As JSON lines, with the log's name in each, as a shipper writes it."""
    return "".join(json.dumps({"_path": path, **row}) + "\n" for row in rows)


def in_plain_json(rows: list[Row], path: str) -> str:
    """As Zeek itself writes JSON: what log it is, only the file's name tells."""
    del path
    return "".join(json.dumps(row) + "\n" for row in rows)


def in_stream_json(rows: list[Row], path: str) -> str:
    """As shippers write that take dots for an object's members, with another key for the log's name."""
    return "".join(
        json.dumps({"@stream": path, **{name.replace(".", "_"): value for name, value in row.items()}}) + "\n"
        for row in rows
    )


def written(value: Any, set_separator: str = ",") -> str:
    """A value as tabbed logs have it."""
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, list):
        return set_separator.join(value) or "(empty)"
    return "-" if value is None else str(value) or "(empty)"


def in_lines(rows: list[Row], path: str, separator: str = "\t", set_separator: str = ",") -> str:
    """As Zeek writes by default; what a row lacks is unset."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = [
        f"#separator \\x{ord(separator):02x}",
        *(separator.join(each) for each in (("#set_separator", set_separator), ("#empty_field", "(empty)"))),
        *(separator.join(each) for each in (("#unset_field", "-"), ("#path", path), ("#fields", *names))),
    ]
    lines = [separator.join(written(row.get(name), set_separator) for name in names) for row in rows]
    return "\n".join([*head, *lines]) + "\n"


def in_labelled_lines(rows: list[Row], path: str) -> str:
    """With the columns that those add who know what each line was."""
    return in_lines([{**row, "label": "Benign", "detailedlabel": "(empty)"} for row in rows], path)


def in_other_lines(rows: list[Row], path: str) -> str:
    """With other separators than by default."""
    return in_lines(rows, path, "|", ";")


def in_nameless_lines(rows: list[Row], path: str) -> str:
    """Without the line that says which log it is."""
    return "".join(line for line in in_lines(rows, path).splitlines(keepends=True) if not line.startswith("#path"))


WAYS = pytest.mark.parametrize("way", [in_lines, in_json])
ALL_WAYS = pytest.mark.parametrize(
    "way",
    [in_lines, in_other_lines, in_labelled_lines, in_nameless_lines, in_json, in_plain_json, in_stream_json],
)


def asked(tmp_path: Path, text: str, kql: str) -> list[Row]:
    """The answer over a log with that text."""
    (tmp_path / "x.log").write_text(text, encoding="utf-8")
    return herdsight.query(kql, tmp_path / "x.log").to_pylist()


def told(row: Row) -> Row:
    """What a row says: no column that is missing or empty, nor those that every row of Zeek's has."""
    every = ("TimeGenerated", "EventStartTime", "EventCount", "EventVendor", "EventProduct", "Type")
    return {name: value for name, value in row.items() if value not in (None, "") and name not in every}
