"""Beacons: a host that calls one place outside at times too even for chance, judged by what else is known of it.

Null hypothesis: the calls come as a memoryless process has them, at whatever rate, which may change slowly, and in
bursts (`memoryless`). What is left when that is rejected is a timer, and most timers are honest: clues say which are
not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.known import PERIODIC_PORTS, PUSH_PORTS, SERVICE_PORTS, is_dynamic, is_popular, known_name
from herdsight.analytics.memoryless import LEAST, Wholes, evenness
from herdsight.analytics.model import HOST, WORTH, Analytic, Candidate, Clue, Found, Sight, p_value
from herdsight.analytics.novelty import Memory, memory, newness
from herdsight.analytics.pairs import IS_OF_PAIR, KEY, PAIRS, PAIRS_READ, SINGLE
from herdsight.analytics.roles import MAIL_PORTS, Task, tasks
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION, WEB_SESSION

# Bursts: connections no further apart are one check-in; each is tried. Seconds.
SCALES = (0.0, 0.5, 2.0, 10.0, 60.0, 300.0, 1800.0)
# Times in whole seconds say nothing of shorter periods: a gap of one second is any gap below two.
_COARSE = 5.0
# Longer than a long working day; and the share of it that its periods must fill.
_DAY_AND_NIGHT, _UNBROKEN = 18 * 3_600.0, 0.8

_OUTSIDE = f"""port NOT IN ({", ".join(map(str, sorted(PERIODIC_PORTS)))}) AND direction IN ('Outbound', 'External')"""
_CALLS = f"""
SELECT host, remote, port, '' AS name, source, TimeGenerated AS time, EventResult = 'Failure' AS failed,
  CAST(SrcBytes AS DOUBLE) AS sent, CAST(DstBytes AS DOUBLE) AS received
FROM (SELECT *, {KEY} FROM {{schema}}.{NETWORK_SESSION} WHERE {IS_OF_PAIR} AND {SINGLE}) AS sessions
WHERE {_OUTSIDE}
"""
_CALLERS = f"""
SELECT host, remote, port, '' AS name, single AS calls FROM {{schema}}.{PAIRS} WHERE {_OUTSIDE} AND single > 0
"""

# Requests through a proxy inside: the place is the name that was asked for.
_REQUESTS = f"""
SELECT {HOST} AS host, DstIpAddr AS remote, COALESCE(DstPortNumber, 0) AS port, LOWER(HttpHost) AS name,
  SrcIpAddr AS source, TimeGenerated AS time, EventResult = 'Failure' AS failed,
  CAST(SrcBytes AS DOUBLE) AS sent, CAST(DstBytes AS DOUBLE) AS received
