"""The verbs of `import herdsight`: the same as the command line's, with the same options."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from herdsight import querying
from herdsight.errors import QueryError
from herdsight.findings.model import Hunt
from herdsight.hunting import hunt as hunting
from herdsight.querying import Answer
from herdsight.telemetry import Options

Paths = str | Path | Sequence[str | Path]


def query(kql: str, paths: Paths = (), **options: Any) -> pa.Table:
    """The rows of one KQL query over logs, as Arrow.

    A datetime is timestamp[us] in UTC, a timespan duration[us], a dynamic JSON text; the KQL type of a column stands in
    its field's metadata under `kql:type`. `options` are those of `herdsight.telemetry.Options`.

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


def query_all(kql: str, paths: Paths = (), **options: Any) -> list[Answer]:
    """The answers to all queries of a text, whose blocks are separated by blank lines; see `query`."""
    return list(querying.answers(kql, _paths(paths), _options(options)))


def hunt(paths: Paths, **options: Any) -> Hunt:
    """Hunt through log files and folders: verdicts, findings, inputs and what was skipped.

    `options` are those of `herdsight.telemetry.Options`.

    Raises:
        InputError: nothing could be read, or an option is wrong.
    """
    return hunting.hunt(_paths(paths), _options(options))


def _paths(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def _options(given: dict[str, Any]) -> Options:
    """Options from keyword arguments; times may be datetimes, and a lone network a string."""
    options: dict[str, Any] = {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in given.items()
    }
    if isinstance(options.get("local"), str):
        options["local"] = (options["local"],)
    for name in ("local", "tables"):
        if name in options:
            options[name] = tuple(options[name])
    return Options(**options)
