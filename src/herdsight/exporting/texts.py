"""Records of an export as text: without the fields that have no value, as JSON of several lines or of one."""

from collections.abc import Iterable, Mapping

from herdsight.output import json_text


def filled(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that have a value; an empty text, list or mapping is none."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def document(value: object) -> str:
    """A value as a JSON file of its own."""
    return json_text(value, indent=2) + "\n"


def lines(records: Iterable[Mapping[str, object]]) -> str:
    """A JSON object a line."""
    return "".join(f"{json_text(each)}\n" for each in records)
