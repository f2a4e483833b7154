"""One verdict per host: the roles that its findings say, how bad it is, and a story in time order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod

from herdsight.findings.model import Finding, HostVerdict, Role, Severity, iso

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
    shared = _shared(by_host)
    return tuple(sorted((_verdict(host, found, shared) for host, found in by_host.items()), key=_rank))


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by severity, then confidence, then number of rows; equal ones by id, so that the order is the same."""
    confidence = {"high": 0, "medium": 1, "low": 2}
    return tuple(
        sorted(findings, key=lambda each: (-each.severity.rank, confidence[each.confidence], -each.count, each.id))
    )


def _shared(by_host: Mapping[str, Sequence[Finding]]) -> Mapping[str, tuple[str, ...]]:
    """The places that bots on several hosts call, and these hosts: one infrastructure, one botnet."""
    callers: dict[str, dict[str, None]] = defaultdict(dict)
    for host, findings in by_host.items():
        for place in (place for each in findings for place in _places(each)):
            callers[place][host] = None
    return {place: tuple(sorted(hosts)) for place, hosts in callers.items() if len(hosts) > 1}


def _places(finding: Finding) -> tuple[str, ...]:
    """Where a bot calls: by name where that is known, since addresses are changed and shared, else by address."""
    is_bot = finding.role is Role.BOT and finding.severity.rank >= Severity.MEDIUM.rank
    return (finding.domains or finding.remotes) if is_bot else ()


_MOST_TOLD = 5  # hosts that are named in one sentence


def _botnets(host: str, findings: Sequence[Finding], shared: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for place in dict.fromkeys(place for each in findings for place in _places(each)):
        others = [each for each in shared.get(place, ()) if each != host]
        if others:
            more = f" and {len(others) - _MOST_TOLD} more" if len(others) > _MOST_TOLD else ""
            yield f"{place} is called from {', '.join(others[:_MOST_TOLD])}{more}, too: one botnet"


def _verdict(host: str, findings: list[Finding], shared: Mapping[str, tuple[str, ...]]) -> HostVerdict:
    in_order = sorted(findings, key=lambda each: (each.first_seen, each.id))
    return HostVerdict(
        host=host,
        roles=tuple(role for role in Role if any(each.role is role for each in findings)),
        severity=max((each.severity for each in findings), key=lambda severity: severity.rank),
        probability=_probability(findings),
        story=tuple(  # two sources may tell the same
            dict.fromkeys((*(_told(each) for each in in_order), *_botnets(host, in_order, shared)))
        ),
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
