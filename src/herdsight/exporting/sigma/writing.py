"""Forms as Sigma's YAML, by the conventions of SigmaHQ: a file a rule, detections first and then what counts them."""

import re
from collections.abc import Iterator, Mapping
from uuid import uuid5

from herdsight.attack import techniques
from herdsight.exporting.model import File
from herdsight.exporting.sigma.asked import detection
from herdsight.exporting.sigma.forms import Base, Count, Form
from herdsight.exporting.texts import yaml_text
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile

_AUTHOR = "The Herdsight authors"
_STATUS = "experimental"  # what SigmaHQ calls a rule that nobody else has run yet
_ATTACK = "https://attack.mitre.org/"  # told by tags; SigmaHQ takes no such references
# SigmaHQ's titles have capitals, but for these (pySigma-validators-sigmahq, title.py).
_SMALL = frozenset(
    {"a", "an", "and", "as", "at", "by", "for", "from", "in", "new", "of"}
    | {"on", "or", "over", "the", "through", "to", "via", "with", "without"}
)
_LONGEST_TITLE, _LONGEST_NAME = 110, 60  # of SigmaHQ's 120 and 90, with room for what stands before or behind


def written(file: RuleFile, form: Form) -> File:
    """The file of a form."""
    name = re.sub(r"[^a-z0-9]+", "_", file.slug.lower()).strip("_")[:_LONGEST_NAME]
    documents = list(_documents(file, name, form))
    counted = len(documents) > 1
    prefix = "correlation_" if counted else form.bases[0].log.prefix
    return File(f"{prefix}{name}.yml", "---\n".join(map(yaml_text, documents)))


def _documents(file: RuleFile, name: str, form: Form) -> Iterator[dict[str, object]]:
    rule = file.rule
    if not form.by:
        yield _document(rule, "", _events(form.bases[0]))
        return
    several = len(form.bases) > 1
    bases = [f"{name}_{place + 1}" if several else f"{name}_events" for place in range(len(form.bases))]
    for place, (base, own) in enumerate(zip(form.bases, bases, strict=True)):
        part = ("the Event Before", "the Event Behind")[place] if several else "One Event"
        yield _document(rule, part, {"name": own, **_events(base)})
    if several:
        yield _document(rule, "", {"correlation": _correlation(form, "temporal_ordered", bases)})
        return
    if len(form.counts) == 1:
        yield _document(rule, "", {"correlation": _counted(form, form.counts[0], bases)})
        return
    parts = [f"{name}_{each.kind}_{each.field}".removesuffix("_None").lower() for each in form.counts]
    for own, count in zip(parts, form.counts, strict=True):
        of = f"Number of {count.field}" if count.field else "Number of Events"
        yield _document(rule, of, {"name": own, "correlation": _counted(form, count, bases)})
    yield _document(rule, "", {"correlation": _correlation(form, "temporal", parts)})


def _events(base: Base) -> dict[str, object]:
    return {"logsource": dict(base.log.source), "detection": detection(base.tests)}


def _counted(form: Form, count: Count, rules: list[str]) -> dict[str, object]:
    condition: dict[str, object] = {count.order: count.limit}
    if count.field:
        condition["field"] = count.field
    if count.percentile is not None:
        condition["percentile"] = count.percentile
    return {**_correlation(form, count.kind, rules), "condition": condition}


def _correlation(form: Form, kind: str, rules: list[str]) -> dict[str, object]:
    return {"type": kind, "rules": rules, "group-by": [*form.by], "timespan": form.span}


# --- meta data ------------------------------------------------------------------------------------------------------


def _document(rule: Rule, part: str, body: Mapping[str, object]) -> dict[str, object]:
    """A document: `part` says which of the rule's; "" is the rule itself, that of the alert."""
    title = _title(rule.name)
    own = rule.herdsight
    head: dict[str, object] = {
        "title": f"{title} - {part}" if part else title,
        "id": str(uuid5(rule.id, f"sigma {part}".strip())),
        **({"name": body["name"]} if "name" in body else {}),
        "status": _STATUS,
        "description": rule.description.strip(),
        "references": [each for each in own.references if each.startswith("https://") and _ATTACK not in each],
        "author": _AUTHOR,
        "date": own.written.isoformat() if own.written else None,
        "tags": tags(rule),
    }
    tail = {"falsepositives": [*own.falsePositives], "level": rule.severity.lower()}
    body = {name: value for name, value in body.items() if name != "name"}
    return {name: value for name, value in {**head, **body, **tail}.items() if value not in (None, [])}


def _title(name: str) -> str:
    words = (each if each in _SMALL or not each.islower() else each[:1].upper() + each[1:] for each in name.split())
    return " ".join(words).rstrip(".")[:_LONGEST_TITLE]


def tags(rule: Rule) -> list[str]:
    """The tactics, with those of all techniques, and the techniques."""
    known = techniques()
    implied = (tactic for each in rule.relevantTechniques if each in known for tactic in known[each].tactics)
    tactics = (re.sub(r"(?<=[a-z])(?=[A-Z])", "-", each).lower() for each in (*rule.tactics, *implied))
    return list(dict.fromkeys(f"attack.{each}" for each in (*tactics, *(t.lower() for t in rule.relevantTechniques))))
