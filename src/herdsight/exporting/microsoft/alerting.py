"""Rules as resources of Microsoft Sentinel: `alertRules`, scheduled or near real time."""

from datetime import timedelta
from typing import Literal

from herdsight.exporting.microsoft.analytic import grouping, mappings
from herdsight.exporting.microsoft.arm import resource
from herdsight.exporting.microsoft.durations import iso8601
from herdsight.exporting.model import Loss
from herdsight.exporting.texts import filled
from herdsight.rules.model import Rule

_OPERATORS = {"gt": "GreaterThan", "lt": "LessThan", "eq": "Equal", "ne": "NotEqual"}
_SUPPRESSED = timedelta(hours=5)  # what the portal has, for when somebody switches suppression on
LONGEST_DESCRIPTION = 5000


def alert_rule(rule: Rule, kind: Literal["Scheduled", "NRT"]) -> dict[str, object]:
    """The resource of a rule; its own id is its name, so that deploying it anew changes it."""
    schedule = _schedule(rule) if kind == "Scheduled" else {}
    properties = {
        "displayName": rule.name,
        "description": described(rule),
        "severity": rule.severity,
        "enabled": True,
        "query": rule.query,
        **schedule,
        "suppressionDuration": iso8601(_SUPPRESSED),
        "suppressionEnabled": False,
        "tactics": [*rule.tactics],
        "techniques": parents(rule),
        "entityMappings": mappings(rule.entityMappings),
        "customDetails": dict(rule.customDetails),
        "eventGroupingSettings": grouping(rule),
    }
    return resource("alertRules", str(rule.id), filled(properties), kind=kind)


def _schedule(rule: Rule) -> dict[str, object]:
    return {
        "queryFrequency": iso8601(rule.queryFrequency),
        "queryPeriod": iso8601(rule.queryPeriod),
        "triggerOperator": _OPERATORS[rule.triggerOperator],
        "triggerThreshold": rule.triggerThreshold,
    }


def threshold_of(rule: Rule) -> str | None:
    """The clause by which a rule asks for more than any result at all; None where it does not."""
    is_any = (rule.triggerOperator, rule.triggerThreshold) == ("gt", 0)
    return None if is_any else f"triggerOperator {rule.triggerOperator} {rule.triggerThreshold}"


def parents(rule: Rule) -> list[str]:
    """The techniques as the stable API takes them: a sub-technique by the technique that it belongs to."""
    return [*dict.fromkeys(each.partition(".")[0] for each in rule.relevantTechniques)]


def described(rule: Rule) -> str:
    """The description, and behind it the exact techniques, which not every field takes, where there is room."""
    whole = f"{rule.description}{_exact(rule)}"
    return whole if len(whole) <= LONGEST_DESCRIPTION else rule.description


def unsaid_techniques(slug: str, rule: Rule) -> tuple[Loss, ...]:
    """The sub-techniques of a rule whose description has no room for them."""
    if len(rule.description) + len(_exact(rule)) <= LONGEST_DESCRIPTION:
        return ()
    lost = "the API has techniques alone, and the description no room for them; their techniques stand for them"
    return tuple(Loss(slug, f"relevantTechniques {each}", lost) for each in rule.relevantTechniques if "." in each)


def _exact(rule: Rule) -> str:
    is_more = len(rule.tactics) > 1 or any("." in each for each in rule.relevantTechniques)
    return f"\nATT&CK: {', '.join(rule.relevantTechniques)}.\n" if is_more else ""
