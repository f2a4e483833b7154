"""What a row of the function tables says: a name, the types it takes and gives, and its meaning as a SQL tree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sqlglot import exp

from herdsight import trees
from herdsight.kql.syntax import Value
from herdsight.tables import ColumnType

TypeSet: TypeAlias = frozenset[ColumnType]

BOOL = frozenset({ColumnType.BOOL})
LONG = frozenset({ColumnType.INT, ColumnType.LONG})
NUMBER = frozenset({ColumnType.INT, ColumnType.LONG, ColumnType.REAL, ColumnType.DECIMAL})
STRING = frozenset({ColumnType.STRING})
TEXT = frozenset({ColumnType.STRING, ColumnType.DYNAMIC, ColumnType.GUID})
DATETIME = frozenset({ColumnType.DATETIME})
TIMESPAN = frozenset({ColumnType.TIMESPAN})
DYNAMIC = frozenset({ColumnType.DYNAMIC})
ANY = frozenset(ColumnType)
SCALAR = ANY - {ColumnType.DYNAMIC}


class Naming(StrEnum):
    """How Kusto names a column that is computed by a call and given no name."""

    NUMBERED = "numbered"  # Column1
    ARGUMENT = "argument"  # bin(t, 1h) -> t
    ONLY_ARGUMENT = "only argument"  # make_datetime(a) -> a, and make_datetime(a, b, c) -> Column1
    PREFIXED = "prefixed"  # strlen(a) -> strlen_a


@dataclass(frozen=True, slots=True)
class Operand:
    """An argument as a lowering sees it: its SQL, its type, and its value where it is a constant."""

    sql: exp.Expr
    type: ColumnType
    value: Value = None
    is_constant: bool = False


Result = ColumnType | Callable[[Sequence[ColumnType]], ColumnType]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar function or operator.

    `lower` takes one Operand an argument. The last `optional` parameters may be left out; the last one repeats where
    `variadic`. `evaluate` computes the value of constants ahead of time, and null from null. `check` takes the
    arguments' values, None where one is no constant, and says what is wrong with them.
    """

    name: str
    parameters: tuple[TypeSet, ...]
    result: Result
    lower: Callable[..., exp.Expr]
    page: str  # the page of Microsoft's reference that its meaning is taken from
    naming: Naming = Naming.NUMBERED
    optional: int = 0
    variadic: bool = False
    evaluate: Callable[..., Value] | None = None
    choices: tuple[str, ...] = ()  # the first argument must be one of these, as a constant
    check: Callable[..., str | None] | None = None
    prefix: str = ""  # what stands before the argument in a prefixed name; by default the function's own


@dataclass(frozen=True, slots=True)
class Window:
    """A window function: a row's value that depends on the rows before and behind it.

    `lower` takes the Over that says which rows those are, then one Operand an argument. Where the argument at
    `restart` is true, the row begins a run of rows of its own. What a function needs of each row that is itself a
    window's is made before by `prepare`, which takes the same, and `lower` takes that in place of the arguments.
    """

    name: str
    parameters: tuple[TypeSet, ...]
    result: Result
    lower: Callable[..., exp.Expr]
    page: str
    optional: int = 0
    restart: int | None = None
    prepare: Callable[..., exp.Expr] | None = None


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate function. `prefix` makes the name of its column where none is given (count -> count_)."""

    name: str
    parameters: tuple[TypeSet, ...]
    result: Result
    lower: Callable[..., exp.Expr]
    page: str
    prefix: str
    optional: int = 0


def calls(name: str) -> Callable[..., exp.Expr]:
    """A meaning that is one call of the prelude's function of that name, with all arguments as they are."""
    return lambda *operands: trees.call(name, *(operand.sql for operand in operands))


def first(types: Sequence[ColumnType]) -> ColumnType:
    """The type of the first argument."""
    return types[0]


def result_type(result: Result, types: Sequence[ColumnType]) -> ColumnType:
    """The type that a call has.

    Raises:
        ValueError: arguments of these types make no sense together.
        TypeError: they may in Kusto, and do not here.
    """
    return result if isinstance(result, ColumnType) else result(types)
