"""Turns columns of a simulated behaviour into the session table, with what a sensor at the network would see of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from string import ascii_letters, digits
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from herdsight import tables
from herdsight.simulation.addresses import Strings

Numbers = npt.NDArray[np.int64] | int
Texts = Strings | str
Columns = dict[str, object]

# What a simulated session says: what Zeek sees, and (in the Src* columns) what only the host itself knows.
COLUMNS = (
    "TimeGenerated",
    "EventStartTime",
    "EventEndTime",
    "EventOriginalResultDetails",
    "SrcIpAddr",
    "SrcPortNumber",
    "DstIpAddr",
    "DstPortNumber",
    "NetworkProtocol",
    "NetworkApplicationProtocol",
    "NetworkDirection",
    "NetworkDuration",
    "SrcBytes",
    "DstBytes",
    "SrcPackets",
    "DstPackets",
    "NetworkSessionId",
    "NetworkConnectionHistory",
    "SrcHostname",
    "SrcUsername",
    "SrcAppType",
    "SrcAppId",
    "SrcAppName",
)
_ARROW = {
    tables.ColumnType.DATETIME: pa.timestamp("us"),
    tables.ColumnType.INT: pa.int32(),
    tables.ColumnType.LONG: pa.int64(),
    tables.ColumnType.STRING: pa.string(),
}
_HISTORY = {"SF": "ShADadFf", "S1": "ShADad", "S0": "S", "REJ": "Sr", "RSTO": "ShADadR", "RSTR": "ShADadr"}
_LETTERS = np.array(list(ascii_letters + digits))
_SEGMENT_BYTES = 1380  # payload of a full TCP segment on an ordinary path
_EPHEMERAL = (49152, 65536)  # the ports that a client takes, by IANA


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Sessions as columns; what is one for all may be given once."""

    at_s: npt.NDArray[np.float64]  # when each began, seconds from the start
    duration_s: npt.NDArray[np.float64] | float
    source: Texts
    destination: Texts
    port: Numbers  # of the destination
    source_port: Numbers | None = None  # None: an ephemeral one
    transport: Texts = "TCP"
    application: Texts = ""  # the protocol above, in Zeek's words: ssl, http, dns ...
    sent_bytes: Numbers = 0  # payload from the source
    received_bytes: Numbers = 0  # payload from the destination
    state: Texts = "SF"  # Zeek's conn_state
    direction: Texts = "Outbound"
    device: Texts = ""  # name of the source
    account: Texts = ""
    process: Texts = ""  # file name of the process that opened it, where somebody watches processes
    process_id: Texts = ""


def schema(name: str = tables.NETWORK_SESSION, columns: Iterable[str] = COLUMNS) -> pa.Schema:
    """The declared columns of that name in Arrow's types, in the order given."""
    declared = tables.table(name)
    found = [column for wanted in columns if (column := declared.column(wanted))]
    return pa.schema([pa.field(column.name, _ARROW[column.type]) for column in found])


def session_table(flows: Flows, start: datetime, rng: np.random.Generator) -> pa.Table:
    """The sessions as a table; `start` (UTC) is the moment that `flows` counts from."""
    rows = flows.at_s.size
    columns = _when(flows, start, rows) | _ends(flows, rows, rng) | _course(flows, rows, rng) | _opener(flows, rows)
    arrays = {name: _array(values, rows) for name, values in columns.items()}
    return pa.table(arrays).select(list(COLUMNS)).cast(schema())


def combine(parts: Iterable[pa.Table]) -> pa.Table:
    """All sessions in the order in which a sensor writes them: when they end."""
    together = pa.concat_tables([schema().empty_table(), *parts])
    identifiers = together["NetworkSessionId"].to_numpy().astype(np.str_)
    return together.take(np.lexsort((identifiers, ended(together))))


def ended(sessions: pa.Table) -> npt.NDArray[np.datetime64]:
    """When each session ended; when it began, where nobody answered and so no end is known."""
    begun, end = (sessions[name].to_numpy() for name in ("EventStartTime", "EventEndTime"))
    return np.where(np.isnat(end), begun, end)


