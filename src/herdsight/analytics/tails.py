"""Tails of distributions that several analytics use, as far out as a logarithm goes."""

import math

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


def log10_normal_tail(z: Reals) -> Reals:
    """The log10 of how often a standard normal is above z, to 0.01; 0 (certain) for z below 1.

    Above 1 the density times Mills' ratio, which is taken halfway between its bounds 2 / (z + sqrt(z^2 + 4)) (Birnbaum,
    1942) and 4 / (3 z + sqrt(z^2 + 8)) (Sampford, 1953).
    """
    x = np.maximum(z, 1.0)
    mills = (2 / (x + np.sqrt(x**2 + 4)) + 4 / (3 * x + np.sqrt(x**2 + 8))) / 2
    log = -(x**2) / 2 - 0.5 * np.log(2 * np.pi) + np.log(mills)
    found: Reals = np.where(z >= 1, log / np.log(10), 0.0)
    return found


TENTH = 1.2816  # standard deviations above a normal's middle that one in ten exceeds


def log10_binomial_tail(met: npt.ArrayLike, of: npt.ArrayLike, share: float) -> Reals:
    """A bound on the log10 of how often chance meets so many of so many at that share: Chernoff's, by Hoeffding (1963).

    It is never below the tail; 0 where there are no more than expected.
    """
    n = np.asarray(of, float)
    a = np.asarray(met, float) / np.maximum(n, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        more = np.where(a > 0, a * np.log(a / share), 0.0)
        more = more + np.where(a < 1, (1 - a) * np.log((1 - a) / (1 - share)), 0.0)
    found: Reals = np.where(a > share, -n * more / np.log(10), 0.0)
    return found


def log10_poisson_tail(met: int, expected: float) -> float:
    """The log10 of how often chance meets at least so many where so many are expected; 0 where no fewer are.

    The first term of the tail, which the others follow at most as a geometric series does: for few expected, where it
    matters, the bound is the tail but for a hundredth.
    """
    if met <= expected:
        return 0.0
    first = met * math.log(max(expected, 1e-300)) - expected - math.lgamma(met + 1)
    return min((first - math.log1p(-expected / (met + 1))) / math.log(10), 0.0)
