"""Generated domains: a host that asks for many domains that do not exist, which look made up or are far too many.

Null hypotheses: a domain that a host asks for in vain looks generated as seldom as one that exists; and it asks in vain
as seldom as the hosts around it. Domains are registered ones: a hash under a vendor's domain is that vendor's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import sqlglot
from sqlglot import exp

from herdsight.analytics.generated import log10_odds
from herdsight.analytics.model import HOST, WORTH, Analytic, Candidate, Clue, Found, Sight, p_value
from herdsight.analytics.tails import log10_binomial_tail
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import DNS_ACTIVITY

_Wholes = npt.NDArray[np.int64]
_Reals = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]

# One honest domain in a hundred looks more generated (docs/generated-names.md).
THRESHOLD = 0.65
# Domains in vain below which a host is not judged: a few typing errors are no sample.
LEAST = 10
# What honest domains are counted to have beside those of the data, so that few of them say little: one in a hundred
# that looks generated, one in twenty that is gone.
_USUAL_LOOKS, _USUAL_GONE, _WEIGHT = 0.01, 0.05, 100
_USUAL_HOSTS = 10  # that are counted beside those of the data, lest one host be its own measure

_DOMAINS = r"""
WITH asked AS (
  SELECT {host} AS host, SrcIpAddr AS source,
    REGEXP_EXTRACT(
      LOWER(RTRIM(DnsQuery, '.')),
      '([^.]+\.((ac|co|com|edu|gob|gov|go|mil|ne|net|nom|or|org)\.[a-z]{{2}}|[^.]+))$', 1
    ) AS domain,
    EventResultDetails = 'NXDOMAIN' AS gone, TimeGenerated AS time
  FROM {schema}.ASimDnsActivityLogs
  WHERE DnsQueryTypeName IN ('A', 'AAAA') AND EventResultDetails IN ('NXDOMAIN', 'NOERROR')
),
outside AS (
  SELECT * FROM asked WHERE domain <> '' AND NOT REGEXP_MATCHES(
    domain, '\.(arpa|corp|home|internal|intranet|lan|local|localdomain|private|test|invalid)$'
  )
)
SELECT host, MIN(source) AS source, domain, MIN(CASE WHEN gone THEN 1 ELSE 0 END) AS gone, MIN(time) AS first,
  MAX(time) AS last, COUNT(*) OVER (PARTITION BY domain) AS hosts
