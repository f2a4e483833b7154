"""Random KQL: queries over every operator, function, aggregate and kind of literal, whose names and types mostly fit.

The functions and what they take come from the function tables, so that a new row is tried as soon as it is there. For
the operators there is one writer each, by name; `OPERATORS` must have them all.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

from hypothesis import strategies as st

from herdsight.kql.functions import AGGREGATES, SCALARS, WINDOWS
from herdsight.kql.functions.model import TypeSet, result_type
from herdsight.kql.reserved import BOUND
from herdsight.kql.text import name_text
from herdsight.tables import ColumnType

T = TypeVar("T")
Columns = Mapping[str, ColumnType]

_LITERALS: Mapping[ColumnType, Sequence[str]] = {
    ColumnType.BOOL: ("true", "false", "bool(null)"),
    ColumnType.INT: ("int(1)", "int(-5)", "int(2147483647)", "int(-2147483648)", "int(null)"),
    ColumnType.LONG: (
        *("1", "0", "2", "-1", "10", "100", "0x1F", "1000000", "2147483648"),
        *("9223372036854775807", "-9223372036854775807", "-9223372036854775808", "long(null)"),
    ),
    ColumnType.REAL: (
        *("1.5", "0.0", "-0.0", "-2.25", "1e10", "1e308", "-1e308", "1e-300", "1e18"),
        *("real(nan)", "real(inf)", "real(-inf)", "real(null)"),
    ),
    ColumnType.DECIMAL: ("decimal(1.5)", "decimal(-0.1)", "decimal(1e20)", "decimal(0)", "decimal(null)"),
    ColumnType.STRING: (
        *(
            '"a"',
            '""',
            '"A b"',
            '"a,b;c=d"',
            "'it''s'",
            "'\"'",
            '@"C:\\x\\y"',
            '"[1,2]"',
            '"{\\"a\\": {\\"b\\": [1]}}"',
        ),
        *('"10.0.0.1"', '"10.0.0.0/8"', '"::1"', '"fe80::/10"', '"2024-01-01"', '"2024-01-01T10:00:00.1234567Z"'),
        *('"1.02:03:04"', '"5m"', '"-7"', '"1e400"', '"NaN"', '"true"', '"null"', '"\\0"', '"\\u00e9\\U0001F600"'),
        *('"(a)(b)?"', '".*"', '"([" ', '"%s_%d"', '"\\n\\t "', '"$.a.b[0]"', '"$.."', '"yyyy-MM-dd HH:mm:ss.fff"'),
        *(
            '"http://u:p@h.example:80/p?q=1#f"',
            '"<a b=\\"1\\">x</a>"',
            '"aGVsbG8="',
            '"a b" "c"',
            'h"secret"',
            "```x`y```",
        ),
    ),
    ColumnType.DATETIME: (
        *("datetime(2024-01-01)", "datetime(2024-02-29T23:59:59.999999Z)", "datetime(1970-01-01)", "now()", "ago(1h)"),
        *("datetime(0001-01-01)", "datetime(9999-12-31T23:59:59.999999Z)", "datetime(null)"),
    ),
    ColumnType.TIMESPAN: (
        *("1h", "0s", "1d", "-5m", "1microsecond", "1.5ms", "7d", "timespan(1.02:03:04.5)"),
        *("10675199d", "-10675199d", "timespan(null)"),
    ),
    ColumnType.DYNAMIC: (
        *('dynamic([1, 2, "a", null])', "dynamic([])", "dynamic({})", "dynamic(null)", 'dynamic("x")', "dynamic(5)"),
        *('dynamic({"a": {"b": [1, 2.5]}, "c": null})', "dynamic([[1], [2, 3]])", "dynamic([1.5, -2, 3, 3])"),
        *(
            'dynamic(["a", "b", ""])',
            "dynamic([true])",
            "dynamic([9223372036854775807])",
            "dynamic([1e308, real(nan)])",
        ),
        *('dynamic([{"a": 1}, {"b": "x"}])', "dynamic([1d])", 'dynamic(["10.0.0.0/8", "x"])', 'dynamic({"": 1})'),
    ),
    ColumnType.GUID: ("guid(74be27de-1e4e-49d9-b579-fe0b331d3642)", "guid(null)"),
}

# One column of each type in every table, and names that need care: of other case, in brackets, as words of
TABLE: Columns = {
    "b": ColumnType.BOOL,
    "i": ColumnType.INT,
    "n": ColumnType.LONG,
    "r": ColumnType.REAL,
    "m": ColumnType.DECIMAL,
    "s": ColumnType.STRING,
    "t": ColumnType.DATETIME,
    "d": ColumnType.TIMESPAN,
    "y": ColumnType.DYNAMIC,
    "g": ColumnType.GUID,
}
_NAMES = (
    *("x", "z", "N", "S", "a b", "by", "kind", "time", "range", "value", "count_", "Column1", "print_0", "t1", "Row"),
    *("#", "#0", '"', "a.b", "", "\u00e9", "true", "rowid", "aggregate 0", "null", "order", "T"),
)
_TYPES = [kind.value for kind in ColumnType]

# Operators between two values, or a value and a list, under the names that they have in the function table.
_INFIX = {
    *("+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "=~", "!~", "matches regex"),
    *(name for name in SCALARS if name.removeprefix("!").removesuffix("_cs") in ("has", "contains")),
    *(name for name in SCALARS if name.removeprefix("!").removesuffix("_cs") in ("startswith", "endswith")),
    *(name for name in SCALARS if name.removeprefix("!").removesuffix("_cs") in ("hasprefix", "hassuffix")),
}
_LISTS = {"in", "!in", "in~", "!in~", "has_any", "has_all"}


@dataclass(frozen=True)
class Signature:
    """One way to call something: its name, what it is given, what it gives, and what its first argument may be."""

    name: str
    kinds: tuple[ColumnType, ...]
    result: ColumnType
    choices: tuple[str, ...] = ()

    def text(self, arguments: Sequence[str]) -> str:
        """The call of these arguments."""
        if self.name in _INFIX:
            return f"({arguments[0]} {self.name} {arguments[1]})"
        if self.name in _LISTS:
            return f"({arguments[0]} {self.name} ({', '.join(arguments[1:])}))"
        if self.name in ("between", "!between"):
            return f"({arguments[0]} {self.name} ({arguments[1]} .. {arguments[2]}))"
        if self.name == "[]":
            return f"({arguments[0]})[{arguments[1]}]"
        if self.name == "negate":
            return f"-({arguments[0]})"
        return f"{self.name}({', '.join(arguments)})"

    @property
    def is_written(self) -> bool:
        """Whether a query can write it: some rows of the tables are the operators' own."""
        return self.name.isidentifier() or self.name in (*_INFIX, *_LISTS, "between", "!between", "[]")


