"""A finding explained, as a page for people."""

from collections.abc import Sequence

from rich.console import Console

from herdsight.findings.explained import Asked, Explained
from herdsight.guidance.model import Playbook
from herdsight.guidance.reading import playbooks
from herdsight.output.grids import render_cells
from herdsight.output.parts import heading, indented, safe_text, side_by_side, value_words
from herdsight.output.words import count_words, listed, period, times_to_read

_MOST_NAMES = 8
_MOST_ROWS = 10  # of an answer, and few where each row takes lines of its own
_WIDE = 12  # columns
_FEW = 3


def render_explained(found: Explained, console: Console) -> None:
    """Print the finding and its reasons, each question with its query and answer, and what to do."""
    _print_finding(found, console)
    for number, each in enumerate(found.questions, 1):
        _print_question(number, each, console)
    _print_response(playbooks()[found.finding.role], console)


def _print_finding(found: Explained, console: Console) -> None:
    finding = found.finding
    console.print(safe_text(f"{finding.host}: {finding.title}", "bold"))
    for reason in finding.reasons:
        console.print(indented(safe_text(f"- {reason}")))
    facts = {
        "finding": f"{finding.id}, of {finding.detection}",
        "severity": f"{finding.severity}, confidence {finding.confidence}",
        "role": finding.role.value,
        "seen": period(finding.first_seen, finding.last_seen),
        "process": finding.process or "",
        "account": finding.account or "",
        "remotes": listed(finding.remotes, _MOST_NAMES),
        "ports": listed([str(each) for each in finding.ports], _MOST_NAMES),
        "domains": listed(finding.domains, _MOST_NAMES),
        "ATT&CK": ", ".join(finding.techniques),
    }
    grid = side_by_side("dim", "")
    for name, words in facts.items():
        if words:
            grid.add_row(safe_text(name), safe_text(words))
    console.print(grid)


def _print_question(number: int, asked: Asked, console: Console) -> None:
    heading(f"{number}. {asked.question}", console)
    console.print(safe_text(asked.why, "dim"))
    if asked.query is None:
        console.print(safe_text(f"not asked: the finding names no {' and no '.join(asked.lacks)}", "dim"))
        return
    for line in asked.query.rstrip().splitlines():
        console.print(safe_text(f"  {line}"), soft_wrap=True)  # whole: what is cut or folded cannot be pasted
    if asked.rows is not None:
        _print_answer(asked, console)
    console.print(safe_text(asked.empty if asked.rows == 0 else asked.meaning))


def _print_answer(asked: Asked, console: Console) -> None:
    names = list(dict.fromkeys(name for row in asked.answer for name in row))
    shown = asked.answer[: _FEW if len(names) > _WIDE else _MOST_ROWS]
    if shown:
        cells = [[safe_text(times_to_read(value_words(row.get(name)))) for name in names] for row in shown]
        render_cells([safe_text(name) for name in names], cells, _numbers(names, shown), console)
    rows = asked.rows or 0
    more = f", the first {len(shown)} shown" if len(shown) < rows else ""
    console.print(safe_text(f"{count_words(rows, 'row')}{more}", "dim"))


def _numbers(names: Sequence[str], rows: Sequence[dict[str, object]]) -> list[bool]:
    return [all(isinstance(row.get(name), int | float) for row in rows) for name in names]


def _print_response(playbook: Playbook, console: Console) -> None:
    heading(f"What to do: {playbook.name.lower()}", console)
    for phase, steps in playbook.phases.items():
        console.print(safe_text(phase, "bold"))
        for step in steps:
            console.print(indented(safe_text(f"- {step.what} ({step.who})")))
    console.print(safe_text("never", "bold"))
    for words in playbook.never:
        console.print(indented(safe_text(f"- {words}")))
