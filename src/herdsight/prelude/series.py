"""Series as arrays of numbers: how they come and go, and their statistics, filters, transforms and correlation."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from herdsight.prelude.registry import Dynamic, function

Reals: TypeAlias = NDArray[np.float64]
# What overflows is infinite and what makes no sense is NaN, as in Kusto; of neither is there a warning.
unwarned = np.errstate(all="ignore")

_SAID = frozenset(("NaN", "Infinity", "-Infinity"))
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


def numbers(items: list[Any]) -> Reals:
    """The items as numbers, NaN where one is none."""
    given = items if set(map(type, items)) <= {float} else [_real(item) for item in items]
    return np.array(given, dtype=np.float64)


def reals(series: Any) -> Reals | None:
    """The elements as numbers, NaN where an element is none; None where it is no array."""
    return numbers(series) if isinstance(series, list) else None


def finite(series: Any) -> Reals | None:
    """The elements as numbers; None where there is none, or one of them is not finite."""
    values = reals(series)
    return values if values is not None and len(values) and np.isfinite(values).all() else None


def listed(values: Reals) -> list[float | None]:
    """Numbers as a JSON array, NaN as null."""
    items = values.tolist()
    return [None if gap else item for gap, item in zip(np.isnan(values), items, strict=True)]


def _real(item: Any) -> float:
    """An element as a number. JSON writes as text what is not finite; a datetime counts in ticks, as in tolong()."""
    match item:
        case bool():
            return np.nan
        case float():
            return item
        case int():
            return float(item) if abs(item) < 2**1023 else np.inf * (1 if item > 0 else -1)
        case str() if item in _SAID:
            return float(item)
        case str() if _DATETIME.fullmatch(item):
            return _ticks(item)
    return np.nan


def _ticks(moment: str) -> float:
    """100 ns since 0001-01-01."""
    try:
        since = datetime.fromisoformat(moment.removesuffix("Z")) - datetime.min  # noqa: DTZ901 both are in UTC
    except ValueError:
        return np.nan
    return (since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds) * 10.0


@function
@unwarned
def kql_series_stats(series: Dynamic, ignore_nonfinite: bool) -> Dynamic:
    """The least and the greatest with where they are first, average, sample deviation and variance, sum and length.

    None where an element is no finite number, unless such are to be left out.
    """
    values = reals(series)
    if values is None:
        return None
    usable = np.isfinite(values)
    if not usable.any() or not (ignore_nonfinite or usable.all()):
        return None
    least, greatest = (int(at) for at in (np.where(usable, values, np.inf).argmin(), _greatest(values, usable)))
    used = values[usable]
    variance = float(used.var(ddof=1)) if len(used) > 1 else 0.0
    return {
        "min": float(values[least]),
        "min_idx": least,
        "max": float(values[greatest]),
        "max_idx": greatest,
        "avg": float(used.mean()),
        "stdev": variance**0.5,
        "variance": variance,
        "sum": float(used.sum()),
        "len": len(values),
    }


def _greatest(values: Reals, usable: NDArray[np.bool_]) -> np.intp:
    return np.where(usable, values, -np.inf).argmax()


@function
@unwarned
def kql_series_pearson_correlation(first: Dynamic, second: Dynamic) -> float | None:
    """Pearson's coefficient; of series of different lengths, or with an element that is no number, there is none."""
    a, b = finite(first), finite(second)
    if a is None or b is None or len(a) != len(b):
        return None
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


@function
@unwarned
def kql_series_fft(real: Dynamic, imaginary: Dynamic | None) -> Dynamic:
    """The discrete Fourier transform: the sum of x[t] * exp(-2 pi i f t / n) for every frequency f."""
    return _transformed(real, imaginary, np.fft.fft)


@function
@unwarned
def kql_series_ifft(real: Dynamic, imaginary: Dynamic | None) -> Dynamic:
    """The inverse of the transform, which divides by the length."""
    return _transformed(real, imaginary, np.fft.ifft)


def _transformed(real: Any, imaginary: Any, transform: Any) -> Any:
    a = reals(real)
    b = reals(imaginary) if imaginary is not None else np.zeros_like(a)
    if a is None or b is None:
        return None
    a, b = padded((a, b))
    result = transform(a + 1j * b) if len(a) else a + 1j * b
    return {"real": listed(result.real), "imag": listed(result.imag)}


def padded(series: Sequence[Reals]) -> list[Reals]:
    """Series filled up with NaN to the length of the longest."""
    longest = max(map(len, series))
    return [np.pad(each, (0, longest - len(each)), constant_values=np.nan) for each in series]


@function
@unwarned
def kql_series_fir(series: Dynamic, filter_: Dynamic, normalize: bool | None, center: bool) -> Dynamic:
    """A finite impulse response: y[i] = sum of filter[k] * x[i - k]; what lies beyond the series counts as 0.

    By default the filter is divided by its sum unless one of its coefficients is negative, when that may not be.
    Where it is centred, y[i] stands at the middle of the filter. None where both are too long to be multiplied.
    """
    values, weights = reals(series), finite(filter_)
    if values is None or weights is None:
        return None
    negative = bool((weights < 0).any())
    if normalize is None:
        normalize = not negative
    if normalize and (negative or not weights.sum()):
        return None
    if len(values) * len(weights) > _MOST_PRODUCTS:
        return None
    return listed(_filtered(values, weights / weights.sum() if normalize else weights, center))


_MOST_PRODUCTS = 10**9  # about a second


def _filtered(values: Reals, weights: Reals, center: bool) -> Reals:
    if not len(values):
        return values
    shift = (len(weights) - 1) // 2 if center else 0
    return np.convolve(values, weights)[shift : shift + len(values)]


@function
@unwarned
def kql_series_iir(series: Dynamic, numerators: Dynamic, denominators: Dynamic) -> Dynamic:
    """An infinite impulse response, by the page's formula: a[0] * y[i] = sum b[k] * x[i - k] - sum a[k] * y[i - k]."""
    values, b, a = reals(series), finite(numerators), finite(denominators)
    if values is None or b is None or a is None or not a[0]:
        return None
    return listed(_recursive(_filtered(values, b / a[0], center=False), (a / a[0])[1:].tolist()))


def _recursive(driven: Reals, weights: list[float]) -> Reals:
    results: list[float] = []
    past = [0.0] * len(weights)  # the newest first
    for given in driven.tolist():
        result = given - sum(weight * before for weight, before in zip(weights, past, strict=True))
        results.append(result)
        past = [result, *past[:-1]] if past else past
    return np.array(results)