def _combinations(parameters: Sequence[TypeSet]) -> Iterator[tuple[ColumnType, ...]]:
    """Types for the parameters: each type of each at least once, and where it goes the same for all."""
    ordered = [sorted(allowed) for allowed in parameters]
    for turn in range(max(map(len, ordered), default=1)):
        yield tuple(allowed[turn % len(allowed)] for allowed in ordered)
    for kind in set(parameters[0]).intersection(*parameters) if parameters else ():
        yield (kind,) * len(parameters)


def _signatures(row: Any) -> Iterator[Signature]:
    most = len(row.parameters)
    more = 2 if getattr(row, "variadic", False) and row.parameters else 0
    for arity in range(most - row.optional, most + more + 1):
        padded = [*row.parameters, *row.parameters[-1:] * more][:arity]
        for kinds in dict.fromkeys(_combinations(padded)):
            try:
                result = result_type(row.result, kinds)
            except (TypeError, ValueError, IndexError):
                continue
            yield Signature(row.name, kinds, result, getattr(row, "choices", ()))


def _by_result(signatures: Iterator[Signature]) -> Mapping[ColumnType, Mapping[str, Sequence[Signature]]]:
    """By type and name: a function of many forms is no likelier than another."""
    found: dict[ColumnType, dict[str, list[Signature]]] = {kind: {} for kind in ColumnType}
    for each in signatures:
        if each.is_written:
            found[each.result].setdefault(each.name, []).append(each)
    return found


