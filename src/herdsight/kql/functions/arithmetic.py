"""The operators of arithmetic, and bins: on numbers, datetimes, timespans and what dynamics hold."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from herdsight import trees
from herdsight.kql.functions import dates
from herdsight.kql.functions.model import (
    DATETIME,
    DYNAMIC,
    LONG,
    NUMBER,
    TIMESPAN,
    Naming,
    Operand,
    Result,
    Scalar,
    TypeSet,
    calls,
)
from herdsight.kql.syntax import Value
from herdsight.tables import ColumnType

_PAGE = "numerical-operators"
_TIME_PAGE = "datetime-timespan-arithmetic"
_EXACT = NUMBER - {ColumnType.DECIMAL}  # what Python computes as the engine does
_Lower = Callable[[Operand, Operand], exp.Expr]


def wider(types: Sequence[ColumnType]) -> ColumnType:
    """The type of a number made of such numbers: long from whole ones, else real; decimal where there is one."""
    if ColumnType.DECIMAL in types:
        return ColumnType.DECIMAL
    return ColumnType.REAL if ColumnType.REAL in types else ColumnType.LONG


def cast(operand: Operand, kind: ColumnType) -> exp.Expr:
    """The operand as that type; as it is where it has it. A whole constant is an INTEGER in SQL, which overflows."""
    bare = operand.is_constant and kind is ColumnType.LONG
    if operand.type is kind and not bare:
        return operand.sql
    # A real may be too large for a decimal, or no number.
    node = exp.TryCast if kind is ColumnType.DECIMAL else exp.Cast
    return node(this=operand.sql, to=trees.sql_type(kind))


def _numeric(symbol: str, node: type[exp.Binary], whole: str) -> _Lower:
    """An operator on two numbers; of whole ones by the macro of that name, which minds 64 bits."""

    def lower(left: Operand, right: Operand) -> exp.Expr:
        match kind := wider([left.type, right.type]):
            case ColumnType.DECIMAL:
                return _decimal(symbol)(left, right)
            case ColumnType.LONG:
                return trees.call(whole, cast(left, kind), cast(right, kind))
            case _:
                return node(this=cast(left, kind), expression=cast(right, kind))

    return lower


def _decimal(symbol: str) -> _Lower:
    """An operator on decimals, which SQL computes with fewer digits than they have."""

    def lower(left: Operand, right: Operand) -> exp.Expr:
        digits = (exp.Cast(this=side.sql, to=trees.sql_type(ColumnType.STRING)) for side in (left, right))
        computed = trees.call("kql_decimal", trees.text(symbol), *digits)
        return exp.TryCast(this=computed, to=trees.sql_type(ColumnType.DECIMAL))

    return lower


def _dynamic(symbol: str) -> _Lower:
    return lambda left, right: trees.call("kql_dynamic_arithmetic", trees.text(symbol), left.sql, right.sql)


def _divide(left: Operand, right: Operand) -> exp.Expr:
    if ColumnType.DECIMAL in (left.type, right.type):
        return _decimal("/")(left, right)
    both = {"this": cast(left, ColumnType.REAL), "expression": cast(right, ColumnType.REAL)}
    return exp.Div(**both, typed=True, safe=False)


def _modulo(left: Operand, right: Operand) -> exp.Expr:
    kind = wider([left.type, right.type])
    if kind is ColumnType.DECIMAL:
        return _decimal("%")(left, right)
    name = "kql_modulo" if kind is ColumnType.LONG else "kql_modulo_real"
    return trees.call(name, cast(left, kind), cast(right, kind))


def _span(sql: exp.Expr) -> exp.Expr:
    """A real count of microseconds as a timespan; null where it is too large."""
    return exp.TryCast(this=exp.Round(this=sql), to=trees.sql_type(ColumnType.TIMESPAN))


def _scaled(left: Operand, right: Operand) -> exp.Expr:
    """Timespan times a number or a number times a timespan; microseconds stay whole."""
    span, factor = (left, right) if left.type is ColumnType.TIMESPAN else (right, left)
    if factor.type in LONG:
        return trees.call("kql_multiply", span.sql, factor.sql)
    return _span(exp.Mul(this=cast(span, ColumnType.REAL), expression=cast(factor, ColumnType.REAL)))


def _part(left: Operand, right: Operand) -> exp.Expr:
    real = Operand(cast(right, ColumnType.REAL), ColumnType.REAL)
    return _span(_divide(left, real))


def _ticks(time: Operand) -> Operand:
    """The time as a count of microseconds since 0001-01-01, which a timespan divides."""
    origin = Operand(trees.timestamp(dates.FIRST), ColumnType.DATETIME)
    return Operand(trees.call("kql_elapsed", origin.sql, time.sql), ColumnType.TIMESPAN)


def _later(time: Operand, span: Operand) -> exp.Expr:
    return trees.call("kql_later", time.sql, span.sql)


def _earlier(time: Operand, span: Operand) -> exp.Expr:
    return trees.call("kql_later", time.sql, exp.Neg(this=span.sql))


def _negated(types: Sequence[ColumnType]) -> ColumnType:
    return types[0] if types[0] in (ColumnType.TIMESPAN, ColumnType.DYNAMIC) else wider(types)


def _negate(value: Operand) -> exp.Expr:
    zero = Operand(trees.number(0), ColumnType.LONG, 0, is_constant=True)
    match kind := _negated([value.type]):
        case ColumnType.DYNAMIC:
            return _dynamic("-")(Operand(trees.text("0"), kind), value)
        case ColumnType.LONG | ColumnType.TIMESPAN:
            return trees.call("kql_subtract", zero.sql, cast(value, kind))
        case _:
            return exp.Neg(this=cast(value, kind))


def _bin_number(value: Operand, size: Operand) -> exp.Expr:
    kind = wider([value.type, size.type])
    if kind is ColumnType.DECIMAL:
        return _decimal("bin")(value, size)
    return trees.call("kql_bin_real", cast(value, kind), cast(size, kind))


def _bin_number_at(value: Operand, size: Operand, origin: Operand) -> exp.Expr:
    kind = wider([value.type, size.type, origin.type])
    distance = Operand(_numeric("-", exp.Sub, "kql_subtract")(value, origin), kind)
    lower = calls("kql_bin_long") if kind is ColumnType.LONG else _bin_number
    return _numeric("+", exp.Add, "kql_add")(origin, Operand(lower(distance, size), kind))


def _opposite(value: Value) -> Value:
    """The value with the other sign; None of what a dynamic holds that is no number."""
    return -value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _row(  # noqa: PLR0913,PLR0917 a row has as many cells as the table has columns
    name: str,
    left: TypeSet,
    right: TypeSet,
    result: Result,
    lower: _Lower,
    evaluate: Callable[..., Value] | None = None,
    page: str = _TIME_PAGE,
) -> Scalar:
    return Scalar(name, (left, right), result, lower, page, evaluate=evaluate)


def _number_rows(name: str, lower: _Lower, evaluate: Callable[..., Value] | None = None) -> tuple[Scalar, ...]:
    """The operator on numbers, on decimals, and on what two dynamics hold."""
    return (
        _row(name, _EXACT, _EXACT, wider, lower, evaluate, _PAGE),
        _row(name, NUMBER, NUMBER, wider, lower, page=_PAGE),
        _row(name, DYNAMIC, DYNAMIC, ColumnType.DYNAMIC, _dynamic(name), page=_PAGE),
    )


_SPANS = (TIMESPAN, TIMESPAN)
_TIME_AND_SPAN = (DATETIME, TIMESPAN)
_plus, _minus, _times = (
    _numeric("+", exp.Add, "kql_add"),
    _numeric("-", exp.Sub, "kql_subtract"),
    _numeric("*", exp.Mul, "kql_multiply"),
)

# Where a dynamic stands beside a datetime or a timespan, the first of the rows that fit says what it is taken as.
_OPERATORS = (
    *_number_rows("+", _plus, lambda a, b: a + b),
    _row("+", *_SPANS, ColumnType.TIMESPAN, calls("kql_add"), lambda a, b: a + b),
    _row("+", *_TIME_AND_SPAN, ColumnType.DATETIME, _later, lambda a, b: a + b),
    _row("+", TIMESPAN, DATETIME, ColumnType.DATETIME, lambda d, t: _later(t, d), lambda a, b: a + b),
    *_number_rows("-", _minus, lambda a, b: a - b),
    _row("-", *_SPANS, ColumnType.TIMESPAN, calls("kql_subtract"), lambda a, b: a - b),
    _row(
        "-",
        DATETIME,
        DATETIME,
        ColumnType.TIMESPAN,
        lambda a, b: trees.call("kql_elapsed", b.sql, a.sql),
        lambda a, b: a - b,
    ),
    _row("-", *_TIME_AND_SPAN, ColumnType.DATETIME, _earlier, lambda a, b: a - b),
    *_number_rows("*", _times, lambda a, b: a * b),
    _row("*", TIMESPAN, NUMBER, ColumnType.TIMESPAN, _scaled, lambda a, b: dates.whole(a * b)),
    _row("*", NUMBER, TIMESPAN, ColumnType.TIMESPAN, _scaled, lambda a, b: dates.whole(a * b)),
    _row("/", LONG, LONG, ColumnType.LONG, calls("kql_divide"), dates.divided, _PAGE),
    *_number_rows("/", _divide, dates.ratio),
    _row("/", *_SPANS, ColumnType.REAL, _divide, dates.ratio),
    _row("/", TIMESPAN, NUMBER, ColumnType.TIMESPAN, _part, lambda a, b: dates.whole(dates.ratio(a, b))),
    _row("/", *_TIME_AND_SPAN, ColumnType.REAL, lambda t, d: _divide(_ticks(t), d)),
    *_number_rows("%", _modulo),
    _row("%", *_SPANS, ColumnType.TIMESPAN, calls("kql_modulo")),
    _row("%", *_TIME_AND_SPAN, ColumnType.TIMESPAN, lambda t, d: trees.call("kql_modulo", _ticks(t).sql, d.sql)),
    Scalar("negate", (NUMBER | TIMESPAN | DYNAMIC,), _negated, _negate, _PAGE, evaluate=_opposite),
)

_BINS = tuple(
    Scalar(name, kinds, result, lower, "bin-function", Naming.ARGUMENT, evaluate=evaluate)
    for name in ("bin", "floor")
    for kinds, result, lower, evaluate in (
        ((LONG, LONG), ColumnType.LONG, calls("kql_bin_long"), dates.bin_of),
        ((NUMBER, NUMBER), wider, _bin_number, None),
        (_SPANS, ColumnType.TIMESPAN, calls("kql_bin_long"), dates.bin_of),
        (_TIME_AND_SPAN, ColumnType.DATETIME, calls("kql_bin_datetime"), dates.bin_of_time),
    )
)
_BINS_AT = tuple(
    Scalar("bin_at", kinds, result, lower, "bin-at-function", Naming.ARGUMENT)
    for kinds, result, lower in (
        ((NUMBER, NUMBER, NUMBER), wider, _bin_number_at),
        ((TIMESPAN, TIMESPAN, TIMESPAN), ColumnType.TIMESPAN, _bin_number_at),
        ((DATETIME, TIMESPAN, DATETIME), ColumnType.DATETIME, calls("kql_bin_datetime_at")),
    )
)
ROWS = (*_OPERATORS, *_BINS, *_BINS_AT)
