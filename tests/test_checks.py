"""The lint of rules: each check finds its own fault, at its line, and nothing in a rule that is right."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from herdsight.analytics import ANALYTICS
from herdsight.attack import techniques
from herdsight.checks.form import formed
from herdsight.checks.running import check, checks, read_all
from herdsight.cli import main
from herdsight.content import shipped_folder
from herdsight.errors import RuleError
from herdsight.ruling import check_rules, new_rule

NAME = "many-calls"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one rule in which nothing is wrong."""
    place = tmp_path / "rules"
    place.mkdir()
    new_rule(NAME, place)
    assert check_rules(place, fix=True).faults == ()
    return place


@pytest.fixture
def change(folder: Path) -> Callable[[str, str], list[tuple[str, str, str]]]:
    """Changes the rule's text, and gives what the checks say then: check, line and column, fault."""

    def changed(before: str, after: str) -> list[tuple[str, str, str]]:
        path = folder / f"{NAME}.yaml"
        text = path.read_text()
        assert before in text, before
        path.write_text(text.replace(before, after, 1))
        return [
            (each.check, each.where.removeprefix(f"{path}:"), each.what)
            for each in check_rules(folder).faults
            if each.check != "version"
        ]

    return changed


Change = Callable[[str, str], list[tuple[str, str, str]]]


@pytest.mark.parametrize(
    ("before", "after", "name", "line", "what"),
    [
        ("= count()", "= coun()", "compiles", "24:29", "coun"),
        ("| where Connections >=", "| where Connection >=", "compiles", "26:11", "Connection"),
        ("columnName: RemoteIP", "columnName: RemoteIp", "columns", "", "the query has no column `RemoteIp`"),
        ("project TimeGenerated = LastSeen", "project Time = LastSeen", "columns", "", "puts out no TimeGenerated"),
        ("let minConnections", "let spare = 5;\n  let minConnections", "lets-used", "20:3", "`spare` is never used"),
        ("    minConnections: {", "    others: {", "parameters", "", "`minConnections` has no entry under parameters"),
        ("  - T1071\n", "  - T1984\n", "attack", "", "there is no technique T1984"),
        ("  - T1071\n", "  - T1498\n", "attack", "", "T1498 needs its tactic, Impact, among the tactics"),
        ("  - CommandAndControl", "  - CommandAndContro", "attack", "", "there is no tactic 'CommandAndContro'"),
        ("entityType: IP", "entityType: Ip", "entities", "", "there is no entity 'Ip'"),
        ("identifier: FullName", "identifier: Fullname", "entities", "", "Host has no identifier 'Fullname'"),
        ("lookback = 24h", "lookback = 25h", "window", "", "the query looks further back than queryPeriod"),
        ("  DeviceNetworkEvents\n  |", "  union *\n  |", "whole-workspace", "21:3", "a rule may not use `union *`"),
        ("      - name: many more", "      - name: many", "", "", ""),
        ("{Connections: 200}", "", "case-rows", "", "the case 'many more' finds nothing"),
        ("{table: DeviceNetworkEvents,", "{table: DeviceNetworkEvent,", "case-rows", "", "there is no table"),
        ("values: {ActionType:", "values: {Action:", "case-rows", "", "DeviceNetworkEvents has no column 'Action'"),
        ("severity: Medium\n", "", "shape", "", "severity: Field required"),
        ("kind: Scheduled\n", "kind: Scheduled\nowner: eve\n", "shape", "", "owner: Extra inputs are not permitted"),
    ],
)
def test_a_fault_is_told_at_its_place(  # noqa: PLR0913, PLR0917 - a column of the table each
    change: Change, before: str, after: str, name: str, line: str, what: str
) -> None:
    found = change(before, after)
    if not name:
        assert found == []
        return
    told = [each for each in found if each[0] == name and what in each[2]]
    assert told, found
    assert told[0][1].startswith(line)


def test_every_check_demands_something_and_has_a_name_of_its_own() -> None:
    assert len({each.name for each in checks()}) == len(checks())
    assert all(each.demands for each in checks())


def test_all_faults_of_all_files_are_told_at_once(folder: Path) -> None:
    path = folder / f"{NAME}.yaml"
    text = path.read_text()
    (folder / "broken.yaml").write_text("severity: [")
    (folder / "lacking.yaml").write_text("name: a\nseverity: High\n")
    path.write_text(text.replace("= count()", "= coun()").replace("  - T1071", "  - T1984"))
    found = check_rules(folder)
    assert {Path(each.where.split(":")[0]).name for each in found.faults} == {"broken.yaml", "lacking.yaml", path.name}
    assert sum("lacking.yaml" in each.where for each in found.faults) > 5
    assert found.rules == 3


def test_two_rules_with_one_id_are_told_of_each_other(folder: Path) -> None:
    text = (folder / f"{NAME}.yaml").read_text()
    (folder / "copy.yaml").write_text(text)
    found = [each for each in check_rules(folder).faults if each.check == "unique"]
    assert len(found) == 4
    assert {Path(each.where.split(":")[0]).name for each in found} == {"copy.yaml", f"{NAME}.yaml"}


