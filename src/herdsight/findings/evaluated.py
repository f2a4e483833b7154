"""The records that an evaluation ends in: what was expected, what was found of it, and what was told without cause."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from herdsight.findings.frames import Records
from herdsight.findings.model import SCHEMA, Moment, Role, Severity


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)


class EvaluatedBehaviour(_Record):
    """What came of one behaviour over all sets.

    `found` of `expected` entries have a finding, `found_high` one of high severity. `right` findings match an entry of
    the behaviour, `false_alerts` speak of it where it is not. None: nothing to divide by.
    """

    behaviour: str
    expected: int
    found: int
    found_high: int
    recall: float | None
    right: int
    false_alerts: int
    precision: float | None
    median_seconds: float | None  # to the detection of what was found, where that was timed


class EvaluatedEntry(_Record):
    """A malicious entry of a truth file, and what was found of it: `severity` is that of the gravest finding."""

    set: str
    behaviour: str
    host: str
    remote: str | None
    port: int | None
    found: bool
    severity: Severity | None
    detections: tuple[str, ...]
    seconds_to_detection: float | None


class EvaluatedSet(_Record):
    """What came of one truth file.

    `right` + `false_alerts` + `unjudged` is every finding: of what is unjudged the truth file says neither.
    """

    set: str
    source: str
    hosts: int
    host_days: float
    expected: int
    found: int
    right: int
    false_alerts: int
    unjudged: int
    alerts_per_host_day: float


class FalseAlert(_Record):
    """A finding on what the truth file calls benign."""

    set: str
    detection: str
    severity: Severity
    role: Role
    host: str
    remotes: tuple[str, ...]
    ports: tuple[int, ...]
    domains: tuple[str, ...]
    first_seen: Moment


class EvaluatedBin(_Record):
    """What was said to be about so likely, and how much of it is right.

    Counted are findings of analytics that state a probability and have no honest explanation, where the truth file says
    whether they are right: a rule that an analytic judges repeats the analytic's. `stated`: their mean probability;
    `observed`: the share that is right, which lies between `low` and `high` at 95 %.
    """

    at_least: float
    below: float
    findings: int
    right: int
    stated: float
    observed: float
    low: float
    high: float


class Evaluation(_Record):
    """How right a hunt is on logs whose truth is known. Each of its tuples also is a table: `to_arrow()` and so on."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    level: str
    recall: float | None
    precision: float | None
    host_days: float
    alerts_per_host_day: float
    brier: float | None  # the mean squared distance of probabilities from what is so; 0 is best
    behaviours: Annotated[tuple[EvaluatedBehaviour, ...], AfterValidator(Records.of(EvaluatedBehaviour))]
    sets: Annotated[tuple[EvaluatedSet, ...], AfterValidator(Records.of(EvaluatedSet))]
    entries: Annotated[tuple[EvaluatedEntry, ...], AfterValidator(Records.of(EvaluatedEntry))]
    false_alerts: Annotated[tuple[FalseAlert, ...], AfterValidator(Records.of(FalseAlert))]
    reliability: Annotated[tuple[EvaluatedBin, ...], AfterValidator(Records.of(EvaluatedBin))]
