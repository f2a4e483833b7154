"""A beacon: a bot that asks its control server for orders on a timer."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from herdsight.simulation.sessions import Flows, session_table
from herdsight.simulation.timing import DAY_S, timer


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """One bot and its control server."""

    start: datetime  # UTC
    span_s: float = DAY_S
    period_s: float = 300.0
    jitter: float = 0.2  # a fraction of the period, either way
    failing: float = 0.02  # share of the check-ins that the server does not answer
    source: str
    remote: str
    port: int
    application: str = ""  # what a sensor recognises: nothing, for a protocol of its own
    request_bytes: int = 312
    answer_bytes: int = 148
    task_share: float = 0.03  # share of the check-ins that bring a task, and so a larger answer
    device: str = ""
    account: str = ""
    process: str = ""
    process_id: str = ""


def beacon(bot: Beacon, rng: np.random.Generator) -> pa.Table:
    """The bot's check-ins as sessions."""
    at_s = timer(bot.span_s, bot.period_s, bot.jitter, rng)
    task = rng.uniform(size=at_s.size) < bot.task_share
    return session_table(
        Flows(
            at_s=at_s,
            duration_s=rng.gamma(4, 0.08, at_s.size),
            source=bot.source,
            destination=bot.remote,
            port=bot.port,
            application=bot.application,
            sent_bytes=bot.request_bytes + rng.integers(0, 24, at_s.size),
            received_bytes=np.where(task, rng.integers(2_000, 60_000, at_s.size), bot.answer_bytes),
            state=np.where(rng.uniform(size=at_s.size) < bot.failing, "S0", "SF"),
            device=bot.device,
            account=bot.account,
            process=bot.process,
            process_id=bot.process_id,
        ),
        bot.start,
        rng,
    )
