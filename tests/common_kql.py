"""Random rows, and random queries over them that say only what both Herdsight and duckdb-kql have words for.

An expression is grown from templates, by type. A query is a table, steps that keep its columns, and one step more.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st
from questions import NOW, Types

from herdsight.tables import ColumnType

# --- Rows ------------------------------------------------------------------------------------------------------------

BOOL, INT, LONG, REAL, STRING = ColumnType.BOOL, ColumnType.INT, ColumnType.LONG, ColumnType.REAL, ColumnType.STRING
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
OTHER: Types = {"Id": LONG, "L": LONG, "S": STRING, "B": BOOL, "D": DATETIME, "V": REAL}  # the other table's

TEXTS = (
    *("", "a", "A", "b", "ab", "AB", "a b", "a-b", "a_b c", "b.a", "aab", "12", "-3", "1.5", "true", "it's"),
    *("é", "éa ß", "日本", "%a_", "a\\b", "2024-02-29", "10.0.0.1", '{"a":1}', "[1,2]", '"a"', "null"),
)
MOMENTS = (
    *(NOW, NOW - timedelta(days=1), NOW + timedelta(microseconds=1), NOW.replace(second=59, microsecond=999_999)),
    *(NOW.replace(month=1, day=1, hour=0), NOW.replace(month=12, day=31, hour=23, minute=59, second=59)),
    *(NOW.replace(year=2024, month=2, day=29), NOW.replace(year=1969, month=12, day=31), NOW.replace(year=1970)),
)
SPANS = (0, 1, -1, 59_999_999, 60_000_000, 3_600_000_000, -108_000_000_000, 172_800_000_005)  # microseconds
BAGS = ("{}", '{"a":1}', '{"a":"x","b":{"c":2}}', '{"a":"","b":[1,2]}', '{"a":[{"b":1}]}')
ARRAYS = ("[]", "[1,2,2]", '["a","b"]', '[1,null,"a"]', "[[1],[2]]", '[{"a":1},{"a":"x"}]')
SCALARS = ("1", "1.5", '"a"', '"12"', "true", '""')

_long = st.none() | st.integers(-7, 12)
_real = st.none() | st.integers(-20, 20).map(lambda quarters: quarters / 4)  # whose sums are exact
_string = st.sampled_from(TEXTS) | st.text("aAbB1_-. é", max_size=5)
_bool = st.none() | st.booleans()
_first, _last = NOW.replace(year=1900), NOW.replace(year=2100)
_datetime = st.none() | st.sampled_from(MOMENTS) | st.datetimes(_first, _last)
_timespan = st.none() | st.sampled_from(SPANS)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("L", "M", "I"), _long),
    **dict.fromkeys(("R", "Q", "V"), _real),
    **dict.fromkeys(("S", "U"), _string),
    **dict.fromkeys(("B", "C"), _bool),
    **dict.fromkeys(("D", "E"), _datetime),
    **dict.fromkeys(("P", "O"), _timespan),
    "J": st.none() | st.sampled_from(BAGS + ARRAYS + SCALARS),
    "K": st.none() | st.sampled_from(ARRAYS),
}


def rows(types: Types, most: int = 7) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of these columns, numbered in `Id`."""
    drawn = st.lists(st.fixed_dictionaries({name: VALUES[name] for name in types if name != "Id"}), max_size=most)
    return drawn.map(lambda found: [{"Id": number, **row} for number, row in enumerate(found)])


# --- Expressions -----------------------------------------------------------------------------------------------------

Template = tuple[str, tuple[ColumnType, ...]]

