"""Runs the executed pairs of `kql/`: each query gives the rows, or the error, that stand beside it."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import herdsight
from herdsight.errors import QueryError
from herdsight.output import json_rows

FOLDER = Path(__file__).parent / "kql"
NAMES = sorted(path.stem for path in FOLDER.glob("*.kql"))


def directive(kql: str, name: str) -> list[str]:
    """What the opening comments say under the name, split at commas."""
    found = re.search(rf"^// {name}: (.+)$", kql, re.MULTILINE)
    return re.split(r",\s*", found[1].strip()) if found else []


def as_text(value: Any) -> str:
    """A value as JSON text, in which 1, 1.0 and true differ and the order of columns counts."""
    return json.dumps(value, ensure_ascii=False)


def comparable(rows: Iterable[dict[str, Any]], kql: str) -> list[str]:
    """The rows as text, without the orders that the pair leaves open."""
    sets = directive(kql, "set")
    lines = [
        as_text({name: sorted(value, key=as_text) if name in sets else value for name, value in row.items()})
        for row in rows
    ]
    return sorted(lines) if directive(kql, "rows") else lines


def pair(name: str) -> tuple[str, Any]:
    kql = (FOLDER / f"{name}.kql").read_text(encoding="utf-8")
    return kql, json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


ANSWERED = [name for name in NAMES if isinstance(pair(name)[1], list)]
REFUSED = [name for name in NAMES if name not in ANSWERED]


def test_every_query_has_its_answer_and_every_answer_its_query() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == NAMES
    assert ANSWERED
    assert REFUSED


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_says_what_is_promised_and_where(name: str) -> None:
    promise, source, *further = pair(name)[0].splitlines()
    assert re.fullmatch(r"// .+\.", promise)
    assert re.fullmatch(r'// Microsoft: "[^"]+"(, "[^"]+")*', source)
    comments = [line for line in further if re.match(r"// (rows|set):", line)]
    assert all(re.fullmatch(r"// rows: any order|// set: \w+(, \w+)*", line) for line in comments)


@pytest.mark.parametrize("name", ANSWERED)
def test_a_query_gives_its_rows(name: str) -> None:
    kql, expected = pair(name)
    table = herdsight.query(kql)
    assert comparable(json_rows(table), kql) == comparable(expected, kql)


@pytest.mark.parametrize("name", REFUSED)
def test_a_query_is_refused_with_its_error(name: str) -> None:
    kql, expected = pair(name)
    with pytest.raises(QueryError) as caught:
        herdsight.query(kql)
    error = caught.value
    assert type(error).__name__ == expected["error"]
    assert error.code
    assert error.place is not None
    assert error.place.line == expected.get("line", error.place.line)
    assert error.place.column == expected.get("column", error.place.column)
    assert expected.get("says", "") in f"{error.what} {error.hint or ''}"
    assert expected.get("hint", "") in (error.hint or "")
