"""Writes `rules.md`, the page of the shipped rules, and the README's table of them, from the rules: `make docs`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile, shipped_rules

PAGE = Path(__file__).with_name("rules.md")
README = Path(__file__).parent.parent / "README.md"
_TABLE = re.compile(r"(?<=## The rules\n\n)(?:\|.*\n)+")

_HEAD = """\
# The rules

Each is a scheduled analytics rule of Microsoft Sentinel with its own proof in it (`content/rules/*.yaml`): logs where
it must fire and near misses in which it must not. [What they find in ordinary traffic](alerts.md) is measured.
"""


def page() -> str:
    """The whole page."""
    return "\n".join((_HEAD, *(_section(each) for each in shipped_rules())))


def table() -> str:
    """The README's table."""
    rows = (f"| `{each.slug}` | {_low(each.rule.name)} | {_tables(each.rule)} |" for each in shipped_rules())
    return "".join(f"{row}\n" for row in ("| rule | finds | reads |", "|---|---|---|", *rows))


def readme(text: str) -> str:
    """The README's text with the table as it should be."""
    return _TABLE.sub(lambda _: table(), text)


def _section(file: RuleFile) -> str:
    rule = file.rule
    return "\n".join(_lines(file.slug, rule))


def _lines(slug: str, rule: Rule) -> Iterator[str]:
    yield f"## {slug}\n"
    yield f"{rule.name}. {rule.severity} severity; {', '.join(rule.relevantTechniques)}; reads {_tables(rule)}.\n"
    yield f"{' '.join(rule.description.split())}\n"
    if rule.herdsight.parameters:
        yield "| one may tune | unit | why it is what it is |\n|---|---|---|"
        for name, each in rule.herdsight.parameters.items():
            yield f"| `{name}` | {each.unit} | {each.reason} |"
        yield ""
    yield from _listed("Is fooled by", rule.herdsight.falsePositives)
    yield from _listed("Misses", rule.herdsight.knownGaps)


def _listed(title: str, entries: Iterable[str]) -> Iterator[str]:
    yield f"{title}:\n"
    yield from (f"- {each}" for each in entries)
    yield ""


def _tables(rule: Rule) -> str:
    found = dict.fromkeys(name for each in rule.requiredDataConnectors for name in each.dataTypes)
    return ", ".join(f"`{name}`" for name in found)


def _low(name: str) -> str:
    """A rule's name within a sentence: in small letters, but for words that are capitals anyway."""
    return name if name[:2].isupper() else f"{name[0].lower()}{name[1:]}"


def main() -> None:
    """Write the page and the table."""
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
