"""What Zeek's logs of single protocols share: one line, tabbed or JSON, is one event between two addresses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from herdsight.logs.bags import bag, said
from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import VARCHAR, file_number, lines, objects, position
from herdsight.logs.values import (
    BAD_JSON,
    REPEATED_HEADER,
    address,
    all_null,
    cast,
    count,
    microseconds,
    moment_of,
    port,
    reason,
    rejection,
    string,
)
from herdsight.logs.zeek.conn import header_of
from herdsight.logs.zeek.conn_json import seconds
from herdsight.logs.zeek.fields import SPELLINGS
from herdsight.logs.zeek.kinds import PATHS, log_of, names_in, path_in
from herdsight.logs.zeek.mixed import is_mixed, other_log
from herdsight.tables import FILE_COLUMN, ColumnType
from herdsight.trees import call, column, named, text

_ENDS = ("ts", "uid", "orig_h", "orig_p", "resp_h", "resp_p", "proto")
_BOTH = ("orig_h", "resp_h")

Build = Callable[[Scope], exp.Expr]


@dataclass(frozen=True, slots=True)
class Filled:
    """A declared column: the fields without which a log cannot fill it, and its value as a tree over fields.

    These are texts, "" where a log or a record lacks one.
    """

    needs: tuple[str, ...]
    build: Build


@dataclass(frozen=True, slots=True)
class _Records:
    """A file's records: the fields that it has as trees over `lines`, and its number.

    `untimed` is why one may have no time, `other` the cases of records that are not looked at further.
    """

    lines: exp.Expr
    fields: Mapping[str, exp.Expr]
    file: exp.Expr
    untimed: exp.If
    other: tuple[exp.If, ...] = ()


@dataclass(frozen=True, slots=True)
class Protocol:
    """One of Zeek's logs.

    `fields` are its own, beside those of every log, those of `spellings` under one of these names, those of `vectors`
    with several values; where a field of `instead` is empty, the other one stands for it. `columns` are what it fills,
    `derived` what follows from these or is the same in each row.
    Without the `required` fields it is not read; a record has addresses in those of `ends`, and `further` are its own
    cases of rejection; `addresses` are all fields that hold one.
    """

    path: str
    table: str
    fields: tuple[str, ...]
    columns: Mapping[str, Filled]
    derived: Mapping[str, exp.Expr]
    spellings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)
    vectors: tuple[str, ...] = ()
    required: tuple[str, ...] = ("ts", *_BOTH)
    ends: tuple[str, ...] = _BOTH
    addresses: tuple[str, ...] = _BOTH
    further: tuple[exp.If, ...] = ()

    def formats(self) -> tuple[Format, ...]:
        """The log with tabs, with JSON lines, and among JSON lines of other logs."""
        return (
            Format(f"zeek-{self.path}", self.table, self.recognise_lines, self._read_lines),
            Format(f"zeek-{self.path}-json", self.table, self.recognise_objects, self._read_objects),
            Format(f"zeek-{self.path}-mixed", self.table, self.recognise_mixed, self._read_mixed),
        )

    def recognise_lines(self, head: Head) -> Layout | None:
        """A Zeek header of this log."""
        header = header_of(head.lines())
        if header is None or log_of(header.path, header.fields) != self.path:
            return None
        found = self._spelled(header.fields)
        columns = self._columns_of(found)
        return Layout(
            Shape.DELIMITED,
            certain=bool(header.path),
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
        """Objects of this log, one a line."""
        names = names_in(head)
        if is_mixed(head) or log_of(path_in(head), names) != self.path or self._lacking(self._spelled(names)):
            return None
        return self._layout(names)

    def recognise_mixed(self, head: Head) -> Layout | None:
        """Objects of several logs, which may or may not be among them."""
        return self._layout(names_in(head)) if is_mixed(head) else None

    def _layout(self, names: tuple[str, ...]) -> Layout:
        # A key may first appear after the head, so every field is looked for, found here or not.
        return Layout(Shape.JSON_LINES, fields=names, columns=tuple(self.columns), derived=self.derived)

    def _spellings(self) -> dict[str, tuple[str, ...]]:
        own = {name: (name,) for name in self.fields}
        return {name: SPELLINGS[name] for name in _ENDS} | own | dict(self.spellings)

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
        lacking = [name for name in self.required if name not in found]
        return f"a Zeek {self.path} log without {', '.join(lacking)}" if lacking else None

    def _read_lines(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        places = {
            name: column(position(layout.fields.index(own))) for name, own in self._spelled(layout.fields).items()
        }
        repeated = reason(call("starts_with", column(position(0)), text("#")), REPEATED_HEADER)
        trees: dict[str, exp.Expr] = dict(places)
        trees["ts"] = cast(places["ts"], ColumnType.REAL)
        if layout.set_separator != ",":
            commas = (text(layout.set_separator), text(","))
            trees |= {name: call("replace", trees[name], *commas) for name in self.vectors if name in trees}
        return self._events(_Records(lines(source, layout), trees, file_number(source), repeated), layout, scope)

    def _read_objects(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        return self._events(self._objects(source, layout, ()), layout, scope)

    def _read_mixed(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        return self._events(self._objects(source, layout, PATHS), layout, scope)

    def _objects(self, source: Source, layout: Layout, paths: tuple[str, ...]) -> "_Records":
        """`paths` are the keys that tell lines of other logs."""
        keys = {name: spellings[0] for name, spellings in self._spellings().items()} | self._spelled(layout.fields)
        records = objects(source, layout.shape, dict.fromkeys((*keys.values(), *paths), VARCHAR))
        trees: dict[str, exp.Expr] = {name: column(key) for name, key in keys.items()}
        no_json = reason(all_null([*trees.values(), *map(column, paths)]), BAD_JSON)
        trees["ts"] = seconds(trees["ts"])
        other = (no_json, other_log(self.path)) if paths else ()
        return _Records(records, trees, file_number(source), no_json, other)

    def _events(self, found: "_Records", layout: Layout, scope: Scope) -> exp.Select:
        """The fields as texts and the time, then the declared columns."""
        begin = microseconds(found.fields["ts"].copy())
        untimed = exp.If(this=exp.Is(this=begin.copy(), expression=exp.Null()), true=exp.Case(ifs=[found.untimed]))
        early = exp.Case(ifs=[*(each.copy() for each in found.other), untimed])
        kept = [named(self._field(name, found), name) for name in self._spellings() if name != "ts"]
        own = (named(begin, "begin"), named(early, "early"), named(found.file, FILE_COLUMN))
        typed = exp.select(*kept, *own).from_(found.lines)
        filled = (named(self.columns[name].build(scope), name) for name in layout.columns)
        further = (each.copy() for each in self.further)
        why = rejection(moment_of(column("begin")), scope.latest, map(column, self.ends), further)
        return exp.select(*filled, column(FILE_COLUMN), why).from_(typed.subquery("typed"))

    def _field(self, name: str, found: "_Records") -> exp.Expr:
        """A field's text, "" where the log or the record lacks it."""
        own = [found.fields[each].copy() for each in (name, self.instead.get(name, "")) if each in found.fields]
        if not own:
            return text("")
        words = string(own[0]) if len(own) == 1 else exp.Coalesce(this=said(own[0]), expressions=[*own[1:], text("")])
        return address(words) if name in self.addresses else words


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


def port_of(field: str) -> Filled:
    """A field as a port; null where it is none."""
    return computed(port(column(field)), field)


def count_of(field: str) -> Filled:
    """A field as a count; null where it is none."""
    return computed(count(column(field)), field)


def flag(field: str) -> Filled:
    """A field that Zeek writes as T or F, and its JSON as true or false."""
    return computed(either(field, exp.true(), exp.false()), field)


def either(field: str, yes: exp.Expr, no: exp.Expr, otherwise: exp.Expr | None = None) -> exp.Expr:
    """What a field says that is true or false; `otherwise`, by default NULL, where it says neither."""
    ifs = [exp.If(this=text(each), true=yes.copy()) for each in ("T", "true")]
    ifs += [exp.If(this=text(each), true=no.copy()) for each in ("F", "false")]
    return exp.Case(this=column(field), ifs=ifs, default=otherwise)


def additional(*fields: str, **others: exp.Expr) -> Filled:
    """Those fields as AdditionalFields, under Zeek's names, and other trees under theirs."""
    return computed(bag({name: said(column(name)) for name in fields} | others))


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
    "SrcPortNumber": port_of("orig_p"),
    "DstIpAddr": copied("resp_h"),
    "DstPortNumber": port_of("resp_p"),
}
