"""A rule whose meaning changed has a new version: a hash of the meaning of each version is kept beside the rules."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from herdsight.checks.model import Check, Checked
from herdsight.errors import HerdsightError, RuleError
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile

NAME = "versions.json"
# What decides which alerts there are and what they say; the rest explains it.
_MEANING = {
    *("query", "severity", "queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "kind"),
    *("tactics", "relevantTechniques", "entityMappings", "customDetails", "eventGroupingSettings"),
}

Lock = Mapping[str, Mapping[str, str]]


def meaning(rule: Rule) -> str:
    """The SHA-256 of what a rule means, in hexadecimal."""
    said = rule.model_dump(mode="json", include=_MEANING)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def lock_of(folder: Path) -> Lock:
    """The versions that are kept in a folder of rules.

    Raises:
        RuleError: the file is broken.
    """
    path = folder / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise RuleError(f"{path} cannot be read: {error}", hint="herdsight rules check --fix writes it anew") from error
    return found if isinstance(found, dict) else {}


def write_lock(rules: Sequence[RuleFile], folder: Path) -> None:
    """Keep the versions of rules; one whose meaning changed under its old version stays as it was."""
    before, lock = lock_of(folder), {}
    for each in rules:
        own = {"version": each.rule.version, "meaning": meaning(each.rule)}
        known = before.get(each.slug, own)
        lock[each.slug] = known if known["version"] == own["version"] else own
    (folder / NAME).write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _faults(rule: Checked) -> Iterator[HerdsightError]:
    if rule.folder is None:
        return
    known = lock_of(rule.folder).get(rule.file.slug)
    version = rule.file.rule.version
    if known is None or known.get("version") != version:
        yield rule.wrong(f"{NAME} does not know version {version}", "version", hint="herdsight rules check --fix")
    elif known.get("meaning") != meaning(rule.file.rule):
        hint = "raise the version, then herdsight rules check --fix"
        yield rule.wrong(f"the rule is not what version {version} was", "version", hint=hint)


CHECKS = (Check("version", "a rule whose meaning changed has a new version", _faults),)
