"""A plan read the way Sigma sees a query: conditions on rows, one grouping of these, and thresholds of what it counts.

It is read from the log upwards. What Sigma has no place for is kept as a loss, in the words of the plan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from herdsight.kql import plan
from herdsight.kql.rewrites.walk import conjuncts, references, substituted
from herdsight.kql.show import shown, value_text

Counted: TypeAlias = Literal["event_count", "value_count", "value_sum", "value_avg", "value_percentile"]
_COUNTED: Mapping[str, Counted] = {
    "count": "event_count",
    "dcount": "value_count",
    "sum": "value_sum",
    "avg": "value_avg",
    "percentile": "value_percentile",
}


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition over rows or groups, and its text as the query has it."""

    text: str
    condition: plan.Scalar


@dataclass(frozen=True, slots=True)
class Missing:
    """A clause that the form does not have, and what becomes of it."""

    clause: str
    lost: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure that Sigma has: of what kind, of which value of a row, which percentile."""

    kind: Counted
    value: plan.Scalar | None = None
    percentile: int | None = None


@dataclass(frozen=True, slots=True)
class Grouping:
    """What rows are grouped by, name by name, and those of its measures that Sigma has."""

    keys: Mapping[str, plan.Scalar]
    measures: Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class Followed:
    """Rows of a log that follow those of another, or of the same, on equal columns; `within`: microseconds."""

    rows: "Reading"
    keys: tuple[plan.KeyPair, ...]
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """As much of a plan as lies below a node.

    `columns` has the node's columns as scalars over those of the log; above the grouping, over its keys and measures.
    A column that is neither has a name that begins with `#`. `lookback` is in microseconds.
    """

    table: str
    time: str
    columns: Mapping[str, plan.Scalar]
    conditions: tuple[Clause, ...] = ()
    lookback: int | None = None
    grouping: Grouping | None = None
    thresholds: tuple[Clause, ...] = ()
    followed: Followed | None = None
    missing: tuple[Missing, ...] = field(default_factory=tuple)


def read(relation: plan.Relation) -> Reading | None:
    """What a plan with its constants folded and now() at 0 asks; None where it does not begin at one table of logs."""
    match relation:
        case plan.Scan(table=table, time=time, fields=fields):
            return Reading(table, time, {each.name: plan.Ref(each.name, each.type) for each in fields})
        case plan.Shared(input=below) | plan.Sorted(input=below):
            return read(below)
        case plan.Filter(input=below, condition=condition):
            return _on(read(below), lambda found: _filtered(found, condition))
        case plan.Projection(input=below, items=items):
            return _on(read(below), lambda found: _projected(found, items))
        case plan.Aggregation(input=below):
            return _on(read(below), lambda found: _grouped(found, relation))
        case plan.Join(left=left):
            return _on(read(left), lambda found: _joined(found, relation))
        case plan.NetworkJoin(left=below) | plan.IntervalJoin(probe=below):
            return _on(read(below), lambda found: _without(found, relation))
        case plan.Union() | plan.Rows() | plan.Series() | plan.External():
            return None
        case _:
            return _on(read(relation.input), lambda found: _without(found, relation))


def _on(found: Reading | None, step: Callable[[Reading], Reading]) -> Reading | None:
    return step(found) if found is not None else None


def _line(relation: plan.Relation) -> str:
    return shown(relation).partition("\n")[0]


def _known(found: Reading, value: plan.Scalar) -> plan.Scalar:
    return substituted(value, {**_unknown(value), **found.columns})


def _unknown(value: plan.Scalar) -> dict[str, plan.Scalar]:
    return {each.name: plan.Ref(f"#{each.name}", each.type) for each in references(value)}


def _projected(found: Reading, items: Sequence[plan.Item]) -> Reading:
    return replace(found, columns={each.name: _known(found, each.value) for each in items})


def _filtered(found: Reading, condition: plan.Scalar) -> Reading:
    for each in conjuncts(condition):
        found = _asked(found, Clause(value_text(each), _known(found, each)))
    return found


def _asked(found: Reading, clause: Clause) -> Reading:
    if found.grouping is not None:
        return replace(found, thresholds=(*found.thresholds, clause))
    if found.followed is not None:
        return _timed(found, found.followed, clause)
    lookback = _lookback(clause.condition, found.time)
    if lookback is not None:
        return replace(found, lookback=min(lookback, found.lookback or lookback))
    return replace(found, conditions=(*found.conditions, clause))


def _lookback(condition: plan.Scalar, time: str) -> int | None:
    match condition:
        case plan.Apply(function=function, arguments=(plan.Ref(name=name), plan.Const(value=int() as since))):
            return -since if function.name in {">", ">="} and name == time and since < 0 else None
        case _:
            return None


def _timed(found: Reading, followed: Followed, clause: Clause) -> Reading:
    """A condition over two rows: that one follows the other within a time is Sigma's to say, and nothing else."""
    within = _within(clause.condition, found.time, followed.rows.time)
    if within is not None and followed.within is None:
        return replace(found, followed=replace(followed, within=within))
    return _less(found, clause.text, "Sigma compares no fields of two events; left out")


