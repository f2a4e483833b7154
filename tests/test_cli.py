"""The command line, as a user and a script meet it."""

import csv
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from herdsight import __version__
from herdsight.cli import main

COMMANDS = ("hunt", "query")
QUERY = ("query", "-e", "print 1")


def call(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, words, input=stdin, prog_name="herdsight")


def run(words: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "herdsight", *words], capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | environment,
    )  # fmt: skip


class TestHelp:
    def test_lists_every_command_and_the_exit_status(self) -> None:
        result = call("--help")
        assert result.exit_code == 0
        for word in (*COMMANDS, "Examples:", "Exit status:"):
            assert word in result.stdout

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_a_command_has_an_example_and_every_default(self, command: str) -> None:
        result = call(command, "--help")
        assert result.exit_code == 0
        assert f"  herdsight {command} " in result.stdout.split("Examples:")[1]
        for option in ("--local", "--now", "--since", "--until", "--format-in", "--memory", "--threads", "--format"):
            described = re.split(r"\n  -", result.stdout.split(f"  {option} ")[1])[0]
            assert "[default:" in described, option

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_option_in_an_example_exists(self, command: str) -> None:
        usage, examples = call(command, "--help").stdout.split("Examples:")
        for option in re.findall(r"(?<!\w)--?[a-z][a-z-]*", examples):
            assert f"{option} " in usage, option

    def test_version(self) -> None:
        assert call("--version").stdout == f"herdsight {__version__}\n"

    def test_without_a_command_is_the_help_and_an_error(self) -> None:
        result = call()
        assert result.exit_code == 2
        assert "Commands:" in result.stderr

    def test_starts_in_under_0_3_seconds(self) -> None:
        def once() -> float:
            start = time.perf_counter()
            assert run(["--help"]).returncode == 0
            return time.perf_counter() - start

        assert min(once() for _ in range(5)) < 0.3


