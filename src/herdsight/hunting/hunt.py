"""The main job: every rule replayed over the logs, its alerts merged into findings, one verdict per host."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdsight import tables
from herdsight.analytics import ANALYTICS, Analytic, Candidate
from herdsight.errors import InputError
from herdsight.findings.model import Finding, Hunt, Scalar, Severity, Skipped, Withheld
from herdsight.findings.verdicts import ranked, verdicts
from herdsight.geo import Geo
from herdsight.hunting.analysing import Analysis, analyse, sight_of, unable
from herdsight.hunting.detections import Detection, detections_of, why_not
from herdsight.hunting.domains import domains
from herdsight.hunting.evidence import Proof, proofs
from herdsight.hunting.identity import identity
from herdsight.hunting.indicated import accounts_of, indicated
from herdsight.hunting.judging import judged
from herdsight.hunting.leads import MOST_VALUES, Lead, merged
from herdsight.hunting.machines import names
from herdsight.hunting.schedule import Row, replayed
from herdsight.hunting.whereabouts import placed
from herdsight.indicators import Indicators, read_indicators
from herdsight.kql.rewrites.columns import columns_read, from_schema
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile, shipped_rules
from herdsight.telemetry import DEFAULTS, KEPT, Level, Options, Progress, Span, Telemetry, sources
from herdsight.tuning import Entry, read_tuning, silence_for, silenced
from herdsight.version import VERSION

_TOLD = 3  # files whose fault is told where nothing could be read


def hunt(
    paths: Sequence[Path | str],
    options: Options = DEFAULTS,
    progress: Progress | None = None,
    rules: Sequence[RuleFile] | None = None,
) -> Hunt:
    """Read the logs, run every rule that they can carry (the shipped ones unless others are given), and conclude.

    Raises:
        InputError: nothing could be read, or an option is wrong.
        RuleError, QueryError: a rule is wrong.
        EngineError: memory or disk stood in the way.
    """
    places = sources(paths, options)
    if not places:
        raise InputError("there are no logs to hunt through", hint="name files or folders, or a store with --store")
    level, entries = _level(options.level), read_tuning(options.tuning)
    files = read_indicators(options.indicators)  # what is wrong with these is said before the logs are read
    with Geo(options.geo):
        pass
    detections = detections_of(shipped_rules() if rules is None else rules, options)
    with Telemetry(places, options, progress) as telemetry:
        if telemetry.span is None:
            raise _no_event(telemetry)
        skipped = [
            Skipped(detection=each.file.slug, why=why) for each in detections if (why := why_not(each, telemetry.spans))
        ]
        idle = {each.detection for each in skipped}
        able = [each for each in detections if each.file.slug not in idle]
        analytics = ANALYTICS if rules is None else ()
        lists = indicated(telemetry, files)
        skipped += [
            Skipped(detection=each.name, why=why)
            for each in analytics
            if (why := unable(each, telemetry, telemetry.spans))
        ]
        idle = {each.detection for each in skipped}
        ready = [each for each in analytics if each.name not in idle]
        _keep(telemetry, able, ready)
        steps = len(able) + len(ready)
        findings: list[Finding] = []
        for number, detection in enumerate(able):
            if progress:
                progress(detection.file.rule.name, number, steps)
            findings += _findings(detection, telemetry)
        sight = sight_of(telemetry, ready)
        analyses: list[tuple[Analytic, Analysis]] = []
        for number, analytic in enumerate(ready, len(able)):
            if progress:
                progress(analytic.title, number, steps)
            analyses.append((analytic, analyse(analytic, sight, telemetry, level)))
        fair = judged(findings, analyses, level)
        findings = [*fair.findings, *(finding for _, analysis in analyses for finding in analysis.findings)]
        withheld = [*fair.withheld, *(each for _, analysis in analyses for each in analysis.withheld)]
        looked_at = [each for _, analysis in analyses for each in analysis.looked_at]
        untold = _Untold(skipped, withheld, entries, lists, looked_at)
        return _concluded(telemetry, telemetry.span, findings, untold, options)


def _level(text: str) -> Level:
    try:
        return Level(text)
    except ValueError as error:
        raise InputError(f"there is no level {text!r}", hint=f"take {', '.join(Level)}") from error


def _no_event(telemetry: Telemetry) -> InputError:
    told = "; ".join(telemetry.unread[:_TOLD])
    hint = "look at --since and --until" if any(each.rows for each in telemetry.inputs) else None
    return InputError(f"the logs hold no event{f': {told}' if told else ''}", hint=hint)


def _keep(telemetry: Telemetry, detections: Iterable[Detection], analytics: Iterable[Analytic]) -> None:
    """What rules and analytics read, computed once: it is read many times."""
    needed: dict[str, set[str]] = defaultdict(set)
    for analytic in analytics:
        for table, own in analytic.reads.items():
            needed[table] |= {*own, tables.table(table).time}
    for detection in detections:
        telemetry.provide(detection.relation)
        for table, columns in columns_read(detection.relation).items():
            needed[table] |= columns
    telemetry.keep(needed)


def _findings(detection: Detection, telemetry: Telemetry) -> Iterator[Finding]:
    rule = detection.file.rule
    leads = merged(replayed(telemetry, rule, from_schema(detection.relation, KEPT)), rule)
    for lead, proof in zip(leads, proofs(telemetry, rule.herdsight.evidence, leads), strict=True):
        yield _finding(detection.file, lead, proof)


def _caveats(rule: Rule, lead: Lead, proof: Proof) -> Iterator[str]:
    """What a reader must know of this finding: what its rows have not, and what is not all there."""
    for name in rule.herdsight.wants:
        if not any(name in row for row in proof.evidence.rows):
            yield f"its rows have no {name}, so what the rule leaves out by it was not left out"
    if lead.is_cut:
        yield f"of the addresses that the rule names, only the first {MOST_VALUES} are kept"


def _finding(file: RuleFile, lead: Lead, proof: Proof) -> Finding:
    rule, columns, row = file.rule, file.rule.herdsight.finding, lead.strongest
    numbers: dict[str, Scalar] = {
        name: value
        for name, column in rule.customDetails.items()
        if isinstance(value := row[column], str | int | float)
    }
    return Finding(
        id=identity(file.slug, (str(row[name]) for name in columns.entities)),
        detection=file.slug,
        kind="rule",
        title=rule.name,
        severity=Severity(rule.severity.lower()),
        confidence=rule.herdsight.confidence,
        probability=None,
        role=rule.herdsight.role,
        host=str(row[columns.host]),
        process=_text(row, columns.process),
        account=_text(row, columns.account),
        remotes=tuple(str(value) for value in lead.named(columns.remotes)),
        ports=tuple(value for value in lead.named(columns.ports) if isinstance(value, int)),
        first_seen=lead.first,
        last_seen=lead.last,
        count=proof.count,
        reasons=(*(_said(reason, row) for reason in rule.herdsight.reasons), *_caveats(rule, lead, proof)),
        numbers={**numbers, "alerts": lead.alerts},
        techniques=rule.relevantTechniques,
        evidence=proof.evidence,
    )


def _text(row: Row, column: str | None) -> str | None:
    return str(row[column]) or None if column else None


def _said(reason: str, row: Row) -> str:
    """A reason with the result's values in it. The sentence is the rule's; the values are only put in, never read."""
    words = {name: _word(value) for name, value in row.items()}
    parts = reason.split("{")
    return parts[0] + "".join(_put(part, words) for part in parts[1:])


def _put(part: str, words: Mapping[str, str]) -> str:
    name, _, rest = part.partition("}")
    return words.get(name, "{" + name + "}") + rest


def _word(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and value > 99_999 else str(value)  # noqa: PLR2004 a port has no comma


@dataclass(frozen=True, slots=True)
class _Untold:
    """What is no finding: what could not run, what is not told, and what the user wants silenced."""

    skipped: Sequence[Skipped]
    withheld: Sequence[Withheld]
    entries: Sequence[Entry]
    lists: Indicators
    looked_at: Sequence[Candidate]  # by the analytics, told or not


def _concluded(telemetry: Telemetry, span: Span, found: Sequence[Finding], untold: _Untold, options: Options) -> Hunt:
    known = domains(telemetry, found)
    named = [
        each.model_copy(
            update={
                "domains": tuple(dict.fromkeys((*each.domains, *known.get(each.id, ())))),
                "silence": silence_for(each),
            }
        )
        for each in found
    ]
    heard = silenced(named, untold.entries, telemetry.now, show=options.show_silenced)
    with Geo(options.geo) as geo:
        findings = placed(heard.findings, geo)
    return Hunt(
        herdsight=VERSION,
        now=telemetry.now,
        span=(span.first, span.last),
        inputs=telemetry.inputs,
        verdicts=verdicts(findings, names(telemetry, {finding.host for finding in findings})),
        findings=ranked(findings),
        skipped=tuple(untold.skipped),
        withheld=(*untold.withheld, *heard.withheld),
        unused=heard.unused,
        indicators=accounts_of(untold.lists, span.first, untold.looked_at, findings),
    )
