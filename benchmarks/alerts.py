"""False alarms: what the shipped rules find in ordinary traffic, per rule and per day of a host.

By default a small office and one day; with --full the size that the target is stated for, which takes long.
"""

import sys
from collections import Counter
from pathlib import Path

from _measure import folder, line

from herdsight.findings.model import Hunt
from herdsight.hunting.hunt import hunt
from herdsight.rules.reading import shipped_rules
from herdsight.simulation.office import NETWORK
from herdsight.simulation.simulate import simulate
from herdsight.telemetry import Options

_SMALL, _FULL = (100, 1), (500, 3)  # hosts and days
_MOST = 0.01  # findings a day of a host


def main() -> None:
    """Print a line for each rule that ran, and one for all."""
    hosts, days = _FULL if "--full" in sys.argv else _SMALL
    with folder() as place:
        found = hunted(place, hosts, days)
    counts = Counter(each.detection for each in found.findings)
    idle = {each.detection for each in found.skipped}
    for rule in shipped_rules():
        told = "not run" if rule.slug in idle else f"{counts[rule.slug] / (hosts * days):.4f}"
        line(f"  {rule.slug}", told, f"{counts[rule.slug]} findings", reached=True)
    share = counts.total() / (hosts * days)
    what = f"Findings a host-day, {hosts} ordinary hosts for {days} days"
    line(what, f"{share:.4f}", f"at most {_MOST}", reached=share <= _MOST)


def hunted(place: Path, hosts: int, days: int) -> Hunt:
    """What every shipped rule finds in an office as Zeek's and Defender's logs, which have no analytic to judge it."""
    simulate("background", place / "office", number_of_days=days, values={"hosts": hosts})
    return hunt([place / "office" / "logs"], Options(local=(NETWORK,)), rules=shipped_rules())


if __name__ == "__main__":
    main()
