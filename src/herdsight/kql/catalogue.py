"""What of KQL there is here, for readers: the form of each operator, function and plugin, and Microsoft's page."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from herdsight.kql.functions import AGGREGATES, SCALARS, WINDOWS
from herdsight.kql.functions.model import (
    ANY,
    BOOL,
    LONG,
    NUMBER,
    SCALAR,
    Aggregate,
    Scalar,
    TypeSet,
    Window,
    result_type,
)
from herdsight.tables import ColumnType

_MOST_SHOWN = 3  # optional arguments that are shown one by one


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a query may write: its name, how it is written, and the page of Microsoft's reference."""

    name: str
    form: str
    page: str


def _entries(rows: Iterable[tuple[str, str, str]]) -> Mapping[str, Entry]:
    return {name: Entry(name, form, page) for name, form, page in rows}


SOURCES = _entries(
    (
        ("print", "print Name = Value, ...", "print-operator"),
        ("range", "range Name from Low to High step Step", "range-operator"),
        ("datatable", "datatable(Name: type, ...) [Value, ...]", "datatable-operator"),
        ("externaldata", "externaldata(Name: type, ...) [File, ...] with (Option = Value)", "externaldata-operator"),
        ("union", "union kind=outer withsource=Name Table, ...", "union-operator"),
        ("search", "search in (Table, ...) Condition", "search-operator"),
        ("find", "find in (Table, ...) where Condition project Column: type, ..., pack_all()", "find-operator"),
    )
)

OPERATORS = _entries(
    (
        ("as", "as Name", "as-operator"),
        ("assert-schema", "assert-schema (Name: type, ...)", "assert-schema-operator"),
        ("consume", "consume", "consume-operator"),
        ("count", "count", "count-operator"),
        ("distinct", "distinct Column, ...", "distinct-operator"),
        ("evaluate", "evaluate Plugin(...)", "evaluate-operator"),
        ("extend", "extend Name = Value, ...", "extend-operator"),
        ("filter", "filter Condition", "where-operator"),
        ("getschema", "getschema", "getschema-operator"),
        ("invoke", "invoke Function(...)", "invoke-operator"),
        ("join", "join kind=innerunique (Table) on Column, ...", "join-operator"),
        ("limit", "limit Count", "take-operator"),
        ("lookup", "lookup kind=leftouter (Table) on Column, ...", "lookup-operator"),
        (
            "make-series",
            "make-series Name = Aggregate on Axis from Low to High step Step by Key",
            "make-series-operator",
        ),
        ("mv-apply", "mv-apply Name = Array on (Operators)", "mv-apply-operator"),
        ("mv-expand", "mv-expand Name = Array to typeof(type), ...", "mv-expand-operator"),
        ("mvexpand", "mvexpand Name = Array", "mv-expand-operator"),
        ("order", "order by Key desc, ...", "sort-operator"),
        ("parse", 'parse Text with * "text" Name: type *', "parse-operator"),
        ("parse-kv", "parse-kv Text as (Name: type, ...) with (Option = Value)", "parse-kv-operator"),
        ("parse-where", 'parse-where Text with * "text" Name: type *', "parse-where-operator"),
        ("partition", "partition by Column (Operators) or {Query}", "partition-operator"),
        ("project", "project Name = Value, ...", "project-operator"),
        ("project-away", "project-away Column, Prefix*", "project-away-operator"),
        ("project-by-names", "project-by-names Name, ...", "project-by-names-operator"),
        ("project-keep", "project-keep Column, Prefix*", "project-keep-operator"),
        ("project-rename", "project-rename New = Old, ...", "project-rename-operator"),
        ("project-reorder", "project-reorder Column asc, ...", "project-reorder-operator"),
        ("render", "render Chart", "render-operator"),
        ("sample", "sample Count", "sample-operator"),
        ("sample-distinct", "sample-distinct Count of Column", "sample-distinct-operator"),
        ("scan", "scan declare (...) with (step Name: Condition => Name = Value; ...)", "scan-operator"),
        ("search", "search Condition", "search-operator"),
        ("serialize", "serialize Name = Value, ...", "serialize-operator"),
        ("sort", "sort by Key desc, ...", "sort-operator"),
        ("summarize", "summarize Name = Aggregate, ... by Key, ...", "summarize-operator"),
        ("take", "take Count", "take-operator"),
        ("top", "top Count by Key desc", "top-operator"),
        ("top-hitters", "top-hitters Count of Column by Weight", "top-hitters-operator"),
        ("top-nested", "top-nested Count of Column with others = Name by Aggregate, ...", "top-nested-operator"),
        ("union", "union Table, ...", "union-operator"),
        ("where", "where Condition", "where-operator"),
    )
)

