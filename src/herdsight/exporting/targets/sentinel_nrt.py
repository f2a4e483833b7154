"""Rules that one event is enough for, as near-real-time rules of Microsoft Sentinel: YAML and ARM template."""

from herdsight.exporting.microsoft.alerting import alert_rule, unsaid_techniques
from herdsight.exporting.microsoft.analytic import fitted, rule_fields
from herdsight.exporting.microsoft.arm import template
from herdsight.exporting.microsoft.moments import beyond_a_minute
from herdsight.exporting.model import Content, Export, File, RuleTarget
from herdsight.exporting.texts import yaml_text
from herdsight.exporting.together import each_rule
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile

_SCHEDULED = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")  # a rule runs each minute


def _export(content: Content) -> Export:
    return each_rule(content, _rule)


def _rule(file: RuleFile) -> Export:
    fit = fitted(file)
    if fit.rule is None or (beyond := beyond_a_minute(file)):
        return Export((), fit.losses if fit.rule is None else beyond)
    files = (
        File(f"{file.slug}.yaml", yaml_text(_fields(fit.rule))),
        File(f"{file.slug}.json", template([alert_rule(fit.rule, "NRT")])),
    )
    return Export(files, (*fit.losses, *unsaid_techniques(file.slug, fit.rule)))


def _fields(rule: Rule) -> dict[str, object]:
    fields = rule_fields(rule) | {"kind": "NRT"}
    return {name: value for name, value in fields.items() if name not in _SCHEDULED}


TARGET = RuleTarget(
    "sentinel-nrt",
    "Near-real-time rules of Microsoft Sentinel (YAML and ARM), of the rules that one event is enough for.",
    _export,
    ("irc-c2", "--allow-lossy"),
)
