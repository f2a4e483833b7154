"""Writes the pages of response, investigation, hunting and coverage from the content: `make docs`."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from herdsight.analytics import ANALYTICS
from herdsight.attack import techniques
from herdsight.guidance.atomics import atomics
from herdsight.guidance.model import Playbook, Question
from herdsight.guidance.reading import HuntingFile, hunting_queries, playbooks, questions
from herdsight.guidance.related import related, tables_of
from herdsight.rules.reading import shipped_rules

FOLDER = Path(__file__).parent

# --- response -------------------------------------------------------------------------------------------------------

_RESPONSE = """\
# Response

What to do about a host, by the role that its findings give it: who does what, why, and which [questions of the
investigation](investigation.md) tell what one must know for it. `herdsight rules show RULE` says how to begin for a
rule; `herdsight explain FINDING HUNT.json ./logs` asks the questions and has the whole playbook.
"""


def response() -> str:
    """The page of the playbooks."""
    return "\n".join((_RESPONSE, *(line for each in playbooks().values() for line in _playbook(each))))


def _playbook(playbook: Playbook) -> Iterator[str]:
    yield f"## {playbook.role.capitalize()}: {playbook.name.lower()}\n"
    yield f"{' '.join(playbook.summary.split())}\n"
    for name, steps in playbook.phases.items():
        yield f"### {playbook.role.capitalize()}: {name}\n"
        yield "| who | what | why | ask |\n|---|---|---|---|"
        for step in steps:
            asked = ", ".join(f"[{each}](investigation.md#{each})" for each in step.ask)
            yield f"| {step.who} | {step.what} | {step.why} | {asked} |"
        yield ""
    yield f"### {playbook.role.capitalize()}: what not to do\n"
    yield from _bullets(playbook.never)
    yield "Further reading:\n"
    yield from _bullets(f"<{each}>" for each in playbook.references)


# --- investigation --------------------------------------------------------------------------------------------------

_INVESTIGATION = """\
# Investigation

The questions that an analyst asks about a finding, in order, each with its query. The easy way fills in the finding's
host, places and times, and answers them:

```
herdsight hunt ./logs --format json > hunt.json
herdsight explain F1b4bc34b4e hunt.json ./logs
```

Without `./logs` it prints the queries alone, filled in, to be pasted into Sentinel. By hand, a
query of this page is put into a file and given its parameters:

```
herdsight query which-process.kql ./logs --parameter host=ws07.corp.example --parameter 'remotes=["192.0.2.7"]' \\
  --parameter began=2026-03-12T00:00:00Z --parameter ended=2026-03-12T23:59:00Z
```

`host` is a name or an address; `remotes`, `ports` and `domains` are JSON lists; `began` and `ended` are when the
finding was first and last seen.
"""


def investigation() -> str:
    """The page of the questions."""
    return "\n".join((_INVESTIGATION, *(line for each in questions() for line in _question(each))))


def _question(question: Question) -> Iterator[str]:
    yield f"## {question.name}\n"
    yield f"**{question.question}** {question.why}\n"
    yield f"Asked about: {', '.join(question.roles)}.\n"
    yield f"```kusto\n{question.kql.rstrip()}\n```\n"
    yield f"How to read it: {question.meaning}\n"
    yield f"No rows: {question.empty}\n"


# --- hunting --------------------------------------------------------------------------------------------------------

_HUNTING = """\
# Hunting queries

