"""MISP: the attributes of events, as an instance, a feed's file or a search gives them in JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from herdsight.indicators.kinds import label_of, meant, moment_of, text_of
from herdsight.indicators.model import Entry, RefusalError, Way

NOT_FOR_DETECTION = "not for detection (to_ids is off)"
_FAMILIES = ("misp-galaxy:malpedia=", "misp-galaxy:malware=", "misp-galaxy:botnet=", "misp-galaxy:rat=", "malware:")


@dataclass(frozen=True, slots=True)
class _Attribute:
    type: str
    value: str
    to_ids: object
    first: object
    label: str


def is_misp(tree: object) -> bool:
    """Whether a JSON tree is an event of MISP's, several, or attributes of some."""
    if isinstance(tree, list):
        return bool(tree) and isinstance(tree[0], Mapping) and "Event" in tree[0]
    return isinstance(tree, Mapping) and any(name in tree for name in ("Event", "response", "Attribute"))


def entries(tree: object) -> Iterator[Entry]:
    """What the attributes name; an entry's line is the number of its attribute."""
    for number, attribute in enumerate(_attributes(tree, ""), 1):
        yield from typed(
            Entry(number, attribute.value, label=attribute.label, since=moment_of(attribute.first)),
            attribute.type,
            for_detection=attribute.to_ids not in (False, "0", "false"),
        )


def typed(entry: Entry, kind: str, *, for_detection: bool = True) -> Iterator[Entry]:
    """An entry of a type that a list has a name for: two of them where a type joins two places."""
    if not for_detection:
        yield replace(entry, refused=NOT_FOR_DETECTION)
        return
    try:
        found = meant(kind)
    except RefusalError as error:
        yield replace(entry, refused=str(error))
        return
    entry.way = found.way if found.way is Way.SOURCE else entry.way
    entry.exact = found.exact or entry.exact
    if not found.parts:
        yield entry
        return
    first, _, second = entry.text.partition("|")
    if found.parts[1] == "port":
        yield replace(entry, text=first, port=int(second) if second.isdecimal() and len(second) <= 5 else 0)  # noqa: PLR2004
    else:
        yield from (replace(entry, text=part) for part in (first, second))


def _attributes(tree: object, label: str) -> Iterator[_Attribute]:
    """All attributes of a tree of events, objects and answers, in order."""
    if isinstance(tree, list):
        for each in tree:
            yield from _attributes(each, label)
    if not isinstance(tree, Mapping):
        return
    if "type" in tree and "value" in tree:
        yield _attribute(tree, label)
        return
    label = _family(tree) or label_of(tree.get("info")) or label
    for name in ("response", "Event", "Attribute", "Object"):
        if name in tree:
            yield from _attributes(tree[name], label)


def _attribute(tree: Mapping[str, Any], label: str) -> _Attribute:
    return _Attribute(
        text_of(tree["type"]),
        text_of(tree["value"]),
        tree.get("to_ids", True),
        tree.get("first_seen"),
        _family(tree) or label or label_of(tree.get("comment")),
    )


def _family(tree: Mapping[str, Any]) -> str:
    """The malware that the tags of an event or attribute name."""
    tags = tree.get("Tag")
    names = [text_of(each.get("name")) for each in tags if isinstance(each, Mapping)] if isinstance(tags, list) else []
    found = (name.partition("=")[2] or name.partition(":")[2] for name in names if name.startswith(_FAMILIES))
    return label_of(next(found, "").strip('"'))
