"""Draws outside addresses from ordinary public space; they are drawn at random and mean nobody.

Documentation and benchmark networks would be the polite choice, but every classifier of addresses, Defender's own
included, calls them reserved, and a detection of public remotes would never look at them.
"""

import numpy as np
import numpy.typing as npt

Strings = npt.NDArray[np.str_]

# First octets that the registries hand out in small pieces: nothing under them is private, reserved or one owner's.
_FIRST = np.array(
    [31, 37, 45, 46, 62, *range(77, 96), 103, 109, 176, 178, 185, 188, 193, 194, 195, 200, 201, 212, 213, 217]
)
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
