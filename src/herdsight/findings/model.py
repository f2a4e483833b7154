"""The records that a hunt ends in; their fields are the JSON contract of `hunt --format json`, schema 1."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from herdsight.findings.frames import Records

SCHEMA = 1


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:  # the last hours of the year 9999, the first of the year 1
        raise ValueError(f"{moment} is none in UTC") from None


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, as every time in the contract is written."""
    return _in_utc(moment).isoformat(timespec="microseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, AfterValidator(_in_utc), PlainSerializer(iso, when_used="json")]
Scalar = str | int | float | bool | None


class Severity(StrEnum):
    """How bad it is if it is true; the words are Sentinel's, in small letters."""

    INFORMATIONAL = "informational"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for informational up to 3 for high."""
        return list(Severity).index(self)


class Role(StrEnum):
    """What a host is in a botnet's life."""

    BOT = "bot"
    RELAY = "relay"
    ATTACKER = "attacker"
    TARGET = "target"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)


class Input(_Record):
    """One file that was looked at. Nothing is lost in silence: `rows` + `rejected` is every record in the file."""

    path: str
    format: str | None  # None: not recognised, or not readable
    table: str | None
    rows: int = 0
    rejected: int = 0
    reasons: dict[str, int] = {}  # why rows were rejected; how many
    first: Moment | None = None
    last: Moment | None = None
    notes: tuple[str, ...] = ()  # what else a reader must know: cut short, columns absent, why not read


class Rejected(_Record):
    """Why records of a file were rejected, how many, and the numbers of the first of them, from 1.

    There are no numbers where the records never had a row, as lines have that a reader of CSV cannot part.
    """

    reason: str
    count: int
    records: tuple[int, ...]


class Inspected(Input):
    """A file with what it was recognised by, the declared columns that it fills, and the detections it can carry."""

    recognised: str | None  # by what, in words: how sure its format is
    columns: tuple[str, ...]
    samples: tuple[Rejected, ...]
    detections: tuple[str, ...]


class Inspection(_Record):
    """What logs are, file by file. `files` also is a table: `to_arrow()`, `to_pandas()`, `to_polars()`."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    files: Annotated[tuple[Inspected, ...], AfterValidator(Records.of(Inspected))]


# A file that a store was offered: it may continue what was imported before, or be in the store already.
Status = Literal["new", "grown", "known", "unread"]


class ImportedFile(Input):
    """A file that a store was offered; `rows` and `rejected` count what it added."""

    status: Status


class Imported(_Record):
    """What an import added to a store. `files` also is a table: `to_arrow()`, `to_pandas()`, `to_polars()`."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    store: str
    rows: int
    files: Annotated[tuple[ImportedFile, ...], AfterValidator(Records.of(ImportedFile))]


Expected = Literal["hit", "miss"]


class CaseResult(_Record):
    """What came of a case of a rule: `said` is empty where it passed, else what was expected and what was found."""

    rule: str
    case: str
    expect: Expected
    passed: bool
    said: str


class MutantResult(_Record):
    """A small change of a rule, and the first of its cases that noticed it; None where none did."""

    rule: str
    change: str
    noticed_by: str | None


class RuleTests(_Record):
    """What came of the cases of rules, and of changed rules where these were asked for."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    cases: Annotated[tuple[CaseResult, ...], AfterValidator(Records.of(CaseResult))]
    mutants: Annotated[tuple[MutantResult, ...], AfterValidator(Records.of(MutantResult))]


class RuleLine(_Record):
    """A rule in a list of rules."""

    rule: str
    name: str
    severity: Severity
    confidence: str
    role: Role
    techniques: tuple[str, ...]
    tables: tuple[str, ...]  # that it reads
    version: str


class RuleList(_Record):
    """Rules, a line each."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    rules: Annotated[tuple[RuleLine, ...], AfterValidator(Records.of(RuleLine))]


class RuleFault(_Record):
    """What a check says of a rule: where, what, and what to do next."""

    check: str
    where: str
    what: str
    hint: str | None


class RuleChecks(_Record):
    """What the checks say of rules: how many were looked at, and every fault."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    rules: int
    faults: Annotated[tuple[RuleFault, ...], AfterValidator(Records.of(RuleFault))]


class WhyHost(_Record):
    """What came of a rule or query for one host, or for all where `host` is None.

    `results`: the rows that it put out. `runs`: how often the rule ran over the host's rows; `compared`: those of them
    that see different rows and were followed; `since` and `until` bound the one that came nearest, which is told.
    `stopped_at`: the number of the stage at which rows first vanish. `reasons` are sentences.
    """

    host: str | None
    fired: bool
    results: tuple[dict[str, object], ...]
    runs: int
    compared: int
    since: Moment | None
    until: Moment | None
    stopped_at: int | None
    reasons: tuple[str, ...]


class WhyStage(_Record):
    """A stage of a pipeline and how many rows are left behind it; `host_rows` None: the host cannot be told there.

    `rows` is None where counting them would make too many pairs of a join. `inputs`: the stages it is made of.
    """

    host: str | None
    stage: int
    depth: int
    line: int | None
    text: str
    inputs: tuple[int, ...]
    rows: int | None
    host_rows: int | None


class WhyCondition(_Record):
    """A condition, for all rows that came to it (`kind` is rows) or for one candidate group.

    `value` is what it looked at, or the first of what the rows had; `met` of `rows` met it. `left_out`: what follows is
    told as if it had not been asked. `would_be`: the group is one that would have been so. `difference` is in the
    value's unit, in seconds where it is a time; `factor` the greater by the lesser.
    """

    host: str | None
    stage: int
    line: int | None
    kind: Literal["rows", "group"]
    group: str
    would_be: bool
    condition: str
    value: str
    wanted: str
    holds: bool
    missed_by: str | None
    difference: float | None = None
    factor: float | None = None
    rows: int | None = None
    met: int | None = None
    left_out: bool = False


class Why(_Record):
    """Why a rule or a query gave nothing for a host: every stage, and every condition where it matters."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    rule: str
    hosts: Annotated[tuple[WhyHost, ...], AfterValidator(Records.of(WhyHost))]
    stages: Annotated[tuple[WhyStage, ...], AfterValidator(Records.of(WhyStage))]
    conditions: Annotated[tuple[WhyCondition, ...], AfterValidator(Records.of(WhyCondition))]


