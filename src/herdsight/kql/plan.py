"""The typed plan: what a query computes, every name resolved and every type known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from herdsight.kql.functions import model
from herdsight.kql.syntax import Value
from herdsight.tables import ColumnType


@dataclass(frozen=True, slots=True)
class Field:
    """One column that a node puts out. KQL tells `a` from `A`; engines may not, which lowering sees to."""

    name: str
    type: ColumnType


# --- scalar expressions ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ref:
    """A column of the node's input."""

    name: str
    type: ColumnType


@dataclass(frozen=True)
class Const:
    """A constant; a datetime or timespan is a count of microseconds, null is None."""

    value: Value
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Now:
    """The query's own time, which a hunt pins: it becomes a constant when the plan is lowered."""

    type: ColumnType = ColumnType.DATETIME


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or operator applied to arguments."""

    function: model.Scalar
    arguments: tuple[Scalar, ...]
    type: ColumnType


Scalar: TypeAlias = Ref | Const | Now | Apply


@dataclass(frozen=True, slots=True)
class Item:
    """A named scalar: one column of a projection, one key of an aggregation."""

    name: str
    value: Scalar

    @property
    def field(self) -> Field:
        """The column it makes."""
        return Field(self.name, self.value.type)


@dataclass(frozen=True, slots=True)
class Measure:
    """A named aggregate."""

    name: str
    function: model.Aggregate
    arguments: tuple[Scalar, ...]
    type: ColumnType

    @property
    def field(self) -> Field:
        """The column it makes."""
        return Field(self.name, self.type)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One sort key."""

    value: Scalar
    descending: bool
    nulls_first: bool


# --- relations ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scan:
    """A whole table. `since` and `until` bound its time column (since < t <= until), in microseconds."""

    table: str
    time: str
    fields: tuple[Field, ...]
    schema: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """A table written in the query itself."""

    fields: tuple[Field, ...]
    rows: tuple[tuple[Scalar, ...], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """`range`: evenly spaced values from `low` up to `high`."""

    name: str
    type: ColumnType
    low: Scalar
    high: Scalar
    step: Scalar

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its one column."""
        return (Field(self.name, self.type),)


@dataclass(frozen=True, slots=True)
class Filter:
    """The rows whose condition is true; false and null drop out alike."""

    input: Relation
    condition: Scalar

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's."""
        return self.input.fields


@dataclass(frozen=True, slots=True)
class Projection:
    """New columns in place of the input's."""

    input: Relation
    items: tuple[Item, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The items'."""
        return tuple(item.field for item in self.items)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One row per distinct combination of the keys; null and "" are groups like any other."""

    input: Relation
    keys: tuple[Item, ...]
    measures: tuple[Measure, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The keys', then the measures'."""
        return (*(key.field for key in self.keys), *(measure.field for measure in self.measures))


@dataclass(frozen=True, slots=True)
class Sorted:
    """The input in an order."""

    input: Relation
    keys: tuple[SortKey, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's."""
        return self.input.fields


@dataclass(frozen=True, slots=True)
class Limit:
    """The first rows."""

    input: Relation
    count: int

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's."""
        return self.input.fields


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`left == right` of a join, as column names of its two sides."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Join:
    """A join on equalities. `fields` are named as they leave it: a name that both sides have gets a number."""

    kind: str
    left: Relation
    right: Relation
    keys: tuple[KeyPair, ...]
    left_fields: tuple[Item, ...]  # what it puts out: name, and Ref into the left side
    right_fields: tuple[Item, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """The left side's, then the right side's."""
        return tuple(item.field for item in (*self.left_fields, *self.right_fields))


@dataclass(frozen=True, slots=True)
class IntervalJoin:
    """An aggregation over a join on equalities and a time range, done without making its pairs.

    A pair is a probe row p and a build row b with `p.equal == b.equal` for all `equal`, with
    `low <= p.time - b.time <= high` (microseconds) and, where `differ` is given, with `p.differ != b.differ`.
    Both sides put out columns of these names. The group `keys` come from the probe side, the measures from either;
    `pairs` name counts of pairs.
    """

    probe: Relation
    build: Relation
    equal: tuple[str, ...]
    time: str
    low: int
    high: int
    differ: str | None
    keys: tuple[Item, ...]
    pairs: tuple[Measure, ...]
    probe_measures: tuple[Measure, ...]
    build_measures: tuple[Measure, ...]
    fields: tuple[Field, ...]


Relation: TypeAlias = Scan | Rows | Series | Filter | Projection | Aggregation | Sorted | Limit | Join | IntervalJoin
