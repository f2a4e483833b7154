"""Functions that every workspace has: ASIM's parsers, as KQL in `kql/library`, and watchlists."""

import re
from functools import cache
from importlib.resources import files

from herdsight.guesses import did_you_mean
from herdsight.kql import plan, syntax
from herdsight.kql.binding.items import text_option
from herdsight.kql.binding.scope import Bound, Context, Function, hidden
from herdsight.kql.lexer import Text
from herdsight.kql.statements import parse
from herdsight.tables import ColumnType

_PREFIXES = ("_Im_", "im", "_ASim_", "ASim")  # of a parser's names: with parameters, and without
_OLDER = {"Registry": "RegistryEvent"}
WATCHLIST = "watchlist "  # what stands before a watchlist's name where it is a table

# The columns that every watchlist has beside its own.
WATCHLIST_COLUMNS = (
    plan.Field("_DTItemId", ColumnType.STRING),
    plan.Field("LastUpdatedTimeUTC", ColumnType.DATETIME),
    plan.Field("SearchKey", ColumnType.STRING),
    plan.Field("WatchlistItem", ColumnType.DYNAMIC),
)


def library(context: Context, call: syntax.Call) -> Function | Bound | None:
    """The function of that name, or the rows that the call gives; None where there is none."""
    if call.name in ("_GetWatchlist", "GetWatchlist"):
        return _watchlist(context, call)
    function = _functions().get(canonical(call.name))
    source = _SOURCE.fullmatch(call.name)
    return function if function is not None or source is None else _of_source(context, call, source)


_SOURCE = re.compile(r"_(?:Im|ASim)_([A-Za-z]+)_([A-Za-z0-9]+?)(?:V\d+)?")


def canonical(name: str) -> str:
    """A parser's name as its file has it, of any that the parser has; other names as they are."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            schema = name.removeprefix(prefix)
            full = f"_Im_{_OLDER.get(schema, schema)}"
            return full if full in _functions() else name
    return name


def names() -> dict[str, str]:
    """All names of parsers, and the name that the parser's file has."""
    schemas = [name.removeprefix("_Im_") for name in _functions() if name.startswith("_Im_")]
    return {
        f"{prefix}{schema}": canonical(f"{prefix}{schema}") for prefix in _PREFIXES for schema in (*schemas, *_OLDER)
    }


def _of_source(context: Context, call: syntax.Call, source: "re.Match[str]") -> Function | Bound | None:
    """The parser of one product: all events are in the normalised table here, so that the native one has them all."""
    function = _functions().get(f"_Im_{source[1]}")
    if function is None:
        return None
    if source[2] == "Native":
        return function
    if source[2] != "Empty":
        context.warn(f"{call.name}() has no rows of its own: those of its source are in _Im_{source[1]}", call.start)
    whole = context.pipeline(context, syntax.Pipeline(call.start, syntax.Call(call.start, f"_Im_{source[1]}", ()), ()))
    return whole.over(plan.Filter(whole.relation, plan.Const(False, ColumnType.BOOL)))


def is_library(name: str) -> bool:
    """Whether the library has a function of that name."""
    source = _SOURCE.fullmatch(name)
    return canonical(name) in _functions() or (source is not None and f"_Im_{source[1]}" in _functions())


@cache
def _functions() -> dict[str, Function]:
    found = {}
    for file in files("herdsight.kql").joinpath("library").iterdir():
        if file.name.endswith(".kql"):
            text = Text(file.read_text(encoding="utf-8"), file.name)
            (statement,) = parse(text).statements
            assert isinstance(statement, syntax.Let)  # noqa: S101 a file of the library binds one function
            assert isinstance(statement.value, syntax.Function)  # noqa: S101
            found[statement.name] = Function(statement.value, {}, text)
    return found


def _watchlist(context: Context, call: syntax.Call) -> Bound:
    """The items of a watchlist: one of those given, or one whose columns are not known and that has no rows."""
    if not call.arguments:
        raise context.wrong("_GetWatchlist() takes a watchlist's name", call.start, code="KS119")
    first = call.arguments[0]
    name = text_option(context, first.value if isinstance(first, syntax.Assignment) else first, "the watchlist's name")
    columns = context.surroundings.watchlists.get(name)
    if columns is None:
        hint = did_you_mean(name, context.surroundings.watchlists) or f"--watchlist {name}=FILE.csv"
        context.warn(f"the watchlist '{name}' was not given: it is taken as empty ({hint})", call.start)
        bag = plan.Field(hidden("columns"), ColumnType.DYNAMIC)
        return Bound(plan.Rows((*WATCHLIST_COLUMNS, bag), ()), bag=bag.name)
    own = tuple(plan.Field(column, ColumnType.STRING) for column in columns)
    more = tuple(column for column in WATCHLIST_COLUMNS if column.name not in columns)
    return Bound(plan.Scan(f"{WATCHLIST}{name}", "", (*more, *own)))