_CALLS = _by_result(each for rows in SCALARS.values() for row in rows for each in _signatures(row))
_AGGREGATES = _by_result(each for row in AGGREGATES.values() for each in _signatures(row))
_WINDOWS = _by_result(each for row in WINDOWS.values() for each in _signatures(row))

# Expressions that are no row of a table; {kind} stands for a value of that type.
_FORMS: Mapping[ColumnType, Sequence[str]] = {
    ColumnType.BOOL: ("not(* has {string})", "(* == {string})", "({string} in (print {string}))", "({long} !in (T))"),
    ColumnType.LONG: ('extract("(a|1)", 1, {string}, typeof(long))', "toscalar(T | count)", "toscalar(print {long})"),
    ColumnType.REAL: ('column_ifexists("r", {real})', 'extract_json("$.a", {string}, typeof(real))', "({real}) % 2.0"),
    ColumnType.STRING: ('column_ifexists("none", {string})', "toscalar(T | project s)", "strcat({long}, {dynamic})"),
    ColumnType.DATETIME: ("now({timespan})", "ago({timespan})", "ingestion_time()", "startofday({datetime}, {long})"),
    ColumnType.TIMESPAN: ("-({timespan})", "({datetime} - {datetime})", "iif({bool}, {timespan}, {timespan})"),
    ColumnType.DYNAMIC: (
        *("pack_all()", "pack_all(true)", "bag_pack_columns(n, s)", "({dynamic}).a.b", "({dynamic})[0]"),
        *("({dynamic})['a']", "({dynamic})[{long}]", "({dynamic})[{string}]", "({dynamic}).a['b'][-1].c"),
        *("geo_info_from_ip_address({string})", "bag_pack({string}, {long}, {string}, {datetime})"),
    ),
}

_JOINS = ("inner", "innerunique", "leftouter", "rightouter", "fullouter", "leftsemi", "rightsemi", "leftanti", "anti")


