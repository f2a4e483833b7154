"""What Zeek's logs of single protocols share: one line, tabbed or JSON, is one event between two addresses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import VARCHAR, file_number, lines, objects, position
from herdsight.logs.values import (
    BAD_JSON,
    REPEATED_HEADER,
    address,
    all_null,
    cast,
    microseconds,
    moment_of,
    reason,
    rejection,
    string,
)
from herdsight.logs.zeek import ENDS as ADDRESSES
from herdsight.logs.zeek import SPELLINGS
from herdsight.logs.zeek_conn import header_of
from herdsight.logs.zeek_conn_json import names_in, seconds
from herdsight.tables import FILE_COLUMN, ColumnType
from herdsight.trees import call, column, named, text

_ENDS = ("ts", "uid", "orig_h", "orig_p", "resp_h", "resp_p", "proto")
_REQUIRED = ("ts", "orig_h", "resp_h")
_PATHS = ("_path", "@path", "@stream")  # where JSON says which log a line is of

Build = Callable[[Scope], exp.Expr]


@dataclass(frozen=True, slots=True)
class Filled:
    """A declared column: the fields that it needs, and its value as a tree over these, which are texts."""

    needs: tuple[str, ...]
    build: Build


@dataclass(frozen=True, slots=True)
class _Records:
    """A file's records: the fields that it has as trees over `lines`, its number, and why one may have no time."""

    lines: exp.Expr
    fields: Mapping[str, exp.Expr]
    file: exp.Expr
    untimed: exp.If


