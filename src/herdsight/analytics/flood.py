"""Floods: a service that is pressed on from outside far above what is usual for it and what the Internet's noise is.

Null hypothesis: in a minute, ten minutes or an hour, the sessions and the sources that are new to a service are what
they usually are, or noise. What is usual is log-normal about the median of its own times, as busy as the day goes;
noise comes at the rate `NOISE`, which itself changes as an exponential does (so that counts are geometric). The
p-value is the greater of the two, times the numbers of times, lengths and measures that were tried.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.model import WORTH, Analytic, Candidate, Clue, Found, Sight, p_value
from herdsight.analytics.pairs import IS_OF_PAIR, KEY, PAIRS, PAIRS_READ, WEIGHT
from herdsight.analytics.tails import TENTH, log10_normal_tail
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION

Reals = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LENGTHS = (60, 600, 3600)  # seconds
# Sources an hour that a server on the Internet saw on its busiest scanned port, and about how many sessions each made
# at a scanned desktop (2.8). Both were measured in few places and are rough: half or twice of either does not change
# which strong floods are found, but twice of both hides 9,000 mails of 240 sources in an hour.
NOISE = 98.0
_EACH = 3.0
_CALM = 600.0  # noise of ten minutes may come in one
_TIMES = 20  # a length is tried where the logs are so many times as long; where no length is, all are, for less
_OWN = 5  # times of a service that tell its usual; with few, how much it changes is less sure
_LEAST_SPREAD = 0.35  # of the logarithm: a factor of 1.4 either way is every service's
_FEW = 50  # sessions below which nothing is a flood

LOGIN_PORTS = frozenset({21, 22, 23, 110, 143, 445, 993, 995, 1433, 3306, 3389, 5432, 5900, 5985})
MAIL_PORTS = frozenset({25, 465, 587})
WEB_PORTS = frozenset({80, 443, 8000, 8080, 8443})

# A service is a port of an address; or, `reflected`, what comes to an address from the port of an amplifier.
_SERVICE = "target, port, reflected, protocol"
_COMING = "direction = 'Inbound' AND port > 0 AND remote <> '' AND source <> ''"
_ARRIVALS = f"""
WITH arrivals AS (
  SELECT remote AS target, port, 0 AS reflected, amplifier, protocol, source, first, last, sessions
  FROM {{schema}}.{PAIRS} WHERE {_COMING}
  UNION ALL
  SELECT remote AS target, 0 AS port, amplifier AS reflected, amplifier, protocol, source, first, last, sessions
  FROM {{schema}}.{PAIRS} WHERE {_COMING} AND amplifier > 0
),
services AS (SELECT {_SERVICE}, SUM(sessions) AS sessions FROM arrivals GROUP BY {_SERVICE})
"""
_COUNTED = f"""
{_ARRIVALS}
SELECT COUNT(*) AS tested, COUNT(DISTINCT target) AS hosts, COALESCE(MAX(sessions), 0) AS most,
  COALESCE((SELECT DATE_DIFF('second', MIN(first), MAX(last)) FROM arrivals), 0) AS span
