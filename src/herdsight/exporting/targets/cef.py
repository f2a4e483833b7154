"""Findings as events of the Common Event Format, behind a syslog header."""

from collections.abc import Mapping

from herdsight.exporting.model import FindingTarget
from herdsight.exporting.told import is_under_attack
from herdsight.findings.entities import address_of
from herdsight.findings.model import Finding, Hunt, Severity
from herdsight.logs.devices import cef
from herdsight.output.safe import printable
from herdsight.version import VERSION

_SEVERITY = {Severity.INFORMATIONAL: 0, Severity.LOW: 3, Severity.MEDIUM: 6, Severity.HIGH: 9}
_LONGEST = 1023  # of `msg` (CEF's dictionary of keys); what is cut is marked


def _write(hunt: Hunt) -> str:
    return "".join(f"{cef.line(_shown(_row(hunt, each)))}\n" for each in hunt.findings)


def _shown(row: Mapping[str, object]) -> dict[str, object]:
    """The row without what acts on a terminal or in a syslog relay; CEF has an escape of its own for line ends."""
    return {
        name: "\n".join(map(printable, value.split("\n"))) if isinstance(value, str) else value
        for name, value in row.items()
    }


def _row(hunt: Hunt, finding: Finding) -> dict[str, object]:
    """The finding as a row of CommonSecurityLog, which CEF's keys are columns of."""
    return {
        "TimeGenerated": hunt.now,
        "DeviceVendor": "Herdsight",
        "DeviceProduct": "Herdsight",
        "DeviceVersion": VERSION,
        "DeviceEventClassID": finding.detection,
        "Activity": finding.title,
        "LogSeverity": _SEVERITY[finding.severity],
        "StartTime": finding.first_seen,
        "EndTime": finding.last_seen,
        "EventCount": finding.count,
        "DeviceExternalID": finding.id,
        "DeviceEventCategory": finding.role.value,
        "Message": _cut("; ".join(finding.reasons)),
        **_ends(finding),
        **_custom(finding),
    }


def _ends(finding: Finding) -> Mapping[str, object]:
    """Host and remote by their sides; an account and a program are the host's."""
    here, there = ("Destination", "Source") if is_under_attack(finding) else ("Source", "Destination")
    remote = finding.remotes[0] if len(finding.remotes) == 1 else ""
    port = finding.ports[0] if len(finding.ports) == 1 else None
    own = {f"{here}UserName": finding.account, f"{here}ProcessName": finding.process}
    return {**_end(here, finding.host), **own, **_end(there, remote), "DestinationPort": port}


def _end(side: str, name: str) -> Mapping[str, object]:
    return {f"{side}IP" if address_of(name) else f"{side}HostName": name}


def _custom(finding: Finding) -> Mapping[str, object]:
    """What the format has no key for, in its fields for one's own."""
    remotes = " ".join(finding.remotes) if len(finding.remotes) > 1 else None
    told = {
        "remotes": remotes,
        "domains": " ".join(finding.domains),
        "probability": None if finding.probability is None else str(finding.probability),
        "confidence": finding.confidence,
        "techniques": " ".join(finding.techniques),
        "filter": finding.evidence.filter,
    }
    fields: dict[str, object] = {}
    for number, (label, value) in enumerate(told.items(), start=1):
        if value:
            fields[f"DeviceCustomString{number}"] = _cut(value)
            fields[f"DeviceCustomString{number}Label"] = label
    return fields


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


TARGET = FindingTarget("cef", "Findings as CEF events behind a syslog header, a line each.", _write)
