"""Findings as a STIX 2.1 bundle: what was observed on which host, what it points to, and where it is known from."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv6Address
from uuid import NAMESPACE_URL, UUID, uuid5

from herdsight.attack import Technique
from herdsight.exporting.model import FindingTarget
from herdsight.exporting.texts import document, filled
from herdsight.exporting.told import is_under_attack, known_techniques
from herdsight.findings.entities import address_of
from herdsight.findings.model import Finding, Hunt, Role, iso

_Object = Mapping[str, object]

_OURS = uuid5(NAMESPACE_URL, "https://github.com/herdsight/herdsight")
_OBSERVABLES = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # STIX 2.1, 2.9: of ids that follow from the content
_SPEC = "2.1"
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")


def _write(hunt: Hunt) -> str:
    """The same hunt is the same bundle: every id follows from what it stands for."""
    objects = {each["id"]: each for each in _objects(hunt)}
    bundle = {"type": "bundle", "id": _id("bundle", hunt.now, *objects), "objects": list(objects.values())}
    return document(bundle)


def _objects(hunt: Hunt) -> Iterator[_Object]:
    us = _domain_object("identity", hunt.now, "Herdsight", name="Herdsight", identity_class="system")
    yield us
    for finding in hunt.findings:
        for each in _of_finding(hunt, finding):
            yield each if each["type"] in _PLAIN else {**each, "created_by_ref": us["id"]}


def _of_finding(hunt: Hunt, finding: Finding) -> Iterator[_Object]:
    host = _domain_object("identity", hunt.now, "host", finding.host, name=finding.host, identity_class="system")
    techniques = [_attack_pattern(hunt, each) for each in known_techniques(finding)]
    seen = list(_observed(finding))
    data = [_observed_data(hunt, finding, seen)] if seen else []
    yield from (host, *seen, *data, _note(hunt, finding, (*data, host)), *techniques)
    if pattern := _pattern(finding):
        indicator = _indicator(hunt, finding, pattern)
        yield from (indicator, _sighting(hunt, finding, indicator, data, host))
        yield from (_relationship(hunt, indicator, each) for each in techniques)


def _observed_data(hunt: Hunt, finding: Finding, seen: Iterable[_Object]) -> _Object:
    return _domain_object(
        "observed-data",
        hunt.now,
        finding.id,
        first_observed=iso(finding.first_seen),
        last_observed=iso(finding.last_seen),
        number_observed=_counted(finding),
        object_refs=_ids(seen),
    )


def _counted(finding: Finding) -> int:
    return max(1, min(finding.count, 999_999_999))  # the bounds of the specification


def _ids(objects: Iterable[_Object]) -> list[object]:
    return [each["id"] for each in objects]


# --- What was seen: cyber-observable objects, whose ids follow from their content -------------------------------------


def _observed(finding: Finding) -> Iterator[_Object]:
    here = _place(finding.host) if address_of(finding.host) else None
    remotes = [_place(each) for each in finding.remotes if address_of(each)]
    yield from (each for each in (here, *remotes) if each)
    yield from (_observable("domain-name", value=each) for each in (*finding.domains, finding.host) if _is_name(each))
    if finding.process:
        yield _observable("file", name=finding.process)
    if finding.account:
        yield _observable("user-account", account_login=finding.account)
    for remote in remotes:
        yield _traffic(finding, here, remote)


def _is_name(text: str) -> bool:
    """Whether it is a host's name as the specification wants it; what is looked up may be anything."""
    return _NAME.fullmatch(text) is not None and not address_of(text)


def _place(name: str) -> _Object:
    found = address_of(name)
    return _observable("ipv6-addr" if isinstance(found, IPv6Address) else "ipv4-addr", value=str(found))


def _traffic(finding: Finding, here: _Object | None, remote: _Object) -> _Object:
    source, destination = (remote, here) if is_under_attack(finding) else (here, remote)
    port = finding.ports[0] if len(finding.ports) == 1 else None
    return _observable(
        "network-traffic",
        **filled(
            {
                "src_ref": source and source["id"],
                "dst_ref": destination and destination["id"],
                "dst_port": port,
                "protocols": ["ipv6" if remote["type"] == "ipv6-addr" else "ipv4"],
            }
        ),
    )


