"""What is shipped as data: where rules, tuning classes and guidance lie, in a checkout and in an installed package."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

# A checkout has the content beside src/; an installed package carries it inside.
_CHECKOUT = Path(__file__).parents[2] / "content"


@dataclass(frozen=True, slots=True)
class Shipped:
    """A shipped file: its name, and what stands in it."""

    name: str
    text: str


def shipped(folder: str, ending: str = ".yaml") -> Iterator[Shipped]:
    """The files of a folder of the content that have this ending, by name."""
    for each in sorted(_content().joinpath(folder).iterdir(), key=lambda entry: entry.name):
        if each.name.endswith(ending):
            yield Shipped(each.name, each.read_text(encoding="utf-8"))


def shipped_folder(folder: str) -> Path | None:
    """Where a folder of the content lies; None where the package lies in no folder, as in an archive."""
    place = Path(str(_content().joinpath(folder)))
    return place if place.is_dir() else None


def _content() -> Traversable:
    inside = files("herdsight").joinpath("content")
    return inside if inside.is_dir() else _CHECKOUT
