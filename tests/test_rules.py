"""Rules: what ships is right in every place that only a run would show, and a wrong rule is refused at its line."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from herdsight import tables
from herdsight.errors import QueryError, RuleError
from herdsight.hunting.leads import parts_of
from herdsight.kql.plan import Relation
from herdsight.querying import compiled, scanned_tables
from herdsight.rules.model import Rule
from herdsight.rules.reading import RuleFile, read_rule, shipped_rules
from herdsight.tables import ColumnType

SHIPPED = shipped_rules()
OF_THE_PAGE = {"beacon-fixed-endpoint", "inbound-flood", "relay-in-then-out"}
CONTENT = Path(__file__).resolve().parents[1] / "content" / "rules"

every_rule = pytest.mark.parametrize("file", SHIPPED, ids=[each.slug for each in SHIPPED])


def plan_of(file: RuleFile) -> Relation:
    return _plan(file.rule.query)


@cache
def _plan(text: str) -> Relation:
    (query,) = compiled(text)
    return query.query.relation


def output_of(file: RuleFile) -> dict[str, ColumnType]:
    """The columns that the rule's query puts out."""
    return {field.name: field.type for field in plan_of(file).fields}


def references_of(rule: Rule) -> list[str]:
    """The columns of the result that the evidence's conditions take their values from."""
    parts = [part for given in rule.herdsight.evidence.where.values() for part in parts_of(given)]
    return [part.removeprefix("$") for part in parts if part.startswith("$")]


# --- what ships -----------------------------------------------------------------------------------------------------


def test_the_three_rules_of_the_page_ship() -> None:
    assert {each.slug for each in SHIPPED} >= OF_THE_PAGE


def test_no_two_rules_share_an_id_or_a_name() -> None:
    assert len({each.rule.id for each in SHIPPED}) == len(SHIPPED)
    assert len({each.rule.name for each in SHIPPED}) == len(SHIPPED)


@every_rule
class TestShipped:
    def test_every_column_that_an_alert_names_is_in_the_result(self, file: RuleFile) -> None:
        rule, columns = file.rule, output_of(file)
        named = [each.columnName for entity in rule.entityMappings for each in entity.fieldMappings]
        assert {*named, *rule.customDetails.values()} <= columns.keys()

    def test_every_column_that_a_finding_names_is_in_the_result(self, file: RuleFile) -> None:
        finding, columns = file.rule.herdsight.finding, output_of(file)
        one = (finding.host, finding.process, finding.account, finding.first, finding.last, finding.strength)
        named = {*one, *finding.entities, *finding.remotes, *finding.ports} - {None}
        assert named <= columns.keys()

    def test_first_and_last_are_times_and_strength_is_a_number(self, file: RuleFile) -> None:
        finding, columns = file.rule.herdsight.finding, output_of(file)
        assert (columns[finding.first], columns[finding.last]) == (ColumnType.DATETIME, ColumnType.DATETIME)
        assert columns[finding.strength] in {ColumnType.INT, ColumnType.LONG, ColumnType.REAL}

    def test_every_column_in_a_reason_is_in_the_result(self, file: RuleFile) -> None:
        named = [name for reason in file.rule.herdsight.reasons for name in re.findall(r"\{(.*?)\}", reason)]
        assert named
        assert set(named) <= output_of(file).keys()

    def test_evidence_names_columns_of_its_table_and_of_the_result(self, file: RuleFile) -> None:
        evidence = file.rule.herdsight.evidence
        declared = {column.name for column in tables.table(evidence.table).columns}
        assert evidence.where.keys() <= declared
        assert set(file.rule.herdsight.wants) <= declared
        assert set(references_of(file.rule)) <= output_of(file).keys()

    def test_evidence_is_in_a_table_that_the_query_reads(self, file: RuleFile) -> None:
        assert file.rule.herdsight.evidence.table in scanned_tables(plan_of(file))

    def test_the_connectors_bring_exactly_the_tables_that_the_query_reads(self, file: RuleFile) -> None:
        brought = {name for connector in file.rule.requiredDataConnectors for name in connector.dataTypes}
        assert brought == set(scanned_tables(plan_of(file)))

    def test_the_query_looks_back_as_far_as_sentinel_lets_it_see(self, file: RuleFile) -> None:
        units = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
        (found,) = re.findall(r"let lookback = (\d+)([mhd]);", file.rule.query)
        assert int(found[0]) * units[found[1]] == file.rule.queryPeriod

    def test_the_query_names_no_column_that_only_advanced_hunting_has(self, file: RuleFile) -> None:
        assert not re.search(r"\bTimestamp\b", file.rule.query)

    def test_it_says_what_it_misses_what_fools_it_and_where_it_rests(self, file: RuleFile) -> None:
        ours = file.rule.herdsight
        assert all((ours.knownGaps, ours.falsePositives, ours.references))
        assert ours.corrections or file.slug not in OF_THE_PAGE

    def test_an_alert_time_stands_in_the_result(self, file: RuleFile) -> None:
        assert output_of(file)["TimeGenerated"] is ColumnType.DATETIME


