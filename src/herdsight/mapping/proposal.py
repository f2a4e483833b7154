"""A proposal of a mapping for a file: what each of its columns may be, with the reason, as YAML to check and change."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdsight.errors import InputError
from herdsight.guesses import did_you_mean
from herdsight.logs.formats import all_formats
from herdsight.logs.mapped.demands import required
from herdsight.mapping.forms import (
    TimeForm,
    is_address,
    is_clock,
    is_date,
    is_protocol_name,
    looks_like,
    most,
    time_form,
)
from herdsight.mapping.names import MEANINGS, Kind, filled_by, likeness
from herdsight.mapping.samples import Sample, sampled
from herdsight.tables import (
    DEVICE_NETWORK_EVENTS,
    DNS_ACTIVITY,
    NAMES,
    NETWORK_SESSION,
    WEB_SESSION,
    ColumnType,
    table,
)

_SHOWN = 3  # values of a column that is not mapped
_LONGEST = 40  # characters of a value that is shown
_MOST_OTHERS = 100  # columns that are not mapped and told
_MOST_VALUES = 12  # distinct actions that are looked through
_ALLOWED = frozenset("allow allowed accept accepted permit permitted pass passed success successful ok built".split())  # noqa: SIM905 words
_DENIED = frozenset("deny denied block blocked reject rejected drop dropped fail failed failure timeout reset".split())  # noqa: SIM905 words
_ACTIONS = {"Success": "ConnectionSuccess", "Failure": "ConnectionFailed"}


@dataclass(slots=True)
class _Line:
    """One of our columns: what fills it, as YAML, and why."""

    name: str
    source: str
    why: str


@dataclass(slots=True)
class _Found:
    """What was found so far: lines by our column, and the file's columns that are taken."""

    sample: Sample
    table: str
    lines: dict[str, _Line] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)

    def add(self, name: str, source: str, why: str, *columns: str) -> None:
        """Fill one of our columns, unless it is."""
        if name not in self.lines:
            self.lines[name] = _Line(name, source, why)
            self.taken.update(columns)


def proposed(path: Path, table_name: str | None = None, written: Path | None = None) -> str:
    """The text of a mapping file for a log; `written` is where it will be, for the commands at its end.

    Raises:
        InputError: the file cannot be read or is no table, or there is no such table.
    """
    if table_name is not None and table_name not in NAMES:
        hint = did_you_mean(table_name, NAMES) or f"there are {', '.join(NAMES)}"
        raise InputError(f"there is no table {table_name!r} that logs fill", hint=hint)
    sample = sampled(path)
    chosen, why = (table_name, "as you said") if table_name else _table_of(sample)
    found = _Found(sample, chosen)
    _by_our_names(found)
    _by_names(found)
    _by_values(found)
    _defaults(found)
    return "\n".join(_text(path, found, why, written)) + "\n"


# --- what is what ---------------------------------------------------------------------------------------------------


def _table_of(sample: Sample) -> tuple[str, str]:
    """The table that the columns tell of, and why."""

    def has(meaning: str) -> str | None:
        return _best(sample, meaning, frozenset())

    if (url := has("url")) or (has("method") and has("http_host")):
        return WEB_SESSION, f"there is a web address in {_quoted(url)}" if url else "there are requests to sites"
    if (query := has("query")) and (has("query_type") or has("response_code") or has("answers")):
        return DNS_ACTIVITY, f"there are names that were asked for in {_quoted(query)}"
    if (process := has("process")) and has("device") and not has("src_bytes"):
        return DEVICE_NETWORK_EVENTS, f"there are programs of a host in {_quoted(process)}"
    return NETWORK_SESSION, "nothing in it is of the web, of DNS or of programs; --table says otherwise"


def _best(sample: Sample, meaning: str, taken: Iterable[str]) -> str | None:
    """The column that is called most like the meaning, and looks like it."""
    wanted = MEANINGS[meaning]
    ranked = sorted(
        (rank, name)
        for name, values in sample.columns.items()
        if name not in taken and (rank := likeness(name, wanted)) and _fits(sample, name, values, wanted.kind)
    )
    mine = [name for (spelling, _), name in ranked if not (spelling and _is_called(sample, name, meaning))]
    return mine[0] if mine else None


def _is_called(sample: Sample, name: str, otherwise: str) -> bool:
    """Whether a column has the very name of something else: s-port is a server's port, and sport a source's."""
    return any(
        (likeness(name, each) or (1, 0))[0] == 0 and _fits(sample, name, sample.columns[name], each.kind)
        for meaning, each in MEANINGS.items()
        if meaning != otherwise
    )


def _fits(sample: Sample, name: str, values: Sequence[str], kind: Kind) -> bool:
    return kind is Kind.TIME if name in sample.times else looks_like(values, kind)


def _by_our_names(found: _Found) -> None:
    """A column that is called as ours is."""
    for declared in table(found.table).columns:
        values = found.sample.columns.get(declared.name)
        if not values:
            continue
        if declared.type is ColumnType.DATETIME:
            if form := time_form(values):
                source, said = _time(declared.name, form)
                found.add(declared.name, source, f"the same name; {said}", declared.name)
        else:
            found.add(declared.name, declared.name, "the same name", declared.name)


