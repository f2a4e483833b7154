"""Binding of partition, top-nested and scan: operators within groups of rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import apply, converted
from herdsight.kql.binding.dispatch import alone, bind_operator, bind_operators, bind_source, distinct
from herdsight.kql.binding.items import check_key, constant, named_items, row_count
from herdsight.kql.binding.names import Names
from herdsight.kql.binding.scalars import condition, scalar, unknown_column
from herdsight.kql.binding.scope import NOTHING, Bound, Context, Scope, hidden, kept, ref
from herdsight.kql.binding.summarize import Measures
from herdsight.kql.rewrites.fold import fold
from herdsight.kql.rewrites.walk import inputs, references, relations, scalars
from herdsight.tables import ColumnType

_KEY = hidden("partition")


# --- partition ------------------------------------------------------------------------------------------------------


@bind_operator.register
def _(operator: syntax.Partition, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "partition", operator.start)
    column = bound.scope().find(operator.key.name)
    if column is None:
        raise unknown_column(context, operator.key, bound.scope())
    check_key(context, ref(column), operator.key.start)
    if operator.source is not None:
        return _over_its_own_table(context, operator, operator.source, bound.relation, column)
    keyed = plan.Projection(
        bound.relation, (plan.Item(_KEY, ref(column)), *(kept(each) for each in bound.relation.fields))
    )
    done = bind_operators(context, operator.operators, Bound(keyed, bound.mistaken, group=(_KEY,), bag=bound.bag))
    return Bound(plan.Projection(done.relation, tuple(kept(each) for each in done.fields)), done.mistaken)


def _over_its_own_table(
    context: Context, operator: syntax.Partition, table: syntax.Source, relation: plan.Relation, column: plan.Field
) -> Bound:
    """The sub-query's table beside each key, which is a value in it; then the operators on each key's rows."""
    key = plan.Field(hidden(f"key {operator.start}"), column.type)
    keys = plan.Aggregation(relation, (plan.Item(key.name, ref(column)),), ())
    inside = context.inside({**context.names, column.name: ref(key)})
    source = distinct(inside, bind_source(table, inside), operator.start)
    each = replace(source, relation=_beside(keys, source.relation), group=(key.name,))
    for part in operator.operators:
        done = bind_operators(inside, (part,), each)
        each = _of_all_keys(inside, part, each, done, keys) if _is_total(part) else done
    if any(_is_lost(part, key.name) for part in relations(each.relation)):
        hint = "join the tables, or name the key in an operator of the sub-query that is no total"
        raise context.unsupported("the key of partition in a query within its sub-query", operator.start, hint)
    context.opened = context.opened or inside.opened
    return Bound(plan.Projection(each.relation, tuple(kept(field) for field in each.fields)), each.mistaken)


def _beside(keys: plan.Relation, table: plan.Relation) -> plan.Relation:
    """Every row beside every key; what print gives may read the key."""
    (key,) = keys.fields
    if isinstance(table, plan.Rows) and len(table.rows) == 1:
        cells = zip(table.fields, table.rows[0], strict=True)
        return plan.Projection(keys, (kept(key), *(plan.Item(field.name, cell) for field, cell in cells)))
    return plan.Join("inner", keys, table, (), (kept(key),), tuple(kept(field) for field in table.fields))


def _is_total(operator: syntax.Operator) -> bool:
    """Whether it gives a row for no rows."""
    return isinstance(operator, syntax.Count) or (isinstance(operator, syntax.Summarize) and not operator.keys)


def _of_all_keys(context: Context, operator: syntax.Operator, before: Bound, done: Bound, keys: plan.Relation) -> Bound:
    """The totals of each key, of one without rows, too."""
    (key,) = keys.fields
    nothing = bind_operator(operator, context, Bound(plan.Rows(before.fields, ()), before.mistaken)).relation
    same = (plan.KeyPair(key.name, key.name),)
    without = plan.Join("leftanti", keys, done.relation, same, (kept(key),), ())
    found = plan.Projection(done.relation, (kept(key), *(kept(field) for field in done.fields)))
    return done.over(plan.Union((found, _beside(without, nothing)), found.fields))


def _is_lost(relation: plan.Relation, key: str) -> bool:
    """Whether a relation reads the key where it is no column."""
    reads = any(read.name == key for value in scalars(relation) for read in references(value))
    return reads and not any(field.name == key for part in inputs(relation) for field in part.fields)


# --- top-nested -----------------------------------------------------------------------------------------------------


@bind_operator.register
def _(operator: syntax.TopNested, context: Context, bound: Bound) -> Bound:
    """Level by level: the greatest values within each value of the level before, and of the rows only theirs."""
    alone(context, bound, "top-nested", operator.start)
    rows, names = bound, Names()
    levels: list[_Level] = []
    for level in operator.levels:
        levels.append(_level(context, level, rows, levels, names))
        rows = rows.over(_only("leftsemi", rows.relation, levels[-1]))
    whole = _together([level.chosen for level in levels])
    others = [part for place in range(len(levels)) if (part := _others(context, levels, place)) is not None]
    return Bound(plan.Union((whole, *others), whole.fields) if others else whole)


@dataclass(frozen=True, slots=True)
class _Level:
    """A level: of which `rows`, by which `keys` (those above it and its own) and aggregate, and the `chosen` values."""

    rows: Bound
    keys: tuple[plan.Item, ...]
    by: syntax.Expression
    others: syntax.Expression | None
    chosen: plan.Relation


def _level(context: Context, level: syntax.Level, rows: Bound, above: Sequence[_Level], names: Names) -> _Level:
    before = above[-1].keys if above else ()
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
        return _Level(rows, keys, given, level.others, ordered)
    chosen = plan.Limit(ordered, row_count(context, level.count), tuple(key.name for key in before))
    return _Level(rows, keys, given, level.others, chosen)


def _only(kind: str, rows: plan.Relation, level: _Level) -> plan.Relation:
    """The rows whose keys are among those that the level has chosen, or with `leftanti` the others."""
    named = tuple(plan.Item(hidden(f"key {key.name}"), key.value) for key in level.keys)
    keyed = plan.Projection(rows, (*(kept(column) for column in rows.fields), *named))
    pairs = tuple(plan.KeyPair(item.name, key.name) for item, key in zip(named, level.keys, strict=True))
    fields = tuple(kept(column) for column in rows.fields)
    return plan.Join(kind, keyed, level.chosen, pairs, fields, ())


def _together(levels: Sequence[plan.Relation]) -> plan.Relation:
    """Each level's columns beside those of the levels above it."""
    whole = levels[0]
    for level in levels[1:]:
        shared = [column for column in level.fields if column in whole.fields]
        added = [column for column in level.fields if column not in whole.fields]
        pairs = tuple(plan.KeyPair(column.name, column.name) for column in shared)
        left, right = (tuple(kept(column) for column in fields) for fields in (whole.fields, added))
        whole = plan.Join("inner", whole, level, pairs, left, right)
    return whole


