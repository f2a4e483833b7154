"""Simulated lookups of names: the sessions on port 53 that carry them, and what is asked and answered in each."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from herdsight.simulation.sessions import Flows, Numbers, Texts, coded, column_of, schema, session_table
from herdsight.simulation.timing import Seconds
from herdsight.tables import DNS_ACTIVITY

COLUMNS = (
    "TimeGenerated",
    "SrcIpAddr",
    "SrcPortNumber",
    "DstIpAddr",
    "DstPortNumber",
    "NetworkProtocol",
    "DnsSessionId",
    "TransactionIdHex",
    "DnsNetworkDuration",
    "DnsQuery",
    "DnsQueryClass",
    "DnsQueryClassName",
    "DnsQueryType",
    "DnsQueryTypeName",
    "DnsResponseCode",
    "EventResultDetails",
    "DnsFlagsAuthoritative",
    "DnsFlagsTruncated",
    "DnsFlagsRecursionDesired",
    "DnsFlagsRecursionAvailable",
    "DnsResponseName",
    "EventSubType",
    "DvcHostname",
    "SrcHostname",
    "SrcUsername",
    "SrcProcessId",
    "SrcProcessName",
)
SCHEMA = schema(DNS_ACTIVITY, COLUMNS)
PORT = 53
# IANA's "Domain Name System (DNS) Parameters": numbers of record types and of response codes.
TYPES = {"A": 1, "NS": 2, "NULL": 10, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "HTTPS": 65}
CODES = {"NOERROR": 0, "SERVFAIL": 2, "NXDOMAIN": 3}
_IDS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """Questions to a resolver as columns, and what came back; "" in `answer` is no record."""

    at_s: Seconds
    source: Texts
    resolver: Texts
    name: Texts
    kind: Texts = "A"
    code: Texts = "NOERROR"
    answer: Texts = ""  # of several, between commas
    took_s: Seconds | float = 0.02
    sent_bytes: Numbers = 40
    received_bytes: Numbers = 120
    direction: str = "Local"
    device: Texts = ""
    account: Texts = ""
    process: Texts = ""
    process_id: Texts = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Lookups as a sensor sees them: the sessions, and the queries in these."""

    sessions: pa.Table
    queries: pa.Table


def ask(lookups: Lookups, start: datetime, rng: np.random.Generator) -> Asked:
    """The lookups as rows; `start` (UTC) is the moment that they count from."""
    flows = Flows(
        at_s=lookups.at_s,
        duration_s=lookups.took_s,
        source=lookups.source,
        destination=lookups.resolver,
        port=PORT,
        transport="UDP",
        application="dns",
        sent_bytes=lookups.sent_bytes,
        received_bytes=lookups.received_bytes,
        direction=lookups.direction,
        device=lookups.device,
        account=lookups.account,
        process=lookups.process,
        process_id=lookups.process_id,
    )
    sessions = session_table(flows, start, rng)
    return Asked(sessions, _queries(lookups, sessions, rng))


def _queries(lookups: Lookups, sessions: pa.Table, rng: np.random.Generator) -> pa.Table:
    rows = sessions.num_rows
    numbers = _hex_numbers().take(pa.array(rng.integers(0, _IDS, rows), pa.int64()))
    shared = {
        name: sessions[name]
        for name in ("TimeGenerated", "SrcIpAddr", "SrcPortNumber", "DstIpAddr", "DstPortNumber", "NetworkProtocol")
    }
    hosts = {"SrcHostname": "SrcHostname", "SrcUsername": "SrcUsername", "DvcHostname": "SrcHostname"}
    own = {
        "TransactionIdHex": numbers,
        "DnsNetworkDuration": (np.asarray(lookups.took_s) * 1000).astype(np.int64),
        "DnsQuery": lookups.name,
        "DnsQueryClass": 1,
        "DnsQueryClassName": "C_INTERNET",
        "DnsQueryType": _numbers(lookups.kind, TYPES),
        "DnsQueryTypeName": lookups.kind,
        "DnsResponseCode": _numbers(lookups.code, CODES),
        "EventResultDetails": lookups.code,
        "DnsFlagsAuthoritative": False,
        "DnsFlagsTruncated": False,
        "DnsFlagsRecursionDesired": True,
        "DnsFlagsRecursionAvailable": True,
        "DnsResponseName": lookups.answer,
        "EventSubType": "response",
    }
    columns: dict[str, Any] = {
        **shared,
        **{name: sessions[source] for name, source in hosts.items()},
        "DnsSessionId": sessions["NetworkSessionId"],
        "SrcProcessId": sessions["SrcAppId"],
        "SrcProcessName": sessions["SrcAppName"],
        **{name: column_of(values, rows) for name, values in own.items()},
    }
    return pa.table(columns).select(list(COLUMNS)).cast(SCHEMA)


@cache
def _hex_numbers() -> "pa.Array[Any]":
    """Every number that a query may have, as ASIM writes it."""
    return pa.array([f"0x{number:04x}" for number in range(_IDS)], pa.string())


def _numbers(words: Texts, known: dict[str, int]) -> object:
    """The number of each word; one for all where there is one word for all."""
    if isinstance(words, str):
        return known[words]
    column = coded(words)
    return np.array([known[str(word)] for word in column.values] or [0])[column.codes]


def joined(parts: "list[Asked]") -> Asked:
    """Several lookups as one."""
    return Asked(
        pa.concat_tables([schema().empty_table(), *(each.sessions for each in parts)]),
        pa.concat_tables([SCHEMA.empty_table(), *(each.queries for each in parts)]),
    )
