"""Findings of rules, judged by the analytic that measures the same: a threshold knows no odds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from herdsight.analytics import Analytic, Candidate
from herdsight.findings.model import Finding, Role, Severity, Withheld
from herdsight.hunting.analysing import Analysis, is_worth
from herdsight.telemetry import Level


@dataclass(frozen=True, slots=True)
class Judged:
    """The findings that stay, and what is left out, in words."""

    findings: tuple[Finding, ...]
    withheld: tuple[Withheld, ...]


def judged(findings: Sequence[Finding], analyses: Sequence[tuple[Analytic, Analysis]], level: Level) -> Judged:
    """The findings of rules with the probability that an analytic gives the same entities.

    What is not worth telling at the level, by that, is left out, and so is what an analytic has settled to be chance. A
    rule's finding that no analytic has an opinion of stays as it is.
    """
    settled = frozenset[str]().union(*(analysis.settled for _, analysis in analyses))
    opinions = {key: candidate for analytic, analysis in analyses for key, candidate in _opinions(analytic, analysis)}
    kept: list[Finding] = []
    left_out: dict[str, int] = {}
    for finding in findings:
        opinion = _opinion(finding, opinions)
        if opinion is None and (level is Level.HIGH or finding.detection not in settled):
            kept.append(finding)
        elif opinion is not None and is_worth(opinion, level):
            kept.append(_with(finding, opinion))
        else:
            left_out[finding.detection] = left_out.get(finding.detection, 0) + 1
    withheld = tuple(Withheld(detection=name, count=count, why=_WHY) for name, count in left_out.items())
    return Judged(tuple(kept), withheld)


_WHY = "chance, honest or unlikely, as the analytic has it that measures the same; --level high tells them"


_Key = tuple[str, str, str, int]  # detection, host, remote, port


def _opinions(analytic: Analytic, analysis: Analysis) -> Iterator[tuple[_Key, Candidate]]:
    for candidate in analysis.candidates:
        # A bot has several places to call, of which some are honest; of a relay or a target there is one.
        is_of_place = analytic.role is Role.BOT and candidate.remotes
        places = product(candidate.remotes, candidate.ports) if is_of_place else [("", 0)]
        for rule, (remote, port) in product(analytic.judges, list(places)):
            yield (rule, candidate.host, remote, port), candidate


def _opinion(finding: Finding, opinions: Mapping[_Key, Candidate]) -> Candidate | None:
    of_host = opinions.get((finding.detection, finding.host, "", 0))  # of an analytic that judges hosts, not places
    if of_host or len(finding.remotes) != 1 or len(finding.ports) != 1:
        return of_host
    return opinions.get((finding.detection, finding.host, finding.remotes[0], finding.ports[0]))


def _with(finding: Finding, opinion: Candidate) -> Finding:
    told = {"probability": round(opinion.probability, 4), "explained_by": opinion.explained_by}
    # How bad it would be is the rule's to say; what has an honest explanation is not bad.
    severity = {"severity": Severity.INFORMATIONAL} if opinion.explained_by else {}
    return finding.model_copy(update={**told, **severity})
