"""How large a plan is when it is written out: what is shared in it counts as often as it is read."""

from dataclasses import dataclass, field

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import inputs, scalars


@dataclass(slots=True)
class Weights:
    """Weighs parts of plans, each once: a let that names another one twice doubles the whole at every step."""

    _known: dict[int, tuple[object, int]] = field(default_factory=dict)  # the parts are held: their ids stay theirs

    def of(self, part: plan.Relation | plan.Scalar) -> int:
        """The number of relations and scalars in it."""
        known = self._known.get(id(part))
        if known is None:
            known = (part, 1 + sum(map(self.of, _parts(part))))
            self._known[id(part)] = known
        return known[1]


def _parts(part: plan.Relation | plan.Scalar) -> tuple[plan.Relation | plan.Scalar, ...]:
    match part:
        case plan.Ref() | plan.Const() | plan.Now() | plan.Given():
            return ()
        case plan.Apply(arguments=arguments):
            return arguments
        case plan.ScalarQuery(relation=relation):
            return (relation,)
        case plan.InQuery(value=value, relation=relation):
            return value, relation
        case _:
            return (*inputs(part), *scalars(part))
