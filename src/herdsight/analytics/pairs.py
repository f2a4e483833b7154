"""Who called whom: a table of pairs, made once a hunt in one pass over the sessions, from which analytics start.

Sessions are ten and more times as many as pairs. What an analytic asks of all pairs it asks of this table; it goes back
to the sessions for those of the pairs alone that may be something, by a join on the columns that name a pair.
"""

import sqlglot
from sqlglot import exp

from herdsight.analytics.known import PERIODIC_PORTS
from herdsight.analytics.model import HOST
from herdsight.tables import NETWORK_SESSION

PAIRS = "pairs"  # in the schema in which analytics see the logs

# What an analytic that uses the table must have kept of the sessions.
PAIRS_READ = (
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

# UDP services whose answers are far larger than what asks for them, by US-CERT's alert TA14-017A and its updates, and
# what was found abused since: cameras (37810), building control (47808), remote desktops, game servers.
AMPLIFIERS = frozenset(
    {17, 19, 53, 69, 111, 123, 137, 161, 177, 389, 427, 520, 1434, 1604, 1900, 3283, 3389, 3478, 3702, 5093, 5351}
    | {5353, 5683, 6881, 10001, 10074, 11211, 17185, 20800, 27015, 27960, 30718, 32414, 33848, 37810, 47808}
)

# What tells a session's pair, as columns of the sessions themselves: to join them with pairs by.
_KEY = f"""
  SrcIpAddr AS source, DstIpAddr AS remote, DstPortNumber AS port, NetworkProtocol AS protocol,
  NetworkDirection AS direction, COALESCE(SrcPortNumber, 65535) < 1024 AND DstPortNumber >= 1024 AS reply,
  CASE WHEN NetworkProtocol = 'UDP' AND SrcPortNumber IN ({", ".join(map(str, sorted(AMPLIFIERS)))})
    THEN SrcPortNumber ELSE 0 END AS amplifier
"""
KEY = f"{HOST} AS host, {_KEY}"
WEIGHT = "CAST(GREATEST(COALESCE(EventCount, 1), 1) AS DOUBLE)"  # the sessions that a row tells of
SINGLE = "COALESCE(EventCount, 1) <= 1"  # whether it is one
IS_OF_PAIR = """
  EventType <> 'IDS' AND NetworkProtocol IN ('TCP', 'UDP') AND DstPortNumber IS NOT NULL
  AND NetworkDirection IN ('Inbound', 'Outbound', 'Local', 'External')
"""

# What somebody meant to reach, of pairs and of sessions with their key. Multicast and broadcast have no one to answer.
IS_TRIED = f"""
  port > 0 AND remote <> '' AND source <> '' AND source <> remote AND NOT reply
  AND NOT (protocol = 'UDP' AND port IN ({", ".join(map(str, sorted(PERIODIC_PORTS)))}))
  AND NOT (remote LIKE '22_.%' OR remote LIKE '23_.%' OR remote LIKE '%.255' OR remote LIKE 'ff%')
"""

# The name and the address apart: where there is no name, the address is grouped by once.
_MADE = f"""
WITH sessions AS (
  SELECT SrcHostname AS name, {_KEY}, TimeGenerated AS time, EventResult, EventCount
  FROM {{schema}}.{NETWORK_SESSION} WHERE {IS_OF_PAIR}
),
pairs AS (
  SELECT name, source, remote, port, protocol, direction, reply, amplifier, COUNT(*) AS calls,
    COUNT(CASE WHEN {SINGLE} THEN 1 END) AS single, COUNT(CASE WHEN EventResult = 'Failure' THEN 1 END) AS failed,
    SUM({WEIGHT}) AS sessions, MIN(time) AS first, MAX(time) AS last
  FROM sessions GROUP BY name, source, remote, port, protocol, direction, reply, amplifier
)
SELECT CASE WHEN name <> '' THEN name ELSE source END AS host, * EXCLUDE (name) FROM pairs
"""


def made(schema: str) -> exp.Create:
    """The statement that makes the table, with a row for each pair and each way in which its sessions differ.

    A pair is a `host` (its name, or its address where it has none) at the address `source`, and the `port` of the
    address `remote` by TCP or UDP; IDS alerts are no sessions. `direction`: from inside, as the session has it.
    `reply`: from a service's port to a client's, as an answer whose question was not seen. `amplifier`: the port that
    UDP comes from, where an amplifier has it, else 0. `calls` are rows, of which `single` tell of one session and
    `failed` of a failure; `sessions` are what all tell of, from `first` to `last`.
    """
    rows = sqlglot.parse_one(_MADE.format(schema=schema), dialect="duckdb")
    return exp.Create(this=exp.table_(PAIRS, db=schema), kind="TABLE", expression=rows)
