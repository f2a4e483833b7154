"""Times as KQL's literals write them, to and from microseconds."""

from datetime import UTC, datetime, timedelta

from herdsight.prelude.times import DAY, MICROSECOND, instant, span

__all__ = ["DAY", "EPOCH", "datetime_micros", "datetime_text", "micros", "moment", "timespan_micros", "timespan_text"]

_REACH = 2**63  # of a count of microseconds
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 a naive datetime is UTC throughout the language, as in KQL


def timespan_micros(text: str) -> int:
    """`1d`, `1.5h`, `1.02:03:04.5`, or a bare number of days, in microseconds.

    Raises:
        ValueError: the text is none of these, or longer than 64 bits count.
        ArithmeticError: it is finer than a microsecond, which is as fine as times are here (Kusto's tick is 100 ns).
    """
    amount = span(text)
    if not -_REACH <= amount < _REACH:
        raise ValueError(text)
    if amount != amount.to_integral_value():
        raise ArithmeticError(text)
    return int(amount)


def datetime_micros(text: str) -> int:
    """A time in any of the forms that KQL reads, as microseconds since 1970 UTC.

    Raises:
        ValueError: the text is no such time, or names a day or hour that does not exist.
    """
    try:
        return micros(instant(text))
    except OverflowError as error:
        raise ValueError(text) from error


def moment(micros: int) -> datetime:
    """Microseconds since 1970 as a naive datetime in UTC.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return EPOCH + timedelta(microseconds=micros)


def micros(moment_: datetime) -> int:
    """A datetime as microseconds since 1970; a naive one is taken as UTC."""
    naive = moment_.astimezone(UTC).replace(tzinfo=None) if moment_.tzinfo else moment_
    return (naive - EPOCH) // MICROSECOND


def datetime_text(micros_: int) -> str:
    """Microseconds since 1970 as Kusto prints a datetime in a dynamic.

    >>> datetime_text(0)
    '1970-01-01T00:00:00.0000000Z'
    """
    return f"{moment(micros_).isoformat(timespec='microseconds')}0Z"


def timespan_text(micros_: int) -> str:
    """Microseconds as Kusto prints a timespan.

    >>> timespan_text(93_784_500_000)
    '1.02:03:04.5000000'
    """
    whole, fraction = divmod(abs(micros_), 1_000_000)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    text = f"{hours:02}:{minutes:02}:{seconds:02}" + (f".{fraction:06}0" if fraction else "")
    return f"{'-' if micros_ < 0 else ''}{f'{days}.' if days else ''}{text}"
