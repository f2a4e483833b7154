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
    """A changed plan, and what was changed. `is_looser`: where the filter lies plainly, it lets more rows by."""

    said: str
    relation: plan.Relation
    is_looser: bool


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
            yield Mutant(f"without {value_text(condition)}", _with(relation, part, conditions, place, None), True)
            for moved in _moved(condition):
                said = f"{value_text(moved.value)} in place of {value_text(condition)}"
                yield Mutant(said, _with(relation, part, conditions, place, moved.value), moved.is_looser)


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


@dataclass(frozen=True, slots=True)
class _Moved:
    """A condition with one threshold moved, and whether it is met by more values now."""

    value: plan.Scalar
    is_looser: bool


def _moved(value: plan.Scalar) -> Iterator[_Moved]:
    """The condition with one threshold moved, once for each way."""
    if not isinstance(value, plan.Apply):
        return
    for place, argument in enumerate(value.arguments):
        for each in _stepped(value, place, argument):
            yield replace(each, value=_put(value, place, each.value))


def _put(value: plan.Apply, place: int, new: plan.Scalar) -> plan.Apply:
    return replace(value, arguments=(*value.arguments[:place], new, *value.arguments[place + 1 :]))


def _stepped(value: plan.Apply, place: int, argument: plan.Scalar) -> Iterator[_Moved]:
    """What may stand in place of an argument."""
    name = value.function.name
    if name not in _ORDERS:
        yield from (replace(each, is_looser=each.is_looser != (name == "not")) for each in _moved(argument))
        return
    is_least = (name in (">", ">=")) == (place == 1)  # the argument is the least that the other side may be
    yield from (_Moved(_step(argument, way), (way < 0) == is_least) for way in _ways(argument))


def _ways(value: plan.Scalar) -> tuple[int, ...]:
    """A step up and a step down, for a constant that has steps."""
    if not isinstance(value, plan.Const) or isinstance(value.value, bool) or not isinstance(value.value, int | float):
        return ()
    return (1, -1) if value.type in _CHANGES else ()


def _step(value: plan.Scalar, way: int) -> plan.Scalar:
    assert isinstance(value, plan.Const)  # noqa: S101 - see _ways
    assert isinstance(value.value, int | float)  # noqa: S101
    return replace(value, value=_CHANGES[value.type](value.value, way))


_CHANGES: dict[ColumnType, Callable[[float, int], int | float]] = {
    ColumnType.INT: lambda value, way: int(value) + way,
    ColumnType.LONG: lambda value, way: int(value) + way,
    ColumnType.REAL: lambda value, way: value * (1 + way * _SHARE),
    ColumnType.TIMESPAN: lambda value, way: round(value * (1 + way * _SHARE)),
}
