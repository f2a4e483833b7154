"""Hunts judged by truth files: recall and precision by behaviour, and false alerts in a day of a host."""

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from herdsight.errors import InputError
from herdsight.evaluating.matching import behaviour_of, fits
from herdsight.evaluating.reliability import Said, bins, brier
from herdsight.evaluating.truths import Entry, TruthFile, read_truth
from herdsight.findings.evaluated import EvaluatedBehaviour, EvaluatedEntry, EvaluatedSet, Evaluation, FalseAlert
from herdsight.findings.model import Finding, Hunt, Severity, iso
from herdsight.hunting import hunt as hunting
from herdsight.querying import answers
from herdsight.simulation.truth import DEEDS
from herdsight.telemetry import DEFAULTS, Options, Progress
from herdsight.version import VERSION

# Every host of our own that the logs show, from its first event to its last. Outside addresses that talk to each other
# are hosts where no network is known to be inside; who is only called from outside is one if it answers.
_SEEN = """
union
  (ASimNetworkSessionLogs | where NetworkDirection in ('Outbound', 'Local', 'External')
    | project Host = SrcIpAddr, TimeGenerated),
  (ASimNetworkSessionLogs | where NetworkDirection == 'Inbound' and EventResult == 'Success'
    | project Host = DstIpAddr, TimeGenerated),
  (ASimDnsActivityLogs | project Host = SrcIpAddr, TimeGenerated)
| where isnotempty(Host)
| summarize First = min(TimeGenerated), Last = max(TimeGenerated) by Host
| summarize Hosts = count(), Days = sum((Last - First) / 1d)
"""

# The names and addresses under which the logs have a host, of those that are asked for.
_KNOWN = """
union
  (ASimNetworkSessionLogs | project Host = SrcIpAddr), (ASimNetworkSessionLogs | project Host = DstIpAddr),
  (ASimNetworkSessionLogs | project Host = SrcHostname), (ASimNetworkSessionLogs | project Host = DstHostname),
  (ASimDnsActivityLogs | project Host = SrcIpAddr), (ASimDnsActivityLogs | project Host = SrcHostname)
| where Host in~ ({hosts})
| distinct Host = tolower(Host)
"""

# After how long it is looked whether a hunt would have told by then. Seconds.
_STEPS = (60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800)
_REMOTES = 5  # of a false alert that are named


@dataclass(frozen=True, slots=True)
class _Seen:
    """The hosts of our own in some logs, and their days, added up."""

    hosts: int
    days: float


@dataclass(frozen=True, slots=True)
class _Judged:
    """A truth file with the hunt through its logs.

    `entries` are those that can be expected; `delays`: by entry, seconds to its detection.
    """

    file: TruthFile
    entries: tuple[Entry, ...]
    hunt: Hunt
    seen: _Seen
    delays: Mapping[int, float]

    def matching(self, entry: Entry) -> list[Finding]:
        """The findings about an entry, the gravest first."""
        return [each for each in self.hunt.findings if fits(each, entry)]

    def right(self) -> list[Finding]:
        """The findings that are about some entry."""
        return [each for each in self.hunt.findings if any(fits(each, one) for one in self.file.truth.malicious)]

    def false(self) -> list[Finding]:
        """The findings about no entry, on hosts that are benign."""
        right = {each.id for each in self.right()}
        return [each for each in self.hunt.findings if each.id not in right and self.file.truth.is_benign(each.host)]

    def said(self) -> Iterator[Said]:
        """What analytics say of it and is known to be so or not, but for what they explain."""
        for findings, is_right in ((self.right(), True), (self.false(), False)):
            for each in findings:
                if each.kind == "analytic" and each.probability is not None and not each.explained_by:
                    yield Said(each.probability, is_right)


