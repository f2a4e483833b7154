"""Trains the model that tells generated names from honest ones, and writes it and its report.

Honest names: the million of Tranco's list that the package pymispwarninglists carries. Generated ones: the generators
below, written after the kinds that published analyses of families describe, and after no family in particular.
A tenth of each is kept aside for the report. `--families DIR` also scores files of real families, one name a line.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from herdsight.analytics.generated import ALPHABET, LONGEST, codes, log10_odds, trigrams

Reals = npt.NDArray[np.float64]
Random = np.random.Generator

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "src" / "herdsight" / "analytics" / "generated.npz"
REPORT = ROOT / "docs" / "generated-names.md"
SEED = 20261124
_EACH = 40_000  # names of each generator
_HONEST = 320_000
_ROUNDS, _BATCH, _RATE, _DECAY = 6, 4_096, 0.3, 2e-6
_FALSE = 0.01  # share of honest names above the threshold of the report

LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
VOWELS, CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxyz"


def _drawn(random: Random, alphabet: str, low: int, high: int) -> str:
    return "".join(random.choice(list(alphabet), size=int(random.integers(low, high + 1))))


def _spoken(random: Random) -> str:
    pairs = int(random.integers(3, 7))
    parts = [str(random.choice(list(CONSONANTS))) + str(random.choice(list(VOWELS))) for _ in range(pairs)]
    return "".join(parts) + (str(random.choice(list(CONSONANTS))) if random.random() < 0.5 else "")  # noqa: PLR2004


def _skewed(random: Random) -> str:
    """Letters of one seed's own favourites, as linear congruential generators with a small period give."""
    weights = random.dirichlet(np.full(26, 0.6))
    return "".join(random.choice(list(LETTERS), p=weights, size=int(random.integers(8, 20))))


def _mixed(random: Random) -> str:
    """Syllables and hard clusters in turn."""
    return "".join(_spoken(random)[:3] + _drawn(random, CONSONANTS, 1, 3) for _ in range(int(random.integers(2, 4))))


GENERATORS: Mapping[str, Callable[[Random], str]] = {
    "letters, short": lambda random: _drawn(random, LETTERS, 6, 10),
    "letters, middling": lambda random: _drawn(random, LETTERS, 10, 18),
    "letters, long": lambda random: _drawn(random, LETTERS, 18, 32),
    "letters a to y": lambda random: _drawn(random, LETTERS[:25], 8, 20),
    "letters and digits": lambda random: _drawn(random, LETTERS + DIGITS, 8, 28),
    "base 32": lambda random: _drawn(random, LETTERS + "234567", 12, 32),
    "hexadecimal": lambda random: _drawn(random, "0123456789abcdef", 8, 32),
    "hash": lambda random: hashlib.sha256(random.bytes(8)).hexdigest()[: int(random.integers(10, 33))],
    "spoken": _spoken,
    "skewed": _skewed,
    "mixed": _mixed,
    "few consonants": lambda random: _drawn(random, "aeioubdklmnrst", 8, 16),
}


def main() -> None:
    """Train, write the model, and write what it does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", type=Path, help="a folder of real families' names, a file each, one name a line")
    given = parser.parse_args()
    random = np.random.default_rng(SEED)
    honest = _honest(random)
    made = {name: _made(make, random) for name, make in GENERATORS.items()}
    cut = len(honest) // 10
    kept = {name: own[: len(own) // 10] for name, own in made.items()}
    generated = [each for own in made.values() for each in own[len(own) // 10 :]]
    weights, lengths = _trained(honest[cut:], generated, random)
    _write(weights, lengths)
    _report(honest[:cut], kept, given.families)


def _honest(random: Random) -> list[str]:
    path = files("pymispwarninglists").joinpath("data", "misp-warninglists", "lists", "tranco", "list.json")
    names: list[str] = json.loads(path.read_text(encoding="utf-8"))["list"]
    return [str(each) for each in random.permutation(np.array(names, dtype=object))[:_HONEST]]


def _made(make: Callable[[Random], str], random: Random) -> list[str]:
    return [f"{make(random)}.example" for _ in range(_EACH)]


def _trained(honest: list[str], generated: list[str], random: Random) -> tuple[Reals, Reals]:
    """Logistic regression by Adagrad with weight decay; weights in natural log odds."""
    rows = codes([*honest, *generated])
    grams, sizes = trigrams(rows), (rows != 0).sum(axis=1)
    truth = np.repeat([0.0, 1.0], [len(honest), len(generated)])
    balance = np.where(truth == 1, len(truth) / (2 * len(generated)), len(truth) / (2 * len(honest)))
    weights, lengths = np.zeros(ALPHABET**3), np.zeros(LONGEST + 1)
    seen, seen_lengths = np.full(ALPHABET**3, 1e-6), np.full(LONGEST + 1, 1e-6)
    for _ in range(_ROUNDS):
        order = random.permutation(len(truth))
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            said = 1 / (1 + np.exp(-(weights[grams[batch]].sum(axis=1) + lengths[sizes[batch]])))
            slope = (said - truth[batch]) * balance[batch] / len(batch)
            _step(weights, seen, grams[batch].ravel(), np.repeat(slope, grams.shape[1]))
            _step(lengths, seen_lengths, sizes[batch], slope)
    return weights, lengths


def _step(weights: Reals, seen: Reals, where: npt.NDArray[np.integer], slope: Reals) -> None:
    total = np.bincount(where, slope, len(weights)) + _DECAY * weights
    total[0] *= len(weights) == LONGEST + 1  # the trigram of three ends says nothing
    seen += total**2
    weights -= _RATE * total / np.sqrt(seen)


def _write(weights: Reals, lengths: Reals) -> None:
    tenths = weights / np.log(10)
    scale = float(np.abs(tenths).max() / 127)
    small = np.round(tenths / scale).astype(np.int8)
    np.savez_compressed(MODEL, trigrams=small, lengths=(lengths / np.log(10)).astype(np.float32), scale=scale)


def _report(honest: list[str], made: Mapping[str, list[str]], families: Path | None) -> None:
    threshold = float(np.quantile(log10_odds(honest), 1 - _FALSE))
    rows = [(f"own: {name}", len(own), _share(own, threshold)) for name, own in made.items()]
    if families:
        for path in sorted(families.glob("*.txt")):
            own = path.read_text(encoding="utf-8").split()
            rows.append((f"real: {path.stem}", len(own), _share(own, threshold)))
    lines = [f"| {name} | {count:,} | {share:.0%} |" for name, count, share in rows]
    text = _TEXT.format(
        size=MODEL.stat().st_size / 1000, false=_FALSE, honest=len(honest), threshold=threshold, rows="\n".join(lines)
    )
    REPORT.write_text(text, encoding="utf-8")
    print(text)  # noqa: T201 who trains wants to see it


def _share(names: list[str], threshold: float) -> float:
    return float((log10_odds(names) >= threshold).mean())


_TEXT = """# Generated names

Made by `training/generated_names.py`; do not edit.

The model is a logistic regression over the trigrams of a name's longest label, {size:.0f} kB. It was trained on names
of Tranco's list, which are taken for honest, and on names of our own generators, nine tenths of each. At the threshold
that {false:.0%} of the other {honest:,} honest names pass ({threshold:.2f} in log10 odds) it finds:

| names | how many | found |
|---|---|---|
{rows}

The real families are none of the training. Families that put words together look honest name by name, and so do those
whose names are few letters long or meant to be spoken: a host is judged by all its names, and by how many do not exist.
"""

if __name__ == "__main__":
    main()
