"""Since when a place has been called, in the logs at hand: what software calls it does as long as the logs go back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import log10

import sqlglot
from sqlglot import exp

from herdsight.analytics.model import Clue, Sight
from herdsight.analytics.pairs import PAIRS
from herdsight.tables import NETWORK_SESSION

_DAY_S = 86_400.0
# How long intruders are there before they are noticed: the median of Mandiant's M-Trends 2024, in days.
_DWELL = 10.0
# Of programs that call by a timer one in ten is new within weeks; a choice, as no figure of it is published.
_NEW = 0.1
# Shorter logs say nothing of what is new: a host that is off over the weekend calls its first place on the third day.
_LEAST = 4.0  # days
# Called within so many days of the beginning, it may have been called before.
_AT_ONCE = 3.0


@dataclass(frozen=True, slots=True)
class Memory:
    """From when to when the logs go, and when each of some places was first called, by whichever host."""

    first: datetime
    last: datetime
    places: Mapping[str, datetime]

    @property
    def days(self) -> float:
        """How long the logs are."""
        return (self.last - self.first).total_seconds() / _DAY_S


_FIRSTS = f"""
SELECT remote, MIN(first) AS first, (SELECT MIN(first) FROM {{schema}}.{PAIRS}) AS begun,
  (SELECT MAX(last) FROM {{schema}}.{PAIRS}) AS ended
FROM {{schema}}.{PAIRS} WHERE remote IN ({{remotes}}) GROUP BY remote
"""


def memory(sight: Sight, remotes: Iterable[str]) -> Memory | None:
    """What the sessions remember of these places; None where they have none of them."""
    listed = ", ".join(exp.Literal.string(each).sql("duckdb") for each in sorted(set(remotes)))
    if not listed or NETWORK_SESSION not in sight.tables:
        return None
    asked = sqlglot.parse_one(_FIRSTS.format(schema=sight.schema, remotes=listed), dialect="duckdb")
    rows = sight.run(asked).to_pylist()
    if not rows:
        return None
    return Memory(rows[0]["begun"], rows[0]["ended"], {row["remote"]: row["first"] for row in rows})


def newness(remembered: Memory | None, remote: str) -> Clue | None:
    """What it says of a place that it is new, or as old as the logs; None where these are too short to say.

    An intruder who stays for D days is there when logs of L days begin with a probability of D / (L + D), as renewal
    has it, and comes within them otherwise; of honest programs nine in ten are there. The weight is the log10 of the
    ratio of the two.
    """
    if remembered is None or remembered.days < _LEAST or remote not in remembered.places:
        return None
    there = _DWELL / (remembered.days + _DWELL)
    after = (remembered.places[remote] - remembered.first).total_seconds() / _DAY_S
    if after <= _AT_ONCE:
        known = f"it has been called since the logs begin, {remembered.days:.0f} days"
        return Clue(known, log10(there / (1 - _NEW)))
    return Clue(f"nobody called it in the first {after:.0f} of {remembered.days:.0f} days", log10((1 - there) / _NEW))
