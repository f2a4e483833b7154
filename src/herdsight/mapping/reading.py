"""Mapping files: YAML to mappings, every fault of a file told at once, each at its place and with what was meant."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from herdsight import tables
from herdsight.documents import Path as Keys
from herdsight.documents import loaded, place_of
from herdsight.errors import MappingError, Place
from herdsight.guesses import did_you_mean
from herdsight.logs.formats import all_formats
from herdsight.logs.mapped.demands import required
from herdsight.logs.mapped.mapping import Field, LogMapping, Unit, tells_zone
from herdsight.tables import ColumnType
from herdsight.texts import read_text

_MOST_BYTES = 200_000  # a mapping of a thousand columns has a quarter of it
_HINT = "`herdsight map LOG -o FILE` proposes one"
_MOST = 1_000  # entries of a list
_NAME = re.compile(r"[a-z][a-z0-9-]{0,59}")
_KEYS = ("name", "table", "match", "where", "missing", "columns")
_MATCH_KEYS = ("files", "columns")
_SOURCES = ("from", "first_of", "join", "const")
_FIELD_KEYS = (*_SOURCES, "unit", "pattern", "zone", "values", "otherwise")
# What the engine's strptime knows, but for those that depend on where it runs.
_SPECIFIER = re.compile(r"%(-?[dmyHIMSjf]|[aAwbBYpngzZUWuVG%])")
_YEARS = ("%Y", "%y", "%-y", "%G")
_OFFSET = re.compile(r"[+-](0?[0-9]|1[0-4]):?[0-5][0-9]")
_LENGTHS = re.compile(r"Duration$|^Http(Request|Response)Time$")
_TEXTS = (ColumnType.STRING, ColumnType.DYNAMIC, ColumnType.GUID)


def read_mappings(paths: Iterable[Path]) -> tuple[LogMapping, ...]:
    """The mappings of several files.

    Raises:
        MappingError: a file cannot be read, or is wrong, or two have the same name.
    """
    found: dict[str, str] = {}
    mappings = []
    for path in paths:
        text = read_text(path, holds="a mapping", most=_MOST_BYTES, error=MappingError, missing=_HINT)
        mapping = read_mapping(str(path), text)
        if mapping.name in found:
            raise MappingError(
                f"the mapping in {found[mapping.name]} has the name {mapping.name}, too", place=Place(str(path))
            )
        found[mapping.name] = str(path)
        mappings.append(mapping)
    return tuple(mappings)


def read_mapping(source: str, text: str) -> LogMapping:
    """One mapping from YAML text; `source` names it in errors.

    Raises:
        MappingError: it is wrong; `problems` has every fault.
    """
    try:
        check = _Check(source, loaded(source, text, MappingError, holds="a mapping file", words=True))
        mapping = check.mapping()
        if check.problems:
            raise _together(check.problems)
    except MappingError as error:
        error.source_text = text
        raise
    return mapping


def _together(problems: list[MappingError]) -> MappingError:
    """The first error, which carries all, in the order of the text."""
    problems.sort(key=lambda each: (each.place.line or 0, each.place.column or 0) if each.place else (0, 0))
    first = MappingError(problems[0].what, place=problems[0].place, hint=problems[0].hint)
    first.problems = tuple(problems)
    return first


class _Check:
    """Reads a tree, and gathers what is wrong with it; what is wrong is left out of the mapping."""

    def __init__(self, source: str, tree: Mapping[str, object]) -> None:
        self._source = source
        self._tree = tree
        self.problems: list[MappingError] = []

    def mapping(self) -> LogMapping:
        """The mapping, as far as it is right."""
        self._only(self._tree, _KEYS, ())
        name, table = self._name(), self._table()
        match = self._map(("match",))
        self._only(match, _MATCH_KEYS, ("match",))
        where = {key: self._texts(("where", key)) for key in self._map(("where",))}
        return LogMapping(
            name=name,
            table=table,
            fields=self._fields(table),
            files=self._texts(("match", "files")),
            columns=self._texts(("match", "columns")) if "columns" in match else None,
            where=where,
            missing=self._texts(("missing",)),
        )

    # --- the parts ---

    def _name(self) -> str:
        name = self._text(("name",)) or ""
        formats = [each.name for each in all_formats()]
        if "name" not in self._tree:
            self._wrong((), "a mapping needs a `name`", "for example `name: my-proxy`")
        elif name and not _NAME.fullmatch(name):
            self._wrong(("name",), "a name has small letters, digits and hyphens, at most 60", "for example my-proxy")
        elif name in formats:
            self._wrong(("name",), f"{name} is the name of a format that Herdsight knows", f"for example my-{name}")
        return name

    def _table(self) -> str:
        table = self._text(("table",)) or ""
        if "table" not in self._tree:
            self._wrong((), "a mapping needs a `table`", f"one of {', '.join(tables.NAMES)}")
        elif table and table not in tables.NAMES:
            hint = did_you_mean(table, tables.NAMES) or f"there are {', '.join(tables.NAMES)}"
            self._wrong(("table",), f"there is no table `{_short(table)}` that logs fill", hint)
        return table

    def _fields(self, table: str) -> dict[str, Field]:
        if "columns" not in self._tree:
            self._wrong((), "a mapping needs `columns`", "for example `columns: {TimeGenerated: time}`")
            return {}
        given = self._map(("columns",))
        if table not in tables.NAMES:
            return {}
        known = {each.name: each.type for each in tables.table(table).columns}
        fields = {}
        for name in given:
            if name in known:
                field = self._field(("columns", name), name, known[name])
                fields.update({name: field} if field else {})
            else:
                self._wrong(("columns", name), f"{table} has no column `{_short(name)}`", did_you_mean(name, known))
        for group in required(table):
            if not any(name in given for name in group):
                self._wrong(("columns",), f"{table} needs {' or '.join(group)}, and nothing is mapped to it")
        return fields

    def _field(self, at: Keys, name: str, kind: ColumnType) -> Field | None:
        """What a column is filled with: the name of a column, or a mapping that says more."""
        before = len(self.problems)
        given = self._at(at)
        if isinstance(given, str):
            if not given:
                self._wrong(at, f"`{name}` is filled with nothing", "name a column of the file, or leave the line out")
            return Field((given,)) if given else None
        if not isinstance(given, Mapping):
            self._wrong(at, f"`{name}` takes the name of a column, or `{{from: NAME, ...}}`")
            return None
        self._only(given, _FIELD_KEYS, at)
        sources = [key for key in _SOURCES if key in given]
        if len(sources) != 1:
            said = "both " + " and ".join(f"`{key}`" for key in sources) if sources else "no source"
            self._wrong(at, f"`{name}` has {said}", f"give one of {', '.join(_SOURCES)}")
            return None
        field = Field(
            names=self._names(at, sources[0]),
            joined=sources[0] == "join",
            const=self._text((*at, "const")),
            unit=self._unit(at, name, kind),
            pattern=self._pattern(at, kind),
            zone=self._zone(at, kind),
            values=self._values((*at, "values")),
            otherwise=self._text((*at, "otherwise")),
        )
        self._consistent(at, field, kind)
        return field if len(self.problems) == before else None

    def _names(self, at: Keys, source: str) -> tuple[str, ...]:
        if source == "const":
            return ()
        names = self._texts((*at, source))
        if source == "from" and len(names) > 1:
            self._wrong((*at, source), "`from` is one column", "several are `first_of` or `join`")
        if not names or not all(names):
            self._wrong((*at, source), f"`{source}` names no column")
        return names

    def _unit(self, at: Keys, name: str, kind: ColumnType) -> Unit | None:
        unit = self._text((*at, "unit"))
        if unit is None:
            return None
        if kind is not ColumnType.DATETIME and not _LENGTHS.search(name):
            self._wrong((*at, "unit"), f"`{name}` has no unit", "it is for times and durations")
        if unit not in list(Unit):
            self._wrong((*at, "unit"), f"there is no unit `{_short(unit)}`", f"there are {', '.join(Unit)}")
            return None
        return Unit(unit)

    def _pattern(self, at: Keys, kind: ColumnType) -> str | None:
        pattern = self._text((*at, "pattern"))
        if pattern is None:
            return None
        where = (*at, "pattern")
        unknown = _SPECIFIER.sub("", pattern).partition("%")
        if kind is not ColumnType.DATETIME:
            self._wrong(where, "only a time has a `pattern`")
        elif unknown[1]:
            what = f"%{unknown[2][:1]}"
            self._wrong(
                where, f"there is no `{what}` in a pattern", "for example %Y-%m-%d %H:%M:%S, or %d/%b/%Y:%H:%M:%S %z"
            )
        elif not any(each in pattern for each in _YEARS):
            self._wrong(where, "the pattern has no year (%Y)")
        return pattern

    def _zone(self, at: Keys, kind: ColumnType) -> str | None:
        zone = self._text((*at, "zone"))
        if zone is None:
            return None
        if kind is not ColumnType.DATETIME:
            self._wrong((*at, "zone"), "only a time has a `zone`")
        if _OFFSET.fullmatch(zone):
            digits = zone[1:].replace(":", "").zfill(4)
            return f"GMT{zone[0]}{digits[:2]}:{digits[2:]}"
        known = available_timezones()
        if known and zone not in known:  # where the system has no list, the engine judges
            hint = did_you_mean(zone, known) or "for example Europe/Prague, or +02:00"
            self._wrong((*at, "zone"), f"there is no time zone `{_short(zone)}`", hint)
        return zone

    def _values(self, at: Keys) -> dict[str, str]:
        values = {}
        for theirs in self._map(at):
            ours = self._text((*at, theirs))
            if ours is not None:
                values[theirs] = ours
        return values

    def _consistent(self, at: Keys, field: Field, kind: ColumnType) -> None:
        if field.const is not None and any((field.unit, field.pattern, field.zone, field.values, field.otherwise)):
            self._wrong(at, "a `const` is taken as it is", "leave the other keys out")
        if field.unit and (field.pattern or field.zone):
            self._wrong((*at, "unit"), "a count from 1970 has no pattern and no zone")
        if field.pattern and field.zone and tells_zone(field.pattern):
            self._wrong((*at, "zone"), "the pattern has the zone in it (%z)", "leave one of the two out")
        if kind is ColumnType.DATETIME and (field.values or field.otherwise is not None or field.const is not None):
            self._wrong(at, "a time is read, and not chosen: it takes no `const`, `values` or `otherwise`")
        for ours in (field.const, field.otherwise, *field.values.values()):
            if ours is not None and not _is_of(ours, kind):
                self._wrong(at, f"`{_short(ours)}` is no {kind}")

    # --- what is common to them ---

    def _only(self, given: Mapping[Any, object], known: tuple[str, ...], at: Keys) -> None:
        for key in given:
            if not isinstance(key, str):
                self._wrong(at, "a key must be text")
            elif key not in known:
                hint = did_you_mean(key, known) or f"there are {', '.join(known)}"
                self._wrong((*at, key), f"there is no key `{_short(key)}` here", hint)

    def _at(self, path: Keys) -> object:
        place: object = self._tree
        for key in path:
            place = place.get(key) if isinstance(place, Mapping) else None
        return place

    def _map(self, path: Keys) -> Mapping[str, object]:
        """A mapping that may be absent. Its keys are texts."""
        given = self._at(path)
        if given is None:
            return {}
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given) or len(given) > _MOST:
            self._wrong(path, f"`{path[-1]}` takes `{{name: value}}`, names being text, at most {_MOST:,}")
            return {}
        return given

    def _texts(self, path: Keys) -> tuple[str, ...]:
        """A text or a list of them, which may be absent."""
        given = self._at(path)
        if given is None:
            return ()
        if isinstance(given, str):
            return (str(given),)
        if isinstance(given, list) and 0 < len(given) <= _MOST and all(isinstance(each, str) for each in given):
            return tuple(map(str, given))
        self._wrong(path, f"`{_short(str(path[-1]))}` takes a text or a list of texts, from 1 to {_MOST:,}")
        return ()

    def _text(self, path: Keys) -> str | None:
        given = self._at(path)
        if given is None or isinstance(given, str):
            return None if given is None else str(given)
        self._wrong(path, f"`{_short(str(path[-1]))}` takes a text")
        return None

    def _wrong(self, path: Keys, what: str, hint: str | None = None) -> None:
        self.problems.append(MappingError(what, place=place_of(self._source, self._tree, path), hint=hint))


def _is_of(words: str, kind: ColumnType) -> bool:
    """Whether a text of the mapping is a value of that type."""
    if kind in _TEXTS or not words:
        return True
    if kind is ColumnType.BOOL:
        return words.lower() in ("true", "false")
    number = r"[+-]?[0-9]{1,18}" if kind in (ColumnType.INT, ColumnType.LONG) else r"[+-]?[0-9]+(\.[0-9]+)?"
    return bool(re.fullmatch(number, words))


def _short(words: str) -> str:
    return words if len(words) <= 100 else f"{words[:100]}..."  # noqa: PLR2004 enough to know it by