FROM {{schema}}.{WEB_SESSION}
WHERE NetworkDirection = 'Local' AND HttpHost <> ''
"""
_REQUESTERS = f"SELECT host, remote, port, name, 1 AS calls FROM ({_REQUESTS}) AS requests"

# A series is what one host does to one address and port; or, through a proxy, to one name. Its number is a hash of 64
# bits, by which sorting is far quicker than by texts: of a hundred million series two are one by chance in 4,000 hunts.
_NUMBER = "HASH(host, remote, port, name) AS number"
_COUNTED = f"""
WITH callers AS ({{callers}}),
series AS (
  SELECT {_NUMBER}, MIN(host) AS host FROM callers GROUP BY number HAVING SUM(calls) > {LEAST + 1}
)
SELECT COUNT(*) AS tested, COUNT(DISTINCT host) AS hosts, (SELECT COUNT(DISTINCT host) FROM callers) AS all_hosts
FROM series
"""
TIMES = f"SELECT {_NUMBER}, EPOCH_US(time) AS time FROM ({{calls}}) AS calls ORDER BY number, time"
_TOLD = f"""
WITH calls AS (SELECT *, {_NUMBER} FROM ({{calls}}) AS calls),
callers AS ({{callers}}),
told AS (
  SELECT host, remote, port, name, number, MIN(source) AS source, COUNT(*) AS calls, MIN(time) AS first,
    MAX(time) AS last, AVG(CASE WHEN failed THEN 1 ELSE 0 END) AS failed, AVG(sent) AS sent,
    STDDEV_POP(sent) AS sent_spread, AVG(received) AS received, STDDEV_POP(received) AS received_spread
  FROM calls WHERE number IN ({{numbers}}) GROUP BY host, remote, port, name, number
),
places AS (
  SELECT remote, port, name, COUNT(DISTINCT host) AS hosts
  FROM callers WHERE remote IN (SELECT remote FROM told) GROUP BY remote, port, name
)
SELECT * FROM told INNER JOIN places USING (remote, port, name) ORDER BY host, remote, port, name
"""


def question(sight: Sight, asked: str, **values: str) -> exp.Expr:
    """A question of the series and their calls, over the tables that have rows."""
    both = ((NETWORK_SESSION, _CALLS, _CALLERS), (WEB_SESSION, _REQUESTS, _REQUESTERS))
    there = [(calls, callers) for table, calls, callers in both if table in sight.tables]
    calls, callers = (" UNION ALL ".join(texts).format(schema=sight.schema) for texts in zip(*there, strict=True))
    return sqlglot.parse_one(asked.format(calls=calls, callers=callers, **values), dialect="duckdb")


@dataclass(frozen=True, slots=True)
class Timing:
    """How one series comes, at the burst scale at which it is least like chance. Seconds."""

    period: float
    variation: float
    log10_p: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series of calls: shares, bytes."""

    host: str
    source: str
    remote: str
    port: int
    name: str
    calls: int
    first: datetime
    last: datetime
    failed: float
    sent: float | None
    sent_spread: float | None
    received: float | None
    received_spread: float | None
    hosts: int  # that call the same place
    all_hosts: int
    timing: Timing

    @property
    def period(self) -> float:
        """The median time between its bursts."""
        return self.timing.period

    @property
    def lasts(self) -> bool:
        """Whether it went on for most of a day and of its night, without a pause that a switched-off host has."""
        seconds = (self.last - self.first).total_seconds()
        return seconds >= _DAY_AND_NIGHT and self.calls * self.period >= _UNBROKEN * seconds

    @property
    def variety(self) -> float | None:
        """How much sizes differ: the greater coefficient of variation of the two directions; None without sizes."""
        pairs = ((self.sent, self.sent_spread), (self.received, self.received_spread))
        found = [spread / mean for mean, spread in pairs if mean and spread is not None]
        return max(found) if found else None


def timings(rows: pa.Table) -> Mapping[int, Timing]:
    """By number, of the times of series those that chance explains badly.

    `rows` has a row a call, with the `number` of its series and its `time` in microseconds since 1970, ordered by both.
    """
    numbers, micros = (rows.column(name).to_numpy() for name in ("number", "time"))
    begins = _begins(numbers)
    cuts = np.unique(np.searchsorted(begins, np.arange(0, len(numbers), _PIECE)))
    ends = (*begins[cuts[cuts < len(begins)]].tolist(), len(numbers))
    return dict(each for first, last in pairwise(ends) for each in _timings(numbers[first:last], micros[first:last]))


_PIECE = 200_000  # calls about, of whole series: what is computed of so many at a time stays near the core


def _begins(numbers: Wholes) -> Wholes:
    """Where each series begins, of calls in order."""
    return np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])) if len(numbers) else np.empty(0, np.int64)


def _timings(numbers: Wholes, micros: Wholes) -> Iterator[tuple[int, Timing]]:
    begins = _begins(numbers)
    lengths = np.diff(begins, append=len(numbers))
    inside = np.ones(len(numbers), bool)
    inside[begins] = False
    gaps = np.diff(micros, prepend=0)[inside] / 1e6
    series = np.repeat(np.arange(len(begins)), lengths - 1)
    coarse = np.add.reduceat(micros % 1_000_000 != 0, begins, dtype=int) == 0
    even = evenness(gaps, series, len(begins), SCALES, np.where(coarse, _COARSE, 0.0))
    starts = begins - np.arange(len(begins))  # of each series' gaps
    for each in np.flatnonzero(even.log10_p < WORTH).tolist():
        mine = gaps[starts[each] : starts[each] + lengths[each] - 1]
        period = float(np.median(mine[mine > even.bursts[each]]))
        yield int(numbers[begins[each]]), Timing(period, 3 * float(even.means[each]), float(even.log10_p[each]))


# --- what else is known of it ---------------------------------------------------------------------------------------

# Of the pairs of a clean desktop with enough calls, 6 of 35 were periodic for an honest reason, and hosts with a bot
# are few among many: without any clue a timer is honest, ten to one.
PRIOR = -1.0


