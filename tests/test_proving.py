"""Rules are proved by their own cases: what these are, what comes of them, and whether they notice a changed rule."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import ValidationError

from herdsight.cli import main
from herdsight.errors import RuleError
from herdsight.proving.logs import rows_of
from herdsight.proving.mutants import mutants
from herdsight.proving.running import run_cases
from herdsight.querying import compiled
from herdsight.rules.cases import Counting, Series
from herdsight.rules.reading import RuleFile, read_rule, shipped_rules
from herdsight.ruling import list_rules, new_rule, prove_rules

START = datetime(2026, 5, 31, 12)  # noqa: DTZ001 times are UTC without saying so


def series(**values: object) -> Series:
    return Series.model_validate({"table": "DeviceNetworkEvents", "start": START, **values})


# --- rows of cases ----------------------------------------------------------------------------------------------------


def test_a_series_is_so_many_rows_so_far_apart() -> None:
    found = [*rows_of(series(every="90s", count=3, values={"RemotePort": 22}), {"DeviceName": "a", "RemotePort": 1})]
    assert found == [
        {"TimeGenerated": f"2026-05-31T12:0{minute}.000000Z", "DeviceName": "a", "RemotePort": 22}
        for minute in ("0:00", "1:30", "3:00")
    ]


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ({"from": 7}, [7, 8, 9, 10]),
        ({"from": 7, "every": 2}, [7, 7, 8, 8]),
        ({"address": "198.51.100.254"}, ["198.51.100.254", "198.51.100.255", "198.51.101.0", "198.51.101.1"]),
        ({"address": "2001:db8::ffff"}, ["2001:db8::ffff", "2001:db8::1:0", "2001:db8::1:1", "2001:db8::1:2"]),
        ({"cycle": ["a", "b", "c"]}, ["a", "b", "c", "a"]),
    ],
)
def test_values_count_from_row_to_row(given: dict[str, object], values: list[object]) -> None:
    counting = Counting.model_validate(given)
    assert [counting.value(row) for row in range(4)] == values


@pytest.mark.parametrize("given", [{}, {"from": 1, "cycle": [1]}, {"cycle": []}, {"from": 1, "every": 0}, {"form": 1}])
def test_a_value_counts_in_one_way(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Counting.model_validate(given)


@pytest.mark.parametrize(
    ("text", "length"), [("500ms", 0.5), ("30.5s", 30.5), ("5m", 300), ("2h", 7200), ("1d", 86400)]
)
def test_steps_are_lengths_of_time(text: str, length: float) -> None:
    assert series(every=text).every == timedelta(seconds=length)


# --- what comes of cases ----------------------------------------------------------------------------------------------


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A folder with a rule as it is begun: fifty connections to one outside address."""
    new_rule("many-calls", tmp_path)
    return tmp_path


def changed(folder: Path, before: str, after: str) -> RuleFile:
    text = (folder / "many-calls.yaml").read_text()
    assert before in text
    return read_rule("many-calls.yaml", text.replace(before, after))


def test_a_rule_as_it_is_begun_passes(begun: Path) -> None:
    found = prove_rules(begun, mutate=True)
    assert [(each.expect, each.passed) for each in found.cases] == [("hit", True)] * 2 + [("miss", True)] * 3
    assert found.mutants
    assert all(each.noticed_by for each in found.mutants)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("let minConnections = 50", "let minConnections = 51", "0 found in place of 1"),
        ("let minConnections = 50", "let minConnections = 49", "1 found in place of 0: TimeGenerated=2026-05-31 00:48"),
        (
            "Connections: 50}]",
            "Connections: 51}]",
            "none found with DeviceName=desk-1, RemoteIP=203.0.113.7, Connections=51",
        ),
        ("finds: [{Connections: 200}]", "finds: [{Connections: 200}, {Connections: 1}]", "1 found in place of 2"),
    ],
)
def test_a_case_that_fails_says_what_was_found(begun: Path, before: str, after: str, said: str) -> None:
    failed = [each for each in run_cases([changed(begun, before, after)]).cases if not each.passed]
    assert len(failed) == 1
    assert failed[0].said.startswith(said)


def test_a_change_that_no_case_notices_is_told(begun: Path) -> None:
    rule = changed(begun, "every: 1m, count: 49", "every: 1m, count: 9")
    unnoticed = [each.change for each in run_cases([rule], mutate=True).mutants if each.noticed_by is None]
    assert unnoticed == ["Connections >= 49 in place of Connections >= 50"]


def test_a_case_runs_on_the_schedule_of_its_rule(begun: Path) -> None:
    """Fifty connections of two days are never within one period of a day."""
    rule = changed(begun, "every: 1m, count: 50", "every: 1h, count: 50")
    (first, *_) = run_cases([rule]).cases
    assert first.said == "0 found in place of 1"


