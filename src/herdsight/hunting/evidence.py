"""The rows behind the leads of a rule, found for all in one pass: how many, and the first few with their places."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

import pyarrow as pa
from sqlglot import exp

from herdsight import tables, trees
from herdsight.findings.model import Evidence, iso
from herdsight.hunting.leads import Lead, Scalar, wanted
from herdsight.kql.lowering import opened
from herdsight.kql.rewrites import fold_constants
from herdsight.kql.text import condition_text, literal_text
from herdsight.querying import ARROW_TYPES, compiled
from herdsight.rules.model import EvidenceRows
from herdsight.tables import FILE_COLUMN, ROW_COLUMN, ColumnType
from herdsight.telemetry import Telemetry

SHOWN = 5  # rows that a finding carries
_LEAD, _FIRST, _LAST, _COUNT, _POSITION = "#lead", "#first", "#last", "#count", "#position"
_KEYS = "evidence keys"


@dataclass(frozen=True, slots=True)
class Proof:
    """The evidence of one lead and how many rows there are in all."""

    evidence: Evidence
    count: int


def evidence_query(spec: EvidenceRows) -> str:
    """The rows that can be evidence of any finding of a rule, as KQL."""
    return f"{spec.table} | where {spec.condition}" if spec.condition else spec.table


def proofs(telemetry: Telemetry, spec: EvidenceRows, leads: Sequence[Lead]) -> tuple[Proof, ...]:
    """The proof of each lead, in the order of the leads."""
    if not leads:
        return ()
    wants = [wanted(spec, lead) for lead in leads]
    by_lead: dict[object, list[dict[str, object]]] = defaultdict(list)
    telemetry.put(_KEYS, _keys(leads, wants, spec))
    for row in telemetry.run(_query(telemetry, spec, list(wants[0]))).to_pylist():
        by_lead[row[_LEAD]].append(row)
    return tuple(
        _proof(telemetry, spec, lead, want, by_lead[number])
        for number, (lead, want) in enumerate(zip(leads, wants, strict=True))
    )


def _proof(
    telemetry: Telemetry,
    spec: EvidenceRows,
    lead: Lead,
    want: Mapping[str, Sequence[Scalar]],
    rows: Sequence[dict[str, object]],
) -> Proof:
    shown = tuple(_shown(telemetry, row) for row in rows)
    evidence = Evidence(table=spec.table, filter=_filter(spec, lead, want), rows=shown)
    return Proof(evidence, int(str(rows[0][_COUNT])) if rows else 0)


def _filter(spec: EvidenceRows, lead: Lead, want: Mapping[str, Sequence[Scalar]]) -> str:
    time = tables.table(spec.table).time
    spans = [f"{time} between ({literal_text(each.first)} .. {literal_text(each.last)})" for each in lead.spans]
    span = spans[0] if len(spans) == 1 else f"({' or '.join(spans)})"
    condition = [f"({spec.condition})"] if spec.condition else []
    return " and ".join((span, *(condition_text(column, values) for column, values in want.items()), *condition))


def _shown(telemetry: Telemetry, row: dict[str, object]) -> dict[str, object]:
    """What a row of evidence tells: where it stands, and every column that says something."""
    place = telemetry.locate(int(str(row[FILE_COLUMN])), int(str(row[ROW_COLUMN])))
    told = {name: value for name, value in row.items() if not name.startswith(("#", "_")) and value not in (None, "")}
    times = {name: iso(value) for name, value in told.items() if isinstance(value, datetime)}
    return {"file": place.path, "row": place.row, **told, **times}


# --- the one query --------------------------------------------------------------------------------------------------


def _query(telemetry: Telemetry, spec: EvidenceRows, keys: Sequence[str]) -> exp.Select:
    declared = tables.table(spec.table)
    carried = telemetry.carries(spec.table)
    shown = [each.name for each in declared.columns if each.name in carried]
    time = trees.column(declared.time, "t")
    matches = [
        exp.Between(this=time, low=trees.column(_FIRST, "k"), high=trees.column(_LAST, "k")),
        *(_same(name, declared.column(name)) for name in keys),
    ]
    columns = [trees.column(name, "t") for name in (*shown, FILE_COLUMN, ROW_COLUMN)]
    by_lead = trees.column(_LEAD, "k")
    in_order = exp.Order(expressions=[time.copy(), trees.column(FILE_COLUMN, "t"), trees.column(ROW_COLUMN, "t")])
    counted = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[by_lead])
    numbered = exp.Window(this=exp.RowNumber(), partition_by=[by_lead.copy()], order=in_order)
    matched = (
        exp.select(*columns, by_lead.copy(), trees.named(counted, _COUNT), trees.named(numbered, _POSITION))
        .from_(_rows_that_meet(spec, dict.fromkeys((declared.time, *shown, *keys))))
        .join(trees.relation(_KEYS, alias="k"), on=trees.conjunction(matches))
    )
    few = exp.LTE(this=trees.column(_POSITION), expression=trees.number(SHOWN))
    first = exp.select(exp.Star()).from_(matched.subquery(exp.to_identifier("m", quoted=True))).where(few)
    return first.order_by(trees.column(_LEAD), trees.column(_POSITION))


def _rows_that_meet(spec: EvidenceRows, columns: Iterable[str]) -> exp.Expr:
    """The table's rows under the condition, with the columns that say where each was read."""
    rows = opened(fold_constants(compiled(evidence_query(spec), "evidence")[0].query.relation, 0)).tree
    selected = rows.select(*(trees.column(name) for name in (*columns, FILE_COLUMN, ROW_COLUMN)), copy=False)
    return selected.subquery(exp.to_identifier("t", quoted=True), copy=False)


def _same(name: str, declared: tables.Column | None) -> exp.Expr:
    left, right = trees.column(name, "t"), trees.column(name, "k")
    if declared and declared.type is ColumnType.STRING:
        return exp.EQ(this=left, expression=right)
    return exp.NullSafeEQ(this=left, expression=right)


def _keys(leads: Sequence[Lead], wants: Sequence[Mapping[str, Sequence[Scalar]]], spec: EvidenceRows) -> pa.Table:
    """A row for each lead, each of its spans, and each combination of the values that its columns may have.

    They go to the engine as a table: as SQL, hundreds of leads would be megabytes of text.
    """
    keys = list(wants[0])
    rows = [
        row
        for number, (lead, want) in enumerate(zip(leads, wants, strict=True))
        for row in _combinations(number, lead, [want[key] for key in keys])
    ]
    moment = ARROW_TYPES[ColumnType.DATETIME]
    kinds = [pa.int64(), moment, moment, *(_kind(spec, key) for key in keys)]
    columns = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
    return pa.table(columns, names=[_LEAD, _FIRST, _LAST, *keys])


def _kind(spec: EvidenceRows, name: str) -> pa.DataType:
    declared = tables.table(spec.table).column(name)
    return ARROW_TYPES[declared.type] if declared else pa.string()


def _combinations(number: int, lead: Lead, values: Iterable[Sequence[Scalar]]) -> Iterator[tuple[Scalar, ...]]:
    for span, *combination in product(lead.spans, *(dict.fromkeys(each) for each in values)):
        yield (number, span.first, span.last, *combination)
