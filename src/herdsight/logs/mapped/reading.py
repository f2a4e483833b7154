"""Files read by a mapping: each record's values as texts, then as our columns, then what follows from these."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from herdsight.logs.flows.protocols import transport
from herdsight.logs.formats import Layout, Scope, Shape, Source
from herdsight.logs.head import StoredColumn
from herdsight.logs.mapped.demands import ends, following, further_reasons, times
from herdsight.logs.mapped.mapping import Field, LogMapping, Unit, key_of, path_of, tells_zone
from herdsight.logs.microsoft.stored import as_declared, as_moment
from herdsight.logs.scan import file_number, lines, parquet, position, whole_objects
from herdsight.logs.values import (
    BAD_JSON,
    OTHER_EVENT,
    address,
    bounded,
    cast,
    in_utc,
    microseconds,
    moment,
    moment_of,
    numbered,
    reason,
    rejection,
    typed,
)
from herdsight.tables import DEVICE_NETWORK_EVENTS, FILE_COLUMN, ROW_COLUMN, Column, ColumnType, table
from herdsight.trees import call, column, named, number, text

_RECORD, _TEXTS = "record", "texts"


@dataclass(frozen=True, slots=True)
class _Records:
    """Where a file keeps its records.

    `texts` are trees over `rows` for the values of the file's columns, by name; `stored` are those of a Parquet file
    that can be had as they are; `early` are the cases in which there is no record.
    """

    rows: exp.Expr
    texts: Mapping[str, exp.Expr]
    file: exp.Expr
    early: tuple[exp.If, ...] = ()
    stored: Mapping[str, StoredColumn] = field(default_factory=dict)
    row: exp.Expr | None = None


def read(mapping: LogMapping, source: Source, layout: Layout, scope: Scope) -> exp.Select:
    """The mapping's columns; one record, one row."""
    match layout.shape:
        case Shape.CSV:
            records = _of_lines(source, layout)
        case Shape.PARQUET:
            records = _of_parquet(mapping, source, layout)
        case _:
            records = _of_objects(mapping, source, layout)
    own = [table_column for table_column in table(mapping.table).columns if table_column.name in _given(mapping)]
    reader = _Reader(mapping, records, scope.zone)
    inner = exp.select(*(named(reader.value(each), each.name) for each in own), named(reader.early(), "early"))
    inner = inner.select(numbered(records.file)).from_(records.rows)
    added = {name: build(scope, mapping.name) for name, build in following(mapping.table, mapping.fields).items()}
    kept = [named(added[name], name) if name in added else column(name) for name in layout.columns]
    if records.row is not None:
        inner = inner.select(named(records.row, ROW_COLUMN))
        kept.append(column(ROW_COLUMN))
    strict = [column(each) for each in ends(mapping.table)]
    further = further_reasons(mapping.table, layout.columns)
    why = rejection(column(times(mapping.table)[0]), scope.latest, strict, further)
    return exp.select(*kept, column(FILE_COLUMN), why).from_(inner.subquery("typed"))


def _given(mapping: LogMapping) -> set[str]:
    return {*mapping.fields, *times(mapping.table)}


# --- records --------------------------------------------------------------------------------------------------------


def _of_lines(source: Source, layout: Layout) -> _Records:
    places = {name: column(position(index)) for index, name in reversed(list(enumerate(layout.fields)))}
    return _Records(lines(source, layout), places, file_number(source))


def _of_objects(mapping: LogMapping, source: Source, layout: Layout) -> _Records:
    """Each object is looked through once for all keys. Their names may differ by case alone; those of columns not."""
    paths = list(dict.fromkeys(path for name in mapping.names for path in (key_of(name), path_of(name))))
    found = call("json_extract_string", column(_RECORD), exp.array(*map(text, paths)))
    rows = exp.select(column(_RECORD), named(found, _TEXTS), numbered(file_number(source)))
    rows = rows.from_(whole_objects(source, layout.shape, _RECORD))

    def at(path: str) -> exp.Expr:
        return call("list_extract", column(_TEXTS), number(paths.index(path) + 1))

    texts = {
        name: exp.Coalesce(this=at(key_of(name)), expressions=[at(path_of(name))]) if "." in name else at(key_of(name))
        for name in mapping.names
    }
    kind = exp.Coalesce(this=call("json_type", column(_RECORD)), expressions=[text("")])
    broken = reason(exp.NEQ(this=kind, expression=text("OBJECT")), BAD_JSON)
    return _Records(rows.subquery("records"), texts, column(FILE_COLUMN), (broken,))


