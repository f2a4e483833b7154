"""What a check sees, and what it says."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdsight.errors import HerdsightError, Place, RuleError
from herdsight.kql.plan import Relation
from herdsight.rules.reading import RuleFile


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule to check: its file, its query's plan (None where it does not compile), and all rules beside it.

    `folder` is where the rule's file lies; None for a rule that lies in no folder.
    """

    file: RuleFile
    relation: Relation | None
    beside: Sequence[RuleFile]
    folder: Path | None = None

    def wrong(self, what: str, *path: str | int, hint: str | None = None) -> RuleError:
        """A fault at a part of the rule."""
        return RuleError(what, place=self.file.place(*path), hint=hint)

    def in_query(self, error: HerdsightError) -> HerdsightError:
        """An error of the query, told with its place in the rule's file."""
        key = self.file.place("query")
        if error.place is None or error.place.line is None or key.line is None:
            return RuleError(error.what, place=key, hint=error.hint)
        line, column = key.line + error.place.line, (error.place.column or 1) + _INDENT
        return RuleError(error.what, place=Place(self.file.source, line, column), hint=error.hint)


_INDENT = 2  # columns by which the query stands to the right in its file


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its name, what it demands in a sentence, and the faults that it finds in a rule."""

    name: str
    demands: str
    faults: Callable[[Checked], Iterator[HerdsightError]]