Hypotheses beyond the rules (`content/hunting/*.yaml`, in the form of Sentinel's hunting queries): what they find is
worth a look and is no alert. Each has its own proof, as a rule has: logs of which it finds what it hunts, and near
misses of which it finds nothing.
"""


def hunting() -> str:
    """The page of the hunting queries."""
    return "\n".join((_HUNTING, *(line for each in hunting_queries() for line in _hunting_query(each))))


def _hunting_query(file: HuntingFile) -> Iterator[str]:
    query, own = file.query, file.query.herdsight
    yield f"## {file.slug}\n"
    yield f"{query.name}. {', '.join(query.relevantTechniques)}; for {', '.join(own.roles)}.\n"
    yield f"{' '.join(query.description.split())}\n"
    yield f"Hypothesis: {own.hypothesis}\n"
    yield f"Next: {own.next}\n"
    yield f"```kusto\n{query.query.rstrip()}\n```\n"
    yield "Also found:\n"
    yield from _bullets(own.falsePositives)
    yield "Proof:\n"
    yield from _bullets(f"finds: {each.name}" for each in own.cases.hits)[:-1]
    yield from _bullets(f"leaves alone: {each.name}" for each in own.cases.misses)


# --- coverage -------------------------------------------------------------------------------------------------------

_COVERAGE = """\
# Coverage

Which technique of MITRE ATT&CK is told of by what, by the table that it reads. `herdsight export navigator` writes the
same as a layer of the ATT&CK Navigator, `herdsight export atomics` the tests. T1583.005 itself, the rent of a botnet,
is seen by nobody: what is seen is its use.

| technique | reads | rules | analytics | hunting queries |
|---|---|---|---|---|"""
_RELATED = """
## Related rules

Rules with the role and a technique in common with a rule, those with most in common first.

| rule | related, and what they share |
|---|---|"""
_TESTS = """
## Tests

In the form of Atomic Red Team (`content/atomics`). As published, none of the page's four tests is found by its own
queries; these are their repaired forms. Those that are replayed run in the tests of this repository.

| technique | test | runs in |
|---|---|---|"""


@dataclass(slots=True)
class _Cell:
    rules: list[str] = field(default_factory=list)
    analytics: list[str] = field(default_factory=list)
    hunting: list[str] = field(default_factory=list)


def coverage() -> str:
    """The page of coverage, related rules and tests."""
    cells = _cells()
    rows = (
        f"| {_technique(name)} | `{table}` | {_codes(cell.rules)} | {_codes(cell.analytics)} | {_codes(cell.hunting)} |"
        for (name, table), cell in sorted(cells.items())
    )
    return "\n".join((_COVERAGE, *rows, _RELATED, *_related_rows(), _TESTS, *_test_rows(), ""))


def _cells() -> Mapping[tuple[str, str], _Cell]:
    cells: dict[tuple[str, str], _Cell] = defaultdict(_Cell)
    for rule in shipped_rules():
        for place in _places(rule.rule.relevantTechniques, tables_of(rule.rule)):
            cells[place].rules.append(rule.slug)
    for analytic in ANALYTICS:
        for place in _places(analytic.techniques, analytic.reads):
            cells[place].analytics.append(analytic.name)
    for query in hunting_queries():
        tables = (name for each in query.query.requiredDataConnectors for name in each.dataTypes)
        for place in _places(query.query.relevantTechniques, tables):
            cells[place].hunting.append(query.slug)
    return cells


def _places(names: Iterable[str], tables: Iterable[str]) -> Iterator[tuple[str, str]]:
    known = list(tables)
    return ((name, table) for name in names for table in known)


def _technique(name: str) -> str:
    known = techniques().get(name)
    return f"[{name}]({known.url}) {known.name}" if known else name


def _related_rows() -> Iterator[str]:
    rules = shipped_rules()
    for each in rules:
        found = (f"`{other.file.slug}` ({', '.join(other.shared)})" for other in related(each, rules))
        yield f"| `{each.slug}` | {'; '.join(found) or 'none'} |"


def _test_rows() -> Iterator[str]:
    for file in atomics():
        for test in file.atomics.atomic_tests:
            yield f"| {file.atomics.attack_technique} | {test.name} | {test.executor.name} |"


# --- pages ----------------------------------------------------------------------------------------------------------


def _bullets(lines: Iterable[str]) -> list[str]:
    return [*(f"- {each}" for each in lines), ""]


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


PAGES: Mapping[str, Callable[[], str]] = {
    "response.md": response,
    "investigation.md": investigation,
    "hunting.md": hunting,
    "coverage.md": coverage,
}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
