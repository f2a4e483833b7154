"""Exports put together from those of parts: of the rules one by one, of folders in a folder."""

from collections import Counter
from collections.abc import Callable, Iterable

from herdsight.errors import InputError
from herdsight.exporting.model import Content, Export, File
from herdsight.rules.reading import RuleFile


def each_rule(content: Content, export: Callable[[RuleFile], Export]) -> Export:
    """The exports of the rules one by one, as one.

    Raises:
        InputError: two rules would be one file.
    """
    return joined(map(export, content.rules))


def joined(exports: Iterable[Export]) -> Export:
    """All of them as one.

    Raises:
        InputError: two files have one place.
    """
    parts = tuple(exports)
    files = tuple(file for each in parts for file in each.files)
    for path, times in Counter(file.path for file in files).items():
        if times > 1:
            raise InputError(f"{times} files would be {path!r}", hint="give the rules' files names of their own")
    return Export(files, tuple(loss for each in parts for loss in each.losses))


def moved(export: Export, folder: str) -> Export:
    """The export inside a folder of that name."""
    return Export(tuple(File(f"{folder}/{each.path}", each.text) for each in export.files), export.losses)
