"""Indicators: lists of bad addresses and names, read from files in the forms that feeds have, and accounted for."""

from herdsight.indicators.model import Account, Columns, Entry, Kind, Sample, Way
from herdsight.indicators.reading import Indicators, read_indicators

__all__ = ["Account", "Columns", "Entry", "Indicators", "Kind", "Sample", "Way", "read_indicators"]