LITERALS: dict[ColumnType, tuple[str, ...]] = {
    BOOL: ("true", "false", "bool(null)"),
    LONG: ("0", "1", "-2", "3", "7", "0x1f", "long(null)"),
    INT: ("int(2)", "int(-3)", "int(null)"),
    REAL: ("0.0", "1.5", "-0.25", "1e3", "real(null)"),
    STRING: ('""', '"a"', '"B"', '"ab"', '"a b"', '"_"', "'é'", '@"a\b"', '"%"'),
    DATETIME: ("datetime(2026-03-10)", "datetime(1969-12-31 23:59:59.999999)", "now()", "ago(1h)", "datetime(null)"),
    TIMESPAN: ("1h", "1.5d", "-90s", "1ms", "time(1.02:03:04.5)", "timespan(null)"),
    DYNAMIC: ('dynamic([1,"a",2.5])', 'dynamic({"a":{"b":1}})', "dynamic(null)"),
}
LISTS = {
    LONG: "1, -2, 3",
    STRING: "'a', 'B', '', 'é'",
    DATETIME: "datetime(2026-03-10 12:00), datetime(1970-03-10 12:00)",
}
ORDERED = (LONG, INT, REAL, DATETIME, TIMESPAN)
TERM_OPERATORS = (
    *("has", "!has", "has_cs", "!has_cs", "hasprefix", "!hasprefix", "hasprefix_cs", "!hasprefix_cs"),
    *("hassuffix", "!hassuffix", "hassuffix_cs", "!hassuffix_cs"),
)
PART_OPERATORS = (
    *("contains", "!contains", "contains_cs", "!contains_cs", "startswith", "!startswith"),
    *("startswith_cs", "!startswith_cs", "endswith", "!endswith", "endswith_cs", "!endswith_cs"),
)
PERIODS = ("day", "week", "month", "year")


def between(operators: Sequence[str], *kinds: ColumnType) -> Iterator[Template]:
    """A template for each operator that stands between two operands of the same type."""
    for kind in kinds:
        yield from ((f"({{}} {operator} {{}})", (kind, kind)) for operator in operators)


def calls(names: Sequence[str], *kinds: ColumnType, then: str = "") -> Iterator[Template]:
    """A template for each function that is called with arguments of these types, `then` with text."""
    for name in names:
        yield f"{name}({', '.join('{}' for _ in kinds)}{then})", kinds


def calls_of_each(names: Sequence[str], *kinds: ColumnType) -> Iterator[Template]:
    """A template for each function and each type that it takes alone."""
    for kind in kinds:
        yield from calls(names, kind)


def parts(function: str, names: Sequence[str], *kinds: ColumnType) -> Iterator[Template]:
    """A template for each name that a function is told first."""
    for name in names:
        yield f"{function}('{name}', {', '.join('{}' for _ in kinds)})", kinds


def as_long(templates: Iterable[Template]) -> Iterator[Template]:
    """Templates of an int, as a long: in a union, a column of two types would become two columns."""
    return ((f"tolong({text})", kinds) for text, kinds in templates)


def listed() -> Iterator[Template]:
    """Templates of what is asked of a list."""
    for kind, members in LISTS.items():
        yield from ((f"({{}} {operator} ({members}))", (kind,)) for operator in ("in", "!in"))
    yield from ((f"({{}} {operator} ({LISTS[STRING]}))", (STRING,)) for operator in ("in~", "!in~"))
    yield from ((f"({{}} {operator} ({{}}, {{}}))", (STRING, STRING, STRING)) for operator in ("has_any", "has_all"))


def ranged() -> Iterator[Template]:
    """Templates of what is asked of a range."""
    for kind in ORDERED:
        yield from ((f"({{}} {operator} ({{}} .. {{}}))", (kind, kind, kind)) for operator in ("between", "!between"))


