"""Writing Sysmon's events as flat JSON lines, as NXLog passes them on: connections (3) and DNS queries (22).

Sysmon has times to the millisecond and tells of connections that came about alone; a text that is a dash is none.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pyarrow as pa

from herdsight.logs.writing import opened

SYSMON = "Microsoft-Windows-Sysmon/Operational"
# Windows' own numbers for the response codes; 9501 is an answer without records.
STATUSES: Mapping[str, str] = {
    "0": "NOERROR",
    "9001": "FORMERR",
    "9002": "SERVFAIL",
    "9003": "NXDOMAIN",
    "9004": "NOTIMP",
    "9005": "REFUSED",
    "9501": "NOERROR",
}
_TIMEOUT = "1460"  # Windows' number for no answer in time
_NUMBERS = {name: number for number, name in reversed([*STATUSES.items()])}  # the first number of a name
_BATCH = 65_536  # rows held as Python objects at a time
_OUT, _IN = "ConnectionSuccess", "InboundConnectionAccepted"

_Row = Mapping[str, Any]


def write_connections(table: pa.Table, path: Path) -> None:
    """Write connections, in DeviceNetworkEvents' columns; packed where the name ends in .gz.

    Rows of other actions than ConnectionSuccess and InboundConnectionAccepted are left out, and of the latter the name
    of the other end, which Sysmon does not tell.
    """
    _write(table, path, 3, _connection)


def write_queries(table: pa.Table, path: Path) -> None:
    """Write DNS queries, in ASimDnsActivityLogs' columns; packed where the name ends in .gz.

    A result that is no response code of Windows' is written as an answer that did not come in time.
    """
    _write(table, path, 22, _query)


def _write(table: pa.Table, path: Path, number: int, told: Callable[[_Row], dict[str, str] | None]) -> None:
    with opened(path) as file:
        for batch in table.to_batches(max_chunksize=_BATCH):
            file.writelines(f"{line}\n" for line in _lines(batch.to_pylist(), number, told))


def _lines(rows: Iterable[_Row], number: int, told: Callable[[_Row], dict[str, str] | None]) -> Iterator[str]:
    for row in rows:
        data = told(row)
        if data is not None:
            when = _time(row)
            host = _text(row, "DeviceName") or _text(row, "DvcHostname")
            known = {"EventID": number, "Channel": SYSMON, "Hostname": host, "UtcTime": when}
            yield json.dumps({**known, **data}, ensure_ascii=False, separators=(",", ":"))


def _time(row: _Row) -> str:
    when = row.get("TimeGenerated") or row.get("Timestamp")
    return when.replace(tzinfo=None).isoformat(" ", "milliseconds") if isinstance(when, datetime) else ""


def _text(row: _Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)


def _connection(row: _Row) -> dict[str, str] | None:
    if row.get("ActionType") not in (_OUT, _IN):
        return None
    is_out, protocol = row["ActionType"] == _OUT, _text(row, "Protocol").lower()
    # Of what came in, the other end began and is the source; but a datagram's source is who tells of it.
    ends = ("Local", "Remote") if is_out or protocol == "udp" else ("Remote", "Local")
    domain, account = _text(row, "InitiatingProcessAccountDomain"), _text(row, "InitiatingProcessAccountName")
    return {
        "ProcessId": _text(row, "InitiatingProcessId"),
        "Image": _text(row, "InitiatingProcessFolderPath") or _text(row, "InitiatingProcessFileName"),
        "User": f"{domain}\\{account}" if domain else account,
        "Protocol": protocol,
        "Initiated": "true" if is_out else "false",
        "SourceIp": _text(row, f"{ends[0]}IP"),
        "SourcePort": _text(row, f"{ends[0]}Port"),
        "DestinationIp": _text(row, f"{ends[1]}IP"),
        "DestinationPort": _text(row, f"{ends[1]}Port"),
        "DestinationHostname": _text(row, "RemoteUrl") if is_out else "",
    }


def _query(row: _Row) -> dict[str, str]:
    answers = [each for each in _text(row, "DnsResponseName").split(",") if each]
    return {
        "ProcessId": _text(row, "SrcProcessId"),
        "Image": _text(row, "SrcProcessName"),
        "User": _text(row, "SrcUsername"),
        "QueryName": _text(row, "DnsQuery"),
        "QueryStatus": _NUMBERS.get(_text(row, "EventResultDetails"), _TIMEOUT),
        "QueryResults": "".join(f"{_answer(each)};" for each in answers),
    }


def _answer(value: str) -> str:
    """An answer as Sysmon lists it: addresses as IPv6 has them, names as aliases."""
    for kind, before in ((IPv4Address, "::ffff:"), (IPv6Address, "")):
        try:
            kind(value)
        except AddressValueError:
            continue
        return f"{before}{value}"
    return f"type:  5 {value}"
