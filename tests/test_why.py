"""`why`: what stopped a rule, checked on logs whose counts, values and distances are worked out by hand."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Writer
from hypothesis import HealthCheck, given, settings
from kql_grammar import queries
from reference import NOON, Row, accepted, connection, request, spread
from test_page_queries import BEACONS, FLOODS, RELAYS, pasted, utc

import herdsight
from herdsight.cli import main
from herdsight.errors import HerdsightError, InputError, QueryError, RuleError
from herdsight.explaining.asking import Asker, counted
from herdsight.explaining.following import Asking, count
from herdsight.explaining.stages import stages_of
from herdsight.findings.model import Why, WhyCondition
from herdsight.kql.literals import micros
from herdsight.querying import compiled, run
from herdsight.telemetry import DEFAULTS, Telemetry

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
TEN = NOON - 2 * HOUR


def groups(why: Why) -> list[WhyCondition]:
    return [each for each in why.conditions if each.kind == "group"]


def asked(why: Why) -> list[WhyCondition]:
    return [each for each in why.conditions if each.kind == "rows"]


def test_1() -> list[Row]:
    """The page's first test, as it states its telemetry: 30 events, ten seconds apart, to a port of loopback."""
    return [
        connection(
            TEN + 5 * SECOND + at * 10 * SECOND,
            ActionType="ConnectionFailed",
            RemoteIP="127.0.0.1",
            RemoteIPType="Loopback",
            RemotePort=8080,
            InitiatingProcessFileName="powershell.exe",
        )
        for at in range(30)
    ]


test_1.__test__ = False  # type: ignore[attr-defined]  # named as the page names it


# What keeps 30 refused connections to loopback within four minute marks from being a beacon: 30 in 4 are 450 an hour.
FOUR_MINUTES = (
    'ActionType == "ConnectionSuccess": met by 0 of 30 rows; they have "ConnectionFailed"',
    'RemoteIPType == "Public": met by 0 of 30 rows; they have "Loopback"',
    "DurationMinutes >= 30: is 4, short by 26 (by a factor of 7.5)",
    "ConnectionsPerHour <= 120.0: is 450, over by 330 (by a factor of 3.75)",
)


class TestTheFirstTestOfThePage:
    @pytest.mark.parametrize("rule", [BEACONS, "beacon-fixed-endpoint"], ids=["query", "rule"])
    def test_it_says_all_four(self, json_log: Writer, rule: str) -> None:
        # 10:00:05 to 10:04:55 crosses four minute marks: 30 in 4 minutes are 450 an hour.
        why = herdsight.why(rule, json_log(test_1()), host="desk-1", now=utc(NOON))
        [host] = why.hosts
        assert not host.fired
        missed = {each.condition: (each.value, each.difference, each.factor) for each in groups(why) if not each.holds}
        rows = {each.condition: (each.value, each.met, each.rows) for each in asked(why) if each.left_out}
        assert rows['RemoteIPType == "Public"'] == ('"Loopback"', 0, 30)
        assert rows['ActionType == "ConnectionSuccess"'] == ('"ConnectionFailed"', 0, 30)
        assert list(missed.values()) == [("4", 26.0, 7.5), ("450", 330.0, 3.75)]
        assert all(each.would_be for each in groups(why))

    def test_its_five_minutes_and_360_an_hour(self, json_log: Writer) -> None:
        # From 10:00:59 to 10:05:49 five minute marks are crossed: 30 in 5 minutes are 360 an hour.
        rows = [{**row, "Timestamp": row["Timestamp"] + 54 * SECOND} for row in test_1()]
        why = herdsight.why("beacon-fixed-endpoint", json_log(rows), host="desk-1", now=utc(NOON))
        told = why.hosts[0].reasons
        assert told == (
            'ActionType == "ConnectionSuccess": met by 0 of 30 rows; they have "ConnectionFailed"',
            'RemoteIPType == "Public": met by 0 of 30 rows; they have "Loopback"',
            "DurationMinutes >= 30: is 5, short by 25 (by a factor of 6)",
            "ConnectionsPerHour <= 120.0: is 360, over by 240 (by a factor of 3)",
        )

    def test_repaired_it_fires_and_the_row_is_shown(self, json_log: Writer) -> None:
        rows = [connection(at) for at in spread(TEN, HOUR, 12)]
        why = herdsight.why("beacon-fixed-endpoint", json_log(rows), host="DESK-1", now=utc(NOON))
        [host] = why.hosts
        assert host.fired
        assert host.results[0]["ConnectionCount"] == 12
        assert host.stopped_at is None
        assert [each.host_rows for each in why.stages] == [12, 12, 12, 12, 12, *[1] * 9]
        assert all(each.holds for each in groups(why))


