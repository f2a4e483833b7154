"""Lengths of time as Microsoft's products write them."""

from datetime import timedelta

_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def short(length: timedelta) -> str:
    """A length of whole minutes as rules and KQL have it, in the longest unit that it is a whole number of.

    >>> short(timedelta(minutes=90)), short(timedelta(days=1))
    ('90m', '1d')
    """
    unit = next(unit for unit, size in _UNITS.items() if not length % size)
    return f"{length // _UNITS[unit]}{unit}"


def iso8601(length: timedelta) -> str:
    """A length of whole minutes as ISO 8601 has it.

    >>> iso8601(timedelta(minutes=90)), iso8601(timedelta(days=1))
    ('PT1H30M', 'P1D')
    """
    hours, minutes = divmod(length.seconds // 60, 60)
    days = f"{length.days}D" if length.days else ""
    rest = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    return f"P{days}{'T' if rest or not days else ''}{rest or ('' if days else '0S')}"
