"""Specification of loading: every file looked at, every record accounted for, whatever state the file is in."""

import gzip
import json
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlglot import exp

from herdsight.engines.duckdb import DuckDbEngine
from herdsight.errors import InputError
from herdsight.findings.model import Input
from herdsight.loading import FileRow, Loaded, ReadOptions, load
from herdsight.logs.head import Head, read_head
from herdsight.tables import DEVICE_NETWORK_EVENTS, NETWORK_SESSION
from herdsight.trees import relation

Write = Callable[..., Path]
HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\n"
)
START = 1_700_000_000


def conn(number: int, *, ts: object = None, src: str = "10.0.0.5", state: str = "SF") -> str:
    """One record, at START and that many seconds."""
    when = START + number if ts is None else ts
    return f"{when}\tC{number}\t{src}\t1000\t192.0.2.1\t80\ttcp\t{state}\n"


def log(*records: str) -> str:
    return HEADER + "".join(records)


EVENT = {
    "Timestamp": "2023-10-18T14:37:28Z",
    "DeviceName": "pc",
    "ActionType": "ConnectionSuccess",
    "RemoteIP": "192.0.2.1",
}
EVENT_CSV = ",".join(EVENT) + "\n" + ",".join(EVENT.values()) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file under `in/` and give its path."""

    def _write(content: str | bytes, name: str = "a.log") -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def loaded(*paths: Path, options: ReadOptions | None = None) -> Loaded:
    with DuckDbEngine() as engine:
        return load(engine, paths, options)


def account(*paths: Path) -> Input:
    """What became of the only file, or the first."""
    return loaded(*paths).inputs[0]


def located(path: Path) -> list[tuple[str, FileRow]]:
    """Each good row's session id and the record that it is said to come from."""
    with DuckDbEngine() as engine:
        found = load(engine, [path])
        queries = [exp.select("*").from_(relation(each.name, each.schema)) for each in found.relations]
        rows = [row for query in queries for row in engine.run(query).to_pylist() if row["_reject"] is None]
        return [(row["NetworkSessionId"], found.locate(row["_file"], row["_row"])) for row in rows]


# --- Every record is a row or a rejection with a reason ---------------------------------------------------------------


def test_a_good_file_is_told_with_its_span(write: Write) -> None:
    path = write(log(conn(0), conn(60)))
    first = datetime.fromtimestamp(START, UTC)
    assert account(path) == Input(
        path=str(path),
        format="zeek-conn",
        table=NETWORK_SESSION,
        rows=2,
        first=first,
        last=first + timedelta(minutes=1),
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (conn(1, ts="XXXXXXXXXX.XXXXXX"), "bad timestamp"),
        (conn(1, ts="-"), "bad timestamp"),
        (conn(1, ts=-1), "timestamp out of range"),
        (conn(1, ts=99999999999), "timestamp out of range"),
        (conn(1, ts="1e300"), "timestamp out of range"),
        (conn(1, src="somewhere"), "bad address"),
        (conn(1, src="-"), "bad address"),
        ("1700000001\tC1\t10.0.0.5\n", "columns missing"),
        (conn(1).replace("\n", "\tmore\n"), "too many columns"),
        ("words that are no record\n", "columns missing"),
    ],
)
def test_a_bad_zeek_line_is_counted(write: Write, line: str, reason: str) -> None:
    found = account(write(log(conn(0), line, conn(2))))
    assert (found.rows, found.rejected, found.reasons) == (2, 1, {reason: 1})


def test_invalid_utf8_is_counted(write: Write) -> None:
    found = account(write(log(conn(0)).encode() + conn(1, src="10.\xff").encode("latin-1") + conn(2).encode()))
    assert (found.rows, found.reasons) == (2, {"invalid UTF-8": 1})


def test_a_line_of_a_megabyte_is_read_and_a_longer_one_counted(write: Write) -> None:
    found = account(write(log(conn(0), conn(1, state="x" * 1_000_000), conn(2, state="x" * 3_000_000), conn(3))))
    assert (found.rows, found.reasons) == (3, {"line too long": 1})


def test_a_clock_that_is_a_little_ahead_is_believed(write: Write) -> None:
    now = datetime.now(UTC)
    soon, later = (now + timedelta(hours=hours) for hours in (23, 25))
    found = account(write(log(conn(0, ts=soon.timestamp()), conn(1, ts=later.timestamp()))))
    assert (found.rows, found.reasons) == (1, {"timestamp out of range": 1})


