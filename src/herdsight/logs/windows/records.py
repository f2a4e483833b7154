"""Where a Windows event's fields stand: in JSON, which shippers lay out in three ways, and in XML.

As JSON, events are flat (NXLog), under `winlog` (Winlogbeat), or as the event's own XML has it; a field is what the
first of these has. As XML, each stands on a line of its own. Binary logs are unpacked to JSON before they are read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from sqlglot import exp

from herdsight.logs.formats import Layout, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import file_number, lines, position, row_numbers, whole_objects
from herdsight.logs.values import BAD_JSON, CUT_SHORT, DAMAGED, reason, string
from herdsight.tables import FILE_COLUMN
from herdsight.trees import call, column, named, number, text

_LOOKED_AT = 50  # objects or lines of the head
_XML_EVENT = re.compile(r"<Event[\s>].*</Event>")
_NO_DELIMITER = "\x1e\x1f\x1e\x1f"  # lines of XML are read as one column

# What stands for a record that could not be unpacked; no event is written so.
LOST_JSON: Mapping[str, str] = {why: f'{{"Event":{{"System":null,"#lost":"{why}"}}}}' for why in (DAMAGED, CUT_SHORT)}
LOST_XML: Mapping[str, str] = {why: f"<Event><System/><!--{why}--></Event>" for why in (DAMAGED, CUT_SHORT)}
OTHER_JSON = '{"Event":{"System":null}}'  # stands for an event of which nothing is asked

# What is not data of the event itself, in each of the ways; the first that is there counts.
_HEADER: Mapping[str, tuple[str, ...]] = {
    "id": ("$.EventID", "$.winlog.event_id", '$.Event.System.EventID."#text"', "$.Event.System.EventID"),
    "channel": ("$.Channel", "$.winlog.channel", "$.Event.System.Channel"),
    "computer": (
        *("$.Hostname", "$.Computer", "$.winlog.computer_name", "$.Event.System.Computer"),
        *("$.host.name", "$.host"),
    ),
    "time": (
        *('$."@timestamp"', '$.Event.System.TimeCreated."#attributes".SystemTime', "$.TimeCreated", "$.EventTime"),
    ),
}
KIND_PATHS = (*_HEADER["channel"], *_HEADER["id"])  # what tells the kind of an event
_DATA = ("$.", "$.winlog.event_data.", "$.Event.EventData.")
_BARE = "$.Event."
# The event's own XML, and so two of the ways, spell some fields otherwise than the flat one.
_SPELT = {"ProcessId": ("ProcessId", "ProcessID")}

_IN_XML: Mapping[str, str] = {
    "id": "<EventID[^>]*>([^<]*)<",
    "channel": "<Channel>([^<]*)<",
    "computer": "<Computer>([^<]*)<",
    "time": """<TimeCreated[^>]* SystemTime=["']([^"']*)["']""",
}
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}  # the last one last


def shape_of(head: Head) -> Shape | None:
    """How the head shows Windows events: as JSON lines, as lines of XML (DELIMITED), or not at all."""
    if any(_is_event(each) for each in islice(head.objects(), _LOOKED_AT)):
        return Shape.JSON_LINES
    lines = head.lines()[:_LOOKED_AT]
    is_xml = bool(lines) and bool(_XML_EVENT.fullmatch(lines[0])) and any("<System" in line for line in lines)
    return Shape.DELIMITED if is_xml else None


def _is_event(record: Mapping[str, object]) -> bool:
    """Flat with the id and the channel, or under one of the two keys that hold them."""
    winlog, event = record.get("winlog"), record.get("Event")
    flat = "EventID" in record and "Channel" in record
    return (
        flat or (isinstance(winlog, dict) and "event_id" in winlog) or (isinstance(event, dict) and "System" in event)
    )


def layout_of(shape: Shape, columns: Sequence[str], derived: Mapping[str, exp.Expr]) -> Layout:
    """The layout of such a file: which events are in it shows only when all of it is read."""
    if shape is Shape.JSON_LINES:
        return Layout(shape, columns=tuple(columns), derived=derived, certain=True)
    return Layout(shape, ("line",), columns=tuple(columns), derived=derived, delimiter=_NO_DELIMITER, certain=True)


def fields(source: Source, layout: Layout, names: Sequence[str], mark: str) -> exp.Select:
    """Of each record `id`, `channel`, `computer`, `time` and the event's own fields of those names, as texts.

    In a record without the `mark` in its text they are all NULL: it is not worth the search. `broken` says why there is
    no event at all.
    """
    is_json = layout.shape is Shape.JSON_LINES
    records = whole_objects(source, layout.shape, "record") if is_json else _xml(source, layout)
    marked = exp.Case(ifs=[exp.If(this=call("contains", column("record"), text(mark)), true=column("record"))])
    lost = LOST_JSON if is_json else LOST_XML
    cases = [exp.EQ(this=column("record"), expression=text(line)) for line in lost.values()]
    broken = [reason(case, why) for case, why in zip(cases, lost, strict=True)]
    no_json = reason(exp.Is(this=column("record"), expression=exp.null()), BAD_JSON)
    marks = exp.select(
        named(marked, "event"),
        named(exp.Case(ifs=[no_json, *broken]), "broken"),
        named(file_number(source), FILE_COLUMN),
        *row_numbers(source),
    ).from_(records)
    others = [column("broken"), column(FILE_COLUMN), *row_numbers(source)]
    return _from_json(marks, names, others) if is_json else _from_xml(marks, names, others)


def kind_of(found: exp.Expr) -> exp.Expr:
    """The kind of an event, of the list of what `KIND_PATHS` lead to."""
    channel, own_number = (
        exp.Coalesce(this=ways[0], expressions=ways[1:])
        for ways in (
            [call("list_extract", found.copy(), number(KIND_PATHS.index(each) + 1)) for each in _HEADER[name]]
            for name in ("channel", "id")
        )
    )
    return call("concat", channel, text(" "), own_number)


def kind_name(channel: str, own_number: str) -> str:
    """A kind as `kind_of` has it."""
    return f"{channel} {own_number}"


def _from_json(marks: exp.Select, names: Sequence[str], others: Sequence[exp.Expr]) -> exp.Select:
    """Looked up in all three ways, but for an event that begins as its XML does: binary logs are unpacked so."""
    paths = {**_HEADER, **{name: _paths(name) for name in names}}
    bare = {name: tuple(path for path in each if path.startswith(_BARE)) for name, each in paths.items()}
    is_bare = call("starts_with", column("event"), text('{"Event":'))
    given = exp.Not(this=exp.Is(this=column("event"), expression=exp.null()))
    found = exp.Case(
        ifs=[exp.If(this=is_bare.copy(), true=_looked_up(bare)), exp.If(this=given, true=_looked_up(paths))]
    )
    parts = exp.select(named(found, "found"), named(is_bare, "is_bare"), *_copies(others)).from_(
        marks.subquery("marks")
    )
    packed = exp.Case(
        ifs=[
            exp.If(this=column("is_bare"), true=_packed({name: _first(bare, name) for name in paths})),
            exp.If(this=exp.Not(this=column("is_bare")), true=_packed({name: _first(paths, name) for name in paths})),
        ]
    )
    return _unpacked(parts, packed, paths, others)


def _packed(texts: Mapping[str, exp.Expr]) -> exp.Expr:
    """Texts in one value: it is made for records that are asked for alone, where each column would be made for all."""
    return exp.Struct(expressions=[exp.PropertyEQ(this=text(name), expression=each) for name, each in texts.items()])


def _unpacked(parts: exp.Select, packed: exp.Expr, names: Iterable[str], others: Sequence[exp.Expr]) -> exp.Select:
    held = exp.select(named(packed, "fields"), *_copies(others)).from_(parts.subquery("parts"))
    texts = (named(call("struct_extract", column("fields"), text(name)), name) for name in names)
    return exp.select(*texts, *_copies(others)).from_(held.subquery("held"))


def _copies(trees: Iterable[exp.Expr]) -> list[exp.Expr]:
    return [each.copy() for each in trees]


def _paths(name: str) -> tuple[str, ...]:
    return tuple(f"{before}{spelt}" for before in _DATA for spelt in _SPELT.get(name, (name,)))


def _looked_up(paths: Mapping[str, Sequence[str]]) -> exp.Expr:
    every = [path for each in paths.values() for path in each]
    return call("json_extract_string", column("event"), exp.array(*map(text, every)))


def _first(paths: Mapping[str, Sequence[str]], name: str) -> exp.Expr:
    every = [path for each in paths.values() for path in each]
    ways = [call("list_extract", column("found"), number(every.index(path) + 1)) for path in paths[name]]
    return _given(exp.Coalesce(this=ways[0], expressions=ways[1:]) if ways[1:] else ways[0])


def _given(value: exp.Expr) -> exp.Expr:
    """A value as text; a dash stands for none."""
    return string(exp.Nullif(this=value, expression=text("-")))


def _xml(source: Source, layout: Layout) -> exp.Subquery:
    line = exp.select(named(column(position(0)), "record"), exp.Star()).from_(lines(source, layout))
    return line.subquery("lines")


def _from_xml(marks: exp.Select, names: Sequence[str], others: Sequence[exp.Expr]) -> exp.Select:
    patterns = {**_IN_XML, **{name: _pattern(name) for name in names}}
    texts = {
        name: _given(_plain(call("regexp_extract", column("event"), text(each), number(1))))
        for name, each in patterns.items()
    }
    given = exp.Not(this=exp.Is(this=column("event"), expression=exp.null()))
    return _unpacked(marks, exp.Case(ifs=[exp.If(this=given, true=_packed(texts))]), patterns, others)


def _pattern(name: str) -> str:
    return f"""<Data Name=["'](?:{"|".join(_SPELT.get(name, (name,)))})["']>([^<]*)<"""


def _plain(value: exp.Expr) -> exp.Expr:
    """A text of XML with what its entities stand for; numbers were put for characters before."""
    plain = value.copy()
    for entity, character in _ENTITIES.items():
        plain = call("replace", plain, text(entity), text(character))
    has_one = call("contains", value.copy(), text("&"))
    return exp.Case(ifs=[exp.If(this=has_one, true=plain)], default=value)