class TestTheTestsAsTheyAreSimulated:
    """The literal telemetry of the page's tests, whatever its seed, and what each rule lacks in it, word by word."""

    @pytest.mark.parametrize(
        ("number", "rule", "reasons"),
        [
            (1, "beacon-fixed-endpoint", FOUR_MINUTES),
            (
                2,
                "relay-in-then-out",
                (
                    'RemoteIPType == "Public": met by 1 of 2 rows; they have "Loopback", "Public"',
                    "not(RemotePort in (80, 443, 53)): met by 0 of 1 rows; they have 53",
                    "RelayedConnections >= 3: is 1, short by 2 (by a factor of 3)",
                ),
            ),
            (3, "irc-c2", ('RemoteIPType in ("Public", "Reserved"): met by 0 of 1 rows; they have "Loopback"',)),
        ],
    )
    def test_it_says_what_is_missing(self, tmp_path: Path, number: int, rule: str, reasons: tuple[str, ...]) -> None:
        herdsight.simulate(f"page-test-{number}", tmp_path / "test", forms="defender")
        [host] = herdsight.why(rule, tmp_path / "test" / "logs").hosts
        assert not host.fired
        assert host.reasons == reasons

    def test_the_fourth_is_found_by_the_rule_for_it(self, tmp_path: Path) -> None:
        herdsight.simulate("page-test-4", tmp_path / "test", forms="defender")
        [host] = herdsight.why("spreader", tmp_path / "test" / "logs").hosts
        assert host.fired


class TestOtherTests:
    def test_the_second_has_one_row_a_side_and_each_side_is_told(self, json_log: Writer) -> None:
        rows = [
            accepted(TEN, RemoteIP="127.0.0.1", RemoteIPType="Loopback", LocalPort=19876),
            connection(TEN + MINUTE, RemoteIP="8.8.8.8", RemotePort=53),
        ]
        why = herdsight.why("relay-in-then-out", json_log(rows), host="desk-1", now=utc(NOON))
        told = {(each.line, each.condition): (each.met, each.rows, each.left_out) for each in asked(why)}
        # Each row meets one of the first side's two conditions; the last of them is left out.
        assert told[7, 'ActionType == "InboundConnectionAccepted"'][:2] == (1, 2)
        assert told[7, 'RemoteIPType == "Public"'][:2] == (1, 2)
        assert [name for (line, name), (*_, out) in told.items() if line == 7 and out] == ['RemoteIPType == "Public"']
        assert told[12, "not(RemotePort in (80, 443, 53))"] == (0, 1, True)
        [group] = [each for each in groups(why) if "RelayedConnections" in each.condition]
        assert (group.value, group.difference) == ("1", 2.0)

    def test_the_relay_query_counts_each_side_then_the_join(self, json_log: Writer) -> None:
        # Two come in, three go out, within five minutes only the first pair twice: the join has 2 x 3 pairs.
        rows = [
            accepted(TEN),
            accepted(TEN + HOUR),
            connection(TEN + MINUTE),
            connection(TEN + 2 * MINUTE),
            connection(TEN + 30 * MINUTE),
        ]
        why = herdsight.why(RELAYS, json_log(rows), host="desk-1", now=utc(NOON))
        by_text = {each.text.split()[0]: each.host_rows for each in why.stages if each.depth == 0}
        assert by_text["join"] == 6
        assert by_text["summarize"] == 1
        [group] = groups(why)
        assert (group.condition, group.value, group.difference) == ("RelayEvents > 2", "2", 0.0)
        assert not group.would_be
        assert why.hosts[0].reasons == ("RelayEvents > 2: is 2, on the limit",)

    def test_the_third_lacks_connections(self, json_log: Writer) -> None:
        why = herdsight.why(BEACONS, json_log([connection(TEN, RemotePort=6667)]), host="desk-1", now=utc(NOON))
        far = {each.condition: (each.value, each.difference) for each in groups(why) if not each.holds}
        assert far.pop("PerHour between (4.0 .. 120.0)")[0] == "inf"
        assert far == {"Minutes >= 30": ("0", 30.0), "Hits >= 12": ("1", 11.0)}

    def test_the_fourth_has_thirty_groups_of_one(self, json_log: Writer) -> None:
        rows = [connection(TEN + n * SECOND, RemoteIP=f"203.0.113.{n}", RemotePort=22) for n in range(1, 31)]
        why = herdsight.why("beacon-fixed-endpoint", json_log(rows), host="desk-1", groups=3, now=utc(NOON))
        assert {each.host_rows for each in why.stages if each.text.startswith("summarize")} == {30}
        assert len({each.group for each in groups(why)}) == 3

    def test_a_flood_is_asked_about_by_its_target(self, csv_log: Writer) -> None:
        rows = [request(TEN + n * SECOND, SourceIP=f"203.0.113.{n % 40}", DestinationPort=443) for n in range(200)]
        target = str(rows[0]["DestinationIP"])
        for rule in (FLOODS, "inbound-flood"):
            why = herdsight.why(rule, csv_log(rows), host=target, now=utc(TEN + HOUR / 2))
            far = {each.condition: (each.value, each.difference) for each in groups(why)}
            assert far["UniqueSourceIPs > 50"] == ("40", 10.0)
            assert far["TotalRequests > 500"] == ("200", 300.0)


