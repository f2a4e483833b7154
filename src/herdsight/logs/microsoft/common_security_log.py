"""CommonSecurityLog of Sentinel: CSV, JSON and Parquet exports."""

from pathlib import Path

import pyarrow as pa
from sqlglot import exp

from herdsight.logs.formats import Format
from herdsight.logs.microsoft.exports import Export
from herdsight.logs.writing import write_csv
from herdsight.tables import COMMON_SECURITY_LOG


def _reasons(_columns: tuple[str, ...]) -> list[exp.If]:
    return []


EXPORT = Export(
    table=COMMON_SECURITY_LOG,
    times=("TimeGenerated",),
    telling=frozenset(
        {
            "DeviceVendor",
            "DeviceProduct",
            "DeviceAction",
            "SourceIP",
            "SourcePort",
            "DestinationIP",
            "DestinationPort",
            "SentBytes",
            "ReceivedBytes",
            "CommunicationDirection",
            "Activity",
            "LogSeverity",
        }
    ),
    decisive=frozenset({"DeviceVendor", "SourceIP", "DestinationIP", "DestinationPort", "CommunicationDirection"}),
    required=(("TimeGenerated",), ("SourceIP",), ("DestinationIP",)),
    wanted=("DeviceVendor", "DeviceAction", "SourcePort", "DestinationPort", "Protocol"),
    reasons=_reasons,
)


def write(table: pa.Table, path: Path) -> None:
    """Write events as a CSV export, times with microseconds and Z."""
    write_csv(table, path)


FORMATS = (Format("common-security-log", COMMON_SECURITY_LOG, EXPORT.recognise, EXPORT.read, write),)
