"""The store: each record once, and the same answers as from the logs themselves."""

import bz2
import gzip
import json
import os
import sqlite3
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from conftest import ZEEK_FIELDS, Row, json_lines, zeek_conn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import NOON
from test_argus import printed
from test_zeek_records import ANSWERED
from zeeks import in_lines

import herdsight
from herdsight.cli import main
from herdsight.errors import InputError
from herdsight.findings.model import Imported
from herdsight.loading.load import load_files
from herdsight.store import importing
from herdsight.store.folder import opened_to_read
from herdsight.store.sources import to_load
from herdsight.storing import Dropping, compact_store, drop_from_store, import_logs, store_info, verify_store

ROWS = "ASimNetworkSessionLogs | project TimeGenerated, SrcIpAddr, SrcPortNumber, DstIpAddr, DstPortNumber, EventResult"


def conn(number: int, **changes: object) -> Row:
    """The connection of that number as Zeek logs it: one a minute, each from a port of its own."""
    row: Row = {"ts": NOON + timedelta(minutes=number), "uid": f"C{number}", "id.orig_h": "10.0.0.5", "proto": "tcp"}
    row |= {"id.orig_p": 20000 + number, "id.resp_h": "5.6.7.8", "id.resp_p": 8443, "conn_state": "SF"}
    return row | changes


def conns(first: int, last: int) -> str:
    """A conn.log of the connections from one number to before another."""
    return zeek_conn(conn(number) for number in range(first, last))


def lines(first: int, last: int) -> str:
    """What is appended to a conn.log for those connections."""
    return "".join(line for line in conns(first, last).splitlines(keepends=True) if not line.startswith("#"))


def rested(path: Path) -> Path:
    """The file, last written to an hour ago."""
    then = time.time() - 3600
    os.utime(path, (then, then))
    return path


def written(path: Path, content: str | bytes) -> Path:
    """A file with that content that nobody writes to any more."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return rested(path)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A conn.log of ten connections that nobody writes to any more."""
    return written(tmp_path / "conn.log", conns(0, 10))


def told(found: Imported) -> list[tuple[str, str, int]]:
    """What became of each file."""
    return [(Path(each.path).name, each.status, each.rows) for each in found.files]


def numbers(place: Path) -> list[int]:
    """Which connections a store, or a log, has."""
    return sorted(row["SrcPortNumber"] - 20000 for row in herdsight.query(ROWS, place).to_pylist())


# --- what is read is what was imported --------------------------------------------------------------------------------


