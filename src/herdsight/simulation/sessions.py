"""Turns columns of a simulated behaviour into the session table, with what a sensor at the network would see of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from string import ascii_letters, digits
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from herdsight import tables
from herdsight.simulation.addresses import Strings

Numbers = npt.NDArray[np.int64] | int
Columns = dict[str, object]


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of texts of which many are the same: the different ones, and which of them each row has."""

    values: Sequence[str] | Strings
    codes: npt.NDArray[np.int64]

    def only(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "Coded":
        """Those rows alone."""
        return Coded(self.values, self.codes[kept])


Texts = Strings | Coded | str

# What a simulated session says: what Zeek sees, and (from SrcHostname on) what only the hosts themselves know.
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
    "DstHostname",
    "DstUsername",
    "DstAppType",
    "DstAppId",
    "DstAppName",
    "DstFQDN",
)
_ARROW = {
    tables.ColumnType.BOOL: pa.bool_(),
    tables.ColumnType.DATETIME: pa.timestamp("us"),
    tables.ColumnType.INT: pa.int32(),
    tables.ColumnType.LONG: pa.int64(),
    tables.ColumnType.STRING: pa.string(),
    tables.ColumnType.DYNAMIC: pa.string(),
}
_HISTORY = {
    "SF": "ShADadFf",
    "S1": "ShADad",
    "S0": "S",
    "REJ": "Sr",
    "RSTO": "ShADadR",
    "RSTR": "ShADadr",
    "RSTOS0": "SR",
}
_LETTERS = np.frombuffer((ascii_letters + digits).encode(), dtype=np.uint8)
_IDENTIFIER = 18  # letters
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
    host_name: Texts = ""  # what the source calls the destination, where it looked a name up
    accepting_device: Texts = ""  # name of the destination
    accepting_account: Texts = ""
    accepting_process: Texts = ""  # file name of the process that took the session, where somebody watches processes
    accepting_process_id: Texts = ""


def schema(name: str = tables.NETWORK_SESSION, columns: Iterable[str] = COLUMNS) -> pa.Schema:
    """The declared columns of that name in Arrow's types, in the order given."""
    declared = tables.table(name)
    found = [column for wanted in columns if (column := declared.column(wanted))]
    return pa.schema([pa.field(column.name, _ARROW[column.type]) for column in found])


def session_table(flows: Flows, start: datetime, rng: np.random.Generator) -> pa.Table:
    """The sessions as a table; `start` (UTC) is the moment that `flows` counts from."""
    rows = flows.at_s.size
    columns = _when(flows, start, rows) | _ends(flows, rows, rng) | _course(flows, rows, rng) | _openers(flows)
    return pa.table({name: column_of(columns[name], rows) for name in COLUMNS}).cast(schema())


def combine(parts: Iterable[pa.Table]) -> pa.Table:
    """All sessions in the order in which a sensor writes them: when they end."""
    together = pa.concat_tables([schema().empty_table(), *parts])
    # One chunk a column: rows are taken from all over, and to search for the chunk of each costs more than the copy.
    return together.combine_chunks().take(_order(together)).combine_chunks()


def _order(sessions: pa.Table) -> "pa.Array[Any]":
    columns: dict[str, Any] = {"ended": ended(sessions), "id": sessions["NetworkSessionId"]}
    keys = pa.table(columns)
    return pc.sort_indices(keys, sort_keys=[("ended", "ascending"), ("id", "ascending")])


def ended(sessions: pa.Table) -> npt.NDArray[np.datetime64]:
    """When each session ended; when it began, where nobody answered and so no end is known."""
    begun, end = (sessions[name].to_numpy() for name in ("EventStartTime", "EventEndTime"))
    return np.where(np.isnat(end), begun, end)


