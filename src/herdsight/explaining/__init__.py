"""Explaining: why a rule or a query gave nothing, stage by stage and condition by condition."""

from herdsight.explaining.answering import GROUPS, Subject, of_query, of_rule, why

__all__ = ["GROUPS", "Subject", "of_query", "of_rule", "why"]