def clues(
    series: Series, names: Sequence[str], *, looked_up: bool | None, does: frozenset[Task] = frozenset()
) -> Iterator[Clue]:
    """What speaks for and against a bot behind a timer.

    `names`: those of the place; `looked_up`: whether its address was, None where no log would show it; `does`: what its
    host does for others.
    """
    if series.failed >= 0.9:  # noqa: PLR2004
        yield Clue(f"{series.failed:.0%} of the calls fail, and it keeps calling", 1.0)
    if not series.name and series.port not in SERVICE_PORTS:
        yield Clue(f"port {series.port} belongs to no common service", 1.0)
    yield from _of_names(names)
    if series.name and series.hosts == 1 and series.all_hosts > 1:
        yield Clue("no other host here asks the proxy for that name", 0.5)
    yield from _of_tasks(series, does)
    if series.lasts and not does:  # a server is never switched off
        yield Clue("it calls day and night", 0.3)
    if 1 <= series.period < 60:  # noqa: PLR2004
        # Software that polls for updates or pushes waits minutes, and what must know within seconds keeps a connection
        # open; below a second a page loads its parts.
        often = series.period < 10 or series.calls >= 100  # noqa: PLR2004
        yield Clue(f"a new connection every {series.period:.3g} s", 1.0 if often else 0.5)
    variety = series.variety
    if variety is not None and variety <= 0.1:  # noqa: PLR2004
        yield Clue(f"the sizes are all alike (they vary by {variety:.0%})", 0.7)
    if looked_up is False:
        yield Clue("no lookup of the address is in the DNS logs", 0.5)
    if series.all_hosts >= 20 and series.hosts <= 0.02 * series.all_hosts + 1:  # noqa: PLR2004
        yield Clue(f"of {series.all_hosts} hosts {series.hosts} call it", 0.5)
    if series.hosts >= 3 and series.hosts >= series.all_hosts / 5 and series.port in SERVICE_PORTS:  # noqa: PLR2004
        # Hosts of one network mostly have the same software; that so many are one master's bots is one case in ten. Of
        # all hosts a fifth, since servers and machines are among them.
        yield Clue(f"{series.hosts} of {series.all_hosts} hosts call it", -1.0)


def _of_tasks(series: Series, does: frozenset[Task]) -> Iterator[Clue]:
    """What it says that the host works for others: of a bot on one of its clients the client's own calls tell more."""
    if Task.PROXY in does and not series.name:
        yield Clue("its host is a proxy, which calls what its clients ask for", -0.5)
    if Task.MAIL in does and series.port in MAIL_PORTS:
        yield Clue("its host is a mail server, whose queue tries again by a timer", -1.0)


def _of_names(names: Sequence[str]) -> Iterator[Clue]:
    """What its names say. Of what an ordinary host polls by name, all but about one in twenty is popular software's."""
    if any(map(is_popular, names)):
        yield Clue(f"{next(filter(is_popular, names))} is a popular name", -1.0)
    elif names:
        yield Clue(f"{names[0]} is under no popular domain", 1.3)
    if dynamic := next(filter(is_dynamic, names), None):
        yield Clue(f"{dynamic} is a name of a dynamic DNS service", 0.7)


def explanation(series: Series, names: Sequence[str], crowd: int) -> str | None:
    """What honest thing the timer is, where that is known; `crowd`: peers that its host calls by a timer."""
    if series.port in PUSH_PORTS:
        return f"port {series.port} is {PUSH_PORTS[series.port]}, which keeps in touch by a timer"
    for name in names:
        if known := known_name(name):
            return f"{name} is {known}"
    if crowd >= _CROWD:
        return f"it calls {crowd} addresses by a timer on ports of no service, as peer-to-peer programs do"
    if series.all_hosts >= 10 and series.hosts >= series.all_hosts / 2:  # noqa: PLR2004
        return f"{series.hosts} of {series.all_hosts} hosts call it"
    return None


_CROWD = 6  # a bot has a handful of C2 in rotation; a client of a swarm has tens of peers


def crowds(found: Iterable[Series]) -> Mapping[str, int]:
    """By host, how many addresses it calls by a timer on ports of no service."""
    peers: dict[str, set[str]] = defaultdict(set)
    for each in found:
        if _is_peer(each):
            peers[each.host].add(each.remote)
    return {host: len(remotes) for host, remotes in peers.items()}


