"""Analytics: calibrated statistics over the hub tables, one file a behaviour."""

from herdsight.analytics.beacon import BEACON
from herdsight.analytics.model import Analytic, Candidate, Clue, Found, Sight

__all__ = ["ANALYTICS", "Analytic", "Candidate", "Clue", "Found", "Sight"]

ANALYTICS: tuple[Analytic, ...] = (BEACON,)
