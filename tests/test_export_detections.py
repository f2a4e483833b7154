"""Exports to advanced hunting and to the data lake: queries that are rewritten, and still find what the rule finds."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from microsoft_forms import content, export, faults, files
from test_oracle import ANALYTICS_ONLY, HUNTING_ONLY, Binder, others, started, surface, theirs

from herdsight.errors import InputError
from herdsight.exporting.microsoft.surfaces import hunting_tables
from herdsight.exporting.model import Content
from herdsight.proving.running import run_cases
from herdsight.querying import answers
from herdsight.rules.reading import RuleFile, shipped_rules
from herdsight.telemetry import DEFAULTS

DETECTIONS = {path.removesuffix(".json"): json.loads(text) for path, text in files("custom-detection").items()}
RULES = {each.slug: each for each in shipped_rules()}


def query_of(detection: dict[str, Any]) -> str:
    return str(detection["queryCondition"]["queryText"])


def detection(*changes: tuple[str, str]) -> dict[str, Any]:
    (file,) = export("custom-detection", content(*changes)).files
    return dict(json.loads(file.text))


def losses(*changes: tuple[str, str]) -> list[str]:
    return [f"{each.clause}: {each.lost}" for each in export("custom-detection", content(*changes)).losses]


@pytest.fixture(scope="module")
def advanced_hunting() -> Iterator[Binder]:
    """With the tables that are advanced hunting's own, and no other."""
    for binder in started():
        own = surface(ANALYTICS_ONLY, {"AdditionalFields": "string"})
        binder.declare(own)
        yield binder


@pytest.fixture(scope="module")
def log_analytics() -> Iterator[Binder]:
    for binder in started():
        binder.declare({**surface(HUNTING_ONLY), **others()})
        yield binder


