"""What leaves the program: safe on a terminal, exact as JSON, harmless as CSV, readable as a page."""

import csv
import io
import json
import math
import shlex
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from herdsight.findings.model import Evidence, Finding, HostVerdict, Hunt, Input, Role, Severity, Skipped
from herdsight.output import Form, json_rows, json_text, printable, timespan, write_hunt, write_table
from herdsight.output.blocks import blocks
from herdsight.output.grids import render_explanation, render_table
from herdsight.output.pages import follow_up, headline, render_hunt
from herdsight.output.words import count_words, length_words, listed, period

START = datetime(2026, 11, 29, 23, 58, 4, tzinfo=UTC)
CLICK_ME = "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\"
HOSTILE = {
    "colour": "\x1b[31mred",
    "link": CLICK_ME,
    "title": "\x1b]0;owned\x07",
    "c1 csi": "\x9b31mred",
    "return": "clean.exe\rEVIL",
    "newline": "one\ntwo",
    "delete": "abc\x7f\x7f",
    "override": "\u202egpj.exe",
    "isolate": "\u2066a\u2069",
    "mark": "\u200f\u061c",
    "zero width": "pay\u200bpal",
    "separator": "a\u2028b\u2029c",
    "surrogate": "a\ud800b",
    "tag": "a\U000e0041b",
    "filler": "a\u3164b",
    "variation": "a\ufe0fb",
}
MARKUP = "web[red]01[/red][link=http://evil.example]x[/link]:smile:"


def dangerous(text: str) -> set[str]:
    """The characters that no terminal may get, stated apart from the code that keeps them away."""
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}}


def page(width: int = 100, *, colour: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def flat(console: Console) -> str:
    """The page without its line breaks and columns."""
    return " ".join(printed(console).split())


def finding(**changes: Any) -> Finding:
    host = changes.get("host", "10.0.0.5")
    fields: dict[str, Any] = {
        "id": "F1",
        "detection": "beacon",
        "kind": "rule",
        "title": "Regular connections to one address",
        "severity": Severity.HIGH,
        "confidence": "high",
        "probability": None,
        "role": Role.BOT,
        "host": host,
        "remotes": ("203.0.113.9",),
        "ports": (1177,),
        "first_seen": START,
        "last_seen": START + timedelta(hours=23),
        "count": 287,
        "reasons": ("One connection every 300 s.", "No other host talks to this address."),
        "numbers": {"interval": 300.0},
        "techniques": ("T1071",),
        "evidence": Evidence(
            table="DeviceNetworkEvents",
            filter=f'DeviceName == "{host}"',
            rows=tuple(
                {
                    "file": "logs/conn.log",
                    "row": row,
                    "DeviceName": host,
                    "RemotePort": 1177,
                    "BytesSent": None,
                    "N": row,
                    "Protocol": "Tcp",
                    "AdditionalFields": '{"state": "SF"}',
                }
                for row in (17, 18, 19, 20)
            ),
        ),
    }
    return Finding(**(fields | changes))


def verdict(host: str, *names: str, severity: Severity = Severity.HIGH) -> HostVerdict:
    return HostVerdict(
        host=host, roles=(Role.BOT,), severity=severity, probability=0.97, story=("It calls home.",), findings=names
    )


def hunt(*findings: Finding, **changes: Any) -> Hunt:
    fields: dict[str, Any] = {
        "herdsight": "0.1.0",
        "now": START + timedelta(days=1),
        "span": (START, START + timedelta(days=1)),
        "inputs": (
            Input(path="logs/a.log", format="zeek-conn", table="ASimNetworkSessionLogs", rows=1000),
            Input(
                path="logs/b.log",
                format="zeek-conn",
                table="ASimNetworkSessionLogs",
                rows=500,
                rejected=3,
                reasons={"bad timestamp": 2, "too few fields": 1},
                notes=("cut short",),
            ),
            Input(path="logs/README", format=None, table=None, notes=("no log format that is known",)),
        ),
        "verdicts": tuple(verdict(found.host, found.id, severity=found.severity) for found in findings),
        "findings": findings,
        "skipped": (Skipped(detection="dns-tunnel", why="no DNS logs were read"),),
    }
    return Hunt(**(fields | changes))


class TestPrintable:
    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
    def test_hostile_text_is_shown_and_not_obeyed(self, text: str) -> None:
        shown = printable(text)
        assert not dangerous(shown)
        assert "\\" in shown

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("\x1b[31m", "\\x1b[31m"),
            ("\r\n\t", "\\r\\n\\t"),
            ("\x7f\x85", "\\x7f\\x85"),
            ("\u202e", "\\u202e"),
            ("\ud800", "\\ud800"),
            ("\U000e0001", "\\U000e0001"),
            ("\xa0", "\\xa0"),
        ],
    )
    def test_the_escape_names_the_character(self, text: str, shown: str) -> None:
        assert printable(text) == shown

    @pytest.mark.parametrize("text", ["", "plain text", "Zoë", "日本語", "мир", "😀", "C:\\Windows", MARKUP])
    def test_other_text_stays_as_it_is(self, text: str) -> None:
        assert printable(text) == text

    @given(st.text(st.characters(exclude_categories=())))
    def test_no_dangerous_character_passes(self, text: str) -> None:
        assert not dangerous(printable(text))

    @given(st.text(st.characters(exclude_categories=())))
    def test_twice_is_once(self, text: str) -> None:
        assert printable(printable(text)) == printable(text)