FROM services
"""

# Sessions of the services that may have a time of many. A row is one of them as often as it comes to services.
_SESSIONS = f"""
coming AS (
  SELECT source, remote AS target, port, protocol, amplifier, TimeGenerated AS time,
    CAST(EPOCH(DATE_TRUNC('minute', TimeGenerated)) AS BIGINT) AS minute,
    CASE WHEN EventResult = 'Failure' THEN 1 ELSE 0 END AS failed, {WEIGHT} AS sessions
  FROM (SELECT *, {KEY} FROM {{schema}}.{NETWORK_SESSION} WHERE {IS_OF_PAIR} AND NetworkDirection = 'Inbound') AS rows
  WHERE {_COMING}
),
sessions AS (
  SELECT *, 0 AS reflected FROM coming
  UNION ALL SELECT * REPLACE (0 AS port), amplifier AS reflected FROM coming WHERE amplifier > 0
)
"""
_TIME = "CAST(FLOOR(minute / length) AS BIGINT)"

# A source is new to a service once, at its first time, which its pair tells.
_FEATURES = f"""
{_ARRIVALS},
busy AS (SELECT {_SERVICE} FROM services WHERE sessions >= {_FEW}),
{_SESSIONS},
minutes AS (
  SELECT {_SERVICE}, minute, MIN(time) AS first, MAX(time) AS last, SUM(sessions) AS sessions,
    SUM(failed * sessions) AS failed, SUM(CASE WHEN amplifier > 0 THEN sessions ELSE 0 END) AS amplified
  FROM sessions INNER JOIN busy USING ({_SERVICE}) GROUP BY {_SERVICE}, minute
),
begun AS (
  SELECT {_SERVICE}, source, CAST(EPOCH(DATE_TRUNC('minute', MIN(first))) AS BIGINT) AS minute
  FROM arrivals INNER JOIN busy USING ({_SERVICE}) GROUP BY {_SERVICE}, source
),
began AS (SELECT {_SERVICE}, minute, COUNT(*) AS fresh FROM begun GROUP BY {_SERVICE}, minute),
times AS (
  SELECT {_SERVICE}, length, {_TIME} AS time, MIN(first) AS first, MAX(last) AS last, SUM(sessions) AS sessions,
    SUM(failed) AS failed, SUM(amplified) AS amplified, CAST(SUM(COALESCE(fresh, 0)) AS BIGINT) AS fresh
  FROM minutes LEFT JOIN began USING ({_SERVICE}, minute) CROSS JOIN {{lengths}}
  GROUP BY {_SERVICE}, length, {_TIME}
),
usual AS (
  SELECT {_SERVICE}, length, COUNT(*) AS times,
    QUANTILE_CONT(LN(1 + sessions), 0.5) AS sessions_middle, QUANTILE_CONT(LN(1 + sessions), 0.9) AS sessions_upper,
    QUANTILE_CONT(LN(1 + fresh), 0.5) AS fresh_middle, QUANTILE_CONT(LN(1 + fresh), 0.9) AS fresh_upper,
    SUM(failed) AS all_failed, SUM(sessions) AS all_sessions
  FROM times GROUP BY {_SERVICE}, length
)
SELECT * FROM times INNER JOIN usual USING ({_SERVICE}, length) WHERE times.sessions >= {_FEW}
"""

_SOURCES = f"""
WITH odd({_SERVICE}, length) AS (VALUES {{odd}}),
{_SESSIONS},
times AS (
  SELECT {_SERVICE}, length, {_TIME} AS time, COUNT(DISTINCT source) AS sources,
    COUNT(DISTINCT CASE WHEN source LIKE '%.%' THEN REGEXP_REPLACE(source, '[.][0-9]+$', '') ELSE source END)
      AS networks
  FROM sessions INNER JOIN odd USING ({_SERVICE}) GROUP BY {_SERVICE}, length, {_TIME}
)
SELECT *, CAST(SUM(sources) OVER (PARTITION BY {_SERVICE}, length) AS DOUBLE) AS all_sources FROM times
"""


def features(schema: str) -> exp.Expr:
    """A row for each time of each service in which it has many sessions from outside, and what is usual for it."""
    lengths = "(VALUES " + ", ".join(f"({each})" for each in LENGTHS) + ") AS lengths(length)"
    return sqlglot.parse_one(_FEATURES.format(schema=schema, lengths=lengths), dialect="duckdb")


def sources(schema: str, rows: Iterable[Mapping[str, object]]) -> exp.Expr:
    """How many sources, and of how many networks, come at each time of the services and lengths of these features."""
    odd = {tuple(exp.convert(row[name]).sql("duckdb") for name in (*_OF, "length")) for row in rows}
    listed = ", ".join(f"({', '.join(each)})" for each in sorted(odd))
    return sqlglot.parse_one(_SOURCES.format(schema=schema, odd=listed), dialect="duckdb")


_OF = tuple(_SERVICE.split(", "))


@dataclass(frozen=True, slots=True)
class Pressure:
    """One time of one service: what came, and how that is to its usual. `known`: whether there is a usual."""

    target: str
    port: int
    reflected: int
    protocol: str
    length: int
    first: datetime
    last: datetime
    sessions: float
    failed: float
    amplified: float
    sources: int
    fresh: int
    networks: int
    known: bool
    usual: float  # sessions of the service's median time
    usual_failed: float | None  # share of its other sessions
    usual_each: float | None  # sessions that a source makes in another time
    log10_p: float

    @property
    def failed_share(self) -> float:
        """Share of the sessions that fail."""
        return self.failed / max(self.sessions, 1.0)


def log10_p_values(rows: Mapping[str, Reals]) -> Reals:
    """The log10 of the p-value of each time: the lesser of its sessions and its new sources, corrected for both."""
    times, length = np.maximum(rows["times"], 1), rows["length"]
    noise = NOISE * np.maximum(length, _CALM) / 3600
    # What answers nobody has no usual: whatever comes to it is noise, or an attack of any length.
    usual = (times >= _OWN) & (rows["all_failed"] < _SILENT * rows["all_sessions"])
    found = [_one(rows, "sessions", noise * _EACH, usual), _one(rows, "fresh", noise, usual)]
    tries = np.log10(times * len(LENGTHS) * len(found))
    least: Reals = np.minimum(np.minimum(*found) + tries, 0.0)
    return least


def _one(rows: Mapping[str, Reals], measure: str, noise: Reals, usual: Bools) -> Reals:
    count, middle, upper = (rows[name] for name in (measure, f"{measure}_middle", f"{measure}_upper"))
    spread = np.maximum((upper - middle) / TENTH, _LEAST_SPREAD) * (1 + _OWN / np.maximum(rows["times"], 1))
    own = np.where(usual, log10_normal_tail((np.log1p(count) - middle) / spread), -np.inf)
    # A geometric count of that mean is at least n with (1 + 1 / mean)^-n.
    return np.maximum(own, -count * np.log10(1 + 1 / noise))


_COUNTS = ("length", "times", "all_failed", "all_sessions")
_MEASURES = ("sessions", "sessions_middle", "sessions_upper", "fresh", "fresh_middle", "fresh_upper")


@dataclass(frozen=True, slots=True)
class Odd:
    """One time of one service that neither usual nor noise explain, by its features, and how little they do."""

    row: Mapping[str, Any]
    log10_p: float


def odd_times(rows: pa.Table, span: float) -> list[Odd]:
    """Of the features, the times that neither usual nor noise explain; each service once, at its most telling time.

    `span`: how many seconds the logs are long.
    """
    if not rows.num_rows:
        return []
    numbers = {name: np.asarray(rows.column(name).to_numpy(), float) for name in (*_COUNTS, *_MEASURES)}
    tails = log10_p_values(numbers)
    kept = np.flatnonzero((tails < WORTH) & _are_tried(numbers["length"], span))
    best: dict[tuple[object, ...], Odd] = {}
    for row, tail in zip(rows.take(kept).to_pylist(), tails[kept].tolist(), strict=True):
        each, key = Odd(row, tail), tuple(row[name] for name in _OF)
        best[key] = min(best.get(key, each), each, key=_telling)
    return list(best.values())


def _telling(odd: Odd) -> tuple[float, float, int, datetime]:
    return odd.log10_p, -odd.row["sessions"], odd.row["length"], odd.row["first"]


def pressures(sight: Sight, span: float) -> list[Pressure]:
    """What presses on services, each service once, with how many sources and networks it comes from."""
    odd = odd_times(sight.run(features(sight.schema)), span)
    if not odd:
        return []
    names = (*_OF, "length", "time")
    found = sight.run(sources(sight.schema, (each.row for each in odd))).to_pylist()
    by_time = {tuple(row[name] for name in names): row for row in found}
    return [
        _pressure({**each.row, **by_time[tuple(each.row[name] for name in names)], "span": span}, each.log10_p)
        for each in odd
    ]


def _are_tried(length: Reals, span: float) -> Bools:
    tried: Bools = (span >= _TIMES * length) | (span < _TIMES * min(LENGTHS))
    return tried


def _pressure(row: Mapping[str, float], tail: float) -> Pressure:
    own = {name: row[name] for name in Pressure.__slots__ if name in row}
    others = row["all_sessions"] - row["sessions"]
    return Pressure(
        **own,  # type: ignore[arg-type]
        known=row["span"] >= _TIMES * row["length"],
        usual=float(np.expm1(row["sessions_middle"])) if row["times"] >= _OWN else 0.0,
        usual_failed=(row["all_failed"] - row["failed"]) / others if others > 0 else None,
        usual_each=others / max(row["all_sources"] - row["sources"], 1) if others > 0 else None,
        log10_p=tail,
    )


# --- what else is known of it ---------------------------------------------------------------------------------------


class Kind(StrEnum):
    """What a flood is of."""

    AMPLIFICATION = "amplification"
    SYN = "a SYN flood"
    HTTP = "an HTTP flood or credential stuffing"
    LOGINS = "brute force"
    SPAM = "spam"
    OTHER = "a flood"


_COME = {
    Kind.AMPLIFICATION: "answers of UDP services that nobody asked",
    Kind.SYN: "connections that are not completed, most sources once",
    Kind.HTTP: "sessions of a web service",
    Kind.LOGINS: "sessions of a service that asks for passwords",
    Kind.SPAM: "sessions of a mail service",
    Kind.OTHER: "sessions",
}


def kind_of(pressure: Pressure) -> Kind:
    """What it most looks like, by port, protocol, what fails and how many each source makes."""
    if pressure.amplified >= pressure.sessions / 3:
        return Kind.AMPLIFICATION
    each = pressure.sessions / max(pressure.sources, 1)
    if pressure.protocol == "TCP" and pressure.failed_share >= _SILENT and (each <= _ONCE or pressure.fresh > _CROWD):
        return Kind.SYN
    for ports, kind in ((LOGIN_PORTS, Kind.LOGINS), (MAIL_PORTS, Kind.SPAM), (WEB_PORTS, Kind.HTTP)):
        if pressure.port in ports and pressure.protocol == "TCP":
            return kind
    return Kind.OTHER


_SILENT = 0.8  # share of failing sessions of a service that answers almost none
_ONCE = 5.0  # sessions of a source that only seems to be one
_CROWD = 1_000

# More than usual is mostly a good day, a link that spread, a new client or a scanner with time.
PRIOR = -1.0


def clues(pressure: Pressure) -> Iterator[Clue]:
    """What speaks for an attack behind what is more than usual."""
    yield from _of_size(pressure)
    yield from _of_sources(pressure)
    share, usual = pressure.failed_share, pressure.usual_failed
    if share >= 0.5 and share >= (usual or 0.0) + 0.3:  # noqa: PLR2004
        yield Clue(f"{share:.0%} of the sessions fail{'' if usual is None else f', of its others {usual:.0%}'}", 1.0)
    if kind_of(pressure) is Kind.AMPLIFICATION:
        yield Clue("they come from the ports of UDP services that amplify", 1.5)
    if not pressure.known:
        # A busy server looks the same, but for that it answers.
        yield Clue("the logs are too short to show what is usual", -1.0 if share >= 0.5 else -2.5)  # noqa: PLR2004


def _of_size(pressure: Pressure) -> Iterator[Clue]:
    noise = NOISE * _EACH * max(pressure.length, _CALM) / 3600
    times = pressure.sessions / max(pressure.usual, noise)
    for many, weight in ((100, 2.0), (10, 1.0), (4, 0.5)):
        if times >= many:
            yield Clue(f"{times:.0f} times as many sessions as are usual or noise", weight)
            return


def _of_sources(pressure: Pressure) -> Iterator[Clue]:
    each = pressure.sessions / max(pressure.sources, 1)
    if pressure.fresh >= 100 and pressure.fresh >= 0.9 * pressure.sources and pressure.known:  # noqa: PLR2004
        yield Clue(f"{pressure.fresh} of {pressure.sources} sources are new to it", 0.5)
    if pressure.networks >= 20:  # noqa: PLR2004
        yield Clue(f"they come from {pressure.networks} networks", 0.3)
    if pressure.fresh >= _CROWD:
        yield Clue(f"{pressure.fresh} sources that were not there before are more than visitors", 0.7)
    usual = pressure.usual_each
    if pressure.known and each >= 3 * max(usual or 0.0, _EACH):
        told = "" if usual is None else f", at other times {usual:.1f}"
        yield Clue(f"each source makes {each:.0f} sessions{told}", 0.7)


def find(sight: Sight) -> Found:
    """The services that are pressed on, each target and kind once."""
    if NETWORK_SESSION not in sight.tables:
        return Found(0, 0, ())
    (counted,) = sight.run(sqlglot.parse_one(_COUNTED.format(schema=sight.schema), dialect="duckdb")).to_pylist()
    found = pressures(sight, counted["span"]) if counted["most"] >= _FEW else []
    return Found(counted["tested"], counted["hosts"], tuple(map(_candidate, _once(found))))


def _once(found: Iterable[Pressure]) -> list[Pressure]:
    """Of pressures of one kind on one target the greatest: answers to many ports are one flood."""
    by_target: dict[tuple[str, Kind, int], list[Pressure]] = defaultdict(list)
    for each in found:
        kind = kind_of(each)
        by_target[each.target, kind, 0 if kind is Kind.AMPLIFICATION else each.port].append(each)
    return [max(alike, key=lambda each: (each.sessions, each.port)) for alike in by_target.values()]


def _candidate(pressure: Pressure) -> Candidate:
    kind = kind_of(pressure)
    port = pressure.port or pressure.reflected
    where = f"port {port}" if pressure.port else f"any port from port {port} of others"
    return Candidate(
        host=pressure.target,
        ports=(port,),
        first=pressure.first,
        last=pressure.last,
        p_value=p_value(pressure.log10_p),
        prior=PRIOR,
        clues=tuple(clues(pressure)),
        reasons=(_says(pressure, where), f"its median is {pressure.usual:.0f}: p = 1e{pressure.log10_p:.0f}"),
        numbers={
            "kind": kind.value,
            "sessions": pressure.sessions,
            "sources": pressure.sources,
            "new_sources": pressure.fresh,
            "networks": pressure.networks,
            "failed_share": round(pressure.failed_share, 3),
            "usual_sessions": round(pressure.usual, 1),
            "length_s": pressure.length,
        },
        evidence=_TO_PORT if pressure.port else _FROM_PORT,
        row={"Target": pressure.target, "Port": port, "Protocol": pressure.protocol},
    )


def _says(pressure: Pressure, where: str) -> str:
    kind = kind_of(pressure)
    came = f"{pressure.sessions:.0f} sessions of {pressure.sources} sources within {_span(pressure)}, to {where}"
    return f"{came}: {kind.value} by its looks ({_COME[kind]})"


def _span(pressure: Pressure) -> str:
    return {60: "a minute", 600: "ten minutes", 3600: "an hour"}[pressure.length]


_TO_PORT = EvidenceRows(
    table=NETWORK_SESSION, where={"DstIpAddr": "$Target", "DstPortNumber": "$Port", "NetworkProtocol": "$Protocol"}
)
_FROM_PORT = EvidenceRows(
    table=NETWORK_SESSION, where={"DstIpAddr": "$Target", "SrcPortNumber": "$Port", "NetworkProtocol": "$Protocol"}
)

FLOOD = Analytic(
    name="flood",
    title="A service is flooded from outside",
    null="sessions and new sources are log-normal about the service's own median, or geometric as the Internet's noise",
    role=Role.TARGET,
    techniques=("T1498.001", "T1498.002", "T1499", "T1110.004"),
    reads={NETWORK_SESSION: PAIRS_READ},
    find=find,
)