class Writer:
    """Writes one query, piece by piece, as the strategy draws it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self._numbers = count(1)
        self.nested = 0  # tables within this one

    def one(self, options: Sequence[T]) -> T:
        """One of them; the first is the simplest."""
        return self.draw(st.sampled_from(options))

    def often(self, out_of: int = 2) -> bool:
        """Yes, once in so many times."""
        return self.draw(st.integers(1, out_of)) == out_of

    def some(self, make: Callable[[], str], most: int = 3) -> str:
        """One to `most` of what `make` makes, with commas."""
        return ", ".join(make() for _ in range(self.draw(st.integers(1, most))))

    def fresh(self) -> str:
        """A name that nothing has yet, mostly."""
        return name_text(self.one(_NAMES), BOUND) if self.often(4) else f"c{next(self._numbers)}"

    # --- values

    def kind(self) -> ColumnType:
        return self.one(list(ColumnType))

    def value(self, kind: ColumnType, columns: Columns, depth: int = 2) -> str:
        """An expression of that type."""
        of_kind = [name for name, its in columns.items() if its is kind]
        form = self.draw(st.integers(0, 9))
        if form < 3 and of_kind:
            return name_text(self.one(of_kind), BOUND)
        if form < 5 or depth <= 0:
            return self.one(_LITERALS[kind])
        if form == 9 and kind in _FORMS:
            return self.filled(self.one(_FORMS[kind]), columns, depth - 1)
        return self.call(_CALLS[kind], columns, depth) or self.one(_LITERALS[kind])

    def filled(self, form: str, columns: Columns, depth: int) -> str:
        """A form with values for the types in it."""
        for kind in ColumnType:
            while f"{{{kind}}}" in form:
                form = form.replace(f"{{{kind}}}", self.value(kind, columns, depth), 1)
        return form

    def call(self, calls: Mapping[str, Sequence[Signature]], columns: Columns, depth: int) -> str | None:
        """A call of one of them; None where there is none."""
        if not calls:
            return None
        signature = self.one(calls[self.one(sorted(calls))])
        arguments = [self.argument(kind, columns, depth - 1) for kind in signature.kinds]
        if signature.choices:
            arguments[0] = f'"{self.one(signature.choices)}"'
        return signature.text(arguments)

    def argument(self, kind: ColumnType, columns: Columns, depth: int) -> str:
        """An argument: a constant as often as not, for many must be."""
        return self.one(_LITERALS[kind]) if self.often() else self.value(kind, columns, depth)

    def any_value(self, columns: Columns, depth: int = 2) -> tuple[str, ColumnType]:
        kind = self.kind()
        return self.value(kind, columns, depth), kind

    def item(self, columns: Columns, made: dict[str, ColumnType]) -> str:
        """A named value, or one without a name, noted in `made`."""
        text, kind = self.any_value(columns)
        if self.often(5):
            return text
        name = self.fresh()
        if not name.startswith("["):
            made[name] = kind
        return f"{name} = {text}"

    def aggregate(self, columns: Columns) -> str:
        """An aggregate, alone or in an expression."""
        kind = self.kind()
        if self.often(8):
            return self.one(
                [
                    *(
                        "count()",
                        "arg_max(n, *)",
                        "arg_min(t, s, y)",
                        "percentiles(r, 5, 50)",
                        "take_any(*)",
                        "take_any(s, n)",
                    ),
                    *(
                        "percentile(d, 95)",
                        "sum(n) / count()",
                        "(hi, who) = arg_max(r, s)",
                        "dcount(s) > 1",
                        "make_set(y, 3)",
                    ),
                    *("percentilesw(n, i, 50)", "max(t) - min(t)", "round(avg(r), 1)", "sumif(n, b) * 1.0"),
                ]
            )
        return self.call(_AGGREGATES[kind], columns, 2) or "count()"

    def measure(self, columns: Columns) -> str:
        text = self.aggregate(columns)
        return text if self.often() or text.startswith("(") else f"{self.fresh()} = {text}"

    def key(self, columns: Columns) -> str:
        if columns is TABLE and self.often():
            return self.one(("s", "bin(t, 1h)", "bin(n, 10)", "tostring(y)", "k = s", "round(r, 1)"))
        return self.name(columns) if self.often() else self.any_value(columns, 1)[0]

    # --- tables

    def name(self, columns: Columns) -> str:
        """A column's name, which may be unknown where there are none."""
        return name_text(self.one([*columns, "n"]), BOUND)

    def row(self) -> str:
        turn = self.draw(st.integers(0, 30))
        literals = [_LITERALS[kind] for kind in TABLE.values()]
        return ", ".join(each[(turn + shift) % len(each)] for shift, each in enumerate(literals))

    def datatable(self) -> str:
        rows = [self.row() for _ in range(self.draw(st.integers(0, 4)))]
        return f"datatable({', '.join(f'{name}: {kind}' for name, kind in TABLE.items())})[{', '.join(rows)}]"

    def source(self) -> tuple[str, Columns]:
        """What a query begins with, and its columns."""
        form = self.draw(st.integers(0, 10))
        if form < 5:
            return "T", TABLE
        made: dict[str, ColumnType] = {}
        match form:
            case 5:
                return f"print {self.some(lambda: self.item({}, made))}", made
            case 6:
                low, high, step = self.one(_RANGES)
                kind = ColumnType.DATETIME if "date" in low else ColumnType.REAL if "." in low else ColumnType.LONG
                return f"range n from {low} to {high} step {step}", {"n": kind}
            case 7:
                return f"union {self.one(('', 'kind=inner ', 'withsource=w '))}T, ({self.pipeline(1)[0]})", TABLE
            case 8:
                return self.one(
                    ("f(1)", 'f(n=2, s="x")', "materialize(T)", "(T | take 2)", "DeviceNetworkEvents")
                ), TABLE
            case 9:
                shown = self.one(("", " project-smart", " project n, s: long, pack_all()", " project pack(*)"))
                where = self.one(("", "where ", "in (T) where ", "withsource=w in (T*, U) where "))
                return f"find {where}{self.searched(TABLE)}{shown}", TABLE
            case _:
                return (
                    f"search {self.one(('', 'kind=case_sensitive ', 'in (T) ', 'in (T*, U) '))}{self.searched(TABLE)}",
                    TABLE,
                )

    def searched(self, columns: Columns) -> str:
        return (
            self.one(('"a"', '"a" and n > 1', '* has "x"', "s:\"a\" or not('10.0')"))
            if self.often()
            else self.value(ColumnType.BOOL, columns, 1)
        )

    def pipeline(self, most: int = 4, source: tuple[str, Columns] | None = None) -> tuple[str, Columns]:
        """A source and operators over it."""
        text, columns = source or self.source()
        for _ in range(self.draw(st.integers(0, most))):
            operator, columns = self.operator(columns)
            text += f" | {operator}"
        return text, columns

    def operator(self, columns: Columns) -> tuple[str, Columns]:
        return OPERATORS[self.one(sorted(OPERATORS))](self, columns)

    def operators(self, columns: Columns) -> str:
        """A sub-query over what stands before."""
        self.nested += 1
        inner = self.one(_WITHIN)(self, columns)[0] if self.nested < 3 else "take 1"
        self.nested -= 1
        return inner

    def table(self) -> str:
        """A table beside another."""
        if self.nested >= 2 or self.often():
            return self.one(("T", "U", "f(1)"))
        self.nested += 1
        text = f"({self.pipeline(2)[0]})"
        self.nested -= 1
        return text

    def query(self) -> str:
        """The statements of a whole text."""
        lets = [
            f"let T = {self.datatable()}",
            f"let U = {self.datatable()} | extend k = n, u = s",
            'let f = (n: long = 1, s: string = "a", q: (*)) { q | where true }'
            if self.often(10)
            else 'let f = (n: long, s: string = "a") { let z = n; T | extend w = n + z, v = s }',
        ]
        if self.often(6):
            lets.append(f"let v = {self.any_value({})[0]}")
        if self.often(10):
            lets.insert(0, self.one(("set notruncation", "declare query_parameters(p: long = 5, q: string = 'x')")))
        return ";\n".join((*lets, self.pipeline()[0]))


