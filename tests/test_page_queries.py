"""The three queries of the detection page: every edge by hand, and random logs against the slow reference.

The KQL here says the same as the page in words of our own. The page's own text, which is not part of this repository,
is run as it stands by the tests marked `shared_data`. Every hand-made case is also put to the reference, so that the
two confirm each other before the random logs rely on the reference alone.
"""

import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import NamedTuple

import pytest
import reference
from conftest import Writer
from reference import BEACON_KEYS, FLOOD_KEYS, NOON, RELAY_KEYS, Row, accepted, connection, request, spread

import herdsight
from herdsight.errors import QueryError

Finder = Callable[..., list[Row]]
Oracle = Callable[[Sequence[Row], datetime], list[Row]]

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

BEACON_COLUMNS = [
    "Timestamp",
    "DeviceName",
    "AccountName",
    "InitiatingProcessFileName",
    "InitiatingProcessId",
    "RemoteIP",
    "RemotePort",
    "ConnectionCount",
    "DurationMinutes",
    "ConnectionsPerHour",
    "BeaconScore",
    "SampleCommandLine",
]
FLOOD_COLUMNS = [
    "DestinationIP",
    "DestinationPort",
    "TimeGenerated",
    "UniqueSourceIPs",
    "TotalRequests",
    "SourceCountries",
    "AttackCategory",
]
RELAY_COLUMNS = [
    "DeviceName",
    "InitiatingProcessFileName",
    "RelayEvents",
    "InboundSources",
    "OutboundTargets",
]

BEACONS = Template("""
let quiet = dynamic($processes);
let plain = dynamic($ports);
DeviceNetworkEvents
| where RemoteIPType == "Public" and ActionType == "ConnectionSuccess" and Timestamp > ago(1d)
| where not(RemotePort in (plain)) and not(InitiatingProcessFileName has_any (quiet))
| summarize Hits = count(), Earliest = min(Timestamp), Latest = max(Timestamp),
            Minutes = datetime_diff("minute", max(Timestamp), min(Timestamp)),
            SampleCommandLine = any(InitiatingProcessCommandLine)
         by DeviceName, AccountName = InitiatingProcessAccountName, InitiatingProcessFileName, InitiatingProcessId,
            RemoteIP, RemotePort
| where Minutes >= 30 and Hits >= 12
| extend PerHour = toreal(Hits) / (toreal(Minutes) / 60.0)
| where PerHour between (4.0 .. 120.0)
| extend BeaconScore = case(Minutes > 120 and Hits > 100, "Critical", Hits > 50, "High", Hits > 20, "Medium", "Low")
| project Timestamp = Latest, DeviceName, AccountName, InitiatingProcessFileName, InitiatingProcessId, RemoteIP,
          RemotePort, ConnectionCount = Hits, DurationMinutes = Minutes, ConnectionsPerHour = PerHour, BeaconScore,
          SampleCommandLine
| order by ConnectionCount
""").substitute(processes=json.dumps(reference.QUIET_PROCESSES), ports=json.dumps(reference.QUIET_PORTS))

FLOODS = """
let refused = dynamic(["reset", "drop", "block", "deny"]);
let web = dynamic([80, 443, 8080, 8443]);
CommonSecurityLog
| where DeviceAction !in~ (refused) and DestinationPort in (22, 25, 80, 443, 587, 3389, 8080, 8443)
| where TimeGenerated > ago(60m)
| summarize UniqueSourceIPs = dcount(SourceIP), TotalRequests = count(),
            SourceCountries = make_set(DeviceCustomString1, 20)
         by DestinationIP, DestinationPort, bin(TimeGenerated, 5m)
| where TotalRequests > 500
| where UniqueSourceIPs > 50
| extend AttackCategory = case(DestinationPort in (25, 587), "Spam Campaign",
                               DestinationPort in (3389, 22), "Credential Stuffing / Brute Force",
                               DestinationPort in (web), "HTTP Flood / Web Attack",
                               "Volumetric Flood")
| order by UniqueSourceIPs desc
"""

RELAYS = """
let reach = 5m;
let came = DeviceNetworkEvents
    | where RemoteIPType == "Public" and ActionType == "InboundConnectionAccepted" and Timestamp > ago(24h)
    | project DeviceName, CameAt = Timestamp, Source = RemoteIP, LocalPort;
let went = DeviceNetworkEvents
    | where RemoteIPType == "Public" and ActionType == "ConnectionSuccess" and Timestamp > ago(24h)
    | where RemotePort !in (53, 80, 443)
    | project DeviceName, WentAt = Timestamp, Target = RemoteIP, RemotePort, InitiatingProcessFileName;
came
| join kind=inner went on DeviceName
| where Source != Target and WentAt between (CameAt .. (CameAt + reach))
| summarize RelayEvents = count(), InboundSources = make_set(Source, 10), OutboundTargets = make_set(Target, 10)
         by DeviceName, InitiatingProcessFileName
| where RelayEvents > 2
| order by RelayEvents desc
"""


def utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)


def ask(kql: str, paths: Sequence[Path], now: datetime, columns: list[str]) -> list[Row]:
    table = herdsight.query(kql, paths, now=utc(now))
    assert table.column_names == columns
    return reference.rows_of(table)


def check(answer: list[Row], expected: list[Row], keys: Sequence[str], sorted_by: str) -> None:
    """The answer has the expected rows, and the column it is sorted by never rises."""
    assert reference.by_key(answer, keys) == reference.by_key(expected, keys)
    order = [row[sorted_by] for row in answer]
    assert order == sorted(order, reverse=True)


