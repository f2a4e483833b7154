"""Special functions and distributions: the error function, the beta distribution, and Welch's test."""

import math

from herdsight.prelude.registry import function

_NOTHING = 1e-300  # in place of a zero that would end a continued fraction
_PRECISION = 1e-16
_MOST_TERMS = 10_000
_MOST_SHAPE = 10_000  # Kusto computes no beta distribution beyond it


@function
def kql_erf(x: float) -> float:
    """The error function."""
    return math.erf(x)


@function
def kql_erfc(x: float) -> float:
    """1 less the error function, without the loss of digits that the subtraction has."""
    return math.erfc(x)


@function
def kql_beta_cdf(x: float, alpha: float, beta: float) -> float:
    """The probability that a value of the beta distribution is at most x; NaN outside its domain."""
    if not 0 <= x <= 1 or not 0 < alpha <= _MOST_SHAPE or not 0 < beta <= _MOST_SHAPE:
        return math.nan
    return _regularised(x, alpha, beta)


@function
def kql_beta_pdf(x: float, alpha: float, beta: float) -> float:
    """The density of the beta distribution at x; NaN outside its domain."""
    if not 0 < x < 1 or not alpha > 0 or not beta > 0:
        return math.nan
    return math.exp((alpha - 1) * math.log(x) + (beta - 1) * math.log1p(-x) - _log_beta(alpha, beta))


@function
def kql_beta_inv(probability: float, alpha: float, beta: float) -> float | None:
    """The x whose beta_cdf is the probability; NaN where there is none, None where the shape is none."""
    if not alpha > 0 or not beta > 0:
        return None
    if not 0 < probability <= 1:
        return math.nan
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _regularised(middle, alpha, beta) < probability else (low, middle)
    return high


@function
def kql_welch_test(  # noqa: PLR0913,PLR0917 three figures of each of two series
    mean1: float, variance1: float, count1: float, mean2: float, variance2: float, count2: float
) -> float | None:
    """The p-value of Welch's t-test: how likely two series with equal means differ so much, in either direction.

    The formulas are those of Welch (1947), "The generalization of Student's problem", with the degrees of freedom of
    Satterthwaite; Student's distribution is an incomplete beta function (NIST Digital Library of Mathematical
    Functions, 8.17.5 and 8.17.7).
    """
    if min(count1, count2) <= 1 or min(variance1, variance2) < 0 or variance1 + variance2 == 0:
        return None
    error1, error2 = variance1 / count1, variance2 / count2
    squared = (mean1 - mean2) ** 2 / (error1 + error2)
    freedom = (error1 + error2) ** 2 / (error1**2 / (count1 - 1) + error2**2 / (count2 - 1))
    return _regularised(freedom / (freedom + squared), freedom / 2, 0.5)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _regularised(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction where that converges quickly."""
    if x in (0, 1):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        return 1 - _regularised(1 - x, b, a)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b))
    return front / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of NIST DLMF 8.17.22, evaluated from its top by the method of Lentz."""
    value = numerator = 1.0
    denominator = 0.0
    for term in range(1, _MOST_TERMS):
        step = _coefficient(term, x, a, b)
        denominator = 1 / ((1 + step * denominator) or _NOTHING)
        numerator = (1 + step / numerator) or _NOTHING
        value *= numerator * denominator
        if abs(numerator * denominator - 1) < _PRECISION:
            break
    return value


def _coefficient(term: int, x: float, a: float, b: float) -> float:
    m = term // 2
    if term % 2 == 0:
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
