"""JSONPath as Kusto takes it: properties and positions, one behind the other, and nothing that matches many."""

import re
from typing import TypeAlias

Step: TypeAlias = str | int

_STEP = re.compile(
    r"""
    \.? \[ \s* (?: (?P<position> \d+ ) | (?P<quote> ['"] ) (?P<quoted> (?: [^\\] | \\. )*? ) (?P=quote) ) \s* \]
    | \. (?P<name> [^.\[\]'"*\s]+ )
    """,
    re.VERBOSE,
)


def steps(path: str) -> tuple[Step, ...] | None:
    """The names and positions that lead from the root to the value; None of what is no such path."""
    if not path.startswith("$"):
        return None
    found: list[Step] = []
    at = 1
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return None
        found.append(_step(step))
        at = step.end()
    return tuple(found)


def spelt(path: tuple[Step, ...]) -> str | None:
    """The path as SQL's JSON functions take it, every name in quotes; None where a name is empty, which they refuse."""
    return None if "" in path else "$" + "".join(map(_part, path))


def _part(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    quoted = step.replace("\\", "\\\\").replace('"', '\\"')
    return f'."{quoted}"'


def _step(match: re.Match[str]) -> Step:
    if match["position"]:
        return int(match["position"])
    return match["name"] or re.sub(r"\\(.)", r"\1", match["quoted"])
