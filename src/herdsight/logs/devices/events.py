"""What CEF and LEEF share: lines of `key=value` pairs behind a header, and their way into CommonSecurityLog."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from sqlglot import exp

from herdsight.logs.device_times import instant
from herdsight.logs.formats import Layout, Scope, Shape, Source
from herdsight.logs.head import Head
from herdsight.logs.scan import file_number, lines, position
from herdsight.logs.values import bad_time, cast, numbered, reject, typed
from herdsight.tables import COMMON_SECURITY_LOG, FILE_COLUMN, Column, ColumnType, table
from herdsight.trees import call, column, named, null, number, text

_LOOKED_AT = 50  # lines of the head
_MOST_KEYS = 200  # of the head; a line that has others is read all the same, at a higher cost
# Lines are read as one column: this separates the columns of no log.
NO_DELIMITER = "\x1e\x1f\x1e\x1f"
_NO_RECORD = r"(?s)#.*|[ \t\n\v\f\r]*"  # as in other delimited logs

# A header of syslog: RFC 3164 and 5424, or a time and a host alone; the time may have a year, or a fraction.
_SYSLOG = (
    r"^(?:<[0-9]{1,3}>)?(?:[0-9]{1,2} )?"
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][^ ]+|[A-Za-z]{3} +[0-9]{1,2}(?: [0-9]{4})? [0-9:]{8}(?:\.[0-9]+)?|-) +([^ ]+)"
)
HEADER_COLUMNS = ("DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Activity", "LogSeverity")
# Times without a zone: an event's own, or that of syslog's header where an event has none.
_OWN_TIME = re.compile(r"[ \t|](?:rt|end|start|devTime)=")
_WORDS = r"[A-Za-z]{3} +[0-9]{1,2},?(?: [0-9]{4},?)? [0-9:]{8}(?:[.,][0-9]+)?"
_OWN_BARE = re.compile(rf"[ \t|](?:rt|end|start|devTime)={_WORDS}(?=[ \t]+[A-Za-z0-9_]+=|[ \t]*$)")
_HEADER_BARE = re.compile(rf"(?:<[0-9]{{1,3}}>)?{_WORDS} ")
_DIRECTIONS = {"0": "Inbound", "1": "Outbound"}  # the values of deviceDirection
DIRECTIONS: Mapping[str, str] = {name: digit for digit, name in _DIRECTIONS.items()}
_TIMES = ("ReceiptTime", "EndTime", "StartTime")  # that tell when an event happened, the first that is there


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a format names what it says: the columns that each key fills, other names of keys, and its pairs.

    `lead` is the character before a key; `unescaped` gives the value that a written one stands for, which is asked
    for values that hold `escape` alone.
    """

    keys: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str]
    lead: str
    escape: str
    unescaped: Callable[[exp.Expr], exp.Expr]

    def names(self, name: str) -> tuple[str, ...]:
        """The keys that fill a column."""
        own = [key for key, filled in self.keys.items() if name in filled]
        return (*own, *(alias for alias, key in self.aliases.items() if key in own))

    @property
    def known(self) -> tuple[str, ...]:
        """Every key that has a column."""
        return (*self.keys, *self.aliases)

    def columns(self) -> tuple[str, ...]:
        """The declared columns that such a log fills. A key may first appear after the head, so these are all."""
        filled = {name for names in self.keys.values() for name in names}
        own = {"TimeGenerated", "Computer", "AdditionalExtensions", *HEADER_COLUMNS}
        return tuple(each.name for each in table(COMMON_SECURITY_LOG).columns if each.name in filled | own)


def recognised(head: Head, event: re.Pattern[str], key: re.Pattern[str], dialect: Dialect) -> Layout | None:
    """The layout of a log of which at least half of the lines in the head are events, with the keys that they show.

    `event` matches such a line, with the pairs as its group `extension`; `key` finds the keys in these.
    """
    lines = (line for line in head.lines() if line.strip() and not line.startswith("#"))
    looked_at = list(islice(lines, _LOOKED_AT))
    found = [matched for line in looked_at if (matched := event.match(line))]
    if not found or 2 * len(found) < len(looked_at):
        return None
    keys = dict.fromkeys(each for matched in found for each in key.findall(matched["extension"]))
    return Layout(
        Shape.DELIMITED,
        certain=True,
        fields=("line",),
        columns=dialect.columns(),
        delimiter=NO_DELIMITER,
        keys=tuple(islice(keys, _MOST_KEYS)),
        zoneless=any(_is_zoneless(matched.string) for matched in found),
    )


