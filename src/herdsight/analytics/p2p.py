"""Peers and rotating servers: a host whose calls to many places, taken together, come at times too even for chance.

Null hypothesis: the calls of a host to all its peers come as a memoryless process has them (`memoryless`). Each pair
alone is too short to tell; the set is what is tested, as one point process, since the timer is the program's and not
the peer's. A set is what goes to one port (`to`), what comes from one UDP port of the host's own, wherever it goes
(`from`), or what one program calls on one port (`by`). That bots are told from file sharing by little volume, by peers
that are gone and by machine-driven times is Yen and Reiter, "Are your hosts trading or plotting?" (2010); that their
exchanges are alike in size, BotMiner (Gu et al., 2008) and Zhang et al., "Detecting stealthy P2P botnets using
statistical traffic fingerprints" (2011). Peers that are called at random times are not found, whatever their sizes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.beacon import Timing, timings
from herdsight.analytics.known import PERIODIC_PORTS, SERVICE_PORTS, is_popular, known_name
from herdsight.analytics.memoryless import LEAST
from herdsight.analytics.model import Analytic, Candidate, Clue, Found, Sight, p_value, same_in_all
from herdsight.analytics.pairs import IS_OF_PAIR, IS_TRIED, KEY, PAIRS, PAIRS_READ, SINGLE
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION

_FEW = 4  # peers: of fewer none can have less than a third of the calls, and the pairs alone have enough to be tested
_CROWD = 10  # peers that one UDP port of a host has, below which a client with some servers looks the same
# Calls beyond which a set is a scan, a flood or a download: one a second for a day, where RITA speaks of a strobe.
_MOST = 86_400
_UNANSWERED = 0.8  # of the calls: above, a set that goes to one port is a scan (Jung et al., 2004), and `spread`'s
_LARGE = 1_000_000  # bytes of a session: a control message has a few hundred, a block of a shared file 16,384
SHOWN = 16  # peers and ports that a candidate names


def _ports(ports: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(ports)))


_GOING = f"direction IN ('Outbound', 'External') AND {IS_TRIED} AND port NOT IN ({_ports(PERIODIC_PORTS)})"
_ENOUGH = f"SUM(calls) BETWEEN {LEAST + 2} AND {_MOST} AND 2 * MAX(calls) <= SUM(calls)"
_ANSWERED = f"SUM(failed) <= {_UNANSWERED} * SUM(calls)"
_FROM_PORT = "protocol = 'UDP' AND own >= 1024 AND port >= 1024"

# Written out wherever it is asked, since a table expression of that size would be put by, with all its rows.
_SESSIONS = f"""(
  SELECT host, source, remote, port, protocol, COALESCE(SrcPortNumber, 0) AS own, SrcAppName AS process,
    TimeGenerated AS time, CASE WHEN EventResult = 'Failure' THEN 1 ELSE 0 END AS failed,
    CAST(SrcBytes AS DOUBLE) AS sent, CAST(DstBytes AS DOUBLE) AS received
  FROM (SELECT *, {KEY} FROM {{schema}}.{NETWORK_SESSION} WHERE {IS_OF_PAIR} AND {SINGLE}) AS keyed WHERE {_GOING}
) AS sessions"""
_PAIRS = f"""
going AS (
  SELECT * FROM {{schema}}.{PAIRS} WHERE {_GOING} AND single > 0 AND port NOT IN ({_ports(SERVICE_PORTS)})
),
crowds AS (
  SELECT host FROM going WHERE protocol = 'UDP' AND port >= 1024 GROUP BY host HAVING COUNT(DISTINCT remote) >= {_CROWD}
),
to_peers AS (
  SELECT host, protocol, port AS base, SUM(single) AS calls, SUM(LEAST(failed, single)) AS failed
  FROM going GROUP BY host, protocol, port, remote
)
"""
_TO_SETS = f"""
SELECT host, protocol, base, '' AS process FROM to_peers
GROUP BY host, protocol, base HAVING COUNT(*) >= {_FEW} AND {_ENOUGH} AND {_ANSWERED}
"""


@dataclass(frozen=True, slots=True)
class _Kind:
    """How sets of a kind are chosen, and which sessions are a set's."""

    sets: str
    condition: str


