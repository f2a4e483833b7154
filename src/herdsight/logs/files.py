"""Which files lie under the paths that a user named."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from herdsight.errors import InputError

STORE_MARK = "manifest.sqlite"  # the file by which a folder is known as a store


def found(paths: Iterable[Path]) -> list[Path]:
    """The files under the paths in a fixed order, each once; hidden ones only where they are named themselves.

    Raises:
        InputError: a path is not there.
    """
    files: dict[Path, Path] = {}
    for path in paths:
        if not _exists(path):
            raise InputError(f"{path}: there is no such file or folder", hint="check the path")
        for each in _walk(path, frozenset()) if _is_dir(path) else (path,):
            files.setdefault(real(each), each)
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
    """Files under a folder; a link back to a folder above it is not followed, and a store in it is no logs."""
    here = real(folder)
    if here in above:
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        yield folder  # looking at it as a file says why it cannot be read
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_dir(entry):
            if (entry / STORE_MARK).exists():
                continue  # what is in it came from logs that are likely to lie here, too
            yield from _walk(entry, above | {here})
        else:
            yield entry


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # its folder may be listed and not entered: reading it as a file says so
        return False


def real(path: Path) -> Path:
    """The path without links; of a loop of links, the path itself."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links
        return path.absolute()
