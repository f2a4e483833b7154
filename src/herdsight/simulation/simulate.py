"""The joint: a behaviour and a background by their names, made from a seed, written as logs with their truth file."""

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow.compute as pc

from herdsight.errors import InputError
from herdsight.findings.simulated import (
    SimulatedBehaviour,
    SimulatedBehaviours,
    SimulatedParameter,
    Simulation,
    WrittenFile,
)
from herdsight.guesses import did_you_mean
from herdsight.simulation.behaviours import Behaviour, all_behaviours
from herdsight.simulation.behaviours.ordinary import Ordinary, days
from herdsight.simulation.forms import FORMS, left_out
from herdsight.simulation.office import NETWORK
from herdsight.simulation.parameters import Setting, parameters_of
from herdsight.simulation.simulated import Simulated, together
from herdsight.simulation.truth import Malicious, Truth

FORMS_BY_DEFAULT = ("zeek", "defender")
_LOGS = "logs"
_MOST_DAYS = 366


def simulate(  # noqa: PLR0913 - the options of the command
    name: str,
    out: Path,
    *,
    forms: Sequence[str] = FORMS_BY_DEFAULT,
    seed: int = 1,
    background: int = 0,
    number_of_days: float | None = None,
    values: Mapping[str, object] | None = None,
) -> Simulation:
    """Make a behaviour, with `background` ordinary hosts around it, and write it into a folder that is empty or new.

    The same options write the same bytes. `values` are parameters of the behaviour by their names, as texts or as
    values of their types.

    Raises:
        InputError: there is no such behaviour, form or parameter, a value does not fit, or the folder holds something.
    """
    behaviour = behaviour_named(name)
    for form in forms:
        if form not in FORMS:
            raise InputError(f"there is no form {form!r}", hint=f"there are {', '.join(FORMS)}")
    setting = _set(behaviour, dict(values or {}), number_of_days)
    if background and behaviour.name == "background":
        raise InputError("the background has no background", hint="say how many hosts with --set hosts=N")
    _make_ready(out)
    stretches = _stretches(behaviour, setting, background, seed)
    written = _Written(out, tuple(dict.fromkeys(forms)))
    for stretch in stretches:
        written.add(stretch)
    truth = Truth(name=name, logs=(_LOGS,), local=(NETWORK,), malicious=tuple(written.malicious))
    truth.write(out / "truth.yaml")
    return Simulation(
        name=name,
        seed=seed,
        out=str(out),
        truth=str(out / "truth.yaml"),
        files=tuple(written.files),
        left_out=tuple(f"{form}: {why}" for form, why in written.lacking),
    )


def behaviours() -> SimulatedBehaviours:
    """All behaviours, with their parameters."""
    return SimulatedBehaviours(behaviours=tuple(map(_described, all_behaviours().values())))


def behaviour_named(name: str) -> Behaviour:
    """The behaviour of that name.

    Raises:
        InputError: there is none.
    """
    found = all_behaviours().get(name)
    if found is None:
        hint = did_you_mean(name, list(all_behaviours())) or "`herdsight simulate --list` names them"
        raise InputError(f"there is no behaviour {name!r}", hint=hint)
    return found


def _described(behaviour: Behaviour) -> SimulatedBehaviour:
    found = (
        SimulatedParameter(name=each.name, default=_said(getattr(behaviour.setting, each.name)), meaning=each.meaning)
        for each in parameters_of(type(behaviour.setting))
    )
    return SimulatedBehaviour(name=behaviour.name, meaning=behaviour.meaning, parameters=tuple(found))


def _said(value: object) -> str:
    match value:
        case tuple():
            return ",".join(map(_said, value))
        case datetime():
            return value.isoformat()
        case bool():
            return str(value).lower()
        case _:
            return str(value)


# --- parameters -------------------------------------------------------------------------------------------------------


def _set(behaviour: Behaviour, values: dict[str, object], number_of_days: float | None) -> Setting:
    """The behaviour's parameters with these values in place of their defaults."""
    if number_of_days is not None:
        values.setdefault("days", number_of_days)
    kinds = get_type_hints(type(behaviour.setting))
    known = [each.name for each in fields(behaviour.setting)]
    for name in values:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise InputError(f"{behaviour.name} has no parameter {name!r}", hint=hint)
    given: dict[str, Any] = {name: _converted(name, value, kinds[name]) for name, value in values.items()}
    setting = replace(behaviour.setting, **given)
    _check(setting)
    return setting


_COUNTS = ("_s", "bytes")  # ends of the names of amounts
_FRACTIONS = ("jitter", "changes_at", "failing", "task_share", "refused", "known", "succeeded", "silent", "refusing")
_POSITIVE = ("period_s", "days", "ping_s", "stays_s", "peers", "addresses", "a_day", "operators", "targets", "sources")
_MOST_EVENTS = 100_000_000
_MOST_PORT = 65_535


def _check(setting: Setting) -> None:
    """Refuse what cannot be: shares beyond 1, periods of nothing, ports that are none."""
    for each in fields(setting):
        value = getattr(setting, each.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, int | float) and not isinstance(number, bool):
                _check_number(each.name, number)
    if not 0 < setting.days <= _MOST_DAYS:
        raise InputError(f"days must be more than 0 and at most {_MOST_DAYS}, not {setting.days:g}")


