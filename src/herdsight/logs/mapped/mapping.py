"""Logs of products that are not known: what a user says of their columns, and which files that fits."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from herdsight.logs.formats import Format, Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.mapped.demands import filled
from herdsight.logs.microsoft.exports import DELIMITERS, SEPARATOR_LINE, csv_names, json_objects

_LOOKED_AT = 200  # JSON objects of the head
_TOLD = 5  # names in a sentence


class Unit(StrEnum):
    """What a number counts: of an instant from 1970 on, of a length from its begin."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"
    NANOSECONDS = "nanoseconds"


@dataclass(frozen=True, slots=True)
class Field:
    """Where the value of one of our columns comes from.

    `names` are the file's columns: the first that has a value counts, or all are `joined` with spaces; `const` stands
    in their place. `unit` is what a number counts, `pattern` how a time is written (strptime's), `zone` where its clock
    stands if it does not say so itself. `values` gives ours for theirs, `otherwise` ours for all other.
    """

    names: tuple[str, ...] = ()
    joined: bool = False
    const: str | None = None
    unit: Unit | None = None
    pattern: str | None = None
    zone: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is one column as it is."""
        said = (self.unit, self.pattern, self.zone, self.otherwise)
        return len(self.names) == 1 and not self.values and all(each is None for each in said)

    @property
    def is_zoneless(self) -> bool:
        """Whether it is a time that cannot tell its zone."""
        return self.pattern is not None and self.zone is None and not tells_zone(self.pattern)


def tells_zone(pattern: str) -> bool:
    """Whether times of that pattern have their zone or offset in them."""
    return any(each in ("%z", "%Z") for each in re.findall("%-?.", pattern))


@dataclass(frozen=True)
class LogMapping:
    """How records of one kind become rows of a table.

    `fields` are by our columns. `files` are patterns of the names of files that it is for, come what may; `columns`
    those that a file must have (None: all that are named). `where` says, for columns, the values of which a record must
    have one. `missing` are the texts that stand for no value.
    """

    name: str
    table: str
    fields: Mapping[str, Field]
    files: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every column of the file that it names."""
        named = (name for each in self.fields.values() for name in each.names)
        return tuple(dict.fromkeys((*named, *self.where)))

    def format(self) -> Format:
        """The mapping as a format, which is recognised and read as any other."""
        from herdsight.logs.mapped.reading import read

        def reading(source: Source, layout: Layout, scope: Scope) -> object:
            return read(self, source, layout, scope)

        return Format(self.name, self.table, self.recognise, reading)  # type: ignore[arg-type] # a SELECT

    def recognise(self, head: Head) -> Layout | None:
        """How to read the file, or None where it lacks what it must have.

        A file that the mapping is expressly for is refused with the reason.
        """
        layout, present = self._best(head)
        if layout is None:
            return None
        lacking = self._lacking(present)
        is_for_it = bool(self.files) and self.columns is None
        if lacking and not is_for_it:
            return None
        told = [name for name in self.names if name not in present]
        said = f"columns absent: {_listed(told)}" if layout.shape is not Shape.JSON_LINES else _unseen(told)
        refused = lacking and layout.shape in (Shape.CSV, Shape.PARQUET)
        return Layout(
            layout.shape,
            fields=layout.fields,
            stored=layout.stored,
            columns=filled(self.table, self.fields),
            delimiter=layout.delimiter,
            skip=layout.skip,
            notes=(said,) if told else (),
            zoneless=any(each.is_zoneless for each in self.fields.values()),
            refused=f"the mapping {self.name} names columns that it lacks: {_listed(lacking)}" if refused else None,
        )

    def misfit(self, head: Head) -> str:
        """What a file lacks that the mapping needs, as a note; "" where it is nothing."""
        layout, present = self._best(head)
        lacking = self._lacking(present) if layout else []
        return f"the mapping {self.name} does not fit: there is no column {_listed(lacking)}" if lacking else ""

    def _lacking(self, present: frozenset[str]) -> list[str]:
        if self.columns is not None:
            return [name for name in self.columns if name not in present]
        alternatives = [(each.names, each.joined) for each in self.fields.values() if each.names]
        one_of = [names for names, joined in alternatives if not joined and not present.intersection(names)]
        every = [name for names, joined in alternatives if joined for name in names if name not in present]
        return list(
            dict.fromkeys([*(names[0] for names in one_of), *every, *(n for n in self.where if n not in present)])
        )

    def _best(self, head: Head) -> tuple[Layout | None, frozenset[str]]:
        """The reading of the head that shows most of the columns, and these."""
        wanted = (*self.names, *(self.columns or ()))
        found = [(layout, shown(layout, head, wanted)) for layout in layouts(head)]
        return max(found, key=lambda each: len(each[1]), default=(None, frozenset()))


def _unseen(names: list[str]) -> str:
    return f"not seen in the first records: {_listed(names)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


# --- what a head shows ----------------------------------------------------------------------------------------------


def layouts(head: Head) -> Iterator[Layout]:
    """The ways in which a file can be a table: one, or one for each delimiter that its first line may be cut by."""
    if head.parquet is not None:
        yield Layout(Shape.PARQUET, fields=tuple(head.parquet), stored=head.parquet)
        return
    start = head.text.lstrip("\ufeff \r\n\t")[:1]
    if start in {"{", "["}:
        shape, found = json_objects(head)
        if any(True for _ in found):  # else it is a header whose first name begins so
            yield from [Layout(shape)] if shape is not Shape.JSON_RECORDS else ()
            return
    first = [line.lstrip("\ufeff") for line in islice(head.lines(), 2)]
    skip = int(bool(first) and first[0].startswith(SEPARATOR_LINE))
    for delimiter in (*DELIMITERS, "|") if len(first) > skip else ():
        if names := csv_names(first[skip], delimiter):
            yield Layout(Shape.CSV, names, delimiter=delimiter, skip=skip + 1)


def shown(layout: Layout, head: Head, wanted: tuple[str, ...]) -> frozenset[str]:
    """Which of the wanted columns the head shows."""
    if layout.shape is Shape.CSV:
        return frozenset(layout.fields).intersection(wanted)
    if layout.shape is Shape.PARQUET:
        return frozenset(name for name in wanted if name in layout.stored or is_stored_within(name, layout))
    found: set[str] = set()
    for each in islice(json_objects(head)[1], _LOOKED_AT):
        found.update(name for name in wanted if name not in found and _is_in(each, name))
    return frozenset(found)


def _is_in(record: Mapping[str, object], name: str) -> bool:
    """Whether a record has a key of that name, or what the dots of the name lead to."""
    if name in record:
        return True
    place: object = record
    for part in name.split("."):
        if isinstance(place, Mapping) and part in place:
            place = place[part]
        elif isinstance(place, list) and re.fullmatch("[0-9]{1,6}", part) and int(part) < len(place):
            place = place[int(part)]
        else:
            return False
    return True


def is_stored_within(name: str, layout: Layout) -> bool:
    """Whether the dots of a name lead into a nested column of a Parquet file."""
    outer, dot, inner = name.partition(".")
    stored = layout.stored.get(outer)
    if not dot or stored is None:
        return False
    parts = [part for part in inner.split(".") if not part.isdecimal()]
    return "<" in stored.type and all(f"{part}: " in stored.type for part in parts)


def path_of(name: str) -> str:
    """Where the dots of a name lead, as RFC 6901 writes it."""
    return "".join(f"/{_escaped(part)}" for part in name.split("."))


def key_of(name: str) -> str:
    """The key of that very name, as RFC 6901 writes it."""
    return f"/{_escaped(name)}"


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
