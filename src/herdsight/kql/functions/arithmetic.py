"""Arithmetic on numbers, datetimes and timespans."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions.model import DATETIME, LONG, NUMBER, TIMESPAN, Naming, Operand, Scalar, TypeSet
from herdsight.tables import ColumnType

_PAGE = "numerical-operators"
_TIME_PAGE = "datetime-timespan-arithmetic"


def wider(types: Sequence[ColumnType]) -> ColumnType:
    """The type of a number made of such numbers: long from whole ones, else real (decimal stays decimal)."""
    if ColumnType.REAL in types:
        return ColumnType.REAL
    return ColumnType.DECIMAL if ColumnType.DECIMAL in types else ColumnType.LONG


def cast(operand: Operand, kind: ColumnType) -> exp.Expr:
    """The operand as that type; as it is where it has it. A whole constant is an INTEGER in SQL, which overflows."""
    bare = operand.is_constant and kind is ColumnType.LONG
    return operand.sql if operand.type is kind and not bare else exp.Cast(this=operand.sql, to=trees.sql_type(kind))


def _numeric(node: type[exp.Binary]) -> Callable[[Operand, Operand], exp.Expr]:
    def lower(left: Operand, right: Operand) -> exp.Expr:
        kind = wider([left.type, right.type])
        return node(this=cast(left, kind), expression=cast(right, kind))

    return lower


def _whole_divide(left: Operand, right: Operand) -> exp.Expr:
    return trees.call("kql_divide", cast(left, ColumnType.LONG), cast(right, ColumnType.LONG))


def _modulo(left: Operand, right: Operand) -> exp.Expr:
    kind = wider([left.type, right.type])
    return trees.call("kql_modulo", cast(left, kind), cast(right, kind))


def _real_divide(left: Operand, right: Operand) -> exp.Expr:
    both = {"this": cast(left, ColumnType.REAL), "expression": cast(right, ColumnType.REAL)}
    return exp.Div(**both, typed=True, safe=False)


def _plain(node: type[exp.Binary]) -> Callable[[Operand, Operand], exp.Expr]:
    def lower(left: Operand, right: Operand) -> exp.Expr:
        return node(this=left.sql, expression=right.sql)

    return lower


def _scaled(left: Operand, right: Operand) -> exp.Expr:
    """Timespan times or by a number; microseconds stay whole."""
    span, factor = (left, right) if left.type is ColumnType.TIMESPAN else (right, left)
    product = exp.Mul(this=cast(span, ColumnType.REAL), expression=cast(factor, ColumnType.REAL))
    return exp.Cast(this=exp.Round(this=product), to=trees.sql_type(ColumnType.TIMESPAN))


def _part(left: Operand, right: Operand) -> exp.Expr:
    quotient = _real_divide(left, right)
    return exp.Cast(this=exp.Round(this=quotient), to=trees.sql_type(ColumnType.TIMESPAN))


def _bin_number(value: Operand, size: Operand) -> exp.Expr:
    kind = wider([value.type, size.type])
    name = "kql_bin_long" if kind is ColumnType.LONG else "kql_bin_real"
    return trees.call(name, cast(value, kind), cast(size, kind))


def _bin_timespan(value: Operand, size: Operand) -> exp.Expr:
    return trees.call("kql_bin_long", value.sql, size.sql)


def _bin_datetime(value: Operand, size: Operand) -> exp.Expr:
    return trees.call("kql_bin_datetime", value.sql, size.sql)


def _row(  # noqa: PLR0913,PLR0917 a row has as many cells as the table has columns
    name: str,
    left: TypeSet,
    right: TypeSet,
    result: ColumnType | Callable[[Sequence[ColumnType]], ColumnType],
    lower: Callable[[Operand, Operand], exp.Expr],
    evaluate: Callable[..., int | float] | None = None,
    page: str = _TIME_PAGE,
) -> Scalar:
    naming = Naming.ARGUMENT if name in ("bin", "floor") else Naming.NUMBERED
    return Scalar(name, (left, right), result, lower, page, naming=naming, evaluate=evaluate)


def _negated(types: Sequence[ColumnType]) -> ColumnType:
    return types[0] if types[0] is ColumnType.TIMESPAN else wider(types)


def _negate(value: Operand) -> exp.Expr:
    return exp.Neg(this=cast(value, _negated([value.type])))


def _rounded(node: Callable[[exp.Expr], exp.Expr]) -> Callable[[Operand], exp.Expr]:
    return lambda value: node(cast(value, ColumnType.REAL))


def _round(value: Operand, digits: Operand | None = None) -> exp.Expr:
    return exp.Round(this=cast(value, ColumnType.REAL), decimals=digits.sql if digits else None)


_BIN = tuple(
    row
    for name in ("bin", "floor")
    for row in (
        _row(name, NUMBER, NUMBER, wider, _bin_number, page="bin-function"),
        _row(name, TIMESPAN, TIMESPAN, ColumnType.TIMESPAN, _bin_timespan, page="bin-function"),
        _row(name, DATETIME, TIMESPAN, ColumnType.DATETIME, _bin_datetime, page="bin-function"),
    )
)

ROWS = (
    _row("+", NUMBER, NUMBER, wider, _numeric(exp.Add), lambda a, b: a + b, _PAGE),
    _row(
        "+",
        DATETIME,
        TIMESPAN,
        ColumnType.DATETIME,
        lambda t, d: trees.call("kql_later", t.sql, d.sql),
        lambda a, b: a + b,
    ),
    _row(
        "+",
        TIMESPAN,
        DATETIME,
        ColumnType.DATETIME,
        lambda d, t: trees.call("kql_later", t.sql, d.sql),
        lambda a, b: a + b,
    ),
    _row("+", TIMESPAN, TIMESPAN, ColumnType.TIMESPAN, _plain(exp.Add), lambda a, b: a + b),
    _row("-", NUMBER, NUMBER, wider, _numeric(exp.Sub), lambda a, b: a - b, _PAGE),
    _row(
        "-",
        DATETIME,
        TIMESPAN,
        ColumnType.DATETIME,
        lambda t, d: trees.call("kql_later", t.sql, exp.Neg(this=d.sql)),
        lambda a, b: a - b,
    ),
    _row(
        "-",
        DATETIME,
        DATETIME,
        ColumnType.TIMESPAN,
        lambda a, b: trees.call("kql_elapsed", b.sql, a.sql),
        lambda a, b: a - b,
    ),
    _row("-", TIMESPAN, TIMESPAN, ColumnType.TIMESPAN, _plain(exp.Sub), lambda a, b: a - b),
    _row("*", NUMBER, NUMBER, wider, _numeric(exp.Mul), lambda a, b: a * b, _PAGE),
    _row("*", TIMESPAN, NUMBER, ColumnType.TIMESPAN, _scaled, lambda a, b: round(a * b)),
    _row("*", NUMBER, TIMESPAN, ColumnType.TIMESPAN, _scaled, lambda a, b: round(a * b)),
    _row("/", LONG, LONG, ColumnType.LONG, _whole_divide, page=_PAGE),
    _row("/", NUMBER, NUMBER, ColumnType.REAL, _real_divide, page=_PAGE),
    _row("/", TIMESPAN, TIMESPAN, ColumnType.REAL, _real_divide),
    _row("/", TIMESPAN, NUMBER, ColumnType.TIMESPAN, _part),
    _row("%", LONG, LONG, ColumnType.LONG, _modulo, page=_PAGE),
    _row("%", NUMBER, NUMBER, ColumnType.REAL, _modulo, page=_PAGE),
    Scalar("negate", (NUMBER | TIMESPAN,), _negated, _negate, _PAGE, evaluate=lambda a: -a),
    *_BIN,
    Scalar("abs", (NUMBER,), wider, lambda x: exp.Abs(this=cast(x, wider([x.type]))), "abs-function"),
    Scalar("ceiling", (NUMBER,), ColumnType.REAL, _rounded(lambda x: exp.Ceil(this=x)), "ceiling-function"),
    Scalar("round", (NUMBER, LONG), ColumnType.REAL, _round, "round-function", Naming.PREFIXED, optional=1),
    Scalar("sqrt", (NUMBER,), ColumnType.REAL, _rounded(lambda x: exp.Sqrt(this=x)), "sqrt-function", Naming.PREFIXED),
    Scalar(
        "pow", (NUMBER, NUMBER), ColumnType.REAL, lambda x, y: exp.Pow(this=x.sql, expression=y.sql), "pow-function"
    ),
)
