"""The background: an ordinary office for some days, with the noise of the Internet on its public side."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pyarrow as pa

from herdsight.errors import InputError
from herdsight.simulation.background import Background, Sides, happened, sides
from herdsight.simulation.behaviours import Behaviour
from herdsight.simulation.lookups import is_asked, is_named, lookups
from herdsight.simulation.office import OTHERS, office
from herdsight.simulation.parameters import Setting, about
from herdsight.simulation.queries import Asked, joined
from herdsight.simulation.services import SERVICES, People, Service
from herdsight.simulation.sessions import combine
from herdsight.simulation.simulated import Simulated, together
from herdsight.simulation.timing import DAY_S, OFFICE

_LEAST, _MOST = OTHERS + 1, 40_000
_SATURDAY = 5
_AT_WEEKENDS = 0.05  # of the work of other days


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary(Setting):
    """An office at work."""

    hosts: int = about(25, f"hosts of the office: {OTHERS} servers and machines, the others workstations")


def background(life: Ordinary, rng: np.random.Generator) -> Simulated:
    """All days at once."""
    return together(list(days(life, rng)))


def days(life: Ordinary, rng: np.random.Generator) -> Iterator[Simulated]:
    """One day after the other, so that no more than one is in memory; the servers outside stay the same.

    Raises:
        InputError: too few hosts, or too many.
    """
    if not _LEAST <= life.hosts <= _MOST:
        raise InputError(f"an office has from {_LEAST} to {_MOST:,} hosts, not {life.hosts:,}")
    hosts = office(life.hosts - OTHERS)
    services = [each for each in SERVICES if not is_asked(each)]
    places, *streams = rng.spawn(1 + int(np.ceil(life.days)))
    who = [sides(each, hosts, stream) for each, stream in zip(services, places.spawn(len(services)), strict=True)]
    for number, stream in enumerate(streams):
        start = life.start + timedelta(days=number)
        span_s = min(life.span_s - number * DAY_S, DAY_S)
        yield _day(Background(start=start, span_s=span_s, hosts=hosts, services=tuple(services)), who, stream)


def _day(life: Background, who: list[Sides], rng: np.random.Generator) -> Simulated:
    streams = rng.spawn(len(life.services))
    sessions: list[pa.Table] = []
    asked: list[Asked] = []
    for service, between, stream in zip(life.services, who, streams, strict=True):
        met = happened(_on(life, service), between, life, stream)
        sessions.append(met.sessions)
        if is_named(service):
            asked.extend(lookups(service, between, met, life, stream))
    all_asked = joined(asked)
    queries = all_asked.queries.combine_chunks().sort_by(
        [("TimeGenerated", "ascending"), ("DnsSessionId", "ascending")]
    )
    return Simulated(sessions=combine([*sessions, all_asked.sessions]), queries=queries)


def _on(life: Background, service: Service) -> Service:
    """The service as it is on that day of the week: few people work at weekends."""
    when = service.when
    if life.start.weekday() < _SATURDAY or not isinstance(when, People) or when.rhythm is not OFFICE:
        return service
    return replace(service, when=replace(when, an_hour=when.an_hour * _AT_WEEKENDS))


BEHAVIOURS = (
    Behaviour("background", "an ordinary office, its servers, and the noise of the Internet", Ordinary(), background),
)
