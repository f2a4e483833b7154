"""Exports to Microsoft Sentinel: in its forms, within its limits, read by its parser, and no byte more than changed."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from microsoft_forms import CONTENT, RULE, TARGETS, content, export, faults, files, read
from test_oracle import HUNTING_ONLY, Binder, others, started, surface, theirs

from herdsight.attack import techniques
from herdsight.cli import main
from herdsight.content import shipped
from herdsight.errors import InputError
from herdsight.exporting.microsoft import arm, durations
from herdsight.exporting.model import Content, Export, File
from herdsight.exporting.together import joined
from herdsight.guidance.reading import hunting_queries
from herdsight.rules.reading import RuleFile, read_rule, shipped_rules
from herdsight.tuning.model import Entry

FORM = {
    "custom-detection": "detection_rule",
    "sentinel": "analytics_rule",
    "sentinel-arm": "alert_rule_template",
    "sentinel-hunting": "hunting_query",
    "sentinel-workbook": "workbook",
    "lake-jobs": "lake_job",
}


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="herdsight")


def kql(target: str) -> Iterator[tuple[str, str]]:
    """Every query of a target's files, with its place."""
    for path, text in files(target).items():
        if path.endswith(".kql"):
            yield path, text
        elif path.endswith((".yaml", ".json")):
            for number, query in enumerate(queries(read(path, text))):
                yield f"{path} {number}", query


def queries(value: Any) -> Iterator[str]:
    """The texts under `query` anywhere in a value."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "query" and not part.endswith(".kql"):
                yield part
            else:
                yield from queries(part)
    elif isinstance(value, list):
        for part in value:
            yield from queries(part)


def test_the_lists_of_targets_are_whole() -> None:
    assert len(CONTENT.rules) > 20
    assert {*files("sentinel")} == {f"{each.slug}.yaml" for each in CONTENT.rules}
    assert {*files("sentinel-arm")} == {f"{each.slug}.json" for each in CONTENT.rules}
    assert {*files("sentinel-hunting")} == {f"{each.slug}.yaml" for each in hunting_queries()}


class TestForms:
    @pytest.mark.parametrize("target", FORM)
    def test_every_file_has_its_published_form(self, target: str) -> None:
        for path, text in files(target).items():
            if not path.endswith(".kql"):
                assert faults(FORM[target], read(path, text)) == [], path

    def test_near_real_time_rules_are_rules_and_resources(self) -> None:
        assert files("sentinel-nrt")
        for path, text in files("sentinel-nrt").items():
            form = "analytics_rule" if path.endswith(".yaml") else "alert_rule_template"
            assert faults(form, read(path, text)) == []
            assert '"NRT"' in text or "kind: NRT" in text

    def test_solutions_and_watchlists(self) -> None:
        found = {path: read(path, text) for path, text in files("sentinel-solution").items()}
        assert faults("solution", found["Data/Solution_Herdsight.json"]) == []
        assert faults("solution_metadata", found["SolutionMetadata.json"]) == []
        assert faults("watchlist_template", read("x.json", files("sentinel-watchlists")["HerdsightTuning.json"])) == []

    def test_a_solution_names_every_file_that_it_has(self) -> None:
        found = files("sentinel-solution")
        data = json.loads(found["Data/Solution_Herdsight.json"])
        named = [
            path for kind in ("Workbooks", "Analytic Rules", "Hunting Queries", "Watchlists") for path in data[kind]
        ]
        assert {*named} == {*found} - {"Data/Solution_Herdsight.json", "SolutionMetadata.json"}
        assert found["Analytic Rules/irc-c2.yaml"] == files("sentinel")["irc-c2.yaml"]

    @pytest.mark.parametrize(
        ("form", "place", "value"),
        [
            ("analytics_rule", ["name"], "x" * 257),
            ("analytics_rule", ["description"], "x" * 5001),
            ("analytics_rule", ["query"], "x" * 10_001),
            ("analytics_rule", ["queryPeriod"], "15d"),
            ("analytics_rule", ["queryFrequency"], "4m"),
            ("analytics_rule", ["id"], "one"),
            ("analytics_rule", ["kind"], "NRT"),
            ("analytics_rule", ["herdsight"], {}),
            ("analytics_rule", ["entityMappings"], []),
            ("analytics_rule", ["customDetails"], {f"a{number}": "b" for number in range(21)}),
            ("alert_rule_template", ["resources", 0, "apiVersion"], "2022-01-01"),
            ("alert_rule_template", ["resources", 0, "properties", "queryPeriod"], "1d"),
            ("alert_rule_template", ["resources", 0, "properties", "techniques"], ["T1583.005"]),
        ],
    )
    def test_the_forms_refuse(self, form: str, place: list[Any], value: object) -> None:
        target = next(name for name, each in FORM.items() if each == form)
        whole = read(*next(iter(files(target).items())))
        part = whole
        for step in place[:-1]:
            part = part[step]
        part[place[-1]] = value
        assert faults(form, whole)

    def test_techniques_have_their_tactics(self) -> None:
        known = techniques()
        for path, text in (*files("sentinel").items(), *files("sentinel-hunting").items()):
            rule = read(path, text)
            for each in rule["relevantTechniques"]:
                assert {*known[each].tactics} & {*rule["tactics"]}, path


@pytest.fixture(scope="module")
def log_analytics() -> Iterator[Binder]:
    for binder in started():
        binder.declare({**surface(HUNTING_ONLY), **others()})
        yield binder


class TestParser:
    @pytest.mark.parametrize("target", [each for each in TARGETS if each != "custom-detection"])
    def test_microsofts_parser_takes_every_query(self, log_analytics: Binder, target: str) -> None:
        found = dict(kql(target))
        assert found
        for place, query in found.items():
            answer = theirs(log_analytics, query)
            assert isinstance(answer, list), f"{place}: {answer}"
            assert len(answer) == 1


class TestAnalyticsRules:
    @pytest.mark.parametrize("rule", shipped_rules(), ids=lambda each: str(each.slug))
    def test_nothing_changes_but_our_own_part(self, rule: RuleFile) -> None:
        found = read("x.yaml", files("sentinel")[f"{rule.slug}.yaml"])
        whole = {name: value for name, value in rule.tree.items() if name != "herdsight"}
        spelled = {"24h": "1d", "168h": "7d"}
        for name in ("queryPeriod", "queryFrequency"):
            whole[name] = spelled.get(str(whole[name]), whole[name])
        assert found == whole
        assert list(found) == list(whole)

    def test_the_text_as_a_whole(self) -> None:
        (file,) = export("sentinel", content()).files
        assert file.path == "one.yaml"
        assert (
            file.text
            == """\
