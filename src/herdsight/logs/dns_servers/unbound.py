"""Unbound's log of queries (`log-queries`) and replies (`log-replies`), from a file of its own or from syslog.

What a line has is told by unbound.conf(5): client, name, type and class; of a reply also the code, the seconds that it
took, whether it came from the cache, and its size.
"""

from sqlglot import exp

from herdsight.logs.dns_servers.query_logs import ADDRESS, QueryLog, address_of, query_name, syslog, unnamed
from herdsight.logs.formats import Format
from herdsight.logs.values import cast
from herdsight.tables import DNS_ACTIVITY, ColumnType
from herdsight.trees import call, column, number, text

_MILLISECONDS = 1_000  # of a second
_THREAD = r"(?:\[[0-9]+:[0-9a-f]+\] )?"  # which syslog has behind its own number of the process
# `log-tag-queryreply` says query and reply in place of info. More may follow, as the address that was asked.
_QUERY = rf"(?:info|query|reply): (?P<src>{ADDRESS}) (?P<name>[^ ]+) (?P<type>[A-Z0-9*-]+) (?P<class>[A-Z0-9]+)"
_REPLY = r"(?: (?P<code>[A-Z0-9]+) (?P<seconds>[0-9]+\.[0-9]+) (?P<cached>[01]) (?P<size>[0-9]+)(?: .*)?)?$"


def _duration() -> exp.Expr:
    seconds = cast(column("seconds"), ColumnType.REAL)
    return cast(exp.Mul(this=seconds, expression=number(_MILLISECONDS)), ColumnType.INT)


def _is_reply() -> exp.Expr:
    return exp.NEQ(this=column("code"), expression=text(""))


LOG = QueryLog(
    name="unbound-query",
    vendor="NLnet Labs",
    product="Unbound",
    pattern=f"{syslog('unbound')}{_THREAD}{_QUERY}{_REPLY}",
    own=rf"{unnamed(syslog('unbound'))}{_THREAD}([a-z]*)",
    is_event=exp.true(),
    source=column("src"),
    values={
        "SrcIpAddr": address_of(column("src")),
        "DvcHostname": column("host"),
        "DnsQuery": query_name(column("name")),
        "DnsQueryTypeName": column("type"),
        "DnsQueryClassName": column("class"),
        "DnsNetworkDuration": _duration(),
        "EventResultDetails": call("upper", column("code")),
    },
    response=_is_reply(),
)

FORMATS = (Format(LOG.name, DNS_ACTIVITY, LOG.recognise, LOG.read),)
