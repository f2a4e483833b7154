"""How a figure is taken: each run in a process of its own, medians of several runs, both sides of a ratio in turn."""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

RUNS = 5
_MEBIBYTE = 1 << 20
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds of work and the peak memory of its process, in MiB."""

    seconds: float
    peak_mib: float


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for the data of a benchmark, gone afterwards."""
    with TemporaryDirectory(prefix="herdsight-bench-") as name:
        yield Path(name)


def report_as_child(work: Callable[[], object]) -> None:
    """Do the work and print its figure, for the parent to read."""
    begun = time.perf_counter()
    work()
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT
    print(json.dumps({"seconds": seconds, "peak_mib": peak / _MEBIBYTE}))


def in_child(script: str, *arguments: str) -> Figure:
    """One figure, from the script run anew with these arguments."""
    done = subprocess.run([sys.executable, script, *arguments], check=True, capture_output=True, text=True)
    return Figure(**json.loads(done.stdout.strip().splitlines()[-1]))


def medians(script: str, sides: Mapping[str, Sequence[str]], runs: int = RUNS) -> dict[str, Figure]:
    """The median figure of each side; the sides take turns, so that a slow minute of the machine hits them all."""
    taken: dict[str, list[Figure]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, arguments in sides.items():
            taken[name].append(in_child(script, *arguments))
    return {
        name: Figure(
            statistics.median(each.seconds for each in figures), statistics.median(each.peak_mib for each in figures)
        )
        for name, figures in taken.items()
    }


def line(what: str, measured: str, target: str, *, reached: bool) -> None:
    """One line of the table."""
    print(f"{what:<58} {measured:>18}   {target:<22} {'reached' if reached else 'MISSED'}")
