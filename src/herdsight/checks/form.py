"""Rules are written in one form: the same fields in the same order, no blanks at the ends of lines."""

import re
from collections.abc import Iterable, Iterator, Mapping

from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError
from herdsight.rules.model import Herdsight, Rule

_ORDER = (
    *("id", "name", "description", "severity", "requiredDataConnectors", "queryFrequency", "queryPeriod"),
    *("triggerOperator", "triggerThreshold", "tactics", "relevantTechniques", "query", "entityMappings"),
    *("customDetails", "eventGroupingSettings", "version", "kind", "herdsight"),
)
_OWN_ORDER = tuple(Herdsight.model_fields)


def formed(text: str) -> str:
    """A rule's text in the one form: its fields are moved, and stay as they are written."""
    lines = [line.rstrip() for line in text.splitlines()]
    fields = _in_order(_fields(lines, ""), _ORDER)
    own = [line for name, part in fields if name == "herdsight" for line in part]
    others = [line for name, part in fields if name != "herdsight" for line in part]
    return "".join(f"{line}\n" for line in (*others, *_own_fields(own)))


def _own_fields(lines: list[str]) -> list[str]:
    """The part under `herdsight`, its fields in order."""
    head, rest = lines[:1], lines[1:]
    return [*head, *(line for _, part in _in_order(_fields(rest, "  "), _OWN_ORDER) for line in part)]


def _fields(lines: Iterable[str], indent: str) -> list[tuple[str, list[str]]]:
    """The fields of a mapping with the lines of each; comments and blank lines before one belong to it."""
    found: list[tuple[str, list[str]]] = []
    waiting: list[str] = []
    for line in lines:
        match = re.match(rf"{indent}(\w+):", line)
        if match:
            found.append((match[1], [*waiting, line]))
            waiting = []
        elif line.startswith(f"{indent}#") or (waiting and not line):
            waiting.append(line)
        elif found and not waiting:
            found[-1][1].append(line)
        else:
            waiting.append(line)
    if not found:
        return [("", waiting)]
    found[-1][1].extend(waiting)
    return found


def _in_order(fields: list[tuple[str, list[str]]], order: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    place = {name: number for number, name in enumerate(order)}
    return sorted(fields, key=lambda field: place.get(field[0], len(order)))


def _is_ordered(names: list[str], order: tuple[str, ...]) -> bool:
    return names == [name for name in order if name in names]


def _faults(rule: Checked) -> Iterator[HerdsightError]:
    tree, own = rule.file.tree, rule.file.tree.get("herdsight")
    ordered = _is_ordered(list(tree), _ORDER) and isinstance(own, Mapping) and _is_ordered(list(own), _OWN_ORDER)
    if not ordered:
        yield rule.wrong("the fields stand in another order than in other rules", hint="herdsight rules check --fix")
    for number, line in enumerate(rule.file.rule.query.splitlines(), start=1):
        if line != line.rstrip():
            yield rule.in_query(HerdsightError(f"line {number} of the query ends in blanks"))


assert set(_ORDER) == set(Rule.model_fields)  # noqa: S101 - a new field has a place

CHECKS = (Check("form", "fields stand in one order, and no line ends in blanks", _faults),)