class TestCustomDetections:
    def test_those_of_device_tables_are_there(self) -> None:
        assert {"irc-c2", "spreader", "beacon-regular", "relay-windowed"} <= {*DETECTIONS}
        assert not {"inbound-flood", "indicator-address", "orb-inbound", "dga-names"} & {*DETECTIONS}

    @pytest.mark.parametrize("slug", DETECTIONS)
    def test_microsofts_parser_takes_them_and_sees_what_defender_asks_for(
        self, advanced_hunting: Binder, slug: str
    ) -> None:
        found = theirs(advanced_hunting, query_of(DETECTIONS[slug]))
        assert isinstance(found, list), found
        (columns,) = found
        assert columns[:3] == [["Timestamp", "datetime"], ["ReportId", "long"], ["DeviceId", "string"]]
        named = {name for name, _ in columns}
        template = DETECTIONS[slug]["detectionAction"]["alertTemplate"]
        mapped = [column for each in template["entityMappings"].values() for part in each for column in part.values()]
        assert {*mapped, *template["customDetails"].values()} <= named
        assert "TimeGenerated" not in query_of(DETECTIONS[slug])

    @pytest.mark.parametrize("slug", DETECTIONS)
    def test_they_find_what_the_rule_finds(self, slug: str) -> None:
        """The rule's own cases, hits and near misses, of which the exported query finds the same."""
        rule = RULES[slug].rule.model_copy(update={"query": query_of(DETECTIONS[slug])})
        done = run_cases([RuleFile(slug, slug, rule)]).cases
        assert len(done) > 3
        assert [f"{each.case}: {each.said}" for each in done if not each.passed] == []

    def test_the_event_is_the_last_one_of_the_evidence(self, tmp_path: Path) -> None:
        start = datetime(2026, 5, 31, tzinfo=UTC)
        rows = [
            {
                "TimeGenerated": (start + timedelta(minutes=number)).isoformat(),
                "DeviceName": "desk-1",
                "DeviceId": "d1",
                "ReportId": number,
                "ActionType": "ConnectionSuccess",
                "RemoteIP": "203.0.113.7" if number < 5 else "203.0.113.8",
                "RemotePort": 443,
            }
            for number in range(10)
        ]
        (tmp_path / "log.json").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        options = replace(DEFAULTS, tables=(("DeviceNetworkEvents", "log.json"),))
        (answer,) = answers(query_of(detection()), [tmp_path / "log.json"], options)
        found = {row["RemoteIP"]: (row["ReportId"], row["DeviceId"], row["Count"]) for row in answer.table.to_pylist()}
        assert found == {"203.0.113.7": (4, "d1", 5), "203.0.113.8": (9, "d1", 5)}

    @pytest.mark.parametrize(
        ("period", "frequency", "expected", "is_slower"),
        [
            ("4h", "1h", "PT1H", False),
            ("12h", "3h", "PT3H", False),
            ("12h", "1h", "PT3H", True),
            ("2d", "12h", "PT12H", False),
            ("14d", "1d", "P1D", False),
            ("1h", "30m", "PT1H", True),
        ],
    )
    def test_the_pace_is_the_fastest_that_looks_back_far_enough(
        self, period: str, frequency: str, expected: str, *, is_slower: bool
    ) -> None:
        changes = (
            ("queryPeriod: 4h", f"queryPeriod: {period}"),
            ("queryFrequency: 1h", f"queryFrequency: {frequency}"),
        )
        assert detection(*changes)["schedule"] == {"frequency": expected}
        assert any("queryFrequency" in each for each in losses(*changes)) == is_slower

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (
                "  DeviceNetworkEvents\n",
                "  CommonSecurityLog\n  | extend RemoteIP = SourceIP\n",
                "the table CommonSecurityLog",
            ),
            ("ago(4h)\n", "ago(4h) and MachineGroup != ''\n", "the query: on advanced hunting, "),
            ("ago(4h)\n", 'ago(4h) and RemoteIP in ((_GetWatchlist("x") | project SearchKey))\n', "_GetWatchlist()"),
            ("where: {DeviceName: $DeviceName, RemoteIP: $RemoteIP}", "where: {RemoteIP: 203.0.113.7}", "the evidence"),
        ],
    )
    def test_what_cannot_be_said_at_all_leaves_the_rule_out(self, old: str, new: str, said: str) -> None:
        query = ("  | summarize Count", "  | extend DeviceName = 'x'\n  | summarize Count")
        changes = ((old, new), query) if "CommonSecurityLog" in new else ((old, new),)
        found = losses(*changes)
        assert len(found) == 1
        assert found[0].startswith(said)
        assert found[0].endswith("left out")
        assert export("custom-detection", content(*changes)).files == ()

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("triggerThreshold: 0", "triggerThreshold: 5", "triggerOperator gt 5"),
            ("AlertPerResult", "SingleAlert", "eventGroupingSettings"),
        ],
    )
    def test_what_is_lost_of_a_rule_is_told(self, old: str, new: str, said: str) -> None:
        (found,) = losses((old, new))
        assert found.startswith(said)
        assert faults("detection_rule", detection((old, new))) == []

    def test_what_is_no_entity_there_is_a_detail(self) -> None:
        template = DETECTIONS["irc-c2"]["detectionAction"]["alertTemplate"]
        assert template["customDetails"]["CommandLine"] == "SampleCommandLine"
        assert template["entityMappings"]["hosts"] == [{"deviceIdColumn": "DeviceId", "nameColumn": "DeviceName"}]
        assert template["tactics"] == [{"tactic": "CommandAndControl", "techniques": [{"technique": "T1071"}]}]

    def test_a_query_too_long_or_too_deep_is_told(self) -> None:
        names = ", ".join(f"'{number:x}'" for number in range(0x100, 0x100 + 1380))
        (found,) = losses(("ago(4h)\n", f"ago(4h) and RemoteIP in ({names})\n"))
        assert "more than 10,000 characters" in found
        (deep,) = losses(("ago(4h)\n", f"ago(4h){' or true' * 1000}\n"))
        assert deep.startswith("the query: it nests too deep")

    def test_the_name_of_time_is_changed_where_it_is_a_name(self) -> None:
        found = query_of(
            detection(
                (
                    "ago(4h)\n",
                    "ago(4h) and RemoteUrl != 'TimeGenerated'|project-rename t=TimeGenerated|extend TimeGenerated=t\n",
                )
            )
        )
        assert "where Timestamp > ago(4h)" in found
        assert '"TimeGenerated"' in found
        assert "project-rename t = Timestamp\n| extend Timestamp = t" in found

    def test_the_tables_are_advanced_huntings(self) -> None:
        events = hunting_tables()["DeviceNetworkEvents"]
        assert events.column("Timestamp")
        assert events.column("TimeGenerated") is None
        assert not {"CommonSecurityLog", "ASimDnsActivityLogs", "SecurityAlert"} & {*hunting_tables()}


