"""Guidance: every query of it runs, every reference in it leads somewhere, and its pages are those of the content."""

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

import herdsight
from herdsight.attack import techniques
from herdsight.cli import main
from herdsight.errors import HerdsightError, InputError
from herdsight.exporting.exporting import export_rules, target_of
from herdsight.exporting.model import Content, RuleTarget
from herdsight.exporting.targets.navigator import layer
from herdsight.findings.model import Finding, Hunt, Role
from herdsight.guidance.atomics import AtomicTest, atomics
from herdsight.guidance.model import ENTITIES, Question
from herdsight.guidance.reading import HuntingFile, hunting_queries, playbooks, questions, questions_of, read_hunting
from herdsight.guidance.related import companions, related, tables_of
from herdsight.investigating import asked_of, entities, explain
from herdsight.proving.logs import write_case
from herdsight.querying import compiled
from herdsight.rules.cases import Case
from herdsight.rules.reading import RuleFile, shipped_rules
from herdsight.tables import DECLARED, NAMES

ROOT = Path(__file__).parent.parent
GIVEN = {
    "host": "ws07.corp.example",
    "process": "updater.exe",
    "account": "user07",
    "remotes": '["203.0.113.7"]',
    "ports": "[4782]",
    "domains": '["c2.example.test"]',
    "began": "2026-03-12T00:00:00Z",
    "ended": "2026-03-12T23:00:00Z",
}


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="herdsight")


class TestHunting:
    @pytest.mark.parametrize(
        ("query", "case"),
        [
            pytest.param(file, case, id=f"{file.slug}: {case.name}")
            for file in hunting_queries()
            for case in (*file.query.herdsight.cases.hits, *file.query.herdsight.cases.misses)
        ],
    )
    def test_finds_what_its_case_says(self, tmp_path: Path, query: HuntingFile, case: Case) -> None:
        files = write_case(case, query.query.herdsight.cases.base, tmp_path)
        rows = herdsight.query(query.query.query, files, tables=[(each.stem, each.name) for each in files]).to_pylist()
        assert len(rows) == len(case.finds)
        for wanted in case.finds:
            assert any(wanted.items() <= row.items() for row in rows), rows

    @pytest.mark.parametrize("file", hunting_queries(), ids=lambda each: str(each.slug))
    def test_has_proof_both_ways_and_the_fields_of_sentinel(self, file: HuntingFile) -> None:
        query = file.query
        assert query.herdsight.cases.hits
        assert len(query.herdsight.cases.misses) >= 2
        assert all(not each.finds for each in query.herdsight.cases.misses)
        assert set(query.relevantTechniques) <= set(techniques())
        for name in query.relevantTechniques:
            assert set(techniques()[name].tactics) & set(query.tactics), f"{name} needs its tactic"
        assert {name for each in query.requiredDataConnectors for name in each.dataTypes} <= set(NAMES)

    @pytest.mark.parametrize("file", hunting_queries(), ids=lambda each: str(each.slug))
    def test_names_columns_that_it_puts_out(self, tmp_path: Path, file: HuntingFile) -> None:
        case = file.query.herdsight.cases.hits[0]
        files = write_case(case, file.query.herdsight.cases.base, tmp_path)
        found = herdsight.query(file.query.query, files, tables=[(each.stem, each.name) for each in files])
        named = {part.columnName for each in file.query.entityMappings for part in each.fieldMappings}
        assert named <= set(found.column_names)

    def test_no_two_have_one_id(self) -> None:
        ids = [each.query.id for each in hunting_queries()] + [each.rule.id for each in shipped_rules()]
        assert len(ids) == len(set(ids))

    def test_what_is_wrong_is_said_with_its_place(self) -> None:
        with pytest.raises(InputError, match="id: UUID input should be") as raised:
            read_hunting("mine.yaml", "id: 1\nseverity: High\n")
        assert raised.value.place is not None
        assert raised.value.place.source == "mine.yaml"

    @pytest.mark.parametrize(
        ("slug", "behaviour"),
        [("calls-to-the-dead", "beacon"), ("same-size-calls", "beacon"), ("bytes-that-agree", "relay")],
    )
    def test_finds_what_it_hunts_in_an_office_and_leaves_the_office_alone(
        self, tmp_path: Path, slug: str, behaviour: str
    ) -> None:
        made: dict[str, dict[str, object]] = {
            "calls-to-the-dead": {"failing": 1.0},
            "same-size-calls": {"task_share": 0.0},
            "bytes-that-agree": {"sessions": 600, "host": "10.20.1.99"},
        }
        (file,) = (each for each in hunting_queries() if each.slug == slug)
        out = tmp_path / "logs"
        herdsight.simulate(behaviour, out, forms=("zeek",), seed=3, background=10, days=1, **made[slug])
        malicious = {each["host"] for each in YAML(typ="safe").load(out / "truth.yaml")["malicious"]}
        found = {row["Host"] for row in herdsight.query(file.query.query, out / "logs").to_pylist()}
        assert found
        assert found <= malicious


