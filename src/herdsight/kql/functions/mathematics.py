"""Functions of numbers: powers, angles, bits, distributions, units of measurement, and what is rounded or chosen."""

import math
from collections.abc import Callable, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.arithmetic import cast, wider
from herdsight.kql.functions.model import (
    BOOL,
    DATETIME,
    LONG,
    NUMBER,
    STRING,
    TIMESPAN,
    Naming,
    Operand,
    Scalar,
    first,
)
from herdsight.tables import ColumnType

_QUANTITIES = ("angle", "energy", "force", "length", "mass", "speed", "temperature", "volume")
_INT_VALUES = 2**32
_WIDE = exp.DataType.build("HUGEINT", dialect="duckdb")  # holds what a long is rounded to


def _page(name: str) -> str:
    return f"{name.replace('_', '-')}-function"


def _real(
    name: str,
    function: str,
    naming: Naming = Naming.ARGUMENT,
    arguments: int = 1,
    result: ColumnType = ColumnType.REAL,
) -> Scalar:
    """A function of reals that is the engine's function of that name."""

    def lower(*operands: Operand) -> exp.Expr:
        return trees.call(function, *(cast(operand, ColumnType.REAL) for operand in operands))

    return Scalar(name, (NUMBER,) * arguments, result, lower, _page(name), naming)


def _bits(name: str, lower: Callable[..., exp.Expr], arguments: int = 2) -> Scalar:
    """A function of the 64 bits of whole numbers."""

    def of_longs(*operands: Operand) -> exp.Expr:
        return lower(*(cast(operand, ColumnType.LONG) for operand in operands))

    return Scalar(name, (LONG,) * arguments, ColumnType.LONG, of_longs, _page(name), Naming.ARGUMENT)


def _bitwise(node: type[exp.Binary]) -> Callable[[exp.Expr, exp.Expr], exp.Expr]:
    return lambda left, right: node(this=left, expression=right)


def _macro(name: str) -> Callable[..., exp.Expr]:
    return lambda *arguments: trees.call(name, *arguments)


def _converted_unit(quantity: str) -> Scalar:
    def lower(value: Operand, source: Operand, target: Operand) -> exp.Expr:
        return trees.call("kql_convert", trees.text(quantity), cast(value, ColumnType.REAL), source.sql, target.sql)

    name = f"convert_{quantity}"
    return Scalar(name, (NUMBER, STRING, STRING), ColumnType.REAL, lower, _page(name))


def _absolute_type(types: Sequence[ColumnType]) -> ColumnType:
    return types[0] if types[0] is ColumnType.TIMESPAN else wider(types)


def _absolute(value: Operand) -> exp.Expr:
    kind = _absolute_type([value.type])
    if kind in (ColumnType.LONG, ColumnType.TIMESPAN):
        return trees.call("kql_absolute", cast(value, kind))
    return exp.Abs(this=cast(value, kind))


def _ceiling(value: Operand) -> exp.Expr:
    up = exp.Ceil(this=value.sql)
    match value.type:
        case ColumnType.REAL:
            return up
        case ColumnType.DECIMAL:
            return exp.TryCast(this=up, to=trees.sql_type(ColumnType.DECIMAL))
        case _:
            return cast(value, value.type)


def _round(value: Operand, digits: Operand | None = None) -> exp.Expr:
    """Halves are rounded away from zero; negative digits round before the point."""
    if value.type in LONG and digits is None:
        return cast(value, value.type)
    if digits is not None and digits.is_constant and digits.value is None:
        return trees.null(value.type)
    places = trees.call("kql_places", digits.sql) if digits else None
    rounded = exp.Round(this=_to_be_rounded(value, digits), decimals=places)
    return rounded if value.type is ColumnType.REAL else exp.TryCast(this=rounded, to=trees.sql_type(value.type))


def _to_be_rounded(value: Operand, digits: Operand | None) -> exp.Expr:
    if value.type in LONG:
        return exp.Cast(this=value.sql, to=_WIDE)
    if value.type is ColumnType.DECIMAL and digits is not None and not digits.is_constant:
        return cast(value, ColumnType.REAL)  # the engine rounds decimals to a constant number of digits alone
    return value.sql


def _complement(value: exp.Expr) -> exp.Expr:
    return exp.paren(exp.BitwiseNot(this=exp.paren(value)))  # signs side by side would be read as another operator