TEMPLATES: dict[ColumnType, tuple[Template, ...]] = {
    BOOL: (
        *between(("==", "!="), *ORDERED, STRING, BOOL),
        *between(("<", "<=", ">", ">="), *ORDERED),
        *between(("=~", "!~", *TERM_OPERATORS, *PART_OPERATORS), STRING),
        *between(("and", "or"), BOOL),
        *listed(),
        *ranged(),
        ("not({})", (BOOL,)),
        ("({} matches regex '^a.?b|[0-9]+$')", (STRING,)),
        *calls_of_each(("isnull", "isnotnull", "isempty", "isnotempty"), LONG, STRING, DATETIME, BOOL),
        *calls_of_each(("isnull",), DYNAMIC),
        ("tobool(tostring({}))", (BOOL,)),
        *calls_of_each(("tobool",), LONG),
    ),
    LONG: (
        *between(("+", "-", "*", "/", "%"), LONG),
        ("({} + {})", (LONG, INT)),
        ("(-{})", (LONG,)),
        ("bin({}, 3)", (LONG,)),
        *calls(("abs", "binary_not"), LONG),
        *calls(("min_of", "max_of", "binary_and", "binary_or", "binary_xor"), LONG, LONG),
        *calls_of_each(("tolong",), STRING, REAL, BOOL, DYNAMIC),
        *calls(("strlen",), STRING),
        *calls(("indexof", "countof"), STRING, STRING),
        *calls(("array_length",), DYNAMIC),
        *as_long(
            calls(
                ("getyear", "getmonth", "monthofyear", "dayofmonth", "dayofyear", "hourofday", "week_of_year"), DATETIME
            )
        ),
        *parts("datetime_diff", ("second", "minute", "hour", "day", "month", "quarter", "year"), DATETIME, DATETIME),
        *as_long(parts("datetime_part", ("year", "quarter", "month", "week_of_year", "day", "dayOfYear"), DATETIME)),
        *as_long(parts("datetime_part", ("hour", "minute", "second"), DATETIME)),
    ),
    INT: tuple(calls_of_each(("toint",), LONG, STRING, REAL)),
    REAL: (
        *between(("+", "-", "*"), REAL),
        *((f"({{}} {operator} {{}})", (LONG, REAL)) for operator in ("+", "-", "*")),
        ("({} / 0.75)", (REAL,)),
        ("({} / 7m)", (TIMESPAN,)),
        ("bin({}, 0.5)", (REAL,)),
        ("floor({}, 2.0)", (REAL,)),
        ("exp({} / 100)", (REAL,)),
        ("round({}, 1)", (REAL,)),
        ("pow({}, 2)", (REAL,)),
        *((f"{name}(abs({{}}) + 1.0)", (REAL,)) for name in ("sqrt", "log", "log10", "log2")),
        *calls(("abs", "ceiling", "round", "sin", "cos"), REAL),
        *calls(("min_of", "max_of"), REAL, REAL),
        *calls_of_each(("toreal", "todouble"), LONG, STRING),
    ),
    STRING: (
        *calls(("strcat",), STRING, LONG, STRING),
        *calls(("strcat_delim",), STRING, STRING, REAL, STRING),
        *calls(("tolower", "toupper", "reverse"), STRING),
        *calls(("strrep",), STRING, then=", 2"),
        *calls(("substring",), STRING, then=", 1"),
        *calls(("substring",), STRING, then=", 0, 2"),
        ("replace_string({}, 'a', {})", (STRING, STRING)),
        ("replace_regex({}, '([ab])(.)', '\\\\2\\\\1')", (STRING,)),
        *((f"{name}('[ab]+', {{}})", (STRING,)) for name in ("trim", "trim_start", "trim_end")),
        ("extract('([a-b]+).?([0-9]*)', 1, {})", (STRING,)),
        ("extract('^.*(b)', 0, {})", (STRING,)),
        ("tostring(split({}, 'a')[1])", (STRING,)),
        *calls_of_each(("tostring",), BOOL, INT, LONG, REAL, STRING, DATETIME, TIMESPAN),
        *((f"tostring({value})", ()) for value in ("J", "K", "J.b", "J[0]", "bag_pack('x', J)")),
        ("tostring({}.a)", (DYNAMIC,)),
        ("format_datetime(coalesce({}, now()), 'yyyy-MM-dd HH:mm:ss.fff')", (DATETIME,)),
        *((f"{name}(strcat('x', {{}}))", (STRING,)) for name in ("hash_md5", "hash_sha1", "hash_sha256")),
        *calls_of_each(("gettype",), BOOL, REAL, STRING, DATETIME, TIMESPAN),
    ),
    DATETIME: (
        ("({} + {})", (DATETIME, TIMESPAN)),
        ("({} - {})", (DATETIME, TIMESPAN)),
        *((f"bin({{}}, {span})", (DATETIME,)) for span in ("1s", "5m", "1h", "1d")),
        *calls([f"{edge}of{period}" for edge in ("start", "end") for period in PERIODS], DATETIME),
        *calls([f"{edge}of{period}" for edge in ("start", "end") for period in PERIODS], DATETIME, then=", -1"),
        *((f"datetime_add('{unit}', {{}} % 99, {{}})", (LONG, DATETIME)) for unit in ("second", "hour", *PERIODS)),
        *calls(("todatetime",), DATETIME),
    ),
    TIMESPAN: (
        ("({} - {})", (DATETIME, DATETIME)),
        *between(("+", "-"), TIMESPAN),
        ("({} * 3)", (TIMESPAN,)),
        *calls(("dayofweek",), DATETIME),
        *calls(("totimespan",), TIMESPAN),
    ),
    DYNAMIC: (
        *(("{}" + path, (DYNAMIC,)) for path in (".a", '["a"]', ".b.c", "[0]", "[-1]", "[1].a")),
        *calls(("split",), STRING, then=", 'a'"),
        ("extract_all('([ab]+)', {})", (STRING,)),
        *calls(("pack_array",), LONG, STRING, REAL, DATETIME, BOOL),
        ("bag_pack('x', {}, 'y', {})", (STRING, DYNAMIC)),
    ),
}