class TestQuestions:
    @pytest.mark.parametrize("question", questions(), ids=lambda each: str(each.name))
    def test_runs_from_a_file_with_its_parameters(self, tmp_path: Path, question: Question) -> None:
        file, log = tmp_path / "question.kql", tmp_path / "events.csv"
        file.write_text(question.kql, encoding="utf-8")
        log.write_text(
            "Timestamp,DeviceName,ActionType,RemoteIP,RemotePort,Protocol,LocalIP,LocalPort,RemoteIPType\n"
            "2026-03-12T10:00:00Z,ws07.corp.example,ConnectionSuccess,203.0.113.7,4782,Tcp,10.0.0.5,50001,Public\n"
        )
        words = [word for name in question.entities for word in ("--parameter", f"{name}={GIVEN[name]}")]
        result = call("query", str(file), str(log), *words, "--format", "json")
        assert result.exit_code == 0, result.output

    @pytest.mark.parametrize("question", questions(), ids=lambda each: str(each.name))
    def test_uses_each_entity_that_it_names(self, question: Question) -> None:
        for name in ENTITIES:
            assert (name in question.entities) == bool(re.search(rf"\b{name}\b", question.query)), name

    def test_every_role_is_asked_about_and_no_name_is_used_twice(self) -> None:
        names = [each.name for each in questions()]
        assert len(names) == len(set(names))
        assert all(len(questions_of(role)) >= 8 for role in Role)

    @pytest.mark.parametrize("question", questions(), ids=lambda each: str(each.name))
    def test_reads_tables_that_are_declared(self, question: Question) -> None:
        assert set(re.findall(r"\b(?:Device\w+Events|ASim\w+Logs|CommonSecurityLog)\b", question.query)) <= set(
            DECLARED
        )


