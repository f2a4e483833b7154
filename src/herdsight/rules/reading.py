"""Rule files: YAML to rules, every fault with its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from herdsight.documents import loaded, place_of
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
        return place_of(self.source, self.tree, path)


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
    tree = loaded(source, text, RuleError, holds="a rule")
    try:
        rule = Rule.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"]) or "the rule"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        message = first["msg"].removeprefix("Value error, ")
        raise RuleError(f"{path}: {message}{more}", place=place_of(source, tree, first["loc"])) from error
    return RuleFile(Path(source).stem, source, rule, tree)
