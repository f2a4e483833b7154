"""A relay: a host that carries other people's traffic, one outbound session for each inbound one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from herdsight.simulation.addresses import public
from herdsight.simulation.background import process_id
from herdsight.simulation.behaviours import Behaviour
from herdsight.simulation.parameters import Setting, about
from herdsight.simulation.sessions import Flows, Texts, combine, session_table
from herdsight.simulation.simulated import Simulated
from herdsight.simulation.timing import Seconds
from herdsight.simulation.truth import Malicious

_HOP_S = 0.02  # what a further hop adds


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay(Setting):
    """Hosts that relay, and how much they carry."""

    host: str = about("10.20.1.13", "address of the host that the operators come in by")
    further: tuple[str, ...] = about(("10.20.1.11", "10.20.1.12"), "addresses of the further hops inside, in order")
    hops: int = about(1, "hosts inside that the traffic passes, one after the other: 1 to 3")
    device: str = about("nas-13.corp.example", "name of the first host; empty where no agent runs on it")
    account: str = about("system", "account that the relaying program runs as")
    process: str = about("", "file name of the relaying program; empty where nobody watches processes")
    listens_on: int = about(8443, "port that the operators come in by")
    sessions: int = about(30, "carried sessions a day")
    operators: int = about(6, "different addresses that come in")
    targets: int = about(18, "different addresses that it goes out to")
    target_ports: tuple[int, ...] = about((22, 3389, 8080, 8443), "ports that it goes out to")
    lag_s: tuple[float, float] = about((0.05, 3.0), "seconds from an inbound session to its outbound one: least, most")
    duration_s: float = about(180.0, "median length of a carried session, in seconds")
    carried_bytes: float = about(60_000.0, "median of what a target sends back, in bytes")
    overhead: float = about(0.03, "what the tunnel adds to the bytes it carries, at most, as a fraction")

    @property
    def chain(self) -> tuple[str, ...]:
        """The hosts inside, in the order in which the traffic passes them."""
        return (self.host, *self.further)[: max(self.hops, 1)]


def relay(node: Relay, rng: np.random.Generator) -> Simulated:
    """All sides of every carried session. What comes in goes out: bytes and lifetimes of the sides agree."""
    count = round(node.sessions * node.days)
    begins_s = np.sort(rng.uniform(0, node.span_s, count))
    lag_s = rng.uniform(*node.lag_s, count)
    length_s = rng.lognormal(np.log(node.duration_s), 0.8, count)
    asked = rng.lognormal(np.log(node.carried_bytes / 10), 0.8, count).astype(np.int64)
    answered = rng.lognormal(np.log(node.carried_bytes), 1.2, count).astype(np.int64)
    wrapped = 1 + rng.uniform(0, node.overhead, count)
    inbound = Flows(
        at_s=begins_s,
        duration_s=lag_s + length_s + rng.uniform(0, 0.5, count),
        source=rng.choice(public(node.operators, rng), count),
        destination=node.host,
        port=node.listens_on,
        application="ssl",
        sent_bytes=(asked * wrapped).astype(np.int64),
        received_bytes=(answered * wrapped).astype(np.int64),
        direction="Inbound",
        accepting_device=node.device,
        accepting_account=node.account if node.process else "",
        accepting_process=node.process,
        accepting_process_id=_id(node, node.host),
    )
    targets, ports = rng.choice(public(node.targets, rng), count), rng.choice(np.array(node.target_ports), count)
    carried = _Carried(begins_s, lag_s, length_s, asked, answered)
    outward = list(_outward(node, carried, targets, ports))
    return Simulated(
        sessions=combine(session_table(side, node.start, rng) for side in (inbound, *outward)),
        malicious=tuple(Malicious(behaviour="relay", host=host) for host in _names(node)),
    )


@dataclass(frozen=True, slots=True)
class _Carried:
    """What is carried: when it comes in, how much later it goes out and for how long, and its bytes both ways."""

    begins_s: Seconds
    lag_s: Seconds
    length_s: Seconds
    asked: npt.NDArray[np.int64]
    answered: npt.NDArray[np.int64]


def _outward(node: Relay, carried: _Carried, targets: Texts, ports: npt.NDArray[np.int64]) -> Iterator[Flows]:
    """The session that each hop opens: to the next one, at last to the target."""
    chain = node.chain
    for place, host in enumerate(chain):
        is_last = place == len(chain) - 1
        yield Flows(
            # The hops share the lag, and the inner sessions end before the outer ones.
            at_s=carried.begins_s + carried.lag_s * (place + 1) / len(chain),
            duration_s=carried.length_s + _HOP_S * (len(chain) - 1 - place),
            source=host,
            destination=targets if is_last else chain[place + 1],
            port=ports if is_last else node.listens_on,
            sent_bytes=carried.asked,
            received_bytes=carried.answered,
            direction="Outbound" if is_last else "Local",
            device=node.device if host == node.host else "",
            account=node.account if node.process and host == node.host else "",
            process=node.process if host == node.host else "",
            process_id=_id(node, host) if host == node.host else "",
        )


def _id(node: Relay, host: str) -> str:
    return process_id(host, node.process) if node.process else ""


def _names(node: Relay) -> tuple[str, ...]:
    """The sensor knows the hosts by their addresses, an agent the first by its name."""
    return (*node.chain, *([node.device] if node.device and node.process else []))


BEHAVIOURS = (Behaviour("relay", "hosts inside that carry other people's traffic out again", Relay(), relay),)