def beacon(every: timedelta, count: int) -> list[dict[str, Any]]:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    return [
        {
            "TimeGenerated": (start + number * every + timedelta(milliseconds=250)).isoformat(),
            "DeviceName": "desk-1",
            "ActionType": "ConnectionSuccess",
            "RemoteIP": "203.0.113.7",
            "RemotePort": 8443,
            "RemoteIPType": "Public",
            "InitiatingProcessFileName": "agent.exe",
        }
        for number in range(count)
    ]


class TestLakeJobs:
    @pytest.mark.parametrize(
        ("every", "count", "by_rule", "by_job"),
        [
            (timedelta(hours=20), 36, 0, 1),  # 35 gaps in a month, one in a day
            (timedelta(minutes=30), 1400, 1, 1),
            (timedelta(minutes=20), 2100, 1, 0),  # more than 1,800: the rule's own
            (timedelta(hours=40), 18, 0, 0),  # 17 gaps
        ],
    )
    def test_a_month_sees_what_a_day_does_not(
        self, tmp_path: Path, every: timedelta, count: int, by_rule: int, by_job: int
    ) -> None:
        path = tmp_path / "log.json"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in beacon(every, count)))
        options = replace(DEFAULTS, tables=(("DeviceNetworkEvents", "log.json"),))
        for query, found in (
            (RULES["beacon-regular"].rule.query, by_rule),
            (files("lake-jobs")["beacon-regular.kql"], by_job),
        ):
            (answer,) = answers(query, [path], options)
            assert answer.rows == found

    def test_settings_name_their_query_and_table(self) -> None:
        found = json.loads(files("lake-jobs")["beacon-regular.json"])
        assert found["query"] in files("lake-jobs")
        assert found["destinationTable"] == "HerdsightBeaconRegular_KQL_CL"
        assert found["lookback"] == "P30D"
        query = files("lake-jobs")["beacon-regular.kql"]
        assert "let lookback = 30d;" in query
        assert query.endswith("| take 500000\n")

    def test_rules_that_gain_nothing_are_told(self) -> None:
        with pytest.raises(InputError, match="none of these rules") as raised:
            export("lake-jobs", content())
        assert "beacon-regular" in str(raised.value)

    @pytest.mark.parametrize(
        ("old", "new", "clause"),
        [
            ("lookback", "back", "let lookback"),
            ("regular", "even", "let regular"),
            ("let regular = pairs\n    | where Connections > minGaps", "let regular = pairs\n   ", "the query"),
            ("RemotePort, PeriodSeconds, Var", "RemotePort, Type = 1, PeriodSeconds, Var", "the column Type"),
        ],
    )
    def test_a_rule_that_was_changed_so_that_it_is_no_job_is_told(self, old: str, new: str, clause: str) -> None:
        file = RULES["beacon-regular"]
        query = file.rule.query.replace(old, new)
        assert query != file.rule.query
        made = export("lake-jobs", Content((replace(file, rule=file.rule.model_copy(update={"query": query})),)))
        assert [each.clause for each in made.losses] == [clause]
        assert made.files == ()
