"""Export to Sigma: forms held against those written by hand, read by pySigma, passed by `sigma check`, and run."""

import json
import re
import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from herdsight.attack import techniques
from herdsight.cli import main
from herdsight.exporting.model import Content
from herdsight.exporting.sigma.forms import Formed, formed, span_of
from herdsight.exporting.sigma.logs import FOLDER, event
from herdsight.exporting.targets.sigma import export_sigma
from herdsight.rules.reading import RuleFile, shipped_rules

ROOT = Path(__file__).parent.parent
RULES = {each.slug: each for each in shipped_rules()}
MADE = runpy.run_path(str(ROOT / "docs" / "make_sigma.py"))
EXPORT = export_sigma(Content(tuple(RULES.values())))
FILES = {each.path: each.text for each in EXPORT.files}


def changed(slug: str, **fields: Any) -> RuleFile:
    file = RULES[slug]
    return replace(file, rule=file.rule.model_copy(update=fields))


def asking(query: str) -> Formed:
    return formed(changed("spreader", query=query))


def documents(file: RuleFile) -> list[dict[str, Any]]:
    (made,) = export_sigma(Content((file,))).files
    return list(yaml.safe_load_all(made.text))  # as pySigma reads it, by YAML 1.1


def detection(condition: str, table: str = "DeviceNetworkEvents") -> dict[str, Any]:
    """The detection of a condition on one event."""
    chosen = 'where ActionType == "ConnectionSuccess" | ' if table == "DeviceNetworkEvents" else ""
    (only,) = documents(changed("spreader", query=f"{table} | {chosen}where {condition}"))
    return dict(only["detection"])


def lost(found: Formed) -> dict[str, str]:
    return {each.clause: each.lost for each in found.missing}