def _observable(kind: str, **values: object) -> _Object:
    """An observable; its id is a UUIDv5 over its canonical JSON (STIX 2.1, 2.9; RFC 8785)."""
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {"type": kind, "spec_version": _SPEC, "id": f"{kind}--{uuid5(_OBSERVABLES, canonical)}", **values}


# --- What it means ----------------------------------------------------------------------------------------------------


def _pattern(finding: Finding) -> str | None:
    """What to look for elsewhere: where a bot calls. Of a scan's or flood's other ends nothing follows."""
    if finding.role is not Role.BOT or finding.explained_by:
        return None
    if names := [each for each in finding.domains if _is_name(each)]:
        return " OR ".join(f"[domain-name:value = '{each}']" for each in names)
    found = [each for each in map(address_of, finding.remotes) if each and each.is_global]
    kinds = (f"[ipv{each.version}-addr:value = '{each}']" for each in found)
    return " OR ".join(kinds) or None


def _indicator(hunt: Hunt, finding: Finding, pattern: str) -> _Object:
    confidence = None if finding.probability is None else round(finding.probability * 100)
    return _domain_object(
        "indicator",
        hunt.now,
        finding.id,
        name=finding.title,
        description="; ".join(finding.reasons),
        indicator_types=["anomalous-activity" if finding.severity.rank < 2 else "malicious-activity"],  # noqa: PLR2004 medium
        pattern=pattern,
        pattern_type="stix",
        valid_from=iso(finding.first_seen),
        confidence=confidence,
    )


def _sighting(hunt: Hunt, finding: Finding, indicator: _Object, data: Sequence[_Object], host: _Object) -> _Object:
    return _domain_object(
        "sighting",
        hunt.now,
        finding.id,
        sighting_of_ref=indicator["id"],
        observed_data_refs=_ids(data),
        where_sighted_refs=[host["id"]],
        first_seen=iso(finding.first_seen),
        last_seen=iso(finding.last_seen),
        count=_counted(finding),
    )


def _note(hunt: Hunt, finding: Finding, about: Iterable[_Object]) -> _Object:
    told = f"{finding.severity} severity, role {finding.role}, told by {finding.detection}"
    rows = f"rows: {finding.evidence.table} | where {finding.evidence.filter}"
    content = "\n".join((told, *finding.reasons, rows))
    return _domain_object(
        "note", hunt.now, finding.id, abstract=finding.title, content=content, object_refs=_ids(about)
    )


def _attack_pattern(hunt: Hunt, technique: Technique) -> _Object:
    known = {"source_name": "mitre-attack", "external_id": technique.id, "url": technique.url}
    return _domain_object("attack-pattern", hunt.now, technique.id, name=technique.name, external_references=[known])


def _relationship(hunt: Hunt, indicator: _Object, technique: _Object) -> _Object:
    source, target = indicator["id"], technique["id"]
    ends = {"source_ref": source, "target_ref": target}
    return _domain_object("relationship", hunt.now, source, target, relationship_type="indicates", **ends)


def _domain_object(kind: str, made: datetime, *about: object, **values: object) -> _Object:
    stamp = iso(made)
    begun = {"type": kind, "spec_version": _SPEC, "id": _id(kind, made, *about), "created": stamp, "modified": stamp}
    return {**begun, **filled(values)}


def _id(kind: str, *about: object) -> str:
    return f"{kind}--{uuid5(_OURS, json.dumps([kind, *map(str, about)]))}"


# Types that carry no author: observables, and ourselves.
_PLAIN = frozenset({"domain-name", "file", "ipv4-addr", "ipv6-addr", "network-traffic", "user-account"})

TARGET = FindingTarget(
    "stix", "Findings as a STIX 2.1 bundle: observations, indicators, sightings, techniques.", _write
)
