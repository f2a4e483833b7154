"""Analytics: calibrated statistics over the hub tables, one file a behaviour."""

from herdsight.analytics.beacon import BEACON
from herdsight.analytics.c2_protocol import C2_PROTOCOL
from herdsight.analytics.dga import DGA
from herdsight.analytics.flood import FLOOD
from herdsight.analytics.indicator import INDICATOR, INDICATOR_SOURCE
from herdsight.analytics.model import Analytic, Candidate, Clue, Found, Sight
from herdsight.analytics.p2p import P2P
from herdsight.analytics.pressing import PRESSING
from herdsight.analytics.relay import RELAY
from herdsight.analytics.spread import SPREAD
from herdsight.analytics.sweep import SWEEP
from herdsight.analytics.tunnel import TUNNEL

__all__ = ["ANALYTICS", "Analytic", "Candidate", "Clue", "Found", "Sight"]

ANALYTICS: tuple[Analytic, ...] = (
    BEACON,
    DGA,
    SPREAD,
    SWEEP,
    PRESSING,
    FLOOD,
    RELAY,
    TUNNEL,
    P2P,
    C2_PROTOCOL,
    INDICATOR,
    INDICATOR_SOURCE,
)
