"""Keys and values in a text, as the operator parse-kv finds them.

A text is read once from its start to its end, whatever is in it: nothing is looked for twice at the same place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from herdsight.prelude.registry import Dynamic, function

_Pairs = Iterator[tuple[str, str]]


@function
def kql_kv_by_delimiters(text: str, options: Dynamic) -> Dynamic:
    """A bag of the values of the wanted keys; the first of a key counts.

    The options are parse-kv's own, and `keys`: the list of the wanted ones. Where no delimiters are given, whatever is
    no letter and no digit is one.
    """
    wanted = [key for key in options.get("keys", ()) if key]
    if not wanted:
        return {}
    quotes = _Quotes(text, options.get("quote") or "", (options.get("escape") or "")[:1])
    between, within = options.get("pair_delimiter"), options.get("kv_delimiter")
    if between and within:
        pairs = _Delimited(text, between, within, quotes).pairs(greedy=bool(options.get("greedy")))
    else:
        pairs = _by_words(text, wanted, quotes)
    return _first_of_each(pairs, wanted)


def _first_of_each(pairs: _Pairs, wanted: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        if key in wanted:
            found.setdefault(key, value)
            if len(found) == len(wanted):
                break
    return found


class _Quotes:
    """The quotes of a text: one sign on both sides, or an opening and a closing one."""

    def __init__(self, text: str, signs: str, escape: str) -> None:
        self._text = text
        self.opening, self.closing = signs[:1], signs[-1:]
        self._escape = escape
        self._body = re.compile(_body_form(self.closing, escape), re.DOTALL) if signs else None
        self._end = len(text)  # no quote from here on is closed

    def read(self, start: int) -> tuple[str, int] | None:
        """What is in quotes here, and where they end; None where no quotes begin, or nothing closes them."""
        if self._body is None or start >= self._end or self._text[start] != self.opening:
            return None
        body = self._body.match(self._text, start + 1)
        if body is None:
            self._end = start
            return None
        return self._unescaped(body[1]), body.end()

    def begin_of(self, head: str) -> int:
        """Where the quotes begin that end with the text; -1 where it does not end with any."""
        return head.rfind(self.opening, 0, -1) if self.closing and head.endswith(self.closing) else -1

    def around(self, start: int, end: int) -> bool:
        """Whether a part of the text stands in quotes as a whole."""
        if not self.opening or start == 0:
            return False
        return self._text[start - 1] == self.opening and self._text.startswith(self.closing, end)

    def _unescaped(self, body: str) -> str:
        return re.sub(rf"{re.escape(self._escape)}(.)", r"\1", body, flags=re.DOTALL) if self._escape else body


def _body_form(closing: str, escape: str) -> str:
    """A pattern of what is in quotes and of the sign that closes them, which never turns back."""
    end = re.escape(closing)
    if not escape:
        return f"([^{end}]*+){end}"
    return f"((?:[^{end}{re.escape(escape)}]++|{re.escape(escape)}{end if escape == closing else '.'})*+){end}"


@dataclass(frozen=True, slots=True)
class _Delimited:
    """A text whose pairs are delimited by one sign and in themselves by another."""

    text: str
    between: str  # pairs
    within: str  # a pair
    quotes: _Quotes

    def pairs(self, *, greedy: bool) -> _Pairs:
        """All keys and values. A greedy value that has no quotes goes on to the next key."""
        at = 0
        while (sign := self.text.find(self.within, at)) >= 0:
            key, _ = self._key(at, sign)
            start = self._value_start(sign + len(self.within))
            value, at = self.quotes.read(start) or (self._greedy(start) if greedy else self._plain(start))
            yield key, value

    def _key(self, start: int, sign: int) -> tuple[str, int]:
        """The key before a sign, and where it begins: what is in quotes, or what follows the last delimiter."""
        head = self.text[start:sign].rstrip()
        opening = self.quotes.begin_of(head)
        if opening >= 0:
            return head[opening + 1 : -1].strip(), start + opening
        before = head.rfind(self.between)
        begins = before + len(self.between) if before >= 0 else 0
        return head[begins:].strip(), start + begins

    def _value_start(self, at: int) -> int:
        while self.text[at : at + 1].isspace() and not self.text.startswith(self.between, at):
            at += 1
        return at

    def _plain(self, start: int) -> tuple[str, int]:
        end = self.text.find(self.between, start)
        end = len(self.text) if end < 0 else end
        return self.text[start:end].strip(), end

    def _greedy(self, start: int) -> tuple[str, int]:
        delimiter = self.text.find(self.between, start)
        sign = self.text.find(self.within, delimiter) if delimiter >= 0 else -1
        if sign < 0:
            return self.text[start:].strip(), len(self.text)
        _, key = self._key(delimiter, sign)
        return self.text[start:key].strip().removesuffix(self.between).strip(), key


_WORD = re.compile(r"[\W_]*+([^\W_]*)")


def _by_words(text: str, wanted: Sequence[str], quotes: _Quotes) -> _Pairs:
    """The wanted keys where they stand alone, each with the word or what is in quotes behind it."""
    names = "|".join(re.escape(name) for name in sorted(wanted, key=len, reverse=True))
    key = re.compile(rf"(?<![^\W_])(?:{names})(?![^\W_])")
    gap = re.compile(rf"(?:(?!{re.escape(quotes.opening)})[\W_])*+" if quotes.opening else "")
    at = 0
    while found := key.search(text, at):
        at = found.end() + quotes.around(found.start(), found.end())
        start = _matched(gap, text, at).end()
        value, at = quotes.read(start) or _word(text, start)
        yield found[0], value


def _word(text: str, at: int) -> tuple[str, int]:
    found = _matched(_WORD, text, at)
    return found[1], found.end()


def _matched(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    """The match of a pattern that matches everywhere."""
    found = pattern.match(text, at)
    assert found  # noqa: S101
    return found
