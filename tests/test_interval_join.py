"""A join over a time window gives what pairing every row with every row gives, however the window is written.

The planner rewrites such joins so that no pairs are made. These tests know nothing of the rewrite: they ask queries of
many shapes and compare each answer with a double loop over the same rows. One log holds many devices and most queries
group by device, so that each query is some ninety comparisons; many queries stand in one text, so that the log is read
once for all of them. Times stand on a coarse grid with a few
microseconds of play, so that many pairs fall exactly on the ends of a window and a little to either side of them.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any

import pytest
import reference
from conftest import Writer, json_lines
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import NOON, Key, Row, SetOf, accepted, connection

import herdsight

Pair = tuple[Row, Row]

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)

DEVICES = 90


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a pair: in KQL, and as a predicate on the row that came in and the row that went out."""

    kql: str
    holds: Callable[[Row, Row], bool]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a pair or of a group of pairs: its column name, the KQL that makes it, and the same in Python."""

    name: str
    kql: str
    of: Callable[..., Any]


# --- Windows: how far the second time (`Went`) may stand from the first (`Came`) -------------------------------------


def gap(came: Row, went: Row) -> timedelta:
    difference: timedelta = went["Timestamp"] - came["Timestamp"]
    return difference


WINDOWS = {
    "five minutes after, both ends": Condition(
        "| where Went between (Came .. (Came + 5m))",
        lambda a, b: timedelta(0) <= gap(a, b) <= 5 * MINUTE,
    ),
    "a timespan as the upper end": Condition(
        "| where Went between (Came .. 5m)",
        lambda a, b: timedelta(0) <= gap(a, b) <= 5 * MINUTE,
    ),
    "half open": Condition(
        "| where Went >= Came and Went < Came + 2m",
        lambda a, b: timedelta(0) <= gap(a, b) < 2 * MINUTE,
    ),
    "open below": Condition(
        "| where Went > Came | where Went <= Came + 2m",
        lambda a, b: timedelta(0) < gap(a, b) <= 2 * MINUTE,
    ),
    "open at both ends": Condition(
        "| where Went > Came and Went < Came + 3m",
        lambda a, b: timedelta(0) < gap(a, b) < 3 * MINUTE,
    ),
    "operands the other way round": Condition(
        "| where Came <= Went and Came + 2m >= Went",
        lambda a, b: timedelta(0) <= gap(a, b) <= 2 * MINUTE,
    ),
    "a difference": Condition(
        "| where Went - Came between (0s .. 90s)",
        lambda a, b: timedelta(0) <= gap(a, b) <= 90 * SECOND,
    ),
    "a difference, negated": Condition(
        "| where Came - Went between (-90s .. 0s)",
        lambda a, b: timedelta(0) <= gap(a, b) <= 90 * SECOND,
    ),
    "a difference with a name": Condition(
        "| extend Gap = Went - Came | where Gap >= 0s and Gap <= 2m",
        lambda a, b: timedelta(0) <= gap(a, b) <= 2 * MINUTE,
    ),
    "before": Condition(
        "| where Went between ((Came - 1m) .. Came)",
        lambda a, b: -MINUTE <= gap(a, b) <= timedelta(0),
    ),
    "the first time within the second's window": Condition(
        "| where Came between ((Went - 1m) .. Went)",
        lambda a, b: timedelta(0) <= gap(a, b) <= MINUTE,
    ),
    "on both sides": Condition(
        "| where Went between ((Came - 1m) .. (Came + 2m))",
        lambda a, b: -MINUTE <= gap(a, b) <= 2 * MINUTE,
    ),
    "some time later": Condition(
        "| where Went between ((Came + 1m) .. (Came + 3m))",
        lambda a, b: MINUTE <= gap(a, b) <= 3 * MINUTE,
    ),
    "the same instant": Condition(
        "| where Went == Came",
        lambda a, b: gap(a, b) == timedelta(0),
    ),
    "no width": Condition(
        "| where Went between (Came .. Came)",
        lambda a, b: gap(a, b) == timedelta(0),
    ),
    "empty": Condition(
        "| where Went between ((Came + 1m) .. Came)",
        lambda a, b: False,  # noqa: ARG005  # nothing lies between a later and an earlier instant
    ),
    "one end only": Condition(
        "| where Went >= Came",
        lambda a, b: gap(a, b) >= timedelta(0),
    ),
    "outside": Condition(
        "| where Went !between (Came .. (Came + 5m))",
        lambda a, b: not timedelta(0) <= gap(a, b) <= 5 * MINUTE,
    ),
    "two windows at once": Condition(
        "| where Went between (Came .. (Came + 5m)) and Went between ((Came + 1m) .. (Came + 9m))",
        lambda a, b: MINUTE <= gap(a, b) <= 5 * MINUTE,
    ),
    "either of two windows": Condition(
        "| where Went between (Came .. (Came + 1m)) or Came between (Went .. (Went + 1m))",
        lambda a, b: abs(gap(a, b)) <= MINUTE,
    ),
}

# --- What else may be asked of a pair --------------------------------------------------------------------------------

FURTHER = {
    "nothing": Condition("", lambda a, b: True),  # noqa: ARG005  # every pair will do
    "addresses differ": Condition("| where Source != Target", lambda a, b: a["RemoteIP"] != b["RemoteIP"]),
    "ports differ, null or not": Condition(
        "| where InPort != OutPort", lambda a, b: reference.differs(a["LocalPort"], b["RemotePort"])
    ),
    "two inequalities": Condition(
        "| where Target != Source and InPort != OutPort",
        lambda a, b: a["RemoteIP"] != b["RemoteIP"] and reference.differs(a["LocalPort"], b["RemotePort"]),
    ),
    "names differ in more than case": Condition(
        "| where Source !~ Target", lambda a, b: a["RemoteIP"].lower() != b["RemoteIP"].lower()
    ),
    "ports agree": Condition(
        "| where InPort == OutPort",
        lambda a, b: a["LocalPort"] is not None and a["LocalPort"] == b["RemotePort"],
    ),
    "one side's port is high": Condition(
        "| where OutPort > 1000", lambda _, b: b["RemotePort"] is not None and b["RemotePort"] > 1000
    ),
    "both sides' ports are known": Condition(
        "| where InPort > 0 and OutPort > 0 and Source != Target",
        lambda a, b: None not in {a["LocalPort"], b["RemotePort"]} and a["RemoteIP"] != b["RemoteIP"],
    ),
    "one port is the higher": Condition(
        "| where OutPort > InPort",
        lambda a, b: None not in {a["LocalPort"], b["RemotePort"]} and b["RemotePort"] > a["LocalPort"],
    ),
}

# --- What the pairs are grouped by -----------------------------------------------------------------------------------

DEVICE = Value("DeviceName", "DeviceName", lambda a, _: a["DeviceName"])
RIGHT_DEVICE = Value("DeviceName1", "DeviceName1", lambda _, b: b["DeviceName"])
PROCESS = Value("Process", "Process", lambda _, b: b["InitiatingProcessFileName"])
OUT_PORT = Value("OutPort", "OutPort", lambda _, b: b["RemotePort"])
IN_PORT = Value("InPort", "InPort", lambda a, _: a["LocalPort"])
SOURCE = Value("Source", "Source", lambda a, _: a["RemoteIP"])
TARGET = Value("Target", "Target", lambda _, b: b["RemoteIP"])
CAME_BIN = Value("Came", "bin(Came, 4m)", lambda a, _: reference.bin_start(a["Timestamp"], 4 * MINUTE))
WENT_BIN = Value("Went", "bin(Went, 4m)", lambda _, b: reference.bin_start(b["Timestamp"], 4 * MINUTE))

GROUPINGS: dict[str, tuple[Value, ...]] = {
    "the join key": (DEVICE,),
    "the join key of the right": (RIGHT_DEVICE,),
    "and a column of the right": (DEVICE, PROCESS),
    "and a number of the right": (DEVICE, OUT_PORT),
    "and a column of the left": (DEVICE, IN_PORT),
    "and one of each": (DEVICE, IN_PORT, PROCESS),
    "and the addresses": (DEVICE, SOURCE, TARGET),
    "and the address in": (DEVICE, SOURCE),
    "and the address out": (DEVICE, TARGET),
    "and the time in": (DEVICE, CAME_BIN),
    "and the time out": (DEVICE, WENT_BIN),
    "the process alone": (PROCESS,),
    "nothing": (),
}

# --- What is asked of a group of pairs -------------------------------------------------------------------------------


def column(side: int, name: str) -> Callable[[list[Pair]], Iterator[Any]]:
    return lambda pairs: (pair[side][name] for pair in pairs)


def counted(values: Callable[[list[Pair]], Iterable[Any]]) -> Callable[[list[Pair]], int]:
    return lambda pairs: len(reference.distinct(values(pairs)))


def collected(values: Callable[[list[Pair]], Iterable[Any]], cap: int) -> Callable[[list[Pair]], SetOf]:
    return lambda pairs: SetOf(reference.distinct(values(pairs)), cap)


def least(values: Callable[[list[Pair]], Iterable[Any]]) -> Callable[[list[Pair]], Any]:
    return lambda pairs: reference.smallest(values(pairs))


def greatest(values: Callable[[list[Pair]], Iterable[Any]]) -> Callable[[list[Pair]], Any]:
    return lambda pairs: reference.largest(values(pairs))


PAIRS = Value("Pairs", "count()", len)
SOURCES = Value("Sources", "dcount(Source)", counted(column(0, "RemoteIP")))
TARGETS = Value("Targets", "dcount(Target)", counted(column(1, "RemoteIP")))
IN_PORTS = Value("InPorts", "dcount(InPort)", counted(column(0, "LocalPort")))
SOME_SOURCES = Value("SomeSources", "make_set(Source, 2)", collected(column(0, "RemoteIP"), 2))
ALL_TARGETS = Value("AllTargets", "make_set(Target, 100)", collected(column(1, "RemoteIP"), 100))
SOME_PORTS = Value("SomePorts", "make_set(OutPort, 1)", collected(column(1, "RemotePort"), 1))
ALL_PORTS = Value("AllPorts", "make_set(InPort)", collected(column(0, "LocalPort"), 10**6))
FIRST_CAME = Value("FirstCame", "min(Came)", least(column(0, "Timestamp")))
LAST_CAME = Value("LastCame", "max(Came)", greatest(column(0, "Timestamp")))
FIRST_WENT = Value("FirstWent", "min(Went)", least(column(1, "Timestamp")))
LAST_WENT = Value("LastWent", "max(Went)", greatest(column(1, "Timestamp")))
LOWEST = Value("Lowest", "min(OutPort)", least(column(1, "RemotePort")))
HIGHEST = Value("Highest", "max(InPort)", greatest(column(0, "LocalPort")))
LONGEST = Value("Longest", "max(Went - Came)", greatest(lambda pairs: (gap(a, b) for a, b in pairs)))

AGGREGATES: dict[str, tuple[Value, ...]] = {
    "the count": (PAIRS,),
    "the count and both sets": (PAIRS, SOME_SOURCES, ALL_TARGETS),
    "distinct counts": (SOURCES, TARGETS, IN_PORTS),
    "sets without a count": (ALL_TARGETS, SOME_PORTS, ALL_PORTS),
    "first and last times": (PAIRS, FIRST_CAME, LAST_CAME, FIRST_WENT, LAST_WENT),
    "extremes that may be null": (LOWEST, HIGHEST),
    "a value of the pair itself": (PAIRS, LONGEST),
    "all of them": (PAIRS, SOURCES, TARGETS, SOME_SOURCES, SOME_PORTS, FIRST_WENT, LAST_CAME, LOWEST),
}


# --- Putting a query together, and doing the same by hand ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Log:
    """The rows of a log and the file they stand in."""

    rows: list[Row]
    path: Path


@dataclass(frozen=True, slots=True)
class Question:
    """A query that ends in a blank line, and what it asks: of which pairs, in which groups, which aggregates."""

    kql: str
    pairs: list[Pair]
    groups: Sequence[Value]
    aggregates: Sequence[Value]


CAME_IN = """let came = DeviceNetworkEvents
    | where ActionType == "InboundConnectionAccepted"
    | project DeviceName, Came = Timestamp, Source = RemoteIP, InPort = LocalPort;
