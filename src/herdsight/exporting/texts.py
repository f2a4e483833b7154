"""Records of an export as text: without the fields that have no value, as YAML, as JSON of several lines or of one."""

from collections.abc import Iterable, Mapping
from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

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


def yaml_text(fields: Mapping[str, object]) -> str:
    """Fields as YAML: lists two deeper than their names, texts of several lines as they stand, nothing folded."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100_000
    file = StringIO()
    yaml.dump({name: _standing(value) for name, value in fields.items()}, file)
    return file.getvalue()


def _standing(value: object) -> object:
    return LiteralScalarString(value) if isinstance(value, str) and "\n" in value and _can_stand(value) else value


def _can_stand(text: str) -> bool:
    """Whether YAML may have the text without an escape; where not, it is quoted."""
    return all(char in "\n\t" or char.isprintable() for char in text)
