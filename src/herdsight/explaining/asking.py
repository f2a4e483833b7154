"""Plans of a rule run as one of its runs sees the logs, and the pieces that such plans are put together from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from herdsight.kql import plan
from herdsight.kql.functions import AGGREGATES, SCALARS
from herdsight.kql.lowering import lower
from herdsight.kql.rewrites import optimised
from herdsight.kql.rewrites.columns import from_schema
from herdsight.kql.rewrites.time_window import within
from herdsight.querying import typed
from herdsight.tables import ColumnType
from herdsight.telemetry import Telemetry

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Asker:
    """The logs as a run sees them: those after `since` (None: all) until `now`, in microseconds."""

    telemetry: Telemetry
    now: int
    since: int | None = None
    schema: str | None = None

    def rows(self, relation: plan.Relation) -> list[Row]:
        """The rows of a plan."""
        seen = optimised(from_schema(relation, self.schema), self.now)
        if self.since is not None:
            seen = within(seen, self.since, self.now)
        rows: list[Row] = typed(self.telemetry.run(lower(seen)), relation.fields).to_pylist()
        return rows


TRUE = plan.Const(True, ColumnType.BOOL)


def counted(relation: plan.Relation, conditions: Sequence[plan.Scalar]) -> plan.Aggregation:
    """One row: how many rows there are as `rows`, and how many meet each condition as `met 0`, `met 1`, ..."""
    measures = [plan.Measure("rows", AGGREGATES["count"], (), ColumnType.LONG)]
    for number, condition in enumerate(conditions):
        measures.append(plan.Measure(f"met {number}", AGGREGATES["countif"], (condition,), ColumnType.LONG))
    return plan.Aggregation(relation, (), tuple(measures))


def numbered(parts: Iterable[tuple[int, plan.Aggregation]]) -> plan.Relation:
    """Several relations of the same columns as one, each with its number as `number`."""
    made = [
        plan.Projection(
            part,
            (
                plan.Item("number", plan.Const(number, ColumnType.LONG)),
                *(plan.Item(each.name, plan.Ref(each.name, each.type)) for each in part.fields),
            ),
        )
        for number, part in parts
    ]
    return made[0] if len(made) == 1 else plan.Union(tuple(made), made[0].fields)


def all_of(conditions: Sequence[plan.Scalar]) -> plan.Scalar:
    """The condition that these all hold; true where there is none."""
    (both,) = SCALARS["and"]
    return (
        reduce(lambda one, other: plan.Apply(both, (one, other), ColumnType.BOOL), conditions) if conditions else TRUE
    )


def how_many_hold(names: Sequence[str]) -> plan.Scalar:
    """How many of these columns are true."""
    (number,), plus = SCALARS["tolong"], SCALARS["+"][0]
    parts: list[plan.Scalar] = [
        plan.Apply(number, (plan.Ref(name, ColumnType.BOOL),), ColumnType.LONG) for name in names
    ]
    return reduce(lambda one, other: plan.Apply(plus, (one, other), ColumnType.LONG), parts)


_MOST_PAIRS = 20_000_000  # of a join, that are still made to be counted


def too_wide(asker: Asker, joins: Sequence[plan.Join]) -> set[int]:
    """Those joins (by identity) that have more pairs than are made to count them."""
    sized = [each for each in joins if each.kind in ("inner", "leftouter", "rightouter", "fullouter")]
    if not sized:
        return set()
    found = asker.rows(numbered((number, _pairs(join)) for number, join in enumerate(sized)))
    return {id(sized[int(str(row["number"]))]) for row in found if float(str(row["pairs"] or 0)) > _MOST_PAIRS}


def _pairs(join: plan.Join) -> plan.Aggregation:
    """How many pairs a join has, from how many rows each key has on either side."""
    left, right = (
        _by_key(join.left, [key.left for key in join.keys], "l"),
        _by_key(join.right, [key.right for key in join.keys], "r"),
    )
    keys = tuple(plan.KeyPair(f"l {number}", f"r {number}") for number in range(len(join.keys)))
    items = [
        tuple(plan.Item(each.name, plan.Ref(each.name, each.type)) for each in side.fields) for side in (left, right)
    ]
    joined = plan.Join("inner", left, right, keys, *items)
    times = SCALARS["*"][0]
    (real,) = SCALARS["toreal"]
    sides = tuple(plan.Apply(real, (plan.Ref(f"{side} rows", ColumnType.LONG),), ColumnType.REAL) for side in "lr")
    pairs = plan.Apply(times, sides, ColumnType.REAL)
    return plan.Aggregation(joined, (), (plan.Measure("pairs", AGGREGATES["sum"], (pairs,), ColumnType.REAL),))


def _by_key(relation: plan.Relation, names: Sequence[str], side: str) -> plan.Aggregation:
    types = {each.name: each.type for each in relation.fields}
    keys = tuple(plan.Item(f"{side} {number}", plan.Ref(name, types[name])) for number, name in enumerate(names))
    return plan.Aggregation(relation, keys, (plan.Measure(f"{side} rows", AGGREGATES["count"], (), ColumnType.LONG),))
