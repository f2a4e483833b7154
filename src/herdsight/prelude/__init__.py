"""What KQL functions mean where SQL has no word for it: plain Python, which every engine can call by the same name."""

from herdsight.prelude.registry import Function, find, function

__all__ = ["Function", "find", "function"]