# Pairs choose the sets that go to a port, and the hosts of which the ports of their own are looked at. The ports of
# common services are left out unless the program is known: with a browser's calls between them no timer shows.
_KINDS: Mapping[str, _Kind] = {
    "to": _Kind(_TO_SETS, "port = base"),
    "from": _Kind(
        f"""
        SELECT host, protocol, base, '' AS process FROM (
          SELECT host, protocol, own AS base, COUNT(*) AS calls, SUM(failed) AS failed, MIN(port) AS port
          FROM {_SESSIONS} WHERE {_FROM_PORT} AND host IN (SELECT host FROM crowds) GROUP BY host, protocol, own, remote
        ) AS from_peers GROUP BY host, protocol, base
        HAVING COUNT(*) >= {_CROWD} AND {_ENOUGH} AND ({_ANSWERED} OR 2 * COUNT(DISTINCT port) >= COUNT(*))
        """,
        f"own = base AND sessions.{_FROM_PORT}",
    ),
    "by": _Kind(
        f"""
        SELECT host, protocol, base, process FROM (
          SELECT host, protocol, port AS base, process, COUNT(*) AS calls, SUM(failed) AS failed
          FROM {_SESSIONS} WHERE process <> '' GROUP BY host, protocol, port, process, remote
        ) AS by_peers GROUP BY host, protocol, base, process
        HAVING COUNT(*) >= {_FEW} AND {_ENOUGH} AND {_ANSWERED}
        """,
        "port = base AND sessions.process = sets.process AND sessions.process <> ''",
    ),
}
_KINDS_THERE = f"""
WITH {_PAIRS}
SELECT EXISTS ({_TO_SETS}) AS has_to, EXISTS (SELECT * FROM crowds) AS has_from,
  EXISTS (SELECT * FROM {{schema}}.{NETWORK_SESSION} WHERE SrcAppName <> '') AS has_by
"""
_SETS = f"""
WITH {_PAIRS},
sets AS ({{sets}}),
numbered AS (
  SELECT HASH(sets.host, sets.protocol, base, sets.process) AS number, sets.*,
    sessions.* EXCLUDE (host, protocol, process)
  FROM {_SESSIONS} INNER JOIN sets
    ON sessions.host = sets.host AND sessions.protocol = sets.protocol AND {{condition}}
)
"""
_TIMES = f"""
{_SETS}
SELECT number, EPOCH_US(time) AS time, (SELECT COUNT(*) FROM sets) AS tested,
  (SELECT COUNT(DISTINCT host) FROM sets) AS hosts
FROM numbered ORDER BY number, time
"""
# File sharing moves much with several: places with which the host moves much at once, on ports of no service.
_TOLD = f"""
{_SETS},
peers AS (
  SELECT number, host, protocol, base, process, remote, MIN(source) AS source, MIN(port) AS port,
    COUNT(*) AS calls, SUM(failed) AS failed, MIN(time) AS first, MAX(time) AS last,
    SUM(sent) AS sent, SUM(sent * sent) AS squares, COUNT(sent) AS sized
  FROM numbered WHERE number IN ({{numbers}}) GROUP BY number, host, protocol, base, process, remote
),
moved AS (
  SELECT host, COUNT(DISTINCT CASE WHEN sent >= {_LARGE} OR received >= {_LARGE} THEN remote END) AS partners
  FROM {_SESSIONS}
  WHERE host IN (SELECT host FROM peers) AND port NOT IN ({_ports(SERVICE_PORTS)}) GROUP BY host
)
SELECT number, host, protocol, base, process, MIN(source) AS source, COUNT(*) AS peers,
  COUNT(CASE WHEN failed = peers.calls THEN 1 END) AS gone, COUNT(DISTINCT port) AS ports, SUM(peers.calls) AS calls,
  MIN(first) AS first, MAX(last) AS last, SUM(sent) AS sent, SUM(squares) AS squares, SUM(sized) AS sized,
  COUNT(CASE WHEN port IN ({{swarm}}) THEN 1 END) AS swarm, COALESCE(MAX(partners), 0) AS partners,
  LIST(remote ORDER BY calls DESC, remote)[1:{{most}}] AS remotes, LIST(DISTINCT port ORDER BY port)[1:{SHOWN}] AS some,
  (SELECT COUNT(DISTINCT host) FROM going) AS all_hosts
FROM peers LEFT JOIN moved USING (host) GROUP BY number, host, protocol, base, process
ORDER BY host, protocol, base, process
"""
_NAMED = 100  # peers of a set whose names are looked for