"""
WENT_OUT = """let went = DeviceNetworkEvents
    | where ActionType == "ConnectionSuccess"
    | project DeviceName, Went = Timestamp, Target = RemoteIP, OutPort = RemotePort,
              Process = InitiatingProcessFileName;
"""


def summarized(groups: Sequence[Value], aggregates: Sequence[Value]) -> str:
    asked = ", ".join(f"{value.name} = {value.kql}" for value in aggregates)
    by = ", ".join(value.kql for value in groups)
    return f"| summarize {asked}" + (f" by {by}" if by else "")


def naive(pairs: Iterable[Pair], groups: Sequence[Value], aggregates: Sequence[Value]) -> list[Row]:
    """What the query must give: the pairs in groups, and each aggregate over each group."""
    by_group: dict[Key, list[Pair]] = {} if groups else {(): []}  # without `by` there is one row, even of nothing
    for pair in pairs:
        by_group.setdefault(tuple(value.of(*pair) for value in groups), []).append(pair)
    return [
        dict(zip((value.name for value in groups), key, strict=True))
        | {value.name: value.of(members) for value in aggregates}
        for key, members in by_group.items()
    ]


def every_pair(rows: Sequence[Row], *conditions: Condition) -> list[Pair]:
    """Each connection in beside each connection out of the same device, where all the conditions hold."""
    came: dict[str, list[Row]] = {}
    for row in rows:
        if row["ActionType"] == "InboundConnectionAccepted":
            came.setdefault(row["DeviceName"], []).append(row)
    went = (row for row in rows if row["ActionType"] == "ConnectionSuccess")
    candidates = ((a, b) for b in went for a in came.get(b["DeviceName"], ()))
    return [(a, b) for a, b in candidates if all(condition.holds(a, b) for condition in conditions)]


def disagreements(log: Log, questions: Mapping[str, Question]) -> dict[str, tuple[Any, Any]]:
    """The questions whose answers are not the naive ones, each with both."""
    answers = herdsight.query_all("\n".join(question.kql for question in questions.values()), [log.path])
    found: dict[str, tuple[Any, Any]] = {}
    for (name, question), answer in zip(questions.items(), answers, strict=True):
        columns = [value.name for value in (*question.groups, *question.aggregates)]
        if answer.table.column_names != columns:
            found[name] = answer.table.column_names, columns
            continue
        keys = columns[: len(question.groups)]
        given = reference.by_key(reference.rows_of(answer.table), keys)
        wanted = reference.by_key(naive(question.pairs, question.groups, question.aggregates), keys)
        if given != wanted:
            found[name] = given, wanted
    return found


def random_rows(dice: random.Random, devices: int) -> list[Row]:
    """Few connections on each of many devices, with values drawn from so few that all kinds of ties come up."""

    def moment() -> datetime:
        return NOON + dice.randrange(20) * 30 * SECOND + dice.choice((-1, 0, 0, 0, 0, 1)) * MICROSECOND

    def port() -> int | None:
        return dice.choice((None, 22, 4444, 8080))

    def address() -> str:
        return dice.choice(("203.0.113.1", "203.0.113.2", "203.0.113.3", "2001:db8::A", "2001:DB8::a"))

    rows = []
    for number in range(devices):
        device = f"desk-{number}"
        rows += [
            accepted(moment(), DeviceName=device, RemoteIP=address(), LocalPort=port())
            for _ in range(dice.randrange(8))
        ]
        rows += [
            connection(
                moment(),
                DeviceName=device,
                RemoteIP=address(),
                RemotePort=port(),
                InitiatingProcessFileName=dice.choice(("", "a.exe", "b.exe")),
            )
            for _ in range(dice.randrange(8))
        ]
    dice.shuffle(rows)
    return rows


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    rows = random_rows(reference.dice(20), DEVICES)
    path = tmp_path_factory.mktemp("interval") / "connections.json"
    path.write_text(json_lines(rows), encoding="utf-8")
    return Log(rows, path)


# --- The tests -------------------------------------------------------------------------------------------------------


def test_the_log_has_pairs_on_the_ends_of_the_windows_and_right_beside_them(log: Log) -> None:
    gaps = {gap(a, b) for a, b in every_pair(log.rows)}
    ends = (timedelta(0), MINUTE, -MINUTE, 90 * SECOND, 2 * MINUTE, 3 * MINUTE, 5 * MINUTE)
    assert gaps >= {end + play for end in ends for play in (-MICROSECOND, timedelta(0), MICROSECOND)}


def combination(log: Log, window: str, further: str, grouping: str, aggregates: str) -> Question:
    conditions = WINDOWS[window], FURTHER[further]
    groups, asked = GROUPINGS[grouping], AGGREGATES[aggregates]
    wheres = "\n".join(condition.kql for condition in conditions if condition.kql)
    kql = f"{CAME_IN}{WENT_OUT}came\n| join kind=inner went on DeviceName\n{wheres}\n{summarized(groups, asked)}\n"
    return Question(kql, every_pair(log.rows, *conditions), groups, asked)


def taking_turns(names: Iterable[str], turn: int) -> Iterator[str]:
    """The names over and over, starting at another one each turn, so that all of them meet."""
    return islice(cycle(names), turn, None)


@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_with_every_further_condition(log: Log, window: str) -> None:
    turn = list(WINDOWS).index(window)
    others = zip(FURTHER, taking_turns(GROUPINGS, turn), taking_turns(AGGREGATES, turn), strict=False)
    questions = {" / ".join(names): combination(log, window, *names) for names in others}
    assert len(questions) == len(FURTHER)
    assert disagreements(log, questions) == {}


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_every_grouping_with_every_aggregate(log: Log, grouping: str) -> None:
    turn = list(GROUPINGS).index(grouping)
    others = zip(taking_turns(WINDOWS, turn), taking_turns(FURTHER, turn), AGGREGATES, strict=False)
    questions = {
        f"{window} / {further} / {aggregates}": combination(log, window, further, grouping, aggregates)
        for window, further, aggregates in others
    }
    assert len(questions) == len(AGGREGATES)
    assert disagreements(log, questions) == {}


WITHIN_FIVE = WINDOWS["five minutes after, both ends"]
ELSEWHERE = FURTHER["addresses differ"]
ASKED = (PAIRS, SOME_SOURCES, ALL_TARGETS, FIRST_CAME, LAST_WENT)
ASKED_OF_PROCESS = summarized((DEVICE, PROCESS), ASKED)

SHAPES = {
    "the connections out on the left": f"""{CAME_IN}{WENT_OUT}went
