"""C2 by protocol: a host that chats by IRC, goes through a proxy outside, or speaks a protocol on a port of another.

Null hypothesis: a host has such a combination of protocol and port in a day as often as the hosts of these logs have
it; before any log is seen, as often as one host-day in a thousand (Beta(1, 999)). That figure is no published one but a
choice, of the order of what an analyst can look at; from a thousand hosts on the logs outweigh it. The count leaves out
the host that is judged. Where a sensor names no protocols, the ports of IRC alone are looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlglot
from sqlglot import exp

from herdsight.analytics.beacon import Timing, timings
from herdsight.analytics.known import is_popular, known_name
from herdsight.analytics.model import Analytic, Candidate, Clue, Found, Sight
from herdsight.analytics.pairs import IS_OF_PAIR, IS_TRIED, KEY, PAIRS, PAIRS_READ
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION

# By custom: 6660 to 6669, 6697 with TLS (RFC 7194), and 7000.
IRC_PORTS = frozenset({*range(6660, 6670), 6697, 7000})
# What nobody in most organisations has a reason to speak with a place outside, on whatever port.
_UNUSUAL = {
    "irc": "IRC, by which bots of Linux hosts and routers are led",
    "socks": "SOCKS, as to a proxy",
    "stratum": "Stratum, by which coins are mined",
}
_TLS = frozenset({
    21, 25, 110, 143, 389, 443, 465, 563, 587, 636, 853, 989, 990, 993, 995, 1433, 3306, 3389, 4443, 5061, 5222, 5223,
    5228, 5229, 5230, 5349, 5432, 5671, 5986, 8009, 8443, 8883, 9443, *IRC_PORTS,
})  # fmt: skip
# From IANA's registry, with what is usual beside it; of a protocol that is not named here no port is odd.
_OWN: Mapping[str, frozenset[int]] = {
    "dns": frozenset({53, 853, 5353, 5355}),
    "ftp": frozenset({20, 21, 990, 2121}),
    "http": frozenset({80, 81, 631, 1080, 2869, 3128, 5000, 5357, 5985, 7547, 8000, 8008, 8060, 8080, 8081, 8088})
    | {8090, 8888, 9080},
    "rdp": frozenset({3389}),
    "smb": frozenset({139, 445}),
    "smtp": frozenset({25, 465, 587, 2525}),
    "ssh": frozenset({22, 2222}),
    "ssl": _TLS,
    "tls": _TLS,
}
# Which firewalls let out: nothing honest speaks another protocol there, but to get through a firewall.
_BORROWED = frozenset({21, 22, 25, 53, 80, 110, 143, 443, 465, 587, 853, 993, 995})
_BACK = 12  # sessions on a port that is nobody's, below which it is a page on an odd port that somebody opened once
_MOST = 500  # odd combinations of which more is asked, the rarest first
_PSEUDO = 1_000.0  # host-days of which one has such a combination, before any log is seen

_GOING = f"direction IN ('Outbound', 'External') AND {IS_TRIED}"
_SPOKEN = "LOWER(NetworkApplicationProtocol)"
_SESSIONS = f"""(
  SELECT host, source, remote, port, {_SPOKEN} AS spoken, TimeGenerated AS time,
    CASE WHEN EventResult = 'Failure' THEN 1 ELSE 0 END AS failed, CAST(NetworkDuration AS DOUBLE) / 1000 AS seconds
  FROM (
    SELECT *, {KEY} FROM {{schema}}.{NETWORK_SESSION}
    WHERE {IS_OF_PAIR} AND (NetworkApplicationProtocol <> '' OR DstPortNumber IN ({{irc}}))
  ) AS keyed WHERE {_GOING} AND (spoken <> '' OR protocol = 'TCP')
) AS sessions"""
_COMBINED = f"""
SELECT spoken, port, COUNT(DISTINCT host) AS hosts, COUNT(*) AS sessions FROM {_SESSIONS} GROUP BY spoken, port
"""
_CALLERS = f"""
SELECT host, COUNT(DISTINCT CASE WHEN port >= 1024 THEN port END) AS ports, MIN(first) AS first, MAX(last) AS last
FROM {{schema}}.{PAIRS} WHERE {_GOING} GROUP BY host
"""
_PLACES = f"""
WITH odd AS (SELECT * FROM {_SESSIONS} WHERE {{combinations}}),
places AS (
  SELECT HASH(host, remote, port, spoken) AS number, host, remote, port, spoken, MIN(source) AS source,
    COUNT(*) AS sessions, SUM(failed) AS failed, MAX(seconds) AS longest, MIN(time) AS first, MAX(time) AS last
  FROM odd GROUP BY host, remote, port, spoken
)
"""
_TOLD = f"{_PLACES} SELECT * FROM places ORDER BY host, remote, port, spoken"
_TIMES = f"""
{_PLACES} SELECT HASH(host, remote, port, spoken) AS number, EPOCH_US(time) AS time FROM odd ORDER BY number, time
"""


@dataclass(frozen=True, slots=True)
class Combination:
    """A protocol (empty: none was recognised) on a port, and how many hosts of these logs have it."""

    spoken: str
    port: int
    hosts: int
    sessions: int

    @property
    def oddity(self) -> str | None:
        """What is odd about it, in words; None where nothing is."""
        parts = [part.strip() for part in self.spoken.split(",") if part.strip()]
        for part in parts:
            if part in _UNUSUAL:
                return _UNUSUAL[part]
        if not parts:
            return f"port {self.port}, a port of IRC" if self.port in IRC_PORTS else None
        own = [_OWN[part] for part in parts if part in _OWN]
        if len(own) < len(parts) or any(self.port in ports for ports in own):
            return None
        return f"{self.spoken}, which is not what port {self.port} is for"


@dataclass(frozen=True, slots=True)
class Place:
    """What one host speaks with one place: `longest` in seconds, of its sessions."""

    host: str
    source: str
    remote: str
    combination: Combination
    sessions: int
    failed: int
    longest: float | None
    first: datetime
    last: datetime
    timing: Timing | None

    @property
    def recognised(self) -> bool:
        """Whether the sensor saw the protocol, and not the port alone."""
        return bool(self.combination.spoken)


# An odd protocol is as often a service of somebody's own, or a chat of people, as it is C2; three to one at first.
PRIOR = -0.5
_HOUR = 3_600.0
_TIMER = -6.0  # log10: what passes the beacon's budgets among a thousand pairs


def clues(place: Place, *, looked_up: bool | None) -> Iterator[Clue]:
    """What speaks for and against C2. `looked_up`: whether the place was; None where no log would show it."""
    port, spoken = place.combination.port, place.combination.spoken
    if not place.recognised:
        yield Clue("the port alone is known: no protocol was recognised", -0.5)
    elif "irc" in spoken:
        yield Clue("the sensor recognised IRC, which few organisations use", 0.5)
    if port in _BORROWED:
        yield Clue(f"port {port} is one that firewalls let out", 0.5)
    if place.longest is not None and place.longest >= _HOUR:
        yield Clue(f"it stays for {place.longest / _HOUR:.1f} h at a time", 0.5)
    if place.timing is not None and place.timing.log10_p <= _TIMER:
        yield Clue(f"it comes back by a timer, about every {place.timing.period:.3g} s", 0.7)
    elif place.sessions >= _BACK:
        yield Clue(f"it comes back: {place.sessions} sessions", 0.3)
    if looked_up is False:
        yield Clue("the address was not looked up by name", 0.5)


_ALL_OVER = 50  # ports that a host calls outside: a client of a swarm, whose peers have any, also those of IRC


def explanation(place: Place, names: Sequence[str], ports: int) -> str | None:
    """What honest thing it is, where that is known. `ports`: high ones that the host calls outside, in all."""
    if not place.recognised and ports >= _ALL_OVER:
        return f"the host calls {ports} different ports outside, and this is one of them"
    for name in names:
        if known := known_name(name):
            return f"{name} is {known}"
        if is_popular(name):
            return f"{name} is popular"
    return None


def _worth(each: Combination) -> bool:
    strange = not each.spoken or any(part in each.spoken.split(",") for part in _UNUSUAL)
    return each.oddity is not None and (strange or each.port in _BORROWED or each.sessions >= _BACK)


def _tree(sight: Sight, asked: str, **values: str) -> exp.Expr:
    irc = ", ".join(map(str, sorted(IRC_PORTS)))
    return sqlglot.parse_one(asked.format(schema=sight.schema, irc=irc, **values), dialect="duckdb")


@dataclass(frozen=True, slots=True)
class _Around:
    """By host, how many high ports it calls outside; and the days that the logs span."""

    ports: Mapping[str, int]
    days: float


def find(sight: Sight) -> Found:
    """The places of odd combinations of protocol and port."""
    around = _around(sight)
    if not around.ports:
        return Found(0, 0, ())
    combined = [Combination(**row) for row in sight.run(_tree(sight, _COMBINED)).to_pylist()]
    odd = sorted(filter(_worth, combined), key=lambda each: (each.hosts, each.spoken, each.port))[:_MOST]
    places = _places(sight, odd)
    names = sight.names(sorted({each.remote for each in places}))
    candidates = tuple(_candidate(sight, each, names.get(each.remote, ()), around) for each in places)
    return Found(len(around.ports), len(around.ports), candidates)


def _around(sight: Sight) -> _Around:
    rows = sight.run(_tree(sight, _CALLERS)).to_pylist() if NETWORK_SESSION in sight.tables else []
    if not rows:
        return _Around({}, 0.0)
    span = max(row["last"] for row in rows) - min(row["first"] for row in rows)
    return _Around({row["host"]: row["ports"] for row in rows}, span.total_seconds() / 86_400)


def _chance(place: Place, around: _Around) -> float:
    """How often a host has the combination: the mean of what the other hosts and the host-days before them leave.

    What is expected before any log is seen grows with the days that the logs span; an hour at least counts.
    """
    others = place.combination.hosts - 1
    return min((others + max(around.days, 1 / 24)) / (len(around.ports) - 1 + _PSEUDO), 1.0)


def _places(sight: Sight, odd: Sequence[Combination]) -> list[Place]:
    if not odd:
        return []
    by_key = {(each.spoken, each.port): each for each in odd}
    pairs = (f"({exp.Literal.string(spoken).sql('duckdb')}, {port})" for spoken, port in by_key)
    combinations = f"(spoken, port) IN ({', '.join(pairs)})"
    timed = timings(sight.run(_tree(sight, _TIMES, combinations=combinations)))
    return [
        Place(
            timing=timed.get(row.pop("number")),
            combination=by_key[row.pop("spoken"), row.pop("port")],
            **{**row, "failed": int(row["failed"])},
        )
        for row in sight.run(_tree(sight, _TOLD, combinations=combinations)).to_pylist()
        if row["failed"] < row["sessions"] or row["spoken"]
    ]


def _candidate(sight: Sight, place: Place, names: Sequence[str], around: _Around) -> Candidate:
    looked_up = bool(names) if sight.sees_lookups(place.source, place.first, place.last) else None
    port, hosts, chance = place.combination.port, place.combination.hosts, _chance(place, around)
    return Candidate(
        host=place.host,
        remotes=(place.remote,),
        ports=(port,),
        first=place.first,
        last=place.last,
        p_value=chance,
        prior=PRIOR,
        clues=tuple(clues(place, looked_up=looked_up)),
        reasons=(
            f"with {place.remote} it speaks {place.combination.oddity}: {place.sessions} sessions"
            if place.recognised
            else f"calls {place.combination.oddity}, at {place.remote}: {place.sessions} sessions",
            f"hosts here that have it: {hosts} of {len(around.ports)}, p = {chance:.2g}",
        ),
        numbers={
            "sessions": place.sessions,
            "failed": place.failed,
            "hosts": hosts,
            "longest_s": round(place.longest, 1) if place.longest is not None else 0.0,
        },
        evidence=_EVIDENCE,
        row={"Source": place.source, "Remote": place.remote, "Port": port},
        explained_by=explanation(place, names, around.ports[place.host]),
    )


_EVIDENCE = EvidenceRows(
    table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "DstIpAddr": "$Remote", "DstPortNumber": "$Port"}
)

C2_PROTOCOL = Analytic(
    name="c2-protocol",
    title="A protocol of C2, or one on a port that is not its own",
    null="a host has that protocol on that port as often as other hosts of these logs do, and one host-day in 1,000",
    role=Role.BOT,
    techniques=("T1071", "T1571", "T1090", "T1583.005"),
    reads={NETWORK_SESSION: (*PAIRS_READ, "NetworkApplicationProtocol", "NetworkDuration")},
    find=find,
    judges=("irc-c2", "unusual-port"),
)
