"""Simulations as pages for people: what there is to simulate, what was written, what was opened."""

from rich.console import Console

from herdsight.findings.simulated import Live, SimulatedBehaviours, Simulation
from herdsight.output.parts import indented, safe_text, side_by_side
from herdsight.output.words import clock, count_words

_SHARED = ("start", "days")


def render_behaviours(found: SimulatedBehaviours, console: Console) -> None:
    """Print each behaviour with its parameters; what all have is said once."""
    for each in found.behaviours:
        console.print(safe_text(each.name, "bold"), safe_text(each.meaning))
        grid = side_by_side("dim", "", "dim")
        for one in each.parameters:
            if one.name not in _SHARED:
                grid.add_row(*map(safe_text, (one.name, one.default or '""', one.meaning)))
        console.print(indented(grid))
        console.print()
    console.print(safe_text("All have start, in UTC, and days.", "dim"))


def render_simulation(found: Simulation, console: Console) -> None:
    """Print the files that were written, and what could not be."""
    grid = side_by_side("", "", "dim")
    for file in found.files:
        grid.add_row(*map(safe_text, (file.path, count_words(file.rows, "row"), file.table)))
    console.print(grid)
    for each in found.left_out:
        console.print(safe_text(f"left out of {each}", "dim"))
    console.print(safe_text(f"What is true of it: {found.truth}", "bold"))
    console.print(safe_text(f"Hunt in it with: herdsight hunt {found.out}/logs", "dim"))


def render_live(found: Live, console: Console) -> None:
    """Print the connections of a live test."""
    grid = side_by_side("dim", "", "")
    for each in found.opened:
        grid.add_row(*map(safe_text, (clock(each.when), f"{each.address} port {each.port}", each.outcome)))
    console.print(grid)
    console.print(safe_text(f"{count_words(len(found.opened), 'connection')} on loopback", "bold"))
