"""Analytics run over opened logs, and what they say that is worth telling at a level, as findings with their rows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from herdsight.analytics import Analytic, Candidate, Sight
from herdsight.analytics.discoveries import q_values
from herdsight.analytics.pairs import made
from herdsight.findings.model import Finding, Severity, Withheld
from herdsight.hunting.domains import clients, names_of
from herdsight.hunting.evidence import Proof, proofs
from herdsight.hunting.identity import identity
from herdsight.hunting.leads import Lead, each_of, parts_of
from herdsight.tables import NETWORK_SESSION
from herdsight.telemetry import KEPT, Level, Span, Telemetry

# The level is a budget: how many false alerts chance may make in a day of one host, over all that an analytic tests.
BUDGET = {Level.LOW: 0.001, Level.MEDIUM: 0.01, Level.HIGH: 0.1}

# A budget by host adds up in a large network. So of what is told, by the false discovery rate, chance is also to make
# no more than this share: one alert in ten wastes no analyst's day, one in a hundred may wake one. In logs of less than
# ten host-days the budget is the stricter of the two. The level high is there to look at what is doubtful.
CHANCE = {Level.LOW: 0.01, Level.MEDIUM: 0.1, Level.HIGH: 1.0}

# Chance is not all: how likely what is told must be to be what the analytic looks for. Below the medium level's,
# nothing speaks for it beside that it is no chance.
LEAST = {Level.LOW: 0.5, Level.MEDIUM: 0.2, Level.HIGH: 0.0}

# What is likelier than not is for an analyst today, three to one for one now.
_SEVERITY = ((0.75, Severity.HIGH), (0.5, Severity.MEDIUM), (0.0, Severity.LOW))
_CONFIDENCE: Mapping[Severity, Literal["low", "medium", "high"]] = {
    Severity.HIGH: "high",
    Severity.MEDIUM: "medium",
    Severity.LOW: "low",
    Severity.INFORMATIONAL: "low",
}


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an analytic came to: its findings, and what it leaves out, in words."""

    findings: tuple[Finding, ...]
    withheld: tuple[Withheld, ...]
    candidates: tuple[Candidate, ...]  # all that chance does not explain
    settled: frozenset[str]  # rules whose other findings are chance
    looked_at: tuple[Candidate, ...]  # all, chance or not


def unable(analytic: Analytic, telemetry: Telemetry, spans: Mapping[str, Span]) -> str | None:
    """Why an analytic cannot run on logs of which only these tables have rows; None where it can."""
    there = [name for name in analytic.reads if name in spans]
    if not there:
        return f"it reads {' and '.join(analytic.reads)}, and nothing in these logs can be seen as that"
    table = next(iter(analytic.reads))
    if options := [option for name, option in analytic.beside.items() if name not in telemetry.beside]:
        return f"it reads what {' and '.join(options)} gives, and that was not given"
    lacking = [name for name in analytic.needs if name not in telemetry.carries(table)]
    return f"it needs {' and '.join(lacking)}, which these logs do not have" if lacking else None


def analyse(analytic: Analytic, sight: Sight, telemetry: Telemetry, level: Level) -> Analysis:
    """Run an analytic over what was kept for it, and tell what passes the level.

    At the level high, what has an honest explanation is told as well, with it.
    """
    found = analytic.find(sight)
    allowed = BUDGET[level] * _host_days(telemetry, found.hosts) / max(found.tested, 1)
    sought = bool(analytic.beside) and level is Level.HIGH
    p_values = [each.p_value for each in found.candidates]
    rates = dict(zip(p_values, q_values(p_values, found.tested), strict=True))
    chosen = {value for value, rate in rates.items() if value <= allowed and rate <= CHANCE[level]}
    passed = [each for each in found.candidates if sought or each.p_value in chosen]
    told = [each for each in passed if is_worth(each, level)]
    findings = tuple(_findings(analytic, telemetry, told, found.tested, rates))
    left_out = [each for each in passed if not is_worth(each, level)]
    withheld = tuple(_left_out(analytic, left_out))
    return Analysis(findings, withheld, tuple(passed), _settled(analytic, telemetry), found.candidates)


def _settled(analytic: Analytic, telemetry: Telemetry) -> frozenset[str]:
    carried = telemetry.carries(next(iter(analytic.reads)))
    return frozenset(analytic.settles) if carried.issuperset(analytic.settles_with) else frozenset()


