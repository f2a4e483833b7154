"""The options that commands share, each declared once."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from herdsight.errors import InputError

if TYPE_CHECKING:
    from herdsight.telemetry import Options

_Command = Callable[..., None]


class _Pairing(click.ParamType[tuple[str, str]]):
    """NAME=VALUE; what the value is, and an example, are said where it is used."""

    def __init__(self, name: str, example: str, *, may_be_empty: bool = False) -> None:
        self.name = name
        self._example = example
        self._may_be_empty = may_be_empty

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, given = value.partition("=")
        if not (name and equals and (given or self._may_be_empty)):
            self.fail(f"{value!r} is no {self.name}; write it like {self._example}.", param, ctx)
        return name, given


def _each_once(
    ctx: click.Context, param: click.Parameter, pairs: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """A callback for pairs whose names stand for one thing each."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise click.BadParameter(f"{name!r} is given twice; name it once.", ctx, param)
    return pairs


class _Allowed(click.ParamType[str]):
    """PATH or ADDRESS=FILE."""

    name = "PATH|ADDRESS=FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value.strip("=") or value.startswith("=") or value.endswith("="):
            self.fail(
                f"{value!r} is no PATH and no ADDRESS=FILE; write it like https://a.example/b.csv=b.csv.", param, ctx
            )
        if "://" in value and "=" not in value:
            self.fail(f"nothing is fetched from the network; name a copy of it: '{value}=FILE'.", param, ctx)
        return str(value)


