"""Specification of the time zone of logs whose times do not tell theirs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import herdsight
from herdsight.cli import main
from herdsight.errors import InputError

# Noon in Prague is ten o'clock in UTC in summer, eleven in winter.
LOGS = {
    "argus": "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes\n"
    "{day:%Y/%m/%d} {clock},1,tcp,10.0.0.5,5,  ->,192.0.2.1,443,S_,1,60\n",
    "nfdump": "ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt\n"
    "{day:%Y-%m-%d} {clock},{day:%Y-%m-%d} {clock},1,10.0.0.5,192.0.2.1,5,443,TCP,......S.,1,60\n",
    "bind": "{day:%d-%b-%Y} {clock}.000 queries: info: client 10.0.0.5#5: query: a.test IN A +\n",
    "bind-iso": "{day:%Y-%m-%d}T{clock}.000 queries: info: client 10.0.0.5#5: query: a.test IN A +\n",
    "dnsmasq": "{day:%b %d %Y} {clock} dnsmasq[7]: query[A] a.test from 10.0.0.5\n",
    "cef": "<134>{day:%b %d %Y} {clock} gate CEF:0|V|P|1|1|n|1|src=10.0.0.5\n",
    "pmacct": '{{"ip_src":"10.0.0.5","ip_dst":"192.0.2.1","bytes":1,"timestamp_start":"{day:%Y-%m-%d} {clock}"}}\n',
}
TABLES = {"argus": "ASimNetworkSessionLogs", "nfdump": "ASimNetworkSessionLogs", "pmacct": "ASimNetworkSessionLogs"}
TABLES |= {"bind": "ASimDnsActivityLogs", "bind-iso": "ASimDnsActivityLogs", "dnsmasq": "ASimDnsActivityLogs"}
TABLES |= {"cef": "CommonSecurityLog"}
NAMES = sorted(LOGS)


def utc(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 - UTC without saying so, as the engine has it


def first(path: Path, name: str, **options: str) -> datetime:
    """The time of the only row."""
    found = herdsight.query(f"{TABLES[name]} | project TimeGenerated", path, **options)  # type: ignore[arg-type]
    (row,) = found.to_pylist()
    when: datetime = row["TimeGenerated"]
    return when.replace(tzinfo=None)


def written(folder: Path, name: str, day: datetime, clock: str) -> Path:
    path = folder / "a.log"
    path.write_text(LOGS[name].format(day=day, clock=clock), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("day", "hour"), [((2023, 7, 1), 10), ((2023, 12, 1), 11)])
def test_a_local_time_is_that_of_the_zone(tmp_path: Path, name: str, day: tuple[int, ...], hour: int) -> None:
    path = written(tmp_path, name, utc(*day), "12:00:00")
    assert first(path, name) == utc(*day, 12)
    assert first(path, name, zone="UTC") == utc(*day, 12)
    assert first(path, name, zone="Europe/Prague") == utc(*day, hour)


@pytest.mark.parametrize("name", NAMES)
def test_an_hour_that_the_clocks_skip_or_show_twice(tmp_path: Path, name: str) -> None:
    spring, autumn = utc(2023, 3, 26), utc(2023, 10, 29)
    # From 2 o'clock they go on at 3: half past two is half past three, which is half past one in UTC.
    assert first(written(tmp_path, name, spring, "02:30:00"), name, zone="Europe/Prague") == utc(2023, 3, 26, 1, 30)
    # Half past two comes twice: at half past midnight in UTC, and at half past one.
    assert first(written(tmp_path, name, autumn, "02:30:00"), name, zone="Europe/Prague") == utc(2023, 10, 29, 1, 30)


def test_a_time_that_tells_its_zone_is_not_moved(tmp_path: Path) -> None:
    log = LOGS["argus"].replace("{day:%Y/%m/%d} {clock}", "2023-07-01 12:00:00Z")
    (tmp_path / "a.log").write_text(log, encoding="utf-8")
    assert first(tmp_path / "a.log", "argus", zone="Europe/Prague") == utc(2023, 7, 1, 12)


def test_the_note_tells_the_zone(tmp_path: Path) -> None:
    path = written(tmp_path, "argus", utc(2023, 7, 1), "12:00:00")
    (plain,), (zoned,) = herdsight.inspect(path).files, herdsight.inspect(path, zone="Europe/Prague").files
    assert "times are in the local time of whoever wrote the file, and read as UTC" in plain.notes
    assert "times are read as the local time of Europe/Prague" in zoned.notes


@pytest.mark.parametrize(
    ("head", "more", "is_told"),
    [
        ("Oct 18 14:37:28 gate ", "", True),
        ("Oct 18 14:37:28 gate ", " rt=1697639848000", False),
        ("Oct 18 14:37:28 gate ", " rt=Oct 18 2023 14:37:28 UTC", False),
        ("", " rt=Oct 18 2023 14:37:28", True),
        ("", " rt=Oct 18 2023 14:37:28 msg=x", True),
        ("2023-10-18T14:37:28Z gate ", "", False),
    ],
)
def test_an_event_of_cef_that_tells_its_zone_has_no_note(tmp_path: Path, head: str, more: str, is_told: bool) -> None:
    path = tmp_path / "a.log"
    path.write_text(f"{head}CEF:0|V|P|1|1|n|1|src=10.0.0.5{more}\n", encoding="utf-8")
    (found,) = herdsight.inspect(path).files
    assert any("local time" in note for note in found.notes) is is_told


def test_a_zone_that_is_none_is_told_with_a_hint(tmp_path: Path) -> None:
    path = written(tmp_path, "argus", utc(2023, 7, 1), "12:00:00")
    with pytest.raises(InputError, match="there is no time zone 'Europe/Prag'") as caught:
        herdsight.query("ASimNetworkSessionLogs", path, zone="Europe/Prag")
    assert caught.value.hint == "zones have names like Europe/Prague"


def test_the_command_line_takes_a_zone(tmp_path: Path) -> None:
    path = written(tmp_path, "argus", utc(2023, 7, 1), "12:00:00")
    kql = "ASimNetworkSessionLogs | project TimeGenerated"
    words = ["query", "-e", kql, str(path), "--zone", "Europe/Prague", "--format", "csv", "--quiet"]
    found = CliRunner().invoke(main, words)
    assert found.exit_code == 0, found.output
    assert "2023-07-01T10:00:00" in found.stdout


def test_a_year_is_settled_before_the_zone(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("Feb 25 12:00:00 dnsmasq[7]: query[A] a.test from 10.0.0.5\n", encoding="utf-8")
    now = datetime.now(UTC)
    year = now.year if (now.month, now.day) >= (2, 25) else now.year - 1
    assert first(path, "dnsmasq", zone="Europe/Prague") == utc(year, 2, 25, 11)
