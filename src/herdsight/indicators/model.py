"""Indicators: places that somebody names as bad, what is said of each, and the account of the list that names it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

REVOKED = "revoked by who made it"


class Kind(StrEnum):
    """What an indicator names."""

    ADDRESS = "address"
    NETWORK = "network"
    DOMAIN = "domain"  # and all names under it
    HOST = "host"  # that name alone, such as a URL's


class Way(StrEnum):
    """Which traffic with a place is meant."""

    ANY = "any"
    SOURCE = "source"  # attacks came from it: only what it begins is meant


@dataclass(slots=True)
class Entry:
    """One entry of a list, as it stands there; `refused` says why it is none, where that shows before it is read.

    `line`: where, from 1 (of JSON the number of the object). `confidence`: from 0 to 100, None where nothing is said.
    """

    line: int
    text: str
    label: str = ""
    confidence: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    port: int = 0
    way: Way = Way.ANY
    exact: bool = False  # of a name: names under it are not meant
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What the text of an entry names.

    `keys`: what addresses and names are compared with. Of an address or network, its version and the hexadecimal digits
    that all its addresses begin with, one key for each such beginning; of a name, itself.
    """

    kind: Kind
    value: str
    keys: tuple[str, ...]
    port: int = 0
    addresses: int = 0  # that it covers


class RefusalError(ValueError):
    """An entry that is not used; the message is the reason, a few words that are the same for many."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first entries that were refused for a reason, as they stand in the file."""

    line: int
    text: str
    reason: str


@dataclass(slots=True)
class Account:
    """What became of a list: `read` = `used` + `repeated` + all that is `refused`."""

    source: str
    form: str
    read: int = 0
    used: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Columns:
    """The indicators of all lists, column by column, and their keys, each with the number of its indicator.

    Columns, since a million records would not fit: `source` is the number of its account.
    """

    value: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    confidence: list[int | None] = field(default_factory=list)
    since: list[datetime | None] = field(default_factory=list)
    until: list[datetime | None] = field(default_factory=list)
    port: list[int] = field(default_factory=list)
    way: list[str] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    number: list[int] = field(default_factory=list)

    def add(self, entry: Entry, place: Place, source: int) -> None:
        """Take an indicator in."""
        own = len(self.value)
        self.value.append(place.value)
        self.kind.append(place.kind.value)
        self.source.append(source)
        self.line.append(entry.line)
        self.label.append(entry.label)
        self.confidence.append(entry.confidence)
        self.since.append(entry.since)
        self.until.append(entry.until)
        self.port.append(entry.port or place.port)
        self.way.append(entry.way.value)
        self.addresses.append(place.addresses)
        for key in place.keys:
            self.key.append(key)
            self.number.append(own)
