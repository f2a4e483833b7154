"""Arrays and sets of dynamics, and whether one holds a value.

What is no array has no elements, no length and no place: the result is null, and false of a test.
"""

from collections.abc import Callable, Sequence
from functools import reduce

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arithmetic import cast
from herdsight.kql.functions.conversions import boxed
from herdsight.kql.functions.model import (
    ANY,
    BOOL,
    DATETIME,
    DYNAMIC,
    LONG,
    NUMBER,
    TIMESPAN,
    Naming,
    Operand,
    Scalar,
    TypeSet,
    calls,
)
from herdsight.tables import ColumnType

Lower = Callable[..., exp.Expr]
_HOUR = 3_600_000_000


def element(operand: Operand) -> exp.Expr:
    """The operand as JSON text that may stand in an array or bag: null is spelt out there."""
    return exp.Coalesce(this=boxed(operand), expressions=[trees.text("null")])


def packed(*operands: Operand) -> exp.Expr:
    """An array of the operands, as JSON text."""
    separated = [part for operand in operands for part in (trees.text(","), element(operand))]
    return concatenated(trees.text("["), *separated[1:], trees.text("]"))


def concatenated(*parts: exp.Expr) -> exp.Expr:
    """Texts behind one another."""
    return exp.Concat(expressions=list(parts), safe=False, coalesce=False)


def _valued(name: str) -> Lower:
    """The prelude's function over dynamics, where other values may be given as well."""
    return lambda *operands: trees.call(name, *(boxed(operand) for operand in operands))


def _of_all(name: str) -> Lower:
    """The prelude's function over one array of all arguments."""
    return lambda *operands: trees.call(name, packed(*operands))


def _elements(operand: Operand) -> exp.Expr:
    return trees.call("kql_array", operand.sql)


def _joined(operands: Sequence[Operand]) -> exp.Expr:
    return reduce(lambda joined, more: trees.call("kql_joined", joined, more), map(_elements, operands))


def _concat(*operands: Operand) -> exp.Expr:
    return trees.call("kql_array_of", _joined(operands))


def _union(*operands: Operand) -> exp.Expr:
    return trees.call("kql_array_of", trees.call("kql_distinct", _joined(operands)))


def _difference(items: Operand, *others: Operand) -> exp.Expr:
    return trees.call("kql_array_of", trees.call("kql_difference", _elements(items), _joined(others)))


def _intersection(*operands: Operand) -> exp.Expr:
    common = reduce(lambda items, others: trees.call("kql_intersection", items, others), map(_elements, operands))
    return trees.call("kql_array_of", common)


# --- places in an array -----------------------------------------------------------------------------------------------


def _index_of(
    array: Operand,
    value: Operand,
    start: Operand | None = None,
    length: Operand | None = None,
    occurrence: Operand | None = None,
) -> exp.Expr:
    if start is None:
        return trees.call("kql_array_index_of", array.sql, element(value))
    most = length.sql if length else trees.number(-1)
    nth = occurrence.sql if occurrence else trees.number(1)
    return trees.call("kql_array_index_within", array.sql, element(value), start.sql, most, nth)


def _opposite(lower: Lower) -> Lower:
    """The same in the other direction."""

    def lowered(array: Operand, places: Operand, *more: Operand) -> exp.Expr:
        negated = trees.call("kql_subtract", trees.number(0), cast(places, ColumnType.LONG))
        return lower(array, Operand(negated, ColumnType.LONG), *more)

    return lowered


def _shift(array: Operand, places: Operand, filling: Operand | None = None) -> exp.Expr:
    fill = element(filling) if filling else trees.null(ColumnType.DYNAMIC)
    return trees.call("kql_array_shift", array.sql, places.sql, fill)


def _sort_result(types: Sequence[ColumnType]) -> ColumnType:
    """A dynamic; only the last argument of a sort may say where nulls stand.

    Raises:
        ValueError: another argument is no array.
    """
    if ColumnType.BOOL in types[:-1]:
        raise ValueError("arrays are sorted, and only the last argument may be a bool")
    return ColumnType.DYNAMIC


def _sort(name: str) -> Lower:
    def lower(*operands: Operand) -> exp.Expr:
        *arrays, last = operands
        if last.type is ColumnType.BOOL:
            return trees.call(name, packed(*arrays), last.sql)
        return trees.call(name, packed(*operands), exp.true())

    return lower


# --- arrays in equal steps --------------------------------------------------------------------------------------------


def _range(name: str, kind: ColumnType, step_kind: ColumnType, default: int) -> Lower:
    def lower(low: Operand, high: Operand, step: Operand | None = None) -> exp.Expr:
        by = step or Operand(trees.number(default), step_kind, default, is_constant=True)
        return trees.call(name, cast(low, kind), cast(high, kind), cast(by, step_kind))

    return lower