| join kind=inner came on DeviceName
| where Went between (Came .. (Came + 5m))
| where Target != Source
{ASKED_OF_PROCESS}
""",
    "both conditions in one": f"""{CAME_IN}{WENT_OUT}came
| join kind=inner went on DeviceName
| where Source != Target and Went between (Came .. (Came + 5m))
{ASKED_OF_PROCESS}
""",
    "the difference of addresses as not()": f"""{CAME_IN}{WENT_OUT}came
| join kind=inner went on DeviceName
| where Went between (Came .. (Came + 5m)) and not(Source == Target)
{ASKED_OF_PROCESS}
""",
    "keys named by side": f"""{CAME_IN}{WENT_OUT}came
| join kind=inner (went | project-rename Host = DeviceName) on $left.DeviceName == $right.Host
| where Went between (Came .. (Came + 5m)) and Source != Target
{ASKED_OF_PROCESS}
""",
    "two keys": f"""
let came = DeviceNetworkEvents
    | where ActionType == "InboundConnectionAccepted"
    | project DeviceName, Host = LocalIP, Came = Timestamp, Source = RemoteIP;
let went = DeviceNetworkEvents
    | where ActionType == "ConnectionSuccess"
    | project DeviceName, Host = LocalIP, Went = Timestamp, Target = RemoteIP, Process = InitiatingProcessFileName;
