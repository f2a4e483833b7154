"""Whether times come as they come by chance: the local variation of idle times against a memoryless process.

For idle times a, b that follow on each other, x = ((a - b) / (a + b))^2. Where arrivals are (locally) Poisson, idle
times are exponential and x is (2U - 1)^2 with U uniform, whatever the local rate is, so that a day's rhythm does not
matter. Three times the mean of x is the local variation (Shinomoto, Shima and Tanji, 2003): 0 of a clock, 1 of a
Poisson process, more of bursts. A burst is collapsed by taking gaps longer than d less d: the exponential is
memoryless, so idle times of chance stay exponential whatever d is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Wholes = npt.NDArray[np.int64]

# Neighbouring idle times below which nothing is tested: of fewer the saddlepoint says little.
LEAST = 5
# An idle time must be longer than the burst that was cut from it, or jitter of the burst looks like the period's.
_LONGER = 2.0


@dataclass(frozen=True, slots=True)
class Evenness:
    """How even the times of each of many series are, at the burst scale at which they are least like chance.

    Arrays with an element a series. `bursts` in seconds; `means` of x; `log10_p` counts the scales that were tried, and
    is 0 where a series has too few idle times for any.
    """

    bursts: Reals
    neighbours: Wholes
    means: Reals
    log10_p: Reals


def evenness(gaps: Reals, series: Wholes, count: int, scales: Sequence[float], shortest: Reals) -> Evenness:
    """The evenness of `count` series, by their gaps in seconds and which series each gap is of, in order.

    A scale d, of which the shortest come first, says something of a series where at least half of its idle times are
    2 d or longer, and as long as `shortest` (an element a series, in seconds) says with what was cut from them. What is
    within a standard deviation of chance is left at 0.
    """
    best = Evenness(np.zeros(count), np.zeros(count, np.int64), np.full(count, 1 / 3), np.zeros(count))
    worth = np.bincount(series, minlength=count) > LEAST
    shorter = -np.inf
    for burst in scales:
        if np.isfinite(shorter):
            # Where no gap is longer than the last scale and not than this one, the same idle times get shorter, and so
            # less even, and are as many: the last scale said more.
            cut = np.zeros(count, bool)
            cut[series[(gaps > shorter) & (gaps <= burst)]] = True
            mine = (worth & cut)[series]
        else:
            mine = worth[series]
        there = mine & (gaps > burst)
        _try(_Idle(burst, gaps[there] - burst, series[there]), shortest, len(scales), best)
        shorter = burst
    return best


@dataclass(frozen=True, slots=True)
class _Idle:
    """Idle times at a scale, in seconds, and which series each is of."""

    burst: float
    seconds: Reals
    series: Wholes


def _try(times: _Idle, shortest: Reals, scales: int, best: Evenness) -> None:
    """Put into the best what a scale says of series, where that is less like chance."""
    burst, idle, own = times.burst, times.seconds, times.series
    begins = np.flatnonzero(np.diff(own, prepend=-1))
    if not len(begins):
        return
    which, lengths = own[begins], np.diff(begins, append=len(own))
    x = np.zeros(len(idle))
    np.divide(idle[1:] - idle[:-1], idle[1:] + idle[:-1], out=x[1:])
    np.square(x, out=x)
    x[begins] = 0
    neighbours = lengths - 1
    means = np.add.reduceat(x, begins) / np.maximum(neighbours, 1)
    least = np.repeat(np.maximum(_LONGER * burst, shortest[which] - burst), lengths)
    half = np.add.reduceat(idle >= least, begins, dtype=np.int64) * 2 >= lengths
    odd = np.flatnonzero((neighbours >= LEAST) & half & (means < _ordinary(neighbours)))
    tails = log10_tail(means[odd], neighbours[odd].astype(float)) + np.log10(scales)
    better = tails < best.log10_p[which[odd]]
    odd, tails = odd[better], tails[better]
    for mine, new in (
        (best.bursts, burst),
        (best.neighbours, neighbours[odd]),
        (best.means, means[odd]),
        (best.log10_p, tails),
    ):
        mine[which[odd]] = new


# Neighbouring x share an idle time. Simulated variance of the mean of n neighbours over that of n independent ones.
OVERLAP = 1.48


def _ordinary(neighbours: Wholes) -> Reals:
    """The means of x above which no p-value is computed: one standard deviation below the expected one."""
    return 1 / 3 - np.sqrt(_VARIANCE * OVERLAP / np.maximum(neighbours, 1))


def log10_tail(mean: Reals, count: Reals) -> Reals:
    """The log10 of how often `count` neighbouring values of x of a memoryless process have a mean this small.

    By the saddlepoint of Lugannani and Rice (1980) for the mean of n = count / 1.48 independent values of (2U - 1)^2,
    whose cumulant generating function is K(t) = log of the integral of exp(t u^2) over u from 0 to 1. 0 (certain)
    where the mean is not below its expectation of 1/3.
    """
    grid = _grid()
    n = count / OVERLAP
    low = np.clip(mean, grid.means[0], 1 / 3)
    rate = np.interp(low, grid.means, grid.rates)  # t x - K(t), by which the tail falls with n
    t = np.interp(low, grid.means, grid.slopes)
    spread = np.interp(low, grid.means, grid.spreads)
    w = -np.sqrt(2 * n * np.maximum(rate, 0))
    u = t * np.sqrt(n * spread)
    near = w > _NEAR
    with np.errstate(divide="ignore", invalid="ignore"):
        # Phi(w) + phi(w) (1/w - 1/u), where Phi(w) is about phi(w) (-1/w + 1/w^3) far out: the terms in 1/w cancel.
        far = -(w**2) / 2 - 0.5 * np.log(2 * np.pi) + np.log(np.maximum(-1 / u, 1e-300))
    normal = (mean - 1 / 3) / np.sqrt(_VARIANCE / np.maximum(n, 1e-9))
    middle = np.log(np.maximum(0.5 * _erfc(-normal / np.sqrt(2)), 1e-300))
    tail = np.where(near, middle, np.minimum(far, 0))
    found: Reals = np.where(mean >= 1 / 3, 0.0, tail / np.log(10))
    return found


_VARIANCE = 4 / 45  # of (2U - 1)^2
_NEAR = -1.5  # standard deviations from the mean within which the normal form is the better one


class _Grid:
    """Over means of x from almost 0 to 1/3: the saddlepoint t, the rate t x - K(t), and K''(t)."""

    def __init__(self) -> None:
        nodes, weights = np.polynomial.legendre.leggauss(400)
        squares = ((nodes + 1) / 2) ** 2
        slopes = -np.logspace(6, -6, 3_000)
        scaled = np.exp(slopes[:, None] * squares[None, :]) * (weights / 2)[None, :]
        whole = scaled.sum(axis=1)
        means = (scaled * squares).sum(axis=1) / whole
        self.slopes, self.means = slopes, means
        self.rates = slopes * means - np.log(whole)
        self.spreads = (scaled * squares**2).sum(axis=1) / whole - means**2


@cache
def _grid() -> _Grid:
    return _Grid()


def _erfc(x: Reals) -> Reals:
    """The complementary error function, to 1e-7 (Abramowitz and Stegun 7.1.26, with its reflection)."""
    a = np.abs(x)
    t = 1 / (1 + 0.3275911 * a)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    value = series * np.exp(-(a**2))
    both: Reals = np.where(x >= 0, value, 2 - value)
    return both
