"""The lookups of names behind ordinary sessions: who asks before it connects, and what the office's resolver asks."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from herdsight.simulation.background import Background, Happened, Sides, process_id
from herdsight.simulation.office import DOMAIN, Part, having
from herdsight.simulation.queries import Asked, Lookups, ask
from herdsight.simulation.services import Outside, Service
from herdsight.simulation.sessions import Coded
from herdsight.simulation.timing import Seconds

_FIRST = ("www", "api", "cdn", "img", "edge", "app", "static", "login")
_WORDS = (
    *("north", "bright", "silver", "open", "clear", "green", "swift", "prime", "blue", "true", "fair", "high"),
    *("field", "stream", "bridge", "works", "point", "forge", "harbor", "gate", "path", "cloud", "stone", "line"),
)
_LIVES_S = (60, 300, 300, 1_800, 3_600)  # usual times that a record may be cached
_AGAIN = 0.4  # share of the lookups that ask for an IPv6 address, too, and get none
_MISTAKEN = 0.01  # share of the lookups that first try the name under the office's own domain
_ASKED = {"names", "names, asked outside"}  # services whose sessions follow from the others' here
_UNNAMED = {"file sharing among peers"}  # peers are known by their addresses


def is_asked(service: Service) -> bool:
    """Whether a service's sessions are the lookups themselves."""
    return service.name in _ASKED


def is_named(service: Service) -> bool:
    """Whether the clients of a service look up the name of a server outside before they connect."""
    return (
        isinstance(service.servers, Outside)
        and not isinstance(service.clients, Outside)
        and (service.name not in _UNNAMED)
    )


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a service's servers, and for how long each is cached, in seconds."""

    names: tuple[str, ...]
    lives_s: Seconds


def names_of(service: Service, servers: int) -> Names:
    """Names that are always the same for a service; they end in .example, so they mean nobody."""
    hashes = [zlib.crc32(f"{service.name} {number}".encode()) for number in range(servers)]
    half = len(_WORDS) // 2
    names = (
        f"{_FIRST[each % len(_FIRST)]}.{_WORDS[each // 8 % half]}{_WORDS[half + each // 96 % half]}.example"
        for each in hashes
    )
    return Names(tuple(names), np.array([float(_LIVES_S[each // 1_152 % len(_LIVES_S)]) for each in hashes]))


def lookups(
    service: Service, between: Sides, met: Happened, life: Background, rng: np.random.Generator
) -> Iterator[Asked]:
    """What the clients ask the resolver before the sessions, and what this asks outside.

    A cache is asked at the first session of each stretch as long as a record lives, which begins at a moment of its
    own for every client and name.
    """
    servers = names_of(service, between.servers.address.size)
    first = _first_of_stretch(met.at_s, met.client, met.server, servers, rng)
    at_s = np.maximum(met.at_s[first] - rng.uniform(0.004, 0.06, first.size), 0)
    yield from _of_clients(_Wanted(at_s, met.client[first], met.server[first]), servers, between, life, rng)
    nobody = np.zeros(first.size, dtype=np.int64)
    missed = _first_of_stretch(at_s, nobody, met.server[first], servers, rng)
    yield _of_resolver(_Wanted(at_s[missed], nobody[missed], met.server[first][missed]), servers, between, life, rng)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """When (seconds) which client wants which server, each by its number."""

    at_s: Seconds
    client: "np.typing.NDArray[np.int64]"
    server: "np.typing.NDArray[np.int64]"


def _first_of_stretch(
    at_s: Seconds,
    client: "np.typing.NDArray[np.int64]",
    server: "np.typing.NDArray[np.int64]",
    names: Names,
    rng: np.random.Generator,
) -> "np.typing.NDArray[np.int64]":
    """The places of the first sessions in each stretch."""
    if not at_s.size:
        return np.empty(0, dtype=np.int64)
    lives_s = names.lives_s[server]
    order = np.argsort(at_s, kind="stable")
    phase = rng.uniform(0, 1, (int(client.max()) + 1,))[client]
    stretch = (at_s / lives_s + phase).astype(np.int64)
    key = (client * names.lives_s.size + server) * (int(stretch.max()) + 1) + stretch
    _, first = np.unique(key[order], return_index=True)
    return np.sort(order[first])


def _of_clients(
    wanted: _Wanted, servers: Names, between: Sides, life: Background, rng: np.random.Generator
) -> Iterator[Asked]:
    resolver = having(life.hosts, Part.DIRECTORY)[0].address
    own = between.clients.address[wanted.client] != resolver  # the resolver does not ask itself
    some = _Wanted(wanted.at_s[own], wanted.client[own], wanted.server[own])
    count = some.at_s.size
    drawn = rng.uniform(size=count)
    for kept, kind, code in (
        (np.ones(count, dtype=np.bool_), "A", "NOERROR"),
        (drawn < _AGAIN, "AAAA", "NOERROR"),
        (drawn > 1 - _MISTAKEN, "A", "NXDOMAIN"),
    ):
        at_s, client, server = some.at_s[kept], some.client[kept], some.server[kept]
        clients = between.clients
        watched = clients.account != ""
        ids = [process_id(str(each), "svchost.exe") for each in clients.address]
        names = servers.names if code == "NOERROR" else [f"{each}.{DOMAIN}" for each in servers.names]
        asked = Lookups(
            at_s=np.maximum(at_s - (0.003 if code == "NXDOMAIN" else 0), 0),
            source=Coded(clients.address, client),
            resolver=resolver,
            name=Coded(names, server),
            kind=kind,
            code=code,
            answer=Coded(between.servers.address, server) if kind == "A" and code == "NOERROR" else "",
            took_s=rng.gamma(2, 0.004, at_s.size),
            device=Coded(clients.name, client),
            account=Coded(np.where(watched, "network service", ""), client),
            process=Coded(np.where(watched, "svchost.exe", ""), client),
            process_id=Coded(np.where(watched, ids, ""), client),
        )
        yield ask(asked, life.start, rng)


def _of_resolver(
    wanted: _Wanted,
    servers: Names,
    between: Sides,
    life: Background,
    rng: np.random.Generator,
) -> Asked:
    asked = Lookups(
        at_s=wanted.at_s + 0.001,
        source=having(life.hosts, Part.DIRECTORY)[0].address,
        resolver=Coded(_UPSTREAM, rng.integers(0, len(_UPSTREAM), wanted.at_s.size)),
        name=Coded(servers.names, wanted.server),
        answer=Coded(between.servers.address, wanted.server),
        took_s=rng.gamma(2, 0.012, wanted.at_s.size),
        direction="Outbound",
    )
    return ask(asked, life.start, rng)


_UPSTREAM = ("46.183.20.10", "46.183.20.11")  # the provider's resolvers
