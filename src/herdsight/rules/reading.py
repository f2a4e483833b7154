"""Rule files: YAML to rules, every fault with its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from herdsight.documents import faults, loaded, place_of
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
        RuleError: it is no YAML, or no rule; with its line and column; `problems` has all faults.
    """
    tree = loaded(source, text, RuleError, holds="a rule")
    try:
        rule = Rule.model_validate(tree)
    except ValidationError as error:
        found = [RuleError(each.said, place=each.place) for each in faults(source, tree, error, whole="the rule")]
        raise _collected(found) from error
    return RuleFile(Path(source).stem, source, rule, tree)


def _collected(problems: list[RuleError]) -> RuleError:
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    whole = RuleError(f"{first.what}{more}", place=first.place)
    whole.problems = tuple(problems)
    return whole


def shipped_folder() -> Path | None:
    """Where the rules that come with Herdsight lie, where that is a folder."""
    inside = files("herdsight").joinpath("content")
    folder = Path(str(inside)) if inside.is_dir() else _CHECKOUT
    return folder / "rules" if folder.is_dir() else None