def choices(kind: ColumnType) -> tuple[Template, ...]:
    """Templates that choose between values of a type."""
    if kind in (INT, DYNAMIC):
        return ()
    conditional = ("iff({}, {}, {})", (BOOL, kind, kind)), ("case({}, {}, {}, {}, {})", (BOOL, kind, BOOL, kind, kind))
    return (*conditional, ("coalesce({}, {})", (kind, kind)))


@cache
def expressions(kind: ColumnType, depth: int = 2) -> st.SearchStrategy[str]:
    """Expressions of a type over the columns, nested that deep."""
    columns = [name for name, of in COLUMNS.items() if of is kind]
    leaf = st.sampled_from(columns) | st.sampled_from(LITERALS[kind])
    if not depth:
        return leaf
    templates = st.sampled_from(TEMPLATES[kind] + choices(kind))
    return templates.flatmap(lambda template: _filled(template, depth - 1)) | leaf


def _filled(template: Template, depth: int) -> st.SearchStrategy[str]:
    text, kinds = template
    return st.tuples(*(expressions(each, depth) for each in kinds)).map(lambda found: _written(text, found))


def _written(text: str, arguments: Sequence[str]) -> str:
    first, *further = text.split("{}")  # no str.format: KQL has braces of its own
    return first + "".join(each for pair in zip(arguments, further, strict=True) for each in pair)


def typed_expressions(depth: int = 2) -> st.SearchStrategy[tuple[ColumnType, str]]:
    """An expression with its type."""
    return st.sampled_from(list(TEMPLATES)).flatmap(lambda kind: st.tuples(st.just(kind), expressions(kind, depth)))


# --- Queries ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """The last step of a query; whether it orders the rows, and which columns hold arrays whose order is left open."""

    kql: str
    ordered: bool = False
    sets: tuple[str, ...] = ()


Steps = st.SearchStrategy[Step]

PLAIN = ("L", "M", "I", "R", "S", "U", "B", "D", "P")  # columns whose values have an order and make groups
KNOWN = "Z | where isnotnull(L) and isnotnull(B) and isnotnull(D)"  # is null equal to null? The documentation is silent
OTHERS = ("", " | where V > 0", " | project D, V, S, L, B", " | extend V = L * 2, N = strcat(S, 'x')")


def several(names: Sequence[str], most: int = 3) -> st.SearchStrategy[str]:
    """Some of the names, each once, with commas between."""
    return st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True).map(", ".join)


def joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    """The parts one behind the other."""
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


_one = st.sampled_from
_orders = several(
    [f"{name}{way}" for name in PLAIN for way in ("", " asc", " desc", " asc nulls last", " desc nulls first")]
)
_sort = joined("sort by ", _orders, ", Id asc")
_count = st.integers(0, 8).map(str)

KEEPING = st.one_of(
    joined("where ", expressions(BOOL)),
    st.sampled_from(PLAIN).flatmap(lambda name: joined(f"extend {name} = ", expressions(COLUMNS[name]))),
    joined(_sort, _one((" | take ", " | limit ")), _count),
    joined("top ", _count, " by Id", _one(("", " asc"))),
)


def prepared(least: int = 0, most: int = 2) -> st.SearchStrategy[str]:
    """The table behind some steps that keep its columns."""
    return st.lists(KEEPING, min_size=least, max_size=most).map(lambda steps: " | ".join(("T", *steps)))


KEYS = (
    *PLAIN,
    *("K0 = bin(L, 3)", "K1 = bin(R, 1.0)", "K2 = bin(D, 1d)", "K3 = startofday(D)", "K4 = Id % 3", "K5 = L > 0"),
    *("K6 = tostring(J)", "K7 = tolower(S)"),
)
MEASURES = (
    *("count()", "countif(B)", "countif(L > M)", "countif(S has 'a')"),
    *("sum(L)", "sum(R)", "sumif(L, B)", "sum(L * R)", "sum(strlen(S))", "sum(R) / (1 + count())"),
    *("avg(L)", "avg(R)", "avgif(R, L > 1)", "stdev(L)", "variance(R)", "stdev(M)"),
    *(f"{name}({column})" for name in ("min", "max", "dcount") for column in PLAIN),
    *("max(D) - min(D)", "max(L) + count()", "dcountif(S, L > 1)"),
    *("make_set(L)", "make_set(R)", "make_set(strcat('x', S))", "make_set(K)"),
    *("make_list(L)", "make_list(S)", "make_list(J)"),
)