class _Memory(click.ParamType[str]):
    """An amount of memory with its unit."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not re.fullmatch(r"\d+(\.\d+)?\s*[KMGT]i?B", value, re.IGNORECASE):
            self.fail(f"{value!r} is no amount of memory; write it like 512MB or 4GB.", param, ctx)
        return str(value)


_READING = {
    "local": click.option(
        "--local",
        metavar="CIDR",
        multiple=True,
        help="Addresses that are inside; may be given several times.  "
        "[default: private ranges, and what the log itself says]",
    ),
    "now": click.option(
        "--now",
        default="data",
        show_default=True,
        metavar="data|wall|TIME",
        help="What ago() counts from: the newest event, the clock, or a time in UTC.",
    ),
    "since": click.option("--since", metavar="TIME", help="Leave out events before this time (UTC).  [default: none]"),
    "until": click.option("--until", metavar="TIME", help="Leave out events after this time (UTC).  [default: none]"),
    "tables": click.option(
        "--table",
        "tables",
        type=_Pairing("NAME=GLOB", "DeviceNetworkEvents='exports/*.csv'"),
        multiple=True,
        help="Read the files that match GLOB as table NAME, whatever they look like; may be given several times.",
    ),
    "format_in": click.option(
        "--format-in", metavar="NAME", help="Read every file as this format.  [default: recognised by content]"
    ),
    "mappings": click.option(
        "--mapping",
        "mappings",
        metavar="FILE",
        multiple=True,
        help="How to read files of a product that is not known, as `herdsight map` proposes it; may be given several "
        "times.",
    ),
    "zone": click.option(
        "--zone",
        metavar="ZONE",
        help="The time zone of logs whose times do not tell theirs, as Europe/Prague.  [default: UTC]",
    ),
    "watchlists": click.option(
        "--watchlist",
        "watchlists",
        type=_Pairing("NAME=FILE", "VIPs=vips.csv"),
        multiple=True,
        callback=_each_once,
        help="A CSV file with the items of _GetWatchlist('NAME'); its first line names the columns; "
        "may be given several times.",
    ),
    "external": click.option(
        "--external",
        type=_Allowed(),
        multiple=True,
        help="Let externaldata read this file, or the file that stands for an address; nothing is fetched; "
        "may be given several times.",
    ),
    "memory": click.option(
        "--memory",
        type=_Memory(),
        default="4GB",
        show_default=True,
        help="Memory for the engine, in KB, MB, GB or TB; beyond it, it uses a temporary folder.",
    ),
    "threads": click.option(
        "--threads", type=click.IntRange(min=1), help="Threads of the engine.  [default: one a core]"
    ),
}

parameters = click.option(  # of commands whose query is the user's own; they say so above `reading`
    "--parameter",
    "parameters",
    type=_Pairing("NAME=VALUE", "threshold=25", may_be_empty=True),
    multiple=True,
    callback=_each_once,
    help="A value for what the query declares with `declare query_parameters`; may be given several times.",
)

parameter_pairs = click.option(  # of `simulate`, whose behaviours have parameters
    "--set",
    "pairs",
    type=_Pairing("NAME=VALUE", "period_s=60", may_be_empty=True),
    multiple=True,
    callback=_each_once,
    help="A parameter of the behaviour; may be given several times.",
)

_STORE = {
    "store": click.option(
        "--store",
        metavar="DIR",
        type=click.Path(),
        help="Read the logs of this store in place of a PATH; see `herdsight import`.",
    ),
}

_TELLING = {
    "level": click.option(
        "--level",
        type=click.Choice(["low", "medium", "high"]),
        default="medium",
        show_default=True,
        help="How much to tell: by chance at most 0.001, 0.01 or 0.1 false alerts in a day of a host; with high, what "
        "has an honest explanation is told as well.",
    ),
    "tuning": click.option(
        "--tuning",
        metavar="FILE",
        multiple=True,
        type=click.Path(),
        help="A YAML file of what is not to be told; may be given several times.",
    ),
    "show_silenced": click.option("--show-silenced", is_flag=True, help="Tell what the tuning silences, too."),
}

_INDICATORS = {
    "indicators": click.option(
        "--indicators",
        metavar="FILE",
        multiple=True,
        type=click.Path(),
        help="A list of bad addresses, networks, domains and URLs: text, CSV, STIX 2 or MISP; may be given several "
        "times.",
    ),
}

_GEO = {
    "geo": click.option(
        "--geo",
        metavar="FILE.mmdb",
        multiple=True,
        type=click.Path(),
        help="A database of where addresses are and whose networks that are, as MaxMind, IPinfo and DB-IP have them; "
        "may be given several times.",
    ),
}

_LOADING = ("local", "tables", "format_in", "zone", "mappings", "memory", "threads")

_WRITING = {
    "form": click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json", "ndjson", "csv"]),
        default="table",
        show_default=True,
        help="How to print the data: for people, or for programs.",
    ),
    "quiet": click.option("--quiet", is_flag=True, help="Say nothing on stderr but errors."),
    "no_progress": click.option(
        "--no-progress", is_flag=True, help="No progress bar; where stderr is no terminal there is none."
    ),
}


def reading(command: _Command) -> _Command:
    """The options of a command that reads logs; it gets them as one `options`, the record that the functions take."""
    return _with_options(command, _STORE | _READING)


def hunting(command: _Command) -> _Command:
    """The options of a command that hunts: how to read logs, and how much to tell."""
    return _with_options(command, _TELLING | _INDICATORS | _GEO | _STORE | _READING)


def inspecting(command: _Command) -> _Command:
    """The options of a command that says what hunting through logs could find: how to read them, and with what."""
    return _with_options(command, _INDICATORS | _STORE | _READING)


def _with_options(command: _Command, declared: Mapping[str, Callable[[_Command], _Command]]) -> _Command:
    @wraps(command)
    def run(**given: Any) -> None:
        from herdsight.telemetry import Options

        own = {name: given.pop(name) for name in (*declared, "parameters") if name in given}
        command(**given, options=Options(**own))

    return _declared(run, declared)


def loading(command: _Command) -> _Command:
    """The options of a command that takes logs in: how to read them, and nothing on what to look at in them."""
    return _with_options(command, {name: _READING[name] for name in _LOADING})


def evaluating(command: _Command) -> _Command:
    """The options of a command that hunts through logs of which it knows the truth: how to read them, and with what."""
    return _with_options(command, _INDICATORS | {name: _READING[name] for name in _LOADING})


wait = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another process that writes to the store, or reads what is to go.",
)


def writing(command: _Command) -> _Command:
    """The options of a command that prints data; it gets them as one `printer`."""

    @wraps(command)
    def run(**given: Any) -> None:
        from herdsight.cli.printing import Printer

        own = {name: given.pop(name) for name in _WRITING}
        command(**given, printer=Printer(**own))

    return _declared(run, _WRITING)


def _declared(command: _Command, options: Mapping[str, Callable[[_Command], _Command]]) -> _Command:
    for declare in reversed(list(options.values())):
        command = declare(command)
    return command


def as_words(options: "Options") -> Iterator[str]:
    """The options, as far as they decide which rows are read, as the words of a command line."""
    yield from ("--store", options.store) if options.store else ()
    yield from (word for network in options.local for word in ("--local", network))
    yield from (word for name, pattern in options.tables for word in ("--table", f"{name}={pattern}"))
    yield from (word for path in options.mappings for word in ("--mapping", path))
    single = {
        "--now": options.now,
        "--since": options.since,
        "--until": options.until,
        "--format-in": options.format_in,
        "--zone": options.zone,
    }
    yield from (word for name, value in single.items() if value not in {None, "data"} for word in (name, str(value)))


def existing(names: Iterable[str]) -> tuple[Path, ...]:
    """The paths of these names, each of which must be there."""
    for name in names:
        if not os.path.lexists(name):
            raise InputError(f"there is no file or folder {name!r}")
    return tuple(map(Path, names))


def log_paths(_context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]) -> tuple[Path, ...]:
    """A callback for PATH arguments."""
    return existing(names)