def is_worth(candidate: Candidate, level: Level) -> bool:
    """Whether a candidate that chance does not explain is told at a level."""
    return level is Level.HIGH or (not candidate.explained_by and candidate.probability >= LEAST[level])


def _left_out(analytic: Analytic, candidates: Sequence[Candidate]) -> Iterator[Withheld]:
    explained = sum(1 for each in candidates if each.explained_by)
    if explained:
        yield Withheld(detection=analytic.name, count=explained, why="an honest explanation; --level high tells it")
    if others := len(candidates) - explained:
        yield Withheld(detection=analytic.name, count=others, why="no chance, but little else; --level high tells them")


def _severity(candidate: Candidate) -> Severity:
    if candidate.explained_by:
        return Severity.INFORMATIONAL
    return next(severity for least, severity in _SEVERITY if candidate.probability >= least)


def _host_days(telemetry: Telemetry, hosts: int) -> float:
    """The days that the hosts were seen for, added up; at least one."""
    days = (telemetry.span.last - telemetry.span.first).total_seconds() / 86_400 if telemetry.span else 0
    return max(1.0, days * hosts)


def sight_of(telemetry: Telemetry, analytics: Iterable[Analytic]) -> Sight:
    """What these analytics see of opened logs, once what they read is kept; one for all of them."""
    if NETWORK_SESSION in telemetry.spans and any(NETWORK_SESSION in each.reads for each in analytics):
        telemetry.engine.execute(made(KEPT))
    return Sight(
        run=telemetry.run,
        schema=KEPT,
        tables=frozenset(telemetry.spans),
        names=partial(names_of, telemetry),
        asks=clients(telemetry),
    )


def _findings(
    analytic: Analytic,
    telemetry: Telemetry,
    candidates: Sequence[Candidate],
    tested: int,
    rates: Mapping[float, float],
) -> Iterator[Finding]:
    by_spec: dict[str, list[Candidate]] = defaultdict(list)
    for each in candidates:
        by_spec[each.evidence.model_dump_json()].append(each)
    for alike in by_spec.values():
        leads = [_lead(each) for each in alike]
        for candidate, proof in zip(alike, proofs(telemetry, alike[0].evidence, leads), strict=True):
            yield _finding(analytic, candidate, proof, tested, rates[candidate.p_value])


def _lead(candidate: Candidate) -> Lead:
    values = {
        part[1:]: dict.fromkeys(each_of(candidate.row[part[1:]]))
        for parts in candidate.evidence.where.values()
        for part in parts_of(parts)
        if part.startswith("$")
    }
    return Lead(candidate.row, (Span(candidate.first, candidate.last),), 1, values)


def _finding(analytic: Analytic, candidate: Candidate, proof: Proof, tested: int, rate: float) -> Finding:
    severity = _severity(candidate)
    entities = (candidate.host, *candidate.remotes[:1], *map(str, candidate.ports[:1]), *candidate.domains[:1])
    return Finding(
        id=identity(analytic.name, entities),
        detection=analytic.name,
        kind="analytic",
        title=analytic.title,
        severity=severity,
        confidence=_CONFIDENCE[severity],
        probability=round(candidate.probability, 4),
        role=analytic.role,
        host=candidate.host,
        process=candidate.process,
        remotes=candidate.remotes,
        ports=candidate.ports,
        domains=candidate.domains,
        first_seen=candidate.first,
        last_seen=candidate.last,
        count=proof.count,
        reasons=(*candidate.reasons, *_weighed(candidate), *_explained(candidate)),
        numbers={
            **candidate.numbers,
            "p_value": candidate.p_value,
            "expected_by_chance": candidate.p_value * tested,
            "q_value": rate,
            "tested": tested,
        },
        techniques=analytic.techniques,
        explained_by=candidate.explained_by,
        evidence=proof.evidence,
    )


def _weighed(candidate: Candidate) -> Iterator[str]:
    for clue in sorted(candidate.clues, key=lambda each: -abs(each.weight)):
        yield f"{clue.says} ({10**clue.weight:.2g} to 1)"


def _explained(candidate: Candidate) -> Iterator[str]:
    if candidate.explained_by:
        yield f"an honest explanation: {candidate.explained_by}"
