"""Rules and hunting queries in the form of Microsoft Sentinel's repository, held to what its validators take.

The order of fields is that of the repository's own files. The limits are those of its validators
(.script/tests/detectionTemplateSchemaValidation), as far as reading a rule has not seen to them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from herdsight.attack import techniques
from herdsight.exporting.microsoft.durations import short
from herdsight.exporting.model import Loss
from herdsight.exporting.texts import filled
from herdsight.guidance.model import HuntingQuery
from herdsight.kql.lexer import Text, tokens
from herdsight.rules.model import DataConnector, EntityMapping, Rule
from herdsight.rules.reading import RuleFile

_DETAIL = re.compile(r"[A-Za-z]\w*", re.ASCII)
LONGEST_DETAIL = 20  # characters in the name of a custom detail


@dataclass(frozen=True, slots=True)
class Fitted:
    """A rule as far as Sentinel takes it, and what it does not take; `rule` is None where it takes nothing of it."""

    rule: Rule | None
    losses: tuple[Loss, ...]


def fitted(file: RuleFile) -> Fitted:
    """A rule without what Sentinel's validators refuse."""
    whole = tuple(_whole_workspace(file))
    if whole:
        return Fitted(None, whole)
    rule = file.rule
    details = {name: column for name, column in rule.customDetails.items() if is_detail_name(name)}
    known = tuple(each for each in rule.relevantTechniques if _has_tactic(rule, each))
    losses = (*_lost_details(file, details), *_lost_techniques(file, known))
    return Fitted(rule.model_copy(update={"customDetails": details, "relevantTechniques": known}), losses)


def is_detail_name(name: str) -> bool:
    """Whether a custom detail may be called so."""
    return len(name) <= LONGEST_DETAIL and bool(_DETAIL.fullmatch(name))


def _whole_workspace(file: RuleFile) -> Iterator[Loss]:
    found = [each.value for each in tokens(Text(file.rule.query))]
    for word, following in pairwise(found):
        if word in {"search", "union"} and following == "*":
            yield Loss(file.slug, f"`{word} *`", "a rule may not read every table; it is left out")


def _lost_details(file: RuleFile, kept: Mapping[str, str]) -> Iterator[Loss]:
    for name in file.rule.customDetails:
        if name in kept:
            continue
        lost = f"a name has at most {LONGEST_DETAIL} letters and digits, and begins with a letter; it is left out"
        yield Loss(file.slug, f"customDetails.{name}", lost)


def _lost_techniques(file: RuleFile, kept: Sequence[str]) -> Iterator[Loss]:
    for name in file.rule.relevantTechniques:
        if name not in kept:
            yield Loss(file.slug, f"relevantTechniques {name}", "none of its tactics is listed; it is left out")


def _has_tactic(rule: Rule, technique: str) -> bool:
    known = techniques().get(technique)
    return known is None or bool({*known.tactics} & {*rule.tactics})


def rule_fields(rule: Rule) -> dict[str, object]:
    """The fields of a scheduled rule, in order; those that have nothing are left out."""
    return filled(
        {
            **_head(rule),
            "severity": rule.severity,
            "requiredDataConnectors": _connectors(rule.requiredDataConnectors),
            "queryFrequency": short(rule.queryFrequency),
            "queryPeriod": short(rule.queryPeriod),
            "triggerOperator": rule.triggerOperator,
            "triggerThreshold": rule.triggerThreshold,
            **_body(rule),
            "customDetails": dict(rule.customDetails),
            "eventGroupingSettings": grouping(rule),
            "version": rule.version,
            "kind": rule.kind,
        }
    )


def hunting_fields(query: HuntingQuery) -> dict[str, object]:
    """The fields of a hunting query, in order."""
    connectors = _connectors(query.requiredDataConnectors)
    return {**_head(query), "requiredDataConnectors": connectors, **_body(query), "version": query.version}


def _head(of: Rule | HuntingQuery) -> dict[str, object]:
    return {"id": str(of.id), "name": of.name, "description": of.description}


def _body(of: Rule | HuntingQuery) -> dict[str, object]:
    return {
        "tactics": [*of.tactics],
        "relevantTechniques": [*of.relevantTechniques],
        "query": of.query,
        "entityMappings": mappings(of.entityMappings),
    }


def _connectors(connectors: Sequence[DataConnector]) -> list[dict[str, object]]:
    return [{"connectorId": each.connectorId, "dataTypes": [*each.dataTypes]} for each in connectors]


def mappings(entities: Sequence[EntityMapping]) -> list[dict[str, object]]:
    """Entities in the form that Sentinel's YAML and its API share."""
    return [
        {"entityType": each.entityType, "fieldMappings": [field.model_dump() for field in each.fieldMappings]}
        for each in entities
    ]


def grouping(rule: Rule) -> dict[str, object] | None:
    """How results become alerts, in the form that Sentinel's YAML and its API share."""
    return rule.eventGroupingSettings.model_dump() if rule.eventGroupingSettings else None
