"""Zeek's conn.log as JSON lines, as Zeek writes it and as shippers and RITA pass it on."""

from collections.abc import Iterable

from sqlglot import exp

from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import VARCHAR, file_number, objects
from herdsight.logs.values import BAD_JSON, all_null, cast, moment, reason
from herdsight.logs.zeek.fields import REQUIRED, SPELLINGS, Connections, columns_of, derived_from, sessions, spelled
from herdsight.logs.zeek.kinds import PATHS, log_of, names_in, path_in
from herdsight.logs.zeek.mixed import is_mixed, other_log
from herdsight.tables import NETWORK_SESSION, ColumnType
from herdsight.trees import call, column, number

_MILLISECONDS_FROM = 100_000_000_000  # as seconds this would be the year 5138, so it is Zeek's JSON::TS_MILLIS


def recognise(head: Head) -> Layout | None:
    """Objects with the fields of a connection, one a line."""
    names = names_in(head)
    is_other = is_mixed(head) or log_of(path_in(head), names) != "conn"
    return None if is_other or not all(name in spelled(names) for name in REQUIRED) else _layout(names)


def recognise_mixed(head: Head) -> Layout | None:
    """Objects of several logs, which connections may or may not be among."""
    return _layout(names_in(head)) if is_mixed(head) else None


def _layout(names: tuple[str, ...]) -> Layout:
    # A key may first appear after the head, so every field of a connection is looked for, found here or not.
    columns = columns_of(SPELLINGS)
    return Layout(Shape.JSON_LINES, fields=names, columns=columns, derived=derived_from(columns))


def read(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """Connections as sessions; one line, one row."""
    return _read(source, layout, scope, ())


def read_mixed(source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """The same of lines that say which log they are of."""
    return _read(source, layout, scope, PATHS)


def _read(source: Source, layout: Layout, scope: Scope, paths: tuple[str, ...]) -> exp.Select:
    keys = {name: spellings[0] for name, spellings in SPELLINGS.items()} | spelled(layout.fields)
    records = objects(source, layout.shape, dict.fromkeys((*keys.values(), *paths), VARCHAR))
    trees: dict[str, exp.Expr] = {name: column(key) for name, key in keys.items()}
    every = [*trees.values(), *map(column, paths)]
    other = [reason(all_null(every), BAD_JSON), other_log("conn")] if paths else []
    trees["ts"] = seconds(trees["ts"])
    trees["duration"] = cast(trees["duration"], ColumnType.REAL)
    found = Connections(records, trees, file_number(source), lambda begin: [*other, *_early(begin, every)])
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


FORMATS = (
    Format("zeek-conn-json", NETWORK_SESSION, recognise, read),
    Format("zeek-conn-mixed", NETWORK_SESSION, recognise_mixed, read_mixed),
)