_RANGES = (
    *(
        ("1", "5", "1"),
        ("5", "1", "-2"),
        ("1", "5", "0"),
        ("1", "2", "0.5"),
        ("0.0", "1.0", "0.25"),
        ("1", "3", "long(null)"),
    ),
    ("datetime(2024-01-01)", "datetime(2024-01-02)", "6h"),
    ("datetime(9999-12-31)", "datetime(null)", "1d"),
    ("9223372036854775806", "9223372036854775807", "1"),
    ("toscalar(T | count)", "3", "1"),
)

Written = tuple[str, Columns]


def _where(w: Writer, columns: Columns) -> Written:
    return f"where {w.value(ColumnType.BOOL, columns, 3)}", columns


def _items(word: str, *, keeps: bool) -> Callable[[Writer, Columns], Written]:
    def write(w: Writer, columns: Columns) -> Written:
        made: dict[str, ColumnType] = {}
        text = f"{word} {w.some(lambda: w.item(columns, made))}"
        return text, {**columns, **made} if keeps else made

    return write


def _serialize(w: Writer, columns: Columns) -> Written:
    window = w.call(_WINDOWS[w.one([kind for kind in ColumnType if _WINDOWS[kind]])], columns, 1)
    place = w.one(
        (f"serialize w = {window}", f"serialize | extend w = {window}", f"order by n asc | where isnotnull({window})")
    )
    return place, columns


def _names(word: str) -> Callable[[Writer, Columns], Written]:
    def write(w: Writer, columns: Columns) -> Written:
        patterns = ["*", "n*", "*s", "unknown*", '["a b"]', "b"]
        return f"{word} {w.some(lambda: w.one(patterns) if w.often() else w.name(columns))}", columns

    return write


def _reorder(w: Writer, columns: Columns) -> Written:
    return (
        f"project-reorder {w.name(columns)}, {w.one(('*', 'n*', 's'))} {w.one(('', 'asc', 'desc', 'granny-asc'))}",
        columns,
    )


