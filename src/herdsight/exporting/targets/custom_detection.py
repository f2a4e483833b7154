"""Rules as custom detections of Microsoft Defender: bodies for Microsoft Graph, /v1.0/security/rules/detectionRules."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from herdsight.attack import techniques
from herdsight.errors import QueryError
from herdsight.exporting.microsoft.alerting import described, threshold_of, unsaid_techniques
from herdsight.exporting.microsoft.analytic import fitted, is_detail_name
from herdsight.exporting.microsoft.durations import iso8601, short
from herdsight.exporting.microsoft.events import keys_of, with_event
from herdsight.exporting.microsoft.surfaces import hunted, hunting_tables, not_hunted
from herdsight.exporting.model import LEFT_OUT, Content, Export, File, Loss, RuleTarget
from herdsight.exporting.texts import document
from herdsight.exporting.together import each_rule
from herdsight.kql.binding import Surroundings
from herdsight.kql.lexer import Text
from herdsight.kql.printing import printed
from herdsight.kql.statements import parse
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile

_LONGEST_QUERY = 10_000
_DETAILS = 20

# The columns of a result that say who it is about, by Sentinel's identifiers (Graph: hostEntityMapping and its kin).
_ENTITIES = {
    ("Host", "FullName"): ("hosts", "nameColumn"),
    ("Host", "HostName"): ("hosts", "nameColumn"),
    ("Account", "FullName"): ("accounts", "nameColumn"),
    ("Account", "Name"): ("accounts", "nameColumn"),
    ("Account", "NTDomain"): ("accounts", "ntDomainColumn"),
    ("Account", "Sid"): ("accounts", "sidColumn"),
    ("Account", "UPNSuffix"): ("accounts", "upnSuffixColumn"),
    ("Account", "AadUserId"): ("accounts", "aadUserIdColumn"),
    ("IP", "Address"): ("ips", "addressColumn"),
}


@dataclass(frozen=True, slots=True)
class _Pace:
    """How often a detection may run, and how far back a run looks at that pace."""

    frequency: timedelta
    lookback: timedelta


_PACES = (  # learn.microsoft.com, defender-xdr/custom-detection-rules: Rule frequency
    _Pace(timedelta(hours=1), timedelta(hours=4)),
    _Pace(timedelta(hours=3), timedelta(hours=12)),
    _Pace(timedelta(hours=12), timedelta(hours=48)),
    _Pace(timedelta(hours=24), timedelta(days=30)),
)


def _export(content: Content) -> Export:
    return each_rule(content, _rule)


def _rule(file: RuleFile) -> Export:
    fit = fitted(file)
    if fit.rule is None:
        return Export((), fit.losses)
    query = _query(file)
    if not isinstance(query, str):
        return Export((), query)
    losses = (*fit.losses, *_lost(file, fit.rule), *unsaid_techniques(file.slug, fit.rule))
    return Export((File(f"{file.slug}.json", document(_detection(fit.rule, query))),), losses)


def _query(file: RuleFile) -> str | tuple[Loss, ...]:
    """The query on the surface of advanced hunting; or why there is none."""
    from herdsight.querying import compiled

    text = Text(file.rule.query, f"{file.source} (query)")
    made = compiled(file.rule.query, text.source)[0].query.relation
    missing = tuple(
        Loss(file.slug, each, f"advanced hunting has it not of its own; {LEFT_OUT}") for each in not_hunted(text, made)
    )
    keys = keys_of(file.rule, made.fields)
    if missing or not keys:
        return missing or (Loss(file.slug, "the evidence", f"no column of it is a result's alone; {LEFT_OUT}"),)
    try:
        query = printed(hunted(with_event(parse(text).statements, file.rule, made.fields, keys)))
        compiled(query, text.source, Surroundings(hunting_tables()))
    except QueryError as error:
        return (Loss(file.slug, "the query", f"on advanced hunting, {error.what}; {LEFT_OUT}"),)
    except RecursionError:
        return (Loss(file.slug, "the query", f"it nests too deep to be rewritten; {LEFT_OUT}"),)
    if len(query) > _LONGEST_QUERY:
        return (Loss(file.slug, "the query", f"it has more than {_LONGEST_QUERY:,} characters there; {LEFT_OUT}"),)
    return query


def _lost(file: RuleFile, rule: Rule) -> Iterator[Loss]:
    pace = _pace(rule)
    if pace.frequency > rule.queryFrequency:
        faster = (
            f"a faster pace does not look back {short(rule.queryPeriod)}" if pace != _PACES[0] else "none is faster"
        )
        lost = f"it runs every {short(pace.frequency)}: {faster}"
        yield Loss(file.slug, f"queryFrequency {short(rule.queryFrequency)}", lost)
    if clause := threshold_of(rule):
        yield Loss(file.slug, clause, "every result raises an alert")
    if rule.eventGroupingSettings is None or rule.eventGroupingSettings.aggregationKind == "SingleAlert":
        yield Loss(file.slug, "eventGroupingSettings SingleAlert", "every result is an alert of its own")
    for name in [*_details(rule)][_DETAILS:]:
        yield Loss(file.slug, f"customDetails.{name}", f"an alert has {_DETAILS} details; it is left out")


def _pace(rule: Rule) -> _Pace:
    return next(each for each in _PACES if each.lookback >= rule.queryPeriod)


def _detection(rule: Rule, query: str) -> dict[str, object]:
    return {
        "displayName": rule.name,
        "status": "disabled",
        "queryCondition": {"queryText": query},
        "schedule": {"frequency": iso8601(_pace(rule).frequency)},
        "detectionAction": {
            "alertTemplate": {
                "title": rule.name,
                "description": described(rule),
                "severity": rule.severity.lower(),
                "tactics": _tactics(rule),
                "entityMappings": _entities(rule),
                "customDetails": dict([*_details(rule).items()][:_DETAILS]),
            }
        },
    }


def _tactics(rule: Rule) -> list[dict[str, object]]:
    """The first of the tactics, which is all that a detection may have, with the techniques that serve it."""
    known = techniques()
    served = (each for each in rule.relevantTechniques if each in known and rule.tactics[0] in known[each].tactics)
    names = dict.fromkeys(each.partition(".")[0] for each in served)
    return [{"tactic": rule.tactics[0], "techniques": [{"technique": each} for each in names]}] if rule.tactics else []


def _entities(rule: Rule) -> dict[str, object]:
    """Whom a result is about; the device by its id, too, which the event has."""
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for entity in rule.entityMappings:
        mapped = [
            (_ENTITIES.get((entity.entityType, each.identifier)), each.columnName) for each in entity.fieldMappings
        ]
        known = [(place, column) for place, column in mapped if place]
        if known:
            found[known[0][0][0]].append({field: column for (_, field), column in known})
    hosts = found["hosts"] = found["hosts"] or [{}]
    hosts[0] = {"deviceIdColumn": "DeviceId"} | hosts[0]
    return {kind: found[kind] for kind in ("hosts", "accounts", "ips") if found[kind]}


def _details(rule: Rule) -> dict[str, str]:
    """The custom details; behind them what Sentinel has as an entity and a detection has not, under its identifier."""
    details = dict(rule.customDetails)
    for name, column in _unmapped(rule):
        if column not in details.values() and name not in details and is_detail_name(name):
            details[name] = column
    return details


def _unmapped(rule: Rule) -> Sequence[tuple[str, str]]:
    return [
        (each.identifier, each.columnName)
        for entity in rule.entityMappings
        for each in entity.fieldMappings
        if (entity.entityType, each.identifier) not in _ENTITIES
    ]


TARGET = RuleTarget(
    "custom-detection",
    "Custom detections of Microsoft Defender, as JSON for Microsoft Graph.",
    _export,
    ("--allow-lossy", "irc-c2 --allow-lossy"),
)
