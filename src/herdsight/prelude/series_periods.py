"""The periods of a series, and what repeats with them.

Microsoft's pages say of the algorithm that a period has 4 elements at least and half the series at most, and that its
score lies between 0 and 1; they do not say how it is computed. Here it is the autocorrelation of the ranks, so that a
few odd values do not hide what the others do, times the root of n / (n - lag), which makes up for half of what is lost
where the series no longer overlaps itself. It gives what is printed on the pages: which period, which score, and
whether a score is above a threshold.
"""

from collections.abc import Iterator

import numpy as np

from herdsight.prelude.registry import Dynamic, function
from herdsight.prelude.series import Reals, finite, listed, unwarned

_LEAST_PERIOD = 4
_LEAST_SCORE = 0.1
_SEASONAL_SCORE = 0.7  # what series_seasonal() asks for


@function
@unwarned
def kql_series_periods_detect(series: Dynamic, shortest: float, longest: float, count: int) -> Dynamic:
    """The `count` most significant periods between those lengths, best first, and their scores; 0 for none."""
    values = finite(series)
    if values is None:
        return None
    count = min(count, len(values))
    found = detected(values, shortest, longest, count)
    found += [(0.0, 0.0)] * (count - len(found))
    return {"periods": [period for period, _ in found], "scores": [score for _, score in found]}


@function
@unwarned
def kql_series_periods_validate(series: Dynamic, periods: Dynamic) -> Dynamic:
    """The score of each period, which is 0 where the series does not repeat with it."""
    values = finite(series)
    if values is None:
        return None
    scores = _scores(values)
    lags = [round(period) if isinstance(period, float) and np.isfinite(period) else 0 for period in periods]
    valid = [_LEAST_PERIOD <= lag < len(scores) and _is_peak(scores, lag) for lag in lags]
    return {
        "periods": periods,
        "scores": [float(scores[lag]) if good else 0.0 for lag, good in zip(lags, valid, strict=True)],
    }


@function
@unwarned
def kql_series_seasonal(series: Dynamic, period: int, test_points: int) -> Dynamic:
    """What repeats with the period: the median of the elements in the same phase; zeros where nothing does.

    A period of -1 is to be detected. The last `test_points` elements are not learned from.
    """
    values = finite(series)
    learned = None if values is None else values[: len(values) - max(test_points, 0)]
    if values is None or learned is None or not len(learned):
        return None
    return listed(seasonal(learned, len(values), period, _SEASONAL_SCORE))


def detected(values: Reals, shortest: float, longest: float, count: int) -> list[tuple[float, float]]:
    """At most `count` periods with their scores, best first. A multiple of a better period is none of its own."""
    scores = _scores(values)
    lags = np.arange(len(scores))
    within = (lags >= max(shortest, _LEAST_PERIOD)) & (lags <= longest) & (scores > 0)
    found: list[int] = []
    for lag in _best_first(scores, lags[within]):
        if len(found) >= count:
            break
        if all(lag % better for better in found) and _is_peak(scores, lag):
            found.append(lag)
    return [(float(lag), float(scores[lag])) for lag in found]


def _best_first(scores: Reals, lags: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> Iterator[int]:
    summits = [
        lag for lag in lags.tolist() if lag + 1 < len(scores) and scores[lag - 1] < scores[lag] > scores[lag + 1]
    ]
    return iter(sorted(summits, key=lambda lag: -scores[lag]))


def _is_peak(scores: Reals, lag: int) -> bool:
    """Whether the score is the best of all lags that are closer than half its length.

    A peak has a neighbour on either side: half the series itself is none, as the page of series_seasonal shows.
    """
    if lag + 1 >= len(scores) or not scores[lag]:
        return False
    around = scores[lag // 2 + 1 : (3 * lag + 1) // 2]
    return bool(scores[lag] >= around.max())


def _scores(values: Reals) -> Reals:
    """The score of every lag up to half the length; 0 where it is not significant."""
    n = len(values)
    correlation = _autocorrelation(_ranks(values))[: n // 2 + 1]
    scores = correlation * np.sqrt(n / (n - np.arange(len(correlation))))
    # Of noise, 95 of 100 autocorrelations lie within 2 / sqrt(n) (https://en.wikipedia.org/wiki/Correlogram).
    least = max(_LEAST_SCORE, 2 / np.sqrt(n))
    return np.where(scores >= least, np.minimum(scores, 1.0), 0.0)


def _ranks(values: Reals) -> Reals:
    """Each value's place in the order, equal values sharing the middle of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    ranks: Reals = middle[which]
    return ranks


def _autocorrelation(values: Reals) -> Reals:
    """The autocorrelation at every lag, by way of the power spectrum (Wiener-Khinchin)."""
    centred = values - values.mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(centred))) ** 2
    covariance: Reals = np.fft.irfft(power)[: len(centred)]
    return covariance / covariance[0] if covariance[0] else covariance


def seasonal(learned: Reals, count: int, period: int, least_score: float) -> Reals:
    """What repeats with the period, for `count` elements; what is learned from comes first."""
    if period == -1:
        best = detected(learned, _LEAST_PERIOD, len(learned), 1)
        period = int(best[0][0]) if best and best[0][1] > least_score else 0
    if period <= 0:
        return np.zeros(count)
    return np.resize(_phases(learned, min(period, count)), count)


def _phases(values: Reals, period: int) -> Reals:
    """The median of each phase; NaN for a phase that the values do not reach."""
    cycles, rest = divmod(len(values), period)
    phases = np.full(period, np.nan)
    if cycles:
        phases[:] = np.median(values[: cycles * period].reshape(cycles, period), axis=0)
    if rest:
        longer = np.concatenate((values[: cycles * period].reshape(cycles, period)[:, :rest], [values[-rest:]]))
        phases[:rest] = np.median(longer, axis=0)
    return phases
