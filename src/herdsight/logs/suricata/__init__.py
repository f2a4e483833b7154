"""Suricata's EVE, one file a kind of event."""