def test_sums_that_overflow_are_missing_and_not_fatal(write: Write) -> None:
    header = HEADER.replace("conn_state", "orig_bytes\tresp_bytes")
    most = 2**63 - 1
    found = account(write(header + conn(0, state=f"{most}\t{most}") + conn(1, state=f"{most + 1}\t-5")))
    assert (found.rows, found.rejected) == (2, 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (json.dumps(EVENT)[:40], "bad JSON"),
        ("[1]", "bad JSON"),
        (json.dumps(EVENT | {"Timestamp": "soon"}), "bad timestamp"),
        (json.dumps({name: value for name, value in EVENT.items() if name != "Timestamp"}), "bad timestamp"),
        (json.dumps(EVENT | {"Timestamp": "9999-12-31T00:00:00Z"}), "timestamp out of range"),
        (json.dumps(EVENT | {"Timestamp": "infinity"}), "timestamp out of range"),
        (json.dumps(EVENT | {"ActionType": "ProcessCreated", "RemoteIP": ""}), "not a network event"),
    ],
)
def test_a_bad_json_line_is_counted(write: Write, line: str, reason: str) -> None:
    good = json.dumps(EVENT)
    found = account(write(f"{good}\n{line}\n{good}"))
    assert (found.rows, found.reasons) == (2, {reason: 1})


def test_json_that_the_engine_refuses_is_repaired_line_by_line(write: Write) -> None:
    good = json.dumps(EVENT).encode()
    found = account(write(b"\n".join([good, good[:20], b"", b'{"x":"\xff\xfe"}' + good, b"[1,2]", b"{", b"", good])))
    assert (found.rows, found.reasons) == (2, {"bad JSON": 4})


def test_other_tables_of_a_stream_are_counted_by_name(write: Write) -> None:
    lines = [
        {"time": "2023-10-18T14:37:28Z", "category": category, "properties": EVENT}
        for category in ("AdvancedHunting-DeviceNetworkEvents", "AdvancedHunting-DeviceProcessEvents", "\x1b[2J")
    ]
    found = account(write("\n".join(map(json.dumps, lines))))
    assert found.rows == 1
    assert found.reasons == {"other category": 1, "other category: AdvancedHunting-DeviceProcessEvents": 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2023-10-18T14:37:28Z,pc,ConnectionSuccess\n", "columns missing"),
        ("2023-10-18T14:37:28Z,pc,ConnectionSuccess,192.0.2.1,more\n", "too many columns"),
        ("soon,pc,ConnectionSuccess,192.0.2.1\n", "bad timestamp"),
        ("10/18/2023, 2:37,pc,ConnectionSuccess\n", "bad timestamp"),
        ("2023-10-18T14:37:28Z,pc,RegistryValueSet,\n", "not a network event"),
        ('2023-10-18T14:37:28Z,"pc,ConnectionSuccess,192.0.2.1\n', "bad quotes"),
    ],
)
def test_a_bad_csv_record_is_counted(write: Write, line: str, reason: str) -> None:
    good = EVENT_CSV.splitlines(keepends=True)[1]
    found = account(write(EVENT_CSV + line + good))
    assert (found.rows, found.reasons) == (2, {reason: 1})


@pytest.mark.parametrize("broken", ['[%s,\n%s,\n{"Timest', '{"records":[%s,\n%s, {"a":'])
def test_a_json_array_that_breaks_off_is_saved_up_to_there(write: Write, broken: str) -> None:
    good = json.dumps(EVENT)
    found = account(write(broken % (good, good)))
    assert (found.rows, found.reasons) == (2, {"bad JSON": 1})


@pytest.mark.parametrize("place", range(9))
def test_mixed_line_ends_are_one(write: Write, place: int) -> None:
    lines = log(conn(0), conn(1), conn(2)).splitlines()
    found = account(write("".join(f"{line}{chr(13) * (number == place)}\n" for number, line in enumerate(lines))))
    assert (found.rows, found.rejected) == (3, 0)


def test_an_object_beyond_all_bounds_is_counted(write: Write) -> None:
    good = json.dumps(EVENT)
    found = account(write("\n".join([good, json.dumps(EVENT | {"AdditionalFields": "x" * 40_000_000}), good])))
    assert (found.rows, found.reasons) == (2, {"line too long": 1})


# --- Packed data that ends early --------------------------------------------------------------------------------------