def _is_peer(series: Series) -> bool:
    return not series.name and series.port not in SERVICE_PORTS


def find(sight: Sight) -> Found:
    """The timers among the series, each with what speaks for and against it."""
    if not {NETWORK_SESSION, WEB_SESSION} & sight.tables:
        return Found(0, 0, ())
    (counted,) = sight.run(question(sight, _COUNTED)).to_pylist()
    found = _told(sight, timings(sight.run(question(sight, TIMES))), counted["all_hosts"])
    names = sight.names([each.remote for each in found])
    around = _Around(
        crowds(found), tasks(sight, (each.source for each in found)), memory(sight, (each.remote for each in found))
    )
    candidates = tuple(_candidate(sight, each, names.get(each.remote, ()), around) for each in found)
    return Found(counted["tested"], counted["hosts"], candidates)


def _told(sight: Sight, timed: Mapping[int, Timing], all_hosts: int) -> list[Series]:
    """All that is told of the series that chance explains badly."""
    if not timed:
        return []
    rows = sight.run(question(sight, _TOLD, numbers=", ".join(map(str, timed)))).to_pylist()
    return [Series(timing=timed[row.pop("number")], **row, all_hosts=all_hosts) for row in rows]


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known of hosts and places beside their timers: by host its crowd, by address what it does for others."""

    crowds: Mapping[str, int]
    tasks: Mapping[str, frozenset[Task]]
    memory: Memory | None

    def clues(self, series: Series, names: Sequence[str], *, looked_up: bool | None) -> tuple[Clue, ...]:
        """What speaks for and against a bot behind a timer."""
        does = self.tasks.get(series.source, frozenset())
        new = None if series.name else newness(self.memory, series.remote)
        # What a resolver itself wants to know it asks outside, where its clients' lookups are not seen.
        known = None if Task.RESOLVER in does and not looked_up else looked_up
        return (*clues(series, names, looked_up=known, does=does), *filter(None, (new,)))


def _candidate(sight: Sight, series: Series, names: Sequence[str], around: _Around) -> Candidate:
    names = (series.name,) if series.name else names
    looked_up = bool(names) if sight.sees_lookups(series.source, series.first, series.last) else None
    crowd = around.crowds.get(series.host, 0) if _is_peer(series) else 0
    where = series.name or f"{series.remote}:{series.port}"
    timing = series.timing
    return Candidate(
        host=series.host,
        remotes=(series.remote,),
        ports=(series.port,),
        domains=(series.name,) if series.name else (),
        first=series.first,
        last=series.last,
        p_value=p_value(timing.log10_p),
        prior=PRIOR,
        clues=around.clues(series, names, looked_up=looked_up),
        reasons=(
            f"calls {where} about every {_span(series.period)}: {series.calls} calls",
            f"their local variation is {timing.variation:.3f} (a clock: 0, chance: 1), p = 1e{timing.log10_p:.0f}",
        ),
        numbers={
            "period_s": round(series.period, 3),
            "local_variation": round(timing.variation, 4),
            "calls": series.calls,
            "failed_share": round(series.failed, 3),
            "hosts": series.hosts,
        },
        evidence=_REQUESTED if series.name else _CALLED,
        row={"Source": series.source, "Remote": series.remote, "Port": series.port, "Name": series.name},
        explained_by=explanation(series, names, crowd),
    )


_CALLED = EvidenceRows(
    table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "DstIpAddr": "$Remote", "DstPortNumber": "$Port"}
)
_REQUESTED = EvidenceRows(table=WEB_SESSION, where={"SrcIpAddr": "$Source", "HttpHost": "$Name"})


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


BEACON = Analytic(
    name="beacon",
    title="Calls to one place outside by a timer",
    null="the calls come as a memoryless process has them, in bursts or not, at a rate that may change slowly",
    role=Role.BOT,
    techniques=("T1071", "T1571", "T1573", "T1095", "T1583.005"),
    reads={
        NETWORK_SESSION: (*PAIRS_READ, "SrcBytes", "DstBytes"),
        WEB_SESSION: (
            "NetworkDirection",
            "SrcHostname",
            "SrcIpAddr",
            "DstIpAddr",
            "DstPortNumber",
            "HttpHost",
            "EventResult",
            "SrcBytes",
            "DstBytes",
        ),
    },
    find=find,
    judges=("beacon-fixed-endpoint", "beacon-regular"),
    settles=("beacon-regular",),
)
