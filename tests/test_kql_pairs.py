"""Runs the executed pairs of `kql/`: each query gives the rows, or the error, that stand beside it."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

import herdsight
from herdsight.errors import QueryError
from herdsight.kql import syntax
from herdsight.kql.binding.plugins import PLUGINS
from herdsight.kql.binding.scalars import SPECIAL
from herdsight.kql.functions import AGGREGATES, SCALARS, WINDOWS
from herdsight.kql.lexer import Kind, Text, Token, tokens
from herdsight.kql.operators import OPERATORS, SOURCES
from herdsight.kql.statements import blocks, parse
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


# --- that nothing is left out -----------------------------------------------------------------------------------------

FILES = frozenset({"externaldata"})  # reads a file, which a pair has not: see test_kql_surroundings


def operators_in(found: list[Token]) -> Iterator[str]:
    """The operators of a text, hyphens included, as it spells them."""
    for position, token in enumerate(found):
        if token.kind is Kind.MARK and token.value in ("|", "("):
            name = found[position + 1].value
            for hyphen, part in zip(found[position + 2 :: 2], found[position + 3 :: 2], strict=False):
                if hyphen.value != "-" or part.kind is not Kind.NAME:
                    break
                name += f"-{part.value}"
            yield name


def names_in(part: object) -> Iterator[str]:
    """The functions, and the operators within expressions, that a part of a syntax tree calls."""
    match part:
        case syntax.Call(name=name):
            yield name
        case syntax.Binary(operator=operator) | syntax.Membership(operator=operator):
            yield operator
        case syntax.Between(negated=negated):
            yield "!between" if negated else "between"
        case syntax.Unary():
            yield "negate"
        case syntax.Member() | syntax.Index():
            yield "[]"
    if isinstance(part, syntax.Node):
        yield from chain.from_iterable(names_in(getattr(part, each.name)) for each in fields(part))
    elif isinstance(part, tuple):
        yield from chain.from_iterable(map(names_in, part))


def names_of_pairs() -> set[str]:
    found: set[str] = set()
    for name in ANSWERED:
        text = Text(pair(name)[0])
        found.update(operators_in(tokens(text)))
        found.update(token.value for token in tokens(text) if token.value in SOURCES)
        found.update(names_in(tuple(statement for block in blocks(text) for statement in parse(block).statements)))
    return found


def test_every_operator_and_function_has_a_pair() -> None:
    tables = (OPERATORS, SOURCES, SCALARS, AGGREGATES, WINDOWS, SPECIAL, PLUGINS)
    known = {name for table in tables for name in table if " " not in name}
    assert sorted(known - names_of_pairs() - FILES) == []