@pytest.fixture
def find_beacons(json_log: Writer) -> Finder:
    def find(rows: Sequence[Row], now: datetime = NOON) -> list[Row]:
        answer = ask(BEACONS, [json_log(rows)], now, BEACON_COLUMNS)
        check(answer, reference.beacons(rows, now), BEACON_KEYS, "ConnectionCount")
        return answer

    return find


@pytest.fixture
def find_floods(csv_log: Writer) -> Finder:
    def find(rows: Sequence[Row], now: datetime = NOON) -> list[Row]:
        answer = ask(FLOODS, [csv_log(rows)], now, FLOOD_COLUMNS)
        check(answer, reference.floods(rows, now), FLOOD_KEYS, "UniqueSourceIPs")
        return answer

    return find


@pytest.fixture
def find_relays(json_log: Writer) -> Finder:
    def find(rows: Sequence[Row], now: datetime = NOON) -> list[Row]:
        answer = ask(RELAYS, [json_log(rows)], now, RELAY_COLUMNS)
        check(answer, reference.relays(rows, now), RELAY_KEYS, "RelayEvents")
        return answer

    return find


# --- Query 1: beaconing ----------------------------------------------------------------------------------------------

TEN = NOON - 2 * HOUR  # ten o'clock: a whole minute


def beacon(count: int = 12, over: timedelta = HOUR, start: datetime = TEN, **columns: object) -> list[Row]:
    return [connection(at, **columns) for at in spread(start, over, count)]


