"""A second opinion on everything that both say: the package duckdb-kql answers the same random queries over the same rows.

It is another translation of KQL to the same engine, written by others. Where the two disagree, Microsoft's
documentation decides. What that package gets wrong stands in `FAULTS`, each with the reason, and the random queries
leave out exactly that; `tests/kql/` holds what it has no word for.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from questions import NOW, Answer, Answering, Ours, Rows, Types, arrow

from herdsight.tables import ColumnType

duckdb_kql = pytest.importorskip("duckdb_kql", reason="the second opinion, duckdb-kql, is not installed")

DAY = timedelta(days=1)
NAN = float("nan")

# --- The other engine ------------------------------------------------------------------------------------------------

_THEIR_COLUMN = {ColumnType.TIMESPAN: 'to_microseconds("{0}") AS "{0}"', ColumnType.DYNAMIC: '"{0}"::JSON AS "{0}"'}


class Theirs:
    """The package duckdb-kql over a database of its own."""

    def __init__(self) -> None:
        self._connection = duckdb_kql.connect(config={"threads": 1})

    def put(self, name: str, types: Types, rows: Rows) -> None:
        columns = ", ".join(_THEIR_COLUMN.get(kind, '"{0}"').format(column) for column, kind in types.items())
        self._connection.register("raw", arrow(types, rows))
        self._connection.execute(f'CREATE OR REPLACE TABLE "{name}" AS SELECT {columns} FROM raw')

    def answer(self, query: str) -> Answer:
        relation = duckdb_kql.kql(self._connection, query, query_now=NOW)
        readers = [_READERS.get(str(kind), _as_it_is) for kind in relation.types]
        rows = ([read(value) for read, value in zip(readers, row, strict=True)] for row in relation.fetchall())
        return Answer(tuple(relation.columns), tuple(tuple(row) for row in rows))

    def close(self) -> None:
        self._connection.close()


def _as_it_is(value: Any) -> Any:
    return value


def _json(value: str | None) -> Any:
    return None if value is None else json.loads(value)


def _jsons(values: list[str | None] | None) -> Any:
    return None if values is None else [_json(value) for value in values]


def _text(value: str | None) -> str:
    return value or ""  # a missing string is null there, which KQL's strings never are


_READERS: dict[str, Callable[[Any], Any]] = {"JSON": _json, "JSON[]": _jsons, "VARCHAR": _text}


@pytest.fixture(scope="module")
def engines() -> Iterator[tuple[Answering, Answering]]:
    both = Ours(), Theirs()
    yield both
    for each in both:
        each.close()


# --- Comparing -------------------------------------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """A value that equals another one's plain form where the two are the same to KQL, sortable among all others."""
    match value:
        case None | bool() | str() | datetime() | timedelta():
            return type(value).__name__, str(value)
        case int() | float():
            return "number", "nan" if math.isnan(value) else f"{value:.9e}"
        case list():
            return "list", [plain(each) for each in value]
        case dict():
            return "bag", sorted((name, plain(each)) for name, each in value.items())
    raise TypeError(f"no column holds a {type(value).__name__}")


def unordered(value: Any) -> Any:
    """A plain array without its order."""
    kind, content = value
    return kind, sorted(content) if kind == "list" else content


def comparable(answer: Answer, *, ordered: bool = False, sets: Sequence[str] = ()) -> Any:
    """An answer in a form to compare: its columns, and its rows as a multiset; `sets` are columns of arrays."""
    rows = [
        [unordered(plain(value)) if name in sets else plain(value) for name, value in zip(answer.names, row, strict=True)]
        for row in answer.rows
    ]
    return answer.names, rows if ordered else sorted(rows)


def agree(engines: tuple[Answering, Answering], query: str, *, ordered: bool = False, sets: Sequence[str] = ()) -> None:
    """Ask both the same."""
    ours, theirs = (comparable(engine.answer(query), ordered=ordered, sets=sets) for engine in engines)
    assert ours == theirs, query


