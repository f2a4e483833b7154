"""What of a rule Sigma can say: detections of single events, the counts over them, and what is missing.

A form that lacks a condition finds more than the rule. One that counts may, and says so; one in which each event is an
alert may not: without a condition that narrows it, it would alert on ordinary traffic.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from herdsight.exporting.model import LEFT_OUT
from herdsight.exporting.sigma.asked import Match, Test
from herdsight.exporting.sigma.conditions import roughness, test_of
from herdsight.exporting.sigma.logs import Log, logs_of
from herdsight.exporting.sigma.reading import Clause, Counted, Followed, Grouping, Measured, Missing, Reading, read
from herdsight.kql import plan
from herdsight.kql.rewrites import fold_constants
from herdsight.kql.rewrites.walk import conjuncts, references, substituted
from herdsight.kql.show import value_text
from herdsight.querying import compiled
from herdsight.rules.reading import RuleFile

_SPANS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}  # in seconds
_MICROSECONDS = 1_000_000
_ORDERS = {">": "gt", ">=": "gte", "==": "eq"}


@dataclass(frozen=True, slots=True)
class Base:
    """Events of a log that pass these tests."""

    log: Log
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """What is counted over the base, and from where on it is too much."""

    kind: Counted
    order: str
    limit: int
    field: str | None = None
    percentile: int | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """A rule in Sigma's terms.

    Without counts each event of the base is an alert. Several counts must all be reached, and several bases must follow
    one another, within `span`, in the same values of the fields of `by`.
    """

    bases: tuple[Base, ...]
    by: tuple[str, ...] = ()
    span: str = ""
    counts: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class Formed:
    """The form of a rule, if it has one, and all that it does not say of it."""

    form: Form | None
    missing: tuple[Missing, ...]


def formed(file: RuleFile) -> Formed:
    """A rule in Sigma's terms."""
    queries = compiled(file.rule.query, file.source)
    reading = read(fold_constants(queries[0].query.relation, 0)) if len(queries) == 1 else None
    if reading is None:
        return Formed(None, (Missing("the query", f"it does not begin at one table; {LEFT_OUT}"),))
    try:
        found = _formed(reading)
        return Formed(found.form, tuple(dict.fromkeys(found.missing)))
    except _NoFormError as error:
        return Formed(None, (*reading.missing, Missing(error.clause, f"{error.why}; {LEFT_OUT}")))


class _NoFormError(Exception):
    """There is no form, because of that clause."""

    def __init__(self, clause: str, why: str) -> None:
        super().__init__(why)
        self.clause = clause
        self.why = why


def _formed(reading: Reading) -> Formed:
    if reading.followed is not None:
        return _sequence(reading, reading.followed)
    missing: list[Missing] = []
    asked, thresholds = _told_apart(reading)
    base = _base(reading.table, (*reading.conditions, *asked), missing)
    if reading.grouping is None or not thresholds:
        return _alone(reading, base, missing)
    counts = _counts(thresholds, reading.grouping, base.log, missing)
    if not counts:
        raise _NoFormError(
            thresholds[0].text, "Sigma counts events and values of fields, and nothing else of the rule's"
        )
    by, span = _by(reading.grouping, reading, base.log, missing)
    return Formed(Form((base,), by, span, counts), (*missing, *reading.missing))


def _alone(reading: Reading, base: Base, missing: Sequence[Missing]) -> Formed:
    """A rule that counts nothing: all that narrows it must be there."""
    narrowing = [each for each in (*missing, *reading.missing) if each.lost.endswith("left out")]
    if narrowing:
        raise _NoFormError(narrowing[0].clause, "it counts nothing, and without this it alerts on ordinary events")
    return Formed(Form((base,)), tuple(missing))


def _told_apart(reading: Reading) -> tuple[list[Clause], list[Clause]]:
    """The conditions over groups that ask of their keys alone, as conditions over rows; and the thresholds."""
    asked: list[Clause] = []
    thresholds: list[Clause] = []
    keys = reading.grouping.keys if reading.grouping else {}
    for each in reading.thresholds:
        names = {ref.name for ref in references(each.condition)}
        if names and names <= keys.keys() and not _has_query(each.condition):
            asked.append(Clause(each.text, substituted(each.condition, dict(keys))))
        else:
            thresholds.append(each)
    return asked, thresholds


