"""Whether a finding is about an entry of a truth file."""

import re
from collections.abc import Mapping
from ipaddress import ip_network

from herdsight.evaluating.truths import Entry
from herdsight.findings.entities import address_of, is_under
from herdsight.findings.model import Finding, Role
from herdsight.simulation.truth import Deed

# What a detection looks for stands in its name. The first that has one of its words decides: "outbound-flood" is a
# DDoS, "dns-txt-c2" a tunnel.
_WORDS: Mapping[Deed, frozenset[str]] = {
    "dga": frozenset({"dga", "nxdomain"}),
    "tunnel": frozenset({"dns", "tunnel"}),
    "irc": frozenset({"irc"}),
    "p2p": frozenset({"p2p", "peers", "rotating", "rotation"}),
    "relay": frozenset({"relay", "orb"}),
    "ddos": frozenset({"outbound", "ddos"}),
    "flood": frozenset({"flood", "amplification", "guessing"}),
    "spread": frozenset({"spread", "spreader", "scan"}),
    "beacon": frozenset({"beacon", "callback", "c2"}),
}

ROLES: Mapping[Deed, Role] = {
    "beacon": Role.BOT,
    "dga": Role.BOT,
    "tunnel": Role.BOT,
    "irc": Role.BOT,
    "p2p": Role.BOT,
    "relay": Role.RELAY,
    "spread": Role.ATTACKER,
    "ddos": Role.ATTACKER,
    "flood": Role.TARGET,
}
_USUAL: Mapping[Role, Deed] = {
    Role.BOT: "beacon",
    Role.RELAY: "relay",
    Role.ATTACKER: "spread",
    Role.TARGET: "flood",
}  # of a role, where the name of a detection says no more


def behaviour_of(finding: Finding) -> Deed:
    """The behaviour that a finding speaks of."""
    words = set(re.split(r"[^a-z0-9]+", finding.detection.lower()))
    return next((deed for deed, own in _WORDS.items() if own & words), _USUAL[finding.role])


def fits(finding: Finding, entry: Entry) -> bool:
    """Whether a finding is about an entry: its host, its remote and port where both name them, and its behaviour.

    Where a remote or port of the entry is met, a finding of the same role will do: a beacon's C2 that is found by its
    protocol is found. Where nothing but the host can be compared it must speak of the very behaviour.
    """
    if finding.host.lower() != entry.host.lower():
        return False
    met = (_remote(finding, entry.remote), _port(finding, entry.port))
    if False in met:
        return False
    return behaviour_of(finding) == entry.behaviour or (True in met and finding.role is ROLES[entry.behaviour])


def _port(finding: Finding, port: int | None) -> bool | None:
    """Whether a port is among a finding's; None where one of them names none."""
    return None if port is None or not finding.ports else port in finding.ports


def _remote(finding: Finding, remote: str | None) -> bool | None:
    """Whether a remote is among a finding's; None where there is nothing to compare."""
    if remote is None:
        return None
    try:
        network = ip_network(remote, strict=False)
    except ValueError:
        # A finding may name the registered domain alone, of which the entry names a part.
        met = (is_under(name, remote) or ("." in name and is_under(remote, name)) for name in finding.domains)
        return any(met) if finding.domains else None
    addresses = [address for each in finding.remotes if (address := address_of(each))]
    return any(each in network for each in addresses) if addresses else None
