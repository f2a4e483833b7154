"""What the tests of formats ask of a file: its account, and its good rows."""

from pathlib import Path

from conftest import Row
from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.findings.model import Input
from herdsight.loading import load
from herdsight.trees import column, relation


def account(path: Path) -> Input:
    """What became of the only file."""
    with DuckDbEngine() as engine:
        (only,) = load(engine, [path]).inputs
    return only


def loaded(path: Path) -> tuple[Input, list[Row]]:
    """The account of the only file and its good rows, in order."""
    with DuckDbEngine() as engine:
        found = load(engine, [path])
        rows: list[Row] = []
        for each in found.relations:
            query = exp.select("*").from_(relation(each.name, each.schema)).order_by(column("_row"))
            rows.extend(row for row in engine.run(query).to_pylist() if row["_reject"] is None)
    (only,) = found.inputs
    return only, rows
