"""Lowering: a plan to one SQL tree that every engine renders in its own dialect."""

from herdsight.kql.lowering.dispatch import opened
from herdsight.kql.lowering.lower import lower
from herdsight.kql.lowering.runs import SINCE, UNTIL, Bounds, lower_runs, works_on_sets

__all__ = ["SINCE", "UNTIL", "Bounds", "lower", "lower_runs", "opened", "works_on_sets"]