# Programs that keep in touch with peers, by the ports that they document and that few change.
_SWARM = frozenset({*range(6881, 6890), 51413})  # BitTorrent's own range, and Transmission's port
_PROGRAMS = {
    **dict.fromkeys(_SWARM, "BitTorrent"),
    3478: "STUN",
    4001: "IPFS",
    4662: "eMule",
    4672: "eMule",
    7680: "Windows' sharing of updates",
    8333: "Bitcoin",
    9993: "ZeroTier",
    19302: "STUN",
    22000: "Syncthing",
    22067: "Syncthing",
    30303: "Ethereum",
    41641: "Tailscale",
}


@dataclass(frozen=True, slots=True)
class Peers:
    """What a host says to a set of places. `base`: the port that the set has in common; `sent` in bytes, in all."""

    kind: str
    host: str
    protocol: str
    base: int
    process: str
    source: str
    peers: int
    gone: int  # that never answer
    ports: int
    calls: int
    first: datetime
    last: datetime
    sent: float | None
    squares: float | None
    sized: int
    swarm: int
    partners: int  # with which the host moves much
    remotes: tuple[str, ...]
    some: tuple[int, ...]
    all_hosts: int
    timing: Timing

    @property
    def variety(self) -> float | None:
        """How much the sizes that it sends differ, as a coefficient of variation; None where no log tells them."""
        if not self.sized or not self.sent or self.sent < 0 or self.squares is None:
            return None
        mean = self.sent / self.sized
        return math.sqrt(max(self.squares / self.sized / mean**2 - 1, 0.0))


# Honest programs that call many peers by a timer are about as many as beacons that are honest: ten to one.
PRIOR = -1.0
_ALIKE = 0.25  # coefficient of variation of what is sent: a few kinds of message of about one length


def clues(found: Peers, *, looked_up: bool | None) -> Iterator[Clue]:
    """What speaks for and against a bot. `looked_up`: whether any peer was; None where no log would show it."""
    if found.base not in SERVICE_PORTS:
        yield Clue(f"port {found.base} belongs to no common service", 0.5)
    if found.gone >= 0.25 * found.peers:  # Yen and Reiter: peers of bots are addresses of a list that is out of date
        weight = 1.0 if found.gone >= 0.9 * found.peers else 0.5
        yield Clue(f"{found.gone} of {found.peers} peers never answer, and it keeps calling", weight)
    if found.variety is not None and found.variety <= _ALIKE:
        yield Clue("all that it sends is about one size", 0.5)
    if looked_up is False:
        yield Clue("no peer was looked up by name", 0.5)
    if found.last - found.first >= timedelta(hours=18):
        yield Clue("it goes on day and night", 0.3)
    if found.partners >= 3:  # noqa: PLR2004
        yield Clue(f"the host moves much with {found.partners} places on such ports, as file sharing does", -1.0)


def explanation(found: Peers, names: Mapping[str, Sequence[str]], alike: int) -> str | None:
    """What honest thing it is, where that is known. `alike`: hosts here of which the same is told."""
    if found.swarm >= 3:  # noqa: PLR2004
        return f"{found.swarm} of its peers have ports of BitTorrent's clients, as its network has"
    if found.base in _PROGRAMS:
        return f"port {found.base} is {_PROGRAMS[found.base]}, which keeps in touch with peers"
    known = [
        each for each in found.remotes if any(known_name(name) or is_popular(name) for name in names.get(each, ()))
    ]
    if 2 * len(known) >= len(found.remotes):
        return f"{len(known)} of {len(found.remotes)} places have popular names"
    if found.all_hosts >= 10 and 2 * alike >= found.all_hosts:  # noqa: PLR2004
        return f"{alike} of {found.all_hosts} hosts do the same"
    return None


def _tree(sight: Sight, asked: str, kind: str = "", **values: str) -> exp.Expr:
    """A question of the sets of a kind, or of all pairs, as a tree."""
    if kind:
        own = _KINDS[kind]
        values |= {"sets": own.sets.format(schema=sight.schema), "condition": own.condition}
    return sqlglot.parse_one(asked.format(schema=sight.schema, **values), dialect="duckdb")


