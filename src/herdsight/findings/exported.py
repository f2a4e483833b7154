"""What an export did: the record that `export` prints."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from herdsight.findings.frames import Records
from herdsight.findings.model import SCHEMA


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)


class ExportedFile(_Record):
    """A file of an export, by its place in the folder, and what was done to it."""

    path: str
    done: Literal["written", "changed", "same", "removed"]


class Lost(_Record):
    """What the export does not say of a rule: which clause of it, and what becomes of it."""

    rule: str
    clause: str
    lost: str


class Exported(_Record):
    """What an export of rules did. `files` and `losses` also are tables."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    herdsight: str
    target: str
    folder: str
    files: Annotated[tuple[ExportedFile, ...], AfterValidator(Records.of(ExportedFile))]
    losses: Annotated[tuple[Lost, ...], AfterValidator(Records.of(Lost))] = ()
