"""Rounds of `test_fuzz.py`, each over other texts, until the time is over or one fails; says how to repeat that one.

    python tests/fuzz.py SECONDS [SEED]

With a seed, the one round that it stands for.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROUND = "300"  # per cent of the texts that `make test` tries


def main(seconds: float, *seeds: str) -> int:
    """Exit status 0, or that of the round that failed."""
    for number, seed in enumerate(seeds or _seeds(seconds), start=1):
        sys.stdout.write(f"round {number}, seed {seed}\n")
        sys.stdout.flush()
        status = _round(seed)
        if status:
            sys.stdout.write(f"repeat it with: make fuzz FUZZ_SEED={seed}\n")
            return status
    return 0


def _seeds(seconds: float) -> Iterator[str]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield str(random.SystemRandom().randrange(2**32))


def _round(seed: str) -> int:
    tests = str(Path(__file__).with_name("test_fuzz.py"))
    command = (sys.executable, "-m", "pytest", "-q", "-k", "random or slips or any_text", f"--hypothesis-seed={seed}")
    return subprocess.run(  # noqa: S603 our own interpreter
        (*command, tests), check=False, env={**os.environ, "HERDSIGHT_FUZZ_ROUND": ROUND}
    ).returncode


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), *sys.argv[2:]))