PLUGINS = _entries(
    (
        ("bag_unpack", "bag_unpack(Column, Prefix, Conflict, Ignored): (Name: type, ...)", "bag-unpack-plugin"),
        ("ipv4_lookup", "ipv4_lookup(Table, Address, Network, Key, ...)", "ipv4-lookup-plugin"),
        ("ipv6_lookup", "ipv6_lookup(Table, Address, Network)", "ipv6-lookup-plugin"),
        ("narrow", "narrow()", "narrow-plugin"),
        ("pivot", "pivot(Column, Aggregate, Key, ...): (Name: type, ...)", "pivot-plugin"),
        ("rows_near", "rows_near(Condition, Rows, RowsAfter)", "rows-near-plugin"),
    )
)

# Functions that are no row of the tables: their arguments are no values, or their value is not the arguments' alone.
SPECIAL = _entries(
    (
        ("ago", "ago(timespan): datetime", "ago-function"),
        ("bag_pack_columns", "bag_pack_columns(Column, ...): dynamic", "bag-pack-columns-function"),
        ("bin_auto", "bin_auto(number | datetime | timespan)", "bin-auto-function"),
        ("column_ifexists", "column_ifexists(Name, Default)", "column-ifexists-function"),
        ("columnifexists", "columnifexists(Name, Default)", "column-ifexists-function"),
        ("geo_info_from_ip_address", "geo_info_from_ip_address(string): dynamic", "geo-info-from-ip-address-function"),
        ("ingestion_time", "ingestion_time(): datetime", "ingestion-time-function"),
        ("now", "now([timespan]): datetime", "now-function"),
        ("pack_all", "pack_all([bool]): dynamic", "pack-all-function"),
        ("toscalar", "toscalar(Query)", "toscalar-function"),
    )
)

TABLE_FUNCTIONS = _entries(
    (
        ("materialize", "materialize(Query)", "materialize-function"),
        ("table", "table(Name)", "table-function"),
        ("_GetWatchlist", "_GetWatchlist(Name)", "watchlists-queries"),
        *(
            (f"_Im_{schema}", f"_Im_{schema}({parameters}, ...)", f"normalization-schema-{page}")
            for schema, parameters, page in (
                ("AuditEvent", "starttime = ..., operation_has_any = ...", "audit"),
                ("Authentication", "starttime = ..., username_has_any = ...", "authentication"),
                ("DhcpEvent", "starttime = ..., srchostname_has_any = ...", "dhcp"),
                ("Dns", "starttime = ..., domain_has_any = ...", "dns"),
                ("FileEvent", "starttime = ..., targetfilepath_has_any = ...", "file-event"),
                ("NetworkSession", "starttime = ..., dstportnumber = ...", "network"),
                ("ProcessCreate", "starttime = ..., commandline_has_any = ...", "process-event"),
                ("ProcessEvent", "starttime = ..., commandline_has_any = ...", "process-event"),
                ("ProcessTerminate", "starttime = ..., commandline_has_any = ...", "process-event"),
                ("RegistryEvent", "starttime = ..., registrykey_has_any = ...", "registry-event"),
                ("UserManagement", "starttime = ..., targetusername_has_any = ...", "user-management"),
                ("WebSession", "starttime = ..., url_has_any = ...", "web"),
            )
        ),
    )
)

