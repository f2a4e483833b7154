"""Findings told with what is known of their places: clouds, content networks, and what the user's databases say."""

from collections.abc import Iterator, Mapping, Sequence

from herdsight.analytics.clouds import Owner, network_of
from herdsight.findings.model import Finding, Scalar
from herdsight.geo import Geo, Whereabouts

_TOLD = 3  # places of one finding; the others are as likely anywhere


def placed(findings: Sequence[Finding], geo: Geo) -> list[Finding]:
    """The findings, each with a reason that says where its first places are, and with that of the first as numbers."""
    remotes = sorted({remote for each in findings for remote in each.remotes[:_TOLD]})
    owners = dict(zip(remotes, network_of(remotes), strict=True))
    where = {remote: geo.where(remote) for remote in remotes}
    return [_placed(each, owners, where) for each in findings]


def _placed(finding: Finding, owners: Mapping[str, Owner | None], where: Mapping[str, Whereabouts]) -> Finding:
    places = finding.remotes[:_TOLD]
    said = [f"{each} is in {words}" for each in places if (words := ", ".join(_words(owners[each], where[each])))]
    if not said:
        return finding
    numbers = {**finding.numbers, **_numbers(where[places[0]])}
    return finding.model_copy(update={"reasons": (*finding.reasons, "; ".join(said)), "numbers": numbers})


def _words(owner: Owner | None, where: Whereabouts) -> Iterator[str]:
    if owner is not None:
        yield f"{owner.name} ({owner.kind})"
    if str(where):
        yield str(where)


def _numbers(where: Whereabouts) -> dict[str, Scalar]:
    known: dict[str, Scalar] = {
        "country": where.country,
        "asn": where.network,
        "as_owner": where.owner,
        "network_use": where.use,
    }
    return {name: value for name, value in known.items() if value}