def json_values() -> st.SearchStrategy[Any]:
    # A lone high and a lone low surrogate side by side are one character to JSON; apart from that, any text.
    texts = st.text(st.characters(exclude_categories=())).map(
        lambda text: text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    )
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
    return st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


class TestJsonText:
    @given(json_values(), st.sampled_from([None, 2]))
    def test_parses_back_to_the_same_value(self, value: Any, indent: int | None) -> None:
        assert json.loads(json_text(value, indent=indent)) == value

    @given(json_values())
    def test_is_one_line_without_a_dangerous_character(self, value: Any) -> None:
        assert not dangerous(json_text(value))

    def test_letters_stay_readable(self) -> None:
        assert json_text({"who": "Zoë 日本"}) == '{"who": "Zoë 日本"}'

    def test_what_json_has_no_word_for_is_text(self) -> None:
        value = {"t": START, "d": timedelta(minutes=5), "n": [math.nan, math.inf, -math.inf], "s": (Severity.LOW,)}
        assert json.loads(json_text(value)) == {
            "t": "2026-11-29T23:58:04.000000Z",
            "d": "00:05:00",
            "n": ["NaN", "Infinity", "-Infinity"],
            "s": ["low"],
        }


class TestTimespan:
    @pytest.mark.parametrize(
        ("length", "shown"),
        [
            (timedelta(), "00:00:00"),
            (timedelta(minutes=5), "00:05:00"),
            (timedelta(hours=23, minutes=59, seconds=59), "23:59:59"),
            (timedelta(days=1), "1.00:00:00"),
            (timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=500), "1.02:03:04.5000000"),
            (timedelta(microseconds=1), "00:00:00.0000010"),
            (timedelta(seconds=-1), "-00:00:01"),
            (timedelta(days=-1, microseconds=-1), "-1.00:00:00.0000010"),
            (timedelta(days=400), "400.00:00:00"),
        ],
    )
    def test_prints_as_kusto_does(self, length: timedelta, shown: str) -> None:
        assert timespan(length) == shown


def answer() -> pa.Table:
    """A row of each type that a query returns, then a row of nulls."""
    dynamic = pa.field("Ports", pa.string(), metadata={b"kql:type": b"dynamic"})
    columns: list[tuple[pa.Field[Any], list[Any]]] = [
        (pa.field("Time", pa.timestamp("us")), [datetime(2026, 11, 30, 1, 2, 3), None]),  # noqa: DTZ001 - UTC by contract
        (pa.field("Host", pa.string()), ["10.0.0.5", ""]),
        (pa.field("Count", pa.int64()), [12, None]),
        (pa.field("Mean", pa.float64()), [1.5, None]),
        (pa.field("Period", pa.duration("us")), [timedelta(minutes=-5), None]),
        (dynamic, ['{"a": [1, 2.5, null]}', None]),
        (pa.field("Exact", pa.decimal128(38, 17)), [Decimal("0.1"), None]),
        (pa.field("Inside", pa.bool_()), [True, None]),
    ]
    schema = pa.schema([field for field, _ in columns])
    return pa.table([pa.array(values, field.type) for field, values in columns], schema=schema)