class TestBeaconing:
    def test_twelve_connections_in_an_hour_are_a_beacon(self, find_beacons: Finder) -> None:
        assert find_beacons(beacon(12, HOUR)) == [
            {
                "Timestamp": TEN + HOUR,
                "DeviceName": "desk-1",
                "AccountName": "alice",
                "InitiatingProcessFileName": "agent.exe",
                "InitiatingProcessId": 100,
                "RemoteIP": "203.0.113.7",
                "RemotePort": 4444,
                "ConnectionCount": 12,
                "DurationMinutes": 60,
                "ConnectionsPerHour": 12.0,
                "BeaconScore": "Low",
                "SampleCommandLine": "agent.exe --run",
            }
        ]

    def test_eleven_connections_are_too_few(self, find_beacons: Finder) -> None:
        assert find_beacons(beacon(11, HOUR)) == []

    @pytest.mark.parametrize(
        "other",
        [
            {"DeviceName": "desk-2"},
            {"InitiatingProcessAccountName": "bob"},
            {"InitiatingProcessFileName": "other.exe"},
            {"InitiatingProcessId": 101},
            {"InitiatingProcessId": None},
            {"RemoteIP": "203.0.113.8"},
            {"RemotePort": 4445},
            {"RemotePort": None},
            {"InitiatingProcessFileName": ""},
        ],
        ids=str,
    )
    def test_each_key_splits_the_group(self, find_beacons: Finder, other: Row) -> None:
        # 22 connections of one group would fire; as 11 and 11 neither half does.
        assert len(find_beacons(beacon(22))) == 1
        assert find_beacons(beacon(11) + beacon(11, **other)) == []

    def test_the_local_port_does_not_split_the_group(self, find_beacons: Finder) -> None:
        [found] = find_beacons(beacon(6, LocalPort=50001) + beacon(6, LocalPort=50002))
        assert found["ConnectionCount"] == 12

    @pytest.mark.parametrize(
        ("start", "over", "minutes"),
        [
            (TEN + 50 * SECOND, 29 * MINUTE + 20 * SECOND, 30),  # 10:00:50 to 10:30:10 crosses 30 minute marks
            (TEN, 29 * MINUTE + 59 * SECOND, None),  # 10:00:00 to 10:29:59 crosses 29
            (TEN, 30 * MINUTE, 30),
            (TEN + 59 * SECOND, 29 * MINUTE + SECOND, 30),  # the shortest that can count as 30
            (TEN + 59 * SECOND, 29 * MINUTE + SECOND - MICROSECOND, None),
            (TEN, 31 * MINUTE - MICROSECOND, 30),  # the longest that still counts as 30
        ],
    )
    def test_the_duration_counts_minute_marks_crossed(
        self, find_beacons: Finder, start: datetime, over: timedelta, minutes: int | None
    ) -> None:
        durations = [row["DurationMinutes"] for row in find_beacons(beacon(20, over, start))]
        assert durations == ([] if minutes is None else [minutes])

    @pytest.mark.parametrize(
        ("count", "minutes", "per_hour"),
        [
            (12, 180, 4.0),  # 12 / 3 h
            (12, 181, None),  # a little under 4
            (13, 181, 13 / (181 / 60.0)),
            (60, 30, 120.0),  # 60 / 0.5 h
            (61, 30, None),  # 122
            (90, 45, 120.0),
            (91, 45, None),
        ],
    )
    def test_the_rate_is_from_four_to_120_an_hour_both_included(
        self, find_beacons: Finder, count: int, minutes: int, per_hour: float | None
    ) -> None:
        rates = [row["ConnectionsPerHour"] for row in find_beacons(beacon(count, minutes * MINUTE, NOON - 6 * HOUR))]
        assert rates == ([] if per_hour is None else [per_hour])

    @pytest.mark.parametrize(
        ("count", "minutes", "score"),
        [
            (20, 60, "Low"),
            (21, 60, "Medium"),
            (50, 60, "Medium"),
            (51, 60, "High"),
            (100, 121, "High"),
            (101, 120, "High"),
            (101, 121, "Critical"),
        ],
    )
    def test_the_score_rises_just_past_20_50_and_100_connections(
        self, find_beacons: Finder, count: int, minutes: int, score: str
    ) -> None:
        [found] = find_beacons(beacon(count, minutes * MINUTE, NOON - 3 * HOUR))
        assert found["BeaconScore"] == score

    @pytest.mark.parametrize(
        "name",
        [
            "svchost.exe",
            "SVCHOST.EXE",
            "evil-svchost.exe",
            "my_svchost.exe",
            "svchost.exe.bak",
            "C:\\Windows\\svchost.exe",
            "onedrive.exe",
            "teams.exe (beta)",
        ],
    )
    def test_a_quiet_process_name_as_whole_terms_is_left_out(self, find_beacons: Finder, name: str) -> None:
        assert find_beacons(beacon(InitiatingProcessFileName=name)) == []

    @pytest.mark.parametrize(
        "name",
        [
            "mysvchost.exe",
            "1svchost.exe",
            "svchost.exe2",
            "svchost.exes",
            "svchost",
            "svchost exe",
            "svchost-exe",
            "svchost..exe",
            "",
        ],
    )
    def test_part_of_a_term_does_not_make_a_process_quiet(self, find_beacons: Finder, name: str) -> None:
        [found] = find_beacons(beacon(InitiatingProcessFileName=name))
        assert found["InitiatingProcessFileName"] == name

    @pytest.mark.parametrize("port", [80, 443, 53])
    def test_the_plain_ports_are_left_out(self, find_beacons: Finder, port: int) -> None:
        assert find_beacons(beacon(RemotePort=port)) == []

    @pytest.mark.parametrize("port", [None, 0, 8080, 4430, 65535])
    def test_other_ports_and_no_port_at_all_are_kept(self, find_beacons: Finder, port: int | None) -> None:
        [found] = find_beacons(beacon(RemotePort=port))
        assert found["RemotePort"] == port

    @pytest.mark.parametrize(
        "other",
        [
            {"ActionType": "ConnectionFailed"},
            {"ActionType": "connectionsuccess"},  # == minds the case
            {"ActionType": "InboundConnectionAccepted"},
            {"RemoteIPType": "Private"},
            {"RemoteIPType": "public"},
            {"RemoteIPType": ""},
        ],
        ids=str,
    )
    def test_only_successful_connections_to_public_addresses_count(self, find_beacons: Finder, other: Row) -> None:
        assert find_beacons(beacon(12, **other)) == []

    def test_an_event_exactly_24_hours_old_is_too_old(self, find_beacons: Finder) -> None:
        day_ago = NOON - 24 * HOUR
        later = [connection(at) for at in spread(day_ago + 5 * MINUTE, HOUR, 11)]
        assert find_beacons([connection(day_ago), *later]) == []
        [found] = find_beacons([connection(day_ago + MICROSECOND), *later])
        assert found["ConnectionCount"] == 12
        assert found["DurationMinutes"] == 65

    def test_time_is_counted_from_the_newest_event_unless_told(self, json_log: Writer) -> None:
        old = beacon(12, HOUR, NOON - 24 * HOUR)  # the first of them is exactly a day older than noon
        newest = connection(NOON, ActionType="ConnectionFailed")  # no part of the beacon, and still the newest event
        path = json_log([*old, newest])
        assert herdsight.query(BEACONS, [path]).num_rows == 0
        assert herdsight.query(BEACONS, [path], now="data").num_rows == 0
        assert herdsight.query(BEACONS, [path], now="2026-03-10T11:59:59Z").num_rows == 1

    def test_the_row_carries_the_time_of_the_last_connection(self, find_beacons: Finder) -> None:
        [found] = find_beacons(beacon(12, 40 * MINUTE + 7 * MICROSECOND))
        assert found["Timestamp"] == TEN + 40 * MINUTE + 7 * MICROSECOND

    def test_the_busiest_group_comes_first(self, find_beacons: Finder) -> None:
        rows = [
            *beacon(15, DeviceName="desk-1"),
            *beacon(30, DeviceName="desk-2"),
            *beacon(12, DeviceName="desk-3"),
            *beacon(60, DeviceName="desk-4"),
        ]
        counts = [(row["DeviceName"], row["ConnectionCount"]) for row in find_beacons(rows)]
        assert counts == [("desk-4", 60), ("desk-2", 30), ("desk-1", 15), ("desk-3", 12)]

    def test_the_sample_command_line_is_not_empty_if_any_is_not(self, find_beacons: Finder) -> None:
        mute = beacon(11, InitiatingProcessCommandLine="")
        last = connection(TEN + HOUR + MINUTE, InitiatingProcessCommandLine="agent.exe --once")
        [found] = find_beacons([*mute, last])
        assert found["SampleCommandLine"] == "agent.exe --once"

    def test_the_sample_command_line_is_empty_if_all_are(self, find_beacons: Finder) -> None:
        [found] = find_beacons(beacon(12, InitiatingProcessCommandLine=""))
        assert found["SampleCommandLine"] == ""

    def test_a_text_that_the_log_lacks_is_empty_and_a_number_null(self, json_log: Writer) -> None:
        lacking = ("InitiatingProcessAccountName", "InitiatingProcessCommandLine", "InitiatingProcessId", "RemotePort")
        rows = [{name: value for name, value in row.items() if name not in lacking} for row in beacon(12)]
        [found] = ask(BEACONS, [json_log(rows)], NOON, BEACON_COLUMNS)
        assert (found["AccountName"], found["SampleCommandLine"]) == ("", "")
        assert (found["InitiatingProcessId"], found["RemotePort"]) == (None, None)