def _others(context: Context, levels: Sequence[_Level], place: int) -> plan.Relation | None:
    """What the level at that place leaves out: a row for each value above it, or None where no level asks for one.

    These rows are in the top of no level below, either. A level that names them has its text and aggregate for all of
    them together, and one that does not has nothing.
    """
    above, below, level = levels[:place], levels[place:], levels[place]
    if all(each.others is None for each in below):
        return None
    left = _only("leftanti", level.rows.relation, level)
    measures = Measures(context, level.rows.scope())
    cells = [cell for each in below for cell in _cells(context, each, measures)]
    count = measures.over(syntax.Call(level.by.start, "count", ()), hidden("others"))
    keys = level.keys[:-1]
    counted = plan.Aggregation(left, keys, tuple(measures.found))
    some = apply(context, ">", [count, plan.Const(0, ColumnType.LONG)], level.by.start)
    found = plan.Projection(plan.Filter(counted, some), (*(kept(key.field) for key in keys), *cells))
    return _together([*(each.chosen for each in above), found])


def _cells(context: Context, level: _Level, measures: Measures) -> Iterator[plan.Item]:
    """A level's two columns of the row for all others."""
    key, aggregate = level.keys[-1].field, level.chosen.fields[-1]
    if level.others is None:
        yield from (plan.Item(column.name, _empty(column.type)) for column in (key, aggregate))
        return
    text = constant(context, level.others, "the name of all others")
    yield plan.Item(key.name, fold(converted(text, key.type)))
    yield plan.Item(aggregate.name, measures.over(level.by, aggregate.name))


def _empty(kind: ColumnType) -> plan.Const:
    return plan.Const("" if kind is ColumnType.STRING else None, kind)


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
        return plan.Item(parameter.name, _empty(kind))
    return plan.Item(parameter.name, fold(converted(scalar(context, parameter.default, NOTHING), kind)))


def _step_scope(operator: syntax.Scan, bound: Bound, declared: tuple[plan.Item, ...]) -> Scope:
    """The row's columns, the declared ones, and each step's, under STEP.COLUMN."""
    own = (*bound.relation.fields, *(item.field for item in declared))
    of_steps = (plan.Field(f"{step.name}.{column.name}", column.type) for step in operator.steps for column in own)
    return Scope((*own, *of_steps), bound.mistaken, bound.carried)


def _step(context: Context, step: syntax.Step, scope: Scope, declared: tuple[plan.Item, ...]) -> plan.Step:
    if step.optional:
        raise context.unsupported("an optional step in scan", step.start, hint="the reference does not say what one is")
    matched = condition(context, step.condition, scope)
    kinds = {item.name: item.value.type for item in declared}
    assigned = []
    for assignment in step.assignments:
        if assignment.name not in kinds:
            raise context.wrong(f"`{assignment.name}` is not declared", assignment.start, code="KS142")
        value = converted(scalar(context, assignment.value, scope), kinds[assignment.name])
        assigned.append(plan.Item(assignment.name, value))
    return plan.Step(step.name, step.output, matched, tuple(assigned))