# --- against the published constraints ------------------------------------------------------------------------------


def faults(value: Any, schema: dict[str, Any], at: str = "rule") -> Iterator[str]:
    """What is wrong with a value, by as much of JSON Schema as the constraints of analytics rules use."""
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        yield f"{at} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is not one of {schema['enum']}"
    if "minimum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        yield f"{at} is out of range"
    if isinstance(value, str):
        yield from _faults_of_text(value, schema, at)
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            yield f"{at} has too many or too few"
        for place, each in enumerate(value):
            yield from faults(each, schema.get("items", {}), f"{at}[{place}]")
    if isinstance(value, dict):
        yield from _faults_of_fields(value, schema, at)


def _faults_of_text(value: str, schema: dict[str, Any], at: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{at} is too long or too short"
    if not re.search(schema.get("pattern", ""), value):
        yield f"{at} is not like {schema['pattern']}"


def _faults_of_fields(value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
    yield from (f"{at} lacks {name}" for name in schema.get("required", ()) if name not in value)
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{at} has too many fields"
    others = schema.get("additionalProperties", {})
    for name, each in value.items():
        yield from faults(name, schema.get("propertyNames", {}), f"{at}: the name {name}")
        known = schema.get("properties", {}).get(name, others)
        if known is False:
            yield f"{at} has the unknown field {name}"
        else:
            yield from faults(each, known, f"{at}.{name}")


@pytest.mark.shared_data
@every_rule
class TestPublishedConstraints:
    @pytest.fixture
    def written(self, file: RuleFile) -> dict[str, Any]:
        """The rule as its YAML says it, without what is ours."""
        tree: dict[str, Any] = YAML(typ="safe").load(CONTENT / file.source)
        del tree["herdsight"]
        return tree

    def test_an_analytics_rule_may_be_so(self, written: dict[str, Any], file: RuleFile, shared_data: Path) -> None:
        schema = json.loads((shared_data / "schemas" / "analytics_rule.schema.json").read_text())
        scheduled = {"required": schema["allOf"][0]["then"]["required"]}
        assert [*faults(written, schema), *faults(written, scheduled)] == []
        assert written.keys() <= schema["properties"].keys()
        assert file.rule.kind == "Scheduled"

    def test_the_check_itself_finds_faults(self, written: dict[str, Any], file: RuleFile, shared_data: Path) -> None:
        schema = json.loads((shared_data / "schemas" / "analytics_rule.schema.json").read_text())
        wrong = {**written, "severity": "Terrible", "triggerThreshold": -1, "tactics": ["Evil"], "name": ""}
        del wrong["query"]
        assert len(list(faults(wrong, schema))) == 5, file.slug

    def test_entities_have_known_types_and_identifiers(
        self, written: dict[str, Any], file: RuleFile, shared_data: Path
    ) -> None:
        known = json.loads((shared_data / "schemas" / "entity_identifiers.json").read_text())
        for entity in written["entityMappings"]:
            given = {each["identifier"] for each in entity["fieldMappings"]}
            allowed = known[entity["entityType"]]
            assert given <= set(allowed["ids"]), file.slug
            assert any(set(needed) <= given for needed in allowed["any_of"]), file.slug


# --- reading --------------------------------------------------------------------------------------------------------

GOOD = """\
id: 00000000-0000-4000-8000-000000000001
name: Anything at all
description: For the tests of reading.
severity: Low
requiredDataConnectors:
  - connectorId: Any
    dataTypes: [DeviceNetworkEvents]
queryFrequency: 1h
queryPeriod: 1d
triggerOperator: gt
triggerThreshold: 0
tactics: [CommandAndControl]
relevantTechniques:
  - T1071
  - T1583.005
query: |
  DeviceNetworkEvents
  | summarize Seen = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by DeviceName
entityMappings:
  - entityType: Host
    fieldMappings:
      - identifier: FullName
        columnName: DeviceName
customDetails:
  Seen: Seen
version: 1.0.0
kind: Scheduled
herdsight:
  role: bot
  confidence: low
  finding:
    entities: [DeviceName]
    host: DeviceName
    first: First
    last: Last
    strength: Seen
  evidence:
    table: DeviceNetworkEvents
    where:
      DeviceName: $DeviceName
  reasons: ["{Seen} connections"]
  falsePositives: [everything]
  knownGaps: [everything else]
"""


def place_of(text: str, piece: str) -> tuple[int, int]:
    """The line and the column at which a piece of the text begins, both from 1."""
    before, found, _ = text.partition(piece)
    assert found, piece
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def refusal(text: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        read_rule("some/rule.yaml", text)
    assert caught.value.place is not None
    assert caught.value.place.source == "some/rule.yaml"
    return caught.value


def assert_refused_at(text: str, piece: str, says: str) -> None:
    error = refusal(text)
    assert error.place is not None
    assert says in error.what
    assert (error.place.line, error.place.column) == place_of(text, piece)


def test_a_good_rule_is_read() -> None:
    file = read_rule("some/anything.yaml", GOOD)
    assert (file.slug, file.source) == ("anything", "some/anything.yaml")
    assert (file.rule.queryFrequency, file.rule.queryPeriod) == (timedelta(hours=1), timedelta(days=1))
    assert file.rule.herdsight.evidence.where == {"DeviceName": "$DeviceName"}
    assert output_of(file) == {
        "DeviceName": ColumnType.STRING,
        "Seen": ColumnType.LONG,
        "First": ColumnType.DATETIME,
        "Last": ColumnType.DATETIME,
    }


@pytest.mark.parametrize(
    "written", [GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, "# a comment\n---\n" + GOOD + "...\n"]
)
def test_line_ends_and_marks_of_other_editors_do_not_matter(written: str) -> None:
    assert read_rule("a.yaml", written).rule == read_rule("a.yaml", GOOD).rule


@pytest.mark.parametrize(
    ("operator", "threshold", "fires_at"),
    [
        ("gt", 0, [1, 2, 3]),
        ("gt", 2, [3]),
        ("lt", 2, [0, 1]),
        ("eq", 2, [2]),
        ("eq", 0, [0]),
        ("ne", 2, [0, 1, 3]),
    ],
)
def test_a_number_of_results_triggers(operator: str, threshold: int, fires_at: list[int]) -> None:
    text = GOOD.replace("Operator: gt", f"Operator: {operator}").replace(
        "triggerThreshold: 0", f"triggerThreshold: {threshold}"
    )
    rule = read_rule("a.yaml", text).rule
    assert [results for results in range(4) if rule.triggers(results)] == fires_at


@pytest.mark.parametrize("written", ["5m", "90m", "12h", "14d"])
def test_a_duration_is_a_number_and_a_unit(written: str) -> None:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    frequency = "1h" if written.endswith("d") else "5m"
    text = GOOD.replace("queryPeriod: 1d", f"queryPeriod: {written}").replace(
        "Frequency: 1h", f"Frequency: {frequency}"
    )
    assert read_rule("a.yaml", text).rule.queryPeriod == timedelta(**{units[written[-1]]: int(written[:-1])})


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("", (1, 1), "a rule is a mapping"),
        ("- a\n- b\n", (1, 1), "a rule is a mapping"),
        ("just words\n", (1, 1), "a rule is a mapping"),
        ("name: a\nid: [1, 2\nkind: b\n", (3, 5), "not YAML"),
        ("name: a\n\t- b\n", (2, 1), "not YAML"),
        ("name: *nobody\n", (1, 7), "not YAML"),
        ("name: a\nname: b\n", (2, 1), "not YAML: found duplicate key"),
        ("name: a\n---\nname: b\n", (2, 1), "not YAML"),
    ],
)
def test_what_is_no_yaml_is_refused_at_its_place(text: str, place: tuple[int, int], says: str) -> None:
    error = refusal(text)
    assert says in error.what
    assert str(error).startswith(f"some/rule.yaml:{place[0]}:{place[1]}: ")


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x07"])
def test_a_character_that_yaml_forbids_is_refused_at_its_place(character: str) -> None:
    text = GOOD.replace("For the tests", f"For{character}the tests")
    assert_refused_at(text, character, "not YAML")


def test_a_text_nested_without_end_is_refused() -> None:
    assert "not YAML" in refusal("name: " + "[" * 2_000).what


@pytest.mark.parametrize(
    ("old", "new", "piece", "says"),
    [
        ("severity: Low", "severity: low", "severity:", "severity: "),
        ("severity: Low", "severity: Low\nserverity: High", "serverity:", "serverity: Extra inputs"),
        ("kind: Scheduled", "kind: NRT", "kind:", "kind: "),
        ("id: 00000000", "id: zzzzzzzz", "id:", "id: "),
        ("name: Anything at all", 'name: ""', "name:", "name: "),
        ("version: 1.0.0", "version: 1.0", "version:", "version: "),
        ("Operator: gt", "Operator: more", "triggerOperator:", "triggerOperator: "),
        ("Threshold: 0", "Threshold: -1", "triggerThreshold:", "triggerThreshold: "),
        ("Threshold: 0", "Threshold: 10001", "triggerThreshold:", "triggerThreshold: "),
        ("Threshold: 0", "Threshold: yes, please", "triggerThreshold:", "triggerThreshold: "),
        ("  - T1071\n", "  - T107\n", "T107\n", "relevantTechniques.0: "),
        ("  - T1583.005", "  - T1583.5", "T1583.5", "relevantTechniques.1: "),
        ("identifier: FullName", "identifer: FullName", "identifer:", "identifier: Field required"),
        ("columnName: DeviceName", "columnName: Device Name", "columnName: Device Name", "columnName: "),
        ("  Seen: Seen", "  Seen: a-b", "Seen: a-b", "customDetails.Seen: "),
        ("  role: bot", "  role: robot", "role: robot", "herdsight.role: "),
        ("  confidence: low", "  confidence: 0.5", "confidence: 0.5", "herdsight.confidence: "),
        ("entities: [DeviceName]", "entities: []", "entities: []", "herdsight.finding.entities: "),
        ("    host: DeviceName", "    host: [a]", "host: [a]", "herdsight.finding.host: "),
        ("      DeviceName: $DeviceName", "      Device-Name: x", "Device-Name: x", "herdsight.evidence.where."),
        ("      DeviceName: $DeviceName", "      DeviceName: 5", "DeviceName: 5", "herdsight.evidence.where."),
        ('  reasons: ["{Seen} connections"]', "  reasons: []", "reasons: []", "herdsight.reasons: "),
    ],
)
def test_a_wrong_field_is_refused_at_its_place(old: str, new: str, piece: str, says: str) -> None:
    assert_refused_at(GOOD.replace(old, new), piece, says)


@pytest.mark.parametrize("given", ["true", "'0'", "0.0"])
def test_a_threshold_that_is_no_whole_number_is_refused(given: str) -> None:
    text = GOOD.replace("triggerThreshold: 0", f"triggerThreshold: {given}")
    assert_refused_at(text, "triggerThreshold:", "triggerThreshold: ")


@pytest.mark.parametrize("given", ["1", "1 h", "1H", "1w", "PT1H", "-1h", "1.5h", "", "[1h]", "4m", "15d", "0h"])
def test_a_bad_duration_is_refused_at_its_place(given: str) -> None:
    text = GOOD.replace("queryFrequency: 1h", f"queryFrequency: {given}")
    assert_refused_at(text, "queryFrequency:", "queryFrequency: ")


def test_a_duration_beyond_all_measure_is_refused() -> None:
    text = GOOD.replace("queryPeriod: 1d", "queryPeriod: 99999999999999999999d")
    assert_refused_at(text, "queryPeriod:", "queryPeriod: ")


@pytest.mark.parametrize(
    ("frequency", "period", "says"),
    [
        ("2h", "1h", "queryFrequency: must not be longer than queryPeriod"),
        ("30m", "2d", "queryFrequency: must be 1h or more where queryPeriod is 2d or more"),
    ],
)
def test_a_schedule_that_sentinel_refuses_is_refused_at_its_place(frequency: str, period: str, says: str) -> None:
    text = GOOD.replace("Frequency: 1h", f"Frequency: {frequency}").replace("Period: 1d", f"Period: {period}")
    assert_refused_at(text, "queryFrequency:", says)


@pytest.mark.parametrize("field", ["severity: Low", "query: |", "kind: Scheduled"])
def test_a_missing_field_is_named(field: str) -> None:
    name, _, _ = field.partition(":")
    error = refusal(GOOD.replace(field, field.replace(name, f"x{name}")))
    assert error.what.startswith((f"{name}: Field required", f"x{name}: "))
    assert "1 more" in error.what


def test_a_field_missing_inside_another_is_shown_at_that_one() -> None:
    assert_refused_at(GOOD.replace("  role: bot\n", ""), "herdsight:", "herdsight.role: Field required")


def test_several_faults_are_counted() -> None:
    text = GOOD.replace("severity: Low", "severity: low").replace("role: bot", "role: robot")
    assert refusal(text).what.endswith("(and 1 more)")


def test_the_query_is_read_by_those_who_know_kql() -> None:
    file = read_rule("a.yaml", GOOD.replace("count()", "coun()"))
    with pytest.raises(QueryError, match="coun"):
        compiled(file.rule.query, file.source)
