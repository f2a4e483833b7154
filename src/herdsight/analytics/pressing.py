"""Outbound floods: a host that presses on one place outside.

Null hypothesis: the sessions of pairs' busiest minutes are log-normal, about what these logs have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.model import WORTH, Analytic, Candidate, Clue, Found, Sight, p_value
from herdsight.analytics.pairs import IS_OF_PAIR, IS_TRIED, KEY, PAIRS, PAIRS_READ, WEIGHT
from herdsight.analytics.tails import TENTH, log10_normal_tail
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION

# Sessions of a pair's busiest minute, as natural logarithms: at least this middle and spread, so that three are usual
# and one pair in 500 reaches 100, as a page does with all its parts. Where these logs have busier pairs, theirs count.
_MIDDLE = float(np.log(3))
_SPREAD = 1.2
_ENOUGH = 20  # pairs that tell what is usual here: one of them may be the flood
_MANY = 100  # sessions a minute below which nothing is a flood

_SAMPLE = 10_000  # pairs about that tell it where there are more: ranks of so many are right to 1%

# What goes outside and is meant. UDP floods go to any port of the victim.
_GOING = f"direction IN ('Outbound', 'External') AND {IS_TRIED}"
_PORT = "CASE WHEN protocol = 'TCP' THEN port ELSE 0 END AS port"
_PAIRS = f"""
WITH going AS (
  SELECT host, remote, protocol, {_PORT}, SUM(sessions) AS sessions
  FROM {{schema}}.{PAIRS} WHERE {_GOING} GROUP BY 1, 2, 3, 4
)
"""
_COUNTED = f"""
{_PAIRS} SELECT COUNT(*) AS tested, COUNT(DISTINCT host) AS hosts, COALESCE(MAX(sessions), 0) AS most FROM going
"""

# Only pairs with so many sessions can have such a minute; of the others a sample is looked at, by a hash.
_PRESSED = f"""
{_PAIRS},
chosen AS (
  SELECT * FROM (
    SELECT host, remote, protocol, port, sessions, HASH(host, remote, protocol, port) % {{apart}} = 0 AS sampled
    FROM going
  ) AS all_pairs WHERE sampled OR sessions >= {_MANY}
),
sessions AS (
  SELECT host, source, remote, protocol, {_PORT}, port AS example, TimeGenerated AS time,
    CASE WHEN EventResult = 'Failure' THEN 1 ELSE 0 END AS failed, {WEIGHT} AS sessions
  FROM (SELECT *, {KEY} FROM {{schema}}.{NETWORK_SESSION} WHERE {IS_OF_PAIR}) AS sessions WHERE {_GOING}
),
minutes AS (
  SELECT host, remote, protocol, port, sampled, DATE_TRUNC('minute', time) AS minute, MIN(source) AS source,
    MIN(time) AS first, MAX(time) AS last, MIN(example) AS example, SUM(sessions) AS sessions,
    SUM(failed * sessions) AS failed
  FROM sessions INNER JOIN (SELECT host, remote, protocol, port, sampled FROM chosen) AS chosen
    USING (host, remote, protocol, port)
  GROUP BY 1, 2, 3, 4, 5, 6
),
pairs AS (
  SELECT host, remote, protocol, port, sampled, MIN(source) AS source, MIN(first) AS first, MAX(last) AS last,
    MIN(example) AS example, COUNT(*) AS minutes, MAX(sessions) AS busiest, SUM(sessions) AS sessions,
    SUM(failed) AS failed
  FROM minutes GROUP BY host, remote, protocol, port, sampled
),
usual AS (
  SELECT COUNT(*) AS told_by, QUANTILE_CONT(LN(busiest), 0.5) AS middle, QUANTILE_CONT(LN(busiest), 0.9) AS upper
  FROM pairs WHERE sampled
)
SELECT * FROM pairs CROSS JOIN usual WHERE busiest >= {_MANY}
"""


def pressed(schema: str, tested: int) -> exp.Expr:
    """A row for each pair of a host and a place outside that has a minute of many sessions, and what is usual.

    `tested`: how many pairs there are.
    """
    text = _PRESSED.format(schema=schema, apart=max(1, tested // _SAMPLE))
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
    names = ("busiest", "middle", "upper", "told_by")
    busiest, middle, upper, pairs = (np.asarray(rows.column(name).to_numpy(), float) for name in names)
    enough = pairs >= _ENOUGH
    spread = np.maximum(np.where(enough, (upper - middle) / TENTH, 0), _SPREAD)
    tails = log10_normal_tail((np.log(busiest) - np.maximum(np.where(enough, middle, 0), _MIDDLE)) / spread)
    return [
        Pressed(**{name: row[name] for name in Pressed.__slots__ if name in row}, log10_p=tail)
        for row, tail in zip(rows.to_pylist(), tails.tolist(), strict=True)
    ]


# What is far busier than usual is as often a program that repeats itself as it is a flood.
PRIOR = -0.5


def clues(pair: Pressed) -> Iterator[Clue]:
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


def find(sight: Sight) -> Found:
    """The hosts that press on one place outside."""
    if NETWORK_SESSION not in sight.tables:
        return Found(0, 0, ())
    (counted,) = sight.run(sqlglot.parse_one(_COUNTED.format(schema=sight.schema), dialect="duckdb")).to_pylist()
    rows = sight.run(pressed(sight.schema, counted["tested"])) if counted["most"] >= _MANY else None
    found = pairs_of(rows) if rows else []
    return Found(counted["tested"], counted["hosts"], tuple(_candidate(each) for each in found if each.log10_p < WORTH))


def _candidate(pair: Pressed) -> Candidate:
    where = f"{pair.remote}:{pair.example}" if pair.port else f"{pair.remote} by UDP"
    return Candidate(
        host=pair.host,
        remotes=(pair.remote,),
        ports=(pair.example,),
        first=pair.first,
        last=pair.last,
        p_value=p_value(pair.log10_p),
        prior=PRIOR,
        clues=tuple(clues(pair)),
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
    reads={NETWORK_SESSION: PAIRS_READ},
    find=find,
)
