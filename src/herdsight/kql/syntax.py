"""The syntax tree: what a KQL text says, with the place of every part, before anything is known about its names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from herdsight.tables import ColumnType


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of a text: `start` is the offset that an error about it points at."""

    start: int


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name: a column, a table, or something bound by let."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant. A datetime and a timespan are counts of microseconds (since 1970-01-01 UTC); null is None."""

    value: Value
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-x` or `+x`."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`left operator right`; the operator in KQL's own spelling."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Between(Node):
    """`value between (low .. high)`; both ends belong to it."""

    value: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Membership(Node):
    """`value in (...)`, `has_any (...)` and their kin: an operator with a list on its right."""

    operator: str
    value: Expression
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`name(argument, ...)`."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Assignment(Node):
    """`name = value`, as a column's definition or a named argument."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`value.name`, a path into a dynamic."""

    value: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`value[key]`, a path into a dynamic."""

    value: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Star(Node):
    """`*`: every column."""


@dataclass(frozen=True, slots=True)
class Ordering(Node):
    """One sort key. Where the text does not say, KQL sorts descending, nulls last, and ascending nulls first."""

    value: Expression
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Where(Node):
    """`| where condition`."""

    condition: Expression


@dataclass(frozen=True, slots=True)
class Extend(Node):
    """`| extend name = value, ...`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Project(Node):
    """`| project name = value, ...`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ProjectAway(Node):
    """`| project-away name, prefix*, ...`."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProjectKeep(Node):
    """`| project-keep name, prefix*, ...`."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProjectRename(Node):
    """`| project-rename new = old, ...`."""

    items: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class ProjectReorder(Node):
    """`| project-reorder name, prefix*, ...`: those first, the others behind them."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summarize(Node):
    """`| summarize aggregate, ... by key, ...`."""

    aggregates: tuple[Expression, ...]
    keys: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Sort(Node):
    """`| sort by key asc, ...`."""

    keys: tuple[Ordering, ...]


@dataclass(frozen=True, slots=True)
class Top(Node):
    """`| top n by key`."""

    count: Expression
    keys: tuple[Ordering, ...]


@dataclass(frozen=True, slots=True)
class Take(Node):
    """`| take n`."""

    count: Expression


@dataclass(frozen=True, slots=True)
class Distinct(Node):
    """`| distinct name, ...`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Count(Node):
    """`| count`."""


@dataclass(frozen=True, slots=True)
class Serialize(Node):
    """`| serialize name = value, ...`: keep the order of rows; may define columns."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Join(Node):
    """`| join kind=... (right) on condition, ...`."""

    kind: str
    right: Pipeline
    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Pipeline(Node):
    """A source and the operators it flows through."""

    source: Source
    operators: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Print(Node):
    """`print name = value, ...`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class ColumnDeclaration(Node):
    """`name: type` of a datatable."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class DataTable(Node):
    """`datatable(name: type, ...)[value, ...]`, its values row by row."""

    columns: tuple[ColumnDeclaration, ...]
    values: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Range(Node):
    """`range name from low to high step step`."""

    name: str
    low: Expression
    high: Expression
    step: Expression


@dataclass(frozen=True, slots=True)
class Let(Node):
    """`let name = value`."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """`set name` or `set name = value`: accepted, and without effect here."""

    name: str


Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Source: TypeAlias = Name | Call | Pipeline | Print | DataTable | Range
Statement: TypeAlias = Let | Setting | Pipeline
Operator: TypeAlias = (
    Where
    | Extend
    | Project
    | ProjectAway
    | ProjectKeep
    | ProjectRename
    | ProjectReorder
    | Summarize
    | Sort
    | Top
    | Take
    | Distinct
    | Count
    | Serialize
    | Join
)
Expression: TypeAlias = (
    Name | Literal | Unary | Binary | Between | Membership | Call | Assignment | Member | Index | Star | Pipeline
)
