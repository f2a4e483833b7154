"""What columns are called that a query gives no name."""

from collections.abc import Iterable, Sequence
from itertools import count

from herdsight.kql import syntax
from herdsight.kql.binding.scope import Context
from herdsight.kql.functions import AGGREGATES, SCALARS
from herdsight.kql.functions.model import Aggregate, Naming, Scalar

DUPLICATE_NAME = "KS171"  # Microsoft's code, so that a reader can look it up


class Names:
    """Names for the columns of one operator: those given, those that Kusto derives, and Column1, Column2 ...

    `avoided` are names that a derived name must not be; a given name may, and then takes that column's place. With
    `replacing`, so may a derived one, and the last of several stands. A name that is given after it was derived gets a
    number, as Kusto has it.
    """

    def __init__(self, avoided: Iterable[str] = (), *, replacing: bool = False) -> None:
        self._given: set[str] = set()
        self._derived: set[str] = set()
        self._taken = set(avoided)
        self._replacing = replacing

    def of(self, context: Context, item: syntax.Expression, chosen: str | None = None) -> str:
        """The name of an item's column; `chosen`: that of the column that it takes.

        Raises:
            QueryError: the name is given, and taken.
        """
        if isinstance(item, syntax.Assignment | syntax.Name):
            return self.given(context, item.name, item.start)
        derived = chosen or default_name(item)
        if derived and self._replacing:
            return derived
        return self.free(derived) if derived else self._first(f"Column{number}" for number in count(1))

    def given(self, context: Context, name: str, at: int) -> str:
        """A name that the query writes.

        Raises:
            QueryError: it is taken.
        """
        if name in self._derived:
            return self.free(name)
        if name in self._given:
            raise context.wrong(f"the column `{name}` is there already", at, code=DUPLICATE_NAME)
        self._given.add(name)
        self._taken.add(name)
        return name

    def free(self, name: str) -> str:
        """That name, with a number where it is taken; taken from now on."""
        return self._first(name if number == 0 else f"{name}{number}" for number in count())

    def _first(self, candidates: Iterable[str]) -> str:
        chosen = next(candidate for candidate in candidates if candidate not in self._taken)
        self._taken.add(chosen)
        self._derived.add(chosen)
        return chosen


def default_name(expression: syntax.Expression) -> str | None:
    """The name that Kusto gives the column of an expression that has none; None where it counts (Column1)."""
    match expression:
        case syntax.Name(name=name) | syntax.Assignment(name=name):
            return name
        case syntax.Member(value=value, name=name):
            inner = default_name(value)
            return f"{inner}_{name}" if inner else None
        case syntax.Index(value=value, key=syntax.Literal(value=key)):
            inner = default_name(value)
            return f"{inner}_{key}" if inner else None
        case syntax.Call(name=function, arguments=arguments):
            inner = default_name(arguments[0]) if arguments else None
            if function in _FIXED and len(arguments) != _FIXED[function][0]:
                return _FIXED[function][1]
            if function == "bin_auto":  # which is no row of the table
                return inner
            if function in AGGREGATES:
                return _aggregate_name(AGGREGATES[function], inner, arguments[1:])
            if arguments and isinstance(arguments[0], syntax.Call) and arguments[0].name in _OF_SEVERAL:
                inner = None
            return _scalar_name(SCALARS.get(function, ()), function, inner, arguments)
        case _:
            return None


# Functions that are no aggregates when they are not given so many arguments, and the name that their column has.
_FIXED = {
    "tdigest_merge": (1, "tdigests_merge_result"),
    "merge_tdigest": (1, "tdigests_merge_result"),
    "hll_merge": (1, "hll_merged_result"),
    "ingestion_time": (-1, "$IngestionTime"),
}
# Aggregates that may make several columns: what is made of one of them gets no name from it.
_OF_SEVERAL = (
    *("take_any", "arg_max", "arg_min", "percentile", "percentiles", "percentilew", "percentilesw"),
    *("percentiles_array", "percentilesw_array"),
)


def _scalar_name(
    rows: Sequence[Scalar], function: str, inner: str | None, arguments: Sequence[syntax.Expression]
) -> str | None:
    naming = rows[0].naming if rows else Naming.NUMBERED
    if naming is Naming.ARGUMENT or (naming is Naming.ONLY_ARGUMENT and len(arguments) == 1):
        return inner
    return f"{rows[0].prefix or function}_{inner or ''}" if naming is Naming.PREFIXED else None


def _aggregate_name(aggregate: Aggregate, inner: str | None, further: Sequence[syntax.Expression]) -> str | None:
    if aggregate.name == "percentile" and further and isinstance(further[0], syntax.Literal):
        return f"percentile_{inner or ''}_{further[0].value}".replace(".", "_")
    return f"{aggregate.prefix}_{inner or ''}" if aggregate.prefix else inner


def matches(name: str, pattern: str) -> bool:
    """Whether a name is one that a pattern means, in which `*` stands for any text and all else for itself."""
    first, *between = pattern.split("*")
    if not between:
        return name == pattern
    *between, last = between
    place, end = len(first), len(name) - len(last)
    if place > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in between:
        place = name.find(part, place, end) + len(part)
        if place < len(part):
            return False
    return True
