"""The public tables as views over what was loaded, each source seen through every table that it can carry.

A session of a network sensor is also what Defender would have told of it (a row for each inside end) and, when it comes
in, what a firewall would have; and the other way round. What a source does not know stays empty.
"""

from herdsight.views.parts import Part
from herdsight.views.public import View, carried, public_views

__all__ = ["Part", "View", "carried", "public_views"]
