"""`why`: a rule or a query put to logs, and for each host how far it came and what it lacked."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from herdsight.errors import InputError, QueryError
from herdsight.explaining.asking import Asker
from herdsight.explaining.following import Asking, Followed, RowTest, follow
from herdsight.explaining.groups import Group, Met
from herdsight.explaining.hosts import DEVICES, Seeds, host_columns, origins
from herdsight.explaining.running import chosen, hosts_of, seeds_of
from herdsight.explaining.stages import Stage, is_grouped, stages_of
from herdsight.findings.model import Why, WhyCondition, WhyHost, WhyStage
from herdsight.guesses import did_you_mean
from herdsight.hunting.columns import check_columns
from herdsight.hunting.schedule import Alert, Run, replayed
from herdsight.kql.binding import Query, Surroundings
from herdsight.kql.literals import micros
from herdsight.kql.rewrites.columns import columns_read, from_schema
from herdsight.output.values import plain
from herdsight.querying import compiled, run, scanned_tables, surroundings
from herdsight.rules.reading import RuleFile
from herdsight.telemetry import DEFAULTS, KEPT, Options, Progress, Telemetry, sources
from herdsight.version import VERSION

_MOST_RESULTS = 5
GROUPS = 5  # candidates that are shown by default


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about: a KQL text, what to call it, and the rule that it is the query of, if it is one's."""

    text: str
    source: str
    name: str
    rule: RuleFile | None = None

    @contextmanager
    def sourced(self) -> Iterator[None]:
        """Give an error in the query the text that it is about, so that its message can show the line."""
        try:
            yield
        except QueryError as error:
            error.source_text = error.source_text or self.text
            raise


def of_rule(file: RuleFile) -> Subject:
    """A rule as something to ask about."""
    return Subject(file.rule.query, f"{file.source} (query)", file.slug, file)


def of_query(text: str, source: str = "query") -> Subject:
    """A query as something to ask about."""
    return Subject(text, source, source)


def why(  # noqa: PLR0913 what it asks about, the logs, and how much to tell
    subject: Subject,
    paths: Sequence[Path | str],
    options: Options = DEFAULTS,
    *,
    hosts: Sequence[str] = (),
    groups: int = GROUPS,
    progress: Progress | None = None,
) -> Why:
    """Follow a rule or query through its stages over logs, for each of the hosts; without hosts for all rows.

    Raises:
        QueryError, RuleError: the query or rule is wrong, or the text holds more than one query.
        InputError: there are no logs that it needs, or they cannot be read.
        EngineError: memory or disk stood in the way.
    """
    query = _compiled(subject, surroundings(options))
    places = sources(paths, options)
    if not places and (read := scanned_tables(query.relation)):
        raise InputError(
            f"{subject.name} reads {', '.join(read)}, and no logs were given", hint="name files or folders behind it"
        )
    with Telemetry(places, options, progress) as telemetry:
        if query.open:
            query = _compiled(subject, _probing(telemetry, options))
        return _Asked(subject, query, telemetry, groups).why(hosts)


def _probing(telemetry: Telemetry, options: Options) -> Surroundings:
    """What a query may name, and the logs to see which columns its data makes."""
    return replace(surroundings(options), probe=lambda relation: run(telemetry, relation).to_pylist())


def _compiled(subject: Subject, known: Surroundings) -> Query:
    found = compiled(subject.text, subject.source, known)
    if len(found) > 1:
        lines = ", ".join(str(each.first_line) for each in found)
        raise QueryError(
            f"the text holds {len(found)} queries (at lines {lines})", code="HS041", hint="ask about one at a time"
        )
    if subject.rule is not None:
        check_columns(subject.rule, found[0].query.relation)
    return found[0].query


@dataclass(frozen=True, slots=True)
class _Near:
    """The run that came nearest, what came of it, and how many there were."""

    run: Run | None
    followed: Followed
    runs: int
    compared: int


