"""What a bot does with names: it makes up domains, carries data in queries, or hides behind changing addresses."""

from base64 import b32encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from string import ascii_lowercase
from typing import Literal

import numpy as np

from herdsight.simulation.addresses import public
from herdsight.simulation.behaviours import Behaviour
from herdsight.simulation.behaviours.outbound import deeds, opened_by
from herdsight.simulation.parameters import Program, about
from herdsight.simulation.queries import Lookups, ask
from herdsight.simulation.sessions import Coded, Flows, combine, session_table
from herdsight.simulation.simulated import Simulated
from herdsight.simulation.timing import DAY_S, timer

_RESOLVER = "10.20.1.10"
# Ends of names that are nobody's (RFC 2606, RFC 6761).
_ENDS = ("example", "test", "invalid")
_WORDS = (
    *("amber", "basin", "candle", "drift", "ember", "fallow", "garnet", "harbor", "island", "juniper", "kettle"),
    *("lantern", "meadow", "needle", "orchard", "pebble", "quarry", "river", "saddle", "timber", "umber", "valley"),
    *("willow", "yonder", "zephyr", "anchor", "bramble", "copper", "dapple", "estuary", "feather", "gravel"),
)


# --- made-up domains --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Dga(Program):
    """A bot that looks for its server under names that it makes up each day."""

    family: Literal["character", "hash", "words"] = about(
        "character", "how names are made: of random letters, of a hash's digits, or of words"
    )
    a_day: int = about(250, "names that are made up each day")
    registered: int = about(1, "how many of them exist each day; the search ends with the last")
    ends: tuple[str, ...] = about(_ENDS, "top-level domains that the names end in")
    pause_s: float = about(0.6, "mean pause between two queries, in seconds")
    resolver: str = about(_RESOLVER, "address of the resolver")


def dga(bot: Dga, rng: np.random.Generator) -> Simulated:
    """Each day one burst of queries: NXDOMAIN until a name exists."""
    days = max(int(np.ceil(bot.days)), 1)
    count = days * bot.a_day
    names = [_FAMILIES[bot.family](rng) + "." + bot.ends[place % len(bot.ends)] for place in range(count)]
    begins_s = np.repeat(np.arange(days) * DAY_S + rng.uniform(0, _MORNING_S, days), bot.a_day)
    pauses_s = rng.exponential(bot.pause_s, (days, bot.a_day))
    at_s = begins_s + np.cumsum(pauses_s, axis=1).ravel()
    exists = np.arange(count) % bot.a_day >= bot.a_day - bot.registered
    servers = public(max(int(exists.sum()), 1), rng)
    lookups = Lookups(
        **opened_by(bot),
        at_s=at_s,
        resolver=bot.resolver,
        name=Coded(names, np.arange(count)),
        code=Coded(["NXDOMAIN", "NOERROR"], exists.astype(np.int64)),
        answer=Coded(["", *servers], np.where(exists, np.cumsum(exists), 0)),
        took_s=rng.gamma(3, 0.02, count),
        received_bytes=np.where(exists, 90, 130),
    )
    asked = ask(lookups, bot.start, rng)
    return Simulated(sessions=combine([asked.sessions]), queries=asked.queries, malicious=deeds("dga", bot))


_MORNING_S = 4 * 3600.0


def _letters(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(ascii_lowercase), rng.integers(9, 17)))


def _digest(rng: np.random.Generator) -> str:
    return sha256(rng.bytes(8)).hexdigest()[: rng.integers(16, 28)]


def _words(rng: np.random.Generator) -> str:
    return "".join(rng.choice(_WORDS, rng.integers(2, 4)))


_FAMILIES: Mapping[str, Callable[[np.random.Generator], str]] = {
    "character": _letters,
    "hash": _digest,
    "words": _words,
}


# --- tunnels ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsTunnel(Program):
    """Data carried in the subdomains of one domain and in what is answered."""

    domain: str = about("sync.harborlight.example", "the domain under which the data is asked")
    kind: Literal["TXT", "NULL", "A"] = about("TXT", "type of the records that are asked for")
    queries: int = about(3_000, "queries in all")
    begins_s: float = about(3_600.0, "when it begins, in seconds from the start")
    length_s: float = about(1_800.0, "how long it goes on, in seconds")
    label_bytes: int = about(35, "bytes of data in each query, before they become letters")
    answer_bytes: int = about(140, "bytes of data in each answer")
    resolver: str = about(_RESOLVER, "address of the resolver")


