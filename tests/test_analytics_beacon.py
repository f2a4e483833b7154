"""Beacons: what is a timer and what is chance, on series whose truth is known; and what speaks for a bot."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sights import sight

from herdsight.analytics import Candidate, Found
from herdsight.analytics.beacon import BEACON, SCALES, TIMES, question, timings
from herdsight.analytics.memoryless import LEAST, evenness, log10_tail

NOON = datetime(2026, 5, 31, 12)  # noqa: DTZ001 UTC
SESSIONS, REQUESTS = "ASimNetworkSessionLogs", "ASimWebSessionLogs"
DAY = 86_400.0


def session(seconds: float, **values: Any) -> dict[str, Any]:
    """A session of an inside host with a place outside."""
    return {
        "TimeGenerated": NOON + timedelta(seconds=seconds),
        "EventType": "NetworkSession",
        "NetworkDirection": "Outbound",
        "NetworkProtocol": "TCP",
        "EventResult": "Success",
        "SrcIpAddr": "10.0.0.5",
        "DstIpAddr": "203.0.113.9",
        "DstPortNumber": 443,
        **values,
    }


def sessions(times: Iterable[float], **values: Any) -> list[dict[str, Any]]:
    return [session(float(time), **values) for time in times]


def found(rows: Sequence[dict[str, Any]], **known: Any) -> Found:
    with sight(BEACON, {SESSIONS: rows}, **known) as seen:
        return BEACON.find(seen)


def only(rows: Sequence[dict[str, Any]], **known: Any) -> Candidate:
    (candidate,) = found(rows, **known).candidates
    return candidate


def says(candidate: Candidate, part: str) -> bool:
    return any(part in clue.says for clue in candidate.clues)


# --- the null hypothesis --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [5, 20, 60, 300])
@pytest.mark.parametrize("p", [0.1, 0.01, 0.001])
def test_chance_is_called_no_chance_at_most_as_often_as_its_p_value_says(count: int, p: float) -> None:
    # Exponential idle times, whose rate changes by a factor of ten over the series, as a day's does.
    random = np.random.default_rng(count)
    idle = random.exponential(size=(40_000, count + 1)) * np.geomspace(1, 10, count + 1)
    x = ((idle[:, 1:] - idle[:, :-1]) / (idle[:, 1:] + idle[:, :-1])) ** 2
    tails = log10_tail(x.mean(axis=1), np.full(len(x), float(count)))
    assert (tails < np.log10(p)).mean() <= p * 1.1 + 2e-4  # what 40,000 series can show


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 10**7))
def test_tails_are_probabilities_and_fall_as_times_get_more_even(means: list[float], count: int) -> None:
    tails = log10_tail(np.array(sorted(means)), np.full(len(means), float(count)))
    assert np.isfinite(tails).all()
    assert (tails <= 0).all()
    assert (
        np.diff(tails) >= -0.05
    ).all()  # where the normal form takes over from the saddlepoint, they differ a little


# --- series ---------------------------------------------------------------------------------------------------------


def naive(times: Sequence[float], burst: float) -> tuple[int, float] | None:
    """Neighbours and the mean of x, written down one by one; None where the scale says nothing."""
    idle = [later - earlier - burst for earlier, later in pairwise(times) if later - earlier > burst]
    x = [((b - a) / (b + a)) ** 2 for a, b in pairwise(idle)]
    is_said = len(x) >= LEAST and 2 * sum(each >= 2 * burst for each in idle) >= len(idle)
    return (len(x), sum(x) / len(x)) if is_said else None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(0.01, 4_000), min_size=6, max_size=40), min_size=1, max_size=4))
def test_evenness_is_what_its_definition_says(series: list[list[float]]) -> None:
    gaps = np.array([gap for each in series for gap in each])
    own = np.repeat(np.arange(len(series)), [len(each) for each in series])
    even = evenness(gaps, own, len(series), SCALES, np.zeros(len(series)))
    for number, each in enumerate(series):
        times = np.cumsum([0.0, *each]).tolist()
        said = {burst: naive(times, burst) for burst in SCALES}
        tails = {
            burst: float(log10_tail(np.array([told[1]]), np.array([float(told[0])]))[0]) + np.log10(len(SCALES))
            for burst, told in said.items()
            if told
        }
        best = min([0.0, *tails.values()])
        assert even.log10_p[number] == pytest.approx(best, abs=1e-6) or best > -1


@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.3, 0.5])
@pytest.mark.parametrize(("period", "days"), [(10, 1), (60, 1), (300, 1), (1_800, 1), (3_600, 1), (21_600, 7)])
def test_a_timer_is_found_whatever_its_period_and_jitter(period: float, days: int, jitter: float) -> None:
    random = np.random.default_rng([int(period), int(10 * jitter)])
    rows = []
    for number in range(20):
        gaps = period * random.uniform(1 - jitter, 1 + jitter, size=int(days * DAY / period))
        rows += sessions(np.cumsum(gaps), DstIpAddr=f"203.0.113.{number}")
    hits = [each for each in found(rows).candidates if each.p_value < 0.01 * days / 20]
    assert len(hits) == 20


@pytest.mark.parametrize("burst", [2, 5])
def test_several_connections_a_check_in_are_one(burst: int) -> None:
    random = np.random.default_rng(burst)
    starts = np.cumsum(300 * random.uniform(0.7, 1.3, size=288))
    times = (starts[:, None] + np.sort(random.uniform(0, 1.5, size=(288, burst)), axis=1)).ravel()
    candidate = only(sessions(times))
    assert candidate.p_value < 1e-20
    assert float(str(candidate.numbers["period_s"])) == pytest.approx(300, rel=0.1)


def test_a_night_without_power_and_a_changed_sleep_do_not_hide_a_timer() -> None:
    random = np.random.default_rng(3)
    evening = np.cumsum(60 * random.uniform(0.8, 1.2, size=120))
    morning = 50_000 + np.cumsum(600 * random.uniform(0.8, 1.2, size=30))
    assert only(sessions([*evening, *morning])).p_value < 1e-10


def human(kind: str, count: int, random: np.random.Generator) -> Any:
    """Times of one day at which people, and what they start, make connections."""
    match kind:
        case "poisson":
            return random.uniform(0, DAY, count)
        case "bursty":
            return random.uniform(0, DAY, count // 8 + 1)[:, None] + random.exponential(3, (count // 8 + 1, 8))
        case "diurnal":
            return DAY * random.beta(4, 3, count)
        case _:
            return np.cumsum(random.lognormal(3, 1.5, count))


@pytest.mark.parametrize("kind", ["poisson", "bursty", "diurnal", "lognormal"])
def test_what_people_do_is_no_timer(kind: str) -> None:
    random = np.random.default_rng(len(kind))
    rows = []
    for number in range(80):
        count = int(random.integers(20, 400))
        times = human(kind, count, random)
        rows += sessions(np.ravel(times), DstIpAddr=f"198.51.100.{number}")
    allowed = 0.01 / 80  # the default level, for one host over one day
    assert sum(each.p_value <= allowed for each in found(rows).candidates) <= 1


def test_times_in_whole_seconds_do_not_make_chance_even() -> None:
    random = np.random.default_rng(5)
    times = np.floor(random.uniform(0, 3_600, size=2_000))  # a gap of one or two seconds, most of them
    assert not [each for each in found(sessions(times)).candidates if each.p_value < 1e-3]


# --- what is left out -----------------------------------------------------------------------------------------------


CLOCK = [60.0 * number + 0.001 * (number % 7) for number in range(60)]


@pytest.mark.parametrize(
    "values",
    [
        {"DstPortNumber": 123},
        {"NetworkDirection": "Inbound"},
        {"NetworkDirection": "Local"},
        {"NetworkProtocol": "ICMP"},
        {"EventType": "IDS"},
        {"EventCount": 40},  # a report on many
    ],
)
def test_what_is_asked_by_a_timer_by_design_is_not_tested(values: dict[str, Any]) -> None:
    assert found(sessions(CLOCK, **values)) == Found(0, 0, ())


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [session(0)],
        [session(0)] * 50,  # all at one instant
        sessions([0, 0, 0, 60, 60, 60, 120, 120, 120]),
        sessions(CLOCK[:10], SrcBytes=2**63 - 1, DstBytes=-5),
        sessions(CLOCK[:10], SrcIpAddr="2001:db8::5", DstIpAddr="2001:db8:ffff::9"),
        sessions(CLOCK[:10], DstPortNumber=None),
        sessions([*CLOCK[:10], -1e9, 1e9]),
    ],
)
def test_odd_logs_give_numbers_and_no_exception(rows: list[dict[str, Any]]) -> None:
    for each in found(rows).candidates:
        assert 0 <= each.p_value <= 1
        assert 0 <= each.probability <= 1
        assert all(value == value for value in each.numbers.values())  # noqa: PLR0124 no NaN


# --- what speaks for and against a bot ------------------------------------------------------------------------------


def test_a_timer_alone_is_more_often_honest() -> None:
    assert only(sessions(CLOCK)).probability == pytest.approx(1 / 11)  # ten to one


def test_calls_that_fail_to_a_port_of_no_service_are_a_bots() -> None:
    candidate = only(sessions(CLOCK, EventResult="Failure", DstPortNumber=1177))
    assert says(candidate, "fail")
    assert says(candidate, "port 1177")
    assert candidate.probability == pytest.approx(10 / 11)


def test_a_lookup_counts_only_where_the_logs_would_show_it() -> None:
    asked = {"10.0.0.5": (NOON, NOON + timedelta(hours=1))}
    assert says(only(sessions(CLOCK), asks=asked), "no lookup")
    assert not says(only(sessions(CLOCK), asks=asked, names={"203.0.113.9": ("a.example",)}), "no lookup")
    assert not says(only(sessions(CLOCK)), "no lookup")
    another_day = {"10.0.0.5": (NOON - timedelta(days=9), NOON - timedelta(days=8))}
    assert not says(only(sessions(CLOCK), asks=another_day), "no lookup")


def test_sizes_that_are_all_alike_speak_for_it() -> None:
    alike = [row | {"SrcBytes": 500 + number % 3, "DstBytes": 900} for number, row in enumerate(sessions(CLOCK))]
    other = [row | {"SrcBytes": 500 * (number % 5 + 1), "DstBytes": 900} for number, row in enumerate(sessions(CLOCK))]
    assert says(only(alike), "sizes are all alike")
    assert not says(only(other), "sizes are all alike")


@pytest.mark.parametrize(
    ("rows", "names", "says_so"),
    [
        (sessions(CLOCK, DstPortNumber=8883), {}, "MQTT"),
        (sessions(CLOCK), {"203.0.113.9": ("settings-win.data.microsoft.com",)}, "Microsoft"),
        (
            [
                row
                for peer in range(8)
                for row in sessions(CLOCK, DstIpAddr=f"192.0.2.{peer}", DstPortNumber=51413 + peer)
            ],
            {},
            "peer-to-peer",
        ),
        ([row for host in range(12) for row in sessions(CLOCK, SrcIpAddr=f"10.0.1.{host}")], {}, "12 of 12 hosts"),
    ],
)
def test_honest_timers_are_explained(rows: list[dict[str, Any]], names: dict[str, Any], says_so: str) -> None:
    for each in found(rows, names=names).candidates:
        assert says_so in str(each.explained_by)


@pytest.mark.parametrize(
    ("period", "calls", "weight"), [(0.1, 200, 0), (3.01, 30, 1.0), (30, 30, 0.5), (30, 200, 1.0), (90, 200, 0)]
)
def test_new_connections_within_seconds_speak_for_it(period: float, calls: int, weight: float) -> None:
    clues = only(sessions(period * number for number in range(calls))).clues
    assert sum(each.weight for each in clues if "a new connection every" in each.says) == weight


def test_a_name_that_only_looks_like_a_known_one_explains_nothing() -> None:
    assert only(sessions(CLOCK), names={"203.0.113.9": ("microsoft.com.evil.example",)}).explained_by is None


@pytest.mark.parametrize(
    ("name", "part", "weight"),
    [
        ("www.wikipedia.org", "is a popular name", -1.0),
        ("c2.qzxv-panel.example", "no popular domain", 1.3),
        ("qzxv.duckdns.org", "dynamic DNS", 0.7),
    ],
)
def test_names_speak_for_and_against(name: str, part: str, weight: float) -> None:
    clues = only(sessions(CLOCK), names={"203.0.113.9": (name,)}).clues
    assert [each.weight for each in clues if part in each.says] == [weight]


def test_a_timer_that_never_sleeps_is_told_from_one_of_a_working_day() -> None:
    assert says(only(sessions(600.0 * number for number in range(130))), "day and night")
    assert not says(only(sessions(600.0 * number for number in range(48))), "day and night")
    two_days = [*range(40), *range(144, 184)]
    assert not says(only(sessions(600.0 * number for number in two_days)), "day and night")


def test_behind_a_proxy_the_place_is_the_name() -> None:
    rows = [
        {
            "TimeGenerated": NOON + timedelta(seconds=time),
            "NetworkDirection": "Local",
            "SrcIpAddr": "10.0.0.5",
            "DstIpAddr": "10.0.0.2",
            "DstPortNumber": 3128,
            "HttpHost": name,
            "EventResult": "Success",
        }
        for name, times in (
            ("C2.example", CLOCK),
            ("www.example", np.random.default_rng(1).uniform(0, 3_600, 60).tolist()),
        )
        for time in times
    ]
    with sight(BEACON, {REQUESTS: rows}) as seen:
        (candidate,) = [each for each in BEACON.find(seen).candidates if each.p_value < 1e-6]
    assert candidate.domains == ("c2.example",)
    assert candidate.evidence.table == REQUESTS


def test_each_series_is_told_once_at_its_best_scale() -> None:
    with sight(BEACON, {SESSIONS: sessions(CLOCK)}) as seen:
        (timing,) = timings(seen.run(question(seen, TIMES))).values()
    assert timing.period == pytest.approx(60, abs=0.1)
