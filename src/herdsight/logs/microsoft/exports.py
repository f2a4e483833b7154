"""What the exports of Microsoft's tables share: CSV, JSON and Parquet whose columns have the declared names."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from sqlglot import exp

from herdsight.logs.formats import LATE_COLUMN, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.microsoft.stored import as_declared, as_moment
from herdsight.logs.scan import VARCHAR, file_number, lines, list_type, objects, parquet, position, struct_type
from herdsight.logs.values import (
    BAD_JSON,
    OTHER_CATEGORY,
    all_null,
    bad_time,
    cast,
    moment,
    numbered,
    reason,
    reject,
    string,
    typed,
)
from herdsight.tables import FILE_COLUMN, ROW_COLUMN, Column, ColumnType, table
from herdsight.trees import call, column, named, text

# The portal's CSV says in each time column's name which zone it shows.
_ZONE = re.compile(r" \[(?P<zone>[^\]]{1,40})\]$")
_SLASHED_DATE = re.compile(r"\b(?P<first>\d{1,2})/(?P<second>\d{1,2})/\d{4}[ ,]")
_RECORDS = re.compile(r'\s*\{\s*"records"\s*:\s*\[')
SEPARATOR_LINE = "sep="
DELIMITERS = (",", ";", "\t")
_LOOKED_AT = 50  # JSON objects of the head
_DECEMBER = 12
_TOLD = 3  # telling names: fewer could be any log
_WITH_HEADER = (Shape.CSV, Shape.PARQUET)  # the others may name a column in some records only
_LOCAL_TIMES = "times are in the local time of whoever exported the file, and read as UTC"

ENVELOPE_TIME = "time"
ENVELOPE_CATEGORY = "category"
ENVELOPE_RECORD = "properties"


@dataclass(frozen=True, slots=True)
class _Texts:
    """Where records keep their values as text, why a record may be no good at all, which file they are from.

    `late` is whether a record has a late column, where there are any.
    """

    places: Mapping[str, exp.Expr]
    early: exp.Expr
    file: exp.Expr
    late: tuple[exp.Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """What one table's exports have of their own.

    `times` are the columns that hold the event's time, the first that is there counts; all are filled with it.
    A file with three of `telling`, one of `decisive` and none of `foreign` is such an export; each of `required` stands
    for columns of which one must be there; `wanted` are worth a note where they are absent. `reasons` gives further
    cases of rejection over the declared columns, `kinds` those of records that are another table's, which come first.
    """

    table: str
    times: tuple[str, ...]
    telling: frozenset[str]
    decisive: frozenset[str]
    required: tuple[tuple[str, ...], ...]
    wanted: tuple[str, ...]
    reasons: Callable[[tuple[str, ...]], list[exp.If]]
    category: str | None = None
    kinds: Callable[[tuple[str, ...]], list[exp.If]] | None = None
    foreign: frozenset[str] = frozenset()

    def _column(self, name: str) -> Column:
        """The declared column of a name that is known to be declared."""
        return next(each for each in table(self.table).columns if each.name == name)

    def recognise(self, head: Head) -> Layout | None:
        """Any of the shapes that an export comes in."""
        if head.parquet is not None:
            return self._filled(Layout(Shape.PARQUET, fields=tuple(head.parquet), stored=head.parquet))
        start = head.text.lstrip("\ufeff \r\n\t")[:1]
        return self._recognise_json(head) if start in {"{", "["} else self._recognise_csv(head)

    def _recognise_csv(self, head: Head) -> Layout | None:
        lines = [line.lstrip("\ufeff") for line in islice(head.lines(), 2)]
        skip = int(bool(lines) and lines[0].startswith(SEPARATOR_LINE))
        if len(lines) <= skip:
            return None
        tried = (Layout(Shape.CSV, csv_names(lines[skip], each), delimiter=each, skip=skip + 1) for each in DELIMITERS)
        layout = next((layout for layout in map(self._filled, tried) if layout), None)
        return replace(layout, day_first=_is_day_first(head.text)) if layout else None

    def _recognise_json(self, head: Head) -> Layout | None:
        shape, found = json_objects(head)
        names: dict[str, None] = {}
        envelope = False
        for each in islice(found, _LOOKED_AT):
            record = each.get(ENVELOPE_RECORD)
            if not isinstance(record, dict) or ENVELOPE_CATEGORY not in each:
                names.update(dict.fromkeys(each))
            elif each[ENVELOPE_CATEGORY] == self.category:
                envelope = True
                names.update(dict.fromkeys(record))
        return self._filled(Layout(shape, fields=tuple(names), envelope=envelope))

    def _filled(self, layout: Layout) -> Layout | None:
        """The layout with what its names mean for this table, or None where they do not tell of it."""
        bare = {_ZONE.sub("", name) for name in layout.fields}
        if len(self.telling & bare) < _TOLD or not self.decisive & bare or self.foreign & bare:
            return None
        names = [each.name for each in table(self.table).columns if each.name not in self.times]
        needed = {each for group in self.required for each in group} if layout.shape not in _WITH_HEADER else set()
        kept = [each for each in names if each in bare | needed]
        lacking = [" or ".join(group) for group in self.required if not self._has(bare, group, layout)]
        return replace(
            layout,
            columns=tuple(dict.fromkeys((*self.times, *kept))),
            late=() if layout.shape in _WITH_HEADER else tuple(each for each in names if each not in kept),
            notes=self._notes(layout, bare),
            refused=f"a {self.table} export without {', '.join(lacking)}" if lacking else None,
        )

    def _has(self, bare: set[str], group: tuple[str, ...], layout: Layout) -> bool:
        """An envelope tells the time, too; and a key that JSON leaves out may just be empty in the first records."""
        is_time = group == self.times or group == tuple(reversed(self.times))
        return bool(bare & set(group)) or (layout.envelope if is_time else layout.shape not in _WITH_HEADER)

    def _notes(self, layout: Layout, bare: set[str]) -> tuple[str, ...]:
        notes = []
        absent = [name for name in self.wanted if name not in bare]
        if absent and layout.shape in _WITH_HEADER:
            notes.append(f"columns absent: {', '.join(absent)}")
        zones = {found["zone"] for name in layout.fields if (found := _ZONE.search(name))}
        if zones - {"UTC"}:
            notes.append(_LOCAL_TIMES)
        return tuple(notes)

    def read(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        """The declared columns; one record, one row."""
        match layout.shape:
            case Shape.CSV:
                inner = self._csv(source, layout)
            case Shape.PARQUET:
                inner = self._parquet(source, layout)
            case _:
                inner = self._json(source, layout)
        early = exp.If(this=exp.Not(this=exp.Is(this=column("early"), expression=exp.Null())), true=column("early"))
        kinds = self.kinds(layout.columns) if self.kinds else []
        cases = [early, *kinds, *bad_time(column(self.times[0]), scope.latest), *self.reasons(layout.columns)]
        rows = [column(ROW_COLUMN)] if layout.shape is Shape.PARQUET else []
        late = (LATE_COLUMN,) if layout.late else ()
        kept = (column(name) for name in (*layout.columns, *late, FILE_COLUMN))
        return exp.select(*kept, *rows, reject(cases)).from_(inner.subquery("typed"))

    def _csv(self, source: Source, layout: Layout) -> exp.Select:
        places = {
            _ZONE.sub("", name): column(position(index)) for index, name in reversed(list(enumerate(layout.fields)))
        }
        return self._typed(lines(source, layout), layout, _Texts(places, exp.Null(), file_number(source)))

    def _json(self, source: Source, layout: Layout) -> exp.Select:
        names = [*layout.columns, *layout.late]
        keys = dict.fromkeys(names, VARCHAR)
        if layout.envelope:
            keys = {ENVELOPE_TIME: VARCHAR, ENVELOPE_CATEGORY: VARCHAR, ENVELOPE_RECORD: struct_type(keys)}
        records = self._objects(source, layout, keys)
        record = "record" if layout.shape is Shape.JSON_RECORDS else None
        outer = {key: _member(record, key) for key in keys}
        places: dict[str, exp.Expr] = (
            {
                name: exp.Dot(this=outer[ENVELOPE_RECORD].copy(), expression=exp.to_identifier(name, quoted=True))
                for name in names
            }
            if layout.envelope
            else outer
        )
        early = [reason(all_null(outer.values()), BAD_JSON)]
        if layout.envelope:
            early.append(self._other_category(outer[ENVELOPE_CATEGORY]))
            places = places | {
                self.times[0]: exp.Coalesce(this=places[self.times[0]], expressions=[outer[ENVELOPE_TIME]])
            }
        late = (exp.Not(this=exp.paren(all_null([places[name] for name in layout.late]))),) if layout.late else ()
        return self._typed(records, layout, _Texts(places, exp.Case(ifs=early), file_number(source), late))

    def _objects(self, source: Source, layout: Layout, keys: Mapping[str, str]) -> exp.Expr:
        if layout.shape is not Shape.JSON_RECORDS:
            return objects(source, layout.shape, keys)
        documents = objects(source, layout.shape, {"records": list_type(struct_type(keys))})
        return exp.select(named(call("unnest", column("records")), "record")).from_(documents).subquery("records")

    def _other_category(self, category: exp.Expr) -> exp.If:
        """A stream carries many tables. Its text is only repeated where it is a plain name: it is the sender's."""
        plain = call("regexp_full_match", category.copy(), text("[A-Za-z0-9_-]{1,60}"))
        why = exp.Case(
            ifs=[exp.If(this=plain, true=call("concat", text(f"{OTHER_CATEGORY}: "), category.copy()))],
            default=text(OTHER_CATEGORY),
        )
        return exp.If(this=exp.NEQ(this=string(category.copy()), expression=text(self.category or "")), true=why)

    def _parquet(self, source: Source, layout: Layout) -> exp.Select:
        files = parquet(source)
        when = self._stored_time(layout)
        kept = [
            named(when.copy() if name in self.times else self._stored(name, layout), name) for name in layout.columns
        ]
        row = named(exp.column("file_row_number"), ROW_COLUMN)
        return exp.select(
            *kept, named(cast(exp.Null(), ColumnType.STRING), "early"), numbered(file_number(source)), row
        ).from_(files)

    def _stored_time(self, layout: Layout) -> exp.Expr:
        name = next(each for each in self.times if each in layout.stored)
        return as_moment(column(name), layout.stored[name].type)

    def _stored(self, name: str, layout: Layout) -> exp.Expr:
        """One stored column as declared; as it is where its type is right, so that a scan costs little."""
        return as_declared(column(name), layout.stored[name], self._column(name))

    def _typed(self, records: exp.Expr, layout: Layout, texts: _Texts) -> exp.Select:
        """Texts as the declared types."""
        places = texts.places
        given = [places[name].copy() for name in self.times if name in places]
        when = moment(exp.Coalesce(this=given[0], expressions=given[1:]), day_first=layout.day_first)
        kept = [
            when.copy()
            if name in self.times
            else typed(places[name].copy(), self._column(name), day_first=layout.day_first)
            for name in layout.columns
        ]
        filled = (named(tree, name) for tree, name in zip(kept, layout.columns, strict=True))
        early = named(cast(texts.early, ColumnType.STRING), "early")
        late = (named(each, LATE_COLUMN) for each in texts.late)
        return exp.select(*filled, *late, early, numbered(texts.file)).from_(records)


