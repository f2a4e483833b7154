"""Specification of packed logs: compressed files and archives read as plain files do, and nothing they do harms."""

import bz2
import gzip
import io
import json
import lzma
import shutil
import struct
import tarfile
import tempfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import InputError
from herdsight.findings.model import Input
from herdsight.loading import Loaded, ReadOptions, is_log, load
from herdsight.logs.packed import archives, packing
from herdsight.logs.packed import zip as zip_reader
from herdsight.tables import DEVICE_NETWORK_EVENTS
from herdsight.trees import relation

HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\n"
)
RECORDS = 40
ZEROS = bytes(1 << 20)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def record(number: int) -> str:
    return f"{1_700_000_000 + number}\tC{number}\t10.0.0.5\t1000\t192.0.2.1\t80\ttcp\tSF\n"


def conn(*numbers: int) -> bytes:
    return (HEADER + "".join(map(record, numbers))).encode()


# The second record is broken, so 39 of 40 are rows and C2 is the third record.
LOG = conn(*range(RECORDS)).replace(b"C1\t10.0.0.5", b"C1\tnowhere")
EVENT = {
    "Timestamp": "2023-10-18T14:37:28Z",
    "DeviceName": "pc",
    "ActionType": "ConnectionSuccess",
    "RemoteIP": "192.0.2.1",
}


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


