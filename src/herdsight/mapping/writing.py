"""Writes a proposal to a file that was not there."""

from pathlib import Path

from herdsight.errors import InputError


def write_new(path: Path, text: str) -> None:
    """Write a text as a new file.

    Raises:
        InputError: something has that name, or it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        hint = "nothing is overwritten: name another, or remove it"
        raise InputError(f"{str(path)!r} is there already", hint=hint) from error
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}") from error