def _rename(w: Writer, columns: Columns) -> Written:
    return f"project-rename {w.fresh()} = {w.name(columns)}", columns


def _by_names(w: Writer, columns: Columns) -> Written:
    names = w.one(('"n"', 'dynamic(["n", "s"])', "column_names_of(T)", '"unknown"'))
    return f"project-by-names {names}", columns


def _summarize(w: Writer, columns: Columns) -> Written:
    keys = f" by {w.some(lambda: w.key(columns), 2)}" if w.often() else ""
    measures = w.some(lambda: w.measure(columns)) if not keys or w.often() else ""
    return f"summarize {measures}{keys}", {"count_": ColumnType.LONG, "s": ColumnType.STRING, "n": ColumnType.LONG}


def _ordering(w: Writer, columns: Columns) -> str:
    key = w.name(columns) if w.often() else w.any_value(columns, 1)[0]
    return f"{key} {w.one(('', 'asc', 'desc', 'asc nulls last', 'desc nulls first'))}"


def _sort(word: str) -> Callable[[Writer, Columns], Written]:
    return lambda w, columns: (f"{word} by {w.some(lambda: _ordering(w, columns))}", columns)


def _top(w: Writer, columns: Columns) -> Written:
    return f"top {_number(w)} by {_ordering(w, columns)}", columns


def _number(w: Writer) -> str:
    odd = ("0", "1 + 1", "-1", "toscalar(T | count)", "long(null)", "1.5", "9223372036854775807", '"a"', "n")
    return w.one(odd) if w.often(4) else w.one(("2", "1", "3"))


def _counted(word: str) -> Callable[[Writer, Columns], Written]:
    return lambda w, columns: (f"{word} {_number(w)}", columns)


def _distinct(w: Writer, columns: Columns) -> Written:
    return f"distinct {w.one(('*', 'n', 's, y', 'b, m, d, t, g')) if w.often() else w.key(columns)}", columns


def _count(w: Writer, _columns: Columns) -> Written:
    return w.one(("count", "count as n", 'count as ["a b"]')), {"Count": ColumnType.LONG, "n": ColumnType.LONG}


def _plain(text: str) -> Callable[[Writer, Columns], Written]:
    return lambda _w, columns: (text, columns)


def _join(w: Writer, columns: Columns) -> Written:
    on = w.one(
        (
            "n",
            "s",
            "n, s",
            "$left.n == $right.n",
            "$left.s == $right.u",
            "y",
            "$left.i == $right.n",
            "d",
            "b",
            "unknown",
        )
    )
    condition = w.one(("n > 1", "s == u", "n == k")) if w.often(8) else None
    tail = f"where {condition}" if condition else f"on {on}"
    hint = w.one(("", "hint.strategy=shuffle "))
    return f"join kind={w.one(_JOINS)} {hint}{w.table()} {tail}", {**columns, "n1": ColumnType.LONG}


def _lookup(w: Writer, columns: Columns) -> Written:
    on = w.one(("n", "s, n", "$left.n == $right.k", "t", "m"))
    return f"lookup {w.one(('', 'kind=inner ', 'kind=leftouter '))}{w.table()} on {on}", columns


def _union(w: Writer, columns: Columns) -> Written:
    options = w.one(("", "kind=inner ", "kind=outer isfuzzy=true ", "withsource=src ", 'withsource=["a b"] '))
    return f"union {options}{w.some(w.table, 2)}{w.one(('', ', T*', ', unknown'))}", columns


def _invoke(w: Writer, columns: Columns) -> Written:
    return f"invoke {w.one(('f(1)', 'f(q=1)', 'FileProfile(s)', 'unknown(1)'))}", columns


def _parse(word: str) -> Callable[[Writer, Columns], Written]:
    def write(w: Writer, columns: Columns) -> Written:
        kind = w.one(("", "kind=simple ", "kind=regex ", "kind=regex flags=Ui ", "kind=relaxed "))
        parts = [
            w.one(('"a"', "*", '","', '"(a|b)"', '"["', '""', "c1", f"c2: {w.one(_TYPES)}", '["a b"]'))
            for _ in range(4)
        ]
        return f"{word} {kind}{w.argument(ColumnType.STRING, columns, 1)} with {' '.join(parts)}", columns

    return write


