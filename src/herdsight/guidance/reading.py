"""The guidance that comes with Herdsight, read and checked; what is wrong is said with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from herdsight.content import shipped
from herdsight.documents import faults, loaded
from herdsight.errors import InputError
from herdsight.findings.model import Role
from herdsight.guidance.model import Guide, HuntingQuery, Playbook, Question

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class HuntingFile:
    """A hunting query and where it was read; `slug` is the file's name without its ending."""

    slug: str
    source: str
    query: HuntingQuery
    tree: Mapping[str, object] = field(repr=False, compare=False, default_factory=dict)


@cache
def playbooks() -> Mapping[Role, Playbook]:
    """The playbook of each role."""
    found = (read_document(each.name, each.text, Playbook, "a playbook") for each in shipped("playbooks"))
    return {each.role: each for each in found}


@cache
def questions() -> tuple[Question, ...]:
    """The questions of the investigation guide, in order."""
    guides = (read_document(each.name, each.text, Guide, "a guide") for each in shipped("investigation"))
    return tuple(question for guide in guides for question in guide.questions)


def questions_of(role: Role) -> tuple[Question, ...]:
    """The questions that are asked about a finding of that role, in order."""
    return tuple(each for each in questions() if role in each.roles)


@cache
def hunting_queries() -> tuple[HuntingFile, ...]:
    """The hunting queries, by name of file."""
    return tuple(read_hunting(each.name, each.text) for each in shipped("hunting"))


def read_hunting(source: str, text: str) -> HuntingFile:
    """One hunting query from YAML text; `source` names it in errors.

    Raises:
        InputError: it is no YAML, or no hunting query; with its line and column.
    """
    tree = loaded(source, text, InputError, holds="a hunting query")
    return HuntingFile(Path(source).stem, source, _checked(source, tree, HuntingQuery), tree)


def read_document(source: str, text: str, model: type[M], holds: str) -> M:
    """A document of that form from YAML text; `source` names it in errors, `holds` says what it is.

    Raises:
        InputError: it is no YAML, or not of that form; with its line and column.
    """
    return _checked(source, loaded(source, text, InputError, holds=holds), model)


def _checked(source: str, tree: Mapping[str, object], model: type[M]) -> M:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        first, *others = faults(source, tree, error, whole="the document")
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{first.said}{more}", place=first.place) from error