class TestHosts:
    def test_without_a_host_all_rows_are_told(self, json_log: Writer) -> None:
        why = herdsight.why("beacon-fixed-endpoint", json_log(test_1()), now=utc(NOON))
        assert why.hosts[0].host is None
        assert {each.host_rows for each in why.stages} == {None}
        assert len([each for each in groups(why) if not each.holds]) == 2

    def test_several_hosts_are_told_one_by_one(self, json_log: Writer) -> None:
        why = herdsight.why("beacon-fixed-endpoint", json_log(test_1()), host=["desk-1", "desk-2"], now=utc(NOON))
        assert [each.host for each in why.hosts] == ["desk-1", "desk-2"]

    def test_an_unknown_host_is_said_to_be_nowhere(self, json_log: Writer) -> None:
        why = herdsight.why("beacon-fixed-endpoint", json_log(test_1()), host="desk-11", now=utc(NOON))
        assert why.hosts[0].reasons[0] == "no row of DeviceNetworkEvents is of desk-11; did you mean `desk-1`?"
        assert {each.host_rows for each in why.stages} == {0}
        assert not why.hosts[0].fired

    def test_an_address_is_found_in_another_column_and_that_is_said(self, json_log: Writer) -> None:
        why = herdsight.why("beacon-fixed-endpoint", json_log(test_1()), host="127.0.0.1", now=utc(NOON))
        first = "127.0.0.1 is not in DeviceName, which the rule takes for the host; it is in RemoteIP"
        assert why.hosts[0].reasons == (first, *FOUR_MINUTES)

    def test_a_renamed_column_is_still_the_host(self, json_log: Writer) -> None:
        kql = "DeviceNetworkEvents | project Who = DeviceName, RemotePort | where RemotePort == 1"
        why = herdsight.why(kql, json_log([connection(TEN), connection(TEN, DeviceName="desk-2")]), host="desk-1")
        assert [(each.rows, each.host_rows) for each in why.stages] == [(2, 1), (2, 1), (0, 0)]


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "value", "words"),
        [
            ("n > 9", "4", "short by 5 (by a factor of 2.25)"),
            ("9 < n", "4", "short by 5 (by a factor of 2.25)"),
            ("n between (5 .. 9)", "4", "short by 1 (by a factor of 1.25)"),
            ("n between (1 .. 2)", "4", "over by 2 (by a factor of 2)"),
            ("long_ > 2h", "30 min", "short by 1 h 30 min (by a factor of 4)"),
            ('name == "b"', '"a"', 'is "a", wanted == "b"'),
            ('name in ("b", "c")', '"a"', 'is "a", wanted in ("b", "c")'),
            ('not(name has "a")', '"a"', 'is "a", wanted not has "a"'),
            ("n < 4", "4", "on the limit"),
            ("n == 4 and n > 9", "4", "short by 5 (by a factor of 2.25)"),
        ],
    )
    def test_distances(self, condition: str, value: str, words: str) -> None:
        kql = 'datatable(name: string)["a", "a", "a", "a"] | summarize n = count() by name | extend long_ = 30m'
        missed = [each for each in groups(herdsight.why(f"{kql} | where {condition}")) if not each.holds]
        assert [each.value for each in missed] == [value]
        assert missed[0].missed_by == words

    def test_conditions_that_only_together_leave_nothing(self) -> None:
        kql = "datatable(a: long, b: long)[1, 0, 0, 1] | where a == 1 and b == 1 | summarize n = count() | where n > 5"
        why = herdsight.why(kql)
        told = [(each.condition, each.met, each.rows, each.left_out) for each in asked(why)]
        assert told == [("a == 1", 1, 2, False), ("b == 1", 1, 2, True), ("n > 5", 0, 1, True)]
        assert why.hosts[0].reasons == (
            "b == 1: met by 1 of 2 rows; they have 0, 1",
            "n > 5: is 1, short by 4 (by a factor of 5)",
        )

    def test_lines_are_those_of_the_text(self) -> None:
        why = herdsight.why("print a = 1\n| where a > 1\n| extend b = 2")
        assert [each.line for each in why.stages] == [None, 2, 3]

    def test_lets_that_name_tables_are_stages(self) -> None:
        kql = "let t = datatable(a: long)[1, 2] | where a > 1;\nlet u = t | extend b = a;\nu | join kind=inner t on a"
        texts = [(each.text.split()[0], each.rows) for each in herdsight.why(kql).stages]
        assert texts == [("rows", 2), ("where", 1), ("extend", 1), ("join", 1)]