@dataclass(frozen=True, slots=True)
class Protocol:
    """One of Zeek's logs.

    `fields` are its own, beside those of every log; one of `telling` is in no other log. `columns` are what it fills,
    `derived` what follows from these or is the same in each row.
    """

    path: str
    table: str
    fields: tuple[str, ...]
    telling: tuple[str, ...]
    columns: Mapping[str, Filled]
    derived: Mapping[str, exp.Expr]

    def formats(self) -> tuple[Format, ...]:
        """The log with tabs and with JSON lines."""
        return (
            Format(f"zeek-{self.path}", self.table, self.recognise_lines, self._read_lines),
            Format(f"zeek-{self.path}-json", self.table, self.recognise_objects, self._read_objects),
        )

    def recognise_lines(self, head: Head) -> Layout | None:
        """A Zeek header with this log's path, or with its own fields."""
        header = header_of(head.lines())
        if header is None or not (header.path == self.path or self._tells(header.fields)):
            return None
        found = self._spelled(header.fields)
        columns = self._columns_of(found)
        return Layout(
            Shape.DELIMITED,
            fields=header.fields,
            columns=columns,
            derived=self._derived_from(columns),
            delimiter=header.separator,
            set_separator=header.set_separator,
            missing=header.missing,
            skip=header.lines,
            refused=self._lacking(found),
        )

    def recognise_objects(self, head: Head) -> Layout | None:
        """Objects that say they are of this log, or that have its own fields."""
        names = names_in(head)
        said = next((first[key] for first in head.objects() for key in _PATHS if key in first), self.path)
        if said != self.path or not self._tells(names) or self._lacking(self._spelled(names)):
            return None
        # A key may first appear after the head, so every field is looked for, found here or not.
        return Layout(Shape.JSON_LINES, fields=names, columns=tuple(self.columns), derived=self.derived)

    def _tells(self, names: tuple[str, ...]) -> bool:
        return any(name in names for name in self.telling)

    def _spellings(self) -> dict[str, tuple[str, ...]]:
        return {name: SPELLINGS[name] for name in _ENDS} | {name: (name,) for name in self.fields}

    def _spelled(self, names: tuple[str, ...]) -> dict[str, str]:
        """Of a file's own names, which one stands for each field that it has."""
        found = {
            field: next((each for each in spellings if each in names), None)
            for field, spellings in self._spellings().items()
        }
        return {field: name for field, name in found.items() if name is not None}

    def _columns_of(self, found: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(name for name, filled in self.columns.items() if all(need in found for need in filled.needs))

    def _derived_from(self, columns: tuple[str, ...]) -> dict[str, exp.Expr]:
        return {
            name: tree
            for name, tree in self.derived.items()
            if all(each.name in columns for each in tree.find_all(exp.Column))
        }

    def _lacking(self, found: Mapping[str, str]) -> str | None:
        lacking = [name for name in _REQUIRED if name not in found]
        return f"a Zeek {self.path} log without {', '.join(lacking)}" if lacking else None

    def _read_lines(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        places = {
            name: column(position(layout.fields.index(own))) for name, own in self._spelled(layout.fields).items()
        }
        repeated = reason(call("starts_with", column(position(0)), text("#")), REPEATED_HEADER)
        trees: dict[str, exp.Expr] = dict(places)
        trees["ts"] = cast(places["ts"], ColumnType.REAL)
        return self._events(_Records(lines(source, layout), trees, file_number(source), repeated), layout, scope)

    def _read_objects(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        keys = {name: spellings[0] for name, spellings in self._spellings().items()} | self._spelled(layout.fields)
        records = objects(source, layout.shape, dict.fromkeys(keys.values(), VARCHAR))
        trees: dict[str, exp.Expr] = {name: column(key) for name, key in keys.items()}
        no_json = reason(all_null(trees.values()), BAD_JSON)
        trees["ts"] = seconds(trees["ts"])
        return self._events(_Records(records, trees, file_number(source), no_json), layout, scope)

    def _events(self, found: "_Records", layout: Layout, scope: Scope) -> exp.Select:
        """The fields as texts and the time, then the declared columns."""
        begin = microseconds(found.fields["ts"].copy())
        early = exp.Case(
            ifs=[exp.If(this=exp.Is(this=begin.copy(), expression=exp.Null()), true=exp.Case(ifs=[found.untimed]))]
        )
        kept = [named(_field(name, tree.copy()), name) for name, tree in found.fields.items() if name != "ts"]
        own = (named(begin, "begin"), named(early, "early"), named(found.file, FILE_COLUMN))
        typed = exp.select(*kept, *own).from_(found.lines)
        filled = (named(self.columns[name].build(scope), name) for name in layout.columns)
        why = rejection(moment_of(column("begin")), scope.latest, ADDRESSES)
        return exp.select(*filled, column(FILE_COLUMN), why).from_(typed.subquery("typed"))


def _field(name: str, tree: exp.Expr) -> exp.Expr:
    return address(string(tree)) if name in ("orig_h", "resp_h") else string(tree)


# --- values over the fields ------------------------------------------------------------------------------------------


def copied(field: str) -> Filled:
    """A field as it is."""
    return Filled((field,), lambda _scope: column(field))


def computed(tree: exp.Expr, *needs: str) -> Filled:
    """A tree over fields."""
    return Filled(needs, lambda _scope: tree.copy())


def number_of(field: str, kind: ColumnType) -> Filled:
    """A field as a number; null where it is none."""
    return computed(cast(column(field), kind), field)


def flag(field: str) -> Filled:
    """A field that Zeek writes as T or F, and its JSON as true or false."""
    yes = [exp.If(this=text(each), true=exp.true()) for each in ("T", "true")]
    no = [exp.If(this=text(each), true=exp.false()) for each in ("F", "false")]
    return computed(exp.Case(this=column(field), ifs=[*yes, *no]), field)


def elements(field: str) -> exp.Expr:
    """A vector's elements between commas, which tabbed logs write so and JSON as an array."""
    parts = call("from_json", column(field), text('["VARCHAR"]'))
    joined = call("array_to_string", parts, text(","))
    is_array = exp.and_(call("starts_with", column(field), text("[")), call("json_valid", column(field)))
    return exp.Case(ifs=[exp.If(this=is_array, true=joined)], default=column(field))


BEGIN = computed(moment_of(column("begin")), "ts")
PROTOCOL = computed(call("upper", column("proto")), "proto")
ENDS: Mapping[str, Filled] = {
    "TimeGenerated": BEGIN,
    "SrcIpAddr": copied("orig_h"),
    "SrcPortNumber": number_of("orig_p", ColumnType.INT),
    "DstIpAddr": copied("resp_h"),
    "DstPortNumber": number_of("resp_p", ColumnType.INT),
}
