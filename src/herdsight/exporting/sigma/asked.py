"""What Sigma asks of one event: a field held against values, and all, any or none of such tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ruamel.yaml.scalarstring import SingleQuotedScalarString

Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a field has one of these values, as the modifiers say."""

    field: str
    modifiers: tuple[str, ...]
    values: tuple[Value, ...]

    @property
    def key(self) -> str:
        """The field with its modifiers, as Sigma writes it."""
        return "|".join((self.field, *self.modifiers))


@dataclass(frozen=True, slots=True)
class Not:
    """Whether a test fails."""

    test: Test


@dataclass(frozen=True, slots=True)
class All:
    """Whether all of them hold; of none, that is so."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Whether one of them holds."""

    tests: tuple[Test, ...]


Test: TypeAlias = Match | Not | All | Any


def simplified(test: Test) -> Test:
    """The same with no `not` around anything but a match, nothing in its own kind, and one match for a field."""
    match test:
        case Not(test=Not(test=inner)):
            return simplified(inner)
        case Not(test=All(tests=tests)):
            return simplified(Any(tuple(map(Not, tests))))
        case Not(test=Any(tests=tests)):
            return simplified(All(tuple(map(Not, tests))))
        case All(tests=tests):
            parts = tuple(dict.fromkeys(part for each in tests for part in _parts(simplified(each), All)))
            return parts[0] if len(parts) == 1 else All(parts)
        case Any(tests=tests):
            parts = tuple(_merged(dict.fromkeys(part for each in tests for part in _parts(simplified(each), Any))))
            return parts[0] if len(parts) == 1 else Any(parts)
        case _:
            return test


def _parts(test: Test, kind: type[All | Any]) -> tuple[Test, ...]:
    return test.tests if isinstance(test, All | Any) and isinstance(test, kind) else (test,)


def _merged(tests: Iterable[Test]) -> Iterator[Test]:
    """The tests with those that hold a field against values in the same way as one."""
    matches: dict[str, Match] = {}
    for test in tests:
        if isinstance(test, Match):
            before = matches.get(test.key, Match(test.field, test.modifiers, ()))
            values = tuple(dict.fromkeys((*before.values, *test.values)))
            matches[test.key] = Match(test.field, test.modifiers, values)
        else:
            yield test
    yield from matches.values()


def is_sayable(test: Test) -> bool:
    """Whether `detection` has a form for a simplified test: matches, failed matches, and all of these."""
    match test:
        case Match() | Not(test=Match()):
            return True
        case All(tests=tests):
            return all(map(is_sayable, tests))
        case _:
            return False


def detection(tests: Sequence[Test]) -> dict[str, object]:
    """Sigma's `detection` of tests that must all hold, each of which is_sayable().

    Selections hold what must be, filters what must not; a field that is tested twice needs a second selection.
    """
    parts = _parts(simplified(All(tuple(tests))), All)
    selections: list[dict[str, object]] = []
    filters: dict[str, dict[str, object]] = {}
    for each in parts:
        if isinstance(each, Not) and isinstance(each.test, Match):
            filters[f"filter_main_{len(filters) + 1}"] = {each.test.key: _values(each.test)}
        elif isinstance(each, Match):
            _put(selections, each)
    names = ["selection"] if len(selections) == 1 else [f"selection_{place + 1}" for place in range(len(selections))]
    return {**dict(zip(names, selections, strict=True)), **filters, "condition": _condition(names, filters)}


def _put(selections: list[dict[str, object]], match: Match) -> None:
    free = next((each for each in selections if match.key not in each), None)
    if free is None:
        selections.append(free := {})
    free[match.key] = _values(match)


def _condition(names: Sequence[str], filters: Mapping[str, Mapping[str, object]]) -> str:
    if not filters:
        return " and ".join(names)
    # Splunk's backend puts fields held against fields into no `or`.
    if len(filters) == 1 or any("|fieldref" in key for each in filters.values() for key in each):
        return " and ".join((*names, *(f"not {each}" for each in filters)))
    return " and ".join((*names, "not 1 of filter_main_*"))


def _values(match: Match) -> object:
    values = [_value(each, match.modifiers) for each in match.values]
    return values[0] if len(values) == 1 else values


def _value(value: Value, modifiers: Sequence[str]) -> object:
    """Quoted, as a bare `no` or `1e3` is no text to every reader; what Sigma takes for a wildcard is escaped."""
    if not isinstance(value, str):
        return value
    plain = {"re", "cidr", "fieldref"} & {*modifiers}
    return SingleQuotedScalarString(value if plain else re.sub(r"([*?]|\\(?=[*?\\]))", r"\\\1", value))
