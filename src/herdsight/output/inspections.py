"""An inspection as a page for people: a block for each file."""

from collections.abc import Iterator

from rich.console import Console

from herdsight.findings.model import Inspected, Inspection, Rejected
from herdsight.output.parts import indented, safe_text, side_by_side
from herdsight.output.words import count_words, listed, period

_MOST_COLUMNS = 12
_NOT_READ = "not read"


def render_inspection(inspection: Inspection, console: Console) -> None:
    """Print what each file is, then how many could be read."""
    for file in inspection.files:
        _print_file(file, console)
    read = [file for file in inspection.files if file.rows]
    rows = sum(file.rows for file in read)
    words = f"{count_words(rows, 'row')} in {len(read):,} of {count_words(len(inspection.files), 'file')}"
    console.print(safe_text(words, "bold"))


def _print_file(file: Inspected, console: Console) -> None:
    console.print(safe_text(file.path, "bold"))
    grid = side_by_side("dim", "")
    for name, words in _facts(file):
        grid.add_row(safe_text(name), safe_text(words))
    console.print(indented(grid))
    console.print()


def _facts(file: Inspected) -> Iterator[tuple[str, str]]:
    sure = f" ({file.recognised})" if file.recognised else ""
    yield "format", f"{file.format or 'unknown'}, as {file.table}{sure}" if file.table else file.format or _NOT_READ
    if file.table:
        yield "rows", f"{file.rows:,}"
    if file.first and file.last:
        yield "time", period(file.first, file.last)
    for sample in file.samples:
        yield "rejected", _rejected(sample)
    if file.columns:
        yield "columns", f"{len(file.columns)} filled: {listed(file.columns, _MOST_COLUMNS)}"
    if file.rows:
        yield "detections", ", ".join(file.detections) or "none that is shipped can run on this alone"
    for note in file.notes:
        yield "note", note


def _rejected(sample: Rejected) -> str:
    words = f"{sample.count:,}: {sample.reason}"
    if not sample.records:
        return words
    first = "record" if len(sample.records) == 1 else "records"
    more = ", ..." if sample.count > len(sample.records) else ""
    return f"{words} ({first} {', '.join(f'{number:,}' for number in sample.records)}{more})"
