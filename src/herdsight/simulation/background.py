"""Ordinary traffic: an office at work, its servers and machines, and the noise of the Internet on its public side."""

import zlib
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from herdsight.simulation.addresses import Strings, public
from herdsight.simulation.office import Host, Part, having
from herdsight.simulation.services import SERVICES, USUAL, Outside, People, Service, Timer
from herdsight.simulation.sessions import Coded, Flows, Texts, combine, session_table
from herdsight.simulation.timing import DAY_S, Arrivals, Seconds, people, timers

Indexes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """A stretch of ordinary life in one office."""

    start: datetime  # UTC, midnight, so that the hours of the day are right
    span_s: float = DAY_S
    hosts: tuple[Host, ...]
    services: tuple[Service, ...] = SERVICES


def background(life: Background, rng: np.random.Generator) -> pa.Table:
    """Every service's sessions; each draws from a stream of its own, so a change of one leaves the others alone."""
    streams = rng.spawn(len(life.services))
    return combine(_sessions(service, life, stream) for service, stream in zip(life.services, streams, strict=True))


@dataclass(frozen=True, slots=True)
class _Side:
    """One end of a service, as columns with one entry a host."""

    address: Strings
    name: Strings
    account: Strings
    inside: bool


def _sessions(service: Service, life: Background, rng: np.random.Generator) -> pa.Table:
    return happened(service, sides(service, life.hosts, rng), life, rng).sessions


