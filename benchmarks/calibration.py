"""Whether what analytics call likely is as often right: many simulated offices, each with one behaviour or none in it.

Analytics alone are put to each, at the level high, so that what is unlikely is told as well; rules are left out, which
state no probability of their own. The behaviours are of many strengths, down to those that are barely seen. Findings
with an honest explanation are not counted, nor are those of an infected host that are about something else.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import herdsight
from herdsight import tables
from herdsight.analytics import ANALYTICS
from herdsight.evaluating.matching import fits
from herdsight.evaluating.reliability import Said, bins, brier
from herdsight.evaluating.truths import read_truth
from herdsight.findings.model import Finding
from herdsight.hunting.analysing import analyse, sight_of, unable
from herdsight.telemetry import DEFAULTS, Level, Options, Telemetry, sources

SEED = 1_001  # far from those of the page's other offices
ROUNDS = 4  # of all 15, each in an office of its own, so that there are 60
_OFFICES = (12, 20, 40)  # hosts, in turn

# From the strongest to what is hardly seen; each drawn from evenly, on a logarithmic scale where there is a number.
_STRENGTHS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "amplification": {"answers": (800, 12_000), "reflectors": (40, 600)},
    "background": {},
    "beacon": {"period_s": (10, 3_600), "jitter": (0.02, 0.5), "port": (1_100, 60_000)},
    "credential-stuffing": {"requests": (500, 9_000), "sources": (40, 240)},
    "dga": {"a_day": (20, 250)},
    "dns-tunnel": {"queries": (150, 3_000)},
    "fast-flux": {"period_s": (100, 3_600)},
    "http-flood": {"requests": (1_500, 40_000), "sources": (40, 240)},
    "irc-bot": {"stays_s": (600, 5_400)},
    "outbound-ddos": {"sessions": (1_000, 15_000)},
    "p2p-bot": {"peers": (20, 120)},
    "relay": {"sessions": (4, 60)},
    "spam": {"requests": (500, 9_000), "sources": (40, 240)},
    "spreader": {"destinations": (12, 400)},
    "syn-flood": {"requests": (2_000, 60_000)},
}
_REAL = frozenset({"period_s", "jitter", "stays_s"})  # of these parameters; the others are whole numbers


@dataclass(frozen=True, slots=True)
class Stated(Said):
    """What an analytic said."""

    analytic: str


def measured(rounds: int = ROUNDS) -> list[Stated]:
    """What every analytic states in every office, and whether it is so."""
    return [each for number in range(rounds) for each in _round(number)]


def _round(number: int) -> Iterator[Stated]:
    for place, name in enumerate(_STRENGTHS):
        seed = SEED + number * len(_STRENGTHS) + place
        with TemporaryDirectory() as folder:
            yield from _office(name, seed, _OFFICES[number % len(_OFFICES)], Path(folder))


def _office(name: str, seed: int, hosts: int, folder: Path) -> Iterator[Stated]:
    values = _drawn(name, np.random.default_rng(seed))
    background, values = (0, {**values, "hosts": hosts}) if name == "background" else (hosts, values)
    herdsight.simulate(name, folder / "sim", forms=("zeek",), seed=seed, background=background, **values)
    file = read_truth(folder / "sim" / "truth.yaml")
    for finding in _findings(file.logs(None), replace(DEFAULTS, local=file.truth.local)):
        is_right = any(fits(finding, entry) for entry in file.truth.malicious)
        if finding.probability is not None and (is_right or file.truth.is_benign(finding.host)):
            yield Stated(finding.probability, is_right, finding.detection)


def _drawn(name: str, random: np.random.Generator) -> dict[str, float]:
    found = {}
    for parameter, (least, most) in _STRENGTHS[name].items():
        value = float(np.exp(random.uniform(np.log(least), np.log(most))))
        found[parameter] = round(value, 3) if parameter in _REAL else round(value)
    return found


def _findings(logs: Sequence[Path], options: Options) -> list[Finding]:
    """What the analytics alone tell, but for what they explain."""
    with Telemetry(sources(logs, options), options, None) as telemetry:
        ready = [each for each in ANALYTICS if not unable(each, telemetry, telemetry.spans)]
        needed: dict[str, set[str]] = defaultdict(set)
        for analytic in ready:
            for table, own in analytic.reads.items():
                needed[table] |= {*own, tables.table(table).time}
        telemetry.keep(needed)
        sight = sight_of(telemetry, ready)
        told = [finding for each in ready for finding in analyse(each, sight, telemetry, Level.HIGH).findings]
    return [each for each in told if not each.explained_by]


def main() -> None:
    """Print the table, in all and by analytic."""
    begun = time.process_time()
    stated = measured(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    for name in ("all", *sorted({each.analytic for each in stated})):
        own = [each for each in stated if name in ("all", each.analytic)]
        print(f"{name}: {len(own)} findings, Brier score {brier(own):.3f}")
        for each in bins(own):
            print(
                f"  {each.at_least:4.0%} to {each.below:4.0%}: stated {each.stated:5.1%}, observed {each.observed:5.1%}"
                f" ({each.low:.0%} to {each.high:.0%}), {each.right} of {each.findings}"
            )
    print(f"{time.process_time() - begun:.0f} s of CPU")


if __name__ == "__main__":
    main()