def _within(condition: plan.Scalar, first: str, then: str) -> int | None:
    match condition:
        case plan.Apply(
            function=function,
            arguments=(
                plan.Ref(name=later),
                plan.Ref(name=low),
                plan.Apply(function=plus, arguments=(plan.Ref(name=high), plan.Const(value=int() as length))),
            ),
        ) if function.name == "between" and plus.name == "+":
            return length if (later, low, high) == (f"{THEN}{then}", first, first) else None
        case _:
            return None


THEN = "then."  # before the names of columns of the rows that follow


def _joined(found: Reading, join: plan.Join) -> Reading:
    right = read(join.right)
    if join.kind == "inner" and right is not None and _is_plain(found) and _is_plain(right):
        right_columns = {name: _tagged(value) for name, value in right.columns.items()}
        columns = {
            **{each.name: _known(found, each.value) for each in join.left_fields},
            **{each.name: substituted(each.value, right_columns) for each in join.right_fields},
        }
        return replace(found, columns=columns, followed=Followed(right, join.keys))
    lost = _less(found, _line(join), "Sigma joins no tables; left out")
    return replace(lost, columns=_through(found, join.left_fields, join.fields))


def _is_plain(found: Reading) -> bool:
    return found.grouping is None and found.followed is None and not found.missing


def _tagged(value: plan.Scalar) -> plan.Scalar:
    return substituted(value, {each.name: plan.Ref(f"{THEN}{each.name}", each.type) for each in references(value)})


def _without(found: Reading, relation: plan.Relation) -> Reading:
    """The rows without what a node does to them, of which Sigma knows nothing."""
    lost = _less(found, _line(relation), "Sigma has no such step; left out")
    kept = tuple(plan.Item(name, plan.Ref(name, value.type)) for name, value in found.columns.items())
    return replace(lost, columns=_through(found, kept, relation.fields))


def _through(found: Reading, kept: Sequence[plan.Item], fields: Sequence[plan.Field]) -> dict[str, plan.Scalar]:
    columns: dict[str, plan.Scalar] = {each.name: plan.Ref(f"#{each.name}", each.type) for each in fields}
    known = {each.name: _known(found, each.value) for each in kept if each.name in columns}
    return {**columns, **known}


def _less(found: Reading, clause: str, lost: str) -> Reading:
    return replace(found, missing=(*found.missing, Missing(clause, lost)))


# --- groups ---------------------------------------------------------------------------------------------------------


def _grouped(found: Reading, node: plan.Aggregation) -> Reading:
    keys = {each.name: _known(found, each.value) for each in node.keys}
    measures = {each.name: _measured(found, keys, each) for each in node.measures}
    again = "it is asked of groups that are grouped again; left out"
    lost = tuple(Missing(each.text, again) for each in found.thresholds)
    if found.grouping is not None:
        old = found.grouping.keys
        keys = {name: substituted(value, {**_unknown(value), **old}) for name, value in keys.items()}
    grouping = Grouping(keys, {name: each for name, each in measures.items() if each})
    columns: dict[str, plan.Scalar] = {each.name: plan.Ref(each.name, each.type) for each in node.fields}
    return replace(found, columns=columns, grouping=grouping, thresholds=(), missing=(*found.missing, *lost))


def _measured(found: Reading, keys: Mapping[str, plan.Scalar], measure: plan.Measure) -> Measured | None:
    arguments = [_known(found, each) for each in measure.arguments]
    if found.grouping is not None:
        return _remeasured(found.grouping, keys, measure.function.name, arguments)
    kind = _COUNTED.get(measure.function.name)
    match kind, arguments:
        case None, _:
            return None
        case "event_count", _:
            return Measured("event_count")
        case "value_percentile", [value, plan.Const(value=int() | float() as percentile)]:
            return Measured("value_percentile", value, int(percentile)) if percentile == int(percentile) else None
        case (("value_count" | "value_sum" | "value_avg"), [value, *_]):
            return Measured(kind, value)
        case _:
            return None


def _remeasured(
    old: Grouping, keys: Mapping[str, plan.Scalar], function: str, arguments: Sequence[plan.Scalar]
) -> Measured | None:
    """A measure of groups as one of rows: groups counted are the values of the key that is left out of the new groups.

    Sums of counts and of sums are counts and sums; all else of groups is none of rows.
    """
    kept = {value.name for value in keys.values() if isinstance(value, plan.Ref)}
    left = [value for name, value in old.keys.items() if name not in kept]
    of = arguments[0].name if arguments and isinstance(arguments[0], plan.Ref) else ""
    if function == "count":
        return Measured("value_count", left[0]) if len(left) == 1 else None
    if function == "dcount" and of in old.keys:
        return Measured("value_count", old.keys[of])
    summed = old.measures.get(of)
    return summed if function == "sum" and summed and summed.kind in {"event_count", "value_sum"} else None
