"""Prints what a command found, in the format that the user chose: data to stdout, everything else to stderr."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TextIO, TypeVar

import click
from pydantic import BaseModel
from rich.console import Console

from herdsight import output
from herdsight.cli.bar import Bar
from herdsight.findings.evaluated import Evaluation
from herdsight.findings.explained import Explained
from herdsight.findings.exported import Exported
from herdsight.findings.model import (
    Hunt,
    Imported,
    Inspection,
    RuleChecks,
    RuleList,
    RuleTests,
    StoreChange,
    StoreInfo,
    Verified,
    Why,
)
from herdsight.findings.simulated import Live, SimulatedBehaviours, Simulation
from herdsight.output import (
    evaluations,
    explanations,
    exports,
    grids,
    inspections,
    pages,
    reasons,
    rules,
    simulations,
    stores,
)
from herdsight.output.parts import heading, safe_text, side_by_side

if TYPE_CHECKING:
    from herdsight.querying import Answer, Explanation
    from herdsight.rules.reading import RuleFile

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)

_WIDE = 140


class Printer:
    """Prints in one format; `bar` is the progress bar to use on the way."""

    def __init__(self, form: Literal["table"] | output.Form, *, quiet: bool, no_progress: bool) -> None:
        self._form = form
        self._quiet = quiet
        self.bar = Bar(shown=not (quiet or no_progress))

    def hunt(self, found: Hunt, words: Sequence[str]) -> None:
        """Print a hunt; `words` name the same logs again, for the commands that its page suggests."""
        if self._form == "table":
            pages.render_hunt(found, _page(), words)
        else:
            output.write_hunt(found, self._form, _data())

    def inspection(self, found: Inspection) -> None:
        """Print an inspection."""
        self._records(found, found.files, inspections.render_inspection)

    def imported(self, found: Imported) -> None:
        """Print what an import did."""
        self._records(found, found.files, stores.render_imported)

    def store(self, found: StoreInfo, *, sources: bool) -> None:
        """Print what a store holds: its tables, or where their rows came from."""
        if sources:
            self._records(found, found.inputs, stores.render_sources)
        else:
            self._records(found, found.tables, stores.render_tables)

    def verified(self, found: Verified) -> None:
        """Print whether a store is whole."""
        self._records(found, [found], stores.render_verified)

    def store_change(self, found: StoreChange, would: str) -> None:
        """Print what a change did to a store; `would` is "would be" where it was not made, else "were"."""
        self._records(found, [found], lambda change, page: stores.render_change(change, page, would))

    def rules(self, found: RuleList) -> None:
        """Print a list of rules."""
        self._records(found, found.rules, rules.render_list)

    def rule(self, file: "RuleFile") -> None:
        """Print all that a rule says."""
        self._records(file.rule, [file.rule], lambda _, page: rules.render_rule(file, page))

    def rule_checks(self, found: RuleChecks) -> None:
        """Print what is wrong with rules."""
        self._records(found, found.faults, rules.render_checks)

    def rule_tests(self, found: RuleTests) -> None:
        """Print what came of the cases of rules."""
        self._records(found, found.cases, rules.render_tests)

    def why(self, found: Why) -> None:
        """Print why a rule or a query gave nothing."""
        self._records(found, found.conditions, reasons.render_why)

    def explained(self, found: Explained) -> None:
        """Print a finding with the questions about it."""
        self._records(found, found.questions, explanations.render_explained)

    def evaluation(self, found: Evaluation) -> None:
        """Print how right hunts were."""
        self._records(found, found.behaviours, evaluations.render_evaluation)

    def exported(self, found: Exported) -> None:
        """Print what an export did."""
        self._records(found, found.files, exports.render_exported)

    def behaviours(self, found: SimulatedBehaviours) -> None:
        """Print what can be simulated."""
        self._records(found, found.behaviours, simulations.render_behaviours)

    def simulation(self, found: Simulation) -> None:
        """Print what a simulation wrote."""
        self._records(found, found.files, simulations.render_simulation)

    def live(self, found: Live) -> None:
        """Print the connections of a live test."""
        self._records(found, found.opened, simulations.render_live)

    def _records(self, whole: R, lines: Sequence[BaseModel], render: Callable[[R, Console], None]) -> None:
        if self._form == "table":
            render(whole, _page())
        else:
            output.write_records(whole, lines, self._form, _data())

    @property
    def for_people(self) -> bool:
        """Whether it prints tables to read."""
        return self._form == "table"

    def say(self, words: str) -> None:
        """Say something on the way, to a person."""
        if not self._quiet:
            click.echo(output.printable(words), err=True)

    def listing(self, rows: Sequence[Sequence[str]]) -> None:
        """Print words side by side, the first of each row being what the others are about."""
        grid = side_by_side("", "dim", "dim")
        for row in rows:
            grid.add_row(*map(safe_text, row))
        _page().print(grid)

    def answers(self, parts: Iterable["Answer"], advice: str | None = None) -> None:
        """Print the answer of each block as it comes; `advice` says how to see the rows that are left out."""
        for number, answer in enumerate(self._awaited(parts)):
            self.warn(answer.warnings)
            if self._form == "table":
                console = _page()
                if number:
                    heading(f"line {answer.first_line}", console)
                rest = grids.Rest(answer.rows, chart=answer.chart)
                grids.render_table(answer.table, console, replace(rest, advice=advice) if advice else rest)
            else:
                if number and self._form == "csv":
                    _data().write("\n")
                output.write_table(answer.table, self._form, _data())

    def explanations(self, parts: Iterable["Explanation"]) -> None:
        """Print the plan and the SQL of each block."""
        if self._form == "csv":
            raise click.UsageError("--explain has no CSV form; use --format table, json or ndjson.")
        for part in self._awaited(parts):
            self.warn(part.warnings)
            if self._form == "table":
                chart = {"chart": part.chart} if part.chart else {}
                grids.render_explanation(part.first_line, _stages(part) | chart, _page())
            else:
                record = {"line": part.first_line, **_stages(part), "chart": part.chart}
                _data().write(output.json_text(record, indent=2 if self._form == "json" else None) + "\n")

    def warn(self, warnings: Iterable[str]) -> None:
        """Write warnings to stderr."""
        if not self._quiet:
            for warning in warnings:
                click.echo(f"herdsight: warning: {output.printable(warning)}", err=True)

    def _awaited(self, parts: Iterable[T]) -> Iterator[T]:
        """Each part, with the bar shown only while it is worked out, so that it never mixes with the data."""
        waiting = iter(parts)
        while True:
            with self.bar:
                try:
                    part = next(waiting)
                except StopIteration:
                    return
            yield part


def _stages(part: "Explanation") -> dict[str, str]:
    return {"plan": part.plan, "rewritten": part.rewritten, "sql": part.sql}


def _data() -> TextIO:
    """Stdout for programs to read: UTF-8 whatever the locale says, as JSON demands."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return sys.stdout


def _page() -> Console:
    """Stdout for people to read: colour and width as the terminal has them, plain elsewhere."""

    class _Page(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # What is not a terminal has no width: a file or a pager takes longer lines, and paths stay whole.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE
    return _Page(markup=False, highlight=False, emoji=False, width=width)