def _when(flows: Flows, start: datetime, rows: int) -> Columns:
    begun = np.datetime64(start.replace(tzinfo=None), "us") + (flows.at_s * 1e6).astype("timedelta64[us]")
    length_us = np.broadcast_to((np.asarray(flows.duration_s) * 1e6).astype("timedelta64[us]"), rows)
    endless = _marked(flows.state, rows, "S0")
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
    unanswered, is_tcp = _marked(flows.state, rows, "S0"), _marked(flows.transport, rows, "TCP")
    talked = ~_marked(flows.state, rows, "S0", "REJ", "RSTOS0")
    sent, received = (np.where(talked, size, 0).astype(np.int64) for size in (flows.sent_bytes, flows.received_bytes))
    return {
        "EventOriginalResultDetails": flows.state,
        "NetworkApplicationProtocol": _where(talked, flows.application),
        "SrcBytes": pa.array(sent, mask=unanswered),
        "DstBytes": pa.array(received, mask=unanswered),
        "SrcPackets": _packets(sent, is_tcp),
        "DstPackets": np.where(unanswered, 0, _packets(received, is_tcp)),
        "NetworkSessionId": _identifiers(rows, rng),
        "NetworkConnectionHistory": _history(flows.state, is_tcp, rows),
    }


def _openers(flows: Flows) -> Columns:
    return {
        "SrcHostname": flows.device,
        "SrcUsername": flows.account,
        "SrcAppType": _kind_of(flows.process),
        "SrcAppId": flows.process_id,
        "SrcAppName": flows.process,
        "DstHostname": flows.accepting_device,
        "DstUsername": flows.accepting_account,
        "DstAppType": _kind_of(flows.accepting_process),
        "DstAppId": flows.accepting_process_id,
        "DstAppName": flows.accepting_process,
        "DstFQDN": flows.host_name,
    }


def _kind_of(process: Texts) -> Texts:
    if isinstance(process, str):
        return "Process" if process else ""
    named = coded(process)
    return Coded(["Process" if value else "" for value in named.values], named.codes)


def coded(values: Texts) -> Coded:
    """A column of texts as the different ones and which of them each row has; a text alone has one row."""
    match values:
        case Coded():
            return values
        case str():
            return Coded([values], np.zeros(1, dtype=np.int64))
        case _:
            different, codes = np.unique(values, return_inverse=True)
            return Coded(different, codes)


def _marked(values: Texts, rows: int, *words: str) -> npt.NDArray[np.bool_]:
    """In which rows one of the words stands."""
    column = coded(values)
    known = np.array([value in words for value in column.values], dtype=np.bool_)
    return np.broadcast_to(known[column.codes] if known.size else np.zeros(0, dtype=np.bool_), rows)


def _where(kept: npt.NDArray[np.bool_], values: Texts) -> Coded:
    """The texts where they are kept, else nothing."""
    column = coded(values)
    return Coded(["", *column.values], np.where(kept, column.codes + 1, 0))


def column_of(values: object, rows: int) -> "pa.Array[Any]":
    """A column of so many rows in Arrow's form; what is one for all stands in each."""
    match values:
        case pa.Array():
            found: pa.Array[Any] = values
            return found
        case str():
            return pa.repeat(pa.scalar(values, pa.string()), rows)
        case Coded():
            texts: pa.Array[Any] = pa.array(list(map(str, values.values)), pa.string())
            return texts.take(pa.array(values.codes, pa.int64()))
        case _:
            one_or_all: pa.Array[Any] = pa.array(np.broadcast_to(np.asarray(values), rows))
            return one_or_all


def _packets(payload: npt.NDArray[np.int64], is_tcp: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    # A TCP session has four packets around its payload: the handshake and the close.
    around = np.where(is_tcp & (payload > 0), 4, 0)
    return np.maximum(-(-payload // _SEGMENT_BYTES) + around, 1)


def _history(state: Texts, is_tcp: npt.NDArray[np.bool_], rows: int) -> Coded:
    column = coded(state)
    by_tcp = [_HISTORY[str(value)] for value in column.values]
    by_udp = ["D" if value == "S0" else "Dd" for value in column.values]
    codes = np.broadcast_to(column.codes, rows)
    return Coded(by_tcp + by_udp, np.where(is_tcp, codes, codes + len(by_tcp)))


def _identifiers(rows: int, rng: np.random.Generator) -> "pa.Array[Any]":
    # Zeek's own look: a C and 17 letters or digits.
    letters = np.full((rows, _IDENTIFIER), ord("C"), dtype=np.uint8)
    letters[:, 1:] = _LETTERS[rng.integers(0, _LETTERS.size, (rows, _IDENTIFIER - 1))]
    ends = np.arange(rows + 1, dtype=np.int32) * _IDENTIFIER
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends.tobytes()), pa.py_buffer(letters.tobytes()))