def _has_query(value: plan.Scalar) -> bool:
    match value:
        case plan.InQuery() | plan.ScalarQuery():
            return True
        case plan.Apply(arguments=arguments):
            return any(map(_has_query, arguments))
        case _:
            return False


# --- events ---------------------------------------------------------------------------------------------------------


def _base(table: str, clauses: Sequence[Clause], missing: list[Missing]) -> Base:
    log, rest = _log(table, clauses, missing)
    tests: list[Test] = [Match(name, (), (value,)) for name, value in log.fixed.items()]
    for each in rest:
        test = test_of(each.condition, log)
        if test is None:
            missing.append(Missing(each.text, "the fields of Sigma's log do not tell it; left out"))
            continue
        tests.append(test)
        if said := roughness(each.condition, log):
            missing.append(Missing(each.text, said))
    if log.only:
        missing.append(Missing(table, log.only))
    return Base(log, tuple(tests))


def _log(table: str, clauses: Sequence[Clause], missing: list[Missing]) -> tuple[Log, list[Clause]]:
    """The log of a table whose events are asked for, and the conditions beside those that choose it."""
    parts = [Clause(value_text(part), part) for each in clauses for part in conjuncts(each.condition)]
    for log in logs_of(table):
        choosing = {column: _asking(parts, column) for column in log.own}
        found = {column: clause for column, clause in choosing.items() if clause}
        if len(found) == len(log.own) and all({*log.own[name]} & {*_values(each)} for name, each in found.items()):
            _note_others(log, found, missing)
            return log, [each for each in _texts(clauses, parts) if each.condition not in _conditions(found)]
    raise _NoFormError(f"the table {table}", "Sigma has no log with the events that the rule asks for")


def _texts(clauses: Sequence[Clause], parts: list[Clause]) -> list[Clause]:
    return list(clauses) if len(clauses) == len(parts) else parts


def _conditions(found: Mapping[str, Clause]) -> list[plan.Scalar]:
    return [each.condition for each in found.values()]


def _asking(parts: Sequence[Clause], column: str) -> Clause | None:
    """The condition that a column has one of several values."""
    for each in parts:
        match each.condition:
            case plan.Apply(function=function, arguments=(plan.Ref(name=name), *_)):
                if name == column and function.name in {"==", "=~", "in", "in~"}:
                    return each
    return None


def _values(clause: Clause) -> Iterator[object]:
    if isinstance(clause.condition, plan.Apply):
        yield from (each.value for each in clause.condition.arguments if isinstance(each, plan.Const))


def _note_others(log: Log, found: Mapping[str, Clause], missing: list[Missing]) -> None:
    for column, clause in found.items():
        others = (each for each in _values(clause) if each not in log.own[column])
        missing += (Missing(f'{column} == "{each}"', "Sigma's log has no such events") for each in others)


# --- counts ---------------------------------------------------------------------------------------------------------


def _counts(thresholds: Sequence[Clause], grouping: Grouping, log: Log, missing: list[Missing]) -> tuple[Count, ...]:
    counts: dict[str, Count] = {}
    for each in thresholds:
        name = _measure(each)
        count = _count(each, grouping.measures.get(name), log) if name not in counts else None
        if count is None:
            missing.append(Missing(each.text, _why(each, name in grouping.measures)))
        else:
            counts[name] = count
    return tuple(counts.values())


def _why(clause: Clause, is_counted: bool) -> str:
    if is_counted and isinstance(clause.condition, plan.Apply) and clause.condition.function.name in {"<", "<="}:
        return "a correlation has one limit, and fires when it is reached: none from above; left out"
    return "neither events nor values of a field are counted; left out"


def _measure(clause: Clause) -> str:
    match clause.condition:
        case plan.Apply(arguments=(plan.Ref(name=name), plan.Const(value=int() | float()))):
            return name
        case _:
            return ""


