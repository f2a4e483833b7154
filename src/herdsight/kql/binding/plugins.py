"""Binding of evaluate: plugins whose columns, mostly, depend on the data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from herdsight.guesses import did_you_mean
from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import WRONG_TYPES, converted, member
from herdsight.kql.binding.dispatch import alone, bind_operator
from herdsight.kql.binding.items import constant, named_items, row_count, text_option
from herdsight.kql.binding.names import Names
from herdsight.kql.binding.scalars import condition, queried, required, scalar, unknown_column
from herdsight.kql.binding.scope import NOTHING, Bound, Context, Probe, Scope, hidden, kept, ref
from herdsight.kql.binding.summarize import Measures
from herdsight.kql.functions import AGGREGATES, SCALARS
from herdsight.kql.functions.internal import VALUE_KIND
from herdsight.kql.functions.unsupported import UNSUPPORTED_PLUGINS
from herdsight.kql.functions.windows import NEAR
from herdsight.tables import ColumnType


@bind_operator.register
def _(operator: syntax.Evaluate, context: Context, bound: Bound) -> Bound:
    alone(context, bound, "evaluate", operator.start)
    name = operator.call.name
    if name in UNSUPPORTED_PLUGINS:
        raise context.unsupported(f"the plugin {name}()", operator.call.start, UNSUPPORTED_PLUGINS[name])
    if name not in PLUGINS:
        hint = did_you_mean(name, [*PLUGINS, *UNSUPPORTED_PLUGINS])
        raise context.wrong(f"there is no plugin `{name}`", operator.call.start, code="KS124", hint=hint)
    return PLUGINS[name](context, bound, operator)


def _arguments(context: Context, call: syntax.Call, names: Sequence[str]) -> dict[str, syntax.Expression]:
    """A plugin's arguments by name; those that are given none, in order.

    Raises:
        QueryError: one is named as none of them.
    """
    named = {item.name: item for item in call.arguments if isinstance(item, syntax.Assignment)}
    for name, item in named.items():
        if name not in names:
            hint = did_you_mean(name, names)
            raise context.wrong(f"{call.name}() has no parameter `{name}`", item.start, code="KS196", hint=hint)
    free = (name for name in names if name not in named)
    given = (item for item in call.arguments if not isinstance(item, syntax.Assignment))
    return {name: item.value for name, item in named.items()} | dict(zip(free, given, strict=False))


# --- bag_unpack -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Unpacking:
    """A call of bag_unpack: the bags, and how their properties become columns beside the others."""

    context: Context
    bag: plan.Scalar
    prefix: str
    conflict: str
    ignored: frozenset[str]
    others: tuple[plan.Field, ...]
    at: int

    def item(self, column: str, name: str, kind: ColumnType) -> plan.Item:
        """A column that holds a property."""
        return plan.Item(column, converted(member(self.context, self.bag, name, self.at), kind))


def _bag_unpack(context: Context, bound: Bound, operator: syntax.Evaluate) -> Bound:
    asked = _unpacking(context, bound, operator)
    if operator.schema is not None:
        items = _with_schema(asked, {column.name: column.type for column in operator.schema}, keeps=operator.keeps)
    elif context.surroundings.probe is not None:
        items = _with_properties(asked, _properties(context.surroundings.probe, bound, asked.bag))
    else:
        # What the bags hold shows when there are logs: until then any name may be one of theirs.
        held = plan.Item(hidden("bag"), asked.bag)
        shaped = plan.Projection(bound.relation, (*(kept(column) for column in asked.others), held))
        return Bound(shaped, bound.mistaken, bag=held.name)
    return Bound(plan.Projection(bound.relation, tuple(items)), bound.mistaken)


def _unpacking(context: Context, bound: Bound, operator: syntax.Evaluate) -> _Unpacking:
    given = _arguments(context, operator.call, ("column", _PREFIX, "columnsConflict", "ignoredProperties"))
    if "column" not in given:
        raise context.wrong("bag_unpack() takes a column", operator.start, code="KS119")
    bag = scalar(context, given["column"], bound.scope())
    if bag.type is not ColumnType.DYNAMIC:
        raise context.wrong(f"bag_unpack() takes a dynamic, not a {bag.type}", operator.start, code="KS116")
    ignored = (
        constant(context, given["ignoredProperties"], "ignoredProperties").value if "ignoredProperties" in given else []
    )
    own = bag.name if isinstance(bag, plan.Ref) else None
    return _Unpacking(
        context,
        bag,
        text_option(context, given[_PREFIX], "the prefix") if _PREFIX in given else "",
        text_option(context, given["columnsConflict"], "columnsConflict") if "columnsConflict" in given else "error",
        frozenset(str(name) for name in ignored) if isinstance(ignored, list) else frozenset(),
        tuple(column for column in bound.fields if column.name != own),
        operator.start,
    )


_PREFIX = "OutputColumnPrefix"


def _with_schema(asked: _Unpacking, wanted: Mapping[str, ColumnType], *, keeps: bool) -> list[plan.Item]:
    """The columns that the query says, and with `keeps` the others before them."""
    own = {column.name: column for column in asked.others}
    both = [name for name in wanted if name in own]
    if both and asked.conflict == "replace_source" and not keeps:
        what = f"columnsConflict='replace_source' where the schema names a column of the table, `{both[0]}`,"
        raise asked.context.unsupported(what, asked.at, hint="begin the schema with *")
    first = [kept(column) for column in asked.others if column.name not in wanted] if keeps else []
    staying = both if not keeps or asked.conflict == "keep_source" else []
    named = [
        kept(own[name]) if name in staying else asked.item(name, name.removeprefix(asked.prefix), kind)
        for name, kind in wanted.items()
    ]
    return [*first, *named]


def _with_properties(asked: _Unpacking, properties: Mapping[str, ColumnType]) -> list[plan.Item]:
    """The other columns, and one for each property, by name."""
    own = {column.name for column in asked.others}
    found = {f"{asked.prefix}{name}": name for name in properties if name not in asked.ignored}
    both = sorted(own & set(found))
    if both and asked.conflict == "error":
        hint = "columnsConflict='replace_source' or 'keep_source'"
        what = f"the bags have a `{both[0]}`, and so has the table"
        raise asked.context.wrong(what, asked.at, code="HS044", hint=hint)
    replaced = both if asked.conflict == "replace_source" else []
    unpacked = [
        asked.item(column, name, properties[name])
        for column, name in sorted(found.items())
        if column not in own or column in replaced
    ]
    return [*(kept(column) for column in asked.others if column.name not in replaced), *unpacked]


def _properties(probe: Probe, bound: Bound, bag: plan.Scalar) -> dict[str, ColumnType]:
    """The properties of all bags, and the one type that each has; dynamic where it has several."""
    pair = plan.Expansion("pair", bag, ColumnType.DYNAMIC)
    pairs = plan.Unnest(bound.relation, (pair,), None, pairs=True, limit=None)
    whole = plan.Ref("pair", ColumnType.DYNAMIC)
    at = [
        plan.Apply(SCALARS["[]"][1], (whole, plan.Const(index, ColumnType.LONG)), ColumnType.DYNAMIC)
        for index in (0, 1)
    ]
    keys = (
        plan.Item("name", converted(at[0], ColumnType.STRING)),
        plan.Item("kind", plan.Apply(VALUE_KIND, (at[1],), ColumnType.STRING)),
    )
    kinds: dict[str, set[str]] = {}
    for row in probe(plan.Aggregation(pairs, keys, ())):
        if row["name"]:
            kinds.setdefault(str(row["name"]), set()).add(str(row["kind"]))
    return {name: _one_kind(found - {"", "null"}) for name, found in kinds.items()}


def _one_kind(kinds: set[str]) -> ColumnType:
    if kinds <= {"long", "real"} and kinds:
        return ColumnType.REAL if "real" in kinds else ColumnType.LONG
    return ColumnType(next(iter(kinds))) if len(kinds) == 1 else ColumnType.DYNAMIC


# --- pivot, narrow --------------------------------------------------------------------------------------------------


def _pivot(context: Context, bound: Bound, operator: syntax.Evaluate) -> Bound:
    """A column for each value of a column, with an aggregate of its rows; the other columns group them."""
    column, *further = operator.call.arguments or (None,)
    if column is None:
        raise context.wrong("pivot() takes a column", operator.start, code="KS119")
    aggregate = further[0] if further else syntax.Call(operator.start, "count", ())
    (pivoted,) = named_items(context, [column], bound.scope())
    used = {name.name for name in _names_in(aggregate)}
    keys = (
        named_items(context, further[1:], bound.scope())
        if further[1:]
        else tuple(kept(each) for each in bound.fields if each.name not in {pivoted.name, *used})
    )
    text = plan.Item(hidden("pivot"), converted(pivoted.value, ColumnType.STRING))
    measures = Measures(context, bound.scope())
    value = measures.over(aggregate, hidden("value"))
    counted = plan.Aggregation(bound.relation, (*keys, text), tuple(measures.found))
    shaped = plan.Projection(
        counted, (*(kept(key.field) for key in keys), kept(text.field), plan.Item(hidden("value"), value))
    )
    values = _pivot_values(context, shaped, text.name, operator)
    if values is None:
        bag = plan.Item(hidden("bag"), plan.Const(None, ColumnType.DYNAMIC))
        rows = plan.Projection(shaped, (*(kept(key.field) for key in keys), bag))
        return Bound(rows, bound.mistaken, bag=bag.name)
    return _turned(shaped, keys, values, value.type)


def _names_in(expression: syntax.Expression) -> list[syntax.Name]:
    match expression:
        case syntax.Name():
            return [expression]
        case syntax.Call(arguments=arguments):
            return [name for argument in arguments for name in _names_in(argument)]
        case _:
            return []


def _pivot_values(context: Context, shaped: plan.Relation, name: str, operator: syntax.Evaluate) -> list[str] | None:
    if operator.schema is not None:
        keys = {column.name for column in shaped.fields}
        return [column.name for column in operator.schema if column.name not in keys]
    if context.surroundings.probe is None:
        return None
    key = plan.Item("value", plan.Ref(name, ColumnType.STRING))
    return sorted(str(row["value"]) for row in context.surroundings.probe(plan.Aggregation(shaped, (key,), ())))


def _turned(shaped: plan.Relation, keys: Sequence[plan.Item], values: Sequence[str], kind: ColumnType) -> Bound:
    value, text = plan.Ref(hidden("value"), kind), plan.Ref(hidden("pivot"), ColumnType.STRING)
    same = SCALARS["=="][0]
    names = Names(key.name for key in keys)
    measures = [
        plan.Measure(
            names.free(each or "Column1"),
            AGGREGATES["take_anyif"],
            (value, plan.Apply(same, (text, plan.Const(each, ColumnType.STRING)), ColumnType.BOOL)),
            kind,
        )
        for each in values
    ]
    turned = plan.Aggregation(shaped, tuple(kept(key.field) for key in keys), tuple(measures))
    filled = tuple(plan.Item(measure.name, _or_zero(plan.Ref(measure.name, kind))) for measure in measures)
    return Bound(plan.Projection(turned, (*(kept(key.field) for key in keys), *filled)))


def _or_zero(value: plan.Ref) -> plan.Scalar:
    if value.type not in (ColumnType.LONG, ColumnType.INT, ColumnType.REAL):
        return value
    return plan.Apply(SCALARS["coalesce"][0], (value, plan.Const(0, value.type)), value.type)


def _narrow(context: Context, bound: Bound, operator: syntax.Evaluate) -> Bound:
    """A row for each cell: the number of its row, its column's name, its text."""
    del operator
    row = hidden("row")
    names = plan.Const([column.name for column in bound.fields], ColumnType.DYNAMIC)
    texts = [converted(ref(column), ColumnType.STRING) for column in bound.fields]
    values = plan.Apply(SCALARS["pack_array"][0], tuple(texts), ColumnType.DYNAMIC)
    cells = plan.Unnest(
        plan.Projection(
            plan.Numbered(bound.relation, row),
            (plan.Item("Row", plan.Ref(row, ColumnType.LONG)), *(kept(column) for column in bound.fields)),
        ),
        (
            plan.Expansion(hidden("name"), names, ColumnType.STRING),
            plan.Expansion(hidden("text"), values, ColumnType.STRING),
        ),
        None,
        pairs=False,
        limit=None,
    )
    del context
    items = (
        plan.Item("Row", plan.Ref("Row", ColumnType.LONG)),
        plan.Item("Column", plan.Ref(hidden("name"), ColumnType.STRING)),
        plan.Item("Value", plan.Ref(hidden("text"), ColumnType.STRING)),
    )
    return Bound(plan.Projection(cells, items))


