"""The forms of Microsoft's products, as far as they are published: JSON Schemas in `microsoft/`, and what they hold."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from herdsight.exporting.exporting import targets
from herdsight.exporting.model import Content, Export, RuleTarget
from herdsight.rules.reading import read_rule, shipped_rules
from herdsight.tuning.reading import ready_made

FORMS = Path(__file__).parent / "microsoft"
TARGETS = (
    "custom-detection",
    "lake-jobs",
    "sentinel",
    "sentinel-arm",
    "sentinel-hunting",
    "sentinel-nrt",
    "sentinel-solution",
    "sentinel-watchlists",
    "sentinel-workbook",
)
CONTENT = Content(shipped_rules(), tuple(entry for each in ready_made().values() for entry in each))


def faults(form: str, value: Any) -> list[str]:
    """What of a value the form does not allow."""
    schema = json.loads((FORMS / f"{form}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return [f"{each.json_path}: {each.message}" for each in Draft202012Validator(schema).iter_errors(value)]


def export(target: str, content: Content = CONTENT) -> Export:
    found = targets()[target]
    assert isinstance(found, RuleTarget)
    return found.export(content)


@cache
def files(target: str) -> dict[str, str]:
    """The texts of all that is shipped in the form of a target, by their places."""
    return {each.path: each.text for each in export(target).files}


def read(path: str, text: str) -> Any:
    return YAML(typ="safe").load(text) if path.endswith(".yaml") else json.loads(text)


RULE = """\
id: 00000000-0000-4000-8000-000000000001
name: A rule
description: Says something.
severity: Low
requiredDataConnectors: [{connectorId: MicrosoftThreatProtection, dataTypes: [DeviceNetworkEvents]}]
queryFrequency: 1h
queryPeriod: 4h
triggerOperator: gt
triggerThreshold: 0
tactics: [CommandAndControl]
relevantTechniques: [T1071]
query: |
  DeviceNetworkEvents
  | where TimeGenerated > ago(4h)
  | summarize Count = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by DeviceName, RemoteIP
entityMappings: [{entityType: Host, fieldMappings: [{identifier: FullName, columnName: DeviceName}]}]
customDetails: {Count: Count}
eventGroupingSettings: {aggregationKind: AlertPerResult}
version: 1.0.0
kind: Scheduled
herdsight:
  role: bot
  confidence: low
  finding: {entities: [DeviceName], host: DeviceName, remotes: [RemoteIP], first: First, last: Last, strength: Count}
  evidence: {table: DeviceNetworkEvents, where: {DeviceName: $DeviceName, RemoteIP: $RemoteIP}}
  reasons: ["{Count} connections"]
  falsePositives: [many]
  knownGaps: [many]
"""


def content(*changes: tuple[str, str], slug: str = "one") -> Content:
    """One small rule, with texts of it replaced."""
    text = RULE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Content((read_rule(f"{slug}.yaml", text),))
