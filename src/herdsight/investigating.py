"""A finding investigated: the rows behind it, and the questions of the guide filled in for it and put to the logs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from herdsight.errors import InputError, QueryError
from herdsight.findings.explained import Asked, Explained
from herdsight.findings.model import Finding, Hunt
from herdsight.guesses import did_you_mean
from herdsight.guidance.model import Entity, Question, Value
from herdsight.guidance.reading import questions_of
from herdsight.kql.text import literal_text, typed_text
from herdsight.output import json_rows
from herdsight.querying import Answer, Session
from herdsight.tables import ColumnType
from herdsight.telemetry import DEFAULTS, Options, Progress
from herdsight.version import VERSION

SHOWN = 20  # rows of an answer that are told: what a person reads of one; the query itself has them all
_ROWS = "rows"  # the name of the first question


def explain(
    name: str,
    hunt: Hunt,
    paths: Sequence[Path | str] = (),
    options: Options = DEFAULTS,
    *,
    progress: Progress | None = None,
) -> Explained:
    """A finding of a hunt with the guide's questions; with logs, given as paths or a store, also their answers.

    `name` is the finding's id, or the beginning of it that no other has.

    Raises:
        InputError: there is no such finding, or the logs cannot be read.
    """
    finding = _named(name, hunt)
    asked = tuple(asked_of(finding))
    if paths or options.store:
        with Session(paths, options) as session:
            asked = tuple(_answered(session, finding, asked, progress))
    return Explained(herdsight=VERSION, finding=finding, questions=asked)


def asked_of(finding: Finding) -> Iterator[Asked]:
    """The rows behind a finding, then every question for its role, in order, with the finding's values filled in."""
    evidence = finding.evidence
    yield Asked(
        name=_ROWS,
        question="Which rows are behind it?",
        why="They are the proof; everything else is conclusion.",
        query=f"{evidence.table}\n| where {evidence.filter}\n| sort by TimeGenerated asc\n",
        rows=finding.count,
        answer=evidence.rows,
        meaning="Read some of them from end to end before you act on their sum.",
        empty="These are not the logs that the finding was made from.",
    )
    given = entities(finding)
    for each in questions_of(finding.role):
        lacks = tuple(name for name in each.entities if name not in given)
        yield Asked(
            name=each.name,
            question=each.question,
            why=each.why,
            query=None if lacks else asked_with(each, given),
            lacks=lacks,
            meaning=each.meaning,
            empty=each.empty,
        )


def entities(finding: Finding) -> dict[Entity, Value]:
    """What a finding names, as far as it does, by the names of the query parameters."""
    found: dict[Entity, Value | None] = {
        "host": finding.host,
        "process": finding.process,
        "account": finding.account,
        "remotes": finding.remotes,
        "ports": finding.ports,
        "domains": finding.domains,
        "began": finding.first_seen,
        "ended": finding.last_seen,
    }
    return {name: value for name, value in found.items() if value}


def asked_with(question: Question, given: Mapping[Entity, Value]) -> str:
    """The question's query with `let` in place of its parameters: KQL that runs wherever it is pasted."""
    lets = (f"let {name} = {_text(given[name])};\n" for name in question.entities)
    return "".join((*lets, question.query))


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return typed_text(list(value), ColumnType.DYNAMIC)
    return literal_text(value)


def _named(name: str, hunt: Hunt) -> Finding:
    known = {each.id: each for each in hunt.findings}
    if name in known:
        return known[name]
    matches = [each for each in known if name and each.casefold().startswith(name.casefold())]
    if len(matches) == 1:
        return known[matches[0]]
    if matches:
        raise InputError(f"several findings begin with {name!r}", hint=f"there are {', '.join(matches[:5])}")
    hint = did_you_mean(name, list(known)) or "`herdsight hunt --format json` has the ids of its findings"
    raise InputError(f"there is no finding {name!r} in this hunt", hint=hint)


def _answered(session: Session, finding: Finding, asked: Sequence[Asked], progress: Progress | None) -> Iterator[Asked]:
    for place, each in enumerate(asked):
        if progress:
            progress(each.name, place, len(asked))
        if each.query is None:
            yield each
            continue
        found = _answer(session, finding, each.query, each.name)
        rows = tuple(json_rows(found.table))
        yield each.model_copy(update={"rows": found.rows, "answer": rows, "notes": found.warnings})


def _answer(session: Session, finding: Finding, query: str, name: str) -> Answer:
    """The answer to a question; what is wrong with its query comes from the finding, which somebody may have edited."""
    hint = "give the options that the hunt had, or write the hunt anew: herdsight hunt ./logs --format json > hunt.json"
    about = "the evidence" if name == _ROWS else f"{name!r}"
    try:
        answers = tuple(session.answers(query, name, most=SHOWN))
    except QueryError as error:
        raise InputError(f"{about} of {finding.id} cannot be asked: {error}", hint=hint) from error
    if len(answers) != 1:
        raise InputError(f"{about} of {finding.id} cannot be asked: its filter is no condition", hint=hint)
    return answers[0]
