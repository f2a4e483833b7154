"""What Microsoft Defender on the office's workstations writes down of their sessions: DeviceNetworkEvents."""

import hashlib
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
)


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
    seen = sessions.filter(pc.field("SrcAppName") != "").sort_by(
        [("EventStartTime", "ascending"), ("NetworkSessionId", "ascending")],
    )
    told = {name: seen[name].to_numpy() for name in seen.column_names}
    return pa.table(_connection(told) | _process(told)).select(COLUMNS).cast(schema(DEVICE_NETWORK_EVENTS, COLUMNS))


def _connection(told: Columns) -> Columns:
    rows = told["SrcAppName"].size
    reached = np.isin(told["EventOriginalResultDetails"].astype(np.str_), _REACHED)
    return {
        "TimeGenerated": told["EventStartTime"],
        "Timestamp": told["EventStartTime"],
        "DeviceId": _each(told["SrcHostname"], _device_id),
        "DeviceName": told["SrcHostname"],
        "ActionType": np.where(reached, "ConnectionSuccess", "ConnectionFailed"),
        "RemoteIP": told["DstIpAddr"],
        "RemotePort": told["DstPortNumber"],
        "LocalIP": told["SrcIpAddr"],
        "LocalPort": told["SrcPortNumber"],
        "Protocol": _each(told["NetworkProtocol"], str.capitalize),
        "LocalIPType": np.full(rows, "Private"),
        "RemoteIPType": np.where(told["NetworkDirection"] == "Outbound", "Public", "Private"),
        "ReportId": np.arange(rows) % 100_000 + 1,  # a counter that starts again
    }


def _process(told: Columns) -> Columns:
    process = told["SrcAppName"]
    return {
        "InitiatingProcessFileName": process,
        "InitiatingProcessId": told["SrcAppId"].astype(np.int64),
        "InitiatingProcessCommandLine": _each(process, lambda name: _program(name).command),
        "InitiatingProcessFolderPath": _each(process, lambda name: _program(name).folder),
        "InitiatingProcessAccountName": told["SrcUsername"],
        "InitiatingProcessAccountDomain": _each(told["SrcUsername"], _domain),
    }


def _program(name: str) -> Program:
    return PROGRAMS.get(name, Program(rf"c:\users\public\appdata\local\{name.removesuffix('.exe')}", name))


def _domain(account: str) -> str:
    return "nt authority" if account in BUILT_IN else "corp"


def _device_id(name: str) -> str:
    # Defender names a device by a hash of 40 hexadecimal digits.
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def _each(values: npt.NDArray[np.object_], meaning: Callable[[str], str]) -> Strings:
    """`meaning` of every value, asked once for each different one."""
    different, index = np.unique(values.astype(np.str_), return_inverse=True)
    return np.array([meaning(str(value)) for value in different], dtype=np.str_)[index]
