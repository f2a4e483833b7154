"""Whether a plan can have rows at all, given which tables have some."""

from collections.abc import Container

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import inputs

_BOTH = ("inner", "innerunique", "leftsemi", "rightsemi")
_RIGHT = ("rightouter", "rightanti")


def can_have_rows(relation: plan.Relation, filled: Container[str]) -> bool:
    """Whether what the plan reads can give rows: of a union one part is enough, of most joins both sides are needed."""
    match relation:
        case plan.Scan(table=table, time=time):
            return not time or table in filled  # a watchlist has rows of its own
        case plan.Rows(rows=rows):
            return bool(rows)  # a watchlist that was not given has none
        case plan.Union(parts=parts):
            return any(can_have_rows(part, filled) for part in parts)
        case plan.Join(kind=kind, left=left, right=right):
            return _joined(kind, can_have_rows(left, filled), can_have_rows(right, filled))
        case plan.NetworkJoin(left=left, right=right, unmatched=unmatched):
            return can_have_rows(left, filled) and (unmatched or can_have_rows(right, filled))
        case _:
            return all(can_have_rows(part, filled) for part in inputs(relation))


def _joined(kind: str, left: bool, right: bool) -> bool:
    if kind in _BOTH:
        return left and right
    if kind == "fullouter":
        return left or right
    return right if kind in _RIGHT else left