class TestAccountName:
    """The page says `AccountName` where the table has `InitiatingProcessAccountName`."""

    KQL = """
DeviceNetworkEvents
| summarize Seen = count() by DeviceName, AccountName
"""

    def test_it_stands_for_the_real_column_and_a_warning_says_so(self, json_log: Writer) -> None:
        path = json_log(beacon(3) + beacon(2, InitiatingProcessAccountName="bob"))
        [answer] = herdsight.query_all(self.KQL, [path])
        assert answer.table.column_names == ["DeviceName", "AccountName", "Seen"]
        seen = {row["AccountName"]: row["Seen"] for row in reference.rows_of(answer.table)}
        assert seen == {"alice": 3, "bob": 2}
        assert any("InitiatingProcessAccountName" in str(warning) for warning in answer.warnings)

    def test_the_real_column_draws_no_warning(self, json_log: Writer) -> None:
        path = json_log(beacon(3))
        [answer] = herdsight.query_all(self.KQL.replace("AccountName", "InitiatingProcessAccountName"), [path])
        assert list(answer.warnings) == []

    def test_a_column_of_that_name_made_by_the_query_is_itself(self, json_log: Writer) -> None:
        kql = 'DeviceNetworkEvents | extend AccountName = "nobody" | summarize Seen = count() by AccountName'
        [answer] = herdsight.query_all(kql, [json_log(beacon(3))])
        assert reference.rows_of(answer.table) == [{"AccountName": "nobody", "Seen": 3}]
        assert list(answer.warnings) == []

    def test_a_misspelt_column_is_an_error_that_names_the_place_and_the_column_meant(self, json_log: Writer) -> None:
        kql = "DeviceNetworkEvents\n| where DeviceName != ''\n| where RemotePrt > 1024\n"
        with pytest.raises(QueryError) as caught:
            herdsight.query(kql, [json_log(beacon(3))])
        assert caught.value.place is not None
        assert (caught.value.place.line, caught.value.place.column) == (3, 9)
        assert "RemotePrt" in caught.value.what
        assert "RemotePort" in str(caught.value.hint)


# --- Query 2: floods -------------------------------------------------------------------------------------------------

HALF_PAST = NOON - 30 * MINUTE  # 11:30, where a five-minute bin starts
BIN = timedelta(minutes=5)


def flood(
    sources: int = 51,
    requests: int = 501,
    start: datetime = HALF_PAST,
    over: timedelta = BIN - SECOND,
    **columns: object,
) -> list[Row]:
    """Requests evenly over the time, their sources taking turns."""
    return [
        request(at, SourceIP=f"198.51.{turn % sources // 250}.{turn % sources % 250 + 1}", **columns)
        for turn, at in enumerate(spread(start, over, requests))
    ]


