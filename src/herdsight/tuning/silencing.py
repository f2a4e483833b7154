"""Findings matched against the entries of a tuning."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from ipaddress import ip_network

from herdsight.findings.entities import Network, is_under, lies_in
from herdsight.findings.model import Finding, Withheld
from herdsight.tuning.model import Entry


@dataclass(frozen=True, slots=True)
class Silenced:
    """The findings that stay, what is silenced by which entry, and a sentence for each entry that did nothing."""

    findings: tuple[Finding, ...]
    withheld: tuple[Withheld, ...]
    unused: tuple[str, ...]


def silenced(findings: Sequence[Finding], entries: Sequence[Entry], now: datetime, *, show: bool = False) -> Silenced:
    """The findings without those that an entry silences; with `show` these stay, explained by it.

    An entry that has expired at `now` silences nothing.
    """
    alive = [each for each in entries if each.until is None or each.until >= now.date()]
    kept: list[Finding] = []
    counts: dict[tuple[str, str], int] = {}
    for finding in findings:
        entry = next((each for each in alive if _matches(each, finding)), None)
        if entry is None:
            kept.append(finding)
            continue
        counts[entry.name, finding.detection] = counts.get((entry.name, finding.detection), 0) + 1
        if show:
            kept.append(finding.model_copy(update={"explained_by": f"silenced by {entry.name}: {entry.why}"}))
    why = {each.name: each.why for each in entries}
    withheld = tuple(
        Withheld(detection=detection, count=count, why=f"silenced by {name}: {why[name]}; --show-silenced tells them")
        for (name, detection), count in counts.items()
    )
    return Silenced(tuple(kept), () if show else withheld, tuple(_unused(entries, alive, {name for name, _ in counts})))


def _unused(entries: Sequence[Entry], alive: Sequence[Entry], used: set[str]) -> Iterable[str]:
    for each in entries:
        if each not in alive:
            yield f"{each.name} expired after {each.until}"
        elif each.name not in used:
            yield f"{each.name} silenced nothing"


def _matches(entry: Entry, finding: Finding) -> bool:
    return (
        (not entry.host or _is_host(finding.host, entry.host))
        and (not entry.remote or _all(lies_in(each, entry.remote) for each in finding.remotes))
        and (
            not entry.domain or _all(any(is_under(each, domain) for domain in entry.domain) for each in finding.domains)
        )
        and (not entry.port or _all(each in entry.port for each in finding.ports))
        and (not entry.process or _is_like(finding.process or "", entry.process))
        and (not entry.detection or _is_like(finding.detection, entry.detection))
    )


def _all(met: Iterable[bool]) -> bool:
    """Whether all are met, and there is one."""
    found = list(met)
    return bool(found) and all(found)


def _is_like(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text.lower(), pattern.lower()) for pattern in patterns)


def _is_host(host: str, wanted: Sequence[str]) -> bool:
    return _is_like(host, wanted) or lies_in(host, [network for text in wanted if (network := _network(text))])


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None  # a name


def silence_for(finding: Finding) -> dict[str, object]:
    """The entry that would silence a finding, and as little else as the finding's own entities allow."""
    named = {
        "host": [finding.host],
        "process": [finding.process] if finding.process else [],
        "remote": list(finding.remotes),
        "port": list(finding.ports),
        "detection": [finding.detection],
    }
    return {
        "name": f"{finding.detection} {finding.id}",
        "why": "",
        **{key: each for key, each in named.items() if each},
    }