# Aggregates that make several columns.
_SEVERAL = _entries(
    (
        ("arg_max", "arg_max(Greatest, Value, ... or *)", "arg-max-aggregation-function"),
        ("arg_min", "arg_min(Least, Value, ... or *)", "arg-min-aggregation-function"),
        ("percentiles", "percentiles(Value, Percent, ...)", "percentiles-aggregation-function"),
        ("percentilesw", "percentilesw(Value, Weight, Percent, ...)", "percentiles-aggregation-function"),
        ("take_any", "take_any(Value, ... or *)", "take-any-aggregation-function"),
    )
)


def scalar_functions() -> Mapping[str, tuple[Entry, ...]]:
    """The functions of a row's values by name, with a form for each kind of arguments; operators are left out."""
    named = {name: rows for name, rows in SCALARS.items() if name.isidentifier() and not _is_operator(rows[0])}
    found = {name: _forms(rows) for name, rows in named.items()} | {name: (one,) for name, one in SPECIAL.items()}
    return dict(sorted(found.items()))


def sign_operators() -> tuple[str, ...]:
    """The operators that are signs: ==, =~, + and the like."""
    return tuple(name for name in SCALARS if not name.strip("!")[0].isalpha() and name != "[]")


def word_operators() -> tuple[str, ...]:
    """The operators that are words: has, contains_cs, !in~, and the like."""
    words = [name for name, rows in SCALARS.items() if _is_operator(rows[0]) and name.strip("!")[0].isalpha()]
    return tuple(word for word in words if " array" not in word and word not in ("negate", "row order"))


def aggregates() -> Mapping[str, tuple[Entry, ...]]:
    """The aggregates by name."""
    found = {name: _forms([row]) for name, row in AGGREGATES.items()}
    return dict(sorted((found | {name: (one,) for name, one in _SEVERAL.items()}).items()))


def window_functions() -> Mapping[str, tuple[Entry, ...]]:
    """The window functions by name."""
    return {name: _forms([row]) for name, row in sorted(WINDOWS.items())}


def _is_operator(row: Scalar) -> bool:
    return row.page.endswith(("-operator", "-operators"))


def _forms(rows: Sequence[Scalar | Aggregate | Window]) -> tuple[Entry, ...]:
    forms = {signature(row): row.page for row in rows}
    return tuple(Entry(rows[0].name, form, page) for form, page in forms.items())


def signature(row: Scalar | Aggregate | Window) -> str:
    """A function as one writes it, with types for its arguments: `substring(any, long, [long]): string`."""
    needed = len(row.parameters) - row.optional
    arguments = [_type_words(kinds) for kinds in row.parameters[:needed]]
    optional = [f"[{_type_words(kinds)}]" for kinds in row.parameters[needed:]]
    arguments += optional if len(optional) <= _MOST_SHOWN else [optional[0], "..."]
    if isinstance(row, Scalar) and row.choices:
        arguments[0] = "part"
    if isinstance(row, Scalar) and row.variadic:
        arguments.append("...")
    return f"{row.name}({', '.join(arguments)}): {_result_words(row)}"


def _type_words(kinds: TypeSet) -> str:
    if kinds == ANY:
        return "any"
    if kinds == SCALAR:
        return "scalar"
    words = []
    for group, word in ((NUMBER, "number"), (LONG, "long")):
        if group <= kinds:
            words.append(word)
            kinds -= group
    return " | ".join([*words, *(kind.value for kind in ColumnType if kind in kinds)])


def _result_words(row: Scalar | Aggregate | Window) -> str:
    """The type of the result; where it depends on the arguments, those that it may have, or that it is the same."""
    if isinstance(row.result, ColumnType):
        return row.result.value
    needed = row.parameters[: len(row.parameters) - row.optional]
    if row.name == "case":  # whose conditions are no part of its result
        needed = (BOOL, *needed[1:])
    found: dict[ColumnType, ColumnType] = {}
    for kind in ColumnType:
        if any(kind in allowed for allowed in needed):
            with suppress(TypeError, ValueError):
                found[kind] = result_type(row.result, [kind if kind in allowed else min(allowed) for allowed in needed])
    if all(kind is result for kind, result in found.items()) and len(found) > 1:
        return "same type"
    return " | ".join(kind.value for kind in ColumnType if kind in found.values())
