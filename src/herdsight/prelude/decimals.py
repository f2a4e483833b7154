"""Arithmetic that SQL has not: on decimals with all their digits, and on what dynamics hold."""

import math
import operator
from collections.abc import Callable
from decimal import Context, Decimal, DecimalException
from typing import Any

from herdsight.prelude.registry import Dynamic, function

_DIGITS = Context(prec=38)  # as many as a decimal has


def _modulo(value: Decimal, size: Decimal) -> Decimal:
    """The rest, which is never negative."""
    rest = _DIGITS.remainder(value, size)
    return rest + abs(size) if rest < 0 else rest


def _bin(value: Decimal, size: Decimal) -> Decimal | None:
    return _DIGITS.subtract(value, _modulo(value, size)) if size > 0 else None


_DECIMAL: dict[str, Callable[[Decimal, Decimal], Decimal | None]] = {
    "+": _DIGITS.add,
    "-": _DIGITS.subtract,
    "*": _DIGITS.multiply,
    "/": _DIGITS.divide,
    "%": _modulo,
    "bin": _bin,
}


@function
def kql_decimal(symbol: str, left: str, right: str) -> str | None:
    """What the operator makes of two decimals, which are texts here; None where it makes nothing of them."""
    try:
        result = _DECIMAL[symbol](Decimal(left), Decimal(right))
    except DecimalException:
        return None
    return f"{result:f}" if result is not None and result.is_finite() else None


def _quotient(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        return (abs(left) // abs(right)) * (1 if (left < 0) == (right < 0) else -1)
    return left / right


def _rest(left: float, right: float) -> float:
    rest = math.fmod(left, right)
    if isinstance(left, int) and isinstance(right, int):
        rest = left % abs(right)
    return rest + abs(right) if rest < 0 else rest


_NUMBER: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "%": _rest,
}
_MOST = 2**63


@function
def kql_dynamic_arithmetic(symbol: str, left: Dynamic, right: Dynamic) -> Dynamic:
    """What the operator makes of the numbers that two dynamics hold; None where one holds none."""
    if not _is_number(left) or not _is_number(right):
        return None
    try:
        result = _NUMBER[symbol](left, right)
    except (ArithmeticError, ValueError):
        return None
    return None if isinstance(result, int) and not -_MOST <= result < _MOST else result


def _is_number(value: Dynamic) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