came
| join kind=inner went on DeviceName, Host
| where Went between (Came .. (Came + 5m)) and Source != Target
{ASKED_OF_PROCESS}
""",
    "columns with the same names on both sides": """
DeviceNetworkEvents
| where ActionType == "InboundConnectionAccepted"
| project DeviceName, Timestamp, RemoteIP
| join kind=inner (
    DeviceNetworkEvents
    | where ActionType == "ConnectionSuccess"
    | project DeviceName, Timestamp, RemoteIP, Process = InitiatingProcessFileName
  ) on DeviceName
| where Timestamp1 between (Timestamp .. (Timestamp + 5m))
| where RemoteIP != RemoteIP1
| summarize Pairs = count(), SomeSources = make_set(RemoteIP, 2), AllTargets = make_set(RemoteIP1, 100),
            FirstCame = min(Timestamp), LastWent = max(Timestamp1)
         by DeviceName, Process
""",
    "whole rows joined": """
DeviceNetworkEvents
| where ActionType == "InboundConnectionAccepted"
| join kind=inner (DeviceNetworkEvents | where ActionType == "ConnectionSuccess") on DeviceName
| where Timestamp1 between (Timestamp .. (Timestamp + 5m)) and RemoteIP != RemoteIP1
| summarize Pairs = count(), SomeSources = make_set(RemoteIP, 2), AllTargets = make_set(RemoteIP1, 100),
            FirstCame = min(Timestamp), LastWent = max(Timestamp1)
         by DeviceName, Process = InitiatingProcessFileName1
