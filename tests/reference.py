"""A second opinion on the detection page's three queries: plain loops over rows, slow on purpose.

Nothing here knows SQL or any part of Herdsight. Each function is written from the documented behaviour of the KQL
operators that the queries use; where the documentation leaves a choice open (which member `any()` picks, which members
a capped `make_set` keeps), the expected value is a matcher that accepts every documented outcome and nothing else.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
Key = tuple[Any, ...]

# --- Values that the documentation leaves open -----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class OneOf:
    """Equal to any one of the values: what an arbitrary choice may return."""

    values: frozenset[Any]

    def __eq__(self, other: object) -> bool:
        return other in self.values

    __hash__ = None  # type: ignore[assignment]  # it equals several values, so it can stand in no set


@dataclass(frozen=True, eq=False)
class SetOf:
    """Equal to a list of distinct members, in any order, of which there are as many as the cap lets through."""

    members: frozenset[Any]
    cap: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list):
            return False
        distinct = set(other)
        return (
            len(distinct) == len(other) == min(self.cap, len(self.members))  # nothing twice, nothing missing
            and distinct <= self.members
        )

    __hash__ = None  # type: ignore[assignment]  # it equals several values, so it can stand in no set


# --- Scalar functions ------------------------------------------------------------------------------------------------

_YEAR_ONE = datetime(1, 1, 1)  # noqa: DTZ001  # KQL's datetimes are UTC and carry no zone; their bins start here
_ALPHANUMERIC = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


def _bounded(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] begins and ends where terms do."""
    before = text[start - 1] if start > 0 else " "
    after = text[end] if end < len(text) else " "
    return before not in _ALPHANUMERIC and after not in _ALPHANUMERIC


def has(text: str, needle: str) -> bool:
    """`has`: the needle stands in the text as whole terms, whatever its case; terms are runs of letters and digits."""
    text, needle = text.lower(), needle.lower()
    places = range(len(text) - len(needle) + 1)
    return any(text.startswith(needle, at) and _bounded(text, at, at + len(needle)) for at in places)


def has_any(text: str, needles: Iterable[str]) -> bool:
    """`has_any`: `has` for at least one of them."""
    return any(has(text, needle) for needle in needles)


def in_any_case(text: str, choices: Iterable[str]) -> bool:
    """`in~`: equal to one of them, whatever its case."""
    return text.lower() in {choice.lower() for choice in choices}


def boundaries_crossed(later: datetime, earlier: datetime, period: timedelta) -> int:
    """`datetime_diff` for periods of even length: how many starts of a period lie between the two instants."""
    return (later - _YEAR_ONE) // period - (earlier - _YEAR_ONE) // period


def bin_start(at: datetime, width: timedelta) -> datetime:
    """`bin` on a datetime: the start of its bin, the bins being counted from the year 1."""
    return at - (at - _YEAR_ONE) % width


def is_between(value: Any, low: Any, high: Any) -> bool:
    """`between`: both ends belong to the range; null is in no range."""
    return value is not None and low is not None and high is not None and low <= value <= high


def differs(left: Any, right: Any) -> bool:
    """`!=` as `where` takes it: two nulls give null, which filters like false; null differs from every value."""
    if left is None and right is None:
        return False
    return bool(left != right)


# --- Aggregates ------------------------------------------------------------------------------------------------------


def grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    """`summarize ... by`: the rows of each distinct key; null and the empty string are keys like others."""
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def distinct(values: Iterable[Any]) -> frozenset[Any]:
    """The distinct values that are not null: what `make_set` collects and `dcount` counts."""
    return frozenset(value for value in values if value is not None)


def any_of(texts: Iterable[str]) -> OneOf:
    """`any` of a string column: an arbitrary value, one that is not empty if there is one."""
    seen = frozenset(texts)
    return OneOf(seen - {""} or seen)


def smallest(values: Iterable[Any]) -> Any:
    """`min`: nulls are no candidates; null when nothing is left."""
    return min(distinct(values), default=None)


def largest(values: Iterable[Any]) -> Any:
    """`max`: as `min`."""
    return max(distinct(values), default=None)


# --- The page's three queries ----------------------------------------------------------------------------------------

QUIET_PROCESSES = (
    "svchost.exe",
    "SearchIndexer.exe",
    "MicrosoftEdgeUpdate.exe",
    "OneDrive.exe",
    "Teams.exe",
    "outlook.exe",
    "msedge.exe",
    "chrome.exe",
    "firefox.exe",
)
QUIET_PORTS = (80, 443, 53)
WEB_PORTS = (80, 443, 8080, 8443)
LOGIN_PORTS = (22, 3389)
MAIL_PORTS = (25, 587)
REFUSED = ("deny", "block", "drop", "reset")