def _check_number(name: str, number: float) -> None:
    if not 0 <= number <= _MOST_EVENTS:
        raise InputError(f"{name} must be from 0 to {_MOST_EVENTS:,}, not {number:g}")
    if name in _FRACTIONS and number > 1:
        raise InputError(f"{name} must be from 0 to 1, not {number:g}", hint="it is a share")
    if name in _POSITIVE and number == 0:
        raise InputError(f"{name} must be more than 0")
    if ("port" in name or name == "listens_on") and number > _MOST_PORT:
        raise InputError(f"{name} must be from 0 to {_MOST_PORT}, not {number:g}")


def _converted(name: str, value: object, kind: Any) -> object:
    """A value as its parameter's type has it."""
    if not isinstance(value, str):
        return tuple(value) if get_origin(kind) is tuple and isinstance(value, list | tuple) else value
    try:
        return _read(value, kind)
    except ValueError as fault:
        raise InputError(f"{name} cannot be {value!r}: it is {_kind_words(kind)}") from fault


def _read(text: str, kind: Any) -> object:
    match kind:
        case types.GenericAlias():
            parts = get_args(kind)
            if Ellipsis not in parts and text.count(",") + 1 != len(parts):
                raise ValueError(text)
            return tuple(_read(each.strip(), parts[0]) for each in text.split(","))
        case _ if get_origin(kind) is Literal:
            if text not in get_args(kind):
                raise ValueError(text)
            return text
    if kind is bool:
        return {"true": True, "false": False}[text] if text in ("true", "false") else _refuse(text)
    if kind is datetime:
        when = datetime.fromisoformat(text)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    number = kind(text)
    return number if not isinstance(number, float) or np.isfinite(number) else _refuse(text)


def _refuse(text: str) -> object:
    raise ValueError(text)


def _kind_words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if get_origin(kind) is tuple:
        return "a list of values between commas"
    words = {int: "a whole number", float: "a number", bool: "true or false", datetime: "a time, as 2026-03-12T08:00"}
    return words.get(kind, "a text")


# --- making -----------------------------------------------------------------------------------------------------------


def _stretches(behaviour: Behaviour, setting: Setting, background: int, seed: int) -> Iterator[Simulated]:
    """What happens, day by day; the background and the behaviour draw from streams of their own."""
    own, around = np.random.default_rng(seed).spawn(2)
    if isinstance(setting, Ordinary):
        yield from days(setting, around)
        return
    made = behaviour.make(setting, own)
    if not background:
        yield made
        return
    life = Ordinary(start=_midnight(setting.start), days=max(np.ceil(setting.days), 1), hosts=background)
    parts = _by_day(made, life)
    for ordinary, part in zip_longest(days(life, around), parts, fillvalue=Simulated()):
        yield together([ordinary, part])


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _by_day(made: Simulated, life: Ordinary) -> Iterator[Simulated]:
    """What was made, a day at a time; what is beyond the last day belongs to it, and so does the truth."""
    last = int(life.days) - 1
    for number in range(last + 1):
        begin = (life.start + timedelta(days=number)).replace(tzinfo=None)
        until = datetime.max if number == last else begin + timedelta(days=1)  # noqa: DTZ901 - compared without a zone
        parts = {
            name: _between(getattr(made, name), begin, until) for name in ("sessions", "queries", "sign_ins", "reports")
        }
        yield replace(made, **parts, malicious=made.malicious if number == last else ())


def _between(rows: Any, begin: datetime, until: datetime) -> Any:
    return rows.filter((pc.field("TimeGenerated") >= begin) & (pc.field("TimeGenerated") < until))


# --- writing ----------------------------------------------------------------------------------------------------------


def _make_ready(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} holds something already", hint="name a folder that is empty or new")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InputError(f"{out} cannot be made: {fault.strerror}") from fault


@dataclass(slots=True)
class _Written:
    """Writes stretches into a folder, and keeps account."""

    out: Path
    forms: tuple[str, ...]
    files: list[WrittenFile] = field(default_factory=list)
    lacking: dict[tuple[str, str], None] = field(default_factory=dict)
    malicious: list[Malicious] = field(default_factory=list)

    def add(self, stretch: Simulated) -> None:
        """Write a stretch, each form into a folder of its own, named by the day in which the stretch begins."""
        self.malicious.extend(stretch.malicious)
        day = _day_of(stretch)
        for form in self.forms:
            for log in FORMS[form].logs:
                rows = log.rows(stretch)
                if rows.num_rows:
                    path = self.out / _LOGS / form / day / log.file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    log.write(rows, path)
                    self.files.append(
                        WrittenFile(path=str(path), format=log.format, table=log.table, rows=rows.num_rows)
                    )
            self.lacking |= {(form, why): None for why in left_out(form, stretch).values()}


def _day_of(stretch: Simulated) -> str:
    tables = (stretch.sessions, stretch.queries, stretch.sign_ins, stretch.reports)
    firsts = [pc.min(rows["TimeGenerated"]).as_py() for rows in tables if rows.num_rows]
    return f"{min(firsts):%Y-%m-%d}" if firsts else "empty"