class TestFloods:
    def test_51_sources_with_501_requests_in_a_bin_are_a_flood(self, find_floods: Finder) -> None:
        assert find_floods(flood(51, 501)) == [
            {
                "DestinationIP": "192.0.2.80",
                "DestinationPort": 443,
                "TimeGenerated": HALF_PAST,
                "UniqueSourceIPs": 51,
                "TotalRequests": 501,
                "SourceCountries": ["AT"],
                "AttackCategory": "HTTP Flood / Web Attack",
            }
        ]

    @pytest.mark.parametrize(("sources", "requests"), [(50, 501), (51, 500), (50, 500), (1, 2000)])
    def test_50_sources_or_500_requests_are_not_enough(self, find_floods: Finder, sources: int, requests: int) -> None:
        assert find_floods(flood(sources, requests)) == []

    def test_a_burst_over_two_bins_is_split_and_missed(self, find_floods: Finder) -> None:
        assert len(find_floods(flood(60, 900, HALF_PAST))) == 1
        assert find_floods(flood(60, 900, HALF_PAST + BIN / 2)) == []

    def test_a_request_on_the_mark_belongs_to_the_bin_that_starts_there(self, find_floods: Finder) -> None:
        full = flood(51, 500, HALF_PAST)
        [found] = find_floods([*full, request(HALF_PAST + BIN - MICROSECOND)])
        assert (found["TimeGenerated"], found["TotalRequests"]) == (HALF_PAST, 501)
        assert find_floods([*full, request(HALF_PAST + BIN)]) == []
        assert find_floods([*full, request(HALF_PAST - MICROSECOND)]) == []

    @pytest.mark.parametrize("other", [{"DestinationIP": "192.0.2.81"}, {"DestinationPort": 8443}], ids=str)
    def test_each_target_is_counted_alone(self, find_floods: Finder, other: Row) -> None:
        assert find_floods(flood(60, 400) + flood(60, 400, **other)) == []

    @pytest.mark.parametrize("action", ["deny", "DENY", "Block", "drop", "RESET", "rEsEt"])
    def test_refused_traffic_is_left_out_in_any_case(self, find_floods: Finder, action: str) -> None:
        assert find_floods(flood(DeviceAction=action)) == []

    @pytest.mark.parametrize("action", ["reset-both", "denied", "drop ", "blocked", "allow", ""])
    def test_only_the_exact_words_are_refused(self, find_floods: Finder, action: str) -> None:
        # The page's weakness: "reset-both" and "denied" are refusals too, and still count as traffic let through.
        assert len(find_floods(flood(DeviceAction=action))) == 1

    @pytest.mark.parametrize(
        ("port", "category"),
        [
            (80, "HTTP Flood / Web Attack"),
            (443, "HTTP Flood / Web Attack"),
            (8080, "HTTP Flood / Web Attack"),
            (8443, "HTTP Flood / Web Attack"),
            (22, "Credential Stuffing / Brute Force"),
            (3389, "Credential Stuffing / Brute Force"),
            (25, "Spam Campaign"),
            (587, "Spam Campaign"),
        ],
    )
    def test_the_port_names_the_attack(self, find_floods: Finder, port: int, category: str) -> None:
        [found] = find_floods(flood(DestinationPort=port))
        assert found["AttackCategory"] == category

    @pytest.mark.parametrize("port", [21, 8081, 0, None])
    def test_other_ports_and_no_port_are_left_out(self, find_floods: Finder, port: int | None) -> None:
        # So nothing is ever called "Volumetric Flood".
        assert find_floods(flood(DestinationPort=port)) == []

    def test_at_most_20_countries_are_listed(self, find_floods: Finder) -> None:
        countries = [f"C{number:02}" for number in range(25)]
        rows = flood(51, 501)
        for turn, row in enumerate(rows):
            row["DeviceCustomString1"] = countries[turn % 25]
        [found] = find_floods(rows)
        assert len(found["SourceCountries"]) == len(set(found["SourceCountries"])) == 20
        assert set(found["SourceCountries"]) <= set(countries)

    def test_20_countries_are_all_listed(self, find_floods: Finder) -> None:
        countries = [f"C{number:02}" for number in range(20)]
        rows = flood(51, 501)
        for turn, row in enumerate(rows):
            row["DeviceCustomString1"] = countries[turn % 20]
        [found] = find_floods(rows)
        assert sorted(found["SourceCountries"]) == countries

    def test_text_that_looks_like_json_is_a_country_like_any_other(self, find_floods: Finder) -> None:
        odd = ['{"country": "AT"}', "[1, 2]", '"', "null", "1"]
        rows = flood(51, 501)
        for turn, row in enumerate(rows):
            row["DeviceCustomString1"] = odd[turn % 5]
        [found] = find_floods(rows)
        assert sorted(found["SourceCountries"]) == sorted(odd)

    def test_a_country_that_is_missing_is_the_empty_text(self, json_log: Writer) -> None:
        # A string is never null, so make_set does not drop it.
        rows = flood(51, 501)
        rows[0]["DeviceCustomString1"] = None
        rows[1]["DeviceCustomString1"] = ""
        del rows[2]["DeviceCustomString1"]
        [found] = ask(FLOODS, [json_log(rows)], NOON, FLOOD_COLUMNS)
        assert sorted(found["SourceCountries"]) == ["", "AT"]

    def test_no_countries_at_all_are_one_empty_text(self, find_floods: Finder) -> None:
        [found] = find_floods(flood(DeviceCustomString1=""))
        assert found["SourceCountries"] == [""]

    def test_a_source_that_is_missing_is_one_source(self, find_floods: Finder) -> None:
        rows = flood(50, 500)
        [found] = find_floods([*rows, request(HALF_PAST + SECOND, SourceIP="")])
        assert found["UniqueSourceIPs"] == 51

    def test_a_request_exactly_an_hour_old_is_too_old(self, find_floods: Finder) -> None:
        hour_ago = NOON - HOUR
        rest = flood(51, 500, hour_ago + SECOND, BIN - 2 * SECOND)
        assert find_floods([request(hour_ago), *rest]) == []
        [found] = find_floods([request(hour_ago + MICROSECOND), *rest])
        assert (found["TimeGenerated"], found["TotalRequests"]) == (hour_ago, 501)

    def test_the_most_sources_come_first(self, find_floods: Finder) -> None:
        rows = [
            *flood(60, 501, DestinationPort=22),
            *flood(52, 999, DestinationPort=25),
            *flood(75, 600, DestinationPort=80),
        ]
        assert [row["UniqueSourceIPs"] for row in find_floods(rows)] == [75, 60, 52]

    def test_csv_and_json_tell_the_same(self, csv_log: Writer, json_log: Writer) -> None:
        rows = [*flood(60, 600, DestinationPort=22), *flood(52, 999), *flood(DeviceAction="deny"), request(NOON)]
        answers = [ask(FLOODS, [path], NOON, FLOOD_COLUMNS) for path in (csv_log(rows), json_log(rows))]
        assert answers[0] == answers[1]
        assert len(answers[0]) == 2


# --- Query 3: relays -------------------------------------------------------------------------------------------------


def went_out(at: datetime, target: str, **columns: object) -> Row:
    return connection(at, RemoteIP=target, **columns)


