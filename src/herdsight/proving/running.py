"""Rules run on their own cases: each hit must be found as it says, and nothing in a near miss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from herdsight.findings.model import CaseResult, Expected, MutantResult, RuleTests, iso
from herdsight.hunting.detections import Detection, detections_of
from herdsight.hunting.leads import Lead, merged
from herdsight.hunting.schedule import replayed
from herdsight.kql.plan import Relation
from herdsight.proving.logs import write_case, write_watchlists
from herdsight.proving.mutants import Mutant, mutants
from herdsight.rules.cases import Case, Cases, Scalar
from herdsight.rules.reading import RuleFile
from herdsight.telemetry import DEFAULTS, Options, Progress, Telemetry
from herdsight.version import VERSION


def run_cases(rules: Sequence[RuleFile], *, mutate: bool = False, progress: Progress | None = None) -> RuleTests:
    """Run the cases of rules; with `mutate` also those of each rule changed a little, as `mutants` does.

    Raises:
        RuleError, QueryError: a rule is wrong.
        InputError: the rows of a case are no log that can be read.
    """
    cases: list[CaseResult] = []
    found: list[MutantResult] = []
    for place, file in enumerate(rules):
        if progress:
            progress(file.slug, place, len(rules))
        with TemporaryDirectory(prefix="herdsight-watchlists-") as folder:
            options = replace(DEFAULTS, threads=1, watchlists=write_watchlists(file.rule.herdsight.cases, Path(folder)))
            (detection,) = detections_of([file], options)
            same = file.rule.herdsight.cases.equivalent
            changed = [each for each in mutants(detection.relation) if each.said not in same] if mutate else []
            results, noticed = _run(detection, changed, options)
        cases += results
        found += [
            MutantResult(rule=detection.file.slug, change=each.said, noticed_by=by)
            for each, by in zip(changed, noticed, strict=True)
        ]
    return RuleTests(herdsight=VERSION, cases=tuple(cases), mutants=tuple(found))


def _run(
    detection: Detection, changed: Sequence[Mutant], options: Options
) -> tuple[list[CaseResult], list[str | None]]:
    """The results of a rule's cases; and for each changed rule a case that noticed."""
    proof = _Proof(detection, changed, options)
    cases = tuple(_each(detection.file.rule.herdsight.cases))
    results = [proof.run(case, expect) for case, expect in cases]
    for case, expect in cases:
        proof.run_others(case, expect)
    return results, [proof.noticed.get(place) for place in range(len(changed))]


@dataclass(slots=True)
class _Proof:
    """A rule, the changed ones that its cases should notice, and the case by which each was noticed, by its place.

    A case is a whole schedule of runs, so each changed rule is tried first where it probably shows: what lets more by,
    on the near misses; what lets less by, on the hits.
    """

    detection: Detection
    changed: Sequence[Mutant]
    options: Options
    noticed: dict[int, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)  # names of the cases that the rule itself does not pass

    def run(self, case: Case, expect: Expected) -> CaseResult:
        """The rule's result, and those changed rules tried that the case is there for."""
        with _telemetry(case, self.detection, self.options) as telemetry:
            said = _trouble(case, _leads(telemetry, self.detection, self.detection.relation))
            if said:
                self.failed.add(case.name)
            else:
                self._try(telemetry, case, self._waiting(expect))
        return _result(self.detection, case, expect, said)

    def run_others(self, case: Case, expect: Expected) -> None:
        """The other changed rules tried that nothing has noticed yet."""
        others = self._waiting("hit" if expect == "miss" else "miss")
        if others and case.name not in self.failed:
            with _telemetry(case, self.detection, self.options) as telemetry:
                self._try(telemetry, case, others)

    def _waiting(self, expect: Expected) -> list[int]:
        return [
            place
            for place, each in enumerate(self.changed)
            if place not in self.noticed and each.is_looser == (expect == "miss")
        ]

    def _try(self, telemetry: Telemetry, case: Case, places: Sequence[int]) -> None:
        for place in places:
            if _trouble(case, _leads(telemetry, self.detection, self.changed[place].relation)):
                self.noticed[place] = case.name


def _each(cases: Cases) -> Iterator[tuple[Case, Expected]]:
    yield from ((case, "hit") for case in cases.hits)
    yield from ((case, "miss") for case in cases.misses)


def _telemetry(case: Case, detection: Detection, options: Options) -> Telemetry:
    now = iso(case.now) if case.now else DEFAULTS.now
    with TemporaryDirectory(prefix="herdsight-case-") as folder:
        files = write_case(case, detection.file.rule.herdsight.cases.base, Path(folder))
        named = tuple((each.stem, each.name) for each in files)
        return Telemetry(files, replace(options, now=now, tables=named))


def _leads(telemetry: Telemetry, detection: Detection, relation: Relation) -> tuple[Lead, ...]:
    telemetry.provide(relation)
    rule = detection.file.rule
    return merged(replayed(telemetry, rule, relation), rule)


def _trouble(case: Case, leads: Sequence[Lead]) -> str:
    """What is not as the case has it; empty where all is."""
    if len(leads) != len(case.finds):
        return f"{len(leads)} found in place of {len(case.finds)}{_shown(leads)}"
    left = list(leads)
    for wanted in case.finds:
        match = next((each for each in left if _has(each, wanted)), None)
        if match is None:
            return f"none found with {_words(wanted)}{_shown(leads)}"
        left.remove(match)
    return ""


def _has(lead: Lead, wanted: dict[str, Scalar]) -> bool:
    return all(lead.strongest.get(name) == value for name, value in wanted.items())


def _shown(leads: Sequence[Lead]) -> str:
    return f": {_words(dict(leads[0].strongest))}" if leads else ""


def _words(values: dict[str, object] | dict[str, Scalar]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _result(detection: Detection, case: Case, expect: Expected, said: str) -> CaseResult:
    return CaseResult(rule=detection.file.slug, case=case.name, expect=expect, passed=not said, said=said)