""",
    "columns renamed after the join": f"""{CAME_IN}{WENT_OUT}came
| join kind=inner went on DeviceName
| project DeviceName, Process, From = Source, To = Target, Start = Came, End = Went
| where End between (Start .. (Start + 5m)) and From != To
| summarize Pairs = count(), SomeSources = make_set(From, 2), AllTargets = make_set(To, 100),
            FirstCame = min(Start), LastWent = max(End)
         by DeviceName, Process
""",
    "a window from let": f"""{CAME_IN}{WENT_OUT}let step = 2m;
let reach = 2 * step + 60s;
came
| join kind=inner went on DeviceName
| where Went between (Came .. Came + reach) and Source != Target
{ASKED_OF_PROCESS}
""",
    "the window's end worked out before the join": f"""{CAME_IN}{WENT_OUT}came
| extend Until = Came + 5m
| join kind=inner went on DeviceName
| where Went between (Came .. Until) and Source != Target
{ASKED_OF_PROCESS}
""",
    "conditions before the join that keep everything": f"""{CAME_IN}{WENT_OUT}came
| where isnotempty(DeviceName)
| join kind=inner (went | where Went > datetime(2000-01-01)) on DeviceName
| where Went between (Came .. (Came + 5m)) and Source != Target
{ASKED_OF_PROCESS}
""",
    "a filter and an order after it": f"""{CAME_IN}{WENT_OUT}came
