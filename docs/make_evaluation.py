"""Writes `evaluation.md`, what is found of what is true, beside others' formulas: `make evaluate DATA=folder`."""

import runpy
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import herdsight
from herdsight.evaluating.reliability import bins, brier
from herdsight.findings.evaluated import EvaluatedBin, EvaluatedEntry, Evaluation
from herdsight.findings.model import Severity
from herdsight.output.words import length_words
from herdsight.simulation.simulate import behaviours

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_name("evaluation.md")
SEED, OFFICE = 1, 20  # of what is simulated: the first seed, and how many ordinary hosts are around it

REAL_BEACONS = ("njrat", "remcos", "rita-proxy", "lab-beacon-1", "lab-beacon-2")
ORDINARY = ("desktop-008", "benign-2013-10", "benign-2013-12", "benign-2015-03")


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that is to be reached; `reached` is None where what measures it is not here."""

    what: str
    target: str
    measured: str
    reached: bool | None


def main(data: Path | None) -> None:
    """Measure everything and write the page."""
    peers = runpy.run_path(str(ROOT / "benchmarks" / "peers.py"))
    lines = peers["measured"]()
    stated = runpy.run_path(str(ROOT / "benchmarks" / "calibration.py"))["measured"]()
    truths = sorted((ROOT / "evaluation").glob("*.yaml"))
    real = herdsight.evaluate(truths, data=data, timed=True) if data else None
    made = _simulated()
    PAGE.write_text(_page(peers, lines, real, made, stated), encoding="utf-8")


def _simulated() -> Evaluation:
    """Every behaviour that can be simulated, each in the traffic of an office of its own."""
    names = [each.name for each in behaviours().behaviours if not each.name.startswith("page-test")]
    with TemporaryDirectory() as folder:
        for seed, name in enumerate(names, SEED):  # each office is another
            around = {"hosts": OFFICE} if name == "background" else {}
            background = 0 if name == "background" else OFFICE
            herdsight.simulate(name, Path(folder) / name, forms=FORMS, seed=seed, background=background, **around)
        return herdsight.evaluate([Path(folder) / name / "truth.yaml" for name in names], timed=True)


FORMS = ("zeek",)
_RECALL = 0.99


# --- bars -----------------------------------------------------------------------------------------------------------


def _bars(peers: dict[str, Any], lines: Sequence[Any], real: Evaluation | None, made: Evaluation) -> Iterator[Bar]:
    recall, false = peers["recall"](lines), peers["most_false"](lines)
    yield Bar(
        "beacons of 10 s to 6 h with jitter up to 50 % told from chance",
        "at least 99 %",
        f"{100 * recall:.1f} %",
        recall >= _RECALL,
    )
    yield Bar(
        "random, bursty and diurnal series taken for beacons", "at most 1 of 80 of a kind", f"{false} of 80", false <= 1
    )
    yield from _real_bars(real)
    yield _share("simulated behaviours found in an office", made.entries, at_least=Severity.INFORMATIONAL)
    relays = [each for each in made.entries if each.behaviour == "relay"]
    yield _share("simulated relay of 30 sessions a day found", relays, at_least=Severity.INFORMATIONAL)
    yield Bar("relays on an Internet server over 3 days", "at most 1 finding", "the capture is not published", None)


def _real_bars(real: Evaluation | None) -> Iterator[Bar]:
    yield _high("NjRAT, Remcos, the proxied C2 and both beacons of a laboratory", real, REAL_BEACONS)
    yield _high("the scanner nmap", real, ["nmap"])
    yield _high("the bot that tries telnet, in three formats", real, ["test7-zeek", "test7-suricata", "test7-argus"])
    yield _high("the DNS tunnel and the C2 in TXT answers", real, ["dns-tunnel", "dns-c2-txt"])
    yield _high("three DDoS captures", real, ["ddos-syn", "ddos-snmp", "ddos-udp-37810"])
    ordinary = _false(real, ORDINARY)
    yield _most("false findings on a desktop of 24 h and three benign captures", real, len(ordinary), 1)
    grave = [each for each in ordinary if each.severity is Severity.HIGH]
    yield _most("of these of high severity", real, len(grave), 0)
    floods = [each for each in _false(real, ["desktop-008"]) if each.role == "target"]
    yield _most("floods seen in the Internet's background on that desktop", real, len(floods), 0)


def _high(what: str, real: Evaluation | None, sets: Sequence[str]) -> Bar:
    # Of a bot whose peers no detection names yet, what else it does counts by its own entry.
    entries = [each for each in real.entries if each.set in sets and each.behaviour != "p2p"] if real else []
    return _share(f"{what}, at high severity", entries, at_least=Severity.HIGH)


def _share(what: str, entries: Sequence[EvaluatedEntry], *, at_least: Severity) -> Bar:
    if not entries:
        return Bar(what, "all", "the data is not here", None)
    found = [each for each in entries if each.severity and each.severity.rank >= at_least.rank]
    return Bar(what, "all", f"{len(found)} of {len(entries)}", len(found) == len(entries))


def _most(what: str, real: Evaluation | None, count: int, most: int) -> Bar:
    target = f"at most {most}" if most else "none"
    return Bar(what, target, str(count) if real else "the data is not here", count <= most if real else None)


def _false(real: Evaluation | None, sets: Sequence[str]) -> list[Any]:
    return [each for each in real.false_alerts if each.set in sets] if real else []


# --- the page -------------------------------------------------------------------------------------------------------

_INTRODUCTION = """\
# What is found, and what is told without cause

Written by `make evaluate DATA=folder` with the figures of the day; nothing here is edited by hand. `herdsight evaluate`
hunts through logs whose truth is known, at the default level, and compares. A finding is right where its host, its
remote and port (where both name them) and its behaviour are those of an entry of the truth file. It is a false alert
where the truth file calls its host benign; else it is unjudged. Less than a day of a host counts as one in a rate.

