"""A finding explained: what the guide asks about it, each question with its query filled in, and its answer."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from herdsight.findings.frames import Records
from herdsight.findings.model import SCHEMA, Finding


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)


class Asked(_Record):
    """A question about a finding: `query` is KQL with the finding's entities in it, ready to run anywhere.

    `rows` is None where no logs were given; else how many rows the answer has, `answer` the first of them, and `notes`
    what was said of the query while it ran. `lacks`: the entities that the query needs and the finding has not; such a
    question has no query.
    """

    name: str
    question: str
    why: str
    query: str | None
    lacks: tuple[str, ...] = ()
    rows: int | None = None
    answer: tuple[dict[str, object], ...] = ()
    notes: tuple[str, ...] = ()
    meaning: str
    empty: str


class Explained(_Record):
    """A finding, the rows behind it, and the questions of the guide. `questions` also is a table."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    finding: Finding
    questions: Annotated[tuple[Asked, ...], AfterValidator(Records.of(Asked))]
