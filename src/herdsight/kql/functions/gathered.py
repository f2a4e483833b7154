"""Aggregates that gather the values themselves: sets, lists, bags, their schema, and what counts distinct values.

Nulls are passed over. Sets are ordered by value and the keys of bags by name, so that the same data gives the same
answer. A list has the order in which the engine hands over the rows.
"""

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.conditional import Lower, with_condition
from herdsight.kql.functions.conversions import boxed
from herdsight.kql.functions.model import ANY, DYNAMIC, LONG, Aggregate, Naming, Operand, Scalar, TypeSet, calls
from herdsight.tables import ColumnType

_MOST = 1_048_576  # elements that an array or bag has at most
_MOST_ONCE = 128  # what makeset and makelist have by default, the older names

# Types whose lists the engine writes as JSON by itself.
_PLAIN = frozenset((ColumnType.BOOL, ColumnType.INT, ColumnType.LONG, ColumnType.STRING, ColumnType.GUID))


def as_array(items: exp.Expr, kind: ColumnType) -> exp.Expr:
    """A SQL list of values of that type as a dynamic array."""
    if kind in _PLAIN:
        return trees.call("kql_boxed", items)
    element = Operand(trees.column("element"), kind)
    json = exp.Cast(this=boxed(element), to=exp.DataType.build("JSON"))
    each = exp.Lambda(this=json, expressions=[exp.to_identifier("element", quoted=True)])
    return trees.call("kql_boxed", trees.call("list_transform", items, each))


def _listed(value: Operand) -> exp.Expr:
    return _known(exp.ArrayAgg(this=value.sql.copy()), value)


def _distinct(value: Operand) -> exp.Expr:
    """The distinct values. Equal ones are gone before anything is gathered, which is what keeps the memory small."""
    return _known(exp.ArrayAgg(this=exp.Distinct(expressions=[value.sql.copy()])), value)


def _known(gathered: exp.Expr, value: Operand) -> exp.Expr:
    is_known = exp.Not(this=exp.Is(this=value.sql.copy(), expression=exp.null()))
    return exp.Filter(this=gathered, expression=exp.Where(this=is_known))


def _sorted(value: Operand) -> exp.Expr:
    return trees.call("list_sort", _distinct(value))


def _limit(most: Operand | None, default: int) -> exp.Expr:
    if most is None:
        return trees.number(default)
    if isinstance(most.value, int):
        return trees.number(min(max(most.value, 0), _MOST))
    return exp.Max(this=most.sql)  # one for all rows, whichever say how many


def _cut(items: exp.Expr, most: Operand | None, default: int) -> exp.Expr:
    return trees.call("kql_cut", items, _limit(most, default))


def _set(default: int = _MOST) -> Lower:
    """The distinct values; of arrays their elements."""

    def lower(value: Operand, most: Operand | None = None) -> exp.Expr:
        if value.type is ColumnType.DYNAMIC:
            return trees.call("kql_union_of", _distinct(value), _limit(most, default))
        return as_array(_cut(_sorted(value), most, default), value.type)

    return lower


def _list(default: int = _MOST) -> Lower:
    return lambda value, most=None: as_array(_cut(_listed(value), most, default), value.type)


def _list_with_nulls(value: Operand) -> exp.Expr:
    return as_array(_cut(exp.ArrayAgg(this=value.sql), None, _MOST), value.type)


def _bag(value: Operand, most: Operand | None = None) -> exp.Expr:
    return trees.call("kql_bag_of", _distinct(value), _limit(most, _MOST))


def _schema(value: Operand) -> exp.Expr:
    return trees.call("kql_schema", as_array(_sorted(value), value.type))


def _counter(value: Operand, accuracy: Operand | None = None) -> exp.Expr:
    """What dcount_hll counts: the distinct values themselves, which makes its count exact."""
    del accuracy
    return as_array(_sorted(value), value.type)


def _merged_counter(value: Operand) -> exp.Expr:
    return trees.call("kql_union_of", _distinct(value), _all())


def _row(name: str, parameters: tuple[TypeSet, ...], lower: Lower, prefix: str, page: str | None = None) -> Aggregate:
    """An aggregate whose first argument must be given."""
    reference = f"{(page or name).replace('_', '-')}-aggregation-function"
    return Aggregate(name, parameters, ColumnType.DYNAMIC, lower, reference, prefix, len(parameters) - 1)


ROWS = (
    *with_condition(_row("make_set", (ANY, LONG), _set(), "set"), "_if", "set"),
    _row("makeset", (ANY, LONG), _set(_MOST_ONCE), "set", "make_set"),
    *with_condition(_row("make_list", (ANY, LONG), _list(), "list"), "_if", "list"),
    _row("makelist", (ANY, LONG), _list(_MOST_ONCE), "list", "make_list"),
    _row("make_list_with_nulls", (ANY,), _list_with_nulls, "list"),
    *with_condition(_row("make_bag", (DYNAMIC, LONG), _bag, "bag"), "_if", "bag"),
    _row("make_dictionary", (DYNAMIC, LONG), _bag, "dictionary", "make_bag"),
    _row("buildschema", (DYNAMIC,), _schema, "schema"),
    *with_condition(_row("hll", (ANY, LONG), _counter, "hll"), "_if"),
    _row("hll_merge", (DYNAMIC,), _merged_counter, "hll_merge"),
)


def _merge_given(*counters: Operand) -> exp.Expr:
    return trees.call("kql_union_of", exp.Array(expressions=[each.sql for each in counters]), _all())


def _all() -> exp.Expr:
    return trees.number(2**63 - 1)  # elements: without a limit


SCALAR_ROWS = (
    Scalar(
        "hll_merge",
        (DYNAMIC, DYNAMIC),
        ColumnType.DYNAMIC,
        _merge_given,
        "hll-merge-function",
        variadic=True,
    ),
    Scalar("dcount_hll", (DYNAMIC,), ColumnType.LONG, calls("kql_dcount_hll"), "dcount-hll-function", Naming.PREFIXED),
)
