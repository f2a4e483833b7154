"""What Microsoft Defender on the office's workstations writes down of their sessions: DeviceNetworkEvents."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from herdsight.simulation.addresses import Strings
from herdsight.simulation.services import BUILT_IN
from herdsight.simulation.sessions import schema
from herdsight.tables import DEVICE_NETWORK_EVENTS

Columns = dict[str, Any]  # one numpy array a column

COLUMNS = (
    "TimeGenerated",
    "Timestamp",
    "DeviceId",
    "DeviceName",
    "ActionType",
    "RemoteIP",
    "RemotePort",
    "LocalIP",
    "LocalPort",
    "Protocol",
    "LocalIPType",
    "RemoteIPType",
    "InitiatingProcessFileName",
    "InitiatingProcessId",
    "InitiatingProcessCommandLine",
    "InitiatingProcessFolderPath",
    "InitiatingProcessAccountName",
    "InitiatingProcessAccountDomain",
    "ReportId",
    "RemoteUrl",
    "AdditionalFields",
)
SCHEMA = schema(DEVICE_NETWORK_EVENTS, COLUMNS)


@dataclass(frozen=True, slots=True)
class Program:
    """Where a program lies and how it was started."""

    folder: str
    command: str


_SYSTEM = r"c:\windows\system32"
_PROGRAMS = r"c:\program files"
PROGRAMS: Mapping[str, Program] = {
    "chrome.exe": Program(rf"{_PROGRAMS}\google\chrome\application", "chrome.exe --type=utility --lang=en"),
    "svchost.exe": Program(_SYSTEM, "svchost.exe -k NetworkService -p"),
    "lsass.exe": Program(_SYSTEM, "lsass.exe"),
    "spoolsv.exe": Program(_SYSTEM, "spoolsv.exe"),
    "ssh.exe": Program(rf"{_SYSTEM}\openssh", "ssh.exe admin@host"),
    "outlook.exe": Program(rf"{_PROGRAMS}\microsoft office\root\office16", "outlook.exe"),
    "Teams.exe": Program(rf"{_PROGRAMS}\microsoft\teams\current", "Teams.exe --process-start-args"),
    "OneDrive.exe": Program(rf"{_PROGRAMS}\microsoft onedrive", "OneDrive.exe /background"),
    "MsMpEng.exe": Program(r"c:\programdata\microsoft\windows defender\platform", "MsMpEng.exe"),
}
_REACHED = ("SF", "S1", "RSTO", "RSTR")


def events(sessions: pa.Table) -> pa.Table:
    """The sessions whose process is known, as their hosts report them: in the order in which they began."""
    opened = _told(sessions, "SrcAppName")
    told = [pa.table(_outbound(opened) | _process(opened, "Src"))]
    if pc.any(pc.not_equal(sessions["DstAppName"], pa.scalar(""))).as_py():
        accepted = _told(sessions, "DstAppName")
        told.append(pa.table(_inbound(accepted) | _process(accepted, "Dst")))
    rows = pa.concat_tables([each.select(COLUMNS).cast(SCHEMA) for each in told])
    return rows if len(told) == 1 else rows.sort_by([("TimeGenerated", "ascending"), ("DeviceName", "ascending")])


def aggregated(reports: pa.Table) -> pa.Table:
    """The same events as an agent tells them that thins: of each hour the first, and a report with the count of all.

    One report each for an outcome, a process and a remote end.
    """
    rows: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for row in reports.to_pylist():
        hour = row["TimeGenerated"].replace(minute=0, second=0, microsecond=0)
        rows.setdefault((hour, *(row[name] for name in _AGGREGATED_BY)), []).append(row)
    told = [each for some in rows.values() for each in _thinned(some)]
    return pa.Table.from_pylist(sorted(told, key=lambda row: row["TimeGenerated"]), SCHEMA)


_AGGREGATED_BY = ("DeviceName", "ActionType", "InitiatingProcessFileName", "RemoteIP", "RemotePort")


def _thinned(some: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first, last = some[0], some[-1]
    bag = json.dumps({"uniqueEventsAggregated": len(some)})
    report = {**last, "ActionType": f"{last['ActionType']}AggregatedReport", "AdditionalFields": bag}
    return [first, report]


def _told(sessions: pa.Table, process: str) -> Columns:
    seen = sessions.filter(pc.field(process) != "").sort_by(
        [("EventStartTime", "ascending"), ("NetworkSessionId", "ascending")],
    )
    return {name: seen[name].to_numpy() for name in seen.column_names}


def _outbound(told: Columns) -> Columns:
    reached = np.isin(told["EventOriginalResultDetails"].astype(np.str_), _REACHED)
    return {
        **_connection(told, "Src", "Dst"),
        "ActionType": np.where(reached, "ConnectionSuccess", "ConnectionFailed"),
        "RemoteIPType": np.where(told["NetworkDirection"] == "Outbound", "Public", "Private"),
        "RemoteUrl": pa.array([name or None for name in told["DstFQDN"]], pa.string()),
    }


def _inbound(told: Columns) -> Columns:
    reached = np.isin(told["EventOriginalResultDetails"].astype(np.str_), _REACHED)
    return {
        **_connection(told, "Dst", "Src"),
        "ActionType": np.where(reached, "InboundConnectionAccepted", "ConnectionAttempt"),
        "RemoteIPType": np.where(told["NetworkDirection"] == "Inbound", "Public", "Private"),
        "RemoteUrl": pa.nulls(reached.size, pa.string()),
    }


def _connection(told: Columns, near: str, far: str) -> Columns:
    rows = told["SrcAppName"].size
    return {
        "TimeGenerated": told["EventStartTime"],
        "Timestamp": told["EventStartTime"],
        "DeviceId": _each(told[f"{near}Hostname"], device_id),
        "DeviceName": told[f"{near}Hostname"],
        "RemoteIP": told[f"{far}IpAddr"],
        "RemotePort": told[f"{far}PortNumber"],
        "LocalIP": told[f"{near}IpAddr"],
        "LocalPort": told[f"{near}PortNumber"],
        "Protocol": _each(told["NetworkProtocol"], str.capitalize),
        "LocalIPType": np.full(rows, "Private"),
        "ReportId": np.arange(rows) % 100_000 + 1,  # a counter that starts again
        "AdditionalFields": pa.nulls(rows, pa.string()),
    }


def _process(told: Columns, side: str) -> Columns:
    process = told[f"{side}AppName"]
    return {
        "InitiatingProcessFileName": process,
        "InitiatingProcessId": told[f"{side}AppId"].astype(np.int64),
        "InitiatingProcessCommandLine": _each(process, lambda name: _program(name).command),
        "InitiatingProcessFolderPath": _each(process, lambda name: _program(name).folder),
        "InitiatingProcessAccountName": told[f"{side}Username"],
        "InitiatingProcessAccountDomain": _each(told[f"{side}Username"], _domain),
    }


def _program(name: str) -> Program:
    return PROGRAMS.get(name, Program(rf"c:\users\public\appdata\local\{name.removesuffix('.exe')}", name))


def _domain(account: str) -> str:
    return "nt authority" if account in BUILT_IN else "corp"


def device_id(name: str) -> str:
    """The id of a device of that name; Defender has a hash of 40 hexadecimal digits."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def _each(values: npt.NDArray[np.object_], meaning: Callable[[str], str]) -> Strings:
    """`meaning` of every value, asked once for each different one."""
    different, index = np.unique(values.astype(np.str_), return_inverse=True)
    return np.array([meaning(str(value)) for value in different], dtype=np.str_)[index]
