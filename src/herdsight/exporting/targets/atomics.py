"""Tests of the techniques, in the form of Atomic Red Team."""

from herdsight.exporting.model import Content, Export, File, RuleTarget
from herdsight.guidance.atomics import atomics


def _export(content: Content) -> Export:
    """The files of those techniques that the rules are about, as the project lays them out."""
    wanted = {name for each in content.rules for name in each.rule.relevantTechniques}
    found = ((each.atomics.attack_technique, each.text) for each in atomics())
    return Export(tuple(File(f"atomics/{name}/{name}.yaml", text) for name, text in found if name in wanted))


TARGET = RuleTarget("atomics", "Tests of the techniques of rules, in the form of Atomic Red Team.", _export)