@dataclass(frozen=True, slots=True)
class Sides:
    """Who asks and who is asked in a service."""

    clients: "_Side"
    servers: "_Side"


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened in a service: the sessions, and between whom each was, by their numbers, and when."""

    sessions: pa.Table
    at_s: Seconds
    client: Indexes
    server: Indexes


def sides(service: Service, hosts: tuple[Host, ...], rng: np.random.Generator) -> Sides:
    """Both sides of a service in an office with these hosts."""
    return Sides(_side(service.clients, hosts, rng, service.only), _side(service.servers, hosts, rng))


def happened(service: Service, between: Sides, life: Background, rng: np.random.Generator) -> Happened:
    """What happens in a service within a stretch of life."""
    clients, servers = between.clients, between.servers
    met = _repeated(_meetings(service, clients, servers, life.span_s, rng), service, rng)
    # A host does not ask itself; what would begin after the end belongs to the next day.
    differ = True if clients.inside != servers.inside else clients.address[met.client] != servers.address[met.server]
    kept = met.only(differ & (met.at_s < life.span_s))
    sessions = session_table(_flows(service, clients, servers, kept, rng), life.start, rng)
    return Happened(sessions, kept.at_s, kept.client, kept.server)


def _side(
    who: tuple[Part, ...] | Outside,
    hosts: tuple[Host, ...],
    rng: np.random.Generator,
    only: int | None = None,
) -> _Side:
    if isinstance(who, Outside):
        nothing = np.full(who.count, "")
        return _Side(public(who.count, rng), nothing, nothing, inside=False)
    found = having(hosts, *who)[:only]
    return _Side(
        np.array([host.address for host in found]),
        np.array([host.name for host in found]),
        np.array([host.account for host in found]),
        inside=True,
    )


@dataclass(frozen=True, slots=True)
class _Meetings:
    """When (seconds) which client turns to which server, each by its number."""

    at_s: Seconds
    client: Indexes
    server: Indexes

    def only(self, kept: npt.NDArray[np.bool_]) -> "_Meetings":
        """Those that are kept."""
        return _Meetings(self.at_s[kept], self.client[kept], self.server[kept])


def _meetings(service: Service, clients: _Side, servers: _Side, span_s: float, rng: np.random.Generator) -> _Meetings:
    sources, targets = clients.address.size, servers.address.size
    happened = _arrivals(service.when, sources * targets if service.each else sources, span_s, rng)
    if service.each:
        return _Meetings(happened.at_s, happened.actor // targets, happened.actor % targets)
    liking = 1.0 / np.arange(1, targets + 1) ** service.favourites
    return _Meetings(happened.at_s, happened.actor, rng.choice(targets, happened.at_s.size, p=liking / liking.sum()))


def _arrivals(when: Timer | People, actors: int, span_s: float, rng: np.random.Generator) -> Arrivals:
    if isinstance(when, Timer):
        return timers(actors, span_s, when.period_s, when.jitter, rng)
    return people(actors, span_s, when.an_hour, when.rhythm, rng)


def _repeated(once: _Meetings, service: Service, rng: np.random.Generator) -> _Meetings:
    """Each meeting as the several sessions that software opens for it."""
    if service.sessions == 1:
        return once
    again = rng.geometric(1 / service.sessions, once.at_s.size)
    at_s = np.repeat(once.at_s, again)
    return _Meetings(
        at_s + rng.uniform(0, service.within_s, at_s.size),
        np.repeat(once.client, again),
        np.repeat(once.server, again),
    )


def _flows(service: Service, clients: _Side, servers: _Side, met: _Meetings, rng: np.random.Generator) -> Flows:
    rows = met.at_s.size
    port = rng.choice(np.array(service.ports), rows)
    kinds, shares = zip(*service.states, strict=True)
    opener = _opener(service, clients)
    length_s = _around(service.duration_s, service.tail, rows, rng)
    sent, received = (
        _around(median, service.tail, rows, rng).astype(np.int64)
        for median in (service.sent_bytes, service.received_bytes)
    )
    return Flows(
        at_s=met.at_s,
        duration_s=_joined(length_s, sent + received) if service.transport == "UDP" else length_s,
        source=Coded(clients.address, met.client),
        source_port=service.source_port,
        destination=Coded(servers.address, met.server),
        port=port,
        transport=service.transport,
        application=_spoken(service, port),
        sent_bytes=sent,
        received_bytes=received,
        state=Coded(kinds, rng.choice(len(kinds), rows, p=shares)),
        direction=_direction(clients, servers),
        device=Coded(clients.name, met.client),
        account=Coded(opener.account, met.client),
        process=Coded(opener.process, met.client),
        process_id=Coded(opener.process_id, met.client),
    )


@dataclass(frozen=True, slots=True)
class _Opener:
    """Which process opens the sessions of each client; empty on hosts where nobody watches processes."""

    process: Strings
    process_id: Strings
    account: Strings


def _opener(service: Service, clients: _Side) -> _Opener:
    watched = (clients.account != "") & (service.process != "")
    account = clients.account if service.account is None else np.full(clients.address.size, service.account)
    ids = np.array([process_id(str(address), service.process) for address in clients.address], dtype=np.str_)
    return _Opener(np.where(watched, service.process, ""), np.where(watched, ids, ""), np.where(watched, account, ""))


def process_id(address: str, process: str) -> str:
    """The id of the one process of that name that lives all day on a host; Windows numbers processes in fours."""
    return str(4 * (200 + zlib.crc32(f"{address} {process}".encode()) % 4_000))


def _spoken(service: Service, port: Indexes) -> Texts:
    if service.application is not None:
        return service.application
    different = sorted(set(service.ports))
    return Coded([USUAL.get(number, "") for number in different], np.searchsorted(different, port))


def _around(median: float, sigma: float, rows: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return median * rng.lognormal(0, sigma, rows)


# A sensor takes UDP packets for one session while no two are further apart (Zeek's udp_inactivity_timeout), so that one
# which lasts has as many packets as minutes; these are small where nothing is transferred.
_APART_S, _PACKET_BYTES = 60.0, 1_000


def _joined(length_s: npt.NDArray[np.float64], size: Indexes) -> npt.NDArray[np.float64]:
    """The lengths that UDP sessions of so many bytes can have, where nobody keeps them open."""
    found: npt.NDArray[np.float64] = np.minimum(length_s, _APART_S * (1 + size / _PACKET_BYTES))
    return found


def _direction(clients: _Side, servers: _Side) -> str:
    if clients.inside and servers.inside:
        return "Local"
    return "Outbound" if clients.inside else "Inbound"
