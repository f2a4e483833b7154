"""The prompt that `herdsight query` opens: what it completes, when a query ends, and what one sees on a terminal."""

import os
import re
import select
import signal
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from herdsight import tables
from herdsight.cli import questions
from herdsight.cli.printing import Printer
from herdsight.cli.prompt import loop
from herdsight.cli.prompt.completion import completions
from herdsight.cli.prompt.endings import is_ended
from herdsight.cli.prompt.history import history, history_path
from herdsight.cli.prompt.vocabulary import Vocabulary
from herdsight.kql import catalogue
from herdsight.kql.binding.plugins import PLUGINS
from herdsight.kql.binding.scalars import SPECIAL
from herdsight.kql.operators import OPERATORS, SOURCES
from herdsight.telemetry import Options

EVENTS = """\
Timestamp,DeviceName,ActionType,RemoteIP,RemotePort,Protocol,LocalIP,LocalPort,RemoteIPType
2026-05-31T10:00:00Z,web01,ConnectionSuccess,203.0.113.9,1177,Tcp,10.0.0.5,50001,Public
2026-05-31T10:05:00Z,db01,ConnectionSuccess,203.0.113.9,443,Tcp,10.0.0.6,50002,Public
"""
VOCABULARY = Vocabulary(tables.DECLARED, tables.NAMES, {"VIPs": ("Host", "Owner name")})