The captures are other people's and not part of this repository: `evaluation/` has their truth files, and says where
they come from. What is simulated is made anew, with the same seeds.
"""


def _page(
    peers: dict[str, Any], lines: Sequence[Any], real: Evaluation | None, made: Evaluation, stated: Sequence[Any]
) -> str:
    parts = [_INTRODUCTION, "## Bars\n"]
    words = {True: "reached", False: "**missed**", None: "not measured"}
    parts += _table(
        ("what", "target", "measured", ""),
        (
            (each.what, each.target, each.measured, words[each.reached])
            for each in (*_bars(peers, lines, real, made), *_calibrated(real, stated))
        ),
    )
    if real:
        parts += _evaluated("Captures", real)
    parts += _evaluated(f"Simulated, each in a day of an office of {OFFICE} hosts", made)
    parts += _reliability(real, stated)
    parts += [
        "## Beacons beside others' formulas\n",
        "The share of 20 series each that is called a beacon by times and sizes alone, and how many of 80 series of",
        "chance. The formulas are in `benchmarks/peers.py`, which prints this table.\n",
        *_table(("series", *peers["DETECTORS"]), ((each.what, *each.cells()) for each in lines)),
    ]
    return "\n".join(parts)


def _evaluated(title: str, found: Evaluation) -> Iterator[str]:
    recall, precision = _percent(found.recall), _percent(found.precision)
    yield f"## {title}\n"
    false = f"{len(found.false_alerts)} false alerts in {found.host_days:.1f} host-days"
    yield f"Recall {recall}, precision {precision}; {false}, {found.alerts_per_host_day:.2g} a host-day.\n"
    yield from _table(
        (
            *("behaviour", "expected", "found", "of high severity", "recall", "right findings", "false alerts"),
            *("precision", "time to detection"),
        ),
        (
            (
                *(each.behaviour, each.expected, each.found, each.found_high, _percent(each.recall)),
                *(each.right, each.false_alerts, _percent(each.precision), _late(each.median_seconds)),
            )
            for each in found.behaviours
        ),
    )
    yield from _table(
        ("set", "expected", "found", "false alerts", "unjudged", "hosts", "host-days"),
        (
            (each.set, each.expected, each.found, each.false_alerts, each.unjudged, each.hosts, f"{each.host_days:.1f}")
            for each in found.sets
        ),
    )
    yield from _table(
        ("found", "host", "in", "severity", "time to detection", "by"),
        (
            (
                *(each.behaviour, each.host, each.set, each.severity, _late(each.seconds_to_detection)),
                ", ".join(each.detections),
            )
            for each in found.entries
            if each.found
        ),
    )
    missed = [each for each in found.entries if not each.found]
    yield from (f"- not found: {each.behaviour} of {each.host} in {each.set}" for each in missed)
    yield from (
        f"- false: {each.detection} ({each.severity}) on {each.host} in {each.set}, {_where(each)}"
        for each in found.false_alerts
    )
    yield ""


def _late(seconds: float | None) -> str:
    return "" if seconds is None else length_words(timedelta(seconds=seconds)) if seconds >= 1 else "at once"


_STATED = """\
## Are probabilities right as often as they say

Findings of analytics by the probability that they state, and the share of them that is right, which lies within the
last column at 95 % (Wilson). A finding with an honest explanation is not counted. Of the simulated there is a
behaviour, or none, in each of 60 offices of 12, 20 and 40 hosts, strong or hardly seen; analytics alone are
asked, at the level high, by `benchmarks/calibration.py`. The names of simulated services end in `.example`, so that
all that their programs poll is under no popular domain. The analytic of beacons takes that to be so of one honest
timer in twenty; so there are twenty times as many of these here as it reckons with.
"""


def _reliability(real: Evaluation | None, stated: Sequence[Any]) -> Iterator[str]:
    yield _STATED
    names = ("said to be likely", "findings", "right", "stated", "observed", "at 95 %")
    parts = {"all": list(stated)}
    for each in stated:
        parts.setdefault(each.analytic, []).append(each)
    for name, own in parts.items():
        yield f"Simulated, {name}: {len(own)} findings, Brier score {brier(own):.3f}.\n"
        yield from _table(names, map(_bin, bins(own)))
    if real and real.reliability:
        count = sum(each.findings for each in real.reliability)
        yield f"Captures, at the default level: {count} findings, Brier score {real.brier:.3f}.\n"
        yield from _table(names, map(_bin, real.reliability))


def _bin(each: EvaluatedBin) -> tuple[object, ...]:
    shares = (f"{100 * each.at_least:.0f} to {100 * each.below:.0f} %", each.findings, each.right)
    return (*shares, *map(_percent, (each.stated, each.observed)), f"{100 * each.low:.0f} to {100 * each.high:.0f} %")


def _calibrated(real: Evaluation | None, stated: Sequence[Any]) -> Iterator[Bar]:
    for what, found in (("simulated", list(bins(stated))), ("of captures", list(real.reliability if real else ()))):
        outside = [each for each in found if not each.low <= each.stated <= each.high]
        yield Bar(
            f"bins of probabilities, {what}, whose mean lies within the 95 % of what is right",
            "all",
            f"{len(found) - len(outside)} of {len(found)}" if found else "the data is not here",
            not outside if found else None,
        )


def _where(alert: Any) -> str:
    named = [*alert.domains, *alert.remotes]
    return ", ".join(named[:2]) + (f" and {len(named) - 2} more" if len(named) > 2 else "")  # noqa: PLR2004


def _table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(names)} |"
    yield "|" + "---|" * len(names)
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)
    yield ""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.3g} %"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
