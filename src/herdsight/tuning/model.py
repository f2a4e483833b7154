"""Entries of a tuning file."""

from datetime import date
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from herdsight.findings.entities import Network


def _network(text: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no address and no network") from None


def _listed(value: Any) -> Any:
    """One value may stand for a list of it."""
    return value if isinstance(value, list | tuple) else [value]


def _some(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("an empty list matches nothing; leave it out, or fill it")
    return values


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_some)]
Networks = Annotated[
    tuple[Annotated[Any, AfterValidator(_network)], ...], BeforeValidator(_listed), AfterValidator(_some)
]
Port = Annotated[int, Field(ge=0, le=65_535)]
Ports = Annotated[tuple[Port, ...], BeforeValidator(_listed), AfterValidator(_some)]

_CONDITIONS = ("host", "remote", "domain", "port", "process", "detection")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Entry(_Part):
    """What is silenced: findings that meet every condition that is given; of one condition, any of its values does.

    `host`, `process` and `detection` may have `*` for any text, and a host may be a network; a `domain` stands for all
    names under it, too. Of a finding with several remotes, domains or ports all of them must be matched. `until`: the
    last day that it holds.
    """

    name: str
    why: str
    host: Texts | None = None
    remote: Networks | None = None
    domain: Texts | None = None
    port: Ports | None = None
    process: Texts | None = None
    detection: Texts | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _narrows(self) -> "Entry":
        if not any(getattr(self, name) for name in _CONDITIONS):
            raise ValueError(f"an entry without a condition would silence everything; give {', '.join(_CONDITIONS)}")
        return self


class Tuning(_Part):
    """A tuning file: the ready-made classes that it switches on, and entries of its own."""

    use: tuple[str, ...] = ()
    silence: tuple[Entry, ...] = ()