class TestRelays:
    def test_three_connections_out_after_one_in_are_a_relay(self, find_relays: Finder) -> None:
        rows = [
            accepted(TEN, RemoteIP="198.51.100.1"),
            *(went_out(TEN + MINUTE * number, f"203.0.113.{number}") for number in (1, 2, 3)),
        ]
        assert find_relays(rows) == [
            {
                "DeviceName": "desk-1",
                "InitiatingProcessFileName": "agent.exe",
                "RelayEvents": 3,
                "InboundSources": ["198.51.100.1"],
                "OutboundTargets": reference.SetOf(frozenset({"203.0.113.1", "203.0.113.2", "203.0.113.3"}), 10),
            }
        ]

    def test_two_pairs_are_too_few(self, find_relays: Finder) -> None:
        assert find_relays([accepted(TEN), *(went_out(TEN + MINUTE, "203.0.113.1") for _ in range(2))]) == []

    @pytest.mark.parametrize(
        ("after", "counts"),
        [
            (timedelta(0), True),
            (MICROSECOND, True),
            (5 * MINUTE - MICROSECOND, True),
            (5 * MINUTE, True),
            (5 * MINUTE + MICROSECOND, False),
            (-MICROSECOND, False),
            (timedelta(days=-1) + 5 * MINUTE, False),
        ],
        ids=str,
    )
    def test_the_window_is_five_minutes_with_both_ends(
        self, find_relays: Finder, after: timedelta, counts: bool
    ) -> None:
        sure = [went_out(TEN + MINUTE, "203.0.113.1"), went_out(TEN + 2 * MINUTE, "203.0.113.2")]
        found = find_relays([accepted(TEN), *sure, went_out(TEN + after, "203.0.113.3")])
        assert [row["RelayEvents"] for row in found] == ([3] if counts else [])

    def test_a_connection_back_to_the_same_address_is_no_relay(self, find_relays: Finder) -> None:
        rows = [accepted(TEN, RemoteIP="198.51.100.1"), *(went_out(TEN + SECOND, "198.51.100.1") for _ in range(9))]
        assert find_relays(rows) == []

    def test_pairs_are_counted_not_connections(self, find_relays: Finder) -> None:
        # Sources 1 and 2 come in, targets 1, 8 and 9 go out: six pairs, less the one of address 1 with itself.
        rows = [accepted(TEN, RemoteIP=f"198.51.100.{number}") for number in (1, 2)]
        rows += [went_out(TEN + MINUTE, f"198.51.100.{number}") for number in (1, 8, 9)]
        [found] = find_relays(rows)
        assert found["RelayEvents"] == 5
        assert sorted(found["InboundSources"]) == ["198.51.100.1", "198.51.100.2"]
        assert sorted(found["OutboundTargets"]) == ["198.51.100.1", "198.51.100.8", "198.51.100.9"]

    def test_identical_connections_each_make_their_pairs(self, find_relays: Finder) -> None:
        rows = [accepted(TEN)] * 2 + [went_out(TEN, "203.0.113.1")] * 3
        [found] = find_relays(rows)
        assert found["RelayEvents"] == 6

    def test_the_sets_hold_only_members_of_pairs(self, find_relays: Finder) -> None:
        rows = [
            accepted(TEN, RemoteIP="198.51.100.1"),
            *(went_out(TEN + MINUTE, f"203.0.113.{number}") for number in (1, 2, 3)),
            accepted(TEN + HOUR, RemoteIP="198.51.100.2"),  # nothing goes out after it
            went_out(TEN + 30 * MINUTE, "203.0.113.99"),  # nothing comes in before it
            went_out(TEN + MINUTE, "198.51.100.1"),  # only back to the one source there is
        ]
        [found] = find_relays(rows)
        assert found["RelayEvents"] == 3
        assert found["InboundSources"] == ["198.51.100.1"]
        assert sorted(found["OutboundTargets"]) == ["203.0.113.1", "203.0.113.2", "203.0.113.3"]

    @pytest.mark.parametrize(("many", "listed"), [(9, 9), (10, 10), (11, 10), (40, 10)])
    def test_the_sets_are_capped_at_ten(self, find_relays: Finder, many: int, listed: int) -> None:
        sources = [f"198.51.100.{number}" for number in range(many)]
        targets = [f"203.0.113.{number}" for number in range(many)]
        rows = [accepted(TEN, RemoteIP=source) for source in sources]
        rows += [went_out(TEN + MINUTE, target) for target in targets]
        [found] = find_relays(rows)
        assert found["RelayEvents"] == many * many
        assert len(set(found["InboundSources"])) == len(found["InboundSources"]) == listed
        assert len(set(found["OutboundTargets"])) == len(found["OutboundTargets"]) == listed
        assert set(found["InboundSources"]) <= set(sources)
        assert set(found["OutboundTargets"]) <= set(targets)

    @pytest.mark.parametrize("port", [80, 443, 53])
    def test_connections_out_to_plain_ports_are_left_out(self, find_relays: Finder, port: int) -> None:
        rows = [accepted(TEN), *(went_out(TEN + SECOND, "203.0.113.1", RemotePort=port) for _ in range(5))]
        assert find_relays(rows) == []

    @pytest.mark.parametrize("port", [None, 0, 8443])
    def test_connections_out_to_other_ports_or_none_are_kept(self, find_relays: Finder, port: int | None) -> None:
        rows = [accepted(TEN), *(went_out(TEN + SECOND, "203.0.113.1", RemotePort=port) for _ in range(5))]
        [found] = find_relays(rows)
        assert found["RelayEvents"] == 5

    def test_the_port_they_came_in_on_is_free(self, find_relays: Finder) -> None:
        rows = [accepted(TEN, RemotePort=443, LocalPort=80)] * 3 + [went_out(TEN + SECOND, "203.0.113.1")]
        [found] = find_relays(rows)
        assert found["RelayEvents"] == 3

    def test_one_device_does_not_relay_for_another(self, find_relays: Finder) -> None:
        rows = [accepted(TEN, DeviceName="desk-1")]
        rows += [went_out(TEN + SECOND, "203.0.113.1", DeviceName="desk-2") for _ in range(5)]
        rows += [went_out(TEN + SECOND, "203.0.113.1", DeviceName="DESK-1") for _ in range(5)]
        assert find_relays(rows) == []

    def test_each_process_is_counted_alone(self, find_relays: Finder) -> None:
        rows = [accepted(TEN)]
        for name, times in (("a.exe", 3), ("b.exe", 2), ("A.exe", 2), ("", 4)):
            rows += [went_out(TEN + SECOND, "203.0.113.1", InitiatingProcessFileName=name) for _ in range(times)]
        counts = [(row["InitiatingProcessFileName"], row["RelayEvents"]) for row in find_relays(rows)]
        assert counts == [("", 4), ("a.exe", 3)]

    def test_a_connection_in_exactly_24_hours_ago_is_too_old(self, find_relays: Finder) -> None:
        day_ago = NOON - 24 * HOUR
        out = [went_out(day_ago + MINUTE, f"203.0.113.{number}") for number in range(3)]
        assert find_relays([accepted(day_ago), *out]) == []
        assert len(find_relays([accepted(day_ago + MICROSECOND), *out])) == 1

    @pytest.mark.parametrize("kind", ["Private", "", "Loopback"])
    def test_both_ends_are_public(self, find_relays: Finder, kind: str) -> None:
        out = [went_out(TEN + SECOND, "203.0.113.1") for _ in range(3)]
        assert find_relays([accepted(TEN, RemoteIPType=kind), *out]) == []
        assert find_relays([accepted(TEN), *({**row, "RemoteIPType": kind} for row in out)]) == []

    def test_the_most_pairs_come_first(self, find_relays: Finder) -> None:
        rows = []
        for device, times in (("desk-1", 4), ("desk-2", 9), ("desk-3", 3)):
            rows.append(accepted(TEN, DeviceName=device))
            rows += [went_out(TEN + SECOND, "203.0.113.1", DeviceName=device) for _ in range(times)]
        assert [row["RelayEvents"] for row in find_relays(rows)] == [9, 4, 3]