def _is_zoneless(line: str) -> bool:
    """Whether the time that counts tells no zone."""
    return bool(_OWN_BARE.search(line) if _OWN_TIME.search(line) else _HEADER_BARE.match(line))


def records(source: Source, layout: Layout) -> exp.Select:
    """Every record as `line`, with the number of its file."""
    line = column(position(0))
    no_record = exp.or_(
        exp.Is(this=line, expression=exp.Null()), call("regexp_full_match", line.copy(), text(_NO_RECORD))
    )
    found = exp.select(named(line.copy(), "line"), numbered(file_number(source))).from_(lines(source, layout))
    return found.where(exp.Not(this=exp.paren(no_record)))


def added(query: exp.Select, **trees: exp.Expr) -> exp.Select:
    """The query's columns and further ones, as trees over them."""
    return exp.select("*", *(named(tree, name) for name, tree in trees.items())).from_(query.subquery("q"))


_BEFORE, _AFTER = '","', '":"'  # what is put before a key and after it


def pairs(query: exp.Select, extension: exp.Expr, key: str) -> exp.Select:
    """Adds `pairs`, the extension as a JSON object, and `count`, how many it has.

    `key` is a pattern of what begins a pair: the lead, the key, and `=`; all of it becomes the name. The text is first
    quoted as a JSON string, and then cut before each key and after it; neither place lies within an escape, so the
    text stays well formed whatever it holds. What stands before the first key is nobody's: it is left under "".
    """
    query = added(query, quoted=cast(call("to_json", extension), ColumnType.STRING))
    cut = call("regexp_replace", column("quoted"), text(key), text(f"{_BEFORE}\\0{_AFTER}"), text("g"))
    query = added(query, pairs=call("concat", text('{"":'), cut, text("}")))
    grown = exp.Sub(this=call("strlen", column("pairs")), expression=call("strlen", column("quoted")))
    by_pairs = exp.paren(exp.Sub(this=grown, expression=number(len('{"":}'))))
    return added(query, count=exp.IntDiv(this=by_pairs, expression=number(len(_BEFORE) + len(_AFTER))))


def events(query: exp.Select, dialect: Dialect, layout: Layout, scope: Scope) -> exp.Select:
    """The events of a query that has `prefix` (syslog's header), HEADER_COLUMNS, `pairs`, `count` and `early`."""
    values = _Values(dialect, layout.keys or dialect.known[:1])
    query = added(query, written=values.listed(values.in_head), syslog=_syslog())
    more = exp.GT(this=column("count"), expression=call("list_count", column("written")))
    query = added(query, head=values.unescaped(column("written")), more=more, Computer=_host())
    rest = values.unescaped(values.listed(values.elsewhere))
    query = added(query, rest=exp.Case(ifs=[exp.If(this=column("more"), true=rest)]))
    filled = {
        each.name: values.filled(each, scope) for each in table(COMMON_SECURITY_LOG).columns if dialect.names(each.name)
    }
    query = added(query, **filled, AdditionalExtensions=values.unnamed())
    query = added(query, TimeGenerated=_when(values, scope))
    early = exp.If(this=exp.Not(this=exp.Is(this=column("early"), expression=exp.Null())), true=column("early"))
    rejection = reject([early, *bad_time(column("TimeGenerated"), scope.latest)])
    return exp.select(*map(column, (*layout.columns, FILE_COLUMN)), rejection).from_(query.subquery("typed"))