def test_a_store_answers_as_the_logs_do(store: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    written(logs / "conn.log", conns(0, 40))
    written(logs / "dns.log", in_lines([ANSWERED], "dns"))
    herdsight.import_(logs, store)
    for table in ("ASimNetworkSessionLogs", "ASimDnsActivityLogs", "DeviceNetworkEvents", "DnsEvents"):
        query = f"{table} | sort by TimeGenerated asc"
        assert herdsight.query(query, store=store).to_pylist() == herdsight.query(query, logs).to_pylist()
    assert numbers(store) == [*range(40)]


def test_a_hunt_in_a_store_finds_the_same_in_the_same_rows(store: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "conn.log", conns(0, 400))
    herdsight.import_(path, store)
    there, here = herdsight.hunt(path, level="high"), herdsight.hunt(store=store, level="high")
    assert there.findings
    assert here.findings == there.findings
    assert here.inputs == there.inputs


def test_files_lie_by_table_and_day_in_the_order_of_time(store: Path, tmp_path: Path) -> None:
    order = [*range(0, 3000, 7)]
    Random(1).shuffle(order)  # noqa: S311 - any order will do
    herdsight.import_(written(tmp_path / "conn.log", zeek_conn(map(conn, order))), store)
    files = sorted(store.glob("ASimNetworkSessionLogs/day=*/*.parquet"))
    days = {(NOON + timedelta(minutes=number)).date().isoformat() for number in order}
    assert [each.parent.name for each in files] == [f"day={day}" for day in sorted(days)]
    for each in files:
        times = [row["TimeGenerated"] for row in pq.read_table(each, columns=["TimeGenerated"]).to_pylist()]
        assert times == sorted(times)
        assert {f"day={moment.date().isoformat()}" for moment in times} == {each.parent.name}
        statistics = pq.read_metadata(each).row_group(0).column(0).statistics
        assert statistics is not None
        assert (statistics.min, statistics.max) == (times[0], times[-1])


def test_only_the_files_of_the_time_asked_for_are_opened(store: Path, tmp_path: Path) -> None:
    herdsight.import_(written(tmp_path / "conn.log", conns(0, 2000)), store)
    first, *_ = sorted(store.glob("ASimNetworkSessionLogs/day=*/*.parquet"))
    first.write_bytes(b"not Parquet")
    since = NOON + timedelta(minutes=1500)
    found = herdsight.query(f"{ROWS} | count", store=store, since=since.isoformat())
    assert found.to_pylist() == [{"Count": 500}]


def test_what_was_rejected_is_told_of_the_store_too(store: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "conn.log", zeek_conn([conn(1), conn(2, ts="soon"), conn(3)]))
    (found,) = herdsight.import_(path, store).files
    assert (found.status, found.rows, found.rejected, found.reasons) == ("new", 2, 1, {"bad timestamp": 1})
    (kept,) = store_info(store).inputs
    assert (kept.rows, kept.rejected, kept.reasons) == (2, 1, {"bad timestamp": 1})


def test_a_file_with_records_of_several_tables_goes_to_all_of_them(store: Path, tmp_path: Path) -> None:
    flow: Row = {"timestamp": "2026-05-31T12:00:00.000000+0000", "event_type": "flow", "proto": "TCP"}
    flow |= {"src_ip": "10.0.0.5", "src_port": 50000, "dest_ip": "5.6.7.8", "dest_port": 443}
    dns = flow | {"event_type": "dns", "proto": "UDP", "dns": {"type": "query", "rrname": "a.example", "rrtype": "A"}}
    path = written(tmp_path / "eve.json", json_lines([flow | {"flow": {"state": "closed"}}, dns, dns]))
    herdsight.import_(path, store)
    assert [(each.table, each.rows) for each in store_info(store).tables] == [
        ("ASimDnsActivityLogs", 2),
        ("ASimNetworkSessionLogs", 1),
    ]
    (kept,) = store_info(store).inputs
    assert kept.rows == 3


# --- each record once -------------------------------------------------------------------------------------------------


def test_what_is_imported_again_adds_nothing(store: Path, log: Path) -> None:
    assert told(herdsight.import_(log, store)) == [("conn.log", "new", 10)]
    assert told(herdsight.import_(log, store)) == [("conn.log", "known", 0)]
    assert numbers(store) == [*range(10)]


def _touch(log: Path) -> Path:
    os.utime(log, (1, 1))
    return log


def _rename(log: Path) -> Path:
    return log.rename(log.with_name("conn.log.1"))


def _copy(log: Path) -> Path:
    return written(log.with_name("copy.log"), log.read_bytes())


def _gzip(log: Path) -> Path:
    return written(log.with_name("conn.log.gz"), gzip.compress(log.read_bytes()))


def _bzip2(log: Path) -> Path:
    return written(log.with_name("conn.log.bz2"), bz2.compress(log.read_bytes()))


def _zip(log: Path) -> Path:
    path = log.with_name("logs.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(log, "conn.log")
    return rested(path)


@pytest.mark.parametrize("change", [_touch, _rename, _copy, _gzip, _bzip2, _zip])
def test_the_same_content_adds_nothing_however_it_comes(store: Path, log: Path, change: Callable[[Path], Path]) -> None:
    herdsight.import_(log, store)
    for _ in range(2):
        (found,) = herdsight.import_(change(log) if log.exists() else log.with_name("conn.log.1"), store).files
        assert (found.status, found.rows) == ("known", 0)
    assert numbers(store) == [*range(10)]


def test_copies_in_one_import_count_once(store: Path, log: Path) -> None:
    _copy(log)
    _gzip(log)
    written(log.with_name("longer.log"), conns(0, 15))
    found = herdsight.import_(log.parent, store)
    assert sorted(told(found)) == [
        ("conn.log", "new", 10),
        ("conn.log.gz", "known", 0),
        ("copy.log", "known", 0),
        ("longer.log", "grown", 5),
    ]
    assert numbers(store) == [*range(15)]


def test_of_a_log_that_grew_the_new_records_are_added(store: Path, log: Path) -> None:
    herdsight.import_(log, store)
    with log.open("a") as file:
        file.write(lines(10, 14))
    rested(log)
    assert told(herdsight.import_(log, store)) == [("conn.log", "grown", 4)]
    assert told(herdsight.import_(log, store)) == [("conn.log", "known", 0)]
    assert numbers(store) == [*range(14)]
    (kept,) = store_info(store).inputs
    assert kept.rows == 14


def test_rotation_adds_each_record_once(store: Path, tmp_path: Path) -> None:
    live = written(tmp_path / "conn.log", conns(0, 10))
    herdsight.import_(tmp_path / "conn.log", store)
    live.write_text(conns(0, 10) + lines(10, 20))
    written(tmp_path / "conn.log.1.gz", gzip.compress(live.read_bytes()))
    written(live, conns(20, 25))
    assert sorted(told(herdsight.import_([live, tmp_path / "conn.log.1.gz"], store))) == [
        ("conn.log", "new", 5),
        ("conn.log.1.gz", "grown", 10),
    ]
    assert numbers(store) == [*range(25)]


def test_a_file_written_anew_is_added_and_told(store: Path, log: Path) -> None:
    herdsight.import_(log, store)
    written(log, conns(50, 52))
    (found,) = herdsight.import_(log, store).files
    assert (found.status, found.rows) == ("new", 2)
    assert found.notes == ("was imported before with other content: all of it was added",)
    assert numbers(store) == [*range(10), 50, 51]


def test_a_line_that_is_still_being_written_waits(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    whole = conns(0, 3)
    path.write_text(whole[:-9])
    (found,) = herdsight.import_(path, store).files
    assert (found.status, found.rows, found.rejected) == ("new", 2, 0)
    assert found.notes == ("its last line is still being written, and was left for the next import",)
    path.write_text(whole)
    assert told(herdsight.import_(path, store)) == [("conn.log", "grown", 1)]
    assert numbers(store) == [0, 1, 2]


def test_titles_of_a_file_that_is_still_being_written_are_no_record(store: Path, tmp_path: Path) -> None:
    flows = tmp_path / "flows.binetflow"
    flows.write_text(printed({}, {"Sport": "50001"}))
    (found,) = herdsight.import_(flows, store).files
    assert (found.status, found.rows, found.reasons) == ("new", 2, {})
    with flows.open("a") as file:
        file.write(printed({"Sport": "50002"}, header=False))
    (found,) = herdsight.import_(flows, store).files
    assert (found.status, found.rows, found.reasons) == ("grown", 1, {})


def test_a_last_line_without_an_end_is_taken_when_the_file_rests(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_text(conns(0, 3).removesuffix("\n"))
    assert told(herdsight.import_(path, store)) == [("conn.log", "new", 2)]
    assert told(herdsight.import_(rested(path), store)) == [("conn.log", "grown", 1)]
    with path.open("a") as file:
        file.write("\n" + lines(3, 5))
    assert told(herdsight.import_(rested(path), store)) == [("conn.log", "grown", 2)]
    assert numbers(store) == [*range(5)]


def test_packed_data_that_breaks_off_is_completed_later(store: Path, tmp_path: Path) -> None:
    packed = gzip.compress(conns(0, 400).encode())
    path = written(tmp_path / "conn.log.gz", packed[: len(packed) // 2])
    (first,) = herdsight.import_(path, store).files
    assert (first.status, first.rejected) == ("new", 0)
    assert 0 < first.rows < 400
    assert first.notes == ("compressed data ends early: what came before is read",)
    written(path, packed)
    assert told(herdsight.import_(path, store)) == [("conn.log.gz", "grown", 400 - first.rows)]
    assert numbers(store) == [*range(400)]


def test_a_header_in_the_middle_names_the_columns_of_what_is_added(store: Path, log: Path) -> None:
    names = "\t".join(reversed(ZEEK_FIELDS))
    header = f"#separator \\x09\n#path\tconn\n#fields\t{names}\n"

    def record(number: int) -> str:
        return "\t".join(reversed(lines(number, number + 1).strip().split("\t"))) + "\n"

    with log.open("a") as file:
        file.write(header + record(10))
    assert told(herdsight.import_(rested(log), store)) == [("conn.log", "new", 11)]
    with log.open("a") as file:
        file.write(record(11))
    assert told(herdsight.import_(rested(log), store)) == [("conn.log", "grown", 1)]
    assert numbers(store) == [*range(12)]


def test_evidence_of_a_log_that_grew_names_the_record_in_the_file(store: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "conn.log", zeek_conn([conn(0, ts="soon"), *map(conn, range(1, 150))]))
    herdsight.import_(path, store)
    with path.open("a") as file:
        file.write(lines(150, 400))
    herdsight.import_(rested(path), store)
    assert herdsight.hunt(store=store).findings == herdsight.hunt(path).findings


def test_csv_and_json_grow_too(store: Path, tmp_path: Path) -> None:
    event: Row = {"TimeGenerated": "2026-05-31T12:00:00Z", "DeviceName": "a", "ActionType": "ConnectionSuccess"}
    event |= {"LocalIP": "10.0.0.5", "RemoteIP": "5.6.7.8", "RemotePort": 443}
    cells = ",".join(map(str, event.values()))
    header = ",".join(event)
    table = written(tmp_path / "events.csv", f"{header}\n{cells}\n")
    objects = written(tmp_path / "events.json", f"{json.dumps(event)}\n")
    herdsight.import_([table, objects], store)
    with table.open("a") as file:
        file.write(f"{cells}\n{cells}\n")
    with objects.open("a") as file:
        file.write(f"{json.dumps(event)}\n" * 3)
    found = herdsight.import_([rested(table), rested(objects)], store)
    assert told(found) == [("events.csv", "grown", 2), ("events.json", "grown", 3)]
    assert herdsight.query("DeviceNetworkEvents | count", store).to_pylist() == [{"Count": 7}]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 2000), min_size=1, max_size=4), data=st.data())
def test_however_a_log_grows_each_record_is_added_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("growing")
    whole, path, store = conns(0, 30).encode(), folder / "conn.log", folder / "store"
    header = whole.index(b"\n", whole.index(b"#fields")) + 1
    for cut in sorted(cuts):
        path.write_bytes(whole[: header + cut])  # just written, so an open line waits
        if header + cut < len(whole) or data.draw(st.booleans()):
            herdsight.import_(path, store)
    herdsight.import_(written(path, whole), store)
    assert numbers(store) == [*range(30)]
    assert [each.rows for each in store_info(store).inputs] == [30]


def test_a_file_that_changes_while_it_is_read_is_taken_as_it_was(
    store: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def growing(*given: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            with log.open("a") as file:
                file.write(lines(10, 12))
        return load_files(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(importing, "load_files", growing)
    assert told(herdsight.import_(log, store)) == [("conn.log", "new", 10)]
    assert len(calls) == 2
    assert told(herdsight.import_(rested(log), store)) == [("conn.log", "grown", 2)]
    assert numbers(store) == [*range(12)]


def test_a_file_that_shrinks_while_it_is_read_is_left_for_the_next_import(
    store: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shrinking(*given: object) -> object:
        written(log, conns(0, 4))
        return to_load(*given)  # type: ignore[arg-type]

    log.touch()  # it is being written
    other = written(log.with_name("other.log"), conns(90, 91))
    monkeypatch.setattr(importing, "to_load", shrinking)
    found = herdsight.import_([log, other], store)
    assert sorted(told(found)) == [("conn.log", "unread", 0), ("other.log", "new", 1)]
    monkeypatch.undo()
    assert told(herdsight.import_(log, store)) == [("conn.log", "new", 4)]
    assert numbers(store) == [0, 1, 2, 3, 90]


def test_many_files_are_committed_in_groups(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "COMMITTED", 2000)
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(6):
        written(logs / f"conn{number}.log", conns(10 * number, 10 * number + 10))
    assert herdsight.import_(logs, store).rows == 60
    assert len([*store.glob("ASimNetworkSessionLogs/*/*.parquet")]) > 1
    assert numbers(store) == [*range(60)]
    assert herdsight.import_(logs, store).rows == 0


# --- looking after it -------------------------------------------------------------------------------------------------


@pytest.fixture
def weeks(store: Path, tmp_path: Path) -> Path:
    """A store with a connection a day of the last twenty days, imported one by one from a file each, twice a day."""
    today = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=10, second=0, microsecond=0)
    for half in range(2):
        for day in range(0, 20, 4):
            rows = [conn(each + 100 * half, ts=today - timedelta(days=each)) for each in range(day, day + 4)]
            written(tmp_path / f"conn-{half}-{day}.log", zeek_conn(rows))
        herdsight.import_([*tmp_path.glob(f"conn-{half}-*.log")], store)
    return store


def test_compacting_keeps_the_rows_and_lessens_the_files(weeks: Path) -> None:
    before, inputs = herdsight.query(f"{ROWS} | sort by SrcPortNumber asc", weeks), store_info(weeks).inputs
    change = compact_store(weeks)
    assert change.files == (40, 20)
    assert herdsight.query(f"{ROWS} | sort by SrcPortNumber asc", weeks) == before
    assert store_info(weeks).inputs == inputs
    assert len([*weeks.glob("*/*/*.parquet")]) == 20
    assert verify_store(weeks).troubles == ()
    assert compact_store(weeks).files == (20, 20)


def test_old_days_are_dropped_by_age_and_not_imported_again(weeks: Path, tmp_path: Path) -> None:
    change = drop_from_store(weeks, Dropping(age=timedelta(days=10)))
    assert change.dropped == 2 * 9
    assert numbers(weeks) == sorted([*range(11), *range(100, 111)])
    assert herdsight.import_([*tmp_path.glob("conn-*.log")], weeks).rows == 0


def test_old_days_are_dropped_until_the_rest_fits(weeks: Path) -> None:
    size = sum(each.bytes for each in store_info(weeks).tables)
    change = drop_from_store(weeks, Dropping(size=size // 2))
    assert change.bytes[1] <= size // 2 < change.bytes[1] + 2 * size // 20
    left = numbers(weeks)
    assert left == sorted([*range(len(left) // 2), *range(100, 100 + len(left) // 2)])


def test_what_came_from_a_source_is_dropped_and_may_come_again(weeks: Path, tmp_path: Path) -> None:
    compact_store(weeks)
    change = drop_from_store(weeks, Dropping(source="conn-1-4.log"))
    assert change.dropped == 4
    assert numbers(weeks) == sorted({*range(20), *range(100, 120)} - {*range(104, 108)})
    assert verify_store(weeks).troubles == ()
    assert told(herdsight.import_(tmp_path / "conn-1-4.log", weeks)) == [("conn-1-4.log", "new", 4)]
    assert numbers(weeks) == [*range(20), *range(100, 120)]


def test_a_table_is_dropped_whole(store: Path, tmp_path: Path) -> None:
    written(tmp_path / "conn.log", conns(0, 3))
    written(tmp_path / "dns.log", in_lines([ANSWERED], "dns"))
    herdsight.import_([tmp_path / "conn.log", tmp_path / "dns.log"], store)
    drop_from_store(store, Dropping(table="ASimDnsActivityLogs"))
    assert [each.table for each in store_info(store).tables] == ["ASimNetworkSessionLogs"]
    with pytest.raises(InputError, match="no table 'Dns'"):
        drop_from_store(store, Dropping(table="Dns"))


def test_a_dry_run_tells_and_drops_nothing(weeks: Path) -> None:
    dropping = Dropping(age=timedelta(days=10), source="conn-1-0.log")
    would = drop_from_store(weeks, dropping, dry_run=True)
    assert len(numbers(weeks)) == 40
    did = drop_from_store(weeks, dropping)
    assert would.dropped == did.dropped == 18 + 4


def test_an_older_copy_of_a_log_adds_nothing(store: Path, tmp_path: Path) -> None:
    path, copy = tmp_path / "conn.log", tmp_path / "conn-copy.log"
    lines = zeek_conn([conn(each) for each in range(60)]).splitlines(keepends=True)
    path.write_text("".join(lines[:40]))
    herdsight.import_(path, store)
    path.write_text("".join(lines))
    herdsight.import_(path, store)
    copy.write_text("".join(lines[:50]))
    (again,) = herdsight.import_(copy, store).files
    assert (again.status, again.notes) == ("known", (f"is the beginning of {path}, which is in the store",))
    copy.write_text("".join(lines[:45]))
    path.unlink()
    (unsure,) = herdsight.import_(copy, store).files
    assert unsure.status == "grown"
    assert any("an older copy of it is twice now" in each for each in unsure.notes)


def test_a_query_names_a_file_that_was_deleted(weeks: Path) -> None:
    first, *_, last = sorted(weeks.glob("*/*/*.parquet"))
    last.unlink()
    with pytest.raises(InputError, match=rf"{last.name} is missing, with 1 row of ") as told:
        herdsight.query("ASimNetworkSessionLogs | count", store=weeks)
    assert "store verify" in (told.value.hint or "")
    assert first.exists()


def test_verify_names_what_is_damaged_missing_or_strange(weeks: Path) -> None:
    assert verify_store(weeks).troubles == ()
    flipped, cut, missing, *_ = sorted(weeks.glob("*/*/*.parquet"))
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    cut.write_bytes(cut.read_bytes()[:-1])
    missing.unlink()
    strange = missing.with_name("strange.parquet")
    strange.write_bytes(b"PAR1")
    told = {str(each.relative_to(weeks)) for each in (flipped, cut, missing, strange)}
    troubles = verify_store(weeks).troubles
    assert {each.split(":")[0] for each in troubles} == told
    assert all(
        any(word in each for word in ("hash differs", "bytes in place", "is missing", "not in")) for each in troubles
    )


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_folder_with_other_things_is_no_store(tmp_path: Path, log: Path) -> None:
    with pytest.raises(InputError, match=r"holds other things than a store, such as conn\.log"):
        herdsight.import_(log, tmp_path)


def test_a_store_is_not_imported_into_itself(store: Path, log: Path) -> None:
    herdsight.import_(log, store)
    with pytest.raises(InputError, match="is part of the store"):
        herdsight.import_(store, store)


def test_where_there_is_no_store_each_command_says_so(store: Path, log: Path) -> None:
    for use in (store_info, verify_store, compact_store, lambda place: herdsight.hunt(store=place)):
        with pytest.raises(InputError, match="does not exist"):
            use(store)
        with pytest.raises(InputError, match="is not a store"):
            use(log.parent)


def test_a_store_and_logs_are_not_read_together(store: Path, log: Path) -> None:
    herdsight.import_(log, store)
    with pytest.raises(InputError, match="logs and a store"):
        herdsight.hunt(log, store=store)
    with pytest.raises(InputError, match="a store is read by itself"):
        herdsight.hunt([log, store])


def test_how_to_read_logs_is_no_option_of_a_store(store: Path, log: Path) -> None:
    herdsight.import_(log, store)
    with pytest.raises(InputError, match="--format-in, --zone: the store was read already"):
        herdsight.hunt(store=store, format_in="zeek-conn", zone="Europe/Prague")


def test_a_store_in_a_folder_of_logs_is_not_read_with_them(store: Path, log: Path) -> None:
    herdsight.import_(log, store)
    assert store.parent == log.parent
    assert numbers(log.parent) == [*range(10)]


def test_nothing_to_import_is_told(store: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing but words\n")
    with pytest.raises(InputError, match="nothing to read"):
        herdsight.import_(tmp_path / "notes.txt", store)
    with pytest.raises(InputError, match="is empty"):
        herdsight.hunt(store=store)


def test_a_manifest_of_another_version_or_none_is_refused(store: Path, log: Path) -> None:
    herdsight.import_(log, store)
    manifest = store / "manifest.sqlite"
    with sqlite3.connect(manifest) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for use in (store_info, lambda place: herdsight.import_(log, place)):
        with pytest.raises(InputError, match="a store of version 99"):
            use(store)
    manifest.write_bytes(b"no database at all, but long enough to look like one" * 20)
    with pytest.raises(InputError, match="not the manifest of a store"):
        store_info(store)


def test_who_reads_keeps_what_is_read(weeks: Path) -> None:
    with opened_to_read(weeks), pytest.raises(InputError, match="other processes read the store"):
        compact_store(weeks, wait=0.1)
    assert len(numbers(weeks)) == 40  # what was promised is done by who opens it next
    assert len([*weeks.glob("*/*/*.parquet")]) == 39
    assert compact_store(weeks).files[1] == 20
    assert verify_store(weeks).troubles == ()


def test_a_store_that_one_may_not_write_to_is_read(store: Path, log: Path) -> None:
    herdsight.import_(log, store)
    for each in store.glob(".*"):
        if each.is_file():
            each.unlink()
    store.chmod(0o555)
    try:
        assert numbers(store) == [*range(10)]
    finally:
        store.chmod(0o755)


# --- the commands -----------------------------------------------------------------------------------------------------


def call(*words: object) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def test_import_says_what_each_file_brought(store: Path, log: Path) -> None:
    written(log.with_name("notes.txt"), "nothing but words\n")
    first = call("import", log.parent, "--store", store)
    assert first.exit_code == 0
    assert "new  10 rows of ASimNetworkSessionLogs (zeek-conn)" in first.output
    assert "not read  not a log that Herdsight knows" in first.output
    assert "10 rows added from 1 file; 1 file not read" in first.output
    again = call("import", log, "--store", store)
    assert "0 rows added from 0 files; 1 file had nothing new" in again.output


def test_import_says_what_was_rejected_once(store: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "conn.log", zeek_conn([conn(0, ts="soon"), conn(1)]))
    said = [line.strip() for line in call("import", path, "--store", store).stdout.splitlines()]
    assert "rejected  1: bad timestamp" in said


def test_import_has_a_form_for_programs(store: Path, log: Path) -> None:
    found = json.loads(call("import", log, "--store", store, "--format", "json").output)
    assert (found["schema"], found["store"], found["rows"]) == (1, str(store), 10)
    assert [(each["status"], each["rows"]) for each in found["files"]] == [("new", 10)]
    lines = call("import", log, "--store", store, "--format", "ndjson").output.splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["known"]


def test_store_info_lists_tables_or_sources(weeks: Path, tmp_path: Path) -> None:
    tables = call("store", "info", weeks)
    assert tables.exit_code == 0
    assert "40 rows" in tables.output
    assert "40 rows from 10 sources" in tables.output
    assert str(tmp_path / "conn-0-0.log") in call("store", "info", weeks, "--sources").output.replace("\n", "")
    assert json.loads(call("store", "info", weeks, "--format", "json").output)["tables"][0]["rows"] == 40


def test_store_verify_ends_with_status_2_where_something_is_wrong(weeks: Path) -> None:
    whole = call("store", "verify", weeks)
    assert (whole.exit_code, whole.output) == (0, "40 files with 40 rows: whole\n")
    next(iter(weeks.glob("*/*/*.parquet"))).unlink()
    broken = call("store", "verify", weeks)
    assert broken.exit_code == 2
    assert "is missing, with 1 row" in broken.output.replace("\n", "")


def test_store_compact_and_drop_tell_what_they_did(weeks: Path) -> None:
    assert "40 files" in call("store", "compact", weeks).output
    would = call("store", "drop", weeks, "--older-than", "10d", "--dry-run")
    assert "18 rows would be dropped" in would.output
    assert "18 rows were dropped" in call("store", "drop", weeks, "--older-than", "10d").output
    assert call("store", "drop", weeks).exit_code == 2
    assert "write it like 90d or 12w" in call("store", "drop", weeks, "--older-than", "soon").output


def test_hunt_query_and_inspect_take_a_store(store: Path, log: Path) -> None:
    import_logs([log], store)
    assert "Count" in call("query", "-e", "ASimNetworkSessionLogs | count", "--store", store).output
    assert call("inspect", "--store", store).exit_code == 0
    hunted = call("hunt", "--store", store, "--format", "json")
    assert hunted.exit_code == 0
    assert json.loads(hunted.output)["inputs"][0]["rows"] == 10
    assert call("hunt").exit_code == 2