# --- versions ---------------------------------------------------------------------------------------------------------


def versions(folder: Path) -> list[str]:
    return [each.what for each in check_rules(folder).faults if each.check == "version"]


def test_a_changed_meaning_needs_a_new_version(folder: Path) -> None:
    path = folder / f"{NAME}.yaml"
    path.write_text(path.read_text().replace("minConnections = 50", "minConnections = 40"))
    assert versions(folder) == ["the rule is not what version 1.0.0 was"]
    check_rules(folder, fix=True)
    assert versions(folder) == ["the rule is not what version 1.0.0 was"]  # a version cannot be made to mean another
    path.write_text(path.read_text().replace("version: 1.0.0", "version: 1.1.0"))
    assert versions(folder) == ["versions.json does not know version 1.1.0"]
    check_rules(folder, fix=True)
    assert versions(folder) == []


def test_words_may_change_without_a_new_version(folder: Path) -> None:
    path = folder / f"{NAME}.yaml"
    path.write_text(path.read_text().replace("What it misses", "Slow callbacks"))
    assert versions(folder) == []


def test_versions_that_cannot_be_read_are_an_error(folder: Path) -> None:
    (folder / "versions.json").write_text("{")
    with pytest.raises(RuleError, match=r"versions\.json cannot be read"):
        check_rules(folder)


# --- form -------------------------------------------------------------------------------------------------------------


def test_fields_in_another_order_are_put_in_order(folder: Path) -> None:
    path = folder / f"{NAME}.yaml"
    right = path.read_text()
    lines = right.splitlines(keepends=True)
    start = next(place for place, line in enumerate(lines) if line.startswith("severity"))
    path.write_text("".join([*lines[:start], *lines[start + 1 :], lines[start]]))
    assert [each.check for each in check_rules(folder).faults] == ["form"]
    assert check_rules(folder, fix=True).faults == ()
    assert path.read_text() == right


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_forming_moves_fields_and_loses_nothing(data: st.DataObject) -> None:
    folder = shipped_folder("rules")
    assert folder
    right = (folder / "beacon-fixed-endpoint.yaml").read_text()
    parts: list[list[str]] = []
    for line in right.splitlines():
        if line[:1].isalpha():
            parts.append([])
        parts[-1].append(line)
    shuffled = data.draw(st.permutations(parts))
    assert formed("\n".join(line for part in shuffled for line in part)) == right
    assert formed(right) == right


@given(st.text(max_size=200))
def test_forming_takes_any_text(text: str) -> None:
    once = formed(text)
    assert sorted(once.split()) == sorted(text.split())


# --- what ships -------------------------------------------------------------------------------------------------------


def test_nothing_is_wrong_with_what_ships() -> None:
    folder = shipped_folder("rules")
    assert folder
    rules, faults = read_all(folder)
    assert not faults
    proved = [each for each in rules if each.rule.herdsight.cases.hits]
    assert [f"{each.check}: {each.error}" for each in check(proved, folder)] == []


def test_techniques_are_known_with_their_tactics() -> None:
    assert techniques()["T1583.005"].tactics == ("ResourceDevelopment",)
    assert techniques()["T1110.004"].tactics == ("CredentialAccess",)


# --- the command ------------------------------------------------------------------------------------------------------


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["rules", "check", *map(str, words)])


def test_the_command_ends_with_status_2_where_something_is_wrong(folder: Path) -> None:
    whole = call(folder)
    assert (whole.exit_code, whole.output) == (0, "1 rule: nothing wrong\n")
    path = folder / f"{NAME}.yaml"
    path.write_text(path.read_text().replace("= count()", "= coun()"))
    broken = call(folder)
    assert broken.exit_code == 2
    assert "[compiles]" in broken.output
    assert "faults" in broken.output
    record = json.loads(call(folder, "--format", "json").output)
    assert record["schema"] == 1
    assert {each["check"] for each in record["faults"]} >= {"compiles"}


@pytest.mark.parametrize("text", ["a: &a [1]\nb: *a\n", "!!python/object:os.system {}\n", "- 1\n", "\x00", "[" * 5000])
def test_hostile_files_are_one_message_each(folder: Path, text: str) -> None:
    (folder / "hostile.yaml").write_text(text)
    found = call(folder)
    assert found.exit_code == 2
    assert "hostile.yaml" in found.output
    assert "Traceback" not in found.output


def test_a_path_without_rules_is_told(tmp_path: Path) -> None:
    assert "there is no rule in" in call(tmp_path).output
    assert "there is no rule in" in call(tmp_path / "nowhere").output


def test_every_technique_that_an_analytic_names_is_known() -> None:
    named = {technique for each in ANALYTICS for technique in each.techniques}
    assert named <= set(techniques())
