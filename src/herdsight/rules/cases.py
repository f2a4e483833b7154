"""A rule's own cases: logs on which it must fire, and logs so near to these that it must stay silent."""

import re
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, IPvAnyAddress, model_validator

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MOST_ROWS = 100_000  # of one series

Scalar = str | int | float | bool


def _step(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)", str(value))
    if not match:
        raise ValueError("must be a number and ms, s, m, h or d, for example 300s or 1.5h")
    return timedelta(**{_UNITS[match.group(2)]: float(match.group(1))})


Step = Annotated[timedelta, BeforeValidator(_step)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Counting(_Part):
    """A value that counts up from row to row: `{from: 50000}`, `{address: 198.18.0.0}`, or `{cycle: [a, b]}`.

    `every` rows have the same value before the next one comes. `like` is a text to put a number in, in place of its {}:
    `{from: 1, like: "host-{}.example"}`.
    """

    start: Annotated[int | None, Field(alias="from")] = None
    like: Annotated[str | None, Field(pattern=r"\{\}")] = None
    address: IPvAnyAddress | None = None
    cycle: Annotated[tuple[Scalar, ...] | None, Field(min_length=1)] = None
    every: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _is_one(self) -> "Counting":
        if sum(each is not None for each in (self.start, self.address, self.cycle)) != 1:
            raise ValueError("must have one of from, address and cycle")
        return self

    def value(self, row: int) -> Scalar:
        """The value of a row, from 0."""
        step = row // self.every
        if self.start is not None:
            number = self.start + step
            return number if self.like is None else self.like.replace("{}", str(number))
        if self.address is not None:
            return str(self.address + step)
        assert self.cycle is not None  # noqa: S101 - see _is_one
        return self.cycle[step % len(self.cycle)]


class Series(_Part):
    """Rows of one table: `count` of them, `every` so long one, from `start`; `values` change the base row."""

    table: str
    start: datetime
    every: Step = timedelta(0)
    count: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 1
    values: dict[str, Counting | Scalar] = {}


class Case(_Part):
    """Logs, and what the rule must find in them: results that have these values; nothing, in a near miss."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    rows: Annotated[tuple[Series, ...], Field(min_length=1)]
    finds: tuple[dict[str, Scalar], ...] = ()
    now: datetime | None = None  # the last run of the rule; by default at the newest row


class Cases(_Part):
    """All cases of a rule.

    `base` has for a table the values that every row begins with; `watchlists` the items of those that the rule reads.
    `equivalent` names changes of the rule that change no result, each with the reason: no case can notice them.
    """

    base: dict[str, dict[str, Scalar]] = {}
    watchlists: dict[str, Annotated[tuple[dict[str, str], ...], Field(min_length=1)]] = {}
    hits: tuple[Case, ...] = ()
    misses: tuple[Case, ...] = ()
    equivalent: dict[str, str] = {}
