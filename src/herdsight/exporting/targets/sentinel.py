"""Rules as analytics rules of Microsoft Sentinel's repository: a YAML file each."""

from herdsight.exporting.microsoft.analytic import fitted, rule_fields
from herdsight.exporting.model import Content, Export, File, RuleTarget
from herdsight.exporting.texts import yaml_text
from herdsight.exporting.together import each_rule
from herdsight.rules.reading import RuleFile


def export_sentinel(content: Content) -> Export:
    """The rules without what is Herdsight's own in them."""
    return each_rule(content, _rule)


def _rule(file: RuleFile) -> Export:
    fit = fitted(file)
    files = (File(f"{file.slug}.yaml", yaml_text(rule_fields(fit.rule))),) if fit.rule else ()
    return Export(files, fit.losses)


TARGET = RuleTarget("sentinel", "Analytics rules of Microsoft Sentinel, in its repository's YAML.", export_sentinel)
