"""Rules as pages for people: a list, one rule, what checks say, what came of cases."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console

from herdsight.findings.model import RuleChecks, RuleList, RuleTests
from herdsight.guidance.related import companions
from herdsight.output.parts import heading, indented, safe_text, side_by_side
from herdsight.output.words import count_words, length_words
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile


def render_list(found: RuleList, console: Console) -> None:
    """Print a line for each rule."""
    grid = side_by_side("bold", "", "", "", "dim")
    grid.columns[0].no_wrap = True  # a name is copied whole into the next command
    for each in found.rules:
        grid.add_row(*map(safe_text, (each.rule, each.severity, each.role, each.name, ", ".join(each.tables))))
    console.print(grid)


def render_rule(file: RuleFile, console: Console) -> None:
    """Print all that a rule says."""
    rule = file.rule
    console.print(safe_text(rule.name, "bold"))
    console.print(safe_text(" ".join(rule.description.split())))
    console.print()
    grid = side_by_side("dim", "")
    for name, words in _facts(file):
        grid.add_row(safe_text(name), safe_text(words))
    console.print(grid)
    heading("query", console)
    for line in rule.query.rstrip().splitlines():
        console.print(safe_text(line))
    for title, lines in (*_lists(rule), *_companions(file)):
        if lines:
            heading(title, console)
            for line in lines:
                console.print(indented(safe_text(f"- {line}")))


def _facts(file: RuleFile) -> Iterator[tuple[str, str]]:
    rule = file.rule
    yield "rule", f"{file.slug}, version {rule.version}"
    yield "severity", f"{rule.severity.lower()}, confidence {rule.herdsight.confidence}"
    yield "finds", f"a {rule.herdsight.role}"
    yield "ATT&CK", f"{', '.join(rule.relevantTechniques)} ({', '.join(rule.tactics)})"
    yield "runs", f"every {length_words(rule.queryFrequency)} over the last {length_words(rule.queryPeriod)}"


def _lists(rule: Rule) -> Iterator[tuple[str, Sequence[str]]]:
    own = rule.herdsight
    yield "tuning", [f"{name} ({each.unit}): {each.reason}" for name, each in own.parameters.items()]
    yield "known false positives", own.falsePositives
    yield "known gaps", own.knownGaps
    yield "in place of the published query", [f"{each.here}, not {each.page}: {each.why}" for each in own.corrections]
    yield "finds in its cases", [each.name for each in own.cases.hits]
    yield "and finds nothing in these", [each.name for each in own.cases.misses]
    yield "references", own.references


def _companions(file: RuleFile) -> Iterator[tuple[str, Sequence[str]]]:
    """What belongs to the rule: a line each, and where the whole of it stands."""
    found = companions(file)
    yield f"response, to begin with: {found.playbook.name.lower()}", [each.what for each in found.playbook.triage]
    yield "never", found.playbook.never
    yield (
        "investigation (herdsight explain FINDING HUNT.json fills the queries in)",
        [each.question for each in found.questions],
    )
    yield "hunting queries", [f"{each.slug}: {each.query.name}" for each in found.hunting]
    yield "related rules", [f"{each.file.slug}: {', '.join(each.shared)}" for each in found.related]


def render_checks(found: RuleChecks, console: Console) -> None:
    """Print every fault, then how many there are."""
    for each in found.faults:
        hint = f" ({each.hint})" if each.hint else ""
        console.print(safe_text(f"{each.where}: {each.what}{hint}  [{each.check}]"), soft_wrap=True)
    told = count_words(len(found.faults), "fault") if found.faults else "nothing wrong"
    console.print(safe_text(f"{count_words(found.rules, 'rule')}: {told}", "bold"))


def render_tests(found: RuleTests, console: Console) -> None:
    """Print a line for each rule, what failed, and the changes that no case noticed."""
    passed = Counter(each.rule for each in found.cases if each.passed)
    every = Counter(each.rule for each in found.cases)
    noticed = Counter(each.rule for each in found.mutants if each.noticed_by)
    changes = Counter(each.rule for each in found.mutants)
    grid = side_by_side("bold", "", "")
    for rule in every:
        more = f"{noticed[rule]} of {count_words(changes[rule], 'change')} noticed" if changes[rule] else ""
        grid.add_row(*map(safe_text, (rule, f"{passed[rule]} of {count_words(every[rule], 'case')} passed", more)))
    console.print(grid)
    for each in found.cases:
        if not each.passed:
            console.print(safe_text(f"{each.rule}: {each.expect} {each.case!r}: {each.said}", "red"))
    for change in found.mutants:
        if change.noticed_by is None:
            console.print(safe_text(f"{change.rule}: no case notices {change.change}", "yellow"))
