"""Which runs of a rule to follow: those that see different rows of a host."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from herdsight.explaining.hosts import DEVICES, Seeds
from herdsight.hunting.schedule import Run, runs_over
from herdsight.kql import plan
from herdsight.kql.rewrites.walk import scans
from herdsight.kql.text import literal_text, name_text
from herdsight.querying import compiled, run
from herdsight.rules.model import Rule
from herdsight.tables import ColumnType
from herdsight.telemetry import Span, Telemetry

MOST_COMPARED = 24  # runs that are followed in full: a day of hourly ones


@dataclass(frozen=True, slots=True)
class Chosen:
    """The runs that are followed, those with most rows first, and how many runs there are in all."""

    runs: tuple[Run, ...]
    all: int


@dataclass(frozen=True, slots=True)
class _Bin:
    span: Span
    rows: int


def chosen(telemetry: Telemetry, relation: plan.Relation, rule: Rule, host: str | None, seeds: Seeds) -> Chosen:
    """The runs that see rows of the host (None: any rows); of those that see the same rows, the first."""
    bins = sorted(_bins(telemetry, relation, host, seeds), key=lambda each: each.span.first)
    every = runs_over(telemetry.now, (each.span for each in bins), rule)
    distinct: dict[_Sight, Run] = {}
    for each in every:
        distinct.setdefault(_sight(each, bins), each)
    weighed = sorted(distinct, key=lambda sight: -sight.rows)
    return Chosen(tuple(distinct[sight] for sight in weighed[:MOST_COMPARED]), len(every))


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a run sees: runs with equal sights see the same rows. `cut`: the run, where it sees part of a bin."""

    bins: tuple[int, ...]
    cut: Run | None
    rows: float


def _sight(each: Run, bins: Sequence[_Bin]) -> _Sight:
    whole: list[int] = []
    cut: list[int] = []
    for number, one in enumerate(bins):
        first, last = one.span.first, one.span.last
        if first > each.since and last <= each.until:
            whole.append(number)
        elif last > each.since and first <= each.until:
            cut.append(number)
    rows = sum(bins[number].rows for number in whole) + sum(bins[number].rows for number in cut) / 2
    return _Sight((whole[0], whole[-1]) if whole else (), each if cut else None, rows)


def _bins(telemetry: Telemetry, relation: plan.Relation, host: str | None, seeds: Seeds) -> Iterator[_Bin]:
    """Stretches of five minutes in which a table that the plan reads has rows of the host."""
    for scan in _tables(relation):
        if host is not None and not seeds.get(scan.table):
            continue
        asked = f"{scan.table} {_of_host(host, seeds.get(scan.table, ()))}"
        kql = f"{asked} | summarize n = count(), a = min({scan.time}), z = max({scan.time}) by bin({scan.time}, 5m)"
        for row in run(telemetry, compiled(kql, "runs")[0].query.relation).to_pylist():
            if row["a"] is not None:
                yield _Bin(Span(row["a"], row["z"]), row["n"])


def _tables(relation: plan.Relation) -> Iterable[plan.Scan]:
    return {scan.table: scan for scan in scans(relation) if scan.time}.values()


def _of_host(host: str | None, columns: Iterable[str]) -> str:
    if host is None:
        return ""
    return "| where " + " or ".join(f"{name_text(name)} =~ {literal_text(host)}" for name in sorted(columns))


def seeds_of(telemetry: Telemetry, relation: plan.Relation, host: str, own: Seeds) -> Seeds:
    """The columns of the tables that the host is known by.

    Those that the rule's host column is made of (`own`), where the host is in one of them; else all columns that name
    a device and have the host.
    """
    found = _having(telemetry, relation, host, own)
    return found or _having(telemetry, relation, host, {})


def _having(telemetry: Telemetry, relation: plan.Relation, host: str, own: Seeds) -> Seeds:
    found = {}
    for scan in _tables(relation):
        types = {each.name: each.type for each in scan.fields}
        wanted = own.get(scan.table, frozenset()) if own else DEVICES & types.keys()
        names = sorted(name for name in wanted if types[name] is ColumnType.STRING)
        if names and (having := _columns_with(telemetry, scan.table, names, host)):
            found[scan.table] = frozenset(having)
    return found


def _columns_with(telemetry: Telemetry, table: str, names: Sequence[str], host: str) -> list[str]:
    counts = ", ".join(f"c{n} = countif({name_text(name)} =~ {literal_text(host)})" for n, name in enumerate(names))
    [row] = run(telemetry, compiled(f"{table} | summarize {counts}", "hosts")[0].query.relation).to_pylist()
    return [name for n, name in enumerate(names) if row[f"c{n}"]]


_MOST_HOSTS = 2_000  # among which the one that was meant is looked for


def hosts_of(telemetry: Telemetry, relation: plan.Relation, own: Seeds) -> list[str]:
    """Some hosts that the logs have, in the columns that a host is known by."""
    found: dict[str, None] = {}
    for scan in _tables(relation):
        for name in sorted(own.get(scan.table, ()) if own else DEVICES & {each.name for each in scan.fields}):
            kql = f"{scan.table} | distinct {name_text(name)} | take {_MOST_HOSTS}"
            rows = run(telemetry, compiled(kql, "hosts")[0].query.relation).to_pylist()
            found |= {str(value): None for row in rows for value in row.values() if value}
    return list(found)