class _Values:
    """Where each key's value is found: in the list `head` if the head of the file shows the key, else in `rest`.

    `rest` is only made for lines that have `more` pairs than those: most have none.
    """

    def __init__(self, dialect: Dialect, in_head: tuple[str, ...]) -> None:
        self.dialect = dialect
        self.in_head = in_head
        self.elsewhere = tuple(key for key in dialect.known if key not in in_head)

    def listed(self, keys: Iterable[str]) -> exp.Expr:
        """The values of the keys as a list, as they are written, NULL where there is none."""
        return call("json_extract_string", column("pairs"), exp.array(*map(text, map(self._pointer, keys))))

    def unescaped(self, written: exp.Expr) -> exp.Expr:
        """The list of the values that those stand for; most lines have no escape, and most values of the others."""
        value = exp.column("each")
        if_escaped = exp.If(this=self._has_escape(value), true=self.dialect.unescaped(value))
        values = call("list_transform", written, self._each(exp.Case(ifs=[if_escaped], default=value.copy())))
        return exp.Case(ifs=[exp.If(this=self._has_escape(column("pairs")), true=values)], default=written.copy())

    def of(self, name: str) -> exp.Expr:
        """The text of a column: that of the first of its keys that the line has."""
        names = self.dialect.names(name)
        head = [self._at("head", self.in_head, key) for key in names if key in self.in_head]
        rest = [self._at("rest", self.elsewhere, key) for key in names if key in self.elsewhere]
        more = [exp.If(this=column("more"), true=_first(head + rest))] if rest else []
        return exp.Case(ifs=more, default=_first(head)) if more else _first(head)

    def filled(self, declared: Column, scope: Scope) -> exp.Expr:
        """A declared column."""
        told = self.of(declared.name)
        if declared.type is ColumnType.DATETIME:
            return instant(told, scope.latest, scope.zone)
        if declared.name == "CommunicationDirection":
            cases = [exp.If(this=text(digit), true=text(name)) for digit, name in _DIRECTIONS.items()]
            told = exp.Case(this=told, ifs=cases, default=told.copy())
        return typed(told, declared)

    def unnamed(self) -> exp.Expr:
        """The pairs that have no column, as Microsoft writes them: `key=value;key=value`."""
        known = set(self.dialect.known)
        shown = [
            exp.DPipe(this=text(f"{key}="), expression=self._at("head", self.in_head, key), safe=True)
            for key in self.in_head
            if key not in known
        ]
        return call("concat_ws", text(";"), *shown, exp.Case(ifs=[exp.If(this=column("more"), true=self._others())]))

    def _others(self) -> exp.Expr:
        """Those pairs whose keys the head does not show either."""
        pointers = [f"{self.dialect.lead}{key}=" for key in (*self.in_head, *self.elsewhere)]
        known = call("list_contains", exp.array(*map(text, ("", *pointers))), exp.column("each"))
        keys = call("list_filter", call("json_keys", column("pairs")), self._each(exp.Not(this=known)))
        path = exp.DPipe(this=text("/"), expression=exp.column("each"), safe=True)
        value = self.dialect.unescaped(call("json_extract_string", column("pairs"), path))
        pair = exp.DPipe(this=call("substr", exp.column("each"), number(2)), expression=value, safe=True)
        joined = call("array_to_string", call("list_transform", keys, self._each(pair)), text(";"))
        return call("nullif", joined, text(""))

    def _has_escape(self, value: exp.Expr) -> exp.Expr:
        return call("contains", value.copy(), text(self.dialect.escape))

    def _pointer(self, key: str) -> str:
        return f"/{self.dialect.lead}{key}="

    @staticmethod
    def _at(column_name: str, keys: tuple[str, ...], key: str) -> exp.Expr:
        return call("list_extract", column(column_name), number(keys.index(key) + 1))

    @staticmethod
    def _each(tree: exp.Expr) -> exp.Lambda:
        return exp.Lambda(this=tree, expressions=[exp.to_identifier("each")])


def _first(trees: list[exp.Expr]) -> exp.Expr:
    """The first that is there."""
    if not trees:
        return null(ColumnType.GUID)
    return exp.Coalesce(this=trees[0], expressions=trees[1:]) if trees[1:] else trees[0]


def _syslog() -> exp.Expr:
    return call("regexp_extract", column("prefix"), text(_SYSLOG), exp.array(text("when"), text("host")))


def _host() -> exp.Expr:
    """The host of syslog's header, where it says one."""
    return call("regexp_replace", call("struct_extract", column("syslog"), text("host")), text("^-$"), text(""))


def _when(values: _Values, scope: Scope) -> exp.Expr:
    """The event's time: the device's own, else that of syslog's header."""
    told = {"ReceiptTime": instant(column("ReceiptTime"), scope.latest, scope.zone)}
    own = [told.get(name, column(name)) for name in _TIMES if values.dialect.names(name)]
    header = instant(call("struct_extract", column("syslog"), text("when")), scope.latest, scope.zone)
    return exp.Coalesce(this=own[0], expressions=[*own[1:], header])