class TestBadCalls:
    """Each is one clear message on stderr, nothing on stdout, and status 2."""

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["hunt"], "there are no logs to hunt through (name files or folders, or a store with --store)"),
            (["hunt", "no-such.log"], "there is no file or folder 'no-such.log'"),
            ([*QUERY, "--local", "10.0.0/8"], "--local takes a network, not '10.0.0/8' (for example"),
            ([*QUERY, "--now", "yesterday"], "--now takes a time, not 'yesterday' (for example"),
            ([*QUERY, "--since", "30.11.2026"], "--since takes a time, not '30.11.2026' (for example"),
            ([*QUERY, "--until", "data"], "--until takes a time, not 'data' (for example"),
            (["hunt", ".", "--table", "conn.log"], "'conn.log' is no NAME=GLOB"),
            (["hunt", ".", "--memory", "4"], "'4' is no amount of memory; write it like 512MB or 4GB"),
            (["hunt", ".", "--threads", "0"], "0 is not in the range x>=1"),
            (["hunt", ".", "--format", "xml"], "'xml' is not one of 'table', 'json', 'ndjson', 'csv'"),
            (["hunt", ".", "--fail-on", "worst"], "'worst' is not one of 'low', 'medium', 'high'"),
            (
                ["hunt", ".", "--indicators", "no-such.csv"],
                "cannot read the indicators 'no-such.csv': No such file or directory",
            ),
            (["query"], "give a query: FILE.kql, - for stdin, or -e KQL"),
            ([*QUERY, "--watchlist", "VIPs"], "'VIPs' is no NAME=FILE; write it like VIPs=vips.csv."),
            ([*QUERY, "--watchlist", "VIPs="], "'VIPs=' is no NAME=FILE; write it like VIPs=vips.csv."),
            ([*QUERY, "--watchlist", "V=no-such.csv"], "the watchlist 'V' from 'no-such.csv': No such file"),
            ([*QUERY, "--watchlist", "V=a", "--watchlist", "V=b"], "'V' is given twice; name it once."),
            ([*QUERY, "--parameter", "n"], "'n' is no NAME=VALUE; write it like threshold=25."),
            ([*QUERY, "--parameter", "n=1", "--parameter", "n=2"], "'n' is given twice; name it once."),
            ([*QUERY, "--parameter", "n=1"], "no query here declares the parameter `n` (it is declared with: declare"),
            ([*QUERY, "--external", "="], "'=' is no PATH and no ADDRESS=FILE; write it like"),
            ([*QUERY, "--external", "https://a.example/b"], "name a copy of it: 'https://a.example/b=FILE'"),
            (["hunt", ".", "--parameter", "n=1"], "No such option"),
            (["query", "no-such.kql"], "there is no file 'no-such.kql' (a query itself is given with -e)"),
            (["query", "-e", "print 1", "no-such.log"], "there is no file or folder 'no-such.log'"),
            (["query", "--explain", "--format", "csv", "-e", "print 1"], "--explain has no CSV form"),
            (["hunts"], "No such command 'hunts'"),
        ],
    )
    def test_say_what_is_wrong_and_what_is_right(self, words: list[str], message: str) -> None:
        result = call(*words)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.startswith("herdsight: error: ")
        assert message in result.stderr

    def test_hostile_words_are_not_obeyed(self) -> None:
        result = call("hunt", "\x1b]0;owned\x07.log")
        assert result.exit_code == 2
        assert "\x1b" not in result.stderr
        assert "\\x1b]0;owned" in result.stderr

    def test_a_query_that_is_no_text(self, tmp_path: Path) -> None:
        file = tmp_path / "rule.kql"
        file.write_bytes(b"print 1\n\n// \xff\nprint 2\n")
        result = call("query", str(file))
        assert result.exit_code == 2
        assert f"{file}:3: not a query: no UTF-8 text" in result.stderr

    def test_a_query_in_another_encoding(self, tmp_path: Path) -> None:
        file = tmp_path / "rule.kql"
        file.write_bytes("print 1".encode("utf-16"))
        result = call("query", str(file))
        assert result.exit_code == 2
        assert "save it as UTF-8" in result.stderr

    def test_a_query_without_end(self) -> None:
        result = call("query", "/dev/zero")
        assert result.exit_code == 2
        assert "'/dev/zero' is not a query: it has more than 20 MB" in result.stderr

    def test_a_query_that_is_a_folder(self, tmp_path: Path) -> None:
        result = call("query", str(tmp_path))
        assert result.exit_code == 2
        assert "is a folder, and no query: name a FILE.kql before it, or give -e KQL" in " ".join(result.stderr.split())


EVENTS = """\
Timestamp,DeviceName,ActionType,RemoteIP,RemotePort,Protocol,LocalIP,LocalPort,RemoteIPType
2026-05-31T10:00:00Z,web01,ConnectionSuccess,203.0.113.9,1177,Tcp,10.0.0.5,50001,Public
2026-05-31T10:05:00Z,web01,ConnectionSuccess,203.0.113.9,1177,Tcp,10.0.0.5,50002,Public
2026-05-31T10:10:00Z,\x1b]0;owned\x07[red]db[/red],ConnectionSuccess,203.0.113.9,443,Tcp,10.0.0.6,50003,Public
"""


@pytest.fixture
def logs(tmp_path: Path) -> str:
    """A folder with three events, one of a host whose name attacks the terminal."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    return str(folder)


COUNT = "DeviceNetworkEvents | summarize n = count() by RemotePort | sort by n desc"


BROKEN = """\
DeviceNetworkEvents | facet by RemoteIP

print a = "open
| extend b = 1

let f = (port: long) { DeviceNetworkEvents | where RemotePort == port and Nope == 1 };
f(443)

_Im_NetworkSession(nope=1) | count

