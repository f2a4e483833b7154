"""Writes `kql.md`, the page of what KQL runs here, from the tables that the language itself is made of: `make docs`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdsight.kql import catalogue
from herdsight.kql.catalogue import Entry
from herdsight.kql.functions.unsupported import PLUGIN_REASONS, REASONS
from herdsight.kql.operators import REASONS as OPERATOR_REASONS

PAGE = Path(__file__).with_name("kql.md")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the reference leaves open, and a query that shows what was decided: its only value, or a refusal."""

    said: str
    kql: str
    value: object = None
    refused: bool = False


DECISIONS = (
    Decision(
        "Times have microseconds; Kusto's tick is 100 ns. What is finer in a datetime is cut off.",
        "print tostring(datetime(2026-05-31T10:00:00.1234567Z))",
        "2026-05-31T10:00:00.1234560Z",
    ),
    Decision("A timespan of a query that is finer than a microsecond is refused.", "print 15ticks", refused=True),
    Decision(
        "dcount() counts exactly. Kusto estimates.", "range n from 1 to 70000 step 1 | summarize dcount(n)", 70000
    ),
    Decision(
        "Percentiles are exact: the least value that so many of the values do not exceed. Kusto estimates.",
        "range n from 1 to 200 step 1 | summarize percentile(n, 95)",
        190,
    ),
    Decision(
        "take_any() gives the least value that is not empty, so that the same data gives the same answer.",
        'datatable(a: string) ["b", "", "a"] | summarize take_any(a)',
        "a",
    ),
    Decision(
        "make_set() is in the order of values, and make_list() in that of the rows where they are sorted.",
        "datatable(a: long) [3, 1, 2, 1] | summarize make_set(a)",
        "[1,2,3]",
    ),
    Decision("An integer divided by zero is null.", "print 1 / 0"),
    Decision("What does not fit in 64 bits is null.", "print 9223372036854775807 + 1"),
    Decision(
        "A string that looks like JSON stays a string, also in a set or a bag.",
        """datatable(a: string) ['{"x": 1}'] | summarize found = make_set(a) | project gettype(found[0])""",
        "string",
    ),
    Decision(
        "A constant is read as what it is compared with; columns of two types are not compared.",
        'print a = 1, b = "1" | where a == b',
        refused=True,
    ),
    Decision(
        "sample and sample-distinct choose rows by what these hold, so that the same data gives the same sample.",
        "range n from 1 to 9 step 1 | sample 2 | count",
        2,
    ),
)

# What Herdsight does with what only a workspace has; each says so with a warning.
WARNED = (
    "`now()` is the newest event of the logs, unless `--now` says otherwise.",
    "`ingestion_time()` is `TimeGenerated`.",
    "`_GetWatchlist('NAME')` reads the file of `--watchlist NAME=FILE`, and is empty where there is none.",
    "`externaldata` reads files that `--external` allows, and nothing else.",
    "A custom log (`*_CL`) is empty and has whatever columns are asked for.",
    "A table that is declared and that no log fills is empty.",
    "`workspace(...)`, `cluster(...)`, `database(...)` and `app(...)` are passed over.",
    "`geo_info_from_ip_address()` finds no place: there is no database of places.",
    "Options of `set` are passed over, but for those of `bin_auto()`, and so are hints.",
    "`render` is kept as a hint and changes no row.",
)

# Parts of what runs that do not, each with a query that is refused for it.
PARTS: Mapping[str, str] = {
    "optional steps of `scan`": "print a = 1 | sort by a asc | scan with (step s optional: a == 1;)",
    "the key of `partition` in a query within a sub-query that names its own table": (
        "print a = 1 | partition by a { print b = 2 | extend c = toscalar(print d = a) }"
    ),
    "external data as Avro, ORC or W3C logs": "externaldata(a: string) ['a.avro'] with (format='avro')",
    "the statements `alias`, `restrict` and `declare pattern`": "alias database x = cluster('y').database('z')",
}

_INTRODUCTION = """\
# KQL in Herdsight

This page is made by `make docs` out of the tables that the language itself is made of; a test holds the two together.
Names in the last columns are pages of Microsoft's reference of the Kusto Query Language, which says what each means.
Forms say the types that a function takes: `number` is int, long, real or decimal, `[long]` may be left out, `...` goes
on in the same way, `same type` is that of the arguments.

What runs is checked by executed pairs of queries and answers (`tests/kql/`) and against Microsoft's own parser. What is
not supported ends with exit status 3, its name, its place and the reason.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join(
        (
            _INTRODUCTION,
            "## Statements\n",
            "`let` (values, tables, functions with default and named arguments and with tabular parameters), `set`,",
            "`declare query_parameters`, several queries in a text (separated by `;` or blank lines), comments.\n",
            *_section("Sources", catalogue.SOURCES),
            *_section("Operators", catalogue.OPERATORS),
            "## Operators of values\n",
            f"`{'`, `'.join((*catalogue.sign_operators(), *catalogue.word_operators()))}`\n",
            *_functions("Functions", catalogue.scalar_functions()),
            *_functions("Aggregates", catalogue.aggregates()),
            *_functions("Window functions", catalogue.window_functions()),
            *_section("Plugins of evaluate", catalogue.PLUGINS),
            *_section("Functions that give tables", catalogue.TABLE_FUNCTIONS),
            *_decisions(),
            *_refusals(),
        )
    )


def _section(title: str, entries: Mapping[str, Entry]) -> Iterator[str]:
    yield from _functions(title, {name: (entry,) for name, entry in entries.items()})


def _functions(title: str, entries: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| form | Microsoft's page |"
    yield "|---|---|"
    for forms in entries.values():
        yield f"| {_cell(form.form for form in forms)} | {', '.join(dict.fromkeys(form.page for form in forms))} |"
    yield ""


def _cell(forms: Iterable[str]) -> str:
    return "<br>".join(f"`{form}`".replace("|", "\\|") for form in forms)


def _decisions() -> Iterator[str]:
    yield "## What the reference leaves open\n"
    for each in DECISIONS:
        answer = "is refused" if each.refused else "is null" if each.value is None else f"is `{each.value}`"
        yield f"- {each.said} `{each.kql}` {answer}."
    yield "\nA laptop is no workspace:\n"
    yield from (f"- {said}" for said in WARNED)
    yield ""


def _refusals() -> Iterator[str]:
    yield "## What is refused, and why\n"
    yield "| | reason | names |"
    yield "|---|---|---|"
    reasons = (("operators", OPERATOR_REASONS), ("functions", REASONS), ("plugins", PLUGIN_REASONS))
    for kind, by_reason in reasons:
        for why, names in by_reason.items():
            reason = why.replace("|", "\\|")
            yield f"| {kind} | {reason} | {', '.join(f'`{name}`' for name in sorted(names))} |"
    yield "\nOf what runs, these parts are not done yet:\n"
    yield from (f"- {part}" for part in PARTS)
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
