"""A relay: a host that carries other people's traffic, one outbound session for each inbound one."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from herdsight.simulation.addresses import public
from herdsight.simulation.sessions import Flows, combine, session_table
from herdsight.simulation.timing import DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One host that relays, and how much it carries."""

    start: datetime  # UTC
    span_s: float = DAY_S
    host: str
    listens_on: int  # the port that the operators come in by
    sessions: int = 30
    operators: int = 6  # how many different addresses come in
    targets: int = 18  # how many different addresses it goes out to
    target_ports: tuple[int, ...] = (22, 3389, 8080, 8443)
    lag_s: tuple[float, float] = (0.05, 3.0)  # from the inbound session to the outbound one: least, most
    duration_s: float = 180.0  # median of a carried session
    carried_bytes: float = 60_000.0  # median of what the target sends back
    overhead: float = 0.03  # what the tunnel adds to the bytes it carries, at most


def relay(node: Relay, rng: np.random.Generator) -> pa.Table:
    """Both sides of every carried session. What comes in goes out: bytes and lifetimes of the two sides agree."""
    count = node.sessions
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
    )
    outbound = Flows(
        at_s=begins_s + lag_s,
        duration_s=length_s,
        source=node.host,
        destination=rng.choice(public(node.targets, rng), count),
        port=rng.choice(np.array(node.target_ports), count),
        sent_bytes=asked,
        received_bytes=answered,
    )
    return combine(session_table(side, node.start, rng) for side in (inbound, outbound))