# --- Rows ------------------------------------------------------------------------------------------------------------

LONG, INT, REAL, STRING, BOOL = ColumnType.LONG, ColumnType.INT, ColumnType.REAL, ColumnType.STRING, ColumnType.BOOL
DATETIME, TIMESPAN, DYNAMIC = ColumnType.DATETIME, ColumnType.TIMESPAN, ColumnType.DYNAMIC

COLUMNS: Types = {
    "Id": LONG,
    **dict.fromkeys(("L", "M"), LONG),
    "I": INT,
    **dict.fromkeys(("R", "Q"), REAL),
    **dict.fromkeys(("S", "U"), STRING),
    **dict.fromkeys(("B", "C"), BOOL),
    **dict.fromkeys(("D", "E"), DATETIME),
    **dict.fromkeys(("P", "O"), TIMESPAN),
    **dict.fromkeys(("J", "K"), DYNAMIC),
}
TEXTS = (
    *("", "a", "A", "b", "ab", "AB", "a b", "a-b", "a_b c", "b.a", "aab", "12", "-3", "1.5", "true", "é", "éa ß", "日本"),
    *('{"a":1}', "[1,2]", '"a"', "null", "%a_", "a\\b", "2024-02-29", "10.0.0.1", "it's"),
)
MOMENTS = (
    *(NOW, NOW - DAY, NOW + timedelta(microseconds=1), NOW.replace(second=59, microsecond=999_999)),
    *(NOW.replace(month=1, day=1, hour=0), NOW.replace(month=12, day=31, hour=23, minute=59, second=59)),
    *(NOW.replace(year=2024, month=2, day=29), NOW.replace(year=1969, month=12, day=31), NOW.replace(year=1970, month=1, day=1, hour=0)),
)
BAGS = ("{}", '{"a":1}', '{"a":"x","b":{"c":2}}', '{"a":null,"b":[1,2]}', '{"a":[{"b":1}]}')
ARRAYS = ("[]", "[1,2,2]", '["a","b"]', '[1,null,"a"]', "[[1],[2]]", '[{"a":1},{"a":"x"}]')
SCALARS = ("1", "1.5", '"a"', '"12"', "true", '""')

_spans = st.sampled_from([0, 1, -1, 59_999_999, 60_000_000, 3_600_000_000, -108_000_000_000, 172_800_000_005])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("L", "M", "I"), st.none() | st.integers(-7, 12)),
    **dict.fromkeys(("R", "Q"), st.none() | st.integers(-20, 20).map(lambda each: each / 4)),
    **dict.fromkeys(("S", "U"), st.sampled_from(TEXTS) | st.text("aAbB1_-. é", max_size=5)),
    **dict.fromkeys(("B", "C"), st.none() | st.booleans()),
    **dict.fromkeys(
        ("D", "E"),
        st.none() | st.sampled_from(MOMENTS) | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  # UTC
    ),
    **dict.fromkeys(("P", "O"), st.none() | _spans),
    "J": st.none() | st.sampled_from(BAGS + ARRAYS + SCALARS),
    "K": st.none() | st.sampled_from(ARRAYS),
}


