"""Spread: a host that tries many places of which few answer.

Null hypothesis: of the places that a host tries for the first time, a share fails that is 0.2 in the middle
and differs from host to host and port to port as Beta(2, 8) does. 0.2 is what Jung, Paxson, Berger and Balakrishnan,
"Fast portscan detection using sequential hypothesis testing" (2004), take of ordinary hosts; that the share differs
makes a dead server or a lost route no attack. How far it differs is no published figure but a choice: so that one
host in twenty has above 0.43, about what a client of a swarm has. With Beta(1, 4), which differs more, scans of 50
places and worms are still found, with larger p-values; the closed form below holds for Beta(2, 8) alone. ICMP is not
tested. Unlike the sequential test, which forgets how shares differ, the tail is exact for any number of places.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.model import WORTH, Analytic, Candidate, Clue, Found, Sight, p_value
from herdsight.analytics.pairs import IS_TRIED, PAIRS, PAIRS_READ
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION

Reals = npt.NDArray[np.float64]

# Fewer places than this pass no level, whatever comes of them: 5 of 5 failing has a p-value of 0.004.
LEAST = 6
SHOWN = 16  # places and ports that a candidate names

# Ports by which worms and intruders go from host to host: remote shells and desktops, file shares, the databases and
# device consoles that they guess passwords of.
SPREAD_PORTS = {
    21: "FTP",
    22: "SSH",
    23: "Telnet",
    135: "RPC",
    139: "SMB",
    445: "SMB",
    1433: "SQL Server",
    2222: "SSH",
    2323: "Telnet",
    3306: "MySQL",
    3389: "RDP",
    5555: "ADB",
    5900: "VNC",
    5985: "WinRM",
    6379: "Redis",
    7547: "TR-069",
    8291: "Winbox",
    37215: "UPnP",
}
_WEB_PORTS = frozenset({80, 443, 8080, 8443})

_TRIES = f"""
WITH tries AS (
  SELECT * FROM {{schema}}.{PAIRS} WHERE direction IN ('Outbound', 'Local', 'External') AND {IS_TRIED}
)
"""

# What is only counted is counted by hashes, which is quicker. A set of ports has no port, and one of addresses none.
_COUNTED = f"""
{_TRIES},
contacts AS (SELECT DISTINCT HASH(host) AS host, HASH(remote) AS remote, port, protocol FROM tries),
sets AS (
  SELECT remote, protocol FROM contacts
  GROUP BY GROUPING SETS ((host, port, protocol), (host, remote, protocol)) HAVING COUNT(*) >= {LEAST}
)
SELECT COUNT(CASE WHEN remote IS NULL OR protocol = 'TCP' THEN 1 END) AS tested,
  (SELECT COUNT(DISTINCT host) FROM contacts) AS hosts
FROM sets
"""

# A place is a port of an address; it failed where it never answered. Sets of which too few failed for any of their
# hours are left out at first. `hour` is NULL over the whole time.
_TRIED = (
    _TRIES
    + """
, odd AS (
  SELECT host, {of} FROM tries WHERE failed = calls {only} GROUP BY host, {of} HAVING COUNT(*) > {ordinary} * {least}
),
contacts AS (
  SELECT host, remote, port, protocol, MIN(source) AS source, MIN(first) AS first,
    MIN(CASE WHEN failed = calls THEN 1 ELSE 0 END) AS failed
  FROM tries WHERE (host, {of}) IN (SELECT host, {of} FROM odd) GROUP BY host, remote, port, protocol
),
some AS (SELECT *, DATE_TRUNC('hour', first) AS hour FROM contacts),
around AS (
  SELECT host, {of}, hour, MIN(source) AS source, MIN(first) AS first, MAX(first) AS last,
    COUNT(*) AS tried, CAST(SUM(failed) AS BIGINT) AS failed
  FROM some GROUP BY GROUPING SETS ((host, {of}, hour), (host, {of}))
),
sets AS (SELECT *, COUNT(*) OVER (PARTITION BY host, {of}) AS windows FROM around),
told AS (SELECT * FROM sets WHERE tried >= {least} AND failed > {ordinary} * tried),
networks AS (
  SELECT host, {of}, told.hour, COUNT(DISTINCT CASE
    WHEN some.remote LIKE '%.%' THEN REGEXP_REPLACE(some.remote, '[.][0-9]+$', '') ELSE some.remote END) AS networks
  FROM some INNER JOIN told USING (host, {of}) WHERE told.hour IS NULL OR told.hour = some.hour
  GROUP BY host, {of}, told.hour
)
SELECT told.*, networks FROM told INNER JOIN networks
  ON told.host = networks.host AND told.protocol = networks.protocol AND told.{one} = networks.{one}
  AND told.hour IS NOT DISTINCT FROM networks.hour