def _when(flows: Flows, start: datetime, rows: int) -> Columns:
    begun = np.datetime64(start.replace(tzinfo=None), "us") + (flows.at_s * 1e6).astype("timedelta64[us]")
    length_us = np.broadcast_to((np.asarray(flows.duration_s) * 1e6).astype("timedelta64[us]"), rows)
    endless = _unanswered(flows, rows)
    return {
        "TimeGenerated": begun,
        "EventStartTime": begun,
        "EventEndTime": pa.array(begun + length_us, mask=endless),
        "NetworkDuration": pa.array(length_us.astype("timedelta64[ms]").astype(np.int64), mask=endless),
    }


def _ends(flows: Flows, rows: int, rng: np.random.Generator) -> Columns:
    return {
        "SrcIpAddr": flows.source,
        "SrcPortNumber": rng.integers(*_EPHEMERAL, rows) if flows.source_port is None else flows.source_port,
        "DstIpAddr": flows.destination,
        "DstPortNumber": flows.port,
        "NetworkProtocol": flows.transport,
        "NetworkDirection": flows.direction,
    }


def _course(flows: Flows, rows: int, rng: np.random.Generator) -> Columns:
    state, transport = _spread(flows.state, rows), _spread(flows.transport, rows)
    unanswered = _unanswered(flows, rows)
    talked = ~unanswered & (state != "REJ")
    sent, received = (np.where(talked, size, 0).astype(np.int64) for size in (flows.sent_bytes, flows.received_bytes))
    return {
        "EventOriginalResultDetails": state,
        "NetworkApplicationProtocol": np.where(talked, flows.application, ""),
        "SrcBytes": pa.array(sent, mask=unanswered),
        "DstBytes": pa.array(received, mask=unanswered),
        "SrcPackets": _packets(sent, transport),
        "DstPackets": np.where(unanswered, 0, _packets(received, transport)),
        "NetworkSessionId": _identifiers(rows, rng),
        "NetworkConnectionHistory": _history(state, transport),
    }


def _opener(flows: Flows, rows: int) -> Columns:
    return {
        "SrcHostname": flows.device,
        "SrcUsername": flows.account,
        "SrcAppType": np.where(_spread(flows.process, rows) == "", "", "Process"),
        "SrcAppId": flows.process_id,
        "SrcAppName": flows.process,
    }


def _unanswered(flows: Flows, rows: int) -> npt.NDArray[np.bool_]:
    """Where nobody answered, so that a sensor knows neither an end nor bytes."""
    return np.equal(_spread(flows.state, rows), "S0")


def _spread(values: Texts, rows: int) -> Strings:
    return np.broadcast_to(np.asarray(values, dtype=np.str_), rows)


def _array(values: object, rows: int) -> "pa.Array[Any]":
    return values if isinstance(values, pa.Array) else pa.array(np.broadcast_to(np.asarray(values), rows))


def _packets(payload: npt.NDArray[np.int64], transport: Strings) -> npt.NDArray[np.int64]:
    # A TCP session has four packets around its payload: the handshake and the close.
    around = np.where((transport == "TCP") & (payload > 0), 4, 0)
    return np.maximum(-(-payload // _SEGMENT_BYTES) + around, 1)


def _history(state: Strings, transport: Strings) -> Strings:
    kinds, index = np.unique(state, return_inverse=True)
    letters = np.array([_HISTORY[str(kind)] for kind in kinds] or [""])[index]
    return np.where(transport == "TCP", letters, np.where(state == "S0", "D", "Dd"))


def _identifiers(rows: int, rng: np.random.Generator) -> Strings:
    # Zeek's own look: a C and 17 letters or digits.
    letters = _LETTERS[rng.integers(0, _LETTERS.size, (rows, 17))].view("U17").reshape(rows)
    return np.char.add("C", letters)
