"""The syntax tree: what a KQL text says, with the place of every part, before anything is known about its names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from herdsight.tables import ColumnType


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of a text: `start` is the offset that an error about it points at, and no part of what it says."""

    start: int = field(compare=False)


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
class Unpacking(Node):
    """`(name, name) = value`: names for the columns of a call that gives several."""

    names: tuple[str, ...]
    value: Expression


@dataclass(frozen=True, slots=True)
class TypeOf(Node):
    """`typeof(long)`, as an argument."""

    type: ColumnType


@dataclass(frozen=True, slots=True)
class Pattern(Node):
    """A name with wildcards, where tables or columns are meant by it: `Device*`."""

    pattern: str


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
class Parameter(Node):
    """`name: type = default` of a function; of a table, `columns` in place of `type`, empty for `(*)`."""

    name: str
    type: ColumnType | None
    columns: tuple[ColumnDeclaration, ...] = ()
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class Function(Node):
    """`(parameter, ...) { statement; ... }`, as let binds it; a view is a table without parameters."""

    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    view: bool = False


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
class ProjectByNames(Node):
    """`| project-by-names "name", names, ...`: columns whose names are values."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Reordered(Node):
    """Columns that come first, by a name with wildcards.

    `order`: "asc" or "desc" by name, "granny-asc" or "granny-desc" with the digits in names as numbers, None as they
    stand.
    """

    pattern: str
    order: str | None


@dataclass(frozen=True, slots=True)
class ProjectReorder(Node):
    """`| project-reorder name, prefix* asc, ...`: those first, the others behind them."""

    patterns: tuple[Reordered, ...]


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
    """`| count`, and `| count as name`."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class Serialize(Node):
    """`| serialize name = value, ...`: keep the order of rows; may define columns."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Join(Node):
    """`| join kind=... (right) on condition, ...`; or, of every row with every row, `where condition`."""

    kind: str
    right: Pipeline
    conditions: tuple[Expression, ...]
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class Lookup(Node):
    """`| lookup kind=... (right) on condition, ...`."""

    kind: str
    right: Pipeline
    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Union(Node):
    """`union kind=... withsource=name isfuzzy=... source, ...`; as an operator, the pipeline is its first source."""

    kind: str
    with_source: str | None
    fuzzy: bool
    sources: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class As(Node):
    """`| as name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Invoke(Node):
    """`| invoke function(...)`."""

    call: Call


@dataclass(frozen=True, slots=True)
class Capture(Node):
    """A column that parse fills: a name and a type."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Parse(Node):
    """`| parse kind=... value with "text" name:type * ...`; `only` is parse-where: rows that match."""

    kind: str
    flags: str
    value: Expression
    parts: tuple[Literal | Capture | Star, ...]
    only: bool


@dataclass(frozen=True, slots=True)
class ParseKv(Node):
    """`| parse-kv value as (name:type, ...) with (option=value, ...)`."""

    value: Expression
    keys: tuple[ColumnDeclaration, ...]
    options: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Expansion(Node):
    """One column of mv-expand or mv-apply: `name = value to typeof(type)`."""

    name: str | None
    value: Expression
    type: ColumnType | None


@dataclass(frozen=True, slots=True)
class MvExpand(Node):
    """`| mv-expand kind=bag with_itemindex=name name = value to typeof(type), ... limit n`."""

    kind: str
    index: str | None
    items: tuple[Expansion, ...]
    limit: Expression | None


@dataclass(frozen=True, slots=True)
class MvApply(Node):
    """`| mv-apply ... on (operator | ...)`."""

    expand: MvExpand
    operators: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class SeriesItem(Node):
    """One series of make-series: an aggregate, and the value of a bin without rows."""

    value: Expression
    default: Expression | None


@dataclass(frozen=True, slots=True)
class MakeSeries(Node):
    """`| make-series aggregate default=0, ... on axis from low to high step step by key, ...`.

    `inclusive` is the older form, `on axis in range(low, high, step)`, whose upper end belongs to it. `nonempty`:
    there is a row even where there is no input.
    """

    items: tuple[SeriesItem, ...]
    axis: Expression
    low: Expression | None
    high: Expression | None
    step: Expression
    inclusive: bool
    nonempty: bool
    keys: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Partition(Node):
    """`| partition by key (operator | ...)`; or, over a table of its own for each key, `{source | operator | ...}`."""

    key: Name
    operators: tuple[Operator, ...]
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Sample(Node):
    """`| sample n`."""

    count: Expression


@dataclass(frozen=True, slots=True)
class SampleDistinct(Node):
    """`| sample-distinct n of value`."""

    count: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class TopHitters(Node):
    """`| top-hitters n of value by weight`."""

    count: Expression
    value: Expression
    weight: Expression | None


@dataclass(frozen=True, slots=True)
class Level(Node):
    """One level of top-nested: `n of value with others = text by aggregate desc`."""

    count: Expression | None
    value: Expression
    others: Expression | None
    by: Expression
    descending: bool


@dataclass(frozen=True, slots=True)
class TopNested(Node):
    """`| top-nested n of value by aggregate, ...`."""

    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Step(Node):
    """One step of scan: `step name output=all: condition => name = value, ...`."""

    name: str
    output: str
    optional: bool
    condition: Expression
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Scan(Node):
    """`| scan with_match_id=name declare (name: type = default, ...) with (step ...; ...)`."""

    match_id: str | None
    declared: tuple[Parameter, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Search(Node):
    """`search in (table, ...) condition`; a text in it stands for: some column has it."""

    case_sensitive: bool
    tables: tuple[Expression, ...]
    condition: Expression


@dataclass(frozen=True, slots=True)
class FoundColumn(Node):
    """A column that find shows: `name`, or `name: type`."""

    name: str
    type: ColumnType | None


@dataclass(frozen=True, slots=True)
class Find(Node):
    """`find withsource=name in (table, ...) where condition project name: type, ..., pack_all()`.

    `columns`: None for project-smart, which chooses them. `packed`: the others are packed in a bag.
    """

    with_source: str | None
    tables: tuple[Expression, ...]
    condition: Expression
    columns: tuple[FoundColumn, ...] | None
    packed: bool


@dataclass(frozen=True, slots=True)
class Evaluate(Node):
    """`| evaluate plugin(...) : (name: type, ...)`; `keeps`: the schema began with `*`."""

    call: Call
    schema: tuple[ColumnDeclaration, ...] | None
    keeps: bool


@dataclass(frozen=True, slots=True)
class GetSchema(Node):
    """`| getschema`."""


@dataclass(frozen=True, slots=True)
class Consume(Node):
    """`| consume`: the rows are computed and dropped."""


@dataclass(frozen=True, slots=True)
class Render(Node):
    """`| render chart with (...)`: how to draw the result, which is a hint."""

    chart: str


@dataclass(frozen=True, slots=True)
class AssertSchema(Node):
    """`| assert-schema (name: type, ...)`."""

    columns: tuple[ColumnDeclaration, ...]


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
class ExternalData(Node):
    """`externaldata(name: type, ...)[uri, ...] with (format=..., ignoreFirstRecord=...)`."""

    columns: tuple[ColumnDeclaration, ...]
    uris: tuple[Expression, ...]
    options: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Let(Node):
    """`let name = value`."""

    name: str
    value: Expression | Function


@dataclass(frozen=True, slots=True)
class Declaration(Node):
    """`declare query_parameters(name: type = default, ...)`."""

    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """`set name` or `set name = value`: most say how to run a query, which has no effect here."""

    name: str
    value: Expression | None = None


Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Source: TypeAlias = Name | Call | Member | Pipeline | Print | DataTable | Range | Union | Search | Find | ExternalData
Statement: TypeAlias = "Let | Setting | Declaration | Expression"
Operator: TypeAlias = (
    Where
    | Extend
    | Project
    | ProjectAway
    | ProjectKeep
    | ProjectByNames
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
    | Lookup
    | Union
    | As
    | Invoke
    | Parse
    | ParseKv
    | MvExpand
    | MvApply
    | MakeSeries
    | Partition
    | Sample
    | SampleDistinct
    | TopHitters
    | TopNested
    | Scan
    | Search
    | Evaluate
    | GetSchema
    | Consume
    | Render
    | AssertSchema
)
Expression: TypeAlias = (
    Name
    | Literal
    | Unary
    | Binary
    | Between
    | Membership
    | Call
    | Assignment
    | Unpacking
    | Member
    | Index
    | Star
    | TypeOf
    | Pattern
    | Pipeline
)
