"""A store and bad input: odd files, names and manifests end in one message, and no file takes another one's rows."""

import csv
import io
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from conftest import log_value
from test_store import conn, conns, lines, numbers, rested, told, written

import herdsight
from herdsight.errors import InputError
from herdsight.logs.packed.archives import Member
from herdsight.store import sources
from herdsight.storing import (
    Dropping,
    compact_store,
    drop_from_store,
    import_logs,
    store_info,
    verify_store,
)

_ASIM = ("TimeGenerated", "SrcIpAddr", "SrcPortNumber", "DstIpAddr", "DstPortNumber", "EventResult", "EventMessage")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A conn.log of ten connections that nobody writes to any more."""
    return written(tmp_path / "conn.log", conns(0, 10))


def asim(places: Iterable[int]) -> str:
    """An export with a header of those connections, each with a text of two lines."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(_ASIM)
    for number in places:
        row = conn(number)
        ends = (row["id.orig_h"], row["id.orig_p"], row["id.resp_h"], row["id.resp_p"])
        rows.writerow((f"{row['ts'].isoformat()}Z", *ends, "Success", 'two\nlines, and a "quote"'))
    return out.getvalue()


# --- odd files and names ----------------------------------------------------------------------------------------------


def test_loops_and_links_to_the_store_stop_no_import(store: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    written(logs / "conn.log", conns(0, 5))
    (logs / "a").symlink_to(logs / "b")
    (logs / "b").symlink_to(logs / "a")
    (logs / "self").symlink_to(logs)
    (logs / "store").symlink_to(store)
    os.mkfifo(logs / "pipe")
    assert [each for each in told(import_logs([logs], store)) if each[1] != "unread"] == [("conn.log", "new", 5)]
    with pytest.raises(InputError, match="cannot be read: a link to nothing"):
        import_logs([logs / "a"], store)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_folder_that_one_may_list_and_not_enter_is_told(store: Path, tmp_path: Path, log: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    written(inner / "other.log", conns(20, 25))
    inner.chmod(0o600)
    try:
        assert told(import_logs([inner, log], store)) == [("other.log", "unread", 0), ("conn.log", "new", 10)]
    finally:
        inner.chmod(0o700)


@pytest.mark.parametrize("name", ["a*", "a?", "a[1]", os.fsdecode(b"\xff")])
def test_a_store_with_a_name_that_the_engine_misreads_is_refused(tmp_path: Path, log: Path, name: str) -> None:
    with pytest.raises(InputError, match="the path of a store"):
        import_logs([log], tmp_path / name)
    with pytest.raises(InputError, match="the path of a store"):
        store_info(tmp_path / name)


def test_a_path_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="File name too long"):
        store_info(tmp_path / ("x" * 300))


@pytest.mark.parametrize("name", ["a*[b]?.log", os.fsdecode(b"bad\xff.log"), "two\nlines.log"])
def test_any_source_can_be_dropped_by_its_name(store: Path, tmp_path: Path, log: Path, name: str) -> None:
    import_logs([log, written(tmp_path / name, conns(20, 25))], store)
    assert drop_from_store(store, Dropping(source=name)).dropped == 5
    assert numbers_of(store) == [*range(10)]


def numbers_of(store: Path) -> list[int]:
    """Which connections the store has, by the port they come from."""
    query = "ASimNetworkSessionLogs | project SrcPortNumber"
    return sorted(row["SrcPortNumber"] - 20000 for row in herdsight.query(query, store=store).to_pylist())


# --- what grew, and what only begins alike ----------------------------------------------------------------------------


def test_a_header_that_is_written_to_now_is_no_record(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(asim(range(3)), encoding="utf-8", newline="")
    (found,) = import_logs([path], store).files
    assert (found.rows, found.reasons) == (3, {})


def test_a_line_end_within_quotes_ends_no_record(store: Path, tmp_path: Path) -> None:
    """Wherever the writer is when it is read, each record is there once and no part of one is rejected."""
    content, path = asim(range(4)), tmp_path / "export.csv"
    second = content.index("two", content.index("two") + 1)
    for place in (second, second + 4, second + 12, len(content)):
        path.write_text(content[:place], encoding="utf-8", newline="")
        for found in import_logs([path], store).files:
            assert found.rejected == 0
    assert numbers_of(store) == [*range(4)]


def test_a_quote_that_never_closes_holds_nothing_back_for_ever(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    content = asim(range(2)).replace("10.0.0.5", '10.0.0.5"', 1)
    more = "".join(line + "\r\n" for line in asim(range(2, 9)).replace("two\nlines", "one line").split("\r\n")[1:-1])
    path.write_text(content + more.replace('"', "") * 3000, encoding="utf-8", newline="")
    (found,) = import_logs([path], store).files
    assert found.rows + found.rejected > 10_000


def test_files_that_begin_with_one_header_stay_apart(store: Path, tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{name}.csv", asim([])) for name in "abc"]
    import_logs(paths, store)
    for place, path in enumerate(paths):
        written(path, asim(range(place * 10, place * 10 + 3)))
    import_logs(paths, store)
    assert [(Path(each.path).name, each.rows) for each in store_info(store).inputs] == [
        (f"{name}.csv", 3) for name in "abc"
    ]
    assert drop_from_store(store, Dropping(source="a.csv")).dropped == 3
    assert numbers_of(store) == [10, 11, 12, 20, 21, 22]


def test_two_files_that_continue_one_are_two_sources(store: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    import_logs([written(first, conns(0, 30))], store)
    written(first, conns(0, 30) + lines(30, 35))
    written(second, conns(0, 30) + lines(40, 45))
    import_logs([first, second], store)
    assert [(Path(each.path).name, each.rows) for each in store_info(store).inputs] == [
        ("first.log", 35),
        ("second.log", 5),
    ]
    assert drop_from_store(store, Dropping(source="second.log")).dropped == 5
    assert numbers_of(store) == [*range(35)]
    assert told(import_logs([second], store)) == [("second.log", "grown", 5)]


def test_a_file_without_a_whole_line_yet_is_no_content(store: Path, tmp_path: Path, log: Path) -> None:
    for name, number in (("a.json", 31), ("b.json", 32)):
        row = conn(number)
        (tmp_path / name).write_text(
            json.dumps(dict(zip(_ASIM, (log_value(row["ts"]), "10.0.0.5", number, "5.6.7.8", 443), strict=False)))
        )
    found = import_logs([tmp_path / "a.json", tmp_path / "b.json", log], store)
    assert told(found) == [("a.json", "unread", 0), ("b.json", "unread", 0), ("conn.log", "new", 10)]
    assert all("still being written" in each.notes[-1] for each in found.files[:2])
    again = import_logs([rested(tmp_path / "a.json"), rested(tmp_path / "b.json")], store)
    assert told(again) == [("a.json", "new", 1), ("b.json", "new", 1)]
    assert not any("other content" in note for each in again.files for note in each.notes)


def test_a_log_that_is_gone_when_it_is_its_turn_is_told(
    store: Path, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = written(tmp_path / "other.log", conns(20, 25))
    look = sources.Sources.look

    def looking(self: sources.Sources, member: Member) -> object:
        found = look(self, member)
        if member.path == other:
            other.unlink()
        return found

    monkeypatch.setattr(sources.Sources, "look", looking)
    assert told(import_logs([log, other], store)) == [("conn.log", "new", 10), ("other.log", "unread", 0)]
    assert numbers(log) == numbers_of(store)


# --- a store that is not as it was left -------------------------------------------------------------------------------

_COMMANDS: dict[str, Callable[[Path], object]] = {
    "info": store_info,
    "verify": verify_store,
    "compact": compact_store,
    "drop": lambda store: drop_from_store(store, Dropping(size=0)),
    "query": lambda store: herdsight.query("ASimNetworkSessionLogs | count", store=store),
}


def _junk(manifest: Path) -> None:
    data = manifest.read_bytes()
    manifest.write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))


def _changed(statement: str) -> Callable[[Path], None]:
    def change(manifest: Path) -> None:
        connection = sqlite3.connect(manifest)
        with connection:
            connection.execute(statement)
        connection.close()

    return change


_DAMAGES: dict[str, Callable[[Path], None]] = {
    "junk": _junk,
    "half": lambda manifest: os.truncate(manifest, 8192),
    "a day": _changed("UPDATE files SET day = 'someday'"),
    "outside": _changed("UPDATE files SET path = '../../outside.parquet', state = 'gone'"),
    "absolute": _changed("UPDATE files SET path = '/outside.parquet', state = 'gone'"),
}


@pytest.mark.parametrize("damage", _DAMAGES)
@pytest.mark.parametrize("command", _COMMANDS)
def test_a_damaged_manifest_is_told(store: Path, log: Path, damage: str, command: str) -> None:
    import_logs([log], store)
    outside = store.parent.parent / "outside.parquet"
    outside.write_bytes(b"precious")
    _DAMAGES[damage](store / "manifest.sqlite")
    with pytest.raises(InputError, match=r"manifest\.sqlite"):
        _COMMANDS[command](store)
    assert outside.exists()


def test_a_folder_among_what_waits_is_left_alone(store: Path, log: Path) -> None:
    import_logs([log], store)
    (store / ".tmp" / "mine").mkdir()
    compact_store(store)
    assert (store / ".tmp" / "mine").is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_store_that_one_may_not_change_says_so(store: Path, log: Path) -> None:
    import_logs([log], store)
    store.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be"):
            compact_store(store)
    finally:
        store.chmod(0o700)
