"""Lowering of nodes that number rows, look at rows beside them, take them apart or parse them."""

from collections.abc import Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql import plan
from herdsight.kql.functions.conversions import converted
from herdsight.kql.functions.model import Operand
from herdsight.kql.functions.windows import Over
from herdsight.kql.lowering.dispatch import from_open, nested, opened, select
from herdsight.kql.lowering.order import row_number
from herdsight.kql.lowering.scalars import Open, closed, operand_of, sql_names
from herdsight.tables import ColumnType

_ORDER = "#order"


@select.register
def _(relation: plan.Numbered) -> exp.Select:
    below = opened(relation.input)
    names = sql_names(relation.fields)
    number = exp.Sub(this=row_number(relation.input, below), expression=trees.number(1))
    return below.tree.select(*from_open(below, relation.input), trees.named(number, names[relation.name]), copy=False)


# --- window functions -----------------------------------------------------------------------------------------------


@select.register
def _(relation: plan.Windows) -> exp.Select:
    """Row numbers first, so that all functions see one order; then what functions need of each row; then they."""
    below = opened(relation.input)
    own = sql_names(relation.input.fields)
    number = trees.named(row_number(relation.input, below), _ORDER)
    numbered = below.tree.select(*from_open(below, relation.input), number, copy=False)
    columns = [*own.values(), _ORDER]
    restarting = [call for call in relation.calls if _restart(call) is not None]
    level = _extended(numbered, columns, [_run(relation, call, own) for call in restarting])
    columns += [_run_name(call) for call in restarting]
    prepared = [call for call in relation.calls if call.function.prepare is not None]
    level = _extended(level, columns, [_prepared(relation, call, own) for call in prepared])
    columns += [_prepared_name(call) for call in prepared]
    names = sql_names(relation.fields)
    made = [trees.named(_window(relation, call, own), names[call.name]) for call in relation.calls]
    whole = _extended(level, [*own.values(), _ORDER], made)
    outer = exp.select(*(trees.column(name) for name in names.values())).from_(nested(whole, "w"))
    return outer.order_by(trees.column(_ORDER), copy=False)


def _extended(tree: exp.Select, columns: Sequence[str], added: Sequence[exp.Alias]) -> exp.Select:
    if not added:
        return tree
    return exp.select(*(trees.column(name) for name in columns), *added).from_(nested(tree, "w"))


def _operands(call: plan.WindowCall, own: dict[str, str]) -> list[Operand]:
    columns = {name: trees.column(sql) for name, sql in own.items()}
    return [operand_of(argument, columns) for argument in call.arguments]


def _restart(call: plan.WindowCall) -> plan.Scalar | None:
    """What begins a run of rows anew, where the call says so."""
    position = call.function.restart
    if position is None or position >= len(call.arguments):
        return None
    argument = call.arguments[position]
    is_never = isinstance(argument, plan.Const) and not argument.value
    return None if is_never else argument


def _run_name(call: plan.WindowCall) -> str:
    return f"#run {call.name}"


def _run(relation: plan.Windows, call: plan.WindowCall, own: dict[str, str]) -> exp.Alias:
    """The number of restarts up to a row."""
    restart = _restart(call)
    assert restart is not None  # noqa: S101 only calls that restart come here
    columns = {name: trees.column(sql) for name, sql in own.items()}
    begins = exp.case().when(operand_of(restart, columns).sql, trees.number(1)).else_(trees.number(0))
    over = Over(tuple(own[name] for name in relation.per), _ORDER)
    return trees.named(over.window(exp.Sum(this=begins), until_here=True), _run_name(call))


def _over(relation: plan.Windows, call: plan.WindowCall, own: dict[str, str]) -> Over:
    runs = (_run_name(call),) if _restart(call) is not None else ()
    return Over((*(own[name] for name in relation.per), *runs), _ORDER)


def _prepared_name(call: plan.WindowCall) -> str:
    return f"#of {call.name}"


def _prepared(relation: plan.Windows, call: plan.WindowCall, own: dict[str, str]) -> exp.Alias:
    assert call.function.prepare is not None  # noqa: S101 only calls that prepare come here
    return trees.named(call.function.prepare(_over(relation, call, own), *_operands(call, own)), _prepared_name(call))


def _window(relation: plan.Windows, call: plan.WindowCall, own: dict[str, str]) -> exp.Expr:
    over = _over(relation, call, own)
    if call.function.prepare is not None:
        return call.function.lower(over, Operand(trees.column(_prepared_name(call)), ColumnType.LONG))
    return call.function.lower(over, *_operands(call, own))


# --- taking rows apart ----------------------------------------------------------------------------------------------


