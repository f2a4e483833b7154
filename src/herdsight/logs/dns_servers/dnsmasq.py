"""dnsmasq's log of queries (`log-queries`, `log-queries=extra`), and Pi-hole's, which is dnsmasq's with more reasons.

A query has its client; an answer has one only with `extra`, which puts a serial number and the client before both. What
dnsmasq asks others is not its clients' activity.
"""

from sqlglot import exp

from herdsight.logs.dns_servers.query_logs import ADDRESS, QueryLog, address_of, port_of, query_name, syslog, unnamed
from herdsight.logs.formats import Format
from herdsight.tables import DNS_ACTIVITY
from herdsight.trees import call, column, text

_WHO = rf"(?:(?P<serial>[0-9]+) (?P<client>{ADDRESS})/(?P<port>[0-9]+) )?"
_ASKED = r"query\[(?P<type>[^\] ]+)\] (?P<asked>[^ ]+) from (?P<asker>[^ ]+)"
# Where an answer came from: from others, from dnsmasq's own knowledge, or from a list of Pi-hole's.
_BLOCKED = "gravity blocked|(?:exactly|regex) (?:blacklisted|denied)"
_ANSWERED = rf"(?P<how>reply|cached|cached-stale|config|auth|DHCP|/[^ ]+|{_BLOCKED}) (?P<about>[^ ]+) is (?P<answer>.*)"
_NAMES = {"type=64": "SVCB", "type=65": "HTTPS"}  # RFC 9460: types that older versions have no name for
_CODES = "NXDOMAIN|SERVFAIL|REFUSED|NOTIMP"


def _answer() -> exp.Expr:
    """What was answered: neither a code, nor that there is nothing of that type, nor a word between < and >."""
    no_value = call("regexp_full_match", column("answer"), text(rf"<.*>|NODATA.*|(?:{_CODES}).*"))
    return exp.Case(ifs=[exp.If(this=no_value, true=text(""))], default=column("answer"))


def _code() -> exp.Expr:
    """The response code: an answer that is a value, or that there is none of that type, is no error."""
    said = exp.Nullif(this=call("regexp_extract", column("answer"), text(f"^(?:{_CODES})")), expression=text(""))
    answered = exp.Coalesce(this=said, expressions=[text("NOERROR")])
    return exp.Case(ifs=[exp.If(this=_is_answer(), true=answered)], default=text(""))


def _is_answer() -> exp.Expr:
    return exp.NEQ(this=column("how"), expression=text(""))


def _is_named() -> exp.Expr:
    """`reply error is REFUSED` tells of no name."""
    return exp.NEQ(this=call("concat", column("how"), text(" "), column("about")), expression=text("reply error"))


def _type() -> exp.Expr:
    """The type's name; of one without a name, its number, as RFC 3597 writes it."""
    cases = [exp.If(this=text(written), true=text(name)) for written, name in _NAMES.items()]
    numbered = call("replace", column("type"), text("type="), text("TYPE"))
    return exp.Case(this=column("type"), ifs=cases, default=numbered)


def _either(first: str, second: str) -> exp.Expr:
    return exp.Coalesce(this=exp.Nullif(this=column(first), expression=text("")), expressions=[column(second)])


def _if_blocked(then: exp.Expr) -> exp.Expr:
    blocked = call("regexp_full_match", column("how"), text(_BLOCKED))
    return exp.Case(ifs=[exp.If(this=blocked, true=then)], default=text(""))


LOG = QueryLog(
    name="dnsmasq-query",
    vendor="dnsmasq",
    product="dnsmasq",
    pattern=f"{syslog('dnsmasq')}{_WHO}(?:{_ASKED}|{_ANSWERED})$",
    own=rf"{unnamed(syslog('(?:dnsmasq(?:-[a-z]+)?)') + _WHO)}([A-Za-z-]*)",
    is_event=_is_named(),
    source=_either("asker", "client"),
    values={
        "SrcIpAddr": address_of(_either("asker", "client")),
        "SrcPortNumber": port_of("port"),
        "DvcHostname": column("host"),
        "DvcAction": _if_blocked(text("Blocked")),
        "RuleName": _if_blocked(column("how")),
        "DnsQuery": query_name(_either("asked", "about")),
        "DnsQueryTypeName": _type(),
        "DnsResponseName": _answer(),
        "EventResultDetails": _code(),
        "DnsSessionId": column("serial"),
    },
    response=_is_answer(),
)

FORMATS = (Format(LOG.name, DNS_ACTIVITY, LOG.recognise, LOG.read),)