def _member(record: str | None, key: str) -> exp.Expr:
    return (
        column(key) if record is None else exp.Dot(this=column(record), expression=exp.to_identifier(key, quoted=True))
    )


def csv_names(line: str, delimiter: str) -> tuple[str, ...]:
    """The names of a header line; none where its quotes are broken."""
    try:
        return tuple(next(csv.reader([line], delimiter=delimiter), ()))
    except csv.Error:
        return ()


def _is_day_first(words: str) -> bool:
    """Whether some date in the head can only be day/month/year."""
    return any(int(found["first"]) > _DECEMBER >= int(found["second"]) for found in _SLASHED_DATE.finditer(words))


def json_objects(head: Head) -> tuple[Shape, Iterator[dict[str, object]]]:
    """How the JSON objects of the head stand in it, and they themselves."""
    words = head.text.lstrip("\ufeff")
    records = _RECORDS.match(words)
    if records:
        return Shape.JSON_RECORDS, elements(words, records.end())
    if words.lstrip().startswith("["):
        return Shape.JSON_ARRAY, elements(words, words.index("[") + 1)
    return Shape.JSON_LINES, head.objects()


def elements(words: str, start: int) -> Iterator[dict[str, object]]:
    """The objects of a JSON array whose text may be cut off; `start` is the place after its bracket."""
    decoder, place = json.JSONDecoder(), start
    while True:
        while place < len(words) and words[place] in " \t\r\n,":
            place += 1
        try:
            value, place = decoder.raw_decode(words, place)
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value
