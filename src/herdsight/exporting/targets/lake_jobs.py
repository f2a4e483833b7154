"""Rules over months, as KQL jobs of Microsoft Sentinel's data lake: a rule in Sentinel looks back two weeks at most."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from herdsight.errors import InputError, QueryError
from herdsight.exporting.microsoft.durations import iso8601
from herdsight.exporting.model import LEFT_OUT, Content, Export, File, Loss, RuleTarget
from herdsight.exporting.texts import document
from herdsight.exporting.together import joined
from herdsight.kql import syntax
from herdsight.kql.lexer import Text
from herdsight.kql.printing import printed
from herdsight.kql.statements import parse
from herdsight.rules.reading import RuleFile
from herdsight.tables import ColumnType

_MOST_ROWS = 500_000  # of a result (learn.microsoft.com, sentinel/datalake/sentinel-lake-service-limits)
_SUFFIX = "_KQL_CL"  # of a table that a job made
_LOOKBACK = "lookback"  # how rules call how far back they look
_REFUSED = frozenset(  # columns that the service writes itself (sentinel/datalake/kql-jobs: Column names)
    {"TenantId", "_TimeReceived", "Type", "SourceSystem", "_ResourceId", "_SubscriptionId", "_ItemId", "_BilledSize"}
    | {"_IsBillable", "_WorkspaceId"}
)


@dataclass(frozen=True, slots=True)
class _Narrowing:
    """Rows that a job spares itself: a condition behind the first filter of what a `let` binds."""

    let: str
    condition: syntax.Expression


@dataclass(frozen=True, slots=True)
class _Job:
    """How a rule becomes a job: how far it looks back, why, what is let be otherwise, and what it spares itself."""

    lookback: timedelta
    why: str
    lets: Mapping[str, syntax.Literal]
    narrowing: _Narrowing | None = None


def _span(length: timedelta) -> syntax.Literal:
    return syntax.Literal(0, length // timedelta(microseconds=1), ColumnType.TIMESPAN)


_MONTH = timedelta(days=30)
# Twenty gaps a day are what the rule asks for, so that it sees what calls every 72 minutes or faster. A month sees what
# calls every day and a half. Whoever makes three connections a call at the rule's slowest pace makes 1,800 a month;
# pairs with more are the rule's own, and sorting theirs would take most of the time.
_MOST_CONNECTIONS = 20 * 3 * _MONTH.days
_JOBS = {
    "beacon-regular": _Job(
        _MONTH,
        "Callbacks that come too seldom for a day: up to a day and a half apart.",
        {"maxConnections": syntax.Literal(0, _MOST_CONNECTIONS, ColumnType.LONG)},
        _Narrowing("regular", syntax.Binary(0, "<=", syntax.Name(0, "Connections"), syntax.Name(0, "maxConnections"))),
    ),
    "new-domain-callback": _Job(
        _MONTH,
        "What is new is told by two weeks of queries and more, and not by days.",
        {"minHistory": _span(timedelta(days=14))},
    ),
}


def _export(content: Content) -> Export:
    found = [file for file in content.rules if file.slug in _JOBS]
    if not found:
        raise InputError("none of these rules gains by looking further back", hint=f"these do: {', '.join(_JOBS)}")
    return joined(_job(file, _JOBS[file.slug]) for file in found)


def _job(file: RuleFile, job: _Job) -> Export:
    from herdsight.querying import compiled

    statements = parse(Text(file.rule.query, f"{file.source} (query)")).statements
    lost = tuple(_lost(file, job, statements))
    if lost:
        return Export((), lost)
    query = _query(statements, job)
    try:
        compiled(query, file.source)
    except QueryError as error:
        return Export((), (Loss(file.slug, "the query", f"over a month, {error.what}; {LEFT_OUT}"),))
    settings = document(_settings(file, job))
    return Export((File(f"{file.slug}.kql", query), File(f"{file.slug}.json", settings)))


def _lost(file: RuleFile, job: _Job, statements: Sequence[syntax.Statement]) -> Iterator[Loss]:
    """Why there can be no job of a rule, which somebody may have changed."""
    from herdsight.querying import compiled

    named = {each.name: each.value for each in statements if isinstance(each, syntax.Let)}
    if _LOOKBACK not in named:
        yield Loss(file.slug, f"let {_LOOKBACK}", f"nothing says how far back it looks; {LEFT_OUT}")
    if job.narrowing and _first_filter(named.get(job.narrowing.let)) is None:
        yield Loss(
            file.slug, f"let {job.narrowing.let}", f"it filters nothing, so that a month is too much; {LEFT_OUT}"
        )
    for each in compiled(file.rule.query, f"{file.source} (query)")[0].query.relation.fields:
        if each.name in _REFUSED or not each.name[0].isalpha():
            yield Loss(file.slug, f"the column {each.name}", f"a job's table cannot have it; {LEFT_OUT}")


def _first_filter(value: syntax.Expression | syntax.Function | None) -> int | None:
    """Where the first filter stands among the operators of a query."""
    operators = value.operators if isinstance(value, syntax.Pipeline) else ()
    return next((place for place, each in enumerate(operators) if isinstance(each, syntax.Where)), None)


def _query(statements: Sequence[syntax.Statement], job: _Job) -> str:
    """The query over the job's window, its result bounded."""
    lets = {_LOOKBACK: _span(job.lookback), **job.lets}
    named = {each.name for each in statements if isinstance(each, syntax.Let)}
    new = [syntax.Let(0, name, value) for name, value in lets.items() if name not in named]
    *before, last = (_fitted(each, job, lets) for each in statements)
    query = cast("syntax.Pipeline", last)
    take = syntax.Take(0, syntax.Literal(0, _MOST_ROWS, ColumnType.LONG))
    whole = printed([*new, *before, replace(query, operators=(*query.operators, take))])
    return f"// {job.why}\n{whole}\n"


def _fitted(statement: syntax.Statement, job: _Job, lets: Mapping[str, syntax.Literal]) -> syntax.Statement:
    """A statement with the job's values, and spared what the job spares itself."""
    if not isinstance(statement, syntax.Let):
        return statement
    if statement.name in lets:
        return replace(statement, value=lets[statement.name])
    place = _first_filter(statement.value)
    if job.narrowing is None or statement.name != job.narrowing.let or place is None:
        return statement
    query = cast("syntax.Pipeline", statement.value)
    added = syntax.Where(0, job.narrowing.condition)
    operators = (*query.operators[: place + 1], added, *query.operators[place + 1 :])
    return replace(statement, value=replace(query, operators=operators))


def _settings(file: RuleFile, job: _Job) -> dict[str, object]:
    """What the portal asks for when a job is made; a name has no `-` and no `#`."""
    words = [each.capitalize() for each in file.slug.split("-")]
    return {
        "name": f"Herdsight {' '.join(words)}".replace("#", " "),
        "description": f"{job.why}\n{file.rule.description}",
        "query": f"{file.slug}.kql",
        "destinationTable": f"Herdsight{''.join(words)}{_SUFFIX}",
        "lookback": iso8601(job.lookback),
        "schedule": {"frequency": "Daily", "every": 1},
        "ruleId": str(file.rule.id),
        "ruleVersion": file.rule.version,
    }


TARGET = RuleTarget(
    "lake-jobs",
    "KQL jobs of Microsoft Sentinel's data lake, of rules that gain by a month.",
    _export,
    ("", "beacon-regular"),
)
