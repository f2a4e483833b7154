"""YAML texts as trees that know where each part stands; what is no YAML, or no safe one, is refused at its place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver

from herdsight.errors import HerdsightError, Place

Path = Sequence[str | int]


class _Composer(Composer):
    """Refuses references to other parts: a few lines of them can stand for more than any memory holds."""

    def compose_node(self, parent: object, index: object) -> object:
        if self.parser.check_event(AliasEvent):
            mark = self.parser.get_event().start_mark
            what = "a text that begins with * must stand in quotes; references to other parts are not allowed"
            raise ComposerError(None, None, what, mark)
        return super().compose_node(parent, index)


class _Words(VersionedResolver):
    """Takes every scalar as the text that it is written as: 007 is no 7, and no word is a time or a truth."""

    def resolve(self, kind: type, value: object, implicit: object) -> object:
        if kind is ScalarNode and implicit[0]:  # type: ignore[index] # (plain, quoted): whether a tag is to be guessed
            return self.DEFAULT_SCALAR_TAG
        return super().resolve(kind, value, implicit)


def loaded(
    source: str, text: str, error: type[HerdsightError], *, holds: str, words: bool = False
) -> Mapping[str, object]:
    """The tree of a text; `source` names it in errors, `holds` says what its fields are of ("a rule").

    With `words` every scalar is the text that it is written as.

    Raises:
        HerdsightError: of the type `error`: it is no YAML, or no mapping; with its line and column.
    """
    try:
        tree = _yaml(words=words).load(text)
    except RecursionError as fault:
        raise error("not YAML that can be read: it nests too deep", place=Place(source)) from fault
    except ReaderError as fault:
        before = text[: fault.position]
        place = Place(source, before.count("\n") + 1, fault.position - before.rfind("\n"))
        raise error(f"not YAML: {fault.reason}", place=place) from fault
    except MarkedYAMLError as fault:
        mark = fault.problem_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        raise error(f"not YAML: {fault.problem or fault.context}", place=place) from fault
    except YAMLError as fault:
        raise error(f"not YAML: {str(fault).splitlines()[0]}", place=Place(source)) from fault
    if not isinstance(tree, Mapping):
        raise error(f"{holds} is a mapping of its fields", place=Place(source, 1, 1))
    return tree


def _yaml(*, words: bool) -> YAML:
    yaml = YAML(typ="rt")
    yaml.Composer = _Composer
    if words:
        yaml.Resolver = _Words
    return yaml


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a model says is wrong with a tree, and where that stands."""

    said: str
    place: Place


def faults(source: str, tree: object, error: ValidationError, *, whole: str) -> list[Fault]:
    """Everything that is wrong, in the model's order; `whole` names the document where no field of it is to blame."""
    return [
        Fault(
            f"{'.'.join(map(str, each['loc'])) or whole}: {each['msg'].removeprefix('Value error, ')}",
            place_of(source, tree, each["loc"]),
        )
        for each in error.errors()
    ]


def place_of(source: str, tree: object, path: Path) -> Place:
    """The line and column of the deepest part of the path that the text has."""
    place = Place(source, 1, 1)
    for node, key in _walk(tree, path):
        where = node.lc.data.get(key) if isinstance(node, CommentedBase) and node.lc.data else None
        if where:
            place = Place(source, where[0] + 1, where[1] + 1)
    return place


def _walk(tree: object, path: Path) -> Iterator[tuple[object, str | int]]:
    for key in path:
        yield tree, key
        try:
            tree = tree[key]  # type: ignore[index] # a part of the path that the text has not ends the walk
        except (KeyError, IndexError, TypeError):
            return
