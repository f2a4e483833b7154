"""The verbs of `import herdsight`: the same as the command line's, with the same options."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypedDict, Unpack
from uuid import UUID

import pyarrow as pa

from herdsight import evaluating, explaining, investigating, querying, storing
from herdsight.errors import QueryError
from herdsight.findings.evaluated import Evaluation
from herdsight.findings.explained import Explained
from herdsight.findings.model import Hunt, Imported, Inspection, Why
from herdsight.findings.reading import read_hunt
from herdsight.findings.simulated import Simulation
from herdsight.hunting import hunt as hunting
from herdsight.hunting import inspection
from herdsight.kql.literals import datetime_text, micros
from herdsight.output import timespan
from herdsight.output.values import plain
from herdsight.querying import Answer
from herdsight.ruling import subject_of
from herdsight.simulation import simulate as simulation
from herdsight.telemetry import Options

Paths = str | Path | Sequence[str | Path]


class Loading(TypedDict, total=False):
    """How to take logs in; see `herdsight.telemetry.Options` for what each means and its default."""

    local: str | Sequence[str]
    tables: Sequence[tuple[str, str]]
    format_in: str | None
    zone: str | None
    mappings: Sequence[str | Path] | str | Path
    memory: str
    threads: int | None


class Reading(Loading, total=False):
    """How to read logs; see `herdsight.telemetry.Options` for what each means and its default.

    `store`: the folder of a store, in place of paths. `watchlists`: a CSV file for each name. `external`: files that a
    query may read, or a file for each address.
    """

    store: str | Path
    now: str | datetime
    since: str | datetime | None
    until: str | datetime | None
    watchlists: Mapping[str, str | Path] | Sequence[tuple[str, str]]
    external: Mapping[str, str | Path] | Sequence[str | Path] | str | Path


class Hunting(Reading, total=False):
    """How to read logs and how much to tell: `level` is low, medium (the default) or high.

    `tuning`, `indicators` and `geo` name files.
    """

    level: str
    tuning: Sequence[str | Path] | str | Path
    show_silenced: bool
    indicators: Sequence[str | Path] | str | Path
    geo: Sequence[str | Path] | str | Path


class Asking(Reading, total=False):
    """How to read logs and what to give a query: values for the parameters that it declares, as Python has them."""

    parameters: Mapping[str, object] | Sequence[tuple[str, str]]


def query(kql: str, paths: Paths = (), **options: Unpack[Asking]) -> pa.Table:
    """The rows of one KQL query over logs, as Arrow.

    A datetime is timestamp[us] in UTC, a timespan duration[us], a dynamic JSON text; the KQL type of a column stands in
    its field's metadata under `kql:type`. `options` are those of `Asking`.

    >>> import herdsight
    >>> herdsight.query("print answer = 6 * 7").to_pylist()
    [{'answer': 42}]
    >>> herdsight.query("declare query_parameters(n: long); print answer = n * 7", parameters={"n": 6}).to_pylist()
    [{'answer': 42}]

    Raises:
        QueryError: the query is wrong, or the text holds more than one.
        InputError: the logs cannot be read.
    """
    found = query_all(kql, paths, **options)
    if len(found) > 1:
        lines = ", ".join(str(answer.first_line) for answer in found)
        raise QueryError(
            f"the text holds {len(found)} queries (at lines {lines})", code="HS041", hint="query_all() answers them all"
        )
    return found[0].table


def query_all(kql: str, paths: Paths = (), **options: Unpack[Asking]) -> list[Answer]:
    """The answers to all queries of a text, whose blocks are separated by blank lines; see `query`."""
    return list(querying.answers(kql, _paths(paths), _options(options)))


def hunt(paths: Paths = (), **options: Unpack[Hunting]) -> Hunt:
    """Hunt through log files and folders, or a store: verdicts, findings, inputs and what was skipped.

    `options` are those of `Hunting`.

    Raises:
        InputError: nothing could be read, or an option is wrong.
    """
    return hunting.hunt(_paths(paths), _options(options))


def inspect(paths: Paths = (), **options: Unpack[Reading]) -> Inspection:
    """What each of the log files is: format, table, rows, rejected records, time, columns, detections it can carry.

    `options` are those of `Reading`.

    Raises:
        InputError: no file could be recognised, or an option is wrong.
    """
    return inspection.inspect(_paths(paths), _options(options))


def why(
    rule: str | Path,
    paths: Paths = (),
    *,
    host: str | Sequence[str] = (),
    groups: int = explaining.GROUPS,
    **options: Unpack[Asking],
) -> Why:
    """Why a rule or a query gave nothing for a host, or for several; without a host for all rows.

    `rule`: the short name or id of a shipped rule, a rule's YAML file, a .kql file, or KQL itself, which is told by a
    `|` or a line break. `groups`: how many candidate groups are told. `options` are those of `Asking`.

    Raises:
        RuleError: there is no such rule, or it is wrong.
        QueryError: the query is wrong, or the text holds more than one.
        InputError: the logs cannot be read.
    """
    is_query = isinstance(rule, str) and ("|" in rule or "\n" in rule)
    subject = explaining.of_query(str(rule)) if is_query else subject_of(str(rule))
    hosts = (host,) if isinstance(host, str) else tuple(host)
    return explaining.why(subject, _paths(paths), _options(options), hosts=hosts, groups=groups)


def explain(finding: str, hunt: Hunt | str | Path, paths: Paths = (), **options: Unpack[Reading]) -> Explained:
    """A finding with the rows behind it and the questions that one asks next; with logs also their answers.

    `finding`: the id of a finding, or the beginning of one. `hunt`: the hunt that found it, or the file that
    `herdsight hunt --format json` wrote. `options` are those of `Reading`.

    Raises:
        InputError: there is no such finding, or the logs cannot be read.
    """
    found = hunt if isinstance(hunt, Hunt) else read_hunt(hunt)
    return investigating.explain(finding, found, _paths(paths), _options(options))


def evaluate(
    truths: Paths,
    *,
    data: str | Path | None = None,
    level: str = "medium",
    timed: bool = False,
    **options: Unpack[Loading],
) -> Evaluation:
    """How right hunts are, on logs whose truth is known: recall, precision, and false alerts in a day of a host.

    `truths`: truth files, as `simulate` writes them. `data`: the folder that their logs are relative to, by default
    each file's own. `timed`: also say after how long what was found would have been. `options` are those of `Loading`.

    Raises:
        InputError: a truth file is wrong, or its logs cannot be read.
    """
    chosen = replace(_options(options), level=level)
    return evaluating.evaluate(_paths(truths), chosen, data=None if data is None else Path(data), timed=timed)


def import_(paths: Paths, store: str | Path, **options: Unpack[Loading]) -> Imported:
    """Import all that is new in log files and folders into a store, which is made where there is none.

    The store is read with `store=` in place of paths. `options` are those of `Loading`.

    Raises:
        InputError: a path holds no log, an option is wrong, the store is in use, or the disk is full.
    """
    return storing.import_logs(_paths(paths), store, _options(options))


def simulate(  # noqa: PLR0913 - the options of the command
    name: str,
    out: str | Path,
    *,
    forms: str | Sequence[str] = simulation.FORMS_BY_DEFAULT,
    seed: int = 1,
    background: int = 0,
    days: float | None = None,
    **parameters: object,
) -> Simulation:
    """Write telemetry of a behaviour and its truth file into a folder that is empty or new.

    `forms`: of zeek, defender, cef, sysmon, suricata, argus. `background`: ordinary hosts around it. `days`: how long
    it goes on. `parameters` are the behaviour's own, as `herdsight simulate --list` names them. The same arguments
    write the same bytes.

    Raises:
        InputError: there is no such behaviour, form or parameter, a value does not fit, or the folder holds something.
    """
    return simulation.simulate(
        name,
        Path(out),
        forms=(forms,) if isinstance(forms, str) else forms,
        seed=seed,
        background=background,
        number_of_days=days,
        values=parameters,
    )


def _paths(paths: Paths) -> list[Path]:
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def _networks(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _files(given: Mapping[str, str | Path] | Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(path)) for name, path in _pairs(given))


def _parameters(given: Mapping[str, object] | Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _parameter(name, value)) for name, value in _pairs(given))


def _options(given: Loading) -> Options:
    """Options from keyword arguments; times may be datetimes, and a lone network a string."""
    known = {field.name for field in fields(Options)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(sorted(known))}")
        values[name] = value.isoformat() if isinstance(value, datetime) else value
    for name, convert in _CONVERTED.items():
        if name in values:
            values[name] = convert(values[name])
    return Options(**values)


def _pairs(given: Mapping[str, Any] | Sequence[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    return given.items() if isinstance(given, Mapping) else given


def _allowed(given: Mapping[str, str | Path] | Sequence[str | Path] | str | Path) -> tuple[str, ...]:
    if isinstance(given, Mapping):
        return tuple(f"{address}={path}" for address, path in given.items())
    return (str(given),) if isinstance(given, str | Path) else tuple(map(str, given))


def _parameter(name: str, value: object) -> str:
    """A value as a text that the language reads back as the type that the query declares."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float() | Decimal() | UUID():
            return str(value)
        case datetime():
            return datetime_text(micros(value))
        case timedelta():
            return timespan(value)
        case list() | tuple() | dict():
            return json.dumps(plain(value))
    raise TypeError(f"the parameter {name!r} cannot be a {type(value).__name__}")


_CONVERTED: dict[str, Callable[[Any], object]] = {  # the options that Python's callers may give in more than one way
    "local": _networks,
    "tables": tuple,
    "mappings": lambda given: tuple(map(str, _paths(given))),
    "tuning": lambda given: tuple(map(str, _paths(given))),
    "geo": lambda given: tuple(map(str, _paths(given))),
    "indicators": lambda given: tuple(map(str, _paths(given))),
    "store": str,
    "watchlists": _files,
    "parameters": _parameters,
    "external": _allowed,
}
