"""Engines run a tree and return Arrow; one file an engine, stating only what is its own."""
