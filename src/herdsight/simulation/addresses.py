"""Draws outside addresses from ordinary public space; they are drawn at random and mean nobody.

Documentation and benchmark networks would be the polite choice, but every classifier of addresses, Defender's own
included, calls them reserved, and a detection of public remotes would never look at them.
"""

import numpy as np
import numpy.typing as npt

Strings = npt.NDArray[np.str_]

# First octets under which no network is private, reserved, shared, multicast or for documentation.
_SPECIAL = (10, 100, 127, 169, 172, 192, 198, 203)
_FIRST = np.array([octet for octet in range(1, 224) if octet not in _SPECIAL])
_DECIMAL = np.array([str(octet) for octet in range(256)])


def public(count: int, rng: np.random.Generator) -> Strings:
    """`count` different public IPv4 addresses in a random order."""
    packed = np.empty(0, dtype=np.int64)
    while packed.size < count:
        first = rng.choice(_FIRST, count).astype(np.int64) << 24
        packed = np.unique(np.concatenate([packed, first + rng.integers(0, 1 << 24, count)]))
    return dotted(rng.permutation(packed)[:count])


def dotted(packed: npt.NDArray[np.int64]) -> Strings:
    """IPv4 addresses given as numbers, in dotted form."""
    octets = [_DECIMAL[(packed >> shift) & 255] for shift in (24, 16, 8, 0)]
    text: Strings = octets[0]
    for octet in octets[1:]:
        text = np.char.add(np.char.add(text, "."), octet)
    return text
