"""How much of what is told is chance: the false discovery rate, over all that an analytic tested."""

from collections.abc import Sequence

import numpy as np


def q_values(p_values: Sequence[float], tested: int) -> list[float]:
    """By p-value, the share of chance to expect among it and all that is no likelier to be chance; in their order.

    Benjamini and Hochberg, "Controlling the false discovery rate" (1995), as Storey's q-value with all that was tested
    taken for chance: of m tested, the j-th smallest p-value has q = min(p_k m / k) over all k >= j, and 1 at most.
    `tested`: m, of which the p-values that are not given are no smaller than those that are. Holds where tests are
    independent or bound together positively (Benjamini and Yekutieli, 2001).

    >>> q_values([0.04, 0.001, 0.03], 10)
    [0.13333333333333333, 0.01, 0.13333333333333333]
    """
    if not p_values:
        return []
    p = np.asarray(p_values, float)
    order = np.argsort(p, kind="stable")
    shares = p[order] * max(tested, len(p)) / np.arange(1, len(p) + 1)
    found = np.empty_like(p)
    found[order] = np.minimum(np.minimum.accumulate(shares[::-1])[::-1], 1.0)
    values: list[float] = found.tolist()
    return values