def _noisy(records: int) -> str:
    dice = random.Random(1)  # noqa: S311 - noise that packs badly
    return log(
        *(
            conn(each, src=f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)}")
            for each in range(records)
        )
    )


def test_a_truncated_gzip_is_read_as_far_as_it_goes(write: Write) -> None:
    packed = gzip.compress(_noisy(5000).encode())
    found = account(write(packed[: len(packed) // 2]))
    assert found.format == "zeek-conn"
    assert 1000 < found.rows < 4000
    assert found.reasons in ({}, {"cut short": 1})
    assert any("ends early" in note for note in found.notes)


def test_a_damaged_gzip_is_read_up_to_the_damage(write: Write) -> None:
    packed = bytearray(gzip.compress(_noisy(5000).encode()))
    packed[len(packed) // 2 : len(packed) // 2 + 50] = bytes(50)
    found = account(write(bytes(packed)))
    assert found.rows > 1000
    assert any("damaged" in note or "early" in note for note in found.notes)


def test_a_truncated_zstd_is_read_as_far_as_it_goes(write: Write) -> None:
    packed = pa.compress(_noisy(200_000).encode(), "zstd", asbytes=True)
    found = account(write(packed[: len(packed) - len(packed) // 4]))
    assert found.rows > 1000
    assert any("ends early" in note for note in found.notes)


# --- Files that cannot be read never end a load -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (b"", "empty file"),
        (b"Lorem ipsum dolor sit amet\n", "not a log that Herdsight knows"),
        (bytes(range(256)) * 100, "not a log that Herdsight knows"),
        (b"\x1f\x8b\x08garbage", "compressed data"),
        (gzip.compress(b"", mtime=0), "empty file"),
        (b"PAR1 and then nothing", "Parquet"),
        (b"DeviceName,ActionType,RemotePort\npc,x,1\n", "without TimeGenerated or Timestamp, RemoteIP"),
        (b"TimeGenerated,DeviceVendor,SourceIP,SourcePort\n2023-10-18,x,10.0.0.1,1\n", "without DestinationIP"),
        (HEADER.replace("\tproto", "\tprotocol").encode() + conn(0).encode(), "without proto"),
        (HEADER.replace("conn\n", "files\n").replace("\tconn_state", "\tcipher").encode(), "recognised, not read yet"),
    ],
)
def test_a_file_that_is_not_read_is_told_with_the_reason(write: Write, content: bytes, note: str) -> None:
    good = write(log(conn(0)), "b.log")
    odd = write(content, "a.log")
    found = loaded(good.parent)
    assert [each.path for each in found.inputs] == [str(odd), str(good)]
    assert (found.inputs[0].rows, found.inputs[0].rejected) == (0, 0)
    assert note in found.inputs[0].notes[0]
    assert found.inputs[1].rows == 1


def test_an_unreadable_file_is_told(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log(conn(0)), "b.log")
    closed = write(log(conn(0)), "a.log")

    def refuse(path: Path) -> Head:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return read_head(path)

    monkeypatch.setattr("herdsight.loading.recognition.read_head", refuse)
    assert account(closed.parent).notes == ("cannot be read: Permission denied",)


def test_links_that_lead_nowhere_or_back(write: Write) -> None:
    folder = write(log(conn(0)), "logs/a.log").parent
    (folder / "b.log").symlink_to(folder / "none")
    (folder / "c.log").symlink_to(folder / "c.log")
    (folder / "again").symlink_to(folder)
    (folder / "same.log").symlink_to(folder / "a.log")
    found = loaded(folder)
    assert [(Path(each.path).name, each.rows) for each in found.inputs] == [("a.log", 1), ("b.log", 0), ("c.log", 0)]
    assert all(each.notes[0].startswith("cannot be read") for each in found.inputs[1:])


def test_a_pipe_is_not_waited_for(write: Write) -> None:
    folder = write(log(conn(0))).parent
    os.mkfifo(folder / "pipe")
    assert loaded(folder).inputs[1].notes == ("cannot be read: not a regular file",)


def test_folders_are_walked_in_order_without_hidden_files(write: Write) -> None:
    for name in ("b/2.log", "b/1.log", "a.log", ".hidden.log", ".git/x.log"):
        write(log(conn(0)), name)
    folder = write(log(conn(0)), "c.log").parent
    found = loaded(folder, folder / "b" / "1.log")
    assert [str(Path(each.path).relative_to(folder)) for each in found.inputs] == [
        "a.log",
        "b/1.log",
        "b/2.log",
        "c.log",
    ]


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        loaded(tmp_path / "none")


def test_nothing_to_read_is_an_error_that_says_what_was_looked_at(write: Write) -> None:
    path = write("words\n")
    with pytest.raises(InputError, match=r"a\.log: not a log that Herdsight knows"):
        loaded(path.parent)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no files"):
        loaded(tmp_path)


def test_a_log_without_records_is_read(write: Write) -> None:
    assert account(write(HEADER)).notes == ()
    assert account(write(HEADER.rstrip("\n"))).rows == 0
    assert account(write(HEADER + "#close\t2023\n")).rejected == 0


def test_a_name_full_of_signs_is_only_a_name(write: Write) -> None:
    name = "it's [a] *?.log"
    assert account(write(log(conn(0)), name)).rows == 1
    values = {key: [value] for key, value in EVENT.items()}
    path = write("", "o'[x]*.parquet")
    pq.write_table(pa.table(values), path)
    assert account(path).rows == 1


# --- Overrides --------------------------------------------------------------------------------------------------------


def test_recognition_can_be_overridden(write: Write) -> None:
    write(EVENT_CSV, "a.csv")
    folder = write(log(conn(0)), "b.log").parent
    found = loaded(folder, options=ReadOptions(tables=((DEVICE_NETWORK_EVENTS, "*.log"),)))
    assert [(each.table, each.notes) for each in found.inputs] == [
        (DEVICE_NETWORK_EVENTS, found.inputs[0].notes),
        (None, ("does not look like DeviceNetworkEvents",)),
    ]
    found = loaded(folder, options=ReadOptions(format_in="zeek-conn"))
    assert [each.table for each in found.inputs] == [None, NETWORK_SESSION]


def test_an_override_that_names_nothing_is_an_error(write: Write) -> None:
    path = write(log(conn(0)))
    with pytest.raises(InputError, match="there is no format"):
        loaded(path, options=ReadOptions(format_in="zeke"))
    with pytest.raises(InputError, match="there is no table"):
        loaded(path, options=ReadOptions(tables=(("Conn", "*"),)))


# --- Several logs in one file -----------------------------------------------------------------------------------------


def test_rotated_logs_joined_into_one(write: Write) -> None:
    found = account(write(log(conn(0), "#close\t2023\n", HEADER, conn(1), "\n", conn(2), "#close\t2023\n")))
    assert (found.rows, found.rejected) == (3, 0)


@pytest.mark.parametrize("change", [("\tuid", ""), ("\tuid", "\tuid\tnote"), ("\tuid\tid.orig_h", "\tid.orig_h\tuid")])
def test_a_later_header_with_other_columns_is_obeyed(write: Write, change: tuple[str, str]) -> None:
    header = HEADER.replace(*change)
    record = {"\tuid": "1700000009\t10.9.9.9\t1000\t192.0.2.1\t80\ttcp\tSF\n"}.get(change[0] if not change[1] else "")
    if change[1] == "\tuid\tnote":
        record = "1700000009\tC9\tx\t10.9.9.9\t1000\t192.0.2.1\t80\ttcp\tSF\n"
    elif record is None:
        record = "1700000009\t10.9.9.9\tC9\t1000\t192.0.2.1\t80\ttcp\tSF\n"
    path = write(log(conn(0), header, record, conn(1, ts="x") if change[1] == "\tuid" else "", HEADER, conn(2)))
    with DuckDbEngine() as engine:
        found = load(engine, [path])
        rows = engine.run(exp.select("*").from_(relation("zeek-conn", "raw")).order_by("_row")).to_pylist()
        assert [row["SrcIpAddr"] for row in rows] == ["10.0.0.5", "10.9.9.9", "10.0.0.5"]
        assert [found.locate(row["_file"], row["_row"]).row for row in rows] == [1, 2, 3]
        assert (found.inputs[0].rows, found.inputs[0].rejected) == (3, 0)


def test_a_later_header_of_another_log_takes_its_records_out(write: Write) -> None:
    other = HEADER.replace("path\tconn", "path\tdns").replace("\tconn_state", "\tquery\trcode")
    path = write(log(conn(0), other, conn(1, state="x\t0"), conn(2, state="y\t0"), HEADER, conn(3)))
    assert account(path).reasons == {"columns of another log": 2}
    assert [(name, place.row) for name, place in located(path)] == [("C0", 1), ("C3", 4)]


def test_rotated_logs_are_read_together_and_a_bad_one_alone(write: Write) -> None:
    for hour in range(5):
        write(log(conn(hour), "short\n" if hour == 1 else "", conn(hour + 10)), f"conn.{hour}.log")
    write(
        log(conn(5), HEADER.replace("\tuid", ""), "1700000009\t10.9.9.9\t1000\t192.0.2.1\t80\ttcp\tSF\n"), "conn.5.log"
    )
    folder = write(log(conn(6)).replace("\n1700000006", "\r\n1700000006"), "conn.6.log").parent
    found = loaded(folder)
    assert [each.rows for each in found.inputs] == [2, 2, 2, 2, 2, 2, 1]
    assert [each.rejected for each in found.inputs] == [0, 1, 0, 0, 0, 0, 0]
    places = {name: (Path(place.path).name, place.row) for name, place in located(folder)}
    assert places["C11"] == ("conn.1.log", 3)
    assert places["C14"] == ("conn.4.log", 2)
    assert places[""] == ("conn.5.log", 2)


# --- Back to the record -----------------------------------------------------------------------------------------------


def test_a_row_leads_back_to_its_record(write: Write) -> None:
    bad = conn(0, ts="x"), "short\n", conn(0).replace("\n", "\tlong\n")
    first = log(bad[0], conn(2), "#close\t2023\n", bad[1], "\n", conn(4), conn(5), bad[2], bad[1], conn(8))
    a, b = write(first, "a.log"), write(log(conn(1), bad[1], conn(3)), "b.log")
    expected = {(str(a), number) for number in (2, 4, 5, 8)} | {(str(b), number) for number in (1, 3)}
    found = located(a.parent)
    assert {(place.path, place.row) for _, place in found} == expected
    assert all(name == f"C{place.row}" for name, place in found)


def test_a_row_of_json_csv_and_parquet_leads_back(write: Write) -> None:
    events = [EVENT | {"RemotePort": number} for number in range(1, 6)]
    write("\n".join(map(json.dumps, events)), "a.json")
    write(
        "\n".join(
            [
                ",".join(events[0]),
                *(",".join(map(str, each.values())) for each in events[:2]),
                "x",
                *(",".join(map(str, each.values())) for each in events[3:]),
            ]
        ),
        "b.csv",
    )
    for name in ("c.parquet", "d.parquet"):
        pq.write_table(pa.Table.from_pylist(events), write("", name))
    folder = write("words", "z.txt").parent
    with DuckDbEngine() as engine:
        found = load(engine, [folder])
        rows = [
            row
            for each in found.relations
            for row in engine.run(
                exp.select("RemotePort", "_file", "_row").from_(relation(each.name, each.schema))
            ).to_pylist()
        ]
        assert len(rows) == 19
        for row in rows:
            assert found.locate(row["_file"], row["_row"]).row == row["RemotePort"]
        assert [Path(each).name for each in found.readable] == ["c.parquet", "d.parquet"]
        assert [each.rows for each in found.inputs] == [5, 4, 5, 5, 0]


def test_parquet_is_scanned_in_place_and_its_bad_rows_counted(write: Write) -> None:
    events = [EVENT, EVENT | {"Timestamp": "9999-01-01T00:00:00Z"}]
    good, bad = write("", "good.parquet"), write("", "bad.parquet")
    pq.write_table(pa.Table.from_pylist([EVENT]), good)
    pq.write_table(pa.Table.from_pylist(events), bad)
    with DuckDbEngine() as engine:
        found = load(engine, [good, bad])
        assert [(each.rows, each.reasons) for each in found.inputs] == [(1, {}), (1, {"timestamp out of range": 1})]
        engine.lock(found.readable)
        for each in found.relations:
            assert engine.run(exp.select("*").from_(relation(each.name, each.schema))).num_rows == 3


def test_files_with_other_columns_share_a_table(write: Write) -> None:
    write(EVENT_CSV, "a.csv")
    wide = EVENT | {"RemotePort": 1, "LocalIP": "10.0.0.5"}
    folder = write(",".join(wide) + "\n" + ",".join(map(str, wide.values())) + "\n", "b.csv").parent
    with DuckDbEngine() as engine:
        found = load(engine, [folder])
        (only,) = found.relations
        rows = engine.run(exp.select("LocalIP", "RemotePort").from_(relation(only.name, only.schema)).order_by("_row"))
    assert {"LocalIP", "RemotePort"} <= set(only.columns)
    assert rows.to_pylist() == [{"LocalIP": "", "RemotePort": None}, {"LocalIP": "10.0.0.5", "RemotePort": 1}]


def test_progress_is_told_file_by_file(write: Write) -> None:
    folder = write(log(conn(0))).parent
    write("words", "b.txt")
    told: list[tuple[str, int, int]] = []
    with DuckDbEngine() as engine:
        load(engine, [folder], progress=lambda *each: told.append(each))
    assert told == [(str(folder / "a.log"), 0, 2), (str(folder / "b.txt"), 1, 2)]


# --- Where rows are kept ----------------------------------------------------------------------------------------------


def _events(late: int | None) -> str:
    """JSON lines, of which the head shows only some; record `late` has two keys more, the last line is broken."""
    event = {"DeviceName": "pc", "ActionType": "ConnectionSuccess", "RemoteIP": "5.6.7.8", "LocalIP": "10.0.0.1"}
    times = (datetime(2024, 5, 1, tzinfo=UTC) + timedelta(seconds=each) for each in range(200))
    more = {"InitiatingProcessParentId": 7, "InitiatingProcessAccountUpn": "a@b"}
    records = (event | {"Timestamp": each.isoformat()} | (more if n == late else {}) for n, each in enumerate(times, 1))
    return "".join(f"{json.dumps(each)}\n" for each in records) + "{broken\n"


def test_a_key_that_the_head_does_not_show_is_read(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    for name in names:
        (tmp_path / f"{name}.json").write_text(_events(150 if name == "b" else None))
    with DuckDbEngine() as engine:
        found = load(engine, [tmp_path])
        (only,) = found.relations
        rows = engine.run(exp.select("*").from_(relation(only.name, only.schema))).to_pylist()
    assert [(each.rows, each.reasons) for each in found.inputs] == [(200, {"bad JSON": 1})] * len(names)
    more = [row for row in rows if row["InitiatingProcessParentId"] or row["InitiatingProcessAccountUpn"]]
    assert [(row["InitiatingProcessParentId"], row["InitiatingProcessAccountUpn"]) for row in more] == [(7, "a@b")]
    assert found.locate(more[0]["_file"], more[0]["_row"]) == FileRow(str(tmp_path / "b.json"), 150)


@pytest.mark.parametrize("memory", ["100MB", "1GB"])
def test_rows_are_the_same_on_disk_as_in_memory(tmp_path: Path, memory: str) -> None:
    (tmp_path / "a.json").write_text(_events(None) * 2000)
    with DuckDbEngine(memory) as engine:
        (only,) = load(engine, [tmp_path]).inputs
        bases = engine.run(exp.select("database_name").from_(exp.func("duckdb_databases"))).column(0).to_pylist()
    assert (only.rows, only.rejected) == (400_000, 2000)
    assert ("copies" in bases) is (memory == "1GB")


# --- Real captures ----------------------------------------------------------------------------------------------------


def _records(path: Path) -> int:
    """Records of a line-based log, counted the plain way."""
    return sum(bool(line.strip()) and not line.startswith(b"#") for line in path.read_bytes().split(b"\n"))


@pytest.mark.shared_data
def test_every_record_of_real_zeek_logs_is_accounted_for(shared_data: Path) -> None:
    found = loaded(shared_data / "data")
    read = [each for each in found.inputs if each.format in ("zeek-conn", "zeek-conn-json")]
    assert len(read) > 50
    for each in read:
        if each.notes and each.notes[0].startswith("not read"):
            continue
        assert each.rows + each.rejected == _records(Path(each.path)), each
    by_name = {str(Path(each.path).relative_to(shared_data / "data")): each for each in found.inputs}
    assert by_name["labelled/stratosphere-002-zeek-scenario-port-scanning/conn.log"].rows == 4504
    assert by_name["labelled/rita-proxy/conn.log"].rows == 463


@pytest.mark.shared_data
def test_a_real_defender_export_mixes_tables(shared_data: Path) -> None:
    folder = shared_data / "data" / "formats" / "defender-advanced-hunting" / "tests" / "data"
    found = account(folder / "advanced_hunting_test.csv")
    assert (found.rows, found.reasons) == (8, {"not a network event": 18})
