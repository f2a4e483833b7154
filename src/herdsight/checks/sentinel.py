"""What Sentinel demands of a rule beyond the form of its fields."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError, QueryError
from herdsight.guesses import did_you_mean
from herdsight.kql import plan
from herdsight.kql.lexer import Text, tokens
from herdsight.kql.rewrites.walk import conjuncts, relations
from herdsight.kql.show import value_text

# The identifiers of the entities that an alert may name (Azure-Sentinel, EntityMappingIdentifiers).
_IDENTIFIERS: Mapping[str, frozenset[str]] = {
    name: frozenset(identifiers.split())
    for name, identifiers in {
        "Account": "Name FullName NTDomain DnsDomain UPNSuffix Sid AadTenantId AadUserId PUID IsDomainJoined"
        " DisplayName ObjectGuid CloudAppAccountId",
        "AzureResource": "ResourceId",
        "CloudApplication": "AppId Name InstanceName",
        "DNS": "DomainName",
        "File": "Directory Name",
        "FileHash": "Algorithm Value",
        "Host": "DnsDomain NTDomain HostName FullName NetBiosName AzureID OMSAgentID OSFamily OSVersion IsDomainJoined",
        "IP": "Address",
        "Malware": "Name Category",
        "Process": "ProcessId CommandLine ElevationToken CreationTimeUtc",
        "URL": "Url",
    }.items()
}


def _entities(rule: Checked) -> Iterator[HerdsightError]:
    for place, each in enumerate(rule.file.rule.entityMappings):
        known = _IDENTIFIERS.get(each.entityType)
        path = ("entityMappings", place)
        if known is None:
            hint = did_you_mean(each.entityType, _IDENTIFIERS)
            yield rule.wrong(f"there is no entity {each.entityType!r}", *path, "entityType", hint=hint)
            continue
        for number, field in enumerate(each.fieldMappings):
            if field.identifier not in known:
                what = f"{each.entityType} has no identifier {field.identifier!r}"
                hint = did_you_mean(field.identifier, sorted(known))
                yield rule.wrong(what, *path, "fieldMappings", number, "identifier", hint=hint)


def _whole_workspace(rule: Checked) -> Iterator[HerdsightError]:
    """`search *` and `union *` read every table, which Sentinel refuses in a rule."""
    text = Text(rule.file.rule.query)
    try:
        found = tokens(text)
    except QueryError:
        return
    for token, following in pairwise(found):
        if token.value in {"search", "union"} and following.value == "*":
            what = HerdsightError(f"a rule may not use `{token.value} *`", place=text.place(token.start))
            yield rule.in_query(what)


def _window(rule: Checked) -> Iterator[HerdsightError]:
    """A rule sees no event that is older than its period, whatever its query asks for."""
    period = rule.file.rule.queryPeriod
    for part in relations(rule.relation) if rule.relation else ():
        for condition in conjuncts(part.condition) if isinstance(part, plan.Filter) else ():
            back = _back(condition)
            if back is not None and back > period.total_seconds() * 1e6:
                what = f"the query looks further back than queryPeriod: {value_text(condition)}"
                yield rule.wrong(what, "queryPeriod", hint="let both be the same")


def _back(condition: plan.Scalar) -> float | None:
    """How many microseconds before now a condition begins; None where it compares no time so."""
    match condition:
        case plan.Apply(function=function, arguments=(plan.Ref(), plan.Apply(function=minus, arguments=(now, back)))):
            is_back = minus.name == "-" and isinstance(now, plan.Now) and isinstance(back, plan.Const)
            if function.name in {">", ">="} and is_back and isinstance(back, plan.Const):
                return float(back.value) if isinstance(back.value, int) else None
    return None


CHECKS = (
    Check("entities", "entities and their identifiers are Sentinel's", _entities),
    Check("whole-workspace", "the query does not read every table", _whole_workspace),
    Check("window", "the query looks no further back than the rule's period", _window),
)
