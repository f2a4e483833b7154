"""The interval join: an aggregation over a join by time range, rewritten so that its pairs are never made.

`L | join kind=inner R on k | where R.t between (L.t .. L.t + w) | where L.x != R.x | summarize count(), ... by k` is
quadratic as written: a busy server has billions of such pairs. Its result needs none of them. For one row the number of
its partners is a count over a range of time, less the partners whose x is its own, and both counts are window functions
over the union of the two sides. An aggregate that ignores how often a value comes (a set, a distinct count, an extreme)
needs only the rows that have a partner at all.

The rewrite takes any query of that shape: equalities, one range between two datetime columns (however it is written),
at most one inequality of strings, conditions on one side, group keys from one side, and aggregates of one side each.
Anything else is left as it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from herdsight.kql import plan
from herdsight.kql.functions import SCALARS
from herdsight.kql.rewrites.walk import conjuncts, rebuild, references, substituted
from herdsight.tables import ColumnType

# Aggregates whose value is the same however often each row comes.
_SET_LIKE = frozenset(("dcount", "make_set", "min", "max", "any", "take_any"))
_LEFT, _RIGHT = "<", ">"  # stand before a column's name while both sides are in one expression
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


def rewrite_interval_joins(relation: plan.Relation) -> plan.Relation:
    """The plan with every aggregation over a join by time range replaced by an IntervalJoin."""
    return rebuild(relation, _rewritten)


def _rewritten(relation: plan.Relation) -> plan.Relation:
    if not isinstance(relation, plan.Aggregation):
        return relation
    shape = _shape(relation)
    return (shape and _interval_join(shape, relation.fields)) or relation


# --- recognising ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shape:
    """An aggregation right above an inner join, everything between them inlined; references are marked by side."""

    join: plan.Join
    conditions: tuple[plan.Scalar, ...]
    keys: tuple[plan.Item, ...]
    measures: tuple[plan.Measure, ...]


@dataclass(frozen=True, slots=True)
class _Range:
    """`low <= right - left <= high` for two datetime columns, in microseconds; None where open."""

    left: str
    right: str
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class _Linear:
    """A sum of datetime columns, each once added or taken away, and a constant in microseconds."""

    terms: Mapping[str, int]
    offset: int

    def minus(self, other: "_Linear") -> "_Linear":
        """The difference; columns that cancel out are gone."""
        names = dict.fromkeys((*self.terms, *other.terms))
        terms = {name: self.terms.get(name, 0) - other.terms.get(name, 0) for name in names}
        return _Linear({name: factor for name, factor in terms.items() if factor}, self.offset - other.offset)


def _shape(aggregation: plan.Aggregation) -> _Shape | None:
    conditions: list[plan.Scalar] = []
    keys, measures, below = aggregation.keys, aggregation.measures, aggregation.input
    while not isinstance(below, plan.Join):
        match below:
            case plan.Filter(input=input_, condition=condition):
                conditions += conjuncts(condition)
            case plan.Projection(input=input_, items=items):
                values = {item.name: item.value for item in items}
                conditions = [substituted(condition, values) for condition in conditions]
                keys, measures = _keys_over(keys, values), _measures_over(measures, values)
            case _:
                return None
        below = input_
    if below.kind != "inner":
        return None
    sides = {
        **{item.name: _marked(_LEFT, item.value) for item in below.left_fields},
        **{item.name: _marked(_RIGHT, item.value) for item in below.right_fields},
    }
    marked = tuple(part for condition in conditions for part in conjuncts(substituted(condition, sides)))
    return _Shape(below, marked, _keys_over(keys, sides), _measures_over(measures, sides))


def _keys_over(keys: Iterable[plan.Item], values: dict[str, plan.Scalar]) -> tuple[plan.Item, ...]:
    return tuple(plan.Item(key.name, substituted(key.value, values)) for key in keys)


def _measures_over(measures: Iterable[plan.Measure], values: dict[str, plan.Scalar]) -> tuple[plan.Measure, ...]:
    return tuple(
        plan.Measure(
            measure.name,
            measure.function,
            tuple(substituted(argument, values) for argument in measure.arguments),
            measure.type,
        )
        for measure in measures
    )


def _marked(side: str, value: plan.Scalar) -> plan.Scalar:
    assert isinstance(value, plan.Ref)  # noqa: S101 a join's fields are references
    return plan.Ref(side + value.name, value.type)


def _sides(value: plan.Scalar) -> frozenset[str]:
    return frozenset(ref.name[0] for ref in references(value))


def _range(conditions: Iterable[plan.Scalar]) -> _Range | None:
    """The one closed range that all of these conditions state; None where they state no such thing."""
    parts = [part for condition in conditions for part in _bounds(condition)]
    known = [part for part in parts if part is not None]
    if not parts or len(known) < len(parts) or len({(part.left, part.right) for part in known}) > 1:
        return None
    lows = [part.low for part in known if part.low is not None]
    highs = [part.high for part in known if part.high is not None]
    if not lows or not highs or max(lows) > min(highs):
        return None
    return _Range(known[0].left, known[0].right, max(lows), min(highs))


def _bounds(condition: plan.Scalar) -> Iterator[_Range | None]:
    match condition:
        case plan.Apply(function=function, arguments=(first, second)) if function.name in _FLIPPED:
            yield _bound(function.name, first, second)
        case plan.Apply(function=function, arguments=(value, low, high)) if function.name == "between":
            yield _bound(">=", value, low)
            yield _bound("<=", value, high)
        case _:
            yield None


def _bound(operator: str, first: plan.Scalar, second: plan.Scalar) -> _Range | None:
    one, other = _linear(first), _linear(second)
    if one is None or other is None:
        return None
    difference = one.minus(other)
    by_side = {name[0]: (name[1:], factor) for name, factor in difference.terms.items()}
    if len(difference.terms) != 2 or set(by_side) != {_LEFT, _RIGHT}:  # noqa: PLR2004 one column a side
        return None
    (left, left_factor), (right, right_factor) = by_side[_LEFT], by_side[_RIGHT]
    if {left_factor, right_factor} != {1, -1}:
        return None
    # right - left + offset  or  left - right + offset, compared with 0
    limit, sign = (-difference.offset, operator) if right_factor == 1 else (difference.offset, _FLIPPED[operator])
    low = {">": limit + 1, ">=": limit, "==": limit}.get(sign)
    high = {"<": limit - 1, "<=": limit, "==": limit}.get(sign)
    return _Range(left, right, low, high)


def _linear(value: plan.Scalar) -> _Linear | None:
    match value:
        case plan.Ref(name=name, type=ColumnType.DATETIME):
            return _Linear({name: 1}, 0)
        case plan.Const(value=int() as micros, type=ColumnType.DATETIME | ColumnType.TIMESPAN):
            return _Linear({}, micros)
        case plan.Apply(function=function, arguments=(first, second)) if function.name in ("+", "-"):
            one, other = _linear(first), _linear(second)
            if one is None or other is None:
                return None
            return one.minus(other if function.name == "-" else _Linear({}, 0).minus(other))
        case _:
            return None


def _differing(condition: plan.Scalar) -> tuple[plan.Scalar, plan.Scalar] | None:
    """The left and the right side of an inequality of strings between the two."""
    match condition:
        case plan.Apply(function=function, arguments=(first, second)) if function.name == "!=":
            by_side = {_sides(value): value for value in (first, second)}
            both = by_side.get(frozenset(_LEFT)), by_side.get(frozenset(_RIGHT))
            if both[0] and both[1] and first.type is second.type is ColumnType.STRING:
                return both[0], both[1]
    return None


# --- building -------------------------------------------------------------------------------------------------------


def _interval_join(shape: _Shape, fields: tuple[plan.Field, ...]) -> plan.IntervalJoin | None:
    across = [condition for condition in shape.conditions if len(_sides(condition)) > 1]
    differences = [pair for condition in across if (pair := _differing(condition))]
    span = _range(condition for condition in across if _differing(condition) is None)
    build_side = _build_side(shape)
    if span is None or span.low is None or span.high is None or len(differences) > 1 or build_side is None:
        return None
    probe_side = _LEFT if build_side == _RIGHT else _RIGHT
    swapped = probe_side == _LEFT  # the range is stated for right - left
    maker = _Maker(shape, span, differences[0] if differences else None)
    pairs = tuple(measure for measure in shape.measures if measure.function.name == "count")
    sided = [(_side_of(measure, probe_side), measure) for measure in shape.measures if measure not in pairs]
    return plan.IntervalJoin(
        probe=maker.relation(probe_side, [measure for side, measure in sided if side == probe_side], with_keys=True),
        build=maker.relation(build_side, [measure for side, measure in sided if side == build_side], with_keys=False),
        equal=tuple(f"equal {position}" for position in range(len(shape.join.keys))),
        time="time",
        low=-span.high if swapped else span.low,
        high=-span.low if swapped else span.high,
        differ="differ" if differences else None,
        keys=tuple(
            plan.Item(key.name, plan.Ref(f"group {position}", key.value.type))
            for position, key in enumerate(shape.keys)
        ),
        pairs=pairs,
        probe_measures=tuple(maker.measure(measure) for side, measure in sided if side == probe_side),
        build_measures=tuple(maker.measure(measure) for side, measure in sided if side == build_side),
        fields=fields,
    )


def _build_side(shape: _Shape) -> str | None:
    """The side that no group key needs; None where the shape's aggregates or keys rule the rewrite out."""
    equal = {_LEFT + key.left for key in shape.join.keys} | {_RIGHT + key.right for key in shape.join.keys}
    needed = {ref.name[0] for key in shape.keys for ref in references(key.value) if ref.name not in equal}
    mixed = any(len(_sides(key.value)) > 1 for key in shape.keys)
    if mixed or len(needed) > 1 or not all(_can_measure(measure) for measure in shape.measures):
        return None
    return _RIGHT if needed == {_LEFT} else _LEFT