def rows(columns: Sequence[str], most: int = 7) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows with these columns, which are numbered in `Id`."""
    drawn = st.lists(st.fixed_dictionaries({name: VALUES[name] for name in columns}), max_size=most)
    return drawn.map(lambda found: [{"Id": number, **row} for number, row in enumerate(found)])


# --- Expressions -----------------------------------------------------------------------------------------------------

Template = tuple[str, tuple[ColumnType, ...]]

LITERALS: dict[ColumnType, tuple[str, ...]] = {
    LONG: ("0", "1", "-2", "3", "7", "0x1f", "long(null)"),
    INT: ("int(2)", "int(-3)", "int(null)"),
    REAL: ("0.0", "1.5", "-0.25", "1e3", "real(null)"),
    STRING: ('""', '"a"', '"B"', '"ab"', '"a b"', '"_"', "'é'", '@"a\\b"', '"%"'),
    BOOL: ("true", "false", "bool(null)"),
    DATETIME: ("datetime(2026-03-10)", "datetime(1969-12-31 23:59:59.999999)", "now()", "ago(1h)", "datetime(null)"),
    TIMESPAN: ("1h", "1.5d", "-90s", "1ms", "time(1.02:03:04.5)", "timespan(null)"),
    DYNAMIC: ('dynamic([1,"a",null])', 'dynamic({"a":{"b":1}})', "dynamic(null)"),
}
_TERM_OPERATORS = ("has", "!has", "has_cs", "!has_cs", "hasprefix", "!hasprefix", "hasprefix_cs", "hassuffix", "!hassuffix", "hassuffix_cs")
_PART_OPERATORS = ("contains", "!contains", "contains_cs", "startswith", "!startswith", "startswith_cs", "endswith", "!endswith", "endswith_cs")
_LISTS = {LONG: "1, -2, 3", STRING: "'a', 'B', '', 'é'", DATETIME: "datetime(2026-03-10 12:00), datetime(1970-01-01 12:00)"}
_ORDERED = (LONG, INT, REAL, DATETIME, TIMESPAN)


def _comparisons() -> Iterator[Template]:
    for kind in (*_ORDERED, STRING, BOOL):
        yield from ((f"({{}} {operator} {{}})", (kind, kind)) for operator in ("==", "!="))
    for kind in _ORDERED:
        yield from ((f"({{}} {operator} {{}})", (kind, kind)) for operator in ("<", "<=", ">", ">="))
        yield from ((f"({{}} {operator} ({{}} .. {{}}))", (kind, kind, kind)) for operator in ("between", "!between"))
    for kind, members in _LISTS.items():
        yield from ((f"({{}} {operator} ({members}))", (kind,)) for operator in ("in", "!in"))
    for operator in ("=~", "!~", *_TERM_OPERATORS, *_PART_OPERATORS):
        yield f"({{}} {operator} {{}})", (STRING, STRING)
    for operator in ("has_any", "has_all"):
        yield f"({{}} {operator} ({{}}, {{}}))", (STRING, STRING, STRING)
    for operator in ("in~", "!in~"):
        yield f"({{}} {operator} ({_LISTS[STRING]}))", (STRING,)


TEMPLATES: dict[ColumnType, tuple[Template, ...]] = {
    BOOL: (
        *_comparisons(),
        *((f"({{}} {operator} {{}})", (BOOL, BOOL)) for operator in ("and", "or")),
        ("not({})", (BOOL,)),
        ("({} matches regex '^a.?b|[0-9]+$')", (STRING,)),
        *((f"{name}({{}})", (kind,)) for name in ("isnull", "isnotnull", "isempty", "isnotempty") for kind in (LONG, STRING, DATETIME, BOOL)),
        ("isnull({})", (DYNAMIC,)),
        ("tobool(tostring({}))", (BOOL,)),
        ("tobool({})", (LONG,)),
    ),
    LONG: (
        *((f"({{}} {operator} {{}})", (LONG, LONG)) for operator in ("+", "-", "*", "/", "%")),
        ("({} + {})", (LONG, INT)),
        ("(-{})", (LONG,)),
        ("abs({})", (LONG,)),
        ("bin({}, 3)", (LONG,)),
        ("min_of({}, {})", (LONG, LONG)),
        ("max_of({}, {})", (LONG, LONG)),
        ("tolong({})", (STRING,)),
        ("tolong({})", (REAL,)),
        ("tolong({})", (BOOL,)),
        ("tolong({})", (DYNAMIC,)),
        ("strlen({})", (STRING,)),
        ("indexof({}, {})", (STRING, STRING)),
        ("countof({}, {})", (STRING, STRING)),
        ("array_length({})", (DYNAMIC,)),
        *((f'datetime_diff("{unit}", {{}}, {{}})', (DATETIME, DATETIME)) for unit in ("second", "minute", "hour", "day", "month", "quarter", "year")),
        *((f'datetime_part("{part}", {{}})', (DATETIME,)) for part in ("year", "quarter", "month", "week_of_year", "day", "dayOfYear", "hour", "minute", "second")),
        *((f"{name}({{}})", (DATETIME,)) for name in ("getyear", "getmonth", "monthofyear", "dayofmonth", "dayofyear", "hourofday", "week_of_year")),
        ("binary_and({}, {})", (LONG, LONG)),
        ("binary_or({}, {})", (LONG, LONG)),
        ("binary_xor({}, {})", (LONG, LONG)),
        ("binary_not({})", (LONG,)),
    ),
    INT: (("toint({})", (LONG,)), ("toint({})", (STRING,)), ("toint({})", (REAL,))),
    REAL: (
        *((f"({{}} {operator} {{}})", (REAL, REAL)) for operator in ("+", "-", "*")),
        *((f"({{}} {operator} {{}})", (LONG, REAL)) for operator in ("+", "-", "*")),
        ("({} / 0.75)", (REAL,)),
        ("({} / 7m)", (TIMESPAN,)),
        ("abs({})", (REAL,)),
        ("bin({}, 0.5)", (REAL,)),
        ("floor({}, 2.0)", (REAL,)),
        ("ceiling({})", (REAL,)),
        ("round({})", (REAL,)),
        ("round({}, 1)", (REAL,)),
        ("exp({} / 100)", (REAL,)),
        ("sqrt(abs({}))", (REAL,)),
        ("log(1.0 + abs({}))", (REAL,)),
        ("log10(1.0 + abs({}))", (REAL,)),
        ("log2(1.0 + abs({}))", (REAL,)),
        ("pow({}, 2)", (REAL,)),
        ("toreal({})", (STRING,)),
        ("todouble({})", (LONG,)),
        ("min_of({}, {})", (REAL, REAL)),
        ("max_of({}, {})", (REAL, REAL)),
        ("sin({})", (REAL,)),
        ("cos({})", (LONG,)),
    ),
    STRING: (
        ("strcat({}, {})", (STRING, STRING)),
        ("strcat({}, '-', {})", (LONG, STRING)),
        ("strcat_delim({}, {}, {})", (STRING, STRING, STRING)),
        ("tolower({})", (STRING,)),
        ("toupper({})", (STRING,)),
        ("reverse({})", (STRING,)),
        ("strrep({}, 2)", (STRING,)),
        ("substring({}, 1)", (STRING,)),
        ("substring({}, 0, 2)", (STRING,)),
        ("replace_string({}, 'a', {})", (STRING, STRING)),
        ("replace_regex({}, '([ab])(.)', '\\\\2\\\\1')", (STRING,)),
        ("extract('([a-b]+).?([0-9]*)', 1, {})", (STRING,)),
        ("extract('^.*(b)', 0, {})", (STRING,)),
        ("trim('[ab]+', {})", (STRING,)),
        ("trim_start('a', {})", (STRING,)),
        ("trim_end('[b ]', {})", (STRING,)),
        ("tostring(split({}, 'a')[0])", (STRING,)),
        ("tostring(split({}, ' ')[1])", (STRING,)),
        *(("tostring({})", (kind,)) for kind in (LONG, INT, REAL, BOOL, DATETIME, TIMESPAN, STRING, DYNAMIC)),
        ("tostring({}.a)", (DYNAMIC,)),
        ("format_datetime({}, 'yyyy-MM-dd HH:mm:ss.fff')", (DATETIME,)),
        ("hash_sha256(strcat('x', {}))", (STRING,)),
        ("hash_md5(strcat('x', {}))", (STRING,)),
        ("gettype({})", (STRING,)),
    ),
    DATETIME: (
        ("({} + {})", (DATETIME, TIMESPAN)),
        ("({} - {})", (DATETIME, TIMESPAN)),
        *((f"bin({{}}, {span})", (DATETIME,)) for span in ("1s", "5m", "1h", "1d")),
        *((f"{edge}of{period}({{}})", (DATETIME,)) for edge in ("start", "end") for period in ("day", "week", "month", "year")),
        *((f"{edge}of{period}({{}}, -1)", (DATETIME,)) for edge in ("start", "end") for period in ("day", "week", "month", "year")),
        *((f'datetime_add("{unit}", {{}}, {{}})', (LONG, DATETIME)) for unit in ("second", "minute", "hour", "day", "week", "month", "year")),
        ("todatetime({})", (DATETIME,)),
    ),
    TIMESPAN: (
        ("({} - {})", (DATETIME, DATETIME)),
        *((f"({{}} {operator} {{}})", (TIMESPAN, TIMESPAN)) for operator in ("+", "-")),
        ("({} * 3)", (TIMESPAN,)),
        ("dayofweek({})", (DATETIME,)),
        ("totimespan({})", (TIMESPAN,)),
    ),
    DYNAMIC: (
        *(("{}" + path, (DYNAMIC,)) for path in (".a", '["a"]', ".b.c", "[0]", "[-1]", "[1].a")),
        ("split({}, 'a')", (STRING,)),
        ("split({}, ' ')", (STRING,)),
        ("pack_array({}, {}, {})", (LONG, STRING, REAL)),
        ("pack_array({}, {})", (DATETIME, BOOL)),
        ("bag_pack('x', {}, 'y', {})", (STRING, DYNAMIC)),
        ("extract_all('([ab]+)', {})", (STRING,)),
    ),
}
_ANY = (LONG, REAL, STRING, BOOL, DATETIME, TIMESPAN)


def _chosen(kind: ColumnType) -> tuple[Template, ...]:
    """Templates that choose between values of a type."""
    choices: tuple[Template, ...] = (
        ("iff({}, {}, {})", (BOOL, kind, kind)),
        ("case({}, {}, {}, {}, {})", (BOOL, kind, BOOL, kind, kind)),
        ("coalesce({}, {})", (kind, kind)),
    )
    return choices if kind in _ANY else ()


@cache
def expressions(kind: ColumnType, depth: int = 2) -> st.SearchStrategy[str]:
    """Expressions of a type over the columns, nested that deep."""
    columns = [name for name, of in COLUMNS.items() if of is kind]
    leaf = st.sampled_from(columns) | st.sampled_from(LITERALS[kind])
    if not depth:
        return leaf
    return st.sampled_from(TEMPLATES[kind] + _chosen(kind)).flatmap(lambda template: _filled(template, depth - 1)) | leaf


def _filled(template: Template, depth: int) -> st.SearchStrategy[str]:
    text, kinds = template
    return st.tuples(*(expressions(each, depth) for each in kinds)).map(lambda parts: _formatted(text, parts))


def _formatted(text: str, parts: Sequence[str]) -> str:
    for part in parts:
        text = text.replace("{}", part, 1)
    return text


_some_kind = st.sampled_from((BOOL, LONG, INT, REAL, STRING, DATETIME, TIMESPAN, DYNAMIC))


@settings(max_examples=60, deadline=None)
@given(rows([*COLUMNS][1:]), st.lists(_some_kind.flatmap(expressions), min_size=1, max_size=8))
def test_expressions(engines: tuple[Answering, Answering], found: Rows, values: list[str]) -> None:
    for engine in engines:
        engine.put("T", COLUMNS, found)
    named = ", ".join(f"X{number} = {value}" for number, value in enumerate(values))
    agree(engines, f"T | project Id, {named}")
