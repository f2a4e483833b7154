"""Every table that a rule may name: its columns, their types and meaning, under Microsoft's names.

The declarations are data, one CSV a table in `schemas/`. They follow the public references of Log Analytics,
advanced hunting and ASIM; the device tables have the columns of both of their surfaces, so that a query written for
either runs here. Some tables no log fills yet: queries over them compile, and find nothing.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files


class ColumnType(StrEnum):
    """The scalar types of KQL."""

    BOOL = "bool"
    INT = "int"
    LONG = "long"
    REAL = "real"
    DECIMAL = "decimal"
    STRING = "string"
    DATETIME = "datetime"
    TIMESPAN = "timespan"
    DYNAMIC = "dynamic"
    GUID = "guid"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type, and what it means here."""

    name: str
    type: ColumnType
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in order, its time column, and the names that people write for others by mistake."""

    name: str
    columns: tuple[Column, ...]
    time: str
    mistaken: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> Column | None:
        """The column of that exact name (KQL names are case-sensitive), or None."""
        return next((column for column in self.columns if column.name == name), None)


# The device tables of Defender that describe a process call it "the process"; the network table calls it the
# initiating one. Queries carried over keep the short name, which Microsoft's parser refuses (KS142).
_MISTAKEN = {
    "DeviceNetworkEvents": {
        "AccountName": "InitiatingProcessAccountName",
        "AccountDomain": "InitiatingProcessAccountDomain",
        "AccountSid": "InitiatingProcessAccountSid",
        "AccountUpn": "InitiatingProcessAccountUpn",
        "AccountObjectId": "InitiatingProcessAccountObjectId",
        "ProcessId": "InitiatingProcessId",
        "ProcessCommandLine": "InitiatingProcessCommandLine",
    },
}

DEVICE_NETWORK_EVENTS = "DeviceNetworkEvents"
DEVICE_EVENTS = "DeviceEvents"
COMMON_SECURITY_LOG = "CommonSecurityLog"
NETWORK_SESSION = "ASimNetworkSessionLogs"
DNS_ACTIVITY = "ASimDnsActivityLogs"
DNS_EVENTS = "DnsEvents"
WEB_SESSION = "ASimWebSessionLogs"
AUTHENTICATION = "ASimAuthenticationEventLogs"
DHCP = "ASimDhcpEventLogs"
INDICATORS = "ThreatIntelIndicators"
NAMES = (  # those that logs can fill
    DEVICE_NETWORK_EVENTS,
    COMMON_SECURITY_LOG,
    NETWORK_SESSION,
    DNS_ACTIVITY,
    DNS_EVENTS,
    WEB_SESSION,
    AUTHENTICATION,
    DHCP,
    DEVICE_EVENTS,
    INDICATORS,
)

# Where a row came from (which file, in the order of reading, and which of its rows) and, for a row that is not loaded,
# why. Everything that holds rows as they were read has the three; no query sees them.
FILE_COLUMN = "_file"
ROW_COLUMN = "_row"
REJECT_COLUMN = "_reject"


@cache
def table(name: str) -> Table:
    """The table of that name.

    Raises:
        KeyError: there is none.
    """
    if name not in _declared_names():
        raise KeyError(name)
    return Table(name, tuple(_columns(name)), "TimeGenerated", _MISTAKEN.get(name, {}))


class _Declared(Mapping[str, Table]):
    """All declared tables by name; a table's declaration is read when it is asked for."""

    def __getitem__(self, name: str) -> Table:
        return table(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_declared_names())

    def __len__(self) -> int:
        return len(_declared_names())

    def __contains__(self, name: object) -> bool:
        return name in _declared_names()


DECLARED: Mapping[str, Table] = _Declared()


@cache
def _declared_names() -> dict[str, None]:
    """Those that logs can fill first, the others by name."""
    found = sorted(file.name.removesuffix(".csv") for file in files("herdsight").joinpath("schemas").iterdir())
    return dict.fromkeys((*NAMES, *found))


def _columns(name: str) -> Iterator[Column]:
    text = files("herdsight").joinpath("schemas", f"{name}.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        yield Column(row["name"], ColumnType(row["type"]), row["meaning"])
