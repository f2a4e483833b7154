"""What the query logs of DNS servers share: lines of text, of which those that tell of queries become DNS activity."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from sqlglot import exp

from herdsight.logs.device_times import instant
from herdsight.logs.devices.events import NO_DELIMITER, added, records
from herdsight.logs.formats import Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.values import (
    BAD_ADDRESS,
    OTHER_EVENT,
    address,
    constants,
    has_address_shape,
    port,
    reason,
    rejection,
    string,
)
from herdsight.responses import response_result
from herdsight.tables import FILE_COLUMN
from herdsight.trees import call, column, named, number, text

# A time as syslog and these servers write it: without a zone and perhaps a year, or as ISO 8601 has it.
TIME = (
    r"[A-Za-z]{3} +[0-9]{1,2}(?: [0-9]{4})? [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
ADDRESS = r"[0-9A-Fa-f:.]+(?:%[^ #/]+)?"

_LOOKED_AT = 50  # lines of the head
_LONGEST = 4_000  # characters of a line that recognition looks at
_ZONED = re.compile(r"([0-9]{9,}|.*(Z|[+-][0-9]{2}:?[0-9]{2}))")
_KIND = "[a-z][a-z-]{0,30}"  # of another event, whose text is only repeated where it is a plain word: it is hostile
_GROUP = re.compile(r"\?P<[a-z]+>")


def syslog(program: str) -> str:
    """The pattern of a line's beginning up to the program's own words, with the groups `when` and `host`.

    The header is that of RFC 3164, with or without a host, or that of RFC 5424.
    """
    named_ones = rf"{program}(?:\[[0-9:a-f]+\])?:? |{program} [^ ]+ [^ ]+ (?:-|\[[^\]]*\]) "
    return rf"^(?:<[0-9]{{1,3}}>)?(?:1 )?\[?(?P<when>[0-9]{{9,11}}|{TIME})\]? +(?:(?P<host>[^ ]+) +)?(?:{named_ones})"


def unnamed(pattern: str) -> str:
    """The pattern without its groups."""
    return _GROUP.sub("?:", pattern)


def _instant(scope: Scope) -> exp.Expr:
    return instant(column("when"), scope.latest, scope.zone)


@dataclass(frozen=True)
class QueryLog:
    """How a server writes.

    `pattern` matches a line that tells of a query, with what it says as named groups, among them `when`; `own` matches
    any line of that server, with the kind of event as its only group. The others are trees over the groups, which are
    texts, "" where they are not there: `is_event` whether a line that matches tells of a query indeed, `source` who
    asked, `values` the declared columns, `response` whether it is an answer, `time` its time in UTC.
    """

    name: str
    vendor: str
    product: str
    pattern: str
    own: str
    is_event: exp.Expr
    source: exp.Expr
    values: Mapping[str, exp.Expr]
    response: exp.Expr
    time: Callable[[Scope], exp.Expr] = _instant

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def recognise(self, head: Head) -> Layout | None:
        """Lines of which at least half are that server's, and at least one tells of a query."""
        if head.parquet is not None:
            return None
        lines = [line[:_LONGEST] for line in islice(filter(str.strip, head.lines()), _LOOKED_AT)]
        own = re.compile(self.own)
        told = [matched for line in lines if (matched := self._compiled.match(line))]
        if not told or 2 * sum(bool(own.match(line)) for line in lines) < len(lines):
            return None
        return Layout(
            Shape.DELIMITED,
            fields=("line",),
            columns=("TimeGenerated", "EventSubType", *self.values),
            derived=self._derived(),
            delimiter=NO_DELIMITER,
            zoneless=any(not _ZONED.fullmatch(each["when"]) for each in told),
        )

    def _derived(self) -> dict[str, exp.Expr]:
        if "EventResultDetails" not in self.values:
            return {**constants(self.vendor, self.product, "Query"), "EventResult": text("NA")}
        result = response_result(column("EventResultDetails"))
        return {**constants(self.vendor, self.product, "Query"), "EventResult": result}

    def read(self, source: Source, layout: Layout, scope: Scope) -> exp.Select:
        """Queries and answers; one line, one row. Lines of other kinds are counted by their kind."""
        names = list(self._compiled.groupindex)
        found = call("regexp_extract", column("line"), text(self.pattern), exp.array(*map(text, names)))
        query = added(records(source, layout), found=found)
        parts = {name: call("struct_extract", column("found"), text(name)) for name in names}
        query = added(query, **parts)
        query = added(query, early=self._early(), TimeGenerated=self.time(scope))
        sub_type = exp.Case(ifs=[exp.If(this=self.response.copy(), true=text("response"))], default=text("request"))
        values = {"EventSubType": sub_type} | {name: tree.copy() for name, tree in self.values.items()}
        filled = (named(values[name], name) for name in layout.columns if name != "TimeGenerated")
        why = rejection(column("TimeGenerated"), scope.latest, further=[self._bad_source()])
        return exp.select(column("TimeGenerated"), *filled, column(FILE_COLUMN), why).from_(query.subquery("typed"))

    def _early(self) -> exp.Expr:
        kind = call("lower", call("regexp_extract", column("line"), text(self.own), number(1)))
        plain = call("regexp_full_match", kind, text(_KIND))
        told = call("concat", text(f"{OTHER_EVENT}: "), kind.copy())
        other = exp.Case(ifs=[exp.If(this=plain, true=told)], default=text(OTHER_EVENT))
        is_event = exp.and_(exp.NEQ(this=column("when"), expression=text("")), self.is_event.copy())
        return exp.Case(ifs=[exp.If(this=exp.Not(this=exp.paren(is_event)), true=other)])

    def _bad_source(self) -> exp.If:
        """A client that is there, and is no address; not every answer says who asked."""
        there = exp.NEQ(this=self.source.copy(), expression=text(""))
        return reason(exp.and_(there, exp.Not(this=exp.paren(has_address_shape(self.source.copy())))), BAD_ADDRESS)


def query_name(words: exp.Expr) -> exp.Expr:
    """A name in lower case, without the dot of the root."""
    return call("rtrim", call("lower", words), text("."))


def address_of(words: exp.Expr) -> exp.Expr:
    """A text as an address in the one way to write it."""
    return address(string(words))


def port_of(name: str) -> exp.Expr:
    """A group as a port."""
    return port(column(name))
