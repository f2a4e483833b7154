"""Tunnels and C2 in DNS: a host that carries data in the names under one domain, or in texts that it asks for.

Null hypotheses, of what one host asks under one registered domain. Names: the letters of its different names number as
they do of other hosts and domains, log-normally. Texts: what it asks for TXT or NULL records comes at a rate that
differs from domain to domain exponentially, so that the number of queries is geometric.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.known import is_popular
from herdsight.analytics.model import HOST, WORTH, Analytic, Candidate, Clue, Found, Sight, p_value, same_in_all
from herdsight.analytics.tails import log10_normal_tail
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import DNS_ACTIVITY

Reals = npt.NDArray[np.float64]

# Fewer names, or fewer texts, than these carry nothing to speak of.
LEAST_NAMES, LEAST_TEXTS = 5, 10
# Where at least five names are asked for, they are about eight of ten letters. The spread is such that RITA's buckets
# of C2 over DNS, 100 and 1,000 names, are one in a hundred and one in a million. What the logs have counts beside it as
# so many pairs of hosts and domains.
_USUAL, _SPREAD, _PAIRS = 1.9, 0.45, 20
# Texts that a host asks for in a day under one domain, in the middle: of mail, certificates and updates it asks once.
_TEXTS = 3.0
SHOWN = 100  # names that a candidate keeps, for its letters and its rows

# Reverse lookups, and names that the local network or a service's discovery answers, are under no registered domain.
# Texts are cut only once for each name that a host asks for, which are far fewer than its queries.
_ASKED_OF = r"""
WITH queries AS (
  SELECT {host} AS host, SrcIpAddr AS source, LOWER(RTRIM(DnsQuery, '.')) AS name, DnsQuery AS query,
    TimeGenerated AS time,
    CASE WHEN EventSubType = 'request' THEN 1 ELSE 0 END AS request,
    CASE WHEN DnsQueryTypeName IN ('TXT', 'NULL') OR DnsQueryType IN (10, 16) THEN 1 ELSE 0 END AS text
  FROM {schema}.ASimDnsActivityLogs WHERE DnsQuery LIKE '%.%' AND SrcIpAddr <> ''
),
named AS (
  SELECT host, name, MIN(source) AS source, MIN(time) AS first, MAX(time) AS last,
    GREATEST(SUM(request), COUNT(*) - SUM(request)) AS times, SUM(text) AS texts
  FROM queries GROUP BY host, name
),
parted AS MATERIALIZED (
  SELECT *, REGEXP_EXTRACT(
    name, '[^.]+[.](?:(?:ac|co|com|edu|gob|gov|go|mil|ne|net|nom|or|org)[.][a-z][a-z]|[^.]+)$'
  ) AS domain
  FROM named
  WHERE NOT REGEXP_MATCHES(name, '^_|[.]_|^spf|[.](?:arpa|local|localdomain|lan|home|internal|corp)$')
),
counted AS (SELECT * FROM parted WHERE domain <> '' AND name <> domain)
"""

# A sensor that logs a query and its answer counts both; texts are at most as many as the queries.
_PAIRS_OF = """
, pairs AS (
  SELECT host, domain, MIN(source) AS source, MIN(first) AS first, MAX(last) AS last,
    COUNT(*) AS names, CAST(SUM(times) AS BIGINT) AS asked,
    CAST(SUM(LEAST(texts, times)) AS BIGINT) AS texts,
    CAST(SUM(LENGTH(name) - LENGTH(domain) - 1) AS BIGINT) AS letters,
    COUNT(*) OVER (PARTITION BY domain) AS hosts
  FROM counted GROUP BY host, domain
)
SELECT *, (SELECT COUNT(DISTINCT host) FROM pairs) AS all_hosts
FROM pairs WHERE names >= {least_names} OR texts >= {least_texts}
"""

_SOME_OF = """
, chosen AS (
  SELECT host, domain, name, ROW_NUMBER() OVER (PARTITION BY host, domain ORDER BY name) AS place
  FROM counted WHERE host IN ({hosts}) AND domain IN ({domains})
)
SELECT DISTINCT host, domain, query
FROM queries INNER JOIN (SELECT host, domain, name FROM chosen WHERE place <= {shown}) AS some USING (host, name)
ORDER BY host, domain, query
"""


def features(schema: str) -> exp.Expr:
    """A row for each host and registered domain under which it asks for enough names or texts.

    `letters` are those of the different names, without the domain's.
    """
    asked = _ASKED_OF.format(schema=schema, host=HOST)
    pairs = _PAIRS_OF.format(least_names=LEAST_NAMES, least_texts=LEAST_TEXTS)
    return sqlglot.parse_one(asked + pairs, dialect="duckdb")


def samples(schema: str, hosts: Iterable[str], domains: Iterable[str]) -> exp.Expr:
    """Up to 100 names of each of these hosts and domains, as they were asked for."""
    listed = (
        ", ".join(exp.Literal.string(each).sql("duckdb") for each in sorted(set(some))) for some in (hosts, domains)
    )
    asked = _ASKED_OF.format(schema=schema, host=HOST)
    text = _SOME_OF.format(hosts=next(listed), domains=next(listed), shown=SHOWN)
    return sqlglot.parse_one(asked + text, dialect="duckdb")


@dataclass(frozen=True, slots=True)
class Pair:
    """What one host asks under one domain."""

    host: str
    domain: str
    source: str
    first: datetime
    last: datetime
    names: int
    asked: int
    texts: int
    letters: int
    hosts: int
    all_hosts: int
    log10_p: float
    some: tuple[str, ...] = ()

    @property
    def bits(self) -> float:
        """The entropy of the letters of some of its names, in bits a letter."""
        letters = "".join(name.rstrip(".")[: -len(self.domain) - 1] for name in self.some).replace(".", "").encode()
        counts = np.bincount(np.frombuffer(letters, np.uint8)) if letters else np.zeros(1)
        shares = counts[counts > 0] / max(len(letters), 1)
        return float(-(shares * np.log2(shares)).sum())


def pairs_of(rows: pa.Table) -> list[Pair]:
    """The features as pairs; the p-value of a pair is that of the likelier way to carry data, of the two tried."""
    if not rows.num_rows:
        return []
    found = rows.to_pylist()
    names, letters, texts = (np.array([float(row[name]) for row in found]) for name in ("names", "letters", "texts"))
    days = np.array([max((row["last"] - row["first"]).total_seconds() / 86_400, 1.0) for row in found])
    by_names = np.where(names >= LEAST_NAMES, log10_letters(letters, names), 0.0)
    by_texts = np.where(texts >= LEAST_TEXTS, log10_texts(texts, days), 0.0)
    tails = np.minimum(np.minimum(by_names, by_texts) + np.log10(2), 0.0)
    return [_pair(row, float(tail)) for row, tail in zip(found, tails, strict=True)]


def _pair(row: Mapping[str, Any], tail: float) -> Pair:
    own = {name: row[name] for name in Pair.__slots__ if name in row}
    return Pair(**own, log10_p=tail)


def log10_letters(letters: Reals, names: Reals) -> Reals:
    """The log10 of how often a pair's names have so many letters, against what is usual here and everywhere.

    The middle and the spread are the median and the scaled median deviation of the pairs that have enough names, which
    a few tunnels do not move, weighed with the usual ones. They are at least the usual ones: where all is quiet, an
    ordinary domain is no tunnel.
    """
    x = np.log10(np.maximum(letters, 1.0))
    enough = x[names >= LEAST_NAMES]
    count = len(enough)
    middle = float(np.median(enough)) if count else _USUAL
    spread = 1.4826 * float(np.median(np.abs(enough - middle))) if count else _SPREAD
    middle, spread = (
        max(usual, (_PAIRS * usual + count * here) / (_PAIRS + count))
        for usual, here in ((_USUAL, middle), (_SPREAD, spread))
    )
    return log10_normal_tail((x - middle) / spread)


def log10_texts(texts: Reals, days: Reals) -> Reals:
    """The log10 of how often at least so many texts are asked for in so many days: (m / (m + 1))^n of a mean m."""
    mean = _TEXTS * days
    found: Reals = texts * np.log10(mean / (mean + 1))
    return found


# --- what else is known of it ---------------------------------------------------------------------------------------

# Reputation and blocklists are asked by DNS as tunnels are, and are far more common: ten to one without any clue.
PRIOR = -1.0

# Whose service is to be asked by names that carry data, as their makers document it.
_SERVICES = {
    "avast.com": "Avast's reputation service",
    "avg.com": "AVG's reputation service",
    "barracudacentral.org": "a blocklist",
    "cymru.com": "Team Cymru's lookup of addresses",
    "dnswl.org": "a list of mail servers",
    "e5.sk": "ESET's reputation service",
    "mcafee.com": "McAfee's reputation service",
    "opendns.com": "OpenDNS's own checks",
    "sophosxl.net": "Sophos's reputation service",
    "spamcop.net": "a blocklist",
    "spamhaus.net": "a blocklist",
    "spamhaus.org": "a blocklist",
    "surbl.org": "a blocklist",
    "uribl.com": "a blocklist",
}


def clues(pair: Pair) -> Iterator[Clue]:
    """What speaks for data in names or texts, and against it."""
    if pair.texts >= LEAST_TEXTS and pair.texts >= pair.asked / 2:
        # About one query of a hundred is for a text; an implant that loads by DNS asks for little else.
        yield Clue(f"{pair.texts} of {pair.asked} queries are for texts or bytes (TXT, NULL)", 1.0)
    if is_popular(pair.domain):
        yield Clue(f"{pair.domain} is a popular domain", -1.0)
    else:
        yield Clue(f"{pair.domain} is no popular domain", 0.7)
    if pair.names >= 50 and pair.names >= 0.8 * pair.asked:  # noqa: PLR2004
        # Browsers and programs ask for the same names again; what was carried once need not be carried again.
        yield Clue(f"hardly a name is asked for twice: {pair.names} names in {pair.asked} queries", 0.7)
    if pair.letters >= 30 * pair.names:
        yield Clue(f"its names have {pair.letters / pair.names:.0f} letters before the domain", 0.7)
    if pair.names >= 20 and pair.bits >= 4.5:  # noqa: PLR2004
        # Words have about 4.1 bits a letter, hexadecimal digits 4, base32 has 5 and base64 6.
        yield Clue(f"the letters of its names have {pair.bits:.1f} bits each, as codes have", 0.7)
    if pair.hosts == 1 and pair.all_hosts >= 5:  # noqa: PLR2004
        yield Clue(f"of {pair.all_hosts} hosts none but this asks for names there", 0.3)


def explanation(pair: Pair) -> str | None:
    """What honest thing it is, where that is known."""
    if service := _SERVICES.get(pair.domain):
        return f"{pair.domain} is {service}"
    if pair.all_hosts >= 4 and pair.hosts >= pair.all_hosts / 2:  # noqa: PLR2004
        return f"{pair.hosts} of {pair.all_hosts} hosts ask for names under it"
    return None


def find(sight: Sight) -> Found:
    """The hosts and domains between which more is carried than names and texts have to."""
    if DNS_ACTIVITY not in sight.tables:
        return Found(0, 0, ())
    rows = sight.run(features(sight.schema))
    found = [each for each in pairs_of(rows) if each.log10_p < WORTH]
    return Found(rows.num_rows, same_in_all(rows, "all_hosts"), tuple(map(_candidate, _sampled(sight, found))))


def _sampled(sight: Sight, found: Sequence[Pair]) -> list[Pair]:
    """The pairs with some of their names."""
    if not found:
        return []
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    rows = sight.run(samples(sight.schema, (each.host for each in found), (each.domain for each in found)))
    for row in rows.to_pylist():
        names[row["host"], row["domain"]].append(row["query"])
    return [replace(each, some=tuple(names[each.host, each.domain])) for each in found]


def _candidate(pair: Pair) -> Candidate:
    return Candidate(
        host=pair.host,
        domains=(pair.domain,),
        first=pair.first,
        last=pair.last,
        p_value=p_value(pair.log10_p),
        prior=PRIOR,
        clues=tuple(clues(pair)),
        reasons=tuple(_reasons(pair)),
        numbers={
            "names": pair.names,
            "queries": pair.asked,
            "texts": pair.texts,
            "letters": pair.letters,
            "bits_a_letter": round(pair.bits, 3),
            "hosts": pair.hosts,
        },
        evidence=_ASKED,
        row={"Source": pair.source, "Names": pair.some},
        explained_by=explanation(pair),
    )


def _reasons(pair: Pair) -> Sequence[str]:
    return (
        f"asks {pair.asked} times under {pair.domain}, for {pair.names} different names with {pair.letters} letters",
        f"so many names or texts come by chance with p = 1e{pair.log10_p:.0f}",
    )


_ASKED = EvidenceRows(table=DNS_ACTIVITY, where={"SrcIpAddr": "$Source", "DnsQuery": "$Names"})

TUNNEL = Analytic(
    name="tunnel",
    title="Data in the names and texts of one domain",
    null="names under a domain have as many letters as others have here, and texts are asked for now and then",
    role=Role.BOT,
    techniques=("T1071.004", "T1572", "T1048"),
    reads={
        DNS_ACTIVITY: (
            "EventSubType",
            "SrcHostname",
            "SrcIpAddr",
            "DnsQuery",
            "DnsQueryType",
            "DnsQueryTypeName",
        )
    },
    find=find,
    needs=("DnsQuery",),
    judges=("dns-tunnel-subdomains", "dns-txt-c2"),
)
