"""How events of Suricata's EVE are read: each kind by its own fields, the kinds of one table together.

Suricata's documentation, "EVE JSON Format", says what the fields mean.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.flows.protocols import transport
from herdsight.logs.formats import Layout, Scope, Shape, Source, Split
from herdsight.logs.head import Head
from herdsight.logs.scan import VARCHAR, file_number, objects, row_numbers, struct_type
from herdsight.logs.values import (
    BAD_JSON,
    OTHER_EVENT,
    address,
    all_null,
    cast,
    count,
    moment,
    numbered,
    port,
    reason,
    rejection,
    string,
)
from herdsight.tables import ColumnType, table
from herdsight.trees import call, column, named, null, number, text

INT, LONG = ColumnType.INT, ColumnType.LONG

Value: TypeAlias = Callable[[Scope], exp.Expr]
Values: TypeAlias = Mapping[str, Value]

_LOOKED_AT = 50  # objects of the head
_TELLING = ("flow_id", "src_ip", "dest_ip", "in_iface", "pcap_cnt", "community_id", "stats")
_COMMON = ("timestamp", "event_type", "flow_id", "src_ip", "src_port", "dest_ip", "dest_port", "proto", "app_proto")
_KEYS = dict.fromkeys((*_COMMON, "host"), VARCHAR)
_ADDRESSES = ("src_ip", "dest_ip")
_KIND = "event_type"
_KIND_PATHS = (f"$.{_KIND}",)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event: its name, which is also the key of its own fields.

    `fields` are those that it reads, by the key that they lie under; `time` is when it was, as text, `values` what it
    fills. `note` is said of files that have such events.
    """

    name: str
    fields: Mapping[str, tuple[str, ...]]
    values: Values
    time: exp.Expr
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The kinds of events that are rows of one table, and what is the same in all of these, or follows."""

    table: str
    kinds: tuple[Kind, ...]
    constants: Mapping[str, exp.Expr]

    def recognise(self, head: Head) -> Layout | None:
        """An EVE file: which kinds of events are in it shows only when all of it is read."""
        found = [each for each in islice(head.objects(), _LOOKED_AT) if _is_event(each)]
        if not found:
            return None
        seen = {each[_KIND] for each in found if isinstance(each[_KIND], str)}
        notes = tuple(kind.note for kind in self.kinds if kind.note and kind.name in seen)
        return Layout(
            Shape.JSON_LINES,
            columns=("TimeGenerated", *self._columns()),
            derived=self.constants,
            notes=notes,
            certain=True,
        )

    def read(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        """The events of these kinds; all others are passed on to the other readings."""
        filled = (named(self._value(name, scope), name) for name in self._columns())
        why = rejection(column("TimeGenerated"), scope.latest, map(column, _ADDRESSES))
        kept = (column("TimeGenerated"), *filled, numbered(column("file")), *row_numbers(source), why)
        return exp.select(*kept).from_(self._typed(source, layout).subquery("typed"))

    @property
    def split(self) -> Split:
        """Which records of a file are of these kinds."""
        return Split(_KIND_PATHS, _first, tuple(kind.name for kind in self.kinds))

    def _columns(self) -> dict[str, None]:
        return dict.fromkeys(name for kind in self.kinds for name in kind.values)

    def _fields(self) -> dict[str, dict[str, None]]:
        """Of each key that holds fields, those that some kind reads."""
        found: dict[str, dict[str, None]] = {}
        for kind in self.kinds:
            for key, names in kind.fields.items():
                found.setdefault(key, {}).update(dict.fromkeys(names))
        return found

    def _typed(self, source: Source, layout: Layout) -> exp.Select:
        """The fields that all events have, those of the kinds', the time, and why a record is not read."""
        nested = self._fields()
        structs = {key: struct_type(dict.fromkeys(names, VARCHAR)) for key, names in nested.items()}
        keys = {**_KEYS, **structs}
        no_json = reason(all_null([column(key) for key in keys]), BAD_JSON)
        own = (named(_member(key, each), own_name(key, each)) for key, names in nested.items() for each in names)
        return exp.select(
            *(named(_common(key), key) for key in _KEYS if key != "timestamp"),
            *own,
            named(self._time(), "TimeGenerated"),
            named(exp.Case(ifs=[no_json, self._other()]), "early"),
            named(file_number(source), "file"),
            *row_numbers(source),
        ).from_(objects(source, layout.shape, keys))

    def _time(self) -> exp.Expr:
        """When it was; kinds that say it alike are one case."""
        cases = [(kind.name, kind.time) for kind in self.kinds if kind.time != column("timestamp")]
        ifs = [exp.If(this=text(name), true=time.copy()) for name, time in cases]
        written = exp.Case(this=column(_KIND), ifs=ifs, default=column("timestamp")) if ifs else column("timestamp")
        return moment(written)

    def _value(self, name: str, scope: Scope) -> exp.Expr:
        """A column's value, by the kind where these differ."""
        ways = dict.fromkeys(kind.values.get(name) for kind in self.kinds)
        if len(ways) == 1:
            (way,) = ways
            return way(scope) if way else exp.null()
        declared = table(self.table).column(name)
        assert declared is not None, name  # noqa: S101 - a misspelt name is a fault of a kind's module
        ifs = [exp.If(this=text(kind), true=way(scope)) for kind, way in self._ways(name)]
        return exp.Case(this=column(_KIND), ifs=ifs, default=null(declared.type))

    def _ways(self, name: str) -> Iterator[tuple[str, Value]]:
        return ((kind.name, kind.values[name]) for kind in self.kinds if name in kind.values)

    def _other(self) -> exp.If:
        """A kind's name is only repeated where it is a plain word: it is the sender's."""
        kind = string(column(_KIND))
        plain = call("regexp_full_match", kind.copy(), text("[a-z0-9_]{1,30}"))
        what = exp.Case(
            ifs=[exp.If(this=plain, true=call("concat", text(f"{OTHER_EVENT}: "), kind.copy()))],
            default=text(OTHER_EVENT),
        )
        others = (exp.NEQ(this=kind.copy(), expression=text(each.name)) for each in self.kinds)
        return exp.If(this=exp.and_(*others), true=what)