BEACON_KEYS = (
    "DeviceName",
    "AccountName",
    "InitiatingProcessFileName",
    "InitiatingProcessId",
    "RemoteIP",
    "RemotePort",
)
FLOOD_KEYS = ("DestinationIP", "DestinationPort", "TimeGenerated")
RELAY_KEYS = ("DeviceName", "InitiatingProcessFileName")


def beacon_score(count: int, minutes: int) -> str:
    """The label of Query 1."""
    if count > 100 and minutes > 120:
        return "Critical"
    if count > 50:
        return "High"
    return "Medium" if count > 20 else "Low"


def beacons(rows: Iterable[Row], now: datetime) -> list[Row]:
    """Query 1: a process that connects to one public address and port often enough, for long enough."""
    kept = [
        row
        for row in rows
        if row["Timestamp"] > now - timedelta(hours=24)
        and row["ActionType"] == "ConnectionSuccess"
        and row["RemoteIPType"] == "Public"
        and not has_any(row["InitiatingProcessFileName"], QUIET_PROCESSES)
        and row["RemotePort"] not in QUIET_PORTS
    ]
    columns = ("InitiatingProcessAccountName" if name == "AccountName" else name for name in BEACON_KEYS)
    names = tuple(columns)
    found = []
    for key, group in grouped(kept, lambda row: tuple(row[name] for name in names)).items():
        first, last = min(row["Timestamp"] for row in group), max(row["Timestamp"] for row in group)
        count, minutes = len(group), boundaries_crossed(last, first, timedelta(minutes=1))
        if count < 12 or minutes < 30:
            continue
        per_hour = float(count) / (float(minutes) / 60.0)
        if not 4 <= per_hour <= 120:
            continue
        found.append(
            {
                "Timestamp": last,
                **dict(zip(BEACON_KEYS, key, strict=True)),
                "ConnectionCount": count,
                "DurationMinutes": minutes,
                "ConnectionsPerHour": per_hour,
                "BeaconScore": beacon_score(count, minutes),
                "SampleCommandLine": any_of(row["InitiatingProcessCommandLine"] for row in group),
            }
        )
    return found


def attack_category(port: int) -> str:
    """The label of Query 2; the filter on ports leaves nothing for its last branch."""
    if port in WEB_PORTS:
        return "HTTP Flood / Web Attack"
    if port in LOGIN_PORTS:
        return "Credential Stuffing / Brute Force"
    return "Spam Campaign" if port in MAIL_PORTS else "Volumetric Flood"


def floods(rows: Iterable[Row], now: datetime) -> list[Row]:
    """Query 2: one service called by many sources, many times, within one five-minute bin."""
    kept = [
        row
        for row in rows
        if row["TimeGenerated"] > now - timedelta(hours=1)
        and not in_any_case(row["DeviceAction"], REFUSED)
        and row["DestinationPort"] in WEB_PORTS + LOGIN_PORTS + MAIL_PORTS
    ]

    def key(row: Row) -> Key:
        return row["DestinationIP"], row["DestinationPort"], bin_start(row["TimeGenerated"], timedelta(minutes=5))

    found = []
    for group_key, group in grouped(kept, key).items():
        sources = len(distinct(row["SourceIP"] for row in group))
        if sources <= 50 or len(group) <= 500:
            continue
        found.append(
            {
                **dict(zip(FLOOD_KEYS, group_key, strict=True)),
                "UniqueSourceIPs": sources,
                "TotalRequests": len(group),
                "SourceCountries": SetOf(distinct(row["DeviceCustomString1"] for row in group), 20),
                "AttackCategory": attack_category(group_key[1]),
            }
        )
    return found


