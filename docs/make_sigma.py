"""Writes the section "Sigma" of `exports.md`: what the forms lose, what backends make of them, and what behaves.

That a backend converts a rule says nothing of the text that it makes. What can be run here is run on the rules' own
cases: every hit must be found and every near miss passed over. `make sigma` installs what that needs, and runs this.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

from herdsight.exporting.sigma.forms import Formed, formed
from herdsight.exporting.sigma.logs import event, logs_of
from herdsight.exporting.sigma.writing import written
from herdsight.proving.logs import rows_of
from herdsight.rules.cases import Case
from herdsight.rules.reading import RuleFile, shipped_rules
from herdsight.tables import table

PAGE = Path(__file__).with_name("exports.md")
_SECTION = re.compile(r"^## Sigma\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_TITLE = "# Exports\n\n"

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend of pySigma: where it is, and how what it makes is run, if it can be run here.

    `run` gives the number of groups that the query finds in events that have these columns.
    """

    name: str
    module: str
    kind: str
    run: Callable[[str, Sequence[Event], Sequence[str]], int] | None = None
    needs: str = ""  # the module that runs it
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The names of a rule's cases in which the converted form was wrong."""

    wrong_hits: tuple[str, ...]
    wrong_misses: tuple[str, ...]
    said: str = ""  # by the engine, where it refused the query

    @property
    def is_right(self) -> bool:
        """Whether all were right."""
        return not (self.wrong_hits or self.wrong_misses or self.said)


# --- the engines ----------------------------------------------------------------------------------------------------


def _in_sqlite(query: str, events: Sequence[Event], columns: Sequence[str]) -> int:
    with sqlite3.connect(":memory:") as connection:
        names = ", ".join(f'"{each}"' for each in columns)
        connection.execute(f"CREATE TABLE logs ({names})")
        slots = ", ".join("?" * len(columns))
        rows = [tuple(_plain(each.get(name)) for name in columns) for each in events]
        connection.executemany(f"INSERT INTO logs VALUES ({slots})", rows)
        steps = count(1)
        connection.set_progress_handler(lambda: next(steps) > _MOST_STEPS, _STEP)
        try:
            cursor = connection.execute(query)
            made = [each[0] for each in cursor.description]
            place = made.index("group_keys") if "group_keys" in made else None  # an alert for each window
            return len({row if place is None else row[place] for row in cursor})
        except sqlite3.OperationalError as error:
            raise RuntimeError(_NO_ANSWER if "interrupted" in str(error) else str(error)) from error


# Counted, not timed, so that the page is the same on every machine; it is about a second.
_STEP, _MOST_STEPS = 1_000_000, 20
_NO_ANSWER = "no answer within twenty million steps of its machine"


def _plain(value: object) -> object:
    return value.isoformat(sep=" ", timespec="milliseconds") if isinstance(value, datetime) else value


def _in_duckdb(query: str, events: Sequence[Event], columns: Sequence[str]) -> int:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.register("events", _arrow(events, columns))
        connection.execute("CREATE TABLE logs AS SELECT * FROM events")
        return len(connection.execute(query).fetchall())


def _arrow(events: Sequence[Event], columns: Sequence[str]) -> Any:
    import pyarrow as pa

    kinds = {"timestamp": pa.timestamp("us"), **dict.fromkeys(_NUMBERS, pa.int64())}
    data = {name: [_cell(each.get(name), name in kinds) for each in events] for name in columns}
    return pa.table({name: pa.array(cells, kinds.get(name, pa.string())) for name, cells in data.items()})


def _cell(value: object, is_kept: bool) -> object:
    return value if value is None or is_kept else str(value)


_NUMBERS = ("EventID", "DestinationPort", "SourcePort", "dst_port", "src_port")


def _in_clickhouse(query: str, events: Sequence[Event], columns: Sequence[str]) -> int:
    session = _clickhouse()
    session.query("DROP TABLE IF EXISTS logs")
    session.query(f"CREATE TABLE logs ({', '.join(map(_column, columns))}) ENGINE = Memory")
    if events:
        rows = ", ".join(f"({', '.join(_literal(each.get(name)) for name in columns)})" for each in events)
        session.query(f"INSERT INTO logs VALUES {rows}")
    answer = str(session.query(query, "TabSeparated"))
    return len(answer.splitlines())


@cache
def _clickhouse() -> Any:
    from chdb.session import Session

    return Session()


def _column(name: str) -> str:
    kind = "Int64" if name in _NUMBERS else "DateTime64(6)" if name == "timestamp" else "String"
    return f"`{name}` Nullable({kind})"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


