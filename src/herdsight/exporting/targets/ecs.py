"""Findings as alerts in the fields of the Elastic Common Schema 9, a document a line."""

from collections.abc import Mapping

from herdsight.exporting.model import FindingTarget
from herdsight.exporting.texts import filled, lines
from herdsight.exporting.told import is_under_attack, known_techniques
from herdsight.findings.entities import address_of
from herdsight.findings.model import Finding, Hunt, Severity, iso
from herdsight.output.values import record

# Field names and what they hold: Elastic Common Schema 9.0, field reference. What it has no field for stands under
# `herdsight`, a name that it will never take.
_VERSION = "9.0.0"
_RISK = {Severity.INFORMATIONAL: 0, Severity.LOW: 21, Severity.MEDIUM: 47, Severity.HIGH: 73}  # as Elastic's own rules


def _write(hunt: Hunt) -> str:
    return lines(_document(hunt, each) for each in hunt.findings)


def _document(hunt: Hunt, finding: Finding) -> dict[str, object]:
    addresses = sorted({each for each in (finding.host, *finding.remotes) if address_of(each)})
    hosts = sorted({each for each in (finding.host, *finding.remotes, *finding.domains) if not address_of(each)})
    return filled(
        {
            "@timestamp": iso(finding.last_seen),
            "ecs": {"version": _VERSION},
            "message": f"{finding.title}: {'; '.join(finding.reasons)}",
            "event": _event(hunt, finding),
            "rule": {"name": finding.title, "id": finding.detection, "category": finding.role},
            "threat": _threat(finding),
            "host": {"ip": [finding.host]} if address_of(finding.host) else {"name": finding.host},
            **_ends(finding),
            "process": filled({"name": finding.process}),
            "user": filled({"name": finding.account}),
            "related": filled(
                {"ip": addresses, "hosts": hosts, "user": [finding.account] if finding.account else None}
            ),
            "herdsight": _own(finding),
        }
    )


def _event(hunt: Hunt, finding: Finding) -> dict[str, object]:
    return {
        "kind": "alert",
        "category": ["intrusion_detection", "network"],
        "type": ["info"],
        "module": "herdsight",
        "dataset": "herdsight.finding",
        "id": finding.id,
        "created": iso(hunt.now),
        "start": iso(finding.first_seen),
        "end": iso(finding.last_seen),
        "severity": finding.severity.rank,
        "risk_score": _RISK[finding.severity],
    }


def _threat(finding: Finding) -> dict[str, object]:
    found = list(known_techniques(finding))
    if not found:
        return {}
    whole = sorted({each.id.partition(".")[0] for each in found})
    below = [each for each in found if "." in each.id]
    names = {"id": [each.id for each in below], "name": [each.name for each in below]}
    technique: dict[str, object] = {"id": whole, **({"subtechnique": names} if below else {})}
    return {"framework": "MITRE ATT&CK", "technique": technique}


def _ends(finding: Finding) -> dict[str, Mapping[str, object]]:
    """Source and destination, each where it is one: the schema has no place for several."""
    remote = finding.remotes[0] if len(finding.remotes) == 1 else None
    ends = (_end(remote), _end(finding.host)) if is_under_attack(finding) else (_end(finding.host), _end(remote))
    port = finding.ports[0] if len(finding.ports) == 1 else None
    return {"source": ends[0], "destination": filled({**ends[1], "port": port})}


def _end(name: str | None) -> dict[str, object]:
    if name is None:
        return {}
    return {"address": name, "ip": name} if address_of(name) else {"address": name}


def _own(finding: Finding) -> dict[str, object]:
    values = record(finding)
    names = ("probability", "confidence", "role", "kind", "count", "remotes", "ports", "domains", "numbers", "evidence")
    return filled({name: values[name] for name in (*names, "explained_by", "reasons")})


TARGET = FindingTarget("ecs", "Findings as alerts in Elastic Common Schema fields, a JSON object a line.", _write)
