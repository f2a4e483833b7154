"""Web sessions: the hub alone."""

from herdsight.tables import WEB_SESSION
from herdsight.views.parts import Family, as_they_are

FAMILY = Family(WEB_SESSION, {WEB_SESSION: as_they_are}, {})