def relays(rows: Sequence[Row], now: datetime) -> list[Row]:
    """Query 3: connections in, each paired with every connection out to elsewhere in the five minutes that follow."""
    recent = [row for row in rows if row["Timestamp"] > now - timedelta(hours=24) and row["RemoteIPType"] == "Public"]
    inbound = [row for row in recent if row["ActionType"] == "InboundConnectionAccepted"]
    outbound = [
        row for row in recent if row["ActionType"] == "ConnectionSuccess" and row["RemotePort"] not in QUIET_PORTS
    ]
    pairs = [
        {
            "DeviceName": came["DeviceName"],
            "InitiatingProcessFileName": went["InitiatingProcessFileName"],
            "source": came["RemoteIP"],
            "target": went["RemoteIP"],
        }
        for came in inbound
        for went in outbound
        if came["DeviceName"] == went["DeviceName"]
        and is_between(went["Timestamp"], came["Timestamp"], came["Timestamp"] + timedelta(minutes=5))
        and came["RemoteIP"] != went["RemoteIP"]
    ]
    return [
        {
            **dict(zip(RELAY_KEYS, key, strict=True)),
            "RelayEvents": len(group),
            "InboundSources": SetOf(distinct(pair["source"] for pair in group), 10),
            "OutboundTargets": SetOf(distinct(pair["target"] for pair in group), 10),
        }
        for key, group in grouped(pairs, lambda pair: tuple(pair[name] for name in RELAY_KEYS)).items()
        if len(group) >= 3
    ]


# --- Rows, as the logs hold them -------------------------------------------------------------------------------------

NOON = datetime(2026, 3, 10, 12, 0, 0)  # noqa: DTZ001  # UTC, written without a zone as answers are


def connection(at: datetime, **columns: Any) -> Row:
    """A row of DeviceNetworkEvents: an outbound public connection, changed by the columns given."""
    row: Row = {
        "Timestamp": at,
        "DeviceName": "desk-1",
        "ActionType": "ConnectionSuccess",
        "RemoteIP": "203.0.113.7",
        "RemotePort": 4444,
        "RemoteIPType": "Public",
        "LocalIP": "10.0.0.5",
        "LocalPort": 50000,
        "Protocol": "Tcp",
        "InitiatingProcessFileName": "agent.exe",
        "InitiatingProcessId": 100,
        "InitiatingProcessCommandLine": "agent.exe --run",
        "InitiatingProcessAccountName": "alice",
    }
    unknown = columns.keys() - row.keys()
    if unknown:
        raise KeyError(f"no such column: {sorted(unknown)}")
    return row | columns


def accepted(at: datetime, **columns: Any) -> Row:
    """A row of DeviceNetworkEvents: an inbound public connection; Defender names no process for it."""
    nobody: Row = {
        "ActionType": "InboundConnectionAccepted",
        "RemoteIP": "198.51.100.1",
        "RemotePort": 40000,
        "LocalPort": 8443,
        "InitiatingProcessFileName": "",
        "InitiatingProcessId": None,
        "InitiatingProcessCommandLine": "",
        "InitiatingProcessAccountName": "",
    }
    return connection(at, **(nobody | columns))


def request(at: datetime, **columns: Any) -> Row:
    """A row of CommonSecurityLog: an allowed request to a web server, changed by the columns given."""
    row: Row = {
        "TimeGenerated": at,
        "DeviceVendor": "Example",
        "DeviceProduct": "Firewall",
        "DeviceAction": "allow",
        "SourceIP": "198.51.100.1",
        "SourcePort": 40000,
        "DestinationIP": "192.0.2.80",
        "DestinationPort": 443,
        "Protocol": "TCP",
        "DeviceCustomString1": "AT",
    }
    unknown = columns.keys() - row.keys()
    if unknown:
        raise KeyError(f"no such column: {sorted(unknown)}")
    return row | columns


def spread(start: datetime, over: timedelta, count: int) -> list[datetime]:
    """That many instants, the first at the start, the last at its end, the rest evenly between."""
    return [start + over * step / (count - 1) for step in range(count)]


def dice(seed: int) -> random.Random:
    """Random numbers that a seed repeats; they make test data, not secrets."""
    return random.Random(seed)  # noqa: S311


# --- Comparing -------------------------------------------------------------------------------------------------------


def by_key(rows: Collection[Mapping[str, Any]], keys: Sequence[str]) -> dict[Key, Row]:
    """The rows under their group keys; a key that comes twice is an error, since groups are distinct."""
    indexed = {tuple(row[name] for name in keys): dict(row) for row in rows}
    if len(indexed) != len(rows):
        raise AssertionError(f"a group key comes twice in {rows}")
    return indexed


def rows_of(table: pa.Table) -> list[Row]:
    """The rows of an answer; dynamic columns, which hold JSON text, are read into values."""
    dynamic = [field.name for field in table.schema if (field.metadata or {}).get(b"kql:type") == b"dynamic"]
    rows: list[Row] = table.to_pylist()
    for row in rows:
        row.update({name: json.loads(row[name]) for name in dynamic if row[name] is not None})
    return rows
