"""Microsoft's own parser, as a second opinion: it and we accept the same queries and name and type columns alike.

It runs on node, in one process that `oracle/binder.js` is; without node, or without the package, these tests skip. What
it says otherwise stands in `oracle/disagreements.yaml`, with the reason why we do not follow it.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from test_kql_pairs import NAMES, pair
from test_page_queries import CASES

from herdsight import tables
from herdsight.errors import QueryError
from herdsight.guidance.model import Entity, Question, Value
from herdsight.guidance.reading import HuntingFile, hunting_queries, questions
from herdsight.investigating import asked_with
from herdsight.kql.binding import library as workspace
from herdsight.querying import compiled
from herdsight.rules.reading import RuleFile, shipped_rules

FOLDER = Path(__file__).parent / "oracle"
DISAGREEMENTS: Mapping[str, str] = YAML(typ="safe").load(FOLDER / "disagreements.yaml")
NODE = shutil.which("node")
PACKAGE = FOLDER / "node_modules" / "@kusto" / "language-service-next"

_WHOLE = re.DOTALL | re.MULTILINE
VALUE = "print_0"  # what the column of a value that is no query is called here

Columns = list[list[str]]  # of each, its name and its type


def library() -> dict[str, tuple[str, str]]:
    """The functions that every workspace has: parameters and body."""
    found = {}
    for file in files("herdsight.kql").joinpath("library").iterdir():
        definition = re.search(r"^let (\w+) = (\(.*?\)) (\{.*\})", file.read_text(encoding="utf-8"), _WHOLE)
        assert definition
        found[definition[1]] = (definition[2], definition[3])
    found |= {alias: found[name] for alias, name in workspace.names().items()}
    return found | {"_GetWatchlist": ("(name: string, keys: dynamic = dynamic([]))", watchlist())}


def watchlist() -> str:
    """Any watchlist: the columns that all have, and those that show only in the data, as those of a bag."""
    columns = ", ".join(f"{column.name}: {column.type}" for column in workspace.WATCHLIST_COLUMNS)
    return f"{{ datatable({columns}, item: dynamic)[] | evaluate bag_unpack(item) }}"


def use(name: str, parameters: str) -> str:
    """A query with the function of that name."""
    if parameters.startswith("(T: (*)"):
        return f"DeviceNetworkEvents | invoke {name}()"
    return f"{name}('any')" if parameters.startswith("(name: string") else f"{name}()"


def evidence(rule: RuleFile) -> str:
    """What a rule asks beside its query: its condition on the rows of its evidence."""
    asked = rule.rule.herdsight.evidence
    return f"{asked.table}\n| where {asked.condition or 'true'}"


ASKED: Mapping[Entity, Value] = {
    "host": "desk-1",
    "remotes": ("203.0.113.7",),
    "ports": (443,),
    "domains": ("c2.example.test",),
    "began": datetime(2026, 5, 31, tzinfo=UTC),
    "ended": datetime(2026, 6, 1, tzinfo=UTC),
}
QUERIES: Mapping[str, str] = {
    **{name: pair(name)[0] for name in NAMES},
    **{f"rule {each.slug}": each.rule.query for each in shipped_rules()},
    **{f"evidence of {each.slug}": evidence(each) for each in shipped_rules()},
    **{f"question {each.name}": asked_with(each, ASKED) for each in questions()},
    **{f"hunting {each.slug}": each.query.query for each in hunting_queries()},
    **{f"page's {name}": case.kql for name, case in CASES.items()},
    **{f"library {name}": use(name, parameters) for name, (parameters, _) in library().items()},
}


class Binder:
    """Microsoft's parser and binder in a process of its own, with our tables and functions declared."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.declare(
            {name: [(each.name, each.type) for each in tables.table(name).columns] for name in tables.DECLARED}
        )

    def declare(self, declared: Mapping[str, list[tuple[str, str]]]) -> None:
        """Let these be all tables that queries may name, with their columns' names and types."""
        self._send({"tables": declared, "functions": library()})

    def ask(self, kql: str) -> dict[str, Any]:
        """What it says of a text: diagnostics, and the columns of each statement's result."""
        self._send({"kql": kql})
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "Microsoft's parser has stopped"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _send(self, message: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()


@pytest.fixture(scope="module")
def binder() -> Iterator[Binder]:
    yield from started()


def started() -> Iterator[Binder]:
    """A binder in a process of its own, until the tests with it are over."""
    if NODE is None:
        pytest.skip("Microsoft's parser needs node")
    if not PACKAGE.is_dir():
        pytest.skip("Microsoft's parser is not installed: make oracle")
    command = [NODE, str(FOLDER / "binder.js")]
    with subprocess.Popen(  # noqa: S603 - our own script
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    ) as process:
        yield Binder(process)


def theirs(binder: Binder, kql: str) -> list[Columns] | str:
    """The columns of every result as Microsoft's parser has them, or why it refuses the text."""
    answer = binder.ask(kql)
    if "error" in answer:
        return f"it fails: {answer['error']}"
    errors = [
        f"{each['line']}:{each['column']} {each['code']} {each['message']}"
        for each in answer["diagnostics"]
        if each["severity"] == "Error"
    ]
    columns = (each["columns"] for each in answer["results"])
    return "; ".join(errors) or [[[name or VALUE, kind] for name, kind in each] for each in columns]


def ours(kql: str) -> list[Columns] | str:
    try:
        return [[[field.name, field.type] for field in each.query.relation.fields] for each in compiled(kql)]
    except QueryError as error:
        return str(error)


def difference(binder: Binder, kql: str) -> str | None:
    """What Microsoft's parser and ours say otherwise of a text; None where they agree."""
    one, other = ours(kql), theirs(binder, kql)
    if isinstance(one, str) or isinstance(other, str):
        agree = isinstance(one, str) and isinstance(other, str)
    else:
        agree = known_types(one, other) == other
    if agree:
        return None
    return f"ours: {shown(one)}\nMicrosoft's: {shown(other)}"


def known_types(one: list[Columns], other: list[Columns]) -> list[Columns]:
    """Our columns without the types that it cannot know, because only data tells them."""
    pairs = zip(chain(*one), chain(*other), strict=False)
    unknown = iter([kind == "unknown" for _, (_, kind) in pairs])
    return [[[name, "unknown" if next(unknown, False) else kind] for name, kind in columns] for columns in one]


def shown(found: list[Columns] | str) -> str:
    if isinstance(found, str):
        return f"refused, {found}"
    return "; ".join(", ".join(f"{name}: {kind}" for name, kind in columns) for columns in found)


@pytest.mark.parametrize("name", QUERIES)
def test_microsofts_parser_agrees_or_there_is_a_reason(binder: Binder, name: str) -> None:
    found = difference(binder, QUERIES[name])
    if name in DISAGREEMENTS:
        assert found, f"it agrees now: take {name} from the disagreements"
    else:
        assert not found, found


@pytest.fixture(scope="module")
def log_analytics() -> Iterator[Binder]:
    for binder in started():
        binder.declare({**surface(HUNTING_ONLY), **others()})
        yield binder


@pytest.fixture(scope="module")
def advanced_hunting() -> Iterator[Binder]:
    for binder in started():
        binder.declare({**surface(ANALYTICS_ONLY, {"AdditionalFields": "string"}), **others()})
        yield binder


class TestSurfaces:
    """The rules run in Log Analytics and in advanced hunting, whose device tables have other columns.

    A rule is written for Log Analytics; for advanced hunting, its time column is renamed and nothing else.
    """

    @pytest.mark.parametrize("rule", shipped_rules(), ids=lambda each: str(each.slug))
    def test_log_analytics_takes_every_rule(self, log_analytics: Binder, rule: RuleFile) -> None:
        for kql in (rule.rule.query, evidence(rule)):
            found = theirs(log_analytics, kql)
            assert isinstance(found, list), found

    @pytest.mark.parametrize("rule", shipped_rules(), ids=lambda each: str(each.slug))
    def test_advanced_hunting_takes_every_rule(self, advanced_hunting: Binder, rule: RuleFile) -> None:
        for kql in (rule.rule.query, evidence(rule)):
            found = theirs(advanced_hunting, for_advanced_hunting(kql))
            assert isinstance(found, list), found

    @pytest.mark.parametrize("query", hunting_queries(), ids=lambda each: str(each.slug))
    def test_both_take_every_hunting_query(
        self, log_analytics: Binder, advanced_hunting: Binder, query: HuntingFile
    ) -> None:
        for binder, kql in (
            (log_analytics, query.query.query),
            (advanced_hunting, for_advanced_hunting(query.query.query)),
        ):
            found = theirs(binder, kql)
            assert isinstance(found, list), found

    @pytest.mark.parametrize("question", questions(), ids=lambda each: str(each.name))
    def test_log_analytics_takes_every_question(self, log_analytics: Binder, question: Question) -> None:
        for kql in (question.kql, asked_with(question, ASKED)):
            found = theirs(log_analytics, kql)
            assert isinstance(found, list), found

    def test_each_surface_refuses_the_other_ones_time(self, log_analytics: Binder, advanced_hunting: Binder) -> None:
        assert "KS142" in str(theirs(log_analytics, "DeviceNetworkEvents | project Timestamp"))
        assert "KS142" in str(theirs(advanced_hunting, "DeviceNetworkEvents | project TimeGenerated"))


def for_advanced_hunting(kql: str) -> str:
    """A rule with the time column of device tables renamed; Sentinel's tables keep theirs there, too."""
    parts = kql.split(";") if re.search(r"\b(?:ASim\w+|ThreatIntelIndicators)\b", kql) else [kql]
    device = re.compile(r"\bDevice\w*Events\b")
    return ";".join(re.sub(r"\bTimeGenerated\b", "Timestamp", each) if device.search(each) else each for each in parts)


# The columns of the device tables that only the one or the other surface has, by their public references.
ANALYTICS_ONLY = {"TimeGenerated", "MachineGroup", "SourceSystem", "TenantId", "Type", "_BilledSize", "_IsBillable"}
HUNTING_ONLY = {
    "Timestamp",
    "InitiatingProcessSessionId",
    "IsInitiatingProcessRemoteSession",
    "InitiatingProcessRemoteSessionDeviceName",
    "InitiatingProcessRemoteSessionIP",
}


def is_of_devices(name: str) -> bool:
    return name.startswith("Device")


def surface(without: set[str], types: Mapping[str, str] | None = None) -> dict[str, list[tuple[str, str]]]:
    """The device tables of one surface: without the columns of the other, some of another type."""
    return {
        name: [
            (each.name, (types or {}).get(each.name, each.type))
            for each in tables.table(name).columns
            if each.name not in without
        ]
        for name in tables.DECLARED
        if is_of_devices(name)
    }


def others() -> dict[str, list[tuple[str, str]]]:
    """All other tables, which are the same on both surfaces."""
    return {
        name: [(each.name, each.type) for each in tables.table(name).columns]
        for name in tables.DECLARED
        if not is_of_devices(name)
    }


def test_every_disagreement_is_about_a_query_and_has_a_reason() -> None:
    assert set(DISAGREEMENTS) <= set(QUERIES)
    assert all(reason.endswith(".") for reason in DISAGREEMENTS.values())


class TestTheBinderItself:
    """It must be able to say no, or its yes says nothing."""

    def test_it_says_where_an_unknown_column_stands(self, binder: Binder) -> None:
        (found,) = binder.ask("print a = 1\n| where b > 1")["diagnostics"]
        place = {"code": "KS142", "severity": "Error", "line": 2, "column": 9}
        assert found.items() > place.items()

    def test_it_types_every_statement_of_every_block(self, binder: Binder) -> None:
        answer = binder.ask("let n = 2; print a = n; print b = 'x'\n\n\nDeviceNetworkEvents | project Timestamp")
        columns = [each["columns"] for each in answer["results"]]
        assert columns == [[["a", "long"]], [["b", "string"]], [["Timestamp", "datetime"]]]

    def test_a_difference_in_type_is_one(self, binder: Binder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(globals(), "ours", lambda _: [[["a", "int"]]])
        assert difference(binder, "print a = 1")