def evaluate(
    paths: Sequence[Path],
    options: Options = DEFAULTS,
    *,
    data: Path | None = None,
    timed: bool = False,
    progress: Progress | None = None,
) -> Evaluation:
    """Hunt through the logs of each truth file at the level of the options, and compare with what is true.

    `data`: the folder that logs are relative to; None: each truth file's own. `timed`: also tell after how long what
    was found would have been, by hunting through ever more of the logs, which takes many times as long.

    Raises:
        InputError: a truth file is wrong, or its logs cannot be read.
    """
    files = [read_truth(path) for path in paths]
    if not files:
        raise InputError("there is no truth file to evaluate by", hint="herdsight simulate writes some")
    for each in files:
        each.logs(data)  # what is not there is said before the first hunt
    judged = []
    for number, file in enumerate(files):
        if progress:
            progress(file.truth.name, number, len(files))
        judged.append(_judge(file, options, data, timed=timed))
    return _evaluation(judged, options.level)


def _judge(file: TruthFile, options: Options, data: Path | None, *, timed: bool) -> _Judged:
    truth, logs = file.truth, file.logs(data)
    own = replace(options, local=truth.local or options.local, mappings=(*options.mappings, *file.mappings()))
    hunt = hunting.hunt(logs, own)
    entries = _expected(truth.malicious, logs, own)
    delays = _delays(entries, hunt, logs, own) if timed else {}
    return _Judged(file, entries, hunt, _seen(logs, own), delays)


def _expected(entries: Sequence[Entry], logs: Sequence[Path], options: Options) -> tuple[Entry, ...]:
    """The entries without those that name a host again, as other logs than these know it."""
    again = Counter(map(_deed, entries))
    doubtful = {entry.host.lower() for entry in entries if again[_deed(entry)] > 1}
    if not doubtful:
        return tuple(entries)
    hosts = ", ".join(json.dumps(host) for host in sorted(doubtful))
    (answer,) = answers(_KNOWN.format(hosts=hosts), logs, options)
    absent = doubtful - set(answer.table.column("Host").to_pylist())
    deeds_there = {_deed(entry) for entry in entries if entry.host.lower() not in absent}
    return tuple(entry for entry in entries if entry.host.lower() not in absent or _deed(entry) not in deeds_there)


def _deed(entry: Entry) -> Entry:
    """What was done, whoever did it."""
    return entry.model_copy(update={"host": ""})


def _seen(logs: Sequence[Path], options: Options) -> _Seen:
    (answer,) = answers(_SEEN, logs, options)
    (row,) = answer.table.to_pylist()
    return _Seen(row["Hosts"], max(float(row["Days"] or 0), 0.0))


def _delays(entries: Sequence[Entry], hunt: Hunt, logs: Sequence[Path], options: Options) -> Mapping[int, float]:
    """By entry that is found, the seconds from the first row behind its findings to the first step that tells it.

    The hunts are through the logs until then, as if the rest were still to come.
    """
    hunts: dict[datetime, Hunt] = {}

    def tells(until: datetime, entry: Entry) -> bool:
        if until not in hunts:
            hunts[until] = hunting.hunt(logs, replace(options, until=iso(until)))
        return bool(_about(hunts[until], entry))

    return {
        number: _delay(min(each.first_seen for each in own), hunt.span[1], partial(tells, entry=entry))
        for number, entry in enumerate(entries)
        if (own := _about(hunt, entry))
    }


def _delay(first: datetime, last: datetime, tells: Callable[[datetime], bool]) -> float:
    """The first step, in seconds after `first`, by which it is told; the end of the logs, which tell it, where none is.

    By bisection: what is told by a step is taken to be told by later ones, so that few of them are hunted through.
    """
    end = (last - first).total_seconds()
    steps = [each for each in _STEPS if each < end]
    place = bisect_left(steps, 1, key=lambda seconds: int(tells(first + timedelta(seconds=seconds))))
    return steps[place] if place < len(steps) else end


def _about(hunt: Hunt, entry: Entry) -> list[Finding]:
    return [each for each in hunt.findings if fits(each, entry)]