def dns_tunnel(bot: DnsTunnel, rng: np.random.Generator) -> Simulated:
    """Every query has a name of its own, since it carries data of its own."""
    count = bot.queries
    names = [f"{_carried(rng.bytes(bot.label_bytes))}.{bot.domain}" for _ in range(count)]
    answers = [_answered(bot, rng) for _ in range(count)]
    each = np.arange(count)
    lookups = Lookups(
        **opened_by(bot),
        at_s=bot.begins_s + np.sort(rng.uniform(0, bot.length_s, count)),
        resolver=bot.resolver,
        name=Coded(names, each),
        kind=bot.kind,
        answer=Coded(answers, each),
        took_s=rng.gamma(3, 0.03, count),
        sent_bytes=np.array([len(name) + 18 for name in names] or [0])[each],
        received_bytes=np.array([len(name) + len(answer) + 30 for name, answer in zip(names, answers, strict=True)])[
            each
        ],
    )
    asked = ask(lookups, bot.start, rng)
    truth = deeds("tunnel", bot, bot.domain)
    return Simulated(sessions=combine([asked.sessions]), queries=asked.queries, malicious=truth)


_LONGEST_LABEL = 63  # letters: RFC 1035, 2.3.4


def _carried(data: bytes) -> str:
    letters = b32encode(data).decode().rstrip("=").lower()
    return ".".join(letters[place : place + _LONGEST_LABEL] for place in range(0, len(letters), _LONGEST_LABEL))


def _answered(bot: DnsTunnel, rng: np.random.Generator) -> str:
    if bot.kind == "A":
        return str(public(1, rng)[0])
    return b32encode(rng.bytes(bot.answer_bytes)).decode().rstrip("=").lower()


# --- changing addresses -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FastFlux(Program):
    """A server behind a name whose addresses change all the time."""

    domain: str = about("update.quarrystone.example", "the name of the server")
    addresses: int = about(400, "infected hosts that lend their addresses")
    answers: int = about(5, "addresses in each answer")
    period_s: float = about(300.0, "seconds between two check-ins, each with a lookup of its own")
    jitter: float = about(0.2, "how far a gap strays, as a fraction of the period")
    port: int = about(8080, "port of the server")
    resolver: str = about(_RESOLVER, "address of the resolver")


def fast_flux(bot: FastFlux, rng: np.random.Generator) -> Simulated:
    """A lookup, then a check-in with the first address of the answer."""
    at_s = timer(bot.span_s, bot.period_s, bot.jitter, rng)
    pool = public(bot.addresses, rng)
    drawn = rng.integers(0, bot.addresses, (at_s.size, bot.answers))
    each = np.arange(at_s.size)
    lookups = Lookups(
        **opened_by(bot),
        at_s=at_s,
        resolver=bot.resolver,
        name=bot.domain,
        answer=Coded([",".join(pool[some]) for some in drawn], each),
    )
    asked = ask(lookups, bot.start, rng)
    calls = Flows(
        **opened_by(bot),
        at_s=at_s + 0.1,
        duration_s=rng.gamma(4, 0.08, at_s.size),
        destination=Coded(pool, drawn[:, 0]),
        port=bot.port,
        sent_bytes=420,
        received_bytes=230,
        host_name=bot.domain,
    )
    sessions = combine([asked.sessions, session_table(calls, bot.start, rng)])
    truth = deeds("beacon", bot, bot.domain, bot.port)
    return Simulated(sessions=sessions, queries=asked.queries, malicious=truth)


BEHAVIOURS = (
    Behaviour("dga", "a bot that looks for its server under made-up names", Dga(), dga),
    Behaviour("dns-tunnel", "data carried in names and in what is answered", DnsTunnel(), dns_tunnel),
    Behaviour("fast-flux", "a bot whose server's name has ever new addresses", FastFlux(), fast_flux),
)
