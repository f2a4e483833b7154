"""Named scalars: the columns that extend, project, distinct and their kin define."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import apply, member
from herdsight.kql.binding.names import DUPLICATE_NAME, Names, default_name, matches
from herdsight.kql.binding.scalars import scalar, unknown_column
from herdsight.kql.binding.scope import NOTHING, Bound, Context, Scope, kept
from herdsight.kql.functions.series import MULTI
from herdsight.kql.rewrites.fold import fold
from herdsight.tables import ColumnType


def named_items(context: Context, items: Sequence[syntax.Expression], scope: Scope) -> tuple[plan.Item, ...]:
    """Named scalars, each under a name of its own."""
    names = Names()
    return tuple(made for item in items for made in named(context, item, scope, names))


def group_keys(
    context: Context, items: Sequence[syntax.Expression], scope: Scope, names: Names
) -> tuple[plan.Item, ...]:
    """Named scalars that rows are told apart by."""
    keys = []
    for item in items:
        for key in named(context, item, scope, names):
            check_key(context, key.value, item.start)
            keys.append(key)
    return tuple(keys)


def check_key(context: Context, value: plan.Scalar, at: int) -> None:
    """Raise where rows would be told apart, or sorted, by a dynamic; a type that only the data tells may be another."""
    if value.type is ColumnType.DYNAMIC and not context.opened:
        what = "rows are not grouped or sorted by a dynamic"
        raise context.wrong(what, at, code="KS116", hint="convert it, for example with tostring()")


def named(context: Context, item: syntax.Expression, scope: Scope, names: Names) -> Iterator[plan.Item]:
    """The column that an item makes; a call that gives several values makes several."""
    given = item.value if isinstance(item, syntax.Assignment | syntax.Unpacking) else item
    if isinstance(given, syntax.Call) and given.name in MULTI:
        yield from _several(context, item, given, scope, names)
    elif isinstance(given, syntax.Call) and given.name in _SORTING:
        yield from _sorted(context, item, given, scope, names)
    elif isinstance(item, syntax.Unpacking):
        yield from _unpacked(context, item, scope, names)
    else:
        value = scalar(context, given, scope)
        yield plan.Item(names.of(context, item, _chosen(item, value)), value)


def _chosen(item: syntax.Expression, value: plan.Scalar) -> str | None:
    """The name of the column that column_ifexists() has found."""
    is_choice = isinstance(item, syntax.Call) and item.name in ("column_ifexists", "columnifexists")
    return value.name if is_choice and isinstance(value, plan.Ref) else None


def _several(
    context: Context, item: syntax.Expression, call: syntax.Call, scope: Scope, names: Names
) -> Iterator[plan.Item]:
    arguments = tuple(scalar(context, bare(argument), scope) for argument in call.arguments)
    given = _given_names(item)
    inner = (default_name(call.arguments[0]) if call.arguments else None) or ""
    first = apply(context, call.name, arguments, call.start)
    assert isinstance(first, plan.Apply)  # noqa: S101 a call of several columns is a row of the table
    for position, part in enumerate(MULTI[call.name]):
        row = replace(first.function, result=part.type, lower=part.lower, evaluate=None)
        if position < len(given):
            name = names.given(context, given[position], item.start)
        else:
            name = names.free(f"{call.name}_{inner}_{part.suffix}")
        yield plan.Item(name, plan.Apply(row, first.arguments, part.type))


_SORTING = ("array_sort_asc", "array_sort_desc")
SEVERAL = (*MULTI, *_SORTING)  # functions that may give several columns


def _sorted(
    context: Context, item: syntax.Expression, call: syntax.Call, scope: Scope, names: Names
) -> Iterator[plan.Item]:
    """Several arrays sorted by the first: an array each."""
    whole = scalar(context, call, scope)
    given = _given_names(item)
    arrays = _arrays(context, call, scope)
    for position, array in enumerate(arrays):
        derived = f"{default_name(array) or f'array{position}'}_sorted"
        name = names.given(context, given[position], item.start) if position < len(given) else names.free(derived)
        yield plan.Item(name, member(context, whole, position, item.start) if arrays[1:] else whole)


def _arrays(context: Context, call: syntax.Call, scope: Scope) -> list[syntax.Expression]:
    return [each for each in call.arguments if scalar(context, bare(each), scope).type is ColumnType.DYNAMIC]


def bare(argument: syntax.Expression) -> syntax.Expression:
    """An argument without the name that may stand before it."""
    return argument.value if isinstance(argument, syntax.Assignment) else argument


def makes_several(context: Context, item: syntax.Expression) -> bool:
    """Whether the item is a call, over constants, that gives several columns, each with a name of its own."""
    if not isinstance(item, syntax.Call):
        return False
    return item.name in MULTI or (item.name in _SORTING and len(_arrays(context, item, NOTHING)) > 1)


def _given_names(item: syntax.Expression) -> tuple[str, ...]:
    match item:
        case syntax.Unpacking(names=names):
            return names
        case syntax.Assignment(name=name):
            return (name,)
        case _:
            return ()


def _unpacked(context: Context, item: syntax.Unpacking, scope: Scope, names: Names) -> Iterator[plan.Item]:
    """`(a, b) = array`: the elements of an array by position."""
    array = scalar(context, item.value, scope)
    if array.type is not ColumnType.DYNAMIC:
        raise context.wrong("the expression gives one value, and several are named", item.start, code="KS149")
    for position, name in enumerate(item.names):
        element = apply(context, "[]", [array, plan.Const(position, ColumnType.LONG)], item.start)
        yield plan.Item(names.given(context, name, item.start), element)


def extended(context: Context, bound: Bound, items: Sequence[syntax.Expression]) -> Bound:
    """The columns in reach with these in addition, or in place of those of their names."""
    windows: list[plan.WindowCall] = []
    names = Names((column.name for column in bound.fields), replacing=True)
    added = [made for item in items for made in named(context, item, bound.scope(windows), names)]
    return with_columns(bound, windows, added)


def with_columns(bound: Bound, windows: Sequence[plan.WindowCall], items: Iterable[plan.Item]) -> Bound:
    """The columns in reach with these in addition, or in their place; over the window functions that they use."""
    added = {item.name: item for item in items}
    replaced = [added.pop(column.name) if column.name in added else kept(column) for column in bound.fields]
    return bound.windowed(windows).projected((*replaced, *added.values()))


def matching(context: Context, patterns: Sequence[str], bound: Bound, at: int) -> list[plan.Field]:
    """The columns that names with wildcards mean, in the patterns' order."""
    matched: list[plan.Field] = []
    for pattern in patterns:
        found = [column for column in bound.fields if matches(column.name, pattern)]
        if not found and "*" not in pattern and bound.bag is None:
            raise unknown_column(context, syntax.Name(at, pattern), Scope(bound.fields, bound.mistaken))
        matched += [column for column in found if column not in matched]
    return matched


def check_distinct(context: Context, names: Sequence[str], at: int) -> None:
    """Raise where a column is there twice."""
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise context.wrong(f"the column `{twice}` is there already", at, code=DUPLICATE_NAME)


def constant(context: Context, expression: syntax.Expression, what: str) -> plan.Const:
    """A constant.

    Raises:
        QueryError: the expression depends on data.
    """
    bound = fold(scalar(context, expression, NOTHING))
    if not isinstance(bound, plan.Const):
        raise context.wrong(f"{what} must be a constant", expression.start, code="KS131")
    return bound


def row_count(context: Context, expression: syntax.Expression) -> int:
    """A number of rows.

    Raises:
        QueryError: it is none.
    """
    bound = constant(context, expression, "the number of rows")
    if not isinstance(bound.value, int) or isinstance(bound.value, bool) or bound.value < 0:
        raise context.wrong("the number of rows must be a whole number", expression.start, code="KS131")
    return bound.value


def text_option(context: Context, expression: syntax.Expression, what: str) -> str:
    """A text that an option says."""
    bound = constant(context, expression, what)
    if isinstance(bound.value, str):
        return bound.value
    raise context.wrong(f"{what} must be a text", expression.start, code="KS131")