BACKENDS = (
    Backend("Splunk", "sigma.backends.splunk", "SplunkBackend"),
    Backend("Elastic ES\\|QL", "sigma.backends.elasticsearch", "ESQLBackend"),
    Backend("Elastic EQL", "sigma.backends.elasticsearch", "EqlBackend"),
    Backend("Loki", "sigma.backends.loki", "LogQLBackend"),
    Backend("OpenSearch PPL", "sigma.backends.opensearch", "OpenSearchPPLBackend"),
    Backend("SQLite", "sigma.backends.sqlite", "sqliteBackend", _in_sqlite, options={"collate_nocase": True}),
    Backend("DuckDB", "sigma_backend_duckdb", "DuckDBBackend", _in_duckdb),
    Backend("ClickHouse", "sigma.backends.clickhouse.clickhouse", "ClickhouseBackend", _in_clickhouse, "chdb"),
)


def is_there(backend: Backend) -> bool:
    """Whether a backend, and what runs it, are installed."""
    try:
        return find_spec(backend.module) is not None and (not backend.needs or find_spec(backend.needs) is not None)
    except ModuleNotFoundError:
        return False


# --- rules and their cases ------------------------------------------------------------------------------------------


@cache
def forms() -> Mapping[str, tuple[RuleFile, Formed]]:
    """Each shipped rule, and its form."""
    return {each.slug: (each, formed(each)) for each in shipped_rules()}


def converted(backend: Backend, file: RuleFile) -> str:
    """What a backend makes of a rule that has a form: of several queries the last, which is the rule's own.

    Raises:
        SigmaError, NotImplementedError: it makes nothing of it.
    """
    from sigma.collection import SigmaCollection

    form = forms()[file.slug][1].form
    if form is None:
        raise NotImplementedError("the rule has no form in Sigma")
    made = getattr(import_module(backend.module), backend.kind)(**backend.options)
    return str(made.convert(SigmaCollection.from_yaml(written(file, form).text))[-1])


def refused(backend: Backend, file: RuleFile) -> str:
    """Why a backend makes nothing of a rule; "" where it converts it."""
    from sigma.exceptions import SigmaError

    try:
        converted(backend, file)
    except (SigmaError, NotImplementedError) as error:
        return str(error).partition(" in rule Sigma")[0]
    return ""


def verdict(backend: Backend, file: RuleFile) -> Verdict:
    """The cases of a rule, run as a backend converts it."""
    cases = file.rule.herdsight.cases
    query = converted(backend, file)
    try:
        missed = [each.name for each in cases.hits if not _is_found(backend, file, query, each)]
        fired = [each.name for each in cases.misses if _found(backend, file, query, each)]
    except Exception as error:  # noqa: BLE001 - each engine has its own
        return Verdict((), (), _NO_ANSWER if _NO_ANSWER in str(error) else "the engine refuses the text")
    return Verdict(tuple(missed), tuple(fired))


def _is_found(backend: Backend, file: RuleFile, query: str, case: Case) -> bool:
    """Whether as many groups are found as the rule finds; where a form has none, whether anything is."""
    form, found = forms()[file.slug][1].form, _found(backend, file, query, case)
    return found == len(case.finds) if form and form.by else found > 0


def _found(backend: Backend, file: RuleFile, query: str, case: Case) -> int:
    run = backend.run or _in_sqlite
    names = {name for each in case.rows for log in logs_of(each.table) for name in (*log.fields.values(), *log.fixed)}
    return run(query, list(_events(file, case)), ["timestamp", *sorted(names)])


def _events(file: RuleFile, case: Case) -> Iterator[Event]:
    base = file.rule.herdsight.cases.base
    for series in case.rows:
        time = table(series.table).time
        for row in rows_of(series, base.get(series.table, {})):
            found = event(series.table, row)
            if found is not None:
                yield {"timestamp": datetime.fromisoformat(str(row[time])).replace(tzinfo=None), **found}


# --- the page -------------------------------------------------------------------------------------------------------

_HEAD = """\
## Sigma

`herdsight export sigma --out DIR --allow-lossy` writes a file for each rule that has a form in Sigma, by SigmaHQ's
conventions: what the query asks of single events as detections, what it counts of them as correlations. Sigma 2.1
has no joins, no shares and no statistics, so that most rules lose something and some have no form: all of it is told,
clause by clause, and nothing is written without `--allow-lossy`.

Not told for each rule, since it is so for all: Sigma compares texts without case; a window slides, where a rule is run
at intervals; an alert has its events and none of the query's own columns. Rules over `DeviceNetworkEvents` become rules
over the connections that Windows logs (Sysmon's event 3), those over `ASimNetworkSessionLogs` rules over a firewall's
log, in which direction is told by addresses: private ones are inside.
"""
_CONVERTED = """\
### What backends make of it

`sigma convert` makes queries of the files. Yes means that it makes some, not that they are right: none of those for
Splunk, Elastic, Loki and OpenSearch was run. Of a rule with two counts, backends other than SQLite's make a query for
each count, and one that refers to both. Versions: {versions}.
"""
_RUN = """\
### What behaves

The forms that can be run here were, on the rules' own cases: in each hit as many groups must be found as the KQL finds,
and each near miss must be passed over. What does so in all of them is **supported**, and nothing else is. In the rest,
what goes wrong is what the form lost, or the backend: those of DuckDB and ClickHouse compare texts with their case, and
take no account of the time in which to count. SQLite's has its option `collate_nocase`, and is slow over many events.
"""