class _Unseekable(io.BytesIO):
    """A pipe: what is written to it cannot be amended."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


def zipped_stream(members: Mapping[str, bytes], method: int) -> bytes:
    """A zip as it is written to a pipe, the sizes behind each member."""
    out = _Unseekable()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(members: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    return tar_of([(tarfile.TarInfo(name), content) for name, content in members.items()], form)


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def write(folder: Path, content: bytes, name: str = "a") -> Path:
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def loaded(*paths: Path, options: ReadOptions | None = None) -> Loaded:
    with DuckDbEngine() as engine:
        return load(engine, paths, options)


def inputs(folder: Path, content: bytes, name: str = "a") -> dict[str, Input]:
    """What became of each part of a packed file, by its name in there, beside a log that can be read."""
    path = write(folder, content, name)
    good = write(folder / "beside", conn(0), "good.log")
    found = loaded(path, good).inputs
    assert found[-1].rows == 1
    told = {each.path.removeprefix(f"{path}").removeprefix("/"): each for each in found[:-1]}
    assert len(told) == len(found) - 1
    return told


def notes(folder: Path, content: bytes, name: str = "a") -> dict[str, tuple[str, ...]]:
    return {name: each.notes for name, each in inputs(folder, content, name).items()}


def rows_of(path: Path) -> tuple[list[dict[str, Any]], list[Any]]:
    """The rows with the record each is said to come from, and the accounts of all files."""
    with DuckDbEngine() as engine:
        found = load(engine, [path])
        rows = []
        for each in found.relations:
            query = exp.select("*").from_(relation(each.name, each.schema)).order_by("_row")
            for row in engine.run(query).to_pylist():
                place = found.locate(row.pop("_file"), row.pop("_row"))
                rows.append(row | {"record": place.row, "file": place.path})
        return rows, [each.model_dump(exclude={"path"}) for each in found.inputs]


def assert_reads_as_plain(folder: Path, packed: bytes, member: str = "") -> None:
    path = write(folder, packed, "packed")
    rows, accounts = rows_of(path)
    plain_rows, plain_accounts = rows_of(write(folder / "plain", LOG))
    assert len(plain_rows) == RECORDS
    assert accounts == plain_accounts
    assert {row["file"] for row in rows} == {f"{path}{member}"}
    assert [row | {"file": ""} for row in rows] == [row | {"file": ""} for row in plain_rows]


# --- Packed logs read as plain ones do --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PACKERS)
def test_a_compressed_log_reads_as_the_plain_one(tmp_path: Path, kind: str) -> None:
    assert_reads_as_plain(tmp_path, PACKERS[kind](LOG))


@pytest.mark.parametrize("kind", PACKERS)
def test_streams_one_after_the_other_are_one(tmp_path: Path, kind: str) -> None:
    assert_reads_as_plain(tmp_path, PACKERS[kind](LOG[:500]) + PACKERS[kind](LOG[500:]))


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_log_in_a_zip_reads_as_the_plain_one(tmp_path: Path, method: int) -> None:
    assert_reads_as_plain(tmp_path, zipped({"logs/": b"", "logs/conn.log": LOG}, method), "/logs/conn.log")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=str)
@pytest.mark.parametrize("name", ["conn.log", f"{'d' * 80}/{'n' * 80}.log"], ids=["short", "long"])
def test_a_log_in_a_tar_of_any_kind_reads_as_the_plain_one(tmp_path: Path, form: int, name: str) -> None:
    assert_reads_as_plain(tmp_path, tarred({name: LOG}, form), f"/{name}")


@pytest.mark.parametrize("kind", PACKERS)
def test_a_log_in_a_compressed_tar_reads_as_the_plain_one(tmp_path: Path, kind: str) -> None:
    assert_reads_as_plain(tmp_path, PACKERS[kind](tarred({"./conn.log": LOG})), "/conn.log")


def test_a_tar_in_the_layout_from_before_posix_is_read(tmp_path: Path) -> None:
    data = bytearray(tarred({"logs": b"", "conn.log": LOG}, tarfile.USTAR_FORMAT))
    for start, name in ((0, b"logs/"), (512, b"conn.log")):
        block = bytearray(data[start : start + 512])
        block[0:100] = name.ljust(100, b"\0")
        block[148:157] = b" " * 8 + b"\0"
        block[257:512] = bytes(255)
        block[148:156] = b"%06o\0 " % sum(block)
        data[start : start + 512] = block
    assert_reads_as_plain(tmp_path, bytes(data), "/conn.log")


def test_a_size_beyond_octal_is_read(tmp_path: Path) -> None:
    data = bytearray(tarred({"conn.log": LOG}, tarfile.GNU_FORMAT))
    data[124:136] = b"\x80" + len(LOG).to_bytes(11, "big")
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    assert_reads_as_plain(tmp_path, bytes(data), "/conn.log")


@pytest.mark.parametrize("kind", PACKERS)
def test_a_compressed_member_reads_as_the_plain_one(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](LOG)
    assert_reads_as_plain(tmp_path / "zip", zipped({f"conn.log.{kind}": packed}), f"/conn.log.{kind}")
    assert_reads_as_plain(tmp_path / "tar", tarred({f"conn.log.{kind}": packed}), f"/conn.log.{kind}")


def test_an_archive_within_an_archive_is_read(tmp_path: Path) -> None:
    inner = zipped({"conn.log": LOG})
    assert_reads_as_plain(tmp_path / "1", zipped({"inner.zip": inner}), "/inner.zip/conn.log")
    assert_reads_as_plain(
        tmp_path / "2", zipped({"b.tar.gz": gzip.compress(tarred({"conn.log": LOG}))}), "/b.tar.gz/conn.log"
    )
    assert_reads_as_plain(tmp_path / "3", lzma.compress(tarred({"in.zip": inner})), "/in.zip/conn.log")


@pytest.mark.parametrize("kind", ["bz2", "xz"])
def test_other_text_is_read_when_packed(tmp_path: Path, kind: str) -> None:
    pack = PACKERS[kind]
    events = [EVENT | {"RemotePort": number} for number in range(3)]
    for place, text in enumerate(
        [
            json.dumps(events).encode(),
            json.dumps(events, indent=1).encode("utf-8-sig"),
            "\n".join(map(json.dumps, events)).encode("utf-16"),
            LOG.replace(b"\n1700000003", b"\r\n1700000003"),
        ]
    ):
        (found,) = loaded(write(tmp_path / str(place), pack(text))).inputs
        assert (found.rows, found.notes) == (3 if place < 3 else 39, ())


def test_each_member_has_a_line_and_its_records_their_numbers(tmp_path: Path) -> None:
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([EVENT]), table)
    members = {
        "conn.log": conn(1, 2),
        "day/conn.log": conn(3) + b"short\n" + record(4).encode(),
        "day/events.parquet": table.getvalue(),
        "read me.txt": b"words\n",
        "empty.log": b"",
    }
    for name, packed in {"a.zip": zipped(members), "a.tar": tarred(members)}.items():
        path = write(tmp_path, packed, name)
        found = {each.path.removeprefix(f"{path}/"): each for each in loaded(path).inputs}
        assert {name: (each.rows, each.rejected) for name, each in found.items()} == {
            "conn.log": (2, 0),
            "day/conn.log": (2, 1),
            "day/events.parquet": (1, 0),
            "read me.txt": (0, 0),
            "empty.log": (0, 0),
        }
        assert found["read me.txt"].notes == ("not a log that Herdsight knows",)
        assert found["empty.log"].notes == ("empty file",)
        rows, _ = rows_of(path)
        places = {row["NetworkSessionId"]: (row["file"], row["record"]) for row in rows if row.get("NetworkSessionId")}
        assert places["C4"] == (f"{path}/day/conn.log", 3)


def test_parquet_in_an_archive_can_be_read_when_the_engine_is_locked(tmp_path: Path) -> None:
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([EVENT]), table)
    path = write(tmp_path, zipped({"events.parquet": table.getvalue()}))
    with DuckDbEngine() as engine:
        found = load(engine, [path])
        engine.lock(found.readable)
        (only,) = found.relations
        assert engine.run(exp.select("*").from_(relation(only.name, only.schema))).num_rows == 1


def test_an_archive_is_told_from_a_query(tmp_path: Path) -> None:
    assert is_log(write(tmp_path, zipped({"words.txt": b"words"})), ReadOptions())
    assert is_log(write(tmp_path, bz2.compress(LOG)), ReadOptions())
    assert not is_log(write(tmp_path, bz2.compress(b"words")), ReadOptions())


def test_a_table_can_be_named_for_members(tmp_path: Path) -> None:
    line = ",".join(EVENT) + "\n" + ",".join(EVENT.values()) + "\n"
    path = write(tmp_path, zipped({"a.csv": line.encode(), "b.log": LOG}), "a.zip")
    for glob in ("b.log", "*.zip/b.log"):
        found = loaded(path, options=ReadOptions(tables=((DEVICE_NETWORK_EVENTS, glob),))).inputs
        assert [each.notes for each in found][1] == ("does not look like DeviceNetworkEvents",)
        assert found[0].rows == 1


# --- Members that are not read ----------------------------------------------------------------------------------------


def test_hidden_members_are_left_out_as_in_folders(tmp_path: Path) -> None:
    members = {"__MACOSX/._conn.log": b"x", ".git/conn.log": LOG, "conn.log": LOG, ".hidden": LOG}
    assert list(inputs(tmp_path, zipped(members))) == ["conn.log"]


def test_an_archive_of_archives_of_archives_is_refused(tmp_path: Path) -> None:
    third = zipped({"conn.log": LOG})
    found = notes(tmp_path, zipped({"2.zip": zipped({"3.zip": third, "conn.log": LOG})}))
    assert found == {
        "2.zip/3.zip": ("not read: an archive within an archive within an archive",),
        "2.zip/conn.log": (),
    }


def test_a_member_that_is_compressed_twice_is_refused(tmp_path: Path) -> None:
    found = notes(tmp_path, zipped({"a.gz.xz": lzma.compress(gzip.compress(LOG))}))
    assert found == {"a.gz.xz": ("not read: compressed more than once",)}


@pytest.mark.parametrize(
    "empty", [zipped({}), zipped({"folder/": b""}), tarred({".hidden": b""}), zipped({".hidden": LOG})], ids=range(4)
)
def test_an_archive_without_files_is_told(tmp_path: Path, empty: bytes) -> None:
    assert notes(tmp_path, empty) == {"": ("an archive without files",)}


def _with_flags(archive: bytes, place_local: int, place_central: int, change: int) -> bytes:
    data = bytearray(archive)
    central = data.index(b"PK\x01\x02")
    for place in (place_local, central + place_central):
        (value,) = struct.unpack_from("<H", data, place)
        struct.pack_into("<H", data, place, value | change)
    return bytes(data)


def test_an_encrypted_member_is_refused_by_name(tmp_path: Path) -> None:
    archive = _with_flags(zipped({"secret.log": LOG, "conn.log": LOG}), 6, 8, 1)
    assert notes(tmp_path, archive) == {"secret.log": ("not read: encrypted",), "conn.log": ()}


def test_a_member_of_a_method_that_is_unknown_is_told(tmp_path: Path) -> None:
    archive = _with_flags(zipped({"odd.log": LOG, "conn.log": LOG}), 8, 10, 96)
    assert notes(tmp_path, archive) == {"odd.log": ("packed in a way that cannot be unpacked",), "conn.log": ()}


def _special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=str)
def test_links_and_devices_are_refused(tmp_path: Path, form: int) -> None:
    archive = tar_of(
        [
            _special("soft", tarfile.SYMTYPE, "/etc/passwd"),
            _special("hard", tarfile.LNKTYPE, "../" * 60 + "etc/passwd"),
            _special("device", tarfile.CHRTYPE),
            _special("disk", tarfile.BLKTYPE),
            _special("pipe", tarfile.FIFOTYPE),
            _special("folder", tarfile.DIRTYPE),
            (tarfile.TarInfo("conn.log"), LOG),
        ],
        form,
    )
    assert notes(tmp_path, archive) == {
        "soft": ("not read: a link",),
        "hard": ("not read: a link",),
        "device": ("not read: a device",),
        "disk": ("not read: a device",),
        "pipe": ("not read: a named pipe",),
        "conn.log": (),
    }


def test_a_sparse_member_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("holes.log")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 60)}
    archive = tar_of([(info, b"0\n" * 50), (tarfile.TarInfo("conn.log"), LOG)])
    assert notes(tmp_path, archive) == {"holes.log": ("not read: a sparse file",), "conn.log": ()}


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, mode in {"link.log": 0o120777, "device": 0o020666, "conn.log": 0o100644}.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, LOG)
    assert notes(tmp_path, out.getvalue()) == {
        "link.log": ("not read: a link",),
        "device": ("not read: no ordinary file",),
        "conn.log": (),
    }


# --- Names are only names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_no_name_leads_out(tmp_path: Path, pack: Callable[[Mapping[str, bytes]], bytes]) -> None:
    names = ["../../up.log", "/absolute.log", "a/../../b.log", "..", "C:\\windows.log"]
    path = write(tmp_path, pack(dict.fromkeys(names, LOG)))
    before = set(tmp_path.rglob("*"))
    with DuckDbEngine() as engine:
        found = load(engine, [path])
        inside = {each.name for each in engine.folder.iterdir()}
    assert [each.path.removeprefix(f"{path}/") for each in found.inputs] == [each.lstrip("/") for each in names]
    assert [each.rows for each in found.inputs] == [39] * len(names)
    assert set(tmp_path.rglob("*")) == before
    assert not {each for each in inside if not each.startswith(("member-", "tables.duckdb", "spill"))}
    assert not Path("/absolute.log").exists()


def test_names_that_repeat_are_told_apart(tmp_path: Path) -> None:
    archive = tar_of([(tarfile.TarInfo("conn.log"), conn(*range(number))) for number in (1, 2, 3)])
    found = inputs(tmp_path, archive)
    assert {name: each.rows for name, each in found.items()} == {"conn.log": 1, "conn.log (2)": 2, "conn.log (3)": 3}


def test_a_name_of_control_characters_is_only_a_name(tmp_path: Path) -> None:
    name = "\x1b[2Jconn\r\n\x07'*?[x].log"
    assert {name: each.rows for name, each in inputs(tmp_path / "zip", zipped({name: LOG})).items()} == {name: 39}
    assert {name: each.rows for name, each in inputs(tmp_path / "tar", tarred({name: LOG})).items()} == {name: 39}


def test_a_name_that_is_no_utf8_is_spelt_out(tmp_path: Path) -> None:
    archive = bytearray(tarred({"xx.log": LOG}, tarfile.USTAR_FORMAT))
    archive[0:2] = b"\xff\xfe"
    archive[148:156] = b" " * 8
    archive[148:156] = b"%06o\0 " % sum(archive[:512])
    assert list(inputs(tmp_path, bytes(archive))) == ["\\xff\\xfe.log"]


def test_a_very_long_name_is_shortened(tmp_path: Path) -> None:
    (only,) = inputs(tmp_path, tarred({"n" * 5000: LOG}))
    assert only == "n" * 500 + "…"


# --- Bombs ------------------------------------------------------------------------------------------------------------


def _zeros_zip(megabytes: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros.log", "w") as member:
            for _ in range(megabytes):
                member.write(ZEROS)
        archive.writestr("conn.log", LOG)
    return out.getvalue()


def test_a_zip_of_a_gigabyte_of_zeros_ends_at_its_bound(tmp_path: Path) -> None:
    packed = _zeros_zip(1000)
    most = (100_000_000 + 200 * len(packed)) // 1_000_000
    tracemalloc.start()
    found = notes(tmp_path, packed)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == {
        "zeros.log": ("not a log that Herdsight knows", f"unpacks to more than {most} MB"),
        "": (f"unpacks to more than {most} MB: what comes after is not read",),
    }
    assert peak < 50_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str)
def test_the_densest_zips_take_no_memory(tmp_path: Path, method: int) -> None:
    """Two hundred megabytes of zeros are some 200 bytes in bzip2, which zipfile would unpack at one go."""
    path = write(tmp_path, zipped({"zeros": ZEROS * 200}, method))
    tracemalloc.start()
    (entry,) = zip_reader.zip_members(path)
    # It must be taken while the archive is open.
    (size,) = (sum(map(len, entry.blocks)) for entry in zip_reader.zip_members(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (entry.name, size) == ("zeros", 200 << 20)
    assert peak < 20_000_000


def test_lzma_in_a_zip_that_asks_for_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    packed = bytearray(zipped({"a.log": LOG}, zipfile.ZIP_LZMA))
    place = packed.index(b"a.log") + len("a.log")
    assert packed[place + 2 : place + 4] == b"\x05\x00"
    packed[place + 5 : place + 9] = b"\xff" * 4
    assert notes(tmp_path, bytes(packed)) == {"a.log": ("packed in a way that cannot be unpacked",)}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of a megabyte, so that a bomb can be small."""
    monkeypatch.setattr(packing, "_FREE", 1_000_000)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", PACKERS)
