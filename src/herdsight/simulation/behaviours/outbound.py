"""What one infected host does to others: it spreads, floods a victim, sits in a chat, or keeps company with peers."""

from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from herdsight.simulation.addresses import public
from herdsight.simulation.background import process_id
from herdsight.simulation.behaviours import Behaviour
from herdsight.simulation.parameters import Program, about
from herdsight.simulation.sessions import Coded, Flows, combine, session_table
from herdsight.simulation.simulated import Simulated
from herdsight.simulation.timing import timer
from herdsight.simulation.truth import Deed, Malicious


class Opener(TypedDict):
    """What sessions and lookups say of who opened them."""

    source: str
    device: str
    account: str
    process: str
    process_id: str


def opened_by(program: Program) -> Opener:
    """What sessions of a program say of it."""
    return {
        "source": program.source,
        "device": program.device,
        "account": program.account,
        "process": program.process,
        "process_id": process_id(program.source, program.process) if program.process else "",
    }


def deeds(deed: Deed, program: Program, remote: str | None = None, port: int | None = None) -> tuple[Malicious, ...]:
    """The truth on a program: a sensor knows its host by the address, an agent by the name."""
    names = [program.source, *([program.device] if program.device and program.process else [])]
    return tuple(Malicious(behaviour=deed, host=name, remote=remote, port=port) for name in names)


# --- spreading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreader(Program):
    """One host that looks for others to infect."""

    begins_s: float = about(0.0, "when it begins, in seconds from the start")
    length_s: float = about(1_200.0, "how long it goes on, in seconds")
    destinations: int = about(400, "different addresses that are tried")
    port: int = about(23, "port that is tried")
    silent: float = about(0.8, "share of the addresses where nobody answers")
    refusing: float = about(0.12, "share of the addresses that refuse")


def spreader(bot: Spreader, rng: np.random.Generator) -> Simulated:
    """One attempt at each address, most of them in vain."""
    count = bot.destinations
    kinds = ("S0", "REJ", "SF")
    shares = (bot.silent, bot.refusing, max(1 - bot.silent - bot.refusing, 0))
    sessions = session_table(
        Flows(
            **opened_by(bot),
            at_s=bot.begins_s + np.sort(rng.uniform(0, bot.length_s, count)),
            duration_s=rng.gamma(2, 0.2, count),
            destination=public(count, rng),
            port=bot.port,
            sent_bytes=rng.integers(60, 400, count),
            received_bytes=rng.integers(100, 900, count),
            state=Coded(kinds, rng.choice(len(kinds), count, p=np.array(shares) / sum(shares))),
        ),
        bot.start,
        rng,
    )
    return Simulated(sessions=combine([sessions]), malicious=deeds("spread", bot, port=bot.port))


# --- flooding ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundDdos(Program):
    """One host that takes part in an attack on a victim outside."""

    begins_s: float = about(0.0, "when the attack begins, in seconds from the start")
    length_s: float = about(300.0, "how long the attack lasts, in seconds")
    victim: str = about("91.198.77.20", "address of the victim")
    port: int = about(80, "port of the victim")
    transport: str = about("UDP", "protocol of the attack: TCP or UDP")
    sessions: int = about(15_000, "sessions in all")
    sent_bytes: int = about(1_200, "bytes in each")


def outbound_ddos(bot: OutboundDdos, rng: np.random.Generator) -> Simulated:
    """Sessions from ever new ports to one victim, which hardly answers."""
    sessions = session_table(
        Flows(
            **opened_by(bot),
            at_s=bot.begins_s + np.sort(rng.uniform(0, bot.length_s, bot.sessions)),
            duration_s=rng.gamma(2, 0.02, bot.sessions),
            source_port=rng.integers(1024, 65536, bot.sessions),
            destination=bot.victim,
            port=bot.port,
            transport=bot.transport,
            sent_bytes=bot.sent_bytes,
            state=Coded(["S0", "SF"], (rng.uniform(size=bot.sessions) < _ANSWERED).astype(np.int64)),
        ),
        bot.start,
        rng,
    )
    return Simulated(sessions=combine([sessions]), malicious=deeds("ddos", bot, bot.victim, bot.port))


