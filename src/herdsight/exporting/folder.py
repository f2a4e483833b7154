"""A folder of exported files: written whole, one by one in place, and never over what somebody edited by hand."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from herdsight.errors import InputError, Place
from herdsight.exporting.model import File
from herdsight.findings.exported import ExportedFile
from herdsight.texts import replace_text

_RECORD = ".herdsight-export.json"  # the hash of each file as it was written last, by target


def write_files(files: Sequence[File], folder: Path, target: str, *, force: bool = False) -> tuple[ExportedFile, ...]:
    """Put an export into a folder, and take away what an earlier export of the target left there; what was done.

    A file that is not as it was written last is somebody's own: it is left alone, and so is all else, unless `force`.

    Raises:
        InputError: the folder cannot be written to, or files in it were edited by hand; nothing was written then.
    """
    before = _record(folder).get(target, {})
    hashes = {file.path: _hash(file.text.encode()) for file in files}
    edited = [] if force else sorted(_edited(hashes, folder, before))
    if edited:
        more = f" (and {len(edited) - 1} more)" if len(edited) > 1 else ""
        what = f"is not as it was exported{more}: somebody edited it, or it was there before"
        raise InputError(what, place=Place(str(folder / edited[0])), hint="--force writes over it; nothing was written")
    done: list[ExportedFile] = []
    try:
        done.extend(_put(files, folder, before))
    except BaseException:
        if done:  # what is written by now is ours, and the next export may change it
            ours = {each.path: hashes[each.path] for each in done if each.path in hashes}
            with suppress(InputError):
                _remember(folder, target, before | ours)
        raise
    _remember(folder, target, hashes)
    return tuple(sorted(done, key=lambda each: each.path))


def _remember(folder: Path, target: str, hashes: Mapping[str, str]) -> None:
    """Put the hashes of a target's files on record, beside those that others have there by now."""
    known = _record(folder) | {target: dict(hashes)}
    replace_text(folder / _RECORD, json.dumps(known, indent=1, sort_keys=True) + "\n")


def _put(files: Sequence[File], folder: Path, before: Mapping[str, str]) -> Iterator[ExportedFile]:
    for file in files:
        path = folder / file.path
        old = _bytes(path)
        if old != file.text.encode():
            replace_text(path, file.text)
            yield ExportedFile(path=file.path, done="written" if old is None else "changed")
        else:
            yield ExportedFile(path=file.path, done="same")
    for gone in before.keys() - {file.path for file in files}:
        _remove(folder / gone)
        yield ExportedFile(path=gone, done="removed")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot remove {str(path)!r}: {error.strerror}") from error


def _edited(wanted: Mapping[str, str], folder: Path, before: Mapping[str, str]) -> Iterator[str]:
    """Files in the way that are neither as they were written last nor as they will be."""
    for path in wanted.keys() | before.keys():
        old = _bytes(folder / path)
        if old is not None and _hash(old) not in {before.get(path), wanted.get(path)}:
            yield path


def _record(folder: Path) -> dict[str, dict[str, str]]:
    """What earlier exports wrote; a record that is none, or names what is no file in the folder, is no record."""
    try:
        found = json.loads(_bytes(folder / _RECORD) or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and all(map(_is_hashes, found.values())) else {}


def _is_hashes(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(digest, str) and _is_inside(path) for path, digest in value.items()
    )


def _is_inside(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    parts = Path(path).parts
    return bool(parts) and not Path(path).is_absolute() and ".." not in parts and "\0" not in path


def _bytes(path: Path) -> bytes | None:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise InputError("is no file", place=Place(str(path)), hint="choose another --out")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror}", place=Place(str(path)), hint="choose another --out"
        ) from error


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
