"""Findings: what a detection says about a host, the rows that prove it, and one verdict per host."""
