"""Sessions and queries written as Suricata does: events of EVE, JSON lines, times in UTC."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from herdsight.logs.writing import opened

_BATCH = 65_536  # rows held as Python objects at a time
_Row = dict[str, Any]

# TCP's flags of a server that took part to the end, and of one that only reset.
_FLAGS = {"Success": "1b", "Failure": "14"}


def write_flows(table: pa.Table, path: Path) -> None:
    """Sessions, in ASimNetworkSessionLogs' columns, as events of flows; packed where the name ends in .gz.

    Of EventResult only what became of TCP is written: else the packets tell it. Columns that the table lacks, and
    values that are missing, are left out.
    """
    _write(table, path, _flow)


def write_dns(table: pa.Table, path: Path) -> None:
    """Queries and answers, in ASimDnsActivityLogs' columns, as events of DNS in version 2."""
    _write(table, path, _query)


def _write(table: pa.Table, path: Path, event: Callable[[_Row], _Row]) -> None:
    with opened(path) as file:
        for batch in table.to_batches(max_chunksize=_BATCH):
            lines = (json.dumps(event(row), separators=(",", ":")) for row in batch.to_pylist())
            file.writelines(f"{line}\n" for line in lines)


def _flow(row: _Row) -> _Row:
    flags = _FLAGS.get(row.get("EventResult", "")) if row.get("NetworkProtocol") == "TCP" else None
    flow = {
        "pkts_toserver": row.get("SrcPackets"),
        "pkts_toclient": row.get("DstPackets"),
        "bytes_toserver": row.get("SrcBytes"),
        "bytes_toclient": row.get("DstBytes"),
        "start": _time(row.get("TimeGenerated")),
        "end": _time(row.get("EventEndTime")),
        "state": row.get("EventOriginalResultDetails"),
    }
    return _event(
        row,
        kind="flow",
        when=row.get("EventEndTime") or row.get("TimeGenerated"),
        session=row.get("NetworkSessionId"),
        own={
            "app_proto": row.get("NetworkApplicationProtocol"),
            "flow": _there(flow.items()),
            "tcp": {"tcp_flags_tc": flags} if flags else None,
        },
    )


def _query(row: _Row) -> _Row:
    is_reply = row.get("EventSubType") == "response"
    said = row.get("DnsResponseName")
    number = row.get("TransactionIdHex")
    dns = {
        "version": 2,
        "type": "answer" if is_reply else "query",
        "id": int(number, 16) if number else None,
        "rrname": row.get("DnsQuery"),
        "rrtype": row.get("DnsQueryTypeName"),
        "rcode": row.get("EventResultDetails"),
        "answers": [{"rdata": each} for each in said.split(",")] if said else None,
    }
    return _event(
        row,
        kind="dns",
        when=row.get("TimeGenerated"),
        session=row.get("DnsSessionId"),
        own={"dns": _there(dns.items())},
    )


def _event(row: _Row, *, kind: str, when: datetime | None, session: str | None, own: _Row) -> _Row:
    """The event of a row: what all events have, then its own; what is missing is left out."""
    common = {
        "timestamp": _time(when),
        "flow_id": int(session) if session and _is_plain(session) else session,
        "event_type": kind,
        "src_ip": row.get("SrcIpAddr"),
        "src_port": row.get("SrcPortNumber"),
        "dest_ip": row.get("DstIpAddr"),
        "dest_port": row.get("DstPortNumber"),
        "proto": row.get("NetworkProtocol"),
        "host": row.get("DvcHostname"),
    }
    return _there((common | own).items())


def _is_plain(digits: str) -> bool:
    """Whether a number is written as JSON has it."""
    return digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")


def _there(pairs: Iterable[tuple[str, Any]]) -> _Row:
    return {name: value for name, value in pairs if value not in (None, "")}


def _time(when: datetime | None) -> str | None:
    return None if when is None else f"{when.isoformat(timespec='microseconds')}+0000"
