"""Where hosts meet what lists of indicators name: addresses by the digits they begin with, names by their ends.

The engine has the indicators as a table, a row for each `key` (see `herdsight.indicators`). Each address of the logs is
spelt as digits once and each name parted once; both are then joined with the keys by equality, whatever their number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.addresses import digits
from herdsight.analytics.model import HOST
from herdsight.tables import DNS_ACTIVITY, NETWORK_SESSION

LISTED = "listed_indicators"  # the table's name
SHOWN = 16  # addresses, ports and names that a meeting names

READS = {
    NETWORK_SESSION: (
        "EventType",
        "NetworkDirection",
        "SrcHostname",
        "SrcIpAddr",
        "DstHostname",
        "DstIpAddr",
        "DstPortNumber",
        "EventResult",
        "EventCount",
        "SrcBytes",
        "DstBytes",
    ),
    DNS_ACTIVITY: ("SrcHostname", "SrcIpAddr", "DnsQuery", "EventResultDetails", "DnsResponseName"),
}

# Sessions with the outside, from the host's end. What a session within the network names is no list's business.
_SESSIONS = """
SELECT {host} AS host, SrcIpAddr AS source, DstIpAddr AS remote, DstHostname AS name, DstPortNumber AS port,
  TimeGenerated AS time, {measures}, COALESCE(SrcBytes, 0) AS sent, COALESCE(DstBytes, 0) AS received
FROM {schema}.ASimNetworkSessionLogs
WHERE EventType <> 'IDS' AND NetworkDirection IN ('Outbound', 'External') AND SrcIpAddr <> '' AND DstIpAddr <> ''
"""
_MEASURES = """CAST(GREATEST(COALESCE(EventCount, 1), 1) AS DOUBLE) AS sessions,
  CAST(CASE WHEN EventResult = 'Failure' THEN 1 ELSE 0 END AS DOUBLE) AS failed"""
_INBOUND = """
SELECT CASE WHEN DstHostname <> '' THEN DstHostname ELSE DstIpAddr END AS host, DstIpAddr AS source,
  SrcIpAddr AS remote, DstPortNumber AS port, TimeGenerated AS time, {measures},
  COALESCE(DstBytes, 0) AS sent, COALESCE(SrcBytes, 0) AS received