"""
)


def tried(schema: str, *, vertical: bool) -> exp.Expr:
    """A row for each set of places that fail oftener than is usual, by hour and (hour NULL) over the whole time.

    A set is what one host tries on one port; or, `vertical`, on all TCP ports of one address, where each port counts.
    """
    one = "remote" if vertical else "port"
    only = "AND protocol = 'TCP'" if vertical else ""
    text = _TRIED.format(schema=schema, one=one, of=f"{one}, protocol", only=only, least=LEAST, ordinary=ORDINARY)
    return sqlglot.parse_one(text, dialect="duckdb")


ORDINARY = 0.2  # the mean of Beta(2, 8)


def log10_tail(failed: Reals, tried: Reals) -> Reals:
    """The log10 of how often at least `failed` of `tried` places fail where the share that fails is Beta(2, 8).

    The beta-binomial's tail in closed form: with m = tried - failed, it is 72 / (n + 9) ((n + 1) / 8 - m / 9) times
    the product of (m + i) / (n + i) for i from 1 to 8.
    """
    n = np.maximum(tried, 1.0)
    m = np.clip(n - failed, 0.0, n)
    steps = np.arange(1.0, 9.0)[:, None]
    product = np.log10((m[None, :] + steps) / (n[None, :] + steps)).sum(axis=0)
    found: Reals = np.minimum(product + np.log10(72 / (n + 9) * ((n + 1) / 8 - m / 9)), 0.0)
    return found


@dataclass(frozen=True, slots=True)
class Tried:
    """Places that a host tried in one hour, or (`hour` None) in all: on one port, or of one address."""

    host: str
    source: str
    hour: datetime | None
    first: datetime
    last: datetime
    tried: int
    failed: int
    networks: int
    log10_p: float
    protocol: str
    port: int = 0
    remote: str = ""

    @property
    def pace(self) -> float:
        """New places a minute; a minute at least."""
        return self.tried / max(1.0, (self.last - self.first).total_seconds() / 60)


def sets_of(rows: pa.Table) -> list[Tried]:
    """The rows as sets, each port or address once, at its most telling hour; its p-value counts the hours tried."""
    if not rows.num_rows:
        return []
    numbers = (np.asarray(rows.column(name).to_numpy(), float) for name in ("failed", "tried", "windows"))
    failed, count, windows = numbers
    tails = np.minimum(log10_tail(failed, count) + np.log10(np.maximum(windows, 1)), 0.0)
    best: dict[tuple[object, ...], Tried] = {}
    for row, tail in zip(rows.to_pylist(), tails.tolist(), strict=True):
        own = {name: row[name] for name in Tried.__slots__ if name in row}
        each = Tried(**own, log10_p=tail)
        key = (each.host, each.port, each.remote, each.protocol)
        if key not in best or each.log10_p < best[key].log10_p:
            best[key] = each
    return [each for each in best.values() if each.log10_p < WORTH]


# --- what else is known of it ---------------------------------------------------------------------------------------

# What fails oftener than is usual is as often a lost route, a switched off server or a stale list as it is a scan.
PRIOR = -0.5


def clues(lead: Tried, also: int) -> Iterator[Clue]:
    """What speaks for a scan behind places that fail. `also`: further ports or addresses, of which the same is true."""
    what = "ports" if lead.remote else "addresses"
    for many, weight in ((100, 1.0), (30, 0.5)):
        if lead.tried >= many:
            yield Clue(f"{lead.tried} {what} are more than stale entries and dead servers make", weight)
            break
    if lead.failed >= 0.8 * lead.tried:  # Jung's share of scanners
        yield Clue(f"{lead.failed / lead.tried:.0%} of them never answer", 0.5)
    if lead.port in SPREAD_PORTS:
        yield Clue(f"port {lead.port} is {SPREAD_PORTS[lead.port]}, by which worms spread", 0.7)
    if lead.port in _WEB_PORTS and lead.protocol == "TCP":
        yield Clue(f"port {lead.port} is the Web's, where clients come across dead places", -0.7)
    if lead.protocol == "UDP":
        yield Clue("by UDP not to answer is no failure yet", -0.5)
    if also >= 4:  # noqa: PLR2004
        yield Clue(f"the same is true of {also} more {'addresses' if lead.remote else 'ports'}", 0.7)
    if lead.pace >= 10:  # noqa: PLR2004
        yield Clue(f"{lead.pace:.0f} new {what} a minute", 0.5)
    if not lead.remote and lead.tried >= 10 * lead.networks:
        yield Clue(f"they lie side by side, in {lead.networks} networks", 0.5)


# Peers of a swarm: each has a port of its own, which nobody else has, and some are always gone.
_PEERS = (
    _TRIES
    + """