def _summarize(measures: Sequence[str], by: str) -> Step:
    named = {f"{'Array' if each.startswith('make_') else 'X'}{number}": each for number, each in enumerate(measures)}
    kql = ", ".join(f"{name} = {each}" for name, each in named.items())
    return Step(f"summarize {kql}{by}", sets=tuple(name for name in named if name.startswith("Array")))


_measures = st.lists(st.sampled_from(MEASURES), min_size=1, max_size=5, unique=True)
_by = st.just("") | joined(" by ", several(KEYS))
_kinds = _one(
    ("inner", "leftouter", "rightouter", "fullouter", "leftsemi", "rightsemi", "leftanti", "rightanti", "anti")
)
_on = _one(("L", "S", "B", "D", "L, S", "S, B, D", "$left.M == $right.L", "$left.U == $right.S, L"))
_shared = _one(("L", "S", "B", "L, S", "S, D"))


def _on_shared(text: str) -> Steps:
    return _shared.map(lambda on: Step(text.replace("KEYS", on)))


_assigned = st.lists(typed_expressions(1), min_size=1, max_size=3).map(
    lambda found: ", ".join(f"X{number} = {value}" for number, (_, value) in enumerate(found))
)
_parses = _one(
    (
        "strcat('k=', S, ';n=', L, ';') with * 'k=' X1 ';n=' X2:long ';'",
        "strcat('k=', L, ';at=', D) with * 'k=' X1:long ';at=' X2:datetime",
        *(f"S with * 'a' {rest}" for rest in ("X1", "X1 'b'", "X1:long", "X1 'b' X2", "X1:long *", "X1:real")),
        *(f"kind=relaxed S with * 'a' {rest}" for rest in ("X1", "X1:long", "X1 'b' X2:long")),
        *(f"kind=regex S with * 'a.?' {rest}" for rest in ("X1", "X1 '[bc]'", "X1:long")),
    )
)
_expanded = _one(("J", "K", "X = K", "X = split(S, 'a')", "K to typeof(string)", "K to typeof(long)", "J limit 2"))
STEPS: dict[str, Steps] = {
    "where": joined("where ", expressions(BOOL)).map(Step),
    "extend": joined("extend ", _assigned).map(Step),
    "project": joined("project ", _assigned, ", Id, ", several(PLAIN)).map(Step),
    "project-away": joined("project-away ", several(PLAIN)).map(Step),
    "project-rename": joined("project-rename New = ", _one(PLAIN)).map(Step),
    "distinct": joined("distinct ", several(PLAIN)).map(Step),
    "count": st.just(Step("count")),
    "sort": joined(_sort).map(lambda kql: Step(kql, ordered=True)),
    "top": joined("top ", _count, " by Id | sort by Id").map(lambda kql: Step(kql, ordered=True)),
    "summarize": st.builds(_summarize, _measures, _by),
    "arg_max": joined("summarize arg_", _one(("max", "min")), "(Id, ", _one(("*", "S", "L, S")), ")", _by).map(Step),
    "join": joined("join kind=", _kinds, f" ({KNOWN}", _one(OTHERS), ") on ", _on).map(Step),
    "innerunique": _on_shared(f"project KEYS | join ({KNOWN}) on KEYS"),
    "lookup": _on_shared(f"lookup ({KNOWN} | summarize N = count(), Top = max(V) by KEYS) on KEYS"),
    "inner lookup": _on_shared(f"lookup kind=inner ({KNOWN} | summarize N = count(), Top = max(V) by KEYS) on KEYS"),
    "union": joined("union ", _one(("", "kind=inner ", "kind=outer ")), "(Z", _one(OTHERS), ")").map(Step),
    "in a table": joined("where ", _one(("L", "M")), _one((" in ", " !in ")), "(Z | project L)").map(Step),
    "toscalar": joined("extend X = toscalar(Z | summarize ", _one(("max(L)", "count()", "max(S)")), ")").map(Step),
    "mv-expand": joined("mv-expand ", _expanded).map(Step),
    "mv-expand with an index": st.just(Step("mv-expand with_itemindex=X K")),
    "parse": joined("parse ", _parses).map(Step),
    "parse-where": joined("parse-where ", _parses.filter(lambda kql: "relaxed" not in kql)).map(Step),
}