FROM {schema}.ASimNetworkSessionLogs
WHERE EventType <> 'IDS' AND NetworkDirection = 'Inbound' AND SrcIpAddr <> '' AND DstIpAddr <> ''
"""

# Keys of version 4 have 9 characters and begin with 4, so that no beginning of an address of version 6 is one of them.
_HITS = """
places AS (SELECT DISTINCT remote FROM sessions),
spelt AS (SELECT remote, {digits} AS digits FROM places),
sizes AS (SELECT DISTINCT CAST(size AS INTEGER) AS size FROM {listed} WHERE size > 0),
beginnings AS MATERIALIZED (SELECT remote, LEFT(digits, size) AS key FROM spelt CROSS JOIN sizes),
hits AS MATERIALIZED (
  SELECT beginnings.remote, known.* FROM beginnings JOIN {listed} AS known ON known.key = beginnings.key
)
"""
_SUMS = """MIN(source) AS source, MIN(time) AS first, MAX(time) AS last, SUM(sessions) AS sessions,
    SUM(failed * sessions) AS failed, CAST(SUM(sent) AS DOUBLE) AS sent, CAST(SUM(received) AS DOUBLE) AS received,
    COUNT(DISTINCT DATE_TRUNC('hour', time)) AS hours,
    LIST_SLICE(LIST_SORT(LIST(DISTINCT port)), 1, {shown}) AS ports"""
# All rows of one indicator have the same.
_DETAILS = (
    ", ".join(
        f"ANY_VALUE({name}) AS {name}"
        for name in (
            "value",
            "kind",
            "list",
            "line",
            "label",
            "confidence",
            "since",
            "until",
            "port_listed",
            "addresses",
        )
    )
    + ", LEFT(ANY_VALUE(key), 1) AS version"
)
# How many addresses the indicators cover that are as narrow as one, or narrower: a single address that is listed is no
# likelier to be met by chance because its list has networks as well.
_COVERS = """
covers AS (
  SELECT version, addresses, SUM(SUM(addresses)) OVER (PARTITION BY version ORDER BY addresses) AS covered
  FROM (SELECT DISTINCT number, LEFT(key, 1) AS version, addresses FROM {listed} WHERE size > 0) AS widths
  GROUP BY version, addresses
)
"""

_CALLS = """
calls AS (
  SELECT host, COUNT(DISTINCT remote) AS places FROM sessions WHERE host IN (SELECT host FROM met) GROUP BY host
)
"""
_HOSTS = "(SELECT COUNT(DISTINCT host) FROM sessions)"

_CALLED = """
WITH sessions AS ({sessions}), {hits}, {covers},
met AS (
  SELECT host, number, {sums}, {details}, LIST_SLICE(LIST_SORT(LIST(DISTINCT remote)), 1, {shown}) AS remotes,
    MAX(CASE WHEN port = port_listed THEN 1 ELSE 0 END) AS on_port
  FROM sessions JOIN hits USING (remote) WHERE way <> 'source' GROUP BY host, number
), {calls}
SELECT met.*, calls.places AS places, {hosts} AS all_hosts, covered
FROM met JOIN calls USING (host) JOIN covers USING (version, addresses) ORDER BY host, number
"""

# Of several indicators of one source the first counts; `numbers` has them all.
_CAME = """
WITH sessions AS ({sessions}), {hits}, {covers},
first_hits AS (
  SELECT *, LIST(number) OVER (PARTITION BY remote) AS numbers FROM hits
  QUALIFY ROW_NUMBER() OVER (PARTITION BY remote ORDER BY number) = 1
),
met AS (
  SELECT host, remote, MIN(number) AS number, ANY_VALUE(numbers) AS numbers, {sums}, {details}
  FROM sessions JOIN first_hits USING (remote) GROUP BY host, remote
),
counted AS (
  SELECT *, COUNT(*) OVER (PARTITION BY host) AS sources,
    COUNT(CASE WHEN sessions > failed THEN 1 END) OVER (PARTITION BY host) AS let_in,
    ROW_NUMBER() OVER (PARTITION BY host ORDER BY sessions > failed DESC, sent DESC, remote) AS place
  FROM met
), {calls}
SELECT counted.*, calls.places AS places, {hosts} AS all_hosts, covered
FROM counted JOIN calls USING (host) JOIN covers USING (version, addresses) WHERE place <= {shown} ORDER BY host, place
"""

# A name is asked for in DNS, or a session tells it. `answers`: where it was found to be.
_ASKED = """
WITH sessions AS ({sessions}),
asked AS (
  SELECT {host} AS host, SrcIpAddr AS source, DnsQuery AS written, LOWER(RTRIM(DnsQuery, '.')) AS name,
    TimeGenerated AS time, CASE WHEN EventResultDetails = 'NXDOMAIN' THEN 1 ELSE 0 END AS gone,
    DnsResponseName AS answers, 1 AS in_dns
  FROM {schema}.ASimDnsActivityLogs WHERE DnsQuery LIKE '%.%' AND SrcIpAddr <> ''
  UNION ALL
  SELECT host, source, name, LOWER(RTRIM(name, '.')), time, 0, remote, 0 FROM sessions WHERE name LIKE '%.%'
),
parted AS (
  SELECT name, labels, UNNEST(RANGE(1, LEN(labels))) AS start
  FROM (SELECT name, STRING_SPLIT(name, '.') AS labels FROM (SELECT DISTINCT name FROM asked) AS names) AS labelled
),
hits AS MATERIALIZED (
  SELECT parted.name, known.* FROM parted
  JOIN {listed} AS known ON known.size = 0 AND known.key = ARRAY_TO_STRING(LIST_SLICE(labels, start, LEN(labels)), '.')
    AND (known.kind <> 'host' OR start = 1)
),
met AS (
  SELECT host, number, MIN(source) AS source, MIN(time) AS first, MAX(time) AS last, COUNT(*) AS asked,
    CAST(SUM(gone) AS BIGINT) AS gone, CAST(SUM(in_dns) AS BIGINT) AS in_dns,
    COUNT(DISTINCT DATE_TRUNC('hour', time)) AS hours, {details},
    LIST_SLICE(LIST_SORT(LIST(DISTINCT name)), 1, {shown}) AS names,
    LIST_SLICE(LIST_SORT(LIST(DISTINCT written)), 1, {shown}) AS written
  FROM asked JOIN hits USING (name) GROUP BY host, number
),
answered AS (
  SELECT source, number, remote, MIN(time) AS since FROM (
    SELECT source, number, time, UNNEST(STRING_SPLIT(answers, ',')) AS remote
    FROM asked JOIN hits USING (name) WHERE answers <> ''
  ) AS each_answer GROUP BY source, number, remote
),
reached AS (
  SELECT answered.source AS source, answered.number AS number,
    LIST_SLICE(LIST_SORT(LIST(DISTINCT answered.remote)), 1, {shown}) AS remotes,
    LIST_SLICE(LIST_SORT(LIST(DISTINCT port)), 1, {shown}) AS ports, SUM(sessions) AS sessions,
    SUM(failed * sessions) AS failed, CAST(SUM(sent) AS DOUBLE) AS sent, CAST(SUM(received) AS DOUBLE) AS received,
    MAX(time) AS called_last
  FROM answered JOIN sessions ON sessions.source = answered.source AND sessions.remote = answered.remote
    AND sessions.time >= answered.since
  GROUP BY answered.source, answered.number
),
calls AS (
  SELECT host, COUNT(DISTINCT REGEXP_EXTRACT(name, '[^.]+[.][^.]+$')) AS places
  FROM asked WHERE host IN (SELECT host FROM met) GROUP BY host
)
SELECT met.*, remotes, ports, COALESCE(sessions, 0) AS sessions, COALESCE(failed, 0) AS failed,
  COALESCE(sent, 0) AS sent, COALESCE(received, 0) AS received, called_last, calls.places AS places,
  (SELECT COUNT(DISTINCT host) FROM asked) AS all_hosts,
  (SELECT COUNT(DISTINCT number) FROM {listed} WHERE size = 0) AS covered
