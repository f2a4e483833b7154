"""Which files lie under the paths that a user named."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from herdsight.errors import InputError


def found(paths: Iterable[Path]) -> list[Path]:
    """The files under the paths in a fixed order, each once; hidden ones only where they are named themselves.

    Raises:
        InputError: a path is not there.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        if not _exists(path):
            raise InputError(f"{path}: there is no such file or folder", hint="check the path")
        for each in _walk(path, frozenset()) if path.is_dir() else (path,):
            files.setdefault(_real(each), each)
    return list(files.values())


def shown_path(path: Path) -> str:
    """A path as text; bytes that are no UTF-8 are spelt out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except OSError:  # a loop of links, or a folder that one may not enter: it is there, and reading it says the rest
        return True


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Files under a folder; a link back to a folder above it is not followed."""
    real = _real(folder)
    if real in above:
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        yield folder  # looking at it as a file says why it cannot be read
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, above | {real})
        else:
            yield entry


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links
        return path.absolute()