# --- mutants ----------------------------------------------------------------------------------------------------------


def said(kql: str) -> list[str]:
    (query,) = compiled(kql)
    return [each.said for each in mutants(query.query.relation)]


def test_each_condition_is_left_out_and_each_threshold_moved() -> None:
    assert said(
        "DeviceNetworkEvents | summarize n = count(), r = avg(RemotePort) by DeviceName | where n > 5 and r <= 2.0"
    ) == [
        "without n > 5",
        "n > 6 in place of n > 5",
        "n > 4 in place of n > 5",
        "without r <= 2.0",
        "r <= 2.1 in place of r <= 2.0",
        "r <= 1.9 in place of r <= 2.0",
    ]


def test_the_window_of_time_is_left_alone_and_names_are_not_numbers() -> None:
    assert said(
        "DeviceNetworkEvents | where TimeGenerated > ago(1d) | where DeviceName == 'a' or RemotePort in (1, 2)"
    ) == ['without (DeviceName == "a") or (RemotePort in (1, 2))']


def test_a_changed_plan_differs_in_that_place_alone() -> None:
    (query,) = compiled(
        "DeviceNetworkEvents | where RemotePort > 5 | where LocalPort > 5 | project RemotePort, LocalPort"
    )
    found = [each.relation for each in mutants(query.query.relation)]
    assert len(set(found)) == len(found) == 6
    assert query.query.relation not in found
    assert all(each.fields == query.query.relation.fields for each in found)


# --- what ships -------------------------------------------------------------------------------------------------------

PROVED = [each for each in shipped_rules() if each.rule.herdsight.cases.hits]


@pytest.mark.parametrize("rule", PROVED, ids=[each.slug for each in PROVED])
def test_a_shipped_rule_passes_its_cases_and_they_notice_each_change(rule: RuleFile) -> None:
    found = run_cases([rule], mutate=True)
    assert [(each.case, each.said) for each in found.cases if not each.passed] == []
    assert [each.change for each in found.mutants if each.noticed_by is None] == []


# --- the commands -----------------------------------------------------------------------------------------------------


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, words)])


def test_rules_test_tells_how_many_passed_and_what_was_noticed(begun: Path) -> None:
    found = call("test", begun, "--mutate")
    assert (found.exit_code, found.output) == (0, "many-calls  5 of 5 cases passed  5 of 5 changes noticed\n")
    path = begun / "many-calls.yaml"
    path.write_text(path.read_text().replace("let minConnections = 50", "let minConnections = 51"))
    broken = call("test", begun)
    assert broken.exit_code == 2
    assert "4 of 5 cases passed" in broken.output
    assert "many-calls: hit 'as many as it takes': 0 found in place of 1" in broken.output
    record = json.loads(call("test", begun, "--format", "json").output)
    assert (record["schema"], record["cases"][0]["passed"], record["mutants"]) == (1, False, [])


def test_rules_test_of_some_rules_alone(begun: Path) -> None:
    new_rule("others", begun)
    assert "others  5 of 5 cases passed" in call("test", begun, "--rule", "others").output
    wrong = call("test", begun, "--rule", "other")
    assert wrong.exit_code == 2
    assert "there is no rule 'other' (did you mean `others`?)" in wrong.output


def test_rules_list_names_what_ships_or_lies_in_a_folder(begun: Path) -> None:
    assert [each.rule for each in list_rules().rules] == [each.slug for each in shipped_rules()]
    (line,) = list_rules(begun).rules
    assert (line.rule, line.severity, line.tables) == ("many-calls", "medium", ("DeviceNetworkEvents",))
    assert "beacon-fixed-endpoint" in call("list").output
    assert "many-calls" in call("list", begun).output


def test_rules_show_says_all_that_a_rule_says() -> None:
    shown = call("show", "beacon-fixed-endpoint").output
    for words in (
        "let minConnections = 12;",
        "known gaps",
        "known false positives",
        "T1571",
        "tuning",
        "eleven connections",
        "every 1 h over the last 24 h",
    ):
        assert words in shown
    wrong = call("show", "beacon")
    assert wrong.exit_code == 2
    assert "there is no rule 'beacon'" in wrong.output


def test_rules_new_writes_no_file_twice_and_takes_names_of_files_alone(begun: Path) -> None:
    with pytest.raises(RuleError):
        list_rules(begun / "nothing")
    assert "is there already" in call("new", "many-calls", "--in", begun).output
    for name in ("Many Calls", "../x", "", "-x"):
        assert call("new", "--in", begun, "--", name).exit_code == 2
    assert call("new", "x", "--in", begun / "made" / "by-it").exit_code == 0
    assert "cannot write" in call("new", "x", "--in", begun / "many-calls.yaml").output
