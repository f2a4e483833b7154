"""What belongs to a rule beside itself: related rules, hunting queries, questions, and its role's playbook."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from herdsight.guidance.model import Playbook, Question
from herdsight.guidance.reading import HuntingFile, hunting_queries, playbooks, questions_of
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile, shipped_rules

PAGE = "T1583.005"  # what all the rules are about: shared by all, it relates none of them


@dataclass(frozen=True, slots=True)
class Related:
    """Another rule, and what both have in common, in words."""

    file: RuleFile
    shared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Companions:
    """What belongs to a rule."""

    playbook: Playbook
    questions: tuple[Question, ...]
    hunting: tuple[HuntingFile, ...]
    related: tuple[Related, ...]


def companions(file: RuleFile) -> Companions:
    """What belongs to a rule, of all that ships."""
    role = file.rule.herdsight.role
    return Companions(
        playbook=playbooks()[role],
        questions=questions_of(role),
        hunting=tuple(each for each in hunting_queries() if role in each.query.herdsight.roles),
        related=related(file, shipped_rules()),
    )


def related(file: RuleFile, others: Sequence[RuleFile]) -> tuple[Related, ...]:
    """The rules that have a technique and the role in common with a rule, those with most in common first.

    The role alone does not relate: a third of the rules have it in common.
    """
    found = (
        Related(each, tuple(_shared(file.rule, each.rule)))
        for each in others
        if each.rule.id != file.rule.id
        and each.rule.herdsight.role is file.rule.herdsight.role
        and _techniques(file.rule) & _techniques(each.rule)
    )
    return tuple(sorted(found, key=lambda each: (-len(each.shared), each.file.slug)))


def _shared(one: Rule, other: Rule) -> Iterator[str]:
    yield from sorted(_techniques(one) & _techniques(other))
    yield from sorted(set(tables_of(one)) & set(tables_of(other)))


def _techniques(rule: Rule) -> set[str]:
    return set(rule.relevantTechniques) - {PAGE}


def tables_of(rule: Rule) -> tuple[str, ...]:
    """The tables that a rule says it reads, in its order."""
    return tuple(dict.fromkeys(name for each in rule.requiredDataConnectors for name in each.dataTypes))
