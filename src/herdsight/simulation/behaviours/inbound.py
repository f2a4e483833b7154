"""What many bots do to one service at once: floods, stolen passwords, spam, and half-open connections."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from herdsight.simulation.addresses import public
from herdsight.simulation.behaviours import Behaviour
from herdsight.simulation.parameters import Setting, about
from herdsight.simulation.sessions import Coded, Flows, combine, session_table
from herdsight.simulation.sign_ins import Attempts, sign_in_table
from herdsight.simulation.simulated import Simulated
from herdsight.simulation.truth import Malicious

_STEP = 256  # addresses of a /24


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood(Setting):
    """One attack on one service."""

    begins_s: float = about(0.0, "when the attack begins, in seconds from the start")
    length_s: float = about(900.0, "how long the attack lasts, in seconds")
    target: str = about("10.20.9.10", "address of the attacked service")
    port: int = about(443, "port of the attacked service")
    application: str = about("ssl", "what a sensor recognises")
    sources: int = about(240, "addresses that take part")
    requests: int = about(9_000, "sessions in all")
    unevenness: float = about(0.7, "sigma of the log-normal share that each source has in the requests")
    request_bytes: int = about(780, "bytes that a request sends, at least")
    answer_bytes: int = about(1_900, "bytes of an answer, at least")
    refused: float = about(0.04, "share of the sessions that the struggling service turns away")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuffing(Flood):
    """Stolen passwords, tried from several networks."""

    networks: int = about(40, "networks (/24) that the addresses lie in")
    accounts: int = about(4_000, "different accounts that are tried")
    known: float = about(0.3, "share of the accounts that exist")
    succeeded: float = about(0.004, "share of the attempts on accounts that exist that get in")
    target_name: str = about("www-10.corp.example", "name of the attacked service")


def flood(attack: Flood, rng: np.random.Generator) -> Simulated:
    """The attack's sessions: each source keeps its own pace from its own start to the common end."""
    share = rng.lognormal(0, attack.unevenness, attack.sources)
    source = rng.choice(attack.sources, attack.requests, p=share / share.sum())
    joins_s = rng.uniform(0, 0.2 * attack.length_s, attack.sources)[source]
    at_s = np.sort(joins_s + rng.uniform(size=attack.requests) * (attack.length_s - joins_s))
    sessions = session_table(
        Flows(
            at_s=attack.begins_s + at_s,
            duration_s=rng.gamma(2, 0.4, attack.requests),
            source=Coded(_sources(attack, rng), source),
            destination=attack.target,
            port=attack.port,
            application=attack.application,
            sent_bytes=attack.request_bytes + rng.integers(0, 120, attack.requests),
            received_bytes=attack.answer_bytes + rng.integers(0, 60, attack.requests),
            state=Coded(["SF", "RSTR"], (rng.uniform(size=attack.requests) < attack.refused).astype(np.int64)),
            direction="Inbound",
        ),
        attack.start,
        rng,
    )
    return Simulated(sessions=combine([sessions]), malicious=_truth(attack))


def _sources(attack: Flood, rng: np.random.Generator) -> list[str]:
    if not isinstance(attack, Stuffing):
        return list(map(str, public(attack.sources, rng)))
    networks = [address.rpartition(".")[0] for address in map(str, public(attack.networks, rng))]
    hosts = rng.permutation(np.arange(1, _STEP - 1))
    return [
        f"{networks[place % len(networks)]}.{hosts[place // len(networks) % hosts.size]}"
        for place in range(attack.sources)
    ]


def stuffing(attack: Stuffing, rng: np.random.Generator) -> Simulated:
    """The attack's sessions, and an attempt to sign in for each that was not turned away."""
    found = flood(attack, rng)
    reached = found.sessions.filter(_is_served(found))
    rows = reached.num_rows
    account = rng.integers(0, attack.accounts, rows)
    known = account < attack.known * attack.accounts
    start = np.datetime64(attack.start.replace(tzinfo=None), "us")
    began = (reached["EventStartTime"].to_numpy() - start) / np.timedelta64(1, "s")
    attempts = Attempts(
        at_s=began + 0.2,
        source=reached["SrcIpAddr"].to_numpy().astype(np.str_),
        account=Coded([f"person{number:05d}@corp.example" for number in range(attack.accounts)], account),
        succeeded=known & (rng.uniform(size=rows) < attack.succeeded),
        known=known,
        target=attack.target,
        target_name=attack.target_name,
        application="web login",
    )
    return replace(found, sign_ins=sign_in_table(attempts, attack.start))


