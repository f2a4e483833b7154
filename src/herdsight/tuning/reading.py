"""Tuning files: YAML to entries, every fault with its line; and the classes that come with Herdsight."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from herdsight.content import shipped
from herdsight.documents import faults, loaded, place_of
from herdsight.errors import InputError, Place
from herdsight.guesses import did_you_mean
from herdsight.texts import read_text
from herdsight.tuning.model import Entry, Tuning


def read_tuning(paths: Iterable[str | Path]) -> tuple[Entry, ...]:
    """The entries of several files, with those of the ready-made classes that they use; each name once.

    Raises:
        InputError: a file cannot be read, or is wrong, or two entries have one name; with its line and column.
    """
    found: dict[str, Entry] = {}
    for path in paths:
        for entry in _entries(str(path), read_text(path, holds="a tuning file")):
            if found.setdefault(entry.name, entry) != entry:
                raise InputError(f"two entries of the tuning have the name {entry.name!r}", place=Place(str(path)))
    return tuple(found.values())


def _entries(source: str, text: str) -> tuple[Entry, ...]:
    tree = loaded(source, text, InputError, holds="a tuning file")
    tuning = _checked(source, tree)
    known = ready_made()
    for number, name in enumerate(tuning.use):
        if name not in known:
            hint = did_you_mean(name, list(known)) or f"there are {', '.join(known)}"
            place = place_of(source, tree, ("use", number))
            raise InputError(f"there is no ready-made class {name!r}", place=place, hint=hint)
    return (*(entry for name in tuning.use for entry in known[name]), *tuning.silence)


def _checked(source: str, tree: Mapping[str, object]) -> Tuning:
    try:
        return Tuning.model_validate(tree)
    except ValidationError as error:
        first, *others = faults(source, tree, error, whole="the tuning")
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{first.said}{more}", place=first.place) from error


@cache
def ready_made() -> Mapping[str, tuple[Entry, ...]]:
    """The classes of entries that come with Herdsight, by name."""
    return {
        each.name.removesuffix(".yaml"): _checked(
            each.name, loaded(each.name, each.text, InputError, holds="a tuning file")
        ).silence
        for each in shipped("tuning")
    }
