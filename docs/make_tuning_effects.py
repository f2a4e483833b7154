"""Writes `tuning-effects.md`, what each knob of the rules changes on evaluation sets: `make tuning DATA=folder`."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import herdsight
from herdsight.evaluating.truths import read_truth
from herdsight.findings.model import Hunt
from herdsight.hunting.detections import detections_of, why_not
from herdsight.hunting.leads import Lead, merged
from herdsight.hunting.schedule import replayed
from herdsight.rules.reading import RuleFile, shipped_rules
from herdsight.simulation.simulate import simulate
from herdsight.telemetry import DEFAULTS, Telemetry, sources
from herdsight.tuning import ready_made, silenced

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_name("tuning-effects.md")
SEED, OFFICE, DAYS = 1, 20, 1.0  # of what is simulated: the first seed, and the office in which nothing is wrong
ORDINARY = ("desktop-008", "benign-2013-10", "benign-2013-12", "benign-2015-03")
FORMS = ("zeek", "defender")

Values = Mapping[str, object]

# Each behaviour from faint to plain, so that a threshold has something to part.
LADDERS: Mapping[str, Sequence[Values]] = {
    "amplification": (
        {"by": "ntp", "reflectors": 60, "answers": 1200},
        {"by": "ntp", "reflectors": 130, "answers": 2600},
        {"by": "ntp", "reflectors": 250, "answers": 5000},
        {},
    ),
    "beacon": (
        {"period_s": 1500, "jitter": 0.5},
        {"period_s": 600, "jitter": 0.5, "days": 0.2},
        {"period_s": 300},
        {"period_s": 20, "jitter": 0.1},
    ),
    "credential-stuffing": (
        {"sources": 60, "networks": 30, "requests": 400},
        {"sources": 120, "networks": 60, "requests": 1000},
        {"sources": 250, "networks": 120, "requests": 3000},
        {"sources": 1000, "networks": 400, "requests": 8000},
    ),
    "dga": ({"a_day": 12}, {"a_day": 30}, {"a_day": 80}, {}),
    "dns-tunnel": (
        {"queries": 40, "label_bytes": 12},
        {"queries": 80, "label_bytes": 20},
        {"queries": 300, "label_bytes": 20},
        {},
    ),
    "fast-flux": ({"addresses": 12}, {"addresses": 24}, {"addresses": 60}, {}),
    "http-flood": (
        {"sources": 30, "requests": 1200},
        {"sources": 60, "requests": 1800},
        {"sources": 120, "requests": 6000},
        {},
    ),
    "irc-bot": ({"stays_s": 1200.0}, {"stays_s": 5400.0}, {"stays_s": 20000.0}, {"stays_s": 60000.0}),
    "outbound-ddos": ({"sessions": 12000}, {"sessions": 24000}, {"sessions": 48000}, {"sessions": 96000}),
    "relay": ({"sessions": 4}, {"sessions": 8}, {"sessions": 16}, {}),
    "spreader": ({"destinations": 15}, {"destinations": 30}, {"destinations": 60}, {}),
    "syn-flood": (
        {"sources": 600, "requests": 3000},
        {"sources": 1500, "requests": 6000},
        {"sources": 5000, "requests": 15000},
        {},
    ),
}

# What each rule is there for; a rule that is not here needs what no simulated behaviour has: weeks of history, lists.
ABOUT: Mapping[str, Sequence[str]] = {
    "amplification": ("amplification",),
    "beacon-fixed-endpoint": ("beacon",),
    "beacon-regular": ("beacon",),
    "c2-by-name": ("fast-flux",),
    "dga-names": ("dga",),
    "distributed-password-guessing": ("credential-stuffing",),
    "dns-tunnel-subdomains": ("dns-tunnel",),
    "dns-txt-c2": ("dns-tunnel",),
    "fast-flux": ("fast-flux",),
    "inbound-flood": ("http-flood", "credential-stuffing"),
    "irc-c2": ("irc-bot",),
    "long-connection": ("irc-bot",),
    "nxdomain-burst": ("dga",),
    "outbound-flood": ("outbound-ddos",),
    "relay-bytes": ("relay",),
    "relay-in-then-out": ("relay",),
    "relay-windowed": ("relay",),
    "service-flood": ("http-flood", "credential-stuffing"),
    "spreader": ("spreader",),
    "syn-flood": ("syn-flood",),
}
KNOBS = 4  # of a rule: its first numbers are its main ones
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Logs:
    """Opened logs and the behaviour in them; of ordinary ones it is empty."""

    name: str
    behaviour: str
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule does at one setting: the sets of its behaviours that it finds, and its alerts in ordinary traffic."""

    found: int
    expected: int
    false: int

    def __str__(self) -> str:
        return f"{self.expected - self.found} of {self.expected} missed, {self.false} false"