# --- Random logs against the reference -------------------------------------------------------------------------------


def random_beacons(dice: random.Random) -> list[Row]:
    """Series of connections whose counts and durations lie on both sides of every threshold, and single ones."""
    names = ("agent.exe", "my_svchost.exe", "mysvchost.exe", "ONEDRIVE.EXE", "teams.exe2", "")
    rows = beacon(20, DeviceName="sure")
    for _ in range(40):
        series = beacon(
            dice.choice((11, 12, 13, 20, 21, 50, 51, 60, 61, 100, 101)),
            dice.choice((29, 30, 31, 120, 121, 180, 181)) * MINUTE + dice.choice((-1, 0, 1, 20)) * SECOND,
            NOON - dice.choice((24, 23, 20, 5)) * HOUR - dice.choice((0, 0, 40)) * SECOND,
            DeviceName=dice.choice(("desk-1", "desk-2")),
            InitiatingProcessFileName=dice.choice(names),
            InitiatingProcessId=dice.choice((100, 101, None)),
            InitiatingProcessAccountName=dice.choice(("alice", "")),
            RemoteIP=f"203.0.113.{dice.randrange(40)}",
            RemotePort=dice.choice((4444, 4444, 443, None)),
            RemoteIPType=dice.choice(("Public", "Public", "Public", "Private")),
        )
        for row in series:
            row["InitiatingProcessCommandLine"] = dice.choice(("", "", "agent.exe -a", "agent.exe -b"))
            row["ActionType"] = dice.choice(("ConnectionSuccess",) * 49 + ("ConnectionFailed",))
        rows += series
    return rows


def random_floods(dice: random.Random) -> list[Row]:
    """Bursts whose sizes lie on both sides of the thresholds, some of them across a mark."""
    rows = flood(60, 600, DestinationIP="192.0.2.1", DestinationPort=22)
    for number in range(12):
        burst = flood(
            dice.choice((49, 50, 51, 52, 90)),
            dice.choice((500, 501, 502, 700)),
            NOON - dice.choice((60, 60, 55, 30, 5)) * MINUTE + dice.choice((0, 0, 0, 60, 150)) * SECOND,
            dice.choice((BIN - SECOND, BIN, BIN / 2)),
            DestinationIP=f"192.0.2.{100 + number // 2}",
            DestinationPort=dice.choice((*reference.WEB_PORTS, 22, 3389, 25, 587, 21)),
        )
        words = dice.choice((("allow",), ("allow", "reset-both", ""), ("DENY",), ("allow",) * 40 + ("Deny",)))
        countries = [f"C{code:02}" for code in range(dice.choice((1, 19, 20, 21, 30)))] + [""]
        for row in burst:
            row["DeviceAction"] = dice.choice(words)
            row["DeviceCustomString1"] = dice.choice(countries)
        rows += burst
    return rows


def random_relays(dice: random.Random) -> list[Row]:
    """Connections in and out on a coarse grid of times, so that many pairs stand exactly on the window's ends."""
    rows = [accepted(TEN, DeviceName="sure"), *(went_out(TEN, "203.0.113.1", DeviceName="sure") for _ in range(3))]
    for number in range(60):
        device = f"desk-{number}"
        start = NOON - dice.choice((24, 24, 12)) * HOUR

        def moment(start: datetime = start) -> datetime:
            return start + dice.randrange(16) * MINUTE + dice.choice((-1, 0, 0, 0, 1)) * MICROSECOND

        def address() -> str:
            return f"203.0.113.{dice.randrange(dice.choice((2, 30)))}"

        rows += [
            accepted(moment(), DeviceName=device, RemoteIP=address(), RemoteIPType=dice.choice(("Public",) * 9 + ("",)))
            for _ in range(dice.randrange(20))
        ]
        rows += [
            went_out(
                moment(),
                address(),
                DeviceName=device,
                RemotePort=dice.choice((4444, 22, None, 443)),
                InitiatingProcessFileName=dice.choice(("a.exe", "b.exe", "")),
            )
            for _ in range(dice.randrange(20))
        ]
    return rows


class Case(NamedTuple):
    """One query, a maker of logs for it, and what its answer is held against."""

    kql: str
    make: Callable[[random.Random], list[Row]]
    oracle: Oracle
    columns: list[str]
    keys: Sequence[str]
    sorted_by: str


