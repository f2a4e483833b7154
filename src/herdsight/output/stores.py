"""Stores as pages for people: what an import did, what a store holds, whether it is whole."""

from collections.abc import Iterator

from rich.console import Console

from herdsight.findings.model import Imported, ImportedFile, Input, StoreChange, StoredTable, StoreInfo, Verified
from herdsight.output.parts import indented, safe_text, side_by_side
from herdsight.output.words import count_words, listed, period

_MOST = 50  # files of one kind that are listed


def render_imported(imported: Imported, console: Console) -> None:
    """Print what each file brought, then the sum; files that brought nothing are counted."""
    added = [each for each in imported.files if each.status in {"new", "grown"}]
    unread = [each for each in imported.files if each.status == "unread"]
    for some, most in ((added, len(added)), (unread, _MOST)):
        for file in some[:most]:
            _print_file(file, console)
    console.print(safe_text(_sum(imported), "bold"))
    if imported.rows:
        console.print(safe_text(f"Hunt in it with: herdsight hunt --store {imported.store}", "dim"))


def _print_file(file: ImportedFile, console: Console) -> None:
    console.print(safe_text(file.path, "bold"))
    grid = side_by_side("dim", "")
    for name, words in _facts(file):
        grid.add_row(safe_text(name), safe_text(words))
    console.print(indented(grid))


def _facts(file: ImportedFile) -> Iterator[tuple[str, str]]:
    if file.status != "unread":
        yield file.status, f"{count_words(file.rows, 'row')} of {file.table} ({file.format})"
    if file.rejected:
        yield "rejected", ", ".join(f"{count:,}: {reason}" for reason, count in file.reasons.items())
    for note in file.notes:
        yield "not read" if file.status == "unread" else "note", note


def _sum(imported: Imported) -> str:
    counts = {status: sum(each.status == status for each in imported.files) for status in ("known", "unread")}
    brought = [each for each in imported.files if each.status in {"new", "grown"}]
    said = f"{count_words(imported.rows, 'row')} added from {count_words(len(brought), 'file')}"
    known = f"; {count_words(counts['known'], 'file')} had nothing new" if counts["known"] else ""
    unread = f"; {count_words(counts['unread'], 'file')} not read" if counts["unread"] else ""
    return said + known + unread


def render_tables(store: StoreInfo, console: Console) -> None:
    """Print what a store holds, table by table."""
    grid = side_by_side("bold", "", "", "", "dim")
    for each in store.tables:
        grid.add_row(*map(safe_text, _table_words(each)))
    console.print(grid)
    rows, size = sum(each.rows for each in store.tables), sum(each.bytes for each in store.tables)
    console.print(
        safe_text(
            f"{count_words(rows, 'row')} from {count_words(len(store.inputs), 'source')}, {size_words(size)}", "bold"
        )
    )


def _table_words(each: StoredTable) -> tuple[str, ...]:
    files = f"{size_words(each.bytes)} in {count_words(each.files, 'file')}, {count_words(each.days, 'day')}"
    return (each.table, count_words(each.rows, "row"), period(each.first, each.last), files, listed(each.formats, 5))


def render_sources(store: StoreInfo, console: Console) -> None:
    """Print where the rows of a store came from."""
    for each in store.inputs:
        console.print(safe_text(each.path, "bold"))
        console.print(indented(safe_text(", ".join(_source_words(each)))))


def _source_words(each: Input) -> Iterator[str]:
    yield f"{count_words(each.rows, 'row')} of {each.table} ({each.format})"
    if each.rejected:
        yield f"{count_words(each.rejected, 'record')} rejected"
    if each.first and each.last:
        yield period(each.first, each.last)


def render_verified(verified: Verified, console: Console) -> None:
    """Print what is wrong with a store, or that nothing is."""
    for each in verified.troubles:
        console.print(safe_text(each, "red"))
    said = f"{count_words(verified.files, 'file')} with {count_words(verified.rows, 'row')}"
    console.print(
        safe_text(f"{said}: {count_words(len(verified.troubles), 'trouble') if verified.troubles else 'whole'}", "bold")
    )


def render_change(change: StoreChange, console: Console, were: str) -> None:
    """Print what a change did to a store, or would do."""
    dropped = f"{count_words(change.dropped, 'row')} {were} dropped; " if change.dropped else ""
    before, after = change.bytes
    was, now = change.files
    files = f"{count_words(was, 'file')} ({size_words(before)}) before, {now:,} ({size_words(after)}) after"
    console.print(safe_text(dropped + files, "bold"))


def size_words(size: int) -> str:
    """Bytes to read: `0 B`, `5.2 MB`, `12 GB`."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:  # noqa: PLR2004 - a unit is a thousand of the one before
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"  # noqa: PLR2004
        amount /= 1000
    return f"{amount:.1f} TB"
