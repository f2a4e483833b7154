"""What a rule says: the fields of a Sentinel analytics-rule template and, under `herdsight`, ours."""

import re
from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from herdsight.findings.model import Role
from herdsight.rules.cases import Cases

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=14)  # Sentinel's limits for a scheduled rule
_LONG, _SELDOM = timedelta(days=2), timedelta(hours=1)  # a period this long needs a frequency no higher


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d{1,6})([mhd])", str(value))
    if not match:
        raise ValueError("must be a number and m, h or d, for example 5m or 1d")
    length = timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})
    if not _SHORTEST <= length <= _LONGEST:
        raise ValueError("must be between 5m and 14d")
    return length


Duration = Annotated[timedelta, BeforeValidator(_duration)]
ColumnName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$", max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConnector(_Part):
    """A Sentinel data connector and the tables of it that the rule reads."""

    connectorId: str  # noqa: N815 Sentinel's name
    dataTypes: tuple[str, ...]  # noqa: N815 Sentinel's name


class FieldMapping(_Part):
    """An identifier of an entity, and the column that has it."""

    identifier: str
    columnName: ColumnName  # noqa: N815 Sentinel's name


class EntityMapping(_Part):
    """An entity that an alert of the rule names."""

    entityType: str  # noqa: N815 Sentinel's name
    fieldMappings: Annotated[tuple[FieldMapping, ...], Field(min_length=1, max_length=3)]  # noqa: N815 Sentinel's name


class EventGrouping(_Part):
    """One alert for all results of a run, or one for each."""

    aggregationKind: Literal["SingleAlert", "AlertPerResult"]  # noqa: N815 Sentinel's name


class Correction(_Part):
    """Where the published detection that the rule rests on is wrong: what it says, what the rule says, and why."""

    page: str
    here: str
    why: str


class Parameter(_Part):
    """A `let` of the query that one may tune: in what unit it counts, and why it has the value that it has."""

    unit: str
    reason: str


class FindingColumns(_Part):
    """Which of the query's columns say what in a finding.

    `entities` make two results the same finding. `remotes` and `ports` may be columns of single values or of sets.
    """

    entities: Annotated[tuple[ColumnName, ...], Field(min_length=1)]
    host: ColumnName
    process: ColumnName | None = None
    account: ColumnName | None = None
    remotes: tuple[ColumnName, ...] = ()
    ports: tuple[ColumnName, ...] = ()
    first: ColumnName
    last: ColumnName
    strength: ColumnName  # the number by which the strongest of several results is told


class EvidenceRows(_Part):
    """Where a finding's rows are: a table, and what its columns must have.

    `where` gives for a column a constant, constants, or `$Column` of the result; `condition` is KQL over one row.
    """

    table: str
    where: dict[ColumnName, str | tuple[str, ...]]
    condition: str | None = None


class Herdsight(_Part):
    """What Herdsight adds: how a result becomes a finding, how far to trust it, and where it rests and fails."""

    role: Role
    confidence: Literal["low", "medium", "high"]
    written: date | None = None  # the day of its first version
    finding: FindingColumns
    evidence: EvidenceRows
    reasons: Annotated[tuple[str, ...], Field(min_length=1)]  # sentences with {Column} in them
    wants: tuple[
        ColumnName, ...
    ] = ()  # columns of the evidence's table that make it surer; without them a finding says so
    parameters: dict[str, Parameter] = {}
    falsePositives: tuple[str, ...]  # noqa: N815 named like its neighbours
    knownGaps: tuple[str, ...]  # noqa: N815 named like its neighbours
    corrections: tuple[Correction, ...] = ()
    references: tuple[str, ...] = ()
    cases: Cases = Cases()


class Rule(_Part):
    """A scheduled analytics rule."""

    id: UUID
    name: Annotated[str, Field(min_length=1, max_length=256)]
    description: Annotated[str, Field(max_length=5000)]
    kind: Literal["Scheduled"]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    severity: Literal["Informational", "Low", "Medium", "High"]
    requiredDataConnectors: tuple[DataConnector, ...]  # noqa: N815 Sentinel's name
    queryPeriod: Duration  # noqa: N815 Sentinel's name
    queryFrequency: Duration  # noqa: N815 Sentinel's name; after the period, which it is checked against
    triggerOperator: Literal["gt", "lt", "eq", "ne"]  # noqa: N815 Sentinel's name
    triggerThreshold: Annotated[int, Field(ge=0, le=10_000, strict=True)]  # noqa: N815 Sentinel's name
    tactics: tuple[str, ...]
    relevantTechniques: tuple[Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$")], ...]  # noqa: N815 Sentinel's name
    query: Annotated[str, Field(min_length=1, max_length=10_000)]
    entityMappings: Annotated[tuple[EntityMapping, ...], Field(min_length=1, max_length=10)]  # noqa: N815 Sentinel's name
    customDetails: Annotated[dict[str, ColumnName], Field(max_length=20)] = {}  # noqa: N815 Sentinel's name
    eventGroupingSettings: EventGrouping | None = None  # noqa: N815 Sentinel's name
    herdsight: Herdsight

    @field_validator("queryFrequency")
    @classmethod
    def _schedule_holds(cls, frequency: timedelta, info: ValidationInfo) -> timedelta:
        period = info.data.get("queryPeriod", _LONGEST)
        if frequency > period:
            raise ValueError("must not be longer than queryPeriod")
        if period >= _LONG and frequency < _SELDOM:
            raise ValueError("must be 1h or more where queryPeriod is 2d or more")
        return frequency

    def triggers(self, results: int) -> bool:
        """Whether a run with that many results raises an alert."""
        match self.triggerOperator:
            case "gt":
                return results > self.triggerThreshold
            case "lt":
                return results < self.triggerThreshold
            case "eq":
                return results == self.triggerThreshold
            case "ne":
                return results != self.triggerThreshold
