"""Zeek's conn.log as JSON lines, as Zeek writes it and as shippers and RITA pass it on."""

from collections.abc import Iterable
from itertools import islice

from sqlglot import exp

from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import VARCHAR, file_number, objects
from herdsight.logs.values import BAD_JSON, all_null, cast, moment, reason
from herdsight.logs.zeek import REQUIRED, SPELLINGS, TELLING, Connections, columns_of, derived_from, sessions, spelled
from herdsight.tables import NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, number

_LOOKED_AT = 50  # objects of the head
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this would be the year 5138, so it is Zeek's JSON::TS_MILLIS


def names_in(head: Head) -> tuple[str, ...]:
    """The keys that the first objects have, in the order of their first appearance."""
    names: dict[str, None] = {}
    for each in islice(head.objects(), _LOOKED_AT):
        names.update(dict.fromkeys(each))
    return tuple(names)


def recognise(head: Head) -> Layout | None:
    """Objects with the fields of a connection, one a line."""
    names = names_in(head)
    found = spelled(names)
    if not all(name in found for name in REQUIRED) or not any(name in found for name in TELLING):
        return None
    # A key may first appear after the head, so every field of a connection is looked for, found here or not.
    columns = columns_of(SPELLINGS)
    return Layout(Shape.JSON_LINES, fields=names, columns=columns, derived=derived_from(columns))


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Connections as sessions; one line, one row."""
    keys = {name: spellings[0] for name, spellings in SPELLINGS.items()} | spelled(layout.fields)
    records = objects(source, layout.shape, dict.fromkeys(keys.values(), VARCHAR))
    trees: dict[str, exp.Expr] = {name: column(key) for name, key in keys.items()}
    every = list(trees.values())
    trees["ts"] = seconds(trees["ts"])
    trees["duration"] = cast(trees["duration"], ColumnType.REAL)
    found = Connections(records, trees, file_number(source), lambda begin: _early(begin, every))
    return sessions(found, layout.columns, scope)


def _early(begin: exp.Expr, every: Iterable[exp.Expr]) -> list[exp.If]:
    no_time = exp.Is(this=begin, expression=exp.Null())
    return [exp.If(this=no_time, true=exp.Case(ifs=[reason(all_null(every), BAD_JSON)]))]


def seconds(ts: exp.Expr) -> exp.Expr:
    """Zeek's three ways to write a time in JSON, as seconds: a number of seconds, of milliseconds, ISO 8601."""
    plain = cast(ts, ColumnType.REAL)
    millis = exp.GT(this=plain.copy(), expression=number(_MILLISECONDS_FROM))
    seconds = exp.Case(
        ifs=[exp.If(this=millis, true=exp.Div(this=plain.copy(), expression=number(1000)))], default=plain.copy()
    )
    # Division of whole microseconds: epoch() alone would round through a double of larger error.
    written = exp.Div(this=call("epoch_us", moment(ts.copy())), expression=number(1_000_000))
    return exp.Case(ifs=[exp.If(this=exp.Is(this=plain, expression=exp.Null()), true=written)], default=seconds)


FORMATS = (Format("zeek-conn-json", NETWORK_SESSION, recognise, read),)
