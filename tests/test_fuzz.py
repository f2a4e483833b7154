"""Fuzzing: whatever a text holds, it ends in an answer or in an error that says what is wrong and where.

`make test` tries the same texts each time, for some seconds; `make fuzz` tries others, for as long as it is told to.
"""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kql_grammar import expressions, queries
from test_printing import PAIRS, check_printing, parsable

from herdsight import querying
from herdsight.errors import EngineError, InputError, QueryError
from herdsight.kql import operators
from herdsight.kql.lexer import Text, lenient
from herdsight.telemetry import Options, Telemetry

COMPILED_S, ANSWERED_S = 2.0, 60.0
ROUND = int(os.environ.get("HERDSIGHT_FUZZ_ROUND", "0"))  # how many texts `make fuzz` tries of each kind in a round


def fuzzing(examples: int) -> settings:
    """So many texts, the same each time; more of them, and others each time, in a round of `make fuzz`."""
    return settings(
        max_examples=ROUND * examples // 100 or examples,
        derandomize=not ROUND,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


# --- what must hold of every text -----------------------------------------------------------------------------------


class Hang(KeyboardInterrupt):
    """A text took too long. It is a KeyboardInterrupt so that the engine stops its work for it."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Fail where what stands inside takes more of the processor's time: other work on the machine does not count."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    except Hang:
        pytest.fail(f"took longer than {seconds} s")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class Runner:
    """One engine for many texts: tables of logs are there, and empty."""

    def __init__(self) -> None:
        self._telemetry = self._opened()

    def _opened(self) -> Telemetry:
        return Telemetry([], Options(threads=1, memory="1GB"))

    def check(self, text: str) -> None:
        """A text ends in an answer or in an error of its own, in time."""
        known = replace(querying.DECLARED, probe=querying._probe(self._telemetry))
        try:
            with limited(COMPILED_S):
                ready = querying.compiled(text, "query", known)
            with limited(ANSWERED_S):
                for each in ready:
                    querying.run(self._telemetry, each.query.relation)
        except QueryError as error:
            check_places(error, text)
        except InputError:
            pass
        except EngineError as error:
            if is_sql(error):
                raise

    def close(self) -> None:
        """Let go of the engine."""
        self._telemetry.close()


def check_places(error: QueryError, text: str) -> None:
    """Every fault has a code and a place, which is in the text."""
    lines = text.split("\n")
    for problem in error.problems:
        assert problem.code, problem
        assert problem.place is not None, problem
        assert problem.place.line is not None
        assert 1 <= problem.place.line <= len(lines), problem
        assert problem.place.column is None or problem.place.column <= len(lines[problem.place.line - 1]) + 1, problem


def is_sql(error: EngineError) -> bool:
    """Whether an error is about SQL, which nobody has written: DuckDB names the part of it that complains."""
    return error.what.partition(":")[0].endswith("Error")


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


# --- random texts ---------------------------------------------------------------------------------------------------


@fuzzing(250)
@given(text=queries())
def test_a_random_query_ends_well(runner: Runner, text: str) -> None:
    runner.check(text)


@fuzzing(300)
@given(text=expressions())
def test_random_values_end_well(runner: Runner, text: str) -> None:
    runner.check(text)


@fuzzing(300)
@given(text=queries() | expressions())
def test_a_random_query_is_printed(text: str) -> None:
    for part in parsable(text):
        check_printing(part)


_SHORT = [text for text in PAIRS.values() if len(text) < 2_000]
_WORDS = (
    "|",
    "(",
    ")",
    "[",
    "]",
    ",",
    "=",
    "..",
    "-",
    "*",
    ";",
    "by",
    "on",
    "let",
    "'",
    "0",
    "x",
    "\n\n",
    "//",
    "{",
    "}",
    ".",
    ":",
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A query of a pair with some of its tokens left out, doubled, swapped, replaced, or those of another put in."""
    found = _pieces(draw(st.sampled_from(_SHORT)))
    for _ in range(draw(st.integers(1, 4))):
        place, other = (draw(st.integers(0, max(len(found) - 1, 0))) for _ in range(2))
        match draw(st.integers(0, 5)):
            case 0:
                del found[place : place + 1]
            case 1:
                found[place:place] = found[place : place + 3]
            case 2 if found:
                found[place], found[other] = found[other], found[place]
            case 3:
                found[place : place + 1] = [draw(st.sampled_from(_WORDS))]
            case 4:
                another = _pieces(draw(st.sampled_from(_SHORT)))
                begin = draw(st.integers(0, len(another)))
                found[place:] = another[begin:]
            case _:
                found[place:place] = [draw(st.sampled_from(found or ["x"]))]
    return " ".join(found)


def _pieces(text: str) -> list[str]:
    return [token.text for token in lenient(Text(text))][:-1]


@fuzzing(400)
@given(text=mutated())
def test_a_query_with_slips_ends_well(runner: Runner, text: str) -> None:
    runner.check(text)


@fuzzing(400)
@given(text=mutated())
def test_a_query_with_slips_is_printed_if_it_is_one(text: str) -> None:
    for part in parsable(text):
        check_printing(part)


@fuzzing(300)
@given(
    text=st.text()
    | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | st.text(alphabet="".join(_WORDS))
)
@example(text="print datetime(\ud800)")
@example(text="\ufeffprint 1")
def test_any_text_ends_well(runner: Runner, text: str) -> None:
    runner.check(text)


def test_the_grammar_has_every_operator() -> None:
    from kql_grammar import OPERATORS

    assert set(OPERATORS) == set(operators.OPERATORS)


# --- texts that fuzzing found ---------------------------------------------------------------------------------------

FOUND = (
    "print -(dynamic({}))",
    "print format_bytes(real(inf)), format_bytes(decimal(1e20)), format_bytes(int(-2147483648))",
    "print round(1e10, -9223372036854775807), round(1.5, int(null)), round(long(5), int(null))",
    'print extract(strrep("(", 1), 1, "x")',
    'print n = 1 | extend extract(strcat("(", tostring(n), ")"), 5, "1")',
    "print make_datetime(int(-2147483648), 1, 2147483647, -5)",
    'print datetime_local_to_utc(datetime(2024-01-01), ""), datetime_utc_to_local(datetime(2024-01-01), "a")',
    'print s = "a" | parse kind=regex s with "[" x',
    'print s = "a" | extend format_datetime(datetime(2024-01-01), s)',
    "print y = dynamic([1]), i = 1, r = 1.0 | make-series make_dictionary(y, i) on r step 0.3 by y",
    "print n = 1 | make-series a = arg_min(datetime(1970-01-01), 1h) on n to 5 step 1",
    "union kind=inner (print a = 1), (print b = 1)",
    "print time = 1, time = 2",
    'print a = 1 | sort by "x" asc',
    "print a = 1 | sort by 0s asc, 5 desc, true asc, datetime(null) asc",
    "print r = 1.5 | sort by strcat_array(dynamic([1]), tostring(r))",
    "print round(decimal(-0.1), int(null))",
    "print percentile_tdigest(dynamic([]), 1.5), rank_tdigest(dynamic([]), 1), percentrank_tdigest(dynamic([]), 1)",
    "print startofmonth(datetime(2024-02-29), ceiling(int(-2147483648)))",
    "print make_datetime(int(-5), 1, getmonth(now()), int(-5)), make_datetime(2024, 1, getmonth(now()), 1, 1, 1e308)",
    'print split("a", "b", int(2147483647)), substring("abc", int(2147483647), int(2147483647))',
    "range x from -9223372036854775808 to 9223372036854775807 step 4611686018427387904",
    "range x from 0.0 to real(inf) step 1.0 | take 1",
    "range x from 0.0 to real(nan) step 1.0",
)


@pytest.mark.parametrize("kql", FOUND)
def test_what_was_found_once_ends_well(runner: Runner, kql: str) -> None:
    runner.check(kql)


# --- hostile sizes --------------------------------------------------------------------------------------------------

MILLION = 1_000_000
DOUBLED = "let f0 = (x: long) { x };" + "".join(f"let f{n + 1} = (x: long) {{ f{n}(x) + f{n}(x) }};" for n in range(30))
HOSTILE = {
    "10 MB of blanks": " " * (10 * MILLION),
    "10 MB of one name": "a" * (10 * MILLION),
    "10 MB of one number": "print " + "9" * (10 * MILLION),
    "10 MB of queries": "print 1\n\n" * MILLION,
    "10 MB of quotes": "print " + "'" * (10 * MILLION),
    "2 MB of parentheses": "(" * (2 * MILLION),
    "a million queries": "T\n\n" * (MILLION // 2),
    "10,000 nested parentheses": "print " + "(" * 10_000 + "1" + ")" * 10_000,
    "10,000 signs": "print " + "-" * 10_000 + "1",
    "10,000 indexes": "print a" + "[0]" * 10_000,
    "1,000 indexes": "print dynamic(1)" + "[0]" * 1_000,
    "100,000 dots": "print a" + ".b" * 100_000,
    "100,000 conditions": "print a = 1 | where " + " and ".join(["a == 1"] * 100_000),
    "100,000 constants": "print " + " and ".join(["true"] * 100_000),
    "100,000 sums": "print " + " + ".join(["1"] * 100_000),
    "1,000 sums": "range a from 1 to 1 step 1 | extend b = " + " + ".join(["a"] * 1_000),
    "a list of 50,000": f"range a from 1 to 3 step 1 | where a in ({','.join(map(str, range(50_000)))})",
    "a string of 1 MB": 'print strlen("' + "x" * MILLION + '")',
    "a name of 1 MB": "print " + "x" * MILLION + "()",
    "an operator of 1 MB": "print 1 | " + "x" * MILLION,
    "a guid of 1 MB": "print guid(" + "1" * MILLION + ")",
    "a datetime of 1 MB": "print datetime(" + "1" * MILLION + ")",
    "a timespan of 1 MB": "print " + "1" * MILLION + "d",
    "deep JSON": "print dynamic(" + "[" * 100_000 + "]" * 100_000 + ")",
    "deep JSON in a string": "print parse_json('" + "[" * 500_000 + "]" * 500_000 + "')",
    "a NUL": "print \0 1",
    "a NUL in a string": 'print strlen("a\0b")',
    "a NUL in a name": 'print ["a\0b"] = 1',
    "half a character": "print \ud800",
    "half a character in a string": 'print "\ud800"',
    "half a character in a comment": "print 1 // \ud800",
    "20,000 columns": "print " + ", ".join(f"a{n} = 1" for n in range(20_000)),
    "20,000 operators": "print a = 1" + " | where a == 1" * 20_000,
    "1,000 layers": "print a = 1" + "".join(f" | extend a{n} = 1" for n in range(1_000)),
    "30 joins": "print x = 1" + " | join (print x = 1) on x" * 30,
    "30 unions of itself": "let t0 = print 1;"
    + "".join(f"let t{n + 1} = union t{n}, t{n};" for n in range(30))
    + "t30",
    "30 functions that call one twice": DOUBLED + "print f30(1)",
    "300 sums of itself": "let a0 = toscalar(print 1);"
    + "".join(f"let a{n + 1} = a{n} + a{n};" for n in range(300))
    + "print a300",
    "a range without end": "range x from 1 to 9223372036854775807 step 1 | take 1",
    "a series without end": "print t = now() | make-series count() on t from datetime(1900-01-01) to now() step 1s",
    "a pattern of 1,000 groups": "print 'a' matches regex '" + "(a" * 1_000 + ")" * 1_000 + "'",
}


@pytest.mark.parametrize("size", HOSTILE)
def test_a_hostile_size_ends_in_time(runner: Runner, size: str) -> None:
    gc.collect()
    gc.freeze()  # what earlier tests left is no work of this one
    try:
        before = time.process_time()
        runner.check(HOSTILE[size])
        assert time.process_time() - before < COMPILED_S
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("size", ["10,000 nested parentheses", "10 MB of quotes", "a NUL", "deep JSON"])
def test_the_command_line_says_so_with_status_2(tmp_path: Path, size: str) -> None:
    path = tmp_path / "query.kql"
    path.write_text(HOSTILE[size], encoding="utf-8")
    ended = subprocess.run(  # noqa: S603 our own interpreter
        [sys.executable, "-m", "herdsight", "query", str(path)], capture_output=True, check=False, timeout=20
    )
    assert ended.returncode == 2
    assert b"herdsight: error: " in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert len(ended.stderr) < 10_000


def test_an_error_of_the_prelude_is_in_our_words(runner: Runner) -> None:
    kql = "print t = datetime(1900-01-01) | make-series count() on t from datetime(1900-01-01) to now() step 1s"
    (ready,) = querying.compiled(kql)
    with pytest.raises(EngineError, match=r"^a series would have more than 1,048,576 values"):
        querying.run(runner._telemetry, ready.query.relation)