def _parse_kv(w: Writer, columns: Columns) -> Written:
    options = (
        "",
        ' with (pair_delimiter=";", kv_delimiter="=")',
        ' with (pair_delimiter=",", kv_delimiter=":", quote="\'", escape="\\\\")',
        ' with (greedy=true, kv_delimiter="")',
        ' with (regex=@"(\\w+)=(\\w+)")',
        ' with (regex="([", quote=1)',
    )
    declared = f"(a: {w.one(_TYPES)}, b: {w.one(_TYPES)})"
    return f"parse-kv {w.argument(ColumnType.STRING, columns, 1)} as {declared}{w.one(options)}", columns


def _expansion(w: Writer, columns: Columns) -> str:
    name = w.one(("", "c1 = ", '["kind"] = '))
    kind = w.one(("", f" to typeof({w.one(_TYPES)})"))
    return f"{name}{w.value(ColumnType.DYNAMIC, columns, 1)}{kind}"


def _mv_expand(w: Writer, columns: Columns) -> Written:
    options = w.one(("", "kind=array ", "bagexpansion=bag ", "with_itemindex=x "))
    limit = f" limit {_number(w)}" if w.often(4) else ""
    return f"mv-expand {options}{w.some(lambda: _expansion(w, columns), 2)}{limit}", columns


def _mv_apply(w: Writer, columns: Columns) -> Written:
    options = w.one(("", "with_itemindex=x "))
    return (
        f"mv-apply {options}{_expansion(w, columns)} on ({w.operators({**columns, 'c1': ColumnType.DYNAMIC})})",
        columns,
    )


def _make_series(w: Writer, columns: Columns) -> Written:
    axis, low, high, step = w.one(
        (
            ("t", "datetime(2024-01-01)", "datetime(2024-01-02)", "6h"),
            ("n", "0", "10", "3"),
            ("r", "0.0", "1.0", "0.3"),
            ("d", "0s", "1h", "20m"),
            ("t", "datetime(null)", "now()", "0s"),
            ("n", "1", "5", "-1"),
            ("t", "datetime(2024-01-01)", "datetime(2024-01-02)", "1"),
        )
    )
    extent = w.one(
        (
            f"from {low} to {high} step {step}",
            f"step {step}",
            f"in range({low}, {high}, {step})",
            f"to {high} step {step}",
        )
    )
    default = w.one(("", " default=0", " default=1.5", ' default="x"', " default=real(null)"))
    keys = w.one(("", " by s", " by bin(n, 2), b", " by y"))
    return f"make-series {w.one(('', 'kind=nonempty '))}{w.measure(columns)}{default} on {axis} {extent}{keys}", {
        "t": ColumnType.DYNAMIC,
        "n": ColumnType.DYNAMIC,
    }


def _partition(w: Writer, columns: Columns) -> Written:
    if w.often():
        return f"partition {w.one(('', 'hint.strategy=native '))}by {w.name(columns)} ({w.operators(columns)})", columns
    table = w.one(("T", "print q = toscalar(n)", "T | where n == toscalar(s)"))
    return f"partition by {w.name(columns)} {{ {table} | {w.operators(columns)} }}", columns


def _sample_distinct(w: Writer, columns: Columns) -> Written:
    return f"sample-distinct {_number(w)} of {w.key(columns).removeprefix('k = ')}", columns


def _top_hitters(w: Writer, columns: Columns) -> Written:
    return f"top-hitters {_number(w)} of {w.key(columns)}{w.one(('', ' by n', ' by r', ' by s'))}", columns


def _top_nested(w: Writer, columns: Columns) -> Written:
    def level() -> str:
        others = w.one(("", "", "", "", ' with others = "x"'))
        return (
            f"{w.one(('2 ', '', '0 '))}of {w.key(columns)}{others} by {w.measure(columns)} {w.one(('', 'asc', 'desc'))}"
        )

    levels = [level() for _ in range(w.draw(st.integers(1, 2)))]
    return ", ".join(f"top-nested {each}" for each in levels), columns