class TestJsonRows:
    def test_each_type_has_its_form_and_columns_keep_their_order(self) -> None:
        first, second = json_rows(answer())
        assert first == {
            "Time": "2026-11-30T01:02:03.000000Z",
            "Host": "10.0.0.5",
            "Count": 12,
            "Mean": 1.5,
            "Period": "-00:05:00",
            "Ports": {"a": [1, 2.5, None]},
            "Exact": "0.1",
            "Inside": True,
        }
        assert list(first) == answer().column_names
        assert second == dict.fromkeys(answer().column_names) | {"Host": ""}

    @pytest.mark.parametrize(("value", "shown"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
    def test_numbers_that_json_lacks_are_text(self, value: float, shown: str) -> None:
        assert json_rows(pa.table({"x": [value]})) == [{"x": shown}]

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("[1]", [1]),
            ('"text"', "text"),
            ("no json", "no json"),
            ("[NaN, 1e999]", ["NaN", "Infinity"]),
            ("[" * 100_000, "[" * 100_000),
            ("9" * 5000, "9" * 5000),
        ],
        ids=["array", "string", "not JSON", "no finite number", "nested without end", "a number without end"],
    )
    def test_a_dynamic_is_json_or_stays_text(self, text: str, value: object) -> None:
        table = pa.table(
            [pa.array([text])], schema=pa.schema([pa.field("x", pa.string(), metadata={b"kql:type": b"dynamic"})])
        )
        assert json_rows(table) == [{"x": value}]
        assert json.loads(json_text(json_rows(table))) == [{"x": value}]

    def test_a_table_without_rows_has_none(self) -> None:
        assert json_rows(answer().slice(0, 0)) == []


def written(table: pa.Table, form: Form) -> str:
    file = io.StringIO()
    write_table(table, form, file)
    return file.getvalue()


def hunted(result: Hunt, form: Form) -> str:
    file = io.StringIO()
    write_hunt(result, form, file)
    return file.getvalue()


class TestQueryFiles:
    def test_json_is_one_array_with_a_row_a_line(self) -> None:
        assert json.loads(written(answer(), "json")) == json_rows(answer())
        assert written(answer(), "json").count("\n") == 4

    def test_json_of_no_rows_is_an_empty_array(self) -> None:
        assert written(answer().slice(0, 0), "json") == "[]\n"

    def test_ndjson_is_an_object_a_line(self) -> None:
        assert [json.loads(line) for line in written(answer(), "ndjson").splitlines()] == json_rows(answer())

    def test_csv_has_a_header_and_nothing_for_null(self) -> None:
        rows = list(csv.reader(io.StringIO(written(answer(), "csv"))))
        assert rows[0] == answer().column_names
        assert rows[1] == [
            "2026-11-30T01:02:03.000000Z", "10.0.0.5", "12", "1.5", "-00:05:00", '{"a": [1, 2.5, null]}', "0.1", "true",
        ]  # fmt: skip
        assert rows[2] == [""] * 8

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
    def test_csv_makes_no_formula_of_log_text(self, text: str) -> None:
        assert written(pa.table({"x": [text]}), "csv") == f"x\n'{printable(text)}\n"

    def test_csv_leaves_negative_numbers_alone(self) -> None:
        assert written(pa.table({"x": [-1]}), "csv") == "x\n-1\n"

    @pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
    def test_hostile_text_is_harmless_in_every_form(self, form: Form, text: str) -> None:
        table = pa.table({"x": [text.replace("\ud800", "?")]})
        assert dangerous(written(table, form)) <= {"\n"}


