"""One verdict per host: the roles that its findings say, how bad it is, and a story in time order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import prod

from herdsight.findings.model import Finding, HostVerdict, Role, iso

_TOLD = {
    Role.BOT: "behaves like a bot",
    Role.RELAY: "behaves like a relay",
    Role.ATTACKER: "attacks others",
    Role.TARGET: "is under attack",
}


def verdicts(findings: Iterable[Finding], names: Mapping[str, str] | None = None) -> tuple[HostVerdict, ...]:
    """A verdict for every machine that has findings, the worst first; `names` says which host is which machine."""
    by_host: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_host[(names or {}).get(finding.host, finding.host)].append(finding)
    return tuple(sorted((_verdict(host, found) for host, found in by_host.items()), key=_rank))


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by severity, then confidence, then number of rows; equal ones by id, so that the order is the same."""
    confidence = {"high": 0, "medium": 1, "low": 2}
    return tuple(
        sorted(findings, key=lambda each: (-each.severity.rank, confidence[each.confidence], -each.count, each.id))
    )


def _verdict(host: str, findings: list[Finding]) -> HostVerdict:
    in_order = sorted(findings, key=lambda each: (each.first_seen, each.id))
    return HostVerdict(
        host=host,
        roles=tuple(role for role in Role if any(each.role is role for each in findings)),
        severity=max((each.severity for each in findings), key=lambda severity: severity.rank),
        probability=_probability(findings),
        story=tuple(dict.fromkeys(_told(each) for each in in_order)),  # two sources may tell the same
        findings=tuple(each.id for each in ranked(findings)),
    )


def _probability(findings: Iterable[Finding]) -> float | None:
    """That at least one of the findings is right; None where none of them states a probability, as thresholds do not.

    Findings of different roles come from different behaviour and are taken for independent; those of one role tell of
    the same, and of these the likeliest counts.
    """
    likeliest: dict[Role, float] = {}
    for each in findings:
        if each.probability is not None:
            likeliest[each.role] = max(each.probability, likeliest.get(each.role, 0.0))
    return round(1 - prod(1 - each for each in likeliest.values()), 4) if likeliest else None


def _told(finding: Finding) -> str:
    return f"{iso(finding.first_seen)} to {iso(finding.last_seen)}: {_TOLD[finding.role]}: {finding.reasons[0]}"


def _rank(verdict: HostVerdict) -> tuple[int, int, str]:
    return -verdict.severity.rank, -len(verdict.findings), verdict.host