def _evaluation(judged: Sequence[_Judged], level: str) -> Evaluation:
    sets = tuple(map(_set, judged))
    entries = tuple(entry for each in judged for entry in _entries(each))
    right, false = (sum(getattr(each, name) for each in sets) for name in ("right", "false_alerts"))
    days = sum(each.host_days for each in sets)
    said = [one for each in judged for one in each.said()]
    return Evaluation(
        herdsight=VERSION,
        level=str(level),
        recall=_share(sum(each.found for each in entries), len(entries)),
        precision=_share(right, right + false),
        host_days=round(days, 4),
        alerts_per_host_day=round(false / max(days, 1.0), 4),
        brier=_rounded(brier(said)),
        behaviours=tuple(_behaviours(judged, entries)),
        sets=sets,
        entries=entries,
        false_alerts=tuple(_false_alert(each.file, finding) for each in judged for finding in each.false()),
        reliability=tuple(bins(said)),
    )


def _set(judged: _Judged) -> EvaluatedSet:
    truth, right, false = judged.file.truth, len(judged.right()), len(judged.false())
    return EvaluatedSet(
        set=truth.name,
        source=judged.file.source,
        hosts=judged.seen.hosts,
        host_days=round(judged.seen.days, 4),
        expected=len(judged.entries),
        found=sum(1 for entry in judged.entries if judged.matching(entry)),
        right=right,
        false_alerts=false,
        unjudged=len(judged.hunt.findings) - right - false,
        # Less than a day of a host counts as one: a rate from minutes would say nothing.
        alerts_per_host_day=round(false / max(judged.seen.days, 1.0), 4),
    )


def _entries(judged: _Judged) -> Iterable[EvaluatedEntry]:
    for number, entry in enumerate(judged.entries):
        found = judged.matching(entry)
        yield EvaluatedEntry(
            set=judged.file.truth.name,
            behaviour=entry.behaviour,
            host=entry.host,
            remote=entry.remote,
            port=entry.port,
            found=bool(found),
            severity=max((each.severity for each in found), key=lambda one: one.rank, default=None),
            detections=tuple(dict.fromkeys(each.detection for each in found)),
            seconds_to_detection=judged.delays.get(number),
        )


def _behaviours(judged: Sequence[_Judged], entries: Sequence[EvaluatedEntry]) -> Iterable[EvaluatedBehaviour]:
    """Every behaviour that was expected or spoken of without cause, in the order in which they are declared."""
    false = Counter(str(behaviour_of(finding)) for each in judged for finding in each.false())
    for deed in DEEDS:
        own = [each for each in entries if each.behaviour == deed]
        if not own and not false[deed]:
            continue
        right = sum(_count_right(each, deed) for each in judged)
        found = [each for each in own if each.found]
        delays = [each.seconds_to_detection for each in found if each.seconds_to_detection is not None]
        yield EvaluatedBehaviour(
            behaviour=deed,
            expected=len(own),
            found=len(found),
            found_high=sum(1 for each in found if each.severity is Severity.HIGH),
            recall=_share(len(found), len(own)),
            right=right,
            false_alerts=false[deed],
            precision=_share(right, right + false[deed]),
            median_seconds=median(delays) if delays else None,
        )


def _count_right(judged: _Judged, deed: str) -> int:
    own = [entry for entry in judged.entries if entry.behaviour == deed]
    return sum(1 for each in judged.hunt.findings if any(fits(each, entry) for entry in own))


def _false_alert(file: TruthFile, finding: Finding) -> FalseAlert:
    return FalseAlert(
        set=file.truth.name,
        detection=finding.detection,
        severity=finding.severity,
        role=finding.role,
        host=finding.host,
        remotes=finding.remotes[:_REMOTES],
        ports=finding.ports,
        domains=finding.domains[:_REMOTES],
        first_seen=finding.first_seen,
    )


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