FROM outside GROUP BY host, domain
"""


def features(schema: str) -> exp.Expr:
    """A row for each domain that a host asked for: whether it never existed, when, and how many hosts asked."""
    return sqlglot.parse_one(_DOMAINS.format(schema=schema, host=HOST), dialect="duckdb")


@dataclass(frozen=True, slots=True)
class Asker:
    """What one host asked for: domains in all, those in vain, and those of them that look generated."""

    host: str
    source: str
    domains: int
    gone: int
    generated: int
    first: datetime
    last: datetime
    examples: tuple[str, ...]
    log10_p: float


@dataclass(frozen=True, slots=True)
class Askers:
    """How many hosts asked for enough domains in vain to be judged, and those that chance explains badly."""

    judged: int
    odd: tuple[Asker, ...]


def askers(rows: pa.Table) -> Askers:
    """The hosts of the features."""
    if not rows.num_rows:
        return Askers(0, ())
    columns = {name: np.array(rows.column(name).to_pylist(), dtype=object) for name in rows.column_names}
    hosts, own = np.unique(columns["host"].astype(str), return_inverse=True)
    # What many hosts ask for in vain is gone for all of them: a filter, an outage, a moved service.
    common = (columns["hosts"].astype(int) >= _COMMON) & (columns["hosts"].astype(int) >= len(hosts) / 5)
    gone = (columns["gone"].astype(int) == 1) & ~common
    looks = log10_odds(columns["domain"].tolist()) >= THRESHOLD
    counts = _Counts(
        np.bincount(own, minlength=len(hosts)),
        np.bincount(own, gone, len(hosts)).astype(int),
        np.bincount(own, gone & looks, len(hosts)).astype(int),
    )
    tails = _tails(counts, _share(looks & ~gone, ~gone, _USUAL_LOOKS))
    odd = np.flatnonzero((counts.gone >= LEAST) & (tails < WORTH)).tolist()
    found = tuple(_asker(columns, (own == number) & gone, looks, counts.of(number, tails)) for number in odd)
    return Askers(int((counts.gone >= LEAST).sum()), found)


def _asker(columns: Mapping[str, npt.NDArray[Any]], mine: _Flags, looks: _Flags, numbers: Mapping[str, Any]) -> Asker:
    strange = columns["domain"][mine & looks].tolist() or columns["domain"][mine].tolist()
    return Asker(
        host=str(columns["host"][mine][0]),
        source=str(columns["source"][mine][0]),
        first=min(columns["first"][mine]),
        last=max(columns["last"][mine]),
        examples=tuple(sorted(strange)[:5]),
        **numbers,
    )


_COMMON = 3  # hosts


@dataclass(frozen=True, slots=True)
class _Counts:
    domains: _Wholes
    gone: _Wholes
    generated: _Wholes

    def of(self, number: int, tails: _Reals) -> Mapping[str, Any]:
        """What is said of one host."""
        counts = {name: int(getattr(self, name)[number]) for name in ("domains", "gone", "generated")}
        return {**counts, "log10_p": float(tails[number])}


def _share(met: _Flags, of: _Flags, usual: float) -> float:
    return float((met.sum() + usual * _WEIGHT) / (of.sum() + _WEIGHT))


def _tails(counts: _Counts, looks: float) -> _Reals:
    """The log10 p-value of each host: of the two tests the smaller one, doubled."""
    shares = counts.gone / np.maximum(counts.domains, 1)
    gone = max(_USUAL_GONE, float(np.median(np.append(shares, [_USUAL_GONE] * _USUAL_HOSTS))))
    both = np.minimum(
        log10_binomial_tail(counts.generated, counts.gone, looks),
        log10_binomial_tail(counts.gone, counts.domains, gone),
    )
    doubled: _Reals = np.minimum(both + np.log10(2), 0.0)
    return doubled


# Many names in vain are oftener a wrong search suffix, a mail gateway or a dead service than a bot: three to one.
PRIOR = -0.5


def clues(asker: Asker) -> Iterator[Clue]:
    """What speaks for a bot that looks for its server."""
    share = asker.generated / asker.gone
    if share >= 0.5:  # noqa: PLR2004
        yield Clue(f"{share:.0%} of them look generated; of honest names 1% do", 1.5)
    elif share >= 0.1:  # noqa: PLR2004
        yield Clue(f"{share:.0%} of them look generated; of honest names 1% do", 0.5)
    if asker.gone >= 50:  # noqa: PLR2004
        yield Clue(f"{asker.gone} different domains do not exist", 0.5)
    if asker.gone >= 0.8 * asker.domains:
        yield Clue(f"{asker.gone / asker.domains:.0%} of all the domains that it asks for do not exist", 0.3)


def find(sight: Sight) -> Found:
    """The hosts that ask for more in vain, or for stranger names, than chance has it."""
    found = askers(sight.run(features(sight.schema)))
    return Found(found.judged, found.judged, tuple(map(_candidate, found.odd)))


def _candidate(asker: Asker) -> Candidate:
    return Candidate(
        host=asker.host,
        domains=asker.examples,
        first=asker.first,
        last=asker.last,
        p_value=p_value(asker.log10_p),
        prior=PRIOR,
        clues=tuple(clues(asker)),
        reasons=(
            f"asks for {asker.gone} domains that do not exist, of {asker.domains} in all, as {asker.examples[0]}",
            f"{asker.generated} of them look generated; chance has as many with p = 1e{asker.log10_p:.0f}",
        ),
        numbers={"domains": asker.domains, "missing": asker.gone, "generated": asker.generated},
        evidence=EvidenceRows(table=DNS_ACTIVITY, where={"SrcIpAddr": "$Source", "EventResultDetails": "NXDOMAIN"}),
        row={"Source": asker.source},
    )


DGA = Analytic(
    name="dga",
    title="Domains that a program makes up",
    null="domains that are asked for in vain look generated as seldom as others, and are as few as on other hosts",
    role=Role.BOT,
    techniques=("T1568.002", "T1071.004"),
    reads={
        DNS_ACTIVITY: ("SrcHostname", "SrcIpAddr", "DnsQuery", "DnsQueryTypeName", "EventResultDetails"),
    },
    find=find,
    judges=("dga-names", "nxdomain-burst"),
)