def test_a_compressed_log_ends_at_its_bound(tmp_path: Path, kind: str) -> None:
    line = record(1).encode()
    packed = PACKERS[kind](conn(0) + line * (10_000_000 // len(line)))
    most = 1_000_000 + 200 * len(packed)
    (found,) = loaded(write(tmp_path, packed)).inputs
    assert found.notes == (f"unpacks to more than {most // 1_000_000} MB: what came before is read",)
    assert 0 <= found.rows - (most - len(HEADER)) // len(line) <= 1
    assert found.rejected == sum(found.reasons.values()) <= 1


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", PACKERS)
def test_zeros_end_at_their_bound(tmp_path: Path, kind: str) -> None:
    packed = PACKERS[kind](ZEROS * 10)
    assert notes(tmp_path, packed) == {"": ("not a log that Herdsight knows",)}
    (bomb,) = inputs(tmp_path, PACKERS[kind](HEADER.encode() + ZEROS * 10)).values()
    assert (bomb.rows, len(bomb.notes)) == (0, 1)
    assert "unpacks to more than" in bomb.notes[0]
    found = notes(tmp_path, tarred({"a": packed, "b.log": LOG}))
    assert found["a"][1].startswith("unpacks to more than")
    assert found[""][0].endswith("MB: what comes after is not read")


@pytest.mark.usefixtures("small")
def test_archives_within_archives_share_one_bound(tmp_path: Path) -> None:
    inner = zipped({f"{number}.log": ZEROS[:200_000] for number in range(10)})
    packed = zipped({f"{number}.zip": inner for number in range(100)})
    path = write(tmp_path, packed)
    with DuckDbEngine() as engine:
        load(engine, [path, write(tmp_path, LOG, "good.log")])
        unpacked = sum(each.stat().st_size for each in engine.folder.glob("member-*"))
    assert unpacked <= 1_000_000 + 200 * len(packed)
    assert "unpacks to more than" in notes(tmp_path, packed)[""][0]


@pytest.mark.usefixtures("small")
def test_a_compressed_tar_ends_at_its_bound(tmp_path: Path) -> None:
    found = notes(tmp_path, gzip.compress(tarred({"conn.log": LOG, "zeros": ZEROS * 10, "b.log": LOG})))
    assert list(found) == ["conn.log", "zeros", ""]
    assert all("unpacks to more than" in found[name][-1] for name in ("zeros", ""))


def test_members_that_overlap_share_one_bound(tmp_path: Path, small: None) -> None:  # noqa: ARG001 - a bound
    """Many entries of a directory that all name one packed member."""
    one = zipped({"a": ZEROS * 5})
    start = one.index(b"PK\x01\x02")
    entry, end = one[start : one.index(b"PK\x05\x06")], one[one.index(b"PK\x05\x06") :]
    count = 500
    packed = (
        one[:start] + entry * count + end[:8] + struct.pack("<HHLL", count, count, len(entry) * count, start) + end[20:]
    )
    found = notes(tmp_path, packed)
    assert len(found) < count
    assert any("unpacks to more than" in each for each in found[""])


def test_too_many_members_are_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 10)
    members = {f"{number}.log": LOG for number in range(12)}
    for packed in (zipped(members), tarred(members), tarred({"in.zip": zipped(members)})):
        found = notes(tmp_path, packed)
        assert sum(name.endswith(".log") for name in found) == 10 or "more than 10 files" in str(found)
        assert found[""] == ("more than 10 files in an archive: what comes after is not read",)


def test_a_directory_of_members_beyond_all_bounds_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_reader, "_LARGEST_DIRECTORY", 100_000)
    found = notes(tmp_path, zipped({f"{number:0100}.log": b"" for number in range(1000)}))
    assert found == {"": ("more than 10,000 files in an archive: what comes after is not read",)}