class TestPlaybooks:
    def test_each_role_has_one(self) -> None:
        assert set(playbooks()) == set(Role)

    def test_every_question_is_one_for_the_role_and_none_is_left_out(self) -> None:
        asked = {
            (role, name)
            for role, playbook in playbooks().items()
            for steps in playbook.phases.values()
            for step in steps
            for name in step.ask
        }
        assert asked <= {(role, each.name) for each in questions() for role in each.roles}
        assert {name for _, name in asked} == {each.name for each in questions()}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day of `make demo`."""
    folder = tmp_path_factory.mktemp("demo")
    day = [sys.executable, "-m", "herdsight.simulation.day", str(folder), "--seed", "1"]
    subprocess.run(day, check=True, capture_output=True)  # noqa: S603 - our own module
    return folder / "logs"


@pytest.fixture(scope="module")
def hunt(demo: Path) -> Hunt:
    return herdsight.hunt(demo)


class TestExplain:
    def test_a_newcomer_gets_through_the_guide_for_one_finding_of_each_role(self, demo: Path, hunt: Hunt) -> None:
        firsts = {each.role: each for each in reversed(hunt.findings)}
        assert set(firsts) == {Role.BOT, Role.RELAY, Role.TARGET}
        for finding in firsts.values():
            explained = herdsight.explain(finding.id, hunt, demo)
            assert [each.name for each in explained.questions] == [
                "rows",
                *(each.name for each in questions_of(finding.role)),
            ]
            rows = {each.name: each.rows for each in explained.questions}
            assert rows["rows"] == finding.count
            assert rows["which-machine"]
            assert all((each.rows is None) == bool(each.lacks) for each in explained.questions)

    def test_every_query_for_every_finding_compiles_as_it_is_printed(self, hunt: Hunt) -> None:
        for finding in hunt.findings:
            for each in asked_of(finding):
                if each.query:
                    assert compiled(each.query)

    def test_tells_the_program_and_the_pairs(self, demo: Path, hunt: Hunt) -> None:
        answers = _answers(hunt, demo, Role.BOT, "beacon-fixed-endpoint")
        assert answers["which-process"][0]["InitiatingProcessFileName"] == "updater.exe"
        pairs = _answers(hunt, demo, Role.RELAY, "relay-bytes")["pairs-of-sessions"]
        assert pairs
        assert all(abs(int(str(row["InBytes"])) - int(str(row["OutBytes"]))) < 2000 for row in pairs)

    def test_who_came_with_the_flood_is_not_known_from_its_first_minutes(self, demo: Path, hunt: Hunt) -> None:
        """The day's flood begins five minutes before those that the analytic tells of; nearly all that come are new."""
        known = {bool(row["Known"]): row for row in _answers(hunt, demo, Role.TARGET, "flood")["who-came-before"]}
        assert int(str(known[False]["Sources"])) > 10 * int(str(known[True]["Sources"]))

    def test_without_logs_it_prints_queries_to_paste_and_the_rows_that_it_has(self, hunt: Hunt) -> None:
        finding = hunt.findings[0]
        explained = explain(finding.id[:5], hunt)
        first, *others = explained.questions
        assert (first.rows, first.answer) == (finding.count, finding.evidence.rows)
        assert all(each.rows is None for each in others)
        assert any(f'let host = "{finding.host}";' in (each.query or "") for each in others)

    def test_the_page_has_reasons_queries_answers_and_what_to_do(
        self, tmp_path: Path, demo: Path, hunt: Hunt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "140")
        file = tmp_path / "hunt.json"
        file.write_text(hunt.model_dump_json(by_alias=True))
        finding = next(each for each in hunt.findings if each.role is Role.RELAY)
        result = call("explain", finding.id, str(file), str(demo))
        assert result.exit_code == 0, result.output
        for words in (finding.reasons[0], "let host = ", "1. Which rows are behind it?", "What to do: ", "eradicate"):
            assert words in result.stdout
        filled_in = [each.query for each in explain(finding.id, hunt).questions if each.query]
        for line in "".join(filled_in).splitlines():
            assert line in result.stdout  # whole, however wide the page is: it is there to be copied
        record = json.loads(call("explain", finding.id, str(file), "--format", "json").stdout)
        assert (record["schema"], record["finding"]["id"]) == (1, finding.id)

    def test_a_finding_that_is_not_there(self, hunt: Hunt) -> None:
        with pytest.raises(InputError, match="there is no finding 'nothing'"):
            explain("nothing", hunt)
        with pytest.raises(InputError, match="several findings begin with 'F'"):
            explain("F", hunt)

    def test_hostile_names_stay_text(self, hunt: Hunt) -> None:
        hostile = hunt.findings[0].model_copy(
            update={"host": 'a"; DeviceNetworkEvents | take 1 //\n', "domains": ('b"]); print 1 //',)}
        )
        for each in asked_of(hostile):
            if each.query:
                (one,) = compiled(each.query)
                assert one.query.relation.fields
        assert entities(hostile)["domains"] == ('b"]); print 1 //',)

    @pytest.mark.parametrize("condition", ["true\n\nprint 1", "true; print 1", "nonsense ("])
    def test_a_filter_that_is_none_is_an_error_and_no_crash(self, tmp_path: Path, hunt: Hunt, condition: str) -> None:
        (tmp_path / "events.csv").write_text(
            "Timestamp,DeviceName,ActionType,RemoteIP,RemotePort,Protocol,LocalIP,LocalPort,RemoteIPType\n"
            "2026-03-12T10:00:00Z,desk-1,ConnectionSuccess,203.0.113.7,4782,Tcp,10.0.0.5,50001,Public\n"
        )
        first = hunt.findings[0]
        evidence = first.evidence.model_copy(update={"filter": condition})
        broken = hunt.model_copy(update={"findings": (first.model_copy(update={"evidence": evidence}),)})
        with pytest.raises(HerdsightError):
            explain(first.id, broken, [tmp_path / "events.csv"])


