"""Functions that are no row of the table: their arguments are no values, or their value is not the arguments' alone."""

from herdsight.kql import plan, syntax
from herdsight.kql.binding.applying import WRONG_TYPES, apply
from herdsight.kql.binding.items import bare
from herdsight.kql.binding.scalars import SPECIAL, Special, queried, scalar
from herdsight.kql.binding.scope import NOTHING, Context, Scope, hidden, ref
from herdsight.kql.functions import SCALARS
from herdsight.kql.functions.internal import FILLED
from herdsight.tables import ColumnType


def _to_scalar(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    if len(call.arguments) != 1:
        raise context.wrong("toscalar() takes one query", call.start, code=WRONG_TYPES)
    query = queried(context, call.arguments[0], NOTHING)
    if query is None:  # a value is its own, and a name means one that is bound before it means a column
        bound = context.names.get(_name_of(call.arguments[0]))
        return bound if isinstance(bound, plan.Scalar) else scalar(context, call.arguments[0], scope)
    column = query.fields[0]
    return plan.ScalarQuery(query.only(column), column.type)


def _name_of(expression: syntax.Expression) -> str:
    return expression.name if isinstance(expression, syntax.Name) else ""


def _column_if_exists(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    if len(call.arguments) != 2:  # noqa: PLR2004 a name and a default
        raise context.wrong("column_ifexists() takes a column's name and a default", call.start, code=WRONG_TYPES)
    name = scalar(context, call.arguments[0], NOTHING)
    if not isinstance(name, plan.Const) or not isinstance(name.value, str):
        raise context.wrong("the column's name must be a constant string", call.start, code="KS131")
    found = scope.find(name.value)
    return ref(found) if found else scalar(context, call.arguments[1], scope)


def _pack_all(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    """A bag of all columns in reach; pack_all(true) leaves out what is null or empty."""
    columns = [column for column in scope.fields if not column.name.startswith("#")]
    pairs = [part for column in columns for part in (plan.Const(column.name, ColumnType.STRING), ref(column))]
    bag = plan.Apply(SCALARS["bag_pack"][0], tuple(pairs), ColumnType.DYNAMIC)
    flags = [scalar(context, argument, NOTHING) for argument in call.arguments]
    if flags and isinstance(flags[0], plan.Const) and flags[0].value:
        return plan.Apply(FILLED, (bag,), ColumnType.DYNAMIC)
    return bag


def _pack_columns(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    """A bag of columns under their own names."""
    pairs: list[plan.Scalar] = []
    for argument in call.arguments:
        if not isinstance(argument, syntax.Name):
            raise context.wrong("bag_pack_columns() takes columns", argument.start, code="KS114")
        pairs += [plan.Const(argument.name, ColumnType.STRING), scalar(context, argument, scope)]
    return plan.Apply(SCALARS["bag_pack"][0], tuple(pairs), ColumnType.DYNAMIC)


def _ingestion_time(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    """When a row was taken in, which logs do not say: the time of the event stands for it, with a warning."""
    column = scope.find("TimeGenerated")
    if column is None:
        return plan.Const(None, ColumnType.DATETIME)
    context.warn("logs do not say when they were taken in: ingestion_time() is TimeGenerated", call.start)
    return ref(column)


def _place(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    """Where an address is: nowhere, for there is no database of places; said, and not in silence."""
    for argument in call.arguments:
        scalar(context, argument, scope)
    context.warn("there is no database of places: geo_info_from_ip_address() finds none", call.start)
    nowhere: dict[str, syntax.Value] = {"country": "", "state": "", "city": "", "latitude": None, "longitude": None}
    return plan.Const(nowhere, ColumnType.DYNAMIC)


def _now(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    """The query's own time, which has no value until the plan is lowered."""
    if len(call.arguments) > 1:
        raise context.wrong("now() takes an offset at most", call.start, code=WRONG_TYPES)
    offset = [scalar(context, argument, scope) for argument in call.arguments]
    return apply(context, "+", [plan.Now(), *offset], call.start) if offset else plan.Now()


def _ago(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    arguments = [scalar(context, argument, scope) for argument in call.arguments]
    if [argument.type for argument in arguments] != [ColumnType.TIMESPAN]:
        raise context.wrong("ago() takes one timespan", call.start, code=WRONG_TYPES, hint="for example ago(24h)")
    return apply(context, "-", [plan.Now(), *arguments], call.start)


BIN_OPTIONS = ("query_bin_auto_size", "query_bin_auto_at")


def _bin_auto(context: Context, call: syntax.Call, scope: Scope) -> plan.Scalar:
    """A bin whose size, and a point that lies at the begin of one, options of the query say."""
    if len(call.arguments) != 1:
        raise context.wrong("bin_auto() takes one value", call.start, code=WRONG_TYPES)
    size, at = (context.names.get(hidden(option)) for option in BIN_OPTIONS)
    if not isinstance(size, plan.Const):
        hint = f"write set {BIN_OPTIONS[0]} = 1h; before the query"
        raise context.wrong("bin_auto() does not know how large a bin is", call.start, code="KS106", hint=hint)
    value = scalar(context, bare(call.arguments[0]), scope)
    if isinstance(at, plan.Const):
        return apply(context, "bin_at", [value, size, at], call.start)
    return apply(context, "bin", [value, size], call.start)


# What is no call of a row of the table: its arguments are not values.
_SPECIAL: dict[str, Special] = {
    "now": _now,
    "ago": _ago,
    "toscalar": _to_scalar,
    "column_ifexists": _column_if_exists,
    "columnifexists": _column_if_exists,
    "pack_all": _pack_all,
    "bag_pack_columns": _pack_columns,
    "ingestion_time": _ingestion_time,
    "bin_auto": _bin_auto,
    "geo_info_from_ip_address": _place,
}

SPECIAL.update(_SPECIAL)