| join kind=inner went on DeviceName
| where Went between (Came .. (Came + 5m)) and Source != Target
{ASKED_OF_PROCESS}
| where Pairs >= 1
| sort by Pairs desc
""",
}


def test_the_same_question_in_other_words(log: Log) -> None:
    pairs = every_pair(log.rows, WITHIN_FIVE, ELSEWHERE)
    assert len(pairs) > DEVICES
    questions = {shape: Question(kql, pairs, (DEVICE, PROCESS), ASKED) for shape, kql in SHAPES.items()}
    assert disagreements(log, questions) == {}


def test_a_table_joined_with_itself_pairs_each_row_with_itself_too(log: Log) -> None:
    kql = """
let seen = DeviceNetworkEvents | project DeviceName, At = Timestamp, RemoteIP;
seen
| join kind=inner seen on DeviceName
| where At1 between (At .. (At + 1m))
| summarize Pairs = count(), Sources = dcount(RemoteIP) by DeviceName
"""
    mates = [(a, b) for a in log.rows for b in log.rows if a["DeviceName"] == b["DeviceName"]]
    pairs = [(a, b) for a, b in mates if timedelta(0) <= gap(a, b) <= MINUTE]
    assert disagreements(log, {"itself": Question(kql, pairs, (DEVICE,), (PAIRS, SOURCES))}) == {}


@pytest.mark.parametrize("order", ["by time", "shuffled"])
def test_one_crowded_device(json_log: Writer, order: str) -> None:
    dice = reference.dice(5)
    rows = [{**row, "DeviceName": "desk"} for row in random_rows(dice, 60)]
    rows.sort(key=lambda row: row["Timestamp"])
    if order == "shuffled":
        dice.shuffle(rows)
    log = Log(rows, json_log(rows))
    questions = {
        " / ".join(names): combination(log, *names)
        for names in product(
            ("five minutes after, both ends", "half open", "before", "on both sides"),
            ("nothing", "addresses differ", "ports differ, null or not"),
            ("the join key", "and a column of the right"),
            ("all of them",),
        )
    }
    assert disagreements(log, questions) == {}


# --- Tables written into the query, with times that are null ---------------------------------------------------------

TIMES = st.one_of(
    st.none(),
    st.builds(
        lambda minutes, play: NOON + minutes * MINUTE + play * MICROSECOND,
        st.integers(0, 8),
        st.sampled_from((-1, 0, 0, 1)),
    ),
)
PORTS = st.sampled_from((None, 22, 80))
ADDRESSES = st.sampled_from(("", "a", "b"))
SIDES = st.lists(
    st.fixed_dictionaries(
        {"DeviceName": st.sampled_from(("", "x", "y")), "At": TIMES, "RemoteIP": ADDRESSES, "Port": PORTS}
    ),
    max_size=9,
)


def literal(value: Any) -> str:
    """The value as KQL writes it; the columns with nulls here are datetimes and longs."""
    if isinstance(value, datetime):
        return f"datetime({value.isoformat(timespec='microseconds')}Z)"
    return f'"{value}"' if isinstance(value, str) else str(value)


def table(rows: Iterable[Row], names: Sequence[str]) -> str:
    """The rows as a `datatable` of device, time, address and port."""
    nulls = {"At": "datetime(null)", "Port": "long(null)"}
    values = ((name, row[name]) for row in rows for name in ("DeviceName", "At", "RemoteIP", "Port"))
    cells = (nulls[name] if value is None else literal(value) for name, value in values)
    device, at, address, port = names
    return f"datatable({device}: string, {at}: datetime, {address}: string, {port}: long) [{', '.join(cells)}]"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(came=SIDES, went=SIDES, further=st.sampled_from(("nothing", "addresses differ", "ports differ, null or not")))
def test_a_null_time_lies_in_no_window(came: list[Row], went: list[Row], further: str) -> None:
    groups = (DEVICE,)
    asked = (PAIRS, SOURCES, ALL_TARGETS, FIRST_CAME, LAST_WENT, LOWEST)
    kql = f"""
