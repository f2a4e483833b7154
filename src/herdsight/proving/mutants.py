"""Small changes of a rule's plan, each of which its cases should notice: a threshold moved, a condition left out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import conjuncts, rebuild, relations
from herdsight.kql.show import value_text
from herdsight.tables import ColumnType

_ORDERS = {"<", "<=", ">", ">="}
_SHARE = 0.05  # by which a threshold is moved that is no whole number


@dataclass(frozen=True, slots=True)
class Mutant:
    """A changed plan, and what was changed."""

    said: str
    relation: plan.Relation


def mutants(relation: plan.Relation) -> Iterator[Mutant]:
    """Every plan with one condition of a filter left out, or one threshold in it moved by a step either way.

    A whole number is moved by one, other numbers and timespans by a twentieth. What bounds the time of events is left
    alone: the schedule does that, too.
    """
    for part in _filters(relation):
        conditions = tuple(conjuncts(part.condition))
        for place, condition in enumerate(conditions):
            if _is_of_time(condition):
                continue
            yield Mutant(f"without {value_text(condition)}", _with(relation, part, conditions, place, None))
            for changed in _moved(condition):
                said = f"{value_text(changed)} in place of {value_text(condition)}"
                yield Mutant(said, _with(relation, part, conditions, place, changed))


def _filters(relation: plan.Relation) -> list[plan.Filter]:
    """The filters of a plan, each once; a constant in one may be an array, which no set can hold."""
    found: list[plan.Filter] = []
    for each in relations(relation):
        if isinstance(each, plan.Filter) and each not in found:
            found.append(each)
    return found


def _with(
    relation: plan.Relation, part: plan.Filter, conditions: tuple[plan.Scalar, ...], place: int, new: plan.Scalar | None
) -> plan.Relation:
    """The plan with another condition, or none, at a place of a filter."""
    others = [*conditions[:place], *([new] if new else []), *conditions[place + 1 :]]
    changed: plan.Relation = part.input
    for condition in others:
        changed = plan.Filter(changed, condition)
    return rebuild(relation, lambda each: changed if each == part else each)


def _is_of_time(condition: plan.Scalar) -> bool:
    """Whether a condition compares a time with the query's own."""
    match condition:
        case plan.Now():
            return True
        case plan.Apply(arguments=arguments):
            return any(map(_is_of_time, arguments))
        case _:
            return False


def _moved(value: plan.Scalar) -> Iterator[plan.Scalar]:
    """The condition with one threshold moved, once for each way."""
    if not isinstance(value, plan.Apply):
        return
    for place, argument in enumerate(value.arguments):
        new = _steps(argument) if value.function.name in _ORDERS else _moved(argument)
        for each in new:
            yield replace(value, arguments=(*value.arguments[:place], each, *value.arguments[place + 1 :]))


def _steps(value: plan.Scalar) -> Iterator[plan.Scalar]:
    """A constant a step up and a step down."""
    if not isinstance(value, plan.Const) or isinstance(value.value, bool) or not isinstance(value.value, int | float):
        return
    change = _CHANGES.get(value.type)
    if change is not None:
        yield from (replace(value, value=change(value.value, way)) for way in (1, -1))


_CHANGES: dict[ColumnType, Callable[[float, int], int | float]] = {
    ColumnType.INT: lambda value, way: int(value) + way,
    ColumnType.LONG: lambda value, way: int(value) + way,
    ColumnType.REAL: lambda value, way: value * (1 + way * _SHARE),
    ColumnType.TIMESPAN: lambda value, way: round(value * (1 + way * _SHARE)),
}