def _of_parquet(mapping: LogMapping, source: Source, layout: Layout) -> _Records:
    texts: dict[str, exp.Expr] = {}
    for name in mapping.names:
        if name in layout.stored:
            texts[name] = _text_of(column(name), layout.stored[name])
        elif (outer := name.partition(".")[0]) in layout.stored:
            inner = path_of(name.partition(".")[2])
            texts[name] = call("json_extract_string", call("to_json", column(outer)), text(inner))
    row = exp.column("file_row_number")
    return _Records(parquet(source), texts, file_number(source), stored=layout.stored, row=row)


def _text_of(value: exp.Expr, stored: StoredColumn) -> exp.Expr:
    """A stored value as text; what is nested as JSON."""
    is_nested = stored.type.startswith(("struct<", "list<", "large_list<", "fixed_size_list<", "map<"))
    return cast(call("to_json", value) if is_nested else value, ColumnType.STRING)


# --- values ---------------------------------------------------------------------------------------------------------

_IS_ADDRESS = re.compile(r"(IpAddr|IP)$|(Translated|Device)Address$")
_PER_SECOND = {Unit.SECONDS: 1, Unit.MILLISECONDS: 1_000, Unit.MICROSECONDS: 1_000_000, Unit.NANOSECONDS: 10**9}
_MILLISECONDS = 1_000
# A zone or an offset after the time of day.
_ZONED = r".*:[0-9.,]+ ?([Zz]|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)\s*"


@dataclass(frozen=True, slots=True)
class _Reader:
    """The values of our columns over the records of a file."""

    mapping: LogMapping
    records: _Records
    zone: str | None  # of times that do not tell theirs

    def early(self) -> exp.Expr:
        """Why a record is none for this mapping; NULL where it is one."""
        cases = [*self.records.early, *(self._other(name, values) for name, values in self.mapping.where.items())]
        return cast(exp.Case(ifs=cases) if cases else exp.null(), ColumnType.STRING)

    def _other(self, name: str, values: tuple[str, ...]) -> exp.If:
        # Not IN: the engine makes a join of a long list, and a join loses the order of the rows.
        wanted = [exp.If(this=text(each), true=exp.false()) for each in values]
        given = exp.Coalesce(this=self._text(name), expressions=[text("")])
        return reason(exp.Case(this=given, ifs=wanted, default=exp.true()), OTHER_EVENT)

    def value(self, declared: Column) -> exp.Expr:
        """The value of a column; of those that hold the time, the first that the mapping gives."""
        own = times(self.mapping.table)
        given = [each for each in own if each in self.mapping.fields]
        if declared.name not in own:
            return self._typed(self.mapping.fields[declared.name], declared)
        values = [self._typed(self.mapping.fields[each], declared) for each in given]
        return exp.Coalesce(this=values[0], expressions=values[1:]) if len(values) > 1 else values[0]

    def _typed(self, field: Field, declared: Column) -> exp.Expr:
        stored = self.records.stored.get(field.names[0]) if field.is_plain and not self.mapping.missing else None
        if stored is not None:
            return _bounded(as_declared(column(field.names[0]), stored, declared), declared, self.mapping.table)
        if declared.type is ColumnType.DATETIME:
            return self._instant(field)
        words = self._words(field)
        if field.unit is not None:
            per_second = exp.Div(this=cast(words, ColumnType.REAL), expression=number(_PER_SECOND[field.unit]))
            length = call("round", exp.Mul(this=exp.paren(per_second), expression=number(_MILLISECONDS)))
            return _bounded(cast(length, declared.type), declared, self.mapping.table)
        value = typed(words, declared)
        has_own_words = bool(field.values) or field.const is not None
        return value if has_own_words else _bounded(value, declared, self.mapping.table)

    def _instant(self, field: Field) -> exp.Expr:
        zone = field.zone or self.zone
        stored = self.records.stored.get(field.names[0]) if len(field.names) == 1 else None
        if stored is not None and stored.type.startswith("timestamp") and not (field.unit or field.pattern):
            when = as_moment(column(field.names[0]), stored.type)
            return when if "tz=" in stored.type else _moved(when, zone)
        words = self._words(field)
        if field.unit is not None:
            return _counted(words, field.unit)
        if field.pattern is not None:
            return _by_pattern(words, field.pattern, zone)
        if zone is None:
            return moment(words)
        zoned = exp.If(this=call("regexp_full_match", words.copy(), text(_ZONED)), true=moment(words))
        return exp.Case(ifs=[zoned], default=_moved(moment(words.copy()), zone))

    def _words(self, field: Field) -> exp.Expr:
        """A field's value as text, NULL where there is none."""
        if field.const is not None:
            return text(field.const)
        found = [self._text(name) for name in field.names]
        if field.joined:
            words = call("concat_ws", text(" "), *found)
            words = exp.Case(ifs=[exp.If(this=_all_there(found), true=words)])
        else:
            words = exp.Coalesce(this=found[0], expressions=found[1:]) if len(found) > 1 else found[0]
        if not (field.values or field.otherwise is not None):
            return words
        meant = [exp.If(this=text(theirs), true=text(ours)) for theirs, ours in field.values.items()]
        other = words.copy() if field.otherwise is None else text(field.otherwise)
        return exp.Case(this=words, ifs=meant, default=other) if meant else other

    def _text(self, name: str) -> exp.Expr:
        """A value of the file as text; NULL where there is none, or what stands for none."""
        found = self.records.texts.get(name)
        if found is None:
            return cast(exp.null(), ColumnType.STRING)
        found = found.copy()
        for each in ("", *self.mapping.missing):
            found = exp.Nullif(this=found, expression=text(each))
        return found


