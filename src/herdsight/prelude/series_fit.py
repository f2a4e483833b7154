"""Lines and polynomials fitted to a series by least squares; the first element stands at x = 1.

A variance is the sample's, with n - 1 below the line, that of the residuals too. The coefficient of determination is
1 - residual variance / variance (https://en.wikipedia.org/wiki/Coefficient_of_determination); a constant series, which
varies by nothing, is fitted exactly.
"""

from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from herdsight.prelude.registry import Dynamic, function
from herdsight.prelude.series import Reals, finite, listed, unwarned

_LEAST = 2  # points that make a line
_HIGHEST = 100  # degree of a polynomial
_LINE = ("rsquare", "slope", "variance", "rvariance", "interception")  # in Kusto's order


def line(values: Reals) -> tuple[float, float]:
    """Slope and interception of the line y = slope * x + interception through at least one value."""
    x = positions(len(values))
    spread = ((x - x.mean()) ** 2).sum()
    slope = float(((x - x.mean()) * (values - values.mean())).sum() / spread) if spread else 0.0
    return slope, float(values.mean() - slope * x.mean())


def positions(count: int) -> Reals:
    """Where the elements stand: 1, 2, 3 ..."""
    return np.arange(1.0, count + 1)


def _quality(values: Reals, fitted: Reals) -> dict[str, float]:
    below = len(values) - 1
    total, left = (float((part**2).sum()) for part in (values - values.mean(), values - fitted))
    rsquare = min(max(1 - left / total, 0.0), 1.0) if total else 1.0
    return {"rsquare": rsquare, "variance": total / below, "rvariance": left / below}


def _fit(values: Reals) -> tuple[dict[str, float], Reals]:
    """The line's parameters and its values."""
    slope, interception = line(values)
    fitted = slope * positions(len(values)) + interception
    parameters = {**_quality(values, fitted), "slope": slope, "interception": interception}
    return {name: parameters[name] for name in _LINE}, fitted


@function
@unwarned
def kql_series_fit_line(series: Dynamic) -> Dynamic:
    """The line; None where an element is no number, or there are fewer than two."""
    values = finite(series)
    if values is None or len(values) < _LEAST:
        return None
    parameters, fitted = _fit(values)
    return {**parameters, "line_fit": listed(fitted)}


@function
@unwarned
def kql_series_fit_2lines(series: Dynamic) -> Dynamic:
    """Two lines, one up to a split and one from it on, each a fit of its part alone, as Microsoft's page has it.

    The split is the first of those where both fit best together; either side has two elements at least.
    """
    values = finite(series)
    if values is None or len(values) < 2 * _LEAST:
        return None
    split = _split(values)
    left, left_fit = _fit(values[:split])
    right, right_fit = _fit(values[split:])
    fitted = np.concatenate((left_fit, right_fit))
    found = {"split_idx": split, "line_fit": listed(fitted), "right": right, "left": left}
    return {**_quality(values, fitted), **found}


def _split(values: Reals) -> int:
    """The first split whose two lines leave the least, within rounding."""
    centred = values - values.mean()
    left = _left_over(centred)[_LEAST - 1 : -_LEAST]
    right = _left_over(centred[::-1])[::-1][_LEAST : 1 - _LEAST]
    both = left + right
    return int((both <= both.min() + 1e-12 * (centred**2).sum()).argmax()) + _LEAST


def _left_over(values: Reals) -> Reals:
    """The squared residuals of the best line through the first 1, 2, 3 ... values: Syy - Sxy^2 / Sxx."""
    n = positions(len(values))
    sums = np.cumsum(values)
    syy = np.cumsum(values**2) - sums**2 / n
    sxy = np.cumsum(values * n) - sums * (n + 1) / 2
    sxx = n * (n**2 - 1) / 12
    return syy - np.divide(sxy**2, sxx, out=np.zeros_like(sxx), where=sxx > 0)


@function
@unwarned
def kql_series_fit_poly(series: Dynamic, at: Dynamic | None, degree: int) -> Dynamic:
    """The polynomial of that degree over the elements of `at`, by default 1, 2, 3 ...; highest power first.

    None where an element is no number, or where there are too few places to tell such polynomials apart.
    """
    y = finite(series)
    if y is None:
        return None
    x = positions(len(y)) if at is None else finite(at)
    if x is None or len(x) != len(y) or len(y) < _LEAST:
        return None
    return _polynomial(x, y, degree) if 0 <= degree < min(len(np.unique(x)), _HIGHEST + 1) else None


def _polynomial(x: Reals, y: Reals, degree: int) -> dict[str, Any]:
    fit, _ = Polynomial.fit(x, y, degree, full=True)
    fitted = fit(x)
    coefficients = np.zeros(degree + 1)
    converted = fit.convert().coef
    coefficients[: len(converted)] = converted
    return {**_quality(y, fitted), "coefficients": listed(coefficients[::-1]), "poly_fit": listed(fitted)}
