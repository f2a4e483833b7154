"""A hunt read back from its JSON."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from herdsight.errors import InputError, Place
from herdsight.findings.model import SCHEMA, Finding, Hunt
from herdsight.texts import read_text

_MOST_BYTES = 500_000_000  # a hundred thousand findings have a fifth of it
_MOST_ROWS = 2**63 - 1  # the engine counts so far
_LAST_PORT = 65_535


def read_hunt(path: str | Path) -> Hunt:
    """A hunt from what `hunt --format json` wrote; `-` is stdin.

    Raises:
        InputError: the file cannot be read, or is none, or was edited into what no hunt says.
    """
    text = read_text(path, holds="a hunt's JSON", most=_MOST_BYTES)
    try:
        hunt = Hunt.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise _no_hunt(path, f"{where}: {first['msg']}") from error
    for fault in _faults(hunt):
        raise _no_hunt(path, fault)
    return hunt


def _no_hunt(path: str | Path, why: str) -> InputError:
    hint = "write one with: herdsight hunt ./logs --format json > hunt.json"
    return InputError(f"not a hunt's JSON: {why}", place=Place(str(path)), hint=hint)


def _faults(hunt: Hunt) -> Iterator[str]:
    """What the types allow and no hunt says: most formats cannot hold it."""
    if hunt.schema_version != SCHEMA:
        yield f"it is of schema {hunt.schema_version}, and this version reads {SCHEMA}"
    for number, each in enumerate(hunt.findings):
        for fault in _faults_of(each):
            yield f"findings.{number}.{fault}"


def _faults_of(finding: Finding) -> Iterator[str]:
    if finding.probability is not None and not 0 <= finding.probability <= 1:
        yield f"probability: {finding.probability} is not from 0 to 1"
    if not 0 <= finding.count <= _MOST_ROWS:
        yield f"count: {finding.count} is not from 0 to {_MOST_ROWS}"
    for port in finding.ports:
        if not 0 <= port <= _LAST_PORT:
            yield f"ports: {port} is not from 0 to {_LAST_PORT}"