@select.register
def _(relation: plan.Unnest) -> exp.Select:
    """The lists first, then all of them unnested side by side, then the elements as what they are to be."""
    below = opened(relation.input)
    own = sql_names(relation.input.fields)
    lists = [_list(relation, each, below) for each in relation.expansions]
    names = [f"#list {position}" for position in range(len(lists))]
    first = below.tree.select(
        *from_open(below, relation.input),
        *(trees.named(tree, name) for tree, name in zip(lists, names, strict=True)),
        copy=False,
    )
    unnested = exp.select(
        *(trees.column(name) for name in own.values()),
        *(trees.named(trees.call("unnest", trees.column(name)), name) for name in names),
        *([_positions(names)] if relation.index else []),
    ).from_(nested(first, "l"))
    columns: dict[str, exp.Expr] = {name: trees.column(sql) for name, sql in own.items()}
    for each, name in zip(relation.expansions, names, strict=True):
        columns[each.name] = _element(trees.column(name), each.type)
    if relation.index:
        columns[relation.index] = trees.column(_POSITION)
    outputs = sql_names(relation.fields)
    shown = (trees.named(columns[field.name], outputs[field.name]) for field in relation.fields)
    return exp.select(*shown).from_(nested(unnested, "e"))


_POSITION = "#position"


def _list(relation: plan.Unnest, expansion: plan.Expansion, below: Open) -> exp.Expr:
    name = "kql_expanded_pairs" if relation.pairs else "kql_expanded"
    parts = trees.call(name, below.sql(expansion.value))
    return trees.call("list_slice", parts, trees.number(1), trees.number(relation.limit)) if relation.limit else parts


def _positions(names: Sequence[str]) -> exp.Alias:
    longest = [trees.call("len", trees.column(name)) for name in names]
    count = exp.Greatest(this=longest[0], expressions=longest[1:]) if longest[1:] else longest[0]
    return trees.named(trees.call("unnest", trees.call("range", count)), _POSITION)


def _element(element: exp.Expr, kind: ColumnType) -> exp.Expr:
    """An element as a value of that type: cast, not parsed, so that a text is no number."""
    if kind is ColumnType.DYNAMIC:
        return element
    fitting = trees.call("kql_fitting", element, trees.text(kind.value))
    return converted(Operand(fitting, ColumnType.DYNAMIC), kind)


# --- parse ----------------------------------------------------------------------------------------------------------

_TEXT, _FOUND = "#text", "#found"


@select.register
def _(relation: plan.Parsed) -> exp.Select:
    """The text, then what the pattern finds in it, then the captures as what they are to be."""
    below = opened(relation.input)
    own = sql_names(relation.input.fields)
    text = trees.named(below.sql(relation.text), _TEXT)
    first = below.tree.select(*from_open(below, relation.input), text, copy=False)
    groups = max((capture.group for capture in relation.captures), default=0)
    labels = [trees.text(f"g{number}") for number in range(1, groups + 1)]
    found = trees.call(
        "regexp_extract", trees.column(_TEXT), trees.text(relation.pattern), exp.Array(expressions=labels)
    )
    kept = [trees.column(name) for name in own.values()]
    second = exp.select(
        *kept,
        trees.named(_matches(relation), _TEXT),
        *([trees.named(found, _FOUND)] if labels else []),
    ).from_(nested(first, "p"))
    values = {capture.name: _captured(capture) for capture in relation.captures}
    matched = trees.conjunction([trees.column(_TEXT), *([] if relation.relaxed else _conform(relation, values))])
    columns: dict[str, exp.Expr] = {name: trees.column(sql) for name, sql in own.items()}
    for capture in relation.captures:
        value = exp.case().when(matched.copy(), values[capture.name]).else_(trees.null(capture.type))
        columns[capture.name] = value
    outputs = sql_names(relation.fields)
    shown = (trees.named(columns[field.name], outputs[field.name]) for field in relation.fields)
    tree = exp.select(*shown).from_(nested(second, "q"))
    return tree.where(matched) if relation.only else tree


def _matches(relation: plan.Parsed) -> exp.Expr:
    return trees.call("regexp_matches", trees.column(_TEXT), trees.text(relation.pattern))


def _captured(capture: plan.Capture) -> exp.Expr:
    group = trees.call("struct_extract", trees.column(_FOUND), trees.text(f"g{capture.group}"))
    if capture.type is ColumnType.DYNAMIC:  # which the text spells
        return trees.call("kql_parse_json", group)
    return converted(Operand(group, ColumnType.STRING), capture.type)


def _conform(relation: plan.Parsed, values: dict[str, exp.Expr]) -> list[exp.Expr]:
    """That each capture is a value of its type."""
    typed = (capture for capture in relation.captures if capture.type is not ColumnType.STRING)
    return [exp.Not(this=exp.Is(this=closed(values[capture.name].copy()), expression=exp.null())) for capture in typed]