class TestForms:
    def test_a_spreader_is_a_count_of_values(self) -> None:
        events, count = documents(RULES["spreader"])
        assert events["logsource"] == {"category": "network_connection", "product": "windows"}
        assert events["detection"]["selection"]["Initiated"] == "true"
        assert 445 in events["detection"]["selection"]["DestinationPort"]
        assert count["correlation"] == {
            "type": "value_count",
            "rules": ["spreader_events"],
            "group-by": ["Computer", "Image", "DestinationPort"],
            "timespan": "1h",
            "condition": {"gte": 25, "field": "DestinationIp"},
        }

    def test_a_beacon_is_a_count_of_events(self) -> None:
        events, count = documents(RULES["beacon-fixed-endpoint"])
        clients = next(each["Image|endswith"] for each in events["detection"].values() if "Image|endswith" in each)
        assert "\\svchost.exe" in clients
        assert count["correlation"]["type"] == "event_count"
        assert count["correlation"]["condition"] == {"gte": 12}
        assert count["correlation"]["timespan"] == "1d"

    def test_a_relay_is_a_sequence(self) -> None:
        before, behind, sequence = documents(RULES["relay-in-then-out"])
        assert before["detection"]["selection"] == {"Initiated": "false"}
        assert behind["detection"]["selection"] == {"Initiated": "true"}
        assert "SourceIp|cidr" in before["detection"]["filter_main_1"]
        assert "DestinationIp|cidr" in behind["detection"]["filter_main_1"]
        assert behind["detection"]["filter_main_2"] == {"DestinationPort": [80, 443, 53]}
        assert sequence["correlation"] == {
            "type": "temporal_ordered",
            "rules": ["relay_in_then_out_1", "relay_in_then_out_2"],
            "group-by": ["Computer"],
            "timespan": "5m",
        }

    def test_two_counts_are_chained(self) -> None:
        _, sources, requests, both = documents(RULES["inbound-flood"])
        assert sources["correlation"]["condition"] == {"gt": 50, "field": "src_ip"}
        assert requests["correlation"]["condition"] == {"gt": 500}
        assert both["correlation"]["rules"] == [sources["name"], requests["name"]]
        assert {each["correlation"]["timespan"] for each in (sources, requests, both)} == {"5m"}

    def test_a_list_in_the_query_is_its_keys(self) -> None:
        events = documents(RULES["amplification"])[0]
        assert events["detection"]["selection"]["src_port"][:3] == [17, 19, 53]
        assert {"src_port|fieldref": "dst_port"} in events["detection"].values()

    def test_groups_that_are_grouped_again_are_values_counted(self) -> None:
        query = """ASimNetworkSessionLogs | where TimeGenerated > ago(1h)
            | summarize Some = count(), Sent = sum(DstPortNumber) by DstIpAddr, SrcIpAddr
            | summarize Sources = count(), Sessions = sum(Some) by DstIpAddr
            | where Sources > 9 and Sessions > 99"""
        form = asking(query).form
        assert form is not None
        assert [(each.kind, each.limit, each.field) for each in form.counts] == [
            ("value_count", 9, "src_ip"),
            ("event_count", 99, None),
        ]

    @pytest.mark.parametrize(
        ("measure", "kind", "percentile"),
        [
            ("sum(DstPortNumber)", "value_sum", None),
            ("avg(DstPortNumber)", "value_avg", None),
            ("percentile(DstPortNumber, 90)", "value_percentile", 90),
        ],
    )
    def test_numbers_are_summed(self, measure: str, kind: str, percentile: int | None) -> None:
        query = (
            f"CommonSecurityLog | where TimeGenerated > ago(2h) | summarize N = {measure} by SourceIP | where N >= 7"
        )
        form = asking(query.replace("DstPortNumber", "DestinationPort")).form
        assert form is not None
        (count,) = form.counts
        assert (count.kind, count.field, count.percentile, form.span) == (kind, "dst_port", percentile, "2h")

    def test_the_plan_is_read_and_not_the_text(self) -> None:
        query = """let few = 20 + 5; let t = DeviceNetworkEvents | where TimeGenerated >= ago(60m);
            t | project-rename Far = RemoteIP, Act = ActionType | where Act =~ "ConnectionSuccess"
            | summarize n = dcount(Far) by Host = DeviceName | extend m = n | where few <= m or false
            | project Host, m"""
        renamed = query.replace("few <= m or false", "m >= few")
        form = asking(renamed).form
        assert form is not None
        assert form.by == ("Computer",)
        assert [(each.order, each.limit, each.field) for each in form.counts] == [("gte", 25, "DestinationIp")]
        assert form.span == "1h"

    @pytest.mark.parametrize(
        ("length", "span"), [(86_400, "1d"), (5_400, "90m"), (10, "10s"), (0.5, "1s"), (7 * 86_400, "7d")]
    )
    def test_a_span_is_written_in_its_longest_unit(self, length: float, span: str) -> None:
        assert span_of(int(length * 1_000_000)) == span


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "selection"),
        [
            ("RemotePort == 6667", {"DestinationPort": 6667}),
            ("RemotePort in (1, 2) or RemotePort == 3", {"DestinationPort": [1, 2, 3]}),
            ("RemotePort >= 1024", {"DestinationPort|gte": 1024}),
            ('RemoteUrl contains "evil"', {"DestinationHostname|contains": "evil"}),
            ('RemoteUrl startswith "a*b?"', {"DestinationHostname|startswith": "a\\*b\\?"}),
            ('RemoteUrl matches regex @"^a.b"', {"DestinationHostname|re": "^a.b"}),
            ('InitiatingProcessFileName in~ ("a.exe", "b")', {"Image|endswith": ["\\a.exe", "\\b"]}),
            ('InitiatingProcessAccountName == "no"', {"User": "no"}),
            ("ipv4_is_private(LocalIP)", {"SourceIp|cidr": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]}),
            ("RemotePort == LocalPort", {"DestinationPort|fieldref": "SourcePort"}),
        ],
    )
    def test_what_must_be_is_a_selection(self, condition: str, selection: dict[str, Any]) -> None:
        assert detection(condition) == {"selection": {"Initiated": "true", **selection}, "condition": "selection"}

    def test_what_must_not_be_is_a_filter(self) -> None:
        assert detection('not(RemotePort in (80) or Protocol =~ "Udp")') == {
            "selection": {"Initiated": "true"},
            "filter_main_1": {"DestinationPort": 80},
            "filter_main_2": {"Protocol": "Udp"},
            "condition": "selection and not 1 of filter_main_*",
        }

    def test_a_field_that_is_tested_twice_has_two_selections(self) -> None:
        found = detection('RemoteUrl contains "a" and RemoteUrl contains "b"')
        assert found["selection_2"] == {"DestinationHostname|contains": "b"}
        assert found["condition"] == "selection_1 and selection_2"

    def test_a_direction_is_told_by_addresses(self) -> None:
        found = detection('NetworkDirection == "Inbound"', "ASimNetworkSessionLogs")
        assert "10.0.0.0/8" in found["selection"]["dst_ip|cidr"]
        assert "10.0.0.0/8" in found["filter_main_1"]["src_ip|cidr"]

    @pytest.mark.parametrize(
        "condition",
        ['RemotePort == 80 or RemoteUrl == "a"', "strlen(RemoteUrl) > 9", 'InitiatingProcessFileName has "a"'],
    )
    def test_a_condition_that_narrows_and_cannot_be_said_leaves_no_rule(self, condition: str) -> None:
        found = asking(f'DeviceNetworkEvents | where ActionType == "ConnectionSuccess" | where {condition}')
        assert found.form is None
        assert "alerts on ordinary events; the rule is left out" in found.missing[-1].lost

    def test_rows_of_a_table_that_sigma_has_no_log_for(self) -> None:
        found = asking("DeviceNetworkEvents | where RemotePort == 1")
        assert lost(found)["the table DeviceNetworkEvents"].startswith("Sigma has no log")


