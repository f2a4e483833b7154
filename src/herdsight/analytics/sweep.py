"""Sweeps: a host that asks by ICMP who is there, and hears from few.

Null hypothesis: that of `spread`, with an address that is asked in the place of a port that is tried. An ICMP message
has no port, and what it failed in stands in its own counts, so the pairs of `pairs` do not have it.
"""

import sqlglot
from sqlglot import exp

from herdsight.analytics.model import HOST, Analytic, Candidate, Clue, Found, Sight, p_value
from herdsight.analytics.spread import LEAST, ORDINARY, PRIOR, Tried, clues, sets_of
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import NETWORK_SESSION

# Types that ask: echo, timestamp, information and mask (RFC 792, RFC 950), and the echo of ICMPv6 (RFC 4443).
_QUERIES = (8, 13, 15, 17, 128)
# A sweep asks an address once or a few times over; who asks it oftener watches it.
_WATCHED = 10

# An address answered where any message came back. Of who calls no ICMP a failure, the counts say that none did; where
# they are not there either, nothing is known.
_ASKED = f"""
SELECT {HOST} AS host, SrcIpAddr AS source, DstIpAddr AS remote, TimeGenerated AS time,
  CASE WHEN EventResult = 'Success' OR DstPackets > 0 OR DstBytes > 0 THEN 1 ELSE 0 END AS answered,
  CASE WHEN EventResult = 'Failure' OR COALESCE(DstPackets, DstBytes) IS NOT NULL THEN 1 ELSE 0 END AS told
FROM {{schema}}.{NETWORK_SESSION}
WHERE NetworkProtocol = 'ICMP' AND EventType <> 'IDS' AND SrcPortNumber IN ({", ".join(map(str, _QUERIES))})
  AND NetworkDirection IN ('Outbound', 'Local', 'External') AND SrcIpAddr <> '' AND DstIpAddr <> ''
  AND SrcIpAddr <> DstIpAddr
  AND NOT (DstIpAddr LIKE '22_.%' OR DstIpAddr LIKE '23_.%' OR DstIpAddr LIKE '%.255' OR DstIpAddr LIKE 'ff%')
"""
_CONTACTS = f"""
WITH contacts AS (
  SELECT host, remote, MIN(source) AS source, MIN(time) AS first, 1 - MAX(answered) AS failed, COUNT(*) AS calls
  FROM ({_ASKED}) AS asked WHERE answered = 1 OR told = 1 GROUP BY host, remote
)
"""
_COUNTED = f"""
{_CONTACTS}
SELECT (SELECT COUNT(DISTINCT host) FROM contacts) AS hosts, COUNT(*) AS tested
FROM (SELECT host FROM contacts GROUP BY host HAVING COUNT(*) >= {LEAST}) AS wide
"""
_TOLD = f"""
{_CONTACTS},
some AS (SELECT *, DATE_TRUNC('hour', first) AS hour FROM contacts),
sets AS (
  SELECT host, hour, MIN(source) AS source, MIN(first) AS first, MAX(first) AS last, COUNT(*) AS tried,
    CAST(SUM(failed) AS BIGINT) AS failed, SUM(CASE WHEN calls >= {_WATCHED} THEN 1 ELSE 0 END) AS watched,
    COUNT(DISTINCT CASE WHEN remote LIKE '%.%' THEN REGEXP_REPLACE(remote, '[.][0-9]+$', '') ELSE remote END)
      AS networks
  FROM some GROUP BY GROUPING SETS ((host, hour), (host))
),
counted AS (SELECT *, 'ICMP' AS protocol, COUNT(*) OVER (PARTITION BY host) AS windows FROM sets)
SELECT * FROM counted WHERE tried >= {LEAST} AND failed > {ORDINARY} * tried
"""


def find(sight: Sight) -> Found:
    """The hosts that ask addresses of which few answer, each at its most telling hour or over the whole time."""
    if NETWORK_SESSION not in sight.tables:
        return Found(0, 0, ())
    (counted,) = sight.run(_question(sight, _COUNTED)).to_pylist()
    rows = sight.run(_question(sight, _TOLD))
    watched = {row["host"]: int(row["watched"]) for row in rows.to_pylist() if row["hour"] is None}
    candidates = tuple(_candidate(each, watched.get(each.host, 0)) for each in sets_of(rows))
    return Found(counted["tested"], counted["hosts"], candidates)


def _question(sight: Sight, asked: str) -> exp.Expr:
    return sqlglot.parse_one(asked.format(schema=sight.schema), dialect="duckdb")


def _candidate(lead: Tried, watched: int) -> Candidate:
    return Candidate(
        host=lead.host,
        first=lead.first,
        last=lead.last,
        p_value=p_value(lead.log10_p),
        prior=PRIOR,
        clues=(*clues(lead, 0), *_clues(lead, watched)),
        reasons=(
            f"asks {lead.tried} addresses by ICMP who is there, of which {lead.failed} never answer",
            f"of an ordinary host's places 20% fail: p = 1e{lead.log10_p:.0f}",
        ),
        numbers={
            "tried": lead.tried,
            "failed": lead.failed,
            "networks": lead.networks,
            "a_minute": round(lead.pace, 2),
            "watched": watched,
        },
        evidence=_ASKING,
        row={"Source": lead.source},
    )


def _clues(lead: Tried, watched: int) -> tuple[Clue, ...]:
    if 2 * watched < lead.tried:
        return ()
    # As a dead server is polled on, which no list of a scanner is.
    return (Clue(f"it asks {watched} of them {_WATCHED} times and oftener, as a monitor does", -1.0),)


_ASKING = EvidenceRows(table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "NetworkProtocol": "ICMP"})

SWEEP = Analytic(
    name="sweep",
    title="Asks many addresses who is there, of which few answer",
    null="the share of the addresses a host asks that stay silent is Beta(2, 8), whose mean is 0.2",
    role=Role.ATTACKER,
    techniques=("T1018", "T1595.001"),
    reads={
        NETWORK_SESSION: (
            "EventType",
            "NetworkDirection",
            "NetworkProtocol",
            "SrcHostname",
            "SrcIpAddr",
            "SrcPortNumber",
            "DstIpAddr",
            "DstPackets",
            "DstBytes",
            "EventResult",
        )
    },
    find=find,
    needs=("NetworkProtocol",),
)
