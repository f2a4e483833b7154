"""The rows behind the leads of a rule, found for all in one pass: how many, and the first few with their places."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from sqlglot import exp

from herdsight import tables, trees
from herdsight.findings.model import Evidence, iso
from herdsight.kql.text import condition_text, literal_text
from herdsight.leads import Lead, Scalar, wanted
from herdsight.rules.model import EvidenceRows
from herdsight.tables import FILE_COLUMN, ROW_COLUMN, ColumnType
from herdsight.telemetry import Telemetry

SHOWN = 5  # rows that a finding carries
_LEAD, _FIRST, _LAST, _COUNT, _POSITION = "#lead", "#first", "#last", "#count", "#position"


@dataclass(frozen=True, slots=True)
class Proof:
    """The evidence of one lead and how many rows there are in all."""

    evidence: Evidence
    count: int


def proofs(telemetry: Telemetry, spec: EvidenceRows, leads: Sequence[Lead]) -> tuple[Proof, ...]:
    """The proof of each lead, in the order of the leads."""
    if not leads:
        return ()
    wants = [wanted(spec, lead) for lead in leads]
    rows = telemetry.run(_query(telemetry, spec.table, leads, wants)).to_pylist()
    return tuple(
        _proof(telemetry, spec.table, lead, want, [row for row in rows if row[_LEAD] == number])
        for number, (lead, want) in enumerate(zip(leads, wants, strict=True))
    )


def _proof(
    telemetry: Telemetry,
    table: str,
    lead: Lead,
    want: Mapping[str, Sequence[Scalar]],
    rows: Sequence[dict[str, object]],
) -> Proof:
    evidence = Evidence(
        table=table, filter=_filter(table, lead, want), rows=tuple(_shown(telemetry, row) for row in rows)
    )
    return Proof(evidence, int(str(rows[0][_COUNT])) if rows else 0)


def _filter(table: str, lead: Lead, want: Mapping[str, Sequence[Scalar]]) -> str:
    time = tables.table(table).time
    span = f"{time} between ({literal_text(lead.first)} .. {literal_text(lead.last)})"
    return " and ".join((span, *(condition_text(column, values) for column, values in want.items())))


def _shown(telemetry: Telemetry, row: dict[str, object]) -> dict[str, object]:
    """What a row of evidence tells: where it stands, and every column that says something."""
    place = telemetry.locate(int(str(row[FILE_COLUMN])), int(str(row[ROW_COLUMN])))
    told = {name: value for name, value in row.items() if not name.startswith(("#", "_")) and value not in (None, "")}
    times = {name: iso(value) for name, value in told.items() if isinstance(value, datetime)}
    return {"file": place.path, "row": place.row, **told, **times}


# --- the one query --------------------------------------------------------------------------------------------------


def _query(
    telemetry: Telemetry, table: str, leads: Sequence[Lead], wants: Sequence[Mapping[str, Sequence[Scalar]]]
) -> exp.Select:
    declared = tables.table(table)
    carried = telemetry.carries(table)
    shown = [each.name for each in declared.columns if each.name in carried]
    keys = list(wants[0])
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
        .from_(trees.relation(table, alias="t"))
        .join(_keys(leads, wants, keys).subquery(exp.to_identifier("k", quoted=True)), on=trees.conjunction(matches))
    )
    few = exp.LTE(this=trees.column(_POSITION), expression=trees.number(SHOWN))
    first = exp.select(exp.Star()).from_(matched.subquery(exp.to_identifier("m", quoted=True))).where(few)
    return first.order_by(trees.column(_LEAD), trees.column(_POSITION))


def _same(name: str, declared: tables.Column | None) -> exp.Expr:
    left, right = trees.column(name, "t"), trees.column(name, "k")
    if declared and declared.type is ColumnType.STRING:
        return exp.EQ(this=left, expression=right)
    return exp.NullSafeEQ(this=left, expression=right)


def _keys(leads: Sequence[Lead], wants: Sequence[Mapping[str, Sequence[Scalar]]], keys: Sequence[str]) -> exp.Select:
    """A row for each lead and each combination of the values that its columns may have."""
    rows = [
        exp.Tuple(expressions=[trees.literal(value) for value in row])
        for number, (lead, want) in enumerate(zip(leads, wants, strict=True))
        for row in _combinations(number, lead, [want[key] for key in keys])
    ]
    names = [_LEAD, _FIRST, _LAST, *keys]
    alias = exp.TableAlias(
        this=exp.to_identifier("v", quoted=True), columns=[exp.to_identifier(name, quoted=True) for name in names]
    )
    return exp.select(*(trees.column(name) for name in names)).from_(exp.Values(expressions=rows, alias=alias))


def _combinations(number: int, lead: Lead, values: Iterable[Sequence[Scalar]]) -> Iterator[tuple[Scalar, ...]]:
    for combination in product(*(dict.fromkeys(each) for each in values)):
        yield (number, lead.first, lead.last, *combination)