id: 00000000-0000-4000-8000-000000000001
name: A rule
description: Says something.
severity: Low
requiredDataConnectors:
  - connectorId: MicrosoftThreatProtection
    dataTypes:
      - DeviceNetworkEvents
queryFrequency: 1h
queryPeriod: 4h
triggerOperator: gt
triggerThreshold: 0
tactics:
  - CommandAndControl
relevantTechniques:
  - T1071
query: |
  DeviceNetworkEvents
  | where TimeGenerated > ago(4h)
  | summarize Count = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by DeviceName, RemoteIP
entityMappings:
  - entityType: Host
    fieldMappings:
      - identifier: FullName
        columnName: DeviceName
customDetails:
  Count: Count
eventGroupingSettings:
  aggregationKind: AlertPerResult
version: 1.0.0
kind: Scheduled
"""
        )

    @pytest.mark.parametrize(
        ("old", "new", "clause", "is_left_out"),
        [
            ("customDetails: {Count:", "customDetails: {ANameOfTwentyOneChars:", "customDetails.ANameOfTwenty", False),
            ("customDetails: {Count:", "customDetails: {_Count:", "customDetails._Count", False),
            ("[T1071]", "[T1071, T1046]", "relevantTechniques T1046", False),
            ("  DeviceNetworkEvents\n", "  union *\n", "`union *`", True),
            ("  DeviceNetworkEvents\n", "  search *\n", "`search *`", True),
        ],
    )
    def test_what_the_validators_refuse_is_told(self, old: str, new: str, clause: str, *, is_left_out: bool) -> None:
        for target in ("sentinel", "sentinel-arm"):
            made = export(target, content((old, new)))
            (loss,) = made.losses
            assert loss.rule == "one"
            assert loss.clause.startswith(clause)
            assert len(made.files) == (not is_left_out)
            for file in made.files:
                assert faults(FORM[target], read(file.path, file.text)) == []

    @pytest.mark.parametrize(
        ("text", "shown"),
        [("on", "on"), ("'1.10'", "1.10"), ("'yes: no'", "yes: no"), ("'#x'", "#x"), ('"a\\tb"', "a\tb")],
    )
    def test_a_text_is_read_as_it_was(self, text: str, shown: str) -> None:
        (file,) = export("sentinel", content(("name: A rule", f"name: {text}"))).files
        assert read(file.path, file.text)["name"] == shown


class TestResources:
    def test_a_scheduled_rule(self) -> None:
        (file,) = export("sentinel-arm", content(("[T1071]", "[T1071.001]"))).files
        (resource,) = json.loads(file.text)["resources"]
        assert resource["name"] == "00000000-0000-4000-8000-000000000001"
        assert resource["scope"] == "[concat('Microsoft.OperationalInsights/workspaces/', parameters('workspace'))]"
        properties = resource["properties"]
        assert (properties["queryFrequency"], properties["queryPeriod"]) == ("PT1H", "PT4H")
        assert (properties["triggerOperator"], properties["triggerThreshold"]) == ("GreaterThan", 0)
        assert properties["techniques"] == ["T1071"]
        assert properties["description"] == "Says something.\nATT&CK: T1071.001.\n"

    def test_sub_techniques_without_room_for_them_are_told(self) -> None:
        made = export("sentinel-arm", content(("[T1071]", "[T1071.001]"), ("Says something.", "x" * 4990)))
        assert [each.clause for each in made.losses] == ["relevantTechniques T1071.001"]
        assert faults("alert_rule_template", json.loads(made.files[0].text)) == []

    def test_no_text_of_a_rule_is_an_expression(self) -> None:
        made = export("sentinel-arm", content(("name: A rule", "name: '[resourceGroup().id]'")))
        assert json.loads(made.files[0].text)["resources"][0]["properties"]["displayName"] == "[[resourceGroup().id]"
        assert arm.literal({"a": ["[b]", "[c", 1]}) == {"a": ["[[b]", "[c", 1]}


class TestNearRealTime:
    def test_one_event_is_enough(self) -> None:
        made = export("sentinel-nrt", content())
        assert [each.path for each in made.files] == ["one.yaml", "one.json"]
        rule = read("x.yaml", made.files[0].text)
        assert rule["kind"] == "NRT"
        assert not {"queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"} & {*rule}

    @pytest.mark.parametrize(
        ("old", "new", "clause"),
        [
            ("by DeviceName, RemoteIP\n", "by DeviceName, RemoteIP\n  | where Count > 5\n", "where Count > 5"),
            ("triggerThreshold: 0", "triggerThreshold: 3", "triggerOperator gt 3"),
            ("  DeviceNetworkEvents\n", "  union DeviceNetworkEvents, DeviceEvents\n", "several tables"),
            (
                "by DeviceName, RemoteIP\n",
                "by DeviceName, RemoteIP\n  | join (DeviceNetworkEvents | distinct DeviceName) on DeviceName\n",
                "join",
            ),
            ("ago(4h)\n", "ago(4h) and RemoteIP in ((DeviceNetworkEvents | project LocalIP))\n", "a query in a value"),
            ("by DeviceName, RemoteIP\n", "by DeviceName, RemoteIP\n  | top 3 by Count\n", "take or top"),
        ],
    )
    def test_what_needs_more_than_a_minute_is_told(self, old: str, new: str, clause: str) -> None:
        made = export("sentinel-nrt", content((old, new)))
        assert made.files == ()
        assert clause in [each.clause for each in made.losses]


class TestWatchlists:
    entries = (
        Entry(name="=cmd()", why="-1+1", host=("a,b", "10.0.0.0/8"), until=date(2026, 12, 31)),
        Entry(name="ports", why='says "so"', port=(80, 443), remote=("203.0.113.7",)),
    )

    def test_items_are_safe_and_read_back(self) -> None:
        made = export("sentinel-watchlists", Content((), self.entries))
        rows = list(csv.DictReader(StringIO(made.files[0].text)))
        assert [row["Name"] for row in rows] == ["'=cmd()", "ports"]
        assert [row["Why"] for row in rows] == ["'-1+1", 'says "so"']
        assert json.loads(rows[0]["Host"]) == ["a,b", "10.0.0.0/8"]
        assert json.loads(rows[0]["Port"]) == []
        assert (rows[0]["Until"], rows[1]["Until"]) == ("2026-12-31", "")
        assert json.loads(rows[1]["Port"]) == [80, 443]
        assert json.loads(rows[1]["Remote"]) == ["203.0.113.7/32"]
        assert not re.search(r"(?m)^[=+\-@\t]|[\n,][=+\-@]", made.files[0].text)

    def test_the_template_has_the_items_and_their_key(self) -> None:
        made = {each.path: each.text for each in export("sentinel-watchlists", Content((), self.entries)).files}
        properties = json.loads(made["HerdsightTuning.json"])["resources"][0]["properties"]
        assert properties["rawContent"] == made["HerdsightTuning.csv"]
        assert properties["itemsSearchKey"] == properties["rawContent"].split(",")[0] == "Name"

    def test_no_entries_are_told(self, tmp_path: Path) -> None:
        result = call("export", "sentinel-watchlists", "--out", str(tmp_path / "out"))
        assert result.exit_code == 2
        assert "--tuning" in result.stderr
        assert not (tmp_path / "out").exists()

    def test_more_than_a_watchlist_holds_is_told(self) -> None:
        entries = tuple(Entry(name=f"e{number}", why="w" * 1000, port=(80,)) for number in range(4000))
        with pytest.raises(InputError, match=r"3.8 MB"):
            export("sentinel-watchlists", Content((), entries))


class TestHuntingQueries:
    def test_those_of_the_roles_of_the_rules(self) -> None:
        target = next(each for each in CONTENT.rules if each.rule.herdsight.role == "target")
        found = {each.path for each in export("sentinel-hunting", Content((target,))).files}
        assert found == {f"{each.slug}.yaml" for each in hunting_queries() if "target" in each.query.herdsight.roles}
        assert "herdsight" not in read(*next(iter(files("sentinel-hunting").items())))


class TestWorkbook:
    def test_asks_for_the_rules_and_their_tables_alone(self) -> None:
        (file,) = export("sentinel-workbook", content(("name: A rule", "name: 'A \"rule\"'"))).files
        found = [*queries(json.loads(file.text))]
        assert '| where AlertName in ("A \\"rule\\"")' in found[0]
        assert {*re.findall(r"\((\w+) \| summarize", "".join(found))} == {"DeviceNetworkEvents"}


@cache
def read_again() -> Content:
    return replace(CONTENT, rules=tuple(read_rule(each.name, each.text) for each in shipped("rules")))


class TestRegeneration:
    @pytest.mark.parametrize("target", TARGETS)
    def test_twice_is_the_same(self, target: str) -> None:
        assert {each.path: each.text for each in export(target, read_again()).files} == files(target)

    @pytest.mark.parametrize("target", TARGETS)
    def test_a_changed_rule_changes_its_own_files_alone(self, target: str) -> None:
        changed = tuple(
            replace(each, rule=each.rule.model_copy(update={"description": "Another.\n"}))
            if each.slug == "irc-c2"
            else each
            for each in CONTENT.rules
        )
        after = {each.path: each.text for each in export(target, replace(CONTENT, rules=changed)).files}
        before = files(target)
        assert after.keys() == before.keys()
        differ = {path for path in after if after[path] != before[path]}
        assert differ == {path for path in after if Path(path).stem == "irc-c2"}


class TestCommand:
    def test_writes_and_tells_losses(self, tmp_path: Path) -> None:
        words = ("export", "custom-detection", "irc-c2", "inbound-flood", "--out", str(tmp_path))
        result = call(*words)
        assert result.exit_code == 2
        assert "the table CommonSecurityLog" in result.stderr
        assert "--allow-lossy" in result.stderr
        assert list(tmp_path.iterdir()) == []
        assert call(*words, "--allow-lossy").exit_code == 0
        assert (tmp_path / "irc-c2.json").exists()

    def test_a_file_that_was_edited_is_left(self, tmp_path: Path) -> None:
        words = ("export", "sentinel", "irc-c2", "--out", str(tmp_path))
        assert call(*words).exit_code == 0
        (tmp_path / "irc-c2.yaml").write_text("mine\n")
        result = call(*words)
        assert result.exit_code == 2
        assert "irc-c2.yaml" in result.stderr
        assert (tmp_path / "irc-c2.yaml").read_text() == "mine\n"
        assert call(*words, "--force").exit_code == 0
        assert (tmp_path / "irc-c2.yaml").read_text() == files("sentinel")["irc-c2.yaml"]

    def test_a_folder_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("")
        result = call("export", "sentinel-arm", "irc-c2", "--out", str(tmp_path / "out"))
        assert result.exit_code == 2
        assert "out" in result.stderr

    @pytest.mark.parametrize("target", TARGETS)
    def test_the_examples_of_a_target_work(self, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        Path("tuning.yaml").write_text("use: [monitoring-agents]\n")
        lines = call("export", target, "--help").stdout.splitlines()
        examples = [line.split() for line in lines if line.strip().startswith("herdsight export")]
        assert examples
        for words in examples:
            result = call(*words[1:])
            assert result.exit_code == 0, result.stderr

    def test_a_name_too_long_for_the_target_is_told_with_its_file(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(RULE.replace("{Count: Count}", "{ANameOfTwentyOneChars: Count}"))
        result = call("export", "sentinel", "--rules", str(path), "--out", str(tmp_path / "out"))
        assert result.exit_code == 2
        assert "mine.yaml" in result.stderr
        assert "customDetails.ANameOfTwentyOneChars" in result.stderr.replace("\n", "")


def test_two_rules_of_one_name_are_told() -> None:
    with pytest.raises(InputError, match=r"2 files would be 'a\.yaml'"):
        joined((Export((File("a.yaml", "1"),)), Export((File("a.yaml", "2"),))))


@pytest.mark.parametrize(
    ("minutes", "short", "iso"),
    [(5, "5m", "PT5M"), (60, "1h", "PT1H"), (90, "90m", "PT1H30M"), (1440, "1d", "P1D"), (1500, "25h", "P1DT1H")],
)
def test_lengths_of_time(minutes: int, short: str, iso: str) -> None:
    length = timedelta(minutes=minutes)
    assert (durations.short(length), durations.iso8601(length)) == (short, iso)