def _by_names(found: _Found) -> None:
    _date_and_clock(found)
    for meaning, column in filled_by(found.table).items():
        if column in found.lines:
            continue
        name = _best(found.sample, meaning, found.taken)
        if name is not None:
            _fill(found, meaning, column, name, f"called like {MEANINGS[meaning].said}")
        elif column in {each for group in required(found.table) for each in group}:
            _disappointed(found, meaning, column)


def _disappointed(found: _Found, meaning: str, column: str) -> None:
    """A column has the name and not the values: that is said."""
    for name, values in found.sample.columns.items():
        if name not in found.taken and values and likeness(name, MEANINGS[meaning]):
            held = f"{_quoted(name)} is called like {MEANINGS[meaning].said}, but holds {_shown(values)}"
            found.doubts.append(f"{column}: {held}")


def _date_and_clock(found: _Found) -> None:
    """A date and a time of day in two columns, as W3C's extended logs have them."""
    columns = found.sample.columns
    dates = [name for name, values in columns.items() if "date" in name.lower() and is_date(values)]
    clocks = [name for name, values in columns.items() if "time" in name.lower() and is_clock(values)]
    if dates and clocks:
        source = f"{{join: [{_quoted(dates[0])}, {_quoted(clocks[0])}]}}"
        found.add("TimeGenerated", source, "a date and a time of day; add `zone` if it is not UTC", dates[0], clocks[0])


def _fill(found: _Found, meaning: str, column: str, name: str, why: str) -> None:
    values = found.sample.columns[name]
    if column in found.lines:
        return
    match MEANINGS[meaning].kind:
        case Kind.TIME:
            form = TimeForm("stored as a time") if name in found.sample.times else time_form(values)
            source, said = _time(name, form)
            found.add(column, source, f"{why}; {said}", name)
        case Kind.LENGTH:
            unit, said = _length(name, values)
            found.add(column, f"{{from: {_quoted(name)}, unit: {unit}}}", f"{why}; {said}", name)
        case _:
            _fill_text(found, meaning, (column, name), why)


def _fill_text(found: _Found, meaning: str, pair: tuple[str, str], why: str) -> None:
    column, name = pair
    values = found.sample.columns[name]
    if meaning in ("action", "outcome"):
        _outcome(found, name, values)
    if column == "ActionType":
        return
    if meaning in ("query_type", "response_code") and most(values, str.isdecimal):
        column = {"DnsQueryTypeName": "DnsQueryType", "EventResultDetails": "DnsResponseCode"}.get(column, column)
    said = "" if values else "; it has no value in the first records"
    found.add(column, _quoted(name), f"{why}{said}", name)


def _time(name: str, form: TimeForm | None) -> tuple[str, str]:
    if form is None:
        return _quoted(name), "it has no value in the first records: say its `unit` or `pattern`"
    if form.unit is not None:
        return f"{{from: {_quoted(name)}, unit: {form.unit}}}", form.said
    if form.pattern is not None:
        return f"{{from: {_quoted(name)}, pattern: {_quoted(form.pattern, bare=False)}}}", form.said
    return _quoted(name), form.said


def _length(name: str, values: Sequence[str]) -> tuple[str, str]:
    lower = name.lower()
    if lower == "event.duration":
        return "nanoseconds", "Elastic's schema counts nanoseconds"
    told = re.search(r"(?:^|[^a-z])(ms|msec|milli\w*|us|usec|micro\w*|ns|nano\w*)(?:$|[^a-z])", lower)
    if told:
        unit = {"m": "milliseconds", "u": "microseconds", "n": "nanoseconds"}[told[1][0]]
        return ("microseconds" if told[1].startswith("micro") else unit), "its name tells the unit"
    if any("." in value for value in values):
        return "seconds", "it has decimals"
    if lower == "time-taken":
        return "milliseconds", "IIS counts milliseconds; W3C's standard says seconds: check it"
    return "seconds", "nothing tells the unit: check it"


def _outcome(found: _Found, name: str, values: Sequence[str]) -> None:
    """EventResult, or Defender's ActionType, where the words for what was done are known."""
    column = {DEVICE_NETWORK_EVENTS: "ActionType"}.get(found.table, "EventResult")
    if table(found.table).column(column) is None or column in found.lines:
        return
    words = sorted(set(values))[: _MOST_VALUES + 1]
    meant = {each: "Success" for each in words if each.lower() in _ALLOWED}
    meant |= {each: "Failure" for each in words if each.lower() in _DENIED}
    if not meant or len(words) > _MOST_VALUES:
        return
    ours = _ACTIONS if column == "ActionType" else {}
    pairs = ", ".join(f"{_quoted(theirs)}: {ours.get(each, each)}" for theirs, each in meant.items())
    other = "ConnectionFound" if column == "ActionType" else "NA"
    source = f"{{from: {_quoted(name)}, values: {{{pairs}}}, otherwise: {other}}}"
    found.add(column, source, "by the words that are known", name)


