"""The parameters of simulated behaviours: each has a default, a unit in its name, and a line of meaning."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import TypeVar

from herdsight.simulation.timing import DAY_S

T = TypeVar("T")
_MEANING = "meaning"


def about(default: T, meaning: str) -> T:
    """A field of a record of parameters: its default, and what it means."""
    return field(default=default, metadata={_MEANING: meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every behaviour has: when it begins and how long it goes on."""

    start: datetime = about(datetime(2026, 3, 12, tzinfo=UTC), "when it begins, in UTC")  # noqa: RUF009 - it is a field
    days: float = about(1.0, "how long it goes on, in days")

    @property
    def span_s(self) -> float:
        """How long it goes on, in seconds."""
        return self.days * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Setting):
    """A behaviour of one program on one host inside."""

    source: str = about("10.20.2.17", "address of the infected host")
    device: str = about("ws07.corp.example", "name of the infected host; empty where no agent runs on it")
    account: str = about("user07", "account that the program runs as")
    process: str = about("updater.exe", "file name of the program; empty where nobody watches processes")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a behaviour."""

    name: str
    default: object
    meaning: str


def parameters_of(record: type[Setting]) -> Iterator[Parameter]:
    """The parameters of a record, the behaviour's own before those that all have."""
    shared = {each.name for each in fields(Setting)}
    for each in sorted(fields(record), key=lambda one: one.name in shared):
        yield Parameter(each.name, each.default, str(each.metadata[_MEANING]))