class TestLosses:
    def test_a_relay_loses_its_count_and_that_the_addresses_differ(self) -> None:
        assert {"InboundIP != OutboundIP", "RelayedConnections >= 3", "by InitiatingProcessFileName"} <= lost(
            formed(RULES["relay-in-then-out"])
        ).keys()

    def test_a_range_loses_its_upper_end(self) -> None:
        query = "CommonSecurityLog | where TimeGenerated > ago(1h) | summarize N = count() by SourceIP"
        found = asking(f"{query} | where N > 5 and N <= 50")
        assert found.form is not None
        assert [each.limit for each in found.form.counts] == [5]
        assert "none from above" in lost(found)["N <= 50"]

    def test_a_bin_is_no_sliding_window(self) -> None:
        assert "by Window = bin(TimeGenerated, 5m)" in lost(formed(RULES["syn-flood"]))

    @pytest.mark.parametrize(
        "slug", ["beacon-regular", "relay-bytes", "indicator-address", "dga-names", "unusual-port"]
    )
    def test_a_rule_without_a_form_has_no_file_and_says_so(self, slug: str) -> None:
        export = export_sigma(Content((RULES[slug],)))
        assert not export.files
        assert export.losses[-1].lost.endswith("the rule is left out")

    def test_a_computed_key_without_which_the_count_is_another(self) -> None:
        found = asking(
            "CommonSecurityLog | where TimeGenerated > ago(1h) "
            "| summarize N = count() by DestinationIP, K = strlen(SourceIP) | where N > 5"
        )
        assert found.form is None
        assert "would count something else" in found.missing[-1].lost