class TestHostile:
    def test_an_unknown_rule(self, json_log: Writer) -> None:
        with pytest.raises(RuleError, match="there is no rule"):
            herdsight.why("beacon-fixed", json_log(test_1()))

    def test_no_logs(self) -> None:
        with pytest.raises(InputError, match="no logs were given"):
            herdsight.why("beacon-fixed-endpoint")

    def test_two_queries(self) -> None:
        with pytest.raises(QueryError, match="2 queries"):
            herdsight.why("print 1\n\nprint 2")

    def test_a_rule_on_logs_without_its_table(self, json_log: Writer) -> None:
        why = herdsight.why("inbound-flood", json_log(test_1()), host="desk-1")
        assert not why.hosts[0].fired

    def test_a_huge_list_is_cut(self) -> None:
        numbers = ", ".join(map(str, range(5000)))
        why = herdsight.why(f"print n = -1 | summarize m = count() by n | where n in ({numbers})")
        assert all(len(str(each.missed_by)) < 1000 for each in why.conditions)

    def test_quotes_in_a_host(self, json_log: Writer) -> None:
        why = herdsight.why("beacon-fixed-endpoint", json_log(test_1()), host="a\"b\\'\n| take 1")
        assert not why.hosts[0].fired

    @pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv"])
    def test_the_command_writes_every_form(self, json_log: Writer, form: str) -> None:
        call = ["why", "beacon-fixed-endpoint", str(json_log(test_1())), "--host", "desk-1", "--format", form]
        done = CliRunner().invoke(main, call)
        assert done.exit_code == 0, done.output
        assert "Loopback" in done.stdout
        if form == "json":
            assert json.loads(done.stdout)["hosts"][0]["fired"] is False

    def test_a_file_that_is_not_there(self) -> None:
        done = CliRunner().invoke(main, ["why", "none.kql"])
        assert done.exit_code == 2
        assert "none.kql" in done.stderr


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(queries())
def test_stage_counts_are_those_of_the_prefixes(text: str) -> None:
    """Of any plan, each stage has the rows that it has when it is run alone, and the last the query's own."""
    try:
        (ready,) = compiled(text)
        query = ready.query
        with Telemetry([], DEFAULTS) as telemetry:
            whole = run(telemetry, query.relation).num_rows
            stages = stages_of(query.relation, query.made, "query")
            asker = Asker(telemetry, micros(telemetry.now))
            found = count(asker, stages, Asking(None, {}), set())
            alone = {stage.number: asker.rows(counted(stage.relation, []))[0]["rows"] for stage in stages}
    except (HerdsightError, ValueError):
        return  # what is no query, or has values that no engine holds
    assert {number: each.rows for number, each in found.items()} == alone
    assert found[len(stages)].rows == whole


def test_what_find_asks_is_the_last_stage() -> None:
    query = compiled("let T = datatable(b: bool)[false]; find in (T) where b")[0].query
    stages = stages_of(query.relation, query.made, "query")
    with Telemetry([], DEFAULTS) as telemetry:
        asker = Asker(telemetry, micros(telemetry.now))
        assert count(asker, stages, Asking(None, {}), set())[len(stages)].rows == 0


@pytest.mark.shared_data
def test_the_page_as_pasted_says_all_four(shared_data: Path, json_log: Writer) -> None:
    page = (shared_data / "seed" / "detection-page.txt").read_text(encoding="utf-8")
    both = pasted(page, "// === QUERY 1", "| sort by RelayEvents desc")
    kql = both[: both.index("// === QUERY 2")] if "// === QUERY 2" in both else both.split("\n\n")[0]
    rows: Sequence[Row] = [{**row, "Timestamp": row["Timestamp"] + 54 * SECOND} for row in test_1()]
    why = herdsight.why(kql, json_log(rows), host="desk-1", now=utc(NOON))
    far = {each.condition: each.value for each in groups(why) if not each.holds}
    assert list(far.values()) == ["5", "360"]
    assert {each.value for each in asked(why) if each.left_out} >= {'"Loopback"', '"ConnectionFailed"'}
