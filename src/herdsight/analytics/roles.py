"""What a host is there for, as who calls it tells: servers, and of these resolvers, proxies and mail servers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum

import sqlglot
from sqlglot import exp

from herdsight.analytics.model import Sight
from herdsight.analytics.pairs import PAIRS
from herdsight.tables import NETWORK_SESSION


class Task(StrEnum):
    """What a host does for others."""

    SERVER = "server"
    RESOLVER = "resolver"
    PROXY = "proxy"
    MAIL = "mail server"


# A desktop that shares a folder or a printer answers a neighbour or two; who answers three by a protocol that clients
# are set up to use with one host is that host. Of other ports ten are asked: programs of peers answer some, too.
_USERS, _CALLERS = 3, 10
# A proxy goes out for its clients to more places than one program does.
_FORWARDS = 10
MAIL_PORTS = frozenset({25, 465, 587})
_PORTS: Mapping[int, Task] = {
    **dict.fromkeys((53, 853), Task.RESOLVER),
    **dict.fromkeys(MAIL_PORTS, Task.MAIL),
    **dict.fromkeys((1080, 3128, 8080, 8888), Task.PROXY),  # IANA's socks, Squid's own, and what is usual beside
}

_ANSWERS = f"""
WITH called AS (
  SELECT remote AS address, port, COUNT(DISTINCT source) AS callers FROM {{schema}}.{PAIRS}
  WHERE remote IN ({{addresses}}) AND failed < calls AND NOT reply AND direction IN ('Inbound', 'Local')
  GROUP BY remote, port HAVING COUNT(DISTINCT source) >= {_USERS}
),
calling AS (
  SELECT source AS address, COUNT(DISTINCT remote) AS places FROM {{schema}}.{PAIRS}
  WHERE source IN ({{addresses}}) AND failed < calls AND port IN (80, 443) AND direction = 'Outbound' GROUP BY source
)
SELECT address, port, callers, COALESCE(places, 0) AS places FROM called LEFT JOIN calling USING (address)
ORDER BY address, port
"""


def tasks(sight: Sight, addresses: Iterable[str]) -> Mapping[str, frozenset[Task]]:
    """By address, of these, what it does for others; those that do nothing are left out."""
    listed = ", ".join(exp.Literal.string(each).sql("duckdb") for each in sorted(set(addresses)))
    if not listed or NETWORK_SESSION not in sight.tables:
        return {}
    found: dict[str, set[Task]] = defaultdict(set)
    asked = sqlglot.parse_one(_ANSWERS.format(schema=sight.schema, addresses=listed), dialect="duckdb")
    for row in sight.run(asked).to_pylist():
        found[row["address"]] |= _tasks(row["port"], row["callers"], row["places"])
    return {address: frozenset(own) for address, own in found.items() if own}


def _tasks(port: int, callers: int, places: int) -> set[Task]:
    task = _PORTS.get(port)
    if task is Task.PROXY and places < _FORWARDS:
        task = None
    return {task, Task.SERVER} if task else {Task.SERVER} if callers >= _CALLERS else set()
