"""What a target of an export is, what it is given, and what it gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from herdsight.findings.model import Hunt
from herdsight.rules.reading import RuleFile
from herdsight.tuning.model import Entry


@dataclass(frozen=True, slots=True)
class Content:
    """What is exported: rules, and the entries of the tuning that goes with them."""

    rules: Sequence[RuleFile]
    tuning: Sequence[Entry] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A file of an export: its place in the folder, with `/` between the parts, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Loss:
    """What a target cannot say of a rule: which clause of it, and what becomes of it."""

    rule: str
    clause: str
    lost: str


LEFT_OUT = "the rule is left out"  # the end of what is lost, where nothing of the rule remains


@dataclass(frozen=True, slots=True)
class Export:
    """The files that stand for the content, and what they do not say of it."""

    files: tuple[File, ...]
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """A format of rules: its name on the command line, what it is in a sentence, and how content becomes its files.

    `export` is pure, and gives the same bytes for the same content; a rule that the target has no form for at all is
    told as a Loss and has no file. `examples` are words that one may put behind the name.
    """

    name: str
    says: str
    export: Callable[[Content], Export]
    examples: tuple[str, ...] = ("", "irc-c2")


@dataclass(frozen=True, slots=True)
class FindingTarget:
    """A format of findings: its name on the command line, what it is in a sentence, and how a hunt becomes its text."""

    name: str
    says: str
    write: Callable[[Hunt], str]


Target = RuleTarget | FindingTarget
