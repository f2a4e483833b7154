"""Binary event logs: what they say of connections and of DNS, and that nothing that is wrong with them harms."""

import gzip
import os
import struct
import zipfile
from pathlib import Path

import pytest
from evtx_files import CHUNK, FILE_HEADER, FIRST, bomb, chunk_around, chunk_of, event, file_of
from hypothesis import given, settings
from hypothesis import strategies as st
from loaded import account, loaded
from windows_logs import ASKED, CONNECTED, OUTBOUND, PERMITTED, SECURITY, SYSMON, told

import herdsight
from herdsight.errors import InputError
from herdsight.loading import is_log
from herdsight.loading.records import ReadOptions
from herdsight.logs.windows import evtx_file as evtx
from herdsight.logs.windows.evtx_worker import Orders, frames, lines

SEEN = event(3, SYSMON, CONNECTED)
OTHER = event(1, SYSMON, {"Image": "x"})
ORDERS = Orders("", 0, 0, ['"DestinationIp"'], "other", "damaged", "cut")


def connected(port: int) -> dict[str, str]:
    return CONNECTED | {"SourcePort": str(port)}


def log(path: Path, *chunks: bytes) -> Path:
    path.write_bytes(file_of(chunks))
    return path


def spoilt(chunk: bytes, place: int, values: bytes) -> bytes:
    return chunk[:place] + values + chunk[place + len(values) :]


def second_record(chunk: bytes) -> int:
    (size,) = struct.unpack_from("<I", chunk, FIRST + 4)
    return FIRST + int(size)


def ports(path: Path) -> list[int]:
    return [row["LocalPort"] for row in loaded(path)[1]]


# --- events ----------------------------------------------------------------------------------------------------------


def test_connections_and_queries(tmp_path: Path) -> None:
    platform = {"ProcessID" if name == "ProcessId" else name: value for name, value in PERMITTED.items()}
    events = [SEEN, event(22, SYSMON, ASKED), event(5156, SECURITY, platform), OTHER]
    path = log(tmp_path / "a.evtx", chunk_of(events))
    sysmon, security = herdsight.query("DeviceNetworkEvents | sort by Timestamp asc", path).to_pylist()
    assert told(sysmon)["RemoteUrl"] == "evil.test"
    assert told(security) == OUTBOUND | {
        "TimeGenerated": OUTBOUND["TimeGenerated"].replace(second=9),
        "Timestamp": OUTBOUND["TimeGenerated"].replace(second=9),
        "InitiatingProcessFolderPath": PERMITTED["Application"],
    }
    (asked,) = herdsight.query("ASimDnsActivityLogs | project DnsQuery, DvcHostname", path).to_pylist()
    assert asked == {"DnsQuery": "evil.test", "DvcHostname": "pc-1"}
    found = account(path)
    assert (found.rows, found.reasons) == (3, {"other event": 1})


def test_chunks_come_in_order_whoever_unpacks_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtx, "_SHARE", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    path = log(tmp_path / "a.evtx", *(chunk_of([event(3, SYSMON, connected(each))]) for each in range(1, 8)))
    assert ports(path) == [1, 2, 3, 4, 5, 6, 7]


def test_packed_and_in_an_archive(tmp_path: Path) -> None:
    raw = file_of([chunk_of([SEEN, OTHER])])
    packed, archive = tmp_path / "a.evtx.gz", tmp_path / "a.zip"
    packed.write_bytes(gzip.compress(raw))
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("logs/a.evtx", raw)
    assert [account(each).rows for each in (packed, archive)] == [1, 1]
    assert account(archive).path == f"{archive}/logs/a.evtx"


def test_a_log_is_a_log(tmp_path: Path) -> None:
    assert is_log(log(tmp_path / "a.evtx", chunk_of([SEEN])), ReadOptions())


@pytest.mark.parametrize("content", [file_of([]), file_of([bytes(CHUNK)]), b"ElfFile\0", file_of([chunk_of([])])])
def test_a_log_without_events(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.evtx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="a log of Windows events without any"):
        account(path)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "rows", "other"),
    [("DE_RDP_Tunnel_5156", 63, 38), ("DE_sysmon-3-rdp-tun", 42, 31), ("tunna_iis_rdp_smb_tunneling_sysmon_3", 12, 0)],
)
def test_real_logs(shared_data: Path, name: str, rows: int, other: int) -> None:
    found = account(shared_data / "data" / "formats" / "evtx" / f"{name}.evtx")
    assert (found.rows, found.reasons) == (rows, {"other event": other} if other else {})


