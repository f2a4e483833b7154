"""The four tests of the detection page, exactly as it states their telemetry, and each in a form that is an attack.

As stated, no query of the page finds any of them: the docstrings say why, and what was repaired.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from herdsight.simulation import defender
from herdsight.simulation.background import process_id
from herdsight.simulation.behaviours import Behaviour
from herdsight.simulation.behaviours.beacon import Beacon, beacon
from herdsight.simulation.behaviours.outbound import IrcBot, Spreader, irc_bot, opened_by, spreader
from herdsight.simulation.behaviours.relay import Relay, relay
from herdsight.simulation.parameters import Program, about
from herdsight.simulation.sessions import Flows, session_table
from herdsight.simulation.simulated import Simulated

SHELL = "powershell.exe"
LOOPBACK = "127.0.0.1"
TEST_NET_3 = "203.0.113"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTest(Program):
    """A test of the page, run on one workstation."""

    process: str = about(SHELL, "file name of the program that runs the test")
    begins_s: float = about(36_000.0, "when it begins, in seconds from the start")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTest1(PageTest):
    """Test 1: attempts at regular intervals."""

    attempts: int = about(30, "connections that are tried")
    gap_s: float = about(10.0, "seconds between two of them")
    port: int = about(8080, "port where nobody listens")


def page_test_1(test: PageTest1, rng: np.random.Generator) -> Simulated:
    """30 refused connections from powershell.exe to 127.0.0.1:8080, one about every 10 s.

    Loopback passes no sensor, so there are events of the host alone; Sysmon logs the attempts, as the page says. The
    page's first query sees none of it: the address is not Public, a refused connection is no ConnectionSuccess, and 5
    minutes at 360 an hour are too short and too fast.
    """
    at_s = test.begins_s + np.arange(test.attempts) * test.gap_s + rng.uniform(0, 0.3, test.attempts)
    return _of_the_host(test, _local(test, at_s, test.port, "REJ"), rng)


def page_test_1_repaired(bot: Beacon, rng: np.random.Generator) -> Simulated:
    """The beacon of test 1 as one: a public address, connections that succeed, and hours at a slower pace.

    Of the page's numbers only the regularity is left: at one connection in 45 s the rate is 80 an hour, within the 4 to
    120 that it looks for, and six hours are more than its 30 minutes.
    """
    return beacon(bot, rng)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTest2(PageTest):
    """Test 2: one connection in, one out."""

    listens_on: int = about(19_876, "port that is connected to on this host")
    remote: str = about("8.8.8.8", "address that is connected to afterwards")
    port: int = about(53, "its port")
    lag_s: float = about(2.0, "seconds from the one to the other")


def page_test_2(test: PageTest2, rng: np.random.Generator) -> Simulated:
    """A connection on loopback that is accepted on port 19876, then one from powershell.exe to 8.8.8.8:53.

    The page's third query sees no relay: what came in is not from a public address, port 53 is left out of what went
    out, and one pair is fewer than three.
    """
    came = _local(test, np.array([test.begins_s]), test.listens_on, "SF")
    accepted = replace(
        came,
        device="",
        process="",
        accepting_device=test.device,
        accepting_account=test.account,
        accepting_process=test.process,
        accepting_process_id=_id(test),
    )
    went = Flows(
        **opened_by(test),
        at_s=np.array([test.begins_s + test.lag_s]),
        duration_s=0.1,
        destination=test.remote,
        port=test.port,
    )
    out = session_table(went, test.start, rng)
    found = _of_the_host(test, accepted, rng)
    return replace(found, sessions=out)


def page_test_2_repaired(node: Relay, rng: np.random.Generator) -> Simulated:
    """The relay of test 2 as one: what comes in is from public addresses and carries what goes out, again and again.

    It goes out to other ports than 53, and more often than three times; bytes and lifetimes of both sides agree.
    """
    return relay(node, rng)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTest3(PageTest):
    """Test 3: one connection to the port of IRC."""

    port: int = about(6667, "port of IRC")


def page_test_3(test: PageTest3, rng: np.random.Generator) -> Simulated:
    """One connection from powershell.exe to port 6667 of 127.0.0.1.

    No query of the page looks at that port, one event is below each of their thresholds, and loopback is not Public,
    as the page says itself.
    """
    return _of_the_host(test, _local(test, np.array([test.begins_s]), test.port, "REJ"), rng)


def page_test_3_repaired(bot: IrcBot, rng: np.random.Generator) -> Simulated:
    """The bot of test 3 as one: it stays in a channel of a public server for hours, and comes back when it is cut off.

    One connection to a port is not what a bot on IRC looks like: it keeps the link to be given orders.
    """
    return irc_bot(bot, rng)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTest4(PageTest):
    """Test 4: many addresses, one port."""

    destinations: int = about(30, "different addresses, at most 254")
    port: int = about(22, "port that is tried")
    gap_s: float = about(1.0, "seconds between two attempts")


def page_test_4(test: PageTest4, rng: np.random.Generator) -> Simulated:
    """Connections from powershell.exe to port 22 of 30 addresses in 203.0.113.0/24, where nobody answers.

    No query of the page counts distinct addresses. Network and host see attempts alone; Sysmon logs them, as the page
    says. For Defender the documentation network is Reserved, so a rule that asks for Public sees nothing, either.
    """
    count = test.destinations
    at_s = test.begins_s + np.arange(count) * test.gap_s + rng.uniform(0, 0.1, count)
    addresses = np.array([f"{TEST_NET_3}.{number}" for number in range(1, count + 1)], dtype=np.str_)
    flows = Flows(**opened_by(test), at_s=at_s, duration_s=0.0, destination=addresses, port=test.port, state="S0")
    sessions = session_table(flows, test.start, rng)
    reports = _typed(defender.events(sessions), "Reserved")
    unseen = session_table(replace(flows, process="", process_id="", account="", device=""), test.start, rng)
    return Simulated(sessions=unseen, reports=reports, attempts_logged=True)


def page_test_4_repaired(bot: Spreader, rng: np.random.Generator) -> Simulated:
    """The spreader of test 4 as one: public addresses instead of the documentation network, and more of them.

    Some refuse, a few answer, as they do where a bot tries addresses at random.
    """
    return spreader(bot, rng)


def _local(test: PageTest, at_s: "np.typing.NDArray[np.float64]", port: int, state: str) -> Flows:
    """Connections of the host to itself."""
    return replace(
        Flows(**opened_by(test), at_s=at_s, duration_s=0.002, destination=LOOPBACK, port=port, state=state),
        source=LOOPBACK,
        direction="Local",
    )


def _of_the_host(test: PageTest, flows: Flows, rng: np.random.Generator) -> Simulated:
    """What only the host itself sees."""
    events = defender.events(session_table(flows, test.start, rng))
    reports = _typed(_typed(events, "Loopback"), "Loopback", "LocalIPType")
    return Simulated(reports=reports, attempts_logged=True)


def _typed(events: pa.Table, kind: str, column: str = "RemoteIPType") -> pa.Table:
    place = events.schema.get_field_index(column)
    return events.set_column(place, column, pa.repeat(kind, events.num_rows))


def _id(test: PageTest) -> str:
    return process_id(test.source, test.process)


_REPAIRED = "the same as an attack: "

BEHAVIOURS = (
    Behaviour(
        "page-test-1", "test 1 of the page as stated: 30 refused connections to loopback", PageTest1(), page_test_1
    ),
    Behaviour(
        "page-test-1-repaired",
        f"{_REPAIRED}a beacon to a public address that succeeds, for hours",
        Beacon(process=SHELL, port=8080, period_s=45.0, jitter=0.1, days=0.25, failing=0.0),
        page_test_1_repaired,
    ),
    Behaviour("page-test-2", "test 2 of the page as stated: one connection in, one out", PageTest2(), page_test_2),
    Behaviour(
        "page-test-2-repaired",
        f"{_REPAIRED}a relay of public traffic",
        Relay(
            host="10.20.2.17",
            device="ws07.corp.example",
            account="user07",
            process=SHELL,
            listens_on=19_876,
            duration_s=60.0,
        ),
        page_test_2_repaired,
    ),
    Behaviour("page-test-3", "test 3 of the page as stated: one connection to port 6667", PageTest3(), page_test_3),
    Behaviour(
        "page-test-3-repaired",
        f"{_REPAIRED}a bot that stays on a public IRC server",
        IrcBot(process=SHELL),
        page_test_3_repaired,
    ),
    Behaviour(
        "page-test-4", "test 4 of the page as stated: 30 reserved addresses on port 22", PageTest4(), page_test_4
    ),
    Behaviour(
        "page-test-4-repaired",
        f"{_REPAIRED}a spreader among public addresses",
        Spreader(process=SHELL, port=22, destinations=120, length_s=600.0),
        page_test_4_repaired,
    ),
)