def _by_values(found: _Found) -> None:
    """What has no telling name is known by its values, where these can be one thing alone."""
    columns, mapped = found.sample.columns, filled_by(found.table)
    free = [name for name in columns if name not in found.taken]
    times = [each for each in free if each in found.sample.times or time_form(columns[each])]
    addresses = [each for each in free if most(columns[each], is_address)]
    if times and mapped["time"] not in found.lines:
        _fill(found, "time", mapped["time"], times[0], "no name tells it, but it holds times: check it")
    for meaning in ("src", "dst"):
        if mapped.get(meaning, mapped["time"]) not in found.lines and addresses:
            why = f"no name tells {MEANINGS[meaning].said}, but it holds addresses: check it"
            _fill(found, meaning, mapped[meaning], addresses.pop(0), why)
    protocols = [each for each in free if most(columns[each], is_protocol_name)]
    if protocols and "protocol" in mapped and mapped["protocol"] not in found.lines:
        _fill(found, "protocol", mapped["protocol"], protocols[0], "it holds names of transports")


def _defaults(found: _Found) -> None:
    if found.table == DEVICE_NETWORK_EVENTS:
        found.add("ActionType", "{const: ConnectionFound}", "nothing tells whether it was established")


# --- the text -------------------------------------------------------------------------------------------------------


def _text(path: Path, found: _Found, why: str, written: Path | None) -> Iterator[str]:
    sample, name = found.sample, _name(path)
    yield f"# A mapping for {_quoted(path.name)}, proposed from its names and its first {sample.records:,} records."
    yield "# It is a guess: check every line. What `#` says is for you alone."
    yield f"name: {name}"
    yield f"table: {found.table}  # {why}"
    if sample.known:
        yield f"# Herdsight knows this file as {sample.known}; `match` makes the mapping win."
        yield f"match: {{files: {_quoted(_glob(path.name), bare=False)}}}"
    if sample.missing:
        listed = ", ".join(_quoted(each, bare=False) for each in sample.missing)
        yield f"missing: [{listed}]  # these stand for no value"
    yield "columns:" if found.lines else "columns: {}"
    demanded = [name for group in required(found.table) for name in group]
    order = list(dict.fromkeys((*demanded, *(each.name for each in table(found.table).columns))))
    for line in sorted(found.lines.values(), key=lambda each: order.index(each.name)):
        yield f"  {line.name}: {line.source}  # {line.why}"
    yield from _todo(found)
    yield from _others(sample, found.taken)
    yield from _next(path, written)


def _todo(found: _Found) -> Iterator[str]:
    for group in required(found.table):
        if not any(name in found.lines for name in group):
            doubt = next((each.partition(": ")[2] for each in found.doubts if each.partition(": ")[0] in group), "")
            said = doubt or "no column was found for it"
            yield f"  # TODO {' or '.join(group)}: {said}; {found.table} cannot do without"


def _others(sample: Sample, taken: Iterable[str]) -> Iterator[str]:
    left = [name for name in sample.columns if name not in set(taken)]
    if left:
        yield "# Not mapped:"
    for name in left[:_MOST_OTHERS]:
        yield f"#   {_quoted(name)}: {_shown(sample.columns[name]) if sample.columns[name] else 'no value'}"
    if len(left) > _MOST_OTHERS:
        yield f"#   and {len(left) - _MOST_OTHERS:,} more"


def _next(path: Path, written: Path | None) -> Iterator[str]:
    log, own = _word(path, "LOG"), _word(written, "FILE.yaml") if written else "FILE.yaml"
    yield "# Next, see whether it is read as it should:"
    yield f"#   herdsight inspect {log} --mapping {own}"
    yield f"#   herdsight hunt {log} --mapping {own}"


def _word(path: Path, otherwise: str) -> str:
    words = str(path)
    words = f"./{words}" if words.startswith("-") else words
    return shlex.quote(words) if words.isprintable() else otherwise


def _name(path: Path) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", path.name.partition(".")[0].lower()).strip("-")[:50].rstrip("-")
    name = words if re.match("[a-z]", words) else f"log-{words}".rstrip("-")
    return f"my-{name}" if name in {each.name for each in all_formats()} else name


def _glob(name: str) -> str:
    """A pattern that is that name alone."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _shown(values: Sequence[str]) -> str:
    different = list(dict.fromkeys(values))
    told = ", ".join(_quoted(each[:_LONGEST] + ("..." if len(each) > _LONGEST else "")) for each in different[:_SHOWN])
    return told + (", ..." if len(different) > _SHOWN else "")


_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_ESCAPES: Mapping[str, str] = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LATIN, _PLANE = 0x100, 0x10000


def _quoted(words: str, *, bare: bool = True) -> str:
    """A text as YAML has it on one line, bare where it can be; what does not print is spelt out."""
    if bare and _BARE.fullmatch(words):
        return words
    return '"' + "".join(map(_escaped, words)) + '"'


def _escaped(letter: str) -> str:
    if letter in _ESCAPES or letter.isprintable():
        return _ESCAPES.get(letter, letter)
    code = ord(letter)
    return f"\\x{code:02x}" if code < _LATIN else f"\\u{code:04x}" if code < _PLANE else f"\\U{code:08x}"
