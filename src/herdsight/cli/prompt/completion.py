"""What may stand where the cursor is: a pure function of the text, the cursor and the vocabulary."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from herdsight.cli.prompt.places import Place, let_bound, place
from herdsight.cli.prompt.vocabulary import (
    CHARTS,
    CLAUSES,
    COMMANDS,
    JOIN_KINDS,
    OFTEN,
    STATEMENTS,
    TYPES,
    Vocabulary,
)
from herdsight.errors import QueryError
from herdsight.kql import catalogue
from herdsight.kql.catalogue import Entry
from herdsight.kql.lexer import Kind, Token
from herdsight.kql.text import name_text

_MOST = 200  # beyond it, nobody reads on
_SHORTEST_PART = 3  # letters by which a name is also found in its middle


@dataclass(frozen=True, slots=True)
class Completion:
    """A word that may stand at the cursor, in place of the text from `start`: what it is, and its type or form."""

    text: str
    start: int
    kind: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    """A candidate: `name` is what is looked for, `text` what is written in its place, if that differs."""

    name: str
    kind: str
    note: str = ""
    text: str = ""


def completions(text: str, cursor: int, vocabulary: Vocabulary) -> tuple[Completion, ...]:
    """The words that may stand at the cursor, the likeliest first; none in a string, a comment or a number."""
    before = text[:cursor]
    if command := re.fullmatch(r"\s*(\.\w*)(?:\s+(\w*))?", before):
        typed = command[1] if command[2] is None else command[2]
        words = _command_words(command, vocabulary)
    else:
        try:
            here = place(before)
        except QueryError:  # more than can be read
            return ()
        if here is None:
            return ()
        typed = here.typed
        words = _words(here, vocabulary)
    start = cursor - len(typed)
    return tuple(Completion(word.text or word.name, start, word.kind, word.note) for word in _matching(words, typed))


def _matching(words: Iterable[_Word], typed: str) -> Sequence[_Word]:
    """The words that begin with what was typed, then those that have it inside; none where it is the only one."""
    low = typed.lower()
    distinct: dict[str, _Word] = {}
    for word in words:
        distinct.setdefault(word.name, word)
    found = [word for name, word in distinct.items() if name.lower().startswith(low)]
    if len(low) >= _SHORTEST_PART:
        found += [word for name, word in distinct.items() if low in name.lower()[1:] and word not in found]
    return [] if [word.name for word in found] == [typed] else found[:_MOST]


def _command_words(command: "re.Match[str]", vocabulary: Vocabulary) -> Iterator[_Word]:
    if command[2] is None:
        yield from (_Word(name, "command", note) for name, note in COMMANDS.items())
    elif command[1] == ".columns":
        yield from (_Word(name, "table") for name in (*vocabulary.table_names, *vocabulary.watchlists))
    elif command[1] == ".help":
        yield from (_Word(name, "name", vocabulary.entries(name)[0].form) for name in vocabulary.names)


def _words(here: Place, vocabulary: Vocabulary) -> Iterator[_Word]:
    """What may stand at a place, the likeliest first."""
    if here.begins_statement:
        yield from _tables(here, vocabulary)
        yield from (_Word(name, "word") for name in STATEMENTS)
    elif here.last == "|":
        operators = dict.fromkeys((*OFTEN, *catalogue.OPERATORS))
        yield from (_Word(name, "operator", catalogue.OPERATORS[name].form) for name in operators)
    elif here.last == ":":
        yield from (_Word(name, "type") for name in TYPES)
    elif here.last in ("let", "as", "set", "step"):
        return  # a new name
    elif here.is_table:
        yield from _tables(here, vocabulary)
    else:
        yield from _in_operator(here, vocabulary)


def _tables(here: Place, vocabulary: Vocabulary) -> Iterator[_Word]:
    if here.frames[-1].operator in ("join", "lookup", "union") and not here.frames[-1].tokens:
        yield _Word("kind=", "word", "how rows are matched")
    yield from _bound(here, "table", "function", "let")
    yield from (_Word(name, "table") for name in vocabulary.table_names)
    yield from _called("table", {name: (each,) for name, each in catalogue.TABLE_FUNCTIONS.items()})
    yield from (_Word(name, "word", each.form) for name, each in catalogue.SOURCES.items())
    if here.last == "=":  # let binds values, too
        yield from _called("function", vocabulary.functions)


def _in_operator(here: Place, vocabulary: Vocabulary) -> Iterator[_Word]:
    frame = here.operator
    begins = not here.frames[-1].tokens and frame is here.frames[-1]
    if here.last == "=" and frame.tokens[-2:-1] and frame.tokens[-2].value == "kind":
        yield from (_Word(name, "word") for name in JOIN_KINDS)
    elif begins and frame.operator in _FIRST_WORDS:
        yield from (_Word(name, "word") for name in _FIRST_WORDS[frame.operator])
    elif begins and frame.operator == "evaluate":
        yield from _called("plugin", {name: (each,) for name, each in catalogue.PLUGINS.items()})
    elif begins and frame.operator == "invoke":
        yield from _bound(here, "function")
    elif here.ends_value:
        yield from (_Word(name, "word") for name in CLAUSES.get(frame.operator, ()))
        yield from (_Word(name, "word") for name in vocabulary.word_operators)
    else:
        yield from _values(here, vocabulary)


def _values(here: Place, vocabulary: Vocabulary) -> Iterator[_Word]:
    operator = here.operator
    yield from _columns(here, vocabulary)
    if operator.operator in _OF_COLUMNS:
        return
    yield from _bound(here, "let", "function", "table")
    if operator.operator in _AGGREGATING and not operator.has("by"):
        yield from _called("aggregate", vocabulary.aggregates)
    yield from _called("function", vocabulary.functions)


_FIRST_WORDS = {"sort": ("by",), "order": ("by",), "partition": ("by",), "render": CHARTS}
_OF_COLUMNS = ("project-away", "project-keep", "project-rename", "project-reorder")
_AGGREGATING = ("summarize", "make-series", "top-nested")


def _columns(here: Place, vocabulary: Vocabulary) -> Iterator[_Word]:
    """The columns of the tables that the query names, then those that it makes itself."""
    for name in dict.fromkeys(token.value for token in here.tokens if token.kind in (Kind.NAME, Kind.STRING)):
        for column in vocabulary.columns(name):
            yield _Word(column.name, "column", column.type.value, name_text(column.name))
    bound = {name.start for name, _ in let_bound(here.tokens)}
    for first, second in pairwise(here.tokens[:-1]):
        if second.value == "=" and first.kind is Kind.NAME and first.start not in bound and first.value not in _OPTIONS:
            yield _Word(first.value, "column", "", name_text(first.value))


_OPTIONS = ("kind", "withsource", "isfuzzy", "with_match_id", "flags")


def _bound(here: Place, *kinds: str) -> Iterator[_Word]:
    """What let binds, as far as it is of these kinds."""
    for name, value in let_bound(here.tokens):
        kind, note = _kind_of(value)
        if kind in kinds:
            yield _Word(name.value, kind, note, name_text(name.value) + ("(" if kind == "function" else ""))


def _kind_of(value: Sequence[Token]) -> tuple[str, str]:
    """What let binds: a function and its parameters, a table, or a value, which may be a table, too."""
    depth = 0
    for position, token in enumerate(value):
        mark = token.value if token.kind is Kind.MARK else ""
        if depth == 0 and mark in ("{", "|", ";"):
            parameters = "".join(f"{each.text} " if each.value in ",:" else each.text for each in value[:position])
            return ("function", parameters) if mark == "{" else ("table" if mark == "|" else "let", "")
        depth += (mark in ("(", "[")) - (mark in (")", "]"))
    return "let", ""


def _called(kind: str, functions: Mapping[str, Sequence[Entry]]) -> Iterator[_Word]:
    return (_Word(name, kind, forms[0].form, f"{name}(") for name, forms in functions.items())
