"""Windows' binary event logs (EVTX) as JSON lines: unpacked by processes that may die, several at once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Event, Timer
from time import monotonic

from herdsight.logs.packed.packing import Allowance, fitting
from herdsight.logs.windows.evtx_worker import CHUNK, HEADER, Orders, chunk_at, frames

_SIGNATURE = b"ElfFile\0"
_STEP = 1 << 20  # bytes
_SHARE = 64  # chunks that are worth a process
_MOST_PROCESSES = 8
_MOST_DEATHS = 8  # of the processes that read one share of a log
_TIME, _TIME_A_CHUNK = 60.0, 0.05  # seconds that a log may take; a chunk takes a few milliseconds
_LENGTH = 4  # bytes that say how long a chunk's lines are
# As this process finds its modules, so does the other; a path of its own would make `evtx` this module.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from herdsight.logs.windows.evtx_worker import main; main(sys.argv[2])"
)


def is_evtx(first: bytes) -> bool:
    """Whether a file that begins like that is a binary event log."""
    return first.startswith(_SIGNATURE)


@dataclass(frozen=True, slots=True)
class Lines:
    """What to write: events with none of the `marks` in them as `other`, lost ones as `damaged` and `cut`."""

    marks: Sequence[str]
    other: str
    damaged: str
    cut: str


def evtx_in_lines(path: Path, lines: Lines, folder: Path, allowance: Allowance) -> tuple[Path, str | None]:
    """A file in the folder with a line for each record of a log, and why it has not all of them.

    Raises:
        OSError: the log cannot be read, or the file not written.
    """
    count = max(-(-(path.stat().st_size - HEADER) // CHUNK), 0)
    job = _Job(path, lines, folder, allowance, monotonic() + _TIME + _TIME_A_CHUNK * count)
    parts: list[tuple[Path, str | None]] = []
    with ThreadPoolExecutor(_MOST_PROCESSES) as pool:
        try:
            parts.extend(pool.map(job.part, _shares(count)))
        finally:
            job.stopped.set()
    return _joined(parts)


def _shares(count: int) -> list[range]:
    """The chunks of a log in as many runs as there are processes for."""
    processes = max(min(os.cpu_count() or 1, _MOST_PROCESSES, count // _SHARE), 1)
    bounds = [count * each // processes for each in range(processes + 1)]
    return [range(start, end) for start, end in pairwise(bounds)]


def _joined(parts: Sequence[tuple[Path, str | None]]) -> tuple[Path, str | None]:
    """The parts behind each other in the file of the first, up to one that is not whole."""
    (path, trouble), *others = parts
    with path.open("ab") as out:
        for part, further in others:
            if not trouble:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, out, _STEP)
            part.unlink()
            trouble = trouble or further
    return path, trouble


class _Job:
    """One log to unpack, until a time."""

    def __init__(self, path: Path, lines: Lines, folder: Path, allowance: Allowance, end: float) -> None:
        self._path, self._folder, self._allowance, self._end = path, folder, allowance, end
        self._lines = lines
        self._orders = Orders(str(path.absolute()), 0, 0, **asdict(lines))
        self.stopped = Event()

    def part(self, chunks: range) -> tuple[Path, str | None]:
        """A file with the lines of some chunks, and why it has not all of them."""
        with NamedTemporaryFile(prefix="events-", dir=self._folder, delete=False) as out:
            try:
                out.writelines(fitting(self._allowance.over(self._chunks(chunks)), self._folder))
            except EOFError as error:
                return Path(out.name), str(error)
        return Path(out.name), None

    def _chunks(self, chunks: range) -> Iterator[bytes]:
        """The lines of each chunk; one on which the process dies is passed over, and its records counted."""
        place, deaths = chunks.start, 0
        while place < chunks.stop:
            for each in self._read(replace(self._orders, first=place, last=chunks.stop)):
                place += 1
                yield each
            if place == chunks.stop:
                return
            deaths += 1
            if deaths > _MOST_DEATHS or monotonic() > self._end or self.stopped.is_set():
                raise EOFError("cannot be unpacked to its end")
            yield self._given_up(place)
            place += 1

    def _read(self, orders: Orders) -> Iterator[bytes]:
        """The lines of each chunk, from a process, as far as it comes."""
        command = [sys.executable, "-I", "-c", _START, json.dumps(sys.path), json.dumps(asdict(orders))]
        with subprocess.Popen(  # noqa: S603 our own interpreter, and no shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            timer = Timer(max(self._end - monotonic(), 0), process.kill)
            timer.start()
            try:
                while process.stdout and not self.stopped.is_set():
                    length = process.stdout.read(_LENGTH)
                    told = int.from_bytes(length, "little")
                    lines = process.stdout.read(told)
                    if len(length) < _LENGTH or len(lines) < told:
                        return
                    yield lines
            finally:
                timer.cancel()
                process.kill()

    def _given_up(self, index: int) -> bytes:
        with self._path.open("rb") as file:
            found = frames(chunk_at(file, index))
        return f"{self._lines.damaged}\n".encode() * sum(each.lost or 1 for each in found)