_ANSWERED = 0.1


# --- chat -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class IrcBot(Program):
    """A bot that is led in a channel."""

    remote: str = about("193.104.41.22", "address of the IRC server")
    port: int = about(6667, "port of the IRC server")
    application: str = about("irc", "what a sensor recognises; empty: it looks at ports alone")
    stays_s: float = about(5_400.0, "median time in the channel before the link breaks, in seconds")
    ping_s: float = about(90.0, "seconds between a PING of the server and the next")


def irc_bot(bot: IrcBot, rng: np.random.Generator) -> Simulated:
    """Long sessions, one after the other, whose bytes grow with the PINGs and PONGs in them."""
    most = int(bot.span_s / 60) + 2
    length_s = rng.lognormal(np.log(bot.stays_s), 0.5, most)
    waits_s = rng.uniform(5, 60, most)
    at_s = rng.uniform(0, 60) + np.concatenate([[0.0], np.cumsum(length_s + waits_s)[:-1]])
    kept = at_s < bot.span_s
    at_s, length_s = at_s[kept], length_s[kept]
    pings = (length_s / bot.ping_s).astype(np.int64)
    sessions = session_table(
        Flows(
            **opened_by(bot),
            at_s=at_s,
            duration_s=length_s,
            destination=bot.remote,
            port=bot.port,
            application=bot.application,
            sent_bytes=120 + 24 * pings + rng.integers(0, 80, at_s.size),
            received_bytes=2_600 + 26 * pings + rng.integers(0, 900, at_s.size),
        ),
        bot.start,
        rng,
    )
    return Simulated(sessions=combine([sessions]), malicious=deeds("irc", bot, bot.remote, bot.port))


# --- peers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class P2pBot(Program):
    """A bot without a server: it keeps asking a set of peers that changes slowly."""

    peers: int = about(120, "peers that it knows in all")
    at_once: int = about(12, "peers that it asks in each round")
    period_s: float = about(1_800.0, "seconds between two rounds")
    jitter: float = about(0.1, "how far a gap strays, as a fraction of the period")
    port: int = about(16_464, "port of the peers")
    own_port: int = about(16_464, "its own port")
    gone: float = about(0.45, "share of the peers that no longer answer")
    asked_bytes: int = about(88, "bytes of a question")


def p2p_bot(bot: P2pBot, rng: np.random.Generator) -> Simulated:
    """In each round one question to some of the peers."""
    rounds = timer(bot.span_s, bot.period_s, bot.jitter, rng)
    at_s = np.repeat(rounds, bot.at_once)
    peer = rng.integers(0, bot.peers, at_s.size)
    alive = rng.uniform(size=bot.peers) >= bot.gone
    sessions = session_table(
        Flows(
            **opened_by(bot),
            at_s=at_s + rng.uniform(0, 20, at_s.size),
            duration_s=rng.gamma(2, 0.05, at_s.size),
            source_port=bot.own_port,
            destination=Coded(public(bot.peers, rng), peer),
            port=bot.port,
            transport="UDP",
            sent_bytes=bot.asked_bytes,
            received_bytes=rng.integers(200, 700, at_s.size),
            state=Coded(["S0", "SF"], alive[peer].astype(np.int64)),
        ),
        bot.start,
        rng,
    )
    return Simulated(sessions=combine([sessions]), malicious=deeds("p2p", bot, port=bot.port))


BEHAVIOURS = (
    Behaviour("spreader", "one host that tries one port on many others", Spreader(), spreader),
    Behaviour("outbound-ddos", "one host that floods a victim outside", OutboundDdos(), outbound_ddos),
    Behaviour("irc-bot", "a bot that is led in a channel", IrcBot(process="winsys.exe"), irc_bot),
    Behaviour("p2p-bot", "a bot that keeps asking a set of peers", P2pBot(), p2p_bot),
)
