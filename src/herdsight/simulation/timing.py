"""When things happen: timers, people, and the hours of a day; every moment is in seconds from a start."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]
Rhythm = npt.NDArray[np.float64]

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

# Activity in each hour of a UTC day, from midnight, relative to the peak.
ALWAYS: Rhythm = np.ones(24)
OFFICE: Rhythm = np.repeat(
    [0, 0.1, 0.5, 0.9, 1, 0.9, 0.5, 0.8, 1, 0.8, 0.5, 0.15, 0.02], [6, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 5]
)
PUBLIC: Rhythm = np.repeat([0.3, 0.15, 0.3, 0.6, 0.9, 1, 0.8, 0.5], [1, 4, 2, 1, 11, 2, 1, 2])
NIGHT: Rhythm = np.repeat([0.2, 0.8, 1, 0.8, 0.3, 0], [1, 1, 1, 1, 1, 19])


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When something happened (seconds, in order) and to which of several independent actors (their numbers from 0)."""

    at_s: Seconds
    actor: npt.NDArray[np.int64]


def timer(span_s: float, period_s: float, jitter: float, rng: np.random.Generator) -> Seconds:
    """The ticks of one sleeping loop: each gap is uniform in `period_s` x (1 - `jitter` .. 1 + `jitter`).

    The first tick falls within one period of the start.
    """
    most = int(span_s / (period_s * max(1 - jitter, 0.01))) + 2
    gaps = period_s * rng.uniform(1 - jitter, 1 + jitter, most)
    ticks: Seconds = rng.uniform(0, period_s) + np.cumsum(gaps) - gaps[0]
    return ticks[ticks < span_s]


def timers(actors: int, span_s: float, period_s: float, jitter: float, rng: np.random.Generator) -> Arrivals:
    """The ticks of `actors` loops that know nothing of each other."""
    loops = [timer(span_s, period_s, jitter, rng) for _ in range(actors)]
    return Arrivals(
        np.concatenate([np.empty(0), *loops]),
        np.repeat(np.arange(actors), [loop.size for loop in loops]),
    )


def people(actors: int, span_s: float, an_hour: float, rhythm: Rhythm, rng: np.random.Generator) -> Arrivals:
    """Events of `actors` people: a Poisson process that follows the hours of the day, `an_hour` each at its peak.

    Some people do far more than others: each has a weight of its own, log-normal with mean 1.
    """
    weight = rng.lognormal(-0.18, 0.6, actors)
    hours = np.ceil(span_s / HOUR_S).astype(int)
    expected = an_hour * np.outer(weight, np.resize(rhythm, hours))
    counts = rng.poisson(expected)
    actor, hour = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    at_s = (hour + rng.uniform(0, 1, hour.size)) * HOUR_S
    kept = at_s < span_s
    order = np.argsort(at_s[kept], kind="stable")
    return Arrivals(at_s[kept][order], actor[kept][order])
