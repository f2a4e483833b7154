"""Zeek's logs, one file a kind."""
