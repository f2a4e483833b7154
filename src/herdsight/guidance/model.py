"""What guidance says: playbooks of response, questions of an investigation, and hunting queries."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from herdsight.findings.model import Role
from herdsight.rules.cases import Cases
from herdsight.rules.model import DataConnector, EntityMapping
from herdsight.tables import ColumnType

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
Words = Annotated[str, Field(min_length=1, max_length=2000)]

# What a question may ask about, by the name of its query parameter: the entities of a finding, and its time.
Entity = Literal["host", "process", "account", "remotes", "ports", "domains", "began", "ended"]
ENTITIES: dict[Entity, ColumnType] = {
    "host": ColumnType.STRING,
    "process": ColumnType.STRING,
    "account": ColumnType.STRING,
    "remotes": ColumnType.DYNAMIC,
    "ports": ColumnType.DYNAMIC,
    "domains": ColumnType.DYNAMIC,
    "began": ColumnType.DATETIME,
    "ended": ColumnType.DATETIME,
}
Value = str | datetime | tuple[str, ...] | tuple[int, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """A step of a response: who does what, why, and the questions of the investigation whose answers it needs."""

    who: Words
    what: Words
    why: Words
    ask: tuple[Name, ...] = ()


class Playbook(_Part):
    """The response to a host that has a role, phase by phase; `never` has what makes it worse."""

    role: Role
    name: Words
    summary: Words
    triage: Annotated[tuple[Step, ...], Field(min_length=1)]
    contain: Annotated[tuple[Step, ...], Field(min_length=1)]
    eradicate: Annotated[tuple[Step, ...], Field(min_length=1)]
    recover: Annotated[tuple[Step, ...], Field(min_length=1)]
    notify: Annotated[tuple[Step, ...], Field(min_length=1)]
    never: Annotated[tuple[Words, ...], Field(min_length=1)]
    references: tuple[Words, ...] = ()

    @property
    def phases(self) -> dict[str, tuple[Step, ...]]:
        """The phases by their names, in order."""
        return {
            "triage": self.triage,
            "contain": self.contain,
            "eradicate": self.eradicate,
            "recover": self.recover,
            "notify": self.notify,
        }


class Question(_Part):
    """A question that an analyst asks about a finding of one of the roles.

    `entities` are what the query names as parameters; a finding that lacks one of them is not asked. `meaning` says how
    to read the answer, `empty` what it means that there is none.
    """

    name: Name
    question: Words
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    why: Words
    entities: Annotated[tuple[Entity, ...], Field(min_length=1)]
    query: Annotated[str, Field(min_length=1, max_length=10_000)]
    meaning: Words
    empty: Words

    @property
    def kql(self) -> str:
        """The query with its parameters declared, as `herdsight query FILE.kql --parameter host=...` takes it."""
        declared = ", ".join(f"{name}: {ENTITIES[name]}" for name in self.entities)
        return f"declare query_parameters({declared});\n{self.query}"


class Guide(_Part):
    """The questions of an investigation, in the order in which they are asked."""

    questions: Annotated[tuple[Question, ...], Field(min_length=1)]


class Hypothesis(_Part):
    """What Herdsight adds to a hunting query: what is thought to be so, for which roles, what else looks so, and proof.

    The cases are as those of a rule: logs of which the query finds what is said, and logs of which it finds nothing.
    """

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    hypothesis: Words
    next: Words  # what to do with a result
    falsePositives: Annotated[tuple[Words, ...], Field(min_length=1)]  # noqa: N815 named as in rules
    cases: Cases


class HuntingQuery(_Part):
    """A hunting query in the form of Microsoft Sentinel's: no schedule and no alert, a person reads what it finds."""

    id: UUID
    name: Annotated[str, Field(min_length=1, max_length=256)]
    description: Annotated[str, Field(min_length=1, max_length=5000)]
    requiredDataConnectors: Annotated[tuple[DataConnector, ...], Field(min_length=1)]  # noqa: N815 Sentinel's name
    tactics: Annotated[tuple[str, ...], Field(min_length=1)]
    relevantTechniques: Annotated[  # noqa: N815 Sentinel's name
        tuple[Annotated[str, Field(pattern=r"^T\d{4}(\.\d{3})?$")], ...], Field(min_length=1)
    ]
    query: Annotated[str, Field(min_length=1, max_length=10_000)]
    entityMappings: Annotated[tuple[EntityMapping, ...], Field(min_length=1, max_length=10)]  # noqa: N815 Sentinel's name
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    herdsight: Hypothesis
