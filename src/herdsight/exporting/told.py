"""What formats of findings share: moments in their units, who is attacked, and the techniques that are known."""

from collections.abc import Iterator
from datetime import datetime

from herdsight.attack import Technique, techniques
from herdsight.findings.model import Finding, Role


def milliseconds(moment: datetime) -> int:
    """Since 1970, in UTC."""
    return int(moment.timestamp() * 1000)


def is_under_attack(finding: Finding) -> bool:
    """Whether what came to the host is told, and not what it sent: then the others are the sources."""
    return finding.role is Role.TARGET


def known_techniques(finding: Finding) -> Iterator[Technique]:
    """The techniques of a finding that ATT&CK has; a rule of somebody's own may name any."""
    known = techniques()
    return (known[each] for each in finding.techniques if each in known)