class StoredTable(_Record):
    """What a store holds of one table."""

    table: str
    rows: int
    bytes: int
    files: int
    days: int
    first: Moment
    last: Moment
    formats: tuple[str, ...]


class StoreInfo(_Record):
    """What a store holds. `tables` and `inputs`, a line for each source, also are tables."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    store: str
    tables: Annotated[tuple[StoredTable, ...], AfterValidator(Records.of(StoredTable))]
    inputs: Annotated[tuple[Input, ...], AfterValidator(Records.of(Input))]


class Verified(_Record):
    """Whether a store is whole: what is wrong with it, in sentences that begin with the file."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    store: str
    files: int
    rows: int
    troubles: tuple[str, ...]


class StoreChange(_Record):
    """What a change did to a store: rows that were let go, and the Parquet files and their bytes, before and after."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    store: str
    dropped: int
    files: tuple[int, int]
    bytes: tuple[int, int]


class Evidence(_Record):
    """The rows behind a finding: the KQL condition that finds them all, and the first few with file and row."""

    table: str
    filter: str
    rows: tuple[dict[str, object], ...]


class Finding(_Record):
    """What one detection says about one set of entities over the whole span of the data."""

    id: str
    detection: str
    kind: Literal["rule", "analytic"]
    title: str
    severity: Severity
    confidence: Literal["low", "medium", "high"]
    probability: float | None
    role: Role
    host: str
    process: str | None = None
    account: str | None = None
    remotes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    domains: tuple[str, ...] = ()
    first_seen: Moment
    last_seen: Moment
    count: int  # log rows that match the evidence filter
    reasons: tuple[str, ...]
    numbers: dict[str, Scalar]
    techniques: tuple[str, ...]
    explained_by: str | None = None
    silence: dict[str, object] = {}  # the tuning entry that would silence it; empty until tuning exists
    evidence: Evidence


class HostVerdict(_Record):
    """Everything found about one host, as one line of a ranked list."""

    host: str
    roles: tuple[Role, ...]
    severity: Severity
    probability: float | None
    story: tuple[str, ...]
    findings: tuple[str, ...]


class Skipped(_Record):
    """A detection that could not run on this data, and why."""

    detection: str
    why: str


class Withheld(_Record):
    """Findings of a detection that are not told, how many, and why: explained, unlikely, or silenced by the user."""

    detection: str
    count: int
    why: str


class IndicatorList(_Record):
    """A list of indicators and what became of it: `read` = `used` + `repeated` + all that is `refused`.

    `samples` are the first that were refused, as "line: entry: reason". Of those used, `expired` had ended before the
    logs begin, hosts of the logs met `matched`, and findings tell of `told`; the others of these are chance, explained,
    unlikely or silenced.
    """

    source: str
    form: str
    read: int
    used: int
    repeated: int
    refused: dict[str, int]
    samples: tuple[str, ...]
    warnings: tuple[str, ...]
    expired: int
    matched: int
    told: int


class Hunt(_Record):
    """The whole result of a hunt. Each of its tuples also is a table: `to_arrow()`, `to_pandas()`, `to_polars()`."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    now: Moment
    span: tuple[Moment, Moment]
    inputs: Annotated[tuple[Input, ...], AfterValidator(Records.of(Input))]
    verdicts: Annotated[tuple[HostVerdict, ...], AfterValidator(Records.of(HostVerdict))]
    findings: Annotated[tuple[Finding, ...], AfterValidator(Records.of(Finding))]
    skipped: Annotated[tuple[Skipped, ...], AfterValidator(Records.of(Skipped))]
    withheld: Annotated[tuple[Withheld, ...], AfterValidator(Records.of(Withheld))] = ()
    unused: tuple[str, ...] = ()  # entries of the tuning that silenced nothing, or have expired: a sentence each
    indicators: Annotated[tuple[IndicatorList, ...], AfterValidator(Records.of(IndicatorList))] = ()

    def _repr_html_(self) -> str:
        """The verdicts, for a notebook."""
        return Records.of(HostVerdict)(self.verdicts)._repr_html_()