def find(sight: Sight) -> Found:
    """The sets of peers that are called by a timer, each once."""
    if NETWORK_SESSION not in sight.tables:
        return Found(0, 0, ())
    (there,) = sight.run(_tree(sight, _KINDS_THERE)).to_pylist()
    times = {kind: sight.run(_tree(sight, _TIMES, kind)) for kind in _KINDS if there[f"has_{kind}"]}
    found = [each for kind, rows in times.items() for each in _told(sight, kind, timings(rows))]
    names = sight.names(sorted({remote for each in found for remote in each.remotes}))
    return Found(
        sum(same_in_all(rows, "tested") for rows in times.values()),
        max((same_in_all(rows, "hosts") for rows in times.values()), default=0),
        tuple(_candidate(sight, each, names, _alike(found, each)) for each in _apart(found)),
    )


def _told(sight: Sight, kind: str, timed: Mapping[int, Timing]) -> list[Peers]:
    """All that is told of the sets of a kind that chance explains badly."""
    if not timed:
        return []
    numbers = ", ".join(map(str, timed))
    rows: pa.Table = sight.run(_tree(sight, _TOLD, kind, numbers=numbers, swarm=_ports(_SWARM), most=str(_NAMED)))
    return [
        Peers(
            kind=kind,
            timing=timed[row.pop("number")],
            remotes=tuple(row.pop("remotes")),
            some=tuple(row.pop("some")),
            **{**row, "calls": int(row["calls"]), "sized": int(row["sized"])},
        )
        for row in rows.to_pylist()
    ]


def _alike(found: Sequence[Peers], one: Peers) -> int:
    return len({each.host for each in found if (each.kind, each.base) == (one.kind, one.base)})


def _apart(found: Sequence[Peers]) -> list[Peers]:
    """The sets, the least like chance first; those whose peers are mostly another's of the same host are left out."""
    kept: list[Peers] = []
    for each in sorted(found, key=lambda one: one.timing.log10_p):
        own = set(each.remotes)
        if not any(2 * len(own.intersection(other.remotes)) > len(own) for other in kept if other.host == each.host):
            kept.append(each)
    return kept


_WHERE = {"to": "on port", "from": "from its own port", "by": "on port"}


def _candidate(sight: Sight, found: Peers, names: Mapping[str, Sequence[str]], alike: int) -> Candidate:
    seen = sight.sees_lookups(found.source, found.first, found.last)
    looked_up = any(each in names for each in found.remotes) if seen else None
    timing = found.timing
    who = f"{found.process} calls" if found.process else "calls"
    return Candidate(
        host=found.host,
        remotes=found.remotes[:SHOWN],
        ports=found.some if found.kind == "from" else (found.base,),
        process=found.process or None,
        first=found.first,
        last=found.last,
        p_value=p_value(timing.log10_p),
        prior=PRIOR,
        clues=tuple(clues(found, looked_up=looked_up)),
        reasons=(
            f"{who} {found.peers} peers {_WHERE[found.kind]} {found.base} by one timer: {found.calls} calls",
            f"it goes off about every {timing.period:.3g} s",
            f"their local variation is {timing.variation:.3f} (a clock: 0, chance: 1), p = 1e{timing.log10_p:.0f}",
        ),
        numbers={
            "peers": found.peers,
            "calls": found.calls,
            "gone": found.gone,
            "ports": found.ports,
            "period_s": round(timing.period, 3),
            "local_variation": round(timing.variation, 4),
        },
        evidence=_EVIDENCE[found.kind],
        row={"Source": found.source, "Port": found.base, "Protocol": found.protocol, "Process": found.process},
        explained_by=explanation(found, names, alike),
    )


_OF_HOST = {"SrcIpAddr": "$Source", "NetworkProtocol": "$Protocol"}
_EVIDENCE = {
    "to": EvidenceRows(table=NETWORK_SESSION, where={**_OF_HOST, "DstPortNumber": "$Port"}),
    "from": EvidenceRows(table=NETWORK_SESSION, where={**_OF_HOST, "SrcPortNumber": "$Port"}),
    "by": EvidenceRows(table=NETWORK_SESSION, where={**_OF_HOST, "DstPortNumber": "$Port", "SrcAppName": "$Process"}),
}

P2P = Analytic(
    name="p2p",
    title="Calls to many peers or rotating servers by one timer",
    null="the calls of a host to all its peers together come as a memoryless process has them, in bursts or not",
    role=Role.BOT,
    techniques=("T1071", "T1008", "T1568", "T1095", "T1583.005"),
    reads={NETWORK_SESSION: (*PAIRS_READ, "SrcBytes", "DstBytes", "SrcAppName")},
    find=find,
)