def _all_there(trees: Iterable[exp.Expr]) -> exp.Expr:
    return exp.and_(*(exp.Not(this=exp.Is(this=each.copy(), expression=exp.null())) for each in trees))


def _counted(words: exp.Expr, unit: Unit) -> exp.Expr:
    """An instant that is counted from 1970 on."""
    if unit is Unit.NANOSECONDS:  # more digits than a DOUBLE has
        return moment_of(exp.IntDiv(this=cast(words, ColumnType.LONG), expression=number(1_000)))
    return moment_of(microseconds(exp.Div(this=cast(words, ColumnType.REAL), expression=number(_PER_SECOND[unit]))))


def _by_pattern(words: exp.Expr, pattern: str, zone: str | None) -> exp.Expr:
    found = call("try_strptime", words, text(pattern))
    if tells_zone(pattern):  # the engine's value has it, and is moved to UTC
        return call("TRY", call("timezone", text("UTC"), found))
    return _moved(cast(found, ColumnType.DATETIME), zone)


def _moved(when: exp.Expr, zone: str | None) -> exp.Expr:
    """The UTC of what a clock in a zone shows; NULL beyond the engine's calendar."""
    return when if zone is None else call("TRY", in_utc(when, zone))


def _bounded(value: exp.Expr, declared: Column, of_table: str) -> exp.Expr:
    """A value in the form, and within the bounds, that all logs have it in; what lies outside is NULL."""
    if declared.type is ColumnType.STRING:
        if declared.name in ("NetworkProtocol", "Protocol"):
            return _protocol(value, of_table)
        return address(value) if _IS_ADDRESS.search(declared.name) else value
    return bounded(value, declared)


def _protocol(words: exp.Expr, of_table: str) -> exp.Expr:
    """A transport by its name, as the table writes names."""
    name = transport(call("lower", words))
    if of_table != DEVICE_NETWORK_EVENTS:
        return name
    ways = [exp.If(this=text(each), true=text(each.capitalize())) for each in ("TCP", "UDP", "ICMP")]
    return exp.Case(this=name, ifs=ways, default=words.copy())
