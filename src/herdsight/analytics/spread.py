"""Spread and outbound floods: a host that tries many places of which few answer, or that presses on one.

Spread's null hypothesis: of the places that a host tries for the first time, a share fails that is 0.2 in the middle
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
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.known import PERIODIC_PORTS
from herdsight.analytics.model import WORTH, Analytic, Candidate, Clue, Found, Sight, p_value, same_in_all
from herdsight.analytics.tails import TENTH, log10_normal_tail
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

# Multicast and broadcast have no one to answer. What comes from a service's port to a client's is an answer whose
# question was not seen.
_SESSIONS = """
SELECT
  CASE WHEN SrcHostname <> '' THEN SrcHostname ELSE SrcIpAddr END AS host, SrcIpAddr AS source, DstIpAddr AS remote,
  DstPortNumber AS port, NetworkProtocol AS protocol, TimeGenerated AS time,
  CASE WHEN EventResult = 'Failure' THEN 1 ELSE 0 END AS failed,
  CAST(GREATEST(COALESCE(EventCount, 1), 1) AS DOUBLE) AS sessions
FROM {schema}.ASimNetworkSessionLogs
WHERE EventType <> 'IDS' AND NetworkDirection IN ({directions}) AND NetworkProtocol IN ('TCP', 'UDP')
  AND DstPortNumber > 0 AND DstIpAddr <> '' AND SrcIpAddr <> '' AND SrcIpAddr <> DstIpAddr
  AND NOT (NetworkProtocol = 'UDP' AND DstPortNumber IN ({periodic}))
  AND NOT (COALESCE(SrcPortNumber, 65535) < 1024 AND DstPortNumber >= 1024)
  AND NOT (DstIpAddr LIKE '22_.%' OR DstIpAddr LIKE '23_.%' OR DstIpAddr LIKE '%.255' OR DstIpAddr LIKE 'ff%')
