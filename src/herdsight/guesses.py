"""What was meant by a name that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 200  # characters of a name that was ever meant


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint with the known name that was most likely meant: one that ends in it, or one spelt much like it."""
    if len(name) > _LONGEST:
        return None
    names = list(known)
    longer = sorted((other for other in names if other.lower().endswith(name.lower())), key=len)
    close = get_close_matches(name.lower(), [other.lower() for other in names], n=1, cutoff=0.75)
    same = [other for other in names if close and other.lower() == close[0]]
    meant = (longer + same)[:1] if len(name) > 2 else same[:1]  # noqa: PLR2004 two letters end many names
    return f"did you mean `{meant[0]}`?" if meant else None
