"""Indicators: hosts that call what lists name, ask for it, or are called by it.

Null hypotheses. Of addresses: what a host calls is spread over the public addresses as lists are, so that a list meets
it as often as the share of them that it covers. Of names: a list has some by mistake, which are spread over the
registered domains; a right one is not met by chance. A list of a million addresses meets one host in twenty that calls
two hundred places; a list of a thousand, one in twenty thousand. That a place was met is no infection yet: clues say
what speaks for one.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network
from itertools import groupby
from operator import attrgetter

from herdsight.analytics.clouds import Kind, Owner, network_of
from herdsight.analytics.known import is_popular, is_popular_itself
from herdsight.analytics.listed import LISTED, READS, SHOWN, Meeting, asked, called, came, meetings
from herdsight.analytics.model import Analytic, Candidate, Clue, Found, Sight, p_value
from herdsight.analytics.tails import log10_poisson_tail
from herdsight.findings.model import Role
from herdsight.rules.model import EvidenceRows
from herdsight.tables import DNS_ACTIVITY, NETWORK_SESSION

# Addresses that are public: of version 4 those in no reserved range (IANA's special-purpose registry), of version 6
# 2000::/3, though few of these are anybody's.
_PUBLIC = {"4": 3_702_258_432.0, "6": 2.0**125}
_REGISTERED = 370_000_000  # domains (Verisign's Domain Name Industry Brief of 2025, rounded)
# Of a hundred names on a list, those that are honest: a choice, on the safe side of what comparisons of lists tell.
_MISTAKEN = 0.02

# What still calls a listed place is as often infected as it is a visitor of its next tenant, of its neighbour on shared
# hosting, or of what the list has by mistake.
PRIOR = 0.0
# What comes from a listed place to a service scans all of the Internet; that it was aimed is one in ten.
PRIOR_CAME = -1.0

_STALE = timedelta(days=30)  # beyond which a place is likely to be somebody else's


# --- what is known of a meeting -------------------------------------------------------------------------------------


def clues(alike: Sequence[Meeting], hosts: int, owner: Owner | None) -> Iterator[Clue]:
    """What speaks for and against an infection. `alike`: one host and one place, by each list that names it.

    `hosts`: those that call the place. `owner`: of its network.
    """
    one = alike[0]
    yield from _of_list(alike)
    yield from _of_time(one)
    yield from _of_place(one, owner)
    yield from _of_prevalence(hosts, one.all_hosts)
    yield from _of_traffic(one)


def _of_list(alike: Sequence[Meeting]) -> Iterator[Clue]:
    sure = [each.confidence for each in alike if each.confidence is not None]
    if sure:
        best = max(sure)
        weight = math.log10(max(best, 9) / max(100 - best, 9))  # its odds, one to ten at most
        yield Clue(f"the list is sure of it to {best} of 100", round(weight, 2))
    if len({each.list for each in alike}) > 1:
        yield Clue(f"{len({each.list for each in alike})} lists name it", 0.5)


def _of_time(one: Meeting) -> Iterator[Clue]:
    """Whether it was seen while the indicator held; to be seen a little before it was published is usual."""
    if one.until is not None and one.first > one.until:
        late = one.first - one.until
        yield Clue(f"seen {_days(late)} after the indicator's end", -0.5 if late <= _STALE else -1.0)
    if one.since is not None and one.last < one.since:
        early = one.since - one.last
        yield Clue(f"last seen {_days(early)} before the indicator begins", -0.3 if early <= _STALE else -1.0)


def _days(length: timedelta) -> str:
    days = length / timedelta(days=1)
    return f"{days:.0f} days" if days >= 2 else f"{length / timedelta(hours=1):.0f} hours"  # noqa: PLR2004


def _of_place(one: Meeting, owner: Owner | None) -> Iterator[Clue]:
    match one.kind:
        case "network":
            network = ip_network(one.value)
            wide = network.prefixlen <= network.max_prefixlen // 2  # more than one owner's, as a rule
            yield Clue("it is one address of a network that is listed", -1.0 if wide else -0.5)
        case "domain":
            yield Clue("a name is asked for on purpose, and is its owner's whatever address it has", 0.3)
        case "host":
            yield Clue("a page of that host is listed, and the logs show the host alone", -0.3)
    if one.names and is_popular_itself(one.value):
        yield Clue("the name is among those that most of the Internet asks for", -2.0)
    elif one.names and is_popular(one.value):
        yield Clue("the name is under one that most of the Internet asks for, where others have pages, too", -0.5)
    if one.port_listed and one.ports:
        hit = one.on_port or one.port_listed in one.ports
        yield Clue(f"{'by' if hit else 'not by'} the port that is listed, {one.port_listed}", 0.5 if hit else -0.5)
    if owner is not None and not one.names:
        yield from _of_owner(owner)


def _of_owner(owner: Owner) -> Iterator[Clue]:
    match owner.kind:
        case Kind.SINKHOLE:
            yield Clue("it is a known sinkhole, which infected hosts call and few others", 1.0)
        case Kind.CONTENT:
            yield Clue(f"it is {owner.name}'s, one address for thousands of sites", -1.0)
        case Kind.CLOUD:
            yield Clue(f"it is in {owner.name}, where addresses change hands by the hour", -0.3)
        case Kind.SERVICE | Kind.SCANNER:
            yield Clue(f"it is {owner.name}'s own", -0.5)


_CROWD = 4  # hosts, of which half call a place


def _of_prevalence(hosts: int, of: int) -> Iterator[Clue]:
    if hosts >= _CROWD and hosts >= of / 2:
        yield Clue(f"{hosts} of {of} hosts call it, as they do a service that the list has by mistake", -1.0)
    elif hosts == 1 and of >= 10:  # noqa: PLR2004
        yield Clue(f"of {of} hosts no other calls it", 0.3)


def _of_traffic(one: Meeting) -> Iterator[Clue]:
    if one.sessions and one.failed >= one.sessions:
        yield Clue("no call is answered: the place is gone, or somebody else's", -0.3)
    elif one.sent and one.received:
        yield Clue(f"it answers: {one.sent:,.0f} bytes went there and {one.received:,.0f} came back", 0.5)
    elif one.sessions:
        yield Clue("it answers", 0.3)
    elif one.in_dns and one.gone >= one.asked:
        yield Clue("the name does not exist any more", -0.3)
    elif one.in_dns:
        yield Clue("no call to where the name leads is in the logs", -0.2)
    if one.hours >= 3:  # noqa: PLR2004
        yield Clue(f"it comes back to it in {one.hours} different hours", 0.3)


# --- findings -------------------------------------------------------------------------------------------------------


def find(sight: Sight) -> Found:
    """The hosts that call, or ask for, what is listed."""
    calls = list(meetings(sight.run(called(sight.schema)))) if NETWORK_SESSION in sight.tables else []
    names = list(meetings(sight.run(asked(sight.schema))))
    owners = dict(zip(places := sorted(_addresses(calls)), network_of(places), strict=True))
    callers = _callers((*calls, *names))
    candidates = (
        *_of_hosts(calls, callers, owners, _chance_of_addresses),
        *_of_hosts(names, callers, {}, _chance_of_names),
    )
    hosts = max((each.all_hosts for each in (*calls, *names)), default=0)
    return Found(2 * hosts, hosts, candidates)


def _addresses(calls: Iterable[Meeting]) -> set[str]:
    return {each.remotes[0] for each in calls if each.remotes}


def _callers(met: Iterable[Meeting]) -> Mapping[str, int]:
    """By place, how many hosts meet it."""
    hosts: dict[str, set[str]] = defaultdict(set)
    for each in met:
        hosts[each.value].add(each.host)
    return {value: len(own) for value, own in hosts.items()}


def _chance_of_addresses(met: int, one: Meeting) -> float:
    return log10_poisson_tail(met, one.places * min(one.covered / _PUBLIC[one.version], 1.0))


def _chance_of_names(met: int, one: Meeting) -> float:
    return log10_poisson_tail(met, one.places * min(one.covered * _MISTAKEN / _REGISTERED, 1.0))


def _of_hosts(
    met: Iterable[Meeting],
    callers: Mapping[str, int],
    owners: Mapping[str, Owner | None],
    chance: Callable[[int, Meeting], float],
) -> Iterator[Candidate]:
    """A candidate for each host and place; the more places of lists a host meets, the less it is chance."""
    for _, group in groupby(sorted(met, key=_BY_PLACE), key=attrgetter("host")):
        own = list(group)
        places = [list(alike) for _, alike in groupby(own, key=attrgetter("value"))]
        filters = _filters(places)
        for alike in places:
            one = alike[0]
            log10_p = chance(sum(1 for other in places if other[0].addresses <= one.addresses), one)
            owner = owners.get(one.remotes[0]) if one.remotes else None
            yield _candidate(alike, log10_p, tuple(clues(alike, callers[one.value], owner)), filters)


_BY_PLACE = attrgetter("host", "value", "number")
_MANY = 20  # names of lists that one host asks for


def _filters(places: Sequence[Sequence[Meeting]]) -> str | None:
    """What honest host meets many names of lists: one that looks at what others would go to."""
    names = [alike[0] for alike in places if alike[0].in_dns]
    if len(names) >= _MANY and not any(each.sessions for each in names):
        return f"it asks for {len(names)} listed names and calls none of them, as filters and security products do"
    return None


def _candidate(alike: Sequence[Meeting], log10_p: float, weighed: tuple[Clue, ...], filters: str | None) -> Candidate:
    one = alike[0]
    in_dns = bool(one.names) and one.in_dns > 0
    return Candidate(
        host=one.host,
        remotes=one.remotes,
        ports=one.ports,
        domains=tuple(dict.fromkeys((one.value, *one.names)))[:SHOWN] if one.names else (),
        first=one.first,
        last=max(one.last, one.called_last or one.last),
        p_value=p_value(log10_p),
        prior=PRIOR,
        clues=weighed,
        reasons=(_does(one) + said_by(alike), _by_chance(one, log10_p)),
        numbers=_numbers(alike),
        evidence=_LOOKUPS if in_dns else _NAMED if one.names else _CALLS,
        row={
            "Source": one.source,
            "Remote": one.remotes,
            "Name": one.written,
            "Indicator": tuple(each.number for each in alike),
        },
        explained_by=filters if in_dns else None,
    )


def _does(one: Meeting) -> str:
    if not one.names:
        return f"calls {one.remotes[0]}"
    return f"asks for {one.names[0]}"


def said_by(alike: Sequence[Meeting]) -> str:
    """Which lists name a place, where in them, and as what."""
    lists = [f"{each.list} lists{_as_what(each)} (line {each.line})" for each in alike[:3]]
    return f", which {' and '.join(dict.fromkeys(lists))}"


def _as_what(one: Meeting) -> str:
    network = (
        f" in {one.value}"
        if one.kind == "network"
        else f" under {one.value}"
        if one.names and one.value not in one.names
        else ""
    )
    return f"{network}{f' as {one.label}' if one.label else ''}"


def _by_chance(one: Meeting, log10_p: float) -> str:
    what, of = ("names", "domains that it asks for") if one.names else ("addresses", "places that it calls")
    listed = f"{one.covered:,.0f}" if one.covered < _COUNTABLE else f"{one.covered:.0e}"
    chance = f"by chance they meet the {one.places} {of} with p = 1e{log10_p:.0f}"
    return f"{what} that lists name as narrowly as this: {listed}; {chance}"


_COUNTABLE = 1e12


def _numbers(alike: Sequence[Meeting]) -> dict[str, str | int | float | bool | None]:
    one = alike[0]
    return {
        "indicator": one.value,
        "indicator_kind": one.kind,
        "lists": ", ".join(dict.fromkeys(each.list for each in alike)),
        "label": next((each.label for each in alike if each.label), None),
        "list_confidence": max((each.confidence for each in alike if each.confidence is not None), default=None),
        "valid_from": _time(one.since),
        "valid_until": _time(one.until),
        **{name: int(getattr(one, name)) for name in ("sessions", "failed", "sent", "received")},
        "lookups": one.in_dns,
    }


def _time(moment: datetime | None) -> str | None:
    return f"{moment.isoformat(timespec='seconds')}Z" if moment else None


_CALLS = EvidenceRows(table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "DstIpAddr": "$Remote"})
_NAMED = EvidenceRows(table=NETWORK_SESSION, where={"SrcIpAddr": "$Source", "DstHostname": "$Name"})
_LOOKUPS = EvidenceRows(table=DNS_ACTIVITY, where={"SrcIpAddr": "$Source", "DnsQuery": "$Name"})

INDICATOR = Analytic(
    name="indicator",
    title="Calls or asks for what a list of indicators names",
    null="what a host calls is spread over the public addresses, and mistakes of lists over the registered domains",
    role=Role.BOT,
    techniques=("T1071", "T1568", "T1583"),
    reads=READS,
    find=find,
    judges=("indicator-address", "indicator-domain"),
    beside={LISTED: "--indicators FILE"},
)


# --- what comes from outside ----------------------------------------------------------------------------------------


def find_came(sight: Sight) -> Found:
    """The hosts that are called from listed places."""
    met = list(meetings(sight.run(came(sight.schema))))
    found = [_came(list(group)) for _, group in groupby(met, key=attrgetter("host"))]
    hosts = max((each.all_hosts for each in met), default=0)
    return Found(hosts, hosts, tuple(found))


def came_clues(own: Sequence[Meeting]) -> Iterator[Clue]:
    """What speaks for an attack that was aimed. `own`: the sources of one host, those that were let in first."""
    first = own[0]
    both = [each for each in own if each.sent > _TALK and each.received > _TALK]
    if not first.let_in:
        yield Clue("none of them is let in", -1.0)
    elif both:
        yield Clue(f"{both[0].remote} is let in and exchanges {both[0].sent + both[0].received:,.0f} bytes", 0.5)
    sure = [each.confidence for each in own if each.confidence is not None]
    if sure and max(sure) >= 75:  # noqa: PLR2004
        yield Clue(f"a list is sure of one to {max(sure)} of 100", 0.3)


_TALK = 2_000  # bytes each way, beyond a greeting and a refusal


def _came(own: Sequence[Meeting]) -> Candidate:
    one = own[0]
    log10_p = _chance_of_addresses(one.sources, max(own, key=attrgetter("covered")))
    scanners = [each for each in network_of([each.remote for each in own]) if each and each.kind is Kind.SCANNER]
    refused = "none of them is let in: what scans the Internet is on many lists" if not one.let_in else None
    research = "they are scanners of research" if len(scanners) == len(own) else None
    return Candidate(
        host=one.host,
        remotes=tuple(each.remote for each in own),
        ports=tuple(sorted({port for each in own for port in each.ports}))[:SHOWN],
        first=min(each.first for each in own),
        last=max(each.last for each in own),
        p_value=p_value(log10_p),
        prior=PRIOR_CAME,
        clues=tuple(came_clues(own)),
        reasons=(
            f"is called by {one.sources} listed addresses, {one.let_in} let in, as {one.remote}{said_by([one])}",
            f"chance has as many listed ones among its {one.places} sources with p = 1e{log10_p:.0f}",
        ),
        numbers={"sources": one.sources, "let_in": one.let_in, "of_sources": one.places},
        evidence=_SOURCES,
        row={
            "Own": one.source,
            "Remote": tuple(each.remote for each in own),
            "Indicator": tuple(n for each in own for n in each.numbers),
        },
        explained_by=refused or research,
    )


_SOURCES = EvidenceRows(table=NETWORK_SESSION, where={"DstIpAddr": "$Own", "SrcIpAddr": "$Remote"})

INDICATOR_SOURCE = Analytic(
    name="indicator-source",
    title="Is called from what a list of indicators names",
    null="what calls a host is spread over the public addresses",
    role=Role.TARGET,
    techniques=("T1595", "T1190"),
    reads={NETWORK_SESSION: READS[NETWORK_SESSION]},
    find=find_came,
    beside={LISTED: "--indicators FILE"},
)
