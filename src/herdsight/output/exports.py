"""Exports as pages for people: what was done to each file, and what a target does not say of the rules."""

from collections import Counter

from rich.console import Console

from herdsight.findings.exported import Exported
from herdsight.output.parts import heading, safe_text, side_by_side
from herdsight.output.words import count_words


def render_exported(exported: Exported, console: Console) -> None:
    """Print the files that an export touched, how many it left alone, and its losses."""
    grid = side_by_side("dim", "")
    for file in exported.files:
        if file.done != "same":
            grid.add_row(safe_text(file.done), safe_text(file.path))
    console.print(grid)
    if exported.losses:
        heading("What is lost", console)
        losses = side_by_side("bold", "", "dim")
        for each in exported.losses:
            losses.add_row(*map(safe_text, (each.rule, each.clause, each.lost)))
        console.print(losses)
    console.print(safe_text(_sum(exported), "bold"))


def _sum(exported: Exported) -> str:
    counts = Counter(each.done for each in exported.files)
    said = ", ".join(f"{counts[done]} {done}" for done in ("written", "changed", "same", "removed") if counts[done])
    files = count_words(len(exported.files), "file")
    return f"{files} of {exported.target} in {exported.folder}: {said or 'nothing to do'}"
