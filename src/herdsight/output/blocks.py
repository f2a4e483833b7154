"""Findings of a host put together: those that tell of the same are one block, the strongest first."""

from collections.abc import Iterable
from dataclasses import dataclass

from herdsight.findings.model import Finding


@dataclass(frozen=True, slots=True)
class Block:
    """A finding, and those that tell of the same by other means."""

    finding: Finding
    beside: tuple[Finding, ...]


def blocks(found: Iterable[Finding]) -> tuple[Block, ...]:
    """The findings of one host, in their order, each beside the first that tells of the same."""
    gathered: list[list[Finding]] = []
    for finding in found:
        home = next((each for each in gathered if _tells_of_the_same(each[0], finding)), None)
        if home is None:
            gathered.append([finding])
        else:
            home.append(finding)
    return tuple(Block(first, tuple(others)) for first, *others in gathered)


def _tells_of_the_same(one: Finding, other: Finding) -> bool:
    """The same role at the same time, with a place and a port in common, as far as both name any."""
    together = one.first_seen <= other.last_seen and other.first_seen <= one.last_seen
    return (
        one.role is other.role
        and together
        and _meet(_places(one), _places(other))
        and _meet(set(one.ports), set(other.ports))
    )


def _places(finding: Finding) -> set[str]:
    return {*finding.remotes, *finding.domains}


def _meet(some: set[str] | set[int], others: set[str] | set[int]) -> bool:
    return not some or not others or not some.isdisjoint(others)
