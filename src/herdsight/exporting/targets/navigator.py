"""A layer of the ATT&CK Navigator: the techniques that rules and analytics tell of, and which of them do."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from herdsight.analytics import ANALYTICS
from herdsight.exporting.model import Content, Export, File, RuleTarget
from herdsight.exporting.texts import document
from herdsight.rules.reading import RuleFile

_VERSIONS = {"attack": "18", "navigator": "5.1.0", "layer": "4.5"}
_PALE, _DEEP = "#cfe8f3", "#08519c"  # of one detection, and of the most that a technique has


def layer(rules: Sequence[RuleFile]) -> dict[str, object]:
    """The layer of rules, and of the analytics that measure what one of them asks or what no shipped rule does."""
    by_technique = detections_by_technique(rules)
    return {
        "name": "Herdsight",
        "versions": _VERSIONS,
        "domain": "enterprise-attack",
        "description": "Techniques that Herdsight's rules and analytics tell of; the score counts them.",
        "sorting": 3,
        "techniques": [
            {
                "techniqueID": name,
                "score": len(found),
                "comment": ", ".join(found),
                "enabled": True,
                "showSubtechniques": name in {each.partition(".")[0] for each in by_technique if "." in each},
            }
            for name, found in by_technique.items()
        ],
        "gradient": {
            "colors": [_PALE, _DEEP],
            "minValue": 1,
            "maxValue": max((len(found) for found in by_technique.values()), default=1),
        },
    }


def detections_by_technique(rules: Sequence[RuleFile]) -> Mapping[str, tuple[str, ...]]:
    """For each technique, in order, the rules and analytics that tell of it."""
    slugs = {each.slug for each in rules}
    found: dict[str, list[str]] = defaultdict(list)
    for rule in rules:
        for name in rule.rule.relevantTechniques:
            found[name].append(f"rule {rule.slug}")
    for analytic in ANALYTICS:
        if not analytic.judges or slugs & set(analytic.judges):
            for name in analytic.techniques:
                found[name].append(f"analytic {analytic.name}")
    return {name: tuple(found[name]) for name in sorted(found)}


def _export(content: Content) -> Export:
    return Export((File("herdsight.navigator.json", document(layer(content.rules))),))


TARGET = RuleTarget("navigator", "A layer of the ATT&CK Navigator (4.5): what tells of which techniques.", _export)
