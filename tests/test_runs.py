"""Many runs of one plan at once: each gives what it gives alone, whatever the plan."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from questions import NOW

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.kql import plan
from herdsight.kql.functions import SCALARS
from herdsight.kql.literals import micros
from herdsight.kql.lowering import UNTIL, Bounds, lower, lower_runs, works_on_sets
from herdsight.kql.rewrites import optimised
from herdsight.kql.rewrites.walk import rebuild
from herdsight.querying import compiled, typed
from herdsight.tables import ColumnType

FOLDER = Path(__file__).parent / "kql"
ANSWERED = [path.stem for path in sorted(FOLDER.glob("*.json")) if isinstance(json.loads(path.read_text()), list)]
PINNED = micros(NOW)


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDbEngine]:
    with DuckDbEngine(threads=2) as opened:
        yield opened


def filtered(relation: plan.Relation, condition: plan.Scalar) -> plan.Relation:
    """The plan with every table that the query writes itself filtered."""

    def of_written(part: plan.Relation) -> plan.Relation:
        return plan.Filter(part, condition) if isinstance(part, plan.Rows | plan.Series) else part

    return rebuild(relation, of_written)


def rows(table: pa.Table, fields: Sequence[plan.Field]) -> list[str]:
    """The rows as texts, in an order of their own: those of a table come in any."""
    return sorted(_rounded(repr(row)) for row in typed(table, fields).to_pylist())


def _rounded(text: str) -> str:
    """Sums of reals differ in their last digits with the order of their parts."""
    return re.sub(r"\d+\.\d{6,}", lambda found: f"{float(found[0]):.6g}", text)


@pytest.mark.parametrize("name", ANSWERED)
def test_each_of_many_runs_gives_what_it_gives_alone(engine: DuckDbEngine, name: str) -> None:
    # Tables have rows in the runs after a time and none before it: the first and the last run see all, the others none.
    (query,) = compiled((FOLDER / f"{name}.kql").read_text(encoding="utf-8"))
    relation = query.query.relation
    later = plan.Apply(SCALARS[">"][0], (UNTIL, plan.Const(PINNED, ColumnType.DATETIME)), ColumnType.BOOL)
    given = optimised(filtered(relation, later), PINNED)
    if query.query.open or not works_on_sets(given):
        return  # its columns show only in the data; or its runs are made one by one
    bounds = [Bounds(0, PINNED + play) for play in (1, -1, 0, 2)]
    together = engine.run(lower_runs(given, bounds))
    numbers = [int(number.as_py()) for number in together.column(0)]
    of_each = [pa.array([each == number for each in numbers], pa.bool_()) for number in range(len(bounds))]
    found = [rows(together.filter(own).remove_column(0), relation.fields) for own in of_each]
    whole, empty = (
        rows(engine.run(lower(optimised(each, PINNED))), relation.fields)
        for each in (relation, filtered(relation, plan.Const(value=False, type=ColumnType.BOOL)))
    )
    assert found == [whole, empty, empty, whole]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("kql", "expected"),
    [
        ("T | sort by RemotePort asc | extend p = prev(RemoteIP)", True),
        ("T | sort by RemotePort asc | where LocalPort > 1 | extend p = prev(RemoteIP)", True),
        ("T | sort by RemotePort asc | summarize make_list(RemoteIP)", True),
        ("T | serialize | extend p = prev(RemoteIP)", False),
        ("T | sort by RemotePort asc | extend x = LocalPort + 1 | extend p = prev(x)", False),
        ("T | extend r = rand()", False),
        ("T | where RemotePort in ((T | where rand() > 0.5 | project LocalPort))", False),
        ("T | sort by TimeGenerated asc | scan with (step s: RemotePort == 1;)", False),
    ],
)
def test_plans_that_go_by_an_order_they_do_not_say_or_by_chance_run_one_by_one(kql: str, *, expected: bool) -> None:
    relation = compiled(re.sub(r"\bT\b", "DeviceNetworkEvents", kql))[0].query.relation
    assert works_on_sets(optimised(relation, 0)) is expected