def _answers(hunt: Hunt, demo: Path, role: Role, detection: str) -> dict[str, tuple[dict[str, object], ...]]:
    finding: Finding = next(each for each in hunt.findings if each.role is role and each.detection == detection)
    return {each.name: each.answer for each in explain(finding.id, hunt, [demo]).questions}


# The form of the project's own validator, written down from its description.
ATOMICS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["attack_technique", "display_name", "atomic_tests"],
    "properties": {
        "attack_technique": {"type": "string", "pattern": r"^T\d{4}(\.\d{3})?$"},
        "display_name": {"type": "string", "minLength": 5},
        "atomic_tests": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/test"}},
    },
    "$defs": {
        "shell": {"enum": ["powershell", "sh", "bash", "command_prompt"]},
        "words": {"type": "string", "minLength": 1},
        "test": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "description", "supported_platforms", "executor"],
            "properties": {
                "name": {"$ref": "#/$defs/words"},
                "description": {"$ref": "#/$defs/words"},
                "auto_generated_guid": {"type": "string", "pattern": "^[0-9a-f-]{36}$"},
                "supported_platforms": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"enum": ["windows", "macos", "linux", "containers", "esxi"]},
                },
                "input_arguments": {
                    "type": "object",
                    "propertyNames": {"pattern": r"^[\w-]{2,}$"},
                    "additionalProperties": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["description", "type", "default"],
                        "properties": {
                            "description": {"$ref": "#/$defs/words"},
                            "type": {"enum": ["url", "string", "float", "integer", "path"]},
                            "default": {"type": ["string", "number"]},
                        },
                    },
                },
                "dependency_executor_name": {"$ref": "#/$defs/shell"},
                "dependencies": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["description", "prereq_command"],
                        "properties": {
                            "description": {"$ref": "#/$defs/words"},
                            "prereq_command": {"$ref": "#/$defs/words"},
                            "get_prereq_command": {"type": "string"},
                        },
                    },
                },
                "executor": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["name", "command"],
                    "properties": {
                        "name": {"$ref": "#/$defs/shell"},
                        "command": {"$ref": "#/$defs/words"},
                        "cleanup_command": {"type": "string"},
                        "elevation_required": {"type": "boolean"},
                    },
                },
            },
            "dependentRequired": {"dependency_executor_name": ["dependencies"]},
        },
    },
}
TESTS = [test for file in atomics() for test in file.atomics.atomic_tests]
REPLAYED = [test for test in TESTS if test.name.endswith("replayed")]