class TestHuntFiles:
    def test_json_is_the_contract(self) -> None:
        record = json.loads(hunted(hunt(finding()), "json"))
        assert list(record) == [
            "schema", "herdsight", "now", "span", "inputs", "verdicts", "findings", "skipped", "withheld", "unused",
            "indicators",
        ]  # fmt: skip
        assert record["schema"] == 1
        assert record["span"] == ["2026-11-29T23:58:04.000000Z", "2026-11-30T23:58:04.000000Z"]
        assert record["inputs"][1]["reasons"] == {"bad timestamp": 2, "too few fields": 1}
        assert record["findings"][0]["first_seen"] == "2026-11-29T23:58:04.000000Z"
        assert record["findings"][0]["evidence"]["rows"][0]["row"] == 17
        assert record["skipped"] == [{"detection": "dns-tunnel", "why": "no DNS logs were read"}]

    def test_times_and_numbers_in_evidence_are_json_too(self) -> None:
        rows: tuple[dict[str, object], ...] = ({"t": START, "d": timedelta(seconds=1), "n": math.nan},)
        found = finding(evidence=Evidence(table="T", filter="true", rows=rows), numbers={"ratio": math.inf})
        record = json.loads(hunted(hunt(found), "json"))["findings"][0]
        assert record["evidence"]["rows"] == [{"t": "2026-11-29T23:58:04.000000Z", "d": "00:00:01", "n": "NaN"}]
        assert record["numbers"] == {"ratio": "Infinity"}

    def test_ndjson_is_a_finding_a_line_as_in_the_json(self) -> None:
        result = hunt(finding(), finding(id="F2"))
        lines = [json.loads(line) for line in hunted(result, "ndjson").splitlines()]
        assert lines == json.loads(hunted(result, "json"))["findings"]

    def test_csv_is_a_finding_a_line_with_lists_joined(self) -> None:
        (row,) = csv.DictReader(io.StringIO(hunted(hunt(finding(ports=(80, 443), host="=cmd()")), "csv")))
        assert row["ports"] == "80 443"
        assert row["host"] == "'=cmd()"
        assert row["process"] == ""
        assert row["reasons"] == "One connection every 300 s. No other host talks to this address."
        assert row["evidence_filter"] == 'DeviceName == "=cmd()"'

    def test_csv_of_no_findings_is_its_header(self) -> None:
        assert hunted(hunt(), "csv").count("\n") == 1


class TestWords:
    @pytest.mark.parametrize(
        ("length", "words"),
        [
            (timedelta(), "0 s"),
            (timedelta(seconds=0.4), "0.4 s"),
            (timedelta(seconds=59), "59 s"),
            (timedelta(minutes=5), "5 min"),
            (timedelta(minutes=5, seconds=7), "5 min 7 s"),
            (timedelta(hours=23, minutes=55), "23 h 55 min"),
            (timedelta(hours=24), "24 h"),
            (timedelta(hours=24, seconds=-10), "24 h"),
            (timedelta(hours=47), "47 h"),
            (timedelta(days=9), "9 days"),
            (timedelta(days=9, hours=3), "9 days 3 h"),
        ],
    )
    def test_a_length_has_the_two_units_that_matter(self, length: timedelta, words: str) -> None:
        assert length_words(length) == words

    def test_one_is_singular_and_thousands_are_grouped(self) -> None:
        assert [count_words(number, "row") for number in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]

    def test_a_long_list_says_how_much_more(self) -> None:
        assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
        assert listed(["a", "b"], 2) == "a, b"

    def test_a_period_within_a_day_names_the_day_once(self) -> None:
        noon = datetime(2026, 11, 30, 12, tzinfo=UTC)
        assert period(noon, noon + timedelta(minutes=5)) == "2026-11-30 12:00:00 to 12:05:00 UTC (5 min)"
        assert period(noon, noon + timedelta(days=2)) == "2026-11-30 12:00:00 to 2026-12-02 12:00:00 UTC (2 days)"


def low(number: int) -> Finding:
    return finding(id=f"F{number}", host=f"10.0.0.{number}", severity=Severity.LOW)


