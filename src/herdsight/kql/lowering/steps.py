"""Lowering of scan: a recursion over the rows of each partition, which carries what every step has matched.

A row is held against the steps from the last to the first. It matches a step that comes next to what the step before
has matched, which then moves on to the step; or else one that goes on with what it has matched itself (page
"scan-operator", the two checks of its matching logic).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.lowering.dispatch import from_open, nested, opened, select
from herdsight.kql.lowering.order import row_number
from herdsight.kql.lowering.scalars import closed, operand_of, sql_names
from herdsight.kql.rewrites.walk import references
from herdsight.tables import ColumnType

_ROWS, _WALK = "scan rows", "scan walk"
_ORDER, _PLACE, _NEXT = "#order", "#place", "#next"


@dataclass(frozen=True, slots=True)
class _Kept:
    """A column of a step's record that some step reads: which step's, its name in the scan, and its type."""

    step: int
    column: str
    type: ColumnType


class _Walk:
    """The pieces of one scan's recursion."""

    def __init__(self, scan: plan.Steps) -> None:
        self.scan = scan
        self.own = sql_names(scan.input.fields)
        self.defaults = {item.name: operand_of(item.value, {}).sql for item in scan.declared}
        self.kept = tuple(_kept(scan))

    # --- names ---

    def on(self, step: int) -> str:
        """Whether the step has matched something."""
        return f"#on {step}"

    def match(self, step: int) -> str:
        """The number of the match that the step is in."""
        return f"#match {step}"

    def record(self, step: int, kept: _Kept) -> str:
        """A column of a record, in what the step has matched."""
        return f"#{step} of {kept.step} {kept.column}"

    def how(self, step: int) -> str:
        """How a row matches the step: 1 as what comes next, 2 as what goes on, 0 not."""
        return f"#how {step}"

    def made(self, step: int, name: str) -> str:
        """A declared column as the step assigns it."""
        return f"#made {step} {name}"

    # --- values ---

    def missing(self, kept: _Kept) -> exp.Expr:
        """A record's column where there is no record."""
        return self.defaults[kept.column].copy() if kept.column in self.defaults else trees.null(kept.type)

    def reading(self, step: int, holder: int) -> Mapping[str, exp.Expr]:
        """What names mean to a step: the row's columns, and the steps' in what `holder` has matched."""
        del step
        columns: dict[str, exp.Expr] = {name: trees.column(sql) for name, sql in self.own.items()}
        columns |= {name: tree.copy() for name, tree in self.defaults.items()}
        for kept in self.kept:
            name = f"{self.scan.steps[kept.step].name}.{kept.column}"
            there = kept.step <= holder
            columns[name] = trees.column(self.record(holder, kept)) if there else self.missing(kept)
        return columns

    def state(self) -> Iterator[str]:
        """The columns that a row of the recursion carries on."""
        yield from (self.own[name] for name in self.scan.per)
        yield _NEXT
        for step in range(len(self.scan.steps)):
            yield from (self.on(step), self.match(step))
            yield from (self.record(step, kept) for kept in self.kept if kept.step <= step)

    def told(self) -> Iterator[str]:
        """The columns that say what a row has matched."""
        for step in range(len(self.scan.steps)):
            yield self.how(step)
            yield from (self.made(step, item.name) for item in self.scan.declared)


def _kept(scan: plan.Steps) -> Iterator[_Kept]:
    names = {step.name: position for position, step in enumerate(scan.steps)}
    scalars = [scalar for step in scan.steps for scalar in (step.condition, *(item.value for item in step.assignments))]
    found = dict.fromkeys((ref.name, ref.type) for scalar in scalars for ref in references(scalar))
    for name, kind in found:
        step, _, column = name.partition(".")
        if column and step in names:
            yield _Kept(names[step], column, kind)


@select.register
def _(relation: plan.Steps) -> exp.Select:
    walk = _Walk(relation)
    names = sql_names(relation.fields)
    emitted = [
        _emitted(walk, step, names) for step in range(len(relation.steps)) if relation.steps[step].output != "none"
    ]
    if not emitted:
        emitted = [_emitted(walk, 0, names).where(exp.false())]
    whole: exp.Query = emitted[0]
    for part in emitted[1:]:
        whole = exp.Union(this=whole, expression=part, distinct=False)
    tree = exp.select(*(trees.column(name) for name in names.values())).from_(nested(whole, "e"))
    tree = tree.order_by(trees.column(_ORDER), trees.column(_PLACE), copy=False)
    tree = tree.with_(exp.to_identifier(_ROWS, quoted=True), as_=_numbered(walk), recursive=True, copy=False)
    return tree.with_(exp.to_identifier(_WALK, quoted=True), as_=_recursion(walk), recursive=True, copy=False)


