"""Logs into a store: time and memory for ten million rows, and what a hundred thousand more cost in a large store."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
from _measure import folder, line, medians, report_as_child
from load import make

from herdsight.store.folder import Change, Store, opened_to_write, waiting_place
from herdsight.store.records import DataFile, Slice, State
from herdsight.storing import import_logs

ROWS, MORE, LARGE = 10_000_000, 100_000, 100_000_000
SOURCES = 10_000  # files that were imported into the large store before
_RUNS = 3
_LEAST_SPEED, _MOST_MIB, _MOST_GROWTH = 0.6, 2048, 1.5


def main() -> None:
    """Print the lines, or do one side's work when called by itself."""
    if len(sys.argv) > 2:  # noqa: PLR2004 side and files
        report_as_child(_SIDES[sys.argv[1]](*map(Path, sys.argv[2:])))
        return
    rows, large, runs = (ROWS // 50, LARGE // 50, 1) if "--quick" in sys.argv else (ROWS, LARGE, _RUNS)
    with folder() as place:
        log, more = place / "conn.log", place / "more.log"
        make(log, rows)
        _all_rows(log, rows, place, runs)
        make(more, MORE, start=rows)
        _more_rows(log, more, large // rows, place, runs)


def _all_rows(log: Path, rows: int, place: Path, runs: int) -> None:
    sides = {
        "import": ("import", str(log), str(place / "new")),
        "bare": ("bare", str(log), str(place / "bare.parquet")),
    }
    found = medians(__file__, sides, runs)
    speed, peak = found["bare"].seconds / found["import"].seconds, found["import"].peak_mib
    what = f"Zeek TSV into a new store, {rows:,} rows"
    line(f"{what}: speed", f"{speed:.0%} of read_csv", f"at least {_LEAST_SPEED:.0%}", reached=speed >= _LEAST_SPEED)
    line(f"{what}: memory", f"{peak:,.0f} MiB", f"under {_MOST_MIB:,} MiB", reached=peak < _MOST_MIB)


def _more_rows(log: Path, more: Path, times: int, place: Path, runs: int) -> None:
    large = place / "large"
    import_logs([log], large)
    _multiply(large, times)
    sides = {name: (name, str(more), str(place / name), str(large)) for name in ("into-large", "into-empty")}
    found = medians(__file__, sides, runs)
    growth = found["into-large"].seconds / found["into-empty"].seconds
    what = f"{MORE:,} rows into a store of {times * ROWS:,}"
    line(what, f"{growth:.2f} of into none", f"at most {_MOST_GROWTH}", reached=growth <= _MOST_GROWTH)


def _multiply(store: Path, times: int) -> None:
    """The store's rows again on other days, and many sources: as if logs of years had been imported."""
    with opened_to_write(store) as opened:
        files = opened.manifest.files(State.LIVE)
        (first,) = opened.manifest.slices()
        for step in range(1, times):
            copies = [_copy(opened, each, step * len(files), timedelta(days=1000 * step)) for each in files]
            sources = [_source(first, step * SOURCES // times + each) for each in range(SOURCES // times)]
            opened.commit(Change(files=copies, slices=sources))


def _copy(store: Store, file: DataFile, shift: int, days: timedelta) -> DataFile:
    number, day = file.id + shift, file.day + days
    path = file.path.replace(f"{file.day}", f"{day}").replace(f"{file.id:08d}", f"{number:08d}")
    copied = replace(file, id=number, day=day, path=path, first=file.first + days, last=file.last + days)
    shutil.copy(store.folder / file.path, waiting_place(store.folder, copied))
    return copied


def _source(like: Slice, number: int) -> Slice:
    digest = number.to_bytes(32, "big")
    return replace(like, id=number, source=number, path=f"/logs/{number}.log", digest=digest)


def _import(log: Path, store: Path) -> Callable[[], object]:
    shutil.rmtree(store, ignore_errors=True)
    return lambda: _not_empty(import_logs([log], store).rows)


def _bare(log: Path, parquet: Path) -> Callable[[], object]:
    connection = duckdb.connect()
    read = "SELECT * FROM read_csv(?, delim = chr(9), header = false, skip = 6, quote = '', escape = '')"
    return lambda: connection.execute(f"COPY ({read}) TO '{parquet}'", [str(log)])


def _into_empty(more: Path, store: Path, _large: Path) -> Callable[[], object]:
    return _import(more, store)


def _into_large(more: Path, store: Path, large: Path) -> Callable[[], object]:
    """The large store itself, with links in place of copies of its files."""
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(large, store, copy_function=_linked)
    return lambda: _not_empty(import_logs([more], store).rows)


def _linked(source: str, target: str) -> None:
    if source.endswith(".parquet"):
        Path(target).hardlink_to(source)
    else:
        shutil.copy(source, target)


def _not_empty(rows: int) -> None:
    if not rows:
        raise AssertionError("nothing was imported")


_SIDES: dict[str, Callable[..., Callable[[], object]]] = {
    "import": _import,
    "bare": _bare,
    "into-empty": _into_empty,
    "into-large": _into_large,
}


if __name__ == "__main__":
    main()