class TestHeadline:
    @pytest.mark.parametrize(
        ("findings", "sentence"),
        [
            ((), "Nothing found in 24 h of logs."),
            ((finding(),), "1 host needs attention in 24 h of logs."),
            ((finding(), finding(id="F2", host="b")), "2 hosts need attention in 24 h of logs."),
            ((low(1),), "No host needs attention in 24 h of logs; 1 host is worth a look."),
            ((finding(), low(1)), "1 host needs attention and 1 more is worth a look, in 24 h of logs."),
            ((finding(), low(1), low(2)), "1 host needs attention and 2 more are worth a look, in 24 h of logs."),
        ],
    )
    def test_says_in_one_sentence_what_there_is_to_do(self, findings: tuple[Finding, ...], sentence: str) -> None:
        assert headline(hunt(*findings)) == sentence


def rendered(result: Hunt, width: int = 100) -> Console:
    console = page(width)
    render_hunt(result, console, ("logs",))
    return console


class TestHuntPage:
    def test_goes_from_the_headline_to_what_was_not_run(self) -> None:
        words = flat(rendered(hunt(finding(), finding(id="F2"), verdicts=(verdict("10.0.0.5", "F1", "F2"),))))
        parts = ["1 host needs attention", "Severity", "It calls home.", "One connection every", "herdsight query -e",
                 "What was read", "What could not run"]  # fmt: skip
        places = [words.index(part) for part in parts]
        assert places == sorted(places)

    def test_a_finding_says_where_when_why_and_what_proves_it(self) -> None:
        words = flat(rendered(hunt(finding(process="svch0st.exe", probability=0.97))))
        assert "host 10.0.0.5, svch0st.exe" in words
        assert "remote 203.0.113.9:1177" in words
        assert "seen 2026-11-29 23:58:04 to 2026-11-30 22:58:04 UTC (23 h)" in words
        assert "confidence high, probability 0.97" in words
        assert "why One connection every 300 s. No other host talks to this address." in words
        assert "ATT&CK T1071" in words

    def test_evidence_says_once_what_the_rows_have_in_common(self) -> None:
        words = flat(rendered(hunt(finding())))
        assert "rows 287; the first 3 all with Protocol=Tcp, state=SF logs/conn.log:17 " in words
        assert "logs/conn.log:17 N=17 logs/conn.log:18 N=18 logs/conn.log:19 N=19" in words
        assert "BytesSent" not in words

    def test_evidence_does_not_repeat_what_the_finding_says(self) -> None:
        words = flat(rendered(hunt(finding())))
        assert "DeviceName=" not in words.split("all of these rows")[0]
        assert "RemotePort=" not in words.split("all of these rows")[0]

    def test_evidence_shows_a_time_once_and_to_be_read(self) -> None:
        time = "2026-11-30T10:00:00.250000Z"
        rows: tuple[dict[str, object], ...] = ({"file": "a", "row": 1, "TimeGenerated": time, "Timestamp": time},)
        words = flat(rendered(hunt(finding(evidence=Evidence(table="T", filter="true", rows=rows)))))
        assert "a:1 TimeGenerated=2026-11-30 10:00:00.250000 all of these" in words

    def test_a_single_finding_is_its_own_story(self) -> None:
        assert "It calls home." not in flat(rendered(hunt(finding())))

    def test_the_follow_up_is_one_line_that_a_shell_takes_apart_again(self) -> None:
        found = finding(host="it's; rm -rf $HOME")
        (line,) = [line for line in printed(rendered(hunt(found), 80)).splitlines() if "herdsight query" in line]
        kql = 'DeviceNetworkEvents | where DeviceName == "it\'s; rm -rf $HOME"'
        assert shlex.split(line) == ["herdsight", "query", "-e", kql, "logs"]

    def test_without_paths_the_follow_up_names_the_files_that_were_read(self) -> None:
        console = page()
        render_hunt(hunt(finding()), console)
        assert follow_up(finding(), ["logs/a.log", "logs/b.log"]) in flat(console)

    def test_many_remotes_are_counted_and_an_ipv6_one_is_bracketed(self) -> None:
        many = tuple(f"203.0.113.{number}" for number in range(51))
        assert "203.0.113.5 and 45 more ports 443, 8443" in flat(
            rendered(hunt(finding(remotes=many, ports=(443, 8443))))
        )
        assert "remote [fd00::1]:1177" in flat(rendered(hunt(finding(remotes=("fd00::1",)))))

    def test_inputs_are_summed_and_what_is_odd_is_named(self) -> None:
        words = flat(rendered(hunt()))
        assert "zeek-conn ASimNetworkSessionLogs 1,500 rows from 2 files, 3 rejected" in words
        assert "logs/b.log 2 rejected: bad timestamp; 1 rejected: too few fields; cut short" in words
        assert "logs/README no log format that is known" in words
        assert "dns-tunnel no DNS logs were read" in words

    def test_finding_nothing_is_said_with_what_was_checked(self) -> None:
        words = flat(rendered(hunt()))
        assert words.startswith("Nothing found in 24 h of logs. 1,500 rows from 2 files")
        assert "1 detection could not run on this data" in words
        assert "Severity" not in words

    def test_a_finding_that_no_verdict_names_is_still_printed(self) -> None:
        words = flat(rendered(hunt(finding(explained_by="F9"), verdicts=())))
        assert "Not held against a host" in words
        assert "but explained by F9" in words

    def test_what_tells_of_the_same_is_a_line_beside_the_first(self) -> None:
        others = (
            finding(id="F2", title="By a timer", severity=Severity.MEDIUM, host="ws7", reasons=("its gaps are even",)),
            finding(id="F3", title="Elsewhere", remotes=("203.0.113.77",)),
            finding(id="F4", title="Relayed", role=Role.RELAY),
        )
        held = verdict("10.0.0.5", "F1", "F2", "F3", "F4")
        words = flat(rendered(hunt(finding(), *others, verdicts=(held,)), 160))
        assert "also told by: medium By a timer F2 its gaps are even (of ws7)" in words
        assert words.count("also told by") == 1
        assert words.count("herdsight query -e") == 3

    def test_what_tells_of_the_same_names_its_host_where_the_machine_has_two_names(self) -> None:
        others = (finding(id="F2", title="Again", reasons=("290 calls",)), finding(id="F3", host="ws7", reasons=()))
        held = verdict("10.0.0.5", "F1", "F2", "F3")
        words = flat(rendered(hunt(finding(), *others, verdicts=(held,)), 160))
        assert "Again F2 290 calls high" in words
        assert "F3 of ws7" in words

    @pytest.mark.parametrize(
        ("changes", "same"),
        [
            ({}, True),
            ({"remotes": ()}, True),
            ({"remotes": ("203.0.113.9", "203.0.113.8")}, True),
            ({"remotes": ("203.0.113.8",)}, False),
            ({"remotes": ("203.0.113.8",), "domains": ("c2.example",)}, False),
            ({"ports": ()}, True),
            ({"ports": (80,)}, False),
            ({"role": Role.RELAY}, False),
            ({"first_seen": START + timedelta(hours=23), "last_seen": START + timedelta(hours=24)}, True),
            ({"first_seen": START + timedelta(hours=23, seconds=1), "last_seen": START + timedelta(hours=24)}, False),
        ],
    )
    def test_the_same_is_a_role_at_a_time_with_a_place_and_a_port_in_common(
        self, changes: dict[str, Any], same: bool
    ) -> None:
        assert len(blocks([finding(), finding(id="F2", **changes)])) == (1 if same else 2)

    def test_what_is_too_much_for_a_page_is_counted(self) -> None:
        words = flat(rendered(hunt(*(finding(id=f"F{number}", host=f"host-{number}") for number in range(70)))))
        assert "and 20 more hosts; --format json has them all" in words
        assert "and 50 more findings; --format json has them all" in words

    @pytest.mark.parametrize("width", [40, 80, 200])
    @pytest.mark.parametrize("text", [*HOSTILE.values(), MARKUP], ids=[*HOSTILE.keys(), "markup"])
    def test_hostile_text_reaches_no_terminal(self, width: int, text: str) -> None:
        rows: tuple[dict[str, object], ...] = ({"file": text, "row": 1, text: text},)
        found = finding(
            id=text, title=text, host=text, process=text, account=text, remotes=(text,), domains=(text,),
            reasons=(text,), techniques=(text,), evidence=Evidence(table=text, filter=text, rows=rows),
        )  # fmt: skip
        item = Input(path=text, format=text, table=text, rows=1, rejected=1, reasons={text: 1}, notes=(text,))
        result = hunt(found, inputs=(item,), skipped=(Skipped(detection=text, why=text),))
        console = rendered(result, width)
        assert dangerous(printed(console)) <= {"\n"}
        assert "".join(printable(text).split()) in "".join(printed(console).split())

    @pytest.mark.parametrize("width", [60, 80, 140])
    def test_no_line_but_the_follow_up_is_wider_than_the_terminal(self, width: int) -> None:
        lines = printed(rendered(hunt(finding(host="h" * 70)), width)).splitlines()
        assert max(len(line) for line in lines if "herdsight query" not in line) <= width

    def test_colour_is_for_terminals(self) -> None:
        plain, coloured = page(), page(colour=True)
        for console in (plain, coloured):
            render_hunt(hunt(finding()), console)
        assert "\x1b" not in printed(plain)
        assert "\x1b[1;31mhigh" in printed(coloured)

    def test_no_color_is_heard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        console = page(colour=True)
        render_hunt(hunt(finding()), console)
        assert "31m" not in printed(console)


