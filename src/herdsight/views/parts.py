"""What was loaded, as the views see it, and small expressions over it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlglot import exp

from herdsight import trees
from herdsight.addresses import Network, inside, to_many
from herdsight.tables import table
from herdsight.trees import column, text

Values: TypeAlias = Mapping[str, exp.Expr]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table as they were loaded: where they are and which of the table's columns they have."""

    table: str
    source: exp.Table
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a part as another table tells of them: which, and the values of its columns."""

    condition: exp.Expr
    values: Values


class Event:
    """The columns of an event of a family's hub as expressions, by name; what it has not is a missing value."""

    def __init__(self, hub: str, values: Values, known: exp.Expr) -> None:
        self.hub = hub
        self.values = values
        self.known = known  # which rows of the part are such events

    def __getitem__(self, name: str) -> exp.Expr:
        declared = table(self.hub).column(name)
        assert declared is not None, name  # noqa: S101 a misspelt name here is a fault of this room
        return self.values.get(name, trees.null(declared.type)).copy()

    def some(self, pairs: Mapping[str, str]) -> dict[str, exp.Expr]:
        """The columns of another table that an event's columns fill, where it has them."""
        return {name: self[source] for name, source in pairs.items() if source in self.values}


@dataclass(frozen=True, slots=True)
class Family:
    """Tables that tell of the same events.

    All are seen through the `hub`: `to_hub` reads a part of each as the hub's events, `from_hub` tells these in each of
    the others.
    """

    hub: str
    to_hub: Mapping[str, Callable[[Part, Sequence[Network]], Rows]]
    from_hub: Mapping[str, Callable[[Event], tuple[Rows, ...]]]

    def event(self, part: Part, local: Sequence[Network]) -> Event:
        """A part's rows as events of the hub."""
        rows = self.to_hub[part.table](part, local)
        return Event(self.hub, rows.values, rows.condition)


def as_they_are(part: Part, local: Sequence[Network]) -> Rows:
    """A part of the hub's own table."""
    del local  # its events say their direction themselves
    return Rows(exp.true(), {name: column(name) for name in part.columns})


def part_column(part: Part, name: str) -> exp.Expr:
    """A column of a part, or a missing value of its type."""
    declared = table(part.table).column(name)
    assert declared is not None, name  # noqa: S101 a misspelt name here is a fault of this file
    return column(name) if name in part.columns else trees.null(declared.type)


def near(address: exp.Expr, local: Sequence[Network]) -> exp.Expr:
    """Whether an address is inside, or a group that the inside is part of."""
    return exp.or_(inside(address, local), to_many(address.copy()))


def one_of(value: exp.Expr, *choices: str) -> exp.Expr:
    """Whether a text is one of those."""
    return exp.In(this=value, expressions=[text(choice) for choice in choices])


def either(condition: exp.Expr, yes: exp.Expr, no: exp.Expr) -> exp.Expr:
    """The one where the condition holds, else the other."""
    return exp.case().when(condition.copy(), yes).else_(no)


def chosen(value: exp.Expr, choices: Mapping[str, str], otherwise: exp.Expr | None = None) -> exp.Expr:
    """What a text means; where it is none of them, `otherwise`, by default ""."""
    tree = exp.Case(this=value)
    for given, meant in choices.items():
        tree = tree.when(text(given), text(meant))
    return tree.else_(otherwise or text(""))


def first(value: exp.Expr, otherwise: exp.Expr) -> exp.Expr:
    """The first that is not empty."""
    return exp.Coalesce(this=exp.Nullif(this=value, expression=text("")), expressions=[otherwise])
