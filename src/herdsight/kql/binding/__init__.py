"""Binding: a syntax tree and what it may name to typed plans."""

from herdsight.kql.binding import (  # noqa: F401 each registers its operators or sources
    columns,
    expansion,
    finding,
    groups,
    joins,
    parsing,
    plugins,
    rows,
    series,
    sources,
    special,
    summarize,
    unions,
)
from herdsight.kql.binding.scope import Surroundings
from herdsight.kql.binding.statements import Query, bind

__all__ = ["Query", "Surroundings", "bind"]