@pytest.fixture
def events(tmp_path: Path) -> Path:
    file = tmp_path / "events.csv"
    file.write_text(EVENTS, encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "herdsight" / "history"


def offered(text: str, behind: str = "") -> list[str]:
    """What is offered at the end of a text, behind which another follows."""
    return [each.text for each in completions(text + behind, len(text), VOCABULARY)]


class TestCompletion:
    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("", "DeviceNetworkEvents"),
            ("Comm", "CommonSecurityLog"),
            ("print 1;\nComm", "CommonSecurityLog"),
            ("print 1\n\nComm", "CommonSecurityLog"),
            ("pri", "print"),
            ("_Im_Dn", "_Im_Dns("),
            ("DeviceNetworkEvents | ", "where"),
            ("DeviceNetworkEvents |summ", "summarize"),
            ("DeviceNetworkEvents\n| project-a", "project-away"),
            ("DeviceNetworkEvents | where Remote", "RemoteIP"),
            ("DeviceNetworkEvents | where remotep", "RemotePort"),
            ("DeviceNetworkEvents | where strlen(Remote", "RemoteIP"),
            ("DeviceNetworkEvents | where RemotePort-Loc", "LocalIP"),
            ("DeviceNetworkEvents | where RemoteIP ha", "has"),
            ("DeviceNetworkEvents | where RemoteIP !ha", "!has"),
            ("DeviceNetworkEvents | where startofd", "startofday("),
            ("DeviceNetworkEvents | summarize dc", "dcount("),
            ("DeviceNetworkEvents | summarize n = count() b", "by"),
            ("DeviceNetworkEvents | summarize n = count() by DeviceN", "DeviceName"),
            ("DeviceNetworkEvents | extend total = 1 | where tot", "total"),
            ("DeviceNetworkEvents | sort ", "by"),
            ("DeviceNetworkEvents | sort by RemoteIP d", "desc"),
            ("DeviceNetworkEvents | join ", "kind="),
            ("DeviceNetworkEvents | join kind=lefta", "leftanti"),
            ("DeviceNetworkEvents | join kind=inner Comm", "CommonSecurityLog"),
            ("DeviceNetworkEvents | join kind=inner (Comm", "CommonSecurityLog"),
            ("DeviceNetworkEvents | join (CommonSecurityLog) o", "on"),
            ("DeviceNetworkEvents | join (CommonSecurityLog) on DeviceV", "DeviceVendor"),
            ("union DeviceNetworkEvents, Comm", "CommonSecurityLog"),
            ("DeviceNetworkEvents | where RemoteIP in (Comm", "CommonSecurityLog"),
            ("DeviceNetworkEvents | evaluate bag", "bag_unpack("),
            ("DeviceNetworkEvents | render time", "timechart"),
            ("_GetWatchlist('VIPs') | project Own", '["Owner name"]'),
            ("_Im_Dns() | where DnsQ", "DnsQuery"),
            ("let bad = 5; let f = (x: long) { x }; b", "bad"),
            ("let f = (x: long) { x }; DeviceNetworkEvents | where f", "f("),
            ("let seen = DeviceNetworkEvents | count; CommonSecurityLog | join (se", "seen"),
            ("let f = () { Comm", "CommonSecurityLog"),
            ("let latest = toscalar(Comm", "CommonSecurityLog"),
            ("datatable(name: str", "string"),
            (".col", ".columns"),
            (".columns Comm", "CommonSecurityLog"),
            (".help summ", "summarize"),
        ],
    )
    def test_offers_what_may_stand_there(self, text: str, first: str) -> None:
        assert offered(text)[0] == first

    @pytest.mark.parametrize(
        "text",
        [
            'print "Dev',
            "print 'a', 'Dev",
            "print 1 // Dev",
            "print 5",
            "print 5m",
            "DeviceNetworkEvents | where AdditionalFields.Dev",
            "let Dev",
            "DeviceNetworkEvents | as Dev",
            "DeviceNetworkEvents",
        ],
    )
    def test_offers_nothing_where_no_name_can_stand_or_none_is_missing(self, text: str) -> None:
        assert offered(text) == []

    def test_offers_columns_of_named_tables_alone(self) -> None:
        assert "DeviceVendor" not in offered("DeviceNetworkEvents | where Device")
        assert "DeviceVendor" in offered("union DeviceNetworkEvents, CommonSecurityLog | where Device")

    def test_a_column_that_the_query_makes_comes_behind_those_of_the_table(self) -> None:
        found = offered("DeviceNetworkEvents | extend RemoteNet = 1 | where Remote")
        assert found.index("RemoteIP") < found.index("RemoteNet")

    def test_reads_no_further_than_the_cursor_and_replaces_the_word_there(self) -> None:
        text = "DeviceNetworkEvents | where Rem"
        (first, *_) = completions(f"{text} == 1 | take 5", len(text), VOCABULARY)
        assert (first.text, first.start) == ("RemoteIP", len("DeviceNetworkEvents | where "))

    def test_says_what_each_is_and_how_it_is_written(self) -> None:
        text = "DeviceNetworkEvents | where "
        found = {each.text: (each.kind, each.note) for each in completions(text, len(text), VOCABULARY)}
        assert found["RemotePort"] == ("column", "int")
        substring = completions("print substr", 12, VOCABULARY)[0]
        assert (substring.kind, substring.note) == ("function", "substring(any, long, [long]): string")
        let = "let f = (x: long, y: string) { x }; print f"
        assert completions(let, len(let), VOCABULARY)[0].note == "(x: long, y: string)"

    @pytest.mark.parametrize("text", ["print `", "T | where a == \x00", "))", "((((", "|||", ". .", "let", "'"])
    def test_odd_texts_are_no_trouble(self, text: str) -> None:
        for cursor in range(len(text) + 1):
            completions(text, cursor, VOCABULARY)

    def test_offers_nothing_in_a_text_of_too_many_queries(self) -> None:
        assert offered("print 1\n\n" * 2_000 + "Dev") == []

    def test_is_quick_in_a_long_query(self) -> None:
        text = "DeviceNetworkEvents\n" + "| where RemoteIP has 'a' and RemotePort in (1, 2, 3)\n" * 200 + "| where Rem"
        begun = time.perf_counter()
        assert offered(text)[0] == "RemoteIP"
        assert time.perf_counter() - begun < 0.25


class TestVocabulary:
    def test_has_every_operator_source_plugin_and_special_function(self) -> None:
        assert set(catalogue.OPERATORS) == set(OPERATORS)
        assert set(catalogue.SOURCES) == set(SOURCES)
        assert set(catalogue.PLUGINS) == set(PLUGINS)
        assert set(catalogue.SPECIAL) == set(SPECIAL)

    def test_forms_begin_with_their_names(self) -> None:
        for name in VOCABULARY.names:
            assert all(entry.form.startswith(name) for entry in VOCABULARY.entries(name)), name