class TestDocuments:
    def test_are_the_same_bytes_again_and_change_with_their_rule_alone(self) -> None:
        rules = [changed("spreader", name="Another") if each == "spreader" else RULES[each] for each in RULES]
        again = {each.path: each.text for each in export_sigma(Content(tuple(rules))).files}
        assert {path for path, text in again.items() if text != FILES[path]} == {"correlation_spreader.yml"}
        assert again.keys() == FILES.keys()

    def test_say_what_the_rule_says(self) -> None:
        rule = RULES["inbound-flood"].rule
        *_, document = documents(RULES["inbound-flood"])
        assert document["level"] == rule.severity.lower()
        assert document["falsepositives"] == list(rule.herdsight.falsePositives)
        assert document["description"] == rule.description.strip()
        assert {"attack.t1583.005", "attack.resource-development", "attack.impact"} <= {*document["tags"]}
        assert not [each for each in document.get("references", ()) if "attack.mitre.org" in each]

    def test_have_the_date_of_the_rule_or_none(self) -> None:
        own = RULES["irc-c2"].rule.herdsight
        assert documents(RULES["irc-c2"])[0]["date"] == str(own.written)
        undated = changed("irc-c2", herdsight=own.model_copy(update={"written": None}))
        assert "date" not in documents(undated)[0]

    def test_have_ids_of_their_own_that_do_not_depend_on_words(self) -> None:
        ids = [each["id"] for text in FILES.values() for each in yaml.safe_load_all(text)]
        assert len(set(ids)) == len(ids)
        renamed = documents(changed("spreader", name="Another"))
        assert [each["id"] for each in renamed] == [each["id"] for each in documents(RULES["spreader"])]

    def test_a_word_that_yaml_takes_for_something_else_stays_text(self) -> None:
        assert detection('InitiatingProcessAccountName in ("yes", "1e3", "null", "0x1F")')["selection"]["User"] == [
            *("yes", "1e3", "null", "0x1F")
        ]


class TestCommand:
    def test_tells_each_loss_and_writes_nothing(self, tmp_path: Path) -> None:
        result = CliRunner().invoke(main, ["export", "sigma", "--out", str(tmp_path / "out"), "spreader"])
        assert result.exit_code == 2
        assert "ConnectionFailed" in result.stderr
        assert "--allow-lossy" in result.stderr
        assert not (tmp_path / "out").exists()

    def test_goes_on_where_it_may(self, tmp_path: Path) -> None:
        words = ["export", "sigma", "--out", str(tmp_path / "out"), "--allow-lossy", "spreader", "dga-names"]
        assert CliRunner().invoke(main, words).exit_code == 0
        assert [each.name for each in (tmp_path / "out").glob("*.yml")] == ["correlation_spreader.yml"]


class TestEvents:
    def test_a_connection(self) -> None:
        row = {"ActionType": "ConnectionSuccess", "RemoteIP": "192.0.2.1", "InitiatingProcessFileName": "a.exe"}
        assert event("DeviceNetworkEvents", row) == {
            "Initiated": "true",
            "DestinationIp": "192.0.2.1",
            "Image": FOLDER + "a.exe",
        }
        inbound = event("DeviceNetworkEvents", {**row, "ActionType": "InboundConnectionAccepted"})
        assert inbound is not None
        assert inbound["SourceIp"] == "192.0.2.1"

    def test_what_the_log_does_not_have(self) -> None:
        assert event("DeviceNetworkEvents", {"ActionType": "ConnectionFailed", "RemoteIP": "192.0.2.1"}) is None
        assert event("SecurityAlert", {}) is None


# The fields of Sysmon's event 3. SigmaHQ's checkers fetch such lists from the network.
_NETWORK = """Channel Computer DestinationHostname DestinationIp DestinationIsIpv6 DestinationPort DestinationPortName
    EventID Image Initiated ProcessGuid ProcessId Protocol Provider_Name SourceHostname SourceIp SourceIsIpv6 SourcePort
    SourcePortName User"""