let came = {table(came, ("DeviceName", "Came", "Source", "InPort"))};
let went = {table(went, ("DeviceName", "Went", "Target", "OutPort"))};
came
| join kind=inner went on DeviceName
| where Went between (Came .. (Came + 5m))
{FURTHER[further].kql}
{summarized(groups, asked)}
"""
    left = [{**row, "Timestamp": row["At"], "LocalPort": row["Port"]} for row in came]
    right = [{**row, "Timestamp": row["At"], "RemotePort": row["Port"]} for row in went]
    pairs = [
        (a, b)
        for a in left
        for b in right
        if a["DeviceName"] == b["DeviceName"]
        and None not in {a["At"], b["At"]}
        and WITHIN_FIVE.holds(a, b)
        and FURTHER[further].holds(a, b)
    ]
    answer = reference.rows_of(herdsight.query(kql))
    assert reference.by_key(answer, ["DeviceName"]) == reference.by_key(naive(pairs, groups, asked), ["DeviceName"])


PAIRING = """
let came = datatable(CameAt: datetime, K: string, From: string)
    [datetime(2024-01-01 00:00:00), "a", "x", datetime(2024-01-01 00:01:00), "a", "y"];
let went = datatable(WentAt: datetime, K: string, To: string)
    [datetime(2024-01-01 00:00:10), "{key}", "p", datetime(2024-01-01 00:01:10), "{key}", "q"];
came | join kind=inner went on K | where WentAt between (CameAt .. (CameAt + 5m)) | summarize {what}
"""


@pytest.mark.parametrize(
    ("what", "key", "expected"),
    [
        ("Sources = dcount(From)", "a", {"Sources": 2}),
        ("Sources = dcount(From)", "none", {"Sources": 0}),
        ("Targets = dcount(To)", "a", {"Targets": 2}),
        ("Targets = dcount(To)", "none", {"Targets": 0}),
        ("Pairs = count()", "none", {"Pairs": 0}),
        ("First = min(CameAt), Pairs = count()", "none", {"First": None, "Pairs": 0}),
    ],
)
def test_without_groups_there_is_one_row_also_where_nothing_pairs(
    what: str, key: str, expected: dict[str, object]
) -> None:
    assert herdsight.query(PAIRING.format(what=what, key=key)).to_pylist() == [expected]
