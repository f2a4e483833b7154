"""What formats of findings share: moments in their units, whether a name is an address, and lines of JSON."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address

from herdsight.attack import Technique, techniques
from herdsight.findings.model import Finding, Role
from herdsight.output.values import json_text


def milliseconds(moment: datetime) -> int:
    """Since 1970, in UTC."""
    return int(moment.timestamp() * 1000)


def address(name: str) -> IPv4Address | IPv6Address | None:
    """The address that a name is, where it is one."""
    try:
        return ip_address(name)
    except ValueError:
        return None


def is_under_attack(finding: Finding) -> bool:
    """Whether what came to the host is told, and not what it sent: then the others are the sources."""
    return finding.role is Role.TARGET


def known_techniques(finding: Finding) -> Iterator[Technique]:
    """The techniques of a finding that ATT&CK has; a rule of somebody's own may name any."""
    known = techniques()
    return (known[each] for each in finding.techniques if each in known)


def filled(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that have a value; an empty list or mapping is none."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def lines(records: Iterable[Mapping[str, object]]) -> str:
    """A JSON object a line."""
    return "".join(f"{json_text(each)}\n" for each in records)