def _can_measure(measure: plan.Measure) -> bool:
    if measure.function.name == "count":
        return True
    sides = frozenset(side for argument in measure.arguments for side in _sides(argument))
    return measure.function.name in _SET_LIKE and len(sides) <= 1


def _side_of(measure: plan.Measure, otherwise: str) -> str:
    sides = {side for argument in measure.arguments for side in _sides(argument)}
    return sides.pop() if sides else otherwise


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the two sides of an IntervalJoin, each with the columns that it needs and no others."""

    shape: _Shape
    span: _Range
    differing: tuple[plan.Scalar, plan.Scalar] | None

    def relation(self, side: str, measures: Iterable[plan.Measure], *, with_keys: bool) -> plan.Projection:
        """One side: its equalities, its time, what must differ, its group keys, the arguments of its measures."""
        join, left = self.shape.join, side == _LEFT
        types = {field.name: field.type for field in (join.left if left else join.right).fields}
        equal = [key.left if left else key.right for key in join.keys]
        time = self.span.left if left else self.span.right
        items = [plan.Item(f"equal {position}", plan.Ref(name, types[name])) for position, name in enumerate(equal)]
        items.append(plan.Item("time", plan.Ref(time, ColumnType.DATETIME)))
        if self.differing:
            items.append(plan.Item("differ", _unmarked(self.differing[0 if left else 1])))
        if with_keys:
            items += [
                plan.Item(f"group {position}", _unmarked(self._on_side(key.value, side)))
                for position, key in enumerate(self.shape.keys)
            ]
        items += [
            plan.Item(f"value {self.shape.measures.index(measure)}", _unmarked(measure.arguments[0]))
            for measure in measures
        ]
        return plan.Projection(self._rows(side, [*equal, time], types), tuple(items))

    def measure(self, measure: plan.Measure) -> plan.Measure:
        """The measure over the side's own column."""
        first = plan.Ref(f"value {self.shape.measures.index(measure)}", measure.arguments[0].type)
        return plan.Measure(measure.name, measure.function, (first, *measure.arguments[1:]), measure.type)

    def _rows(self, side: str, needed: Iterable[str], types: Mapping[str, ColumnType]) -> plan.Relation:
        """The side's rows under its own conditions; a row without a key or a time has no partner."""
        relation = self.shape.join.left if side == _LEFT else self.shape.join.right
        for condition in self.shape.conditions:
            if _sides(condition) == {side}:
                relation = plan.Filter(relation, _unmarked(condition))
        for name in needed:
            if types[name] is not ColumnType.STRING:
                there = plan.Apply(SCALARS["isnotnull"][0], (plan.Ref(name, types[name]),), ColumnType.BOOL)
                relation = plan.Filter(relation, there)
        return relation

    def _on_side(self, value: plan.Scalar, side: str) -> plan.Scalar:
        """A group key over that side's columns: the two columns of an equality are the same."""
        values: dict[str, plan.Scalar] = {}
        pairs = {_LEFT + key.left: _RIGHT + key.right for key in self.shape.join.keys}
        pairs |= {right: left for left, right in pairs.items()}
        for ref in references(value):
            values[ref.name] = ref if ref.name[0] == side else plan.Ref(pairs[ref.name], ref.type)
        return substituted(value, values)


def _unmarked(value: plan.Scalar) -> plan.Scalar:
    return substituted(value, {ref.name: plan.Ref(ref.name[1:], ref.type) for ref in references(value)})
