"""Rules as Sigma rules: detections and correlations, as far as Sigma's language goes."""

from herdsight.exporting.model import Content, Export, Loss, RuleTarget
from herdsight.exporting.together import each_rule
from herdsight.rules.reading import RuleFile


def export_sigma(content: Content) -> Export:
    """The rules that have a form in Sigma, a file each, and all that the forms do not say."""
    return each_rule(content, _rule)


def _rule(file: RuleFile) -> Export:
    from herdsight.exporting.sigma.forms import formed
    from herdsight.exporting.sigma.writing import written

    found = formed(file)
    files = (written(file, found.form),) if found.form else ()
    return Export(files, tuple(Loss(file.slug, each.clause, each.lost) for each in found.missing))


TARGET = RuleTarget("sigma", "Sigma rules: detections, and the correlations that count them.", export_sigma)
