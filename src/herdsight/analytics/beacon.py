"""Beacons: a host that calls one place outside at times too even for chance, judged by what else is known of it.

Null hypothesis: the calls come as a memoryless process has them, at whatever rate, which may change slowly, and in
bursts (`memoryless`). What is left when that is rejected is a timer, and most timers are honest: clues say which are
not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import exp

from herdsight.analytics.known import PERIODIC_PORTS, PUSH_PORTS, SERVICE_PORTS, is_dynamic, is_popular, known_name
from herdsight.analytics.memoryless import LEAST, Evenness, Reals, evenness
from herdsight.analytics.model import WORTH, Analytic, Candidate, Clue, Found, Sight, p_value
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION, WEB_SESSION

# Bursts: connections no further apart are one check-in; each is tried. Seconds.
SCALES = (0.0, 0.5, 2.0, 10.0, 60.0, 300.0, 1800.0)
# Times in whole seconds say nothing of shorter periods: a gap of one second is any gap below two.
_COARSE = 5.0
# Longer than a long working day; and the share of it that its periods must fill.
_DAY_AND_NIGHT, _UNBROKEN = 18 * 3_600.0, 0.8

_CALLS = """
SELECT
  CASE WHEN SrcHostname <> '' THEN SrcHostname ELSE SrcIpAddr END AS host, SrcIpAddr AS source, DstIpAddr AS remote,
  DstPortNumber AS port, '' AS name, TimeGenerated AS time, EventResult = 'Failure' AS failed,
  CAST(SrcBytes AS DOUBLE) AS sent, CAST(DstBytes AS DOUBLE) AS received
FROM {schema}.ASimNetworkSessionLogs
WHERE EventType <> 'IDS' AND NetworkDirection IN ('Outbound', 'External') AND NetworkProtocol IN ('TCP', 'UDP')
  AND DstPortNumber NOT IN ({periodic}) AND COALESCE(EventCount, 1) <= 1
"""

# Requests through a proxy inside: the place is the name that was asked for.
_REQUESTS = """
SELECT
  CASE WHEN SrcHostname <> '' THEN SrcHostname ELSE SrcIpAddr END AS host, SrcIpAddr AS source, DstIpAddr AS remote,
  DstPortNumber AS port, LOWER(HttpHost) AS name, TimeGenerated AS time, EventResult = 'Failure' AS failed,
  CAST(SrcBytes AS DOUBLE) AS sent, CAST(DstBytes AS DOUBLE) AS received
FROM {schema}.ASimWebSessionLogs
WHERE NetworkDirection = 'Local' AND HttpHost <> ''
"""

_SERIES = """
SELECT host, remote, port, name, MIN(source) AS source, COUNT(*) AS calls, MIN(time) AS first, MAX(time) AS last,
  AVG(CASE WHEN failed THEN 1 ELSE 0 END) AS failed,
  AVG(sent) AS sent, STDDEV_POP(sent) AS sent_spread,
  AVG(received) AS received, STDDEV_POP(received) AS received_spread,
  LIST_SORT(LIST(EPOCH_US(time))) AS times