def _is_served(found: Simulated) -> "np.typing.NDArray[np.bool_]":
    served: np.typing.NDArray[np.bool_] = found.sessions["EventOriginalResultDetails"].to_numpy() == "SF"
    return served


def syn_flood(attack: Flood, rng: np.random.Generator) -> Simulated:
    """First packets alone, from addresses that are made up, each from another."""
    at_s = np.sort(rng.uniform(0, attack.length_s, attack.requests))
    sources = public(min(attack.sources, attack.requests), rng)
    sessions = session_table(
        Flows(
            at_s=attack.begins_s + at_s,
            duration_s=0.0,
            source=Coded(sources, rng.integers(0, sources.size, attack.requests)),
            destination=attack.target,
            port=attack.port,
            state="S0",
            direction="Inbound",
        ),
        attack.start,
        rng,
    )
    return Simulated(sessions=combine([sessions]), malicious=_truth(attack))


def _truth(attack: Flood) -> tuple[Malicious, ...]:
    return (Malicious(behaviour="flood", host=attack.target, port=attack.port),)


# --- amplification ----------------------------------------------------------------------------------------------------

# UDP services that answer with more than they were asked, by port: the bytes of one answer, as US-CERT's alert
# TA14-017A gives their amplification factors for a request of some tens of bytes.
REFLECTORS: Mapping[str, tuple[int, int]] = {
    "dns": (53, 3_200),
    "ntp": (123, 4_400),
    "snmp": (161, 1_400),
    "cldap": (389, 2_900),
    "ssdp": (1900, 2_600),
    "memcached": (11211, 60_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amplification(Setting):
    """Answers that nobody asked for, from servers that were asked in the victim's name."""

    begins_s: float = about(0.0, "when the attack begins, in seconds from the start")
    length_s: float = about(600.0, "how long the attack lasts, in seconds")
    target: str = about("10.20.9.10", "address of the victim")
    by: tuple[str, ...] = about(tuple(REFLECTORS), "services that are abused: dns, ntp, snmp, cldap, ssdp, memcached")
    reflectors: int = about(600, "servers that answer")
    answers: int = about(12_000, "answers in all")


def amplification(attack: Amplification, rng: np.random.Generator) -> Simulated:
    """One-way UDP from the ports of the abused services to high ports of the victim."""
    ports = np.array([REFLECTORS[name][0] for name in attack.by])
    sizes = np.array([REFLECTORS[name][1] for name in attack.by])
    reflector = rng.integers(0, attack.reflectors, attack.answers)
    service = reflector % len(attack.by)
    sessions = session_table(
        Flows(
            at_s=attack.begins_s + np.sort(rng.uniform(0, attack.length_s, attack.answers)),
            duration_s=rng.gamma(2, 0.01, attack.answers),
            source=Coded(public(attack.reflectors, rng), reflector),
            source_port=ports[service],
            destination=attack.target,
            port=rng.integers(1024, 65536, attack.answers),
            transport="UDP",
            sent_bytes=(sizes[service] * rng.uniform(0.5, 1.5, attack.answers)).astype(np.int64),
            received_bytes=0,
            state="SF",
            direction="Inbound",
        ),
        attack.start,
        rng,
    )
    return Simulated(sessions=combine([sessions]), malicious=(Malicious(behaviour="flood", host=attack.target),))


BEHAVIOURS = (
    Behaviour("http-flood", "requests of many bots at once, to exhaust a web service", Flood(requests=40_000), flood),
    Behaviour("credential-stuffing", "stolen passwords tried on a login from many networks", Stuffing(), stuffing),
    Behaviour(
        "spam",
        "mail of many bots at once, pressed on a mail server",
        Flood(port=25, application="smtp", request_bytes=6_000, answer_bytes=900, refused=0.3, length_s=3_600.0),
        flood,
    ),
    Behaviour(
        "syn-flood",
        "half-open connections from made-up addresses",
        Flood(sources=20_000, requests=60_000, length_s=120.0, application=""),
        syn_flood,
    ),
    Behaviour("amplification", "large UDP answers that nobody asked for", Amplification(), amplification),
)
