"""Rule files: YAML to rules, every fault with its line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from herdsight.errors import Place, RuleError
from herdsight.rules.model import Rule

# A checkout has the content beside src/; an installed package carries it inside.
_CHECKOUT = Path(__file__).parents[3] / "content"


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A rule and where it was read; `slug` is the file's name without its ending, a short name for the rule."""

    slug: str
    source: str
    rule: Rule
    tree: Mapping[str, object] = field(repr=False, compare=False, default_factory=dict)

    def place(self, *path: str | int) -> Place:
        """Where a part of the rule stands in its file."""
        return _place(self.source, self.tree, path)


def shipped_rules() -> tuple[RuleFile, ...]:
    """The rules that come with Herdsight, by name of file."""
    inside = files("herdsight").joinpath("content")
    content: Traversable = inside if inside.is_dir() else _CHECKOUT
    found = sorted(content.joinpath("rules").iterdir(), key=lambda each: each.name)
    return tuple(
        read_rule(each.name, each.read_text(encoding="utf-8")) for each in found if each.name.endswith(".yaml")
    )


def read_rule(source: str, text: str) -> RuleFile:
    """One rule from YAML text; `source` names it in errors.

    Raises:
        RuleError: it is no YAML, or no rule; with its line and column.
    """
    tree = _tree(source, text)
    try:
        rule = Rule.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"]) or "the rule"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        message = first["msg"].removeprefix("Value error, ")
        raise RuleError(f"{path}: {message}{more}", place=_place(source, tree, first["loc"])) from error
    return RuleFile(Path(source).stem, source, rule, tree)


def _tree(source: str, text: str) -> Mapping[str, object]:
    try:
        tree = YAML(typ="rt").load(text)
    except RecursionError as error:
        raise RuleError("not YAML that can be read: it nests too deep", place=Place(source)) from error
    except ReaderError as error:
        before = text[: error.position]
        place = Place(source, before.count("\n") + 1, error.position - before.rfind("\n"))
        raise RuleError(f"not YAML: {error.reason}", place=place) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        raise RuleError(f"not YAML: {error.problem or error.context}", place=place) from error
    except YAMLError as error:
        raise RuleError(f"not YAML: {str(error).splitlines()[0]}", place=Place(source)) from error
    if not isinstance(tree, Mapping):
        raise RuleError("a rule is a mapping of its fields", place=Place(source, 1, 1))
    return tree


def _place(source: str, tree: object, path: Sequence[str | int]) -> Place:
    """The line of the deepest part of the path that the text has."""
    place = Place(source, 1, 1)
    for node, key in _walk(tree, path):
        where = node.lc.data.get(key) if isinstance(node, CommentedBase) and node.lc.data else None
        if where:
            place = Place(source, where[0] + 1, where[1] + 1)
    return place


def _walk(tree: object, path: Sequence[str | int]) -> Iterator[tuple[object, str | int]]:
    for key in path:
        yield tree, key
        try:
            tree = tree[key]  # type: ignore[index] # a part of the path that the text has not ends the walk
        except (KeyError, IndexError, TypeError):
            return