def _random(count: Operand | None = None) -> exp.Expr:
    """A real of [0, 1), or a whole one of that many from 0 on."""
    return trees.call("kql_rand", cast(count, ColumnType.REAL)) if count else trees.call("random")


def _hex(value: Operand, length: Operand | None = None) -> exp.Expr:
    values = _INT_VALUES if value.type is ColumnType.INT else 0
    digits = trees.call("kql_hex", value.sql, trees.number(values))
    written = trees.call("kql_hex_padded", digits, length.sql) if length else digits
    return exp.Coalesce(this=written, expressions=[trees.text("")])


def _extreme(function: str) -> Callable[..., exp.Expr]:
    """The greatest or the least of the arguments that are not null."""

    def lower(*operands: Operand) -> exp.Expr:
        kind = _common([operand.type for operand in operands])
        return trees.call(function, *(cast(operand, kind) for operand in operands))

    return lower


def _common(types: Sequence[ColumnType]) -> ColumnType:
    return types[0] if len(set(types)) == 1 else wider(types)


# name -> the engine's function of one real
_OF_ONE = {
    "acos": "kql_acos",
    "asin": "kql_asin",
    "atan": "atan",
    "cos": "cos",
    "erf": "kql_erf",
    "erfc": "kql_erfc",
    "exp": "exp",
    "gamma": "gamma",
    "log": "kql_log",
    "log10": "kql_log10",
    "log2": "kql_log2",
    "loggamma": "lgamma",
    "sin": "sin",
    "sqrt": "kql_sqrt",
    "tan": "tan",
}
_BASES = {"exp2": 2, "exp10": 10}

ROWS = (
    *(_real(name, function) for name, function in _OF_ONE.items()),
    *(
        Scalar(
            name,
            (NUMBER,),
            ColumnType.REAL,
            lambda x, base=base: trees.call("pow", trees.number(base), cast(x, ColumnType.REAL)),
            _page(name),
            Naming.ARGUMENT,
        )
        for name, base in _BASES.items()
    ),
    *(_real(name, name, Naming.NUMBERED) for name in ("cot", "degrees", "radians")),
    _real("sign", "kql_sign", Naming.NUMBERED),
    _real("pow", "pow", arguments=2),
    _real("atan2", "atan2", arguments=2),
    _real("geo_distance_2points", "kql_distance", arguments=4),
    Scalar("pi", (), ColumnType.REAL, lambda: trees.call("pi"), "pi-function", evaluate=lambda: math.pi),
    Scalar("rand", (LONG,), ColumnType.REAL, _random, "rand-function", Naming.ARGUMENT, optional=1),
    *(_real(name, f"kql_{name}", Naming.NUMBERED, 3) for name in ("beta_cdf", "beta_inv", "beta_pdf")),
    _real("welch_test", "kql_welch_test", Naming.NUMBERED, 6),
    *(_converted_unit(quantity) for quantity in _QUANTITIES),
    Scalar("abs", (NUMBER | TIMESPAN,), _absolute_type, _absolute, "abs-function", Naming.ARGUMENT),
    Scalar("ceiling", (NUMBER,), first, _ceiling, "ceiling-function", Naming.ARGUMENT),
    Scalar("round", (NUMBER, LONG), first, _round, "round-function", Naming.ARGUMENT, optional=1),
    *(_real(name, name, Naming.NUMBERED, result=ColumnType.BOOL) for name in ("isinf", "isfinite")),
    _bits("binary_and", _bitwise(exp.BitwiseAnd)),
    _bits("binary_or", _bitwise(exp.BitwiseOr)),
    _bits("binary_xor", _macro("xor")),
    _bits("binary_not", _complement, arguments=1),
    _bits("binary_shift_left", _macro("kql_shift_left")),
    _bits("binary_shift_right", _macro("kql_shift_right")),
    _bits("bitset_count_ones", _macro("bit_count"), arguments=1),
    Scalar("tohex", (LONG, LONG), ColumnType.STRING, _hex, "tohex-function", Naming.ARGUMENT, optional=1),
    *(
        Scalar(name, (kinds, kinds), _common, _extreme(function), _page(name), variadic=True)
        for name, function in (("max_of", "greatest"), ("min_of", "least"))
        for kinds in (NUMBER, STRING, DATETIME, TIMESPAN, BOOL)
    ),
)