class _Asked:
    """One subject over opened logs."""

    def __init__(self, subject: Subject, query: Query, telemetry: Telemetry, groups: int) -> None:
        self.rule = subject.rule.rule if subject.rule else None
        self.name, self.groups = subject.name, groups
        self.relation, self.telemetry = query.relation, telemetry
        self.stages = stages_of(query.relation, query.made, subject.source)
        self.own = self._own_columns()
        telemetry.provide(query.relation)
        self.schema = self._keep()
        self._alerts: list[Alert] | None = None

    def why(self, hosts: Sequence[str]) -> Why:
        """The whole answer."""
        told = [self._host(host) for host in hosts or (None,)]
        return Why(
            herdsight=VERSION,
            rule=self.name,
            hosts=tuple(each.host for each in told),
            stages=tuple(stage for each in told for stage in each.stages),
            conditions=tuple(condition for each in told for condition in each.conditions),
        )

    def _own_columns(self) -> Seeds:
        found: dict[str, set[str]] = defaultdict(set)
        if self.rule:
            for table, name in origins(self.relation, frozenset((self.rule.herdsight.finding.host,))):
                found[table].add(name)
        return {table: frozenset(names) for table, names in found.items()}

    def _keep(self) -> str | None:
        """What the rule reads, and what a host may be known by, computed once: it is read many times."""
        if self.rule is None:
            return None
        read = columns_read(self.relation)
        declared = {each.name for stage in self.stages for each in stage.relation.fields if not stage.inputs}
        self.telemetry.keep({table: names | (DEVICES & declared) for table, names in read.items()})
        return KEPT

    def _host(self, host: str | None) -> "_Told":
        seeds = seeds_of(self.telemetry, self.relation, host, self.own) if host is not None else {}
        entities = frozenset(self.rule.herdsight.finding.entities) if self.rule else frozenset()
        asking = Asking(host, seeds or self.own, entities, self.groups)
        nowhere = host is not None and not seeds and bool(scanned_tables(self.relation))
        alerts = [] if nowhere else self._of_host(host, seeds)
        near = self._nearest(asking, alerts[0].run if alerts else None)
        results = tuple({name: plain(value) for name, value in each.row.items()} for each in alerts[:_MOST_RESULTS])
        return _told(host, self.stages, near, results, self._before(host, seeds))

    def _before(self, host: str | None, seeds: Seeds) -> list[str]:
        """What is said before all else: a host that is nowhere, and one that is known by other columns."""
        if host is None or not scanned_tables(self.relation):
            return []
        if not seeds:
            meant = did_you_mean(host, hosts_of(self.telemetry, self.relation, self.own))
            return [f"no row of {', '.join(scanned_tables(self.relation))} is of {host}{f'; {meant}' if meant else ''}"]
        if self.own and not any(seeds[table] & self.own.get(table, frozenset()) for table in seeds):
            own = ", ".join(sorted({name for names in self.own.values() for name in names}))
            found = ", ".join(sorted({name for names in seeds.values() for name in names}))
            return [f"{host} is not in {own}, which the rule takes for the host; it is in {found}"]
        return []

    def _asker(self, each: Run | None) -> Asker:
        if each is None:
            return Asker(self.telemetry, micros(self.telemetry.now), None, self.schema)
        return Asker(self.telemetry, micros(each.until), micros(each.since), self.schema)

    def _nearest(self, asking: Asking, fired: Run | None) -> _Near:
        if self.rule is None:
            return _Near(None, follow(self._asker(None), self.stages, asking), 1, 1)
        found = chosen(self.telemetry, self.relation, self.rule, asking.host, asking.seeds)
        candidates: Sequence[Run | None] = (fired,) if fired else found.runs or (None,)
        followed = [(each, follow(self._asker(each), self.stages, asking)) for each in candidates]
        each, nearest = min(followed, key=lambda one: one[1].rank)
        return _Near(each, nearest, found.all, len(found.runs))

    def _of_host(self, host: str | None, seeds: Seeds) -> list[Alert]:
        """What was put out for the host."""
        if self._alerts is None:
            self._alerts = list(self._put_out())
        if host is None:
            return self._alerts
        if self.rule:
            names = {self.rule.herdsight.finding.host}
        else:
            names = {each.name for each in host_columns(self.relation, seeds)}
        same = host.casefold()
        return [each for each in self._alerts if any(str(each.row.get(name)).casefold() == same for name in names)]

    def _put_out(self) -> Iterator[Alert]:
        if self.rule:
            yield from replayed(self.telemetry, self.rule, from_schema(self.relation, self.schema))
        else:
            now: datetime = self.telemetry.now
            yield from (Alert(Run(now, now), row) for row in self._asker(None).rows(self.relation))


@dataclass(frozen=True, slots=True)
class _Told:
    host: WhyHost
    stages: tuple[WhyStage, ...]
    conditions: tuple[WhyCondition, ...]


