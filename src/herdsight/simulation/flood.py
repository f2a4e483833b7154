"""A flood: many bots at once on one service, to exhaust it or to try stolen passwords on it."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from herdsight.simulation.addresses import public
from herdsight.simulation.sessions import Flows, session_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """One attack on one service; the defaults are a credential stuffing on a web login."""

    start: datetime  # UTC
    length_s: float = 900.0
    target: str
    port: int = 443
    application: str = "ssl"
    sources: int = 240
    requests: int = 9_000
    unevenness: float = 0.7  # sigma of the log-normal share that each source has in the requests
    request_bytes: int = 780
    answer_bytes: int = 1_900
    refused: float = 0.04  # share of the sessions that the struggling service turns away


def flood(attack: Flood, rng: np.random.Generator) -> pa.Table:
    """The attack's sessions: each source keeps its own pace from its own start to the common end."""
    share = rng.lognormal(0, attack.unevenness, attack.sources)
    source = rng.choice(attack.sources, attack.requests, p=share / share.sum())
    joins_s = rng.uniform(0, 0.2 * attack.length_s, attack.sources)[source]
    at_s = np.sort(joins_s + rng.uniform(size=attack.requests) * (attack.length_s - joins_s))
    return session_table(
        Flows(
            at_s=at_s,
            duration_s=rng.gamma(2, 0.4, attack.requests),
            source=public(attack.sources, rng)[source],
            destination=attack.target,
            port=attack.port,
            application=attack.application,
            sent_bytes=attack.request_bytes + rng.integers(0, 120, attack.requests),
            received_bytes=attack.answer_bytes + rng.integers(0, 60, attack.requests),
            state=np.where(rng.uniform(size=attack.requests) < attack.refused, "RSTR", "SF"),
            direction="Inbound",
        ),
        attack.start,
        rng,
    )