@pytest.mark.parametrize("kind", ["L", "x"])
def test_a_header_that_claims_gigabytes_is_not_believed(tmp_path: Path, kind: str) -> None:
    info = tarfile.TarInfo("conn.log")
    info.type, info.size = kind.encode(), 1 << 33
    packed = tarred({"a.log": LOG})[:-10240] + info.tobuf(tarfile.GNU_FORMAT) + ZEROS
    assert notes(tmp_path, packed)[""][0].startswith("the archive is damaged")


def test_a_full_disk_ends_what_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = type(shutil.disk_usage(tmp_path))(10**12, 10**12 - 999_999_999, 999_999_999)
    monkeypatch.setattr("herdsight.logs.packed.packing.shutil.disk_usage", lambda _path: full)
    note = "unpacks to more than the disk has room for"
    found = notes(tmp_path, zipped({"conn.log": LOG, "b.log": LOG}))
    assert found == {"conn.log": (note,), "": (f"{note}: what comes after is not read",)}
    assert inputs(tmp_path, bz2.compress(LOG))[""].notes == (f"{note}: what came before is read",)


# --- Cut and damaged --------------------------------------------------------------------------------------------------


def long_log(records: int = 3000) -> bytes:
    return conn(*range(records))


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("where", ["in a tar", "in a zip", "alone"])
def test_a_cut_compressed_log_is_read_as_far_as_it_goes(tmp_path: Path, kind: str, where: str) -> None:
    packed = PACKERS[kind](long_log(60_000))
    cut = packed[: len(packed) * 2 // 3]
    content = {"in a tar": lambda: tarred({"a": cut}), "in a zip": lambda: zipped({"a": cut}), "alone": lambda: cut}
    (found,) = inputs(tmp_path, content[where]()).values()
    assert 1000 < found.rows < 60_000 or kind == "zst"
    assert "ends early" in found.notes[0]
    assert found.reasons in ({}, {"cut short": 1})


@pytest.mark.parametrize("kind", ["bz2", "xz"])
def test_a_damaged_log_is_read_up_to_the_damage(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACKERS[kind](long_log(60_000)))
    for place in range(len(packed) * 9 // 10, len(packed) * 9 // 10 + 50):
        packed[place] ^= 0x55
    (found,) = inputs(tmp_path, bytes(packed)).values()
    assert found.rows > 1000
    assert "damaged" in found.notes[0]


def test_junk_behind_a_stream_is_told(tmp_path: Path) -> None:
    for kind in ("bz2", "xz"):
        (found,) = inputs(tmp_path, PACKERS[kind](LOG) + b"junk that is no stream").values()
        assert (found.rows, found.notes) == (39, ("compressed data is damaged: what came before is read",))


def test_padding_behind_a_stream_is_nothing(tmp_path: Path) -> None:
    for kind in ("gz", "bz2", "xz"):
        (found,) = inputs(tmp_path, PACKERS[kind](LOG) + bytes(20_000)).values()
        assert (found.rows, found.notes) == (39, ())


def test_xz_that_asks_for_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    packed = bytearray(lzma.compress(LOG))
    # The block header: its size, flags, the filter (0x21, one byte of properties), and the dictionary's size; CRC-32.
    assert packed[14:16] == b"\x21\x01"
    packed[16] = 40  # 4 GiB - 1
    packed[20:24] = struct.pack("<L", zlib.crc32(packed[12:20]))
    assert "damaged" in notes(tmp_path, bytes(packed))[""][0]


def test_a_cut_tar_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    packed = tarred({"a.log": LOG, "b.log": long_log(), "c.log": LOG})
    found = inputs(tmp_path, packed[: len(packed) // 2])
    assert list(found) == ["a.log", "b.log", ""]
    assert (found["a.log"].rows, found["a.log"].notes) == (39, ())
    assert 500 < found["b.log"].rows < 2500
    assert found["b.log"].notes == ("the archive ends early: what came before is read",)
    assert found["b.log"].reasons == {"cut short": 1}
    assert found[""].notes == ("the archive ends early: what comes after is not read",)


def test_a_damaged_member_of_a_zip_leaves_the_others(tmp_path: Path) -> None:
    packed = bytearray(zipped({"a.log": long_log(), "b.log": LOG}))
    packed[10_000:10_050] = bytes(50)
    found = inputs(tmp_path, bytes(packed))
    assert found["a.log"].notes == ("the archive is damaged or ends early: what came before is read",)
    assert found["b.log"].rows == 39


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_cut_zip_is_read_as_far_as_it_goes(tmp_path: Path, method: int, streamed: bool) -> None:
    members = {"folder/": b"", "folder/a.log": LOG, "b.log": long_log(), "c.log": LOG}
    packed = zipped_stream(members, method) if streamed else zipped(members, method)
    found = inputs(tmp_path, packed[: packed.index(b"c.log")])
    assert found.pop("").notes == ("the archive ends early or is damaged: what comes after is not read",)
    if streamed and method != zipfile.ZIP_DEFLATED:
        # How long a member is stands only behind it.
        assert {each.notes for each in found.values()} <= {
            ("not read: in an archive that ends early, and only that end says how long it is",)
        }
        return
    assert {name: each.rows for name, each in found.items()} == {"folder/a.log": 39, "b.log": 3000}
    found = inputs(tmp_path, packed[: packed.index(b"b.log") + 2000])
    assert (found["folder/a.log"].rows, found["folder/a.log"].notes) == (39, ())
    assert found["b.log"].rows < 3000
    assert "the archive ends early" in found["b.log"].notes[0]
    assert found["b.log"].rows or method == zipfile.ZIP_BZIP2  # of which a block is all or nothing


def test_an_encrypted_member_of_a_cut_zip_is_refused(tmp_path: Path) -> None:
    packed = bytearray(zipped({"a.log": LOG, "b.log": LOG, "c.log": LOG}))
    packed[packed.index(b"b.log") - 30 + 6] |= 1
    found = notes(tmp_path, bytes(packed[:-30]))
    assert (found["a.log"], found["b.log"], found["c.log"]) == ((), ("not read: encrypted",), ())


def test_a_file_that_only_begins_as_an_archive_is_told(tmp_path: Path) -> None:
    assert notes(tmp_path, b"PK\x03\x04 and then nothing") == {
        "": ("the archive ends early or is damaged: what comes after is not read",)
    }


def test_nothing_to_read_in_an_archive_is_an_error_that_says_what_was_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path, zipped({"a/words.txt": b"words"}), "a.zip")
    with pytest.raises(InputError, match=r"a\.zip/a/words\.txt: not a log that Herdsight knows"):
        loaded(path)


PLAIN = long_log(300)
MEMBERS = {"a.log": PLAIN, "b.log": PLAIN}
PACKED: dict[str, bytes] = {
    **{kind: pack(PLAIN) for kind, pack in PACKERS.items()},
    **{f"zip {method}": zipped(MEMBERS, method) for method in (0, 8, 12, 14)},
    "tar": tarred(MEMBERS),
    **{f"tar {kind}": pack(tarred(MEMBERS)) for kind, pack in PACKERS.items()},
    "nested": zipped({"in.tar.gz": gzip.compress(tarred(MEMBERS)), "in.zip": zipped(MEMBERS)}),
}


@cache
def _accounts(content: bytes) -> list[Input]:
    """What became of hostile content, beside a good log."""
    with tempfile.TemporaryDirectory() as folder:
        return [*inputs(Path(folder), content).values()]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(PACKED)), st.floats(0, 1))
def test_whatever_is_cut_is_told(kind: str, share: float) -> None:
    whole = PACKED[kind]
    found = _accounts(whole[: int(len(whole) * share)])
    expected = sum(each.rows + each.rejected for each in _accounts(whole))
    rows = sum(each.rows for each in found)
    assert rows <= expected
    assert all(each.rejected == sum(each.reasons.values()) for each in found)
    assert rows == expected or any(each.notes for each in found)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(PACKED)),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4),
)
def test_whatever_is_damaged_ends_no_load(kind: str, damages: list[tuple[float, bytes]]) -> None:
    data = bytearray(PACKED[kind])
    for share, noise in damages:
        place = int((len(data) - 1) * share)
        data[place : place + len(noise)] = noise
    found = _accounts(bytes(data))
    assert all(each.rejected == sum(each.reasons.values()) for each in found)


# --- Real archives ----------------------------------------------------------------------------------------------------


@pytest.mark.shared_data
def test_real_zips_are_told_member_by_member(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "data" / "formats" / "sysmon-json"
    found = loaded(folder, write(tmp_path, LOG)).inputs
    members = [each for each in found if ".zip/" in each.path]
    assert len(members) == 3
    assert all(each.path.endswith(".json") for each in members)
    assert all(each.notes or each.rows for each in members)
