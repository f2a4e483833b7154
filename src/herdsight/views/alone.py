"""Tables that no other tells of: each is seen as it is.

A web session is not a network session, too, though it has the same ends: where a sensor logs both, the network session
is there already, and would count twice.
"""

from herdsight.tables import AUTHENTICATION, DHCP, INDICATORS, WEB_SESSION
from herdsight.views.parts import Family, as_they_are

FAMILIES = tuple(Family(hub, {hub: as_they_are}, {}) for hub in (WEB_SESSION, AUTHENTICATION, DHCP, INDICATORS))
