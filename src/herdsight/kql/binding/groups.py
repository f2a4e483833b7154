"""Binding of partition, top-nested and scan: operators within groups of rows."""

from collections.abc import Sequence

from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import converted
from herdsight.kql.binding.dispatch import alone, bind_operator, bind_operators
from herdsight.kql.binding.items import check_key, named_items, row_count
from herdsight.kql.binding.names import Names
from herdsight.kql.binding.scalars import condition, scalar, unknown_column
from herdsight.kql.binding.scope import NOTHING, Bound, Context, Scope, hidden, kept, ref
from herdsight.kql.binding.summarize import Measures
from herdsight.kql.rewrites.fold import fold
from herdsight.tables import ColumnType

_KEY = hidden("partition")


@bind_operator.register
def _(operator: syntax.Partition, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "partition", operator.start)
    column = bound.scope().find(operator.key.name)
    if column is None:
        raise unknown_column(context, operator.key, bound.scope())
    check_key(context, ref(column), operator.key.start)
    keyed = plan.Projection(
        bound.relation, (plan.Item(_KEY, ref(column)), *(kept(each) for each in bound.relation.fields))
    )
    done = bind_operators(context, operator.operators, Bound(keyed, bound.mistaken, group=(_KEY,), bag=bound.bag))
    return Bound(plan.Projection(done.relation, tuple(kept(each) for each in done.fields)), done.mistaken)


# --- top-nested -----------------------------------------------------------------------------------------------------


@bind_operator.register
def _(operator: syntax.TopNested, context: Context, bound: Bound) -> Bound:
    """Level by level: the greatest values within each value of the level before, and of the rows only theirs."""
    alone(context, bound, "top-nested", operator.start)
    rows, names = bound, Names()
    levels: list[Bound] = []
    keys: tuple[plan.Item, ...] = ()
    for level in operator.levels:
        if level.others is not None:
            raise context.unsupported("'with others' in top-nested", level.start)
        chosen, keys = _level(context, level, rows, keys, names)
        levels.append(chosen)
        rows = rows.over(_only(rows.relation, chosen.relation, keys))
    return _together(levels)


def _level(
    context: Context, level: syntax.Level, rows: Bound, before: tuple[plan.Item, ...], names: Names
) -> tuple[Bound, tuple[plan.Item, ...]]:
    (own,) = named_items(context, [level.value], rows.scope())
    keys = (*before, plan.Item(names.given(context, own.name, level.start), own.value))
    given = level.by.value if isinstance(level.by, syntax.Assignment) else level.by
    name = level.by.name if isinstance(level.by, syntax.Assignment) else f"aggregated_{own.name}"
    measures = Measures(context, rows.scope())
    value = measures.over(given, names.given(context, name, level.start))
    counted = plan.Aggregation(rows.relation, keys, tuple(measures.found))
    shaped = plan.Projection(counted, (*(kept(key.field) for key in keys), plan.Item(name, value)))
    ordered = plan.Sorted(shaped, (plan.SortKey(plan.Ref(name, value.type), level.descending, False),))
    if level.count is None:
        return Bound(ordered), keys
    per = tuple(key.name for key in before)
    return Bound(plan.Limit(ordered, row_count(context, level.count), per)), keys


def _only(rows: plan.Relation, chosen: plan.Relation, keys: tuple[plan.Item, ...]) -> plan.Relation:
    """The rows whose keys are among the chosen."""
    named = tuple(plan.Item(hidden(f"key {key.name}"), key.value) for key in keys)
    keyed = plan.Projection(rows, (*(kept(column) for column in rows.fields), *named))
    pairs = tuple(plan.KeyPair(item.name, key.name) for item, key in zip(named, keys, strict=True))
    fields = tuple(kept(column) for column in rows.fields)
    return plan.Join("leftsemi", keyed, chosen, pairs, fields, (), nulls=True)


def _together(levels: Sequence[Bound]) -> Bound:
    """Each level's columns beside those of the levels above it."""
    whole = levels[0].relation
    for level in levels[1:]:
        shared = [column for column in level.fields if column in whole.fields]
        added = [column for column in level.fields if column not in whole.fields]
        pairs = tuple(plan.KeyPair(column.name, column.name) for column in shared)
        left, right = (tuple(kept(column) for column in fields) for fields in (whole.fields, added))
        whole = plan.Join("inner", whole, level.relation, pairs, left, right, nulls=True)
    return Bound(whole)


# --- scan -----------------------------------------------------------------------------------------------------------


@bind_operator.register
def _(operator: syntax.Scan, context: Context, bound: Bound) -> Bound:
    declared = tuple(_declared(context, each) for each in operator.declared)
    scope = _step_scope(operator, bound, declared)
    steps = tuple(_step(context, step, scope, declared) for step in operator.steps)
    return bound.over(plan.Steps(bound.relation, declared, steps, operator.match_id, bound.group))


def _declared(context: Context, parameter: syntax.Parameter) -> plan.Item:
    kind = parameter.type or ColumnType.DYNAMIC
    if parameter.default is None:
        return plan.Item(parameter.name, plan.Const("" if kind is ColumnType.STRING else None, kind))
    return plan.Item(parameter.name, fold(converted(scalar(context, parameter.default, NOTHING), kind)))


def _step_scope(operator: syntax.Scan, bound: Bound, declared: tuple[plan.Item, ...]) -> Scope:
    """The row's columns, the declared ones, and each step's, under STEP.COLUMN."""
    own = (*bound.relation.fields, *(item.field for item in declared))
    of_steps = (plan.Field(f"{step.name}.{column.name}", column.type) for step in operator.steps for column in own)
    return Scope((*own, *of_steps), bound.mistaken, bound.carried)


def _step(context: Context, step: syntax.Step, scope: Scope, declared: tuple[plan.Item, ...]) -> plan.Step:
    if step.output == "last":
        raise context.unsupported("'output=last' of a step in scan", step.start)
    if step.optional:
        raise context.unsupported("an optional step in scan", step.start)
    matched = condition(context, step.condition, scope)
    kinds = {item.name: item.value.type for item in declared}
    assigned = []
    for assignment in step.assignments:
        if assignment.name not in kinds:
            raise context.wrong(f"`{assignment.name}` is not declared", assignment.start, code="KS142")
        value = converted(scalar(context, assignment.value, scope), kinds[assignment.name])
        assigned.append(plan.Item(assignment.name, value))
    return plan.Step(step.name, step.output, matched, tuple(assigned))
