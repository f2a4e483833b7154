"""Findings as events of the Open Cybersecurity Schema Framework: Detection Finding, class 2004, of version 1.7."""

from collections.abc import Iterator

from herdsight.exporting.model import FindingTarget
from herdsight.exporting.texts import filled, lines
from herdsight.exporting.told import is_under_attack, known_techniques, milliseconds
from herdsight.findings.entities import address_of
from herdsight.findings.model import Finding, Hunt, Severity
from herdsight.output.values import record
from herdsight.version import VERSION

# The numbers are OCSF's own (schema.ocsf.io, 1.7.0).
_VERSION = "1.7.0"
_CATEGORY, _CLASS, _CREATE, _NEW = 2, 2004, 1, 1
_SEVERITY = {Severity.INFORMATIONAL: 1, Severity.LOW: 2, Severity.MEDIUM: 3, Severity.HIGH: 4}
_CONFIDENCE = {"low": 1, "medium": 2, "high": 3}
_ANALYTIC = {"rule": 1, "analytic": 3}  # a rule, or statistics
_HOST_NAME, _ADDRESS, _USER, _PROCESS, _PORT = 1, 2, 4, 9, 11


def _write(hunt: Hunt) -> str:
    return lines(_event(hunt, each) for each in hunt.findings)


def _event(hunt: Hunt, finding: Finding) -> dict[str, object]:
    product = {"name": "Herdsight", "vendor_name": "Herdsight", "version": VERSION}
    return filled(
        {
            "activity_id": _CREATE,
            "category_uid": _CATEGORY,
            "class_uid": _CLASS,
            "type_uid": _CLASS * 100 + _CREATE,
            "time": milliseconds(hunt.now),
            "start_time": milliseconds(finding.first_seen),
            "end_time": milliseconds(finding.last_seen),
            "count": finding.count,
            "severity_id": _SEVERITY[finding.severity],
            "severity": finding.severity.capitalize(),
            "confidence_id": _CONFIDENCE[finding.confidence],
            "confidence_score": None if finding.probability is None else round(finding.probability * 100),
            "status_id": _NEW,
            "is_alert": True,
            "message": finding.title,
            "metadata": {"version": _VERSION, "product": product, "uid": finding.id},
            "finding_info": _info(finding),
            "evidences": list(_evidences(finding)),
            "observables": list(_observables(finding)),
            "unmapped": filled(
                {"numbers": finding.numbers, "role": finding.role, "explained_by": finding.explained_by}
            ),
        }
    )


def _info(finding: Finding) -> dict[str, object]:
    return filled(
        {
            "uid": finding.id,
            "title": finding.title,
            "desc": "; ".join(finding.reasons),
            "analytic": {"name": finding.detection, "type_id": _ANALYTIC[finding.kind]},
            "attacks": list(_attacks(finding)),
            "data_sources": [finding.evidence.table],
            "first_seen_time": milliseconds(finding.first_seen),
            "last_seen_time": milliseconds(finding.last_seen),
        }
    )


def _attacks(finding: Finding) -> Iterator[dict[str, object]]:
    for each in known_techniques(finding):
        told = {"uid": each.id, "name": each.name, "src_url": each.url}
        whole, dot, _ = each.id.partition(".")
        yield {"technique": {"uid": whole}, "sub_technique": told} if dot else {"technique": told}


def _evidences(finding: Finding) -> Iterator[dict[str, object]]:
    """The rows and the filter that finds them all; then who talked with whom, a pair each."""
    yield {"data": record(finding.evidence)}
    port = finding.ports[0] if len(finding.ports) == 1 else None
    here, there = ("dst_endpoint", "src_endpoint") if is_under_attack(finding) else ("src_endpoint", "dst_endpoint")
    for remote in finding.remotes:
        ends = {here: _endpoint(finding.host), there: _endpoint(remote)}
        if port is not None:
            ends["dst_endpoint"]["port"] = port
        yield dict(ends)


def _endpoint(name: str) -> dict[str, object]:
    return {"ip": name} if address_of(name) else {"hostname": name}


def _observables(finding: Finding) -> Iterator[dict[str, object]]:
    for path, name in (("host", finding.host), *(("remote", each) for each in finding.remotes)):
        yield _observable(path, _ADDRESS if address_of(name) else _HOST_NAME, name)
    for domain in finding.domains:
        yield _observable("domain", _HOST_NAME, domain)
    for port in finding.ports:
        yield _observable("port", _PORT, str(port))
    if finding.process:
        yield _observable("process", _PROCESS, finding.process)
    if finding.account:
        yield _observable("account", _USER, finding.account)


def _observable(name: str, kind: int, value: str) -> dict[str, object]:
    return {"name": name, "type_id": kind, "value": value}


TARGET = FindingTarget("ocsf", "Findings as OCSF 1.7 Detection Finding events, a JSON object a line.", _write)
