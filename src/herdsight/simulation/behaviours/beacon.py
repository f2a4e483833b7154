"""A beacon: a bot that asks its control server for orders on a timer."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from herdsight.simulation import defender
from herdsight.simulation.addresses import public
from herdsight.simulation.background import process_id
from herdsight.simulation.behaviours import Behaviour
from herdsight.simulation.parameters import Program, about
from herdsight.simulation.queries import Lookups, ask
from herdsight.simulation.sessions import Coded, Flows, combine, session_table
from herdsight.simulation.simulated import Simulated
from herdsight.simulation.timing import Seconds, timer
from herdsight.simulation.truth import Malicious

_RESOLVER = "10.20.1.10"
_BURST_S = 0.4  # within which all connections of a check-in begin
_CACHED_S = 300.0  # for how long a name is not asked again


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon(Program):
    """One bot and its control server."""

    remote: str = about("185.213.44.61", "address of the control server; empty draws one")
    port: int = about(4782, "port of the control server")
    domain: str = about("", "name by which the bot knows the server; it is looked up where there is one")
    period_s: float = about(300.0, "seconds between two check-ins")
    jitter: float = about(0.2, "how far a gap strays, as a fraction of the period")
    spread: Literal["uniform", "normal"] = about("uniform", "how gaps stray: evenly, or normal and cut at the jitter")
    new_period_s: float = about(0.0, "period after the sleep was changed, in seconds; 0: it is not changed")
    changes_at: float = about(0.5, "when the sleep is changed, as a fraction of the time")
    burst: int = about(1, "connections in each check-in")
    failing: float = about(0.02, "share of the check-ins that the server does not answer")
    failure: Literal["S0", "REJ"] = about("S0", "what comes of a failing one: silence (S0) or a refusal (REJ)")
    servers: int = about(1, "control servers in rotation, the first being `remote`")
    proxy: str = about("", "address of the proxy inside that all connections go to; empty: none")
    proxy_port: int = about(3128, "port of the proxy")
    aggregated: bool = about(False, "Defender reports the first connection of an hour, and a report with the count")
    application: str = about("", "what a sensor recognises: nothing, for a protocol of its own")
    request_bytes: int = about(312, "bytes that a check-in sends, at least")
    answer_bytes: int = about(148, "bytes of an answer without a task")
    task_share: float = about(0.03, "share of the check-ins that bring a task, and so a larger answer")


def beacon(bot: Beacon, rng: np.random.Generator) -> Simulated:
    """The bot's check-ins as sessions."""
    at_s = _moments(bot, rng)
    sessions = session_table(_flows(bot, at_s, rng), bot.start, rng)
    reports = defender.SCHEMA.empty_table()
    if bot.aggregated:
        reports = defender.aggregated(defender.events(sessions))
        sessions = _unwatched(sessions)
    found = Simulated(sessions=sessions, reports=reports, malicious=_truth(bot, sessions))
    return _with_lookups(found, bot, at_s, rng) if bot.domain and not bot.proxy else found


def _moments(bot: Beacon, rng: np.random.Generator) -> Seconds:
    at_s = _ticks(bot.span_s, bot.period_s, bot, rng)
    if bot.new_period_s:
        change_s = bot.span_s * bot.changes_at
        later = _ticks(bot.span_s - change_s, bot.new_period_s, bot, rng)
        at_s = np.concatenate([at_s[at_s < change_s], change_s + later])
    if bot.burst > 1:
        later_s = rng.uniform(0.01, _BURST_S, (at_s.size, bot.burst))
        later_s[:, 0] = 0
        at_s = (at_s[:, None] + later_s).ravel()
    return at_s


def _ticks(span_s: float, period_s: float, bot: Beacon, rng: np.random.Generator) -> Seconds:
    if bot.spread == "uniform":
        return timer(span_s, period_s, bot.jitter, rng)
    most = int(span_s / (period_s * max(1 - bot.jitter, 0.01))) + 2
    # Two sigma reach as far as the jitter; what is beyond is cut, as no sleep is.
    stray = np.clip(rng.normal(0, bot.jitter / 2, most), -bot.jitter, bot.jitter)
    ticks: Seconds = rng.uniform(0, period_s) + np.concatenate([[0.0], np.cumsum(period_s * (1 + stray))[:-1]])
    return ticks[ticks < span_s]


def _flows(bot: Beacon, at_s: Seconds, rng: np.random.Generator) -> Flows:
    remotes = _remotes(bot, rng)
    turn = np.arange(at_s.size) // bot.burst % len(remotes)
    task = rng.uniform(size=at_s.size) < bot.task_share
    return Flows(
        at_s=at_s,
        duration_s=rng.gamma(4, 0.08, at_s.size),
        source=bot.source,
        destination=bot.proxy or Coded(remotes, turn),
        port=bot.proxy_port if bot.proxy else bot.port,
        application=bot.application,
        sent_bytes=bot.request_bytes + rng.integers(0, 24, at_s.size),
        received_bytes=np.where(task, rng.integers(2_000, 60_000, at_s.size), bot.answer_bytes),
        state=Coded(["SF", bot.failure], (rng.uniform(size=at_s.size) < bot.failing).astype(np.int64)),
        direction="Local" if bot.proxy else "Outbound",
        device=bot.device,
        account=bot.account,
        process=bot.process,
        process_id=process_id(bot.source, bot.process) if bot.process else "",
        host_name=bot.domain,
    )


def _remotes(bot: Beacon, rng: np.random.Generator) -> list[str]:
    given = [bot.remote] if bot.remote else []
    more = bot.servers - len(given)
    return [*given, *map(str, public(more, rng))] if more > 0 else given


def _unwatched(sessions: pa.Table) -> pa.Table:
    """The sessions without their process: an agent that thins has reported them already."""
    nothing = pa.repeat("", sessions.num_rows)
    for name in ("SrcAppName", "SrcAppId", "SrcAppType"):
        sessions = sessions.set_column(sessions.schema.get_field_index(name), name, nothing)
    return sessions


def _truth(bot: Beacon, sessions: pa.Table) -> tuple[Malicious, ...]:
    """The sensor knows the bot by its address, an agent by its name."""
    names = [bot.source, *([bot.device] if bot.device and bot.process else [])]
    remotes = [bot.proxy] if bot.proxy else sessions["DstIpAddr"].unique().to_pylist()
    port = bot.proxy_port if bot.proxy else bot.port
    return tuple(
        Malicious(behaviour="beacon", host=name, remote=str(remote), port=port) for remote in remotes for name in names
    )


def _with_lookups(found: Simulated, bot: Beacon, at_s: Seconds, rng: np.random.Generator) -> Simulated:
    """With a lookup of the name before the check-ins at which the cache has forgotten it."""
    _, first = np.unique((at_s // _CACHED_S).astype(np.int64), return_index=True)
    lookups = Lookups(
        at_s=np.maximum(at_s[first] - rng.uniform(0.01, 0.08, first.size), 0),
        source=bot.source,
        resolver=_RESOLVER,
        name=bot.domain,
        answer=Coded(found.sessions["DstIpAddr"].to_numpy().astype(np.str_), first),
        device=bot.device,
        account="network service" if bot.process else "",
        process="svchost.exe" if bot.process else "",
        process_id=process_id(bot.source, "svchost.exe") if bot.process else "",
    )
    asked = ask(lookups, bot.start, rng)
    return replace(found, sessions=combine([found.sessions, asked.sessions]), queries=asked.queries)


BEHAVIOURS = (Behaviour("beacon", "a bot that asks its control server for orders on a timer", Beacon(), beacon),)
