"""What Microsoft Defender on the office's workstations writes down of their sessions: DeviceNetworkEvents."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from herdsight import tables
from herdsight.simulation.sessions import schema

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
    seen = sessions.filter(pc.not_equal(sessions["SrcAppName"], "")).sort_by(
        [("EventStartTime", "ascending"), ("NetworkSessionId", "ascending")],
    )
    reached = pc.is_in(seen["EventOriginalResultDetails"], pa.array(_REACHED))
    outbound = pc.equal(seen["NetworkDirection"], "Outbound")
    rows = seen.num_rows
    return pa.table(
        {
            "TimeGenerated": seen["EventStartTime"],
            "Timestamp": seen["EventStartTime"],
            "DeviceId": _each(seen["SrcHostname"], _device_id),
            "DeviceName": seen["SrcHostname"],
            "ActionType": pc.if_else(reached, "ConnectionSuccess", "ConnectionFailed"),
            "RemoteIP": seen["DstIpAddr"],
            "RemotePort": seen["DstPortNumber"],
            "LocalIP": seen["SrcIpAddr"],
            "LocalPort": seen["SrcPortNumber"],
            "Protocol": pc.utf8_capitalize(seen["NetworkProtocol"]),
            "LocalIPType": pa.array(np.full(rows, "Private")),
            "RemoteIPType": pc.if_else(outbound, "Public", "Private"),
            "InitiatingProcessFileName": seen["SrcAppName"],
            "InitiatingProcessId": seen["SrcAppId"],
            "InitiatingProcessCommandLine": _each(seen["SrcAppName"], lambda name: _program(name).command),
            "InitiatingProcessFolderPath": _each(seen["SrcAppName"], lambda name: _program(name).folder),
            "InitiatingProcessAccountName": seen["SrcUsername"],
            "InitiatingProcessAccountDomain": pa.array(np.full(rows, "corp")),
            "ReportId": pa.array(np.arange(rows) % 100_000 + 1),
        },
    ).cast(schema(tables.DEVICE_NETWORK_EVENTS, COLUMNS))


def _program(name: str) -> Program:
    return PROGRAMS.get(name, Program(rf"c:\users\public\appdata\local\{name.removesuffix('.exe')}", name))


def _device_id(name: str) -> str:
    # Defender names a device by a hash of 40 hexadecimal digits.
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def _each(column: pa.ChunkedArray, meaning: Callable[[str], str]) -> pa.Array:
    """`meaning` of every value, asked once for each different one."""
    coded = pc.dictionary_encode(column).combine_chunks()
    return pa.array([meaning(name) for name in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)
