"""What each table demands of a mapping, and what follows where the mapping says nothing of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from herdsight.addresses import heading
from herdsight.logs.formats import Scope
from herdsight.logs.microsoft import asim, common_security_log, device_network_events
from herdsight.logs.microsoft.exports import Export
from herdsight.logs.values import constants
from herdsight.logs.web import web_result
from herdsight.responses import response_name, response_result
from herdsight.tables import COMMON_SECURITY_LOG, DNS_ACTIVITY, DNS_EVENTS, NETWORK_SESSION, WEB_SESSION, table
from herdsight.trees import column, text

_EXPORTS: Mapping[str, Export] = {
    each.table: each
    for each in (
        *(asim.NETWORK, asim.DNS, asim.WEB, asim.WINDOWS_DNS),
        *(common_security_log.EXPORT, device_network_events.EXPORT),
    )
}
# Addresses without which a row tells nothing.
_ENDS = {
    NETWORK_SESSION: ("SrcIpAddr", "DstIpAddr"),
    COMMON_SECURITY_LOG: ("SourceIP", "DestinationIP"),
    DNS_EVENTS: ("ClientIP",),
}


def times(name: str) -> tuple[str, ...]:
    """The columns of a table that hold the event's time: all are filled with the first that is there."""
    return _EXPORTS[name].times if name in _EXPORTS else (table(name).time,)


def required(name: str) -> tuple[tuple[str, ...], ...]:
    """The columns that a table cannot do without, one of each group."""
    return _EXPORTS[name].required if name in _EXPORTS else (times(name),)


def ends(name: str) -> tuple[str, ...]:
    """The addresses that every row of a table must have."""
    return _ENDS.get(name, ())


def further_reasons(name: str, columns: tuple[str, ...]) -> list[exp.If]:
    """Cases of rejection that a table has beside its time and its ends."""
    return _EXPORTS[name].reasons(columns) if name in _EXPORTS else []


@dataclass(frozen=True, slots=True)
class _Following:
    """A column that follows from others: which, and its value as a tree over these."""

    build: Callable[[Scope, str], exp.Expr]
    needs: tuple[str, ...] = field(default=())


def following(name: str, given: Iterable[str]) -> Mapping[str, Callable[[Scope, str], exp.Expr]]:
    """What follows, by column, where a mapping gives those; each is built from the scope and the mapping's name."""
    present = {*given, *times(name)}
    found: dict[str, Callable[[Scope, str], exp.Expr]] = {}
    for each, follows in _FOLLOWING.get(name, ()):
        if each not in present and each not in found and present.issuperset(follows.needs):
            found[each] = follows.build
    return found


def filled(name: str, given: Iterable[str]) -> tuple[str, ...]:
    """Every column of a table that a mapping with those fills, in the table's order."""
    given = tuple(given)
    every = {*given, *times(name), *following(name, given)}
    return tuple(each.name for each in table(name).columns if each.name in every)


def _direction(source: str, destination: str) -> _Following:
    return _Following(
        lambda scope, _name: heading(column(source), column(destination), scope.local), (source, destination)
    )


def _firewall_direction(scope: Scope, _name: str) -> exp.Expr:
    """CommunicationDirection knows in and out alone."""
    found = heading(column("SourceIP"), column("DestinationIP"), scope.local)
    kept = [exp.If(this=text(each), true=text(each)) for each in ("Inbound", "Outbound")]
    return exp.Case(this=found, ifs=kept, default=text(""))


def _same(tree: exp.Expr, *needs: str) -> _Following:
    return _Following(lambda _scope, _name: tree.copy(), needs)


def _product(column_name: str) -> tuple[str, _Following]:
    return column_name, _Following(lambda _scope, name: text(name))


def _constants(kind: str) -> list[tuple[str, _Following]]:
    said = constants("", "", kind)
    return [_product("EventProduct"), *((name, _same(tree)) for name, tree in said.items() if name != "EventVendor")]


_FOLLOWING: Mapping[str, list[tuple[str, _Following]]] = {
    NETWORK_SESSION: [
        ("NetworkDirection", _direction("SrcIpAddr", "DstIpAddr")),
        ("EventResult", _same(text("NA"))),
        *_constants("NetworkSession"),
    ],
    COMMON_SECURITY_LOG: [
        ("CommunicationDirection", _Following(_firewall_direction, ("SourceIP", "DestinationIP"))),
        _product("DeviceProduct"),
    ],
    DNS_ACTIVITY: [
        ("EventResult", _same(response_result(column("EventResultDetails")), "EventResultDetails")),
        ("EventResult", _same(response_result(response_name(column("DnsResponseCode"))), "DnsResponseCode")),
        ("EventResultDetails", _same(response_name(column("DnsResponseCode")), "DnsResponseCode")),
        ("EventResult", _same(text("NA"))),
        *_constants("Query"),
    ],
    WEB_SESSION: [
        ("EventResult", _same(web_result(column("EventResultDetails")), "EventResultDetails")),
        ("EventResult", _same(text("NA"))),
        *_constants("HTTPsession"),
    ],
}
