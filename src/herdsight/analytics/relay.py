"""Relays: a host that carries other people's traffic, so that what comes in goes out again, in time and in bytes.

Null hypothesis: when sessions go out does not depend on when others came in, so that outbound sessions that are shifted
in time find as many partners as where they are. Pairs in place and pairs of the shifted are then binomial, one to
`SHIFTS`, whatever the rates of both are. The partner of an outbound session is the last inbound one that is still open
or began just before and, where there are bytes, moved about as many in both directions; each session is used once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.known import PERIODIC_PORTS
from herdsight.analytics.model import WORTH, Analytic, Candidate, Clue, Found, Sight, p_value, same_in_all
from herdsight.analytics.pairs import PAIRS, PAIRS_READ
from herdsight.analytics.tails import log10_binomial_tail
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION

# Minutes by which outbound sessions are shifted: further than a session waits for its partner, near enough that the
# time of day is about the same. A rhythm that both sides share (every ten minutes) survives them, and so is no relay.
_MINUTES = (-60, -30, -10, 10, 30, 60, 120, 180)
SHIFTS = len(_MINUTES)
_TWICE = 2 * 180 * 60  # seconds of logs below which the shifts are parts of them

_LEAST = 3  # pairs of a host below which nothing is told
_WAITS = 5  # seconds from an inbound session to the outbound one that it causes
_MOVED = 2_000  # bytes below which sessions are as like as not the same
# Bytes agree within 5% and 512: ln(bytes + 10,240) within 0.05, as 512 / 10,240 is 5%. A tunnel adds and takes frames.
_TOLERANCE, _OFFSET = 0.05, 10_240
_SHOWN = 64  # pairs whose addresses a candidate names

# What may be a relay: who is called from outside, and calls itself.
_MAYBE = f"""
WITH pairs AS (
  SELECT source, remote, direction FROM {{schema}}.{PAIRS}
  WHERE single > 0 AND failed < calls AND port <> 53 AND source <> '' AND remote <> ''
)
SELECT DISTINCT remote AS host FROM pairs WHERE direction IN ('Inbound', 'External')
INTERSECT SELECT DISTINCT source AS host FROM pairs WHERE direction <> 'Inbound'
"""

# Bytes that agree are looked for in buckets of twice the tolerance, of which each can reach two.
_PAIRED = """
WITH maybe AS ({maybe}),
sessions AS (
  SELECT NetworkDirection AS direction, SrcIpAddr AS source, SrcHostname AS name, DstIpAddr AS remote,
    DstPortNumber AS port, TimeGenerated AS time, CAST(EPOCH(TimeGenerated) AS DOUBLE) AS at,
    CASE WHEN NetworkDuration > 0 THEN NetworkDuration / 1000.0 ELSE 0.0 END AS lasts,
    CASE WHEN SrcBytes >= 0 AND DstBytes >= 0 THEN LN(CAST(SrcBytes AS DOUBLE) + {offset}) END AS sent,
    CASE WHEN SrcBytes >= 0 AND DstBytes >= 0 THEN LN(CAST(DstBytes AS DOUBLE) + {offset}) END AS received
  FROM {schema}.ASimNetworkSessionLogs
  WHERE EventType <> 'IDS' AND NetworkDirection IN ('Inbound', 'Outbound', 'Local', 'External')
    AND NetworkProtocol IN ('TCP', 'UDP') AND EventResult <> 'Failure' AND COALESCE(EventCount, 1) <= 1
    AND NOT (NetworkProtocol = 'UDP' AND DstPortNumber IN ({periodic})) AND DstPortNumber <> 53
    AND SrcIpAddr <> '' AND DstIpAddr <> ''
    AND (SrcIpAddr IN (SELECT host FROM maybe) OR DstIpAddr IN (SELECT host FROM maybe))
    AND (SrcBytes IS NULL OR DstBytes IS NULL
      OR CAST(SrcBytes AS DOUBLE) + CAST(DstBytes AS DOUBLE) >= {moved})
),
servers AS (
  SELECT DISTINCT remote AS host FROM sessions WHERE direction IN ('Inbound', 'External')
  INTERSECT SELECT DISTINCT source AS host FROM sessions WHERE direction <> 'Inbound'
),
inward AS (
  SELECT host, source, port, at, at + GREATEST(lasts, {waits}) AS until, sent, received,
    ROW_NUMBER() OVER (ORDER BY at, host, source, port, sent, received) AS id,
    COALESCE(CAST(FLOOR(sent / {width}) AS BIGINT), -1) AS bucket,
    COALESCE(CAST(FLOOR(received / {width}) AS BIGINT), -1) AS other
  FROM sessions INNER JOIN servers ON remote = host WHERE direction IN ('Inbound', 'External')
),
outward AS (
  SELECT host, name, remote, port, direction, time, at, sent, received,
    ROW_NUMBER() OVER (ORDER BY at, host, remote, port, sent, received) AS number
  FROM sessions INNER JOIN servers ON source = host WHERE direction <> 'Inbound'
),
shifted AS (SELECT * REPLACE (at + shift AS at), shift FROM outward CROSS JOIN {shifts}),
sought AS (
  SELECT DISTINCT host, number, shift, at, remote, sent, received,
    COALESCE(CAST(FLOOR((sent + up) / {width}) AS BIGINT), -1) AS bucket,
    COALESCE(CAST(FLOOR((received + down) / {width}) AS BIGINT), -1) AS other
  FROM shifted CROSS JOIN (VALUES (-{tolerance}), ({tolerance})) AS ups(up)
  CROSS JOIN (VALUES (-{tolerance}), ({tolerance})) AS downs(down)
),
both AS (
  SELECT host, bucket, other, at, 0 AS after, id, CAST(NULL AS BIGINT) AS number, 0.0 AS shift, '' AS remote,
    sent, received
  FROM inward
  UNION ALL
  SELECT host, bucket, other, at, 1 AS after, CAST(NULL AS BIGINT) AS id, number, shift, remote, sent, received
  FROM sought
),
last AS (
  SELECT number, shift, at, remote, sent, received,
    MAX(id) OVER (PARTITION BY host, bucket, other ORDER BY at, after ROWS UNBOUNDED PRECEDING) AS id
  FROM both
),
fits AS (
  SELECT last.number, last.shift, last.id,
    ROW_NUMBER() OVER (PARTITION BY last.number, last.shift ORDER BY last.id DESC) AS choice
  FROM last INNER JOIN inward ON inward.id = last.id
  WHERE last.number IS NOT NULL AND last.at <= inward.until AND inward.source <> last.remote
    AND (inward.sent IS NULL OR (
      ABS(inward.sent - last.sent) <= {tolerance} AND ABS(inward.received - last.received) <= {tolerance}))
),
pairs AS (
  SELECT number, shift, id, ROW_NUMBER() OVER (PARTITION BY id, shift ORDER BY number) AS turn
  FROM fits WHERE choice = 1
),
told AS (
  SELECT outward.host, name, source, inward.port AS inport, remote, outward.port AS port, direction, time, shift,
    inward.sent IS NOT NULL AS measured,
    ROW_NUMBER() OVER (PARTITION BY outward.host, shift ORDER BY pairs.number) AS nth
  FROM pairs INNER JOIN inward USING (id) INNER JOIN outward USING (number) WHERE turn = 1
),
going AS (SELECT host, sent IS NOT NULL AS measured, COUNT(*) AS outbound FROM outward GROUP BY 1, 2),
counted AS (
  SELECT host, measured, MAX(name) AS name,
    CAST(COUNT(CASE WHEN shift = 0 THEN 1 END) AS DOUBLE) AS pairs,
    CAST(COUNT(CASE WHEN shift <> 0 THEN 1 END) AS DOUBLE) AS chance,
    MIN(CASE WHEN shift = 0 THEN time END) AS first, MAX(CASE WHEN shift = 0 THEN time END) AS last,
    CAST(COUNT(CASE WHEN shift = 0 AND direction = 'Local' THEN 1 END) AS DOUBLE) AS inside,
    COUNT(DISTINCT CASE WHEN shift = 0 THEN source END) AS sources,
    COUNT(DISTINCT CASE WHEN shift = 0 THEN remote END) AS targets,
    ARRAY_AGG(DISTINCT CASE WHEN shift = 0 AND nth <= {shown} THEN remote END) AS remotes,
    ARRAY_AGG(DISTINCT CASE WHEN shift = 0 AND nth <= {shown} THEN port END) AS ports,
    ARRAY_AGG(DISTINCT CASE WHEN shift = 0 AND nth <= {shown} THEN inport END) AS inports
  FROM told GROUP BY host, measured
)
SELECT *, (SELECT COUNT(*) FROM going WHERE outbound >= {least}) AS all_tested,
  (SELECT COUNT(*) FROM servers) AS all_hosts