print list = dynamic([1, 2

DeviceNetworkEvents
| count

print `
"""


class TestQuery:
    def test_answers_over_logs(self, logs: str) -> None:
        result = call("query", "-e", COUNT, logs, "--format", "json")
        assert result.exit_code == 0
        assert json.loads(result.stdout) == [{"RemotePort": 1177, "n": 2}, {"RemotePort": 443, "n": 1}]
        assert result.stderr == ""

    def test_prints_a_table_unless_told_otherwise(self, logs: str) -> None:
        assert " ".join(call("query", "-e", COUNT, logs).stdout.split()).endswith("1177 2 443 1 2 rows")

    def test_needs_no_path_where_no_log_is_named(self) -> None:
        result = call("query", "-e", "print length = 2h + 30m, list = dynamic([1])", "--format", "json")
        assert json.loads(result.stdout) == [{"length": "02:30:00", "list": [1]}]

    def test_says_so_where_a_path_is_needed(self) -> None:
        result = call("query", "-e", COUNT)
        assert result.exit_code == 2
        assert "DeviceNetworkEvents, and no logs were given (name files or folders" in result.stderr

    def test_reads_a_file_or_stdin(self, logs: str, tmp_path: Path) -> None:
        file = tmp_path / "rule.kql"
        file.write_text(f"\ufeff{COUNT}", encoding="utf-8")
        from_file = call("query", str(file), logs, "--format", "csv")
        from_stdin = call("query", "-", logs, "--format", "csv", stdin=COUNT)
        assert from_file.stdout == from_stdin.stdout == "RemotePort,n\n1177,2\n443,1\n"

    def test_answers_several_blocks_in_turn(self) -> None:
        blocks = "print a = 1\n\nprint b = 2"
        assert call("query", "-e", blocks, "--format", "json").stdout == '[\n{"a": 1}\n]\n[\n{"b": 2}\n]\n'
        assert call("query", "-e", blocks, "--format", "ndjson").stdout == '{"a": 1}\n{"b": 2}\n'
        assert call("query", "-e", blocks, "--format", "csv").stdout == "a\n1\n\nb\n2\n"
        assert "line 3" in call("query", "-e", blocks).stdout

    def test_bounds_the_time(self, logs: str) -> None:
        words = ("query", "-e", "DeviceNetworkEvents | count", logs, "--format", "csv")
        assert call(*words, "--since", "2026-05-31T10:05:00Z").stdout == "Count\n2\n"
        assert call(*words, "--until", "2026-05-31T10:00:00Z").stdout == "Count\n1\n"

    def test_now_is_the_newest_event_unless_told_otherwise(self, logs: str) -> None:
        words = ("query", "-e", "DeviceNetworkEvents | where TimeGenerated > ago(6m) | count", logs, "--format", "csv")
        assert call(*words).stdout == "Count\n2\n"
        assert call(*words, "--now", "2026-05-31T10:15:00Z").stdout == "Count\n1\n"
        assert call(*words, "--now", "wall").stdout == "Count\n0\n"

    def test_explains_without_logs(self) -> None:
        result = call("query", "--explain", "-e", COUNT, "--format", "json")
        record = json.loads(result.stdout)
        assert list(record) == ["line", "plan", "rewritten", "sql", "chart"]
        assert "scan DeviceNetworkEvents" in record["plan"]
        assert "GROUP BY" in record["sql"]
        assert "line 1: plan" in call("query", "--explain", "-e", COUNT).stdout

    def test_what_render_asks_for_is_said_and_changes_no_row(self) -> None:
        words = ("query", "-e", "range n from 1 to 2 step 1 | render timechart with (title='x')")
        assert json.loads(call(*words, "--format", "json").stdout) == [{"n": 1}, {"n": 2}]
        assert call(*words).stdout.endswith("2 rows; to be drawn as timechart\n")
        assert json.loads(call(*words, "--explain", "--format", "json").stdout)["chart"] == "timechart"
        assert call(*words, "--explain").stdout.endswith("line 1: chart\ntimechart\n")

    def test_parameters_are_what_the_query_declares(self) -> None:
        words = (
            "query",
            "-e",
            "declare query_parameters(n: long, who: string = 'x'); print n + 1, who",
            "--format",
            "csv",
        )
        assert call(*words, "--parameter", "n=41").stdout == "print_0,print_1\n42,x\n"
        assert call(*words, "--parameter", "n=-2", "--parameter", "who=").stdout == "print_0,print_1\n-1,\n"
        assert "the query parameter `n` has no value (give it with --parameter n=VALUE)" in call(*words).stderr

    def test_a_parameter_of_another_type_is_an_error_at_its_declaration(self) -> None:
        result = call("query", "-e", "declare query_parameters(t: timespan); print t", "--parameter", "t=soon")
        assert result.exit_code == 2
        assert (
            "query:1:26: the query parameter `t` is a timespan, and 'soon' is none (write it like 5m" in result.stderr
        )

    def test_watchlists_and_external_data_are_files_that_the_user_names(
        self, logs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("vips.csv").write_text("Host,Owner\nweb01,eve\n")
        Path("bad.csv").write_text("203.0.113.9\n")
        kql = """
        let bad = externaldata(ip: string) ['https://a.example/bad.csv?of=today'];
        let local = externaldata(ip: string) ['./bad.csv'];
        DeviceNetworkEvents
        | where DeviceName in ((_GetWatchlist('VIPs') | project Host)) and RemoteIP in (bad) and RemoteIP in (local)
        | count
        """
        words = ("query", "-e", kql, logs, "--format", "csv", "--watchlist", "VIPs=vips.csv")
        allowed = ("--external", "https://a.example/bad.csv?of=today=bad.csv", "--external", "bad.csv")
        assert call(*words, *allowed).stdout == "Count\n2\n"
        refused = call(*words)
        assert refused.exit_code == 2
        assert "not allowed (nothing is fetched from the network; name a copy of it with --external" in refused.stderr

    def test_warnings_go_to_stderr_and_quiet_keeps_them(self, logs: str) -> None:
        words = ("query", "-e", "DeviceNetworkEvents | summarize by AccountName", logs, "--format", "json")
        loud, quiet = call(*words), call(*words, "--quiet")
        assert "herdsight: warning: query:1:" in loud.stderr
        assert "InitiatingProcessAccountName" in loud.stderr
        assert quiet.stderr == ""
        assert quiet.stdout == loud.stdout

    @pytest.mark.parametrize(
        ("kql", "warning"),
        [
            ("Acme_CL | count", "`Acme_CL` is a custom log, which is not among the logs: it is taken as empty"),
            ("DeviceFileEvents | count", "no log fills DeviceFileEvents yet: taken as empty"),
            ("_GetWatchlist('VIPs') | count", "the watchlist 'VIPs' was not given: it is taken as empty"),
            ("DeviceNetworkEvents | where ingestion_time() > ago(1h)", "ingestion_time() is TimeGenerated"),
            ("set notruncation; DeviceNetworkEvents | count", "the option 'notruncation' is ignored"),
            ("let f = () { Acme_CL | count }; union (f()), (f())", "`Acme_CL` is a custom log"),
            ("DeviceNetworkEvents | evaluate bag_unpack(AdditionalFields) | summarize by AccountName", "was read"),
        ],
    )
    def test_each_warning_is_said_once(self, logs: str, kql: str, warning: str) -> None:
        for words in (("query", "-e", kql, logs), ("query", "--explain", "-e", kql, logs)):
            result = call(*words)
            assert result.exit_code == 0
            assert result.stderr.count(warning) == 1
            assert result.stderr.count("herdsight: warning: ") == 1

    def test_the_faults_of_all_blocks_are_told_though_some_are_not_even_words(self, tmp_path: Path) -> None:
        file = tmp_path / "rules.kql"
        file.write_text(BROKEN)
        result = call("query", str(file))
        assert result.exit_code == 2  # although what comes first is only not supported
        told = re.findall(r"error: .*:(\d+):(\d+): (.+)", result.stderr)
        assert [(line, column, what.split(" (")[0]) for line, column, what in told] == [
            ("1", "23", "the operator 'facet' is not supported"),
            ("3", "11", "the string is not closed"),
            ("6", "75", "there is no column `Nope`"),
            ("9", "20", "_Im_NetworkSession() has no parameter `nope`"),
            ("11", "27", "expected ',' between the items of an array, found the end of the query"),
            ("16", "7", "'`' begins nothing in KQL"),
        ]
        assert result.stderr.count("^\n") == 6

    def test_what_is_not_supported_alone_ends_with_3(self) -> None:
        assert call("query", "-e", "print 1 | facet by a\n\nprint 1 | reduce by a").exit_code == 3

    def test_every_problem_is_shown_with_its_line_and_place(self) -> None:
        result = call("query", "-e", "print 1\n| where x == 2\n\nNoTable | take 1")
        assert result.exit_code == 2
        assert result.stdout == ""
        first, second = result.stderr.split("herdsight: error: ")[1:]
        assert first.startswith("query:2:9: ")
        assert first.endswith("    2 | | where x == 2\n                ^\n")
        assert second.startswith("query:4:1: ")
        assert second.endswith("    4 | NoTable | take 1\n        ^\n")

    def test_what_is_not_supported_ends_with_3(self) -> None:
        result = call("query", "-e", "DeviceNetworkEvents | facet by RemoteIP")
        assert result.exit_code == 3
        assert "facet" in result.stderr

    @pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv"])
    def test_hostile_log_text_reaches_no_terminal(self, logs: str, form: str) -> None:
        result = call("query", "-e", "DeviceNetworkEvents | where RemotePort == 443", logs, "--format", form)
        assert "owned" in result.stdout
        assert not set(result.output) & {"\x1b", "\x07"}

    def test_json_and_csv_have_the_same_rows(self, logs: str) -> None:
        words = ("query", "-e", "DeviceNetworkEvents | project RemoteIP, RemotePort", logs, "--format")
        rows = csv.DictReader(io.StringIO(call(*words, "csv").stdout))
        assert [row | {"RemotePort": int(row["RemotePort"])} for row in rows] == json.loads(call(*words, "json").stdout)

    def test_hostile_query_text_is_shown_and_not_obeyed(self) -> None:
        result = call("query", "-e", "print \x1b]0;owned\x07")
        assert result.exit_code == 2
        assert "\x1b" not in result.stderr


@pytest.fixture
def beacon(tmp_path: Path) -> str:
    """A file in which a host calls home every five minutes for ten hours, beside one that does little."""
    header, first, *_ = EVENTS.splitlines()
    start = datetime(2026, 5, 31, tzinfo=UTC)
    times = [(start + timedelta(minutes=5 * number)).strftime("%Y-%m-%dT%H:%M:%SZ") for number in range(120)]
    calls = [first.replace("2026-05-31T10:00:00Z", time) for time in times]
    file = tmp_path / "beacon.csv"
    file.write_text(
        "\n".join([header, *calls, f"{times[9]},db01,ConnectionSuccess,203.0.113.7,25,Tcp,10.0.0.7,1,Public", ""])
    )
    return str(file)


class TestHunt:
    def test_prints_a_page_that_names_the_host_and_why(self, beacon: str) -> None:
        result = call("hunt", beacon)
        assert result.exit_code == 0
        assert result.stderr == ""
        words = " ".join(result.stdout.split())
        assert words.startswith("1 host needs attention in ")
        assert "remote 203.0.113.9:1177" in words
        assert "db01" not in words

    def test_json_is_the_contract(self, beacon: str) -> None:
        record = json.loads(call("hunt", beacon, "--format", "json").stdout)
        assert record["schema"] == 1
        assert record["inputs"][0]["rows"] == 121
        assert [found["host"] for found in record["verdicts"]] == ["web01"]
        assert record["findings"][0]["count"] == 120

    def test_ndjson_and_csv_have_a_finding_a_line(self, beacon: str) -> None:
        lines = call("hunt", beacon, "--format", "ndjson").stdout.splitlines()
        rows = list(csv.DictReader(io.StringIO(call("hunt", beacon, "--format", "csv").stdout)))
        assert [json.loads(line)["id"] for line in lines] == [row["id"] for row in rows]
        assert "beacon-fixed-endpoint" in {row["detection"] for row in rows}
        assert {row["remotes"] for row in rows} == {"203.0.113.9"}

    def test_the_command_that_it_suggests_shows_every_row_behind_the_finding(self, beacon: str) -> None:
        page = call("hunt", beacon, "--since", "2026-05-31T00:05:00Z").stdout
        line = next(line for line in page.splitlines() if "herdsight query" in line)
        _, *words = shlex.split(line)
        assert words[-2:] == ["--since", "2026-05-31T00:05:00Z"]
        assert len(json.loads(call(*words, "--format", "json").stdout)) == 119

    @pytest.mark.parametrize(("threshold", "status"), [("low", 1), ("medium", 1), ("high", 1)])
    def test_fail_on_ends_with_1_when_something_is_as_severe(self, beacon: str, threshold: str, status: int) -> None:
        result = call("hunt", beacon, "--fail-on", threshold, "--format", "csv")
        assert result.exit_code == status
        assert "web01" in result.stdout

    def test_fail_on_is_0_where_nothing_is_found(self, logs: str) -> None:
        result = call("hunt", logs, "--fail-on", "low")
        assert result.exit_code == 0
        assert "Nothing found in " in result.stdout

    def test_a_folder_without_logs_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "README").write_text("no log")
        result = call("hunt", str(tmp_path))
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.startswith("herdsight: error: ")

    @pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv"])
    def test_hostile_log_text_reaches_no_terminal(self, beacon: str, form: str) -> None:
        text = Path(beacon).read_text().replace("web01", "\x1b]0;owned\x07[red]\u202eweb[/red]")
        Path(beacon).write_text(text)
        result = call("hunt", beacon, "--format", form)
        assert "[red]" in result.stdout
        assert not set(result.output) & {"\x1b", "\x07", "\u202e"}

    @pytest.mark.parametrize("width", [40, 80, 200])
    def test_the_page_keeps_to_the_width(self, beacon: str, width: int) -> None:
        lines = run(["hunt", beacon], COLUMNS=str(width)).stdout.splitlines()
        assert max(len(line) for line in lines if "herdsight query" not in line) <= width