"""

# A place is a port of an address; it failed where it never answered. `hour` is NULL over the whole time.
_TRIED = """
WITH sessions AS ({sessions}),
contacts AS (
  SELECT host, remote, port, protocol, MIN(source) AS source, MIN(time) AS first, MIN(failed) AS failed
  FROM sessions GROUP BY host, remote, port, protocol
),
spans AS (
  SELECT *, DATE_TRUNC('hour', first) AS hour FROM contacts
  UNION ALL SELECT *, CAST(NULL AS TIMESTAMP) AS hour FROM contacts
),
around AS (
  SELECT host, {of}, hour, MIN(source) AS source, MIN(first) AS first, MAX(first) AS last,
    COUNT(*) AS tried, CAST(SUM(failed) AS BIGINT) AS failed,
    COUNT(DISTINCT CASE WHEN remote LIKE '%.%' THEN REGEXP_REPLACE(remote, '[.][0-9]+$', '') ELSE remote END)
      AS networks
  FROM spans {only} GROUP BY host, {of}, hour
),
sets AS (SELECT *, COUNT(*) OVER (PARTITION BY host, {of}) AS windows FROM around),
tested AS (SELECT * FROM sets WHERE hour IS NULL AND tried >= {least})
SELECT *, (SELECT COUNT(*) FROM tested) AS all_tested, (SELECT COUNT(DISTINCT host) FROM contacts) AS all_hosts
FROM sets WHERE tried >= {least} AND failed > {ordinary} * tried
"""


def _sessions(schema: str, directions: Sequence[str]) -> str:
    told = ", ".join(f"'{each}'" for each in directions)
    return _SESSIONS.format(schema=schema, directions=told, periodic=", ".join(map(str, sorted(PERIODIC_PORTS))))


def tried(schema: str, *, vertical: bool) -> exp.Expr:
    """A row for each set of places that fail oftener than is usual, by hour and (hour NULL) over the whole time.

    A set is what one host tries on one port; or, `vertical`, on all TCP ports of one address, where each port counts.
    """
    text = _TRIED.format(
        sessions=_sessions(schema, ("Outbound", "Local", "External")),
        of="remote, protocol" if vertical else "port, protocol",
        only="WHERE protocol = 'TCP'" if vertical else "",
        least=LEAST,
        ordinary=ORDINARY,
    )
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
_PEERS = """
WITH sessions AS ({sessions}),
pairs AS (
  SELECT host, remote, port, MIN(failed) AS failed,
    COUNT(*) OVER (PARTITION BY host, remote) AS ports, COUNT(*) OVER (PARTITION BY host, port) AS remotes
  FROM sessions WHERE port > 1023 GROUP BY host, remote, port
)
SELECT host, COUNT(*) AS peers FROM pairs WHERE ports <= 2 AND remotes <= 2 GROUP BY host HAVING COUNT(*) >= {crowd}
"""
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
    peers = sight.run(
        sqlglot.parse_one(
            _PEERS.format(sessions=_sessions(sight.schema, ("Outbound", "Local", "External")), crowd=_CROWD),
            dialect="duckdb",
        )
    )
    crowds = {str(row["host"]): int(row["peers"]) for row in peers.to_pylist()}
    found = [_found(sight, vertical=vertical, crowds=crowds) for vertical in (False, True)]
    return Found(
        sum(each.tested for each in found),
        max(each.hosts for each in found),
        tuple(candidate for each in found for candidate in each.candidates),
    )


def _found(sight: Sight, *, vertical: bool, crowds: Mapping[str, int]) -> Found:
    rows = sight.run(tried(sight.schema, vertical=vertical))
    tested, hosts = same_in_all(rows, "all_tested"), same_in_all(rows, "all_hosts")
    by_host: dict[str, list[Tried]] = defaultdict(list)
    for each in sets_of(rows):
        by_host[each.host].append(each)
    return Found(tested, hosts, tuple(_candidate(own, crowds.get(host, 0)) for host, own in by_host.items()))


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

_READS = {
    NETWORK_SESSION: (
        "EventType",
        "NetworkDirection",
        "NetworkProtocol",
        "SrcHostname",
        "SrcIpAddr",
        "SrcPortNumber",
        "DstIpAddr",
        "DstPortNumber",
        "EventResult",
        "EventCount",
    )
}

SPREAD = Analytic(
    name="spread",
    title="Tries many places, of which few answer",
    null="the share of a host's places that fail is Beta(2, 8), whose mean is 0.2",
    role=Role.ATTACKER,
    techniques=("T1046", "T1595", "T1018", "T1021", "T1110"),
    reads=_READS,
    find=find,
    needs=("EventResult",),
)


# --- one host that presses on one victim ----------------------------------------------------------------------------

# Sessions of a pair's busiest minute, as natural logarithms: at least this middle and spread, so that three are usual
# and one pair in 500 reaches 100, as a page does with all its parts. Where these logs have busier pairs, theirs count.
_MIDDLE = float(np.log(3))
_SPREAD = 1.2
_ENOUGH = 20  # pairs that tell what is usual here: one of them may be the flood
_MANY = 100  # sessions a minute below which nothing is a flood

# UDP floods go to any port of the victim.
_PRESSED = """
WITH sessions AS ({sessions}),
minutes AS (
  SELECT host, remote, protocol, CASE WHEN protocol = 'TCP' THEN port ELSE 0 END AS port,
    DATE_TRUNC('minute', time) AS minute, MIN(source) AS source, MIN(time) AS first, MAX(time) AS last,
    MIN(port) AS example, SUM(sessions) AS sessions, SUM(failed * sessions) AS failed
  FROM sessions GROUP BY 1, 2, 3, 4, 5
),
pairs AS (
  SELECT host, remote, protocol, port, MIN(source) AS source, MIN(first) AS first, MAX(last) AS last,
    MIN(example) AS example, COUNT(*) AS minutes, MAX(sessions) AS busiest, SUM(sessions) AS sessions,
    SUM(failed) AS failed
  FROM minutes GROUP BY host, remote, protocol, port
),
usual AS (
  SELECT COUNT(*) AS all_tested, COUNT(DISTINCT host) AS all_hosts, QUANTILE_CONT(LN(busiest), 0.5) AS middle,
    QUANTILE_CONT(LN(busiest), 0.9) AS upper
  FROM pairs
)
SELECT * FROM pairs CROSS JOIN usual WHERE busiest >= {many}
"""


def pressed(schema: str) -> exp.Expr:
    """A row for each pair of a host and a place outside that has a minute of many sessions, and what is usual."""
    text = _PRESSED.format(sessions=_sessions(schema, ("Outbound", "External")), many=_MANY)
    return sqlglot.parse_one(text, dialect="duckdb")


@dataclass(frozen=True, slots=True)
class Pressed:
    """What one host does to one place outside; `busiest` is in sessions of one minute."""

    host: str
    source: str
    remote: str
    protocol: str
    port: int
    example: int
    first: datetime
    last: datetime
    minutes: int
    busiest: float
    sessions: float
    failed: float
    log10_p: float


def pairs_of(rows: pa.Table) -> list[Pressed]:
    """The rows as pairs; a pair's p-value is the tail of a log-normal at its busiest minute."""
    if not rows.num_rows:
        return []
    names = ("busiest", "middle", "upper", "all_tested")
    busiest, middle, upper, pairs = (np.asarray(rows.column(name).to_numpy(), float) for name in names)
    enough = pairs >= _ENOUGH
    spread = np.maximum(np.where(enough, (upper - middle) / TENTH, 0), _SPREAD)
    tails = log10_normal_tail((np.log(busiest) - np.maximum(np.where(enough, middle, 0), _MIDDLE)) / spread)
    return [
        Pressed(**{name: row[name] for name in Pressed.__slots__ if name in row}, log10_p=tail)
        for row, tail in zip(rows.to_pylist(), tails.tolist(), strict=True)
    ]