_RANGES = tuple(
    Scalar(
        "range",
        (moment, moment, step),
        ColumnType.DYNAMIC,
        _range(name, kind, step_kind, default),
        "range-function",
        optional=1,
    )
    for moment, step, name, kind, step_kind, default in (
        (LONG, LONG, "kql_range_long", ColumnType.LONG, ColumnType.LONG, 1),
        (NUMBER, NUMBER, "kql_range_real", ColumnType.REAL, ColumnType.REAL, 1),
        (DATETIME, TIMESPAN, "kql_range_datetime", ColumnType.DATETIME, ColumnType.TIMESPAN, _HOUR),
        (TIMESPAN, TIMESPAN, "kql_range_timespan", ColumnType.TIMESPAN, ColumnType.TIMESPAN, _HOUR),
    )
)


# --- tests ------------------------------------------------------------------------------------------------------------


def _holds(array: Operand, value: Operand) -> exp.Expr:
    return trees.call("kql_holds_number" if value.type in NUMBER else "kql_holds", array.sql, boxed(value))


def _holds_any_case(array: Operand, value: Operand) -> exp.Expr:
    folded = (exp.Lower(this=sql) for sql in (array.sql, boxed(value)))
    return trees.call("kql_holds", *folded)


# The names have a space so that no query can name them: `value in (array)`, of an array that is no constant.
_MEMBERSHIPS = (
    Scalar("in array", (ANY, DYNAMIC), ColumnType.BOOL, lambda value, array: _holds(array, value), "in-cs-operator"),
    Scalar(
        "in~ array", (ANY, DYNAMIC), ColumnType.BOOL, lambda value, array: _holds_any_case(array, value), "in-operator"
    ),
)


# --- the table --------------------------------------------------------------------------------------------------------


def _row(name: str, types: tuple[TypeSet, ...], lower: Lower, page: str = "", optional: int = 0) -> Scalar:
    """A function of a fixed number of arguments that gives a dynamic."""
    return Scalar(name, types, ColumnType.DYNAMIC, lower, page or _page(name), optional=optional)


def _rows_of_arrays(name: str, least: int, lower: Lower) -> Scalar:
    """A function of as many arrays as are given."""
    types = (DYNAMIC,) * (least + 1)
    return Scalar(name, types, ColumnType.DYNAMIC, lower, _page(name), optional=1, variadic=True)


def _sorting(name: str) -> Scalar:
    types = (DYNAMIC, DYNAMIC | BOOL)
    return Scalar(name, types, _sort_result, _sort(f"kql_{name}"), _page(name), optional=1, variadic=True)


def _length(name: str) -> Scalar:
    return Scalar(name, (DYNAMIC,), ColumnType.LONG, calls("kql_array_length"), "array-length-function")


def _page(name: str) -> str:
    return name.replace("_", "-") + "-function"


ROWS = (
    *_MEMBERSHIPS,
    *_RANGES,
    _rows_of_arrays("array_concat", 1, _concat),
    _rows_of_arrays("set_union", 2, _union),
    _rows_of_arrays("set_difference", 2, _difference),
    _rows_of_arrays("set_intersect", 2, _intersection),
    _rows_of_arrays("zip", 2, _of_all("kql_zip")),
    _sorting("array_sort_asc"),
    _sorting("array_sort_desc"),
    _length("array_length"),
    _length("arraylength"),
    _row("array_iff", (DYNAMIC, ANY, ANY), _valued("kql_array_iff")),
    _row("array_iif", (DYNAMIC, ANY, ANY), _valued("kql_array_iff"), "array-iff-function"),
    _row("array_reverse", (DYNAMIC,), calls("kql_array_reverse")),
    _row("array_rotate_left", (DYNAMIC, LONG), calls("kql_array_rotate")),
    _row("array_rotate_right", (DYNAMIC, LONG), _opposite(calls("kql_array_rotate"))),
    _row("array_shift_left", (DYNAMIC, LONG, ANY), _shift, optional=1),
    _row("array_shift_right", (DYNAMIC, LONG, ANY), _opposite(_shift), optional=1),
    _row("array_slice", (DYNAMIC, LONG, LONG), calls("kql_array_slice")),
    _row("array_split", (DYNAMIC, LONG | DYNAMIC), _valued("kql_array_split")),
    Scalar(
        "array_index_of",
        (DYNAMIC, ANY, LONG, LONG, LONG),
        ColumnType.LONG,
        _index_of,
        "array-index-of-function",
        optional=3,
    ),
    Scalar("array_sum", (DYNAMIC,), ColumnType.REAL, calls("kql_array_sum"), "array-sum-function"),
    Scalar("pack_array", (ANY, ANY), ColumnType.DYNAMIC, packed, "pack-array-function", optional=1, variadic=True),
    Scalar(
        "repeat",
        (ANY, LONG),
        ColumnType.DYNAMIC,
        lambda value, times: trees.call("kql_repeat", element(value), times.sql),
        "repeat-function",
        Naming.PREFIXED,
    ),
    Scalar(
        "set_has_element",
        (DYNAMIC, ANY),
        ColumnType.BOOL,
        _holds,
        "set-has-element-function",
    ),
    Scalar("set_equals", (DYNAMIC, DYNAMIC), ColumnType.BOOL, calls("kql_set_equals"), "set-equals-function"),
    _row("jaccard_index", (DYNAMIC, DYNAMIC), calls("kql_jaccard_index")),
)
