"""Herdsight finds the bots, relays and floods in the logs you already have."""

__version__ = "0.1.0"