def _source(product: str | None, category: str | None, service: str | None) -> dict[str, str | None]:
    return {"product": product, "category": category, "service": service}


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[None]:
    """The data that the checkers would fetch from the network: our own list of techniques, and the log sources."""
    pytest.importorskip("sigma", reason="pySigma is not installed")
    from sigma.data import mitre_attack, mitre_d3fend
    from sigma.validators.sigmahq.data import data_filename, data_taxonomy, data_windows_eventid, data_windows_provider

    connection, firewall = _source("windows", "network_connection", None), _source(None, "firewall", None)
    prefixes = {"net_connection_win_": connection, "net_firewall_": firewall}
    fields = {"native": _NETWORK.split(), "redundant": ["Channel", "EventID"]}
    given: tuple[tuple[Any, dict[str, Any]], ...] = (
        (mitre_attack, {"objects": list(_attack())}),
        (mitre_d3fend, {"@graph": []}),
        (
            data_taxonomy,
            {
                "taxonomy": {
                    "a": {"logsource": connection, "field": fields},
                    "b": {"logsource": firewall},
                    "c": {"logsource": _source("windows", None, "security")},
                }
            },
        ),
        (data_filename, {"pattern": {name: {"logsource": each, "prefix": name} for name, each in prefixes.items()}}),
        (data_windows_eventid, {}),
        (data_windows_provider, {}),
    )
    for place, (module, data) in enumerate(given):
        file = tmp_path / f"{place}.json"
        file.write_text(json.dumps(data))
        module.set_cache_dir(str(tmp_path / f"cache-{place}"))
        module.set_url(str(file))
    yield
    for module, _ in given:
        module.set_cache_dir(str(tmp_path / "gone"))


def _attack() -> Iterator[dict[str, Any]]:
    known = techniques().values()
    dashed = {tactic: re.sub(r"(?<=[a-z])(?=[A-Z])", "-", tactic).lower() for each in known for tactic in each.tactics}
    for number, name in enumerate(dashed.values()):
        yield {"type": "x-mitre-tactic", "x_mitre_shortname": name, "external_references": _reference(f"TA{number:04}")}
    for each in known:
        phases = [{"kill_chain_name": "mitre-attack", "phase_name": dashed[tactic]} for tactic in each.tactics]
        yield {
            "type": "attack-pattern",
            "name": each.name,
            "external_references": _reference(each.id),
            "kill_chain_phases": phases,
        }


def _reference(name: str) -> list[dict[str, str]]:
    return [{"source_name": "mitre-attack", "external_id": name}]


class TestPySigma:
    @pytest.mark.parametrize("path", FILES)
    def test_reads_every_file(self, path: str) -> None:
        collection = pytest.importorskip("sigma.collection", reason="pySigma is not installed")
        read = collection.SigmaCollection.from_yaml(FILES[path])
        assert not read.errors
        assert len(read.rules) == len(list(yaml.safe_load_all(FILES[path])))

    def test_takes_no_text_for_a_pattern(self) -> None:
        types = pytest.importorskip("sigma.types", reason="pySigma is not installed")
        for value in ("a*b", "a?b", "a\\*b", "a\\b", "\\\\host\\share"):
            quoted = json.dumps(value)
            written = detection(f"RemoteUrl == {quoted}")["selection"]["DestinationHostname"]
            read = types.SigmaString(written)
            assert not read.contains_special()
            assert list(read.s) == [value]

    @pytest.mark.usefixtures("offline")
    def test_sigma_check_finds_nothing(self, tmp_path: Path) -> None:
        command = pytest.importorskip("sigma.cli.check", reason="sigma-cli is not installed")
        folder = tmp_path / "rules"
        folder.mkdir()
        for path, text in FILES.items():
            (folder / path).write_text(text)
        result = CliRunner().invoke(command.check, ["--fail-on-error", "--fail-on-issues", str(folder)])
        assert result.exit_code == 0, result.output
        assert "No rule errors found" in " ".join(result.output.split())


class TestPage:
    @pytest.mark.parametrize("backend", [each for each in MADE["BACKENDS"] if each.run], ids=lambda each: each.name)
    def test_has_what_each_engine_makes_of_the_cases(self, backend: Any) -> None:
        if not MADE["is_there"](backend):
            pytest.skip(f"{backend.name} is not installed: make sigma")
        page = MADE["PAGE"].read_text(encoding="utf-8")
        assert MADE["engine"](backend) in page, "run: make sigma"

    def test_has_what_is_lost(self) -> None:
        page = MADE["PAGE"].read_text(encoding="utf-8")
        assert "\n".join(MADE["_losses"]()) in page, "run: make sigma"
