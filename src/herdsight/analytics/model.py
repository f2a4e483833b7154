"""What an analytic is: what it reads, and what it says of a host, with a p-value against a stated null hypothesis."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import pyarrow as pa
from sqlglot import exp

from herdsight.findings.model import Role, Scalar
from herdsight.rules.model import EvidenceRows

Value: TypeAlias = str | int | float | bool | datetime | None

# What the source of a session or a query is called, as SQL: its name where the logs have one, else its address.
HOST = "CASE WHEN SrcHostname <> '' THEN SrcHostname ELSE SrcIpAddr END"


@dataclass(frozen=True, slots=True)
class Sight:
    """What an analytic sees of the logs.

    `run` answers a tree over the tables of `schema`, which have the columns that the analytic reads and those alone;
    `tables` are those that have rows. Where sessions have, the schema has their table of `pairs` as well. `names` says
    of addresses by which names they were looked up; `asks`, by client, from when to when it asks for names in the DNS
    logs.
    """

    run: Callable[[exp.Expr], pa.Table]
    schema: str
    tables: frozenset[str]
    names: Callable[[Sequence[str]], Mapping[str, tuple[str, ...]]]
    asks: Mapping[str, tuple[datetime, datetime]]

    def sees_lookups(self, source: str, first: datetime, last: datetime) -> bool:
        """Whether the DNS logs have lookups of a source at about that time: what is not there then was not made."""
        asked = self.asks.get(source)
        return asked is not None and asked[0] <= last and asked[1] >= first


@dataclass(frozen=True, slots=True)
class Clue:
    """Something that makes a candidate likelier (or less likely) to be what the analytic looks for, and by how much.

    `weight`: the log10 of how much oftener it is seen with the real thing than with what looks like it.
    """

    says: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One set of entities that the null hypothesis was put to.

    `p_value`: how often chance alone gives something as extreme, before it is corrected for how many were looked at.
    `prior`: the log10 odds that something which is not chance is what the analytic looks for, before any clue.
    `evidence` says which rows are behind it, and `row` has the values that it names by `$NAME`.
    """

    host: str
    remotes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    domains: tuple[str, ...] = ()
    process: str | None = None
    first: datetime
    last: datetime
    p_value: float
    prior: float
    clues: tuple[Clue, ...] = ()
    reasons: tuple[str, ...]
    numbers: Mapping[str, Scalar] = field(default_factory=dict)
    evidence: EvidenceRows
    row: Mapping[str, Value | Sequence[Value]]
    explained_by: str | None = None

    @property
    def probability(self) -> float:
        """That it is what the analytic looks for, given that it is not chance: the prior's odds and the clues'."""
        odds = self.prior + sum(clue.weight for clue in self.clues)
        return 1 / (1 + math.pow(10, -max(-_FAR, min(_FAR, odds))))


_FAR = 12.0  # as far as odds are told, as a power of ten


WORTH = -2.0  # log10: a p-value above 0.01 passes no level


def p_value(log10_p: float) -> float:
    """A p-value from its log10, as small as a number gets and never 0."""
    return max(math.pow(10, log10_p), 1e-300)


def same_in_all(rows: pa.Table, name: str) -> int:
    """A count that features carry in each of their rows, of all that they were made of; 0 where there are no rows."""
    return int(rows.column(name)[0].as_py()) if rows.num_rows else 0


@dataclass(frozen=True, slots=True)
class Found:
    """How many sets of entities of how many hosts were tested, and those that chance explains badly."""

    tested: int
    hosts: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Analytic:
    """A statistic over the hub tables that finds one behaviour.

    `reads`: by table, the columns it needs kept; `needs`, those of the first table that must be filled for it to run.
    `judges`: the shipped rules that ask the same by thresholds; what they find of a candidate's entities is as likely.
    `settles`: those of them that find chance where it finds nothing, since it tests all that they count; where the logs
    fill the columns of `settles_with`. `beside`: the tables that it reads beside the logs, and the option that gives
    each: what the user has named so is told at the level high even where chance would do.
    """

    name: str
    title: str
    null: str  # the hypothesis that the p-value is against, as a sentence
    role: Role
    techniques: tuple[str, ...]
    reads: Mapping[str, tuple[str, ...]]
    find: Callable[[Sight], Found]
    needs: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    settles: tuple[str, ...] = ()
    settles_with: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
