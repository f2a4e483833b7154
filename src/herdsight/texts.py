"""Files of text for people: read up to a bound, written whole, and what is wrong said with its place."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from herdsight.errors import HerdsightError, InputError, Place

_MOST_BYTES = 20_000_000  # what is longer is no text that a person wrote, and may have no end
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def read_text(
    path: str | Path,
    *,
    holds: str,
    most: int = _MOST_BYTES,
    error: type[HerdsightError] = InputError,
    missing: str | None = None,
) -> str:
    """The text of a file, or of stdin where the path is `-`.

    `holds` says what is expected of it ("a rule"); `missing` is the hint where there is no such file.

    Raises:
        HerdsightError: of the type `error`: the file cannot be read, has more than `most` bytes, or is no UTF-8.
    """
    name = str(path)
    try:
        content = _first_bytes(name, most)
    except FileNotFoundError as fault:
        raise error(f"there is no file {name!r}", hint=missing) from fault
    except OSError as fault:
        raise error(f"cannot read {name!r}: {fault.strerror}") from fault
    if len(content) > most:
        raise error(f"{name!r} is not {holds}: it has more than {most / 10**6:g} MB")
    return _decoded("stdin" if name == "-" else name, content, holds, error)


def _first_bytes(name: str, most: int) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(most + 1)
    with Path(name).open("rb") as file:
        return file.read(most + 1)


def _decoded(source: str, content: bytes, holds: str, error: type[HerdsightError]) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        hint = "it is UTF-16: save it as UTF-8" if content.startswith(_WIDE) else "save it as UTF-8"
        raise error(f"not {holds}: no UTF-8 text", place=Place(source, line), hint=hint) from fault


def write_new(path: Path, text: str, hint: str = "nothing is overwritten: name another, or remove it") -> None:
    """Write a text as a new file.

    Raises:
        InputError: something has that name, or it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file, _whole_or_gone(path):
            file.write(text)
            file.flush()
    except FileExistsError as error:
        raise InputError(f"{str(path)!r} is there already", hint=hint) from error
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


def replace_text(path: Path, text: str) -> None:
    """Write a file so that whoever reads it sees the old or the new text, whole.

    Raises:
        InputError: it cannot be written; the old text is left. Or a folder, pipe or device has that name.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{str(path)!r} is no file", hint="name another")
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = path.with_name(f".{path.name[:_SHORT]}.{os.getpid()}")
        with _whole_or_gone(waiting):
            waiting.write_bytes(text.encode(errors="backslashreplace"))
            waiting.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error


_SHORT = 40  # characters of a file's name: with a few more it is still no longer than a name may be


@contextmanager
def _whole_or_gone(path: Path) -> Iterator[None]:
    """Take a file away whose writing broke off: the disk is full, or the user had enough."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise
