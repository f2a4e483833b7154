"""Findings in the formats of others, held against the published schema of each, or read back by our own reader."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stix2
import stix2validator
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded import account, loaded
from ocsf.v1_7_0.events import DetectionFinding

from herdsight.exporting.exporting import targets
from herdsight.exporting.model import FindingTarget
from herdsight.findings.model import Evidence, Finding, Hunt, Role, Severity
from herdsight.indicators import read_indicators

START = datetime(2026, 3, 10, 12, 0, 0, 250_000, UTC)
EVIL = "x\u202e\x1b[31m'|=\\\n\"]; DROP"
FORMATS = ("csv", "ocsf", "ecs", "cef", "stix")


def finding(**changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "id": "F1",
        "detection": "beacon",
        "kind": "analytic",
        "title": "Regular callbacks",
        "severity": Severity.HIGH,
        "confidence": "high",
        "probability": 0.953,
        "role": Role.BOT,
        "host": "10.0.0.5",
        "remotes": ("203.0.113.9",),
        "ports": (1177,),
        "first_seen": START,
        "last_seen": START + timedelta(hours=23),
        "count": 287,
        "reasons": ("One connection every 300 s", "no other host talks to this address"),
        "numbers": {"interval": 300.0, "p_value": 1e-40},
        "techniques": ("T1071", "T1583.005"),
        "evidence": Evidence(table="DeviceNetworkEvents", filter='RemoteIP == "203.0.113.9"', rows=({"row": 1},)),
    }
    return Finding(**(fields | changes))


BOT = finding()
NAMED = finding(
    id="F2", kind="rule", host="desk-1", process="a.exe", account="al", domains=("c2.example",), remotes=("8.8.8.8",)
)
TARGET = finding(id="F3", role=Role.TARGET, host="10.0.0.9", remotes=("203.0.113.1", "2001:db8::7"), ports=(80, 443))
RELAY = finding(id="F4", role=Role.RELAY, severity=Severity.MEDIUM, remotes=(), ports=(), probability=None)
OUTSIDE = finding(id="F5", remotes=("8.8.4.4", "2606:4700::1111"))
EXPLAINED = finding(id="F6", severity=Severity.INFORMATIONAL, explained_by="an updater", remotes=("9.9.9.9",))
HOSTILE = finding(
    id="F7", title=EVIL, host=EVIL, process=EVIL, account=EVIL, domains=(EVIL,), remotes=(EVIL,), reasons=(EVIL,),
    techniques=("T9999",), numbers={EVIL: EVIL}, evidence=Evidence(table="T", filter=EVIL, rows=({EVIL: EVIL},)),
)  # fmt: skip
ALL = (BOT, NAMED, TARGET, RELAY, OUTSIDE, EXPLAINED, HOSTILE)


def hunt(*findings: Finding) -> Hunt:
    now = START + timedelta(days=1)
    return Hunt(herdsight="0.1.0", now=now, span=(START, now), inputs=(), verdicts=(), findings=findings, skipped=())


def written(name: str, *findings: Finding) -> str:
    target = targets()[name]
    assert isinstance(target, FindingTarget)
    return target.write(hunt(*findings))


def documents(name: str, *findings: Finding) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(name, *findings).splitlines()]


@pytest.mark.parametrize("name", FORMATS)
class TestEveryFormat:
    def test_gives_the_same_bytes_for_the_same_hunt(self, name: str) -> None:
        assert written(name, *ALL) == written(name, *ALL)

    def test_can_be_written_as_utf_8_whatever_a_log_said(self, name: str) -> None:
        assert written(name, HOSTILE).encode()

    def test_says_so_of_no_finding(self, name: str) -> None:
        assert "F1" not in written(name)


class TestOcsf:
    @pytest.mark.parametrize("each", ALL, ids=lambda each: each.id)
    def test_is_a_detection_finding_of_the_published_schema(self, each: Finding) -> None:
        (event,) = documents("ocsf", each)
        found = DetectionFinding.model_validate(event)
        assert found.model_extra in (None, {})
        assert found.finding_info.uid == each.id

    def test_says_what_the_finding_says(self) -> None:
        (event,) = documents("ocsf", BOT)
        assert event["type_uid"] == 200401
        assert event["severity_id"] == 4
        assert event["confidence_score"] == 95
        assert event["finding_info"]["first_seen_time"] == 1773144000250
        assert event["finding_info"]["attacks"] == [
            {"technique": {"uid": "T1071", "name": "Application Layer Protocol",
                           "src_url": "https://attack.mitre.org/techniques/T1071/"}},
            {"technique": {"uid": "T1583"},
             "sub_technique": {"uid": "T1583.005", "name": "Botnet",
                               "src_url": "https://attack.mitre.org/techniques/T1583/005/"}},
        ]  # fmt: skip
        assert event["evidences"][1] == {
            "src_endpoint": {"ip": "10.0.0.5"},
            "dst_endpoint": {"ip": "203.0.113.9", "port": 1177},
        }

    def test_the_target_is_where_the_sources_went(self) -> None:
        (event,) = documents("ocsf", TARGET)
        assert event["evidences"][1:] == [
            {"dst_endpoint": {"ip": "10.0.0.9"}, "src_endpoint": {"ip": each}} for each in TARGET.remotes
        ]


# What the fields that are written hold, by the Elastic Common Schema's field reference, 9.0.
ECS = {
    "@timestamp": "date", "ecs.version": "keyword", "message": "text",
    "event.kind": "keyword", "event.category": "keyword[]", "event.type": "keyword[]", "event.module": "keyword",
    "event.dataset": "keyword", "event.id": "keyword", "event.created": "date", "event.start": "date",
    "event.end": "date", "event.severity": "long", "event.risk_score": "float",
    "rule.name": "keyword", "rule.id": "keyword", "rule.category": "keyword",
    "threat.framework": "keyword", "threat.technique.id": "keyword[]",
    "threat.technique.subtechnique.id": "keyword[]", "threat.technique.subtechnique.name": "keyword[]",
    "host.ip": "ip[]", "host.name": "keyword", "source.address": "keyword", "source.ip": "ip",
    "destination.address": "keyword", "destination.ip": "ip", "destination.port": "long",
    "process.name": "keyword", "user.name": "keyword",
    "related.ip": "ip[]", "related.hosts": "keyword[]", "related.user": "keyword[]",
}  # fmt: skip
HOLDS: dict[str, Callable[[Any], object]] = {
    "keyword": lambda value: isinstance(value, str),
    "text": lambda value: isinstance(value, str),
    "ip": lambda value: __import__("ipaddress").ip_address(value),
    "date": datetime.fromisoformat,
    "long": lambda value: isinstance(value, int),
    "float": lambda value: isinstance(value, int | float),
}


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    else:
        yield path, value


class TestEcs:
    @pytest.mark.parametrize("each", ALL, ids=lambda each: each.id)
    def test_every_field_is_of_the_schema_or_our_own(self, each: Finding) -> None:
        (document,) = documents("ecs", each)
        for path, value in leaves({name: part for name, part in document.items() if name != "herdsight"}):
            kind = ECS[path]
            values = value if kind.endswith("[]") else [value]
            assert isinstance(values, list), path
            assert all(HOLDS[kind.removesuffix("[]")](part) for part in values), path

    def test_an_alert_names_who_talked_to_whom(self) -> None:
        (document,) = documents("ecs", BOT)
        assert document["event"]["kind"] == "alert"
        assert document["source"]["ip"] == "10.0.0.5"
        assert document["destination"] == {"address": "203.0.113.9", "ip": "203.0.113.9", "port": 1177}
        assert document["related"]["ip"] == ["10.0.0.5", "203.0.113.9"]
        (document,) = documents("ecs", TARGET)
        assert "source" not in document
        assert document["destination"]["ip"] == "10.0.0.9"


class TestStix:
    @pytest.mark.parametrize("each", [(), *((one,) for one in ALL), ALL])
    def test_is_accepted_by_the_published_schema_and_by_stix2(self, each: tuple[Finding, ...]) -> None:
        text = written("stix", *each)
        result = stix2validator.validate_string(text, stix2validator.ValidationOptions(silent=True))
        assert result.is_valid, [str(error) for error in result.errors]
        bundle = stix2.parse(text)
        assert len({each.id for each in bundle.objects}) == len(bundle.objects)

    def test_every_reference_is_in_the_bundle(self) -> None:
        objects = json.loads(written("stix", *ALL))["objects"]
        known = {each["id"] for each in objects}
        for each in objects:
            for name, value in each.items():
                if name.endswith(("_ref", "_refs")):
                    assert set([value] if isinstance(value, str) else value) <= known, (each["id"], name)

    def test_an_observable_has_the_id_that_its_content_gives_it_everywhere(self) -> None:
        objects = json.loads(written("stix", OUTSIDE))["objects"]
        for each in objects:
            if each["type"] in {"ipv4-addr", "ipv6-addr"}:
                maker = stix2.IPv4Address if each["type"] == "ipv4-addr" else stix2.IPv6Address
                assert maker(value=each["value"]).id == each["id"]

    def test_a_bots_place_outside_is_an_indicator_and_others_are_not(self) -> None:
        def patterns(*findings: Finding) -> list[str]:
            objects = json.loads(written("stix", *findings))["objects"]
            return [each["pattern"] for each in objects if each["type"] == "indicator"]

        assert patterns(OUTSIDE) == ["[ipv4-addr:value = '8.8.4.4'] OR [ipv6-addr:value = '2606:4700::1111']"]
        assert patterns(NAMED) == ["[domain-name:value = 'c2.example']"]
        assert patterns(TARGET, RELAY, EXPLAINED) == []
        assert patterns(finding(remotes=("10.0.0.1",))) == []

    def test_its_indicators_are_read_back_by_our_own_reader(self, tmp_path: Path) -> None:
        """Domains before addresses, and no address that is not public or that is somebody's explanation."""
        path = tmp_path / "findings.json"
        path.write_text(written("stix", *ALL), encoding="utf-8")
        found = read_indicators([path])
        assert [(each.form, each.refused) for each in found.accounts] == [("STIX", {})]
        assert set(found.columns.value) == {"c2.example", "8.8.4.4", "2606:4700::1111"}


class TestCef:
    def test_is_read_back_by_our_own_reader(self, tmp_path: Path) -> None:
        path = tmp_path / "findings.cef"
        path.write_text(written("cef", BOT, NAMED, TARGET), encoding="utf-8")
        found = account(path)
        assert (found.format, found.rows, found.rejected) == ("cef", 3, 0)
        _, (first, second, third) = loaded(path)
        assert first["DeviceEventClassID"] == "beacon"
        assert (first["SourceIP"], first["DestinationIP"]) == ("10.0.0.5", "203.0.113.9")
        assert first["DestinationPort"] == 1177
        assert first["EventCount"] == 287
        assert first["Message"] == "; ".join(BOT.reasons)
        assert (first["DeviceCustomString3"], first["DeviceCustomString3Label"]) == ("0.953", "probability")
        assert (second["SourceHostName"], second["SourceUserName"]) == ("desk-1", "al")
        assert (third["DestinationIP"], third["DeviceCustomString1"]) == ("10.0.0.9", "203.0.113.1 2001:db8::7")

    def test_who_is_attacked_is_the_destination_with_its_account_and_program(self, tmp_path: Path) -> None:
        path = tmp_path / "findings.cef"
        attacked = finding(role=Role.TARGET, host="10.0.0.9", remotes=("203.0.113.1",), account="root", process="sshd")
        path.write_text(written("cef", attacked), encoding="utf-8")
        _, (row,) = loaded(path)
        assert (row["DestinationUserName"], row["DestinationProcessName"]) == ("root", "sshd")
        assert not row["SourceUserName"]
        assert not row["SourceProcessName"]

    def test_a_finding_is_a_line_whatever_a_log_said(self) -> None:
        assert len(written("cef", HOSTILE, BOT).splitlines()) == 2


class TestCsv:
    @settings(max_examples=40)
    @given(st.text(max_size=20))
    def test_no_cell_is_a_formula(self, text: str) -> None:
        found = finding(host=text or "x", title=text, process=text, account=text, domains=(text,), reasons=(text,))
        for row in csv.reader(io.StringIO(written("csv", found))):
            for value in row:
                assert not value.startswith(("=", "+", "-", "@", "\t", "\r"))