# --- damage ----------------------------------------------------------------------------------------------------------

THREE = chunk_of([event(3, SYSMON, connected(each)) for each in (1, 2, 3)])
PLACE = second_record(THREE)


@pytest.mark.parametrize(
    ("chunk", "read", "damaged"),
    [
        (spoilt(THREE, PLACE + 24, b"\xff"), [1, 3], 1),  # its binary XML
        (spoilt(THREE, PLACE, b"xx"), [1, 3], 1),  # its signature
        (spoilt(THREE, PLACE + 4, b"\xff" * 4), [1, 3], 1),  # its size
        (spoilt(THREE, FIRST, b"x"), [2, 3], 1),  # the first one's signature
        (spoilt(THREE, 0, b"xx"), [1, 2, 3], 0),  # the chunk's signature
        (spoilt(THREE, 24, bytes(24)), [1, 2, 3], 0),  # what the chunk says of its records
        (spoilt(THREE, 128, b"\xff" * 384), [1, 2, 3], 0),  # where the chunk says that names and templates are
    ],
)
def test_damage_costs_what_it_hits(tmp_path: Path, chunk: bytes, read: list[int], damaged: int) -> None:
    path = log(tmp_path / "a.evtx", chunk, chunk_of([event(3, SYSMON, connected(4))]))
    found, rows = loaded(path)
    assert [row["LocalPort"] for row in rows] == [*read, 4]
    assert found.reasons == ({"damaged record": damaged} if damaged else {})


def test_the_header_of_the_file_is_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "a.evtx"
    path.write_bytes(b"ElfFile\0".ljust(FILE_HEADER, b"\xff") + THREE)
    assert ports(path) == [1, 2, 3]


def test_what_was_written_after_the_header_of_the_chunk_is_read(tmp_path: Path) -> None:
    """A log that was copied while it was written."""
    stale = struct.pack("<QQIII", 1, 1, 128, 0, PLACE)
    assert ports(log(tmp_path / "a.evtx", spoilt(THREE, 24, stale))) == [1, 2, 3]


def test_a_log_that_ends_within_a_record(tmp_path: Path) -> None:
    path = tmp_path / "a.evtx"
    path.write_bytes(file_of([THREE])[: FILE_HEADER + PLACE + 100])
    found, rows = loaded(path)
    assert ([row["LocalPort"] for row in rows], found.reasons) == ([1], {"cut short": 1})


def test_a_log_that_unpacks_to_more_than_any_memory(tmp_path: Path) -> None:
    """Ten to the power of fourteen elements: the process that unpacks them dies, and another reads what comes after."""
    path = log(tmp_path / "a.evtx", THREE, chunk_around([bomb(10, 14)], 1, 1), THREE)
    found, rows = loaded(path)
    assert [row["LocalPort"] for row in rows] == [1, 2, 3, 1, 2, 3]
    assert found.reasons == {"damaged record": 1}


def test_a_log_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtx, "_TIME", 0.0)
    monkeypatch.setattr(evtx, "_TIME_A_CHUNK", 0.0)
    with pytest.raises(InputError, match="cannot be unpacked to its end"):
        account(log(tmp_path / "a.evtx", THREE))


def test_processes_that_die_are_not_started_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evtx, "_START", "raise SystemExit(1)")
    found = account(log(tmp_path / "a.evtx", *[THREE] * 12))
    assert (found.rows, found.reasons) == (0, {"damaged record": 3 * 8})
    assert found.notes == ("cannot be unpacked to its end: what came before is read",)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, PLACE + 200), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
    st.integers(0, CHUNK),
)
def test_whatever_happens_to_its_bytes_no_record_is_lost(changes: list[tuple[int, bytes]], length: int) -> None:
    chunk = THREE
    for place, values in changes:
        chunk = spoilt(chunk, place, values)
    for each in (chunk, chunk[:length]):
        found = list(lines(each, ORDERS))
        assert len(found) == sum(frame.lost or 1 for frame in frames(each))
        assert all("\n" not in line for line in found)
