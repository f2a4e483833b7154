"""BIND 9's query log (category `queries`), from a file of its own or from syslog.

How a query is written, and what the letters behind its type mean, is told by BIND's reference manual ("query logging");
how times are written by its `print-time`: local, iso8601 or iso8601-utc.
"""

from sqlglot import exp

from herdsight.logs.device_times import instant
from herdsight.logs.dns_servers.query_logs import ADDRESS, TIME, QueryLog, address_of, port_of, query_name
from herdsight.logs.formats import Format, Scope
from herdsight.logs.values import cast, in_utc
from herdsight.tables import DNS_ACTIVITY, ColumnType
from herdsight.trees import call, column, text

_LOCAL = r"[0-9]{1,2}-[A-Za-z]{3}-[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
_PATTERNS = ("%d-%b-%Y %H:%M:%S.%f", "%d-%b-%Y %H:%M:%S")
_HEAD = rf"^(?:<[0-9]{{1,3}}>)?(?:1 )?(?P<when>{_LOCAL}|{TIME}) +"
_SYSLOG = r"(?:(?P<host>[^ ]+) +)?(?:named(?:\[[0-9]+\])?: +|named [^ ]+ [^ ]+ (?:-|\[[^\]]*\]) )"
# print-category and print-severity. Without bounds of repetition: they would make the engine's pattern large, and slow.
_CATEGORIES = r"(?:[a-z][a-z0-9 -]*: )*"
_QUERY = (
    rf"client (?:@0x[0-9a-fA-F]+ )?(?P<src>{ADDRESS})#(?P<port>[0-9]+)(?:/key [^ :]+)?(?:: | \([^ ]* )"
    r"(?:view [^ ]+ )?query: (?P<name>[^ ]+) (?P<class>[^ ]+) (?P<type>[^ ]+)"
    rf"(?: (?P<flags>[-+][^ ]*)(?: \((?P<server>{ADDRESS})\))?)?"
)


def _time(scope: Scope) -> exp.Expr:
    """The time: a local one (18-Oct-2023 14:37:28.201) by its own pattern, which is faster than any that syslog has."""
    is_local = call("regexp_matches", column("when"), text("^[0-9]{1,2}-"))
    local = call("try_strptime", column("when"), exp.array(*map(text, _PATTERNS)))
    plain = in_utc(cast(local, ColumnType.DATETIME), scope.zone)
    return exp.Case(ifs=[exp.If(this=is_local, true=plain)], default=instant(column("when"), scope.latest, scope.zone))


def _transport() -> exp.Expr:
    """T among the letters is TCP; versions that write no letters do not tell."""
    by_tcp = exp.If(this=call("contains", column("flags"), text("T")), true=text("TCP"))
    unsaid = exp.If(this=exp.EQ(this=column("flags"), expression=text("")), true=text(""))
    return exp.Case(ifs=[unsaid, by_tcp], default=text("UDP"))


LOG = QueryLog(
    name="bind-query",
    vendor="ISC",
    product="BIND",
    pattern=f"{_HEAD}(?:{_SYSLOG})?{_CATEGORIES}{_QUERY}",
    own=rf"(?i)^(?:<[0-9]{{1,3}}>)?(?:1 )?(?:{_LOCAL}|{TIME}) +(?:(?:[^ ]+ +)?named\b[^ ]* )?(?:([a-z-]{{3,30}}): )?",
    is_event=exp.true(),
    source=column("src"),
    values={
        "SrcIpAddr": address_of(column("src")),
        "SrcPortNumber": port_of("port"),
        "DstIpAddr": address_of(column("server")),
        "NetworkProtocol": _transport(),
        "DvcHostname": column("host"),
        "DnsQuery": query_name(column("name")),
        "DnsQueryTypeName": call("upper", column("type")),
        "DnsQueryClassName": call("upper", column("class")),
        "DnsFlags": column("flags"),
    },
    response=exp.false(),
    time=_time,
)

FORMATS = (Format(LOG.name, DNS_ACTIVITY, LOG.recognise, LOG.read),)
