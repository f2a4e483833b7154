"""An ordinary office of hundreds of hosts, made and written as Zeek's logs of connections and of names."""

import sys
from collections.abc import Callable
from pathlib import Path

from _measure import RUNS, folder, line, medians, report_as_child

from herdsight.simulation.simulate import simulate

HOSTS, DAYS = 500, 3
_LEAST_EVENTS, _MOST_MIB = 200_000, 3_072  # a second; one day is in memory at a time


def main() -> None:
    """Print the lines, or do the work when called by itself."""
    if len(sys.argv) > 3:  # noqa: PLR2004 hosts, days and folder
        report_as_child(_made(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
        return
    hosts, days, runs = (50, 1, 1) if "--quick" in sys.argv else (HOSTS, DAYS, min(RUNS, 3))
    with folder() as place:
        found = medians(__file__, {"made": (str(hosts), str(days), str(place))}, runs)["made"]
        # The same seed makes the same rows, so they are counted in a run that is not timed.
        counted = simulate(
            "background", place / "counted", forms=("zeek",), number_of_days=days, values={"hosts": hosts}
        )
    events = sum(each.rows for each in counted.files)
    speed = events / found.seconds
    what = f"{hosts} hosts for {days} days as Zeek, {events:,} events"
    line(f"{what}: speed", f"{speed:,.0f} a s", f"at least {_LEAST_EVENTS:,}", reached=speed >= _LEAST_EVENTS)
    line(
        f"{what}: memory",
        f"{found.peak_mib:,.0f} MiB",
        f"at most {_MOST_MIB:,} MiB",
        reached=found.peak_mib <= _MOST_MIB,
    )


def _made(hosts: int, days: int, place: Path) -> Callable[[], object]:
    out = place / f"run-{len(list(place.iterdir()))}"
    return lambda: simulate("background", out, forms=("zeek",), number_of_days=days, values={"hosts": hosts})


if __name__ == "__main__":
    main()