CASES = {
    "beacons": Case(
        BEACONS, random_beacons, reference.beacons, BEACON_COLUMNS, BEACON_KEYS, sorted_by="ConnectionCount"
    ),
    "floods": Case(FLOODS, random_floods, reference.floods, FLOOD_COLUMNS, FLOOD_KEYS, sorted_by="UniqueSourceIPs"),
    "relays": Case(RELAYS, random_relays, reference.relays, RELAY_COLUMNS, RELAY_KEYS, sorted_by="RelayEvents"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("seed", range(6))
def test_a_random_log_gives_what_the_reference_gives_in_any_order_of_rows_and_files(
    json_log: Writer, seed: int, case: Case
) -> None:
    dice = reference.dice(seed)
    rows = case.make(dice)
    expected = case.oracle(rows, NOON)
    assert expected, "a random log without findings tests nothing"
    check(ask(case.kql, [json_log(rows)], NOON, case.columns), expected, case.keys, case.sorted_by)
    dice.shuffle(rows)
    cut = dice.randrange(1, len(rows))
    halves = [json_log(rows[:cut]), json_log(rows[cut:])]
    check(ask(case.kql, halves, NOON, case.columns), expected, case.keys, case.sorted_by)


# --- Several queries in one text --------------------------------------------------------------------------------------


class TestBlocks:
    """Editors run a text as blocks parted by blank lines; a block of comments alone is no query."""

    OFF = "// A query that is switched off:\n// Nothing | take 1"
    TEXT = f"// The first.\n{BEACONS.strip()}\n\n{OFF}\n\n\n{RELAYS.strip()}\n"

    def test_each_block_has_its_answer_in_their_order(self, json_log: Writer) -> None:
        rows = random_beacons(reference.dice(1)) + random_relays(reference.dice(2))
        beacons, relays = herdsight.query_all(self.TEXT, [json_log(rows)], now=utc(NOON))
        found = reference.rows_of(beacons.table)
        check(found, reference.beacons(rows, NOON), BEACON_KEYS, sorted_by="ConnectionCount")
        found = reference.rows_of(relays.table)
        check(found, reference.relays(rows, NOON), RELAY_KEYS, sorted_by="RelayEvents")

    def test_lines_of_comments_and_blank_lines_at_the_ends_part_nothing(self, json_log: Writer) -> None:
        [answer] = herdsight.query_all(f"\n\n{RELAYS}\n\n// The end.\n\n", [json_log([accepted(TEN)])])
        assert answer.table.column_names == RELAY_COLUMNS

    def test_blanks_alone_make_a_line_blank(self, json_log: Writer) -> None:
        text = "print a = 1\n \t \nprint b = 2"
        answers = herdsight.query_all(text, [json_log([accepted(TEN)])])
        assert [answer.table.to_pylist() for answer in answers] == [[{"a": 1}], [{"b": 2}]]

    def test_an_error_in_a_later_block_counts_its_line_from_the_top(self, json_log: Writer) -> None:
        text = self.TEXT.replace("WentAt = Timestamp", "WentAt = Timestmp")
        line = next(number for number, line in enumerate(text.splitlines(), start=1) if "Timestmp" in line)
        with pytest.raises(QueryError) as caught:
            herdsight.query_all(text, [json_log([accepted(TEN)])])
        assert caught.value.place is not None
        assert caught.value.place.line == line


# --- The page's own text ---------------------------------------------------------------------------------------------


def pasted(page: str, first: str, last: str) -> str:
    """The part of the page from the line that starts with the first text to the line that is the last."""
    lines = page.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(first))
    end = lines.index(last, start)
    return "\n".join(lines[start : end + 1])


@pytest.fixture(scope="module")
def page(shared_data: Path) -> str:
    path = shared_data / "seed" / "detection-page.txt"
    if not path.is_file():
        pytest.skip("the detection page is not among the shared data")
    return path.read_text(encoding="utf-8")


@pytest.mark.shared_data
class TestThePageItself:
    @pytest.mark.parametrize("seed", range(3))
    def test_both_its_queries_run_as_pasted(self, page: str, json_log: Writer, seed: int) -> None:
        kql = pasted(page, "// === QUERY 1", "| sort by RelayEvents desc")
        dice = reference.dice(seed)
        rows = random_beacons(dice) + random_relays(dice)
        dice.shuffle(rows)
        beacons, relays = herdsight.query_all(kql, [json_log(rows)], now=utc(NOON))

        assert beacons.table.column_names == BEACON_COLUMNS
        found = reference.rows_of(beacons.table)
        check(found, reference.beacons(rows, NOON), BEACON_KEYS, "ConnectionCount")
        assert any("InitiatingProcessAccountName" in str(warning) for warning in beacons.warnings)

        assert relays.table.column_names == RELAY_COLUMNS
        found = reference.rows_of(relays.table)
        check(found, reference.relays(rows, NOON), RELAY_KEYS, "RelayEvents")
        assert list(relays.warnings) == []

    @pytest.mark.parametrize("seed", range(3))
    def test_its_second_query_runs_once_uncommented(self, page: str, csv_log: Writer, seed: int) -> None:
        commented = pasted(page, "// CommonSecurityLog", "// | sort by UniqueSourceIPs desc")
        lines = commented.splitlines()
        start = lines.index("// CommonSecurityLog")  # a line of prose above it starts with the same words
        kql = "\n".join(line.removeprefix("// ") for line in lines[start:])
        rows = random_floods(reference.dice(seed))
        answer = ask(kql, [csv_log(rows)], NOON, FLOOD_COLUMNS)
        check(answer, reference.floods(rows, NOON), FLOOD_KEYS, "UniqueSourceIPs")
