"""Evaluations as pages for people: how right the hunts were, by behaviour and by set, and what went wrong."""

from collections.abc import Iterable
from datetime import timedelta

from rich import box
from rich.console import Console
from rich.table import Table

from herdsight.findings.evaluated import (
    EvaluatedBehaviour,
    EvaluatedBin,
    EvaluatedEntry,
    EvaluatedSet,
    Evaluation,
    FalseAlert,
)
from herdsight.output.parts import heading, safe_text, side_by_side
from herdsight.output.words import count_words, length_words, listed

_NAMED = 3  # remotes of one line


def render_evaluation(found: Evaluation, console: Console) -> None:
    """Print a line for each behaviour, set and bin of probabilities, then what was missed and what was no cause."""
    _grid(_BEHAVIOURS, (_behaviour(each) for each in found.behaviours), console)
    _grid(_SETS, (_set(each) for each in found.sets), console)
    if found.reliability:
        _grid(_BINS, (_bin(each) for each in found.reliability), console)
    _part("not found", (_missed(each) for each in found.entries if not each.found), console)
    _part("false alerts", (_false_alert(each) for each in found.false_alerts), console)
    console.print(safe_text(_sum(found), "bold"))


_BEHAVIOURS = (
    *("behaviour", "expected", "found", "high", "recall"),
    *("right", "false alerts", "precision", "time to detection"),
)
_BINS = ("said to be likely", "findings", "right", "stated", "observed", "at 95 %")
_SETS = ("set", "expected", "found", "false alerts", "unjudged", "host-days", "false a host-day")


def _behaviour(each: EvaluatedBehaviour) -> tuple[str, ...]:
    counts = (each.expected, each.found, each.found_high)
    late = length_words(timedelta(seconds=each.median_seconds)) if each.median_seconds is not None else ""
    told = (f"{each.right:,}", f"{each.false_alerts:,}", _percent(each.precision), late)
    return (each.behaviour, *(f"{count:,}" for count in counts), _percent(each.recall), *told)


def _set(each: EvaluatedSet) -> tuple[str, ...]:
    counts = (each.expected, each.found, each.false_alerts, each.unjudged)
    return (each.set, *(f"{count:,}" for count in counts), f"{each.host_days:.1f}", f"{each.alerts_per_host_day:.3g}")


def _bin(each: EvaluatedBin) -> tuple[str, ...]:
    shares = (f"{100 * each.at_least:.0f} to {100 * each.below:.0f} %", f"{each.findings:,}", f"{each.right:,}")
    between = f"{100 * each.low:.0f} to {100 * each.high:.0f} %"
    return (*shares, _percent(each.stated), _percent(each.observed), between)


def _missed(each: EvaluatedEntry) -> tuple[str, ...]:
    where = " ".join(part for part in (each.remote, f"port {each.port}" if each.port is not None else None) if part)
    return (each.set, each.behaviour, each.host, where)


def _false_alert(each: FalseAlert) -> tuple[str, ...]:
    where = listed([*each.domains, *each.remotes], _NAMED)
    return (each.set, f"{each.detection} ({each.severity})", each.host, where)


def _grid(names: tuple[str, ...], rows: Iterable[tuple[str, ...]], console: Console) -> None:
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, name in enumerate(names):
        grid.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        grid.add_row(*map(safe_text, row))
    console.print(grid)


def _part(name: str, rows: Iterable[tuple[str, ...]], console: Console) -> None:
    lines = list(rows)
    if not lines:
        return
    heading(name, console)
    grid = side_by_side("", "", "", "dim")
    for row in lines:
        grid.add_row(*map(safe_text, row))
    console.print(grid)
    console.print()


def _sum(found: Evaluation) -> str:
    false = len(found.false_alerts)
    right = f"recall {_percent(found.recall) or 'unknown'}, precision {_percent(found.precision) or 'unknown'}"
    return f"{right}; {count_words(false, 'false alert')} in {found.host_days:.1f} host-days, at level {found.level}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.3g} %"
