"""A plan as the stages of its pipelines: each operator as it is written, and what it made.

Binding notes which relation each operator made; a plan is made of those very objects, so that its stages are found
again in it whatever let, join or function they came through.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from herdsight.kql import plan, syntax
from herdsight.kql.binding.scope import Made
from herdsight.kql.printing import operator_text
from herdsight.kql.rewrites.walk import inputs, with_parts
from herdsight.kql.show import shown

_LONGEST = 300  # characters of an operator's text


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One stage: `inputs` are the numbers of those before it; `own` the plan's nodes that it alone has.

    `line` is that of the query's text; None for what a function of ours does, and for a table. `depth` is 0 on the way
    from the query's first table to its end, and one more on the right side of each join.
    """

    number: int
    depth: int
    line: int | None
    text: str
    relation: plan.Relation
    inputs: tuple[int, ...]
    own: tuple[plan.Relation, ...]


@dataclass(slots=True)
class _Walk:
    made: Mapping[int, Sequence[Made]]
    source: str
    whole: plan.Relation  # the last stage, whether an operator made it (as `find` makes none) or not
    stages: list[Stage] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)

    def visit(self, relation: plan.Relation, depth: int) -> int:
        """The number of the stage that makes this relation, which is walked first where it is new."""
        relation = self._top(relation)
        if id(relation) in self.seen:
            return self.seen[id(relation)]
        own = tuple(self._own(relation))
        below = tuple(part for node in own for part in inputs(node) if not any(part is each for each in own))
        numbers = tuple(self.visit(part, depth + (place > 0)) for place, part in enumerate(below))
        operators = self.made.get(id(relation), ())
        for each in operators or (None,):
            self._add(each, depth, relation, numbers, own)
            numbers, own = (len(self.stages),), ()
        self.seen[id(relation)] = len(self.stages)
        return len(self.stages)

    def _add(
        self,
        made: Made | None,
        depth: int,
        relation: plan.Relation,
        numbers: tuple[int, ...],
        own: tuple[plan.Relation, ...],
    ) -> None:
        text = _operator(made.operator) if made else _source(relation)
        line = made.text.place(made.operator.start).line if made and made.text.source == self.source else None
        self.stages.append(Stage(len(self.stages) + 1, depth, line, text, relation, numbers, own))

    def _is_stage(self, relation: plan.Relation) -> bool:
        return relation is self.whole or id(relation) in self.made or len(inputs(relation)) != 1

    def _top(self, relation: plan.Relation) -> plan.Relation:
        """The uppermost stage of a relation: what no operator made is left to the stage above it."""
        while not self._is_stage(relation):
            (relation,) = inputs(relation)
        return relation

    def _own(self, relation: plan.Relation) -> Iterator[plan.Relation]:
        yield relation
        for part in inputs(relation):
            if not self._is_stage(part):
                yield from self._own(part)


def stages_of(relation: plan.Relation, made: Iterable[Made], source: str) -> tuple[Stage, ...]:
    """The stages of a plan, inputs before what is made of them; `source` is the name of the query's text."""
    by_relation: dict[int, list[Made]] = {}
    for each in made:
        by_relation.setdefault(id(each.relation), []).append(each)
    walk = _Walk(by_relation, source, relation)
    walk.visit(relation, 0)
    return tuple(walk.stages)


def _operator(operator: syntax.Operator) -> str:
    return _shortened(" ".join(operator_text(operator).split()))


def _source(relation: plan.Relation) -> str:
    if isinstance(relation, plan.Scan):
        return relation.table
    return _shortened(shown(relation).splitlines()[0].strip())


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def is_grouped(relation: plan.Relation) -> bool:
    """Whether its rows stand for groups: something below it aggregates."""
    return isinstance(relation, plan.Aggregation | plan.SeriesTable) or any(map(is_grouped, inputs(relation)))


def filters(stage: Stage) -> tuple[plan.Filter, ...]:
    """The conditions that a stage asks, the first one first."""
    return tuple(node for node in reversed(stage.own) if isinstance(node, plan.Filter))


def rebuilt(relation: plan.Relation, changed: Mapping[int, plan.Relation]) -> plan.Relation:
    """The plan with these relations (by identity) replaced; parts without a change stay the same objects."""
    return _Rebuilding(dict(changed)).of(relation)


@dataclass(slots=True)
class _Rebuilding:
    done: dict[int, plan.Relation]

    def of(self, relation: plan.Relation) -> plan.Relation:
        if id(relation) not in self.done:
            unchanged = all(self.of(part) is part for part in inputs(relation))
            self.done[id(relation)] = relation if unchanged else with_parts(relation, self.of)
        return self.done[id(relation)]
