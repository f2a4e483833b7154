"""Queries whose results name an event: the last one of each result's evidence, as Defender's detections ask for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from herdsight.exporting.microsoft.durations import short
from herdsight.exporting.microsoft.surfaces import ANALYTICS_TIME
from herdsight.kql import syntax
from herdsight.kql.lexer import Text
from herdsight.kql.plan import Field
from herdsight.kql.statements import parse
from herdsight.kql.text import condition_text, name_text
from herdsight.rules.model import Rule
from herdsight.tables import ColumnType

EVENT = (ANALYTICS_TIME, "ReportId", "DeviceId")  # which say when, which and whose; the first by its Sentinel name


@dataclass(frozen=True, slots=True)
class Key:
    """A column of the evidence that has the one value of a result's column."""

    column: str
    of_result: str


def keys_of(rule: Rule, fields: Sequence[Field]) -> tuple[Key, ...]:
    """The columns by which a result's evidence is found; those that may have one of several values are none."""
    single = {each.name for each in fields if each.type is not ColumnType.DYNAMIC}
    asked = rule.herdsight.evidence.where.items()
    named = (
        (column, value.removeprefix("$")) for column, value in asked if isinstance(value, str) and value[:1] == "$"
    )
    return tuple(Key(column, name) for column, name in named if name in single)


def with_event(
    statements: Sequence[syntax.Statement], rule: Rule, fields: Sequence[Field], keys: Sequence[Key]
) -> tuple[syntax.Statement, ...]:
    """The statements of a rule's query, whose results have the columns of an event first; their order is left out."""
    *before, last = statements
    query = cast("syntax.Pipeline", last)
    is_sorted = bool(query.operators) and isinstance(query.operators[-1], syntax.Sort)
    own = tuple(each.name for each in fields if each.name not in EVENT)
    added = (
        _project(own),
        syntax.Join(0, "inner", _evidence(rule, keys), tuple(map(_condition, keys))),
        _project((*EVENT, *own)),
    )
    return (
        *before,
        syntax.Pipeline(query.start, query.source, (*query.operators[: -1 if is_sorted else None], *added)),
    )


def _project(names: Sequence[str]) -> syntax.Project:
    return syntax.Project(0, tuple(syntax.Name(0, each) for each in names))


def _condition(key: Key) -> syntax.Expression:
    if key.column == key.of_result:
        return syntax.Name(0, key.column)
    left, right = syntax.Name(0, "$left"), syntax.Name(0, "$right")
    return syntax.Binary(0, "==", syntax.Member(0, left, key.of_result), syntax.Member(0, right, key.column))


def _evidence(rule: Rule, keys: Sequence[Key]) -> syntax.Pipeline:
    """The last event for each combination of the keys."""
    evidence = rule.herdsight.evidence
    conditions = [*_constants(evidence.where), *([evidence.condition] if evidence.condition else [])]
    by = ", ".join(name_text(each.column) for each in keys)
    lines = (
        name_text(evidence.table),
        f"where {ANALYTICS_TIME} > ago({short(rule.queryPeriod)})",
        *(f"where {each}" for each in conditions),
        f"summarize arg_max({', '.join(EVENT)}) by {by}",
    )
    return cast("syntax.Pipeline", parse(Text(" | ".join(lines))).statements[0])


def _constants(where: Mapping[str, str | tuple[str, ...]]) -> list[str]:
    found = ((name_text(column), (value,) if isinstance(value, str) else value) for column, value in where.items())
    return [condition_text(name, values) for name, values in found if not any(each.startswith("$") for each in values)]
