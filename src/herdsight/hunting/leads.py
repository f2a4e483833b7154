"""Alerts of a rule merged: however often it fired for the same entities, they are one lead."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from herdsight.hunting.schedule import Alert, Row, stretches
from herdsight.rules.model import EvidenceRows, FindingColumns, Rule
from herdsight.telemetry import Span

Scalar = str | int | float | bool | datetime | None
# Of one column that a lead keeps, so that its filter stays readable however often a rule fires.
MOST_VALUES = 100
MOST_SPANS = 12


@dataclass(slots=True)
class Lead:
    """What a rule says of one set of entities: over what time, how often, and its strongest result."""

    strongest: Row
    spans: tuple[Span, ...] = ()  # when: alerts that follow on each other are one span
    alerts: int = 0
    values: dict[str, dict[Scalar, None]] = field(
        default_factory=dict
    )  # of each column that names something, all values

    @property
    def first(self) -> datetime:
        """The first time that an alert tells of."""
        return self.spans[0].first

    @property
    def last(self) -> datetime:
        """The last."""
        return max(span.last for span in self.spans)

    @property
    def is_cut(self) -> bool:
        """Whether there may have been more values of some column than are kept."""
        return any(len(values) >= MOST_VALUES for values in self.values.values())

    def named(self, columns: Iterable[str]) -> tuple[Scalar, ...]:
        """All values of these columns, in order of value, each once."""
        found = {value for column in columns for value in self.values.get(column, ())}
        return tuple(
            sorted(found, key=lambda value: (value is None, str(type(value)), value if value is not None else 0))
        )


def merged(alerts: Iterable[Alert], rule: Rule) -> tuple[Lead, ...]:
    """One lead for each set of entities, in the order of their first alerts."""
    columns = rule.herdsight.finding
    named = [*columns.remotes, *columns.ports, *_references(rule.herdsight.evidence)]
    leads: dict[tuple[object, ...], Lead] = {}
    spans: dict[tuple[object, ...], list[Span]] = defaultdict(list)
    for alert in alerts:
        key = tuple(alert.row[name] for name in columns.entities)
        lead = leads.setdefault(key, Lead(alert.row))
        spans[key].append(Span(_time(alert.row, columns.first), _time(alert.row, columns.last)))
        _add(lead, alert.row, columns, named)
    for key, lead in leads.items():
        lead.spans = _joined(spans[key], rule.queryFrequency)
    return tuple(leads.values())


def _joined(spans: Iterable[Span], apart: timedelta) -> tuple[Span, ...]:
    """The stretches of time that alerts tell of; where they are many, the closest are joined."""
    joined = tuple(stretches(spans, apart))
    while len(joined) > MOST_SPANS:
        apart *= 2
        joined = tuple(stretches(joined, apart))
    return joined


def _add(lead: Lead, row: Row, columns: FindingColumns, named: Iterable[str]) -> None:
    lead.alerts += 1
    if _number(row[columns.strength]) > _number(lead.strongest[columns.strength]):
        lead.strongest = row
    for name in named:
        values = lead.values.setdefault(name, {})
        for value in each_of(row[name]):
            if len(values) < MOST_VALUES:
                values[value] = None


def each_of(value: object) -> list[Scalar]:
    """The values of a set, or a lone value, as what a condition can compare."""
    values = value if isinstance(value, list | tuple) else [value]
    return [each for each in values if each is None or isinstance(each, str | int | float | bool | datetime)]


def _references(evidence: EvidenceRows) -> list[str]:
    return [part[1:] for parts in evidence.where.values() for part in parts_of(parts) if part.startswith("$")]


def parts_of(parts: str | tuple[str, ...]) -> tuple[str, ...]:
    """What a column of evidence must have, as a tuple."""
    return (parts,) if isinstance(parts, str) else parts


def wanted(evidence: EvidenceRows, lead: Lead) -> Mapping[str, tuple[Scalar, ...]]:
    """The values that each column of a lead's evidence must have one of."""
    return {
        column: tuple(
            value for part in parts_of(parts) for value in (lead.named([part[1:]]) if part.startswith("$") else (part,))
        )
        for column, parts in evidence.where.items()
    }


def _time(row: Row, column: str) -> datetime:
    value = row[column]
    if not isinstance(value, datetime):
        raise TypeError(f"{column} is no time")
    return value


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