FROM met JOIN calls USING (host) LEFT JOIN reached ON reached.source = met.source AND reached.number = met.number
ORDER BY host, met.number
"""


def _tree(template: str, sessions: str, schema: str) -> exp.Expr:
    spelling = digits(exp.column("remote")).sql(dialect="duckdb")
    filled = template.format(
        sessions=sessions.format(schema=schema, host=HOST, measures=_MEASURES),
        hits=_HITS.format(listed=LISTED, digits=spelling),
        sums=_SUMS.format(shown=SHOWN),
        details=_DETAILS,
        calls=_CALLS,
        hosts=_HOSTS,
        covers=_COVERS.format(listed=LISTED),
        listed=LISTED,
        host=HOST,
        schema=schema,
        shown=SHOWN,
    )
    return sqlglot.parse_one(filled, dialect="duckdb")


def called(schema: str) -> exp.Expr:
    """A row for each host and each address or network listed that it calls."""
    return _tree(_CALLED, _SESSIONS, schema)


def came(schema: str) -> exp.Expr:
    """A row for each host and each source from outside that is listed, those that were let in first, SHOWN at most."""
    return _tree(_CAME, _INBOUND, schema)


def asked(schema: str) -> exp.Expr:
    """A row for each host and each name listed that it asks for, or that its sessions tell, and what came of it."""
    return _tree(_ASKED, _SESSIONS, schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A host that meets an indicator: what is said of that, and what was between the two; bytes from the host's end."""

    host: str
    source: str
    number: int
    value: str
    kind: str
    list: str
    line: int
    label: str
    confidence: int | None
    since: datetime | None
    until: datetime | None
    port_listed: int
    addresses: float
    version: str
    first: datetime
    last: datetime
    sessions: float
    failed: float
    sent: float
    received: float
    hours: int
    remotes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    on_port: int = 0
    # of names
    names: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    asked: int = 0
    gone: int = 0
    in_dns: int = 0
    called_last: datetime | None = None
    # of sources
    remote: str = ""
    numbers: tuple[int, ...] = ()
    sources: int = 0
    let_in: int = 0
    # of the host, of all hosts, and of all indicators that are as narrow
    places: int
    all_hosts: int
    covered: float


def meetings(rows: pa.Table) -> Iterator[Meeting]:
    """The rows of any of the three trees."""
    names = {each.name for each in fields(Meeting)}
    for row in rows.to_pylist():
        own: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in row.items()
            if name in names and (value is not None or name in _MAY_LACK)
        }
        yield Meeting(**own)


_MAY_LACK = frozenset({"confidence", "since", "until"})
