"""Regular expressions in RE2's syntax: constants are checked before they run, and their groups are counted."""

import re
from collections.abc import Iterator
from functools import cache

# What a pattern is made of, as far as its groups are concerned: quoted text, an escape, a class of characters, what
# opens a group, any other character (https://github.com/google/re2/wiki/Syntax).
_PART = re.compile(
    r"""\\Q.*?(?:\\E|\Z)
    | \\.
    | \[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]
    | \(\?P?<(?P<name>\w+)>
    | (?P<plain>\()(?!\?)
    | .""",
    re.DOTALL | re.VERBOSE,
)


def _parts(pattern: str) -> Iterator[re.Match[str]]:
    return _PART.finditer(pattern)


def spelt(pattern: str) -> str:
    """The pattern as every RE2 reads it: older ones know a named group as `(?P<name>` alone."""
    return "".join(f"(?P<{part['name']}>" if part["name"] else part[0] for part in _parts(pattern))


def groups(pattern: str) -> tuple[str, ...]:
    """The names of the pattern's capture groups in their order, "" where one has none."""
    return tuple(part["name"] or "" for part in _parts(pattern) if part["name"] or part["plain"])


@cache
def fault(pattern: str, rewrite: str | None = None) -> str | None:
    """Why RE2 refuses the pattern, or a rewrite that refers to its groups; None where it takes them."""
    import pyarrow as pa  # it has RE2 on board, and says what RE2 says
    import pyarrow.compute as pc

    nothing = pa.nulls(1, pa.string())  # the quickest to make
    try:
        pc.match_substring_regex(nothing, pattern=spelt(pattern))
        if rewrite is not None:
            pc.replace_substring_regex(nothing, pattern=spelt(pattern), replacement=rewrite)
    except pa.ArrowInvalid as error:
        return str(error).partition(": ")[2]
    return None