class TestEnding:
    @pytest.mark.parametrize(
        "typed",
        [
            "",
            "  ",
            ".tables",
            "DeviceNetworkEvents | count;",
            "DeviceNetworkEvents | count;  ",
            "DeviceNetworkEvents\n| count\n",
            "let a = 1; print a;",
            "let a = 1;\nprint a\n",
            "print a = 'x\n",
            "let f = () { print 1; }; f();",
            "DeviceNetworkEvents |\n\n",
        ],
    )
    def test_ends(self, typed: str) -> None:
        assert is_ended(typed)

    @pytest.mark.parametrize(
        "typed",
        [
            "DeviceNetworkEvents",
            "DeviceNetworkEvents | count",
            "DeviceNetworkEvents |",
            "DeviceNetworkEvents |\n",
            "DeviceNetworkEvents\n| where RemotePort in (1,\n",
            "let a = 1;",
            "let a = 1;\n",
            "let f = () { print 1;",
            "set notruncation;",
            "print ';'",
            "print 1 // ;",
        ],
    )
    def test_goes_on(self, typed: str) -> None:
        assert not is_ended(typed)


class TestHistory:
    def test_is_in_the_state_folder_for_the_user_alone(self, own_state: Path) -> None:
        history().append_string("print 1")
        assert history_path() == own_state
        assert stat.S_IMODE(own_state.stat().st_mode) == 0o600
        assert stat.S_IMODE(own_state.parent.stat().st_mode) == 0o700
        assert list(history().load_history_strings()) == ["print 1"]

    def test_is_made_private_where_it_was_not(self, own_state: Path) -> None:
        own_state.parent.mkdir(parents=True)
        own_state.touch(mode=0o644)
        history()
        assert stat.S_IMODE(own_state.stat().st_mode) == 0o600

    def test_of_a_state_folder_that_is_no_path_is_in_the_home(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", "relative")
        assert history_path() == Path.home() / ".local" / "state" / "herdsight" / "history"

    def test_is_not_kept_where_it_cannot_be(self, own_state: Path) -> None:
        own_state.parent.parent.mkdir(parents=True)
        own_state.parent.write_text("in the way")
        history().append_string("print 1")


def talk(keys: str, *paths: Path, options: Options | None = None, quiet: bool = False) -> None:
    """Type these keys at a prompt over these logs, and Ctrl-D."""
    printer = Printer("table", quiet=quiet, no_progress=True)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(f"{keys}\x04")
        loop.run(paths, options or Options(), printer)


class TestLoop:
    def test_answers_until_one_leaves(self, events: Path, capsys: pytest.CaptureFixture[str]) -> None:
        talk("DeviceNetworkEvents | count\r\rprint x = 'b';\r", events)
        said = capsys.readouterr()
        assert " ".join(said.out.split()) == "Count ───── 2 1 row x ─ b 1 row"
        assert said.err.startswith("2 rows of DeviceNetworkEvents. An empty line or ; ends a query")

    def test_reads_the_logs_once(self, events: Path, capsys: pytest.CaptureFixture[str]) -> None:
        events.write_text(EVENTS + "yesterday,web01,x,203.0.113.9,1,Tcp,10.0.0.5,1,Public\n")
        talk("DeviceNetworkEvents | count;\rDeviceNetworkEvents | count;\r", events)
        said = capsys.readouterr()
        assert said.out.count("1 row") == 2
        assert said.err.count("records were rejected") == 1

    def test_an_error_is_shown_with_its_place_and_is_no_end(
        self, events: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        talk("DeviceNetworkEvents\r| where Nope == 1;\rprint 7;\r", events)
        said = capsys.readouterr()
        assert "query:2:9: there is no column `Nope`" in said.err
        assert "    2 | | where Nope == 1;\n                ^\n" in said.err
        assert "7" in said.out

    def test_warnings_are_said(self, events: Path, capsys: pytest.CaptureFixture[str]) -> None:
        talk("DeviceNetworkEvents | summarize by AccountName;\rDeviceFileEvents | count;\r", events)
        said = capsys.readouterr().err
        assert said.count("`InitiatingProcessAccountName` was read") == 1
        assert said.count("no log fills DeviceFileEvents yet") == 1

    def test_a_long_answer_is_cut_and_says_how_many_more(self, capsys: pytest.CaptureFixture[str]) -> None:
        talk("range n from 1 to 2500000 step 1;\r")
        shown = capsys.readouterr().out
        assert "100 of 2,500,000 rows shown" in shown
        assert " 100 \n" in shown
        assert " 101 \n" not in shown

    def test_blocks_that_are_pasted_run_in_turn(self, capsys: pytest.CaptureFixture[str]) -> None:
        talk("\x1b[200~print a = 1\n\nprint b = 2\x1b[201~;\r")
        assert capsys.readouterr().out.count("1 row") == 2

    def test_ctrl_c_clears_what_was_typed(self, capsys: pytest.CaptureFixture[str]) -> None:
        talk("print 1\r| nonsense\x03print 2;\r")
        said = capsys.readouterr()
        assert "2" in said.out
        assert "error" not in said.err

    def test_logs_are_needed_where_a_table_is_named(self, capsys: pytest.CaptureFixture[str]) -> None:
        talk("DeviceNetworkEvents | count;\rprint 1;\r")
        said = capsys.readouterr()
        assert "No logs." in said.err
        assert "DeviceNetworkEvents, and no logs were given" in said.err
        assert "1 row" in said.out

    def test_watchlists_and_parameters_are_there_for_every_query(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        vips = tmp_path / "vips.csv"
        vips.write_text("Host,Owner\nweb01,eve\n")
        given = Options(watchlists=(("VIPs", str(vips)),), parameters=(("n", "6"),))
        talk(
            "declare query_parameters(n: long);\rprint answer = n * 7;\r_GetWatchlist('VIPs') | project Owner;\r",
            options=given,
        )
        said = capsys.readouterr()
        assert "42" in said.out
        assert "eve" in said.out
        assert "error" not in said.err

    @pytest.mark.parametrize(
        ("typed", "shown"),
        [
            (".tables", "DeviceNetworkEvents 2 2026-05-31 10:00:00 2026-05-31 10:05:00"),
            (".tables dns", "ASimDnsActivityLogs"),
            (".columns CommonSecurityLog", "DeviceVendor string"),
            (".help", "Ctrl-D leaves"),
            (".help substring", "substring(any, long, [long]): string Microsoft's page: substring-function"),
            (".help facet", "facet not supported: a query gives one table"),
        ],
    )
    def test_commands_show(self, events: Path, typed: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
        talk(f"{typed}\r", events)
        assert shown in " ".join(capsys.readouterr().out.split())

    @pytest.mark.parametrize(
        ("typed", "what"),
        [
            (".nope", "there is no command '.nope' (there are .tables, .columns, .help, .quit)"),
            (".columns", "there is no table '' (name one: .columns TABLE)"),
            (".columns DeviceNetworkEvent", "did you mean `DeviceNetworkEvents`?"),
            (".tables zzz", "there is no table with 'zzz' in its name"),
            (".help summarise", "did you mean `summarize`?"),
        ],
    )
    def test_wrong_commands_say_what_is_right(self, typed: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
        talk(f"{typed}\r")
        assert what in capsys.readouterr().err

    def test_quit_leaves_at_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        talk(".quit\rprint 1;\r")
        assert capsys.readouterr().out == ""

    def test_quiet_says_errors_alone(self, events: Path, capsys: pytest.CaptureFixture[str]) -> None:
        talk("DeviceFileEvents | count;\r", events, quiet=True)
        assert capsys.readouterr().err == ""

    def test_hostile_log_text_reaches_no_terminal(self, events: Path, capsys: pytest.CaptureFixture[str]) -> None:
        events.write_text(EVENTS.replace("web01", "\x1b]0;owned\x07"))
        talk("DeviceNetworkEvents | project DeviceName;\r", events)
        assert not set(capsys.readouterr().out) & {"\x1b", "\x07"}


class TestWhatOpensIt:
    @pytest.fixture(autouse=True)
    def on_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(questions, "_on_terminal", lambda: True)

    def test_logs_without_a_query(self, events: Path, tmp_path: Path) -> None:
        for arguments in ((), (str(tmp_path),), (str(events),), (str(events), str(tmp_path))):
            assert questions.asks_for_prompt(arguments, Options())

    @pytest.mark.parametrize("content", ["DeviceNetworkEvents | count", EVENTS, ""])
    def test_a_file_of_kql_is_a_query_whatever_it_holds(self, tmp_path: Path, content: str) -> None:
        file = tmp_path / "rule.KQL"
        file.write_text(content)
        assert not questions.asks_for_prompt((str(file),), Options())

    def test_a_query_under_another_name_stays_one(self, tmp_path: Path) -> None:
        file = tmp_path / "rule.txt"
        file.write_text("DeviceNetworkEvents\n| where RemotePort == 443, 80\n| count\n")
        assert not questions.asks_for_prompt((str(file), str(tmp_path)), Options())

    def test_stdin_and_what_is_not_there_stay_as_they_are(self) -> None:
        for name in ("-", "no-such.kql", "no-such.log"):
            assert not questions.asks_for_prompt((name,), Options())

    def test_nothing_does_off_a_terminal(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(questions, "_on_terminal", lambda: False)
        assert not questions.asks_for_prompt((str(tmp_path),), Options())


pty = pytest.importorskip("pty", reason="terminals as on POSIX")


class Terminal:
    """A program on a terminal of its own, as a person has it before them."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int) -> None:
        self.process = process
        self._master = master
        self._seen = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def see(self, pattern: str, patience: float = 60) -> str:
        """Everything until the pattern shows, without the codes that place it."""
        deadline = time.monotonic() + patience
        while not (found := re.search(pattern, self._seen)):
            assert time.monotonic() < deadline, f"{pattern} did not show: {self._seen[-2000:]}"
            if select.select([self._master], [], [], 0.1)[0]:
                self._read()
        shown, self._seen = self._seen[: found.end()], self._seen[found.end() :]
        return shown

    def _read(self) -> None:
        try:
            text = os.read(self._master, 1 << 16).decode(errors="replace")
        except OSError:  # the program has closed its side
            assert self.process.wait(60) is not None
            raise
        if "\x1b[6n" in text:
            self.type("\x1b[1;1R")  # where the cursor is, which the program asks
        self._seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)

    def status(self) -> int:
        """How the program ended; it must be about to."""
        with suppress(OSError):
            self.see("nothing that it says")
        return self.process.wait(60)


# Takes the terminal for its own, so that Ctrl-C reaches it, and becomes the program.
BEGIN = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "herdsight", *sys.argv[1:]])
"""


@contextmanager
def terminal(*words: str) -> Iterator[Terminal]:
    """`herdsight` with these words on a terminal; gone in the end."""
    import fcntl
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-c", BEGIN, *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


class TestTerminal:
    def test_a_talk_from_beginning_to_end(self, events: Path, own_state: Path) -> None:
        with terminal("query", str(events)) as program:
            program.see("2 rows of DeviceNetworkEvents")
            program.see("kql>")
            program.type("DeviceNetworkEv")
            program.see("table")  # the menu
            program.type("\t")
            program.see("ents")
            program.type(" |\r")
            program.type(" count\r\r")
            program.see("1 row")
            program.see("kql>")
            program.type("DeviceNetworkEvents | where Nope == 1;\r")
            program.see("there is no column `Nope`")
            program.see(r"\^")
            program.see("kql>")
            program.type("range n from 1 to 1000000000000 step 1 | summarize sum(n);\r")
            program.see("sum")
            time.sleep(2)  # into the query
            program.type("\x03")
            program.see("stopped")
            program.see("kql>")
            program.type("garbage\x03")
            program.see("kql>")
            program.type("print answer = 42;\r")
            program.see("42")
            program.see("kql>")
            program.type("\x04")
            assert program.status() == 0
        kept = own_state.read_text(encoding="utf-8")
        assert "+DeviceNetworkEvents |\n+ count\n" in kept
        assert "garbage" not in kept

    @pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
    def test_an_end_from_outside_leaves_nothing_on_the_disk(
        self, sent: signal.Signals, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setenv("TMPDIR", str(folder))
        with terminal("query") as program:
            program.see("kql>")
            assert list(folder.iterdir())
            program.process.send_signal(sent)
            assert program.status() == status
        assert list(folder.iterdir()) == []

    def test_a_query_file_runs_there_as_anywhere(self, tmp_path: Path) -> None:
        file = tmp_path / "rule.kql"
        file.write_text("print answer = 42")
        with terminal("query", str(file)) as program:
            program.see("42")
            assert program.status() == 0

    @pytest.mark.parametrize("words", [("--format", "json"), ("--explain",)])
    def test_a_call_for_programs_opens_none(self, words: Sequence[str]) -> None:
        with terminal("query", *words) as program:
            program.see("give a query: FILE.kql, - for stdin, or -e KQL")
            assert program.status() == 2
