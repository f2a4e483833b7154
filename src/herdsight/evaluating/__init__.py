"""How right a hunt is: truth files read, their logs hunted through, findings compared with what is true."""

from herdsight.evaluating.evaluate import evaluate
from herdsight.evaluating.truths import TruthFile, read_truth

__all__ = ["TruthFile", "evaluate", "read_truth"]