def shell(test: AtomicTest, command: str, **values: object) -> "subprocess.CompletedProcess[str]":
    """Run a command of a test, with our own herdsight in the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(  # noqa: S603 - our own text
        [str(test.executor.name), "-c", test.filled(command, values)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


class TestAtomics:
    def test_the_files_have_the_form(self) -> None:
        for file in atomics():
            jsonschema.validate(YAML(typ="safe").load(file.text), ATOMICS)

    def test_arguments_that_are_not_used_or_not_defined_are_errors(self) -> None:
        given = TESTS[0].model_dump()
        with pytest.raises(ValueError, match="no command uses the argument 'extra'"):
            AtomicTest.model_validate(
                given | {"input_arguments": given["input_arguments"] | {"extra": {**given["input_arguments"]["seed"]}}}
            )
        with pytest.raises(ValueError, match="which is no argument"):
            AtomicTest.model_validate(given | {"input_arguments": {}})

    def test_no_two_have_one_id_or_name(self) -> None:
        assert len({each.auto_generated_guid for each in TESTS}) == len({each.name for each in TESTS}) == len(TESTS)

    @pytest.mark.parametrize("test", TESTS, ids=lambda each: str(each.name))
    def test_every_command_is_one_of_its_shell(self, test: AtomicTest) -> None:
        for text in test.texts():
            checked = [str(test.executor.name), "-n", "-c", test.filled(text)]
            assert subprocess.run(checked, check=False, capture_output=True).returncode == 0, text  # noqa: S603 - our own text

    @pytest.mark.parametrize("test", REPLAYED, ids=lambda each: str(each.name))
    def test_what_is_replayed_is_found_and_cleaned_up(self, tmp_path: Path, test: AtomicTest) -> None:
        folder = tmp_path / "atomic"
        done = shell(test, test.executor.command, folder=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert shell(test, test.executor.cleanup_command or "", folder=folder).returncode == 0
        assert not folder.exists()

    def test_what_is_replayed_fails_where_nothing_is_to_be_found(self, tmp_path: Path) -> None:
        (test,) = (each for each in REPLAYED if "destinations" in each.input_arguments)
        assert shell(test, test.executor.command, folder=tmp_path / "few", destinations=3).returncode != 0

    def test_the_wire_is_used_as_it_says(self) -> None:
        """On loopback, where a closed port refuses at once."""
        (beacon,) = (each for each in TESTS if each.name.startswith("Beacon to a host"))
        done = shell(beacon, beacon.executor.command, remote="127.0.0.1", port=9, attempts=3, gap_s=0)
        assert [line.split()[:2] for line in done.stdout.splitlines()] == [["call", "1"], ["call", "2"], ["call", "3"]]

    def test_a_beacon_on_the_wire_is_one_that_the_rule_finds(self, tmp_path: Path) -> None:
        """The events that its default values make, at the pace that they say."""
        (test,) = (each for each in TESTS if each.name.startswith("Beacon to a host"))
        values = {name: each.default for name, each in test.input_arguments.items()}
        gap, attempts = int(values["gap_s"]), int(values["attempts"])
        lines = [
            f"2026-03-12T10:{number * gap // 60:02d}:{number * gap % 60:02d}Z,desk-1,ConnectionSuccess,198.18.7.7,"
            f"{values['port']},Tcp,10.0.0.5,{50000 + number},Public,bash"
            for number in range(attempts)
        ]
        head = "Timestamp,DeviceName,ActionType,RemoteIP,RemotePort,Protocol,LocalIP,LocalPort,RemoteIPType"
        (tmp_path / "events.csv").write_text("\n".join([f"{head},InitiatingProcessFileName", *lines]) + "\n")
        found = {each.detection for each in herdsight.hunt(tmp_path, level="high").findings}
        assert {"beacon-fixed-endpoint", "beacon-regular"} <= found


def rule_target(name: str) -> RuleTarget:
    found = target_of(name)
    assert isinstance(found, RuleTarget)
    return found


class TestExports:
    def test_atomics_are_laid_out_as_the_project_has_them(self, tmp_path: Path) -> None:
        done = export_rules(rule_target("atomics"), Content(shipped_rules()), tmp_path)
        assert [each.path for each in done.files] == ["atomics/T1583.005/T1583.005.yaml"]
        assert (tmp_path / "atomics/T1583.005/T1583.005.yaml").read_text() == atomics()[0].text

    def test_a_rule_without_tests_of_its_techniques_has_none(self) -> None:
        others = [each for each in shipped_rules() if "T1583.005" not in each.rule.relevantTechniques]
        assert others
        assert not rule_target("atomics").export(Content(others)).files

    def test_the_layer_has_the_form_of_the_navigator(self) -> None:
        made = layer(shipped_rules())
        jsonschema.validate(made, LAYER)
        text = rule_target("navigator").export(Content(shipped_rules())).files[0].text
        assert json.loads(text) == made

    def test_the_layer_counts_what_tells_of_a_technique(self) -> None:
        (rule,) = (each for each in shipped_rules() if each.slug == "dga-names")
        made: Any = layer([rule])["techniques"]
        by_name = {each["techniqueID"]: each for each in made}
        assert by_name["T1568.002"]["comment"] == "rule dga-names, analytic dga"
        assert by_name["T1568.002"]["score"] == 2
        assert all("analytic beacon" not in each["comment"] for each in made)


# Layer format 4.5, as far as it is used here.
LAYER: dict[str, Any] = {
    "type": "object",
    "required": ["name", "versions", "domain", "techniques"],
    "properties": {
        "name": {"type": "string"},
        "description": {"type": "string"},
        "domain": {"enum": ["enterprise-attack", "mobile-attack", "ics-attack"]},
        "sorting": {"enum": [0, 1, 2, 3]},
        "versions": {
            "type": "object",
            "required": ["layer"],
            "additionalProperties": False,
            "properties": {"attack": {"type": "string"}, "navigator": {"type": "string"}, "layer": {"const": "4.5"}},
        },
        "gradient": {
            "type": "object",
            "required": ["colors", "minValue", "maxValue"],
            "properties": {"colors": {"type": "array", "minItems": 2, "items": {"pattern": "^#[0-9a-f]{6}$"}}},
        },
        "techniques": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["techniqueID"],
                "additionalProperties": False,
                "properties": {
                    "techniqueID": {"type": "string", "pattern": r"^T\d{4}(\.\d{3})?$"},
                    "score": {"type": "number"},
                    "comment": {"type": "string"},
                    "enabled": {"type": "boolean"},
                    "showSubtechniques": {"type": "boolean"},
                },
            },
        },
    },
    "additionalProperties": False,
}


class TestRelated:
    def test_two_rules_of_a_role_and_a_technique_are_related_both_ways(self) -> None:
        rules = {each.slug: each for each in shipped_rules()}
        found = {each.file.slug: each.shared for each in related(rules["dga-names"], shipped_rules())}
        assert found["nxdomain-burst"] == ("T1071.004", "T1568.002", "ASimDnsActivityLogs")
        assert "dga-names" in {each.file.slug for each in related(rules["nxdomain-burst"], shipped_rules())}
        assert "dga-names" not in found
        assert "inbound-flood" not in found

    def test_a_rules_page_names_what_belongs_to_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "200")
        shown = call("rules", "show", "relay-bytes").stdout
        (file,) = (each for each in shipped_rules() if each.slug == "relay-bytes")
        found = companions(file)
        for words in (
            found.playbook.triage[0].what,
            found.playbook.never[0],
            found.questions[0].question,
            f"bytes-that-agree: {found.hunting[0].query.name}",
            "relay-windowed: T1090.003, T1584.008",
        ):
            assert words in shown

    @pytest.mark.parametrize("file", shipped_rules(), ids=lambda each: str(each.slug))
    def test_the_tables_of_a_rule_are_declared(self, file: RuleFile) -> None:
        assert set(tables_of(file.rule)) <= set(DECLARED)


MADE = runpy.run_path(str(ROOT / "docs" / "make_guidance.py"))


@pytest.mark.parametrize("name", MADE["PAGES"])
def test_a_page_is_up_to_date(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == MADE["PAGES"][name](), "run: make docs"


def headings(text: str) -> Iterator[str]:
    """The anchors of a page's headings."""
    return (each.lower().replace(" ", "-") for each in re.findall(r"^#+ (.+)$", text, re.MULTILINE))


