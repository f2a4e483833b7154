"""Which names stood behind the addresses of a finding, by the DNS answers in the logs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from herdsight.findings.model import Finding
from herdsight.kql.text import condition_text
from herdsight.querying import compiled, run
from herdsight.tables import DNS_ACTIVITY
from herdsight.telemetry import Telemetry

MOST = 10  # names of one finding: an address that has more is shared, and they say little

_ANSWERS = """
ASimDnsActivityLogs
| where isnotempty(DnsResponseName)
| mv-expand Answer = split(DnsResponseName, ",") to typeof(string)
| where {addresses}
| summarize First = min(TimeGenerated) by Answer, DnsQuery, Client = SrcIpAddr, Device = DvcHostname
"""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A name that an address was given for, when first, and who had asked: what the log does not tell is empty."""

    name: str
    first: datetime
    askers: frozenset[str]


def domains(telemetry: Telemetry, findings: Iterable[Finding]) -> Mapping[str, tuple[str, ...]]:
    """By the id of a finding, the names that its remote addresses were given for until it ended.

    Those that its own host had asked for; where it had asked for none that the logs show, those that anyone had.
    """
    findings = list(findings)
    remotes = sorted({remote for each in findings for remote in each.remotes})
    if not remotes or DNS_ACTIVITY not in telemetry.spans:
        return {}
    answers = _answers(telemetry, remotes)
    return {each.id: _names(each, answers) for each in findings}


def names_of(telemetry: Telemetry, addresses: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """By address, the names that it was given for in answers; addresses that were given for none are left out."""
    wanted = sorted(set(addresses))
    found = _answers(telemetry, wanted) if wanted and DNS_ACTIVITY in telemetry.spans else {}
    return {address: tuple(dict.fromkeys(each.name for each in known)) for address, known in found.items()}


def clients(telemetry: Telemetry) -> Mapping[str, tuple[datetime, datetime]]:
    """By client, from when to when it asked for names."""
    if DNS_ACTIVITY not in telemetry.spans:
        return {}
    kql = f"{DNS_ACTIVITY} | summarize First = min(TimeGenerated), Last = max(TimeGenerated) by SrcIpAddr"
    found = run(telemetry, compiled(kql, "clients")[0].query.relation).to_pylist()
    return {row["SrcIpAddr"]: (row["First"], row["Last"]) for row in found}


def _answers(telemetry: Telemetry, remotes: list[str]) -> Mapping[str, list[_Answer]]:
    kql = _ANSWERS.replace("{addresses}", condition_text("Answer", remotes))
    found: dict[str, list[_Answer]] = defaultdict(list)
    for row in run(telemetry, compiled(kql, "domains")[0].query.relation).to_pylist():
        askers = frozenset({row["Client"], row["Device"]} - {""})
        found[row["Answer"]].append(_Answer(row["DnsQuery"].lower().rstrip("."), row["First"], askers))
    return found


def _names(finding: Finding, answers: Mapping[str, list[_Answer]]) -> tuple[str, ...]:
    last = finding.last_seen.replace(tzinfo=None)
    known = [each for remote in finding.remotes for each in answers.get(remote, ()) if each.first <= last]
    own = [each for each in known if finding.host in each.askers]
    return tuple(dict.fromkeys(each.name for each in sorted(own or known, key=lambda each: each.first)))[:MOST]
