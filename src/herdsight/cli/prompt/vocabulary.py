"""The words that a prompt may complete: tables, columns, operators, functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from herdsight.kql import catalogue
from herdsight.kql.catalogue import Entry
from herdsight.tables import Column, ColumnType, Table

COMMANDS = {
    ".tables": "the tables, and how many rows each has",
    ".columns": "the columns of a table",
    ".help": "what may be typed here; .help NAME says how an operator or a function is written",
    ".quit": "leave; so does Ctrl-D",
}

# What follows a finished value, beside the operators that are words.
CLAUSES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("summarize", "top", "top-hitters", "top-nested", "partition"), ("by",)),
    **dict.fromkeys(("sort", "order", "project-reorder"), ("asc", "desc", "nulls first", "nulls last")),
    **dict.fromkeys(("join", "lookup"), ("on",)),
    "make-series": ("default", "on", "from", "to", "step", "by"),
    **dict.fromkeys(("parse", "parse-where"), ("with",)),
    "parse-kv": ("as", "with"),
    "mv-expand": ("to typeof(", "limit"),
    "mv-apply": ("to typeof(", "on"),
    **dict.fromkeys(("sample-distinct",), ("of",)),
}
JOIN_KINDS = (
    *("innerunique", "inner", "leftouter", "rightouter", "fullouter", "leftsemi", "rightsemi", "leftanti", "rightanti"),
)
OFTEN = ("where", "extend", "project", "summarize", "sort", "top", "take", "count", "distinct", "join")  # by rules
STATEMENTS = ("let", "set", "declare query_parameters")
CHARTS = (
    *("anomalychart", "areachart", "barchart", "card", "columnchart", "ladderchart", "linechart", "piechart"),
    *("pivotchart", "scatterchart", "stackedareachart", "table", "timechart", "timepivot", "treemap"),
)
TYPES = tuple(kind.value for kind in ColumnType)


@dataclass(frozen=True)
class Vocabulary:
    """What a query may name here: the declared tables, those that have rows first, and the columns of watchlists."""

    tables: Mapping[str, Table]
    filled: Sequence[str] = ()
    watchlists: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def table_names(self) -> Sequence[str]:
        """Every table, those that have rows first."""
        return tuple(dict.fromkeys((*self.filled, *sorted(self.tables))))

    def columns(self, name: str) -> Sequence[Column]:
        """The columns of a table, of what a table function gives, or of a watchlist; none where it is none of these."""
        name = _GIVES.get(name, name)
        if name in self.tables:
            return self.tables[name].columns
        return [Column(each, ColumnType.STRING) for each in self.watchlists.get(name, ())]

    @cached_property
    def functions(self) -> Mapping[str, Sequence[Entry]]:
        """The functions of values."""
        return {**catalogue.scalar_functions(), **catalogue.window_functions()}

    @cached_property
    def aggregates(self) -> Mapping[str, Sequence[Entry]]:
        """The aggregates."""
        return catalogue.aggregates()

    @cached_property
    def word_operators(self) -> Sequence[str]:
        """The operators that are words, those that deny last."""
        return sorted(catalogue.word_operators(), key=lambda word: word.startswith("!"))

    @cached_property
    def names(self) -> Sequence[str]:
        """Every operator, plugin and function."""
        single = (catalogue.SOURCES, catalogue.OPERATORS, catalogue.PLUGINS, catalogue.TABLE_FUNCTIONS)
        return tuple(sorted({name for each in (*single, self.functions, self.aggregates) for name in each}))

    def entries(self, name: str) -> Sequence[Entry]:
        """Everything of that name that a query may write."""
        single = (catalogue.SOURCES, catalogue.OPERATORS, catalogue.PLUGINS, catalogue.TABLE_FUNCTIONS)
        found = [each[name] for each in single if name in each]
        return [*found, *self.functions.get(name, ()), *self.aggregates.get(name, ())]


_GIVES = {"_Im_NetworkSession": "ASimNetworkSessionLogs", "_Im_Dns": "ASimDnsActivityLogs"}
