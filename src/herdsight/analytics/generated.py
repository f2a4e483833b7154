"""Whether a name looks as if a program had made it up: a linear model over the trigrams of its longest label.

The weights are trained by `training/generated_names.py` on popular names and on names of our own generators; how well
it does is in `docs/generated-names.md`. One name says little: one in a hundred honest ones looks generated.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]

# Letters that a label may have: an end, a to z, 0 to 9, the hyphen; what else there is counts as one more.
_END, _OTHER = 0, 38
ALPHABET = _OTHER + 1
LONGEST = 40  # letters of a label that are looked at; the two ends take a place each
_LETTERS = {
    **{ord(letter): code for code, letter in enumerate("abcdefghijklmnopqrstuvwxyz0123456789-", 1)},
    **{ord(letter): code for code, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1)},
}
_CODE = np.array([_LETTERS.get(byte, _END if byte == 0 else _OTHER) for byte in range(256)], dtype=np.uint8)


def codes(names: Sequence[str]) -> Codes:
    """The longest label but the last of each name, as codes of letters between two ends; a row a name.

    The last label is the registry's. A name of one label is looked at whole.
    """
    labels = [max(parts[:-1] or parts, key=len)[:LONGEST] for parts in (name.split(".") for name in names)]
    raw = np.array([label.encode("ascii", "replace") for label in labels], dtype=f"S{LONGEST}")
    letters = raw.view(np.uint8).reshape(len(labels), LONGEST)
    return np.pad(_CODE[letters], ((0, 0), (1, 1)))


def trigrams(rows: Codes) -> npt.NDArray[np.int32]:
    """The number of the trigram at each place of each row; 0, of three ends, where the label is over."""
    wide = rows.astype(np.int32)
    found: npt.NDArray[np.int32] = (wide[:, :-2] * ALPHABET + wide[:, 1:-1]) * ALPHABET + wide[:, 2:]
    return np.where(wide[:, 1:-1] == _END, 0, found)


def log10_odds(names: Sequence[str]) -> Reals:
    """How likely each name is to be generated, as log10 odds, where as many are generated as are not.

    Names in any case, with or without a final dot, in pieces of a size that keeps memory low.
    """
    weights, lengths = _model()
    found = np.empty(len(names))
    for start in range(0, len(names), _PIECE):
        rows = codes([name.rstrip(".") for name in names[start : start + _PIECE]])
        found[start : start + _PIECE] = weights[trigrams(rows)].sum(axis=1) + lengths[(rows != _END).sum(axis=1)]
    return found


_PIECE = 50_000  # names


@cache
def _model() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The weight of each trigram, and of each length of a label, in log10 odds."""
    with files("herdsight.analytics").joinpath("generated.npz").open("rb") as file, np.load(file) as stored:
        scale = np.float32(stored["scale"])
        return stored["trigrams"].astype(np.float32) * scale, stored["lengths"].astype(np.float32)