@dataclass(frozen=True, slots=True)
class Knob:
    """A number of a rule, and what the rule does with it halved, as it is, and doubled."""

    name: str
    value: str
    unit: str
    halved: Effect
    as_is: Effect
    doubled: Effect


def main(data: Path | None) -> None:
    """Measure everything and write the page."""
    with TemporaryDirectory() as folder, ExitStack() as opened:
        faint, ordinary = _simulated(Path(folder)), _ordinary(Path(folder), data)
        made = [Logs(name, kind, _opened(paths, opened)) for name, kind, paths in faint]
        quiet = [Logs(name, "", _opened(paths, opened, local)) for name, paths, local in ordinary]
        knobs = {file.slug: tuple(_knobs(file, made, quiet)) for file in shipped_rules() if file.slug in ABOUT}
        hunts = {name: _hunts(paths, local) for name, paths, local in ordinary}
        PAGE.write_text("\n".join(_page(knobs, hunts, _levels(faint), data is not None)), encoding="utf-8")


# --- logs -----------------------------------------------------------------------------------------------------------


def _simulated(folder: Path) -> list[tuple[str, str, list[Path]]]:
    """Every rung of every ladder, alone: a name, its behaviour, and its logs."""
    found = []
    for behaviour, rungs in LADDERS.items():
        for number, values in enumerate(rungs):
            place = folder / f"{behaviour}-{number}"
            simulate(behaviour, place, forms=FORMS, seed=SEED + number, values=values)
            found.append((place.name, behaviour, [place / "logs"]))
    return found


def _ordinary(folder: Path, data: Path | None) -> list[tuple[str, list[Path], tuple[str, ...]]]:
    """Logs in which nothing is wrong: an office, and the captures where they are here."""
    place = folder / "office"
    simulate("background", place, forms=FORMS, seed=SEED, number_of_days=DAYS, values={"hosts": OFFICE})
    found: list[tuple[str, list[Path], tuple[str, ...]]] = [("simulated office", [place / "logs"], ())]
    for name in ORDINARY if data else ():
        file = read_truth(ROOT / "evaluation" / f"{name}.yaml")
        found.append((name, [data / each for each in file.truth.logs] if data else [], tuple(file.truth.local)))
    return found


def _opened(paths: Sequence[Path], opened: ExitStack, local: tuple[str, ...] = ()) -> Telemetry:
    options = replace(DEFAULTS, local=local)
    return opened.enter_context(Telemetry(sources(paths, options), options))


# --- knobs ----------------------------------------------------------------------------------------------------------


def _knobs(file: RuleFile, made: Sequence[Logs], quiet: Sequence[Logs]) -> Iterator[Knob]:
    own = [each for each in made if each.behaviour in ABOUT[file.slug]]
    as_is = _effect(file, own, quiet)
    for name, parameter in file.rule.herdsight.parameters.items():
        value = _value(file, name)
        if value is None:
            continue
        halved, doubled = (_effect(_changed(file, name, value, by), own, quiet) for by in (0.5, 2.0))
        yield Knob(name, value, parameter.unit, halved, as_is, doubled)


def _value(file: RuleFile, name: str) -> str | None:
    """The value of a `let` of the rule, where it is a number and one of its main ones."""
    numbers = {each: _let(file, each) for each in file.rule.herdsight.parameters}
    main = [each for each, value in numbers.items() if value and _NUMBER.fullmatch(value)][:KNOBS]
    return numbers[name] if name in main else None


def _let(file: RuleFile, name: str) -> str | None:
    match = re.search(rf"^let {name} = ([^;]+);", file.rule.query, re.MULTILINE)
    return match[1] if match else None


def _changed(file: RuleFile, name: str, value: str, by: float) -> RuleFile:
    """The rule with another value; what counts stays a whole number, and above none."""
    new = f"{float(value) * by:g}" if "." in value else f"{max(round(int(value) * by), 1)}"
    if "." in value and "." not in new:
        new += ".0"
    query = file.rule.query.replace(f"let {name} = {value};", f"let {name} = {new};", 1)
    return replace(file, rule=file.rule.model_copy(update={"query": query}))


def _effect(file: RuleFile, own: Sequence[Logs], quiet: Sequence[Logs]) -> Effect:
    found = sum(bool(_leads(file, each.telemetry)) for each in own)
    return Effect(found, len(own), sum(len(_leads(file, each.telemetry)) for each in quiet))


