"""Loading logs into an engine: recognised, copied or read in place, and accounted for record by record."""

from herdsight.loading.account import filled, first_rejected
from herdsight.loading.load import load
from herdsight.loading.recognition import is_log
from herdsight.loading.records import FileRow, Loaded, ReadOptions, Relation

__all__ = ["FileRow", "Loaded", "ReadOptions", "Relation", "filled", "first_rejected", "is_log", "load"]
