"""One run followed from stage to stage: how many rows are left, what stopped them, and how far groups came."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from herdsight.explaining.asking import Asker, Row, all_of, counted, numbered, too_wide
from herdsight.explaining.conditions import Condition, conditions_of, words
from herdsight.explaining.groups import Group, Segment, candidates, segments
from herdsight.explaining.hosts import Seeds, condition, host_columns
from herdsight.explaining.stages import Stage, filters, is_grouped, rebuilt
from herdsight.kql import plan
from herdsight.kql.functions import AGGREGATES, SCALARS
from herdsight.kql.rewrites.walk import inputs
from herdsight.tables import ColumnType

_SHOWN_VALUES = 3  # of what rows had where a condition wanted something else


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked about: a host (None: all), by which columns of the tables it is known, and how much to tell."""

    host: str | None
    seeds: Seeds
    entities: frozenset[str] = frozenset()
    most: int = 5


@dataclass(frozen=True, slots=True)
class RowTest:
    """A condition of a stage at which all rows vanish: how many there were, how many met it, what they had.

    `left_out`: what follows is told as if it had not been asked.
    """

    stage: Stage
    condition: Condition
    rows: int
    met: int
    had: tuple[str, ...]
    left_out: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of a stage: in all, and of the host; None where they were not counted or the host cannot be told."""

    rows: int | None
    host: int | None


@dataclass(slots=True)
class Followed:
    """What came of a run, by stage number; groups by the number of the stage that has them."""

    counts: Mapping[int, Counts]
    tests: list[RowTest] = field(default_factory=list)
    groups: dict[int, tuple[Group, ...]] = field(default_factory=dict)
    relaxed: set[int] = field(default_factory=set)  # stages whose groups are those that would have been

    @property
    def stopped(self) -> int | None:
        """The number of the first stage at which rows vanished."""
        return self.tests[0].stage.number if self.tests else None

    @property
    def rank(self) -> tuple[int, float]:
        """The nearer to the end, the less: conditions not met, then how far the nearest groups are."""
        best = [groups[0].rank for groups in self.groups.values() if groups]
        missed = sum(each.met == 0 for each in self.tests if not is_grouped(each.stage.relation))
        return missed + sum(each[0] for each in best), sum(each[1] for each in best)


def follow(asker: Asker, stages: Sequence[Stage], asking: Asking) -> Followed:
    """Follow one run: counts of all stages, then conditions where rows vanish, then groups."""
    wide = _wide(asker, stages)
    followed = Followed(count(asker, stages, asking, wide))
    changed: dict[int, plan.Relation] = {}
    left = {number: _left(counts, asking) for number, counts in followed.counts.items()}
    for stage in stages:
        if changed:
            left[stage.number] = _recounted(asker, stage, asking, changed, wide)
        if _vanished(stage, left) and filters(stage):
            tests = list(_tests(asker, stage, asking, changed))
            followed.tests += tests
            _relax(stage, tests, changed, asker.now)
            left[stage.number] = _recounted(asker, stage, asking, changed, wide)
    for segment in segments(stages):
        _candidates(asker, segment, asking, changed, followed)
    return followed


def _candidates(
    asker: Asker, segment: Segment, asking: Asking, changed: Mapping[int, plan.Relation], followed: Followed
) -> None:
    base = rebuilt(segment.base.relation, changed)
    host = _host(segment.base.relation, asking)
    if asking.host is not None and host is None:
        return
    followed.groups[segment.base.number] = candidates(
        asker, segment, base, host, entities=asking.entities, most=asking.most
    )
    if base is not segment.base.relation:
        followed.relaxed.add(segment.base.number)


def count(asker: Asker, stages: Sequence[Stage], asking: Asking, wide: set[int]) -> dict[int, Counts]:
    """The rows of every stage, in one query."""
    able = [each for each in stages if not _reads(each.relation, wide)]
    parts = []
    for stage in able:
        host = _host(stage.relation, asking)
        parts.append((stage.number, counted(stage.relation, [host] if host is not None else [_none()])))
    found = {int(str(row["number"])): row for row in asker.rows(numbered(parts))} if parts else {}
    return {stage.number: _counts(stage, found.get(stage.number), asking) for stage in stages}


def _none() -> plan.Scalar:
    return plan.Const(False, ColumnType.BOOL)


def _counts(stage: Stage, row: Row | None, asking: Asking) -> Counts:
    if row is None:
        return Counts(None, None)
    known = _host(stage.relation, asking) is not None
    return Counts(int(str(row["rows"])), int(str(row["met 0"])) if known else None)


def _host(relation: plan.Relation, asking: Asking) -> plan.Scalar | None:
    if asking.host is None:
        return None
    columns = host_columns(relation, asking.seeds)
    return condition(columns, asking.host) if columns else None


def _left(counts: Counts, asking: Asking) -> int | None:
    return counts.rows if asking.host is None else counts.host


def _vanished(stage: Stage, left: Mapping[int, int | None]) -> bool:
    before = [left[number] for number in stage.inputs]
    return left[stage.number] == 0 and any(before)


def _wide(asker: Asker, stages: Sequence[Stage]) -> set[int]:
    joins = {id(node): node for stage in stages for node in stage.own if isinstance(node, plan.Join)}
    return too_wide(asker, list(joins.values()))


def _reads(relation: plan.Relation, wide: set[int]) -> bool:
    """Whether its rows are those of a join with too many pairs, which only an aggregation comes to terms with."""
    if id(relation) in wide:
        return True
    if isinstance(relation, plan.Aggregation):
        return False
    return any(_reads(part, wide) for part in inputs(relation))


def _recounted(
    asker: Asker, stage: Stage, asking: Asking, changed: Mapping[int, plan.Relation], wide: set[int]
) -> int | None:
    host = _host(stage.relation, asking)
    if (asking.host is not None and host is None) or _reads(stage.relation, wide):
        return None
    [row] = asker.rows(counted(rebuilt(stage.relation, changed), [host] if host is not None else []))
    return int(str(row["rows" if host is None else "met 0"]))


def _tests(asker: Asker, stage: Stage, asking: Asking, changed: Mapping[int, plan.Relation]) -> Iterator[RowTest]:
    """The conditions of a stage at which all rows vanish, one by one."""
    below, host = dict(changed), _host(stage.relation, asking)
    for node in filters(stage):
        conditions = conditions_of(node.condition, asker.now)
        before = rebuilt(node.input, below)
        before = plan.Filter(before, host) if host is not None else before
        [row] = asker.rows(_looked_at(before, conditions))
        tests = [_test(stage, each, row, number) for number, each in enumerate(conditions)]
        yield from _left_out(asker, before, tests)
        below[id(node)] = rebuilt(node.input, below)


def _looked_at(before: plan.Relation, conditions: Sequence[Condition]) -> plan.Aggregation:
    whole = counted(before, [each.whole for each in conditions])
    (text,) = SCALARS["tostring"]
    seen = [
        plan.Measure(
            f"had {number} {place}",
            AGGREGATES["make_set"],
            (plan.Apply(text, (value,), ColumnType.STRING), plan.Const(_SHOWN_VALUES + 1, ColumnType.LONG)),
            ColumnType.DYNAMIC,
        )
        for number, each in enumerate(conditions)
        for place, value in enumerate(each.seen)
    ]
    return plan.Aggregation(whole.input, (), (*whole.measures, *seen))


def _test(stage: Stage, each: Condition, row: Row, number: int) -> RowTest:
    had: list[str] = []
    for place, value in enumerate(each.seen):
        values = [str(part) for part in json.loads(str(row[f"had {number} {place}"] or "[]"))]
        name = f"{value.name}=" if each.value is None and isinstance(value, plan.Ref) else ""
        had += [name + _worded(part, value) for part in values[:_SHOWN_VALUES]]
        had += ["..."] if len(values) > _SHOWN_VALUES else []
    return RowTest(stage, each, int(str(row["rows"])), int(str(row[f"met {number}"])), tuple(had), False)


def _worded(text: str, value: plan.Scalar) -> str:
    return words(text) if value.type is ColumnType.STRING else text


def _left_out(asker: Asker, before: plan.Relation, tests: Sequence[RowTest]) -> Iterator[RowTest]:
    """Which conditions to leave out so that rows are left: those that none meets, then those that fewest meet.

    Of those that equally few meet the last goes first.
    """
    order = sorted(range(len(tests)), key=lambda number: (tests[number].met, -number))
    out = {number for number in order if tests[number].met == 0}
    for number in order:
        asked = [each.condition.whole for place, each in enumerate(tests) if place not in out]
        [row] = asker.rows(counted(plan.Filter(before, all_of(asked)), []))
        if row["rows"] != 0:
            break
        out.add(number)
    for number, test in enumerate(tests):
        yield RowTest(test.stage, test.condition, test.rows, test.met, test.had, number in out)


def _relax(stage: Stage, tests: Sequence[RowTest], changed: dict[int, plan.Relation], now: int) -> None:
    """Put the stage's filters without what is left out in place of them."""
    out = [each.condition.whole for each in tests if each.left_out]
    for node in filters(stage):
        kept = [each.whole for each in conditions_of(node.condition, now) if each.whole not in out]
        below = rebuilt(node.input, changed)
        changed[id(node)] = plan.Filter(below, all_of(kept)) if kept else below
