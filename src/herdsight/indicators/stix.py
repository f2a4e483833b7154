"""STIX 2: indicators of bundles, and the patterns that they consist of, read as far as logs can answer them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from herdsight.indicators.kinds import confidence_of, moment_of, text_of
from herdsight.indicators.model import REVOKED, Entry, RefusalError, Way

_LONGEST = 100_000  # characters of a pattern
_DEEPEST = 50  # parentheses in parentheses
_MOST = 10_000  # alternatives of one pattern


def entries(objects: Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
    """What the indicators among STIX objects name; an entry's line is the number of its object."""
    families = _families(objects)
    for number, each in enumerate(objects, 1):
        if each.get("type") == "indicator":
            yield from _of_indicator(number, each, families.get(text_of(each.get("id")), ""))


def _families(objects: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """By indicator, the name of what it is said to indicate: malware, a tool, a campaign."""
    names = {text_of(each.get("id")): text_of(each.get("name")) for each in objects if each.get("name")}
    return {
        text_of(each.get("source_ref")): names[target]
        for each in objects
        if each.get("relationship_type") == "indicates" and (target := text_of(each.get("target_ref"))) in names
    }


def _of_indicator(number: int, indicator: Mapping[str, Any], family: str) -> Iterator[Entry]:
    pattern = text_of(indicator.get("pattern"))
    whole = Entry(
        number,
        pattern,
        label=family or text_of(indicator.get("name")) or _first(indicator.get("labels")),
        confidence=confidence_of(indicator.get("confidence")),
        since=moment_of(indicator.get("valid_from")),
        until=moment_of(indicator.get("valid_until")),
    )
    if indicator.get("revoked") is True:
        yield replace(whole, refused=REVOKED)
    elif indicator.get("pattern_type", "stix") != "stix":
        yield replace(whole, refused="a pattern that is not STIX's")
    else:
        yield from _of_pattern(whole)


def _of_pattern(whole: Entry) -> Iterator[Entry]:
    try:
        alternatives = parse(whole.text)
    except RefusalError as error:
        yield replace(whole, refused=str(error))
        return
    for each in alternatives:
        try:
            yield _entry(whole, each)
        except RefusalError as error:
            yield replace(whole, refused=str(error))


def _first(value: object) -> str:
    return text_of(value[0]) if isinstance(value, list) and value else text_of(value)


# --- the pattern ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a pattern: an object's path, an operator, and what it is compared with."""

    path: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """Tests that must all hold of one observation, for any of which the pattern holds; or why it cannot be asked."""

    tests: tuple[Test, ...] = ()
    since: str = ""
    until: str = ""
    refused: str | None = None


_SIMPLE = re.compile(r"\s*\[\s*([a-z0-9-]+:value)\s*=\s*'([^'\\]*)'\s*\]\s*")
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>t?'(?:[^'\\]|\\.)*')
    |(?P<path>[a-z0-9-]+:[A-Za-z0-9_-]+(?:\.(?:[A-Za-z0-9_-]+|'[^']*')|\[(?:\*|\d+)\])*)
    |(?P<operator>!=|<=|>=|=|<|>)
    |(?P<sign>[\[\](),])
    |(?P<word>[A-Za-z]+)
    |(?P<number>[+-]?\d+(?:\.\d+)?)
    )""",
    re.VERBOSE,
)
_NO_PATTERN = "no pattern that can be read"
_SEVERAL = "a pattern of several observations together ({})"


def parse(pattern: str) -> list[Alternative]:
    """The alternatives of a pattern: for OR all of them, for AND every combination.

    >>> [each.tests[0].value for each in parse("[ipv4-addr:value = '192.0.2.1' OR domain-name:value = 'a.example']")]
    ['192.0.2.1', 'a.example']

    Raises:
        RefusalError: it is none, or too long.
    """
    if simple := _SIMPLE.fullmatch(pattern):  # nine in ten
        return [Alternative((Test(simple[1], "=", simple[2]),))]
    if len(pattern) > _LONGEST:
        raise RefusalError("a pattern that is too long")
    reader = _Reader(_tokens(pattern))
    found = reader.observations(0)
    if reader.peek():
        raise RefusalError(_NO_PATTERN)
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(pattern: str) -> list[_Token]:
    tokens, place = [], 0
    while place < len(pattern.rstrip()):
        found = _TOKEN.match(pattern, place)
        if found is None or found.lastgroup is None:
            raise RefusalError(_NO_PATTERN)
        tokens.append(_Token(found.lastgroup, found[found.lastgroup]))
        place = found.end()
    return tokens


class _Reader:
    """Reads tokens by the grammar of STIX patterns (STIX 2.1, section 9)."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._place = 0

    def peek(self) -> str:
        """The next token, a word in capitals; "" at the end."""
        if self._place >= len(self._tokens):
            return ""
        token = self._tokens[self._place]
        return token.text.upper() if token.kind == "word" else token.text if token.kind != "text" else "'"

    def take(self, *kinds: str) -> str:
        """The text of the next token, which is of one of these kinds."""
        if self._place >= len(self._tokens) or self._tokens[self._place].kind not in kinds:
            raise RefusalError(_NO_PATTERN)
        self._place += 1
        return self._tokens[self._place - 1].text

    def skip(self, sign: str) -> None:
        """Pass over a sign or word that must come next."""
        if self.peek() != sign:
            raise RefusalError(_NO_PATTERN)
        self._place += 1

    def observations(self, depth: int) -> list[Alternative]:
        """Observations under FOLLOWEDBY, OR and AND, which bind in that order; what needs several is refused."""
        found = self._either(depth)
        while self.peek() == "FOLLOWEDBY":
            self.skip("FOLLOWEDBY")
            self._either(depth)
            found = [Alternative(refused=_SEVERAL.format("FOLLOWEDBY"))]
        return found

    def _either(self, depth: int) -> list[Alternative]:
        found = self._together(depth)
        while self.peek() == "OR":
            self.skip("OR")
            found = _bounded(found + self._together(depth))
        return found

    def _together(self, depth: int) -> list[Alternative]:
        found = self._observation(depth)
        while self.peek() == "AND":
            self.skip("AND")
            self._observation(depth)
            found = [Alternative(refused=_SEVERAL.format("AND"))]
        return found

    def _observation(self, depth: int) -> list[Alternative]:
        if depth > _DEEPEST:
            raise RefusalError("a pattern that nests too deep")
        if self.peek() == "(":
            self.skip("(")
            found = self.observations(depth + 1)
            self.skip(")")
        else:
            self.skip("[")
            found = self._any(depth)
            self.skip("]")
        return self._qualified(found)

    def _qualified(self, found: list[Alternative]) -> list[Alternative]:
        while (word := self.peek()) in {"START", "WITHIN", "REPEATS"}:
            self.skip(word)
            if word == "START":
                since = self.take("text")
                self.skip("STOP")
                until = self.take("text")
                found = [replace(each, since=_plain(since), until=_plain(until)) for each in found]
                continue
            self.take("number")
            self.skip("SECONDS" if word == "WITHIN" else "TIMES")
            found = [Alternative(refused=f"a pattern of how often and how fast ({word})")]
        return found

    def _any(self, depth: int) -> list[Alternative]:
        found = self._all(depth)
        while self.peek() == "OR":
            self.skip("OR")
            found = _bounded(found + self._all(depth))
        return found

    def _all(self, depth: int) -> list[Alternative]:
        found = self._comparison(depth)
        while self.peek() == "AND":
            self.skip("AND")
            more = self._comparison(depth)
            _bounded([Alternative()] * min(len(found) * len(more), _MOST + 1))
            found = [Alternative((*one.tests, *other.tests)) for one in found for other in more]
        return found

    def _comparison(self, depth: int) -> list[Alternative]:
        if depth > _DEEPEST:
            raise RefusalError("a pattern that nests too deep")
        if self.peek() == "(":
            self.skip("(")
            found = self._any(depth + 1)
            self.skip(")")
            return found
        if self.peek() == "EXISTS":
            self.skip("EXISTS")
            return [Alternative((Test(self.take("path"), "EXISTS", ""),))]
        path = self.take("path")
        negated = self.peek() == "NOT"
        if negated:
            self.skip("NOT")
        operator = self.take("operator", "word").upper()
        values = self._values() if operator == "IN" else [self._value()]
        shown = f"NOT {operator}" if negated else "=" if operator == "IN" else operator
        return [Alternative((Test(path, shown, value),)) for value in values]

    def _values(self) -> list[str]:
        self.skip("(")
        values = [self._value()]
        while self.peek() == ",":
            self.skip(",")
            values.append(self._value())
        self.skip(")")
        return values

    def _value(self) -> str:
        return _plain(self.take("text", "number", "word"))


def _plain(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal.removeprefix("t")[1:-1]) if literal.endswith("'") else literal


def _bounded(found: list[Alternative]) -> list[Alternative]:
    if len(found) > _MOST:
        raise RefusalError("a pattern of too many alternatives")
    return found


# --- what of it can be asked ----------------------------------------------------------------------------------------

_PLACES = {
    "ipv4-addr:value": Way.ANY,
    "ipv6-addr:value": Way.ANY,
    "domain-name:value": Way.ANY,
    "url:value": Way.ANY,
    "network-traffic:dst_ref.value": Way.ANY,
    "network-traffic:src_ref.value": Way.SOURCE,
}
_PORT = "network-traffic:dst_port"
_PORT_DIGITS = 5
# What these say follows from the place, or adds little to it: an address is of its type, a port mostly of its protocol.
_PASSED_OVER = ("network-traffic:dst_ref.type", "network-traffic:src_ref.type", "network-traffic:protocols")


def _entry(whole: Entry, alternative: Alternative) -> Entry:
    """The one place, and perhaps port, that an alternative asks for."""
    if alternative.refused:
        raise RefusalError(alternative.refused)
    places: list[Test] = []
    port = 0
    for test in alternative.tests:
        if test.path in _PLACES:
            places.append(_allowed(test, "=", "ISSUBSET"))
        elif test.path == _PORT and test.value.isdecimal() and len(test.value) <= _PORT_DIGITS:
            port = int(_allowed(test, "=").value)
        elif not test.path.startswith(_PASSED_OVER):
            raise RefusalError(f"a pattern about {test.path.partition(':')[0][:40]}")
    if len(places) != 1:
        raise RefusalError("a pattern of several places together (AND)" if places else "a pattern without a place")
    (place,) = places
    return replace(
        whole,
        text=place.value,
        port=port,
        way=_PLACES[place.path],
        exact=place.path == "url:value",
        since=moment_of(alternative.since) or whole.since,
        until=moment_of(alternative.until) or whole.until,
    )


def _allowed(test: Test, *operators: str) -> Test:
    if test.operator not in operators:
        raise RefusalError(f"a pattern with {test.operator[:20]}")
    return test
