"""Rule files: YAML to rules, every fault with its line."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from herdsight.content import shipped
from herdsight.documents import faults, loaded, place_of
from herdsight.errors import Place, RuleError
from herdsight.rules.model import Rule


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
    return tuple(read_rule(each.name, each.text) for each in shipped("rules"))


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
