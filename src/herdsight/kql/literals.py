"""Times as KQL's literals write them, to and from microseconds."""

from datetime import UTC, datetime, timedelta

from herdsight.prelude.times import DAY, MICROSECOND, instant, span

__all__ = ["DAY", "EPOCH", "datetime_micros", "micros", "moment", "timespan_micros"]

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 a naive datetime is UTC throughout the language, as in KQL


def timespan_micros(text: str) -> int:
    """`1d`, `1.5h`, `1.02:03:04.5`, or a bare number of days, in microseconds.

    Raises:
        ValueError: the text is none of these.
        ArithmeticError: it is finer than a microsecond, which is as fine as times are here (Kusto's tick is 100 ns).
    """
    amount = span(text)
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
