"""Candidate groups: the rows of a summarize or join, each with every later condition's value, limit and distance.

What stands above the groups is put together again without its filters: each condition becomes columns (whether it
holds, what it looked at, what it was measured by), so that one query tells them for all groups at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from herdsight.explaining.asking import Asker, Row, how_many_hold
from herdsight.explaining.conditions import Condition, Distance, conditions_of, distance, words
from herdsight.explaining.stages import Stage, filters, is_grouped
from herdsight.kql import plan
from herdsight.tables import ColumnType

_MOST_READ = 300  # groups with most conditions met, of which the nearest are chosen
_MOST_NAMED = 6  # columns that name a group


@dataclass(frozen=True, slots=True)
class Segment:
    """A stage whose rows are groups, and the stages above it that keep, drop or extend rows one by one."""

    base: Stage
    above: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition of a stage."""

    stage: Stage
    condition: Condition


@dataclass(frozen=True, slots=True)
class Met:
    """A condition for one group."""

    asked: Asked
    value: str
    holds: bool
    distance: Distance | None


@dataclass(frozen=True, slots=True)
class Group:
    """A candidate: what names it, and its conditions."""

    name: str
    conditions: tuple[Met, ...]

    @property
    def rank(self) -> tuple[int, float]:
        """The nearer, the less: conditions not met, then how far these are in all."""
        missed = [each.distance for each in self.conditions if each.distance]
        return len(missed), sum(each.rank for each in missed)


def segments(stages: Sequence[Stage]) -> Iterator[Segment]:
    """The parts of a pipeline in which conditions are asked of groups."""
    for base in stages:
        if not _is_plain(base) and is_grouped(base.relation):
            above = tuple(_above(base, stages))
            if any(filters(stage) for stage in above):
                yield Segment(base, above)


def _above(base: Stage, stages: Sequence[Stage]) -> Iterator[Stage]:
    """The stages that follow one after the other, as long as each works row by row."""
    number = base.number
    while following := [each for each in stages if each.inputs == (number,)]:
        if len(following) > 1 or not _is_plain(following[0]):
            return
        yield following[0]
        number = following[0].number


def _is_plain(stage: Stage) -> bool:
    plain = (plan.Filter, plan.Projection, plan.Sorted, plan.Limit, plan.Shared)
    return bool(stage.inputs) and all(isinstance(node, plain) for node in stage.own)


def candidates(  # noqa: PLR0913 the logs, the groups, whom they are of, and how much to tell
    asker: Asker,
    segment: Segment,
    base: plan.Relation,
    host: plan.Scalar | None,
    *,
    entities: frozenset[str],
    most: int,
) -> tuple[Group, ...]:
    """The groups of a segment that come nearest to meeting all its conditions, the nearest first.

    `base`: the groups' relation. `host`: which of them are asked about; None: all.
    """
    layers = _Layers(plan.Filter(base, host) if host is not None else base, asker.now, _naming(base, entities))
    for stage in segment.above:
        layers.add(stage)
    if not layers.asked:
        return ()
    met = plan.SortKey(how_many_hold([f"#holds {number}" for number in range(len(layers.asked))]), True, False)
    nearest = plan.Limit(plan.Sorted(layers.relation, (met,)), _MOST_READ)
    found = [layers.group(row) for row in asker.rows(nearest)]
    return tuple(sorted(found, key=lambda group: group.rank)[:most])


def _naming(base: plan.Relation, entities: frozenset[str]) -> tuple[str, ...]:
    """The columns that name a group: its keys, or what the rule calls its entities, or the first few."""
    if isinstance(base, plan.Aggregation):
        return tuple(key.name for key in base.keys)
    named = [each.name for each in base.fields if each.name in entities]
    plain = [each.name for each in base.fields if each.type in (ColumnType.STRING, ColumnType.INT, ColumnType.LONG)]
    return tuple(named or plain)[:_MOST_NAMED]


class _Layers:
    """The relation as it grows, stage by stage, and what its columns stand for."""

    def __init__(self, base: plan.Relation, now: int, naming: Sequence[str]) -> None:
        types = {each.name: each.type for each in base.fields}
        self.now = now
        self.naming = naming
        self.asked: list[Asked] = []
        named = (plan.Item(f"#name {number}", plan.Ref(name, types[name])) for number, name in enumerate(naming))
        self.relation: plan.Relation = plan.Projection(base, (*_kept(base), *named))

    def add(self, stage: Stage) -> None:
        """What a stage does, its conditions as columns."""
        for node in reversed(stage.own):
            if isinstance(node, plan.Projection):
                hidden = [each for each in _kept(self.relation) if each.name.startswith(_OURS)]
                own = [each for each in node.items if not each.name.startswith(_OURS)]
                self.relation = replace(node, input=self.relation, items=(*own, *hidden))
            elif isinstance(node, plan.Filter):
                self._ask(stage, node)

    def _ask(self, stage: Stage, node: plan.Filter) -> None:
        items: list[plan.Item] = []
        for condition in conditions_of(node.condition, self.now):
            number = len(self.asked)
            items.append(plan.Item(f"#holds {number}", condition.whole))
            items += (plan.Item(f"#seen {number} {n}", each) for n, each in enumerate(condition.seen))
            items += (plan.Item(f"#limit {number} {n}", each) for n, each in enumerate(condition.limits))
            self.asked.append(Asked(stage, condition))
        self.relation = plan.Projection(self.relation, (*_kept(self.relation), *items))

    def group(self, row: Row) -> Group:
        """A row as a candidate."""
        name = ", ".join(f"{name}={words(row[f'#name {n}']).strip(chr(34))}" for n, name in enumerate(self.naming))
        return Group(name, tuple(self._met(row, number, asked) for number, asked in enumerate(self.asked)))

    def _met(self, row: Row, number: int, asked: Asked) -> Met:
        condition, holds = asked.condition, row[f"#holds {number}"] is True
        seen = [row[f"#seen {number} {n}"] for n in range(len(condition.seen))]
        limits = [row[f"#limit {number} {n}"] for n in range(len(condition.limits))]
        value = words(seen[0]) if condition.value is not None else _several(condition, seen)
        first = seen[0] if condition.value is not None else None
        return Met(asked, value, holds, None if holds else distance(condition, first, limits, whole_words=value))


_OURS = ("#holds ", "#seen ", "#limit ", "#name ")


def _several(condition: Condition, seen: Sequence[object]) -> str:
    names = (each.name for each in condition.seen if isinstance(each, plan.Ref))
    return ", ".join(f"{name}={words(value)}" for name, value in zip(names, seen, strict=True))


def _kept(relation: plan.Relation) -> list[plan.Item]:
    return [plan.Item(each.name, plan.Ref(each.name, each.type)) for each in relation.fields]