def _scan(w: Writer, columns: Columns) -> Written:
    form = (
        "scan declare (q: long = 0) with (step one: true => q = one.q + {long};)",
        (
            "scan with_match_id=id declare (q: string) with ("
            "step one output=none: {bool}; step two: {bool} => q = {string};)"
        ),
        "scan with (step one: {bool}; step two output=last: n > one.n and {bool}; step three: s == two.s;)",
        "scan declare (q: real = 1.5) with (step one optional: {bool} => q = {real};)",
        "scan declare (q: dynamic) with (step one: true => q = {dynamic}, unknown = {long};)",
    )
    return f"sort by n asc | {w.filled(w.one(form), columns, 1)}", columns


def _search(w: Writer, columns: Columns) -> Written:
    return f"search {w.one(('', 'kind=case_sensitive '))}{w.searched(columns)}", columns


def _evaluate(w: Writer, columns: Columns) -> Written:
    form = (
        "evaluate bag_unpack(y)",
        'evaluate bag_unpack(y, "p_", columnsConflict="keep_source", ignoredProperties=dynamic(["a"]))',
        "evaluate bag_unpack(y) : (*, a: string)",
        "evaluate bag_unpack({dynamic})",
        "evaluate pivot(s)",
        "evaluate pivot(s, sum(n), b)",
        "evaluate pivot({string}, count()) : (*, a: long)",
        "project n, s | evaluate narrow()",
        "evaluate ipv4_lookup(U, s, u)",
        "evaluate ipv4_lookup(U, s, u, n, return_unmatched=true)",
        "evaluate ipv6_lookup(U, s, u)",
        "evaluate autocluster()",
    )
    return w.filled(w.one(form), columns, 1), columns


def _render(w: Writer, columns: Columns) -> Written:
    return w.one(("render timechart", 'render table with (title="x", series=n)')), columns


def _assert_schema(w: Writer, columns: Columns) -> Written:
    declared = ", ".join(f"{name_text(name)}: {kind}" for name, kind in columns.items())
    return f"assert-schema ({declared if w.often() else 'n: long'})", columns


OPERATORS: Mapping[str, Callable[[Writer, Columns], Written]] = {
    "where": _where,
    "filter": _where,
    "extend": _items("extend", keeps=True),
    "project": _items("project", keeps=False),
    "project-away": _names("project-away"),
    "project-keep": _names("project-keep"),
    "project-reorder": _reorder,
    "project-rename": _rename,
    "project-by-names": _by_names,
    "summarize": _summarize,
    "sort": _sort("sort"),
    "order": _sort("order"),
    "top": _top,
    "take": _counted("take"),
    "limit": _counted("limit"),
    "sample": _counted("sample"),
    "distinct": _distinct,
    "count": _count,
    "serialize": _serialize,
    "join": _join,
    "lookup": _lookup,
    "union": _union,
    "as": _plain("as A"),
    "invoke": _invoke,
    "parse": _parse("parse"),
    "parse-where": _parse("parse-where"),
    "parse-kv": _parse_kv,
    "mv-expand": _mv_expand,
    "mvexpand": _mv_expand,
    "mv-apply": _mv_apply,
    "make-series": _make_series,
    "partition": _partition,
    "sample-distinct": _sample_distinct,
    "top-hitters": _top_hitters,
    "top-nested": _top_nested,
    "scan": _scan,
    "search": _search,
    "evaluate": _evaluate,
    "getschema": _plain("getschema"),
    "consume": _plain("consume"),
    "render": _render,
    "assert-schema": _assert_schema,
}

# What may stand in mv-apply and partition, and some that may not.
_WITHIN = (
    _where,
    _summarize,
    _top,
    _items("extend", keeps=True),
    _sort("sort"),
    _mv_apply,
    _counted("take"),
    _join,
    _scan,
)


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A whole text: a few tables and functions of let, and a query over them."""
    return Writer(draw).query()


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """`print` of values without a table: the functions alone, one to three beside and within each other."""
    writer = Writer(draw)
    return f"print {writer.some(lambda: writer.any_value({}, 3)[0])}"