def pressing_clues(pair: Pressed) -> Iterator[Clue]:
    """What speaks for a flood behind a busy pair."""
    for many, weight in ((1_000, 1.0), (300, 0.5)):
        if pair.busiest >= many:
            yield Clue(f"{pair.busiest:.0f} sessions in a minute are more than a program makes", weight)
            break
    share = pair.failed / max(pair.sessions, 1)
    if share >= 0.8:  # noqa: PLR2004
        yield Clue(f"{share:.0%} of them are not answered", 1.0)
    elif share <= 0.2:  # noqa: PLR2004
        yield Clue(f"{1 - share:.0%} of them are answered", -0.5)
    if pair.sessions >= 0.5 * pair.busiest * pair.minutes and pair.minutes >= 3:  # noqa: PLR2004
        yield Clue(f"it presses evenly for {pair.minutes} minutes", 0.5)
    if pair.last - pair.first >= timedelta(days=1):
        yield Clue("it has talked to the place for more than a day", -1.0)


def find_pressing(sight: Sight) -> Found:
    """The hosts that press on one place outside."""
    if NETWORK_SESSION not in sight.tables:
        return Found(0, 0, ())
    rows = sight.run(pressed(sight.schema))
    tested, hosts = same_in_all(rows, "all_tested"), same_in_all(rows, "all_hosts")
    return Found(tested, hosts, tuple(_pressing(each) for each in pairs_of(rows) if each.log10_p < WORTH))


def _pressing(pair: Pressed) -> Candidate:
    where = f"{pair.remote}:{pair.example}" if pair.port else f"{pair.remote} by UDP"
    return Candidate(
        host=pair.host,
        remotes=(pair.remote,),
        ports=(pair.example,),
        first=pair.first,
        last=pair.last,
        p_value=p_value(pair.log10_p),
        prior=PRIOR,
        clues=tuple(pressing_clues(pair)),
        reasons=(
            f"makes {pair.busiest:.0f} sessions in one minute with {where}, {pair.sessions:.0f} in all",
            f"of the busiest minutes of other pairs few come near: p = 1e{pair.log10_p:.0f}",
        ),
        numbers={"a_minute": pair.busiest, "sessions": pair.sessions, "failed": pair.failed, "minutes": pair.minutes},
        evidence=_TO_PORT if pair.port else _TO_ANY,
        row={"Source": pair.source, "Remote": pair.remote, "Port": pair.port, "Protocol": pair.protocol},
    )


_TO_PORT = EvidenceRows(
    table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "DstIpAddr": "$Remote", "DstPortNumber": "$Port"}
)
_TO_ANY = EvidenceRows(
    table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "DstIpAddr": "$Remote", "NetworkProtocol": "$Protocol"}
)

PRESSING = Analytic(
    name="outbound-ddos",
    title="Floods one place outside",
    null="the sessions of pairs' busiest minutes are log-normal, about what these logs have",
    role=Role.ATTACKER,
    techniques=("T1498", "T1499"),
    reads=_READS,
    find=find_pressing,
)
