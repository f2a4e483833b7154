"""Logs that a user's mapping explains."""
