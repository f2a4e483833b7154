"""A series taken apart into season, trend and residual, and the outliers of a series and of residuals."""

from statistics import NormalDist
from typing import Any

import numpy as np

from herdsight.prelude.registry import Dynamic, function
from herdsight.prelude.series import Reals, finite, listed, reals, unwarned
from herdsight.prelude.series_fit import line, positions
from herdsight.prelude.series_periods import seasonal

_QUARTILES = 25.0, 75.0
_PERCENTILES = 2.0, 98.0  # which may be asked for
_MILD = 1.5  # ranges beyond a fence: the score of a mild outlier
# The quantiles of the normal distribution that Kusto reckons with, read off scores that its team has published
# (https://stackoverflow.com/questions/75264555); that of 90 differs from the true one by 1 %.
_KUSTO_QUANTILES = {10.0: -1.29682082, 25.0: -0.675, 75.0: 0.675, 90.0: 1.29682082}


@function
@unwarned
def kql_series_outliers(  # noqa: PLR0913,PLR0917 Kusto's own parameters
    series: Dynamic, kind: str, ignored: float | None, low: float, high: float, test_points: int
) -> Dynamic:
    """The score of each element by Tukey's fences; 0 for null, for what is ignored, and between the percentiles.

    The last `test_points` elements do not take part in the percentiles.
    """
    values = reals(series)
    fences = _fences(kind, low, high)
    if values is None or fences is None:
        return None
    if ignored is not None:
        values = np.where(values == ignored, np.nan, values)
    return _scores(values, fences, test_points).tolist()


def _fences(kind: str, low: float, high: float) -> tuple[float, float] | None:
    match kind.lower():
        case "tukey":
            return _QUARTILES
        case "ctukey" if _PERCENTILES[0] <= low < high <= _PERCENTILES[1]:
            return low, high
    return None


def _scores(values: Reals, fences: tuple[float, float], test_points: int = 0) -> Reals:
    """How far each value lies outside the percentiles, in ranges between them; infinitely, where that range is 0.

    A range between other percentiles than the quartiles is brought to the scale of theirs, so that a mild outlier of
    normally distributed values scores 1.5 by either.
    """
    learned = values[: max(len(values) - max(test_points, 0), 0)]
    learned = learned[np.isfinite(learned)]
    if not len(learned):
        return np.zeros(len(values))
    low, high = np.percentile(learned, fences)
    below, above = _scales(fences)
    under, over = ((values - fence) * scale / (high - low) for fence, scale in ((low, below), (high, above)))
    return np.where(values < low, under, np.where(values > high, over, 0.0))


def _scales(fences: tuple[float, float]) -> tuple[float, float]:
    """What a distance below and above the fences is multiplied by: 1.5 where the quartiles' fence of 1.5 lies."""
    low, high = (_quantile(percentile) for percentile in fences)
    mild = _quantile(_QUARTILES[1]) + _MILD * (_quantile(_QUARTILES[1]) - _quantile(_QUARTILES[0]))
    return _MILD * (high - low) / (mild + low), _MILD * (high - low) / (mild - high)


def _quantile(percentile: float) -> float:
    known = _KUSTO_QUANTILES.get(percentile)
    return NormalDist().inv_cdf(percentile / 100) if known is None else known


@function
@unwarned
def kql_series_decompose(series: Dynamic, period: int, trend: str, test_points: int, least_score: float) -> Dynamic:
    """The season, the trend of what is left without it, their sum, and what is left of the series without that."""
    values = finite(series)
    parts = None if values is None else _parts(values, period, trend, test_points, least_score)
    return parts and {name: listed(part) for name, part in parts.items()}


@function
@unwarned
def kql_series_decompose_forecast(series: Dynamic, points: int, period: int, trend: str, least_score: float) -> Dynamic:
    """The same, of which the last `points` elements are foretold: they are not learned from."""
    return kql_series_decompose(series, period, trend, points, least_score)


@function
@unwarned
def kql_series_decompose_anomalies(  # noqa: PLR0913,PLR0917 Kusto's own parameters
    series: Dynamic,
    threshold: float,
    period: int,
    trend: str,
    test_points: int,
    kind: str,
    least_score: float,
) -> Dynamic:
    """The outliers of the residual: +1 and -1 where the score is beyond the threshold, the score, and the baseline."""
    values, fences = finite(series), _fences(kind, 10.0, 90.0)
    parts = None if values is None else _parts(values, period, trend, test_points, least_score)
    if parts is None or fences is None:
        return None
    scores = _scores(parts["residual"], fences, test_points)
    flags = np.where(np.abs(scores) > threshold, np.sign(scores), 0.0).astype(np.int64)
    return {"ad_flag": flags.tolist(), "ad_score": listed(scores), "baseline": listed(parts["baseline"])}


def _parts(values: Reals, period: int, trend: str, test_points: int, least_score: float) -> dict[str, Reals] | None:
    learned = values[: max(len(values) - max(test_points, 0), 0)]
    if not len(learned):
        return None
    season = seasonal(learned, len(values), period, least_score)
    slope = _trend(learned - season[: len(learned)], len(values), trend.lower())
    if slope is None:
        return None
    baseline = season + slope
    residual = values - baseline
    # What is nothing but rounding is no residual: among zeros it would be an outlier.
    residual[np.abs(residual) <= 1e-9 * np.abs(values).max()] = 0.0
    return {"baseline": baseline, "seasonal": season, "trend": slope, "residual": residual}


def _trend(values: Reals, count: int, kind: str) -> Any:
    """What the values do without their season, drawn out over `count` elements; None where there is no such trend."""
    match kind:
        case "avg":
            return np.full(count, values.mean())
        case "linefit":
            slope, interception = line(values)
            return slope * positions(count) + interception
        case "none":
            return np.zeros(count)
    return None
