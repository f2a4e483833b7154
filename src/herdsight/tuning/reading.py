"""Tuning files: YAML to entries, every fault with its line; and the classes that come with Herdsight."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from herdsight.documents import faults, loaded, place_of
from herdsight.errors import InputError, Place
from herdsight.guesses import did_you_mean
from herdsight.tuning.model import Entry, Tuning

_CHECKOUT = Path(__file__).parents[3] / "content"  # an installed package carries the content inside
_MOST_BYTES = 5_000_000


def read_tuning(paths: Iterable[str | Path]) -> tuple[Entry, ...]:
    """The entries of several files, with those of the ready-made classes that they use; each name once.

    Raises:
        InputError: a file cannot be read, or is wrong, or two entries have one name; with its line and column.
    """
    found: dict[str, Entry] = {}
    for path in paths:
        for entry in _entries(str(path), _text(Path(path))):
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
    inside = files("herdsight").joinpath("content")
    content: Traversable = inside if inside.is_dir() else _CHECKOUT
    found = sorted(content.joinpath("tuning").iterdir(), key=lambda each: each.name)
    texts = {each.name: each.read_text(encoding="utf-8") for each in found if each.name.endswith(".yaml")}
    return {
        name.removesuffix(".yaml"): _checked(name, loaded(name, text, InputError, holds="a tuning file")).silence
        for name, text in texts.items()
    }


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"the tuning file cannot be read: {error.strerror}", place=Place(str(path))) from error
    if len(content) > _MOST_BYTES:
        raise InputError(f"no tuning file: it has more than {_MOST_BYTES // 10**6} MB", place=Place(str(path)))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("no UTF-8 text", place=Place(str(path)), hint="save it as UTF-8") from error
