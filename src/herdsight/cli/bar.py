"""The progress bar."""

import os
import sys
from contextlib import AbstractContextManager
from threading import Timer
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from herdsight.output import printable

_WIDEST = 50  # characters
_PATIENCE = 1.0  # seconds: what is done sooner needs no bar


class Bar(AbstractContextManager["Bar"]):
    """A progress bar on stderr, on a terminal only; call it with what is done, how far, and of how much."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown and sys.stderr.isatty()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._timer: Timer | None = None

    def __enter__(self) -> Self:
        if self._shown:
            self._progress = _progress()
            self._task = self._progress.add_task("", total=None)
            self._timer = Timer(_PATIENCE, self._progress.start)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer and self._progress:
            self._timer.cancel()
            self._timer.join()
            self._progress.stop()
            self._progress = None

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done; a total of 0 is not known yet."""
        if self._progress:
            self._progress.update(self._task, description=_short(printable(what)), completed=done, total=total or None)


def _short(what: str) -> str:
    """Of a path that is too long the end says most, of other words the beginning."""
    if len(what) <= _WIDEST:
        return what
    return f"...{what[3 - _WIDEST :]}" if os.sep in what else f"{what[: _WIDEST - 3]}..."


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
