"""Conditions behind `join kind=innerunique` that ask for its left side only, moved to before the join.

It keeps one row a key of its left side, and Kusto asks such conditions before it chooses: a row that meets them is
found if there is one, not only if it happens to be the one that was kept.
"""

from collections.abc import Iterable
from dataclasses import replace

from herdsight.kql import plan
from herdsight.kql.functions import SCALARS
from herdsight.kql.rewrites.steady import is_steady
from herdsight.kql.rewrites.walk import conjuncts, references, substituted
from herdsight.tables import ColumnType

# The joins whose left rows come out as they are or not at all, so that it is one to ask before or after.
_LEFT_KEPT = ("inner", "innerunique", "leftouter", "leftsemi", "leftanti")
# So many operators are looked through, lest the time grow with the square of a query's length.
_FAR = 32


def asked_before_unique(relation: plan.Relation) -> plan.Relation:
    """The relation; a filter has its conditions on the left side of an innerunique join asked of that side."""
    if not isinstance(relation, plan.Filter) or not _over_unique(relation.input):
        return relation
    below: plan.Relation = relation.input
    kept: list[plan.Scalar] = []
    for condition in conjuncts(relation.condition):
        asked = _asked(condition, below) if is_steady(condition) else None
        if asked:
            below = asked
        else:
            kept.append(condition)
    if below is relation.input:
        return relation
    return plan.Filter(below, _all_of(kept)) if kept else below


def _over_unique(below: plan.Relation) -> bool:
    """Whether there is an innerunique join near that conditions might be moved to: most queries have none."""
    for _ in range(_FAR):
        match below:
            case plan.Join(kind="innerunique"):
                return True
            case plan.Join(kind=kind, left=left) if kind in _LEFT_KEPT:
                below = left
            case plan.Projection(input=source) | plan.Filter(input=source):
                below = source
            case _:
                return False
    return False


def _asked(condition: plan.Scalar, below: plan.Relation) -> plan.Relation | None:
    """The relation with the condition asked below its innerunique join; None where it has none or cannot be."""
    match below:
        case plan.Join(kind=kind, left=left, left_fields=items) if kind in _LEFT_KEPT:
            inner = _inside(condition, items)
            asked = inner and (_asked(inner, left) or (plan.Filter(left, inner) if kind == "innerunique" else None))
            return replace(below, left=asked) if asked else None
        case plan.Projection(input=source, items=items):
            inner = _inside(condition, items)
            asked = inner and _asked(inner, source)
            return replace(below, input=asked) if asked else None
        case plan.Filter(input=source):
            asked = _asked(condition, source)
            return replace(below, input=asked) if asked else None
        case _:
            return None


def _inside(condition: plan.Scalar, items: Iterable[plan.Item]) -> plan.Scalar | None:
    """The condition in terms of what the items are made of, where it reads these columns only, and at least one."""
    values = {item.name: item.value for item in items if is_steady(item.value)}
    read = {ref.name for ref in references(condition)}
    return substituted(condition, values) if read and read <= values.keys() else None


def _all_of(conditions: list[plan.Scalar]) -> plan.Scalar:
    if not conditions[1:]:
        return conditions[0]
    half = len(conditions) // 2  # a flat tree: people write hundreds of conditions
    return plan.Apply(SCALARS["and"][0], (_all_of(conditions[:half]), _all_of(conditions[half:])), ColumnType.BOOL)