, places AS (SELECT DISTINCT host, remote, port FROM tries WHERE port > 1023 AND host IN ({hosts})),
pairs AS (
  SELECT host, COUNT(*) OVER (PARTITION BY host, remote) AS ports, COUNT(*) OVER (PARTITION BY host, port) AS remotes
  FROM places
)
SELECT host, COUNT(*) AS peers FROM pairs WHERE ports <= 2 AND remotes <= 2 GROUP BY host HAVING COUNT(*) >= {crowd}
"""
)
_CROWD = 10


def explanation(lead: Tried, peers: int) -> str | None:
    """What honest thing it is, where that is known. `peers`: addresses that the host calls, each by its own port."""
    answer = lead.tried - lead.failed
    if peers and lead.port > 1023 and lead.port not in SPREAD_PORTS and answer >= 0.1 * lead.tried:  # noqa: PLR2004
        return f"it calls {peers} addresses each by a port of its own, as peer-to-peer programs do, and some answer"
    return None


def find(sight: Sight) -> Found:
    """The hosts that try places of which few answer: once for ports across addresses, once for ports of addresses."""
    if NETWORK_SESSION not in sight.tables:
        return Found(0, 0, ())
    (counted,) = sight.run(sqlglot.parse_one(_COUNTED.format(schema=sight.schema), dialect="duckdb")).to_pylist()
    found = [_found(sight, vertical=vertical) for vertical in (False, True)]
    peers = _peers(sight, {host for by_host in found for host in by_host})
    candidates = [_candidate(own, peers.get(host, 0)) for by_host in found for host, own in by_host.items()]
    return Found(counted["tested"], counted["hosts"], tuple(candidates))


def _found(sight: Sight, *, vertical: bool) -> Mapping[str, Sequence[Tried]]:
    by_host: dict[str, list[Tried]] = defaultdict(list)
    for each in sets_of(sight.run(tried(sight.schema, vertical=vertical))):
        by_host[each.host].append(each)
    return by_host


def _peers(sight: Sight, hosts: Iterable[str]) -> Mapping[str, int]:
    """By host, of these, how many addresses it calls each by a port of its own; those that call few are left out."""
    listed = ", ".join(exp.Literal.string(each).sql("duckdb") for each in sorted(hosts))
    if not listed:
        return {}
    text = _PEERS.format(schema=sight.schema, hosts=listed, crowd=_CROWD)
    return {row["host"]: row["peers"] for row in sight.run(sqlglot.parse_one(text, dialect="duckdb")).to_pylist()}


def _ordered(found: Iterable[Tried]) -> list[Tried]:
    return sorted(found, key=lambda each: (each.log10_p, -each.tried, each.port, each.remote, each.protocol))


def _candidate(found: Iterable[Tried], peers: int) -> Candidate:
    leads = _ordered(found)
    lead = leads[0]
    ports = tuple(dict.fromkeys(each.port for each in leads[:SHOWN] if each.port))
    remotes = tuple(dict.fromkeys(each.remote for each in leads[:SHOWN] if each.remote))
    what = f"ports of {lead.remote}" if lead.remote else f"addresses on port {lead.port}"
    return Candidate(
        host=lead.host,
        remotes=remotes,
        ports=ports,
        first=min(each.first for each in leads),
        last=max(each.last for each in leads),
        p_value=p_value(lead.log10_p),
        prior=PRIOR,
        clues=tuple(clues(lead, len(leads) - 1)),
        reasons=(
            f"tries {lead.tried} {what}, of which {lead.failed} never answer",
            f"of an ordinary host's places 20% fail: p = 1e{lead.log10_p:.0f}",
        ),
        numbers={
            "tried": lead.tried,
            "failed": lead.failed,
            "networks": lead.networks,
            "a_minute": round(lead.pace, 2),
            "sets": len(leads),
        },
        evidence=_ADDRESSES if lead.remote else _PORTS,
        row={"Source": lead.source, "Port": ports, "Remote": remotes},
        explained_by=explanation(lead, peers),
    )


_PORTS = EvidenceRows(table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "DstPortNumber": "$Port"})
_ADDRESSES = EvidenceRows(table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "DstIpAddr": "$Remote"})

SPREAD = Analytic(
    name="spread",
    title="Tries many places, of which few answer",
    null="the share of a host's places that fail is Beta(2, 8), whose mean is 0.2",
    role=Role.ATTACKER,
    techniques=("T1046", "T1595", "T1018", "T1021", "T1110"),
    reads={NETWORK_SESSION: PAIRS_READ},
    find=find,
    needs=("EventResult",),
)