def _first(found: exp.Expr) -> exp.Expr:
    return call("list_extract", found, number(1))


def _is_event(record: Mapping[str, object]) -> bool:
    return _KIND in record and "timestamp" in record and any(name in record for name in _TELLING)


def _member(key: str, name: str) -> exp.Expr:
    return exp.Dot(this=column(key), expression=exp.to_identifier(name, quoted=True))


def _common(key: str) -> exp.Expr:
    return address(string(column(key))) if key in _ADDRESSES else string(column(key))


def own_name(key: str, name: str) -> str:
    """The name under which a field that lies under a key is had."""
    return f"{key} {name}"


# --- values ----------------------------------------------------------------------------------------------------------


def own(key: str, name: str) -> exp.Expr:
    """A field that lies under a key, as text; NULL where it is missing."""
    return column(own_name(key, name))


def always(tree: exp.Expr) -> Value:
    """A tree over fields."""
    return lambda _scope: tree.copy()


def words(tree: exp.Expr) -> Value:
    """A text, "" where it is missing."""
    return always(string(tree))


def number_of(tree: exp.Expr, kind: ColumnType = LONG) -> Value:
    """A text as a number of something; NULL where it is none."""
    return always(cast(count(tree), kind))


def _direction(scope: Scope) -> exp.Expr:
    return heading(column("src_ip"), column("dest_ip"), scope.local)


DIRECTION: Value = _direction
ENDS: Values = {
    "SrcIpAddr": always(column("src_ip")),
    "SrcPortNumber": always(port(column("src_port"))),
    "DstIpAddr": always(column("dest_ip")),
    "DstPortNumber": always(port(column("dest_port"))),
    "NetworkProtocol": always(transport(call("lower", column("proto")))),
    "DvcHostname": always(column("host")),
}
TIMESTAMP = column("timestamp")
