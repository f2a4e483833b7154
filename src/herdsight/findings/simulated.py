"""The records that a simulation ends in: what was written, and what could not be."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from herdsight.findings.model import SCHEMA, Moment


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)


class SimulatedParameter(_Record):
    """A parameter of a behaviour; `default` is as `--set` takes it."""

    name: str
    default: str
    meaning: str


class SimulatedBehaviour(_Record):
    """A behaviour that can be simulated."""

    name: str
    meaning: str
    parameters: tuple[SimulatedParameter, ...]


class SimulatedBehaviours(_Record):
    """All behaviours that can be simulated."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA  # `schema` is a method of pydantic's
    behaviours: tuple[SimulatedBehaviour, ...]


class WrittenFile(_Record):
    """A log that was written."""

    path: str
    format: str
    table: str
    rows: int


class Simulation(_Record):
    """What a simulation wrote. `left_out` says what a format could not carry."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA
    name: str
    seed: int
    out: str
    truth: str
    files: tuple[WrittenFile, ...]
    left_out: tuple[str, ...]


class Opened(_Record):
    """A connection that a live test opened, or tried to."""

    when: Moment
    address: str
    port: int
    source_port: int | None = None
    outcome: str


class Live(_Record):
    """A live test: the connections that it opened."""

    schema_version: Annotated[int, Field(alias="schema")] = SCHEMA
    name: str
    opened: tuple[Opened, ...]