def _rows_near(context: Context, bound: Bound, operator: syntax.Evaluate) -> Bound:
    """The rows at most so many rows before or behind one that meets a condition."""
    given = _arguments(context, operator.call, ("Condition", "NumRows", "RowsAfter"))
    if not {"Condition", "NumRows"} <= set(given) or len(operator.call.arguments) > len(given):
        raise context.wrong("rows_near() takes a condition and numbers of rows", operator.call.start, code="KS119")
    wanted = condition(context, given["Condition"], bound.scope())
    before = row_count(context, given["NumRows"])
    after = row_count(context, given["RowsAfter"]) if "RowsAfter" in given else before
    distances = (plan.Const(after, ColumnType.LONG), plan.Const(before, ColumnType.LONG))
    near = plan.WindowCall(hidden("near"), NEAR, (wanted, *distances), ColumnType.BOOL)
    found = plan.Filter(bound.windowed([near]).relation, plan.Ref(near.name, near.type))
    return bound.over(found).narrowed(bound.fields)


# --- ipv4_lookup ----------------------------------------------------------------------------------------------------


_LOOKUP = ("LookupTable", "SourceAddress", "LookupKey", "ExtraKey1", "ExtraKey2", "return_unmatched")


def _ip_lookup(context: Context, bound: Bound, operator: syntax.Evaluate) -> Bound:
    """Each row beside the rows of a table of networks that its address lies in."""
    flags = [item for item in operator.call.arguments if isinstance(item, syntax.Literal)]
    columns = replace(operator.call, arguments=tuple(item for item in operator.call.arguments if item not in flags))
    given = _arguments(context, columns, _LOOKUP)
    if flags:
        given["return_unmatched"] = flags[0]
    if not {"LookupTable", "SourceAddress", "LookupKey"} <= set(given):
        raise context.wrong(
            f"{operator.call.name}() takes a table, an address and the table's networks", operator.start, code="KS119"
        )
    right = queried(context, given["LookupTable"], NOTHING)
    if right is None:
        raise context.wrong("the first argument is a table", operator.start, code="KS116")
    unmatched = (
        bool(constant(context, given["return_unmatched"], "return_unmatched").value)
        if "return_unmatched" in given
        else False
    )
    address = converted(scalar(context, given["SourceAddress"], bound.scope()), ColumnType.STRING)
    network = converted(scalar(context, given["LookupKey"], right.scope()), ColumnType.STRING)
    extra = [_extra_key(context, given[name], bound, right) for name in ("ExtraKey1", "ExtraKey2") if name in given]
    names = Names(column.name for column in bound.fields)
    outputs = tuple(
        plan.Item(names.free(column.name), ref(column)) for column in right.fields if column.name not in extra
    )
    keys = tuple(plan.KeyPair(name, name) for name in extra)
    lookup = plan.NetworkJoin(
        bound.relation,
        right.relation,
        address,
        network,
        keys,
        tuple(kept(column) for column in bound.fields),
        outputs,
        unmatched,
        operator.call.name == "ipv6_lookup",
    )
    return Bound(lookup, bound.mistaken)


def _extra_key(context: Context, key: syntax.Expression, bound: Bound, right: Bound) -> str:
    """The name of a column that both tables have, under one type."""
    if not isinstance(key, syntax.Name):
        raise context.wrong("a further key is a column", key.start, code="KS109")
    for side in (bound, right):
        if side.scope().find(key.name) is None:
            raise unknown_column(context, key, Scope(side.fields))
    kinds = [required(side.scope().find(key.name)).type for side in (bound, right)]
    if kinds[0] is not kinds[1]:
        raise context.wrong(f"a {kinds[0]} and a {kinds[1]} cannot be joined", key.start, code=WRONG_TYPES)
    return key.name


PLUGINS: Mapping[str, Callable[[Context, Bound, syntax.Evaluate], Bound]] = {
    "bag_unpack": _bag_unpack,
    "pivot": _pivot,
    "narrow": _narrow,
    "rows_near": _rows_near,
    "ipv4_lookup": _ip_lookup,
    "ipv6_lookup": _ip_lookup,
}
