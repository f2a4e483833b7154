"""The page of the rules and the README's table are those of the rules that ship."""

import runpy
from pathlib import Path

from herdsight.rules.reading import shipped_rules

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MADE = runpy.run_path(str(ROOT / "docs" / "make_rules.py"))


def test_the_page_of_the_rules_is_up_to_date() -> None:
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == MADE["page"](), "run: make docs"


def test_the_readme_lists_every_rule() -> None:
    assert MADE["readme"](README) == README, "run: make docs"
    assert MADE["table"]() in README
    assert all(f"| `{each.slug}` | " in README for each in shipped_rules())
