"""Rules as templates of Azure Resource Manager, one each, which make scheduled rules in Microsoft Sentinel."""

from herdsight.exporting.microsoft.alerting import alert_rule, unsaid_techniques
from herdsight.exporting.microsoft.analytic import fitted
from herdsight.exporting.microsoft.arm import template
from herdsight.exporting.model import Content, Export, File, RuleTarget
from herdsight.exporting.together import each_rule
from herdsight.rules.reading import RuleFile


def _export(content: Content) -> Export:
    return each_rule(content, _rule)


def _rule(file: RuleFile) -> Export:
    fit = fitted(file)
    if fit.rule is None:
        return Export((), fit.losses)
    made = File(f"{file.slug}.json", template([alert_rule(fit.rule, "Scheduled")]))
    return Export((made,), (*fit.losses, *unsaid_techniques(file.slug, fit.rule)))


TARGET = RuleTarget("sentinel-arm", "Scheduled rules of Microsoft Sentinel as ARM templates (2025-09-01).", _export)