FROM ({calls}) AS calls
GROUP BY host, remote, port, name HAVING COUNT(*) > {least}
"""

_HOSTS = """
SELECT remote, port, name, COUNT(DISTINCT host) AS hosts FROM ({calls}) AS calls
GROUP BY GROUPING SETS ((remote, port, name), ()) HAVING remote IS NULL OR remote IN ({remotes})
"""


def features(schema: str, *, sessions: bool, requests: bool) -> exp.Expr:
    """A row for each series of calls that is long enough: who, where, how many, of what sizes, and when.

    A series is what one host does to one address and port; or, through a proxy, to one name. `times` are sorted, in
    microseconds since 1970.
    """
    text = _SERIES.format(calls=_calls(schema, sessions=sessions, requests=requests), least=LEAST + 1)
    return sqlglot.parse_one(text, dialect="duckdb")


def _calls(schema: str, *, sessions: bool, requests: bool) -> str:
    parts = [part for part, there in ((_CALLS, sessions), (_REQUESTS, requests)) if there]
    return " UNION ALL ".join(parts).format(schema=schema, periodic=", ".join(map(str, sorted(PERIODIC_PORTS))))


@dataclass(frozen=True, slots=True)
class Series:
    """One series of calls, at the burst scale at which it is least like chance. Seconds, bytes."""

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
    period: float
    variation: float
    log10_p: float
    hosts: int = 1  # that call the same place
    all_hosts: int = 1

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


def series_of(rows: pa.Table) -> list[Series]:
    """Of the features, the series that chance explains badly, each at its best scale."""
    starts = np.concatenate([[0], np.cumsum(rows.column("calls").to_numpy())])
    micros = pc.list_flatten(rows.column("times")).to_numpy()
    own = np.repeat(np.arange(rows.num_rows), np.diff(starts))
    inside = own[1:] == own[:-1]
    gaps = (np.diff(micros) / 1e6)[inside]
    coarse = np.bincount(own, micros % 1_000_000 != 0, rows.num_rows) == 0
    even = evenness(gaps, own[1:][inside], rows.num_rows, SCALES, np.where(coarse, _COARSE, 0.0))
    worth = np.flatnonzero(even.log10_p < WORTH)
    found = rows.drop_columns("times").take(worth).to_pylist()
    return [
        _series(row, even, number, np.diff(micros[starts[number] : starts[number + 1]]) / 1e6)
        for row, number in zip(found, worth.tolist(), strict=True)
    ]


def _series(row: Mapping[str, Any], even: Evenness, number: int, gaps: Reals) -> Series:
    burst = float(even.bursts[number])
    return Series(
        **row,
        period=float(np.median(gaps[gaps > burst])),
        variation=3 * float(even.means[number]),
        log10_p=float(even.log10_p[number]),
    )


# --- what else is known of it ---------------------------------------------------------------------------------------

# Of the pairs of a clean desktop with enough calls, 6 of 35 were periodic for an honest reason, and hosts with a bot
# are few among many: without any clue a timer is honest, ten to one.
PRIOR = -1.0


def clues(series: Series, names: Sequence[str], *, looked_up: bool | None) -> Iterator[Clue]:
    """What speaks for and against a bot behind a timer.

    `names`: those of the place; `looked_up`: whether its address was, None where no log would show it.
    """
    if series.failed >= 0.9:  # noqa: PLR2004
        yield Clue(f"{series.failed:.0%} of the calls fail, and it keeps calling", 1.0)
    if not series.name and series.port not in SERVICE_PORTS:
        yield Clue(f"port {series.port} belongs to no common service", 1.0)
    yield from _of_names(names)
    if series.name and series.hosts == 1 and series.all_hosts > 1:
        yield Clue("no other host here asks the proxy for that name", 0.5)
    if series.lasts:
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
    there = {name: name in sight.tables for name in (NETWORK_SESSION, WEB_SESSION)}
    if not any(there.values()):
        return Found(0, 0, ())
    rows = sight.run(features(sight.schema, sessions=there[NETWORK_SESSION], requests=there[WEB_SESSION]))
    found = _among_hosts(sight, series_of(rows), sessions=there[NETWORK_SESSION], requests=there[WEB_SESSION])
    names = sight.names([each.remote for each in found])
    crowded = crowds(found)
    candidates = tuple(_candidate(sight, each, names.get(each.remote, ()), crowded) for each in found)
    return Found(rows.num_rows, pc.count_distinct(rows.column("host")).as_py(), candidates)


def _among_hosts(sight: Sight, found: Sequence[Series], *, sessions: bool, requests: bool) -> list[Series]:
    """The series with how many hosts call the same place, and how many hosts there are."""
    if not found:
        return []
    remotes = ", ".join(sorted({exp.Literal.string(each.remote).sql() for each in found}))
    text = _HOSTS.format(calls=_calls(sight.schema, sessions=sessions, requests=requests), remotes=remotes)
    rows = sight.run(sqlglot.parse_one(text, dialect="duckdb")).to_pylist()
    hosts = {(row["remote"], row["port"], row["name"]): row["hosts"] for row in rows}
    every = hosts[None, None, None]
    return [replace(each, hosts=hosts[each.remote, each.port, each.name], all_hosts=every) for each in found]


def _candidate(sight: Sight, series: Series, names: Sequence[str], crowded: Mapping[str, int]) -> Candidate:
    names = (series.name,) if series.name else names
    looked_up = bool(names) if sight.sees_lookups(series.source, series.first, series.last) else None
    crowd = crowded.get(series.host, 0) if _is_peer(series) else 0
    where = series.name or f"{series.remote}:{series.port}"
    return Candidate(
        host=series.host,
        remotes=(series.remote,),
        ports=(series.port,),
        domains=(series.name,) if series.name else (),
        first=series.first,
        last=series.last,
        p_value=p_value(series.log10_p),
        prior=PRIOR,
        clues=tuple(clues(series, names, looked_up=looked_up)),
        reasons=(
            f"calls {where} about every {_span(series.period)}: {series.calls} calls",
            f"their local variation is {series.variation:.3f} (a clock: 0, chance: 1), p = 1e{series.log10_p:.0f}",
        ),
        numbers={
            "period_s": round(series.period, 3),
            "local_variation": round(series.variation, 4),
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
        NETWORK_SESSION: (
            "EventType",
            "NetworkDirection",
            "NetworkProtocol",
            "SrcHostname",
            "SrcIpAddr",
            "DstIpAddr",
            "DstPortNumber",
            "EventResult",
            "EventCount",
            "SrcBytes",
            "DstBytes",
        ),
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
