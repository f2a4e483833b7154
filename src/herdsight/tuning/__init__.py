"""Tuning: what a user has decided not to be told of, as entries of a file that match findings and may expire."""

from herdsight.tuning.model import Entry, Tuning
from herdsight.tuning.reading import read_tuning, ready_made
from herdsight.tuning.silencing import Silenced, silence_for, silenced

__all__ = ["Entry", "Silenced", "Tuning", "read_tuning", "ready_made", "silence_for", "silenced"]