ENDLESS = "range n from 1 to 3000000 step 1"


@contextmanager
def started(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> Iterator[subprocess.Popen[bytes]]:
    """A process that Ctrl-C reaches, also where the tests run in the background and ignore it; gone in the end."""

    def heed_interrupts() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(  # noqa: S603 our own program
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment),
        preexec_fn=heed_interrupts,  # noqa: PLW1509 no thread is about to hold a lock here
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class TestEndings:
    def test_a_reader_that_goes_away_is_no_error(self) -> None:
        words = [sys.executable, "-m", "herdsight", "query", "-e", ENDLESS, "--format", "ndjson"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
            assert process.stdout
            assert process.stderr
            assert process.stdout.readline() == b'{"n": 1}\n'
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 141

    @pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")
    def test_ctrl_c_is_130_without_a_traceback(self) -> None:
        words = [sys.executable, "-m", "herdsight", "query", "-e", ENDLESS, "--format", "ndjson"]
        with started(words) as process:
            assert process.stdout
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, complaint = process.communicate(timeout=60)
        assert process.returncode == 130
        assert complaint == b"herdsight: interrupted\n"

    @pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")
    @pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_an_end_in_mid_query_leaves_nothing_on_the_disk(
        self, tmp_path: Path, sent: signal.Signals, status: int
    ) -> None:
        slow = "range n from 1 to 100000000000 step 1 | summarize sum(n)"
        words = [sys.executable, "-m", "herdsight", "query", "-e", slow]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        with started(words, environment) as process:
            deadline = time.monotonic() + 60
            while not list(tmp_path.glob("herdsight-*/tables.duckdb")):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            time.sleep(1)  # into the query
            process.send_signal(sent)
            _, complaint = process.communicate(timeout=60)
        assert process.returncode == status
        assert complaint == b"herdsight: interrupted\n"
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
    def test_a_full_disk_is_one_message(self) -> None:
        words = [sys.executable, "-m", "herdsight", "query", "-e", "print 1", "--format", "json"]
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603
        assert done.returncode == 2
        assert done.stderr == "herdsight: error: there is no space left on the disk that is written to\n"

    def test_data_is_utf_8_whatever_the_locale_says(self) -> None:
        words = [sys.executable, "-m", "herdsight", "query", "-e", "print x = 'Zoë'", "--format", "json"]
        environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
        done = subprocess.run(words, capture_output=True, check=True, env=environment)  # noqa: S603
        assert json.loads(done.stdout.decode("utf-8")) == [{"x": "Zoë"}]