def _numbered(walk: _Walk) -> exp.Select:
    """The rows with their order, and their place in their partition."""
    below = opened(walk.scan.input)
    order = trees.named(row_number(walk.scan.input, below), _ORDER)
    ordered = below.tree.select(*from_open(below, walk.scan.input), order, copy=False)
    partition = [trees.column(walk.own[name]) for name in walk.scan.per]
    in_order = exp.Order(expressions=[exp.Ordered(this=trees.column(_ORDER))])
    place = exp.Window(this=exp.RowNumber(), partition_by=partition, order=in_order)
    return exp.select(exp.Star(), trees.named(place, _PLACE)).from_(nested(ordered, "o"))


def _recursion(walk: _Walk) -> exp.Union:
    return exp.Union(this=_begin(walk), expression=_next(walk), distinct=False)


def _begin(walk: _Walk) -> exp.Select:
    """A row for each partition, before its first: no step has matched anything."""
    partition = [trees.column(walk.own[name]) for name in walk.scan.per]
    columns: dict[str, exp.Expr] = {_NEXT: _long(trees.number(0))}
    for step in range(len(walk.scan.steps)):
        columns[walk.on(step)] = exp.false()
        columns[walk.match(step)] = trees.null(ColumnType.LONG)
        columns |= {walk.record(step, kept): _typed(walk.missing(kept), kept.type) for kept in walk.kept}
        columns[walk.how(step)] = _long(trees.number(0))
        columns |= {
            walk.made(step, item.name): _typed(walk.defaults[item.name].copy(), item.value.type)
            for item in walk.scan.declared
        }
    wanted = [*list(walk.state())[len(partition) :], *walk.told()]
    tree = exp.select(
        *partition,
        *(trees.named(columns[name].copy(), name) for name in wanted),
        trees.named(_long(trees.number(0)), _ORDER),
        trees.named(_long(trees.number(0)), _PLACE),
    )
    source = exp.select(*(each.copy() for each in partition)).distinct().from_(trees.relation(_ROWS))
    return tree.from_(nested(source, "p")) if partition else tree


def _long(tree: exp.Expr) -> exp.Expr:
    return exp.Cast(this=tree, to=trees.sql_type(ColumnType.LONG))


def _typed(tree: exp.Expr, kind: ColumnType) -> exp.Expr:
    return exp.Cast(this=tree, to=trees.sql_type(kind))


def _next(walk: _Walk) -> exp.Select:
    """The next row of each partition, held against the steps from the last to the first."""
    state = [name for name in walk.state() if name not in {walk.own[each] for each in walk.scan.per}]
    same = [
        exp.NullSafeEQ(this=trees.column(walk.own[name], "w"), expression=trees.column(walk.own[name], "r"))
        for name in walk.scan.per
    ]
    following = exp.EQ(
        this=trees.column(_PLACE, "r"),
        expression=exp.Paren(this=exp.Add(this=trees.column(_PLACE, "w"), expression=trees.number(1))),
    )
    tree = exp.select(
        *(trees.column(sql, "r") for sql in walk.own.values()),
        *(trees.column(name, "w") for name in state),
        trees.column(_ORDER, "r"),
        trees.column(_PLACE, "r"),
    ).from_(trees.relation(_WALK, alias="w"))
    tree = tree.join(
        trees.relation(_ROWS, alias="r"), on=trees.conjunction([*same, following]), join_type="INNER", copy=False
    )
    columns = [*walk.own.values(), *state, _ORDER, _PLACE]
    for step in reversed(range(len(walk.scan.steps))):
        tree = _matched(walk, step, tree)
        tree, columns = _advanced(walk, step, tree, columns)
    wanted = [*walk.state(), *walk.told(), _ORDER, _PLACE]
    return exp.select(*(trees.column(name) for name in wanted)).from_(nested(tree, "n"))


def _matched(walk: _Walk, step: int, tree: exp.Select) -> exp.Select:
    """With how the row matches the step."""
    condition = walk.scan.steps[step].condition
    goes_on = closed(operand_of(condition, walk.reading(step, step)).sql)
    if step > 0:
        goes_on = exp.and_(trees.column(walk.on(step)), goes_on)
    how = exp.Case()
    if step > 0:
        comes_next = closed(operand_of(condition, walk.reading(step, step - 1)).sql)
        how = how.when(exp.and_(trees.column(walk.on(step - 1)), comes_next), trees.number(1), copy=False)
    how = how.when(goes_on, trees.number(2), copy=False).else_(trees.number(0), copy=False)
    return exp.select(exp.Star(), trees.named(_long(how), walk.how(step))).from_(nested(tree, "m"))


def _advanced(walk: _Walk, step: int, tree: exp.Select, columns: list[str]) -> tuple[exp.Select, list[str]]:
    """With what the step has matched now, and the step before it where it has moved on."""
    changed = dict(_changes(walk, step))
    made = {walk.made(step, item.name): _assigned(walk, step, item) for item in walk.scan.declared}
    names = [*columns, walk.how(step)]
    advanced = exp.select(
        *(trees.named(changed[name], name) if name in changed else trees.column(name) for name in names),
        *(trees.named(value, name) for name, value in made.items()),
    )
    return advanced.from_(nested(tree, "a")), [*names, *made]