def _leads(file: RuleFile, telemetry: Telemetry) -> tuple[Lead, ...]:
    """What a rule finds, however often it fires for the same entities."""
    (detection,) = detections_of([file], DEFAULTS)
    if why_not(detection, telemetry.spans):
        return ()
    telemetry.provide(detection.relation)
    return merged(replayed(telemetry, file.rule, detection.relation), file.rule)


# --- hunts ----------------------------------------------------------------------------------------------------------

LEVELS = ("low", "medium", "high")


def _hunts(paths: Sequence[Path], local: tuple[str, ...]) -> Mapping[str, Hunt]:
    return {level: herdsight.hunt(paths, level=level, local=local) for level in LEVELS}


def _levels(faint: Iterable[tuple[str, str, list[Path]]]) -> Mapping[str, tuple[int, int]]:
    """At each level, how many of the second rungs are found, and of how many: the first are near what chance does."""
    second = [paths for name, _, paths in faint if name.endswith("-1")]
    return {
        level: (sum(bool(herdsight.hunt(paths, level=level).findings) for paths in second), len(second))
        for level in LEVELS
    }


# --- page -----------------------------------------------------------------------------------------------------------

_HEAD = """\
# What tuning changes

Each of the main numbers of each rule, halved and doubled, measured on logs whose truth is known. Missed: of the sets of
what the rule is there for - each behaviour simulated in four steps from faint to plain - those in which it finds
nothing. False: findings in ordinary traffic, which is {ordinary}. What `herdsight hunt` tells is less: it
holds a rule's findings against the analytic that measures the same. [How to tune](tuning.md) says what to write where.

Halving a number that begins with `min`, or doubling one that begins with `max`, lets more by. A knob whose row
shows no change was not what decided in these sets; that is no licence to set it to anything.
"""
_LEVELS = """\
## The level

`--level` decides how much of what is found is told. Found: of the second faintest step of each behaviour.

| level | found | {columns} |
|---|---|{bars}|"""
_CLASSES = """
## The ready-made classes

`use:` in a tuning file silences known kinds of honest traffic. Findings in the ordinary traffic at the level high,
where there is most to silence:

| class | {columns} |
|---|{bars}|"""
_NONE = """
## Not measured

These rules need what none of the sets has, such as weeks of history, a watchlist or indicators, or have no number among
their knobs: {rules}. Their cases (`herdsight rules test RULE`) show the effect of each condition.
"""


def _page(
    knobs: Mapping[str, Sequence[Knob]],
    hunts: Mapping[str, Mapping[str, Hunt]],
    levels: Mapping[str, tuple[int, int]],
    has_captures: bool,
) -> Iterator[str]:
    captures = f" and {len(ORDINARY)} captures of a desktop" if has_captures else ""
    yield _HEAD.format(ordinary=f"a day of a simulated office of {OFFICE} hosts{captures}")
    yield _LEVELS.format(**_columns(hunts))
    for level in LEVELS:
        found, expected = levels[level]
        yield _row(level, f"{found} of {expected}", *(str(len(each[level].findings)) for each in hunts.values()))
    yield _CLASSES.format(**_columns(hunts))
    yield _row("none", *(str(len(each["high"].findings)) for each in hunts.values()))
    for name in ready_made():
        yield _row(f"`{name}`", *(str(_left(each["high"], name)) for each in hunts.values()))
    for slug, measured in knobs.items():
        if measured:
            yield from _section(slug, measured)
    left = [each.slug for each in shipped_rules() if not knobs.get(each.slug)]
    yield _NONE.format(rules=", ".join(f"`{each}`" for each in left))


def _columns(hunts: Mapping[str, object]) -> dict[str, str]:
    return {"columns": " | ".join(f"findings in {name}" for name in hunts), "bars": "|".join("---" for _ in hunts)}


def _left(hunt: Hunt, name: str) -> int:
    return len(silenced(hunt.findings, ready_made()[name], hunt.now).findings)


def _section(slug: str, knobs: Sequence[Knob]) -> Iterator[str]:
    as_is = knobs[0].as_is
    yield f"\n## {slug}\n"
    yield f"As it is: {as_is}.\n"
    yield "| knob | value | halved | doubled |\n|---|---|---|---|"
    for each in knobs:
        yield _row(f"`{each.name}`", f"{each.value} {each.unit}", _told(each.halved, as_is), _told(each.doubled, as_is))


def _told(effect: Effect, as_is: Effect) -> str:
    return "no change" if effect == as_is else str(effect)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