def section() -> str:
    """The section, whole."""
    engines = (engine(each) for each in BACKENDS if each.run)
    return "\n".join((_HEAD, *_losses(), _conversions(), _RUN, *engines))


def _losses() -> Iterator[str]:
    yield "| rule | in Sigma | what the form does not say |\n|---|---|---|"
    for slug, (_, found) in forms().items():
        if found.form:
            kinds = " and ".join(each.kind for each in found.form.counts) or ("one event" if not found.form.by else "")
            said = "; ".join(f"`{_cut(each.clause)}`: {_bare(each.lost)}" for each in found.missing)
            yield f"| `{slug}` | {kinds or 'temporal_ordered'} | {_safe(said) or 'nothing'} |"
    yield "\nThese have no form:\n\n| rule | for want of | why |\n|---|---|---|"
    for slug, (_, found) in forms().items():
        if not found.form:
            last = found.missing[-1]
            why = last.lost.removesuffix("; the rule is left out")
            yield f"| `{slug}` | `{_safe(_cut(last.clause))}` | {_safe(why)} |"
    yield ""


def _cut(clause: str) -> str:
    return clause if len(clause) <= _LONGEST else f"{clause[: _LONGEST - 3]}..."


_LONGEST = 90


def _bare(lost: str) -> str:
    return lost.removesuffix("; left out")


def _safe(text: str) -> str:
    return text.replace("|", "\\|")


def _conversions() -> str:
    able = [each for each in BACKENDS if each.name != "SQLite"]
    able.insert(0, next(each for each in BACKENDS if each.name == "SQLite"))
    lines = [f"| rule | {' | '.join(each.name for each in able)} |", f"|---|{'---|' * len(able)}"]
    whys: dict[str, int] = {}
    for slug, (file, found) in forms().items():
        if found.form:
            cells = [whys.setdefault(why, len(whys) + 1) if (why := refused(each, file)) else "yes" for each in able]
            lines.append(f"| `{slug}` | {' | '.join(f'no ({each})' if each != 'yes' else 'yes' for each in cells)} |")
    reasons = (f"{number}. {_safe(why)}" for why, number in whys.items())
    return "\n".join((_CONVERTED.format(versions=_versions()), *lines, "\nThe backends say why:\n", *reasons, ""))


def _versions() -> str:
    names = ("pysigma", *(f"pysigma-backend-{each}" for each in ("splunk", "elasticsearch", "loki", "opensearch")))
    others = tuple(f"pysigma-backend-{each}" for each in ("sqlite", "duckdb", "clickhouse"))
    return ", ".join(f"{name} {version(name)}" for name in (*names, *others))


def engine(backend: Backend) -> str:
    """What behaves in an engine."""
    lines = [f"#### {backend.name}\n", "| rule | hits found | near misses passed over | |", "|---|---|---|---|"]
    for slug, (file, found) in forms().items():
        if found.form:
            lines.append(_row(slug, file, verdict(backend, file)))
    return "\n".join((*lines, ""))


def _row(slug: str, file: RuleFile, found: Verdict) -> str:
    cases = file.rule.herdsight.cases
    if found.said:
        return f"| `{slug}` | | | {found.said} |"
    hits, misses = len(cases.hits), len(cases.misses)
    wrong = "; ".join((*found.wrong_hits, *found.wrong_misses))
    told = "**supported**" if found.is_right else f"wrong: {_safe(wrong)}"
    passed = misses - len(found.wrong_misses)
    return f"| `{slug}` | {hits - len(found.wrong_hits)} of {hits} | {passed} of {misses} | {told} |"


def page(text: str) -> str:
    """The page's text with the section as it should be, at its end where it has none."""
    new, place = section(), _SECTION.search(text)
    if place is None:
        return f"{text.rstrip()}\n\n{new}"
    behind = text[place.end() :]
    return text[: place.start()] + new + (f"\n{behind}" if behind else "")


if __name__ == "__main__":
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else _TITLE
    PAGE.write_text(page(before), encoding="utf-8")
