"""Lowering: a plan to one SQL tree that every engine renders in its own dialect."""

from herdsight.kql.lowering.relations import lower, opened

__all__ = ["lower", "opened"]