def _when(walk: _Walk, step: int, values: Mapping[int, exp.Expr], otherwise: exp.Expr) -> exp.Expr:
    """A value for each way to match; as it was where the row does not."""
    tree = exp.Case(this=trees.column(walk.how(step)))
    for how, value in values.items():
        tree = tree.when(trees.number(how), value, copy=False)
    return tree.else_(otherwise, copy=False) if values else otherwise


def _changes(walk: _Walk, step: int) -> Iterator[tuple[str, exp.Expr]]:
    on, match = trees.column(walk.on(step)), trees.column(walk.match(step))
    matched = exp.GT(this=trees.column(walk.how(step)), expression=trees.number(0))
    yield walk.on(step), exp.or_(matched, on.copy())
    if step == 0:
        begins = exp.and_(matched.copy(), exp.Not(this=on.copy()))
        yield walk.match(0), exp.case().when(begins, trees.column(_NEXT)).else_(match)
        one_more = exp.Add(this=trees.column(_NEXT), expression=trees.number(1))
        yield _NEXT, exp.case().when(begins.copy(), one_more).else_(trees.column(_NEXT))
    else:
        yield walk.match(step), _when(walk, step, {1: trees.column(walk.match(step - 1))}, match)
    for kept in walk.kept:
        if kept.step < step:
            moved = trees.column(walk.record(step - 1, kept))
            name = walk.record(step, kept)
            yield name, _when(walk, step, {1: moved}, trees.column(name))
        elif kept.step == step:
            yield walk.record(step, kept), _recorded(walk, step, kept)
    if step > 0:
        yield from _emptied(walk, step)


def _recorded(walk: _Walk, step: int, kept: _Kept) -> exp.Expr:
    """A column of the row as the step's own record."""
    before = trees.column(walk.record(step, kept))
    if kept.column in walk.own:
        value: exp.Expr = trees.column(walk.own[kept.column])
    else:
        item = next(item for item in walk.scan.declared if item.name == kept.column)
        value = _assigned(walk, step, item)
    matched = exp.GT(this=trees.column(walk.how(step)), expression=trees.number(0))
    return exp.case().when(matched, value).else_(before)


def _emptied(walk: _Walk, step: int) -> Iterator[tuple[str, exp.Expr]]:
    """The step before, where what it had matched has moved on."""
    before = step - 1
    yield walk.on(before), _when(walk, step, {1: exp.false()}, trees.column(walk.on(before)))
    for kept in walk.kept:
        if kept.step <= before:
            name = walk.record(before, kept)
            yield name, _when(walk, step, {1: walk.missing(kept)}, trees.column(name))


def _assigned(walk: _Walk, step: int, item: plan.Item) -> exp.Expr:
    """A declared column as the step assigns it, by how the row matches; its default where the step does not."""
    given = next((each.value for each in walk.scan.steps[step].assignments if each.name == item.name), None)
    if given is None:
        return _typed(walk.defaults[item.name].copy(), item.value.type)
    ways = {2: operand_of(given, walk.reading(step, step)).sql}
    if step > 0:
        ways[1] = operand_of(given, walk.reading(step, step - 1)).sql
    return _typed(_when(walk, step, ways, walk.defaults[item.name].copy()), item.value.type)


def _emitted(walk: _Walk, step: int, names: Mapping[str, str]) -> exp.Select:
    """The rows that match a step, in order."""
    columns: dict[str, exp.Expr] = {name: trees.column(sql, "r") for name, sql in walk.own.items()}
    columns |= {item.name: trees.column(walk.made(step, item.name), "w") for item in walk.scan.declared}
    if walk.scan.match_id:
        columns[walk.scan.match_id] = trees.column(walk.match(step), "w")
    tree = exp.select(
        *(trees.named(columns[field.name], names[field.name]) for field in walk.scan.fields),
        trees.column(_ORDER, "w"),
        trees.named(trees.number(step), _PLACE),
    ).from_(trees.relation(_WALK, alias="w"))
    same = exp.EQ(this=trees.column(_ORDER, "w"), expression=trees.column(_ORDER, "r"))
    tree = tree.join(trees.relation(_ROWS, alias="r"), on=same, join_type="INNER", copy=False)
    tree = tree.where(exp.GT(this=trees.column(walk.how(step), "w"), expression=trees.number(0)))
    return _last(walk, step, tree) if walk.scan.steps[step].output == "last" else tree


def _last(walk: _Walk, step: int, tree: exp.Select) -> exp.Select:
    """Of the rows that match the step, the last of each match: a step has a match until that moves on for good."""
    partition = [trees.column(name, "w") for name in (*(walk.own[name] for name in walk.scan.per), walk.match(step))]
    backwards = exp.Order(expressions=[exp.Ordered(this=trees.column(_ORDER, "w"), desc=True)])
    place = exp.Window(this=exp.RowNumber(), partition_by=partition, order=backwards)
    return tree.qualify(exp.EQ(this=place, expression=trees.number(1)), copy=False)
