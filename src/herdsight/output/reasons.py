"""Why a rule or a query gave nothing, as a page for people."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console

from herdsight.findings.model import Why, WhyCondition, WhyHost, WhyStage
from herdsight.output.parts import heading, indented, safe_text, side_by_side, value_words
from herdsight.output.words import count_words, period

_TAB = "  "


def render_why(why: Why, console: Console) -> None:
    """Print for each host what stopped it, the stages, and the conditions where they matter."""
    for host in why.hosts:
        stages = [each for each in why.stages if each.host == host.host]
        conditions = [each for each in why.conditions if each.host == host.host]
        _print_head(why.rule, host, stages, console)
        _print_stages(host, stages, conditions, console)
        _print_groups(conditions, console)


def _print_head(rule: str, host: WhyHost, stages: Sequence[WhyStage], console: Console) -> None:
    of = f"{rule}, {host.host}" if host.host is not None else rule
    console.print(safe_text(f"{of}: {_outcome(host, stages)}", "bold"))
    for reason in host.reasons:
        console.print(indented(safe_text(f"- {reason}")))
    for result in host.results:
        cells = ", ".join(f"{name}={value_words(value)}" for name, value in result.items())
        console.print(indented(safe_text(cells)))


def _outcome(host: WhyHost, stages: Sequence[WhyStage]) -> str:
    if host.fired:
        return "it fired"
    at = next((each for each in stages if each.stage == host.stopped_at), None)
    return f"it did not fire; rows end at stage {at.stage}" if at else "it did not fire"


def _print_stages(
    host: WhyHost, stages: Sequence[WhyStage], conditions: Sequence[WhyCondition], console: Console
) -> None:
    heading(f"Stages{_run(host)}", console)
    known = host.host is not None
    grid = side_by_side("dim", "", "", "", "")
    grid.columns[1].justify = grid.columns[2].justify = "right"
    grid.add_row(*map(safe_text, ("", "rows", "of host" if known else "", "line", "")))
    for stage in stages:
        grid.add_row(*map(safe_text, _stage_cells(stage, known=known)))
        for each in conditions:
            if each.kind == "rows" and each.stage == stage.stage:
                grid.add_row(*map(safe_text, ("", _test(each), "", "", _TAB * (stage.depth + 1) + _asked(each))))
    console.print(grid)


def _run(host: WhyHost) -> str:
    if host.since is None or host.until is None:
        return ""
    which = "that fired" if host.fired else "that came nearest"
    of = count_words(host.runs, "run")
    return f" of the run {which}, {period(host.since, host.until, length=False)} ({of}, {host.compared:,} compared)"


def _stage_cells(stage: WhyStage, *, known: bool) -> tuple[str, ...]:
    rows = "?" if stage.rows is None else f"{stage.rows:,}"
    of_host = ("-" if stage.host_rows is None else f"{stage.host_rows:,}") if known else ""
    made = f" (of {' and '.join(map(str, stage.inputs))})" if len(stage.inputs) > 1 else ""
    return str(stage.stage), rows, of_host, str(stage.line or ""), f"{_TAB * stage.depth}{stage.text}{made}"


def _test(condition: WhyCondition) -> str:
    return f"{condition.met:,}/{condition.rows:,}"


def _asked(condition: WhyCondition) -> str:
    mark = "holds" if condition.holds else "misses" if condition.met else "never"
    had = f"; was {condition.value}" if condition.value and not condition.holds else ""
    left_out = "; left out below" if condition.left_out else ""
    return f"{mark}: {condition.condition}{had}{left_out}"


def _print_groups(conditions: Sequence[WhyCondition], console: Console) -> None:
    of_groups = [each for each in conditions if each.kind == "group"]
    if not of_groups:
        return
    would_be = any(each.would_be for each in of_groups)
    heading("Groups that would have been, without the conditions left out" if would_be else "Nearest groups", console)
    for name, group in groupby(of_groups, key=lambda each: each.group):
        console.print(safe_text(name or "all rows", "bold"))
        grid = side_by_side("", "", "", "dim")
        for each in group:
            grid.add_row(*map(safe_text, _group_cells(each)))
        console.print(indented(grid))


def _missed(each: WhyCondition) -> str:
    return str(each.missed_by) if each.difference is None else f"{each.value}: {each.missed_by}"


def _group_cells(each: WhyCondition) -> Iterator[str]:
    yield "ok" if each.holds else "no"
    yield each.condition
    yield each.value if each.holds else _missed(each)
    yield f"stage {each.stage}"