class TestQueryPage:
    def test_what_fits_is_a_grid(self) -> None:
        console = page(120)
        render_table(answer(), console)
        words = flat(console)
        assert "Time Host Count Mean Period Ports Exact Inside" in words
        assert '2026-11-30 01:02:03 10.0.0.5 12 1.5 -00:05:00 {"a": [1, 2.5, null]} 0.1 true' in words
        assert words.endswith("2 rows")

    def test_what_does_not_fit_is_a_list_of_columns_for_each_row(self) -> None:
        console = page(60)
        render_table(answer().slice(0, 1), console)
        assert "row 1 Time 2026-11-30 01:02:03 Host 10.0.0.5 Count 12" in flat(console)

    def test_a_list_leaves_out_columns_without_a_value_and_says_so(self) -> None:
        console = page(60)
        render_table(pa.table({f"column_{n}": [None if n else "x"] for n in range(20)}), console)
        assert flat(console) == "row 1 column_0 x 19 columns without a value not shown 1 row"

    def test_many_rows_are_cut_and_it_says_so(self) -> None:
        console = page()
        render_table(pa.table({"n": list(range(1001))}), console)
        assert flat(console).endswith("1,000 of 1,001 rows shown; --format json, ndjson or csv has them all")

    def test_no_rows_is_a_header(self) -> None:
        console = page(120)
        render_table(answer().slice(0, 0), console)
        assert "Time Host" in flat(console)
        assert flat(console).endswith("0 rows")

    def test_no_rows_of_many_columns_are_their_names(self) -> None:
        console = page(40)
        render_table(answer().slice(0, 0), console)
        assert flat(console) == "columns: Time, Host, Count, Mean, Period, Ports, Exact, Inside 0 rows"

    @pytest.mark.parametrize("width", [20, 100])
    @pytest.mark.parametrize("text", [*HOSTILE.values(), MARKUP], ids=[*HOSTILE.keys(), "markup"])
    def test_hostile_text_reaches_no_terminal(self, width: int, text: str) -> None:
        text = text.replace("\ud800", "\x1b")
        as_value, as_name = page(width), page(width)
        render_table(pa.table({"name": [text]}), as_value)
        render_table(pa.table({text: ["x"]}), as_name)
        assert dangerous(printed(as_value) + printed(as_name)) <= {"\n"}
        assert "".join(printable(text).split()) in "".join(printed(as_value).split())

    def test_an_explanation_keeps_its_lines(self) -> None:
        console = page(30)
        render_explanation(4, {"plan": "filter\n  scan", "sql": "SELECT " + "x, " * 30}, console)
        lines = list(_filled(printed(console)))
        assert lines[:3] == ["line 4: plan", "filter", "  scan"]
        assert lines[4] == "SELECT " + "x, " * 30


def _filled(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line)
