"""Hunting queries in the YAML of Microsoft Sentinel's repository."""

from herdsight.exporting.microsoft.analytic import hunting_fields
from herdsight.exporting.model import Content, Export, File, RuleTarget
from herdsight.exporting.texts import yaml_text
from herdsight.guidance.reading import hunting_queries


def export_hunting(content: Content) -> Export:
    """Those hunting queries that are for the role of one of the rules."""
    wanted = {each.rule.herdsight.role for each in content.rules}
    found = (each for each in hunting_queries() if wanted & {*each.query.herdsight.roles})
    return Export(tuple(File(f"{each.slug}.yaml", yaml_text(hunting_fields(each.query))) for each in found))


TARGET = RuleTarget(
    "sentinel-hunting",
    "Hunting queries for the roles that rules tell of, in Microsoft Sentinel's YAML.",
    export_hunting,
)
