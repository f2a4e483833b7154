"""Whether what is said to be likely is right as often as that: a reliability table, with a score."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from herdsight.findings.evaluated import EvaluatedBin

# The bounds of bins. Where a level or a severity begins one begins, and what is nearly sure has its own.
BOUNDS = (0.0, 0.05, 0.2, 0.5, 0.75, 0.9, 0.97, 1.0)
_Z = 1.959964  # standard deviations that 95 % of a normal lie within


@dataclass(frozen=True, slots=True)
class Said:
    """A probability that was stated, and whether what it was stated of is so."""

    probability: float
    is_right: bool


def bins(said: Iterable[Said]) -> Iterator[EvaluatedBin]:
    """What was said by how likely it was said to be; bins with nothing in them are left out."""
    all_said = list(said)
    for above, up_to in pairwise(BOUNDS):
        own = [each for each in all_said if above <= each.probability < up_to or each.probability == up_to == 1]
        if own:
            yield _bin(above, up_to, own)


def _bin(above: float, up_to: float, own: Sequence[Said]) -> EvaluatedBin:
    right = sum(each.is_right for each in own)
    low, high = wilson(right, len(own))
    return EvaluatedBin(
        at_least=above,
        below=up_to,
        findings=len(own),
        right=right,
        stated=round(sum(each.probability for each in own) / len(own), 4),
        observed=round(right / len(own), 4),
        low=round(low, 4),
        high=round(high, 4),
    )


def brier(said: Iterable[Said]) -> float | None:
    """The mean squared distance of what was said from what is so (Brier, 1950): 0 is best; None where nothing was."""
    distances = [(each.probability - each.is_right) ** 2 for each in said]
    return sum(distances) / len(distances) if distances else None


def wilson(met: int, of: int) -> tuple[float, float]:
    """Between which shares the true one lies, at 95 %, where so many of so many were met (Wilson, 1927).

    Holds where these are independent; findings of one host are not quite. `of` is at least 1.

    >>> [round(each, 4) for each in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    share, weight = met / of, _Z**2 / of
    middle = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * sqrt(share * (1 - share) / of + weight / (4 * of))
    return max(0.0, middle - half), min(1.0, middle + half)