def test_every_link_between_the_pages_leads_somewhere() -> None:
    linked = set(re.findall(r"\(investigation\.md#([\w-]+)\)", MADE["response"]()))
    assert linked
    assert linked <= set(headings(MADE["investigation"]()))


EFFECTS = (ROOT / "docs" / "tuning-effects.md").read_text(encoding="utf-8")
KNOB = re.compile(r"^\| `(\w+)` \| (\S+) ", re.MULTILINE)


class TestTuningEffects:
    """The figures take minutes to measure; that they are of the rules as they are is seen at once."""

    @pytest.mark.parametrize("file", shipped_rules(), ids=lambda each: str(each.slug))
    def test_a_knob_has_the_value_that_was_measured(self, file: RuleFile) -> None:
        section = re.search(rf"^## {file.slug}\n(.*?)(?=^## |\Z)", EFFECTS, re.DOTALL | re.MULTILINE)
        if section is None:
            assert f"`{file.slug}`" in EFFECTS.split("## Not measured")[1]
            return
        knobs = KNOB.findall(section[1])
        assert knobs
        for name, value in knobs:
            assert f"let {name} = {value};" in file.rule.query, "run: make tuning"

    def test_a_number_is_halved_and_doubled_in_its_query_alone(self) -> None:
        made = runpy.run_path(str(ROOT / "docs" / "make_tuning_effects.py"))
        (file,) = (each for each in shipped_rules() if each.slug == "beacon-fixed-endpoint")
        changed = made["_changed"](file, "minPerHour", "4.0", 0.5)
        assert "let minPerHour = 2.0;" in changed.rule.query
        assert changed.rule.query.replace("minPerHour = 2.0", "minPerHour = 4.0") == file.rule.query
        assert "let minConnections = 24;" in made["_changed"](file, "minConnections", "12", 2.0).rule.query
        assert made["_value"](file, "knownClients") is None