def _count(clause: Clause, measured: Measured | None, log: Log) -> Count | None:
    if measured is None or not isinstance(clause.condition, plan.Apply):
        return None
    order, limit = _ORDERS.get(clause.condition.function.name), next(_values(clause))
    if order is None or not isinstance(limit, int | float) or limit != int(limit):
        return None
    name = _field(measured.value, log) if measured.value is not None else None
    if measured.value is not None and name is None:
        return None
    return Count(measured.kind, order, int(limit), name, measured.percentile)


def _field(value: plan.Scalar, log: Log) -> str | None:
    return log.fields.get(value.name) if isinstance(value, plan.Ref) else None


def _by(grouping: Grouping, reading: Reading, log: Log, missing: list[Missing]) -> tuple[tuple[str, ...], str]:
    """The fields to group by, and the time in which to count."""
    plain = {value.name: name for value in grouping.keys.values() if (name := _field(value, log))}  # type: ignore[union-attr]
    fields = dict.fromkeys(plain.values())
    length = reading.lookback
    for name, value in grouping.keys.items():
        window = _window(value, reading.time)
        if window is not None:
            length = window
            clause = f"by {name} = {value_text(value)}"
            missing.append(Missing(clause, "a window may begin at any event; Sigma has no bins"))
        elif _field(value, log) is None and not {ref.name for ref in references(value)} <= plain.keys():
            fields[_first_of(name, value, log, missing)] = None
    if not fields or length is None:
        raise _NoFormError("summarize", "Sigma counts by fields and within a time, and the rule has not both")
    return tuple(fields), span_of(length)


def _window(value: plan.Scalar, time: str) -> int | None:
    match value:
        case plan.Apply(function=function, arguments=(plan.Ref(name=name), plan.Const(value=int() as length))):
            return length if function.name == "bin" and name == time else None
        case _:
            return None


def _first_of(name: str, value: plan.Scalar, log: Log, missing: list[Missing]) -> str:
    """The first column of coalesce() that has a field; no other computed key has a form."""
    clause = f"by {name}" if isinstance(value, plan.Ref) else f"by {name} = {value_text(value)}"
    if isinstance(value, plan.Apply) and value.function.name == "coalesce":
        found = next(filter(None, (_field(each, log) for each in value.arguments)), None)
        if found:
            missing.append(Missing(clause, f"{found} alone"))
            return found
    raise _NoFormError(clause, "Sigma counts by fields of the log, and without this it would count something else")


def span_of(length: int) -> str:
    """A length of time in microseconds as Sigma writes it; what is left of a second counts as one.

    >>> span_of(86_400_000_000), span_of(300_000_000)
    ('1d', '5m')
    """
    seconds = max(-(-length // _MICROSECONDS), 1)
    unit = next(unit for unit, size in _SPANS.items() if seconds % size == 0)
    return f"{seconds // _SPANS[unit]}{unit}"


# --- sequences ------------------------------------------------------------------------------------------------------


def _sequence(reading: Reading, followed: Followed) -> Formed:
    missing: list[Missing] = []
    if followed.within is None:
        raise _NoFormError("join", "Sigma knows no join but of events that follow each other within a time")
    bases = (
        _base(reading.table, reading.conditions, missing),
        _base(followed.rows.table, followed.rows.conditions, missing),
    )
    keys = {pair.left: _field(reading.columns.get(pair.left, plan.Now()), bases[0].log) for pair in followed.keys}
    by = tuple(filter(None, keys.values()))
    if len(by) != len(keys):
        raise _NoFormError("join", "Sigma follows events by fields of the log alone")
    missing += [Missing(each.text, "Sigma counts no pairs of events; left out") for each in reading.thresholds]
    for name in reading.grouping.keys if reading.grouping else ():
        if name not in keys:
            missing.append(Missing(f"by {name}", "a sequence is grouped by what its events share; left out"))
    return Formed(Form(bases, by, span_of(followed.within)), (*missing, *reading.missing))
