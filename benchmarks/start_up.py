"""How long `import herdsight` and `herdsight --help` take."""

import subprocess
import sys
import time

from _measure import RUNS, line

_MOST_SECONDS = 0.3
_WHAT = {
    "import herdsight": ("-c", "import herdsight"),
    "herdsight --help": ("-m", "herdsight", "--help"),
}


def main() -> None:
    """Print a line for each: the median of several runs, the start of Python included."""
    for what, arguments in _WHAT.items():
        seconds = sorted(_seconds(*arguments) for _ in range(RUNS))[RUNS // 2]
        line(what, f"{seconds:.2f} s", f"under {_MOST_SECONDS} s", reached=seconds < _MOST_SECONDS)


def _seconds(*arguments: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
