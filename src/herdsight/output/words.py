"""Numbers, lengths and times as a sentence has them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3600, 86400


def length_words(length: timedelta) -> str:
    """A length of time in the two units that matter: `23 h 55 min`, `24 h`, `9 days`, `0.4 s`."""
    seconds = length.total_seconds()
    if seconds < 10:  # noqa: PLR2004 - only here do parts of a second matter
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    units = ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s"))
    first = next(index for index, (size, _) in enumerate(units) if seconds >= (size if index else 2 * size))
    size, name = units[first]
    finer, finer_name = units[min(first + 1, len(units) - 1)]
    steps = round(seconds / finer)
    whole, rest = divmod(steps, size // finer)
    return f"{whole} {name}" + (f" {rest} {finer_name}" if rest and size != finer else "")


def count_words(count: int, thing: str) -> str:
    """`1 host`, `1,200 hosts`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def listed(parts: Sequence[str], most: int) -> str:
    """`a, b and 7 more`: the first `most`, and how many there are besides."""
    more = len(parts) - most
    return ", ".join(parts[:most]) + (f" and {more:,} more" if more > 0 else "")


def clock(moment: datetime) -> str:
    """A time in UTC to read: no fraction where there is none."""
    return _utc(moment).isoformat(sep=" ", timespec="microseconds" if moment.microsecond else "seconds")


def period(first: datetime, last: datetime, *, length: bool = True) -> str:
    """`2026-11-30 00:03:11 to 23:48:04 UTC (23 h 45 min)`."""
    begin, end = (_utc(moment).replace(microsecond=0) for moment in (first, last))
    until = end.time() if begin.date() == end.date() else end
    return f"{begin} to {until} UTC" + (f" ({length_words(last - first)})" if length else "")


_ISO = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(?:0+|(\d+)))?Z")


def times_to_read(sentence: str) -> str:
    """The sentence with its ISO times as a person writes them, without a fraction of nothing."""
    return _ISO.sub(lambda found: f"{found[1]} {found[2]}" + (f".{found[3]}" if found[3] else ""), sentence)


def _utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(tzinfo=None)