def _told(
    host: str | None,
    stages: Sequence[Stage],
    near: _Near,
    results: tuple[dict[str, object], ...],
    before: Sequence[str],
) -> _Told:
    followed, each = near.followed, near.run
    whole = WhyHost(
        host=host,
        fired=bool(results),
        results=results,
        runs=near.runs,
        compared=near.compared,
        since=each.since if each else None,
        until=each.until if each else None,
        stopped_at=None if results else followed.stopped,
        reasons=tuple(before) if results else (*before, *_reasons(stages, followed, host)),
    )
    return _Told(
        whole,
        tuple(_stage(host, stage, followed) for stage in stages),
        (*(_of_rows(host, test) for test in followed.tests), *_of_groups(host, stages, followed)),
    )


def _stage(host: str | None, stage: Stage, followed: Followed) -> WhyStage:
    counts = followed.counts[stage.number]
    return WhyStage(
        host=host,
        stage=stage.number,
        depth=stage.depth,
        line=stage.line,
        text=stage.text,
        inputs=stage.inputs,
        rows=counts.rows,
        host_rows=counts.host,
    )


def _of_rows(host: str | None, test: RowTest) -> WhyCondition:
    condition = test.condition
    return WhyCondition(
        host=host,
        stage=test.stage.number,
        line=test.stage.line,
        kind="rows",
        group="",
        would_be=False,
        condition=condition.text,
        value=", ".join(test.had),
        wanted=condition.wanted,
        holds=test.met == test.rows,
        missed_by=None if test.met == test.rows else f"met by {test.met:,} of {test.rows:,}",
        rows=test.rows,
        met=test.met,
        left_out=test.left_out,
    )


def _of_groups(host: str | None, stages: Sequence[Stage], followed: Followed) -> Iterator[WhyCondition]:
    for stage in stages:
        for group in followed.groups.get(stage.number, ()):
            would_be = stage.number in followed.relaxed
            yield from (_of_group(host, group, met, would_be=would_be) for met in group.conditions)


def _of_group(host: str | None, group: Group, met: Met, *, would_be: bool) -> WhyCondition:
    far = met.distance
    return WhyCondition(
        host=host,
        stage=met.asked.stage.number,
        line=met.asked.stage.line,
        kind="group",
        group=group.name,
        would_be=would_be,
        condition=met.asked.condition.text,
        value=met.value,
        wanted=met.asked.condition.wanted,
        holds=met.holds,
        missed_by=far.words if far else None,
        difference=far.difference if far else None,
        factor=far.factor if far else None,
    )


def _reasons(stages: Sequence[Stage], followed: Followed, host: str | None) -> Iterator[str]:
    """What stopped it, in sentences: conditions on rows, then those that the nearest group misses."""
    for test in followed.tests:
        if test.left_out and not is_grouped(test.stage.relation):
            had = f"; they have {', '.join(test.had)}" if test.had else ""
            yield f"{test.condition.text}: met by {test.met:,} of {test.rows:,} rows{had}"
    for stage in stages:
        groups = followed.groups.get(stage.number, ())
        for met in groups[0].conditions if groups else ():
            if not met.holds and met.distance:
                yield f"{met.asked.condition.text}: {_told_value(met)}"
    yield from _lost(stages, followed, host)


def _told_value(met: Met) -> str:
    far = met.distance
    if far is None or far.difference is None:
        return far.words if far else met.value
    return f"is {met.value}, {far.words}"


def _lost(stages: Sequence[Stage], followed: Followed, host: str | None) -> Iterator[str]:
    """Stages without conditions at which rows vanish: joins that find no partner, and tables without rows."""
    left = {n: counts.rows if host is None else counts.host for n, counts in followed.counts.items()}
    for stage in stages:
        before = [left[number] for number in stage.inputs]
        if left[stage.number] == 0 and before and any(before) and stage.number not in _tested(followed):
            of = " and ".join(_amount(number) for number in before)
            yield f"no row is left of {of} behind: {stage.text}"
        if not stage.inputs and followed.counts[stage.number].rows == 0:
            yield f"{stage.text} has no row in that time"


def _tested(followed: Followed) -> Mapping[int, None]:
    return {test.stage.number: None for test in followed.tests}


def _amount(number: int | None) -> str:
    return "an unknown number" if number is None else f"{number:,}"