FROM counted INNER JOIN going USING (host, measured) WHERE pairs >= {least}
"""


def features(schema: str, seconds: float) -> exp.Expr:
    """A row for each host with pairs: how many, in place and shifted, from how many sources to how many targets.

    `seconds`: how long the logs are; shifts are within them. Sessions with bytes and those without are told apart.
    """
    text = _PAIRED.format(
        schema=schema,
        maybe=_MAYBE.format(schema=schema),
        periodic=", ".join(map(str, sorted(PERIODIC_PORTS))),
        shifts="(VALUES " + ", ".join(f"(CAST({each} AS DOUBLE))" for each in (0, *shifts(seconds))) + ") AS s(shift)",
        offset=_OFFSET,
        moved=_MOVED,
        waits=_WAITS,
        width=2 * _TOLERANCE,
        tolerance=_TOLERANCE,
        shown=_SHOWN,
        least=_LEAST,
    )
    return sqlglot.parse_one(text, dialect="duckdb")


def shifts(seconds: float) -> list[float]:
    """By how many seconds outbound sessions are shifted in logs of that length; in short ones by less."""
    scale = min(1.0, max(seconds, 1.0) / _TWICE)
    return [60.0 * each * scale for each in _MINUTES]


@dataclass(frozen=True, slots=True)
class Carrier:
    """What a host seems to carry. `chance`: pairs of all shifts together; `inside`: pairs that go on to inside."""

    host: str
    name: str
    measured: bool
    pairs: float
    chance: float
    inside: float
    outbound: int
    sources: int
    targets: int
    first: datetime
    last: datetime
    remotes: tuple[str, ...]
    ports: tuple[int, ...]
    inports: tuple[int, ...]
    log10_p: float


def carriers_of(rows: pa.Table) -> list[Carrier]:
    """The rows as carriers that chance does not explain."""
    found = [_carrier(row) for row in rows.to_pylist()]
    return [each for each in found if each.log10_p < WORTH]


_SETS = ("remotes", "ports", "inports")


def _carrier(row: Mapping[str, object]) -> Carrier:
    own = {name: row[name] for name in Carrier.__slots__ if name in row and name not in _SETS}
    sets = {name: _members(row[name]) for name in _SETS}
    pairs, chance = float(str(row["pairs"])), float(str(row["chance"]))
    tail = float(log10_binomial_tail(pairs, pairs + chance, 1 / (SHIFTS + 1)))
    return Carrier(**own, **sets, log10_p=tail)  # type: ignore[arg-type]


def _members(values: object) -> tuple[object, ...]:
    return tuple(sorted(each for each in values if each is not None)) if isinstance(values, list) else ()


# --- what else is known of it ---------------------------------------------------------------------------------------

# Of servers whose sessions go out again in the same bytes, most that no role explains carry; by time alone, any server
# that asks another for what it is asked does the same.
PRIOR = 0.0
_PRIOR_BY_TIME = -1.2

_LOGINS = frozenset({22, 23, 445, 3389, 5900, 5985})
_FRONT = frozenset({80, 443, 8000, 8080, 8443})
_MAIL = frozenset({25, 465, 587})
_FEW = 3  # endpoints that a proxy or a load balancer hands on to


def clues(carrier: Carrier) -> Iterator[Clue]:
    """What speaks for a relay behind sessions that go in and out together."""
    for many, weight in ((10, 1.0), (5, 0.5)):
        if carrier.pairs >= many:
            yield Clue(f"{carrier.pairs:.0f} sessions that came in went out again", weight)
            break
    if carrier.targets > _FEW:
        yield Clue(f"they go to {carrier.targets} places outside", 0.7)
    if _LOGINS & set(carrier.ports):
        yield Clue("they go to services that people log in to", 0.3)
    if carrier.pairs >= 0.3 * carrier.outbound:
        yield Clue(f"they are {carrier.pairs / max(carrier.outbound, 1):.0%} of what goes out", 0.3)
    if carrier.pairs < 2 * carrier.chance / SHIFTS:
        yield Clue("by chance alone there are many pairs as well", -0.5)


def explanation(carrier: Carrier) -> str | None:
    """Which role of a server explains it, where one does."""
    if carrier.inside >= 0.9 * carrier.pairs:
        return f"what comes in goes on to {carrier.targets} hosts inside, as a reverse proxy or a load balancer does"
    if carrier.targets <= _FEW and set(carrier.inports) <= _FRONT and carrier.sources > _FEW:
        return f"what comes in by the Web goes on to the same {carrier.targets} places, as a reverse proxy does"
    if set(carrier.inports) | set(carrier.ports) <= _MAIL:
        return "it takes mail in and sends mail out"
    return None


def find(sight: Sight) -> Found:
    """The hosts whose inbound sessions go out again oftener than chance has it."""
    if NETWORK_SESSION not in sight.tables:
        return Found(0, 0, ())
    if not sight.run(sqlglot.parse_one(_MAYBE.format(schema=sight.schema), dialect="duckdb")).num_rows:
        return Found(0, 0, ())
    rows = sight.run(features(sight.schema, _seconds(sight)))
    return Found(
        same_in_all(rows, "all_tested"), same_in_all(rows, "all_hosts"), tuple(map(_candidate, carriers_of(rows)))
    )


_SPAN = """
SELECT CAST(DATE_DIFF('second', MIN(TimeGenerated), MAX(TimeGenerated)) AS DOUBLE) AS seconds
FROM {schema}.ASimNetworkSessionLogs
"""


def _seconds(sight: Sight) -> float:
    rows = sight.run(sqlglot.parse_one(_SPAN.format(schema=sight.schema), dialect="duckdb"))
    return float(rows.column("seconds")[0].as_py() or 0)


def _candidate(carrier: Carrier) -> Candidate:
    how = "in time and in bytes both ways" if carrier.measured else "in time (there are no bytes to compare)"
    return Candidate(
        host=carrier.name or carrier.host,
        remotes=carrier.remotes,
        ports=carrier.inports,
        first=carrier.first,
        last=carrier.last,
        p_value=p_value(carrier.log10_p),
        prior=PRIOR if carrier.measured else _PRIOR_BY_TIME,
        clues=tuple(clues(carrier)),
        reasons=(
            f"{_went(carrier)}: they agree {how}",
            f"shifted in time {carrier.chance / SHIFTS:.1f} do: p = 1e{carrier.log10_p:.0f}",
        ),
        numbers={
            "pairs": carrier.pairs,
            "pairs_by_chance": round(carrier.chance / SHIFTS, 3),
            "sources": carrier.sources,
            "targets": carrier.targets,
            "outbound_sessions": carrier.outbound,
            "by_bytes": carrier.measured,
        },
        evidence=_CARRIED,
        row={"Host": carrier.host, "Target": carrier.remotes, "Port": carrier.ports},
        explained_by=explanation(carrier),
    )


def _went(carrier: Carrier) -> str:
    return f"{carrier.pairs:.0f} sessions from {carrier.sources} addresses go out again to {carrier.targets}"


_CARRIED = EvidenceRows(
    table=NETWORK_SESSION, where={"SrcIpAddr": "$Host", "DstIpAddr": "$Target", "DstPortNumber": "$Port"}
)

RELAY = Analytic(
    name="relay",
    title="Carries other people's traffic",
    null="when sessions go out does not depend on when, and with how many bytes, others came in",
    role=Role.RELAY,
    techniques=("T1090.002", "T1090.003", "T1584.005", "T1572"),
    reads={NETWORK_SESSION: (*PAIRS_READ, "SrcBytes", "DstBytes", "NetworkDuration")},
    find=find,
    judges=("relay-bytes", "relay-in-then-out", "relay-windowed"),
    settles=("relay-bytes", "relay-in-then-out", "relay-windowed"),
    settles_with=("SrcBytes", "DstBytes"),
)
