"""The typed plan: what a query computes, every name resolved and every type known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from zlib import crc32

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
class Given:
    """A time that each run of the plan is given: a column of the table of runs that the plan is lowered beside."""

    name: str
    type: ColumnType = ColumnType.DATETIME


@dataclass(frozen=True, slots=True)
class Apply:
    """A function or operator applied to arguments."""

    function: model.Scalar
    arguments: tuple[Scalar, ...]
    type: ColumnType


@dataclass(frozen=True, slots=True)
class ScalarQuery:
    """The first column of the first row of a relation, as toscalar() takes it."""

    relation: Relation
    type: ColumnType


@dataclass(frozen=True, slots=True)
class InQuery:
    """Whether a value is among those of a relation's only column; `any_case` compares without case."""

    value: Scalar
    relation: Relation
    any_case: bool
    type: ColumnType = ColumnType.BOOL


Scalar: TypeAlias = Ref | Const | Now | Given | Apply | ScalarQuery | InQuery


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
class WindowCall:
    """A named window function: a value of a row that depends on rows beside it."""

    name: str
    function: model.Window
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
    """A whole table. `since` and `until` bound its time column (since < t <= until): microseconds, or each run's."""

    table: str
    time: str
    fields: tuple[Field, ...]
    schema: str | None = None
    since: int | Given | None = None
    until: int | Given | None = None


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
    """The first rows; with `per`, of each group of rows that are equal in these columns."""

    input: Relation
    count: int
    per: tuple[str, ...] = ()

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
    """A join on equalities. `fields` are named as they leave it: a name that both sides have gets a number.

    A null key matches a null one.
    """

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
class NetworkJoin:
    """Rows with an address beside rows with the network that it lies in, and with equal `keys`.

    `unmatched`: rows whose address lies in none are kept. `wide`: the networks are IPv6.
    """

    left: Relation
    right: Relation
    address: Scalar
    network: Scalar
    keys: tuple[KeyPair, ...]
    left_fields: tuple[Item, ...]
    right_fields: tuple[Item, ...]
    unmatched: bool
    wide: bool

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


@dataclass(frozen=True, slots=True)
class Union:
    """The rows of all parts, one after the other; the parts have the same fields."""

    parts: tuple[Relation, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Numbered:
    """The input with each row's number, from 0, in the order of rows."""

    input: Relation
    name: str

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's, and the number."""
        return (*self.input.fields, Field(self.name, ColumnType.LONG))


@dataclass(frozen=True, slots=True)
class Expansion:
    """An array or bag that is taken apart: the column that its elements make, and their type."""

    name: str
    value: Scalar
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Unnest:
    """A row for each element; several arrays side by side, the shorter filled with null.

    A null, and what is no array or bag, is one row. `pairs`: a property of a bag is a [key, value] array, not a bag of
    one. `index` names a column with the element's position from 0. `limit`: rows of one input row at most.
    """

    input: Relation
    expansions: tuple[Expansion, ...]
    index: str | None
    pairs: bool
    limit: int | None

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's, expanded ones in their place, then the new ones and the position."""
        made = {each.name: Field(each.name, each.type) for each in self.expansions}
        kept = [made.pop(field.name, field) for field in self.input.fields]
        index = [Field(self.index, ColumnType.LONG)] if self.index else []
        return (*kept, *made.values(), *index)


@dataclass(frozen=True, slots=True)
class Windows:
    """The input with a column for each window function, over all rows or over those equal in the `per` columns."""

    input: Relation
    calls: tuple[WindowCall, ...]
    per: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's, then the functions'."""
        return (*self.input.fields, *(call.field for call in self.calls))


@dataclass(frozen=True, slots=True)
class Sessions:
    """The input with a column that says when a row's session began, as row_window_session() finds it.

    In the order of rows, a row begins a session where it lies more than `longest` behind the session's first row, or
    more than `gap` behind the row before it, or where `restart` is true. Spans are in microseconds.
    """

    input: Relation
    name: str
    value: Scalar
    longest: Scalar
    gap: Scalar
    restart: Scalar
    per: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's, and the session's begin."""
        return (*self.input.fields, Field(self.name, self.value.type))


@dataclass(frozen=True, slots=True)
class Capture:
    """A column that a pattern fills: from which group of it, and as what type."""

    name: str
    group: int
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Parsed:
    """The input with the columns that a pattern finds in a text, the whole of it.

    Where it does not match, strings are "" and all else is null; unless `relaxed`, it does not match where a capture
    is no value of its type. `only`: rows that do not match drop out.
    """

    input: Relation
    text: Scalar
    pattern: str
    captures: tuple[Capture, ...]
    relaxed: bool
    only: bool

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's, captured ones in their place, then the new ones."""
        made = {each.name: Field(each.name, each.type) for each in self.captures}
        kept = [made.pop(field.name, field) for field in self.input.fields]
        return (*kept, *made.values())


@dataclass(frozen=True, slots=True)
class SeriesMeasure:
    """One series: the value of each bin, over what is measured in it, and the value of a bin without rows."""

    name: str
    value: Scalar
    measures: tuple[Measure, ...]
    default: Scalar


@dataclass(frozen=True, slots=True)
class SeriesTable:
    """make-series: by key, an array for each measure with one element a bin of the axis, and the array of bins.

    Bins begin at `low` (None: the bin of the least value) and end before `high` (None: behind the greatest).
    """

    input: Relation
    keys: tuple[Item, ...]
    measures: tuple[SeriesMeasure, ...]
    axis: Item
    low: Scalar | None
    high: Scalar | None
    step: Scalar
    nonempty: bool

    @property
    def fields(self) -> tuple[Field, ...]:
        """The keys', the series', the axis'; series are dynamic."""
        names = (*(each.name for each in self.measures), self.axis.name)
        return (*(key.field for key in self.keys), *(Field(name, ColumnType.DYNAMIC) for name in names))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a scan: its state is kept in columns that its name begins."""

    name: str
    output: str
    condition: Scalar
    assignments: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """scan: rows matched against a chain of steps, in order; a step sees what the steps before it matched.

    Scalars name the row's own columns as they are, and a step's as STEP.COLUMN.
    """

    input: Relation
    declared: tuple[Item, ...]
    steps: tuple[Step, ...]
    match_id: str | None
    per: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's, the declared ones, the number of the match."""
        number = [Field(self.match_id, ColumnType.LONG)] if self.match_id else []
        return (*self.input.fields, *(item.field for item in self.declared), *number)


@dataclass(frozen=True, slots=True)
class External:
    """A file that the query names; `uri` as it stands there."""

    uri: str
    format: str
    skip_first: bool
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """What an engine may call its rows: the same file may be read under several schemas."""
        read = f"{self.uri} {self.format} {self.skip_first} {self.fields}"
        return f"{self.uri} ({crc32(read.encode(errors='surrogatepass')):08x})"


@dataclass(frozen=True, slots=True)
class Shared:
    """A part that a plan has in several places and that is computed once; of all that are equal, one is `name`."""

    name: str
    input: Relation
    materialized: bool = False

    @property
    def fields(self) -> tuple[Field, ...]:
        """The input's."""
        return self.input.fields


Relation: TypeAlias = (
    Scan
    | Rows
    | Series
    | Filter
    | Projection
    | Aggregation
    | Sorted
    | Limit
    | Join
    | IntervalJoin
    | NetworkJoin
    | Union
    | Numbered
    | Unnest
    | Windows
    | Sessions
    | Parsed
    | SeriesTable
    | Steps
    | External
    | Shared
)
