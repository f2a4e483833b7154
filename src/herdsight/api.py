"""The verbs of `import herdsight`: the same as the command line's, with the same options."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, Unpack

import pyarrow as pa

from herdsight import querying
from herdsight.errors import QueryError
from herdsight.findings.model import Hunt
from herdsight.hunting import hunt as hunting
from herdsight.querying import Answer
from herdsight.telemetry import Options

Paths = str | Path | Sequence[str | Path]


class Reading(TypedDict, total=False):
    """How to read logs; see `herdsight.telemetry.Options` for what each means and its default."""

    local: str | Sequence[str]
    now: str | datetime
    since: str | datetime | None
    until: str | datetime | None
    tables: Sequence[tuple[str, str]]
    format_in: str | None
    memory: str
    threads: int | None


def query(kql: str, paths: Paths = (), **options: Unpack[Reading]) -> pa.Table:
    """The rows of one KQL query over logs, as Arrow.

    A datetime is timestamp[us] in UTC, a timespan duration[us], a dynamic JSON text; the KQL type of a column stands in
    its field's metadata under `kql:type`. `options` are those of `Reading`.

    >>> import herdsight
    >>> herdsight.query("print answer = 6 * 7").to_pylist()
    [{'answer': 42}]

    Raises:
        QueryError: the query is wrong, or the text holds more than one.
        InputError: the logs cannot be read.
    """
    found = query_all(kql, paths, **options)
    if len(found) > 1:
        lines = ", ".join(str(answer.first_line) for answer in found)
        raise QueryError(
            f"the text holds {len(found)} queries (at lines {lines})", code="HS041", hint="query_all() answers them all"
        )
    return found[0].table


def query_all(kql: str, paths: Paths = (), **options: Unpack[Reading]) -> list[Answer]:
    """The answers to all queries of a text, whose blocks are separated by blank lines; see `query`."""
    return list(querying.answers(kql, _paths(paths), _options(options)))


def hunt(paths: Paths, **options: Unpack[Reading]) -> Hunt:
    """Hunt through log files and folders: verdicts, findings, inputs and what was skipped.

    `options` are those of `Reading`.

    Raises:
        InputError: nothing could be read, or an option is wrong.
    """
    return hunting.hunt(_paths(paths), _options(options))


def _paths(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def _options(given: Reading) -> Options:
    """Options from keyword arguments; times may be datetimes, and a lone network a string."""
    known = {field.name for field in fields(Options)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(sorted(known))}")
        values[name] = value.isoformat() if isinstance(value, datetime) else value
    if isinstance(values.get("local"), str):
        values["local"] = (values["local"],)
    for name in ("local", "tables"):
        if name in values:
            values[name] = tuple(values[name])
    return Options(**values)
