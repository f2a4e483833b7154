"""What names mean while a plan is made: columns in reach, let bindings, declared tables; and what was meant."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from herdsight.errors import QueryError, UnsupportedError
from herdsight.kql import plan
from herdsight.kql.lexer import Text
from herdsight.tables import Table


@dataclass(frozen=True, slots=True)
class Scope:
    """The columns in reach, and the names that people write for them by mistake."""

    fields: tuple[plan.Field, ...]
    mistaken: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> plan.Field | None:
        """The column of exactly that name."""
        return next((column for column in self.fields if column.name == name), None)


@dataclass(slots=True)
class Context:
    """One block being bound: its text, the tables there are, what let has bound, and the warnings so far."""

    text: Text
    tables: Mapping[str, Table]
    scalars: dict[str, plan.Scalar] = field(default_factory=dict)
    relations: dict[str, "Bound"] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def wrong(self, what: str, at: int, *, code: str, hint: str | None = None) -> QueryError:
        """An error about the part of the text at that offset."""
        return QueryError(what, code=code, place=self.text.place(at), hint=hint)

    def unsupported(self, what: str, at: int) -> UnsupportedError:
        """An error for what KQL has and Herdsight has not."""
        return UnsupportedError(f"{what} is not supported", code="HS020", place=self.text.place(at))

    def warn(self, what: str, at: int) -> None:
        """Note a warning about the part of the text at that offset, once."""
        message = f"{self.text.place(at)}: {what}"
        if message not in self.warnings:
            self.warnings.append(message)


@dataclass(frozen=True, slots=True)
class Bound:
    """A relation and the names in reach behind it."""

    relation: plan.Relation
    mistaken: Mapping[str, str] = field(default_factory=dict)

    @property
    def scope(self) -> Scope:
        """What a following operator may name."""
        return Scope(self.relation.fields, self.mistaken)
